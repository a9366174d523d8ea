//! The core and raft-rs, a Raft library of another origin, taken through the same schedules and compared after each step.
//!
//! A schedule says who stands for election, which votes and which parts of logs arrive, are lost or arrive twice, who is
//! proposed to, who restarts, and whose patience runs out. After each step every node must have the same role, term,
//! leader and vote in both worlds, and the same log; commit positions may lag here where they are learned later, as
//! `compare.rs` says. Where the two are meant to differ, `lockstep.rs` says how, and keeps the schedule away from it.
//!
//! `PROPTEST_CASES=100000 cargo test -p schism-node --test differential` runs so many schedules.

mod compare;
mod lockstep;
mod ours;
mod schedule;
mod theirs;

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};

use lockstep::Lockstep;
use schedule::{Action, actions};

/// Schedules of each test, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 1_000;

fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    Config { cases, failure_persistence: None, max_shrink_iters: 100_000, ..Config::default() }
}

/// Performs a schedule in both clusters.
fn agree(nodes: u16, actions: &[Action]) -> Result<Lockstep, TestCaseError> {
    let mut lockstep = Lockstep::new(nodes);
    for (index, action) in actions.iter().enumerate() {
        let done = lockstep.perform(action);
        if let Err(difference) = done {
            let before: Vec<_> = actions[..=index].iter().map(|action| format!("{action:?}")).collect();
            return Err(TestCaseError::fail(format!("{difference}\nafter:\n{}", before.join("\n"))));
        }
    }
    Ok(lockstep)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn three_nodes_do_what_raft_rs_does(actions in actions(3)) {
        agree(3, &actions)?;
    }

    #[test]
    fn five_nodes_do_what_raft_rs_does(actions in actions(5)) {
        agree(5, &actions)?;
    }
}

/// Agreement means nothing if nothing happens: the schedules reach far into the protocol.
#[test]
fn schedules_lead_to_elections_commits_and_conflicts() {
    let mut runner = TestRunner::deterministic();
    let (mut elections, mut commits, mut conflicts) = (0, 0, 0);
    for _ in 0..200 {
        let schedule = actions(3).new_tree(&mut runner).expect("a schedule").current();
        let lockstep = agree(3, &schedule).expect("both do the same");
        elections += usize::from(lockstep.terms_led() >= 2);
        commits += usize::from(lockstep.highest_committed() >= 3);
        conflicts += usize::from(lockstep.truncations() > 0);
    }
    assert!(
        elections >= 80 && commits >= 40 && conflicts >= 15,
        "of 200 schedules {elections} have two reigns, {commits} commit three entries, {conflicts} truncate a log"
    );
}
