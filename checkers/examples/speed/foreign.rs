//! Histories of other projects, with known verdicts.

use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use schism_checkers::format::ReadOptions;
use schism_checkers::history::History;
use schism_checkers::{Limits, Validity};

use super::measure::{Figures, Peak, cpu_s, judge, median};

/// Of the fifty logs, those that are linearizable.
const ETCD_LINEARIZABLE: [&str; 10] = ["002", "005", "007", "018", "025", "031", "038", "045", "048", "049"];
/// A small file is judged so often in one round.
const REPEATS: usize = 5;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// Logs of Jepsen's test of etcd.
    EtcdLogs,
    /// Knossos's histories of registers.
    CasRegister,
    /// Porcupine's histories of a key-value store.
    KeyValue,
    /// Elle's history with one huge component.
    HugeComponent,
    /// A history of transactions by the simulator of Jepsen's history library.
    Transactions(&'static str, Validity),
}

struct Known {
    file: PathBuf,
    model: &'static str,
    verdict: Validity,
}

fn folder() -> Result<PathBuf, String> {
    let named = std::env::var_os("SCHISM_HISTORIES_DIR").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/histories");
    named.or_else(|| beside.is_dir().then_some(beside)).ok_or_else(|| "no histories of other projects here".to_owned())
}

fn files(folder: PathBuf) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = folder.read_dir()?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()?;
    files.sort();
    Ok(files)
}

fn mean(figures: &[f64]) -> f64 {
    figures.iter().sum::<f64>() / figures.len().max(1) as f64
}

fn valid_if(is_valid: bool) -> Validity {
    if is_valid { Validity::Valid } else { Validity::Invalid }
}

impl Foreign {
    fn known(self) -> Result<Vec<Known>, Box<dyn Error>> {
        let folder = folder()?;
        let known = |file: PathBuf, model, verdict| Known { file, model, verdict };
        let name = |file: &Path| file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(match self {
            Self::EtcdLogs => files(folder.join("etcd-logs"))?
                .into_iter()
                .map(|file| {
                    let is_valid = ETCD_LINEARIZABLE.iter().any(|number| name(&file).ends_with(number));
                    known(file, "register", valid_if(is_valid))
                })
                .collect(),
            Self::CasRegister => {
                let of = |verdict: &'static str| files(folder.join("cas-register").join(verdict));
                let good = of("good")?.into_iter().map(|file| known(file, "register", Validity::Valid));
                let bad = of("bad")?.into_iter().map(|file| known(file, "register", Validity::Invalid));
                good.chain(bad).collect()
            }
            Self::KeyValue => files(folder.join("kv"))?
                .into_iter()
                .map(|file| {
                    let is_valid = name(&file).ends_with("ok");
                    known(file, "kv", valid_if(is_valid))
                })
                .collect(),
            Self::HugeComponent => {
                vec![known(folder.join("list-append/huge-scc.edn"), "list-append", Validity::Invalid)]
            }
            Self::Transactions(name, verdict) => {
                vec![known(folder.join("list-append").join(name), "list-append", verdict)]
            }
        })
    }

    pub(crate) fn run(self, rounds: usize) -> Result<Figures, Box<dyn Error>> {
        let known = self.known()?;
        let peak = Peak::start();
        let repeats = if known.len() > 1 { REPEATS } else { 1 };
        let (mut reads, mut read_cpus) = (Vec::new(), Vec::new());
        let (mut checks, mut check_cpus) = (Vec::new(), Vec::new());
        let mut best_of_file = vec![f64::MAX; known.len()];
        let mut wrong = Vec::new();
        let (mut operations, mut file_bytes) = (0, 0);
        let mut methods: Vec<String> = Vec::new();
        for _ in 0..rounds.max(1) * repeats {
            let (mut read_s, mut check_s) = (0.0, 0.0);
            let (mut read_cpu_s, mut check_cpu_s) = (0.0, 0.0);
            (operations, file_bytes) = (0, 0);
            wrong.clear();
            for (known, best) in known.iter().zip(&mut best_of_file) {
                let (started, cpu_before) = (Instant::now(), cpu_s());
                let history = History::read(File::open(&known.file)?, &ReadOptions::default())?;
                read_s += started.elapsed().as_secs_f64();
                read_cpu_s += cpu_s() - cpu_before;
                file_bytes += known.file.metadata()?.len();
                operations += history.operations().len() as u64;
                let (started, cpu_before) = (Instant::now(), cpu_s());
                let said = judge(&history, known.model, &Limits::NONE)?;
                let spent_s = started.elapsed().as_secs_f64();
                check_s += spent_s;
                check_cpu_s += cpu_s() - cpu_before;
                *best = best.min(spent_s);
                if operations > 0 && said.verdict != known.verdict {
                    let name = known.file.file_name().unwrap_or_default().display();
                    wrong.push(format!("{name}: {:?}", said.verdict));
                }
                methods.push(said.how);
            }
            reads.push(read_s);
            checks.push(check_s);
            read_cpus.push(read_cpu_s);
            check_cpus.push(check_cpu_s);
        }
        methods.sort();
        methods.dedup();
        Ok(Figures {
            verdict: if wrong.is_empty() { known[0].verdict } else { Validity::Unknown },
            how: if wrong.is_empty() { methods.join(", ") } else { wrong.join("; ") },
            operations,
            file_bytes,
            read_s: median(reads),
            read_cpu_s: mean(&read_cpus),
            check_s: median(checks),
            check_cpu_s: mean(&check_cpus),
            peak_mib: peak.mib(),
            worst_s: best_of_file.into_iter().reduce(f64::max),
            late_s: None,
            events_per_second: None,
            note: format!("{} of {} verdicts right", known.len() - wrong.len(), known.len()),
        })
    }
}
