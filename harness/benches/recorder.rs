//! How many operations a second a run can record: `cargo bench -p schism --bench recorder`.
//!
//! First the recorder alone, written to by several threads; then workers over a cluster that answers at once, so that
//! everything but the network and the system itself is in the figure. A run must keep up with 20,000 operations a second.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on may panic")]

use std::collections::BTreeMap;
use std::time::Instant;

use schism::plan::{FORMAT_VERSION, NetChoice, Plan};
use schism::record::{Clock, Recorder, RunDirectory};
use schism::run::{Run, execute};
use schism::systems::scripted::{self, Script};
use schism_workloads::set::SetWorkload;
use serde_json::json;
use tokio_util::sync::CancellationToken;

const THREADS: usize = 4;
const LINES_PER_THREAD: usize = 250_000;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    recorder_alone(&directory.path().join("history.jsonl"));
    for rate in [5_000.0, 20_000.0, 40_000.0] {
        whole_run(&directory.path().join(format!("run-{rate}")), rate);
    }
}

fn recorder_alone(path: &std::path::Path) {
    let recorder = Recorder::create(path, Clock::start()).unwrap();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for number in 0..LINES_PER_THREAD {
                    recorder.note("observer", "claim", json!({"node": "n1", "role": "leader", "term": number}));
                }
            });
        }
    });
    recorder.flush().unwrap();
    let (lines, seconds) = (THREADS * LINES_PER_THREAD, start.elapsed().as_secs_f64());
    let mebibytes = path.metadata().unwrap().len() as f64 / f64::from(1 << 20);
    println!(
        "recorder alone: {lines} lines ({mebibytes:.0} MiB) in {seconds:.2} s, {:.0} lines/s",
        lines as f64 / seconds
    );
}

fn whole_run(path: &std::path::Path, rate: f64) {
    let plan = Plan {
        format_version: FORMAT_VERSION,
        schism_version: env!("CARGO_PKG_VERSION").to_owned(),
        system: "scripted".to_owned(),
        nodes: 3,
        settings: BTreeMap::new(),
        workload: "set".to_owned(),
        faults: Vec::new(),
        seed: 1,
        workers: 30,
        rate,
        ramp_ms: 0,
        time_ms: 3_000,
        client_timeout_ms: 500,
        min_rate: rate / 2.0,
        converge_ms: 5_000,
        net: NetChoice::Auto,
        fail_fast: false,
        schedule: Vec::new(),
    };
    let directory = RunDirectory::create(path).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let verdict = runtime.block_on(async {
        let clock = Clock::start();
        let (environment, system) = scripted::cluster(plan.nodes, Script::default(), clock);
        let run = Run {
            plan: &plan,
            environment,
            system,
            workload: &SetWorkload,
            directory: &directory,
            clock,
            progress: &|_| {},
            interrupted: CancellationToken::new(),
        };
        execute(run).await.unwrap().verdict
    });
    let invoked_per_second = verdict.measures.invoked as f64 / (plan.time_ms as f64 / 1e3);
    println!(
        "whole run at {rate} operations/s: {invoked_per_second:.0} invoked/s, {:.0} ok/s, valid {:?} {:?}",
        verdict.measures.ops_per_second.unwrap_or_default(),
        verdict.valid,
        verdict.reasons
    );
}
