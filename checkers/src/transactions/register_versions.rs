//! A partial order of the versions of each register, from several sources.
//!
//! A register shows one version at a time, so that the order of versions has to be inferred (Kingsbury & Alvaro, *Elle*
//! (2020), section 5):
//!
//! - *initial*: the initial state comes first, and a transaction's own writes of a key come in their order. Always true.
//! - *writes follow reads*: what a transaction writes comes after what it read of the same key before. True under read committed
//!   and all that is stronger: were it before, its transaction would come before the writer of what it read, a *G1c*. What
//!   rules out read uncommitted alone does not rest on it, except where these orders contradict each other.
//! - *sequential keys*: each process sees the versions of a key in their order. An assumption about the system.
//! - *linearizable keys*: so do transactions of which one was over before the other began. An assumption about the system.
//!
//! The sources are added in this order. Where one contradicts those before, the versions of that key are *cyclic*, which is
//! reported, and that source is not used for that key.

use rustc_hash::{FxHashMap, FxHashSet};

use super::anomalies::{CYCLIC_VERSIONS, Class, CycleKind, DirectAnomalies, Variant};
use super::components::{Components, Restricted};
use super::cycles::Existing;
use super::explain::Teller;
use super::graph::{Edges, Graph, Relations};
use super::input::{Action, Transactions};
use super::rw_register::VersionOrder;
use super::shortest;
use super::writers::Writers;
use crate::analysis::Limits;
use crate::history::Outcome;

/// A version of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Version {
    /// The initial state of the key.
    Initial,
    /// What a write made: its number.
    Written(u32),
}

/// Why one version comes after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// One transaction wrote both.
    OneTransaction,
    /// A transaction read the one and then wrote the other.
    WritesFollowReads,
    /// One process saw the one and then the other.
    SequentialKeys,
    /// A transaction that saw the one was over before another, which saw the other, began.
    LinearizableKeys,
}

/// One version comes after another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Succession {
    pub(crate) key: u32,
    pub(crate) earlier: Version,
    /// Never the initial state once it is accepted.
    pub(crate) later: Version,
    pub(crate) source: Source,
    /// The transactions that show it.
    pub(crate) shown_by: (u32, u32),
}

/// What one transaction saw of one key from outside, and what it left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Touch {
    pub(crate) key: u32,
    pub(crate) transaction: u32,
    /// What it read before it wrote, if that is known.
    pub(crate) read: Option<Version>,
    /// Its last write of the key.
    pub(crate) written: Option<u32>,
}

impl Touch {
    /// The first version it had to do with.
    fn first(&self) -> Option<Version> {
        self.read.or_else(|| self.written.map(Version::Written))
    }

    /// The last.
    fn last(&self) -> Option<Version> {
        self.written.map(Version::Written).or(self.read)
    }
}

/// What each transaction that did not fail has to do with each key of known writers; in order of transactions.
pub(crate) fn touches(transactions: &Transactions, writers: &Writers) -> Vec<Touch> {
    let mut touches: Vec<Touch> = Vec::new();
    // Where each key was touched last.
    let mut last: Vec<u32> = vec![u32::MAX; transactions.key_count()];
    for transaction in transactions.ids().filter(|id| transactions.outcome(*id) != Outcome::Fail) {
        for operation in transactions.micro_operations(transaction) {
            let key = operation.key;
            if writers.is_ambiguous(key) {
                continue;
            }
            let place = last[key as usize] as usize;
            let is_new = touches.get(place).is_none_or(|touch| touch.transaction != transaction);
            if is_new {
                last[key as usize] = touches.len() as u32;
                touches.push(Touch { key, transaction, read: None, written: None });
            }
            let Some(touch) = touches.get_mut(last[key as usize] as usize) else { continue };
            match operation.action {
                Action::Write(value) => touch.written = writers.number(key, value),
                Action::Value(value) if is_new => touch.read = version_of(transactions, writers, key, value),
                _ => {}
            }
        }
    }
    touches
}

/// The version that a value is; `None` for what nobody wrote, or only a transaction that failed.
pub(crate) fn version_of(
    transactions: &Transactions,
    writers: &Writers,
    key: u32,
    value: Option<u32>,
) -> Option<Version> {
    let Some(value) = value else { return Some(Version::Initial) };
    let number = writers.number(key, value)?;
    let has_failed = transactions.outcome(writers.writes[number as usize].transaction) == Outcome::Fail;
    (!has_failed).then_some(Version::Written(number))
}

/// The successions that hold together; of a pair the first source that shows it. In order of keys and versions.
pub(crate) fn successions(
    teller: &Teller<'_>,
    writers: &Writers,
    touches: &[Touch],
    order: VersionOrder,
    anomalies: &mut DirectAnomalies,
) -> Vec<Succession> {
    let transactions = teller.transactions;
    let mut sources: Vec<Vec<Succession>> = vec![of_one_transaction(transactions, writers)];
    if order.writes_follow_reads {
        sources.push(writes_after_reads(touches));
    }
    if order.sequential_keys {
        sources.push(of_processes(transactions, touches));
    }
    if order.linearizable_keys {
        sources.push(of_real_time(transactions, touches));
    }
    let mut accepted: Vec<Succession> = Vec::new();
    for proposed in sources {
        let cyclic = report_cyclic(teller, writers, &accepted, &proposed, anomalies);
        accepted.extend(proposed.into_iter().filter(|succession| !cyclic.contains(&succession.key)));
        accepted.sort_by_key(|succession| (succession.key, succession.earlier, succession.later, succession.source));
        accepted.dedup_by_key(|succession| (succession.key, succession.earlier, succession.later));
    }
    accepted
}

fn of_one_transaction(transactions: &Transactions, writers: &Writers) -> Vec<Succession> {
    let mut found = Vec::new();
    let mut last: Vec<Option<u32>> = vec![None; transactions.key_count()];
    for (number, write) in writers.writes.iter().enumerate() {
        if writers.is_ambiguous(write.key) || transactions.outcome(write.transaction) == Outcome::Fail {
            continue;
        }
        let number = number as u32;
        let before = last[write.key as usize].replace(number);
        if let Some(before) = before.filter(|before| writers.writes[*before as usize].transaction == write.transaction)
        {
            found.push(Succession {
                key: write.key,
                earlier: Version::Written(before),
                later: Version::Written(number),
                source: Source::OneTransaction,
                shown_by: (write.transaction, write.transaction),
            });
        }
    }
    found
}

fn writes_after_reads(touches: &[Touch]) -> Vec<Succession> {
    let found = touches.iter().filter_map(|touch| {
        let (Version::Written(read), Some(written)) = (touch.read?, touch.written) else { return None };
        (read != written).then_some(Succession {
            key: touch.key,
            earlier: Version::Written(read),
            later: Version::Written(written),
            source: Source::WritesFollowReads,
            shown_by: (touch.transaction, touch.transaction),
        })
    });
    found.collect()
}

fn succession(earlier: (Version, u32), touch: &Touch, source: Source) -> Option<Succession> {
    let later = touch.first().filter(|later| *later != earlier.0)?;
    Some(Succession { key: touch.key, earlier: earlier.0, later, source, shown_by: (earlier.1, touch.transaction) })
}

fn of_processes(transactions: &Transactions, touches: &[Touch]) -> Vec<Succession> {
    let mut last: FxHashMap<(u32, u32), (Version, u32)> = FxHashMap::default();
    let mut found = Vec::new();
    for touch in touches {
        let seen = (transactions.get(touch.transaction).process, touch.key);
        if let Some(earlier) = last.get(&seen) {
            found.extend(succession(*earlier, touch, Source::SequentialKeys));
        }
        if transactions.outcome(touch.transaction) == Outcome::Ok
            && let Some(version) = touch.last()
        {
            last.insert(seen, (version, touch.transaction));
        }
    }
    found
}

/// For each key, a frontier: what is over, and of which nothing that is over as well began later than its end. What is
/// behind the frontier comes before something in it, so that edges from the frontier suffice.
fn of_real_time(transactions: &Transactions, touches: &[Touch]) -> Vec<Succession> {
    let mut by_key: Vec<&Touch> = touches.iter().filter(|touch| touch.first().is_some()).collect();
    by_key.sort_by_key(|touch| (touch.key, transactions.get(touch.transaction).invoked));
    let completed = |touch: &Touch| transactions.get(touch.transaction).completed;
    let mut found = Vec::new();
    for of_key in by_key.chunk_by(|one, other| one.key == other.key) {
        let mut over: Vec<&Touch> = of_key.to_vec();
        over.retain(|touch| transactions.outcome(touch.transaction) == Outcome::Ok && completed(touch).is_some());
        over.sort_by_key(|touch| completed(touch));
        let mut over = over.into_iter().peekable();
        let mut frontier: Vec<&Touch> = Vec::new();
        for touch in of_key {
            let invoked = transactions.get(touch.transaction).invoked;
            while let Some(next) = over.next_if(|next| completed(next) < Some(invoked)) {
                let began = transactions.get(next.transaction).invoked;
                frontier.retain(|before| completed(before) >= Some(began));
                frontier.push(next);
            }
            for before in &frontier {
                let Some(version) = before.last() else { continue };
                found.extend(succession((version, before.transaction), touch, Source::LinearizableKeys));
            }
        }
    }
    found
}

/// Keys whose versions have no order if some successions are added; they are reported.
fn report_cyclic(
    teller: &Teller<'_>,
    writers: &Writers,
    accepted: &[Succession],
    proposed: &[Succession],
    anomalies: &mut DirectAnomalies,
) -> FxHashSet<u32> {
    // The initial states are numbered after the writes.
    let writes = writers.writes.len() as u32;
    let node = |key: u32, version: Version| match version {
        Version::Initial => writes + key,
        Version::Written(number) => number,
    };
    let mut edges = Edges::new(writers.writes.len() + teller.transactions.key_count());
    for Succession { key, earlier, later, .. } in accepted.iter().chain(proposed) {
        edges.add(node(*key, *earlier), node(*key, *later), Relations::WRITE_WRITE);
        if *later == Version::Initial {
            // The initial state comes first.
            edges.add(node(*key, *later), node(*key, *earlier), Relations::WRITE_WRITE);
        }
    }
    let graph = Graph::new(&edges);
    let mut numbers = vec![Graph::OUTSIDE; graph.node_count()];
    let mut cyclic = FxHashSet::default();
    for nodes in Components::new(&Restricted::new(&graph, Relations::ALL)).larger_than_one() {
        let key = nodes[0].checked_sub(writes).unwrap_or_else(|| writers.writes[nodes[0] as usize].key);
        if !cyclic.insert(key) || !anomalies.count(CYCLIC_VERSIONS) {
            continue;
        }
        let kind = CycleKind { variant: Variant::Data, class: Class::WriteCycle };
        let existing = Existing { kind, may_be_single: false, anchor: None };
        let Some(cycle) = shortest::cycle(&graph.part(&nodes, &mut numbers), &existing, &Limits::NONE) else {
            continue;
        };
        let versions: Vec<u32> = cycle.steps.iter().map(|step| nodes[step.transaction as usize]).collect();
        let mut shown_by = Vec::new();
        let mut sentences = Vec::new();
        for (place, earlier) in versions.iter().enumerate() {
            let later = versions[(place + 1) % versions.len()];
            let mut shown = accepted.iter().chain(proposed);
            let shown = shown.find(|shown| {
                shown.key == key && node(key, shown.earlier) == *earlier && node(key, shown.later) == later
            });
            match shown {
                None => sentences.push("the initial state comes first".to_owned()),
                Some(shown) => {
                    shown_by.extend([shown.shown_by.0, shown.shown_by.1]);
                    sentences.push(tell_succession(teller, writers, shown));
                }
            }
        }
        let text = format!("the versions of {} have no order: {}", teller.names.key(key), sentences.join("; "));
        anomalies.tell(CYCLIC_VERSIONS, shown_by, text);
    }
    cyclic
}

/// "x was 1 before 2, because …".
pub(crate) fn tell_succession(teller: &Teller<'_>, writers: &Writers, succession: &Succession) -> String {
    let value = |version: Version| match version {
        Version::Initial => "null".to_owned(),
        Version::Written(number) => teller.names.value(writers.writes[number as usize].value),
    };
    let (first, second) = (teller.operations(succession.shown_by.0), teller.operations(succession.shown_by.1));
    let because = match succession.source {
        Source::OneTransaction => format!("one transaction wrote both in that order: {first}"),
        Source::WritesFollowReads => format!("one transaction read the former and then wrote the latter: {first}"),
        Source::SequentialKeys => {
            format!("one process performed {first} and then {second}, and each process sees the versions in order")
        }
        Source::LinearizableKeys => format!("{first} was over before {second} began, and keys are linearizable"),
    };
    format!(
        "{} was {} before it was {}, because {because}",
        teller.names.key(succession.key),
        value(succession.earlier),
        value(succession.later)
    )
}
