//! Many seeds on several threads; what they came to together does not depend on the threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use schism_checkers::FindingKind;

use super::judge::{Broken, Judged, run_and_judge};
use super::node::Plan;

/// How often somebody who waits is told.
const TOLD_EVERY: Duration = Duration::from_millis(200);
/// So many violations are kept; the others are counted.
const KEPT_MAX: usize = 20;

/// What is simulated.
pub(super) struct Sweep<'a> {
    pub(super) seeds: std::ops::Range<u64>,
    pub(super) plan: &'a (dyn Fn(u64) -> Plan + Sync),
    pub(super) strict: bool,
    pub(super) threads: usize,
    /// Set from outside: no further run begins.
    pub(super) interrupted: &'a AtomicBool,
}

/// What a sweep came to.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) runs: u64,
    pub(super) operations: u64,
    pub(super) ok: u64,
    pub(super) acknowledged: u64,
    pub(super) reigns: u64,
    pub(super) steps: u64,
    pub(super) simulated_us: u128,
    /// In how many runs each kind was found, and how often in all.
    pub(super) found: BTreeMap<FindingKind, (u64, u64)>,
    /// Runs that the checkers could not decide, and why the first of them.
    pub(super) undecided: u64,
    pub(super) undecided_why: Option<(u64, String)>,
    /// How many runs broke which promise.
    pub(super) broken: BTreeMap<String, u64>,
    /// The first violations by seed.
    pub(super) violations: BTreeMap<u64, Broken>,
    pub(super) seconds: f64,
    /// Of all threads together.
    pub(super) cpu_seconds: f64,
}

impl Totals {
    /// How many runs broke a promise.
    pub(super) fn violated(&self) -> u64 {
        self.broken.values().sum()
    }

    fn add(&mut self, seed: u64, judged: Judged) {
        self.runs += 1;
        self.operations += judged.operations;
        self.ok += judged.ok;
        self.acknowledged += judged.acknowledged;
        self.reigns += judged.reigns;
        self.steps += judged.steps;
        self.simulated_us += u128::from(judged.simulated_us);
        let mut in_run: BTreeMap<FindingKind, u64> = BTreeMap::new();
        for (kind, count) in judged.found {
            *in_run.entry(kind).or_default() += count;
        }
        for (kind, count) in in_run {
            let (runs, sum) = self.found.entry(kind).or_default();
            *runs += 1;
            *sum += count;
        }
        if let Some(why) = judged.undecided {
            self.undecided += 1;
            if self.undecided_why.as_ref().is_none_or(|(first, _)| seed < *first) {
                self.undecided_why = Some((seed, why));
            }
        }
        if let Some(broken) = judged.broken {
            *self.broken.entry(broken.promise.clone()).or_default() += 1;
            self.violations.insert(seed, broken);
            if self.violations.len() > KEPT_MAX {
                self.violations.pop_last();
            }
        }
    }
}

/// Simulates and judges every seed; `tell` hears now and then how many runs are done and how many broke a promise.
pub(super) fn sweep(sweep: &Sweep<'_>, mut tell: impl FnMut(u64, u64)) -> Totals {
    let (began, cpu_began) = (Instant::now(), cpu_seconds());
    let next = AtomicU64::new(sweep.seeds.start);
    let mut totals = Totals::default();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..sweep.threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while !sweep.interrupted.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= sweep.seeds.end
                        || sender.send((seed, run_and_judge(&(sweep.plan)(seed), sweep.strict))).is_err()
                    {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut told = Instant::now();
        for (seed, judged) in receiver {
            totals.add(seed, judged);
            if told.elapsed() >= TOLD_EVERY {
                told = Instant::now();
                tell(totals.runs, totals.violated());
            }
        }
    });
    totals.seconds = began.elapsed().as_secs_f64();
    totals.cpu_seconds = cpu_seconds() - cpu_began;
    totals
}

fn cpu_seconds() -> f64 {
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    getrusage(UsageWho::RUSAGE_SELF).map_or(0.0, |usage| seconds(usage.user_time()) + seconds(usage.system_time()))
}
