//! The truth table: what each setting loses, reads stale or shows and takes back under each fault, counted over seeds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use schism_checkers::FindingKind;

use super::arguments::SimulateArguments;
use super::judge::{Judged, run_and_judge};
use super::node::{NamedFault, Plan, Settings};
use crate::cli::{CliError, output};
use crate::report::layout::Grid;

/// The settings of a row, and how many nodes.
struct Row {
    nodes: u16,
    settings: &'static [(&'static str, &'static str)],
}

const fn row(nodes: u16, settings: &'static [(&'static str, &'static str)]) -> Row {
    Row { nodes, settings }
}

const ROWS: &[Row] = &[
    row(3, &[("replication", "majority"), ("failover", "consensus"), ("read", "read-index")]),
    row(3, &[("replication", "majority"), ("failover", "consensus"), ("read", "lease")]),
    row(3, &[("replication", "sync"), ("failover", "consensus"), ("read", "read-index")]),
    row(3, &[("replication", "majority"), ("failover", "consensus"), ("read", "leader")]),
    row(3, &[("replication", "majority"), ("failover", "consensus"), ("read", "leader"), ("check-quorum", "off")]),
    row(3, &[("replication", "majority"), ("failover", "consensus"), ("read", "local")]),
    row(3, &[("replication", "majority"), ("failover", "consensus"), ("read", "read-index"), ("fsync", "never")]),
    row(3, &[("replication", "async"), ("failover", "consensus"), ("read", "leader")]),
    row(3, &[("replication", "semi-sync:1"), ("failover", "consensus"), ("read", "leader")]),
    row(5, &[("replication", "semi-sync:1"), ("failover", "consensus"), ("read", "leader")]),
    row(3, &[("replication", "async"), ("failover", "manual"), ("read", "leader")]),
    row(3, &[("replication", "sync"), ("failover", "manual"), ("read", "leader")]),
    row(3, &[("replication", "async"), ("failover", "manual"), ("read", "local")]),
    row(3, &[("replication", "async"), ("failover", "timeout"), ("read", "leader")]),
    row(3, &[("replication", "semi-sync:1"), ("failover", "timeout"), ("read", "leader")]),
    row(3, &[("replication", "majority"), ("failover", "timeout"), ("read", "leader")]),
    row(3, &[("replication", "sync"), ("failover", "timeout"), ("read", "leader")]),
];

const FAULTS: &[&str] = &[
    "kill-leader",
    "pause-leader",
    "cut-then-kill",
    "partition-leader",
    "one-way-out",
    "one-way-in",
    "cut-one-link",
    "kill-all",
    "power-loss-all",
    "slow-disk",
    "clock-back",
    "kill-follower",
];

/// Between these lines of a file the table is replaced.
const BEGIN: &str = "<!-- begin: schism simulate --truth-table -->";
const END: &str = "<!-- end -->";

/// What was counted in one cell.
#[derive(Debug, Default)]
struct Cell {
    runs: u64,
    lost_in: u64,
    lost: u64,
    acknowledged: u64,
    stale_in: u64,
    dirty_in: u64,
    two_leaders_in: u64,
    split_in: u64,
    /// Promises that were broken, and in how many runs.
    broken: BTreeMap<String, u64>,
    during: u64,
    ok_during: u64,
}

impl Cell {
    fn add(&mut self, judged: &Judged) {
        let found = |kinds: &[FindingKind]| u64::from(judged.found.iter().any(|(kind, _)| kinds.contains(kind)));
        self.runs += 1;
        self.lost_in += u64::from(judged.lost > 0);
        self.lost += judged.lost;
        self.acknowledged += judged.acknowledged;
        self.stale_in += found(&[FindingKind::StaleRead, FindingKind::StaleLocalRead, FindingKind::NotLinearizable]);
        self.dirty_in += found(&[FindingKind::Dirty]);
        self.two_leaders_in += u64::from(judged.terms_with_two_leaders > 0);
        self.split_in += found(&[FindingKind::SplitBrain]);
        if let Some(broken) = &judged.broken {
            *self.broken.entry(broken.promise.clone()).or_default() += 1;
        }
        self.during += judged.during;
        self.ok_during += judged.ok_during;
    }

    /// Loss with its share, stale, dirty, split brain, two leaders in a term, broken promises; then the share of operations answered during the fault.
    fn text(&self) -> String {
        let mut words = Vec::new();
        if self.lost_in > 0 {
            let percent = 100.0 * self.lost as f64 / self.acknowledged.max(1) as f64;
            words.push(format!("**L{} ({})**", self.lost_in, share(percent)));
        }
        for (letter, count) in
            [("S", self.stale_in), ("D", self.dirty_in), ("B", self.split_in), ("T", self.two_leaders_in)]
        {
            if count > 0 {
                words.push(format!("{letter}{count}"));
            }
        }
        words.extend(self.broken.iter().map(|(promise, count)| format!("!{count} {promise}")));
        if words.is_empty() {
            words.push("-".to_owned());
        }
        if let Some(share) = (99 * self.ok_during).checked_div(self.during) {
            words.push(format!("a.{:02}", share.min(99)));
        }
        words.join(" ")
    }
}

fn share(percent: f64) -> String {
    if percent < 0.1 { "<0.1 %".to_owned() } else { format!("{percent:.1} %") }
}

/// Simulates every cell and prints the table, or puts it into a file.
///
/// # Errors
/// A file cannot be read or written, or has no place for the table.
pub(super) fn run(arguments: &SimulateArguments, threads: usize, output: &mut output::Output) -> Result<(), CliError> {
    let table = table(arguments.runs, threads)?;
    match &arguments.output {
        None => output.result(&table),
        Some(file) => put(file, &table),
    }
}

fn put(file: &Path, table: &str) -> Result<(), CliError> {
    let failed = |error| CliError::io(file.display(), &error);
    let before =
        if file.exists() { std::fs::read_to_string(file).map_err(failed)? } else { format!("{BEGIN}\n{END}\n") };
    let place = before.find(BEGIN).zip(before.find(END)).filter(|(begin, end)| begin < end);
    let (begin, end) = place.ok_or_else(|| {
        CliError::usage(format!("{} has no lines {BEGIN} and {END}: the table goes between them", file.display()))
    })?;
    let after = format!("{}{BEGIN}\n\n{table}\n{}", &before[..begin], &before[end..]);
    std::fs::write(file, after).map_err(failed)
}

fn table(runs: u64, threads: usize) -> Result<String, CliError> {
    let mut lines = Vec::new();
    for row in ROWS {
        let settings = row.settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let settings = Settings::from_map(&settings, row.nodes).map_err(CliError::internal)?;
        let cells = cells(row.nodes, &settings, runs, threads);
        let values: Vec<&str> = row.settings.iter().map(|(_, value)| *value).collect();
        let name = values.join(" / ").replace("/ off", "/ check-quorum off").replace("/ never", "/ fsync never");
        let name = if row.nodes == 3 { name } else { format!("{name}, {} nodes", row.nodes) };
        output::progress(&format!("{name}: {}", cells.join(" | ")));
        lines.push(std::iter::once(name).chain(cells).collect());
    }
    let header = std::iter::once("replication / failover / read").chain(FAULTS.iter().copied());
    let grid = Grid { header: header.map(str::to_owned).collect(), lines, columns_of_words: 1 };
    Ok(grid.markdown())
}

/// The cells of a row; each seed is independent, so threads share them.
fn cells(nodes: u16, settings: &Settings, runs: u64, threads: usize) -> Vec<String> {
    let cells: Vec<Mutex<Cell>> = FAULTS.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    let total = cells.len() * runs as usize;
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(name), Some(cell)) = (FAULTS.get(index % FAULTS.len()), cells.get(index % FAULTS.len()))
                    else {
                        break;
                    };
                    if index >= total {
                        break;
                    }
                    let seed = (index / FAULTS.len()) as u64;
                    let Some(fault) = NamedFault::by_name(name) else { break };
                    let judged = run_and_judge(&Plan::demonstration(seed, nodes, settings.clone(), fault), false);
                    cell.lock().unwrap_or_else(PoisonError::into_inner).add(&judged);
                }
            });
        }
    });
    cells.into_iter().map(|cell| cell.into_inner().unwrap_or_else(PoisonError::into_inner).text()).collect()
}
