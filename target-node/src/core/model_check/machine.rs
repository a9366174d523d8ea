//! One node of the model: a real core and its disk, and what may happen to them.

use std::collections::VecDeque;

use crate::{
    core::{
        Change, Claim, ClientRequest, Core, Effect, Entry, HardState, Input, Members, Message, NodeId, Position,
        ProtocolEvent, Record, Restored, Role, Term, Token, Value, VoteRequest, node::RoleState, replication::Progress,
    },
    settings::Settings,
};

/// More than any timeout.
const LONG_US: u64 = 3_600_000_000;

/// How many nodes there are.
pub(super) const NODES: u16 = 3;

/// A mistake that is made on purpose, to see that the exploration finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// None.
    None,
    /// A node forgets at once whom it voted for.
    VotesTwice,
    /// Votes are not written to disk.
    VotesAreNotDurable,
    /// Voters do not look at the candidate's log.
    VotesForAnyLog,
    /// Writes are reported as durable while they are under way.
    DiskLies,
    /// Followers commit what the leader has committed although their log is not known to agree so far.
    CommitsUnverified,
    /// Leaders commit whatever a majority has, also what leaders of earlier terms have appended.
    CommitsEarlierTerms,
}

/// What may happen to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Happening {
    /// A message arrives.
    Receive { from: NodeId, message: Message },
    /// A node that does not lead has been patient for long enough.
    Timeout,
    /// A leader lets its followers hear it.
    Heartbeat,
    /// A leader finds that it has heard nobody for too long.
    Lonely,
    /// A client writes to a leader.
    Propose,
    /// The disk finishes what it was asked first.
    Sync,
    /// The node crashes, when its disk has finished so many of the writes under way, and starts again.
    Restart { finished: usize },
}

#[derive(Debug, Clone, Default)]
struct Disk {
    hard_state: HardState,
    entries: Vec<Entry>,
    under_way: VecDeque<(Token, Vec<Record>)>,
}

impl Disk {
    fn finish(&mut self, bug: Bug) -> Option<Token> {
        let (token, records) = self.under_way.pop_front()?;
        for record in records {
            match record {
                Record::HardState(HardState { term, .. }) if bug == Bug::VotesAreNotDurable => {
                    self.hard_state = HardState { term, voted_for: None };
                }
                Record::HardState(hard_state) => self.hard_state = hard_state,
                Record::Truncate { from } => self.entries.truncate(from.0 as usize - 1),
                Record::Append(entry) => self.entries.push(entry),
                Record::Reset { .. } => unreachable!("no snapshot is taken in so short a log"),
            }
        }
        Some(token)
    }
}

/// A core and its disk.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub(super) core: Core,
    disk: Disk,
    now_us: u64,
    /// The last write of which the core knows that it is done.
    confirmed: Token,
}

/// What a step did beside changing the machine.
#[derive(Debug, Clone, Default)]
pub(super) struct Deeds {
    pub(super) sent: Vec<(NodeId, Message)>,
    /// The term in which the node has begun to lead.
    pub(super) leads_in: Option<Term>,
    /// What it knows as committed from now on.
    pub(super) committed: Vec<(Position, Claim)>,
}

/// How a model differs from the default: how disks behave, what bug there is.
#[derive(Debug, Clone)]
pub(super) struct Circumstances {
    pub(super) settings: Settings,
    /// Writes take time, and a crash loses those that are under way.
    pub(super) slow_disks: bool,
    pub(super) bug: Bug,
}

impl Machine {
    /// A node that has just started with this disk.
    pub(super) fn new(id: NodeId, hard_state: HardState, entries: Vec<Entry>, circumstances: &Circumstances) -> Self {
        let disk = Disk { hard_state, entries, under_way: VecDeque::new() };
        Self::start(id, disk, circumstances)
    }

    fn start(id: NodeId, disk: Disk, circumstances: &Circumstances) -> Self {
        let restored = Restored { hard_state: disk.hard_state, entries: disk.entries.clone(), ..Restored::default() };
        let core = Core::new(id, Members::first(NODES), circumstances.settings.clone(), restored, 1, 0);
        Self { core, disk, now_us: 0, confirmed: Token(0) }
    }

    /// Everything that decides what the machine will do, as text, and the token from which its tokens count.
    pub(super) fn text(&self) -> (String, u64) {
        let under_way = self.disk.under_way.front().map_or(u64::MAX, |(token, _)| token.0 - 1);
        (format!("{self:?}"), self.confirmed.0.min(under_way))
    }

    /// How many writes are under way.
    pub(super) fn writes_under_way(&self) -> usize {
        self.disk.under_way.len()
    }

    /// The term and the vote that no crash makes it forget.
    pub(super) fn durable(&self) -> HardState {
        self.disk.hard_state
    }

    /// The claims of the entries on disk.
    pub(super) fn durable_claims(&self) -> impl Iterator<Item = Claim> + '_ {
        self.disk.entries.iter().map(|entry| entry.claim)
    }

    pub(super) fn claims(&self) -> impl Iterator<Item = Claim> + '_ {
        self.core.entries().map(|entry| entry.claim)
    }

    /// Lets something happen.
    pub(super) fn step(&mut self, happening: Happening, circumstances: &Circumstances) -> Deeds {
        let (term_before, committed_before) = (self.core.term(), self.core.committed());
        self.now_us += LONG_US;
        let mut deeds = Deeds::default();
        let restarts = matches!(happening, Happening::Restart { .. });
        let effects = self.happen(happening, circumstances);
        self.perform(effects, &mut deeds, circumstances);
        if circumstances.bug == Bug::VotesTwice && self.core.role() == Role::Follower {
            self.core.hard_state.voted_for = None;
        }
        self.core.validate();
        assert!(self.core.term() >= term_before || restarts, "the term went back from {term_before}");
        assert!(self.core.committed() >= committed_before || restarts, "commit went back from {committed_before}");
        let newly = if restarts { Position(0) } else { committed_before };
        for position in (newly.0 + 1..=self.core.committed().0).map(Position) {
            let entry = self.core.entry(position);
            assert!(entry.is_some(), "position {position} is committed and not in the log");
            deeds.committed.extend(entry.map(|entry| (position, entry.claim)));
        }
        deeds
    }

    fn happen(&mut self, happening: Happening, circumstances: &Circumstances) -> Vec<Effect> {
        let input = match happening {
            Happening::Receive { from, message } => return self.receive(from, message, circumstances.bug),
            Happening::Timeout | Happening::Lonely => Input::Tick,
            Happening::Heartbeat => {
                if let RoleState::Leader(leadership) = &mut self.core.role {
                    leadership.progress.values_mut().for_each(Progress::beat);
                }
                return self.core.step_all(self.now_us, []);
            }
            Happening::Propose => {
                let change = Change::Write { key: "x".to_owned(), value: Value::from(1) };
                let body = ClientRequest::Write { change, replication: None, origin: None };
                Input::Client { request: 0, body }
            }
            Happening::Sync => match self.disk.finish(circumstances.bug) {
                // A disk that lies has said so long ago.
                Some(_) if circumstances.bug == Bug::DiskLies => return Vec::new(),
                Some(token) => {
                    self.confirmed = token;
                    Input::Persisted { token }
                }
                None => return Vec::new(),
            },
            Happening::Restart { finished } => {
                (0..finished).for_each(|_| {
                    self.disk.finish(circumstances.bug);
                });
                self.disk.under_way.clear();
                *self = Self::start(self.core.id, std::mem::take(&mut self.disk), circumstances);
                return Vec::new();
            }
        };
        self.core.step(self.now_us, input)
    }

    fn receive(&mut self, from: NodeId, mut message: Message, bug: Bug) -> Vec<Effect> {
        if let (Bug::VotesForAnyLog, Message::VoteRequest(request)) = (bug, &mut message) {
            let best = Claim { term: Term(u64::MAX), leader: from };
            *request = VoteRequest { last: Position(u64::MAX), last_claim: best, ..*request };
        }
        let leaders_commit = match &message {
            Message::Append(append) => append.commit,
            _ => Position(0),
        };
        let mut effects = self.core.step(self.now_us, Input::Peer { from, message });
        let wrong = match bug {
            Bug::CommitsUnverified => leaders_commit,
            Bug::CommitsEarlierTerms => self.on_majority(),
            _ => Position(0),
        };
        if wrong > Position(0) {
            self.core.committed = self.core.committed.max(wrong.min(self.core.last()));
            self.core.settle();
            effects.append(&mut self.core.effects);
        }
        effects
    }

    /// Up to where a majority is known to have a leader's log; nothing if the node does not lead.
    fn on_majority(&self) -> Position {
        let RoleState::Leader(leadership) = &self.core.role else { return Position(0) };
        let others = leadership.progress.values().map(Progress::matched);
        let mut positions: Vec<_> = others.chain([self.disk.entries.len() as u64].map(Position)).collect();
        positions.sort_unstable();
        positions[positions.len() / 2]
    }

    fn perform(&mut self, effects: Vec<Effect>, deeds: &mut Deeds, circumstances: &Circumstances) {
        let mut tokens = Vec::new();
        for effect in effects {
            match effect {
                Effect::Persist { token, records } => {
                    self.disk.under_way.push_back((token, records));
                    tokens.push(token);
                }
                Effect::Send { to, message } => deeds.sent.push((to, message)),
                Effect::Event(ProtocolEvent::BecameLeader { term, .. }) => deeds.leads_in = Some(term),
                Effect::Event(_) | Effect::Reply { .. } => {}
                Effect::SaveSnapshot { .. } | Effect::InstallSnapshot { .. } => {
                    unreachable!("no snapshot is taken in so short a log")
                }
            }
        }
        for token in tokens {
            if circumstances.bug == Bug::DiskLies {
                self.confirmed = token;
                let effects = self.core.step(self.now_us, Input::Persisted { token });
                self.perform(effects, deeds, circumstances);
            } else if !circumstances.slow_disks {
                let effects = self.happen(Happening::Sync, circumstances);
                self.perform(effects, deeds, circumstances);
            }
        }
    }
}
