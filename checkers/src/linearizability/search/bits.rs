//! Sets of small numbers, one bit each.

use std::fmt::Debug;
use std::hash::Hash;

/// A set of slots. All sets of one search have the same number of words.
pub(super) trait Bits: Clone + Eq + Ord + Hash + Debug + Send {
    /// The empty set with room for `slots` members.
    fn empty(slots: usize) -> Self;

    /// Its words, the lowest members first.
    fn words(&self) -> &[u64];

    /// As [`Bits::words`].
    fn words_mut(&mut self) -> &mut [u64];

    /// Bytes held beside its own size.
    fn heap_bytes(&self) -> usize;

    fn contains(&self, slot: u32) -> bool {
        self.words()[slot as usize / 64] & (1 << (slot % 64)) != 0
    }

    fn insert(&mut self, slot: u32) {
        self.words_mut()[slot as usize / 64] |= 1 << (slot % 64);
    }

    fn remove(&mut self, slot: u32) {
        self.words_mut()[slot as usize / 64] &= !(1 << (slot % 64));
    }

    fn remove_all(&mut self, other: &Self) {
        self.words_mut().iter_mut().zip(other.words()).for_each(|(mine, theirs)| *mine &= !theirs);
    }

    fn intersect(&mut self, other: &Self) {
        self.words_mut().iter_mut().zip(other.words()).for_each(|(mine, theirs)| *mine &= theirs);
    }

    fn intersects(&self, other: &Self) -> bool {
        self.words().iter().zip(other.words()).any(|(mine, theirs)| mine & theirs != 0)
    }

    fn is_subset(&self, other: &Self) -> bool {
        self.words().iter().zip(other.words()).all(|(mine, theirs)| mine & !theirs == 0)
    }

    /// Whether every member is in `other` or in `pardoned`.
    fn is_subset_but_for(&self, other: &Self, pardoned: &Self) -> bool {
        let others = other.words().iter().zip(pardoned.words()).map(|(other, pardoned)| other | pardoned);
        self.words().iter().zip(others).all(|(mine, theirs)| mine & !theirs == 0)
    }

    fn insert_all(&mut self, other: &Self) {
        self.words_mut().iter_mut().zip(other.words()).for_each(|(mine, theirs)| *mine |= theirs);
    }

    fn count_common(&self, other: &Self) -> u32 {
        self.words().iter().zip(other.words()).map(|(mine, theirs)| (mine & theirs).count_ones()).sum()
    }

    fn count(&self) -> u32 {
        self.words().iter().map(|word| word.count_ones()).sum()
    }
}

impl<const WORDS: usize> Bits for [u64; WORDS] {
    fn empty(slots: usize) -> Self {
        debug_assert!(slots <= 64 * WORDS, "{slots} slots in {WORDS} words");
        [0; WORDS]
    }

    fn words(&self) -> &[u64] {
        self
    }

    fn words_mut(&mut self) -> &mut [u64] {
        self
    }

    fn heap_bytes(&self) -> usize {
        0
    }
}

/// As many words as it takes.
impl Bits for Box<[u64]> {
    fn empty(slots: usize) -> Self {
        vec![0; slots.div_ceil(64)].into_boxed_slice()
    }

    fn words(&self) -> &[u64] {
        self
    }

    fn words_mut(&mut self) -> &mut [u64] {
        self
    }

    fn heap_bytes(&self) -> usize {
        size_of_val::<[u64]>(self)
    }
}
