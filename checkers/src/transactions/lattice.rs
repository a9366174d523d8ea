//! Consistency models, which implies which, and which anomalies each forbids.
//!
//! Adya, *Weak Consistency* (1999), for the levels PL-*; Bailis et al., *Highly Available Transactions* (2013); Cerone,
//! Bernardi & Gotsman, *A Framework for Transactional Consistency Models with Atomic Visibility* (2015); Cerone & Gotsman,
//! *Analysing Snapshot Isolation* (2016); Daudjee & Salem, *Lazy Database Replication with Snapshot Isolation* (2006).
//! The choices where these leave one are those of Elle (Kingsbury & Alvaro, 2020), so that verdicts can be compared.

use std::fmt;

/// Anomalies that are at the same time others.
const IMPLIED_ANOMALIES: &[(&str, &[&str])] = &[
    ("G0", &["G1c", "G0-process"]),
    ("G0-process", &["G1c-process", "G0-realtime"]),
    ("G0-realtime", &["G1c-realtime"]),
    ("G1a", &["G1"]),
    ("G1b", &["G1"]),
    ("G1c", &["G1", "G1c-process"]),
    ("G1c-process", &["G1c-realtime", "G1-process"]),
    ("G1c-realtime", &["G1-realtime"]),
    ("G1", &["G1-process"]),
    ("G1-process", &["G1-realtime"]),
    ("G-single-item", &["G-single", "G-single-item-process", "G-nonadjacent-item"]),
    ("G-single-item-process", &["G-single-process", "G-single-item-realtime", "G-nonadjacent-item-process"]),
    ("G-single-item-realtime", &["G-single-realtime", "G-nonadjacent-item-realtime"]),
    ("G-single", &["G-nonadjacent", "G-SIb", "G-single-process"]),
    ("G-single-process", &["G-nonadjacent-process", "G-single-realtime"]),
    ("G-single-realtime", &["G-nonadjacent-realtime"]),
    ("G-nonadjacent-item", &["G-nonadjacent", "G2-item", "G-nonadjacent-item-process"]),
    ("G-nonadjacent-item-process", &["G-nonadjacent-process", "G2-item-process", "G-nonadjacent-item-realtime"]),
    ("G-nonadjacent-item-realtime", &["G-nonadjacent-realtime", "G2-item-realtime"]),
    ("G-nonadjacent", &["G2", "G-nonadjacent-process"]),
    ("G-nonadjacent-process", &["G2-process", "G-nonadjacent-realtime"]),
    ("G-nonadjacent-realtime", &["G2-realtime"]),
    ("G2-item", &["G2", "G2-item-process"]),
    ("G2-item-process", &["G2-process", "G2-item-realtime"]),
    ("G2-item-realtime", &["G2-realtime"]),
    ("G2", &["G2-process"]),
    ("G2-process", &["G2-realtime"]),
    // Two reads that no one order of versions explains: at least one of them was of something that did not last.
    ("incompatible-order", &["G1a"]),
    // A dependency of a transaction on itself.
    ("future-read", &["G1c"]),
    ("dirty-update", &["G1a"]),
    // A value that no transaction wrote was certainly written by none that committed.
    ("garbage-read", &["G1a"]),
    ("lost-update", &["write-skew", "G2-item"]),
    ("write-skew", &["G2"]),
];

/// A model, those that it implies directly, and the anomalies that it forbids beyond what those forbid.
struct Entry {
    name: &'static str,
    implies: &'static [&'static str],
    forbids: &'static [&'static str],
}

const fn entry(name: &'static str, implies: &'static [&'static str], forbids: &'static [&'static str]) -> Entry {
    Entry { name, implies, forbids }
}

/// Every model, after those that it implies.
const MODELS: &[Entry] = &[
    entry("read-your-writes", &[], &[]),
    entry("monotonic-writes", &[], &[]),
    entry("monotonic-reads", &[], &[]),
    entry("writes-follow-reads", &[], &[]),
    entry("PRAM", &["monotonic-reads", "monotonic-writes", "read-your-writes"], &[]),
    entry("causal", &["writes-follow-reads", "PRAM"], &[]),
    entry("sequential", &["causal"], &[]),
    entry("linearizable", &["sequential"], &[]),
    entry("1SR", &[], &[]),
    entry("session-serializable", &["1SR"], &[]),
    entry("read-uncommitted", &[], &["G0", "duplicate-elements", "cyclic-versions"]),
    entry("read-committed", &["read-uncommitted"], &["G1"]),
    entry("cursor-stability", &["read-committed"], &["lost-update"]),
    entry("monotonic-view", &["read-committed"], &[]),
    entry("monotonic-snapshot-read", &["read-committed"], &[]),
    entry("monotonic-atomic-view", &["read-committed"], &[]),
    entry("consistent-view", &["cursor-stability", "monotonic-view"], &["G-single"]),
    entry("forward-consistent-view", &["consistent-view"], &["G-SIb"]),
    entry("update-serializable", &["forward-consistent-view"], &[]),
    entry("repeatable-read", &["cursor-stability", "monotonic-atomic-view"], &["G2-item", "lost-update"]),
    entry("read-atomic", &["monotonic-atomic-view"], &["internal", "G1a", "future-read"]),
    entry("causal-cerone", &["read-atomic"], &["internal", "G1a"]),
    entry("ROLA", &["read-atomic"], &["lost-update"]),
    entry("parallel-snapshot-isolation", &["causal-cerone", "ROLA"], &["internal", "G1a"]),
    entry("prefix", &["causal-cerone"], &["internal", "G1a"]),
    entry(
        "snapshot-isolation",
        &[
            "forward-consistent-view",
            "monotonic-atomic-view",
            "monotonic-snapshot-read",
            "parallel-snapshot-isolation",
            "prefix",
        ],
        &["internal", "G1", "G-nonadjacent"],
    ),
    entry("view-serializable", &[], &[]),
    entry(
        "serializable",
        &["repeatable-read", "update-serializable", "snapshot-isolation", "view-serializable"],
        &["internal", "G1", "G2"],
    ),
    entry("strong-session-read-uncommitted", &["read-uncommitted"], &["G0-process"]),
    entry("strong-session-read-committed", &["read-committed", "strong-session-read-uncommitted"], &["G1c-process"]),
    entry(
        "strong-session-snapshot-isolation",
        &["snapshot-isolation", "strong-session-read-committed"],
        &["internal", "G1-process", "G-nonadjacent-process"],
    ),
    entry(
        "strong-session-serializable",
        &["serializable", "strong-session-snapshot-isolation"],
        &["G1-process", "G2-process"],
    ),
    entry("strong-read-uncommitted", &["strong-session-read-uncommitted"], &["G0-realtime"]),
    entry("strong-read-committed", &["strong-session-read-committed", "strong-read-uncommitted"], &["G1c-realtime"]),
    entry(
        "strong-snapshot-isolation",
        &["strong-session-snapshot-isolation", "strong-read-committed"],
        &["internal", "G1-realtime", "G-nonadjacent-realtime"],
    ),
    entry(
        "strict-serializable",
        &[
            "serializable",
            "linearizable",
            "strong-snapshot-isolation",
            "strong-session-serializable",
            "session-serializable",
        ],
        &["G1", "G1c-realtime", "G2-realtime"],
    ),
];

/// Models about single operations, or without a test of their own here: nothing found rules them out directly, so that
/// nothing is said about whether they hold.
const NOT_JUDGED: &[&str] = &[
    "view-serializable",
    "session-serializable",
    "1SR",
    "linearizable",
    "sequential",
    "causal",
    "PRAM",
    "writes-follow-reads",
    "monotonic-reads",
    "monotonic-writes",
    "read-your-writes",
];

/// Other names of models: Adya's, and those in use.
const ALIASES: &[(&str, &str)] = &[
    ("PL-1", "read-uncommitted"),
    ("PL-2", "read-committed"),
    ("PL-CS", "cursor-stability"),
    ("PL-2L", "monotonic-view"),
    ("PL-MSR", "monotonic-snapshot-read"),
    ("PL-2+", "consistent-view"),
    ("PL-FCV", "forward-consistent-view"),
    ("PL-3U", "update-serializable"),
    ("PL-2.99", "repeatable-read"),
    ("PL-SI", "snapshot-isolation"),
    ("PL-3", "serializable"),
    ("conflict-serializable", "serializable"),
    ("PL-SS", "strict-serializable"),
    ("strong-serializable", "strict-serializable"),
    ("strict-1SR", "strict-serializable"),
    ("strong-session-PL-1", "strong-session-read-uncommitted"),
    ("strong-session-PL-2", "strong-session-read-committed"),
    ("strong-session-PL-SI", "strong-session-snapshot-isolation"),
    ("strong-session-PL-3", "strong-session-serializable"),
    ("strong-PL-1", "strong-read-uncommitted"),
    ("strong-PL-2", "strong-read-committed"),
    ("strong-PL-SI", "strong-snapshot-isolation"),
];

/// A consistency model of the lattice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConsistencyModel(&'static str);

impl ConsistencyModel {
    /// What is asked where nothing else is.
    pub const STRICT_SERIALIZABLE: Self = Self("strict-serializable");
    /// Some serial order explains everything.
    pub const SERIALIZABLE: Self = Self("serializable");
    /// Every transaction reads from a snapshot and writes what nobody wrote meanwhile.
    pub const SNAPSHOT_ISOLATION: Self = Self("snapshot-isolation");
    /// Only what was committed, and is final, is read.
    pub const READ_COMMITTED: Self = Self("read-committed");
    /// Writes alone do not contradict each other.
    pub const READ_UNCOMMITTED: Self = Self("read-uncommitted");

    /// Finds a model by its name or an alias, whatever the case of its letters. Models about which a history of
    /// transactions says nothing are not among them.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let alias = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        let name = alias.map_or(name, |(_, canonical)| canonical);
        Self::judged().find(|model| model.0.eq_ignore_ascii_case(name))
    }

    /// Every model that can be asked for.
    pub fn judged() -> impl Iterator<Item = Self> {
        MODELS.iter().map(|entry| entry.name).filter(|name| !NOT_JUDGED.contains(name)).map(Self)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Its other names.
    pub fn aliases(self) -> impl Iterator<Item = &'static str> {
        ALIASES.iter().filter(move |(_, name)| *name == self.0).map(|(alias, _)| *alias)
    }

    /// Whether an anomaly is among those that a history under this model cannot have.
    #[must_use]
    pub fn forbids(self, anomaly: &str) -> bool {
        Boundary::of([anomaly]).is_ruled_out(self)
    }

    /// Whether a history under this model is always one under the other.
    #[must_use]
    pub fn implies(self, other: Self) -> bool {
        let entry = MODELS.iter().find(|entry| entry.name == self.0);
        self == other || entry.is_some_and(|entry| entry.implies.iter().any(|implied| Self(implied).implies(other)))
    }
}

impl fmt::Display for ConsistencyModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// Anomalies with all that they are at the same time.
fn with_implied<'a>(anomalies: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    let mut pending: Vec<&str> = anomalies.into_iter().collect();
    while let Some(anomaly) = pending.pop() {
        if all.contains(&anomaly) {
            continue;
        }
        all.push(anomaly);
        let implied = IMPLIED_ANOMALIES.iter().filter(|(name, _)| *name == anomaly);
        pending.extend(implied.flat_map(|(_, implied)| implied.iter().copied()));
    }
    all
}

/// What anomalies say about all models.
#[derive(Debug, Clone, PartialEq)]
pub struct Boundary {
    /// The weakest models that do not hold.
    pub not: Vec<ConsistencyModel>,
    /// The other models that do not hold: all that imply one of those.
    pub also_not: Vec<ConsistencyModel>,
    /// The strongest models that may hold.
    pub strongest_held: Vec<ConsistencyModel>,
}

impl Boundary {
    /// What some anomalies rule out and what they leave; each list in order of names.
    #[must_use]
    pub fn of<'a>(anomalies: impl IntoIterator<Item = &'a str>) -> Self {
        let anomalies = with_implied(anomalies);
        let mut boundary = Self { not: Vec::new(), also_not: Vec::new(), strongest_held: Vec::new() };
        for Entry { name, implies, forbids } in MODELS {
            let model = ConsistencyModel(name);
            // Models come after those that they imply.
            if implies.iter().any(|implied| boundary.is_ruled_out(ConsistencyModel(implied))) {
                boundary.also_not.push(model);
            } else if forbids.iter().any(|anomaly| anomalies.contains(anomaly)) {
                boundary.not.push(model);
            } else if !NOT_JUDGED.contains(name) {
                // What it implies is not the strongest any more; and what that implies was not before.
                boundary.strongest_held.retain(|weaker| !implies.contains(&weaker.0));
                boundary.strongest_held.push(model);
            }
        }
        for list in [&mut boundary.not, &mut boundary.also_not, &mut boundary.strongest_held] {
            list.sort_unstable_by_key(|model| model.0);
        }
        boundary
    }

    /// Whether a model does not hold.
    #[must_use]
    pub fn is_ruled_out(&self, model: ConsistencyModel) -> bool {
        self.not.contains(&model) || self.also_not.contains(&model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(models: &[ConsistencyModel]) -> Vec<&'static str> {
        models.iter().map(|model| model.name()).collect()
    }

    #[test]
    fn every_name_in_the_tables_is_a_model() {
        for (place, entry) in MODELS.iter().enumerate() {
            for implied in entry.implies {
                assert!(MODELS[..place].iter().any(|other| other.name == *implied), "{implied} before {}", entry.name);
            }
        }
        for (alias, name) in ALIASES {
            assert!(MODELS.iter().any(|entry| entry.name == *name), "{name}");
            assert!(!MODELS.iter().any(|entry| entry.name == *alias), "{alias}");
        }
    }

    #[test]
    fn nothing_found_leaves_the_strongest_of_all() {
        let boundary = Boundary::of([]);
        assert_eq!(names(&boundary.strongest_held), ["strict-serializable"]);
        assert!(boundary.not.is_empty() && boundary.also_not.is_empty());
    }

    #[test]
    fn each_anomaly_rules_out_the_weakest_model_that_forbids_it() {
        let not = |anomaly| names(&Boundary::of([anomaly]).not);
        assert_eq!(not("G0"), ["read-uncommitted"]);
        assert_eq!(not("duplicate-elements"), ["read-uncommitted"]);
        for anomaly in ["G1a", "G1b", "G1c", "dirty-update", "incompatible-order", "garbage-read", "future-read"] {
            assert_eq!(not(anomaly), ["read-committed"], "{anomaly}");
        }
        assert_eq!(not("internal"), ["read-atomic"]);
        assert_eq!(not("lost-update"), ["ROLA", "cursor-stability"]);
        assert_eq!(not("G-single-item"), ["consistent-view", "repeatable-read"]);
        assert_eq!(not("G-nonadjacent-item"), ["repeatable-read", "snapshot-isolation"]);
        assert_eq!(not("G2-item"), ["repeatable-read"]);
        assert_eq!(not("G2"), ["serializable"]);
        assert_eq!(not("G2-item-process"), ["strong-session-serializable"]);
        assert_eq!(not("G2-item-realtime"), ["strict-serializable"]);
        assert_eq!(not("G-single-item-process"), ["strong-session-snapshot-isolation"]);
        assert_eq!(not("G-nonadjacent-item-realtime"), ["strong-snapshot-isolation"]);
        assert_eq!(not("G0-process"), ["strong-session-read-uncommitted"]);
        assert_eq!(not("G0-realtime"), ["strong-read-uncommitted"]);
        assert_eq!(not("G1c-realtime"), ["strong-read-committed"]);
    }

    #[test]
    fn what_may_still_hold_is_named() {
        let held = |anomaly| names(&Boundary::of([anomaly]).strongest_held);
        assert_eq!(held("G2-item"), ["strong-snapshot-isolation", "update-serializable"]);
        assert_eq!(held("G2-item-realtime"), ["strong-session-serializable", "strong-snapshot-isolation"]);
        assert!(held("G0").is_empty());
    }

    #[test]
    fn aliases_and_letters_of_either_case_are_accepted() {
        assert_eq!(ConsistencyModel::by_name("pl-ss"), Some(ConsistencyModel::STRICT_SERIALIZABLE));
        assert_eq!(ConsistencyModel::by_name("PL-2.99").map(ConsistencyModel::name), Some("repeatable-read"));
        assert_eq!(ConsistencyModel::by_name("Serializable"), Some(ConsistencyModel::SERIALIZABLE));
        assert_eq!(ConsistencyModel::by_name("linearizable"), None);
        assert!(ConsistencyModel::SERIALIZABLE.forbids("G-single-item"));
        assert!(!ConsistencyModel::SERIALIZABLE.forbids("G2-item-realtime"));
    }
}
