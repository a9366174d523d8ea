//! A grow-only set whose elements are added once each: add, read; empty at first.
//!
//! *Reported*: that the history of a key has no linearization, an element that nobody added among the reasons. No later event
//! takes it back: see [`super`].
//!
//! *The conditions*, of [`crate::linearizability`], as a read R that returns S shows them when it completes:
//! 1. every element of S was added by an operation invoked by now, and is in S once;
//! 2. S and what any earlier read returned contain each other one way or the other;
//! 3. no acknowledged add of an element outside S completed before R was invoked, or before the add of an element of S was;
//! 4. no read that returned more than S completed before R was invoked.
//!
//! Whatever these compare was invoked or completed before R completes, so nothing that comes later can show them broken by R,
//! and an add that is acknowledged breaks none of them. One that fails after a read returned its element breaks the first.
//! These are all pairs of an operation of a later group and one of an earlier group (the adds of what the smallest read
//! returned, its reads, the adds that the next larger one shows, its reads, …): later add and earlier read, later add and
//! earlier add are 3; later read and earlier read is 4; later read and earlier add is 1, as a larger read has the element.
//!
//! *What is kept.* Let w be the watermark: whatever ends later was invoked at w or after it. An element is *settled* once each
//! later read must return it: its add completed before w (3), or a read that returned it did (4, with 2). Of settled elements
//! only the number and a fingerprint, the sum of 128-bit hashes, are kept: what a read returns beside the elements that are
//! not settled must have both. (With probability 2⁻¹²⁸ it has although the elements differ.) A read that completed before w
//! only returned settled elements, so it is forgotten; of the others their sizes suffice, and for each element that is not
//! settled the size of the smallest read that returned it. A settled element may be missing from a read that is not
//! forgotten, and a later read, which has it, must then be the larger one: the greatest size of such a read is kept.
//!
//! *Elements added again* cannot be noticed once they are settled, so the caller vouches that there are none; where it is
//! noticed the key is left to the end.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use rustc_hash::FxHashMap;

use super::check::{Completion, OnlineOperation};
use super::datum::Datum;
use super::keyed::{End, KeyMonitor, Stop};
use crate::history::Function;

/// An element that is not settled.
#[derive(Debug)]
struct Element {
    /// Number of its add.
    number: u64,
    invoked_ns: u64,
    invoked_index: u64,
    /// Size of the smallest read that returned it.
    first: Option<usize>,
    /// The number of the read that returned it last.
    stamp: u64,
}

/// Reads of one size.
#[derive(Debug)]
struct Class {
    /// Elements that are not settled and that no smaller read returned.
    fresh: usize,
    first_completed_ns: u64,
    first_index: u64,
}

/// An acknowledged add that is not settled.
#[derive(Debug)]
struct Acknowledged {
    completed_ns: u64,
    index: u64,
    element: Datum,
}

#[derive(Debug, Default)]
pub(super) struct SetMonitor {
    elements: FxHashMap<Datum, Element>,
    /// In order of completion.
    acknowledged: VecDeque<Acknowledged>,
    /// By size.
    classes: BTreeMap<usize, Class>,
    /// When each class was first seen, in order, and its size.
    appearances: VecDeque<(u64, usize)>,
    settled: Settled,
    /// The greatest size of a read that lacks a settled element.
    incomplete: usize,
    reads: u64,
}

/// What is known of the elements that each later read must return.
#[derive(Debug, Default)]
struct Settled {
    count: usize,
    fingerprint: u128,
    /// The last invocation of an add of one of them.
    last_invoked_ns: u64,
}

impl Settled {
    fn add(&mut self, value: &Datum, element: &Element) {
        self.count += 1;
        self.fingerprint = self.fingerprint.wrapping_add(fingerprint(value));
        self.last_invoked_ns = self.last_invoked_ns.max(element.invoked_ns);
    }
}

/// A hash of 128 bits.
fn fingerprint(value: &Datum) -> u128 {
    let half = |salt: u64| match value {
        // What nearly all elements are: the finalizer of splitmix64 (Steele, Lea & Flood, 2014) suffices.
        Datum::Integer(integer) => {
            let mut bits = (*integer as u64).wrapping_add(salt);
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bits ^ (bits >> 31)
        }
        _ => {
            let mut hasher = DefaultHasher::new();
            (salt, value).hash(&mut hasher);
            hasher.finish()
        }
    };
    u128::from(half(0x9e37_79b9_7f4a_7c15)) << 64 | u128::from(half(0xd1b5_4a32_d192_ed03))
}

impl KeyMonitor for SetMonitor {
    const HAS_READS: bool = true;

    fn invoked(&mut self, operation: &OnlineOperation) -> Result<(), Stop> {
        match operation.function {
            Some(Function::Read) => return Ok(()),
            Some(Function::Add) => {}
            _ => return Err(Stop::GaveUp(format!("index {}: not an operation of a set", operation.index))),
        }
        let element = Element {
            number: operation.number,
            invoked_ns: operation.invoked_ns,
            invoked_index: operation.index,
            first: None,
            stamp: 0,
        };
        match self.elements.insert(operation.argument.clone(), element) {
            None => Ok(()),
            Some(_) => {
                let (index, element) = (operation.index, &operation.argument);
                Err(Stop::GaveUp(format!("index {index}: the element {element} is added a second time")))
            }
        }
    }

    fn ended(&mut self, operation: &OnlineOperation, end: End<'_>, completion: &Completion) -> Result<(), Stop> {
        let element = &operation.argument;
        match (operation.function, end) {
            (Some(Function::Read), End::Ok(result)) => {
                let Some(elements) = result.as_list() else {
                    return Err(Stop::GaveUp(format!("index {}: a read that returns no list", completion.index)));
                };
                self.read(elements, operation, completion)
            }
            (Some(Function::Read), _) | (_, End::Undecided) => Ok(()),
            (_, End::Ok(_)) => {
                let acknowledged = Acknowledged {
                    completed_ns: completion.time_ns,
                    index: completion.index,
                    element: element.clone(),
                };
                self.acknowledged.push_back(acknowledged);
                Ok(())
            }
            (_, End::Fail) => match self.elements.remove(element) {
                Some(Element { first: Some(_), .. }) => {
                    let text = format!("the add of {element} failed, yet a read returned it");
                    Err(Broken { text, event: None }.by(operation, completion))
                }
                _ => Ok(()),
            },
        }
    }

    fn settle(&mut self, watermark_ns: u64) {
        while let Some(add) = self.acknowledged.pop_front_if(|add| add.completed_ns < watermark_ns) {
            if let Some(element) = self.elements.remove(&add.element) {
                self.settled.add(&add.element, &element);
                self.leave_class(element.first);
            }
        }
        let mut largest = None;
        while let Some((_, size)) = self.appearances.pop_front_if(|(completed_ns, _)| *completed_ns < watermark_ns) {
            largest = largest.max(Some(size));
        }
        if let Some(size) = largest {
            self.settle_class(size);
        }
    }

    fn finish(&mut self) -> Result<(), Stop> {
        Ok(())
    }

    fn entries(&self) -> usize {
        self.elements.len() + self.acknowledged.len() + self.classes.len() + self.appearances.len()
    }
}

impl SetMonitor {
    /// An element is settled that was first returned by reads of this size: smaller reads lack it.
    fn leave_class(&mut self, first: Option<usize>) {
        if let Some(class) = first.and_then(|size| self.classes.get_mut(&size)) {
            class.fresh -= 1;
        }
        let smaller = self.classes.range(..first.unwrap_or(usize::MAX)).next_back();
        self.incomplete = self.incomplete.max(smaller.map_or(0, |(size, _)| *size));
    }

    /// Reads of this size are over for all that follows.
    fn settle_class(&mut self, size: usize) {
        let returned = self.elements.extract_if(|_, element| element.first.is_some_and(|first| first <= size));
        let mut returned: Vec<(Datum, Element)> = returned.collect();
        returned.sort_unstable_by_key(|(_, element)| element.number);
        for (value, element) in returned {
            self.settled.add(&value, &element);
            self.leave_class(element.first);
        }
        self.classes = self.classes.split_off(&(size + 1));
    }

    fn read(&mut self, elements: &[Datum], operation: &OnlineOperation, completion: &Completion) -> Result<(), Stop> {
        self.reads += 1;
        let checked = self.mark(elements).and_then(|bound_ns| {
            self.compare_sizes(elements.len(), operation.invoked_ns)?;
            self.compare_adds(bound_ns.max(operation.invoked_ns))
        });
        checked.map_err(|broken| broken.by(operation, completion))?;
        self.add_class(elements, completion);
        Ok(())
    }

    /// Conditions 1 and 2; answers when the last add of an element was invoked.
    fn mark(&mut self, elements: &[Datum]) -> Result<u64, Broken> {
        let size = elements.len();
        let below = self.classes.range(..=size).next_back().map(|(size, _)| *size);
        let above = self.classes.range(size + 1..).next().map(|(size, class)| (*size, class.first_index));
        let required: usize = self.classes.range(..=size).map(|(_, class)| class.fresh).sum();
        let (mut returned, mut other, mut last_invoked_ns) = (0, Settled::default(), self.settled.last_invoked_ns);
        for value in elements {
            let Some(element) = self.elements.get_mut(value) else {
                other.count += 1;
                other.fingerprint = other.fingerprint.wrapping_add(fingerprint(value));
                continue;
            };
            if std::mem::replace(&mut element.stamp, self.reads) == self.reads {
                return Err(Broken::new(format!("the element {value} is returned twice"), element.invoked_index));
            }
            last_invoked_ns = last_invoked_ns.max(element.invoked_ns);
            let is_below = element.first.zip(below).is_some_and(|(first, below)| first <= below);
            returned += usize::from(is_below);
            if let Some((above, index)) = above.filter(|(above, _)| element.first.is_none_or(|first| first > *above)) {
                let text = format!("a read of {above} elements lacks {value}, which one of {size} elements returned");
                return Err(Broken::new(text, index));
            }
        }
        if (other.count, other.fingerprint) != (self.settled.count, self.settled.fingerprint) {
            let text = "a read returned an element that nobody added, or lacks one that was certainly there";
            return Err(Broken { text: text.to_owned(), event: None });
        }
        if returned < required || size < self.incomplete {
            let text = "of two reads neither contains what the other returned, though elements never go away";
            let event = below.and_then(|size| self.classes.get(&size)).map(|class| class.first_index);
            return Err(Broken { text: text.to_owned(), event });
        }
        Ok(last_invoked_ns)
    }

    /// Condition 4.
    fn compare_sizes(&self, size: usize, invoked_ns: u64) -> Result<(), Broken> {
        let larger = self.classes.range(size + 1..).find(|(_, class)| class.first_completed_ns < invoked_ns);
        larger.map_or(Ok(()), |(_, class)| {
            Err(Broken::new("a read lacks elements that an earlier one returned".to_owned(), class.first_index))
        })
    }

    /// Condition 3.
    fn compare_adds(&self, bound_ns: u64) -> Result<(), Broken> {
        let before = self.acknowledged.iter().take_while(|add| add.completed_ns < bound_ns);
        let mut missed =
            before.filter(|add| self.elements.get(&add.element).is_some_and(|element| element.stamp != self.reads));
        missed.next().map_or(Ok(()), |add| {
            Err(Broken::new(format!("a read lacks {}, which was acknowledged before", add.element), add.index))
        })
    }

    fn add_class(&mut self, elements: &[Datum], completion: &Completion) {
        let size = elements.len();
        let mut fresh = 0;
        for value in elements {
            let Some(element) = self.elements.get_mut(value) else { continue };
            if element.first.is_some_and(|first| first <= size) {
                continue;
            }
            fresh += 1;
            if let Some(class) = element.first.replace(size).and_then(|first| self.classes.get_mut(&first)) {
                class.fresh -= 1;
            }
        }
        let class = self.classes.entry(size).or_insert_with(|| {
            self.appearances.push_back((completion.time_ns, size));
            Class { fresh: 0, first_completed_ns: completion.time_ns, first_index: completion.index }
        });
        class.fresh += fresh;
    }
}

/// A condition that does not hold, and an event beside the read that shows it.
struct Broken {
    text: String,
    event: Option<u64>,
}

impl Broken {
    fn new(text: String, event: u64) -> Self {
        Self { text, event: Some(event) }
    }

    fn by(self, operation: &OnlineOperation, completion: &Completion) -> Stop {
        let events = self.event.into_iter().chain([operation.index, completion.index]).collect();
        Stop::Violation { text: self.text, time_ns: completion.time_ns, events }
    }
}
