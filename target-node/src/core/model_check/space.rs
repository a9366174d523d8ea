//! Every distinct machine, message and past, each once, and every step of a machine, computed once.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

use rustc_hash::FxHashMap;

use super::{
    canonical::{Digests, RENAMINGS, digests, spread},
    machine::{Circumstances, Deeds, Happening, Machine, NODES},
    properties::Past,
    remains::term_only,
};
use crate::core::{Claim, HardState, Message, NodeId, Position, Role, Term};

/// The number of a machine in [`Space`].
pub(super) type MachineId = u32;
/// The number of a message in [`Space`].
pub(super) type MessageId = u32;

/// A machine, and what the search wants to know of it at once.
pub(super) struct KnownMachine {
    pub(super) machine: Machine,
    pub(super) digests: Digests,
    pub(super) role: Role,
    pub(super) term: Term,
    /// What no crash makes it forget.
    pub(super) durable: HardState,
    pub(super) last: Position,
    pub(super) writes_under_way: usize,
    pub(super) claims: Vec<Claim>,
    pub(super) durable_claims: Vec<Claim>,
}

/// A message on its link.
pub(super) struct KnownMessage {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) message: Message,
    pub(super) digests: Digests,
    /// What says no more than its term, or no more than to ask for one, in its place.
    pub(super) term_only: Option<MessageId>,
}

/// A kind of [`Happening`] with a message by its number: what steps are found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Event {
    Receive(MessageId),
    Timeout,
    Heartbeat,
    Lonely,
    Propose,
    Sync,
    Restart { finished: u8 },
}

/// What a step leads to.
pub(super) struct Step {
    pub(super) machine: MachineId,
    pub(super) sent: Vec<MessageId>,
    pub(super) leads_in: Option<Term>,
    pub(super) committed: Vec<(Position, Claim)>,
}

/// Everything that has been met.
pub(super) struct Space {
    pub(super) circumstances: Circumstances,
    /// Nobody stands for election in a higher one.
    pub(super) last_term: Term,
    pub(super) machines: Vec<KnownMachine>,
    pub(super) messages: Vec<KnownMessage>,
    pub(super) pasts: Vec<(Past, Digests)>,
    machine_ids: FxHashMap<u64, MachineId>,
    message_ids: FxHashMap<u64, MessageId>,
    past_ids: FxHashMap<u64, u32>,
    steps: FxHashMap<(MachineId, Event), Result<Rc<Step>, String>>,
}

impl Space {
    pub(super) fn new(circumstances: Circumstances, last_term: Term) -> Self {
        Self {
            circumstances,
            last_term,
            machines: Vec::new(),
            messages: Vec::new(),
            pasts: Vec::new(),
            machine_ids: FxHashMap::default(),
            message_ids: FxHashMap::default(),
            past_ids: FxHashMap::default(),
            steps: FxHashMap::default(),
        }
    }

    /// How many steps of machines were computed.
    pub(super) fn step_count(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn machine(&mut self, machine: Machine) -> MachineId {
        let (text, token) = machine.text();
        let digests = digests(&text, token);
        if let Some(id) = self.machine_ids.get(&digests[0]) {
            return *id;
        }
        let id = self.machines.len() as MachineId;
        self.machine_ids.insert(digests[0], id);
        self.machines.push(KnownMachine {
            digests,
            role: machine.core.role(),
            term: machine.core.term(),
            durable: machine.durable(),
            last: machine.core.last(),
            writes_under_way: machine.writes_under_way(),
            claims: machine.claims().collect(),
            durable_claims: machine.durable_claims().collect(),
            machine,
        });
        id
    }

    fn message(&mut self, from: NodeId, to: NodeId, message: Message) -> MessageId {
        let digests = digests(&format!("{from:?} {to:?} {message:?}"), 0);
        if let Some(id) = self.message_ids.get(&digests[0]) {
            return *id;
        }
        let id = self.messages.len() as MessageId;
        self.message_ids.insert(digests[0], id);
        let term_only = term_only(&message);
        self.messages.push(KnownMessage { from, to, message, digests, term_only: None });
        self.messages[id as usize].term_only = term_only.map(|message| self.message(from, to, message));
        id
    }

    pub(super) fn past(&mut self, past: Past) -> u32 {
        let digests = digests(&format!("{past:?}"), 0);
        if let Some(id) = self.past_ids.get(&digests[0]) {
            return *id;
        }
        let id = self.pasts.len() as u32;
        self.past_ids.insert(digests[0], id);
        self.pasts.push((past, digests));
        id
    }

    /// What becomes of a machine.
    ///
    /// # Errors
    /// The message of a panic, if the core finds by itself that something is wrong.
    pub(super) fn step(&mut self, machine: MachineId, event: Event) -> Result<Rc<Step>, String> {
        if let Some(known) = self.steps.get(&(machine, event)) {
            return known.clone();
        }
        let computed = self.compute(machine, event).map(Rc::new);
        self.steps.insert((machine, event), computed.clone());
        computed
    }

    fn compute(&mut self, id: MachineId, event: Event) -> Result<Step, String> {
        let mut machine = self.machines[id as usize].machine.clone();
        let node = machine.core.id;
        let happening = match event {
            Event::Receive(message) => {
                let known = &self.messages[message as usize];
                Happening::Receive { from: known.from, message: known.message.clone() }
            }
            Event::Timeout => Happening::Timeout,
            Event::Heartbeat => Happening::Heartbeat,
            Event::Lonely => Happening::Lonely,
            Event::Propose => Happening::Propose,
            Event::Sync => Happening::Sync,
            Event::Restart { finished } => Happening::Restart { finished: usize::from(finished) },
        };
        let circumstances = &self.circumstances;
        let stepped = catch_unwind(AssertUnwindSafe(|| machine.step(happening, circumstances)));
        let Deeds { sent, leads_in, committed } = stepped.map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
        })?;
        let machine = self.machine(machine);
        let sent = sent.into_iter().map(|(to, message)| self.message(node, to, message)).collect();
        Ok(Step { machine, sent, leads_in, committed })
    }

    /// The least digest of a state under all renamings of its nodes: equal for states that differ in names only.
    pub(super) fn digest(
        &self,
        machines: [MachineId; NODES as usize],
        messages: &[MessageId],
        past: u32,
        rest: u64,
    ) -> u64 {
        let of = |renaming: usize| {
            let machines = machines.iter().map(|id| spread(self.machines[*id as usize].digests[renaming]));
            let messages = messages.iter().map(|id| spread(self.messages[*id as usize].digests[renaming] ^ 1));
            let sum = machines.chain(messages).fold(0_u64, u64::wrapping_add);
            spread(sum.wrapping_add(spread(self.pasts[past as usize].1[renaming] ^ 2)).wrapping_add(spread(rest ^ 3)))
        };
        (0..RENAMINGS.len()).map(of).min().unwrap_or_default()
    }
}
