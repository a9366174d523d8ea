//! Linearizability of a grow-only set whose elements are added once each, in the size of what was read.
//!
//! *What takes part.* Failed operations and undecided reads say nothing; nor does an undecided add whose element no read
//! returned (removing it from an order leaves an order). One that was seen did happen, some time after its invocation.
//!
//! *The order is fixed up to groups.* The state only grows, so what reads return must form a chain S₀ ⊂ S₁ ⊂ …; two reads
//! of which neither contains the other contradict each other. In every order the adds of S₀ come first, then the reads of
//! S₀, then the adds of S₁ ∖ S₀, then the reads of S₁, and so on, and at the end the acknowledged adds that no read
//! returned. Conversely, every order of that shape is legal, for adds commute.
//!
//! *Real time.* An order of that shape that respects real time exists iff no operation of a later group completed before
//! one of an earlier group was invoked; inside a group any order will do. One pass suffices: for each group, its earliest
//! completion against the latest invocation of all groups before it. Equal times are concurrent.

use super::check::{Contradiction, KeyVerdict, Method, is_judged};
use crate::checker::Context;
use crate::history::{History, KeyId, Operation, Outcome};
use crate::index::{SetKey, SetRead};
use crate::witness::{describe, short};

/// Decides one key; `None` where an element is added twice, or the history is not one of sets.
pub(crate) fn check_key(context: &Context<'_>, key: KeyId) -> Option<KeyVerdict> {
    let set = &context.sets().ok()?.keys[key.index()];
    let attempts = |adds: &[Operation<'_>]| adds.iter().filter(|add| add.outcome() != Outcome::Fail).count();
    if set.elements.iter().any(|element| attempts(&element.adds) > 1) {
        return None;
    }
    let result = Ok(check(context.history, set).err());
    Some(KeyVerdict { method: Method::GrowOnly, result })
}

/// The first read class that has an element; unread elements come after all classes.
const UNREAD: usize = usize::MAX;

/// Reads that returned the same set.
struct Class<'k, 'h> {
    reads: Vec<&'k SetRead<'h>>,
    size: usize,
}

/// The classes in order of size, and by element the class that has it first.
struct Chain<'k, 'h> {
    classes: Vec<Class<'k, 'h>>,
    first_class: Vec<usize>,
}

fn check(history: &History, set: &SetKey<'_>) -> Result<(), Contradiction> {
    let chain = chain(history, set)?;
    let mut groups: Vec<Group<'_>> = (0..=2 * chain.classes.len()).map(|_| Group::default()).collect();
    for (id, element) in set.elements.iter().enumerate() {
        let Some(add) = element.possible() else { continue };
        match chain.first_class[id] {
            UNREAD if add.is_ok() => groups[2 * chain.classes.len()].take(*add),
            UNREAD => {}
            class => groups[2 * class].take(*add),
        }
    }
    for (number, class) in chain.classes.iter().enumerate() {
        class.reads.iter().for_each(|read| groups[2 * number + 1].take(read.operation));
    }
    let mut latest: Option<(usize, Operation<'_>)> = None;
    for (number, group) in groups.iter().enumerate() {
        if let (Some(first), Some((earlier, last))) = (group.first_completed, latest)
            && first.completed_ns().is_some_and(|completed| completed < last.invoked_ns())
        {
            return Err(out_of_order(history, &chain, (number, first), (earlier, last)));
        }
        if let Some(last) = group.last_invoked
            && latest.is_none_or(|(_, latest)| latest.invoked_ns() < last.invoked_ns())
        {
            latest = Some((number, last));
        }
    }
    Ok(())
}

/// The ends of a group of operations whose order among themselves is free.
#[derive(Default)]
struct Group<'h> {
    first_completed: Option<Operation<'h>>,
    last_invoked: Option<Operation<'h>>,
}

impl<'h> Group<'h> {
    fn take(&mut self, operation: Operation<'h>) {
        let completed = |operation: &Operation<'_>| operation.completed_ns().unwrap_or(u64::MAX);
        if self.first_completed.is_none_or(|first| completed(&operation) < completed(&first)) {
            self.first_completed = Some(operation);
        }
        if self.last_invoked.is_none_or(|last| operation.invoked_ns() > last.invoked_ns()) {
            self.last_invoked = Some(operation);
        }
    }
}

/// Orders reads by inclusion, or finds two of which neither contains the other, a duplicate, or an element from nowhere.
fn chain<'k, 'h>(history: &History, set: &'k SetKey<'h>) -> Result<Chain<'k, 'h>, Contradiction> {
    let mut reads: Vec<&SetRead<'h>> = set.reads.iter().filter(|read| is_judged(&read.operation)).collect();
    reads.sort_by_key(|read| read.elements.len());
    let mut chain = Chain { classes: Vec::new(), first_class: vec![UNREAD; set.elements.len()] };
    let mut seen_by = vec![usize::MAX; set.elements.len()];
    for (number, read) in reads.into_iter().enumerate() {
        let mut known = 0;
        for id in read.elements.iter().map(|id| *id as usize) {
            if std::mem::replace(&mut seen_by[id], number) == number {
                return Err(told(
                    history,
                    &format!("element {} is returned twice by", name(history, set, id)),
                    &[read.operation],
                ));
            }
            if set.elements[id].possible().is_none() {
                return Err(from_nowhere(history, set, id, read));
            }
            known += usize::from(chain.first_class[id] != UNREAD);
        }
        let size = chain.classes.last().map_or(0, |class| class.size);
        // Everything known is in the largest class so far, so counting tells whether this read contains that class.
        if known < size {
            return Err(incomparable(history, set, &chain, read));
        }
        match chain.classes.last_mut().filter(|class| class.size == read.elements.len()) {
            Some(class) => class.reads.push(read),
            None => {
                let class = chain.classes.len();
                for id in read.elements.iter().map(|id| *id as usize) {
                    let first = &mut chain.first_class[id];
                    *first = class.min(*first);
                }
                chain.classes.push(Class { reads: vec![read], size: read.elements.len() });
            }
        }
    }
    Ok(chain)
}

fn name(history: &History, set: &SetKey<'_>, element: usize) -> String {
    short(history, set.elements[element].value)
}

fn told(history: &History, text: &str, operations: &[Operation<'_>]) -> Contradiction {
    let all: Vec<String> = operations.iter().map(|operation| describe(history, operation)).collect();
    let ids = operations.iter().map(|operation| operation.id()).collect();
    Contradiction::new(format!("{text} {}", all.join("; ")), ids)
}

fn from_nowhere(history: &History, set: &SetKey<'_>, element: usize, read: &SetRead<'_>) -> Contradiction {
    let text = format!("element {}, which nobody added, is returned by", name(history, set, element));
    let mut operations = vec![read.operation];
    operations.extend(set.elements[element].adds.first());
    told(history, &text, &operations)
}

/// Two reads of which neither contains the other; the smaller one is of the largest class.
fn incomparable(history: &History, set: &SetKey<'_>, chain: &Chain<'_, '_>, larger: &SetRead<'_>) -> Contradiction {
    let smaller = chain.classes.last().and_then(|class| class.reads.first());
    let Some(smaller) = smaller else { return told(history, "a read contradicts itself:", &[larger.operation]) };
    let only =
        |one: &SetRead<'_>, other: &SetRead<'_>| one.elements.iter().find(|id| !other.elements.contains(id)).copied();
    let (in_smaller, in_larger) = (only(smaller, larger), only(larger, smaller));
    let mut operations = vec![smaller.operation, larger.operation];
    let adds = [in_smaller, in_larger].into_iter().flatten().filter_map(|id| set.elements[id as usize].possible());
    operations.extend(adds);
    let of = |id: Option<u32>| id.map_or_else(String::new, |id| name(history, set, id as usize));
    let text = format!(
        "of two reads the first has {} and not {}, the second has {} and not {}, though elements never go away:",
        of(in_smaller),
        of(in_larger),
        of(in_larger),
        of(in_smaller)
    );
    told(history, &text, &operations)
}

/// An operation of a later group completed before one of an earlier group was invoked.
fn out_of_order(
    history: &History,
    chain: &Chain<'_, '_>,
    (later, first): (usize, Operation<'_>),
    (earlier, last): (usize, Operation<'_>),
) -> Contradiction {
    let class = earlier / 2;
    match (later % 2 == 1, earlier % 2 == 1) {
        (true, false) => {
            told(history, "a read was over before an element that it returned was first added:", &[first, last])
        }
        (true, true) => told(history, "an earlier read returned elements that a later read misses:", &[first, last]),
        (false, true) => told(history, "an add was over before a read began that misses its element:", &[first, last]),
        (false, false) => {
            // A read of the earlier add's class has its element and not the later group's, though that was added before.
            let read = chain.classes[class].reads[0].operation;
            told(
                history,
                "of two adds, one over before the other began, a read returned the second only:",
                &[first, last, read],
            )
        }
    }
}
