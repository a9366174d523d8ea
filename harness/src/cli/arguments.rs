//! What can be typed. Only shapes are checked here; what the words mean is decided when the plan is made.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};

use super::duration::parse_ms;
use super::output::Format;
use crate::plan::NetChoice;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// Groups of subcommands, in the order in which people need them; a test compares them with what exists.
const HELP_TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

Run:
  run          Run one plan: start the system, load it, break it, judge it
  campaign     Run a matrix of settings, faults and workloads, and print the table

Judge:
  check        Judge recorded histories
  report       Print the tables of a stored run or campaign again

Look:
  list         List systems, workloads, faults, checkers, models or campaigns
  doctor       Tell what is possible on this machine, and how to get the rest

Parts:
  node         Run one node of the bundled reference system
  simulate     Simulate the bundled system under thousands of seeded schedules
  synth        Make a history whose verdict is known

Shell:
  completions  Print the completions for a shell
  help         Print help about a subcommand or about exit-codes

Options:
{options}{after-help}";

const AFTER_HELP: &str = "\
Exit codes: 0 as expected, 1 violation, 2 unknown, 3 expected violation not found, 64 usage.
All of them: schism help exit-codes";

/// Schism tells you what your replication settings really promise.
#[derive(Debug, Parser)]
#[command(
    name = "schism",
    version,
    styles = STYLES,
    help_template = HELP_TEMPLATE,
    after_help = AFTER_HELP,
    disable_help_subcommand = true,
    disable_help_flag = true,
    max_term_width = 100
)]
pub(super) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// Print help
    #[arg(short, long, global = true, display_order = 1000, action = clap::ArgAction::HelpShort)]
    help: Option<bool>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run one plan: start the system, load it, break it, judge it
    Run(Box<RunArguments>),
    /// Run a matrix of settings, faults and workloads, and print the table
    Campaign(CampaignArguments),
    /// Judge recorded histories
    Check(CheckArguments),
    /// Print the tables of a stored run or campaign again
    Report(ReportArguments),
    /// List systems, workloads, faults, checkers, models or campaigns
    List(ListArguments),
    /// Tell what is possible on this machine, and how to get the rest
    Doctor(DoctorArguments),
    /// Run one node of the bundled reference system
    Node(Box<super::node::NodeArgs>),
    /// Simulate the bundled system under thousands of seeded schedules
    Simulate(Box<super::simulate::SimulateArguments>),
    /// Make a history whose verdict is known
    Synth(super::synth::SynthArguments),
    /// Print the completions for a shell
    Completions(CompletionsArguments),
    /// Print help about a subcommand or about exit-codes
    Help(HelpArguments),
}

/// `schism run`.
#[derive(Debug, Args)]
#[command(after_help = "\
A seed fixes the plan (operations and schedule), not the scheduling of real processes.

Example:
  schism run --nodes 5 --set replication=async --set failover=consensus \\
    --workload set --fault partition-leader --time 10s --seed 7")]
pub(super) struct RunArguments {
    /// The system under test (see: schism list systems)
    #[arg(long, value_name = "NAME", default_value = "node")]
    pub(super) system: String,
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(super) nodes: u16,
    /// A setting of the system; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(super) settings: Vec<String>,
    /// The workload (see: schism list workloads)
    #[arg(long, value_name = "NAME", default_value = "set")]
    pub(super) workload: String,
    /// A fault (see: schism list faults); may be repeated
    #[arg(long = "fault", value_name = "NAME[:KEY=VALUE,…]")]
    pub(super) faults: Vec<String>,
    /// Length of the load [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = parse_ms)]
    pub(super) time: Option<u64>,
    /// Fixes operations and schedule; random and printed if not given
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// The run's directory; must be empty [default: results/runs/run-<seed>-<time>]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// The network
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) net: NetChoice,
    /// Operations a second, of all workers together [default: 300]
    #[arg(long, value_name = "N")]
    pub(super) rate: Option<f64>,
    /// Time over which the rate rises from 0
    #[arg(long, value_name = "DURATION", value_parser = parse_ms, default_value = "0s")]
    pub(super) ramp: u64,
    /// How many workers [default: two a node]
    #[arg(long, value_name = "N")]
    pub(super) workers: Option<usize>,
    /// Bound of every client call; at most a third of a fault's length [default: 600ms]
    #[arg(long, value_name = "DURATION", value_parser = parse_ms)]
    pub(super) client_timeout: Option<u64>,
    /// Bound of the time the system gets to converge after everything was healed [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = parse_ms)]
    pub(super) converge: Option<u64>,
    /// End the load at the first violation that can be told while it lasts: split brain, or no linearization (stale and
    /// unexpected reads among them); what is lost, dirty or diverged only the end can tell
    #[arg(long)]
    pub(super) fail_fast: bool,
    /// Print plan and schedule, and start nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Run a stored plan (plan.json) instead of making one
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "settings", "faults", "time", "seed", "rate", "workers", "client_timeout", "converge", "fail_fast",
    ])]
    pub(super) plan: Option<PathBuf>,
    /// End when standard input ends, as runs of a campaign do
    #[arg(long, requires = "plan")]
    pub(super) lifeline: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
}

/// `schism campaign`.
#[derive(Debug, Args)]
pub(super) struct CampaignArguments {
    /// A built-in campaign (see: schism list campaigns), or a file
    #[arg(value_name = "NAME|FILE")]
    pub(super) campaign: String,
    /// How many runs go side by side [default: two a core]
    #[arg(long, short, value_name = "N")]
    pub(super) jobs: Option<usize>,
    /// Runs of every cell with a fault, instead of what the file says
    #[arg(long, value_name = "N")]
    pub(super) seeds: Option<u64>,
    /// Every run's seed follows from this one, instead of what the file says
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// The campaign's directory; must be empty [default: results/runs/<campaign>/<time>]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Print every row instead of the matrix
    #[arg(long)]
    pub(super) rows: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
    /// Print cells, seeds, expectations and the arithmetic, and start nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Print the campaign file and start nothing
    #[arg(long)]
    pub(super) print: bool,
    /// Start no more runs once so many were not as expected
    #[arg(long, value_name = "N")]
    pub(super) max_fail: Option<usize>,
    /// The network of every run
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) net: NetChoice,
    /// End each run's load at its first violation that can be told while it lasts (see: schism help run)
    #[arg(long)]
    pub(super) fail_fast: bool,
}

/// `schism check`.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Histories, directories of runs, or - for standard input; .gz is read as it is
    #[arg(value_name = "FILE", required_unless_present = "list_models")]
    pub(super) files: Vec<PathBuf>,
    /// Decide linearizability of this object, or the consistency of these transactions
    #[arg(long, value_name = "NAME")]
    pub(super) model: Option<String>,
    /// What list-append and rw-register are to satisfy, such as serializable or snapshot-isolation
    #[arg(long, value_name = "NAME", default_value = "strict-serializable")]
    pub(super) consistency_model: String,
    /// A weaker check with a name of its own (see: schism list checkers); may be repeated
    #[arg(long = "checker", value_name = "NAME")]
    pub(super) checkers: Vec<String>,
    /// How a model is decided
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) method: super::check::MethodChoice,
    /// List the models and consistency models, and exit
    #[arg(long)]
    pub(super) list_models: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
    /// Draw what shows a violation as SVG: a file, or with several histories a directory
    #[arg(long, value_name = "PATH")]
    pub(super) svg: Option<PathBuf>,
    #[command(flatten)]
    pub(super) reading: CheckReadingArguments,
    #[command(flatten)]
    pub(super) meaning: CheckMeaningArguments,
    #[command(flatten)]
    pub(super) limits: CheckLimitArguments,
}

/// How `schism check` reads.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reading")]
pub(super) struct CheckReadingArguments {
    /// The format of the histories
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) input: super::check::Input,
    /// Values are pairs [key value], as Jepsen writes independent keys
    #[arg(long)]
    pub(super) independent: bool,
    /// Judge the readable part of a history whose last line is cut off
    #[arg(long)]
    pub(super) prefix: bool,
}

/// What `schism check` takes the history's words to mean.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Meaning (each format has a default: see docs/history-format.md)")]
pub(super) struct CheckMeaningArguments {
    /// What a register holds before any write: null, a number, or text
    #[arg(long, value_name = "VALUE")]
    pub(super) initial: Option<String>,
    /// What a read of null says: that the object is absent, or nothing
    #[arg(long, value_enum, value_name = "MEANING")]
    pub(super) null_reads: Option<super::check::NullReads>,
    /// What a cas that failed says: nothing, or that it saw another value
    #[arg(long, value_enum, value_name = "MEANING")]
    pub(super) failed_cas: Option<super::check::FailedCasMeaning>,
    /// rw-register: each key keeps the order in which every process used it
    #[arg(long)]
    pub(super) sequential_keys: bool,
    /// rw-register: each key keeps the order of real time
    #[arg(long)]
    pub(super) linearizable_keys: bool,
}

/// How much `schism check` may use.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits (past one the answer is unknown)")]
pub(super) struct CheckLimitArguments {
    /// Bound of reading and searching, per file
    #[arg(long, value_name = "DURATION", value_parser = parse_ms, default_value = "60s")]
    pub(super) timeout: u64,
    /// Bound of the memory that a history and the search hold, per file, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    pub(super) memory_limit: usize,
    /// Threads of the search [default: as many as the machine runs at once]
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<NonZeroU16>,
}

/// `schism report`.
#[derive(Debug, Args)]
pub(super) struct ReportArguments {
    /// The directory of a campaign or a run
    #[arg(value_name = "DIR")]
    pub(super) directory: PathBuf,
    /// Compare what the checkers call lost with what the system itself logged as lost
    #[arg(long)]
    pub(super) truth: bool,
    /// Print every row instead of the matrix
    #[arg(long)]
    pub(super) rows: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
}

/// `schism list`.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// What to list
    #[arg(value_enum)]
    pub(super) what: super::list::What,
    /// How to print the list
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
}

/// `schism doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// How to print the findings
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
}

/// `schism completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: super::completions::Shell,
}

/// `schism help`.
#[derive(Debug, Args)]
pub(super) struct HelpArguments {
    /// A subcommand, or exit-codes
    pub(super) topic: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_subcommand_stands_in_a_group_with_its_own_words() {
        for subcommand in Arguments::command().get_subcommands() {
            let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
            let line = HELP_TEMPLATE.lines().find(|line| line.trim_start().starts_with(subcommand.get_name()));
            assert!(line.is_some_and(|line| line.ends_with(&about)), "{}: {about}", subcommand.get_name());
        }
    }
}
