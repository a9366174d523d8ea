//! The scripted cluster as an environment.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::world::{Process, World};
use crate::environment::{
    BackEnd, Environment, EnvironmentError, Launch, Link, NodeId, NodeSignal, Place, ProbeCount, ProcessState,
};

/// How often a probe is sent over every link.
const PROBE_EVERY_NS: u64 = 20_000_000;

/// The environment of a scripted cluster.
pub struct ScriptedEnvironment {
    world: Arc<World>,
}

impl ScriptedEnvironment {
    pub(super) fn new(world: Arc<World>) -> Self {
        Self { world }
    }
}

/// The address that stands for a node.
pub(super) fn address_of(node: NodeId, port: u16) -> SocketAddr {
    let [high, low] = node.0.to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(10, 0, high, low), port))
}

/// The node that an address stands for.
pub(super) fn node_at(address: SocketAddr) -> Option<NodeId> {
    match address {
        SocketAddr::V4(address) => {
            let [_, _, high, low] = address.ip().octets();
            Some(NodeId(u16::from_be_bytes([high, low])))
        }
        SocketAddr::V6(_) => None,
    }
}

impl Environment for ScriptedEnvironment {
    fn back_end(&self) -> BackEnd {
        BackEnd::Scripted
    }

    fn nodes(&self) -> u16 {
        u16::try_from(self.world.now().nodes.len()).unwrap_or(u16::MAX)
    }

    fn reductions(&self) -> Vec<String> {
        vec!["no process, no packet and no disk is real".to_owned()]
    }

    fn address(&self, _from: Place, to: NodeId, port: u16) -> SocketAddr {
        address_of(to, port)
    }

    fn listen_address(&self, node: NodeId, port: u16) -> SocketAddr {
        address_of(node, port)
    }

    fn data_directory(&self, node: NodeId) -> PathBuf {
        PathBuf::from(format!("/nowhere/{node}"))
    }

    fn start(&self, node: NodeId, _launch: &Launch) -> Result<(), EnvironmentError> {
        self.world.now().start(node);
        Ok(())
    }

    fn signal(&self, node: NodeId, signal: NodeSignal) -> Result<(), EnvironmentError> {
        if let Some(node) = self.world.now().nodes.get_mut(&node) {
            node.process = match (node.process, signal) {
                (Process::Running | Process::Stopped, NodeSignal::Kill) | (Process::Running, NodeSignal::Terminate) => {
                    Process::Ended { by_harness: true }
                }
                (Process::Running, NodeSignal::Stop) => Process::Stopped,
                (Process::Stopped, NodeSignal::Continue) => Process::Running,
                (process, _) => process,
            };
        }
        Ok(())
    }

    fn process(&self, node: NodeId) -> ProcessState {
        let state = self.world.now();
        let Some(node) = state.nodes.get(&node) else { return ProcessState::Absent };
        match node.process {
            Process::Absent => ProcessState::Absent,
            Process::Ended { by_harness } => {
                ProcessState::Ended { how: if by_harness { "signal 9" } else { "exit code 1" }.to_owned(), by_harness }
            }
            Process::Stopped => ProcessState::Alive { pid: node.pid, all_threads_stopped: true, cpu_time_ns: 0 },
            Process::Running => ProcessState::Alive { pid: node.pid, all_threads_stopped: false, cpu_time_ns: 0 },
        }
    }

    fn log_tail(&self, node: NodeId, _lines: usize) -> String {
        format!("the last words of {node}")
    }

    fn set_cuts(&self, cut: &BTreeSet<Link>) -> Result<(), EnvironmentError> {
        let now_ns = self.world.clock.now_ns();
        self.world.now().set_cuts(now_ns, cut.clone());
        Ok(())
    }

    fn is_up(&self, link: Link) -> bool {
        self.world.now().is_up(link)
    }

    fn dropped(&self, link: Link) -> u64 {
        self.world.now().dropped.get(&link).copied().unwrap_or_default()
    }

    fn probes(&self, link: Link, sent_ns: Range<u64>) -> ProbeCount {
        let now_ns = self.world.clock.now_ns();
        let state = self.world.now();
        let mut count = ProbeCount::default();
        let first = sent_ns.start.next_multiple_of(PROBE_EVERY_NS);
        for at_ns in (first..sent_ns.end.min(now_ns)).step_by(PROBE_EVERY_NS as usize) {
            count.sent += 1;
            count.arrived += u32::from(state.was_up(link, at_ns));
        }
        count
    }

    fn longest_stall_ns(&self, _window_ns: Range<u64>) -> u64 {
        0
    }

    fn runtime(&self, _place: Place) -> tokio::runtime::Handle {
        self.world.runtime.clone()
    }
}
