//! An environment that only keeps books, a system that is only a name, and a cluster made of both.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use schism::client::Client;
use schism::environment::{
    BackEnd, BoxFuture, Environment, EnvironmentError, Launch, Link, NodeId, NodeSignal, Place, ProbeCount,
    ProcessState, Program,
};
use schism::nemesis::{Acknowledgements, Claims, Cluster};
use schism::plan::{FaultSpec, ScheduledFault};
use schism::record::{Clock, Recorder};
use schism::systems::{
    Availability, Claim, ClientContext, GroundTruthLoss, LaunchContext, Role, SettingDescription, Settings,
    SettingsError, System, SystemTiming,
};
use tokio::sync::watch;

const PROBE_INTERVAL_NS: u64 = 20_000_000;

/// A call that changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    SetCuts(BTreeSet<Link>),
    Signal(NodeId, NodeSignal),
    Start(NodeId),
}

/// How this world differs from one in which every fault works.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quirks {
    /// Probes arrive over these although they are cut.
    pub(crate) leaky: BTreeSet<Link>,
    /// Probes never arrive over these.
    pub(crate) mute: BTreeSet<Link>,
    /// These never come up again once cut.
    pub(crate) stuck: BTreeSet<Link>,
    /// Nothing is sent over links that are cut, so nothing is dropped.
    pub(crate) silent: bool,
    /// SIGKILL is ignored.
    pub(crate) immortal: bool,
    /// SIGSTOP is ignored.
    pub(crate) unstoppable: bool,
    /// A stopped process uses CPU time.
    pub(crate) busy_while_stopped: bool,
    /// Cutting is refused.
    pub(crate) cuts_refused: bool,
}

#[derive(Debug, Clone, Copy)]
struct FakeProcess {
    pid: i32,
    alive: bool,
    stopped: bool,
}

struct State {
    calls: Vec<Call>,
    quirks: Quirks,
    /// When each link was cut, and when it came up.
    cuts: BTreeMap<Link, Vec<Range<u64>>>,
    processes: BTreeMap<NodeId, FakeProcess>,
    pids: i32,
}

/// Keeps books of every call; its probes go every 20 ms by arithmetic.
pub(crate) struct BookKeeper {
    clock: Clock,
    nodes: u16,
    state: Mutex<State>,
}

impl BookKeeper {
    fn new(clock: Clock, nodes: u16, quirks: Quirks) -> Self {
        let process = |node: NodeId| (node, FakeProcess { pid: 100 + i32::from(node.0), alive: true, stopped: false });
        let processes = NodeId::all(nodes).map(process).collect();
        let state = State { calls: Vec::new(), quirks, cuts: BTreeMap::new(), processes, pids: 200 };
        Self { clock, nodes, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Every call so far that changed something.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Every node runs and no link is cut.
    pub(crate) fn is_healed(&self) -> bool {
        let state = self.state();
        let whole = state.cuts.values().flatten().all(|cut| cut.end != u64::MAX);
        whole && state.processes.values().all(|process| process.alive && !process.stopped)
    }
}

impl Environment for BookKeeper {
    fn back_end(&self) -> BackEnd {
        BackEnd::Scripted
    }

    fn nodes(&self) -> u16 {
        self.nodes
    }

    fn reductions(&self) -> Vec<String> {
        Vec::new()
    }

    fn address(&self, _from: Place, to: NodeId, port: u16) -> SocketAddr {
        self.listen_address(to, port)
    }

    fn listen_address(&self, _node: NodeId, port: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, port).into()
    }

    fn data_directory(&self, _node: NodeId) -> PathBuf {
        PathBuf::new()
    }

    fn start(&self, node: NodeId, _launch: &Launch) -> Result<(), EnvironmentError> {
        let mut state = self.state();
        state.calls.push(Call::Start(node));
        state.pids += 1;
        let pid = state.pids;
        state.processes.insert(node, FakeProcess { pid, alive: true, stopped: false });
        Ok(())
    }

    fn signal(&self, node: NodeId, signal: NodeSignal) -> Result<(), EnvironmentError> {
        let mut state = self.state();
        state.calls.push(Call::Signal(node, signal));
        let quirks = state.quirks.clone();
        let process = state.processes.get_mut(&node).unwrap();
        match signal {
            NodeSignal::Kill | NodeSignal::Terminate => process.alive = quirks.immortal,
            NodeSignal::Stop => process.stopped = !quirks.unstoppable,
            NodeSignal::Continue => process.stopped = false,
        }
        Ok(())
    }

    fn process(&self, node: NodeId) -> ProcessState {
        let state = self.state();
        let process = state.processes[&node];
        if !process.alive {
            return ProcessState::Ended { how: "signal 9".to_owned(), by_harness: true };
        }
        let busy = !process.stopped || state.quirks.busy_while_stopped;
        ProcessState::Alive {
            pid: process.pid,
            all_threads_stopped: process.stopped,
            cpu_time_ns: if busy { self.clock.now_ns() } else { 5 },
        }
    }

    fn log_tail(&self, _node: NodeId, _lines: usize) -> String {
        String::new()
    }

    fn set_cuts(&self, cut: &BTreeSet<Link>) -> Result<(), EnvironmentError> {
        let mut state = self.state();
        if state.quirks.cuts_refused {
            let source = std::io::Error::other("refused");
            return Err(EnvironmentError::Os { context: "failed to cut links".to_owned(), source });
        }
        state.calls.push(Call::SetCuts(cut.clone()));
        let now_ns = self.clock.now_ns();
        let stuck = state.quirks.stuck.clone();
        for (link, cuts) in &mut state.cuts {
            if let Some(last) = cuts.last_mut().filter(|last| last.end == u64::MAX)
                && !cut.contains(link)
                && !stuck.contains(link)
            {
                last.end = now_ns;
            }
        }
        for link in cut {
            let cuts = state.cuts.entry(*link).or_default();
            if cuts.last().is_none_or(|last| last.end != u64::MAX) {
                cuts.push(now_ns..u64::MAX);
            }
        }
        Ok(())
    }

    fn is_up(&self, link: Link) -> bool {
        self.state().cuts.get(&link).is_none_or(|cuts| cuts.iter().all(|cut| cut.end != u64::MAX))
    }

    fn dropped(&self, link: Link) -> u64 {
        let state = self.state();
        let cuts = state.cuts.get(&link).map_or(0, Vec::len);
        if state.quirks.silent { 0 } else { cuts as u64 }
    }

    fn probes(&self, link: Link, sent_ns: Range<u64>) -> ProbeCount {
        let state = self.state();
        let no_cuts = Vec::new();
        let cuts = state.cuts.get(&link).unwrap_or(&no_cuts);
        let mut count = ProbeCount::default();
        let mut at_ns = sent_ns.start.next_multiple_of(PROBE_INTERVAL_NS);
        while at_ns < sent_ns.end.min(self.clock.now_ns()) {
            let is_cut = cuts.iter().any(|cut| cut.contains(&at_ns)) && !state.quirks.leaky.contains(&link);
            count.sent += 1;
            count.arrived += u32::from(!is_cut && !state.quirks.mute.contains(&link));
            at_ns += PROBE_INTERVAL_NS;
        }
        count
    }

    fn longest_stall_ns(&self, _window_ns: Range<u64>) -> u64 {
        0
    }

    fn runtime(&self, _place: Place) -> tokio::runtime::Handle {
        tokio::runtime::Handle::current()
    }
}

/// A system that nobody speaks to; `n2` is next in line after `n1`, and so on.
struct Nameless;

impl System for Nameless {
    fn name(&self) -> &'static str {
        "nameless"
    }

    fn description(&self) -> &'static str {
        "a system that nobody speaks to"
    }

    fn settings(&self) -> Vec<SettingDescription> {
        Vec::new()
    }

    fn resolve(&self, settings: &Settings, _nodes: u16) -> Result<Settings, SettingsError> {
        Ok(settings.clone())
    }

    fn availability(&self) -> Availability {
        Availability::Available("1".to_owned())
    }

    fn objects(&self) -> &'static [schism_workloads::object::Object] {
        &[]
    }

    fn per_peer_addresses(&self) -> bool {
        false
    }

    fn timing(&self, _settings: &Settings) -> SystemTiming {
        SystemTiming {
            election_timeout_min: Duration::from_millis(300),
            election_timeout_max: Duration::from_millis(600),
        }
    }

    fn client_port(&self) -> u16 {
        1
    }

    fn peer_port(&self) -> u16 {
        2
    }

    fn launch(&self, _node: NodeId, _context: &LaunchContext<'_>) -> Launch {
        Launch { program: Program::SelfExe, arguments: Vec::new(), variables: Vec::new() }
    }

    fn claim<'a>(&'a self, _http: &'a reqwest::Client, _address: SocketAddr) -> BoxFuture<'a, Result<Claim, String>> {
        Box::pin(async { Err("nobody answers".to_owned()) })
    }

    fn client(&self, _context: ClientContext) -> Box<dyn Client> {
        panic!("nobody speaks to this system")
    }

    fn ground_truth(&self, _nodes_directory: &Path) -> Option<std::io::Result<Vec<GroundTruthLoss>>> {
        None
    }

    fn next_in_line(&self, leader: NodeId, nodes: u16, _settings: &Settings) -> NodeId {
        NodeId(leader.0 % nodes + 1)
    }
}

/// A cluster without a single process; `n1` leads in term 3.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) books: Arc<BookKeeper>,
    pub(crate) claims: watch::Sender<Claims>,
    pub(crate) acknowledgements: watch::Sender<Acknowledgements>,
}

/// A cluster of so many nodes.
pub(crate) fn world(nodes: u16, quirks: Quirks) -> World {
    let clock = Clock::start();
    let books = Arc::new(BookKeeper::new(clock, nodes, quirks));
    let (claims, claims_seen) = watch::channel(leading(nodes, &[1]));
    let (acknowledgements, acknowledgements_seen) = watch::channel(Acknowledgements::new());
    let cluster = Cluster {
        environment: Arc::clone(&books) as Arc<dyn Environment>,
        system: Arc::new(Nameless),
        settings: Settings::new(),
        seed: 1,
        clock,
        recorder: Recorder::in_memory(clock),
        claims: claims_seen,
        acknowledgements: acknowledgements_seen,
    };
    World { cluster, books, claims, acknowledgements }
}

/// The claims of so many nodes of which these lead, all in term 3.
pub(crate) fn leading(nodes: u16, leaders: &[u16]) -> Claims {
    let claim = |node: NodeId| {
        let role = if leaders.contains(&node.0) { Role::Leader } else { Role::Follower };
        (node, Some(Claim { role, term: 3, position: 9, applied: 9 }))
    };
    NodeId::all(nodes).map(claim).collect()
}

/// An entry of a schedule, with what follows from timeouts decided.
pub(crate) fn entry(id: u64, fault: &str, at_ms: u64, duration_ms: u64) -> ScheduledFault {
    let fault = FaultSpec::parse(fault).unwrap();
    ScheduledFault { id, fault, at_ms, duration_ms, seed: id }
}

/// Links written as `n1>n2 c1>n3`.
pub(crate) fn links(text: &str) -> BTreeSet<Link> {
    let link = |word: &str| {
        let (from, to) = word.split_once('>').unwrap();
        Link { from: from.parse().unwrap(), to: to.parse().unwrap() }
    };
    text.split_whitespace().map(link).collect()
}
