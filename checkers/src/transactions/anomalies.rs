//! The names of anomalies, and what was found.

use super::graph::Relations;

/// A value that was read, and nobody wrote it.
pub const GARBAGE_READ: &str = "garbage-read";
/// Aborted read: a value of a transaction that failed was read.
pub const ABORTED_READ: &str = "G1a";
/// Intermediate read: a value was read that its transaction overwrote itself.
pub const INTERMEDIATE_READ: &str = "G1b";
/// A read contradicts what the same transaction read or wrote before.
pub const INTERNAL: &str = "internal";
/// A transaction read what it wrote only later.
pub const FUTURE_READ: &str = "future-read";
/// A committed write was built on one of a transaction that failed.
pub const DIRTY_UPDATE: &str = "dirty-update";
/// Two committed transactions read one version of an object and both wrote that object.
pub const LOST_UPDATE: &str = "lost-update";
/// An element that was appended once is in a list more than once.
pub const DUPLICATE_ELEMENTS: &str = "duplicate-elements";
/// Two reads of a list, neither of which is a prefix of the other.
pub const INCOMPATIBLE_ORDER: &str = "incompatible-order";
/// The versions of an object have no order.
pub const CYCLIC_VERSIONS: &str = "cyclic-versions";

/// What a cycle is made of, the gravest first: which dependencies occur in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    /// Write dependencies only.
    WriteCycle,
    /// Write and at least one read dependency: circular information flow.
    InformationFlow,
    /// Exactly one anti-dependency: read skew.
    Single,
    /// Several anti-dependencies, no two of them adjacent.
    NonAdjacent,
    /// Several anti-dependencies, two of them adjacent: write skew.
    General,
}

/// Which orders take part in a cycle besides the dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Variant {
    /// None.
    Data,
    /// What one process did before what it did later.
    Process,
    /// What was over before what began later.
    Realtime,
}

impl Variant {
    pub(crate) const ALL: [Self; 3] = [Self::Data, Self::Process, Self::Realtime];

    /// The relations that may be used besides dependencies.
    pub(crate) fn relations(self) -> Relations {
        match self {
            Self::Data => Relations::CONTINUED,
            Self::Process => Relations::PROCESS,
            Self::Realtime => Relations::PROCESS.or(Relations::REALTIME),
        }
    }
}

/// A kind of cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CycleKind {
    pub(crate) variant: Variant,
    pub(crate) class: Class,
}

impl CycleKind {
    /// Its name in the literature; all anti-dependencies here are on single objects, hence `-item`.
    pub(crate) fn name(self) -> &'static str {
        let names = match self.class {
            Class::WriteCycle => ["G0", "G0-process", "G0-realtime"],
            Class::InformationFlow => ["G1c", "G1c-process", "G1c-realtime"],
            Class::Single => ["G-single-item", "G-single-item-process", "G-single-item-realtime"],
            Class::NonAdjacent => ["G-nonadjacent-item", "G-nonadjacent-item-process", "G-nonadjacent-item-realtime"],
            Class::General => ["G2-item", "G2-item-process", "G2-item-realtime"],
        };
        names[self.variant as usize]
    }

    /// Whether a cycle of this kind makes one of the other not worth reporting: a graver one of the same family without an
    /// order that the other needs.
    pub(crate) fn covers(self, other: Self) -> bool {
        let is_information_only = |class| class <= Class::InformationFlow;
        self.variant <= other.variant
            && self.class <= other.class
            && is_information_only(self.class) == is_information_only(other.class)
    }
}

/// Something found that is no cycle: how often, and the first example.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Direct {
    pub(crate) name: &'static str,
    pub(crate) count: u64,
    pub(crate) transactions: Vec<u32>,
    pub(crate) text: String,
}

/// What was found so far that is no cycle.
#[derive(Debug, Clone, Default)]
pub(crate) struct DirectAnomalies(Vec<Direct>);

impl DirectAnomalies {
    /// Counts one. Answers whether it is the first of its name, which [`DirectAnomalies::tell`] is for.
    pub(crate) fn count(&mut self, name: &'static str) -> bool {
        if let Some(found) = self.0.iter_mut().find(|found| found.name == name) {
            found.count += 1;
            return false;
        }
        self.0.push(Direct { name, count: 1, transactions: Vec::new(), text: String::new() });
        true
    }

    /// Gives the example of a name that was counted.
    pub(crate) fn tell(&mut self, name: &'static str, mut transactions: Vec<u32>, text: String) {
        transactions.sort_unstable();
        transactions.dedup();
        if let Some(found) = self.0.iter_mut().find(|found| found.name == name) {
            (found.transactions, found.text) = (transactions, text);
        }
    }

    /// Sorted by name.
    pub(crate) fn into_sorted(mut self) -> Vec<Direct> {
        self.0.sort_by_key(|found| found.name);
        self.0
    }
}
