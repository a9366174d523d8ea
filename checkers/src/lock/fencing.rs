//! Fencing tokens: numbers that grow from one holder of a lock to the next, so that what the lock protects can refuse late
//! writes of an earlier holder (Kleppmann, *How to do distributed locking*, 2016).
//!
//! The token of an `acquire` is its result: a whole number, or a map with one under `token`. A result that repeats the
//! argument is no token. An acquire by a process that holds the lock already, with the token it has, renews its hold and counts for
//! nothing. Violations, per key:
//!
//! - an acquire completed before another was invoked, and its token is not smaller; or two acquires share a token, whenever they
//!   were;
//! - a `write` of [token, value] or of a map with a `token` was acknowledged before another was invoked, and the other, with a
//!   smaller token, was acknowledged, too.
//!
//! Both compare each operation with the greatest token of all that were over before it began, so one is found wherever there is
//! one. What failed or is undecided proves nothing. O(n log n).

use std::collections::BTreeMap;

use crate::analysis::Analysis;
use crate::history::{History, KeyId, Operation, Value, ValueId};
use crate::verdict::FindingKind;
use crate::witness::{counted, describe, faults_around, witness};

/// An operation that ended ok and carries a token.
#[derive(Debug, Clone, Copy)]
struct Carrier<'h> {
    key: KeyId,
    token: i64,
    operation: Operation<'h>,
}

/// All tokens of a history.
#[derive(Default)]
pub(super) struct Tokens<'h> {
    acquired: Vec<Carrier<'h>>,
    written: Vec<Carrier<'h>>,
    /// By process and key: the token of the last acquire.
    held: rustc_hash::FxHashMap<(usize, KeyId), i64>,
}

/// By id of the operation at fault: the one whose token it should exceed, or match.
type Violations<'h> = BTreeMap<usize, [Carrier<'h>; 2]>;

impl<'h> Tokens<'h> {
    /// Notes the token of an acquire; a renewal is one by a process that held the lock already.
    pub(super) fn acquire(&mut self, operation: Operation<'h>, is_renewal: bool) {
        let result = operation.result().filter(|result| *result != operation.argument());
        let Some(token) = result.and_then(|result| token_of(&operation, result)) else { return };
        let holder = (operation.process().index(), operation.key());
        let held = self.held.insert(holder, token);
        if !(is_renewal && held == Some(token)) {
            self.acquired.push(Carrier { key: operation.key(), token, operation });
        }
    }

    /// Notes the token of a write.
    pub(super) fn write(&mut self, operation: Operation<'h>) {
        let argument = operation.argument();
        let carrying = match operation.value(argument) {
            Value::List([token, _]) => operation.history().values().as_integer(*token),
            Value::Map(_) => token_of(&operation, argument),
            _ => None,
        };
        if let Some(token) = carrying.filter(|_| operation.is_ok()) {
            self.written.push(Carrier { key: operation.key(), token, operation });
        }
    }

    pub(super) fn is_any_accepted(&self) -> bool {
        !self.written.is_empty()
    }

    pub(super) fn judge(self, history: &History, analysis: &mut Analysis) {
        if self.acquired.is_empty() && self.written.is_empty() {
            return;
        }
        let mut acquires = outgrown(&self.acquired, |earlier, token| earlier >= token);
        shared(self.acquired, &mut acquires);
        let writes = outgrown(&self.written, |earlier, token| earlier > token);
        analysis.measures.fencing_violations = Some((acquires.len() + writes.len()) as u64);
        report(history, &acquires, "handed out that had not grown", analysis);
        report(history, &writes, "accepted after a greater one", analysis);
    }
}

fn token_of(operation: &Operation<'_>, value: ValueId) -> Option<i64> {
    let values = operation.history().values();
    values.as_integer(value).or_else(|| values.as_integer(values.field(value, "token")?))
}

/// Operations that began after one with too great a token was over.
fn outgrown<'h>(carriers: &[Carrier<'h>], is_too_great: fn(i64, i64) -> bool) -> Violations<'h> {
    let mut by_completion: Vec<&Carrier<'h>> = carriers.iter().collect();
    by_completion.sort_by_key(|carrier| (carrier.operation.completed_ns(), carrier.operation.id()));
    let mut over = by_completion.into_iter().peekable();
    let mut greatest: BTreeMap<KeyId, Carrier<'h>> = BTreeMap::new();
    let mut violations = Violations::new();
    // In order of invocation, as they come.
    for carrier in carriers {
        let invoked = carrier.operation.invoked_ns();
        while let Some(done) = over.next_if(|done| done.operation.completed_ns() < Some(invoked)) {
            let entry = greatest.entry(done.key).or_insert(*done);
            if done.token > entry.token {
                *entry = *done;
            }
        }
        if let Some(earlier) = greatest.get(&carrier.key).filter(|earlier| is_too_great(earlier.token, carrier.token)) {
            violations.insert(carrier.operation.id(), [*earlier, *carrier]);
        }
    }
    violations
}

/// Adds operations with the token of another one.
fn shared<'h>(mut carriers: Vec<Carrier<'h>>, violations: &mut Violations<'h>) {
    carriers.sort_by_key(|carrier| (carrier.key, carrier.token, carrier.operation.id()));
    for pair in carriers.windows(2).filter(|pair| (pair[0].key, pair[0].token) == (pair[1].key, pair[1].token)) {
        violations.entry(pair[1].operation.id()).or_insert([pair[0], pair[1]]);
    }
}

fn report(history: &History, violations: &Violations<'_>, what: &str, analysis: &mut Analysis) {
    let Some([earlier, later]) = violations.values().next() else { return };
    let operations = [earlier.operation, later.operation];
    let text = format!(
        "{} {what}. The first: token {} by {}, and token {} by {}; {}.",
        counted(violations.len() as u64, "fencing token"),
        earlier.token,
        describe(history, &earlier.operation),
        later.token,
        describe(history, &later.operation),
        faults_around(history, &operations),
    );
    analysis.find(FindingKind::FencingViolation, violations.len() as u64, None, witness(text, &operations));
}
