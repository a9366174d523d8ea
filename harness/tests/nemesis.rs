//! The nemesis against a cluster that only keeps books: what it does, in which order it heals, and what it can prove.

mod nemesis_support;

use std::collections::BTreeSet;
use std::time::Duration;

use nemesis_support::{Call, Quirks, World, entry, leading, links, world};
use schism::environment::{NodeId, NodeSignal};
use schism::nemesis::{ExecutedFault, execute};
use schism::plan::ScheduledFault;
use tokio_util::sync::CancellationToken;

const N1: NodeId = NodeId(1);
const N2: NodeId = NodeId(2);
const LEADER_CUT: &str = "n1>n2 n2>n1 n1>n3 n3>n1 c1>n2 n2>c1 c1>n3 n3>c1 c2>n1 n1>c2 c3>n1 n1>c3";

async fn run(world: &World, schedule: &[ScheduledFault]) -> Vec<ExecutedFault> {
    let executed = execute(schedule, &world.cluster, 0, &CancellationToken::new()).await;
    assert!(world.books.is_healed(), "something was left broken: {:?}", world.books.calls());
    executed
}

async fn run_one(quirks: Quirks, entry: ScheduledFault) -> (World, ExecutedFault) {
    let world = world(3, quirks);
    let executed = run(&world, &[entry]).await.remove(0);
    (world, executed)
}

/// Waits for a call, so that a test need not guess how long something takes.
async fn until_called(world: &World, call: &Call) {
    while !world.books.calls().contains(call) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn cut(text: &str) -> Call {
    Call::SetCuts(links(text))
}

#[tokio::test]
async fn a_partition_is_cut_held_healed_and_proved() {
    let (world, executed) = run_one(Quirks::default(), entry(1, "partition-leader", 30, 100)).await;
    assert_eq!(world.books.calls(), [cut(LEADER_CUT), cut("")]);
    assert_eq!((executed.asked.as_str(), executed.resolved.as_slice()), ("leader", [N1].as_slice()));
    assert!(executed.is_proved() && executed.proof.effect, "{:?}", executed.proof);
    assert_eq!(executed.proof.bit, Some(12));
    assert_eq!(executed.worker_sides().collect::<Vec<_>>(), [vec![N1], vec![N2, NodeId(3)]]);
    let held_ns = executed.healed_ns.unwrap() - executed.applied_ns.unwrap();
    assert!(held_ns >= 100_000_000, "{held_ns}");
}

#[tokio::test]
async fn what_it_did_is_in_the_history_and_in_a_line_of_its_own() {
    let (world, executed) = run_one(Quirks::default(), entry(7, "cut-one-link", 30, 100)).await;
    let events = world.cluster.recorder.events();
    let steps: Vec<_> = events.iter().map(|event| (event.id, event.step.as_deref(), event.f.as_str())).collect();
    assert_eq!(steps, [(Some(7), Some("applied"), "cut-one-link"), (Some(7), Some("healed"), "cut-one-link")]);
    assert_eq!(
        serde_json::to_string(&events[0].value).unwrap(),
        r#"{"cut":[["n1","n2"],["n2","n1"]],"resolved":["n1","n2"],"target":"leader"}"#
    );
    assert_eq!(events[1].value["dropped"], 2);
    assert_eq!([Some(events[0].time), Some(events[1].time)], [executed.applied_ns, executed.healed_ns]);
    let line = serde_json::to_string(&executed).unwrap();
    assert_eq!(serde_json::from_str::<ExecutedFault>(&line).unwrap(), executed);
}

#[tokio::test]
async fn a_probe_that_arrives_during_a_cut_disproves_it() {
    let quirks = Quirks { leaky: links("n2>n1"), ..Quirks::default() };
    let (_, executed) = run_one(quirks, entry(1, "cut-one-link", 30, 100)).await;
    assert!(!executed.proof.in_force && !executed.proof.effect);
    assert!(executed.proof.details.iter().any(|detail| detail.contains("n2→n1")), "{:?}", executed.proof.details);
}

#[tokio::test]
async fn a_link_that_was_dead_before_proves_nothing() {
    let quirks = Quirks { mute: links("n1>n2"), ..Quirks::default() };
    let (_, executed) = run_one(quirks, entry(1, "cut-one-link", 30, 100)).await;
    assert!(!executed.proof.in_force, "{:?}", executed.proof);
    assert!(executed.proof.details.iter().any(|detail| detail.starts_with("no probe arrived before")));
}

#[tokio::test]
async fn a_link_that_stays_down_disproves_the_heal() {
    let world = world(3, Quirks { stuck: links("n1>n2"), ..Quirks::default() });
    let schedule = [entry(1, "cut-one-link", 30, 100)];
    let executed = execute(&schedule, &world.cluster, 0, &CancellationToken::new()).await;
    assert!(!executed[0].proof.in_force);
    let details = &executed[0].proof.details;
    assert!(details.iter().any(|detail| detail.starts_with("no probe arrived after")), "{details:?}");
}

#[tokio::test]
async fn a_cut_that_drops_nothing_is_in_force_and_did_not_bite() {
    let quirks = Quirks { silent: true, ..Quirks::default() };
    let (_, executed) = run_one(quirks, entry(1, "partition-leader", 30, 100)).await;
    assert!(executed.is_proved());
    assert_eq!((executed.proof.bit, executed.proof.effect), (Some(0), false));
}

#[tokio::test]
async fn a_cut_that_is_refused_is_not_proved() {
    let quirks = Quirks { cuts_refused: true, ..Quirks::default() };
    let (_, executed) = run_one(quirks, entry(1, "partition-leader", 30, 100)).await;
    assert!(!executed.is_proved());
    assert!(executed.notes.iter().any(|note| note.contains("failed to cut links")), "{:?}", executed.notes);
}

#[tokio::test]
async fn a_killed_leader_returns_once_another_acknowledges() {
    let world = world(3, Quirks::default());
    let schedule = [entry(1, "kill-leader", 10, 3_000)];
    let play = async {
        until_called(&world, &Call::Signal(N1, NodeSignal::Kill)).await;
        let begin = std::time::Instant::now();
        // An answer of the dead leader that arrives late is no reason; neither is one of before.
        let now_ns = world.cluster.clock.now_ns() + 1_000_000;
        world.acknowledgements.send_replace([(N1, now_ns), (N2, 1)].into());
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert!(!world.books.calls().contains(&Call::Start(N1)));
        world.acknowledgements.send_replace([(N2, world.cluster.clock.now_ns())].into());
        until_called(&world, &Call::Start(N1)).await;
        assert!(begin.elapsed() < Duration::from_secs(2), "it waited for the bound");
    };
    let (executed, ()) = tokio::join!(run(&world, &schedule), play);
    assert_eq!(world.books.calls(), [Call::Signal(N1, NodeSignal::Kill), Call::Start(N1)]);
    assert!(executed[0].is_proved() && executed[0].proof.effect, "{:?}", executed[0].proof);
    assert_eq!(executed[0].proof.bit, None);
}

#[tokio::test]
async fn a_killed_leader_without_a_successor_returns_after_the_bound() {
    let (world, executed) = run_one(Quirks::default(), entry(1, "kill-leader:restart_ms=80", 10, 80)).await;
    assert!(executed.is_proved(), "{:?}", executed.proof);
    assert!(executed.healed_ns.unwrap() - executed.applied_ns.unwrap() >= 80_000_000);
    assert_eq!(world.books.calls().last(), Some(&Call::Start(N1)));
}

#[tokio::test]
async fn a_killed_follower_stays_away_though_the_leader_goes_on() {
    let world = world(3, Quirks::default());
    let schedule = [entry(1, "kill:target=n2,restart_ms=80", 10, 80)];
    let play = async {
        until_called(&world, &Call::Signal(N2, NodeSignal::Kill)).await;
        world.acknowledgements.send_replace([(N1, world.cluster.clock.now_ns() + 1)].into());
    };
    let (executed, ()) = tokio::join!(run(&world, &schedule), play);
    assert!(executed[0].healed_ns.unwrap() - executed[0].applied_ns.unwrap() >= 80_000_000);
}

#[tokio::test]
async fn a_process_that_survives_its_kill_disproves_it() {
    let world = world(3, Quirks { immortal: true, ..Quirks::default() });
    let schedule = [entry(1, "kill-leader:restart_ms=50", 10, 50)];
    let executed = run(&world, &schedule).await;
    assert!(!executed[0].proof.in_force);
    assert!(executed[0].proof.details[0].contains("still there after SIGKILL"), "{:?}", executed[0].proof.details);
}

#[tokio::test]
async fn a_pause_is_proved_by_two_looks() {
    let (world, executed) = run_one(Quirks::default(), entry(1, "pause", 10, 60)).await;
    let expected = [Call::Signal(N1, NodeSignal::Stop), Call::Signal(N1, NodeSignal::Continue)];
    assert_eq!(world.books.calls(), expected);
    assert!(executed.is_proved() && executed.proof.effect, "{:?}", executed.proof);
}

#[tokio::test]
async fn a_pause_in_which_the_process_ran_is_disproved() {
    for quirks in
        [Quirks { unstoppable: true, ..Quirks::default() }, Quirks { busy_while_stopped: true, ..Quirks::default() }]
    {
        let (_, executed) = run_one(quirks, entry(1, "pause", 10, 60)).await;
        assert!(!executed.proof.in_force && !executed.proof.effect, "{:?}", executed.proof);
    }
}

#[tokio::test]
async fn cut_then_kill_cuts_the_other_nodes_only_and_brings_links_up_for_the_restart() {
    let schedule = entry(1, "cut-then-kill:cut_ms=200,restart_ms=60", 30, 260);
    let (world, executed) = run_one(Quirks::default(), schedule).await;
    assert_eq!(
        world.books.calls(),
        [cut("n1>n2 n2>n1 n1>n3 n3>n1"), Call::Signal(N1, NodeSignal::Kill), cut(""), Call::Start(N1)]
    );
    assert!(executed.is_proved(), "{:?}", executed.proof);
    assert_eq!(executed.proof.bit, Some(4));
}

#[tokio::test]
async fn pause_isolate_cuts_while_stopped_and_continues_while_cut() {
    let schedule = entry(1, "pause-isolate:cut_after_ms=3,pause_ms=60,isolated_ms=40", 30, 103);
    let (world, executed) = run_one(Quirks::default(), schedule).await;
    let (stop, resume) = (Call::Signal(N1, NodeSignal::Stop), Call::Signal(N1, NodeSignal::Continue));
    assert_eq!(world.books.calls(), [stop, cut(LEADER_CUT), resume, cut("")]);
    assert!(executed.is_proved(), "{:?}", executed.proof);
}

#[tokio::test]
async fn overlapping_cuts_are_united_and_each_is_proved() {
    let world = world(3, Quirks::default());
    let schedule = [entry(1, "cut-one-link", 30, 160), entry(2, "isolate-clients:target=n2", 100, 160)];
    let executed = run(&world, &schedule).await;
    let (link, clients) = ("n1>n2 n2>n1", "c2>n1 n1>c2 c2>n2 n2>c2 c2>n3 n3>c2");
    let both = format!("{link} {clients}");
    assert_eq!(world.books.calls(), [cut(link), cut(&both), cut(clients), cut("")]);
    assert!(executed.iter().all(ExecutedFault::is_proved), "{executed:?}");
}

#[tokio::test]
async fn a_link_that_two_faults_cut_comes_up_with_the_last_and_both_are_proved() {
    let world = world(3, Quirks::default());
    let schedule = [entry(1, "cut-one-link", 30, 160), entry(2, "one-way-out", 100, 160)];
    let executed = run(&world, &schedule).await;
    let (link, out) = ("n1>n2 n2>n1", "n1>n2 n1>n3");
    assert_eq!(world.books.calls(), [cut(link), cut("n1>n2 n2>n1 n1>n3"), cut(out), cut("")]);
    assert!(executed.iter().all(ExecutedFault::is_proved), "{executed:?}");
}

#[tokio::test]
async fn a_stopped_run_heals_what_was_done_last_first() {
    let world = world(3, Quirks::default());
    let schedule = [
        entry(1, "pause-isolate:pause_ms=60000", 10, 60_000),
        entry(2, "kill:target=n2,restart_ms=60000", 60, 60_000),
        entry(3, "pause:target=n3", 60_000, 1_000),
    ];
    let cancel = CancellationToken::new();
    let play = async {
        until_called(&world, &Call::Signal(N2, NodeSignal::Kill)).await;
        cancel.cancel();
    };
    let (executed, ()) = tokio::join!(execute(&schedule, &world.cluster, 0, &cancel), play);
    let heals = &world.books.calls()[3..];
    assert_eq!(heals, [Call::Start(N2), cut(""), Call::Signal(N1, NodeSignal::Continue)]);
    assert!(world.books.is_healed());
    assert!(executed[0].healed_ns.is_some() && executed[1].healed_ns.is_some());
    assert_eq!(executed[2].applied_ns, None);
    assert!(executed[2].notes[0].contains("stopped before it was due"), "{:?}", executed[2].notes);
}

#[tokio::test]
async fn an_execution_that_is_dropped_heals_too() {
    let world = world(3, Quirks::default());
    let schedule = [entry(1, "pause", 0, 60_000), entry(2, "partition-leader", 20, 60_000)];
    let (never, both_done) = (CancellationToken::new(), cut(LEADER_CUT));
    tokio::select! {
        _ = execute(&schedule, &world.cluster, 0, &never) => panic!("it cannot be over"),
        () = until_called(&world, &both_done) => {}
    }
    assert!(world.books.is_healed(), "{:?}", world.books.calls());
}

#[tokio::test]
async fn without_a_single_leader_nothing_is_done_and_the_reason_is_told() {
    for leaders in [&[][..], &[1, 2]] {
        let world = world(3, Quirks::default());
        world.claims.send_replace(leading(3, leaders));
        let World { cluster, books, claims, .. } = world;
        // Nobody will claim anything any more, so the wait ends at once.
        drop(claims);
        let schedule = [entry(1, "partition-leader", 10, 50)];
        let executed = execute(&schedule, &cluster, 0, &CancellationToken::new()).await;
        assert_eq!(books.calls(), []);
        assert!(!executed[0].is_proved());
        let notes = executed[0].notes.join("\n");
        assert!(notes.contains("not applied: no leader") && notes.contains("n3 follows in term 3"), "{notes}");
        assert_eq!(notes.contains("n2 leads in term 3"), leaders.contains(&2), "{notes}");
        let events = cluster.recorder.events();
        assert!(events.iter().all(|event| event.step.is_none() && event.id.is_none()), "{events:?}");
        assert!(events[0].value["not_applied"].as_str().unwrap().contains("no leader"), "{events:?}");
    }
}

#[tokio::test]
async fn a_leader_that_comes_late_is_waited_for() {
    let world = world(3, Quirks::default());
    world.claims.send_replace(leading(3, &[]));
    let schedule = [entry(1, "partition-leader", 10, 100)];
    let play = async {
        tokio::time::sleep(Duration::from_millis(40)).await;
        world.claims.send_replace(leading(3, &[2]));
    };
    let (executed, ()) = tokio::join!(run(&world, &schedule), play);
    assert_eq!(executed[0].resolved, [N2]);
    assert!(executed[0].is_proved(), "{:?}", executed[0].proof);
    assert!(executed[0].notes.iter().any(|note| note.contains("n2 led")), "{:?}", executed[0].notes);
}

#[tokio::test]
async fn every_fault_of_the_registry_is_applied_healed_and_proved() {
    for description in schism::nemesis::FAULTS {
        let name = description.name;
        if name == "none" {
            continue;
        }
        let world = world(5, Quirks::default());
        let timing = world.cluster.system.timing(&world.cluster.settings);
        let mut fault = entry(1, name, 30, 100);
        for option in description.options.iter().filter(|option| option.name.ends_with("_ms")) {
            if option.name != "duration_ms" {
                fault.fault.options.insert(option.name.to_owned(), "60".to_owned());
            }
        }
        fault.fault = schism::nemesis::registry::with_defaults(&fault.fault, &timing).unwrap();
        let executed = run(&world, &[fault]).await.remove(0);
        assert!(executed.is_proved() && executed.proof.effect, "{name}: {executed:?}");
        assert!(!executed.asked.is_empty() && !executed.resolved.is_empty(), "{name}: {executed:?}");
        let changed: BTreeSet<_> = executed.cut.iter().copied().collect();
        assert_eq!(changed.len(), executed.cut.len());
    }
}
