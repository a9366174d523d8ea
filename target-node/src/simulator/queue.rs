//! What will happen, by virtual time; what is queued for one moment happens in the order in which it was queued.

use std::{cmp::Reverse, collections::BinaryHeap};

/// A queue by time.
#[derive(Debug)]
pub(super) struct Queue<T> {
    /// When, the how many-th, and where it is kept.
    order: BinaryHeap<Reverse<(u64, u64, u32)>>,
    slots: Vec<Option<T>>,
    free: Vec<u32>,
    pushed: u64,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self { order: BinaryHeap::new(), slots: Vec::new(), free: Vec::new(), pushed: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn push(&mut self, at_us: u64, item: T) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        self.slots[slot as usize] = Some(item);
        self.pushed += 1;
        self.order.push(Reverse((at_us, self.pushed, slot)));
    }

    /// The next item, and when it is due.
    pub(super) fn pop(&mut self) -> Option<(u64, T)> {
        let Reverse((at_us, _, slot)) = self.order.pop()?;
        self.free.push(slot);
        self.slots[slot as usize].take().map(|item| (at_us, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_equals_keep_their_order() {
        let mut queue = Queue::new();
        for (at_us, name) in [(5, "b"), (3, "a"), (5, "c")] {
            queue.push(at_us, name);
        }
        assert_eq!((queue.pop(), queue.pop()), (Some((3, "a")), Some((5, "b"))));
        queue.push(4, "d");
        assert_eq!((queue.len(), queue.pop(), queue.pop(), queue.pop()), (2, Some((4, "d")), Some((5, "c")), None));
    }
}
