//! `schism synth`: makes a history whose verdict is known, to test or measure a checker with.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use flate2::Compression;
use flate2::write::GzEncoder;
use schism_checkers::synth::{Event, Isolation, Mix, ObjectKind, Shape, Values, Violation, ViolationKind, events};

use super::output::{self, Output};
use super::run::random_seed;
use super::{CliError, Exit, names};

/// A piece of the history is written once it is so long, in bytes.
const PIECE_BYTES: usize = 1 << 16;

/// `schism synth`.
#[derive(Debug, Args)]
#[command(after_help = "\
The history is correct unless a violation is asked for: then it has exactly that one, and no correct
object could have made it. (A weak isolation level shows what it allows, as often as it happens.)
One seed and shape give the same bytes every time.

Violations:
  stale-read         a read misses an update acknowledged before the read was invoked
  lost-write         an acknowledged update is never seen
  garbage-read       a read returns what nobody wrote
  dirty-read         a read returns what a failed operation wrote
  alternating-reads  reads at the end change more often than undecided writes explain
  out-of-order       a queue or stack hands out a value before its turn
  double-dequeue     a queue or stack hands out a value twice
  two-holders        two clients hold one lock

Examples:
  schism synth --operations 1000000 --clients 30 --keys 1000 --out keys.jsonl.gz
  schism synth --values 5 --undecided 9 --violation alternating-reads |
    schism check --model register -")]
pub(super) struct SynthArguments {
    /// The simulated object: register, kv, set, counter, queue, stack, mutex, list-append or rw-register
    #[arg(long, value_name = "NAME", default_value = "register")]
    model: String,
    /// Operations in all
    #[arg(long, value_name = "N", default_value_t = 1000)]
    operations: u64,
    /// Clients, each with one operation at a time; two thirds of them are busy at any moment [default: 5; transactions: 10]
    #[arg(long, value_name = "N")]
    clients: Option<u32>,
    /// Objects, chosen at random by each operation; transactions: keys in use at one time [default: 1; transactions: 10]
    #[arg(long, value_name = "N")]
    keys: Option<u32>,
    /// What is written: unique values, or each time one of 0 to N - 1
    #[arg(long, value_name = "unique|N", default_value = "unique")]
    values: String,
    /// Weights of reads (get, dequeue, pop), updates and cas [default: 1/1/0; register of N values: 1/1/1; set: 1/3/0; kv: 1/2/0]
    #[arg(long, value_name = "READ/UPDATE/CAS")]
    mix: Option<String>,
    /// Updates that end without an answer; half of them take effect late, half never
    #[arg(long, value_name = "N", default_value_t = 0)]
    undecided: u64,
    /// What is wrong with it [default: nothing]
    #[arg(long, value_name = "KIND")]
    violation: Option<String>,
    /// Where the violation is: after so many per cent of the operations; 100: after everything else
    #[arg(long, value_name = "PERCENT", default_value_t = 100, requires = "violation")]
    at: u8,
    /// How transactions are kept apart: strict-serializable, snapshot-isolation, prefix, read-committed or read-uncommitted
    /// [default: strict-serializable]
    #[arg(long, value_name = "LEVEL")]
    isolation: Option<String>,
    /// Fixes the history; random and printed if not given
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How it is written
    #[arg(long, value_enum, default_value = "jsonl")]
    format: HistoryFormat,
    /// The file; compressed if its name ends in .gz [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How a history is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum HistoryFormat {
    /// One JSON object a line
    Jsonl,
    /// One map of EDN a line, as Jepsen writes it
    Edn,
}

/// Writes a synthetic history.
///
/// # Errors
/// There is no such history, or it cannot be written.
pub(super) fn run(arguments: &SynthArguments, output: &mut Output) -> Result<Exit, CliError> {
    let shape = shape(arguments)?;
    let seed = arguments.seed.unwrap_or_else(random_seed);
    let events = events(&shape, seed).map_err(|error| CliError::usage(error.to_string()))?;
    let append = match arguments.format {
        HistoryFormat::Jsonl => Event::append_jsonl,
        HistoryFormat::Edn => Event::append_edn,
    };
    match &arguments.out {
        None => {
            output::progress(&format!("seed {seed}"));
            in_pieces(events, append, |piece| output.bytes(piece))?;
        }
        Some(path) => {
            let file = create(path)?;
            output::progress(&format!("seed {seed}"));
            let failed = |error| CliError::io(path.display(), &error);
            let mut file = BufWriter::new(file);
            if path.extension().is_some_and(|extension| extension == "gz") {
                // Without a time or a name inside, one history gives one file.
                let mut packed = GzEncoder::new(file, Compression::default());
                in_pieces(events, append, |piece| packed.write_all(piece).map(|()| true).map_err(failed))?;
                file = packed.finish().map_err(failed)?;
            } else {
                in_pieces(events, append, |piece| file.write_all(piece).map(|()| true).map_err(failed))?;
            }
            file.flush().map_err(failed)?;
            output::progress(&format!("judge it: schism check --model {} {}", shape.object.name(), path.display()));
        }
    }
    Ok(Exit::AsExpected)
}

fn create(path: &Path) -> Result<File, CliError> {
    File::create_new(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            CliError::usage(format!("{} exists: remove it, or give another name", path.display()))
        }
        _ => CliError::io(path.display(), &error),
    })
}

/// Hands over the text of all events, piece by piece, as long as it is wanted.
fn in_pieces(
    events: impl Iterator<Item = Event>,
    append: fn(&Event, &mut Vec<u8>),
    mut write: impl FnMut(&[u8]) -> Result<bool, CliError>,
) -> Result<(), CliError> {
    let mut piece = Vec::with_capacity(2 * PIECE_BYTES);
    for event in events {
        append(&event, &mut piece);
        if piece.len() >= PIECE_BYTES {
            if !write(&piece)? {
                return Ok(());
            }
            piece.clear();
        }
    }
    write(&piece).map(drop)
}

fn shape(arguments: &SynthArguments) -> Result<Shape, CliError> {
    let object = named("model", &arguments.model, &ObjectKind::ALL, ObjectKind::name)?;
    let usual = Shape::new(object);
    let violation = match &arguments.violation {
        None => None,
        Some(name) => {
            let kind = named("violation", name, &ViolationKind::ALL, ViolationKind::name)?;
            Some(Violation { kind, at_percent: arguments.at })
        }
    };
    let isolation = match &arguments.isolation {
        None => usual.isolation,
        Some(_) if !object.is_transactional() => {
            return Err(CliError::usage(format!("a {} has no transactions: leave --isolation away", object.name())));
        }
        Some(name) => named("isolation level", name, &Isolation::ALL, Isolation::name)?,
    };
    Ok(Shape {
        operations: arguments.operations,
        clients: arguments.clients.unwrap_or(usual.clients),
        keys: arguments.keys.unwrap_or(usual.keys),
        values: values(&arguments.values)?,
        mix: arguments.mix.as_deref().map(mix).transpose()?,
        undecided: arguments.undecided,
        violation,
        isolation,
        ..usual
    })
}

fn named<T: Copy>(what: &str, typed: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, CliError> {
    let found = all.iter().copied().find(|candidate| name(*candidate) == typed);
    found.ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|candidate| name(*candidate)).collect();
        CliError::usage(names::unknown(what, typed, &known))
    })
}

fn values(typed: &str) -> Result<Values, CliError> {
    match typed.parse() {
        _ if typed == "unique" => Ok(Values::Unique),
        Ok(limit) => Ok(Values::Below(limit)),
        Err(_) => Err(CliError::usage(format!("--values {typed:?}: write unique, or a number from 2 to {}", u32::MAX))),
    }
}

fn mix(typed: &str) -> Result<Mix, CliError> {
    let weights: Option<Vec<u32>> = typed.split('/').map(|weight| weight.trim().parse().ok()).collect();
    match weights.as_deref() {
        Some([read, update, cas]) => Ok(Mix { read: *read, update: *update, cas: *cas }),
        _ => Err(CliError::usage(format!("--mix {typed:?}: write three whole numbers, such as 1/1/0"))),
    }
}
