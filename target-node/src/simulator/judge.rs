//! What a finished run shows. The cluster has healed and agrees; its log is the truth from here on.
//!
//! The state is computed again from that log by a model of its own, so that core and judge do not share a mistake.

use std::collections::{BTreeMap, BTreeSet};

use super::{clients::Invocation, plan::Plan, raft, world::World};
use crate::{
    core::{
        AcknowledgedWrite, Change, Claim, ClientRequest, ClientResponse, Command, Entry, Ledger, NodeId, Position,
        ProtocolEvent, Term, Value,
    },
    settings::{ReadLevel, Replication},
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
    /// How many reigns began.
    pub reigns: usize,
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
    let log = final_log(world)?;
    let history = History::replay(&log, world.plan.settings.sessions);
    for machine in &world.machines {
        let Some(core) = &machine.core else { return Err(format!("convergence: {} is down at the end", machine.id)) };
        let contents: Vec<_> = core.contents().map(|(key, value)| (key.to_owned(), value)).collect();
        if contents != history.contents {
            return Err(format!("state: {} shows {contents:?}, the log says {:?}", machine.id, history.contents));
        }
    }
    let (acknowledged, lost) = ledgers_tell_the_truth(world, &log)?;
    answers_were_true(world, &log, &history)?;
    if is_safe(&world.plan) {
        if lost > 0 {
            return Err(format!("durability: {lost} acknowledged writes are lost: {:?}", world.plan.settings));
        }
        reads_were_true(world, &history)?;
    }
    let restored = count_events(world, |event| matches!(event, ProtocolEvent::RestoredAcked(_)));
    Ok(Report {
        acknowledged,
        lost,
        restored,
        installed: count_events(world, |event| matches!(event, ProtocolEvent::SnapshotInstalled { .. })),
        split_brain: split_brain(&world.invocations),
        stale_leader_reads: stale_leader_reads(&world.invocations),
        reigns: count_events(world, |event| matches!(event, ProtocolEvent::BecameLeader { .. })),
        operations: world.invocations.len(),
        converged_us: world.now_us - world.plan.end_us,
        steps: world.steps,
    })
}

fn count_events(world: &World, counts: impl Fn(&ProtocolEvent) -> bool) -> usize {
    world.machines.iter().flat_map(|machine| &machine.events).filter(|event| counts(event)).count()
}

/// Whether every acknowledgement is one for ever.
fn is_safe(plan: &Plan) -> bool {
    let (settings, nodes) = (&plan.settings, plan.nodes);
    let enough = match settings.replication {
        Replication::Memory | Replication::Async => false,
        Replication::SemiSync(followers) => followers >= nodes / 2,
        Replication::Majority | Replication::Sync => true,
    };
    enough && raft::are_promised(settings.failover) && plan.keeps_disks()
}

/// The log that all nodes end with. Snapshots stand for most of it in the nodes themselves; but every entry was seen with
/// the one before it, so the last one tells the whole.
fn final_log(world: &World) -> Result<Vec<Entry>, String> {
    let mut ends = world.machines.iter().filter_map(|machine| machine.core.as_ref()).map(|core| {
        let last = core.last();
        (last, core.claim_at(last).unwrap_or(Claim::NONE))
    });
    let end = ends.next().unwrap_or((Position(0), Claim::NONE));
    if !ends.all(|other| other == end) {
        return Err("convergence: logs differ after convergence".to_owned());
    }
    let log = world.properties.log_up_to(end.0, end.1)?;
    for machine in &world.machines {
        let Some(core) = &machine.core else { continue };
        let other = |entry: &&Entry| core.claim_at(entry.position) != Some(entry.claim);
        if let Some(entry) = log.iter().find(other) {
            return Err(format!(
                "lineage: {} has {:?} where the log has {entry:?}",
                machine.id,
                core.claim_at(entry.position)
            ));
        }
    }
    Ok(log)
}

/// The ledger of every node misses exactly the writes that it acknowledged and that the final log does not have.
/// Returns how many were acknowledged and how many are lost.
fn ledgers_tell_the_truth(world: &World, log: &[Entry]) -> Result<(usize, usize), String> {
    let (mut acknowledged, mut lost) = (0, 0);
    for machine in &world.machines {
        let in_log =
            |(position, claim): &(Position, Claim)| entry_at(log, *position).is_some_and(|entry| entry.claim == *claim);
        let all: BTreeSet<_> = machine.ledger.acknowledged().collect();
        let missing: BTreeSet<_> = all.iter().copied().filter(|place| !in_log(place)).collect();
        let reported: BTreeSet<_> = machine.ledger.missing().keys().copied().collect();
        if missing != reported {
            let node = machine.id;
            return Err(format!(
                "ledger: {node} reports {reported:?} as lost, but {missing:?} are: {:?}",
                machine.events
            ));
        }
        acknowledged += all.len();
        lost += missing.len();
    }
    Ok((acknowledged, lost))
}

/// Every answer that clients got agrees with the final log, as far as the log still has the entry: what was
/// acknowledged took effect, what was refused did not, and what was never appended is not there.
fn answers_were_true(world: &World, log: &[Entry], history: &History) -> Result<(), String> {
    let appended: BTreeSet<_> =
        log.iter().filter_map(|entry| entry.origin.as_ref()).map(|origin| origin.operation).collect();
    for (number, operation) in world.invocations.iter().enumerate() {
        let complain = |what| Err(format!("answers: operation {number} {what}: {operation:?}"));
        // Appended by the node that answered, or by an earlier leader if the client has repeated it.
        let is_by = |entry: &Entry, term| {
            entry.claim == Claim { term, leader: operation.node } || entry.origin.as_ref() == operation.origin()
        };
        let effect_at = |position, term| {
            let entry = entry_at(log, position).filter(|entry| entry.claim.term == term && is_by(entry, term));
            entry.map(|_| history.effects.contains(&position))
        };
        match operation.answer() {
            Some((_, ClientResponse::Acknowledged { term, position, .. })) => {
                let ledger = &world.machines[usize::from(operation.node.0) - 1].ledger;
                let mut leaders = (1..=world.plan.nodes).map(|leader| Claim { term: *term, leader: NodeId(leader) });
                if !leaders.any(|claim| ledger.has_acknowledged(*position, claim)) {
                    return complain("is acknowledged without an event");
                }
                if effect_at(*position, *term) == Some(false) {
                    return complain("is acknowledged, but had no effect");
                }
            }
            Some((
                _,
                ClientResponse::PreconditionFailed { term, position } | ClientResponse::WrongType { term, position },
            )) if effect_at(*position, *term) == Some(true) => return complain("is refused, but had an effect"),
            Some((_, ClientResponse::NotLeader { .. } | ClientResponse::Refused { .. }))
                if appended.contains(&(number as u64)) =>
            {
                return complain("was never appended, but is in the log");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Under safe settings every read shows the state at its position, and a `read-index` read is not behind anything that
/// was acknowledged, or read likewise, before it was invoked.
fn reads_were_true(world: &World, history: &History) -> Result<(), String> {
    let mut known: Vec<(u64, Position)> = world.invocations.iter().filter_map(completed_position).collect();
    known.sort_unstable();
    // The highest position known so far, by time of completion.
    let mut highest = Position(0);
    for (_, position) in &mut known {
        highest = highest.max(*position);
        *position = highest;
    }
    for operation in &world.invocations {
        let Some((_, ClientResponse::Value { value, position, level, .. })) = operation.answer() else { continue };
        let ClientRequest::Read { key, .. } = &operation.request else { continue };
        let expected = history.value_at(key, *position);
        if *value != expected {
            return Err(format!("reads: {operation:?} should have read {expected:?}"));
        }
        let before = known.partition_point(|(completed_us, _)| *completed_us < operation.invoked_us);
        let least = before.checked_sub(1).map_or(Position(0), |index| known[index].1);
        if *level == ReadLevel::ReadIndex && *position < least {
            return Err(format!("recency: {operation:?} is behind {least}, which was known before it was invoked"));
        }
    }
    Ok(())
}

/// The position that later `read-index` reads must not be behind, and when the client knew it.
fn completed_position(operation: &Invocation) -> Option<(u64, Position)> {
    match operation.answer() {
        Some((completed_us, ClientResponse::Value { position, level: ReadLevel::ReadIndex, .. })) => {
            Some((completed_us, *position))
        }
        _ => operation.acknowledged().map(|(_, position, completed_us)| (completed_us, position)),
    }
}

fn split_brain(operations: &[Invocation]) -> usize {
    let mut nodes_of: BTreeMap<Term, BTreeSet<NodeId>> = BTreeMap::new();
    // When each node's first acknowledgement under each term had completed.
    let mut first_completed: BTreeMap<(Term, NodeId), u64> = BTreeMap::new();
    // A repetition is acknowledged as what it repeats, of whichever term and leader that is.
    let acknowledged = |operation: &Invocation| {
        operation.acknowledged().filter(|_| !operation.repeats).map(|(term, _, at_us)| (term, at_us))
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

/// The final log's meaning, computed without the core's state.
struct History {
    /// The positions whose entries had an effect.
    effects: BTreeSet<Position>,
    /// Every value that each key ever had, by position.
    values: BTreeMap<String, BTreeMap<Position, Value>>,
    contents: Vec<(String, Value)>,
}

impl History {
    fn replay(log: &[Entry], sessions: bool) -> Self {
        let mut last_operations: BTreeMap<&str, u64> = BTreeMap::new();
        let mut sets: BTreeMap<&str, BTreeSet<&Value>> = BTreeMap::new();
        let mut registers: BTreeMap<&str, &Value> = BTreeMap::new();
        let (mut effects, mut values) = (BTreeSet::new(), BTreeMap::<String, BTreeMap<Position, Value>>::new());
        for entry in log {
            let Command::Change(change) = &entry.command else { continue };
            if let Some(origin) = entry.origin.as_ref().filter(|_| sessions) {
                if last_operations.get(origin.client.as_str()).is_some_and(|last| *last >= origin.operation) {
                    continue;
                }
                last_operations.insert(&origin.client, origin.operation);
            }
            let key = change.key();
            let after = match change {
                Change::Write { value, .. } => (!sets.contains_key(key)).then_some(value),
                Change::Cas { old, new, .. } => {
                    let matches =
                        registers.get(key).map_or_else(|| old.as_json_text() == "null", |value| *value == old);
                    (matches && !sets.contains_key(key)).then_some(new)
                }
                Change::Add { value, .. } if !registers.contains_key(key) => {
                    let elements = sets.entry(key).or_default();
                    elements.insert(value);
                    let list = Value::list(elements.iter().copied());
                    values.entry(key.to_owned()).or_default().insert(entry.position, list);
                    effects.insert(entry.position);
                    continue;
                }
                Change::Add { .. }
                | Change::Delete { .. }
                | Change::Append { .. }
                | Change::Take { .. }
                | Change::Increment { .. } => None,
            };
            if let Some(value) = after {
                registers.insert(key, value);
                values.entry(key.to_owned()).or_default().insert(entry.position, value.clone());
                effects.insert(entry.position);
            }
        }
        let last = |values: &BTreeMap<Position, Value>| values.values().next_back().cloned();
        let contents = values.iter().filter_map(|(key, values)| Some((key.clone(), last(values)?))).collect();
        Self { effects, values, contents }
    }

    fn value_at(&self, key: &str, position: Position) -> Option<Value> {
        self.values.get(key)?.range(..=position).next_back().map(|(_, value)| value.clone())
    }
}
