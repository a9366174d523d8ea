//! A few keys in use at a time, each retired for a new one after a number of operations.
//!
//! Short-lived keys keep the reads of a set small and the search for a linearization of one key short; several in use at
//! once let operations on different keys run side by side.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

/// A key in use, with whatever a workload remembers about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ActiveKey<T> {
    pub(crate) name: String,
    pub(crate) memory: T,
    uses_left: u32,
}

/// The keys in use.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RotatingKeys<T> {
    active: Vec<ActiveKey<T>>,
    uses_per_key: u32,
    next_number: u64,
}

impl<T: Default> RotatingKeys<T> {
    /// Keys `k0`, `k1`, ….
    pub(crate) fn new(in_use: usize, uses_per_key: u32) -> Self {
        let mut keys = Self { active: Vec::with_capacity(in_use), uses_per_key, next_number: 0 };
        for _ in 0..in_use {
            let key = keys.fresh();
            keys.active.push(key);
        }
        // Staggered, so that the first keys do not retire all at once.
        for (place, key) in keys.active.iter_mut().enumerate() {
            key.uses_left = (uses_per_key * (place as u32 + 1)).div_ceil(in_use as u32);
        }
        keys
    }

    /// One of the keys in use, without using it up.
    pub(crate) fn pick(&self, random: &mut ChaCha8Rng) -> &ActiveKey<T> {
        &self.active[random.random_range(0..self.active.len())]
    }

    /// Uses one of the keys in use once; one that is used up is replaced.
    pub(crate) fn use_one<R>(&mut self, random: &mut ChaCha8Rng, act: impl FnOnce(&str, &mut T) -> R) -> R {
        let place = random.random_range(0..self.active.len());
        let key = &mut self.active[place];
        let result = act(&key.name, &mut key.memory);
        key.uses_left -= 1;
        if key.uses_left == 0 {
            self.active[place] = self.fresh();
        }
        result
    }

    fn fresh(&mut self) -> ActiveKey<T> {
        let name = format!("k{}", self.next_number);
        self.next_number += 1;
        ActiveKey { name, memory: T::default(), uses_left: self.uses_per_key }
    }
}
