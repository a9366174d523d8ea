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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// Acknowledged, absent from the closing read.
    Lost,
    /// Seen by some read, absent at the end.
    Dirty,
    /// Never invoked, or reported `fail`, yet seen by a read.
    Unexpected,
    /// Two nodes acknowledged writes whose reigns overlap.
    SplitBrain,
    /// A read whose level promises recency missed a newer acknowledged write.
    StaleRead,
    /// The history of one object has no linearization.
    NotLinearizable,
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
}

impl FindingKind {
    /// What one finding of this kind makes of a run.
    #[must_use]
    pub fn validity(self) -> Validity {
        match self {
            Self::Lost
            | Self::Dirty
            | Self::Unexpected
            | Self::SplitBrain
            | Self::StaleRead
            | Self::NotLinearizable
            | Self::Divergence
            | Self::NodeDied => Validity::Invalid,
            Self::DidNotConverge => Validity::Unknown,
            Self::Recovered | Self::TwoLeaders | Self::Fork | Self::StaleLocalRead => Validity::Valid,
        }
    }

    /// Whether one finding of this kind makes a run invalid.
    #[must_use]
    pub fn makes_invalid(self) -> bool {
        self.validity() == Validity::Invalid
    }

    /// The name used in files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Dirty => "dirty",
            Self::Unexpected => "unexpected",
            Self::SplitBrain => "split-brain",
            Self::StaleRead => "stale-read",
            Self::NotLinearizable => "not-linearizable",
            Self::Divergence => "divergence",
            Self::NodeDied => "node-died",
            Self::DidNotConverge => "did-not-converge",
            Self::Recovered => "recovered",
            Self::TwoLeaders => "two-leaders",
            Self::Fork => "fork",
            Self::StaleLocalRead => "stale-local-read",
        }
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
