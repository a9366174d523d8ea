//! Taking a leader's snapshot: assembling it, and putting it in the place of the whole log.

use super::{
    interface::ProtocolEvent,
    log::Log,
    members::Members,
    message::{Message, SnapshotChunk, SnapshotTaken},
    node::Core,
    snapshot::Snapshot,
    state::{State, Versions},
    types::{Claim, NodeId, Position, Term},
};
use crate::settings::Failover;

/// A snapshot that arrives in chunks.
#[derive(Debug, Clone)]
pub(super) struct Incoming {
    /// Who sends it, by which claim: chunks of two leaders are never mixed.
    leader: Claim,
    position: Position,
    claim: Claim,
    members: Members,
    /// The chunk that comes next.
    wanted: u64,
    is_complete: bool,
    state: State,
}

impl Core {
    /// Takes a chunk of a leader's snapshot, if this node may follow that leader.
    pub(super) fn take_snapshot_chunk(&mut self, from: NodeId, chunk: SnapshotChunk) {
        if !self.may_take(from, chunk.term) {
            return;
        }
        let (position, claim, term, round) = (chunk.position, chunk.claim, chunk.term, chunk.round);
        if !self.snapshots.is_wanted && self.claim_at(position) == Some(claim) {
            // The log holds everything that the snapshot stands for; what follows there stays.
            self.snapshots.incoming = None;
            if self.settings.failover == Failover::Consensus {
                self.committed = self.committed.max(position);
            }
            let taken = self.snapshot_taken(term, position, chunk.number, true, round);
            return self.send_when_durable(from, taken);
        }
        if self.settings.failover == Failover::Consensus && position <= self.committed {
            // Another entry there than the one committed: no leader of this cluster has that.
            return;
        }
        let leader = Claim { term, leader: from };
        let is_of =
            |incoming: &Incoming| (incoming.leader, incoming.position, incoming.claim) == (leader, position, claim);
        if chunk.number == 0 && !self.snapshots.incoming.as_ref().is_some_and(is_of) {
            let state = State::empty_at(position);
            let members = chunk.members;
            let incoming = Incoming { leader, position, claim, members, wanted: 0, is_complete: false, state };
            self.snapshots.incoming = Some(incoming);
        }
        let wanted = match self.snapshots.incoming.as_mut().filter(|incoming| is_of(incoming)) {
            None => 0,
            Some(incoming) => {
                if chunk.number == incoming.wanted && !incoming.is_complete {
                    chunk.items.into_iter().for_each(|item| incoming.state.take_in(item));
                    incoming.wanted += 1;
                    incoming.is_complete = chunk.is_last;
                }
                incoming.wanted
            }
        };
        let taken = self.snapshot_taken(term, position, wanted, false, round);
        self.send(from, taken);
        if self.install_if_complete() {
            let taken = self.snapshot_taken(term, position, wanted, true, round);
            self.send_when_durable(from, taken);
        }
    }

    fn snapshot_taken(
        &self,
        chunk_term: Term,
        position: Position,
        wanted: u64,
        is_installed: bool,
        round: u64,
    ) -> Message {
        let term = self.hard_state.term;
        Message::SnapshotTaken(SnapshotTaken { term, chunk_term, position, wanted, is_installed, round })
    }

    /// Installs the snapshot that has arrived, unless one of this node's own is being stored; true if it did.
    pub(super) fn install_if_complete(&mut self) -> bool {
        if self.snapshots.is_saving() {
            return false;
        }
        let Some(incoming) = self.snapshots.incoming.take_if(|incoming| incoming.is_complete) else { return false };
        // What came in the meantime may have made it needless, or the leader may have changed.
        let is_needless = !self.snapshots.is_wanted && self.claim_at(incoming.position) == Some(incoming.claim);
        let is_behind = self.settings.failover == Failover::Consensus && incoming.position <= self.committed;
        if is_needless || is_behind || self.leader != Some(incoming.leader.leader) {
            return false;
        }
        let Incoming { position, claim, members, state, .. } = incoming;
        self.install(Snapshot { position, claim, members, state });
        true
    }

    /// Puts a snapshot in the place of the whole log, and reports what was acknowledged and is in it no more.
    fn install(&mut self, snapshot: Snapshot) {
        self.agreed = None;
        self.report_taken();
        let Snapshot { position, claim, members, state } = snapshot.clone();
        let kept = match self.settings.failover {
            // What is committed is in the snapshot, too.
            Failover::Consensus => self.committed,
            Failover::Timeout | Failover::Manual => Position(0),
        };
        let before = std::mem::replace(&mut self.log, Log::after(position, claim, members));
        self.state = Versions::new(state);
        self.committed = position;
        self.acknowledged = self.acknowledged.min(position);
        self.snapshots.installed(position);
        self.reconcile(Some(&before));
        self.account(ProtocolEvent::SnapshotInstalled { position, claim });
        self.effects.extend(self.durability.install(snapshot, before.last(), kept));
    }
}
