//! Waiting for conditions instead of for time.

use std::future::Future;
use std::time::{Duration, Instant};

/// No condition of these tests takes longer, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// Asks `condition` until it answers, and fails the test with `what` and the last reason when it never does.
pub(crate) async fn eventually<T, F>(what: &str, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let started = Instant::now();
    loop {
        match condition().await {
            Ok(value) => return value,
            Err(reason) if started.elapsed() > DEADLINE => panic!("never {what}: {reason}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
