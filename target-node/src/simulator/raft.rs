//! The five safety properties of the Raft paper (figure 3), checked after every step against everything that ever was.
//!
//! Log matching is checked in every mode, with claims in the place of terms; the others under consensus only. Two more
//! facts about disks are checked: what a leader commits is on the disks of a majority, and what it acknowledges is on as
//! many disks as the level of the write promises.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::machine::Machine;
use crate::{
    core::{Claim, ClientResponse, Core, Effect, Entry, NodeId, Position, ProtocolEvent, Record, Role, Term},
    settings::{AckPoint, Failover, OnAckTimeout, Replication, Settings},
};

/// A committed entry, and the term of the node that first knew it committed.
#[derive(Debug, Clone, Copy)]
struct Committed {
    claim: Claim,
    in_term: Term,
}

/// What a step may change, at a glance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glance {
    node: NodeId,
    role: Role,
    term: Term,
    last: Position,
    committed: Position,
    voters: Voters,
}

impl Glance {
    pub(super) fn at(node: NodeId, core: &Core) -> Self {
        let (role, term, last, committed) = (core.role(), core.term(), core.last(), core.committed());
        Self { node, role, term, last, committed, voters: Voters::of(core) }
    }
}

/// The voters in force in a node's log, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Voters(u64);

impl Voters {
    fn of(core: &Core) -> Self {
        Self(core.members().voters.keys().fold(0, |bits, node| bits | 1 << (node.0 % 64)))
    }

    fn majority(self) -> usize {
        self.0.count_ones() as usize / 2 + 1
    }

    fn all(self) -> usize {
        self.0.count_ones() as usize
    }

    /// How many of them have an entry on disk.
    fn copies(self, machines: &[Machine], position: Position, claim: Claim) -> usize {
        let votes = |machine: &&Machine| self.0 & (1 << (machine.id.0 % 64)) != 0;
        machines.iter().filter(votes).filter(|machine| machine.disk.holds(position, claim)).count()
    }
}

/// What has been seen of a cluster so far.
#[derive(Debug)]
pub(super) struct Properties {
    /// Whether an acknowledgement promises copies on disk.
    copies_are_promised: bool,
    /// Whether a node remembers under which claim it appended; else an entry may take the place of another.
    disks_are_kept: bool,
    leaders: BTreeMap<Term, NodeId>,
    /// Every entry that ever left a node or reached a disk, with the claim of the entry before it.
    entries: FxHashMap<(Position, Claim), (Entry, Claim)>,
    committed: Vec<Committed>,
}

impl Properties {
    /// Of a cluster with these settings, whose disks keep what the setting `fsync` says, or not.
    pub(super) fn new(settings: &Settings, disks_are_kept: bool) -> Self {
        let copies_are_promised =
            settings.ack_point != AckPoint::Received && settings.on_ack_timeout != OnAckTimeout::Degrade;
        let (leaders, entries, committed) = (BTreeMap::new(), FxHashMap::default(), Vec::new());
        Self { copies_are_promised, disks_are_kept, leaders, entries, committed }
    }

    /// The log that ends with the entry of `claim` at `position`.
    pub(super) fn log_up_to(&self, mut position: Position, mut claim: Claim) -> Result<Vec<Entry>, String> {
        let mut log = Vec::with_capacity(position.0 as usize);
        while position > Position(0) {
            let Some((entry, previous)) = self.entries.get(&(position, claim)) else {
                return Err(format!("log: the entry of {claim:?} at {position} was never seen"));
            };
            log.push(entry.clone());
            (position, claim) = (position.previous(), *previous);
        }
        log.reverse();
        Ok(log)
    }

    /// Log matching: position and claim decide an entry and the one before it, hence by induction the whole log.
    pub(super) fn saw_entry(&mut self, entry: &Entry, previous: Claim) -> Result<(), String> {
        let known = self.entries.entry((entry.position, entry.claim)).or_insert_with(|| (entry.clone(), previous));
        if known.1 == previous && known.0 == *entry {
            return Ok(());
        }
        if !self.disks_are_kept {
            *known = (entry.clone(), previous);
            return Ok(());
        }
        Err(format!("log matching: {entry:?} after {previous:?}, but elsewhere {:?} after {:?}", known.0, known.1))
    }

    /// What a step under consensus must not do. `before` is the node before it.
    pub(super) fn after_step(
        &mut self,
        before: &Glance,
        core: &Core,
        effects: &[Effect],
        machines: &[Machine],
    ) -> Result<(), String> {
        let after = Glance::at(before.node, core);
        if after.term < before.term || (after.term == before.term && after.committed < before.committed) {
            return Err(format!("monotonicity: {} went back from {before:?} to {after:?}", after.node));
        }
        leader_append_only(before, &after, effects)?;
        for effect in effects {
            if let Effect::Event(ProtocolEvent::BecameLeader { term, .. }) = effect {
                self.election_safety(*term, after.node)?;
                // A step that takes many messages at once may begin a reign and end it.
                if after.role == Role::Leader && after.term == *term {
                    self.leader_completeness(core, &after)?;
                }
            }
        }
        self.state_machine_safety(before, &after, core, machines)?;
        effects.iter().try_for_each(|effect| self.acknowledged_durably(effect, before, &after, core, machines))
    }

    fn election_safety(&mut self, term: Term, node: NodeId) -> Result<(), String> {
        let leader = *self.leaders.entry(term).or_insert(node);
        if leader == node {
            return Ok(());
        }
        Err(format!("election safety: {leader} and {node} both lead in term {term}"))
    }

    /// What was known committed in an earlier term is in the log of a new leader.
    fn leader_completeness(&self, core: &Core, after: &Glance) -> Result<(), String> {
        for (index, committed) in self.committed.iter().enumerate() {
            let position = Position(index as u64 + 1);
            let claim = core.claim_at(position);
            if committed.in_term < after.term && claim != Some(committed.claim) {
                let Glance { node, term, .. } = after;
                return Err(format!(
                    "leader completeness: {node} leads in term {term} with {claim:?} at position {position}, where \
                     {committed:?}"
                ));
            }
        }
        Ok(())
    }

    /// All nodes commit the same entry at a position, and a leader commits only what a majority has on disk.
    fn state_machine_safety(
        &mut self,
        before: &Glance,
        after: &Glance,
        core: &Core,
        machines: &[Machine],
    ) -> Result<(), String> {
        for position in (before.committed.0 + 1..=after.committed.0).map(Position) {
            let Some(claim) = core.claim_at(position) else {
                return Err(format!("log: {} committed position {position}, which it does not have", after.node));
            };
            match self.committed.get(position.0 as usize - 1) {
                Some(known) if known.claim == claim => {}
                Some(known) => {
                    let node = after.node;
                    return Err(format!("state machine safety: {node} commits {claim:?} at {position}, but {known:?}"));
                }
                None => self.committed.push(Committed { claim, in_term: after.term }),
            }
            if after.role != Role::Leader {
                continue;
            }
            // A step may commit, and change the voters after that.
            let has_majority = |voters: Voters| voters.copies(machines, position, claim) >= voters.majority();
            if !has_majority(before.voters) && !has_majority(after.voters) {
                let copies = after.voters.copies(machines, position, claim);
                return Err(format!(
                    "commit: {} committed position {position}, which is on {copies} disks",
                    after.node
                ));
            }
        }
        Ok(())
    }

    /// An acknowledgement at a level that no change of leader can undo is backed by as many disks as it says.
    fn acknowledged_durably(
        &self,
        effect: &Effect,
        before: &Glance,
        after: &Glance,
        core: &Core,
        machines: &[Machine],
    ) -> Result<(), String> {
        let Effect::Reply { response: ClientResponse::Acknowledged { position, replication, .. }, .. } = effect else {
            return Ok(());
        };
        let claim = core.claim_at(*position).unwrap_or(Claim::NONE);
        let copies = |voters: Voters| voters.copies(machines, *position, claim);
        // A step may acknowledge, and change the voters after that.
        let either = |enough: fn(Voters) -> usize| {
            [before.voters, after.voters].into_iter().any(|voters| copies(voters) >= enough(voters))
        };
        let is_kept = !self.copies_are_promised
            || match replication {
                Replication::Memory => true,
                // The leader's own disk is all that is looked at, voter or not.
                Replication::Async | Replication::SemiSync(_) => {
                    machines.iter().any(|machine| machine.id == after.node && machine.disk.holds(*position, claim))
                }
                Replication::Majority => either(Voters::majority),
                Replication::Sync => either(Voters::all),
            };
        if is_kept {
            return Ok(());
        }
        let count = copies(after.voters);
        Err(format!(
            "acknowledgement: position {position} is acknowledged at level {replication}, but on {count} disks"
        ))
    }
}

fn leader_append_only(before: &Glance, after: &Glance, effects: &[Effect]) -> Result<(), String> {
    if before.role != Role::Leader || after.role != Role::Leader || before.term != after.term {
        return Ok(());
    }
    let mut next = before.last.next();
    for effect in effects {
        let Effect::Persist { records, .. } = effect else { continue };
        for record in records {
            match record {
                Record::Append(entry) if entry.position == next && entry.claim.leader == after.node => {
                    next = next.next();
                }
                Record::HardState(_) => {}
                other => return Err(format!("leader append-only: {} wrote {other:?}", after.node)),
            }
        }
    }
    Ok(())
}

/// Whether the properties beyond log matching are promised.
pub(super) fn are_promised(failover: Failover) -> bool {
    failover == Failover::Consensus
}
