//! The core's randomness: a seeded generator, a clone of which draws what the original draws.

use std::{fmt, ops::RangeInclusive};

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// A source of random numbers that is a value like any other.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number of the range, all equally likely.
    pub(super) fn draw(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0.random_range(range)
    }
}

impl Clone for Dice {
    fn clone(&self) -> Self {
        Self(ChaCha8Rng::deserialize_state(&self.0.serialize_state()))
    }
}

impl fmt::Debug for Dice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dice")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_draws_what_the_original_draws() {
        let mut dice = Dice::new(7);
        dice.draw(0..=9);
        let mut clone = dice.clone();
        let draws = |dice: &mut Dice| (0..100).map(|_| dice.draw(0..=1_000_000)).collect::<Vec<_>>();
        assert_eq!(draws(&mut dice), draws(&mut clone));
    }
}
