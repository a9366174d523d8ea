//! Counters: every read lies within what the adds allow.
//!
//! Wants `add` n (whole numbers, negative ones too) and `read` → n; every key is a counter of its own that starts at 0. An add
//! *certainly* happened before a read if it ended ok before the read was invoked. It *may* have happened if it did not fail and
//! was not invoked after the read was over; equal times are concurrent, so such adds may have happened and are not certain. A
//! read's value is the sum of all certain adds and of some of the others that may have happened, so it lies between
//!
//! - the certain adds of positive amount and every possible one of negative amount, and
//! - every possible add of positive amount and the certain ones of negative amount.
//!
//! A read whose level promises nothing may be of any earlier state, so nothing is certain for it: its bounds are the sums of all
//! negative and of all positive adds that may have happened. Reads marked `final` are not looked at.
//!
//! A *closing* read, one that was invoked after every decided add had ended and was over after every add had been invoked, is
//! judged exactly: the decided adds count, and some choice of the undecided ones must make up the rest (as Maelstrom's
//! `pn-counter` does). Beyond [`SUMS_MAX`] sums its bounds alone are judged.
//!
//! Every read out of bounds is a violation of linearizability, so there is no false alarm; the reverse does not hold, for reads
//! are judged one by one: [`crate::linearizability`] decides the whole. O(n log n), closing reads apart.

use std::collections::BTreeMap;

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{Function, History, Operation, Outcome};
use crate::model::{foreign_operation, foreign_value};
use crate::verdict::FindingKind;
use crate::witness::{counted, describe, faults_around, witness};

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "counter-bounds", description: "reads of counters beyond what the adds allow", check };

/// Sums of undecided adds that are tried out for the closing reads of a key.
pub const SUMS_MAX: usize = 1 << 22;

/// Amounts by time, and their running sums.
#[derive(Debug, Default)]
struct Sums {
    times: Vec<u64>,
    /// Of the amounts up to this place.
    sums: Vec<i128>,
}

impl Sums {
    fn new(mut amounts: Vec<(u64, i64)>) -> Self {
        amounts.sort_unstable();
        let times = amounts.iter().map(|(time, _)| *time).collect();
        let sums = amounts.iter().scan(0_i128, |sum, (_, amount)| {
            *sum += i128::from(*amount);
            Some(*sum)
        });
        Self { times, sums: sums.collect() }
    }

    fn first(&self, count: usize) -> i128 {
        count.checked_sub(1).map_or(0, |last| self.sums[last])
    }

    fn before(&self, time: u64) -> i128 {
        self.first(self.times.partition_point(|earlier| *earlier < time))
    }

    fn until(&self, time: u64) -> i128 {
        self.first(self.times.partition_point(|earlier| *earlier <= time))
    }
}

/// The adds of one counter, by what is known of them and by their sign.
struct Adds {
    certain_positive: Sums,
    certain_negative: Sums,
    possible_positive: Sums,
    possible_negative: Sums,
    closing: Closing,
}

/// What a counter may stand at in the end.
struct Closing {
    /// No decided add ended later.
    decided_until: Option<u64>,
    /// No add was invoked later.
    invoked_until: Option<u64>,
    /// What it may stand at; `None`: too much to try out.
    reachable: Option<Ranges>,
}

/// A read with the bounds that it broke.
#[derive(Debug, Clone, Copy)]
struct Broken<'h> {
    read: Operation<'h>,
    value: i128,
    lower: i128,
    upper: i128,
}

impl Broken<'_> {
    /// How far it is from its bounds; 0 for one within them that no choice of undecided adds explains.
    fn distance(&self) -> i128 {
        (self.lower - self.value).max(self.value - self.upper).max(0)
    }
}

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    let mut adds: Vec<Vec<(Operation<'_>, i64)>> = vec![Vec::new(); history.keys().len()];
    let mut reads: Vec<Vec<(Operation<'_>, i64)>> = vec![Vec::new(); history.keys().len()];
    for operation in history.operations() {
        let found = match operation.function() {
            Function::Add => add_amount(&operation).map(|amount| (&mut adds, amount)),
            Function::Read => read_value(&operation).map(|value| (&mut reads, value)),
            _ => Err(foreign_operation(&operation, "counter")),
        };
        match found {
            Ok((list, Some(number))) => list[operation.key().index()].push((operation, number)),
            Ok(_) => {}
            Err(reason) => return analysis.unknown(reason),
        }
    }
    if reads.iter().all(Vec::is_empty) {
        return analysis.unknown("no read of a counter ended ok: nothing was tested");
    }
    let mut broken: Vec<Broken<'_>> = Vec::new();
    for (adds, reads) in adds.iter().zip(&reads).filter(|(_, reads)| !reads.is_empty()) {
        let adds = Adds::new(adds);
        broken.extend(reads.iter().filter_map(|(read, value)| adds.judge(*read, i128::from(*value))));
    }
    broken.sort_by_key(|broken| broken.read.id());
    analysis.measures.out_of_bounds = Some(broken.len() as u64);
    report(history, &broken, analysis);
}

/// The amount of an add that did or may have happened.
fn add_amount(operation: &Operation<'_>) -> Result<Option<i64>, String> {
    let amount = operation.history().values().as_integer(operation.argument());
    let amount = amount.ok_or_else(|| foreign_value(operation, "a whole number", operation.argument()))?;
    Ok(Some(amount).filter(|_| operation.outcome() != Outcome::Fail))
}

/// What a read that counts returned.
fn read_value(operation: &Operation<'_>) -> Result<Option<i64>, String> {
    let Some(result) = operation.result().filter(|_| !operation.is_final()) else { return Ok(None) };
    let value = operation.history().values().as_integer(result);
    value.map(Some).ok_or_else(|| foreign_value(operation, "a whole number as its result", result))
}

impl Adds {
    fn new(adds: &[(Operation<'_>, i64)]) -> Self {
        let sums = |is_wanted: fn(i64) -> bool, time: fn(&Operation<'_>) -> Option<u64>| {
            let wanted = adds.iter().filter(|(_, amount)| is_wanted(*amount));
            Sums::new(wanted.filter_map(|(add, amount)| Some((time(add)?, *amount))).collect())
        };
        let undecided: Vec<i64> = adds.iter().filter(|(add, _)| !add.is_ok()).map(|(_, amount)| *amount).collect();
        let decided = adds.iter().filter(|(add, _)| add.is_ok()).map(|(_, amount)| i128::from(*amount)).sum();
        Self {
            certain_positive: sums(|amount| amount > 0, |add| add.completed_ns()),
            certain_negative: sums(|amount| amount < 0, |add| add.completed_ns()),
            possible_positive: sums(|amount| amount > 0, |add| Some(add.invoked_ns())),
            possible_negative: sums(|amount| amount < 0, |add| Some(add.invoked_ns())),
            closing: Closing {
                decided_until: adds.iter().filter_map(|(add, _)| add.completed_ns()).max(),
                invoked_until: adds.iter().map(|(add, _)| add.invoked_ns()).max(),
                reachable: reachable(decided, undecided),
            },
        }
    }

    fn judge<'h>(&self, read: Operation<'h>, value: i128) -> Option<Broken<'h>> {
        let completed = read.completed_ns()?;
        let (mut lower, mut upper) = (self.possible_negative.until(completed), self.possible_positive.until(completed));
        let promises = read.promises_recency();
        if promises {
            lower += self.certain_positive.before(read.invoked_ns());
            upper += self.certain_negative.before(read.invoked_ns());
        }
        let is_within = (lower..=upper).contains(&value);
        let is_explained =
            !promises || !self.closing.is_over(read.invoked_ns(), completed) || self.closing.explains(value);
        (!is_within || !is_explained).then_some(Broken { read, value, lower, upper })
    }
}

impl Closing {
    /// Whether a read of this span sees every decided add, and may see every undecided one.
    fn is_over(&self, invoked: u64, completed: u64) -> bool {
        self.decided_until.is_none_or(|until| until < invoked)
            && self.invoked_until.is_none_or(|until| until <= completed)
    }

    fn explains(&self, value: i128) -> bool {
        let Some(ranges) = &self.reachable else { return true };
        ranges.range(..=value).next_back().is_some_and(|(_, end)| value <= *end)
    }
}

/// Ranges of whole numbers, both ends included, that do not touch: first → last.
type Ranges = BTreeMap<i128, i128>;

/// Every sum of the base and some of the amounts; `None` where that is more than [`SUMS_MAX`] steps of work.
fn reachable(base: i128, mut amounts: Vec<i64>) -> Option<Ranges> {
    // Small amounts first: they make few ranges, and long ones.
    amounts.sort_unstable_by_key(|amount| amount.unsigned_abs());
    let mut ranges = vec![(base, base)];
    let mut steps = 0;
    for amount in amounts {
        steps += ranges.len();
        if steps > SUMS_MAX {
            return None;
        }
        let shift = i128::from(amount);
        let shifted: Vec<(i128, i128)> = ranges.iter().map(|(first, last)| (first + shift, last + shift)).collect();
        ranges.extend(shifted);
        ranges.sort_unstable();
        ranges.dedup_by(|next, range| {
            let touches = next.0 <= range.1 + 1;
            if touches {
                range.1 = range.1.max(next.1);
            }
            touches
        });
    }
    Some(ranges.into_iter().collect())
}

fn report(history: &History, broken: &[Broken<'_>], analysis: &mut Analysis) {
    let Some(first) = broken.first() else { return };
    let worst = broken.iter().rev().max_by_key(|broken| broken.distance()).filter(|worst| worst.read != first.read);
    let furthest = worst.map_or_else(String::new, |worst| format!(". The furthest off: {}", explain(history, worst)));
    let text = format!(
        "{} of a counter returned what the adds do not allow. The first: {}; {}{furthest}.",
        counted(broken.len() as u64, "read"),
        explain(history, first),
        faults_around(history, &[first.read]),
    );
    let operations: Vec<Operation<'_>> = [Some(first), worst].into_iter().flatten().map(|broken| broken.read).collect();
    analysis.find(FindingKind::OutOfBounds, broken.len() as u64, None, witness(text, &operations));
}

fn explain(history: &History, broken: &Broken<'_>) -> String {
    let Broken { read, lower, upper, .. } = broken;
    let read_text = describe(history, read);
    if broken.distance() == 0 {
        return format!(
            "{read_text}, which lies between {lower} and {upper}, yet no choice of the undecided adds makes that sum"
        );
    }
    let because = if read.promises_recency() {
        "by the adds acknowledged before it began and those that had begun when it ended"
    } else {
        "by the adds that had begun when it ended"
    };
    format!("{read_text}, but {because} it must lie between {lower} and {upper}")
}

#[cfg(test)]
mod tests {
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};
    use serde_json::{Value, json};

    use super::*;
    use crate::checker::judge;
    use crate::history::EventType;
    use crate::testing::{HistoryText, MadeOperation, history_of};
    use crate::{Limits, Validity};

    fn judged(text: &HistoryText) -> Analysis {
        judge(&text.history(), &Limits::NONE, &[&CHECKER])
    }

    fn read(text: &mut HistoryText, span: (u64, u64), value: i64) -> &mut HistoryText {
        text.ok(span, 1000 + span.0, "read", Value::Null, json!(value))
    }

    fn out_of_bounds(text: &HistoryText) -> Option<u64> {
        judged(text).measures.out_of_bounds
    }

    #[test]
    fn certain_adds_count_and_possible_ones_may() {
        let mut text = HistoryText::new();
        text.ok((0, 10), 0, "add", json!(5), json!(5));
        // Undecided from 20 on, refused, and open from 40 on.
        text.invoke(20, 1, "add", json!(3)).complete(25, 1, "info", "add", json!(3));
        text.invoke(30, 2, "add", json!(100)).complete(35, 2, "fail", "add", json!(100));
        text.invoke(40, 3, "add", json!(7));
        for (span, value) in [((0, 5), 0), ((0, 5), 5), ((11, 12), 5), ((21, 22), 8), ((41, 42), 12), ((41, 43), 15)] {
            assert_eq!(out_of_bounds(read(&mut text.clone(), span, value)), Some(0), "{span:?} {value}");
        }
        for (span, value) in [((11, 12), 0), ((11, 12), 8), ((41, 42), 4), ((41, 42), 16), ((41, 42), 115)] {
            assert_eq!(out_of_bounds(read(&mut text.clone(), span, value)), Some(1), "{span:?} {value}");
        }
        let analysis = judged(read(&mut text, (41, 42), 2));
        assert_eq!(analysis.valid, Validity::Invalid);
        let text = &analysis.findings[0].witness.text;
        assert!(text.contains("must lie between 5 and 15"), "{text}");
    }

    #[test]
    fn equal_times_are_concurrent() {
        let mut text = HistoryText::new();
        text.ok((10, 20), 0, "add", json!(5), json!(5));
        for (span, value) in [((20, 21), 0), ((5, 10), 5)] {
            assert_eq!(out_of_bounds(read(&mut text.clone(), span, value)), Some(0), "{span:?} {value}");
        }
        for (span, value) in [((21, 22), 0), ((5, 9), 5)] {
            assert_eq!(out_of_bounds(read(&mut text.clone(), span, value)), Some(1), "{span:?} {value}");
        }
    }

    #[test]
    fn negative_adds_lower_the_bounds_by_sign() {
        let mut text = HistoryText::new();
        text.ok((0, 10), 0, "add", json!(5), json!(5)).ok((15, 30), 1, "add", json!(-4), json!(-4));
        for (span, value, expected) in
            [((12, 13), 1, 1), ((20, 25), 1, 0), ((20, 25), 5, 0), ((20, 25), 0, 1), ((31, 32), 5, 1), ((31, 32), 1, 0)]
        {
            assert_eq!(out_of_bounds(read(&mut text.clone(), span, value)), Some(expected), "{span:?} {value}");
        }
    }

    #[test]
    fn a_local_read_may_be_of_any_earlier_state() {
        let mut text = HistoryText::new();
        text.ok((0, 10), 0, "add", json!(5), json!(5)).ok((11, 12), 0, "add", json!(-2), json!(-2));
        for (value, expected) in [(0, 0), (5, 0), (-2, 0), (-3, 1), (6, 1)] {
            let mut text = text.clone();
            read(&mut text, (20, 21), value).with("level", "local");
            assert_eq!(out_of_bounds(&text), Some(expected), "{value}");
        }
    }

    #[test]
    fn a_closing_read_must_be_a_sum_of_undecided_adds() {
        let mut text = HistoryText::new();
        text.ok((0, 10), 0, "add", json!(5), json!(5));
        text.invoke(0, 1, "add", json!(10)).invoke(0, 2, "add", json!(-3));
        for value in -3..=20 {
            let expected = u64::from(![5, 15, 2, 12].contains(&value));
            let mut text = text.clone();
            assert_eq!(out_of_bounds(read(&mut text, (20, 21), value)), Some(expected), "{value}");
        }
        let analysis = judged(read(&mut text, (20, 21), 9));
        assert!(analysis.findings[0].witness.text.contains("no choice of the undecided adds"), "{analysis:?}");
    }

    #[test]
    fn too_many_sums_leave_the_bounds() {
        let amounts: Vec<i64> = (0..40).map(|power| 3_i64.pow(power % 39)).collect();
        assert_eq!(reachable(0, amounts), None);
        assert_eq!(reachable(1, vec![1; 10_000]).unwrap().into_iter().collect::<Vec<_>>(), [(1, 10_001)]);
    }

    #[test]
    fn no_read_and_other_objects_are_unknown() {
        let mut text = HistoryText::new();
        text.ok((0, 1), 0, "add", json!(1), json!(1)).invoke(2, 1, "read", Value::Null);
        assert_eq!(judged(&text).reasons, ["no read of a counter ended ok: nothing was tested"]);
        let mut marked = text.clone();
        read(&mut marked, (5, 6), 99).with("final", true);
        assert_eq!(judged(&marked).valid, Validity::Unknown);
        let mut list = text.clone();
        list.ok((5, 6), 5, "read", Value::Null, json!([1]));
        assert!(judged(&list).reasons[0].contains("whole number as its result"), "{:?}", judged(&list));
        text.ok((5, 6), 5, "write", json!(1), json!(1));
        assert!(judged(&text).reasons[0].contains("`write` is not an operation of a counter"));
    }

    /// The slow answer: whether some choice of adds explains a read; only the least and the greatest sum count for one that is
    /// not closing.
    fn is_explained(operations: &[MadeOperation], read: &MadeOperation) -> bool {
        let Some((end, EventType::Ok, value)) = &read.end else { return true };
        let adds: Vec<&MadeOperation> = operations
            .iter()
            .filter(|add| add.f == "add" && add.key == read.key && !matches!(add.end, Some((_, EventType::Fail, _))))
            .collect();
        let ok_end = |add: &MadeOperation| match add.end {
            Some((time, EventType::Ok, _)) => Some(time),
            _ => None,
        };
        let mut sums = Vec::new();
        for choice in 0..1_u32 << adds.len() {
            let is_chosen = |place: usize| choice >> place & 1 == 1;
            let is_allowed = adds.iter().enumerate().all(|(place, add)| {
                let is_certain = ok_end(add).is_some_and(|ended| ended < read.invoked);
                if is_chosen(place) { add.invoked <= *end } else { !is_certain }
            });
            if is_allowed {
                let chosen = adds.iter().enumerate().filter(|(place, _)| is_chosen(*place));
                sums.push(chosen.map(|(_, add)| add.argument.as_i64().unwrap()).sum::<i64>());
            }
        }
        let value = value.as_i64().unwrap();
        let is_closing =
            adds.iter().all(|add| add.invoked <= *end && ok_end(add).is_none_or(|ended| ended < read.invoked));
        let is_within = (*sums.iter().min().unwrap()..=*sums.iter().max().unwrap()).contains(&value);
        if is_closing { sums.contains(&value) } else { is_within }
    }

    #[test]
    fn the_bounds_are_those_of_trying_every_choice_of_adds() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut broken = 0;
        for number in 0..20_000 {
            let operations: Vec<MadeOperation> = (0..random.random_range(1..8))
                .map(|process| {
                    let is_read = random.random_range(0..3) == 0;
                    let invoked = random.random_range(0..12);
                    let argument = if is_read { Value::Null } else { json!(random.random_range(-3..5)) };
                    let how =
                        [EventType::Ok, EventType::Ok, EventType::Info, EventType::Fail][random.random_range(0..4)];
                    let value = if is_read { json!(random.random_range(-4..8)) } else { argument.clone() };
                    let end = random.random_bool(0.9).then(|| (invoked + random.random_range(0..5), how, value));
                    let f = if is_read { "read" } else { "add" };
                    MadeOperation { process, f, key: random.random_range(0..2), argument, invoked, end }
                })
                .collect();
            let reads = operations.iter().filter(|operation| operation.f == "read");
            let expected = reads.filter(|read| !is_explained(&operations, read)).count() as u64;
            let analysis = judge(&history_of(&operations), &Limits::NONE, &[&CHECKER]);
            let found = analysis.measures.out_of_bounds.unwrap_or(0);
            assert_eq!(found, expected, "seed 1, history {number}: {operations:#?}");
            broken += u64::from(found > 0);
        }
        assert!((2_000..18_000).contains(&broken), "{broken} of 20,000 histories are broken: the test is blind");
    }
}
