//! A thread that lives in the network namespace of a place, with a runtime whose sockets therefore live there too.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use nix::sched::{CloneFlags, unshare};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::super::EnvironmentError;
use super::super::os::Doing;
use super::interface;

/// Whether a place has a network of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::environment) enum Separation {
    /// A network namespace of its own, held by the thread and by a descriptor.
    Namespace,
    /// The network of the harness (behind proxies).
    None,
}

/// The running thread. Dropping it ends the runtime with all its tasks.
pub(in crate::environment) struct PlaceThread {
    handle: Handle,
    namespace: Option<Arc<OwnedFd>>,
    // Dropping the sender is the signal to end.
    _end: oneshot::Sender<()>,
}

/// A thread that is starting.
pub(in crate::environment) struct Starting<T>(Receiver<Result<(PlaceThread, T), EnvironmentError>>);

impl PlaceThread {
    /// Starts the thread, makes its namespace, and runs `set_up` in it. Namespaces are slow to make, so start all of
    /// them before waiting for the first.
    pub(in crate::environment) fn start<T: Send + 'static>(
        name: String,
        separation: Separation,
        set_up: impl FnOnce() -> Result<T, EnvironmentError> + Send + 'static,
    ) -> Result<Starting<T>, EnvironmentError> {
        let (report, result) = sync_channel(1);
        std::thread::Builder::new()
            .name(name.clone())
            .spawn(move || match prepare(separation, set_up) {
                Ok((runtime, namespace, value)) => {
                    let (end, ended) = oneshot::channel::<()>();
                    let thread = Self { handle: runtime.handle().clone(), namespace, _end: end };
                    if report.send(Ok((thread, value))).is_ok() {
                        // Either way it is over.
                        let _ = runtime.block_on(ended);
                    }
                    runtime.shutdown_background();
                }
                Err(error) => {
                    // Who started it may have given up on the others' errors.
                    let _ = report.send(Err(error));
                }
            })
            .doing(format!("start the thread {name}"))?;
        Ok(Starting(result))
    }

    /// The runtime of the place.
    pub(in crate::environment) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The namespace of the place.
    pub(in crate::environment) fn namespace(&self) -> Option<Arc<OwnedFd>> {
        self.namespace.clone()
    }

    /// Runs something in the place's namespace and waits for it. Not to be called from the thread itself.
    pub(in crate::environment) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, EnvironmentError> + Send + 'static,
    ) -> Result<T, EnvironmentError> {
        let (report, result) = sync_channel(1);
        self.handle.spawn(async move {
            // Who asked is waiting; it cannot have gone.
            let _ = report.send(work());
        });
        result.recv().unwrap_or_else(|_| Err(ended()))
    }
}

impl<T> Starting<T> {
    /// Waits until the place is set up.
    pub(in crate::environment) fn wait(self) -> Result<(PlaceThread, T), EnvironmentError> {
        self.0.recv().unwrap_or_else(|_| Err(ended()))
    }
}

fn ended() -> EnvironmentError {
    EnvironmentError::Os {
        context: "use the thread of a place".to_owned(),
        source: std::io::Error::other("the thread has ended"),
    }
}

type Prepared<T> = (tokio::runtime::Runtime, Option<Arc<OwnedFd>>, T);

fn prepare<T>(
    separation: Separation,
    set_up: impl FnOnce() -> Result<T, EnvironmentError>,
) -> Result<Prepared<T>, EnvironmentError> {
    let namespace = match separation {
        Separation::Namespace => {
            unshare(CloneFlags::CLONE_NEWNET).doing("make a network namespace")?;
            interface::apply_settings();
            interface::loopback_up()?;
            let namespace = File::open("/proc/thread-self/ns/net").doing("open a network namespace")?;
            Some(Arc::new(namespace.into()))
        }
        Separation::None => None,
    };
    let value = set_up()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing("start a runtime")?;
    Ok((runtime, namespace, value))
}
