//! A node of raft-rs with a disk that finishes at once.

use raft::{
    Config, RawNode, StateRole, Storage as _,
    eraftpb::{Message, MessageType},
    storage::MemStorage,
};
use slog::{Discard, Logger, o};

use crate::compare::{Part, View};

/// One node.
pub(crate) struct Theirs {
    id: u64,
    node: RawNode<MemStorage>,
}

impl Theirs {
    pub(crate) fn new(id: u16, nodes: u16) -> Self {
        let voters: Vec<_> = (1..=u64::from(nodes)).collect();
        let node = start(id.into(), MemStorage::new_with_conf_state((voters, vec![])));
        Self { id: id.into(), node }
    }

    pub(crate) fn restart(&mut self) {
        self.node = start(self.id, self.node.raft.store().clone());
    }

    /// Writes what is to be written and returns what is to be sent.
    fn take_sent(&mut self) -> Vec<(u16, Message)> {
        let mut sent = Vec::new();
        while self.node.has_ready() {
            let mut ready = self.node.ready();
            let store = self.node.raft.store().clone();
            sent.append(&mut ready.take_messages());
            store.wl().append(ready.entries()).expect("a log without gaps");
            if let Some(hard_state) = ready.hs() {
                store.wl().set_hardstate(hard_state.clone());
            }
            sent.append(&mut ready.take_persisted_messages());
            let mut light = self.node.advance(ready);
            if let Some(commit) = light.commit_index() {
                store.wl().mut_hard_state().set_commit(commit);
            }
            sent.append(&mut light.take_messages());
            self.node.advance_apply();
        }
        sent.into_iter().map(|message| (message.to as u16, message)).collect()
    }

    pub(crate) fn campaign(&mut self) -> Vec<(u16, Message)> {
        self.node.campaign().expect("a node may stand for election");
        self.take_sent()
    }

    pub(crate) fn receive(&mut self, message: Message) -> Vec<(u16, Message)> {
        self.node.step(message).expect("a message of a member");
        self.take_sent()
    }

    pub(crate) fn propose(&mut self) -> Vec<(u16, Message)> {
        self.node.propose(vec![], b"x".to_vec()).expect("a leader takes a proposal");
        self.take_sent()
    }

    pub(crate) fn beat(&mut self) -> Vec<(u16, Message)> {
        self.node.ping();
        self.take_sent()
    }

    pub(crate) fn lose_patience(&mut self) {
        self.node.raft.election_elapsed = self.node.raft.election_timeout();
    }

    pub(crate) fn check_quorum(&mut self) {
        let mut check = Message::default();
        check.set_msg_type(MessageType::MsgCheckQuorum);
        check.set_from(self.id);
        self.node.raft.step(check).expect("a leader may look around");
        self.take_sent();
    }

    /// Counts every follower as heard, as if a leader began with that.
    pub(crate) fn grant_grace(&mut self) {
        self.node.raft.mut_prs().iter_mut().for_each(|(_, progress)| progress.recent_active = true);
    }

    pub(crate) fn view(&self) -> View {
        let raft = &self.node.raft;
        let part = match raft.state {
            StateRole::Leader => Part::Leader,
            StateRole::Candidate | StateRole::PreCandidate => Part::Candidate,
            StateRole::Follower => Part::Follower,
        };
        let some = |node: u64| (node != 0).then_some(node as u16);
        let log = (1..=raft.raft_log.last_index()).map(|index| raft.raft_log.term(index).expect("an entry"));
        View {
            part,
            term: raft.term,
            leader: some(raft.leader_id),
            vote: some(raft.vote),
            log: log.collect(),
            committed: raft.raft_log.committed,
        }
    }
}

fn start(id: u64, store: MemStorage) -> RawNode<MemStorage> {
    let config = Config {
        id,
        election_tick: 10,
        heartbeat_tick: 3,
        pre_vote: true,
        check_quorum: true,
        // Followers learn of the commit position with the next append or heartbeat, as in the core.
        skip_bcast_commit: true,
        max_size_per_msg: u64::MAX,
        ..Config::default()
    };
    debug_assert!(store.initial_state().is_ok());
    RawNode::new(&config, store, &Logger::root(Discard, o!())).expect("a node starts")
}
