//! A node of the core with a disk that finishes at once.

use std::collections::BTreeMap;

use target_node::{
    core::{
        Change, ClientRequest, Core, Effect, Entry, HardState, Input, Members, Message, NodeId, Record, Restored, Role,
        Value,
    },
    settings::Settings,
};

use crate::compare::{Part, View};

/// The longest election timeout, in microseconds: long, so that many heartbeats fit in.
const PATIENCE_MAX_US: u64 = 60_000_000;
const MARGIN_US: u64 = 1_000_000;

/// One node.
pub(crate) struct Ours {
    id: NodeId,
    nodes: u16,
    core: Core,
    hard_state: HardState,
    entries: Vec<Entry>,
    now_us: u64,
    /// How often a part of the log was removed.
    pub(crate) truncations: usize,
}

impl Ours {
    pub(crate) fn new(id: u16, nodes: u16) -> Self {
        let id = NodeId(id);
        let core = start(id, nodes, HardState::default(), Vec::new(), 0);
        Self { id, nodes, core, hard_state: HardState::default(), entries: Vec::new(), now_us: 0, truncations: 0 }
    }

    /// Starts again with what is on disk.
    pub(crate) fn restart(&mut self) {
        self.core = start(self.id, self.nodes, self.hard_state, self.entries.clone(), self.now_us);
    }

    fn step(&mut self, input: Input) -> Vec<(u16, Message)> {
        let effects = self.core.step(self.now_us, input);
        self.core.validate();
        let mut sent = Vec::new();
        for effect in effects {
            match effect {
                Effect::Persist { token, records } => {
                    records.into_iter().for_each(|record| self.write(record));
                    sent.extend(self.step(Input::Persisted { token }));
                }
                Effect::Send { to, message } => sent.push((to.0, message)),
                _ => {}
            }
        }
        sent
    }

    fn write(&mut self, record: Record) {
        match record {
            Record::HardState(hard_state) => self.hard_state = hard_state,
            Record::Truncate { from } => {
                self.entries.truncate(from.0 as usize - 1);
                self.truncations += 1;
            }
            Record::Append(entry) => self.entries.push(entry),
            Record::Reset { .. } => unreachable!("no snapshot is taken in so short a log"),
        }
    }

    pub(crate) fn campaign(&mut self) -> Vec<(u16, Message)> {
        self.now_us = self.now_us.max(self.core.deadline_us());
        self.step(Input::Tick)
    }

    pub(crate) fn receive(&mut self, from: u16, message: Message) -> Vec<(u16, Message)> {
        self.step(Input::Peer { from: NodeId(from), message })
    }

    pub(crate) fn propose(&mut self) -> Vec<(u16, Message)> {
        let change = Change::Write { key: "x".to_owned(), value: Value::from(1) };
        let body = ClientRequest::Write { change, replication: None, origin: None };
        self.step(Input::Client { request: 0, body })
    }

    pub(crate) fn beat(&mut self) -> Vec<(u16, Message)> {
        self.now_us = self.now_us.max(self.core.deadline_us());
        self.step(Input::Tick)
    }

    pub(crate) fn lose_patience(&mut self) {
        self.now_us += PATIENCE_MAX_US;
    }

    /// Lets so much time pass that only what was heard since the last check counts.
    pub(crate) fn check_quorum(&mut self) {
        self.now_us += PATIENCE_MAX_US - MARGIN_US;
        self.step(Input::Tick);
    }

    pub(crate) fn view(&self) -> View {
        let part = match self.core.role() {
            Role::Leader => Part::Leader,
            Role::Candidate => Part::Candidate,
            Role::Follower => Part::Follower,
        };
        View {
            part,
            term: self.core.term().0,
            leader: self.core.leader().map(|node| node.0),
            vote: self.hard_state.voted_for.map(|node| node.0),
            log: self.core.entries().map(|entry| entry.claim.term.0).collect(),
            committed: self.core.committed().0,
        }
    }
}

fn start(id: NodeId, nodes: u16, hard_state: HardState, entries: Vec<Entry>, now_us: u64) -> Core {
    let pairs = [("heartbeat", "1"), ("election-timeout", "30000-60000")];
    let map: BTreeMap<_, _> = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let settings = Settings::from_map(&map, nodes).expect("settings that make sense");
    let restored = Restored { hard_state, entries, ..Restored::default() };
    Core::new(id, Members::first(nodes), settings, restored, 1, now_us)
}
