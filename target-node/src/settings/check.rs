//! Which combinations are refused, and what to use instead.
//!
//! A setting that would have no effect is refused like one that contradicts another: who sets it believes in something
//! that does not happen. What has its default counts as not set.

use super::{
    AckPoint, ElectionTimeout, Failover, Fencing, OnAckTimeout, ReadLevel, Rejoin, Replication, Settings,
    SettingsError, Visibility,
};

type Checked = Result<(), SettingsError>;

fn refuse(reason: impl Into<String>) -> Checked {
    Err(SettingsError::conflict(reason))
}

impl Settings {
    /// Checks that the settings make sense together for a cluster of `nodes`.
    ///
    /// # Errors
    /// The first combination that does not, with the reason.
    pub fn check(&self, nodes: u16) -> Checked {
        if nodes == 0 {
            return refuse("a cluster needs at least one node");
        }
        self.check_timers()?;
        self.check_acknowledgement()?;
        self.check_replication(self.replication, nodes)?;
        self.check_succession(nodes)?;
        self.check_lease()?;
        self.check_read(self.read)
    }

    /// Checks that a write may ask for `replication` in a cluster of `nodes`.
    ///
    /// # Errors
    /// A level that can never be satisfied, or that would acknowledge what nobody can read yet.
    pub fn check_replication(&self, replication: Replication, nodes: u16) -> Checked {
        replication.check(nodes)?;
        if self.visibility == Visibility::OnAck {
            return Ok(());
        }
        let committed_by = match self.failover {
            Failover::Consensus => Replication::Majority,
            Failover::Timeout | Failover::Manual => self.replication,
        };
        let strength = |level: Replication| (level.followers(nodes), level != Replication::Memory);
        if strength(replication) < strength(committed_by) {
            return refuse(format!(
                "visibility=on-commit hides a write until {committed_by} holds it, and replication={replication} \
                 acknowledges it earlier: its own writer would not see it; use visibility=on-ack, or a level that waits \
                 for as many nodes as {committed_by}"
            ));
        }
        Ok(())
    }

    /// Checks that a read may ask for `level`.
    ///
    /// # Errors
    /// A level that these settings cannot keep.
    pub fn check_read(&self, level: ReadLevel) -> Checked {
        level.check(self.failover)?;
        match level {
            ReadLevel::Lease if !self.check_quorum => refuse(
                "read=lease needs check-quorum=on: a leader that does not notice the loss of its majority has no lease; \
                 use check-quorum=on or read=read-index",
            ),
            ReadLevel::Lease if self.lease_ms <= self.heartbeat_ms => refuse(format!(
                "lease={} is not longer than heartbeat={}: it would run out between two heartbeats; use a longer lease \
                 or a shorter heartbeat",
                self.lease_ms, self.heartbeat_ms
            )),
            ReadLevel::Bounded(bound_ms) if bound_ms < self.heartbeat_ms => refuse(format!(
                "read=bounded:{bound_ms} is below heartbeat={}: an idle leader confirms nothing so often; use \
                 bounded:{} or more, or a shorter heartbeat",
                self.heartbeat_ms, self.heartbeat_ms
            )),
            _ => Ok(()),
        }
    }

    /// The longest lease that has ended before anybody else can lead, even if the clocks drift apart.
    pub(super) fn lease_ms_max(&self) -> u64 {
        // Without votes the next in line waits for the longest timeout exactly.
        let ElectionTimeout { min_ms, max_ms } = self.election_timeout;
        let silence_ms = if self.failover == Failover::Consensus { min_ms } else { max_ms };
        silence_ms * (1_000_000 - self.max_clock_drift_ppm) / 1_000_000
    }

    fn check_timers(&self) -> Checked {
        let ElectionTimeout { min_ms, max_ms } = self.election_timeout;
        if self.failover == Failover::Consensus && min_ms == max_ms {
            return refuse(format!(
                "election-timeout={min_ms}-{max_ms} lets all candidates stand at the same moment, again and again: \
                 consensus needs a range, for example {min_ms}-{}",
                min_ms * 2
            ));
        }
        if self.heartbeat_ms * 2 > min_ms {
            return refuse(format!(
                "heartbeat={} is more than half of election-timeout={}: one late heartbeat would depose a healthy \
                 leader; lower the heartbeat or raise the timeout",
                self.heartbeat_ms, self.election_timeout
            ));
        }
        Ok(())
    }

    fn check_acknowledgement(&self) -> Checked {
        let Self { replication, ack_point, on_ack_timeout, ack_timeout_ms, visibility, .. } = self;
        if replication.waits_for_nobody() && *ack_point != AckPoint::Durable {
            return refuse(format!(
                "ack-point={ack_point} has no effect with replication={replication}, which waits for no follower: leave \
                 it out, or use replication=semi-sync:K, majority or sync"
            ));
        }
        if replication.waits_for_nobody() && *on_ack_timeout != OnAckTimeout::Wait {
            return refuse(format!(
                "on-ack-timeout={on_ack_timeout} has no effect with replication={replication}, which waits for no \
                 follower: leave it out, or use replication=semi-sync:K, majority or sync"
            ));
        }
        if *on_ack_timeout == OnAckTimeout::Wait && *ack_timeout_ms != Self::default().ack_timeout_ms {
            return refuse(format!(
                "ack-timeout={ack_timeout_ms} has no effect with on-ack-timeout=wait: use on-ack-timeout=degrade or fail"
            ));
        }
        if *visibility == Visibility::OnAck {
            return Ok(());
        }
        if *on_ack_timeout == OnAckTimeout::Degrade {
            return refuse(
                "on-ack-timeout=degrade acknowledges writes that are not committed, and visibility=on-commit would hide \
                 them from their own writers: use visibility=on-ack, or on-ack-timeout=fail",
            );
        }
        if *ack_point == AckPoint::Received && self.failover == Failover::Consensus {
            return refuse(
                "ack-point=received acknowledges before a majority has the write on disk, which is what commits it, and \
                 visibility=on-commit would hide it from its own writer: use visibility=on-ack, or ack-point=durable",
            );
        }
        Ok(())
    }

    fn check_succession(&self, nodes: u16) -> Checked {
        let Self { failover, priority, fencing, rejoin, .. } = self;
        if *failover != Failover::Consensus {
            for (name, on) in [("pre-vote", self.pre_vote), ("check-quorum", self.check_quorum)] {
                if on {
                    return refuse(format!(
                        "{name}=on needs failover=consensus: under {failover} nobody votes; leave it out"
                    ));
                }
            }
        }
        if let Some(stranger) = priority.named().iter().find(|node| node.0 > nodes) {
            return refuse(format!("priority={priority} names {stranger}, which is none of the nodes n1 to n{nodes}"));
        }
        if *failover == Failover::Manual && !priority.named().is_empty() {
            return refuse(format!(
                "priority={priority} has no effect with failover=manual, where an operator decides: leave it out"
            ));
        }
        if *failover == Failover::Consensus && *fencing != Fencing::None {
            return refuse(format!(
                "fencing={fencing} is for failover=timeout: under consensus terms and votes fence every old leader; \
                 leave it out"
            ));
        }
        if *failover == Failover::Manual && *fencing != Fencing::None {
            return refuse(format!(
                "fencing={fencing} is for failover=timeout: under manual followers refuse lower epochs anyway, and the \
                 operator answers for stopping the old leader; leave it out"
            ));
        }
        if *failover == Failover::Consensus && *rejoin != Rejoin::Truncate {
            return refuse(format!(
                "rejoin={rejoin} is for failover=timeout and manual: under consensus a log that differs was never \
                 committed and is cut; use rejoin=truncate"
            ));
        }
        Ok(())
    }

    fn check_lease(&self) -> Checked {
        let Self { failover, fencing, lease_ms, max_clock_drift_ppm, .. } = self;
        let max_ms = self.lease_ms_max();
        if *failover == Failover::Consensus || *fencing == Fencing::Lease {
            if *lease_ms > max_ms {
                return refuse(format!(
                    "lease={lease_ms} outlasts election-timeout={} with max-clock-drift={max_clock_drift_ppm}: another \
                     node could lead while it runs; use lease={max_ms} or less, or a longer election timeout",
                    self.election_timeout
                ));
            }
            if *fencing == Fencing::Lease && *lease_ms <= self.heartbeat_ms {
                return refuse(format!(
                    "lease={lease_ms} is not longer than heartbeat={}: a healthy leader would stop between two \
                     heartbeats; use a longer lease or a shorter heartbeat",
                    self.heartbeat_ms
                ));
            }
            return Ok(());
        }
        let defaults = Self::default();
        for (name, value, default) in [
            ("lease", *lease_ms, defaults.lease_ms.min(max_ms)),
            ("max-clock-drift", *max_clock_drift_ppm, defaults.max_clock_drift_ppm),
        ] {
            if value != default {
                return refuse(format!(
                    "{name}={value} has no effect with failover={failover} and fencing={fencing}: only reads under \
                     consensus and fencing=lease know a lease; leave it out, or use fencing=lease under timeout"
                ));
            }
        }
        Ok(())
    }
}
