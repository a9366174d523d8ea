//! The guardian: parent of the harness and adoptive parent of every orphan.
//!
//! It has a single thread and does nothing but wait: for the harness's end, for orphans to reap, for signals to hand on,
//! and for the end of the outer process or of the lifeline.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::process_table;

/// The status with which a run ends whose owner is gone; nobody is left to read it.
const ABANDONED: i32 = 130;

/// Behind proxies: how long killed processes may take to die.
const SWEEP_MAX: Duration = Duration::from_secs(5);

/// What the guardian watches.
pub(super) struct Watch {
    /// Its only child by birth.
    pub(super) harness: Pid,
    /// Reaches end of file when the outer process is gone.
    pub(super) outer: OwnedFd,
    /// Whether standard input must stay open.
    pub(super) lifeline: bool,
    /// Whether this is PID 1 of a namespace; otherwise it is a subreaper.
    pub(super) private: bool,
    /// The blocked signals: SIGCHLD, SIGINT, SIGTERM.
    pub(super) signals: SigSet,
}

/// Watches until the run is over, then exits with the harness's status.
pub(super) fn watch(watch: &Watch) -> ! {
    let status = SignalFd::with_flags(&watch.signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
        .map_or(ABANDONED, |signals| wait_for_end(watch, &signals));
    if !watch.private {
        sweep_descendants();
    }
    std::process::exit(status)
}

fn wait_for_end(watch: &Watch, signals: &SignalFd) -> i32 {
    let stdin = std::io::stdin();
    loop {
        let mut watched = vec![
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            // No event asked for: only the hang-up is of interest.
            PollFd::new(watch.outer.as_fd(), PollFlags::empty()),
        ];
        if watch.lifeline {
            watched.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut watched, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            Err(_) => return ABANDONED,
            Ok(_) => {}
        }
        let ready: Vec<bool> = watched.iter().map(|fd| fd.any().unwrap_or(true)).collect();
        let hung_up = watched[1].revents().is_some_and(|events| !events.is_empty());
        if hung_up || (watch.lifeline && ready[2] && super::jail::lifeline_ended()) {
            return ABANDONED;
        }
        while let Ok(Some(signal)) = signals.read_signal() {
            if signal.ssi_signo != Signal::SIGCHLD as u32
                && let Ok(signal) =
                    i32::try_from(signal.ssi_signo).map_err(drop).and_then(|n| n.try_into().map_err(drop))
            {
                let _: Result<(), Errno> = kill(watch.harness, Some::<Signal>(signal));
            }
        }
        if let Some(status) = reap(watch.harness) {
            return status;
        }
    }
}

/// Reaps everything that has ended; the harness's exit status if it was among them.
fn reap(harness: Pid) -> Option<i32> {
    let mut status = None;
    loop {
        match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == harness => status = Some(code),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == harness => status = Some(128 + signal as i32),
            Ok(WaitStatus::StillAlive) => return status,
            Err(Errno::EINTR) | Ok(_) => {}
            Err(_) => return status,
        }
    }
}

/// Kills every descendant until none is left: killing a parent hands its children to this process, which finds them in
/// the next round.
fn sweep_descendants() {
    let begin = Instant::now();
    let me = nix::unistd::getpid().as_raw();
    while begin.elapsed() < SWEEP_MAX {
        let descendants = process_table::descendants(me);
        for pid in &descendants {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        let _ = reap(Pid::from_raw(0));
        if descendants.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
