//! Verdicts: `Valid < Unknown < Invalid`, so that merging never hides bad news.

use serde::{Deserialize, Serialize};

/// The answer of one checker or of a whole run. JSON: `true`, `false`, `null` for unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Validity {
    /// Nothing forbidden was found, and enough was tested to say so.
    #[default]
    Valid,
    /// No violation found, but the evidence does not suffice to call it valid.
    Unknown,
    /// A violation was found.
    Invalid,
}

impl Validity {
    /// The worse of two.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        self.max(other)
    }
}

impl Serialize for Validity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Valid => serializer.serialize_some(&true),
            Self::Invalid => serializer.serialize_some(&false),
            Self::Unknown => serializer.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Validity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::<bool>::deserialize(deserializer)? {
            Some(true) => Self::Valid,
            Some(false) => Self::Invalid,
            None => Self::Unknown,
        })
    }
}

/// What can be found in a history or a run, the gravest first; the words are defined in `docs/semantics.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// Acknowledged, absent from the closing read.
    Lost,
    /// Seen by some read, absent at the end.
    Dirty,
    /// Never invoked, or reported `fail`, yet seen by a read.
    Unexpected,
    /// Two nodes acknowledged writes whose reigns overlap.
    SplitBrain,
    /// A value that may come once came twice: dequeued again, or generated as a new id again.
    Duplicate,
    /// Two clients certainly held one lock at once.
    LockOverlap,
    /// A fencing token did not grow from one holder of a lock to the next, or an older one was accepted after a newer.
    FencingViolation,
    /// A read of all accounts does not add up to the total, or shows an account below its limit.
    WrongTotal,
    /// A counter was read beyond what the adds allow.
    OutOfBounds,
    /// An anomaly that the consistency model asked for forbids.
    Anomaly,
    /// Two reads saw two writes in opposite orders.
    LongFork,
    /// A read whose level promises recency missed a newer acknowledged write.
    StaleRead,
    /// The history of one object has no linearization.
    NotLinearizable,
    /// The history has no order that every process would agree with.
    NotSequential,
    /// A process did not see its own earlier write.
    ReadYourWrites,
    /// A process saw a state older than one it had seen before.
    MonotonicReads,
    /// Two writes of one process took effect in the other order.
    MonotonicWrites,
    /// A write took effect before a write that its process had read.
    WritesFollowReads,
    /// After convergence, nodes hold different states.
    Divergence,
    /// A node died by itself.
    NodeDied,
    /// The cluster did not converge after everything was healed.
    DidNotConverge,
    /// Undecided, present at the end (reported only).
    Recovered,
    /// Two nodes claimed to lead at once (reported only).
    TwoLeaders,
    /// Two acknowledged entries at one position (reported only).
    Fork,
    /// A read whose level promises nothing missed a newer acknowledged write (reported only).
    StaleLocalRead,
    /// An anomaly that the consistency model asked for allows (reported only).
    AllowedAnomaly,
    /// Something in the history speaks against the client rather than the system (reported only).
    ClientSuspect,
}

/// What there is to say about a kind of finding.
struct KindEntry {
    kind: FindingKind,
    name: &'static str,
    word: &'static str,
    validity: Validity,
}

const fn entry(kind: FindingKind, name: &'static str, word: &'static str, validity: Validity) -> KindEntry {
    KindEntry { kind, name, word, validity }
}

/// In the order of the kinds.
static KINDS: [KindEntry; 27] = [
    entry(FindingKind::Lost, "lost", "lost", Validity::Invalid),
    entry(FindingKind::Dirty, "dirty", "dirty", Validity::Invalid),
    entry(FindingKind::Unexpected, "unexpected", "unexpected", Validity::Invalid),
    entry(FindingKind::SplitBrain, "split-brain", "split", Validity::Invalid),
    entry(FindingKind::Duplicate, "duplicate", "duplicate", Validity::Invalid),
    entry(FindingKind::LockOverlap, "lock-overlap", "lock overlap", Validity::Invalid),
    entry(FindingKind::FencingViolation, "fencing-violation", "fencing", Validity::Invalid),
    entry(FindingKind::WrongTotal, "wrong-total", "wrong total", Validity::Invalid),
    entry(FindingKind::OutOfBounds, "out-of-bounds", "out of bounds", Validity::Invalid),
    entry(FindingKind::Anomaly, "transaction-anomaly", "anomaly", Validity::Invalid),
    entry(FindingKind::LongFork, "long-fork", "long fork", Validity::Invalid),
    entry(FindingKind::StaleRead, "stale-read", "stale", Validity::Invalid),
    entry(FindingKind::NotLinearizable, "not-linearizable", "not lin.", Validity::Invalid),
    entry(FindingKind::NotSequential, "not-sequential", "not seq.", Validity::Invalid),
    entry(FindingKind::ReadYourWrites, "read-your-writes", "own write", Validity::Invalid),
    entry(FindingKind::MonotonicReads, "monotonic-reads", "read back", Validity::Invalid),
    entry(FindingKind::MonotonicWrites, "monotonic-writes", "write order", Validity::Invalid),
    entry(FindingKind::WritesFollowReads, "writes-follow-reads", "write before", Validity::Invalid),
    entry(FindingKind::Divergence, "divergence", "diverged", Validity::Invalid),
    entry(FindingKind::NodeDied, "node-died", "node died", Validity::Invalid),
    entry(FindingKind::DidNotConverge, "did-not-converge", "not conv.", Validity::Unknown),
    entry(FindingKind::Recovered, "recovered", "recovered", Validity::Valid),
    entry(FindingKind::TwoLeaders, "two-leaders", "two leaders", Validity::Valid),
    entry(FindingKind::Fork, "fork", "fork", Validity::Valid),
    entry(FindingKind::StaleLocalRead, "stale-local-read", "stale local", Validity::Valid),
    entry(FindingKind::AllowedAnomaly, "allowed-anomaly", "allowed anomaly", Validity::Valid),
    entry(FindingKind::ClientSuspect, "client-suspect", "client", Validity::Valid),
];

impl FindingKind {
    /// Every kind, the gravest first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
        KINDS.iter().map(|entry| entry.kind)
    }

    fn entry(self) -> &'static KindEntry {
        &KINDS[self as usize]
    }

    /// What one finding of this kind makes of a run.
    #[must_use]
    pub fn validity(self) -> Validity {
        self.entry().validity
    }

    /// Whether one finding of this kind makes a run invalid.
    #[must_use]
    pub fn makes_invalid(self) -> bool {
        self.validity() == Validity::Invalid
    }

    /// Whether it counts for a verdict at all; the others are reported only.
    #[must_use]
    pub fn is_judged(self) -> bool {
        self.validity() != Validity::Valid
    }

    /// The name used in files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// As short as a table's cell needs it.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.entry().word
    }

    /// The kind with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        KINDS.iter().find(|entry| entry.name == name).map(|entry| entry.kind)
    }
}

impl Serialize for FindingKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for FindingKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::by_name(&name).ok_or_else(|| {
            let known: Vec<&str> = KINDS.iter().map(|entry| entry.name).collect();
            serde::de::Error::custom(format_args!("unknown finding `{name}`, expected one of: {}", known.join(", ")))
        })
    }
}

/// One thing that was found, with what shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// How many elements, reads or episodes.
    pub count: u64,
    /// Seconds, for findings that last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// What shows it.
    pub witness: Witness,
}

/// The operations that show a violation, and one paragraph in English about them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Witness {
    /// One paragraph: operations, times, nodes and the fault that was active.
    pub text: String,
    /// Indexes into the history of the events involved, ascending.
    pub events: Vec<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_kinds_is_in_their_order_and_names_are_unique() {
        for (place, kind) in FindingKind::all().enumerate() {
            assert_eq!(kind as usize, place);
            assert_eq!(FindingKind::by_name(kind.name()), Some(kind));
        }
        assert!(
            serde_json::from_str::<FindingKind>("\"lsot\"").unwrap_err().to_string().contains("expected one of: lost")
        );
    }
}
