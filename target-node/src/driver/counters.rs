//! Totals since the start that the core does not keep.

use std::time::Duration;

use crate::core::{Position, ProtocolEvent, Record};

/// The totals of one node.
#[derive(Debug, Clone, Default)]
pub(crate) struct NodeCounters {
    /// How often it became leader.
    pub(crate) reigns_begun: u64,
    /// How often it stopped leading.
    pub(crate) reigns_ended: u64,
    /// Writes it acknowledged as leader.
    pub(crate) acknowledged_writes: u64,
    /// Entries it removed from the end of its log.
    pub(crate) truncated_entries: u64,
    /// Of these, writes that it had acknowledged itself.
    pub(crate) truncated_acknowledged_writes: u64,
    /// Messages dropped because the peer could not take them.
    pub(crate) dropped_messages: u64,
    /// Flushes of the log, and how long they took altogether.
    pub(crate) flushes: u64,
    pub(crate) flush_time: Duration,
    /// Requests that wait for their answer.
    pub(crate) waiting_requests: usize,
}

impl NodeCounters {
    /// Counts an event.
    pub(super) fn count_event(&mut self, event: &ProtocolEvent) {
        match event {
            ProtocolEvent::BecameLeader { .. } => self.reigns_begun += 1,
            ProtocolEvent::SteppedDown { .. } => self.reigns_ended += 1,
            ProtocolEvent::Acknowledged { from, to, .. } => self.acknowledged_writes += to.0 + 1 - from.0,
            ProtocolEvent::TruncatedAcked(_) => self.truncated_acknowledged_writes += 1,
            _ => {}
        }
    }

    /// Counts the entries that `records` remove from a log that ends at `last`, and moves `last` along.
    pub(super) fn count_truncated(&mut self, records: &[Record], last: &mut Position) {
        for record in records {
            match record {
                Record::HardState(_) => {}
                Record::Append(entry) => *last = entry.position,
                Record::Truncate { from } => {
                    self.truncated_entries += (last.0 + 1).saturating_sub(from.0);
                    *last = from.previous();
                }
                Record::Reset { position, .. } => *last = *position,
            }
        }
    }
}
