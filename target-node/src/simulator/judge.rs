//! What a finished run shows. The cluster has healed and agrees; its log is the truth from here on.
//!
//! The state is computed again from that log by a model of its own, so that core and judge do not share a mistake.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    clients::Invocation,
    model::{Effect, Meaning},
    plan::Plan,
    world::World,
};
use crate::{
    core::{
        AcknowledgedWrite, Change, Claim, ClientRequest, ClientResponse, Core, Entry, Ledger, NodeId, Position,
        ProtocolEvent, Term,
    },
    settings::ReadLevel,
};

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many writes were acknowledged by a leader's decision.
    pub acknowledged: usize,
    /// How many of them are not in the final log.
    pub lost: usize,
    /// How many writes were reported as truncated and later as restored.
    pub restored: usize,
    /// How many snapshots of leaders took the place of a log.
    pub installed: usize,
    /// How many acknowledged writes prove two leaders: invoked under an older term after another node's
    /// acknowledgement under a newer term had completed, or acknowledged by two nodes under one term.
    pub split_brain: usize,
    /// How many reads at level `leader` missed a write acknowledged under a newer term before they were invoked.
    pub stale_leader_reads: usize,
    /// How often a node put other members in force.
    pub members_changed: usize,
    /// How many reigns began.
    pub reigns: usize,
    /// How many terms more than one node led in.
    pub terms_with_two_leaders: usize,
    /// How many operations clients invoked.
    pub operations: usize,
    /// How long after its end the cluster agreed, in microseconds.
    pub converged_us: u64,
    /// How many steps the cores took.
    pub steps: u64,
}

/// Whether an event about a lost write is the first since the opposite one.
pub(super) fn reported_once(ledger: &Ledger, event: &ProtocolEvent) -> Result<(), String> {
    let is_missing = |write: &AcknowledgedWrite| ledger.missing().contains_key(&(write.position, write.claim()));
    match event {
        ProtocolEvent::TruncatedAcked(write) if is_missing(write) => {
            Err(format!("ledger: {write:?} is reported as truncated twice"))
        }
        ProtocolEvent::RestoredAcked(write) if !is_missing(write) => {
            Err(format!("ledger: {write:?} is reported as restored, but was not missing"))
        }
        _ => Ok(()),
    }
}

/// Judges a world that has converged.
pub(super) fn judge(world: &World) -> Result<Report, String> {
    let Some((_, leader)) = world.only_leader() else { return Err("convergence: nobody leads".to_owned()) };
    let log = final_log(world, leader)?;
    let meaning = Meaning::of(&log, world.plan.settings.sessions);
    let contents = meaning.contents();
    for machine in world.machines.iter().filter(|machine| leader.members().contains(machine.id)) {
        let Some(core) = &machine.core else { return Err(format!("convergence: {} is down at the end", machine.id)) };
        if !core.contents().eq(contents.iter().map(|(key, value)| (*key, (*value).clone()))) {
            let shown: Vec<_> = core.contents().collect();
            return Err(format!("state: {} shows {shown:?}, the log says {contents:?}", machine.id));
        }
    }
    let (acknowledged, lost) = ledgers_tell_the_truth(world, leader, &log)?;
    answers_were_true(world, &log, &meaning)?;
    if world.plan.promises().keeps_writes {
        if lost > 0 {
            return Err(format!("durability: {lost} acknowledged writes are lost"));
        }
        reads_were_true(world, &meaning)?;
    }
    let restored = count_events(world, |event| matches!(event, ProtocolEvent::RestoredAcked(_)));
    Ok(Report {
        acknowledged,
        lost,
        restored,
        installed: count_events(world, |event| matches!(event, ProtocolEvent::SnapshotInstalled { .. })),
        members_changed: count_events(world, |event| matches!(event, ProtocolEvent::MembersInForce { .. })),
        split_brain: split_brain(&world.invocations),
        stale_leader_reads: stale_leader_reads(&world.invocations),
        reigns: count_events(world, |event| matches!(event, ProtocolEvent::BecameLeader { .. })),
        terms_with_two_leaders: terms_with_two_leaders(world),
        operations: world.invocations.len(),
        converged_us: world.now_us - world.plan.end_us,
        steps: world.steps,
    })
}

fn count_events(world: &World, counts: impl Fn(&ProtocolEvent) -> bool) -> usize {
    world.machines.iter().flat_map(|machine| &machine.events).filter(|event| counts(event)).count()
}

fn terms_with_two_leaders(world: &World) -> usize {
    let mut leaders: BTreeMap<Term, BTreeSet<NodeId>> = BTreeMap::new();
    for machine in &world.machines {
        for event in &machine.events {
            if let ProtocolEvent::BecameLeader { term, .. } = event {
                leaders.entry(*term).or_default().insert(machine.id);
            }
        }
    }
    leaders.values().filter(|nodes| nodes.len() > 1).count()
}

/// The leader's log from position 1; what every member holds of it, snapshots included, agrees with it. Snapshots stand
/// for most of it in the nodes themselves; but every entry was seen with the one before it, so the last tells the whole.
fn final_log(world: &World, leader: &Core) -> Result<Vec<Entry>, String> {
    let last = leader.last();
    let log = world.properties.log_up_to(last, leader.claim_at(last).unwrap_or(Claim::NONE))?;
    for (node, core) in world.cores().filter(|(node, _)| leader.members().contains(*node)) {
        let differs = |entry: &&Entry| core.claim_at(entry.position) != Some(entry.claim);
        if let Some(entry) = log.iter().find(differs) {
            return Err(format!("convergence: the log of {node} differs from {entry:?}"));
        }
    }
    Ok(log)
}

/// The ledger of every node misses exactly the writes that it acknowledged and that the final log does not have.
/// Returns how many were acknowledged and how many are lost. Who was removed from the cluster may not know.
fn ledgers_tell_the_truth(world: &World, leader: &Core, log: &[Entry]) -> Result<(usize, usize), String> {
    let in_log =
        |(position, claim): &(Position, Claim)| entry_at(log, *position).is_some_and(|entry| entry.claim == *claim);
    // A write that its client repeated may be acknowledged by several nodes.
    let mut acknowledged = BTreeSet::new();
    for machine in &world.machines {
        let all: BTreeSet<_> = machine.ledger.acknowledged().collect();
        let missing: BTreeSet<_> = all.iter().copied().filter(|place| !in_log(place)).collect();
        let reported: BTreeSet<_> = machine.ledger.missing().keys().copied().collect();
        if missing != reported && leader.members().contains(machine.id) {
            let node = machine.id;
            return Err(format!("ledger: {node} reports {reported:?} as lost, but {missing:?} are"));
        }
        acknowledged.extend(all);
    }
    let lost = acknowledged.iter().filter(|place| !in_log(place)).count();
    Ok((acknowledged.len(), lost))
}

/// Every answer that clients got agrees with the final log, as far as the log still has the entry: what was
/// acknowledged took effect, what was refused did not, and what was never appended is not there.
fn answers_were_true(world: &World, log: &[Entry], meaning: &Meaning) -> Result<(), String> {
    let appended: BTreeSet<_> =
        log.iter().filter_map(|entry| entry.origin.as_ref()).map(|origin| origin.operation).collect();
    for (number, operation) in world.invocations.iter().enumerate() {
        let complain = |what| Err(format!("answers: operation {number} {what}: {operation:?}"));
        // Whether the entry that carries this operation had an effect, itself or where it was tried first.
        let had_effect = |position: Position, term: Term| {
            let entry = entry_at(log, position).filter(|entry| entry.claim.term == term)?;
            entry.origin.as_ref().filter(|origin| origin.operation == number as u64)?;
            match meaning.effect(position)? {
                Effect::Repeats(first) => meaning.effect(first).map(|effect| effect == Effect::Done),
                effect => Some(effect == Effect::Done),
            }
        };
        match operation.answer() {
            Some((_, ClientResponse::Acknowledged { term, position, value, .. })) => {
                let ledger = &world.machines[usize::from(operation.node.0) - 1].ledger;
                let own = Claim { term: *term, leader: operation.node };
                let entry = entry_at(log, *position).map(|entry| entry.claim);
                let claim = entry.filter(|claim| claim.term == *term).unwrap_or(own);
                let is_known = ledger.has_acknowledged(*position, claim) || ledger.has_acknowledged(*position, own);
                if operation.attempt == 0 && !is_known {
                    return complain("is acknowledged without an event");
                }
                let effect = had_effect(*position, *term);
                if effect == Some(false) {
                    return complain("is acknowledged, but had no effect");
                }
                let ClientRequest::Write { change: Change::Increment { key, .. }, .. } = &operation.request else {
                    continue;
                };
                let is_its_own = meaning.effect(*position) == Some(Effect::Done);
                if effect.is_some() && is_its_own && value.as_ref() != meaning.value_at(key, *position) {
                    return complain("is answered with another value than the counter had");
                }
            }
            Some((
                _,
                ClientResponse::PreconditionFailed { term, position } | ClientResponse::WrongType { term, position },
            )) if had_effect(*position, *term) == Some(true) => return complain("is refused, but had an effect"),
            Some((
                _,
                ClientResponse::NotLeader { .. } | ClientResponse::Refused { .. } | ClientResponse::Overloaded { .. },
            )) if !operation.in_doubt && appended.contains(&(number as u64)) => {
                return complain("was never appended, but is in the log");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Under safe settings every read shows the state at its position, and it is not behind what its level promises.
fn reads_were_true(world: &World, meaning: &Meaning) -> Result<(), String> {
    let mut known: Vec<(u64, Position)> =
        world.invocations.iter().filter_map(|operation| completed_position(operation, &world.plan)).collect();
    known.sort_unstable();
    // The highest position known so far, by time of completion.
    let mut highest = Position(0);
    for (_, position) in &mut known {
        highest = highest.max(*position);
        *position = highest;
    }
    let known_before = |at_us: u64| {
        let before = known.partition_point(|(completed_us, _)| *completed_us < at_us);
        before.checked_sub(1).map_or(Position(0), |index| known[index].1)
    };
    for operation in &world.invocations {
        let (position, level) = match operation.answer() {
            Some((_, ClientResponse::Value { value, position, level, .. })) => {
                let ClientRequest::Read { key, .. } = &operation.request else { continue };
                let expected = meaning.value_at(key, *position);
                if value.as_ref() != expected {
                    return Err(format!("reads: {operation:?} should have read {expected:?}"));
                }
                (*position, *level)
            }
            Some((_, ClientResponse::Items { items, position, level, .. })) => {
                for (key, value) in items {
                    let expected = meaning.value_at(key, *position);
                    if Some(value) != expected {
                        return Err(format!("reads: {operation:?} should have found {expected:?} under {key}"));
                    }
                }
                (*position, *level)
            }
            _ => continue,
        };
        let least = match level {
            level if is_fresh(level, &world.plan) => known_before(operation.invoked_us),
            ReadLevel::Bounded(age_ms) if world.plan.keeps_clocks() => {
                known_before(operation.invoked_us.saturating_sub(longest(age_ms * 1_000, &world.plan)))
            }
            ReadLevel::Session => at_least(&operation.request),
            _ => Position(0),
        };
        if position < least {
            return Err(format!("recency: {operation:?} is behind {least}, which it had to show"));
        }
    }
    Ok(())
}

/// How long a time by a node's clock may be at most.
fn longest(us: u64, plan: &Plan) -> u64 {
    us + us * plan.settings.max_clock_drift_ppm / 1_000_000 + 1
}

/// The position that later fresh reads must not be behind, and when the client knew it.
fn completed_position(operation: &Invocation, plan: &Plan) -> Option<(u64, Position)> {
    match operation.answer() {
        Some((
            completed_us,
            ClientResponse::Value { position, level, .. } | ClientResponse::Items { position, level, .. },
        )) => is_fresh(*level, plan).then_some((completed_us, *position)),
        _ => operation.acknowledged().map(|(_, position, completed_us)| (completed_us, position)),
    }
}

/// Whether reads at this level see all that anybody knew before.
fn is_fresh(level: ReadLevel, plan: &Plan) -> bool {
    match level {
        ReadLevel::ReadIndex | ReadLevel::Log => true,
        ReadLevel::Lease => plan.keeps_clocks(),
        ReadLevel::Bounded(_) | ReadLevel::Session | ReadLevel::Leader | ReadLevel::Local => false,
    }
}

fn split_brain(operations: &[Invocation]) -> usize {
    let mut nodes_of: BTreeMap<Term, BTreeSet<NodeId>> = BTreeMap::new();
    // When each node's first acknowledgement under each term had completed.
    let mut first_completed: BTreeMap<(Term, NodeId), u64> = BTreeMap::new();
    // A repetition is acknowledged as what it repeats, of whichever term and leader that is.
    let acknowledged = |operation: &Invocation| {
        operation.acknowledged().filter(|_| operation.attempt == 0).map(|(term, _, at_us)| (term, at_us))
    };
    for operation in operations {
        let Some((term, completed_us)) = acknowledged(operation) else { continue };
        nodes_of.entry(term).or_default().insert(operation.node);
        let first = first_completed.entry((term, operation.node)).or_insert(completed_us);
        *first = completed_us.min(*first);
    }
    let proves = |operation: &&Invocation| {
        let Some((term, _)) = acknowledged(operation) else { return false };
        let newer = first_completed.range((term.next(), NodeId(0))..);
        nodes_of[&term].len() > 1
            || newer.clone().any(|((_, node), at_us)| *node != operation.node && *at_us < operation.invoked_us)
    };
    operations.iter().filter(proves).count()
}

fn stale_leader_reads(operations: &[Invocation]) -> usize {
    let acknowledged: Vec<_> =
        operations.iter().filter_map(|operation| Some((operation, operation.acknowledged()?))).collect();
    let is_stale = |read: &&Invocation| {
        let Some((_, ClientResponse::Value { term, position, level: ReadLevel::Leader, .. })) = read.answer() else {
            return false;
        };
        acknowledged.iter().any(|(write, (write_term, write_position, completed_us))| {
            key_of(&write.request) == key_of(&read.request)
                && write_term > term
                && write_position > position
                && *completed_us < read.invoked_us
        })
    };
    operations.iter().filter(is_stale).count()
}

fn key_of(request: &ClientRequest) -> Option<&str> {
    match request {
        ClientRequest::Read { key, .. } => Some(key),
        ClientRequest::Write { change, .. } => Some(change.key()),
        ClientRequest::Scan { .. } | ClientRequest::Transaction { .. } => None,
    }
}

fn entry_at(log: &[Entry], position: Position) -> Option<&Entry> {
    log.get((position.0 as usize).checked_sub(1)?)
}

fn at_least(request: &ClientRequest) -> Position {
    match request {
        ClientRequest::Read { at_least, .. } | ClientRequest::Scan { at_least, .. } => at_least.unwrap_or_default(),
        ClientRequest::Write { .. } | ClientRequest::Transaction { .. } => Position(0),
    }
}
