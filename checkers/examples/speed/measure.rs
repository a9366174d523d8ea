//! Time, memory, and what is measured with them.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use schism_checkers::format::ReadOptions;
use schism_checkers::history::{Event, History};
use schism_checkers::online::{self, OnlineCheck};
use schism_checkers::synth::{self, ObjectKind, Shape, Values};
use schism_checkers::transactions::{self, ConsistencyModel, TransactionModel};
use schism_checkers::{Limits, Validity, check_model, model};
use serde::{Deserialize, Serialize};

/// A row that takes longer is not decided.
const ROW_SECONDS_MAX: u64 = 60;
/// A row that needs more memory is not decided, in bytes.
const ROW_BYTES_MAX: usize = 8 << 30;
const SEED: u64 = 69;

/// What was measured of a row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) verdict: Validity,
    /// How it was decided, or why it was not.
    pub(crate) how: String,
    pub(crate) operations: u64,
    /// Bytes of the files that were read.
    pub(crate) file_bytes: u64,
    pub(crate) read_s: f64,
    pub(crate) read_cpu_s: f64,
    pub(crate) check_s: f64,
    pub(crate) check_cpu_s: f64,
    /// Highest resident memory while reading and checking, less what was resident before.
    pub(crate) peak_mib: f64,
    pub(crate) worst_s: Option<f64>,
    pub(crate) late_s: Option<f64>,
    pub(crate) events_per_second: Option<f64>,
    /// What else there is to say.
    pub(crate) note: String,
}

impl Figures {
    pub(crate) fn bytes_per_operation(&self) -> f64 {
        self.peak_mib * f64::from(1 << 20) / self.operations.max(1) as f64
    }
}

/// Wall clock and processor time, for people.
pub(crate) fn both(wall_s: f64, cpu_s: f64) -> String {
    // The kernel counts processor time in hundredths of a second.
    if wall_s < 0.1 { seconds(wall_s) } else { format!("{} ({cpu_s:.2} CPU)", seconds(wall_s)) }
}

/// A time for people.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        ..0.001 => format!("{:.2} ms", seconds * 1e3),
        ..0.1 => format!("{:.1} ms", seconds * 1e3),
        ..10.0 => format!("{seconds:.2} s"),
        _ => format!("{seconds:.0} s"),
    }
}

/// What a checker said.
pub(crate) struct Said {
    pub(crate) verdict: Validity,
    pub(crate) how: String,
    /// What shows it.
    pub(crate) found: String,
}

/// Judges a history by the checker of its object.
pub(crate) fn judge(history: &History, object: &str, limits: &Limits<'_>) -> Result<Said, String> {
    if let Some(model) = TransactionModel::by_name(object) {
        let strict = ConsistencyModel::by_name("strict-serializable").ok_or("strict serializability has no name")?;
        let check = transactions::check(history, model, strict, limits);
        let found = check.anomalies.iter().map(|anomaly| format!("{} {}", anomaly.name, anomaly.count));
        let told = if check.valid == Validity::Unknown { check.reasons.join("; ") } else { check.algorithm.to_owned() };
        return Ok(Said { verdict: check.valid, how: told, found: found.collect::<Vec<_>>().join(", ") });
    }
    let model = model::by_name(object).ok_or_else(|| format!("there is no checker of a {object} yet"))?;
    let check = check_model(history, model, limits);
    let how = if check.valid == Validity::Unknown { check.reasons.join("; ") } else { check.algorithm };
    let found = check.witness.map(|witness| format!("witness of {} lines", witness.events.len()));
    Ok(Said { verdict: check.valid, how, found: found.unwrap_or_default() })
}

/// Processor time of this process and its threads, in seconds; Linux counts in hundredths.
pub(crate) fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |place: usize| after_name.split_whitespace().nth(place).and_then(|word| word.parse::<f64>().ok());
    (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0
}

/// A field of the kernel's account of this process, in MiB.
fn status_mib(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes = line.and_then(|line| line.trim_matches([':', '\t', ' ', 'k', 'B']).parse::<f64>().ok());
    kibibytes.unwrap_or(0.0) / 1024.0
}

/// Highest resident memory since it was made, less what was resident then.
pub(crate) struct Peak {
    before_mib: f64,
}

impl Peak {
    pub(crate) fn start() -> Self {
        // Starts the account of the highest anew. Where that is refused, figures are too high rather than too low.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Self { before_mib: status_mib("VmRSS") }
    }

    pub(crate) fn mib(&self) -> f64 {
        (status_mib("VmHWM") - self.before_mib).max(0.0)
    }
}

pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A file that is removed in the end.
struct Written {
    path: PathBuf,
    bytes: u64,
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn write(shape: &Shape) -> Result<Written, Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("schism-speed-{}.jsonl", std::process::id()));
    let mut written = Written { bytes: 0, path };
    let mut file = BufWriter::new(File::create(&written.path)?);
    let mut line = Vec::new();
    for event in synth::events(shape, SEED)? {
        line.clear();
        event.append_jsonl(&mut line);
        written.bytes += line.len() as u64;
        file.write_all(&line)?;
    }
    file.flush()?;
    Ok(written)
}

pub(crate) fn synthetic(shape: &Shape, rounds: usize) -> Result<Figures, Box<dyn Error>> {
    let written = write(shape)?;
    let peak = Peak::start();
    let (mut reads, mut read_cpus) = (Vec::new(), Vec::new());
    let (mut checks, mut check_cpus) = (Vec::new(), Vec::new());
    let mut said = None;
    let mut operations = 0;
    for _ in 0..rounds.max(1) {
        let (started, cpu_before) = (Instant::now(), cpu_s());
        let history = History::read(File::open(&written.path)?, &ReadOptions::default())?;
        reads.push(started.elapsed().as_secs_f64());
        read_cpus.push(cpu_s() - cpu_before);
        operations = history.operations().len() as u64;
        let (started, cpu_before) = (Instant::now(), cpu_s());
        let deadline = started + Duration::from_secs(ROW_SECONDS_MAX);
        let limits = Limits { should_stop: &|| Instant::now() >= deadline, memory_bytes: ROW_BYTES_MAX };
        let round = judge(&history, shape.object.name(), &limits)?;
        checks.push(started.elapsed().as_secs_f64());
        check_cpus.push(cpu_s() - cpu_before);
        let is_decided = round.verdict != Validity::Unknown;
        said = Some(round);
        if !is_decided {
            break;
        }
    }
    let said = said.ok_or("no round")?;
    Ok(Figures {
        verdict: said.verdict,
        how: said.how,
        operations,
        file_bytes: written.bytes,
        read_s: median(reads),
        read_cpu_s: median(read_cpus),
        check_s: median(checks),
        check_cpu_s: median(check_cpus),
        peak_mib: peak.mib(),
        worst_s: None,
        late_s: None,
        events_per_second: None,
        note: said.found,
    })
}

/// How long after its deadline, and how far above its bound of memory, a search ends that cannot keep either.
pub(crate) fn budget(shape: &Shape, deadline_ms: u64, memory_mib: u64) -> Result<Figures, Box<dyn Error>> {
    let history = synth::history(shape, SEED)?;
    let peak = Peak::start();
    let (started, cpu_before) = (Instant::now(), cpu_s());
    let deadline = started + Duration::from_millis(deadline_ms);
    let memory_bytes = (memory_mib as usize) << 20;
    let limits = Limits { should_stop: &|| Instant::now() >= deadline, memory_bytes };
    let said = judge(&history, shape.object.name(), &limits)?;
    let ended = Instant::now();
    let late = ended.checked_duration_since(deadline);
    let note = match late {
        Some(late) => format!("{} after a deadline of {deadline_ms} ms", seconds(late.as_secs_f64())),
        None => format!("{} before the deadline", seconds((deadline - ended).as_secs_f64())),
    };
    Ok(Figures {
        verdict: said.verdict,
        how: said.how,
        operations: history.operations().len() as u64,
        file_bytes: 0,
        read_s: 0.0,
        read_cpu_s: 0.0,
        check_s: (ended - started).as_secs_f64(),
        check_cpu_s: cpu_s() - cpu_before,
        peak_mib: peak.mib(),
        worst_s: None,
        late_s: Some(late.map_or(0.0, |late| late.as_secs_f64())),
        events_per_second: None,
        note,
    })
}

/// How many events a second an online checker takes, and how many things it remembers at most.
pub(crate) fn online(shape: &Shape) -> Result<Figures, Box<dyn Error>> {
    const PIECE: usize = 10_000;
    let checker = match (shape.object, shape.values) {
        (ObjectKind::Register, Values::Unique) => online::linearizable_register(),
        (ObjectKind::Set, Values::Unique) => online::linearizable_set(),
        (object, _) => online::linearizable_object(object.name()).ok_or("there is no online checker of this object")?,
    };
    let mut checkers = OnlineCheck::new(vec![checker]);
    let mut events = synth::events(shape, SEED)?.peekable();
    let peak = Peak::start();
    let (mut fed, mut fed_s, mut fed_cpu_s, mut entries_max) = (0_u64, 0.0, 0.0, 0);
    let mut violation = None;
    let mut line = Vec::new();
    while events.peek().is_some() && violation.is_none() {
        let mut piece: Vec<Event> = Vec::with_capacity(PIECE);
        for event in events.by_ref().take(PIECE) {
            line.clear();
            event.append_jsonl(&mut line);
            piece.push(serde_json::from_slice(&line)?);
        }
        let (started, cpu_before) = (Instant::now(), cpu_s());
        violation = piece.iter().find_map(|event| checkers.feed(event));
        fed_s += started.elapsed().as_secs_f64();
        fed_cpu_s += cpu_s() - cpu_before;
        fed += piece.len() as u64;
        entries_max = entries_max.max(checkers.entries());
    }
    violation = violation.or_else(|| checkers.finish());
    let left = checkers.left_to_the_end();
    let verdict = match violation {
        Some(_) => Validity::Invalid,
        None if left.is_empty() => Validity::Valid,
        None => Validity::Unknown,
    };
    Ok(Figures {
        verdict,
        how: left.join("; "),
        operations: shape.operations,
        file_bytes: 0,
        read_s: 0.0,
        read_cpu_s: 0.0,
        check_s: fed_s,
        check_cpu_s: fed_cpu_s,
        peak_mib: peak.mib(),
        worst_s: None,
        late_s: None,
        events_per_second: Some(fed as f64 / fed_s),
        note: format!("at most {entries_max} things remembered"),
    })
}
