//! What a leader knows about a follower's log, and what it sends next.
//!
//! A follower whose log is not known is *probed*: one append at a time, repeated with the heartbeat, until it agrees.
//! From then on entries are *streamed*, a bounded number of appends and bytes ahead of the answers. One refusal leads back
//! to probing. A follower that needs what the log does not have any more is sent a *copy* of the state (etcd's
//! `tracker.Progress` has the same states).
//!
//! Probes are numbered, every append carries the number of the last one, and only an answer with that number changes how
//! entries are sent. Without that, answers multiply where messages overtake each other: each append of a disordered stream is
//! refused, the next answer of an older one begins a new stream, and the next refusal ends it.

use std::collections::VecDeque;

use super::{
    leader::Leadership,
    log::{CopyLimits, Log},
    message::{Append, AppendResult, Appended, Message, SnapshotChunk, SnapshotTaken},
    node::{Core, RoleState},
    snapshot::Snapshot,
    transfer::{Chunk, Transfer},
    types::{Claim, Entry, NodeId, Position, Term},
};
use crate::settings::{Failover, Settings};

/// About how many bytes of entries are in one append; an entry that is larger travels alone.
const APPEND_BYTES_MAX: usize = 1024 * 1024;
/// About how many bytes of entries are under way to one follower.
const IN_FLIGHT_BYTES_MAX: usize = 16 * APPEND_BYTES_MAX;

/// How far a leader sends ahead of the answers.
#[derive(Debug, Clone, Copy)]
struct Window {
    append: CopyLimits,
    appends_in_flight: usize,
}

impl Window {
    fn of(settings: &Settings) -> Self {
        let append = CopyLimits { entries: settings.max_entries_per_append, bytes: APPEND_BYTES_MAX };
        Self { append, appends_in_flight: settings.max_inflight }
    }
}

/// The appends under way to one follower: the last position of each, and its bytes.
#[derive(Debug, Clone, Default)]
struct InFlight {
    appends: VecDeque<(Position, usize)>,
    bytes: usize,
}

impl InFlight {
    fn is_full(&self, window: &Window) -> bool {
        self.appends.len() >= window.appends_in_flight || self.bytes >= IN_FLIGHT_BYTES_MAX
    }

    fn push(&mut self, last: Position, bytes: usize) {
        self.appends.push_back((last, bytes));
        self.bytes += bytes;
    }

    fn answered(&mut self, position: Position) {
        while let Some((_, bytes)) = self.appends.pop_front_if(|(last, _)| *last <= position) {
            self.bytes -= bytes;
        }
    }
}

#[derive(Debug, Clone)]
enum Mode {
    Probing { under_way: bool },
    Streaming(InFlight),
    Copying(Box<Transfer>),
}

/// One follower as its leader sees it.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    /// Up to where its log is known to agree durably.
    matched: Position,
    /// Up to where it has what agrees, on disk or not.
    received: Position,
    /// Up to where it shows what agrees.
    applied: Position,
    /// What it is sent next.
    next: Position,
    mode: Mode,
    /// How often it began to be probed, or to be copied to.
    probe: u64,
    /// It takes nothing but a whole snapshot.
    wants_snapshot: bool,
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
        Self {
            matched: Position(0),
            received: Position(0),
            applied: Position(0),
            next: last.next(),
            mode: Mode::Probing { under_way: false },
            probe: 1,
            wants_snapshot: false,
            beat_wanted: false,
            confirmed_round: 0,
            heard_us: now_us,
        }
    }

    pub(super) fn matched(&self) -> Position {
        self.matched
    }

    pub(super) fn received(&self) -> Position {
        self.received
    }

    pub(super) fn applied(&self) -> Position {
        self.applied
    }

    pub(super) fn confirmed_round(&self) -> u64 {
        self.confirmed_round
    }

    pub(super) fn heard_us(&self) -> u64 {
        self.heard_us
    }

    /// The first position of the log that it may still need, minus one.
    pub(super) fn needs_after(&self) -> Position {
        match &self.mode {
            Mode::Probing { .. } | Mode::Streaming(_) => self.matched,
            Mode::Copying(transfer) => transfer.position(),
        }
    }

    /// The position before the entries sent next.
    fn previous(&self) -> Position {
        self.next.previous()
    }

    /// The claim of the entry at [`Progress::previous`].
    fn previous_claim(&self, log: &Log) -> Claim {
        match &self.mode {
            Mode::Copying(transfer) => transfer.snapshot.claim,
            Mode::Probing { .. } | Mode::Streaming(_) => log.claim_at(self.previous()).unwrap_or(Claim::NONE),
        }
    }

    /// Whether the log cannot serve it, and it is not being copied to yet.
    fn needs_copy(&self, log: &Log) -> bool {
        !matches!(self.mode, Mode::Copying(_)) && (self.wants_snapshot || self.next <= log.base())
    }

    fn begin_copy(&mut self, snapshot: Snapshot) {
        self.wants_snapshot = false;
        self.matched = self.matched.min(snapshot.position);
        self.received = self.received.min(snapshot.position);
        self.applied = self.applied.min(snapshot.position);
        self.next = snapshot.position.next();
        self.probe += 1;
        self.mode = Mode::Copying(Box::new(Transfer::new(snapshot)));
    }

    /// The chunk to send now, if one is due, with the snapshot that it belongs to.
    fn take_chunk(&mut self) -> Option<(&Snapshot, Chunk)> {
        let Mode::Copying(transfer) = &mut self.mode else { return None };
        let chunk = transfer.take_chunk()?;
        Some((&transfer.snapshot, chunk))
    }

    /// The entries to send now, of those up to `end`; none while there is nothing to send or too much under way.
    fn take_entries(&mut self, log: &Log, end: Position, window: &Window) -> Option<(Position, Vec<Entry>)> {
        let previous = self.previous();
        match &mut self.mode {
            Mode::Copying(_) | Mode::Probing { under_way: true } => None,
            Mode::Probing { under_way } => {
                *under_way = true;
                Some((previous, log.copy(self.next, end, window.append).0))
            }
            Mode::Streaming(in_flight) if in_flight.is_full(window) => None,
            Mode::Streaming(in_flight) => {
                let (entries, bytes) = log.copy(self.next, end, window.append);
                let last = entries.last()?.position;
                in_flight.push(last, bytes);
                self.next = last.next();
                Some((previous, entries))
            }
        }
    }

    /// Lets the follower hear its leader in this step: by the probe again, or by an append without entries.
    pub(super) fn beat(&mut self) {
        match &mut self.mode {
            Mode::Probing { under_way } => *under_way = false,
            Mode::Streaming(_) => self.beat_wanted = true,
            Mode::Copying(transfer) => {
                self.beat_wanted = true;
                transfer.beat();
            }
        }
    }

    /// Takes in up to where the logs agree, as an answer to `probe` says.
    fn agree(&mut self, probe: u64, position: Position, received: Position, applied: Position) {
        self.matched = self.matched.max(position);
        self.received = self.received.max(received);
        self.applied = self.applied.max(applied);
        self.next = self.next.max(self.matched.next());
        match &mut self.mode {
            Mode::Streaming(in_flight) => in_flight.answered(position),
            // The copy has not arrived yet.
            Mode::Copying(transfer) if position < transfer.position() => {}
            Mode::Probing { .. } if probe != self.probe => {}
            Mode::Probing { .. } | Mode::Copying(_) => self.mode = Mode::Streaming(InFlight::default()),
        }
    }

    /// Goes back to `agreed`, the last position at which the logs can agree, unless the refusal is an old one.
    fn disagree(&mut self, probe: u64, previous: Position, agreed: Position) {
        match &self.mode {
            Mode::Copying(_) => return,
            _ if probe != self.probe => return,
            Mode::Probing { .. } if previous != self.previous() => return,
            Mode::Probing { .. } | Mode::Streaming(_) => {}
        }
        self.next = agreed.next().min(previous.max(Position(1)));
        // Without fencing another leader may have rewritten what was known to agree.
        self.matched = self.matched.min(self.previous());
        self.received = self.received.min(self.previous());
        self.applied = self.applied.min(self.previous());
        self.probe += 1;
        self.mode = Mode::Probing { under_way: false };
    }

    /// It refuses everything but a whole snapshot.
    fn refuse_log(&mut self) {
        if !matches!(self.mode, Mode::Copying(_)) {
            self.wants_snapshot = true;
        }
    }

    fn snapshot_taken(&mut self, taken: &SnapshotTaken) {
        match &mut self.mode {
            Mode::Copying(transfer) if transfer.position() == taken.position => {
                if taken.is_installed {
                    self.agree(self.probe, taken.position, taken.position, taken.position);
                    self.probe += 1;
                } else {
                    transfer.wants(taken.wanted);
                }
            }
            _ => {}
        }
    }

    /// It answered just now.
    fn heard(&mut self, now_us: u64, round: u64) {
        self.heard_us = now_us;
        self.confirmed_round = self.confirmed_round.max(round);
    }

    pub(super) fn validate(&self, last: Position) {
        assert!(self.matched < self.next && self.next <= last.next(), "{self:?} in a log up to {last}");
        if let Mode::Streaming(in_flight) = &self.mode {
            let bytes: usize = in_flight.appends.iter().map(|(_, bytes)| bytes).sum();
            assert_eq!(bytes, in_flight.bytes, "{self:?} has lost count");
            assert!(in_flight.appends.iter().all(|(sent, _)| *sent < self.next), "{self:?} counts what was not sent");
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
        self.begin_copies();
        let window = Window::of(&self.settings);
        let RoleState::Leader(leadership) = &mut self.role else { return };
        let mut sends = Vec::new();
        let Leadership { claim, progress, reads, round_began, .. } = &mut **leadership;
        let round_began = std::mem::take(round_began);
        let (term, round, commit) = (claim.term, reads.round(), self.committed);
        for (node, progress) in progress {
            let empty_wanted = std::mem::take(&mut progress.beat_wanted) || round_began;
            let mut batches: Vec<_> = std::iter::from_fn(|| progress.take_entries(&self.log, end, &window)).collect();
            if empty_wanted {
                batches.push((progress.previous(), Vec::new()));
            }
            for (previous, entries) in batches {
                let previous_claim = match entries.first() {
                    Some(_) => self.log.claim_at(previous).unwrap_or(Claim::NONE),
                    None => progress.previous_claim(&self.log),
                };
                let append = Append { term, previous, previous_claim, entries, commit, round, probe: progress.probe };
                sends.push((*node, Message::Append(append)));
            }
            if let Some((snapshot, Chunk { number, items, is_last })) = progress.take_chunk() {
                let Snapshot { position, claim, members, .. } = snapshot;
                let (position, claim, members) = (*position, *claim, members.clone());
                let chunk = SnapshotChunk { term, position, claim, members, number, items, is_last, round };
                sends.push((*node, Message::SnapshotChunk(chunk)));
            }
        }
        for (node, message) in sends {
            self.send(node, message);
        }
    }

    /// Begins to copy the state to every follower that the log cannot serve.
    fn begin_copies(&mut self) {
        let RoleState::Leader(leadership) = &self.role else { return };
        if !leadership.progress.values().any(|progress| progress.needs_copy(&self.log)) {
            return;
        }
        let Some(snapshot) = self.snapshot_to_send() else { return };
        let RoleState::Leader(leadership) = &mut self.role else { return };
        for progress in leadership.progress.values_mut().filter(|progress| progress.needs_copy(&self.log)) {
            progress.begin_copy(snapshot.clone());
        }
    }

    /// The follower's progress, if this node leads in `term` and the follower is one of its members.
    fn progress_of(&mut self, from: NodeId, term: Term) -> Option<&mut Progress> {
        let RoleState::Leader(leadership) = &mut self.role else { return None };
        let is_of_this_reign = term == leadership.claim.term;
        leadership.progress.get_mut(&from).filter(|_| is_of_this_reign)
    }

    pub(super) fn take_appended(&mut self, from: NodeId, appended: &Appended) {
        if self.superseded(from, appended) {
            return;
        }
        let (now_us, last) = (self.now_us, self.log.last());
        let agreed = match appended.result {
            AppendResult::Mismatch { hint, .. } if hint < self.log.base() => hint,
            AppendResult::Mismatch { hint, hint_claim, .. } => self.log.agreement_hint(hint, hint_claim).0,
            _ => Position(0),
        };
        let Some(progress) = self.progress_of(from, appended.append_term) else { return };
        match appended.result {
            AppendResult::Superseded { .. } => return,
            AppendResult::Matched { received, .. } if received > last => return,
            AppendResult::Matched { position, received, applied } => {
                progress.agree(appended.probe, position, received, applied);
            }
            AppendResult::Mismatch { previous, .. } => progress.disagree(appended.probe, previous, agreed),
            AppendResult::SnapshotWanted => progress.refuse_log(),
        }
        progress.heard(now_us, appended.round);
    }

    pub(super) fn take_snapshot_taken(&mut self, from: NodeId, taken: &SnapshotTaken) {
        if self.settings.failover == Failover::Consensus && taken.term > self.hard_state.term {
            return self.enter_term(taken.term, None);
        }
        let now_us = self.now_us;
        let Some(progress) = self.progress_of(from, taken.chunk_term) else { return };
        progress.snapshot_taken(taken);
        progress.heard(now_us, taken.round);
    }
}
