//! Made-up runs for the tests of this module's neighbours.

use std::path::PathBuf;

use schism_checkers::verdict::{Finding, FindingKind, Validity, Witness};
use schism_checkers::{Analysis, Measures};

use crate::campaign::{Cell, CellRun, Ending};
use crate::systems::Settings;

/// A cell with one setting for every word of its label.
pub(crate) fn cell(label: &str, fault: &str) -> Cell {
    let settings: Settings = label
        .split(", ")
        .enumerate()
        .map(|(index, value)| (["replication", "failover", "read"][index].to_owned(), value.to_owned()))
        .collect();
    Cell {
        resolved: settings.clone(),
        settings,
        fault: fault.to_owned(),
        workload: "set".to_owned(),
        nodes: 3,
        label: label.to_owned(),
    }
}

/// A judged run with these findings.
pub(crate) fn outcome(
    seed: u64,
    valid: Validity,
    findings: &[FindingKind],
    measured: impl FnOnce(&mut Measures),
) -> CellRun {
    let mut measures = Measures::default();
    measured(&mut measures);
    let findings = findings
        .iter()
        .map(|kind| Finding { kind: *kind, count: 1, seconds: None, witness: Witness::default() })
        .collect();
    let reasons = if valid == Validity::Unknown { vec!["the fault was not in force".to_owned()] } else { vec![] };
    CellRun {
        seed,
        directory: PathBuf::from(format!("runs/{seed}")),
        command: format!("schism run --seed {seed}"),
        ending: Ending::Judged(Box::new(Analysis { valid, reasons, findings, measures })),
    }
}
