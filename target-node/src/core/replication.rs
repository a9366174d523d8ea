//! What a leader knows about a follower's log, and what it sends next.
//!
//! A follower whose log is not known is *probed*: one append at a time, repeated with the heartbeat, until it agrees.
//! From then on entries are *streamed*, a bounded number of appends ahead of the answers. One refusal leads back to
//! probing, and answers to older appends are ignored then; without that every refusal would multiply (etcd's
//! `tracker.Progress` has the same states).

use std::collections::VecDeque;

use super::{
    leader::Leadership,
    log::Log,
    message::{Append, AppendResult, Appended, Message},
    node::{Core, RoleState},
    types::{Claim, Entry, NodeId, Position},
};
use crate::settings::Failover;

/// The most entries in one append.
pub(super) const APPEND_ENTRIES_MAX: usize = 64;
/// The most appends with entries under way to one follower.
pub(super) const APPENDS_IN_FLIGHT_MAX: usize = 32;

#[derive(Debug, Clone)]
enum Mode {
    Probing { under_way: bool },
    Streaming { in_flight: VecDeque<Position> },
}

/// One follower as its leader sees it.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    /// Up to where its log is known to agree durably.
    matched: Position,
    /// What it is sent next.
    next: Position,
    mode: Mode,
    /// It shall hear its leader in this step.
    beat_wanted: bool,
    /// The last round of confirmation that it answered.
    confirmed_round: u64,
    /// When it answered last.
    heard_us: u64,
}

impl Progress {
    /// A follower of which nothing is known, by a leader whose log ends at `last`.
    pub(super) fn new(last: Position, now_us: u64) -> Self {
        let mode = Mode::Probing { under_way: false };
        Self { matched: Position(0), next: last.next(), mode, beat_wanted: false, confirmed_round: 0, heard_us: now_us }
    }

    pub(super) fn matched(&self) -> Position {
        self.matched
    }

    pub(super) fn confirmed_round(&self) -> u64 {
        self.confirmed_round
    }

    pub(super) fn heard_us(&self) -> u64 {
        self.heard_us
    }

    /// The position before the entries sent next.
    fn previous(&self) -> Position {
        self.next.previous()
    }

    /// The entries to send now, of those up to `end`; none while there is nothing to send or too much under way.
    fn take_entries(&mut self, log: &Log, end: Position) -> Option<(Position, Vec<Entry>)> {
        let previous = self.previous();
        let entries = log.copy(self.next, end, APPEND_ENTRIES_MAX);
        match &mut self.mode {
            Mode::Probing { under_way: true } => None,
            Mode::Probing { under_way } => {
                *under_way = true;
                Some((previous, entries))
            }
            Mode::Streaming { in_flight } if entries.is_empty() || in_flight.len() >= APPENDS_IN_FLIGHT_MAX => None,
            Mode::Streaming { in_flight } => {
                let sent = Position(previous.0 + entries.len() as u64);
                in_flight.push_back(sent);
                self.next = sent.next();
                Some((previous, entries))
            }
        }
    }

    /// Lets the follower hear its leader in this step: by the probe again, or by an append without entries.
    pub(super) fn beat(&mut self) {
        match &mut self.mode {
            Mode::Probing { under_way } => *under_way = false,
            Mode::Streaming { .. } => self.beat_wanted = true,
        }
    }

    fn agree(&mut self, position: Position) {
        self.matched = self.matched.max(position);
        self.next = self.next.max(self.matched.next());
        match &mut self.mode {
            Mode::Probing { .. } => self.mode = Mode::Streaming { in_flight: VecDeque::new() },
            Mode::Streaming { in_flight } => {
                while in_flight.front().is_some_and(|sent| *sent <= position) {
                    in_flight.pop_front();
                }
            }
        }
    }

    /// Goes back to `agreed`, the last position at which the logs can agree, unless the refusal is an old one.
    fn disagree(&mut self, previous: Position, agreed: Position) {
        if matches!(self.mode, Mode::Probing { .. }) && previous != self.previous() {
            return;
        }
        self.next = agreed.next().min(previous.max(Position(1)));
        // Without fencing another leader may have rewritten what was known to agree.
        self.matched = self.matched.min(self.previous());
        self.mode = Mode::Probing { under_way: false };
    }

    pub(super) fn validate(&self, last: Position) {
        assert!(self.matched < self.next && self.next <= last.next(), "{self:?} in a log up to {last}");
        if let Mode::Streaming { in_flight } = &self.mode {
            assert!(in_flight.len() <= APPENDS_IN_FLIGHT_MAX, "{self:?} has too much in flight");
            assert!(in_flight.iter().all(|sent| *sent < self.next), "{self:?} counts what was not sent");
        }
    }
}

impl Core {
    /// Sends every follower what it may be sent now.
    pub(super) fn replicate(&mut self) {
        let end = match self.settings.failover {
            Failover::Consensus => self.log.last(),
            // A leader that nobody elected returns after a crash and leads on: its followers must never be ahead of it.
            Failover::Timeout | Failover::Manual => self.durability.durable(),
        };
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let mut sends = Vec::new();
        let Leadership { claim, progress, reads, round_began, .. } = &mut **leadership;
        let round_began = std::mem::take(round_began);
        for (node, progress) in progress {
            let empty_wanted = std::mem::take(&mut progress.beat_wanted) || round_began;
            let mut batches: Vec<_> = std::iter::from_fn(|| progress.take_entries(&self.log, end)).collect();
            if empty_wanted {
                batches.push((progress.previous(), Vec::new()));
            }
            for (previous, entries) in batches {
                let previous_claim = self.log.claim_at(previous).unwrap_or(Claim::NONE);
                let (commit, round) = (self.committed, reads.round());
                sends.push((*node, Append { term: claim.term, previous, previous_claim, entries, commit, round }));
            }
        }
        for (node, append) in sends {
            self.send(node, Message::Append(append));
        }
    }

    pub(super) fn take_appended(&mut self, from: NodeId, appended: &Appended) {
        if self.superseded(appended) {
            return;
        }
        let now_us = self.now_us;
        let RoleState::Leader(leadership) = &mut self.role else { return };
        if appended.append_term != leadership.claim.term {
            return;
        }
        let Some(progress) = leadership.progress.get_mut(&from) else { return };
        match appended.result {
            AppendResult::Superseded { .. } => return,
            AppendResult::Matched { position, .. } if position > self.log.last() => return,
            AppendResult::Matched { position, .. } => progress.agree(position),
            AppendResult::Mismatch { previous, hint, hint_claim } => {
                progress.disagree(previous, self.log.agreement_hint(hint, hint_claim).0);
            }
        }
        progress.heard_us = now_us;
        progress.confirmed_round = progress.confirmed_round.max(appended.round);
    }
}
