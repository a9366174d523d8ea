//! Session guarantees (Terry et al., *Session Guarantees for Weakly Consistent Replicated Data*, 1994): what one process may
//! rely on, whatever others see. A session is a process.
//!
//! - *Read your writes*: a read sees every earlier write of its process.
//! - *Monotonic reads*: a read sees everything that earlier reads of its process saw.
//! - *Monotonic writes*: writes of one process take effect in their order.
//! - *Writes follow reads*: a write takes effect after the writes that its process had read before.
//!
//! Nothing is taken from the clock: a store that promises no more than these may order writes as it likes. `registers` asks
//! whether *any* order of versions would satisfy the guarantee, `sets` compares what reads returned, `positions` uses the
//! log positions that a system told. Operations count once they ended ok; a write that is undecided counts where it was seen.

mod graph;
mod positions;
mod registers;
mod sets;
#[cfg(test)]
mod tests;

pub(crate) use registers::certainly_not_sequential;

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{Function, Operation};
use crate::verdict::FindingKind;
use crate::witness::{counted, faults_around, witness};

/// Read your writes.
pub static READ_YOUR_WRITES: Checker = Checker {
    name: "read-your-writes",
    description: "a process sees its own earlier writes",
    check: |context, analysis| check(context, analysis, &[Guarantee::ReadYourWrites]),
};

/// Monotonic reads.
pub static MONOTONIC_READS: Checker = Checker {
    name: "monotonic-reads",
    description: "a process never sees an older state than before",
    check: |context, analysis| check(context, analysis, &[Guarantee::MonotonicReads]),
};

/// Monotonic writes.
pub static MONOTONIC_WRITES: Checker = Checker {
    name: "monotonic-writes",
    description: "writes of one process take effect in their order",
    check: |context, analysis| check(context, analysis, &[Guarantee::MonotonicWrites]),
};

/// Writes follow reads.
pub static WRITES_FOLLOW_READS: Checker = Checker {
    name: "writes-follow-reads",
    description: "a write takes effect after what its process had read",
    check: |context, analysis| check(context, analysis, &[Guarantee::WritesFollowReads]),
};

/// All four, alone and together.
pub static SESSION: Checker = Checker {
    name: "session",
    description: "the four session guarantees, alone and together",
    check: |context, analysis| check(context, analysis, &Guarantee::ALL),
};

/// What a session may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Guarantee {
    /// See the module.
    ReadYourWrites,
    /// See the module.
    MonotonicReads,
    /// See the module.
    MonotonicWrites,
    /// See the module.
    WritesFollowReads,
}

impl Guarantee {
    const ALL: [Self; 4] = [Self::ReadYourWrites, Self::MonotonicReads, Self::MonotonicWrites, Self::WritesFollowReads];

    fn kind(self) -> FindingKind {
        match self {
            Self::ReadYourWrites => FindingKind::ReadYourWrites,
            Self::MonotonicReads => FindingKind::MonotonicReads,
            Self::MonotonicWrites => FindingKind::MonotonicWrites,
            Self::WritesFollowReads => FindingKind::WritesFollowReads,
        }
    }
}

/// A guarantee that was not kept: what shows it, in words and operations.
struct Violation<'h> {
    kind: FindingKind,
    text: String,
    operations: Vec<Operation<'h>>,
}

/// Whether an operation takes part: the tester's own closing reads of single nodes do not.
fn takes_part(operation: &Operation<'_>) -> bool {
    !operation.is_final()
}

fn check(context: &Context<'_>, analysis: &mut Analysis, guarantees: &[Guarantee]) {
    let history = context.history;
    let is_set = history.operations().any(|operation| operation.function() == Function::Add);
    let found = if is_set { sets::violations(context, guarantees) } else { registers::violations(context, guarantees) };
    let mut violations = match found {
        Ok(violations) => violations,
        Err(reason) => return analysis.unknown(format!("session guarantees: {reason}")),
    };
    violations.extend(positions::violations(context, guarantees));
    let shows = |operation: Operation<'_>| {
        let sees = operation.is_read() || operation.function() == Function::CompareAndSet;
        sees && operation.is_ok() && takes_part(&operation)
    };
    if !history.operations().any(shows) {
        analysis.unknown("session guarantees: nothing was read, so nothing was tested");
    }
    violations.sort_by_key(|violation| violation.kind);
    for of_kind in violations.chunk_by(|one, other| one.kind == other.kind) {
        let first = of_kind.iter().min_by_key(|violation| violation.operations.last().map(Operation::invoked_index));
        let Some(first) = first else { continue };
        let text = format!(
            "{} was not kept, shown by {}. The first: {}; {}.",
            name(first.kind),
            counted(of_kind.len() as u64, "case"),
            first.text,
            faults_around(history, &first.operations)
        );
        analysis.find(first.kind, of_kind.len() as u64, None, witness(text, &first.operations));
    }
}

fn name(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::ReadYourWrites => "Read your writes",
        FindingKind::MonotonicReads => "Monotonic reads",
        FindingKind::MonotonicWrites => "Monotonic writes",
        FindingKind::WritesFollowReads => "Writes follow reads",
        _ => "Each session guarantee can be kept alone, but all four together",
    }
}
