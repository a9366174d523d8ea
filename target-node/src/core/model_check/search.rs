//! The search: every state that a bound allows, nearest first, each once.

use std::collections::VecDeque;

use rustc_hash::FxHashSet;

use super::{
    machine::{Circumstances, Machine, NODES},
    properties::{Past, log_matching},
    space::{Event, MachineId, MessageId, Space},
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
    /// For each state the one before it and what led from there.
    trail: Vec<(u32, Action)>,
    depths: Vec<u32>,
    queue: VecDeque<State>,
    transitions: u64,
}

/// Explores everything that can follow from these machines.
pub(super) fn explore(start: Vec<Machine>, circumstances: Circumstances, bound: &Bound) -> Report {
    let mut search = Search {
        bound,
        space: Space::new(circumstances),
        seen: FxHashSet::default(),
        trail: Vec::new(),
        depths: Vec::new(),
        queue: VecDeque::new(),
        transitions: 0,
    };
    let first = search.first(start);
    let verdict = search.run(first);
    Report {
        verdict,
        states: search.seen.len(),
        transitions: search.transitions,
        depth: search.depths.last().copied().unwrap_or_default(),
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

    fn run(&mut self, first: State) -> Verdict {
        self.trail.push((0, Action::Lose { index: 0 }));
        self.depths.push(0);
        self.seen.insert(self.digest(&first));
        self.queue.push_back(first);
        let mut actions = Vec::new();
        while let Some(state) = self.queue.pop_front() {
            self.actions(&state, &mut actions);
            for action in actions.drain(..) {
                self.transitions += 1;
                match self.follow(&state, action) {
                    Ok(next) => self.meet(&state, action, next),
                    Err(what) => {
                        self.trail.push((state.index, action));
                        return Verdict::Violated { what, trace: self.trace(first) };
                    }
                }
            }
            if self.seen.len() >= self.bound.states {
                return Verdict::Unfinished;
            }
        }
        Verdict::Complete
    }

    fn meet(&mut self, before: &State, action: Action, mut next: State) {
        if !self.seen.insert(self.digest(&next)) {
            return;
        }
        next.index = self.trail.len() as u32;
        self.trail.push((before.index, action));
        self.depths.push(self.depths[before.index as usize] + 1);
        self.queue.push_back(next);
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
            // A message that is never delivered is as good as lost, except that it takes a place.
            if self.on_link(state, *message) >= self.bound.messages_per_link {
                actions.push(Action::Lose { index });
            }
        }
    }

    /// How many messages are in flight on the link of this one.
    fn on_link(&self, state: &State, message: MessageId) -> usize {
        let link = |id: MessageId| {
            let known = &self.space.messages[id as usize];
            (known.from, known.to)
        };
        state.messages().iter().filter(|id| link(**id) == link(message)).count()
    }

    fn follow(&mut self, state: &State, action: Action) -> Result<State, String> {
        let mut next = *state;
        let (node, event) = match action {
            Action::Lose { index } => {
                next.remove(usize::from(index));
                return Ok(next);
            }
            Action::Deliver { index, stays } => {
                let message = state.messages()[usize::from(index)];
                if stays {
                    next.repetitions += 1;
                } else {
                    next.remove(usize::from(index));
                }
                (self.space.messages[message as usize].to.0 as usize - 1, Event::Receive(message))
            }
            Action::Happen { node, event } => {
                match event {
                    Event::Heartbeat | Event::Lonely => next.leader_ticks += 1,
                    Event::Restart { .. } => next.restarts += 1,
                    _ => {}
                }
                (usize::from(node), event)
            }
        };
        self.happen(&mut next, node, event)?;
        Ok(next)
    }

    fn happen(&mut self, state: &mut State, node: usize, event: Event) -> Result<(), String> {
        let step = self.space.step(state.machines[node], event)?;
        state.machines[node] = step.machine;
        if step.leads_in.is_some() || !step.committed.is_empty() {
            let machine = &self.space.machines[step.machine as usize];
            let past = self.space.pasts[state.past as usize].0.after(NodeId(node as u16 + 1), &step, machine)?;
            state.past = self.space.past(past);
        }
        for message in step.sent.iter().copied() {
            let has_room = self.on_link(state, message) < self.bound.messages_per_link;
            if has_room && !self.space.is_stale(message, self.receiver(state, message)) {
                state.messages[usize::from(state.message_count)] = message;
                state.message_count += 1;
            }
        }
        self.forget_stale(state, node);
        self.check(state, node)
    }

    fn receiver(&self, state: &State, message: MessageId) -> MachineId {
        state.machines[usize::from(self.space.messages[message as usize].to.0) - 1]
    }

    fn forget_stale(&self, state: &mut State, node: usize) {
        for index in (0..state.messages().len()).rev() {
            let message = state.messages()[index];
            let is_for_node = usize::from(self.space.messages[message as usize].to.0) == node + 1;
            if is_for_node && self.space.is_stale(message, state.machines[node]) {
                state.remove(index);
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

    /// What led to the last state of the trail, performed once more.
    fn trace(&mut self, first: State) -> Vec<String> {
        let mut actions = Vec::new();
        let mut index = self.trail.len() - 1;
        while index > 0 {
            let (before, action) = self.trail[index];
            actions.push(action);
            index = before as usize;
        }
        let mut state = first;
        let mut lines = Vec::new();
        for action in actions.into_iter().rev() {
            let what = match action {
                Action::Happen { node, event } => format!("n{}: {event:?}", node + 1),
                Action::Deliver { index, stays } => {
                    let known = &self.space.messages[state.messages()[usize::from(index)] as usize];
                    let repeated = if stays { " (and stays in flight)" } else { "" };
                    format!("{} -> {}{repeated}: {:?}", known.from, known.to, known.message)
                }
                Action::Lose { index } => {
                    let known = &self.space.messages[state.messages()[usize::from(index)] as usize];
                    format!("{} -> {} lost: {:?}", known.from, known.to, known.message)
                }
            };
            lines.push(what);
            match self.follow(&state, action) {
                Ok(next) => state = next,
                Err(_) => break,
            }
        }
        lines
    }
}
