//! Seeds, and what is printed when one of them fails.

use std::collections::BTreeMap;

use target_node::{
    settings::Settings,
    simulator::{Plan, Report, simulate},
};

/// How many of the last steps are printed for a repeated seed.
const TRACE_LINES_MAX: usize = 80;

/// Settings by name.
pub(crate) fn settings(nodes: u16, pairs: &[(&str, &str)]) -> Settings {
    let map: BTreeMap<_, _> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::from_map(&map, nodes).expect("the settings of a test are valid")
}

/// Prints the seed if the core panics.
struct OnPanic<'a> {
    test: &'a str,
    seed: u64,
}

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            say(&repeat(self.test, self.seed));
        }
    }
}

/// Says something that the test runner shows if the test fails.
#[expect(clippy::print_stderr, reason = "what a failing test says is its output")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

fn repeat(test: &str, seed: u64) -> String {
    format!("repeat with: SCHISM_SIM_SEED={seed} cargo test -p schism-node --test simulation {test}")
}

/// Simulates `count` seeds and returns what they came to. The environment may ask for one seed, or for another count.
pub(crate) fn run(test: &str, count: u64, plan: impl Fn(u64) -> Plan) -> Vec<Report> {
    let (asked, count) = (number("SCHISM_SIM_SEED"), number("SCHISM_SIM_RUNS").unwrap_or(count));
    let seeds = asked.map_or(0..count, |seed| seed..seed + 1);
    seeds.map(|seed| run_one(test, Plan { traced: asked.is_some(), ..plan(seed) })).collect()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text} is no number: {error}")))
}

fn run_one(test: &str, plan: Plan) -> Report {
    let seed = plan.seed;
    let _on_panic = OnPanic { test, seed };
    match simulate(plan.clone()) {
        Ok(run) => run.report,
        Err(violation) => {
            let skipped = violation.trace.len().saturating_sub(TRACE_LINES_MAX);
            for line in &violation.trace[skipped..] {
                say(line);
            }
            panic!("{violation}\n{:?}", plan.settings);
        }
    }
}
