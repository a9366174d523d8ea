//! A queue of numbers, of which the greatest in a range is found in O(log n).

/// Numbers at places that are counted from 0 on and never used again; those in front are dropped.
#[derive(Debug, Default)]
pub(super) struct Maxima {
    /// A complete tree: the leaves from the middle on, the parent of a node at half its place.
    tree: Vec<u64>,
    /// The place of the first leaf.
    base: u64,
    /// The first place that was not dropped.
    start: u64,
    /// One more than the last place.
    end: u64,
}

impl Maxima {
    const LEAVES_MIN: usize = 16;

    fn leaves(&self) -> usize {
        self.tree.len() / 2
    }

    /// Adds a number at the end.
    pub(super) fn push(&mut self, number: u64) {
        if (self.end - self.base) as usize == self.leaves() {
            self.rebuild();
        }
        self.end += 1;
        self.raise(self.end - 1, number);
    }

    /// Drops everything before a place.
    pub(super) fn drop_before(&mut self, place: u64) {
        self.start = self.start.max(place);
    }

    /// Makes the number at a place at least so great.
    pub(super) fn raise(&mut self, place: u64, number: u64) {
        let mut node = self.leaves() + (place - self.base) as usize;
        while node > 0 && self.tree[node] < number {
            self.tree[node] = number;
            node /= 2;
        }
    }

    /// The greatest number at places from `from` to before `to`; 0 where there is none.
    pub(super) fn greatest(&self, from: u64, to: u64) -> u64 {
        let (from, to) = (from.max(self.start), to.min(self.end));
        if from >= to {
            return 0;
        }
        let mut greatest = 0;
        let mut low = self.leaves() + (from - self.base) as usize;
        let mut high = self.leaves() + (to - self.base) as usize;
        while low < high {
            if low % 2 == 1 {
                greatest = greatest.max(self.tree[low]);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                greatest = greatest.max(self.tree[high]);
            }
            (low, high) = (low / 2, high / 2);
        }
        greatest
    }

    /// Leaves out what was dropped, and makes room for as many as there are.
    fn rebuild(&mut self) {
        let from = self.leaves() + (self.start - self.base) as usize;
        let kept: Vec<u64> = self.tree.get(from..).unwrap_or_default().to_vec();
        let leaves = (2 * kept.len()).next_power_of_two().max(Self::LEAVES_MIN);
        self.tree = vec![0; 2 * leaves];
        self.tree[leaves..leaves + kept.len()].copy_from_slice(&kept);
        for node in (1..leaves).rev() {
            self.tree[node] = self.tree[2 * node].max(self.tree[2 * node + 1]);
        }
        self.base = self.start;
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn it_answers_as_a_plain_list_does() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut maxima = Maxima::default();
        let mut plain: Vec<u64> = Vec::new();
        let mut start = 0;
        for _ in 0..20_000 {
            let number = random.random_range(1..1_000_000);
            match random.random_range(0..4) {
                0 => {
                    maxima.push(number);
                    plain.push(number);
                }
                1 if start < plain.len() => {
                    let place = random.random_range(start..plain.len());
                    maxima.raise(place as u64, number);
                    plain[place] = plain[place].max(number);
                }
                2 if random.random_range(0..3) > 0 => {
                    start = random.random_range(start..=plain.len().min(start + 2));
                    maxima.drop_before(start as u64);
                }
                _ => {
                    let from = random.random_range(0..=plain.len());
                    let to = random.random_range(from..=plain.len());
                    let expected = plain[from..to].iter().skip(start.saturating_sub(from)).max();
                    assert_eq!(maxima.greatest(from as u64, to as u64), expected.copied().unwrap_or(0));
                }
            }
        }
        assert!(maxima.tree.len() < 20_000, "what was dropped is kept");
    }
}
