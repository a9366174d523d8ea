//! From transactions to a verdict.

use super::anomalies::{Class, CycleKind, Direct, DirectAnomalies};
use super::components::{Components, Restricted};
use super::cycles::{self, Existing};
use super::explain::{Dependencies, Names, Teller, Words};
use super::graph::{Edges, Graph, Relations};
use super::input::Transactions;
use super::lattice::{Boundary, ConsistencyModel};
use super::rw_register::VersionOrder;
use super::shortest::{self, Cycle};
use super::{list_append, order, rw_register};
use crate::analysis::Limits;
use crate::verdict::Validity;

/// What the transactions work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionModel {
    /// Lists: `append` and read.
    ListAppend,
    /// Registers: write and read; values are written once each.
    RwRegister(VersionOrder),
}

impl TransactionModel {
    /// Registers, with the order of versions from what is certain and from reads before writes.
    pub const RW_REGISTER: Self = Self::RwRegister(VersionOrder::DEFAULT);

    /// Finds a model by name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "list-append" => Some(Self::ListAppend),
            "rw-register" => Some(Self::RW_REGISTER),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ListAppend => "list-append",
            Self::RwRegister(_) => "rw-register",
        }
    }

    fn words(self) -> Words {
        match self {
            Self::ListAppend => Words { write: "append" },
            Self::RwRegister(_) => Words { write: "w" },
        }
    }
}

/// One kind of anomaly that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// Its name.
    pub name: &'static str,
    /// How often: of cycles, in how many strongly connected components of the dependency graph.
    pub count: u64,
    /// Whether the model asked for forbids it.
    pub is_forbidden: bool,
    /// One example, in English.
    pub text: String,
    /// The transactions of the example, ascending.
    pub transactions: Vec<u32>,
    /// Of a cycle: its transactions in order, each before the next and the last before the first.
    pub cycle: Vec<u32>,
    /// Of a cycle: whether none of this kind in its component is shorter.
    pub is_shortest: bool,
}

/// The answer for transactions given as columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    /// Whether the model asked for can hold.
    pub valid: Validity,
    /// What was found, in order of names; also what the model asked for allows.
    pub anomalies: Vec<Anomaly>,
    /// Which models do not hold, and which may.
    pub boundary: Boundary,
    /// Why something is unknown, one sentence each.
    pub reasons: Vec<String>,
}

/// Checks transactions against a consistency model.
///
/// Invalid: an anomaly was found that the model forbids. Unknown: none was, but nothing was tested (no transaction committed,
/// or none depends on another), or not everything could be. Valid: none was.
#[must_use]
pub fn check_transactions(
    transactions: &Transactions,
    names: &dyn Names,
    model: TransactionModel,
    consistency: ConsistencyModel,
    limits: &Limits<'_>,
) -> Findings {
    let teller = Teller { transactions, names, words: model.words() };
    let mut edges = Edges::new(transactions.len());
    let mut direct = DirectAnomalies::default();
    let mut reasons = Vec::new();
    let dependencies: Box<dyn Dependencies> = match model {
        TransactionModel::ListAppend => Box::new(list_append::infer(&teller, &mut edges, &mut direct, &mut reasons)),
        TransactionModel::RwRegister(version_order) => {
            Box::new(rw_register::infer(&teller, version_order, &mut edges, &mut direct, &mut reasons))
        }
    };
    let is_tested = !edges.is_empty();
    order::add_process_order(transactions, &mut edges);
    order::add_real_time(transactions, &mut edges);
    let mut anomalies: Vec<Anomaly> = direct.into_sorted().into_iter().map(Anomaly::from).collect();
    let needed = transactions.bytes() + dependencies.bytes() + edges.search_bytes();
    if needed > limits.memory_bytes {
        reasons.push(format!("the search for cycles needs {} MiB, more than it may have", needed >> 20));
    } else if (limits.should_stop)() {
        reasons.push("stopped before the search for cycles".to_owned());
    } else {
        let graph = Graph::new(&edges);
        drop(edges);
        find_cycles(&graph, &teller, dependencies.as_ref(), limits, &mut anomalies, &mut reasons);
    }
    if transactions.committed().next().is_none() {
        reasons.push("no transaction committed: nothing was tested".to_owned());
    } else if !is_tested {
        reasons.push("no transaction depends on what another one wrote or read: nothing was tested".to_owned());
    }
    judge(anomalies, reasons, consistency)
}

fn judge(mut anomalies: Vec<Anomaly>, reasons: Vec<String>, consistency: ConsistencyModel) -> Findings {
    anomalies.sort_by_key(|anomaly| anomaly.name);
    for anomaly in &mut anomalies {
        anomaly.is_forbidden = consistency.forbids(anomaly.name);
    }
    let boundary = Boundary::of(anomalies.iter().map(|anomaly| anomaly.name));
    let valid = if boundary.is_ruled_out(consistency) {
        Validity::Invalid
    } else if reasons.is_empty() {
        Validity::Valid
    } else {
        Validity::Unknown
    };
    Findings { valid, anomalies, boundary, reasons }
}

impl From<Direct> for Anomaly {
    fn from(direct: Direct) -> Self {
        Self {
            name: direct.name,
            count: direct.count,
            is_forbidden: false,
            text: direct.text,
            transactions: direct.transactions,
            cycle: Vec::new(),
            is_shortest: false,
        }
    }
}

/// A kind of cycle: in how many components it was found, and the smallest of them.
struct Tally {
    existing: Existing,
    count: u64,
    may_be_single: u64,
    component: usize,
    transactions: usize,
    /// Whether that component has a cycle without anti-dependencies as well.
    has_information_cycle: bool,
}

fn find_cycles(
    graph: &Graph,
    teller: &Teller<'_>,
    dependencies: &dyn Dependencies,
    limits: &Limits<'_>,
    anomalies: &mut Vec<Anomaly>,
    reasons: &mut Vec<String>,
) {
    let lists = Components::new(&Restricted::new(graph, Relations::ALL)).larger_than_one();
    let mut numbers = vec![Graph::OUTSIDE; graph.node_count()];
    let mut tallies: Vec<Tally> = Vec::new();
    for (component, nodes) in lists.iter().enumerate() {
        if (limits.should_stop)() {
            reasons.push(format!("stopped after {component} of {} groups of transactions with cycles", lists.len()));
            break;
        }
        let part = graph.part(nodes, &mut numbers);
        let kinds = cycles::kinds(&part, limits);
        let has_information_cycle = kinds.iter().any(|existing| existing.kind.class <= Class::InformationFlow);
        for existing in kinds {
            let transactions = part.transactions() as usize;
            let found = Tally {
                existing,
                count: 1,
                may_be_single: u64::from(existing.may_be_single),
                component,
                transactions,
                has_information_cycle,
            };
            match tallies.iter_mut().find(|tally| tally.existing.kind == existing.kind) {
                None => tallies.push(found),
                Some(tally) => {
                    let (count, may_be_single) = (tally.count + 1, tally.may_be_single + found.may_be_single);
                    if transactions < tally.transactions {
                        *tally = found;
                    }
                    (tally.count, tally.may_be_single) = (count, may_be_single);
                }
            }
        }
    }
    for tally in &tallies {
        let nodes = &lists[tally.component];
        let part = graph.part(nodes, &mut numbers);
        let Some(mut cycle) = shortest::cycle(&part, &tally.existing, limits) else { continue };
        cycle.steps.iter_mut().for_each(|step| step.transaction = nodes[step.transaction as usize]);
        let is_exact = tally.existing.kind.class <= Class::InformationFlow || !tally.has_information_cycle;
        cycle.is_shortest = cycle.is_shortest && is_exact;
        anomalies.push(anomaly(tally, &cycle, teller, dependencies, reasons));
    }
}

fn anomaly(
    tally: &Tally,
    cycle: &Cycle,
    teller: &Teller<'_>,
    dependencies: &dyn Dependencies,
    reasons: &mut Vec<String>,
) -> Anomaly {
    let kind = tally.existing.kind;
    if tally.may_be_single > 0 {
        let single = CycleKind { class: Class::Single, ..kind };
        reasons.push(format!(
            "stopped before it was clear whether {} of the {} are {}, which is graver",
            tally.may_be_single,
            kind.name(),
            single.name()
        ));
    }
    let order: Vec<u32> = cycle.steps.iter().map(|step| step.transaction).collect();
    let mut transactions = order.clone();
    transactions.sort_unstable();
    transactions.dedup();
    Anomaly {
        name: kind.name(),
        count: tally.count,
        is_forbidden: false,
        text: teller.cycle(cycle, dependencies),
        transactions,
        cycle: order,
        is_shortest: cycle.is_shortest,
    }
}
