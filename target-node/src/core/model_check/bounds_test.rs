//! The explorations: small ones always, large ones on demand; and what they find when there is something to find.

use std::time::Instant;

use super::{
    machine::{Bug, Circumstances, Machine, NODES},
    search::{Bound, Report, Verdict, explore},
};
use crate::{
    core::{Change, Claim, Command, Entry, HardState, NodeId, Position, Term, Value},
    settings::Settings,
};

/// Two terms, two entries, one message on a link.
const BOUND: Bound = Bound {
    terms: 2,
    entries: 2,
    messages_per_link: 1,
    restarts: 0,
    repetitions: 0,
    leader_ticks: 1,
    plain: false,
    states: 300_000,
};

/// What is always explored: the name, what differs from [`BOUND`], and whether it is explored to its end.
const SMALL: [(&str, &str, bool); 6] = [
    ("one term", "terms=1", true),
    ("one term, a restart", "terms=1 entries=1 restarts=1", true),
    ("one term, a repetition", "terms=1 entries=1 repetitions=1", true),
    ("one term, disks that take time", "terms=1 entries=1 ticks=0 slow", false),
    ("two terms, elections without trials", "ticks=0 no-pre-vote", true),
    ("two terms", "restarts=1 repetitions=1", false),
];

/// What is explored on demand.
const FULL: [(&str, &str, bool); 8] = [
    ("one term, all faults", "terms=1 restarts=1 repetitions=1 ticks=2", true),
    ("one term, two messages on a link", "terms=1 messages=2", true),
    ("one term, disks that take time", "terms=1 entries=1 ticks=0 restarts=1 slow", false),
    ("two terms, three entries", "terms=2 entries=3 ticks=0", true),
    ("two terms, all faults, elections without trials", "terms=2 restarts=1 repetitions=1 no-pre-vote", true),
    ("two terms, all faults", "restarts=1 repetitions=1", false),
    ("three terms, four entries, elections without trials", "terms=3 entries=4 ticks=0 no-pre-vote", true),
    ("three terms, four entries, all faults", "terms=3 entries=4 restarts=2 repetitions=1 ticks=2", false),
];

/// How many states are seen of an exploration on demand that does not say so.
const FULL_STATES: usize = 10_000_000;

/// Changes a bound and circumstances as the words of `text` say.
fn change(text: &str, bound: &mut Bound, circumstances: &mut Circumstances) {
    for word in text.split_whitespace() {
        let (name, value) = word.split_once('=').unwrap_or((word, "1"));
        let number: u32 = value.parse().unwrap();
        match name {
            "terms" => bound.terms = number.into(),
            "entries" => bound.entries = number.into(),
            "plain" => bound.plain = true,
            "messages" => bound.messages_per_link = number as usize,
            "restarts" => bound.restarts = number as u8,
            "repetitions" => bound.repetitions = number as u8,
            "ticks" => bound.leader_ticks = number as u8,
            "states" => bound.states = number as usize,
            "slow" => circumstances.slow_disks = true,
            "entries-per-append" => circumstances.settings.max_entries_per_append = number as usize,
            "no-pre-vote" => circumstances.settings.pre_vote = false,
            other => panic!("`{other}` is no bound"),
        }
    }
}

fn circumstances(bug: Bug) -> Circumstances {
    Circumstances { settings: Settings::default(), slow_disks: false, bug }
}

/// Three nodes with empty disks.
fn empty(circumstances: &Circumstances) -> Vec<Machine> {
    (1..=NODES).map(|id| with_log(id, &[], 0, circumstances)).collect()
}

/// A node in `term` with a log of entries of these terms. Odd terms are led by n1, even ones by n2.
fn with_log(id: u16, terms: &[u64], term: u64, circumstances: &Circumstances) -> Machine {
    let change = || Change::Write { key: "x".to_owned(), value: Value::from(1) };
    let entry = |(term, position): (&u64, u64)| Entry {
        claim: Claim { term: Term(*term), leader: NodeId(2 - (*term % 2) as u16) },
        position: Position(position),
        command: Command::Change(change()),
        origin: None,
    };
    let hard_state = HardState { term: Term(term), voted_for: None };
    Machine::new(NodeId(id), hard_state, terms.iter().zip(1..).map(entry).collect(), circumstances)
}

/// Explores and prints what was seen.
fn report(name: &str, start: Vec<Machine>, circumstances: Circumstances, bound: &Bound) -> Report {
    let started = Instant::now();
    let report = explore(start, circumstances, bound);
    let Report { verdict, states, configurations, transitions, depth, machines, steps } = &report;
    let configurations = configurations.len();
    let verdict = match verdict {
        Verdict::Complete => "complete".to_owned(),
        Verdict::Unfinished => "unfinished".to_owned(),
        Verdict::Violated { what, trace } => format!("violated after {} steps: {what}", trace.len()),
    };
    let seconds = started.elapsed().as_secs_f64();
    // What the documentation quotes.
    #[expect(clippy::print_stdout)]
    let () = println!(
        "{name}: {verdict}; {states} states of {configurations} configurations, {transitions} transitions, depth \
         {depth}, {machines} machines, {steps} steps of cores, {seconds:.1} s"
    );
    report
}

/// Explores from empty disks; fails if a property does not hold, or if all was to be seen and was not.
fn check(name: &str, bounds: &str, states: usize, is_complete: bool) {
    let (mut bound, mut circumstances) = (Bound { states, ..BOUND }, circumstances(Bug::None));
    change(bounds, &mut bound, &mut circumstances);
    match report(&format!("{name} ({bounds})"), empty(&circumstances), circumstances, &bound).verdict {
        Verdict::Violated { what, trace } => panic!("{name}: {what}\n{}", trace.join("\n")),
        Verdict::Unfinished => assert!(!is_complete, "{name}: there is more to see"),
        Verdict::Complete => {}
    }
}

#[test]
fn the_properties_hold_in_every_state_of_small_clusters() {
    match std::env::var("SCHISM_MODEL") {
        Err(_) => SMALL.iter().for_each(|(name, bounds, complete)| check(name, bounds, BOUND.states, *complete)),
        Ok(text) if text == "full" => {
            FULL.iter().for_each(|(name, bounds, complete)| check(name, bounds, FULL_STATES, *complete));
        }
        Ok(bounds) => check("as asked for", &bounds, FULL_STATES, false),
    }
}

#[test]
fn what_is_left_out_of_the_exploration_leaves_out_no_configuration() {
    let bounds = [
        "terms=2 ticks=0 no-pre-vote",
        "terms=1 entries=1",
        "terms=1 entries=1 ticks=0 restarts=1",
        "terms=1 entries=1 ticks=0 repetitions=1",
        "terms=2 entries=1 ticks=0 restarts=1 no-pre-vote",
        "terms=2 entries=1 ticks=1 no-pre-vote",
        "terms=2 entries=1 ticks=0 repetitions=1 no-pre-vote",
        "terms=3 entries=1 ticks=0 no-pre-vote",
    ];
    for words in bounds {
        let [reduced, plain] = ["", " plain"].map(|more| {
            let words = format!("{words}{more}");
            let (mut bound, mut circumstances) = (Bound { states: 10_000_000, ..BOUND }, circumstances(Bug::None));
            change(&words, &mut bound, &mut circumstances);
            let report = report(&words, empty(&circumstances), circumstances, &bound);
            assert_eq!(report.verdict, Verdict::Complete, "{words}");
            report
        });
        assert!(reduced.configurations == plain.configurations, "{words}: something is left out");
        assert!(reduced.states < plain.states, "{words}: nothing is left out");
    }
}

/// Where figure 8 of the Raft paper has come to in (b): n1 has led term 1 and n2 term 2, each with an entry of its own.
fn figure_8(circumstances: &Circumstances) -> Vec<Machine> {
    vec![with_log(1, &[1], 2, circumstances), with_log(2, &[2], 2, circumstances), with_log(3, &[], 2, circumstances)]
}

#[test]
fn every_bug_is_found() {
    type Case = (Bug, fn(&Circumstances) -> Vec<Machine>, &'static str, &'static str);
    let cases: [Case; 6] = [
        (Bug::VotesTwice, empty, "terms=1", "election safety"),
        (Bug::VotesAreNotDurable, empty, "terms=1 restarts=1", "election safety"),
        (Bug::VotesForAnyLog, empty, "", "leader completeness"),
        (Bug::DiskLies, empty, "terms=1 restarts=1 slow", "durability"),
        (Bug::CommitsUnverified, figure_8, "terms=4 entries=1 ticks=0", "state machine safety"),
        (Bug::CommitsEarlierTerms, figure_8, "terms=4 entries=1 ticks=0 entries-per-append=1", "leader completeness"),
    ];
    for (bug, start, bounds, expected) in cases {
        let (mut bound, mut circumstances) = (Bound { states: 10_000_000, ..BOUND }, circumstances(bug));
        change(bounds, &mut bound, &mut circumstances);
        match report(&format!("{bug:?}"), start(&circumstances), circumstances, &bound).verdict {
            Verdict::Violated { what, .. } => assert!(what.contains(expected), "{bug:?} leads to: {what}"),
            other => panic!("{bug:?} is not found: {other:?}"),
        }
    }
}
