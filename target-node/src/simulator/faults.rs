//! Faults, applied to a world; and healing them.

use super::{
    machine::Machine,
    plan::{Direction, Fault, Links, Target},
    world::{OPERATOR, World},
};
use crate::core::{Input, NodeId, OperatorRequest, Role};

impl World {
    pub(super) fn inject(&mut self, index: usize) -> Result<(), String> {
        let fault = self.plan.faults[index].fault.clone();
        if self.plan.traced {
            self.trace.push(format!("{:>9} {fault:?}", self.now_us));
        }
        match fault {
            Fault::Crash { node, after_effects: None } => return self.crash(self.resolve(node)),
            Fault::Crash { node, after_effects } => {
                let node = self.resolve(node);
                self.machine(node).crash_after_effects = after_effects;
            }
            Fault::PowerLoss { nodes } => {
                let nodes = if nodes.is_empty() { self.nodes().collect() } else { self.resolve_all(&nodes) };
                return nodes.into_iter().try_for_each(|node| self.lose_power(node));
            }
            Fault::Restart { node } => return self.restart(node),
            Fault::RestartAll => return self.restart_all(),
            Fault::Pause { node } => {
                self.pause(node);
            }
            Fault::Suspend { node } => {
                let now_us = self.now_us;
                if let Some(machine) = self.pause(node) {
                    machine.suspended_us = Some(now_us);
                }
            }
            Fault::ClockJump { node, by_us } => {
                let node = self.resolve(node);
                self.machine(node).clock.jump(by_us);
                self.schedule_tick(node);
            }
            Fault::ResumeAll => return self.resume_all(),
            Fault::Isolate { node, from, direction, links } => self.isolate(node, &from, direction, links),
            Fault::Split { side, links } => {
                let others = self.nodes().filter(|node| !side.contains(node)).collect::<Vec<_>>();
                for node in side {
                    others.iter().for_each(|other| self.cut(node, *other, Direction::Both, links));
                }
            }
            Fault::Join => self.network.join(),
            Fault::SlowDisk { node, factor } => {
                let node = self.resolve(node);
                self.machine(node).disk.slowness = factor;
            }
            Fault::Transfer { to } => {
                let to = to.map(|to| self.resolve(to));
                return self.operate(Target::Leader, OperatorRequest::Transfer { to });
            }
            Fault::AddMember { node } => {
                let node = self.resolve(node);
                return self.operate(Target::Leader, OperatorRequest::AddMember { node, address: None });
            }
            Fault::RemoveMember { node } => {
                let node = self.resolve(node);
                return self.operate(Target::Leader, OperatorRequest::RemoveMember { node });
            }
            Fault::Snapshot { node } => return self.operate(node, OperatorRequest::Snapshot),
            Fault::Promote { node } => return self.operate(node, OperatorRequest::Promote),
        }
        Ok(())
    }

    /// Ends every fault.
    pub(super) fn heal(&mut self) -> Result<(), String> {
        self.network.join();
        for machine in &mut self.machines {
            machine.disk.slowness = 1;
            machine.crash_after_effects = None;
        }
        self.resume_all()?;
        self.restart_all()
    }

    fn operate(&mut self, node: Target, body: OperatorRequest) -> Result<(), String> {
        self.input(self.resolve(node), Input::Operator { request: OPERATOR, body })
    }

    /// Stops a node that runs and is not stopped already.
    fn pause(&mut self, node: Target) -> Option<&mut Machine> {
        let node = self.resolve(node);
        let machine = self.machine(node);
        let pauses = machine.core.is_some() && machine.paused.is_none();
        pauses.then(|| {
            machine.paused = Some(Vec::new());
            machine
        })
    }

    fn isolate(&mut self, node: Target, from: &[Target], direction: Direction, links: Links) {
        let node = self.resolve(node);
        let others: Vec<_> = match from {
            [] => self.nodes().collect(),
            from => self.resolve_all(from),
        };
        for other in others.into_iter().filter(|other| *other != node) {
            self.cut(node, other, direction, links);
        }
    }

    fn cut(&mut self, node: NodeId, other: NodeId, direction: Direction, links: Links) {
        if direction != Direction::Out {
            self.network.cut(other, node);
        }
        if direction != Direction::In {
            self.network.cut(node, other);
        }
        if links == Links::NodesAndClients {
            self.network.cut_clients(node, other);
            self.network.cut_clients(other, node);
        }
    }

    pub(super) fn crash(&mut self, node: NodeId) -> Result<(), String> {
        let machine = &mut self.machines[usize::from(node.0) - 1];
        if machine.core.is_none() {
            return Ok(());
        }
        machine.stop();
        let appended = machine.disk.kill(self.now_us, &mut self.rng);
        self.saw_on_disk(&appended)
    }

    /// A machine without power: also one whose process had ended before.
    fn lose_power(&mut self, node: NodeId) -> Result<(), String> {
        let machine = &mut self.machines[usize::from(node.0) - 1];
        machine.stop();
        let appended = machine.disk.lose_power(self.now_us, &mut self.rng);
        self.saw_on_disk(&appended)
    }

    fn restart(&mut self, node: NodeId) -> Result<(), String> {
        let (founders, settings, seed, now_us) =
            (self.plan.founders, self.plan.settings.clone(), self.plan.seed, self.now_us);
        if self.machine(node).core.is_some() {
            return Ok(());
        }
        self.machine(node).start(founders, settings, seed, now_us);
        self.input(node, Input::Tick)
    }

    pub(super) fn restart_all(&mut self) -> Result<(), String> {
        self.nodes().try_for_each(|node| self.restart(node))
    }

    fn resume_all(&mut self) -> Result<(), String> {
        for node in self.nodes() {
            let now_us = self.now_us;
            let machine = self.machine(node);
            if let Some(since_us) = machine.suspended_us.take() {
                machine.clock.jump(-((now_us - since_us) as i64));
            }
            if let Some(waiting) = machine.paused.take() {
                self.step(node, waiting)?;
            }
        }
        Ok(())
    }

    fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (1..=self.plan.nodes).map(NodeId)
    }

    fn resolve_all(&self, targets: &[Target]) -> Vec<NodeId> {
        targets.iter().map(|target| self.resolve(*target)).collect()
    }

    fn resolve(&self, target: Target) -> NodeId {
        let leader = || {
            let leaders = self.cores().filter(|(_, core)| core.role() == Role::Leader);
            leaders.max_by_key(|(node, core)| (core.term(), *node)).map_or(NodeId(1), |(node, _)| node)
        };
        match target {
            Target::Node(node) => node,
            Target::Leader => leader(),
            Target::NextInLine => NodeId(leader().0 % self.plan.nodes + 1),
        }
    }
}
