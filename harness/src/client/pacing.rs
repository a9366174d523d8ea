//! When operations are due: the rate and its ramp, turned into instants. Pure; time is handed in.

/// An operation that is late by at most this is still performed; a later one is dropped, so that nothing piles up.
const LATENESS_NS_MAX: u64 = 10_000_000;

/// Instants at which one worker's operations are due. All workers together have one instant per operation of the total
/// rate, and worker `i` has every `workers`-th of them, so that the load is spread evenly over time.
#[derive(Debug, Clone)]
pub struct Pacing {
    rate: f64,
    ramp_seconds: f64,
    workers: u64,
    next_slot: u64,
}

impl Pacing {
    /// Worker `worker` of `workers`, at `rate` operations a second of all together, rising from 0 over `ramp_ms`.
    ///
    /// # Panics
    /// If the rate is not positive or there is no worker: a plan with either is refused when it is made.
    #[must_use]
    pub fn new(rate: f64, ramp_ms: u64, worker: usize, workers: usize) -> Self {
        assert!(rate > 0.0 && workers > 0, "a load needs a rate ({rate}) and workers ({workers})");
        Self { rate, ramp_seconds: ramp_ms as f64 / 1e3, workers: workers as u64, next_slot: worker as u64 }
    }

    /// When the next operation is due, in nanoseconds after the start of the load, given that it is `now_ns`. Slots
    /// that are too long past are skipped.
    pub fn next_due_ns(&mut self, now_ns: u64) -> u64 {
        let oldest_ns = now_ns.saturating_sub(LATENESS_NS_MAX);
        if self.due_ns(self.next_slot) < oldest_ns {
            let missed = self.slots_before(oldest_ns).saturating_sub(self.next_slot);
            self.next_slot += missed.div_ceil(self.workers) * self.workers;
        }
        let due = self.due_ns(self.next_slot);
        self.next_slot += self.workers;
        due
    }

    /// The rate rises linearly, so `rate · t² / (2 · ramp)` operations are due by `t` within the ramp, and
    /// `rate · (t - ramp / 2)` after it; this is the inverse.
    fn due_ns(&self, slot: u64) -> u64 {
        let number = slot as f64;
        let within_ramp = self.rate * self.ramp_seconds / 2.0;
        let seconds = if number < within_ramp {
            (2.0 * self.ramp_seconds * number / self.rate).sqrt()
        } else {
            number / self.rate + self.ramp_seconds / 2.0
        };
        (seconds * 1e9) as u64
    }

    fn slots_before(&self, time_ns: u64) -> u64 {
        let seconds = time_ns as f64 / 1e9;
        let number = if seconds < self.ramp_seconds {
            self.rate * seconds * seconds / (2.0 * self.ramp_seconds)
        } else {
            self.rate * (seconds - self.ramp_seconds / 2.0)
        };
        number as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due_within(rate: f64, ramp_ms: u64, workers: usize, until_ns: u64) -> Vec<u64> {
        let mut all = Vec::new();
        for worker in 0..workers {
            let mut pacing = Pacing::new(rate, ramp_ms, worker, workers);
            loop {
                let due = pacing.next_due_ns(0);
                if due >= until_ns {
                    break;
                }
                all.push(due);
            }
        }
        all.sort_unstable();
        all
    }

    #[test]
    fn all_workers_together_reach_the_rate_evenly() {
        let due = due_within(500.0, 0, 7, 2_000_000_000);
        assert_eq!(due.len(), 1_000);
        assert!(due.windows(2).all(|pair| (1_990_000..=2_010_000).contains(&(pair[1] - pair[0]))));
    }

    #[test]
    fn the_ramp_starts_slowly_and_costs_half_its_operations() {
        let due = due_within(1_000.0, 1_000, 3, 2_000_000_000);
        assert_eq!(due.len(), 1_500);
        let first_half_second = due.iter().filter(|due| **due < 500_000_000).count();
        assert!((120..=130).contains(&first_half_second), "{first_half_second}");
    }

    #[test]
    fn a_slow_operation_does_not_pile_up_others() {
        let mut pacing = Pacing::new(1_000.0, 0, 1, 4);
        let after_one_second = pacing.next_due_ns(1_000_000_000);
        assert!((990_000_000..1_000_000_000).contains(&after_one_second), "{after_one_second}");
        assert_eq!((after_one_second / 1_000_000) % 4, 1, "the worker keeps its own slots");
    }
}
