//! A snapshot: the state that a prefix of the log leads to, in the place of that prefix (Raft paper, section 7).
//!
//! A node takes one of what no truncation can take back: under consensus of what is committed, otherwise of what lies
//! `log-keep` entries behind the visible position, since there anything may be truncated. The position of the last
//! snapshot, even of one that is still being stored, is the *floor*: no truncation goes behind it, because the disk could
//! not follow. Where a leader's log differs below the floor, only a copy of the leader's whole state helps.

use super::{
    install::Incoming,
    interface::{ClientResponse, Effect, ProtocolEvent},
    members::Members,
    node::{Core, RoleState},
    state::State,
    types::{Claim, Position},
};
use crate::settings::Failover;

/// The state at a position, and what else the log up to there told. A clone shares the state.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The last position that it stands for.
    pub position: Position,
    /// The claim of the entry there.
    pub claim: Claim,
    /// The members in force there.
    pub members: Members,
    /// The state there; its items are what is stored and sent.
    pub state: State,
}

/// What a node does about its own snapshots, and about those that it is sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshots {
    /// The last one that is stored or installed.
    stored: Position,
    /// One that waits for the log to be durable so far: what is on disk of the log shall never end before the snapshot.
    chosen: Option<Snapshot>,
    /// One that is being stored; no other is begun, and none is installed, meanwhile.
    saving: Option<Position>,
    /// Operators who wait for a snapshot at a position or after it.
    operators: Vec<(u64, Position)>,
    /// One that a leader is sending.
    pub(super) incoming: Option<Incoming>,
    /// This node's log is of no use to it any more: only a leader's snapshot is.
    pub(super) is_wanted: bool,
}

impl Snapshots {
    /// Of a node that starts from a snapshot at `stored`, 0 if from none.
    pub(super) fn at(stored: Position) -> Self {
        Self { stored, ..Self::default() }
    }

    /// No truncation goes behind this position.
    pub(super) fn floor(&self) -> Position {
        self.saving.unwrap_or(self.stored).max(self.stored)
    }

    /// Whether one is being stored.
    pub(super) fn is_saving(&self) -> bool {
        self.saving.is_some()
    }

    /// A leader's snapshot at `position` takes the place of everything.
    pub(super) fn installed(&mut self, position: Position) {
        debug_assert!(self.saving.is_none(), "no snapshot is installed while another is stored");
        self.stored = position;
        self.chosen = None;
        self.incoming = None;
        self.is_wanted = false;
    }
}

impl Core {
    /// Up to where a snapshot of this node's own state may stand for the log.
    fn snapshot_point(&self) -> Position {
        match self.settings.failover {
            Failover::Consensus => self.committed,
            Failover::Timeout | Failover::Manual => {
                let kept = self.state.position().0.saturating_sub(self.settings.catch_up.log_keep);
                Position(kept).min(self.durability.durable())
            }
        }
    }

    /// At the end of a step: takes a snapshot if one is due.
    ///
    /// One is due `log-keep` entries after the last; but the more the state holds the rarer, so that storing snapshots
    /// never costs more than a small multiple of what storing the log costs.
    pub(super) fn take_snapshot_if_due(&mut self) {
        if self.snapshots.saving.is_none() && self.snapshots.chosen.is_none() {
            let interval = self.settings.catch_up.log_keep.max(self.state.visible().values());
            let point = self.snapshot_point();
            if point.0 - point.0.min(self.snapshots.stored.0) >= interval {
                self.choose_snapshot(point);
            } else if let Some(asked) = self.snapshots.operators.iter().map(|(_, position)| *position).max() {
                self.choose_snapshot(asked.min(self.durability.durable()));
            }
        }
        let durable = self.durability.durable();
        if let Some(snapshot) = self.snapshots.chosen.take_if(|chosen| chosen.position <= durable) {
            self.snapshots.saving = Some(snapshot.position);
            self.effects.push(Effect::SaveSnapshot { snapshot });
        }
    }

    fn choose_snapshot(&mut self, position: Position) {
        if position > self.snapshots.stored {
            self.snapshots.chosen = self.snapshot_at(position);
        }
    }

    /// A snapshot of the state at `position`, if that is kept.
    fn snapshot_at(&self, position: Position) -> Option<Snapshot> {
        let state = self.state.at(position)?.clone();
        let (claim, members) = (self.log.claim_at(position)?, self.log.members_at(position).clone());
        Some(Snapshot { position, claim, members, state })
    }

    /// What this node sends to a follower that the log cannot serve: the earliest state that is kept, so that the
    /// follower's floor is no higher than this node's own.
    pub(super) fn snapshot_to_send(&self) -> Option<Snapshot> {
        self.snapshot_at(self.state.earliest().position())
    }

    /// An operator wants a snapshot of what is there now.
    pub(super) fn take_snapshot_for_operator(&mut self, request: u64) {
        let position = match self.settings.failover {
            Failover::Consensus => self.committed,
            Failover::Timeout | Failover::Manual => self.state.position(),
        };
        self.snapshots.operators.push((request, position));
        self.answer_snapshot_requests();
    }

    /// Answers the operators whose snapshot is stored, or can never be because its entries were truncated.
    pub(super) fn answer_snapshot_requests(&mut self) {
        let (stored, visible) = (self.snapshots.stored, self.state.position());
        let term = self.hard_state.term;
        for (_, position) in &mut self.snapshots.operators {
            *position = (*position).min(visible);
        }
        let done = self.snapshots.operators.extract_if(.., |(_, position)| *position <= stored);
        for (request, _) in done.collect::<Vec<_>>() {
            self.reply(request, ClientResponse::Operated { term, position: stored });
        }
    }

    /// The snapshot at `position` is on disk: the log in memory gets shorter.
    pub(super) fn snapshot_saved(&mut self, position: Position) {
        if self.snapshots.saving != Some(position) {
            return;
        }
        self.snapshots.saving = None;
        self.snapshots.stored = self.snapshots.stored.max(position);
        self.account(ProtocolEvent::SnapshotTaken { position });
        self.compact();
        self.answer_snapshot_requests();
        self.install_if_complete();
    }

    /// Removes the entries that are `log-keep` or more before the last snapshot.
    ///
    /// While a follower that answers still needs them they stay, up to as many more as the state has values: to send it
    /// everything anew would cost more.
    fn compact(&mut self) {
        let log_keep = self.settings.catch_up.log_keep;
        let stored = self.snapshots.stored.0;
        let patience = log_keep.max(self.state.visible().values());
        let needed = match &self.role {
            RoleState::Leader(leadership) => leadership.needed_from(self.now_us, &self.settings),
            RoleState::Follower | RoleState::Candidate { .. } => None,
        };
        let base = stored.saturating_sub(log_keep);
        let base = needed.map_or(base, |needed| base.min(needed.0).max(base.saturating_sub(patience)));
        self.log.compact(Position(base));
    }
}
