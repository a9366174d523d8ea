//! Everything that is drawn at random.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::shape::Values;

/// The one source of randomness of a history.
pub(super) struct Dice {
    random: ChaCha8Rng,
    values: Values,
    values_drawn: i64,
}

impl Dice {
    pub(super) fn new(seed: u64, values: Values) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), values, values_drawn: 0 }
    }

    /// A number below this one.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        self.random.random_range(0..limit)
    }

    /// A number below this one, each half as likely as the one before it.
    pub(super) fn halving(&mut self, limit: u32) -> u32 {
        loop {
            let number = self.random.random::<u64>().leading_zeros();
            if number < limit {
                return number;
            }
        }
    }

    /// True in `favourable` of `all` cases.
    pub(super) fn chance(&mut self, favourable: u64, all: u64) -> bool {
        all > 0 && self.random.random_range(0..all) < favourable
    }

    /// A time whose mean is `mean_ns`, in nanoseconds, distributed almost like the exponential distribution: the chance of
    /// every further step of equal length is a half, and within a step all times are equally likely. Whole numbers only,
    /// so that every machine draws the same.
    pub(super) fn time_ns(&mut self, mean_ns: u64) -> u64 {
        let steps = self.random.random::<u64>().leading_zeros();
        let within = self.random.random::<u32>();
        // The mean number of steps is 1, and half a step within the last one.
        let thirds = (u128::from(steps) << 32) + u128::from(within);
        let time = (thirds * 2 * u128::from(mean_ns) / 3) >> 32;
        u64::try_from(time).unwrap_or(u64::MAX)
    }

    /// Sorted moments inside a span, in nanoseconds.
    pub(super) fn moments(&mut self, from_ns: u64, span_ns: u64, count: u32) -> Vec<u64> {
        let mut moments: Vec<u64> = (0..count).map(|_| from_ns + self.random.random_range(0..=span_ns)).collect();
        moments.sort_unstable();
        moments
    }

    /// The next value to write; unique ones count from 1.
    pub(super) fn value(&mut self) -> i64 {
        match self.values {
            Values::Unique => {
                self.values_drawn += 1;
                self.values_drawn
            }
            Values::Below(limit) => i64::from(self.below(limit)),
        }
    }

    /// Two different values to write.
    pub(super) fn two_values(&mut self) -> (i64, i64) {
        let first = self.value();
        loop {
            let second = self.value();
            if second != first {
                return (first, second);
            }
        }
    }

    /// A value that nobody ever writes.
    pub(super) fn garbage(&self) -> i64 {
        match self.values {
            Values::Unique => -1,
            Values::Below(limit) => i64::from(limit),
        }
    }

    /// How many values are written; `None`: unique ones.
    pub(super) fn domain(&self) -> Option<u32> {
        match self.values {
            Values::Unique => None,
            Values::Below(limit) => Some(limit),
        }
    }
}
