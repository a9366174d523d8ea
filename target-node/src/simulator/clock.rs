//! Clocks: each machine has a monotonic one of its own, with its own origin and rate.
//!
//! A core may rely on clocks whose rates differ by no more than `max-clock-drift`. A jump, or a machine whose clock stands
//! still while it is suspended, breaks that reliance; a plan says so by a fault.

/// One machine's clock, as far as it differs from virtual time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Clock {
    offset_us: i64,
    drift_ppm: i32,
}

impl Clock {
    /// A clock that shows `offset_us` at the start and gains `drift_ppm` microseconds a second.
    pub(super) fn new(offset_us: u64, drift_ppm: i32) -> Self {
        Self { offset_us: offset_us as i64, drift_ppm }
    }

    /// What it shows at `now_us` of virtual time.
    pub(super) fn at(self, now_us: u64) -> u64 {
        let now_us = now_us as i64;
        let gained_us = now_us * i64::from(self.drift_ppm) / 1_000_000;
        u64::try_from(now_us + gained_us + self.offset_us).unwrap_or(0)
    }

    /// The first moment of virtual time, not before `now_us`, at which it shows `shown_us` or more.
    pub(super) fn when(self, shown_us: u64, now_us: u64) -> u64 {
        let missing_us = shown_us.saturating_sub(self.at(now_us));
        let rate_ppm = (1_000_000 + i64::from(self.drift_ppm)) as u64;
        // Rounding makes that late by one step at most.
        let mut at_us = (now_us + missing_us * 1_000_000 / rate_ppm).saturating_sub(2).max(now_us);
        while self.at(at_us) < shown_us {
            at_us += 1;
        }
        at_us
    }

    /// Sets it forward, or back.
    pub(super) fn jump(&mut self, by_us: i64) {
        self.offset_us += by_us;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_is_the_first_moment_that_shows_enough() {
        for drift_ppm in [-100_000, -50_000, -300, 0, 1, 777, 50_000] {
            let clock = Clock::new(12_345, drift_ppm);
            for (now_us, shown_us) in [(0, 0), (0, 20_000), (1_000_003, 1_900_000), (77_777, 12_000_000)] {
                let at_us = clock.when(shown_us, now_us);
                assert!(at_us >= now_us && clock.at(at_us) >= shown_us, "{drift_ppm} {now_us} {shown_us}: {at_us}");
                assert!(at_us == now_us || clock.at(at_us - 1) < shown_us, "{drift_ppm} {now_us} {shown_us}: late");
            }
        }
    }

    #[test]
    fn a_jump_shows_at_once_and_never_below_zero() {
        let mut clock = Clock::new(1_000, 0);
        clock.jump(500);
        assert_eq!(clock.at(10), 1_510);
        clock.jump(-5_000);
        assert_eq!(clock.at(10), 0);
    }
}
