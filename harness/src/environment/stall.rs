//! The stall meter: how long the harness did not get to run although it was due.

use std::ops::Range;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::EnvironmentError;
use super::os::Doing;
use super::probes::every;
use crate::record::Clock;

/// How often the meter's thread should get to run.
const INTERVAL: Duration = Duration::from_millis(10);

const INTERVAL_NS: u64 = INTERVAL.as_nanos() as u64;

/// A thread that should run every 10 ms and takes note of when it did.
pub(super) struct StallMeter {
    wakes_ns: Arc<Mutex<Vec<u64>>>,
    clock: Clock,
    // Dropping the sender ends the thread.
    _end: Sender<()>,
}

impl StallMeter {
    /// Starts the thread.
    pub(super) fn start(clock: Clock) -> Result<Self, EnvironmentError> {
        let wakes_ns = Arc::new(Mutex::new(vec![clock.now_ns()]));
        let (end, ended) = channel();
        let of_thread = Arc::clone(&wakes_ns);
        std::thread::Builder::new()
            .name("stall meter".to_owned())
            .spawn(move || every(INTERVAL, &ended, || lock(&of_thread).push(clock.now_ns())))
            .doing("start the thread of the stall meter")?;
        Ok(Self { wakes_ns, clock, _end: end })
    }

    /// The longest delay beyond 10 ms between two wakes, of those that overlap the window.
    pub(super) fn longest_ns(&self, window_ns: &Range<u64>) -> u64 {
        let now_ns = self.clock.now_ns();
        longest_gap(&lock(&self.wakes_ns), now_ns, window_ns).saturating_sub(INTERVAL_NS)
    }
}

fn lock(wakes_ns: &Mutex<Vec<u64>>) -> MutexGuard<'_, Vec<u64>> {
    wakes_ns.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The longest gap between neighbours that overlaps the window; the last wake's neighbour is now.
fn longest_gap(wakes_ns: &[u64], now_ns: u64, window_ns: &Range<u64>) -> u64 {
    let next = wakes_ns.iter().skip(1).chain([&now_ns]);
    wakes_ns
        .iter()
        .zip(next)
        .filter(|(begin, end)| **begin < window_ns.end && **end > window_ns.start)
        .map(|(begin, end)| end.saturating_sub(*begin))
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_counts_in_every_window_that_it_overlaps() {
        let wakes = [0, 10, 60, 70];
        assert_eq!(longest_gap(&wakes, 75, &(0..100)), 50);
        assert_eq!(longest_gap(&wakes, 75, &(20..30)), 50);
        assert_eq!(longest_gap(&wakes, 75, &(60..100)), 10);
        assert_eq!(longest_gap(&wakes, 99, &(70..100)), 29);
        assert_eq!(longest_gap(&wakes, 99, &(200..300)), 0);
    }
}
