//! A counter: bounds for every read, and exact answers where the additions before each read are determined.
//!
//! *Bounds.* An addition that was over before a read was invoked is before it; one that was invoked after the read was over
//! is after it; any other may be either. So a read is at least the sum of the certain additions and the possible negative
//! ones, and at most that of the certain and the possible positive ones. A read outside shows that there is no
//! linearization. O(n log n).
//!
//! *All additions are alike*: see [`super::greedy::check_units`]. Exact.
//!
//! *Additions that are all positive (or, turned round, all negative).* Then reads in order of their numbers are in order of
//! linearization, and the reads of one number V have one set of additions S(V) before them, which grows with V. An addition
//! is *required* in S(V) if it was over before a read of at most V was invoked, and *allowed* only if it was invoked no later
//! than the first completion of a read of at least V. So required ⊆ S(V) ⊆ allowed. If the required ones exceed V or the
//! allowed ones fall short of it there is no linearization. If the required ones make V, or the allowed ones do, S(V) is
//! that set and no other, for every further addition counts. Where that holds for every number read, the sets must grow, and
//! then the order is fixed up to groups (the additions of the first set, its reads, the additions new in the second set,
//! its reads, …, the acknowledged additions in no set), which [`super::groups`] decides. Exact.
//!
//! *What is left to the search*: additions of several sizes some of which were under way while a number between the sums was
//! read (which of them it counts is a subset sum); and additions of both signs within the bounds. Also sums that may exceed 64
//! bits. An undecided addition has its completion at infinity; in no set, it never happened. An addition of 0 says nothing.

use super::greedy::check_units;
use super::groups::{Groups, OutOfOrder};
use super::{Conflict, NEVER, NONE, Part, Span};

/// Everything about one counter, 0 at first; failed operations and undecided reads are not given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter {
    /// Additions and their amounts.
    pub(crate) additions: Vec<(i64, Span)>,
    /// Reads and their numbers.
    pub(crate) reads: Vec<(i64, Span)>,
}

/// Decides a counter, or leaves it to the search.
pub(crate) fn check(counter: &Counter) -> Option<Result<(), Conflict>> {
    let additions: Vec<(i128, Span)> = counter
        .additions
        .iter()
        .filter(|(amount, _)| *amount != 0)
        .map(|(amount, span)| (i128::from(*amount), *span))
        .collect();
    let mut reads: Vec<(i128, Span)> = counter.reads.iter().map(|(count, span)| (i128::from(*count), *span)).collect();
    if additions.iter().map(|(amount, _)| amount.abs()).sum::<i128>() > i128::from(i64::MAX) {
        return None;
    }
    if let Err(conflict) = check_bounds(&additions, &reads) {
        return Some(Err(conflict));
    }
    let sign = match additions.first() {
        None => return Some(Ok(())),
        Some((amount, _)) => amount.signum(),
    };
    if additions.iter().any(|(amount, _)| amount.signum() != sign) {
        return None;
    }
    reads.iter_mut().for_each(|(count, _)| *count *= sign);
    let unit = additions[0].0;
    if additions.iter().all(|(amount, _)| *amount == unit) {
        return Some(in_units(&additions, reads, unit.abs()));
    }
    let additions: Vec<(i128, Span)> = additions.into_iter().map(|(amount, span)| (amount.abs(), span)).collect();
    Classes::new(reads).check(&additions)
}

fn in_units(additions: &[(i128, Span)], mut reads: Vec<(i128, Span)>, unit: i128) -> Result<(), Conflict> {
    if let Some((count, read)) = reads.iter().find(|(count, _)| *count < 0 || count % unit != 0) {
        let words = [
            Part::Text("every addition is of "),
            Part::Number(unit),
            Part::Text(", of which no number of them makes "),
            Part::Number(*count),
        ];
        return Err(Conflict::list(words, [read.operation]));
    }
    reads.iter_mut().for_each(|(count, _)| *count /= unit);
    let additions: Vec<Span> = additions.iter().map(|(_, span)| *span).collect();
    check_units(&additions, &reads)
}

/// Amounts by a time of their additions, summed up.
struct Sums {
    times: Vec<u64>,
    /// Of the first so many.
    sums: Vec<i128>,
}

impl Sums {
    fn new(amounts: impl Iterator<Item = (u64, i128)>) -> Self {
        let mut amounts: Vec<(u64, i128)> = amounts.collect();
        amounts.sort_unstable_by_key(|(time, _)| *time);
        let mut sums = vec![0];
        let mut sum = 0;
        sums.extend(amounts.iter().map(|(_, amount)| {
            sum += amount;
            sum
        }));
        Self { times: amounts.into_iter().map(|(time, _)| time).collect(), sums }
    }

    fn before(&self, time: u64) -> i128 {
        self.sums[self.times.partition_point(|other| *other < time)]
    }

    fn until(&self, time: u64) -> i128 {
        self.sums[self.times.partition_point(|other| *other <= time)]
    }
}

fn check_bounds(additions: &[(i128, Span)], reads: &[(i128, Span)]) -> Result<(), Conflict> {
    let of_sign = |sign: i128| additions.iter().filter(move |(amount, _)| amount.signum() == sign);
    let certain = |sign| Sums::new(of_sign(sign).map(|(amount, span)| (span.completed, *amount)));
    let possible = |sign| Sums::new(of_sign(sign).map(|(amount, span)| (span.invoked, *amount)));
    let (certainly_up, possibly_up) = (certain(1), possible(1));
    let (certainly_down, possibly_down) = (certain(-1), possible(-1));
    for (count, read) in reads {
        let least = certainly_up.before(read.invoked) + possibly_down.until(read.completed);
        let most = possibly_up.until(read.completed) + certainly_down.before(read.invoked);
        if !(least..=most).contains(count) {
            return Err(out_of_bounds(*count, least, most, read.operation));
        }
    }
    Ok(())
}

fn out_of_bounds(count: i128, least: i128, most: i128, read: u32) -> Conflict {
    let text = if count < least {
        [
            Part::Text(" gives less than "),
            Part::Number(least),
            Part::Text(", the least that the additions before it allow"),
        ]
    } else {
        [
            Part::Text(" gives more than "),
            Part::Number(most),
            Part::Text(", the most that the additions until then allow"),
        ]
    };
    Conflict::new([Part::Operation(read)].into_iter().chain(text))
}

/// Reads of one number.
struct Class {
    count: i128,
    /// The latest invocation of a read of this number or a smaller one.
    latest_invocation: u64,
    /// The earliest completion of a read of this number or a greater one.
    earliest_completion: u64,
    /// One of its reads.
    read: u32,
}

struct Classes {
    /// In order.
    reads: Vec<(i128, Span)>,
    classes: Vec<Class>,
}

impl Classes {
    fn new(mut reads: Vec<(i128, Span)>) -> Self {
        reads.sort_unstable_by_key(|(count, span)| (*count, span.invoked));
        let mut classes: Vec<Class> = Vec::new();
        let mut latest_invocation = 0;
        for (count, read) in &reads {
            latest_invocation = read.invoked.max(latest_invocation);
            let earliest_completion = read.completed;
            match classes.last_mut().filter(|class| class.count == *count) {
                Some(class) => {
                    class.latest_invocation = latest_invocation;
                    class.earliest_completion = class.earliest_completion.min(earliest_completion);
                }
                None => {
                    let (count, read) = (*count, read.operation);
                    classes.push(Class { count, latest_invocation, earliest_completion, read });
                }
            }
        }
        let mut earliest = NEVER;
        for class in classes.iter_mut().rev() {
            earliest = earliest.min(class.earliest_completion);
            class.earliest_completion = earliest;
        }
        Self { reads, classes }
    }

    fn check(&self, additions: &[(i128, Span)]) -> Option<Result<(), Conflict>> {
        let required = Sums::new(additions.iter().map(|(amount, span)| (span.completed, *amount)));
        let allowed = Sums::new(additions.iter().map(|(amount, span)| (span.invoked, *amount)));
        // By class: whether its set is that of the required, or that of the allowed additions.
        let mut is_required = Vec::with_capacity(self.classes.len());
        let mut is_determined = true;
        for class in &self.classes {
            let least = required.before(class.latest_invocation);
            let most = allowed.until(class.earliest_completion);
            if !(least..=most).contains(&class.count) {
                return Some(Err(out_of_bounds(class.count, least, most, class.read)));
            }
            is_determined &= class.count == least || class.count == most;
            is_required.push(class.count == least);
        }
        is_determined.then(|| self.check_groups(additions, &is_required))
    }

    fn check_groups(&self, additions: &[(i128, Span)], is_required: &[bool]) -> Result<(), Conflict> {
        let count = self.classes.len();
        // By class: the next one, itself included, of each kind.
        let mut next = vec![[count, count]; count + 1];
        for class in (0..count).rev() {
            next[class] = next[class + 1];
            next[class][usize::from(is_required[class])] = class;
        }
        let mut groups = Groups::new(2 * count + 1);
        for (_, addition) in additions {
            let required_from = self.classes.partition_point(|class| class.latest_invocation <= addition.completed);
            let allowed_from = self.classes.partition_point(|class| class.earliest_completion < addition.invoked);
            let first = next[required_from][1].min(next[allowed_from][0]);
            // After its first set it must be in every other.
            let missing = |from: usize, kind: usize| Some(next[first + 1][kind]).filter(|class| *class < from);
            let missing = (first < count).then(|| missing(required_from, 1).or_else(|| missing(allowed_from, 0)));
            if let Some(class) = missing.flatten() {
                let words = [Part::Text(
                    "an addition counts in one read and not in a later one, for nothing else explains both numbers",
                )];
                let operations = [self.classes[first].read, self.classes[class].read, addition.operation];
                return Err(Conflict::list(words, operations));
            }
            if first < count || addition.is_decided() {
                groups.add(2 * first, *addition);
            }
        }
        let mut class = 0;
        for (number, read) in &self.reads {
            while self.classes[class].count < *number {
                class += 1;
            }
            groups.add(2 * class + 1, *read);
        }
        groups.check().map_err(|out_of_order| self.out_of_order(&out_of_order))
    }

    fn out_of_order(&self, found: &OutOfOrder) -> Conflict {
        // The reads between the two groups fix their order.
        let read = self.classes.get(found.earlier_group / 2).map_or(NONE, |class| class.read);
        let words = [Part::Text(
            "the numbers read fix which additions come first, yet of these the one that must come later was over before \
             the one that must come earlier began; after them a read between the two",
        )];
        let mut operations = vec![found.completed.operation, found.invoked.operation];
        if !operations.contains(&read) {
            operations.push(read);
        }
        Conflict::list(words, operations)
    }
}
