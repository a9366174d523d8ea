//! Long forks: two reads saw two writes in opposite orders, which parallel snapshot isolation allows and snapshot isolation does
//! not (Sovran et al., *Transactional storage for geo-replicated systems*, SOSP 2011, section 3).
//!
//! Wants transactions of one write, and of reads of a group of keys, as `txn` or as Jepsen's `write` and `read` with
//! micro-operations; every key is written once at most, otherwise the answer is unknown. Two reads *fork* if one saw the write of
//! a key a and not that of b, and the other saw that of b and not that of a. Whatever the times of operations, the states that the
//! reads show then have no common order, so each fork is certain. Undecided and open writes count like any other, once a read
//! shows them; undecided reads show nothing. Reads whose level promises nothing are not judged, nor reads marked `final`. A read
//! of a value that nobody had written is `unexpected`, and that key of that read is left out. Where no read saw one write of its
//! group without another, nothing was tested.
//!
//! *Finding them.* Seen as the sets of writes they saw, two reads of one group fork iff neither set contains the other. Sets
//! sorted by size contain each other in a chain iff each contains the one before: if it does not, that pair forks, for the
//! smaller cannot contain the larger; and containment is transitive. A chain of a group of k keys has at most k + 1 different
//! sets. Reads of different groups are compared in the same way on the keys they share, for every pair of groups that share two
//! or more. So a fork is found wherever there is one: O(n k) for hashing and comparing, where groups do not overlap; else that
//! for every pair that overlaps, up to [`SHARED_MAX`] comparisons in all, beyond which what was not compared is unknown.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{History, Operation};
use crate::index::{GroupIndex, UnwrittenRead};
use crate::verdict::FindingKind;
use crate::witness::{counted, describe, faults_around, short, witness};

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "long-fork", description: "reads that saw two writes in opposite orders", check };

/// Keys that are looked at, over all reads, to compare groups that overlap.
pub const SHARED_MAX: usize = 1 << 26;

/// A set of seen writes: one bit for each key of a group, in order.
type Bits = Box<[u64]>;

/// What the reads of one group of keys saw.
struct Group {
    /// In ascending order.
    objects: Vec<u32>,
    /// Every different set, with the first read that saw it, by the operation's id.
    sets: BTreeMap<Bits, u32>,
}

/// Two reads that fork, by id, the earlier in front, and two objects: the first read saw the first only, the second the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fork {
    reads: [u32; 2],
    objects: [u32; 2],
}

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    let index = match GroupIndex::new(history) {
        Ok(index) => index,
        Err(reason) => return analysis.unknown(reason),
    };
    report_unwritten(history, &index.unwritten, analysis);
    let groups = groups(history, &index);
    let is_telling = |set: &Bits, size: usize| (1..size as u32).contains(&ones(set));
    if !groups.iter().any(|group| group.sets.keys().any(|set| is_telling(set, group.objects.len()))) {
        return analysis.unknown("no read saw one write of its group without another: no long fork could have shown");
    }
    let mut forks: Vec<Fork> = groups.iter().filter_map(|group| fork_of(&group.objects, &group.sets)).collect();
    let is_complete = compare_overlapping(&groups, &mut forks);
    if !is_complete {
        analysis.unknown("too many groups of keys overlap to compare all their reads");
    }
    analysis.measures.long_forks = Some(forks.len() as u64).filter(|_| is_complete);
    report(history, &index, &forks, analysis);
}

fn groups(history: &History, index: &GroupIndex) -> Vec<Group> {
    let mut numbers: FxHashMap<Vec<u32>, usize> = FxHashMap::default();
    let mut groups: Vec<Group> = Vec::new();
    for read in &index.reads {
        let promises = history.operation(read.operation as usize).is_some_and(|read| read.promises_recency());
        if !promises || read.seen.len() < 2 {
            continue;
        }
        let objects: Vec<u32> = read.seen.iter().map(|(object, _)| *object).collect();
        let number = numbers.get(&objects).copied().unwrap_or_else(|| {
            numbers.insert(objects.clone(), groups.len());
            groups.push(Group { objects, sets: BTreeMap::new() });
            groups.len() - 1
        });
        groups[number].sets.entry(bits(read.seen.iter().map(|(_, seen)| *seen))).or_insert(read.operation);
    }
    groups
}

fn bits(flags: impl ExactSizeIterator<Item = bool>) -> Bits {
    let mut words = vec![0_u64; flags.len().div_ceil(64)];
    flags.enumerate().filter(|(_, flag)| *flag).for_each(|(place, _)| words[place / 64] |= 1 << (place % 64));
    words.into()
}

fn bit(set: &Bits, place: usize) -> bool {
    set[place / 64] >> (place % 64) & 1 == 1
}

fn ones(set: &Bits) -> u32 {
    set.iter().map(|word| word.count_ones()).sum()
}

/// The first place that is in one set and not in the other.
fn first_beyond(one: &Bits, other: &Bits) -> Option<usize> {
    let word = one.iter().zip(other).position(|(one, other)| one & !other != 0)?;
    Some(64 * word + (one[word] & !other[word]).trailing_zeros() as usize)
}

/// A fork among sets over these objects, if there is one.
fn fork_of(objects: &[u32], sets: &BTreeMap<Bits, u32>) -> Option<Fork> {
    let mut by_size: Vec<(u32, &Bits, u32)> = sets.iter().map(|(set, read)| (ones(set), set, *read)).collect();
    by_size.sort_unstable();
    by_size.windows(2).find_map(|pair| {
        let [(_, smaller, one), (_, larger, other)] = pair else { return None };
        let only_one = first_beyond(smaller, larger)?;
        let only_other = first_beyond(larger, smaller)?;
        let (one, other) = ((*one, objects[only_one]), (*other, objects[only_other]));
        let (first, second) = if one < other { (one, other) } else { (other, one) };
        Some(Fork { reads: [first.0, second.0], objects: [first.1, second.1] })
    })
}

/// Adds forks between reads of groups that share keys; answers whether all were compared.
fn compare_overlapping(groups: &[Group], forks: &mut Vec<Fork>) -> bool {
    let mut of_object: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
    for (number, group) in groups.iter().enumerate() {
        group.objects.iter().for_each(|object| of_object.entry(*object).or_default().push(number));
    }
    let mut work: usize = of_object.values().map(|groups| groups.len() * (groups.len() - 1) / 2).sum();
    if work > SHARED_MAX {
        return false;
    }
    let mut shared: BTreeMap<(usize, usize), Vec<u32>> = BTreeMap::new();
    for (object, numbers) in &of_object {
        for (place, other) in numbers.iter().enumerate() {
            numbers[..place].iter().for_each(|one| shared.entry((*one, *other)).or_default().push(*object));
        }
    }
    for ((one, other), mut objects) in shared.into_iter().filter(|(_, objects)| objects.len() > 1) {
        objects.sort_unstable();
        let mut sets = BTreeMap::new();
        for group in [&groups[one], &groups[other]] {
            work += group.sets.len() * objects.len();
            if work > SHARED_MAX {
                return false;
            }
            let places: Vec<usize> =
                objects.iter().filter_map(|object| group.objects.binary_search(object).ok()).collect();
            for (set, read) in &group.sets {
                sets.entry(bits(places.iter().map(|place| bit(set, *place)))).or_insert(*read);
            }
        }
        // A fork within one of the groups has been found already.
        let is_within = |fork: &Fork| forks.iter().any(|known| known.objects == fork.objects);
        forks.extend(fork_of(&objects, &sets).filter(|fork| !is_within(fork)));
    }
    true
}

fn report(history: &History, index: &GroupIndex, forks: &[Fork], analysis: &mut Analysis) {
    let Some(fork) = forks.iter().min_by_key(|fork| fork.reads[0].max(fork.reads[1])) else { return };
    let key = |place: usize| short(history, index.objects[fork.objects[place] as usize].key);
    let write = |place: usize| index.objects[fork.objects[place] as usize].write;
    let operations: Vec<Operation<'_>> = [Some(fork.reads[0]), Some(fork.reads[1]), write(0), write(1)]
        .into_iter()
        .flatten()
        .filter_map(|id| history.operation(id as usize))
        .collect();
    let text = format!(
        "Reads saw two writes in opposite orders, in {} of keys. The first: {} saw the write of {} and not that of {}, while {} saw \
         that of {} and not that of {}. No order of the two writes explains both; {}.",
        counted(forks.len() as u64, "group"),
        describe(history, &operations[0]),
        key(0),
        key(1),
        describe(history, &operations[1]),
        key(1),
        key(0),
        faults_around(history, &operations[..2]),
    );
    analysis.find(FindingKind::LongFork, forks.len() as u64, None, witness(text, &operations));
}

/// Reports reads of values that nobody had written.
pub(crate) fn report_unwritten(history: &History, unwritten: &[UnwrittenRead], analysis: &mut Analysis) {
    analysis.measures.unexpected = Some(unwritten.len() as u64);
    let Some((first, read)) =
        unwritten.first().and_then(|first| Some((first, history.operation(first.operation as usize)?)))
    else {
        return;
    };
    let text = format!(
        "{} of a key returned a value that nobody had written. The first: {} of key {}, by {}; {}.",
        counted(unwritten.len() as u64, "read"),
        short(history, first.value),
        short(history, first.key),
        describe(history, &read),
        faults_around(history, &[read]),
    );
    analysis.find(FindingKind::Unexpected, unwritten.len() as u64, None, witness(text, &[read]));
}

#[cfg(test)]
#[path = "long_fork_test.rs"]
mod tests;
