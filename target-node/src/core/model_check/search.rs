//! The search: every state that a bound allows, nearest first, each once.
//!
//! A message in flight may be lost at any time. So a state can do whatever the same state with fewer messages can do, and
//! only the one with more is explored: a message is lost where another one takes its place on a full link, and a delivery
//! of which nothing comes is no step at all. That this leaves nothing out is seen by comparing the *configurations*, the
//! states without their messages, with those of a search that does without ([`Bound::plain`]).

use std::collections::VecDeque;

use rustc_hash::FxHashSet;

use super::{
    machine::{Circumstances, Machine, NODES},
    properties::{Past, log_matching},
    space::{Event, KnownMessage, MachineId, MessageId, Space},
};
use crate::core::{NodeId, Role, Term};

/// Directed links times the most messages on each.
const MESSAGES_MAX: usize = 12;

/// What is explored, and how far.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    /// The highest term in which anybody stands for election.
    pub(super) terms: u64,
    /// The longest log of a leader that still takes a client's write.
    pub(super) entries: u64,
    /// The most messages in flight from one node to another; what is sent beyond is lost.
    pub(super) messages_per_link: usize,
    /// How often nodes crash and start again.
    pub(super) restarts: u8,
    /// How often a message is delivered and stays in flight.
    pub(super) repetitions: u8,
    /// How often leaders find themselves lonely or repeat themselves.
    pub(super) leader_ticks: u8,
    /// Explores every state, also those that can do nothing which others cannot.
    pub(super) plain: bool,
    /// The most states; the search ends there without having seen everything.
    pub(super) states: usize,
}

/// What a search has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every property holds in every state that the bound allows.
    Complete,
    /// Every property holds in every state that was seen, but there are more.
    Unfinished,
    /// A property does not hold: which, and what led there, a line for each step.
    Violated { what: String, trace: Vec<String> },
}

/// What a search has seen.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) verdict: Verdict,
    /// Distinct states.
    pub(super) states: usize,
    /// Digests of what they are without the messages in flight.
    pub(super) configurations: FxHashSet<u64>,
    /// Steps from one state to another, including to states seen before.
    pub(super) transitions: u64,
    /// The greatest number of steps from the start.
    pub(super) depth: u32,
    /// Distinct machines, in other words local states of a node with its disk.
    pub(super) machines: usize,
    /// Steps of real cores that were computed.
    pub(super) steps: usize,
}

/// A state of the cluster: numbers into a [`Space`].
#[derive(Clone, Copy)]
struct State {
    machines: [MachineId; NODES as usize],
    messages: [MessageId; MESSAGES_MAX],
    message_count: u8,
    restarts: u8,
    repetitions: u8,
    leader_ticks: u8,
    past: u32,
    /// Its place in [`Search::trail`].
    index: u32,
}

impl State {
    fn messages(&self) -> &[MessageId] {
        &self.messages[..usize::from(self.message_count)]
    }

    fn push(&mut self, message: MessageId) {
        self.messages[usize::from(self.message_count)] = message;
        self.message_count += 1;
    }

    fn remove(&mut self, index: usize) {
        let last = usize::from(self.message_count) - 1;
        self.messages.copy_within(index + 1..=last, index);
        self.message_count -= 1;
    }
}

/// One thing that may happen next.
#[derive(Debug, Clone, Copy)]
enum Action {
    Happen { node: u8, event: Event },
    Deliver { index: u8, stays: bool },
    Lose { index: u8 },
}

struct Search<'a> {
    bound: &'a Bound,
    space: Space,
    seen: FxHashSet<u64>,
    configurations: FxHashSet<u64>,
    /// For each state the one before it, and which of the states that follow from that one it is.
    trail: Vec<(u32, u16)>,
    queue: VecDeque<State>,
    /// Kept for its memory.
    actions: Vec<Action>,
    transitions: u64,
}

/// Explores everything that can follow from these machines.
pub(super) fn explore(start: Vec<Machine>, circumstances: Circumstances, bound: &Bound) -> Report {
    let mut search = Search {
        bound,
        space: Space::new(circumstances, Term(bound.terms)),
        seen: FxHashSet::default(),
        configurations: FxHashSet::default(),
        trail: Vec::new(),
        queue: VecDeque::new(),
        actions: Vec::new(),
        transitions: 0,
    };
    let first = search.first(start);
    let (verdict, depth) = search.run(first);
    Report {
        verdict,
        states: search.seen.len(),
        configurations: search.configurations,
        transitions: search.transitions,
        depth,
        machines: search.space.machines.len(),
        steps: search.space.step_count(),
    }
}

impl Search<'_> {
    fn first(&mut self, start: Vec<Machine>) -> State {
        let mut machines = [0; NODES as usize];
        for (slot, machine) in machines.iter_mut().zip(start) {
            *slot = self.space.machine(machine);
        }
        let past = self.space.past(Past::default());
        State {
            machines,
            messages: [0; MESSAGES_MAX],
            message_count: 0,
            restarts: 0,
            repetitions: 0,
            leader_ticks: 0,
            past,
            index: 0,
        }
    }

    fn run(&mut self, first: State) -> (Verdict, u32) {
        self.trail.push((0, 0));
        self.seen.insert(self.digest(&first));
        self.note_configuration(&first);
        self.queue.push_back(first);
        let (mut depth, mut left_at_depth) = (0, 1);
        let mut next = Vec::new();
        while let Some(state) = self.queue.pop_front() {
            if left_at_depth == 0 {
                (depth, left_at_depth) = (depth + 1, self.queue.len() + 1);
            }
            left_at_depth -= 1;
            if let Err((action, what)) = self.follow(&state, &mut next) {
                let mut trace = self.trace(first, state.index);
                trace.push(self.describe(&state, action));
                return (Verdict::Violated { what, trace }, depth);
            }
            self.transitions += next.len() as u64;
            for (ordinal, (_, next)) in next.drain(..).enumerate() {
                self.meet(state.index, ordinal as u16, next);
            }
            if self.seen.len() >= self.bound.states {
                return (Verdict::Unfinished, depth);
            }
        }
        (Verdict::Complete, depth)
    }

    fn meet(&mut self, before: u32, ordinal: u16, mut next: State) {
        if !self.seen.insert(self.digest(&next)) {
            return;
        }
        self.note_configuration(&next);
        next.index = self.trail.len() as u32;
        self.trail.push((before, ordinal));
        self.queue.push_back(next);
    }

    fn note_configuration(&mut self, state: &State) {
        self.configurations.insert(self.space.digest(state.machines, &[], state.past, 0));
    }

    fn digest(&self, state: &State) -> u64 {
        let rest = [state.restarts, state.repetitions, state.leader_ticks].map(u64::from);
        let rest = rest[0] | rest[1] << 8 | rest[2] << 16;
        self.space.digest(state.machines, state.messages(), state.past, rest)
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for node in 0..NODES as u8 {
            let machine = &self.space.machines[state.machines[usize::from(node)] as usize];
            let mut may = |event| actions.push(Action::Happen { node, event });
            if machine.role == Role::Leader {
                if machine.last.0 < self.bound.entries {
                    may(Event::Propose);
                }
                if state.leader_ticks < self.bound.leader_ticks {
                    may(Event::Heartbeat);
                    may(Event::Lonely);
                }
            } else if machine.term < Term(self.bound.terms) {
                may(Event::Timeout);
            }
            if machine.writes_under_way > 0 {
                may(Event::Sync);
            }
            if state.restarts < self.bound.restarts {
                (0..=machine.writes_under_way as u8).for_each(|finished| may(Event::Restart { finished }));
            }
        }
        for (index, message) in state.messages().iter().enumerate() {
            let is_repeated = state.messages()[..index].contains(message);
            if is_repeated {
                continue;
            }
            let index = index as u8;
            actions.push(Action::Deliver { index, stays: false });
            if state.repetitions < self.bound.repetitions {
                actions.push(Action::Deliver { index, stays: true });
            }
            if self.bound.plain {
                actions.push(Action::Lose { index });
            }
        }
    }

    /// Every state that follows from one, and what leads there.
    ///
    /// # Errors
    /// What led to a state in which a property does not hold, and which.
    fn follow(&mut self, state: &State, next: &mut Vec<(Action, State)>) -> Result<(), (Action, String)> {
        let mut actions = std::mem::take(&mut self.actions);
        self.actions(state, &mut actions);
        let outcome =
            actions.drain(..).try_for_each(|action| self.act(*state, action, next).map_err(|what| (action, what)));
        self.actions = actions;
        outcome
    }

    fn act(&mut self, mut state: State, action: Action, next: &mut Vec<(Action, State)>) -> Result<(), String> {
        let (node, event) = match action {
            Action::Lose { index } => {
                state.remove(usize::from(index));
                next.push((action, state));
                return Ok(());
            }
            Action::Deliver { index, stays } => {
                let message = state.messages()[usize::from(index)];
                if stays {
                    state.repetitions += 1;
                } else {
                    state.remove(usize::from(index));
                }
                (self.space.messages[message as usize].to.0 as usize - 1, Event::Receive(message))
            }
            Action::Happen { node, event } => {
                match event {
                    Event::Heartbeat | Event::Lonely => state.leader_ticks += 1,
                    Event::Restart { .. } => state.restarts += 1,
                    _ => {}
                }
                (usize::from(node), event)
            }
        };
        let step = self.space.step(state.machines[node], event)?;
        if step.machine == state.machines[node] && step.sent.is_empty() && !self.bound.plain {
            return Ok(());
        }
        state.machines[node] = step.machine;
        if step.leads_in.is_some() || !step.committed.is_empty() {
            let machine = &self.space.machines[step.machine as usize];
            let past = self.space.pasts[state.past as usize].0.after(NodeId(node as u16 + 1), &step, machine)?;
            state.past = self.space.past(past);
        }
        self.check(&state, node)?;
        self.age(&mut state, node);
        let first = next.len();
        next.push((action, state));
        for message in &step.sent {
            if let Some(message) = self.remaining(*message, &state) {
                self.send(message, first, next);
            }
        }
        Ok(())
    }

    /// Puts a message on its link in each of the states from `first` on. Where there is no room it is lost, or it takes the
    /// place of one that is lost.
    fn send(&self, message: MessageId, first: usize, next: &mut Vec<(Action, State)>) {
        for at in first..next.len() {
            let (action, state) = next[at];
            if self.on_link(&state, message).count() < self.bound.messages_per_link {
                next[at].1.push(message);
                continue;
            }
            if self.bound.plain {
                // It is lost; that an earlier one was lost instead is another state.
                continue;
            }
            let others = self.on_link(&state, message).filter(|index| state.messages[*index] != message);
            next.extend(others.map(|index| {
                let mut replaced = state;
                replaced.remove(index);
                replaced.push(message);
                (action, replaced)
            }));
        }
    }

    /// The messages in flight on the link of this one.
    fn on_link(&self, state: &State, message: MessageId) -> impl Iterator<Item = usize> {
        let link = |id: MessageId| {
            let known = &self.space.messages[id as usize];
            (known.from, known.to)
        };
        let link_of_message = link(message);
        let messages = state.messages().iter().enumerate();
        messages.filter(move |(_, id)| link(**id) == link_of_message).map(|(index, _)| index)
    }

    fn remaining(&mut self, message: MessageId, state: &State) -> Option<MessageId> {
        if self.bound.plain { Some(message) } else { self.space.remaining(message, &state.machines) }
    }

    /// Leaves of the messages to and from a node what remains of them after it has changed.
    fn age(&mut self, state: &mut State, node: usize) {
        for index in (0..state.messages().len()).rev() {
            let message = state.messages()[index];
            let KnownMessage { from, to, .. } = &self.space.messages[message as usize];
            if [from, to].contains(&&NodeId(node as u16 + 1)) {
                match self.remaining(message, state) {
                    Some(remaining) => state.messages[index] = remaining,
                    None => state.remove(index),
                }
            }
        }
    }

    fn check(&self, state: &State, node: usize) -> Result<(), String> {
        let machines = || state.machines.iter().map(|id| &self.space.machines[*id as usize]);
        for (index, other) in machines().enumerate() {
            if index != node {
                log_matching(&self.space.machines[state.machines[node] as usize], other)?;
            }
        }
        self.space.pasts[state.past as usize].0.durability(machines())
    }

    /// What led to the state at `index` of the trail, performed once more.
    fn trace(&mut self, first: State, mut index: u32) -> Vec<String> {
        let mut ordinals = Vec::new();
        while index > 0 {
            let (before, ordinal) = self.trail[index as usize];
            ordinals.push(usize::from(ordinal));
            index = before;
        }
        let (mut state, mut next) = (first, Vec::new());
        let mut lines = Vec::new();
        for ordinal in ordinals.into_iter().rev() {
            next.clear();
            // It was followed before, without an error.
            let _ = self.follow(&state, &mut next);
            let (action, after) = next[ordinal];
            lines.push(self.describe(&state, action));
            state = after;
        }
        lines
    }

    fn describe(&self, state: &State, action: Action) -> String {
        match action {
            Action::Happen { node, event } => format!("n{}: {event:?}", node + 1),
            Action::Lose { index } => {
                let known = &self.space.messages[state.messages()[usize::from(index)] as usize];
                format!("{} -> {} lost: {:?}", known.from, known.to, known.message)
            }
            Action::Deliver { index, stays } => {
                let known = &self.space.messages[state.messages()[usize::from(index)] as usize];
                let repeated = if stays { " (and stays in flight)" } else { "" };
                format!("{} -> {}{repeated}: {:?}", known.from, known.to, known.message)
            }
        }
    }
}
