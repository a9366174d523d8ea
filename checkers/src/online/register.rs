//! A register whose values are written once each: read, write, compare-and-set; null at first.
//!
//! *Reported*: that the history of a key has no linearization, a read of a value that nobody wrote among them; see
//! [`super::blocks`] for the algorithm and what it forgets. No later event takes it back: see [`super`].
//!
//! *What takes part* is what takes part in the whole history, up to now. A write enters its value's group when it is
//! acknowledged, or when its value is observed: returned by a read, or expected by a compare-and-set that itself takes part.
//! A write that fails after its value was observed is a violation. An undecided write that nobody observed is remembered for
//! ever, for its value may turn up at any time.
//!
//! *A value that is not known* when it is observed was never written by an operation invoked by then, or is certainly
//! overwritten. Both are violations.
//!
//! *Values written again.* Where the first write's value is still known, nobody can say whose value is read, and the key is
//! left to the end. Where it is forgotten, whoever observes the value observes the new write, or what is a violation anyway.

use rustc_hash::FxHashMap;

use super::blocks::{Blocks, Conflict, GroupId, Moment};
use super::check::{Completion, OnlineOperation};
use super::datum::Datum;
use super::keyed::{End, KeyMonitor, Stop};
use crate::history::Function;

/// A write that nobody observed so far.
#[derive(Debug)]
struct Write {
    number: u64,
    invoked: Moment,
    /// What a compare-and-set expected.
    old: Option<Datum>,
}

/// A value that was certainly written and may still be there.
#[derive(Debug)]
struct Present {
    /// The number of its write.
    writer: u64,
    group: GroupId,
}

/// The initial state was written by no operation.
const NOBODY: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct RegisterMonitor {
    writes: FxHashMap<Datum, Write>,
    present: FxHashMap<Datum, Present>,
    blocks: Blocks,
}

impl Default for RegisterMonitor {
    fn default() -> Self {
        let (blocks, group) = Blocks::with_initial(Datum::Null);
        let present = [(Datum::Null, Present { writer: NOBODY, group })].into_iter().collect();
        Self { writes: FxHashMap::default(), present, blocks }
    }
}

/// What a write expects, if it does, and what it writes.
fn written(operation: &OnlineOperation) -> Result<(Option<&Datum>, &Datum), Stop> {
    match (operation.function, operation.argument.as_list()) {
        (Some(Function::Write), _) => Ok((None, &operation.argument)),
        (Some(Function::CompareAndSet), Some([old, new])) => Ok((Some(old), new)),
        _ => Err(Stop::GaveUp(format!("index {}: not an operation of a register", operation.index))),
    }
}

impl KeyMonitor for RegisterMonitor {
    const HAS_READS: bool = true;

    fn invoked(&mut self, operation: &OnlineOperation) -> Result<(), Stop> {
        if operation.function == Some(Function::Read) {
            return Ok(());
        }
        let (old, new) = written(operation)?;
        if *new == Datum::Null || self.writes.contains_key(new) || self.present.contains_key(new) {
            return Err(Stop::GaveUp(format!("index {}: the value {new} is written a second time", operation.index)));
        }
        let invoked = Moment::new(operation.invoked_ns, operation.index);
        self.writes.insert(new.clone(), Write { number: operation.number, invoked, old: old.cloned() });
        Ok(())
    }

    fn ended(&mut self, operation: &OnlineOperation, end: End<'_>, completion: &Completion) -> Result<(), Stop> {
        if operation.function == Some(Function::Read) {
            let End::Ok(value) = end else { return Ok(()) };
            self.observe(value, operation, completion)?;
            return self.take(value, operation, completion);
        }
        let (_, new) = written(operation)?;
        let is_unobserved = self.writes.get(new).is_some_and(|write| write.number == operation.number);
        match end {
            End::Undecided => Ok(()),
            End::Fail if is_unobserved => {
                self.writes.remove(new);
                Ok(())
            }
            End::Fail => {
                Err(violation(format!("the write of {new} failed, yet its value was observed"), operation, completion))
            }
            End::Ok(_) => {
                if is_unobserved {
                    self.observe(new, operation, completion)?;
                }
                // Where it is forgotten, its value is certainly overwritten, and that this write is over says nothing new.
                let is_present = self.present.get(new).is_some_and(|present| present.writer == operation.number);
                if is_present { self.take(new, operation, completion) } else { Ok(()) }
            }
        }
    }

    fn settle(&mut self, watermark_ns: u64) {
        let present = &mut self.present;
        self.blocks.settle(watermark_ns.saturating_add(1), &mut |value| {
            present.remove(value);
        });
    }

    fn finish(&mut self) -> Result<(), Stop> {
        Ok(())
    }

    fn entries(&self) -> usize {
        self.writes.len() + self.present.len() + self.blocks.entries()
    }
}

impl RegisterMonitor {
    /// Notes that a value was certainly written, and with it every value that its chain of compare-and-sets needed.
    fn observe(&mut self, value: &Datum, operation: &OnlineOperation, completion: &Completion) -> Result<(), Stop> {
        // From the value back to the first of its chain that is new.
        let mut chain: Vec<(Datum, Write)> = Vec::new();
        let mut needed = Some(value.clone());
        let mut previous = None;
        while let Some(value) = needed {
            if let Some(present) = self.present.get(&value) {
                previous = Some(present.group);
                break;
            }
            let Some(write) = self.writes.remove(&value) else {
                let text =
                    format!("the value {value} was observed, which nobody wrote, or which was certainly overwritten");
                return Err(violation(text, operation, completion));
            };
            needed = write.old.clone();
            chain.push((value, write));
        }
        for (value, write) in chain.into_iter().rev() {
            let group = match previous {
                None => self.blocks.add(value.clone(), write.invoked),
                Some(previous) => self
                    .blocks
                    .follow(previous, value.clone(), write.invoked)
                    .ok_or_else(|| {
                        let text = format!("two compare-and-sets replaced one value, the second by {value}");
                        violation(text, operation, completion)
                    })?
                    .map_err(|conflict| irreconcilable(&value, conflict, completion))?,
            };
            self.present.insert(value, Present { writer: write.number, group });
            previous = Some(group);
        }
        Ok(())
    }

    /// An operation on a value that is present ended.
    fn take(&mut self, value: &Datum, operation: &OnlineOperation, completion: &Completion) -> Result<(), Stop> {
        let Some(group) = self.present.get(value).map(|present| present.group) else { return Ok(()) };
        let invoked = Moment::new(operation.invoked_ns, operation.index);
        self.blocks.raise(group, invoked).map_err(|conflict| irreconcilable(value, conflict, completion))?;
        self.blocks.complete(group, Moment::new(completion.time_ns, completion.index));
        Ok(())
    }
}

fn violation(text: String, operation: &OnlineOperation, completion: &Completion) -> Stop {
    let events = vec![operation.index, completion.index];
    Stop::Violation { text, time_ns: completion.time_ns, events }
}

fn irreconcilable(value: &Datum, Conflict(mut events): Conflict, completion: &Completion) -> Stop {
    events.push(completion.index);
    let text = format!(
        "every value is written once, so all operations on one value stand together; but {value} and another value must each \
         come before the other"
    );
    Stop::Violation { text, time_ns: completion.time_ns, events }
}
