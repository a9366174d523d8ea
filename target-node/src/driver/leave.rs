//! How a node leaves when it is told to stop: it finishes what it has begun, and hands over before it goes.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::arrival::NodeHandle;
use crate::core::{OperatorRequest, Role};
use crate::settings::Failover;

/// How long requests that wait may take to be answered once the node is told to stop, while it takes no others.
const DRAIN_MAX: Duration = Duration::from_millis(400);

/// How often they are counted meanwhile.
const DRAIN_LOOK: Duration = Duration::from_millis(10);

/// How long the leadership may take to go to another node.
const TRANSFER_MAX: Duration = Duration::from_millis(600);

/// Waits for `stop`, lets the node finish what it has begun and hand over its leadership, and then cancels `end`.
pub(super) async fn leave(stop: CancellationToken, node: NodeHandle, failover: Failover, end: CancellationToken) {
    stop.cancelled().await;
    let drained = async {
        while node.report().await.is_ok_and(|report| report.counters.waiting_requests > 0) {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    };
    let _ = tokio::time::timeout(DRAIN_MAX, drained).await;
    let leads = node.report().await.is_ok_and(|report| report.status.role == Role::Leader);
    if leads && failover == Failover::Consensus {
        // Where nobody can take over, the others will notice the silence.
        let _ = tokio::time::timeout(TRANSFER_MAX, node.operate(OperatorRequest::Transfer { to: None })).await;
    }
    end.cancel();
}
