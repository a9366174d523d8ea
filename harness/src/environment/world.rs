//! The environment put together: a network, the nodes' processes, the meters.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::account::Account;
use super::directories::Directories;
use super::network::{IptablesNetwork, Layout, Network, ProxyNetwork, SwitchNetwork};
use super::os::Doing;
use super::processes::{NodeIsolation, Processes};
use super::stall::StallMeter;
use super::{
    BackEnd, Environment, EnvironmentError, Jail, Launch, Link, NodeId, NodeSignal, Place, ProbeCount, ProcessState,
};
use crate::record::Clock;

/// Directories that the jail replaces by empty ones.
const HIDDEN: [&str; 2] = ["/run", "/var/run"];

/// What to build.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// The network; the jail must have been entered for the same.
    pub back_end: BackEnd,
    /// How many nodes.
    pub nodes: u16,
    /// The run's directory; the nodes' logs and data go under it.
    pub run_directory: PathBuf,
    /// The run's clock.
    pub clock: Clock,
    /// Every port on which nodes listen, for clients and for peers.
    pub services: Vec<u16>,
}

/// Builds the environment of a run.
///
/// # Errors
/// If the jail was not entered for this network, if the run's directory cannot be used, or if the machine refuses a
/// facility.
pub fn build(options: BuildOptions) -> Result<Arc<dyn Environment>, EnvironmentError> {
    let refused = |why: String| EnvironmentError::Os {
        context: "build the environment".to_owned(),
        source: std::io::Error::other(why),
    };
    if Jail::entered() != Some(options.back_end) {
        return Err(refused(format!("the jail has not been entered for the network {:?}", options.back_end)));
    }
    let layout = Layout::new(options.nodes)
        .ok_or_else(|| refused(format!("{} nodes; 1 to {} are possible", options.nodes, Layout::NODES_MAX)))?;
    let bind_mounted = options.back_end != BackEnd::Proxy;
    let absolute = std::path::absolute(&options.run_directory).doing("find the run's directory")?;
    if bind_mounted && HIDDEN.iter().any(|hidden| absolute.starts_with(hidden)) {
        return Err(refused(format!(
            "{} is hidden inside the jail, which has a /run of its own; choose a directory elsewhere",
            options.run_directory.display()
        )));
    }
    let mut account = Account::for_nodes();
    let mut reductions = Vec::new();
    if !bind_mounted && account.is_some() && !others_may_enter(&absolute) {
        account = None;
        reductions
            .push(format!("nodes run as root, because no other account may enter {}", options.run_directory.display()));
    }
    let directories = Directories::create(&options.run_directory, options.nodes, account, bind_mounted)?;
    let network: Box<dyn Network> = match options.back_end {
        BackEnd::Switch => Box::new(SwitchNetwork::start(layout, options.clock)?),
        BackEnd::Iptables => Box::new(IptablesNetwork::start(layout, options.clock)?),
        BackEnd::Proxy => Box::new(ProxyNetwork::start(layout, &options.services, options.clock)?),
        BackEnd::Scripted => return Err(refused("the scripted network is for tests and is not built here".to_owned())),
    };
    let isolations =
        NodeId::all(options.nodes).map(|node| NodeIsolation { network_namespace: network.namespace(node) }).collect();
    Ok(Arc::new(World {
        nodes: options.nodes,
        reductions,
        processes: Processes::new(isolations, directories.clone(), account)?,
        directories,
        cuts: Mutex::default(),
        stall_meter: StallMeter::start(options.clock)?,
        network,
    }))
}

/// Whether a process of another account may walk to a directory that is yet to be made.
fn others_may_enter(directory: &Path) -> bool {
    let existing = |directory: &Path| std::fs::metadata(directory).ok();
    directory.ancestors().filter_map(existing).all(|metadata| metadata.permissions().mode() & 0o001 != 0)
}

/// Fields are dropped in this order: nodes die before their network goes.
struct World {
    nodes: u16,
    reductions: Vec<String>,
    processes: Processes,
    directories: Directories,
    cuts: Mutex<BTreeSet<Link>>,
    stall_meter: StallMeter,
    network: Box<dyn Network>,
}

impl Environment for World {
    fn back_end(&self) -> BackEnd {
        self.network.back_end()
    }

    fn nodes(&self) -> u16 {
        self.nodes
    }

    fn reductions(&self) -> Vec<String> {
        let mut reductions = self.network.reductions();
        reductions.extend_from_slice(&self.reductions);
        reductions
    }

    fn address(&self, from: Place, to: NodeId, port: u16) -> SocketAddr {
        self.network.address(from, to, port)
    }

    fn listen_address(&self, node: NodeId, port: u16) -> SocketAddr {
        self.network.listen_address(node, port)
    }

    fn data_directory(&self, node: NodeId) -> PathBuf {
        self.directories.data_as_seen(node)
    }

    fn start(&self, node: NodeId, launch: &Launch) -> Result<(), EnvironmentError> {
        self.processes.start(node, launch)
    }

    fn signal(&self, node: NodeId, signal: NodeSignal) -> Result<(), EnvironmentError> {
        self.processes.signal(node, signal)
    }

    fn process(&self, node: NodeId) -> ProcessState {
        self.processes.process(node)
    }

    fn log_tail(&self, node: NodeId, lines: usize) -> String {
        self.directories.log_tail(node, lines)
    }

    fn set_cuts(&self, cut: &BTreeSet<Link>) -> Result<(), EnvironmentError> {
        let mut current = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        self.network.set_cuts(cut)?;
        current.clone_from(cut);
        Ok(())
    }

    fn is_up(&self, link: Link) -> bool {
        !self.cuts.lock().unwrap_or_else(PoisonError::into_inner).contains(&link)
    }

    fn dropped(&self, link: Link) -> u64 {
        self.network.dropped(link)
    }

    fn probes(&self, link: Link, sent_ns: Range<u64>) -> ProbeCount {
        self.network.probes(link, sent_ns)
    }

    fn longest_stall_ns(&self, window_ns: Range<u64>) -> u64 {
        self.stall_meter.longest_ns(&window_ns)
    }

    fn runtime(&self, place: Place) -> tokio::runtime::Handle {
        self.network.runtime(place)
    }
}
