//! Whole runs over the scripted cluster: for each way in which it misbehaves, the verdict that must come of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use schism::environment::NodeId;
use schism::nemesis::{ExecutedFault, ScheduleOptions, schedule};
use schism::plan::{FORMAT_VERSION, NetChoice, Plan};
use schism::record::{Clock, RunDirectory};
use schism::run::{Evidence, Phase, Progress, Run, RunError, Verdict, execute, judge};
use schism::systems::SystemTiming;
use schism::systems::scripted::{self, Misbehaviour, Replication, Script};
use schism_checkers::history::{Event, EventType, History, Process};
use schism_checkers::online::{Completion, OnlineChecker, OnlineOperation, Violation};
use schism_checkers::verdict::{FindingKind, Validity};
use schism_checkers::{Analysis, Limits};
use schism_workloads::object::Object;
use schism_workloads::register::RegisterWorkload;
use schism_workloads::set::SetWorkload;
use schism_workloads::workload::{Generator, Workload, WorkloadOptions};
use tokio_util::sync::CancellationToken;

fn plan() -> Plan {
    Plan {
        format_version: FORMAT_VERSION,
        schism_version: "0.1.0".to_owned(),
        system: "scripted".to_owned(),
        nodes: 3,
        settings: BTreeMap::new(),
        workload: "set".to_owned(),
        faults: Vec::new(),
        seed: 7,
        workers: 6,
        rate: 300.0,
        ramp_ms: 100,
        time_ms: 600,
        client_timeout_ms: 50,
        min_rate: 20.0,
        converge_ms: 1_000,
        net: NetChoice::Auto,
        fail_fast: false,
        schedule: Vec::new(),
    }
}

/// What one run left.
struct Left {
    outcome: Result<Verdict, RunError>,
    events: Vec<Event>,
    phases: Vec<Phase>,
    directory: tempfile::TempDir,
}

fn run(plan: &Plan, script: Script) -> Left {
    run_until(plan, script, |_| false)
}

/// Runs, and interrupts the run as soon as its progress is enough.
fn run_until(plan: &Plan, script: Script, enough: impl Fn(Progress) -> bool + Send + Sync) -> Left {
    run_of(&SetWorkload, plan, script, enough)
}

fn run_of(
    workload: &dyn Workload,
    plan: &Plan,
    script: Script,
    enough: impl Fn(Progress) -> bool + Send + Sync,
) -> Left {
    let interrupted = CancellationToken::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let parent = tempfile::tempdir().unwrap();
    let directory = RunDirectory::create(&parent.path().join("run")).unwrap();
    let phases = Mutex::new(Vec::new());
    let tell = |progress: Progress| {
        if let Progress::Phase(phase) = progress {
            phases.lock().unwrap().push(phase);
        }
        if enough(progress) {
            interrupted.cancel();
        }
    };
    let outcome = runtime.block_on(async {
        let clock = Clock::start();
        let (environment, system) = scripted::cluster(plan.nodes, script, clock);
        execute(Run {
            plan,
            environment,
            system,
            workload,
            directory: &directory,
            clock,
            progress: &tell,
            interrupted: interrupted.clone(),
        })
        .await
    });
    let events = schism::record::read_lines(&directory.history()).unwrap();
    let phases = phases.into_inner().unwrap();
    Left { outcome: outcome.map(|outcome| outcome.verdict), events, phases, directory: parent }
}

fn wrong(misbehaviour: Misbehaviour) -> Script {
    Script { replication: Replication::Majority, misbehaviour: Some(misbehaviour) }
}

fn kinds(verdict: &Verdict) -> Vec<FindingKind> {
    verdict.findings.iter().map(|finding| finding.kind).collect()
}

#[test]
fn a_correct_cluster_is_valid_and_the_run_is_on_disk() {
    let left = run(&plan(), Script::default());
    let verdict = left.outcome.unwrap();
    assert_eq!(verdict.valid, Validity::Valid, "{:?}", verdict.reasons);
    assert_eq!(verdict.reasons, Vec::<String>::new());
    assert_eq!(verdict.measures.lost, Some(0));
    assert!(verdict.measures.acknowledged > 50, "{}", verdict.measures.acknowledged);
    let all = [Phase::Start, Phase::Load, Phase::Heal, Phase::Converge, Phase::Final, Phase::End];
    assert_eq!(left.phases, all);
    let stored = std::fs::read_to_string(left.directory.path().join("run/verdict.json")).unwrap();
    assert_eq!(stored.trim_end(), serde_json::to_string_pretty(&verdict).unwrap());
}

#[test]
fn a_stored_run_is_judged_again_to_the_same_end() {
    let plan = plan();
    let left = run(&plan, wrong(Misbehaviour::Forgets { nth: 20 }));
    let directory = RunDirectory::open(&left.directory.path().join("run"));
    let again = judge(Evidence {
        plan: &plan,
        timing: SystemTiming {
            election_timeout_min: Duration::from_millis(100),
            election_timeout_max: Duration::from_millis(100),
        },
        workload: &SetWorkload,
        events: left.events,
        faults: directory.read_schedule().unwrap(),
    });
    // Numbers that went through text may differ in their last digit; their text does not.
    let text = |verdict: &Verdict| serde_json::to_string(verdict).unwrap();
    assert_eq!(text(&again), text(&left.outcome.unwrap()));
}

#[test]
fn every_completion_follows_its_invocation_and_nobody_invokes_after_doubt() {
    let left = run(&plan(), Script::default());
    let mut open = BTreeMap::new();
    for event in &left.events {
        let Process::Client(process) = event.process else { continue };
        match event.event_type {
            EventType::Invoke => assert_eq!(open.insert(process, event.f.clone()), None, "process {process}"),
            EventType::Info => assert!(open.contains_key(&process), "process {process}"),
            _ => assert_eq!(open.remove(&process), Some(event.f.clone()), "process {process}"),
        }
    }
}

#[test]
fn closing_reads_come_last_once_through_the_leader_and_once_at_every_node() {
    let left = run(&plan(), Script::default());
    let start = left.events.iter().position(|event| event.f == "phase" && event.value == "final").unwrap();
    let ok: Vec<&Event> = left.events[start..].iter().filter(|event| event.event_type == EventType::Ok).collect();
    let shown: Vec<(bool, &str)> = ok.iter().map(|event| (event.is_final, event.node.as_deref().unwrap())).collect();
    let keys = shown.len() / 4;
    assert!(keys >= 1 && shown.len() == 4 * keys, "{shown:?}");
    assert!(shown[..keys].iter().all(|(is_final, _)| !is_final), "{shown:?}");
    for (round, node) in ["n1", "n2", "n3"].into_iter().enumerate() {
        assert_eq!(shown[(round + 1) * keys..(round + 2) * keys], vec![(true, node); keys], "{shown:?}");
    }
}

#[test]
fn forgotten_writes_are_lost_writes() {
    let verdict = run(&plan(), wrong(Misbehaviour::Forgets { nth: 20 })).outcome.unwrap();
    assert_eq!(verdict.valid, Validity::Invalid);
    assert!(verdict.measures.lost.unwrap() > 0);
}

#[test]
fn reads_from_the_past_are_stale_reads() {
    let verdict = run(&plan(), wrong(Misbehaviour::ReadsStale { nth: 5 })).outcome.unwrap();
    assert_eq!(verdict.valid, Validity::Invalid);
    assert!(kinds(&verdict).contains(&FindingKind::StaleRead), "{:?}", kinds(&verdict));
}

/// A plan with one fault, decided as a real one is.
fn plan_with(fault: &str) -> Plan {
    let timeout = Duration::from_millis(100);
    let timing = SystemTiming { election_timeout_min: timeout, election_timeout_max: timeout };
    let faults = vec![fault.parse().unwrap()];
    let options = ScheduleOptions { time_ms: 3_500, lead_ms: Some(1_000), seed: 7, nodes: 3, timing };
    let schedule = schedule::make(&faults, &options).unwrap();
    Plan { faults, schedule, time_ms: 3_500, ..plan() }
}

#[test]
fn a_majority_outlives_a_partition_and_the_fault_is_proved() {
    let left = run(&plan_with("partition-leader:duration_ms=1000"), Script::default());
    let verdict = left.outcome.unwrap();
    assert_eq!(verdict.reasons, Vec::<String>::new());
    assert_eq!(verdict.valid, Validity::Valid, "{:?}", verdict.findings);
    assert_eq!(verdict.faults.len(), 1);
    assert!(verdict.faults[0].is_proved() && verdict.faults[0].proof.effect, "{:?}", verdict.faults);
    let stored: Vec<ExecutedFault> = RunDirectory::open(&left.directory.path().join("run")).read_schedule().unwrap();
    assert_eq!(stored, verdict.faults);
}

#[test]
fn a_leader_that_waits_for_nobody_loses_what_it_took_alone() {
    let script = Script { replication: Replication::Async, misbehaviour: None };
    let verdict = run(&plan_with("partition-leader:duration_ms=1000"), script).outcome.unwrap();
    assert_eq!(verdict.valid, Validity::Invalid);
    assert!(verdict.measures.lost.unwrap() > 0);
    assert!(verdict.measures.split_brain_seconds.unwrap() > 0.0);
    assert!(verdict.measures.two_leaders_seconds.unwrap() > 0.0);
}

#[test]
fn a_leader_that_is_killed_is_no_node_that_died_by_itself() {
    let verdict = run(&plan_with("kill-leader:restart_ms=1000"), Script::default()).outcome.unwrap();
    assert_eq!(verdict.reasons, Vec::<String>::new());
    assert_eq!(verdict.valid, Validity::Valid, "{:?}", verdict.findings);
}

#[test]
fn a_node_that_ends_by_itself_is_a_finding_with_its_log() {
    let dies = Misbehaviour::Dies { node: NodeId(2), after_writes: 30 };
    let verdict = run(&plan(), wrong(dies)).outcome.unwrap();
    assert_eq!(verdict.valid, Validity::Invalid);
    assert!(kinds(&verdict).contains(&FindingKind::NodeDied));
    let finding = verdict.findings.iter().find(|finding| finding.kind == FindingKind::NodeDied).unwrap();
    assert!(finding.witness.text.contains("the last words of n2"), "{}", finding.witness.text);
}

#[test]
fn a_node_that_ends_before_it_is_ready_is_an_error_with_its_log() {
    let dies = Misbehaviour::Dies { node: NodeId(3), after_writes: 0 };
    let error = run(&plan(), wrong(dies)).outcome.unwrap_err();
    assert!(matches!(error, RunError::NodeEnded { node: NodeId(3), .. }), "{error}");
    assert!(error.to_string().contains("the last words of n3"), "{error}");
}

#[test]
fn a_cluster_that_does_not_converge_is_unknown_and_says_so() {
    let verdict = run(&plan(), wrong(Misbehaviour::LagsForEver { node: NodeId(3) })).outcome.unwrap();
    assert_eq!(verdict.valid, Validity::Unknown, "{:?}", verdict.findings);
    assert_eq!(kinds(&verdict), [FindingKind::DidNotConverge]);
}

#[test]
fn too_little_load_is_unknown() {
    let plan = Plan { rate: 10.0, ..plan() };
    let verdict = run(&plan, Script::default()).outcome.unwrap();
    assert_eq!(verdict.valid, Validity::Unknown);
    assert!(verdict.reasons[0].contains("too little was tested"), "{:?}", verdict.reasons);
}

#[test]
fn an_interrupted_run_is_judged_and_says_so() {
    let plan = Plan { time_ms: 600_000, ..plan() };
    let enough = |progress| matches!(progress, Progress::Load { acknowledged: 20.., .. });
    let left = run_until(&plan, Script::default(), enough);
    let verdict = left.outcome.unwrap();
    assert!(verdict.interrupted);
    assert_eq!(verdict.valid, Validity::Unknown);
    assert!(verdict.measures.acknowledged > 0);
}

#[test]
fn a_worker_notes_stalls_of_every_node() {
    let verdict = run(&plan(), Script::default()).outcome.unwrap();
    assert_eq!(verdict.stalls.nodes_ms.keys().copied().collect::<Vec<_>>(), NodeId::all(3).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_is_an_error() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let parent = tempfile::tempdir().unwrap();
    let directory = RunDirectory::create(&parent.path().join("run")).unwrap();
    std::os::unix::fs::symlink("/dev/full", directory.history()).unwrap();
    let error = runtime.block_on(async {
        let clock = Clock::start();
        let (environment, system) = scripted::cluster(3, Script::default(), clock);
        let plan = plan();
        execute(Run {
            plan: &plan,
            environment,
            system,
            workload: &SetWorkload,
            directory: &directory,
            clock,
            progress: &|_| {},
            interrupted: CancellationToken::new(),
        })
        .await
        .unwrap_err()
    });
    assert!(matches!(error, RunError::History(_)), "{error}");
}

/// A plan that would go on for ten minutes if nothing were found.
fn fail_fast() -> Plan {
    Plan { time_ms: 600_000, fail_fast: true, ..plan() }
}

/// How long after the event that completed the violation the load was over, in seconds.
fn delay(left: &Left, verdict: &Verdict) -> f64 {
    let heal = left.events.iter().find(|event| event.f == "phase" && event.value == "heal").unwrap();
    heal.time as f64 / 1e9 - verdict.stopped_at.as_ref().unwrap().seconds
}

/// Stopped within a second, then healed, converged and read as always, and judged to the same end again.
fn check_early_stop(workload: &dyn Workload, left: &Left, plan: &Plan, checker: &str) {
    let verdict = left.outcome.as_ref().unwrap();
    let stop = verdict.stopped_at.as_ref().unwrap();
    assert_eq!(stop.checker, checker, "{stop:?}");
    assert!((0.0..1.0).contains(&delay(left, verdict)), "{} s", delay(left, verdict));
    assert!(!stop.events.is_empty() && stop.events.iter().all(|index| (*index as usize) < left.events.len()));
    assert_eq!((verdict.valid, verdict.interrupted), (Validity::Invalid, false));
    let all = [Phase::Start, Phase::Load, Phase::Heal, Phase::Converge, Phase::Final, Phase::End];
    assert_eq!(left.phases, all);
    assert!(
        verdict.reasons.iter().any(|reason| reason.contains("first violation (fail-fast)")),
        "{:?}",
        verdict.reasons
    );
    let directory = RunDirectory::open(&left.directory.path().join("run"));
    let timeout = Duration::from_millis(100);
    let again = judge(Evidence {
        plan,
        timing: SystemTiming { election_timeout_min: timeout, election_timeout_max: timeout },
        workload,
        events: left.events.clone(),
        faults: directory.read_schedule().unwrap(),
    });
    assert_eq!(again.stopped_at, verdict.stopped_at);
    assert_eq!(again.valid, verdict.valid);
}

#[test]
fn the_first_violation_ends_the_load_of_sets_within_a_second() {
    let left = run(&fail_fast(), wrong(Misbehaviour::ReadsStale { nth: 50 }));
    check_early_stop(&SetWorkload, &left, &fail_fast(), "linearizable-set");
    let verdict = left.outcome.unwrap();
    assert!(kinds(&verdict).contains(&FindingKind::NotLinearizable), "{:?}", kinds(&verdict));
    assert_eq!(verdict.measures.lost, Some(0));
}

#[test]
fn the_first_violation_ends_the_load_of_registers_within_a_second() {
    let plan = Plan { workload: "register".to_owned(), ..fail_fast() };
    let left = run_of(&RegisterWorkload, &plan, wrong(Misbehaviour::ReadsStale { nth: 50 }), |_| false);
    check_early_stop(&RegisterWorkload, &left, &plan, "linearizable-register");
}

#[test]
fn split_brain_ends_the_load_within_a_second_and_the_fault_is_healed() {
    let script = Script { replication: Replication::Async, misbehaviour: None };
    let plan = Plan { fail_fast: true, ..plan_with("partition-leader:duration_ms=1500") };
    let left = run(&plan, script);
    let verdict = left.outcome.as_ref().unwrap();
    assert!(verdict.stopped_at.is_some(), "{:?}", kinds(verdict));
    assert!((0.0..1.0).contains(&delay(&left, verdict)), "{} s", delay(&left, verdict));
    assert_eq!(verdict.valid, Validity::Invalid);
    assert!(verdict.faults[0].healed_ns.is_some(), "{:?}", verdict.faults);
}

#[test]
fn a_correct_cluster_is_never_stopped() {
    let plan = Plan { fail_fast: true, ..plan() };
    for workload in [&SetWorkload as &dyn Workload, &RegisterWorkload] {
        let left = run_of(workload, &plan, Script::default(), |_| false);
        let verdict = left.outcome.unwrap();
        assert_eq!((verdict.valid, verdict.stopped_at), (Validity::Valid, None), "{:?}", verdict.reasons);
        assert!(left.events.iter().all(|event| event.f != "left-to-the-end"));
    }
}

/// A workload whose online checker finds what is not there.
struct Liar;

impl Workload for Liar {
    fn name(&self) -> &'static str {
        SetWorkload.name()
    }
    fn description(&self) -> &'static str {
        SetWorkload.description()
    }
    fn operations(&self) -> &'static [&'static str] {
        SetWorkload.operations()
    }
    fn generator(&self, options: &WorkloadOptions) -> Box<dyn Generator> {
        SetWorkload.generator(options)
    }
    fn object(&self) -> Object {
        SetWorkload.object()
    }
    fn online_checkers(&self) -> Vec<Box<dyn OnlineChecker>> {
        vec![Box::new(LyingChecker)]
    }
    fn judge(&self, history: &History, limits: &Limits<'_>) -> Analysis {
        SetWorkload.judge(history, limits)
    }
}

struct LyingChecker;

impl OnlineChecker for LyingChecker {
    fn name(&self) -> &'static str {
        "liar"
    }
    fn invoked(&mut self, _operation: &OnlineOperation) {}
    fn completed(&mut self, operation: &OnlineOperation, completion: &Completion, _: u64) -> Option<Violation> {
        let events = vec![operation.index, completion.index];
        let violation = Violation { checker: "liar", text: "a lie".to_owned(), time_ns: completion.time_ns, events };
        (operation.number > 20).then_some(violation)
    }
    fn finish(&mut self) -> Option<Violation> {
        None
    }
    fn left_to_the_end(&self) -> Option<(u64, &str)> {
        None
    }
    fn entries(&self) -> usize {
        0
    }
}

#[test]
fn a_violation_that_the_whole_history_does_not_have_is_an_error_of_the_harness() {
    let left = run_of(&Liar, &fail_fast(), Script::default(), |_| false);
    let error = left.outcome.unwrap_err();
    assert!(matches!(error, RunError::Contradiction { .. }), "{error}");
    assert!(error.to_string().contains("liar") && error.to_string().contains("please report it"), "{error}");
    assert!(left.directory.path().join("run/verdict.json").exists());
}
