//! The setting `service-rate`: clients' requests enter one after another, evenly.
//!
//! Each request is given the next free moment and waits for it, so that the rate is exact and no slice of time is taken
//! whole. A moment that was missed by a little is not lost: timers are late, and a client that answers at once would get
//! less than the rate otherwise.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::settings::ServiceRate;

/// How late a moment may be used; tokio's timers are late by up to a millisecond.
const LATENESS: Duration = Duration::from_millis(2);

/// The next moment is too far away; nothing was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more is asked than the setting service-rate lets through: ask less often, or ask another node")]
pub(crate) struct Overloaded;

/// Where requests wait for their moment.
#[derive(Debug)]
pub(super) struct Turnstile {
    interval: Option<Duration>,
    next: Mutex<Instant>,
}

impl Turnstile {
    pub(super) fn new(rate: ServiceRate) -> Self {
        let interval = match rate {
            ServiceRate::Off => None,
            ServiceRate::PerSecond(rate) => Some(Duration::from_secs(1) / rate.get()),
        };
        Self { interval, next: Mutex::new(Instant::now()) }
    }

    /// Waits for the next free moment, unless it is more than `patience` away.
    pub(super) async fn pass(&self, patience: Duration) -> Result<(), Overloaded> {
        let Some(interval) = self.interval else { return Ok(()) };
        let now = Instant::now();
        let moment = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let moment = (*next).max(now.checked_sub(LATENESS).unwrap_or(now));
            if moment > now + patience {
                return Err(Overloaded);
            }
            *next = moment + interval;
            moment
        };
        if moment > now {
            sleep_until(moment).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn turnstile(rate: u32) -> Arc<Turnstile> {
        Arc::new(Turnstile::new(ServiceRate::PerSecond(NonZeroU32::new(rate).unwrap())))
    }

    async fn passed_in(turnstile: Arc<Turnstile>, clients: usize, duration: Duration) -> usize {
        let end = Instant::now() + duration;
        let clients = (0..clients).map(|_| {
            let turnstile = Arc::clone(&turnstile);
            tokio::spawn(async move {
                let mut passed = 0;
                while turnstile.pass(PATIENCE).await.is_ok() && Instant::now() < end {
                    passed += 1;
                    tokio::task::yield_now().await;
                }
                passed
            })
        });
        let mut total = 0;
        for client in clients.collect::<Vec<_>>() {
            total += client.await.unwrap();
        }
        total
    }

    #[tokio::test(start_paused = true)]
    async fn one_client_or_many_get_the_rate_and_no_more() {
        for (rate, clients) in [(100, 1), (2_000, 1), (2_000, 50), (50_000, 8)] {
            let passed = passed_in(turnstile(rate), clients, Duration::from_secs(2)).await;
            let (least, most) = (rate as usize * 2 * 98 / 100, rate as usize * 2 * 102 / 100);
            assert!((least..=most).contains(&passed), "{passed} of {rate}/s passed for {clients} clients");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn idleness_saves_up_nothing() {
        let turnstile = turnstile(1_000);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let began = Instant::now();
        for _ in 0..50 {
            turnstile.pass(PATIENCE).await.unwrap();
        }
        assert!(began.elapsed() >= Duration::from_millis(46), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_would_wait_too_long_is_told_and_takes_no_turn() {
        let turnstile = turnstile(10);
        let patience = Duration::from_millis(250);
        let waiting: Vec<_> = (0..10)
            .map(|_| {
                let turnstile = Arc::clone(&turnstile);
                tokio::spawn(async move { turnstile.pass(patience).await })
            })
            .collect();
        let mut refused = 0;
        for client in waiting {
            refused += usize::from(client.await.unwrap().is_err());
        }
        assert_eq!(refused, 7, "now, in 100 ms and in 200 ms there is a turn");
        assert!(turnstile.pass(patience).await.is_ok());
    }
}
