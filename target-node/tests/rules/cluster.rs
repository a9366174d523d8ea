//! Several cores with a scripted network and scripted disks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use target_node::{
    core::{
        Ballot, Change, Claim, ClientRequest, Command, Core, Effect, Entry, HardState, Input, Members, Message, NodeId,
        OperatorRequest, Position, ProtocolEvent, Role, Term, Value,
    },
    settings::Settings,
};

use crate::{disk::Disk, show};

/// More deliveries than this in one `settle` are a storm.
const DELIVERIES_MAX: usize = 10_000;

/// One place: a disk, and a core while it is up.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) core: Option<Core>,
    pub(crate) disk: Disk,
}

/// What a script drives.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    nodes: u16,
    settings: Settings,
    now_us: u64,
    machines: BTreeMap<NodeId, Machine>,
    /// What is in flight from one node to another, in the order of sending, numbered over all links.
    links: BTreeMap<(NodeId, NodeId), VecDeque<(u64, Message)>>,
    cut: BTreeSet<(NodeId, NodeId)>,
    sent: u64,
    /// What clients asked, by number.
    requests: Vec<String>,
    leaders: BTreeMap<Term, NodeId>,
    /// Prints events and answers only.
    is_quiet: bool,
    printed: Vec<String>,
}

impl Cluster {
    /// A cluster of `nodes` with empty disks.
    pub(crate) fn new(nodes: u16, settings: Settings) -> Result<Self, String> {
        let mut cluster = Self { nodes, settings, ..Self::default() };
        (1..=nodes).map(NodeId).try_for_each(|id| cluster.join(id))?;
        Ok(cluster)
    }

    /// Starts a node with an empty disk; one that did not found the cluster knows nobody.
    pub(crate) fn join(&mut self, node: NodeId) -> Result<(), String> {
        if self.machines.contains_key(&node) {
            return Err(format!("{node} is there already"));
        }
        self.machines.insert(node, Machine { core: None, disk: Disk::default() });
        self.restart(node)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        self.machines.keys().copied().collect::<Vec<_>>().into_iter()
    }

    pub(crate) fn take_printed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.printed)
    }

    pub(crate) fn print(&mut self, line: impl Into<String>) {
        self.printed.push(line.into());
    }

    fn print_detail(&mut self, line: impl Into<String>) {
        if !self.is_quiet {
            self.print(line);
        }
    }

    /// Does something without printing more than events and answers.
    pub(crate) fn quietly<T>(&mut self, perform: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        let before = std::mem::replace(&mut self.is_quiet, true);
        let result = perform(self);
        self.is_quiet = before;
        result
    }

    pub(crate) fn machine(&mut self, node: NodeId) -> Result<&mut Machine, String> {
        self.machines.get_mut(&node).ok_or_else(|| format!("there is no {node}"))
    }

    pub(crate) fn core(&mut self, node: NodeId) -> Result<&mut Core, String> {
        self.machine(node)?.core.as_mut().ok_or_else(|| format!("{node} is down"))
    }

    /// Lets time pass; nothing is due until a script says so.
    pub(crate) fn wait(&mut self, us: u64) {
        self.now_us += us;
    }

    /// Lets time pass until the node has something to do, and lets it.
    pub(crate) fn timeout(&mut self, node: NodeId) -> Result<(), String> {
        let deadline_us = self.core(node)?.deadline_us();
        if deadline_us == u64::MAX {
            return Err(format!("{node} waits for nothing"));
        }
        self.now_us = self.now_us.max(deadline_us);
        self.step(node, Input::Tick)
    }

    /// Starts the node with what is on its disk.
    pub(crate) fn restart(&mut self, node: NodeId) -> Result<(), String> {
        let (nodes, settings, now_us) = (self.nodes, self.settings.clone(), self.now_us);
        let machine = self.machine(node)?;
        if machine.core.is_some() {
            return Err(format!("{node} is up"));
        }
        let founders = if node.0 <= nodes { Members::first(nodes) } else { Members::default() };
        machine.core = Some(Core::new(node, founders, settings, machine.disk.contents(), 1, now_us));
        Ok(())
    }

    /// Stops the node; what its disk has not finished is lost, what it has sent is not.
    pub(crate) fn crash(&mut self, node: NodeId) -> Result<(), String> {
        let machine = self.machine(node)?;
        machine.core = None;
        machine.disk.crash();
        Ok(())
    }

    /// Starts the node anew with a log of entries of these terms. By convention node 1 leads term 1, node 2 term 2 and
    /// so on, round and round.
    pub(crate) fn set_log(&mut self, node: NodeId, terms: &[u64], hard_state: HardState) -> Result<(), String> {
        let entry = |(term, position): (&u64, u64)| {
            let leader = NodeId((*term as u16 - 1) % self.nodes + 1);
            let change = Change::Write { key: "x".to_owned(), value: Value::from(term * 100 + position) };
            let claim = Claim { term: Term(*term), leader };
            Entry { claim, position: Position(position), command: Command::Change(change), origin: None }
        };
        let entries = terms.iter().zip(1..).map(entry).collect();
        self.crash(node)?;
        self.machine(node)?.disk = Disk::with(hard_state, entries);
        self.restart(node)
    }

    /// Hands the node a request; answers are printed with its `name`.
    pub(crate) fn request(&mut self, node: NodeId, name: String, body: ClientRequest) -> Result<(), String> {
        let request = self.requests.len() as u64;
        self.requests.push(name);
        self.step(node, Input::Client { request, body })
    }

    /// Hands the node an operator's request; answers are printed with its `name`.
    pub(crate) fn operate(&mut self, node: NodeId, name: String, body: OperatorRequest) -> Result<(), String> {
        let request = self.requests.len() as u64;
        self.requests.push(name);
        self.step(node, Input::Operator { request, body })
    }

    /// Lets the node take an input, performs what it wants, and lets its disk finish unless it is slow.
    pub(crate) fn step(&mut self, node: NodeId, input: Input) -> Result<(), String> {
        let now_us = self.now_us;
        let core = self.core(node)?;
        let effects = core.step(now_us, input);
        core.validate();
        for effect in effects {
            self.perform(node, effect)?;
        }
        if !self.machine(node)?.disk.is_slow {
            self.finish_writes(node)?;
        }
        Ok(())
    }

    fn perform(&mut self, node: NodeId, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Persist { token, records } => {
                let written: Vec<_> = records.iter().map(show::record).collect();
                self.print_detail(format!("{node} writes {}", written.join(", ")));
                self.machine(node)?.disk.write(token, records);
            }
            Effect::SaveSnapshot { snapshot } => {
                self.print_detail(format!("{node} saves a snapshot to {}", snapshot.position));
                self.machine(node)?.disk.save(snapshot);
            }
            Effect::InstallSnapshot { token, snapshot } => {
                self.print_detail(format!("{node} installs a snapshot to {}", snapshot.position));
                self.machine(node)?.disk.install(token, snapshot);
            }
            Effect::Send { to, message } => {
                let shown = show::message(&message);
                if self.cut.contains(&(node, to)) {
                    self.print_detail(format!("{node} -> {to} {shown} (lost)"));
                    return Ok(());
                }
                self.print_detail(format!("{node} -> {to} {shown}"));
                self.sent += 1;
                self.links.entry((node, to)).or_default().push_back((self.sent, message));
            }
            Effect::Reply { request, response } => {
                let name = usize::try_from(request).ok().and_then(|index| self.requests.get(index).cloned());
                let name = name.ok_or_else(|| format!("{node} answers what nobody asked: {response:?}"))?;
                self.print(format!("{node} answers {name}: {}", show::response(&response)));
            }
            Effect::Event(event) => {
                self.machine(node)?.disk.record(&event);
                if let Some(line) = show::event(node, &event) {
                    self.print(line);
                }
                if let ProtocolEvent::BecameLeader { term, .. } = event {
                    let first = *self.leaders.entry(term).or_insert(node);
                    if first != node && self.settings.failover == target_node::settings::Failover::Consensus {
                        return Err(format!("election safety: {first} and {node} lead in term {term}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Finishes everything that the node's disk has under way.
    pub(crate) fn finish_writes(&mut self, node: NodeId) -> Result<(), String> {
        while self.machine(node)?.disk.is_busy() {
            self.finish_write(node)?;
        }
        Ok(())
    }

    /// Finishes the oldest write of the node's disk.
    pub(crate) fn finish_write(&mut self, node: NodeId) -> Result<(), String> {
        let finished = self.machine(node)?.disk.finish().ok_or_else(|| format!("{node} writes nothing"))?;
        self.step(node, finished)
    }

    /// Takes the message at `index` from the link, or a copy of it.
    fn take(&mut self, from: NodeId, to: NodeId, index: usize, keep: bool) -> Result<Message, String> {
        let queue = self.links.entry((from, to)).or_default();
        let message = if keep { queue.get(index).cloned() } else { queue.remove(index) };
        message.map(|(_, message)| message).ok_or_else(|| format!("no such message from {from} to {to}"))
    }

    /// Delivers the message at `index` of the link, or a copy of it.
    pub(crate) fn deliver(&mut self, from: NodeId, to: NodeId, index: usize, keep: bool) -> Result<(), String> {
        let message = self.take(from, to, index, keep)?;
        if self.core(to).is_err() {
            return Ok(());
        }
        self.step(to, Input::Peer { from, message })
    }

    /// Loses the message at `index` of the link.
    pub(crate) fn lose(&mut self, from: NodeId, to: NodeId, index: usize) -> Result<(), String> {
        self.take(from, to, index, false).map(drop)
    }

    /// Loses everything that is in flight on the links that `matches` names; returns how much that was.
    pub(crate) fn lose_all(&mut self, matches: impl Fn(NodeId, NodeId) -> bool) -> usize {
        let queues = self.links.iter_mut().filter(|((from, to), _)| matches(*from, *to));
        queues.map(|(_, queue)| std::mem::take(queue).len()).sum()
    }

    /// How much is in flight on a link.
    pub(crate) fn in_flight(&self, from: NodeId, to: NodeId) -> usize {
        self.links.get(&(from, to)).map_or(0, VecDeque::len)
    }

    /// Cuts the links that `matches` names, and loses what is in flight there.
    pub(crate) fn cut(&mut self, matches: impl Fn(NodeId, NodeId) -> bool) {
        let all: Vec<_> = self.ids().flat_map(|from| self.ids().map(move |to| (from, to))).collect();
        self.cut.extend(all.into_iter().filter(|(from, to)| matches(*from, *to)));
        self.lose_all(matches);
    }

    pub(crate) fn heal(&mut self) {
        self.cut.clear();
    }

    /// Delivers everything in the order in which it was sent, and what follows, until nothing is in flight.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        for _ in 0..DELIVERIES_MAX {
            let oldest =
                self.links.iter().filter_map(|(link, queue)| queue.front().map(|(number, _)| (*number, *link)));
            let Some((_, (from, to))) = oldest.min() else { return Ok(()) };
            self.deliver(from, to, 0, false)?;
        }
        Err(format!("still not settled after {DELIVERIES_MAX} deliveries"))
    }

    /// Delivers what is in flight of trial votes on the links that `matches` names, and nothing else.
    pub(crate) fn deliver_trials(&mut self, matches: impl Fn(NodeId, NodeId) -> bool) -> Result<(), String> {
        let links: Vec<_> = self.links.keys().copied().filter(|(from, to)| matches(*from, *to)).collect();
        for (from, to) in links {
            while let Some(index) = self.links.get(&(from, to)).and_then(|queue| queue.iter().position(is_trial)) {
                self.deliver(from, to, index, false)?;
            }
        }
        Ok(())
    }

    /// Every message in flight, by link.
    pub(crate) fn show_messages(&mut self) {
        let lines: Vec<_> = self
            .links
            .iter()
            .flat_map(|((from, to), queue)| queue.iter().map(move |(_, message)| (from, to, message)))
            .map(|(from, to, message)| format!("{from} -> {to} {}", show::message(message)))
            .collect();
        self.printed.extend(lines);
    }

    /// What the node knows of itself.
    pub(crate) fn show_status(&mut self, node: NodeId) -> Result<(), String> {
        let line = match &self.machine(node)?.core {
            Some(core) => show::status(node, core),
            None => format!("{node} down"),
        };
        self.print(line);
        Ok(())
    }

    /// How long until the node has something to do by the clock.
    pub(crate) fn show_due(&mut self, node: NodeId) -> Result<(), String> {
        let now_us = self.now_us;
        let due_us = self.core(node)?.deadline_us().saturating_sub(now_us);
        self.print(format!("{node} acts in {} ms", due_us / 1_000));
        Ok(())
    }

    /// Fails unless the node leads.
    pub(crate) fn require_leader(&mut self, node: NodeId) -> Result<(), String> {
        if self.core(node)?.role() == Role::Leader { Ok(()) } else { Err(format!("{node} does not lead")) }
    }
}

fn is_trial((_, message): &(u64, Message)) -> bool {
    match message {
        Message::VoteRequest(request) => request.ballot == Ballot::Trial,
        Message::Vote(vote) => vote.ballot == Ballot::Trial,
        _ => false,
    }
}
