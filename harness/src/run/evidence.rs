//! What must be shown before "nothing was found" may be called valid. Pure.
//!
//! Every rule adds a reason for `unknown`; none of them hides a violation. Few acknowledgements *during* a fault are a
//! result and no reason.

use std::collections::{BTreeMap, BTreeSet};

use schism_checkers::history::{Event, EventType, Process};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::progress::Phase;
use crate::client::home_of;
use crate::environment::{NodeId, Place};
use crate::nemesis::ExecutedFault;
use crate::plan::Plan;

/// Longest time for which something that was due did not get to run, milliseconds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Stalls {
    /// The harness itself, during the load.
    pub harness_ms: f64,
    /// Each node, as the observer saw it during the load; faults included.
    pub nodes_ms: BTreeMap<NodeId, f64>,
}

impl Stalls {
    /// The longest of all.
    #[must_use]
    pub fn longest_ms(&self) -> f64 {
        self.nodes_ms.values().copied().fold(self.harness_ms, f64::max)
    }
}

/// When each phase began, nanoseconds on the run's clock.
#[must_use]
pub(super) fn phases(events: &[Event]) -> BTreeMap<String, u64> {
    let named = notes(events, Process::NEMESIS, "phase");
    named.filter_map(|event| Some((event.value.as_str()?.to_owned(), event.time))).collect()
}

/// Lines of the harness itself by process and name.
pub(super) fn notes<'a>(events: &'a [Event], process: &'a str, f: &'a str) -> impl Iterator<Item = &'a Event> {
    events.iter().filter(move |event| event.f == f && matches!(&event.process, Process::Named(name) if name == process))
}

/// Why this run cannot be called valid even if no checker found anything.
#[must_use]
pub(super) fn missing(plan: &Plan, events: &[Event], faults: &[ExecutedFault]) -> Vec<String> {
    let phases = phases(events);
    let mut reasons = Vec::new();
    if !phases.contains_key(Phase::End.name()) {
        reasons.push("the run has no end: the harness was stopped in the middle".to_owned());
    }
    match phases.get(Phase::Load.name()) {
        Some(load_ns) => reasons.extend(slow_before_faults(plan, events, faults, &phases, *load_ns)),
        None => reasons.push("nothing was tested: the load never began".to_owned()),
    }
    if !plan.schedule.is_empty() {
        reasons.extend(unproved(plan, faults));
        reasons.extend(faults.iter().flat_map(|fault| unseen_sides(plan, events, fault)));
    }
    reasons
}

/// The fault-free part must reach the least rate, ramp left out.
fn slow_before_faults(
    plan: &Plan,
    events: &[Event],
    faults: &[ExecutedFault],
    phases: &BTreeMap<String, u64>,
    load_ns: u64,
) -> Option<String> {
    let ends = [phases.get(Phase::Heal.name()), phases.get(Phase::End.name())].into_iter().flatten().copied();
    let first_fault = faults.iter().filter_map(|fault| fault.applied_ns).min();
    let last_line = events.last().map_or(0, |event| event.time);
    let until_ns = ends.chain(first_fault).min().unwrap_or(last_line);
    let from_ns = load_ns + plan.ramp_ms * 1_000_000;
    let window = from_ns..until_ns;
    if window.is_empty() {
        return Some("nothing was tested before the first fault: it came before the ramp was over".to_owned());
    }
    let ok = events.iter().filter(|event| event.event_type == EventType::Ok && window.contains(&event.time));
    let of_clients: Vec<&Event> = ok.filter(|event| matches!(event.process, Process::Client(_))).collect();
    if !of_clients.is_empty() && of_clients.iter().all(|event| event.f == "read") {
        return Some("no write was acknowledged before the first fault: there was nothing to lose".to_owned());
    }
    let of_clients = of_clients.len();
    let rate = of_clients as f64 / ((until_ns - from_ns) as f64 / 1e9);
    // At least one even where the plan asks for no rate at all: else nothing was tested.
    (of_clients == 0 || rate < plan.min_rate).then(|| {
        format!(
            "too little was tested before the first fault: {rate:.1} operations a second ended ok, {:.1} are needed",
            plan.min_rate
        )
    })
}

fn unproved(plan: &Plan, faults: &[ExecutedFault]) -> Vec<String> {
    let mut reasons = Vec::new();
    for planned in &plan.schedule {
        let name = &planned.fault.name;
        match faults.iter().find(|fault| fault.id == planned.id) {
            None => reasons.push(format!("fault {} ({name}) was never injected", planned.id)),
            Some(fault) if !fault.is_proved() => {
                let why: Vec<&str> = fault.notes.iter().chain(&fault.proof.details).map(String::as_str).collect();
                reasons.push(format!("fault {} ({name}) is not proved: {}", fault.id, why.join("; ")));
            }
            Some(_) => {}
        }
    }
    if !faults.iter().any(|fault| fault.proof.effect) {
        reasons.push("no fault had any effect on the system or a client".to_owned());
    }
    reasons
}

/// Each side that has workers must have been asked something while the fault lasted.
fn unseen_sides(plan: &Plan, events: &[Event], fault: &ExecutedFault) -> Vec<String> {
    let Some(applied_ns) = fault.applied_ns else { return Vec::new() };
    let during = applied_ns..fault.healed_ns.unwrap_or(u64::MAX);
    let workers = plan.workers.max(1) as u64;
    let homes: BTreeSet<NodeId> = events
        .iter()
        .filter(|event| event.event_type == EventType::Invoke && during.contains(&event.time))
        .filter_map(|event| match event.process {
            // A worker's processes are its index plus multiples of the number of workers.
            Process::Client(process) => Some(home_of((process % workers) as usize, plan.nodes)),
            Process::Named(_) => None,
        })
        .collect();
    let unseen = fault.worker_sides().filter(|side| !side.iter().any(|home| homes.contains(home)));
    let told = unseen.map(|side| {
        let names: Vec<String> = side.iter().map(|home| Place::Clients(*home).to_string()).collect();
        let (names, name) = (names.join("+"), &fault.fault.name);
        format!("no operation was invoked by the workers {names} during fault {} ({name})", fault.id)
    });
    told.collect()
}

/// What the run noted about stalls.
#[must_use]
pub(super) fn stalls(events: &[Event]) -> Stalls {
    let noted = notes(events, Process::OBSERVER, "stalls").last();
    noted.and_then(|event| serde_json::from_value(event.value.clone()).ok()).unwrap_or_default()
}

/// Whether the nemesis noted that the cluster converged; `None` if it never came to that.
#[must_use]
pub(super) fn converged(events: &[Event]) -> Option<bool> {
    notes(events, Process::NEMESIS, "converged").last().and_then(|event| event.value.as_bool())
}

/// Whether the run was interrupted.
#[must_use]
pub(super) fn interrupted(events: &[Event]) -> bool {
    notes(events, Process::OBSERVER, "interrupted").any(|event| event.value != Value::Bool(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nemesis::Proof;
    use crate::plan::{FORMAT_VERSION, FaultSpec, NetChoice, ScheduledFault};
    use crate::record::{Clock, Recorder};

    const SECOND_NS: u64 = 1_000_000_000;

    fn plan(min_rate: f64, faults: u64) -> Plan {
        let fault = |id| ScheduledFault {
            id,
            fault: FaultSpec { name: "partition-leader".to_owned(), options: BTreeMap::new() },
            at_ms: 1_000,
            duration_ms: 500,
            seed: 0,
        };
        Plan {
            format_version: FORMAT_VERSION,
            schism_version: "0.1.0".to_owned(),
            system: "scripted".to_owned(),
            nodes: 3,
            settings: BTreeMap::new(),
            workload: "set".to_owned(),
            faults: Vec::new(),
            seed: 1,
            workers: 3,
            rate: 10.0,
            ramp_ms: 0,
            time_ms: 3_000,
            client_timeout_ms: 100,
            min_rate,
            converge_ms: 1_000,
            net: NetChoice::Auto,
            fail_fast: false,
            schedule: (1..=faults).map(fault).collect(),
        }
    }

    /// Phases at 0, 3 and 4 s; one invocation and its completion of every given process every 100 ms.
    fn history(processes: &[u64]) -> Vec<Event> {
        let recorder = Recorder::in_memory(Clock::start());
        let mut events = Vec::new();
        let mut push = |time, event_type, process, f: &str, value| {
            let at = recorder.note("nemesis", f, value).0;
            let line = recorder.events()[at as usize].clone();
            events.push(Event { time, event_type, process, ..line });
        };
        let nemesis = || Process::Named("nemesis".to_owned());
        for (time, phase) in [(0, "load"), (3 * SECOND_NS, "heal"), (4 * SECOND_NS, "end")] {
            push(time, EventType::Info, nemesis(), "phase", phase.into());
        }
        for step in 0..30 {
            for process in processes {
                let time = step * SECOND_NS / 10;
                push(time, EventType::Invoke, Process::Client(*process), "add", 1.into());
                push(time + 1, EventType::Ok, Process::Client(*process), "add", 1.into());
            }
        }
        events.sort_by_key(|event| event.time);
        events
    }

    /// A proved fault with the workers of these nodes on its sides.
    fn fault(sides: &[&[u16]]) -> ExecutedFault {
        let side = |nodes: &&[u16]| nodes.iter().map(|node| Place::Clients(NodeId(*node))).collect();
        ExecutedFault {
            id: 1,
            fault: FaultSpec { name: "partition-leader".to_owned(), options: BTreeMap::new() },
            asked: "leader".to_owned(),
            resolved: vec![NodeId(1)],
            at_ns: SECOND_NS,
            applied_ns: Some(SECOND_NS),
            healed_ns: Some(2 * SECOND_NS),
            cut: Vec::new(),
            sides: sides.iter().map(side).collect(),
            proof: Proof { in_force: true, bit: Some(9), effect: true, details: Vec::new() },
            notes: Vec::new(),
        }
    }

    fn check(plan: &Plan, events: &[Event], faults: &[ExecutedFault], expected: &[&str]) {
        let reasons = missing(plan, events, faults);
        assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
        for (reason, expected) in reasons.iter().zip(expected) {
            assert!(reason.contains(expected), "{reason:?} does not say {expected:?}");
        }
    }

    #[test]
    fn a_run_with_everything_shown_lacks_nothing() {
        check(&plan(20.0, 0), &history(&[0, 1, 2]), &[], &[]);
        check(&plan(20.0, 1), &history(&[0, 1, 2]), &[fault(&[&[1], &[2, 3]])], &[]);
    }

    #[test]
    fn the_part_before_the_first_fault_must_reach_the_rate() {
        check(&plan(31.0, 0), &history(&[0, 1, 2]), &[], &["too little"]);
        check(&plan(0.0, 0), &history(&[]), &[], &["too little"]);
        let early = ExecutedFault { applied_ns: Some(0), ..fault(&[]) };
        check(&plan(1.0, 1), &history(&[0, 1, 2]), &[early], &["nothing was tested"]);
    }

    #[test]
    fn a_system_that_only_answers_reads_was_not_tested() {
        let mut events = history(&[0, 1, 2]);
        for event in events.iter_mut().filter(|event| event.f == "add") {
            event.f = "read".to_owned();
        }
        check(&plan(1.0, 0), &events, &[], &["no write was acknowledged"]);
    }

    #[test]
    fn each_side_with_workers_must_be_asked_during_a_fault() {
        let sides: &[&[u16]] = &[&[1], &[2, 3]];
        check(&plan(1.0, 1), &history(&[1, 2]), &[fault(sides)], &["workers c1 during"]);
        check(&plan(1.0, 1), &history(&[0, 3]), &[fault(sides)], &["workers c2+c3 during"]);
        check(&plan(1.0, 1), &history(&[3, 4]), &[fault(sides)], &[]);
        // A node that is alone has no worker that could ask it.
        check(&plan(1.0, 1), &history(&[1]), &[fault(&[&[], &[1, 2, 3]])], &[]);
    }

    #[test]
    fn an_unproved_fault_is_a_reason() {
        let events = history(&[0, 1, 2]);
        let proof = Proof { in_force: false, details: vec!["a probe came through".to_owned()], ..fault(&[]).proof };
        check(&plan(1.0, 1), &events, &[ExecutedFault { proof, ..fault(&[]) }], &["a probe came through"]);
        let proof = Proof { effect: false, ..fault(&[]).proof };
        let harmless = ExecutedFault { proof, ..fault(&[]) };
        check(&plan(1.0, 1), &events, std::slice::from_ref(&harmless), &["no fault had any effect"]);
        let second = ExecutedFault { id: 2, ..fault(&[]) };
        check(&plan(1.0, 2), &events, &[harmless, second.clone()], &[]);
        check(&plan(1.0, 2), &events, &[second], &["fault 1"]);
    }

    #[test]
    fn a_history_that_breaks_off_is_no_run() {
        let mut events = history(&[0, 1, 2]);
        events.retain(|event| event.time < 3 * SECOND_NS);
        check(&plan(1.0, 0), &events, &[], &["no end"]);
        check(&plan(1.0, 0), &[], &[], &["no end", "never began"]);
    }
}
