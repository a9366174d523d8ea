//! What happens, in the order of virtual time, until the cluster has healed and agrees.

use std::panic::AssertUnwindSafe;

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use thiserror::Error;

use super::{
    clients::{Client, Ended, Invocation, PATIENCE_US},
    judge,
    machine::Machine,
    network::Network,
    plan::Plan,
    queue::Queue,
    raft::{self, Glance, Properties},
    run::Run,
};
use crate::core::{
    Claim, ClientResponse, Core, Effect, Entry, Input, Message, NodeId, Position, ProtocolEvent, Role, Token,
};

/// How long a healed cluster may take to agree, in microseconds.
const CONVERGENCE_US_MAX: u64 = 10_000_000;
/// How often agreement is looked for, in microseconds.
const CONVERGENCE_LOOK_US: u64 = 10_000;
/// More happenings than this at once are a message storm.
const HAPPENINGS_MAX: usize = 50_000;

/// The number of an operator's requests, whose answers nobody reads.
pub(super) const OPERATOR: u64 = u64::MAX;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("seed {seed}, {at_us} µs after the start: {what}")]
pub struct Violation {
    /// The seed of the plan.
    pub seed: u64,
    /// When it showed.
    pub at_us: u64,
    /// What was broken: the name of the promise, a colon, and how it shows.
    pub what: String,
    /// The last steps before, if the plan asked for a trace.
    pub trace: Vec<String>,
}

impl Violation {
    /// The name of the promise that was broken.
    #[must_use]
    pub fn promise(&self) -> &str {
        self.what.split(':').next().unwrap_or_default()
    }
}

/// Something that will happen.
#[derive(Debug)]
enum Happening {
    Tick { node: NodeId },
    Deliver { from: NodeId, to: NodeId, message: Message },
    Persisted { node: NodeId, incarnation: u64, token: Token },
    SnapshotSaved { node: NodeId, incarnation: u64, position: Position },
    Next { client: usize },
    Request { operation: usize, attempt: u8, node: NodeId },
    Response { operation: usize, attempt: u8, response: ClientResponse },
    GiveUp { operation: usize, attempt: u8 },
    Again { operation: usize },
    Fault { index: usize },
    End,
    Look,
}

/// A cluster, its surroundings, and what has been seen so far.
#[derive(Debug)]
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) rng: ChaCha8Rng,
    pub(super) now_us: u64,
    queue: Queue<Happening>,
    pub(super) machines: Vec<Machine>,
    pub(super) network: Network,
    clients: Vec<Client>,
    pub(super) invocations: Vec<Invocation>,
    pub(super) properties: Properties,
    disks_are_kept: bool,
    /// Since when the cluster agrees, and on what.
    agreement: Option<(u64, (NodeId, Claim, Position))>,
    pub(super) steps: u64,
    pub(super) trace: Vec<String>,
    /// A mistake that every core makes.
    #[cfg(test)]
    pub(super) bug: Option<crate::core::Bug>,
}

/// The number under which a node knows an attempt. A late one may reach a node after a later one.
fn request_of(operation: usize, attempt: u8) -> u64 {
    operation as u64 * 256 + u64::from(attempt)
}

fn operation_of(request: u64) -> (usize, u8) {
    ((request / 256) as usize, (request % 256) as u8)
}

/// Runs a plan to its end.
///
/// # Errors
/// The first promise that was broken; a panic of the core is one, too.
pub fn simulate(plan: Plan) -> Result<Run, Violation> {
    World::new(plan).simulate()
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let message = panic.downcast_ref::<&str>().copied();
    message.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

impl World {
    pub(super) fn new(plan: Plan) -> Self {
        let machine = |id| {
            let clock = plan.clocks.get(usize::from(id) - 1).copied().unwrap_or_default();
            Machine::new(NodeId(id), &plan.settings, clock)
        };
        Self {
            rng: ChaCha8Rng::seed_from_u64(plan.seed),
            now_us: 0,
            queue: Queue::new(),
            machines: (1..=plan.nodes).map(machine).collect(),
            network: Network::new(plan.network, plan.nodes),
            clients: (0..plan.clients).map(|index| Client::new(index, plan.nodes)).collect(),
            invocations: Vec::new(),
            properties: Properties::new(&plan.settings, plan.keeps_disks()),
            disks_are_kept: plan.keeps_disks(),
            agreement: None,
            steps: 0,
            trace: Vec::new(),
            #[cfg(test)]
            bug: None,
            plan,
        }
    }

    /// Runs to the end and judges what has come to be.
    pub(super) fn simulate(mut self) -> Result<Run, Violation> {
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| self.run().and_then(|()| judge::judge(&self))))
            .unwrap_or_else(|panic| Err(format!("panic: {}", panic_message(&*panic))));
        match result {
            Ok(report) => Ok(Run::of(&mut self, report)),
            Err(what) => Err(Violation { seed: self.plan.seed, at_us: self.now_us, what, trace: self.trace }),
        }
    }

    fn run(&mut self) -> Result<(), String> {
        self.restart_all()?;
        for client in 0..self.clients.len() {
            let think_us = self.rng.random_range(0..=self.plan.think_us_max);
            self.schedule(think_us, Happening::Next { client });
        }
        for index in 0..self.plan.faults.len() {
            self.schedule_at(self.plan.faults[index].at_us, Happening::Fault { index });
        }
        self.schedule_at(self.plan.end_us, Happening::End);
        while let Some((at_us, happening)) = self.queue.pop() {
            self.now_us = at_us;
            if self.queue.len() > HAPPENINGS_MAX {
                return Err(format!("message storm: more than {HAPPENINGS_MAX} happenings are queued"));
            }
            if matches!(happening, Happening::Look) && self.has_converged() {
                return Ok(());
            }
            self.happen(happening)?;
        }
        Err("convergence: nothing is left to happen".to_owned())
    }

    fn schedule(&mut self, in_us: u64, happening: Happening) {
        self.schedule_at(self.now_us + in_us, happening);
    }

    fn schedule_at(&mut self, at_us: u64, happening: Happening) {
        self.queue.push(at_us, happening);
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Tick { node } if self.machine(node).tick_queued_us == self.now_us => {
                self.machine(node).tick_queued_us = u64::MAX;
                if self.tick_due_us(node).is_some_and(|due_us| due_us <= self.now_us) {
                    return self.input(node, Input::Tick);
                }
                self.schedule_tick(node);
            }
            Happening::Tick { .. } => {}
            Happening::Deliver { from, to, message } => {
                if self.network.is_up(from, to) {
                    return self.input(to, Input::Peer { from, message });
                }
            }
            Happening::Persisted { node, incarnation, token } => return self.persisted(node, incarnation, token),
            Happening::Next { client } => self.invoke(client),
            Happening::SnapshotSaved { node, incarnation, position } => {
                return self.snapshot_saved(node, incarnation, position);
            }
            Happening::Request { operation, attempt, node } => return self.request(operation, attempt, node),
            Happening::Response { operation, attempt, response } => {
                let at_us = self.now_us;
                self.attempted(operation, attempt, Ended::Answered { at_us, response });
            }
            Happening::GiveUp { operation, attempt } => self.attempted(operation, attempt, Ended::GaveUp),
            Happening::Again { operation } => self.attempt(operation),
            Happening::Fault { index } if self.now_us < self.plan.end_us => return self.inject(index),
            Happening::Fault { .. } => {}
            Happening::End => {
                self.heal()?;
                self.schedule(0, Happening::Look);
            }
            Happening::Look if self.now_us > self.plan.end_us + CONVERGENCE_US_MAX => {
                let statuses: Vec<_> = self.cores().map(|(_, core)| core.status()).collect();
                return Err(format!(
                    "convergence: none {} s after healing: {statuses:#?}",
                    CONVERGENCE_US_MAX / 1_000_000
                ));
            }
            Happening::Look => self.schedule(CONVERGENCE_LOOK_US, Happening::Look),
        }
        Ok(())
    }

    pub(super) fn machine(&mut self, node: NodeId) -> &mut Machine {
        &mut self.machines[usize::from(node.0) - 1]
    }

    /// The nodes that are up.
    pub(super) fn cores(&self) -> impl Iterator<Item = (NodeId, &Core)> + '_ {
        self.machines.iter().filter_map(|machine| Some((machine.id, machine.core.as_ref()?)))
    }

    /// Hands one input to a node, or keeps it while the node is paused.
    pub(super) fn input(&mut self, node: NodeId, input: Input) -> Result<(), String> {
        if let Some(waiting) = &mut self.machine(node).paused {
            waiting.push(input);
            return Ok(());
        }
        self.step(node, vec![input])
    }

    pub(super) fn step(&mut self, node: NodeId, inputs: Vec<Input>) -> Result<(), String> {
        let (now_us, traced) = (self.now_us, self.plan.traced);
        let promised = raft::are_promised(self.plan.settings.failover) && self.disks_are_kept;
        let machine = &mut self.machines[usize::from(node.0) - 1];
        let Some(core) = &mut machine.core else { return Ok(()) };
        self.steps += 1;
        let line = traced.then(|| format!("{now_us:>9} {node} {inputs:?}"));
        let before = Glance::at(node, core);
        #[cfg(test)]
        if let Some(bug) = self.bug {
            bug.before_step(core, machine.clock.at(now_us));
        }
        let mut effects = core.step_all(machine.clock.at(now_us), inputs);
        core.validate();
        if let Some(line) = line {
            self.trace.push(format!("{line} -> {effects:?}"));
        }
        if promised && let Some(core) = &self.machines[usize::from(node.0) - 1].core {
            self.properties.after_step(&before, core, &effects, &self.machines)?;
        }
        let crash_after = self.machine(node).crash_after_effects.take();
        if let Some(count) = crash_after {
            effects.truncate(count);
        }
        effects.into_iter().try_for_each(|effect| self.perform(node, effect))?;
        if crash_after.is_some() {
            return self.crash(node);
        }
        self.schedule_tick(node);
        Ok(())
    }

    /// When a node wants to be told that time has passed.
    fn tick_due_us(&mut self, node: NodeId) -> Option<u64> {
        let now_us = self.now_us;
        let machine = self.machine(node);
        let deadline_us = machine.core.as_ref()?.deadline_us();
        (deadline_us != u64::MAX).then(|| machine.clock.when(deadline_us, now_us))
    }

    /// Queues a node's next tick. One that is queued already and comes too early will queue another: deadlines are put off
    /// with every message.
    pub(super) fn schedule_tick(&mut self, node: NodeId) {
        let Some(due_us) = self.tick_due_us(node) else { return };
        let machine = self.machine(node);
        if due_us < machine.tick_queued_us {
            machine.tick_queued_us = due_us;
            self.schedule_at(due_us, Happening::Tick { node });
        }
    }

    fn perform(&mut self, node: NodeId, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Persist { token, records } => {
                let (now_us, machine) = (self.now_us, &mut self.machines[usize::from(node.0) - 1]);
                let done_us = machine.disk.write(now_us, token, records, &mut self.rng);
                let incarnation = machine.incarnation;
                self.schedule_at(done_us, Happening::Persisted { node, incarnation, token });
            }
            Effect::Send { to, message } => {
                if let Message::Append(append) = &message {
                    let mut previous = append.previous_claim;
                    for entry in &append.entries {
                        self.properties.saw_entry(entry, previous)?;
                        previous = entry.claim;
                    }
                }
                if self.network.is_up(node, to) {
                    for delay_us in self.network.delays_us(&mut self.rng) {
                        self.schedule(delay_us, Happening::Deliver { from: node, to, message: message.clone() });
                    }
                }
            }
            Effect::Reply { request: OPERATOR, .. } => {}
            Effect::Reply { request, response } => {
                let (operation, attempt) = operation_of(request);
                let home = self.clients[self.invocations[operation].client].home;
                if self.network.is_up_for_clients(home, node) {
                    let delay_us = self.network.delay_us(&mut self.rng);
                    self.schedule(delay_us, Happening::Response { operation, attempt, response });
                }
            }
            Effect::Event(event) => self.record_event(node, event)?,
            Effect::SaveSnapshot { snapshot } => {
                let (now_us, machine) = (self.now_us, &mut self.machines[usize::from(node.0) - 1]);
                let (incarnation, position) = (machine.incarnation, snapshot.position);
                let done_us = machine.disk.save(now_us, snapshot, &mut self.rng);
                self.schedule_at(done_us, Happening::SnapshotSaved { node, incarnation, position });
            }
            Effect::InstallSnapshot { token, snapshot } => {
                let (now_us, machine) = (self.now_us, &mut self.machines[usize::from(node.0) - 1]);
                let done_us = machine.disk.install(now_us, token, snapshot, &mut self.rng);
                let incarnation = machine.incarnation;
                self.schedule_at(done_us, Happening::Persisted { node, incarnation, token });
            }
        }
        Ok(())
    }

    fn record_event(&mut self, node: NodeId, event: ProtocolEvent) -> Result<(), String> {
        judge::reported_once(&self.machine(node).ledger, &event).map_err(|what| format!("{node}: {what}"))?;
        self.machine(node).record(event);
        Ok(())
    }

    fn persisted(&mut self, node: NodeId, incarnation: u64, token: Token) -> Result<(), String> {
        if self.machine(node).incarnation != incarnation || self.machine(node).core.is_none() {
            return Ok(());
        }
        let now_us = self.now_us;
        let appended = self.machine(node).disk.finish(now_us, token);
        self.saw_on_disk(&appended)?;
        self.input(node, Input::Persisted { token })
    }

    fn snapshot_saved(&mut self, node: NodeId, incarnation: u64, position: Position) -> Result<(), String> {
        let machine = self.machine(node);
        if machine.incarnation != incarnation || machine.core.is_none() {
            return Ok(());
        }
        machine.disk.finish_save();
        self.input(node, Input::SnapshotSaved { position })
    }

    pub(super) fn saw_on_disk(&mut self, appended: &[(Entry, Claim)]) -> Result<(), String> {
        appended.iter().try_for_each(|(entry, previous)| self.properties.saw_entry(entry, *previous))
    }

    fn invoke(&mut self, client: usize) {
        if self.now_us >= self.plan.end_us {
            return;
        }
        let number = self.invocations.len();
        let invocation = self.clients[client].invoke(client, number, &self.plan, self.now_us, &mut self.rng);
        self.invocations.push(invocation);
        self.attempt(number);
    }

    /// Sends an operation to the node that its client has chosen.
    fn attempt(&mut self, operation: usize) {
        let Invocation { client, node, attempt, .. } = self.invocations[operation];
        if self.network.is_up_for_clients(self.clients[client].home, node) {
            let delay_us = self.network.delay_us(&mut self.rng);
            self.schedule(delay_us, Happening::Request { operation, attempt, node });
        }
        self.schedule(PATIENCE_US, Happening::GiveUp { operation, attempt });
    }

    fn request(&mut self, operation: usize, attempt: u8, node: NodeId) -> Result<(), String> {
        if self.machine(node).core.is_none() {
            // Refused by the machine: the client learns at once that nothing happened.
            let at_us = self.now_us;
            self.attempted(operation, attempt, Ended::Refused { at_us });
            return Ok(());
        }
        let body = self.invocations[operation].request.clone();
        self.input(node, Input::Client { request: request_of(operation, attempt), body })
    }

    /// An attempt has ended, unless its operation has already.
    fn attempted(&mut self, operation: usize, attempt: u8, ended: Ended) {
        let invocation = &mut self.invocations[operation];
        let (index, clients) = (invocation.client, self.clients.len());
        let client = &mut self.clients[index];
        if client.waits_for != Some(operation) || invocation.attempt != attempt {
            return;
        }
        if client.learn(invocation, ended, &self.plan.settings, &self.network, clients, &mut self.rng) {
            let pause_us = self.rng.random_range(1..=self.plan.think_us_max);
            return self.schedule(pause_us, Happening::Again { operation });
        }
        let think_us = self.rng.random_range(1..=self.plan.think_us_max);
        self.schedule(think_us, Happening::Next { client: index });
    }

    /// One leader, all nodes at its position, unchanged for the longest election timeout.
    fn has_converged(&mut self) -> bool {
        let agreed = self.agreed_on();
        let stable_us = self.plan.settings.election_timeout.max_ms * 1_000;
        match (agreed, self.agreement) {
            (Some(agreed), Some((since_us, before))) if agreed == before => self.now_us - since_us >= stable_us,
            (agreed, _) => {
                self.agreement = agreed.map(|agreed| (self.now_us, agreed));
                false
            }
        }
    }

    fn agreed_on(&self) -> Option<(NodeId, Claim, Position)> {
        let (node, leader) = self.only_leader()?;
        let agrees = |member: NodeId| {
            let core = self.machines.get(usize::from(member.0) - 1).and_then(|machine| machine.core.as_ref());
            core.is_some_and(|core| {
                let at_end = core.visible() == leader.last() && core.durable() == leader.last();
                core.leader() == Some(node) && core.last() == leader.last() && at_end
            })
        };
        let all = leader.members().all().all(agrees);
        all.then_some((node, Claim { term: leader.term(), leader: node }, leader.last()))
    }

    /// The leader, if exactly one node leads a cluster that it belongs to.
    pub(super) fn only_leader(&self) -> Option<(NodeId, &Core)> {
        let leads = |(node, core): &(NodeId, &Core)| core.role() == Role::Leader && core.members().contains(*node);
        let mut leaders = self.cores().filter(leads);
        let leader = leaders.next()?;
        leaders.next().is_none().then_some(leader)
    }
}
