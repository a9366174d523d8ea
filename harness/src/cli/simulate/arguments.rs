//! What `schism simulate` understands.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::node::{NAMED_FAULTS, NamedFault, Plan, Settings, random_settings};
use crate::cli::{CliError, names, parts};

/// `schism simulate`.
#[derive(Debug, Args)]
#[command(after_help = "\
The nodes are the bundled system's own core; network, disks, clocks and clients are simulated, in virtual
time. A seed fixes everything: it repeats exactly, on any machine and any number of threads.

A violation is a promise of the settings that was not kept (docs/simulation.md). What settings do not
promise, such as async not to lose writes, is counted beside. A violation is made small and printed
with the command that repeats it.

Examples:
  schism simulate --seeds 10000
  schism simulate --preset raft-lease --nodes 5 --faults pause-isolate
  schism simulate --set replication=async --faults cut-then-kill --strict
  schism simulate --seed 17 --trace
  schism simulate --faults list
  schism simulate --truth-table --output docs/truth-table.md")]
pub(in crate::cli) struct SimulateArguments {
    /// How many seeds, counted from --first
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(super) seeds: u64,
    /// The first of them
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) first: u64,
    /// Simulate this one seed
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "first"])]
    pub(super) seed: Option<u64>,
    /// A setting of the node; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// A set of settings by name, as --set preset=NAME; random draws every setting for every seed
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=15))]
    pub(super) nodes: u16,
    /// random; a fault by name; all, one after the other, random among them; list prints the names
    #[arg(long, value_name = "NAME", default_value = "random")]
    pub(super) faults: String,
    /// Count whatever the checkers find as a violation, promised or not
    #[arg(long)]
    pub(super) strict: bool,
    /// Simulate the plan in this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "first", "seed", "settings", "preset", "faults"])]
    pub(super) plan: Option<PathBuf>,
    /// Print what every node took and did in each step; one run only
    #[arg(long)]
    pub(super) trace: bool,
    /// Do not make the first violation small
    #[arg(long)]
    pub(super) no_minimise: bool,
    /// Where to write the small plan [default: results/runs/simulate-<seed>-<time>.json]
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// How many threads [default: as many as the machine runs at once]
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<NonZeroUsize>,
    /// Count what every setting loses and shows under every fault, and print the table as Markdown
    #[arg(long, conflicts_with_all = ["seeds", "first", "seed", "settings", "preset", "faults", "plan", "json", "trace"])]
    pub(super) truth_table: bool,
    /// Runs of each cell of the truth table
    #[arg(long, value_name = "N", default_value_t = 20, requires = "truth_table")]
    pub(super) runs: u64,
    /// Put the truth table into this file, between its marks, instead of printing it
    #[arg(long, value_name = "FILE", requires = "truth_table")]
    pub(super) output: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

/// Which faults the plans have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Faults {
    Random,
    Named(&'static NamedFault),
    All,
}

impl Faults {
    fn parse(typed: &str) -> Result<Self, CliError> {
        match (typed, NamedFault::by_name(typed)) {
            ("random", _) => Ok(Self::Random),
            ("all", _) => Ok(Self::All),
            (_, Some(fault)) => Ok(Self::Named(fault)),
            (_, None) => {
                let named = NAMED_FAULTS.iter().map(|fault| fault.name);
                let known: Vec<&str> = ["random", "all", "list"].into_iter().chain(named).collect();
                Err(CliError::usage(names::unknown("fault", typed, &known)))
            }
        }
    }
}

/// How a seed becomes a plan.
#[derive(Debug, Clone)]
pub(super) struct Plans {
    /// None: drawn anew for every seed.
    pub(super) settings: Option<Settings>,
    pub(super) nodes: u16,
    pub(super) faults: Faults,
}

impl Plans {
    pub(super) fn of(arguments: &SimulateArguments) -> Result<Self, CliError> {
        let mut settings = parts::settings(&arguments.settings)?;
        let (nodes, faults) = (arguments.nodes, Faults::parse(&arguments.faults)?);
        if arguments.preset.as_deref() == Some("random") {
            if let Some(name) = settings.keys().next() {
                return Err(CliError::usage(format!("--preset random draws every setting: leave --set {name} away")));
            }
            return Ok(Self { settings: None, nodes, faults });
        }
        if let Some(preset) = &arguments.preset {
            settings.insert("preset".to_owned(), preset.clone());
        }
        let settings = Settings::from_map(&settings, nodes).map_err(|error| CliError::usage(error.to_string()))?;
        Ok(Self { settings: Some(settings), nodes, faults })
    }

    pub(super) fn plan(&self, seed: u64) -> Plan {
        let settings = self.settings.clone().unwrap_or_else(|| random_settings(seed, self.nodes));
        let named = |fault| Plan::with_named_fault(seed, self.nodes, settings.clone(), fault);
        match self.faults {
            Faults::Random => Plan::random(seed, self.nodes, settings),
            Faults::Named(fault) => named(fault),
            Faults::All => match (seed as usize % (NAMED_FAULTS.len() + 1)).checked_sub(1) {
                None => Plan::random(seed, self.nodes, settings),
                Some(index) => named(&NAMED_FAULTS[index]),
            },
        }
    }
}
