//! `GET /metrics`: the same and the totals, in the Prometheus text format.

use super::counters::RequestCounters;
use super::exposition::Exposition;
use crate::core::Role;
use crate::driver::Report;

/// The text of the answer.
pub(super) fn text(report: &Report, requests: &RequestCounters) -> String {
    let mut text = Exposition::default();
    state(&mut text, report);
    totals(&mut text, report);
    let mut family = text.counter("schism_node_requests_total", "Requests answered, by route and outcome.");
    for ((route, outcome), total) in requests.snapshot() {
        family.labelled(&[("route", &route), ("outcome", &outcome)], total);
    }
    text.finish()
}

fn state(text: &mut Exposition, report: &Report) {
    let status = &report.status;
    text.gauge("schism_node_uptime_seconds", "Seconds since the node started.").value(report.uptime.as_secs_f64());
    let mut role = text.gauge("schism_node_role", "1 for the role that the node has.");
    for (name, value) in [("follower", Role::Follower), ("candidate", Role::Candidate), ("leader", Role::Leader)] {
        role.labelled(&[("role", &name)], u8::from(status.role == value));
    }
    text.gauge("schism_node_term", "The term the node leads in, or the highest it knows.").value(status.term);
    let mut position = text.gauge("schism_node_position", "Positions in the log, by what they stand for.");
    for (name, value) in [
        ("last", status.last),
        ("durable", status.durable),
        ("committed", status.committed),
        ("visible", status.visible),
    ] {
        position.labelled(&[("kind", &name)], value);
    }
    let mut lag = text.gauge("schism_node_follower_lag_positions", "Positions a follower is behind, on the leader.");
    for (peer, matched) in &status.matched {
        lag.labelled(&[("peer", peer)], status.last.0.saturating_sub(matched.0));
    }
    text.gauge("schism_node_requests_waiting", "Requests that wait for their answer.")
        .value(report.counters.waiting_requests);
}

fn totals(text: &mut Exposition, report: &Report) {
    let counters = &report.counters;
    let families = [
        ("schism_node_elections_won_total", "Times the node became leader.", counters.reigns_begun),
        ("schism_node_step_downs_total", "Times the node stopped leading.", counters.reigns_ended),
        ("schism_node_acknowledged_writes_total", "Writes acknowledged as leader.", counters.acknowledged_writes),
        ("schism_node_truncated_entries_total", "Entries removed from the end of the log.", counters.truncated_entries),
        (
            "schism_node_truncated_acknowledged_writes_total",
            "Removed entries that the node itself had acknowledged.",
            counters.truncated_acknowledged_writes,
        ),
        (
            "schism_node_dropped_messages_total",
            "Messages dropped because a peer could not take them.",
            counters.dropped_messages,
        ),
        ("schism_node_fsync_total", "Flushes of the log.", counters.flushes),
    ];
    for (name, help, total) in families {
        text.counter(name, help).value(total);
    }
    text.counter("schism_node_fsync_seconds_total", "Seconds spent in flushes of the log.")
        .value(counters.flush_time.as_secs_f64());
}
