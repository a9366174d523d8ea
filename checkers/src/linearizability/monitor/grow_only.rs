//! A grow-only set whose elements are added once each, in the size of what was read.
//!
//! *What takes part.* Failed operations and undecided reads say nothing; nor does an undecided add whose element no read
//! returned (removing it from an order leaves an order). One that was seen did happen, some time after its invocation.
//!
//! *The order is fixed up to groups.* The state only grows, so what reads return must form a chain S₀ ⊂ S₁ ⊂ …; two reads
//! of which neither contains the other contradict each other. In every order the adds of S₀ come first, then the reads of
//! S₀, then the adds of S₁ ∖ S₀, then the reads of S₁, and so on, and at the end the acknowledged adds that no read
//! returned. Conversely, every order of that shape is legal, for adds commute. [`super::groups`] says whether one respects
//! real time.

use super::groups::{Groups, OutOfOrder};
use super::{Conflict, NONE, Part, Span};

/// A set, empty at first. Failed operations and undecided reads are not given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GrowOnly<'a> {
    /// By element: its add, or [`Span::ABSENT`].
    pub(crate) adds: &'a [Span],
    /// Reads, each with the place of what it returned in `contents`.
    pub(crate) reads: &'a [(u32, Span)],
    /// What reads returned, each different content once, as lists of elements.
    pub(crate) contents: &'a [&'a [u32]],
}

/// A set of elements that reads returned; every one contains those before it.
struct Class {
    size: usize,
    /// One of the contents.
    content: u32,
    /// One of its reads.
    read: u32,
}

/// The classes in order of size, and by element the first that has it.
struct Chain {
    classes: Vec<Class>,
    /// By element.
    first_class: Vec<u32>,
    /// By content.
    class_of: Vec<u32>,
}

/// Decides a set.
pub(crate) fn check(set: &GrowOnly<'_>) -> Result<(), Conflict> {
    let chain = chain(set)?;
    let count = chain.classes.len();
    let mut groups = Groups::new(2 * count + 1);
    for (element, add) in set.adds.iter().enumerate().filter(|(_, add)| !add.is_absent()) {
        match chain.first_class[element] {
            NONE if add.is_decided() => groups.add(2 * count, *add),
            NONE => {}
            class => groups.add(2 * class as usize, *add),
        }
    }
    for (content, read) in set.reads {
        groups.add(2 * chain.class_of[*content as usize] as usize + 1, *read);
    }
    groups.check().map_err(|found| out_of_order(&chain, &found))
}

/// Orders contents by inclusion, or finds two of which neither contains the other, a duplicate, or an element from nowhere.
fn chain(set: &GrowOnly<'_>) -> Result<Chain, Conflict> {
    let mut reader = vec![NONE; set.contents.len()];
    for (content, read) in set.reads {
        let reader = &mut reader[*content as usize];
        if *reader == NONE {
            *reader = read.operation;
        }
    }
    let mut by_size: Vec<u32> =
        (0..set.contents.len() as u32).filter(|content| reader[*content as usize] != NONE).collect();
    by_size.sort_by_key(|content| set.contents[*content as usize].len());
    let mut chain = Chain {
        classes: Vec::new(),
        first_class: vec![NONE; set.adds.len()],
        class_of: vec![NONE; set.contents.len()],
    };
    let mut seen_by = vec![NONE; set.adds.len()];
    for content in by_size {
        let elements = set.contents[content as usize];
        let read = reader[content as usize];
        let mut known = 0;
        for element in elements {
            if std::mem::replace(&mut seen_by[*element as usize], content) == content {
                let words =
                    [Part::Text("element "), Part::Value(*element), Part::Text(" is returned twice by one read")];
                return Err(Conflict::list(words, [read]));
            }
            if set.adds[*element as usize].is_absent() {
                let words =
                    [Part::Text("element "), Part::Value(*element), Part::Text(", which nobody added, was returned")];
                return Err(Conflict::list(words, [read]));
            }
            known += usize::from(chain.first_class[*element as usize] != NONE);
        }
        let size = chain.classes.last().map_or(0, |class| class.size);
        // Everything known is in the largest class so far, so counting tells whether this read contains that class.
        if known < size {
            return Err(incomparable(set, &chain, content, read));
        }
        if chain.classes.is_empty() || size < elements.len() {
            let class = chain.classes.len() as u32;
            for element in elements {
                let first = &mut chain.first_class[*element as usize];
                *first = class.min(*first);
            }
            chain.classes.push(Class { size: elements.len(), content, read });
        }
        chain.class_of[content as usize] = chain.classes.len() as u32 - 1;
    }
    Ok(chain)
}

/// Two reads of which neither contains the other; the smaller one is of the largest class.
fn incomparable(set: &GrowOnly<'_>, chain: &Chain, content: u32, larger: u32) -> Conflict {
    let Some(class) = chain.classes.last() else { return Conflict::new([Part::Operation(larger)]) };
    let (one, other) = (set.contents[class.content as usize], set.contents[content as usize]);
    let only = |these: &[u32], those: &[u32]| {
        let those: rustc_hash::FxHashSet<u32> = those.iter().copied().collect();
        these.iter().copied().find(|element| !those.contains(element)).unwrap_or(NONE)
    };
    let (first, second) = (only(one, other), only(other, one));
    let words = [
        Part::Text("elements never go away, yet of two reads the first has "),
        Part::Value(first),
        Part::Text(" and not "),
        Part::Value(second),
        Part::Text(", the second has "),
        Part::Value(second),
        Part::Text(" and not "),
        Part::Value(first),
    ];
    let add = |element: u32| set.adds.get(element as usize).map_or(NONE, |add| add.operation);
    Conflict::list(words, [class.read, larger, add(first), add(second)])
}

/// An operation of a later group completed before one of an earlier group was invoked.
fn out_of_order(chain: &Chain, found: &OutOfOrder) -> Conflict {
    let (completed, invoked) = (found.completed.operation, found.invoked.operation);
    let is_read = |group: usize| group % 2 == 1;
    let read_of = |group: usize| chain.classes.get(group / 2).map_or(NONE, |class| class.read);
    let (words, third) = match (is_read(found.later_group), is_read(found.earlier_group)) {
        // A read of more came before a read of less.
        (true, true) => {
            ("elements never go away, yet a read that returned more was over before one that returned less began", NONE)
        }
        (true, false) => ("a read was over before an element that it returned was added", NONE),
        (false, true) => ("an element was added before a read began that does not return it", NONE),
        (false, false) => (
            "of two elements the second was added before the first, yet a read returned the first without the second",
            read_of(found.earlier_group),
        ),
    };
    Conflict::list([Part::Text(words)], [completed, invoked, third])
}
