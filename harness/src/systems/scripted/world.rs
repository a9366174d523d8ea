//! The state of the scripted cluster, and the few rules by which it moves. Time is handed in with the clock; it moves
//! only when somebody looks at it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use schism_workloads::object::Object;
use schism_workloads::workload::{Level, Operation};
use serde_json::Value;

use super::script::{Misbehaviour, Replication, Script};
use crate::environment::{Link, NodeId, Place};
use crate::record::Clock;
use crate::systems::{Claim, Role};

/// Silence after which another node leads.
pub(super) const ELECTION_TIMEOUT_NS: u64 = 100_000_000;

/// The cluster, shared by its environment and its clients.
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) runtime: tokio::runtime::Handle,
    state: Mutex<State>,
}

impl World {
    pub(super) fn new(nodes: u16, script: Script, clock: Clock) -> Self {
        let state = State {
            script,
            nodes: NodeId::all(nodes).map(|node| (node, Node::default())).collect(),
            cuts: vec![(0, BTreeSet::new())],
            dropped: BTreeMap::new(),
            term: 0,
            leaderless_since_ns: None,
            writes: 0,
            reads: 0,
            next_pid: 2,
        };
        Self { clock, runtime: tokio::runtime::Handle::current(), state: Mutex::new(state) }
    }

    /// The state as of now.
    pub(super) fn now(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.advance(self.clock.now_ns());
        state
    }
}

/// What a process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Process {
    #[default]
    Absent,
    Running,
    Stopped,
    Ended {
        by_harness: bool,
    },
}

#[derive(Clone, PartialEq)]
struct Entry {
    term: u64,
    key: Option<String>,
    f: &'static str,
    value: Value,
}

#[derive(Default)]
pub(super) struct Node {
    pub(super) process: Process,
    pub(super) pid: i32,
    leads: bool,
    term: u64,
    log: Log,
}

/// Entries in order, and where those of each key are.
#[derive(Default)]
struct Log {
    entries: Vec<Entry>,
    of_key: BTreeMap<Option<String>, Vec<usize>>,
}

impl Log {
    fn push(&mut self, entry: Entry) {
        self.of_key.entry(entry.key.clone()).or_default().push(self.entries.len());
        self.entries.push(entry);
    }

    fn truncate(&mut self, length: usize) {
        while self.entries.len() > length {
            if let Some(entry) = self.entries.pop()
                && let Some(places) = self.of_key.get_mut(&entry.key)
            {
                places.pop();
            }
        }
    }

    /// What a read sees if only the first `length` entries were there: a set is what was added, a register what was
    /// written last.
    fn value(&self, read: &Operation, length: usize) -> Value {
        let places = self.of_key.get(&read.key).map_or(&[][..], Vec::as_slice);
        let mut of_key = places.iter().filter(|place| **place < length).map(|place| &self.entries[*place].value);
        if read.object == Object::Set {
            return of_key.cloned().collect();
        }
        of_key.next_back().cloned().unwrap_or_else(|| read.object.absent())
    }
}

/// How the cluster answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// It was done at this term and position.
    Done(Value, u64, u64),
    /// It was refused by a node that leads.
    Refused(&'static str),
    /// Another node leads, if any.
    NotLeader(Option<NodeId>),
    /// No process listens there.
    NobodyThere,
    /// No answer will ever come.
    Silence,
}

pub(super) struct State {
    script: Script,
    pub(super) nodes: BTreeMap<NodeId, Node>,
    /// From when on which links were cut, ascending; never empty.
    cuts: Vec<(u64, BTreeSet<Link>)>,
    pub(super) dropped: BTreeMap<Link, u64>,
    term: u64,
    leaderless_since_ns: Option<u64>,
    writes: u64,
    reads: u64,
    next_pid: i32,
}

impl State {
    pub(super) fn start(&mut self, node: NodeId) {
        let pid = self.next_pid;
        self.next_pid += 1;
        let process = match self.script.misbehaviour {
            Some(Misbehaviour::Dies { node: mortal, after_writes: 0 }) if mortal == node => {
                Process::Ended { by_harness: false }
            }
            _ => Process::Running,
        };
        if let Some(node) = self.nodes.get_mut(&node) {
            *node = Node { process, pid, log: std::mem::take(&mut node.log), ..Node::default() };
        }
    }

    pub(super) fn set_cuts(&mut self, now_ns: u64, cut: BTreeSet<Link>) {
        self.cuts.push((now_ns, cut));
    }

    pub(super) fn is_up(&self, link: Link) -> bool {
        self.cuts.last().is_none_or(|(_, cut)| !cut.contains(&link))
    }

    pub(super) fn was_up(&self, link: Link, at_ns: u64) -> bool {
        let last = self.cuts.partition_point(|(since_ns, _)| *since_ns <= at_ns);
        self.cuts[..last].last().is_none_or(|(_, cut)| !cut.contains(&link))
    }

    /// Whether a message gets through and its answer gets back; counts what is dropped.
    fn exchange(&mut self, from: Place, to: Place) -> bool {
        for link in [Link { from, to }, Link { from: to, to: from }] {
            if !self.is_up(link) {
                *self.dropped.entry(link).or_default() += 1;
                return false;
            }
        }
        true
    }

    fn runs(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.process == Process::Running)
    }

    /// Running nodes that this one reaches, itself included.
    fn reached_by(&mut self, from: NodeId) -> Vec<NodeId> {
        let all: Vec<NodeId> = self.nodes.keys().copied().filter(|node| self.runs(*node)).collect();
        all.into_iter().filter(|to| *to == from || self.exchange(Place::Node(from), Place::Node(*to))).collect()
    }

    fn is_majority(&self, count: usize) -> bool {
        count * 2 > self.nodes.len()
    }

    /// The node that leads under the highest term.
    fn leader(&self) -> Option<NodeId> {
        let leads = self.nodes.iter().filter(|(id, node)| node.leads && self.runs(**id));
        leads.max_by_key(|(_, node)| node.term).map(|(id, _)| *id)
    }

    /// Elections and replication up to now.
    fn advance(&mut self, now_ns: u64) {
        if self.script.misbehaviour == Some(Misbehaviour::NeverLeads) {
            return;
        }
        if let Some(leader) = self.leader() {
            let reached = self.reached_by(leader);
            self.replicate(leader, &reached);
            if self.is_majority(reached.len()) {
                self.leaderless_since_ns = None;
                return;
            }
        }
        let since_ns = *self.leaderless_since_ns.get_or_insert(now_ns);
        if self.term == 0 || now_ns - since_ns >= ELECTION_TIMEOUT_NS {
            self.elect();
        }
    }

    fn elect(&mut self) {
        let mut candidates: Vec<NodeId> = self.nodes.keys().copied().filter(|node| self.runs(*node)).collect();
        candidates.sort_by_key(|id| {
            let log = &self.nodes[id].log.entries;
            std::cmp::Reverse((log.last().map_or(0, |entry| entry.term), log.len()))
        });
        for candidate in candidates {
            let reached = self.reached_by(candidate);
            if self.is_majority(reached.len()) {
                self.term += 1;
                self.leaderless_since_ns = None;
                let term = self.term;
                if let Some(node) = self.nodes.get_mut(&candidate) {
                    node.leads = true;
                    node.term = term;
                }
                self.replicate(candidate, &reached);
                return;
            }
        }
    }

    /// Gives every node that is reached the leader's log, and makes it a follower.
    fn replicate(&mut self, leader: NodeId, reached: &[NodeId]) {
        let Some(source) = self.nodes.remove(&leader) else { return };
        for follower in reached.iter().filter(|node| **node != leader) {
            let lags = self.script.misbehaviour == Some(Misbehaviour::LagsForEver { node: *follower });
            let Some(node) = self.nodes.get_mut(follower) else { continue };
            node.leads = false;
            node.term = source.term;
            let leads_with = &source.log.entries;
            let upto = if lags { leads_with.len() / 2 } else { leads_with.len() };
            let common = node.log.entries.len().min(upto);
            let agrees = node.log.entries[..common].last() == leads_with[..common].last();
            node.log.truncate(if agrees { upto } else { 0 });
            for entry in &leads_with[node.log.entries.len()..upto] {
                node.log.push(entry.clone());
            }
        }
        self.nodes.insert(leader, source);
    }

    /// One operation of a client at a node.
    pub(super) fn perform(&mut self, from: Place, node: NodeId, operation: &Operation) -> Answer {
        let process = self.nodes.get(&node).map(|node| node.process);
        if !self.exchange(from, Place::Node(node)) || process == Some(Process::Stopped) {
            return Answer::Silence;
        }
        if process != Some(Process::Running) {
            return Answer::NobodyThere;
        }
        let leads = self.nodes.get(&node).is_some_and(|node| node.leads);
        if !leads && operation.level != Level::Local {
            return Answer::NotLeader(self.leader());
        }
        if operation.f == "read" { self.read(node, operation) } else { self.write(node, operation) }
    }

    fn read(&mut self, node: NodeId, operation: &Operation) -> Answer {
        let must_ask = operation.level != Level::Local && self.script.replication == Replication::Majority;
        let reached = self.reached_by(node).len();
        if must_ask && !self.is_majority(reached) {
            return Answer::Silence;
        }
        self.reads += 1;
        let stale = matches!(self.script.misbehaviour, Some(Misbehaviour::ReadsStale { nth }) if self.reads.is_multiple_of(nth));
        let Some(node) = self.nodes.get(&node) else { return Answer::NobodyThere };
        let length = node.log.entries.len();
        let seen = if stale { length.saturating_sub(1) } else { length };
        Answer::Done(node.log.value(operation, seen), node.term, length as u64)
    }

    fn write(&mut self, id: NodeId, operation: &Operation) -> Answer {
        let Some(node) = self.nodes.get_mut(&id) else { return Answer::NobodyThere };
        let value = match (operation.f, operation.value.as_array().map(Vec::as_slice)) {
            ("cas", Some([old, new])) => {
                let read = Operation { f: "read", ..operation.clone() };
                if node.log.value(&read, usize::MAX) != *old {
                    return Answer::Refused("precondition-failed");
                }
                new.clone()
            }
            _ => operation.value.clone(),
        };
        let term = node.term;
        let entry = Entry { term, key: operation.key.clone(), f: operation.f, value };
        self.writes += 1;
        let forgets =
            matches!(self.script.misbehaviour, Some(Misbehaviour::Forgets { nth }) if self.writes.is_multiple_of(nth));
        if !forgets {
            node.log.push(entry);
        }
        let position = node.log.entries.len() as u64;
        let reached = self.reached_by(id);
        self.replicate(id, &reached);
        self.let_die();
        if self.script.replication == Replication::Majority && !self.is_majority(reached.len()) {
            return Answer::Silence;
        }
        Answer::Done(operation.value.clone(), term, position)
    }

    fn let_die(&mut self) {
        if let Some(Misbehaviour::Dies { node, after_writes }) = self.script.misbehaviour
            && after_writes == self.writes
            && let Some(node) = self.nodes.get_mut(&node)
        {
            node.process = Process::Ended { by_harness: false };
        }
    }

    /// What a node says of itself, if it can speak.
    pub(super) fn claim(&self, node: NodeId) -> Option<Claim> {
        let node = self.nodes.get(&node).filter(|node| node.process == Process::Running)?;
        let role = if node.leads { Role::Leader } else { Role::Follower };
        let position = node.log.entries.len() as u64;
        Some(Claim { role, term: node.term, position, applied: position })
    }
}
