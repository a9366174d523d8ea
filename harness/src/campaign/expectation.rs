//! What a campaign expects to find in each of its cells, and whether it was so.
//!
//! Every finding is forbidden unless an `[[expect]]` table says otherwise; of several tables that match a cell and name
//! a finding, the last one counts. Three findings are reported and never judged: `recovered`, `two-leaders` and `fork`
//! prove nothing by themselves.

use std::collections::BTreeMap;

use schism_checkers::verdict::{FindingKind, Validity};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::matrix::Cell;
use crate::cli::Exit;

/// Whether a finding may appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    /// It must never appear.
    Forbidden,
    /// It must appear in at least one run of the cell.
    Required,
    /// It may appear.
    Possible,
}

/// The expectations of one cell, for every finding that is judged.
pub type Expectations = BTreeMap<FindingKind, Expected>;

/// The findings that are judged, the gravest first.
pub fn judged() -> impl Iterator<Item = FindingKind> {
    FindingKind::all().filter(|kind| kind.is_judged())
}

/// The share of a cell's runs that may be unknown.
pub const UNKNOWN_SHARE_MAX: f64 = 0.05;

/// One value or several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several; any of them.
    Many(Vec<T>),
}

impl<T: PartialEq> OneOrMany<T> {
    /// Whether the value is among them.
    pub fn contains(&self, value: &T) -> bool {
        self.as_slice().contains(value)
    }

    /// All of them.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// One `[[expect]]` table: which cells it is about, and what it says about them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExpectTable {
    /// Settings a cell must have, each with one of these values.
    pub settings: BTreeMap<String, OneOrMany<String>>,
    /// Faults; a bare name also matches the fault with options.
    pub fault: Option<OneOrMany<String>>,
    /// Workloads.
    pub workload: Option<OneOrMany<String>>,
    /// Numbers of nodes.
    pub nodes: Option<OneOrMany<u16>>,
    /// What is expected, by finding; only of those that are judged.
    pub findings: BTreeMap<FindingKind, Expected>,
}

// Written by hand: a derived one would lose the line and the column of what is wrong among the findings.
impl<'de> Deserialize<'de> for ExpectTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TableVisitor;

        impl<'de> Visitor<'de> for TableVisitor {
            type Value = ExpectTable;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a table of expectations")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ExpectTable, A::Error> {
                let mut table = ExpectTable::default();
                while let Some(key) = map.next_key::<ExpectKey>()? {
                    match key {
                        ExpectKey::Settings => table.settings = map.next_value()?,
                        ExpectKey::Fault => table.fault = Some(map.next_value()?),
                        ExpectKey::Workload => table.workload = Some(map.next_value()?),
                        ExpectKey::Nodes => table.nodes = Some(map.next_value()?),
                        ExpectKey::Finding(kind) => {
                            table.findings.insert(kind, map.next_value()?);
                        }
                    }
                }
                Ok(table)
            }
        }

        deserializer.deserialize_map(TableVisitor)
    }
}

/// A key of an `[[expect]]` table.
enum ExpectKey {
    Settings,
    Fault,
    Workload,
    Nodes,
    Finding(FindingKind),
}

impl<'de> Deserialize<'de> for ExpectKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Ok(match name.as_str() {
            "settings" => Self::Settings,
            "fault" => Self::Fault,
            "workload" => Self::Workload,
            "nodes" => Self::Nodes,
            name => Self::Finding(judged().find(|kind| kind.name() == name).ok_or_else(|| {
                let findings: Vec<&str> = judged().map(FindingKind::name).collect();
                D::Error::custom(format_args!(
                    "unknown field `{name}`, expected `settings`, `fault`, `workload`, `nodes`, or a finding: {}",
                    findings.join(", ")
                ))
            })?),
        })
    }
}

impl ExpectTable {
    /// Whether it is about this cell.
    #[must_use]
    pub fn matches(&self, cell: &Cell) -> bool {
        let settings = self.settings.iter().all(|(name, values)| {
            cell.resolved.get(name).is_some_and(|value| values.as_slice().iter().any(|wanted| wanted == value))
        });
        let fault = self.fault.as_ref().is_none_or(|faults| {
            let name = cell.fault.split(':').next().unwrap_or_default();
            faults.as_slice().iter().any(|wanted| *wanted == cell.fault || wanted == name)
        });
        settings
            && fault
            && self.workload.as_ref().is_none_or(|workloads| workloads.contains(&cell.workload))
            && self.nodes.as_ref().is_none_or(|nodes| nodes.contains(&cell.nodes))
    }
}

/// What is expected of a cell.
#[must_use]
pub fn expectations_of(cell: &Cell, tables: &[ExpectTable]) -> Expectations {
    let mut expectations: Expectations = judged().map(|kind| (kind, Expected::Forbidden)).collect();
    for table in tables.iter().filter(|table| table.matches(cell)) {
        expectations.extend(&table.findings);
    }
    expectations
}

/// What judging a cell needs to know of one of its runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged<'a> {
    /// The run's verdict.
    pub valid: Validity,
    /// What was found.
    pub findings: Vec<FindingKind>,
    /// Why it is unknown.
    pub reasons: &'a [String],
}

/// Why a cell is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// The exit code it leads to.
    pub exit: Exit,
    /// One sentence.
    pub text: String,
    /// The run that shows it, as an index into the cell's runs; none where a finding is missing from all.
    pub run: Option<usize>,
}

/// Compares a cell's runs with what is expected of it.
#[must_use]
pub fn deviations(expectations: &Expectations, runs: &[Judged<'_>]) -> Vec<Deviation> {
    let mut deviations = Vec::new();
    for (kind, expected) in expectations {
        let showing: Vec<usize> = (0..runs.len()).filter(|index| runs[*index].findings.contains(kind)).collect();
        match (expected, showing.first()) {
            (Expected::Forbidden, Some(first)) => deviations.push(Deviation {
                exit: Exit::Violation,
                text: format!("{} is forbidden and appeared in {} of {} runs", word(*kind), showing.len(), runs.len()),
                run: Some(*first),
            }),
            (Expected::Required, None) if !runs.is_empty() => deviations.push(Deviation {
                exit: Exit::RequiredMissing,
                text: format!("{} is required and appeared in none of {} runs", word(*kind), runs.len()),
                run: None,
            }),
            _ => {}
        }
    }
    deviations.extend(unexplained(runs));
    deviations.extend(too_many_unknown(runs));
    deviations
}

/// A run that is invalid although nothing judged was found: not covered by any expectation, so never allowed.
fn unexplained(runs: &[Judged<'_>]) -> Option<Deviation> {
    let is_unexplained =
        |run: &Judged<'_>| run.valid == Validity::Invalid && !run.findings.iter().any(|kind| kind.is_judged());
    let first = runs.iter().position(is_unexplained)?;
    let text = "a run is invalid without a finding that expectations speak of".to_owned();
    Some(Deviation { exit: Exit::Violation, text, run: Some(first) })
}

fn too_many_unknown(runs: &[Judged<'_>]) -> Option<Deviation> {
    let unknown: Vec<usize> = (0..runs.len()).filter(|index| runs[*index].valid == Validity::Unknown).collect();
    let first = *unknown.first()?;
    #[expect(clippy::cast_precision_loss, reason = "numbers of runs are small")]
    let share = unknown.len() as f64 / runs.len() as f64;
    if share <= UNKNOWN_SHARE_MAX {
        return None;
    }
    let reason = runs[first].reasons.first().map_or("no reason given", String::as_str);
    let text = format!("{} of {} runs are unknown: {reason}", unknown.len(), runs.len());
    Some(Deviation { exit: Exit::Unknown, text, run: Some(first) })
}

/// A finding's name as it stands in campaign files.
#[must_use]
pub fn word(kind: FindingKind) -> &'static str {
    kind.name()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(valid: Validity, findings: &[FindingKind]) -> Judged<'static> {
        Judged { valid, findings: findings.to_vec(), reasons: &[] }
    }

    fn expecting(kind: FindingKind, expected: Expected) -> Expectations {
        let mut expectations: Expectations = judged().map(|kind| (kind, Expected::Forbidden)).collect();
        expectations.insert(kind, expected);
        expectations
    }

    fn exits(expectations: &Expectations, runs: &[Judged<'_>]) -> Vec<Exit> {
        deviations(expectations, runs).into_iter().map(|deviation| deviation.exit).collect()
    }

    #[test]
    fn a_forbidden_finding_is_a_violation_even_beside_an_unknown() {
        let expectations = expecting(FindingKind::Lost, Expected::Forbidden);
        let runs = [run(Validity::Unknown, &[]), run(Validity::Invalid, &[FindingKind::Lost])];
        assert_eq!(exits(&expectations, &runs), [Exit::Violation, Exit::Unknown]);
    }

    #[test]
    fn a_required_finding_must_appear_in_one_run() {
        let expectations = expecting(FindingKind::Lost, Expected::Required);
        assert_eq!(exits(&expectations, &[run(Validity::Valid, &[])]), [Exit::RequiredMissing]);
        let runs = [run(Validity::Valid, &[]), run(Validity::Invalid, &[FindingKind::Lost])];
        assert_eq!(exits(&expectations, &runs), []);
    }

    #[test]
    fn what_is_possible_is_never_a_deviation() {
        let expectations = expecting(FindingKind::SplitBrain, Expected::Possible);
        assert_eq!(exits(&expectations, &[run(Validity::Valid, &[])]), []);
        assert_eq!(exits(&expectations, &[run(Validity::Invalid, &[FindingKind::SplitBrain])]), []);
    }

    #[test]
    fn what_is_only_reported_is_never_a_deviation() {
        let expectations = expecting(FindingKind::Lost, Expected::Forbidden);
        let reported = [FindingKind::TwoLeaders, FindingKind::Fork, FindingKind::Recovered];
        assert_eq!(exits(&expectations, &[run(Validity::Valid, &reported)]), []);
    }

    #[test]
    fn one_in_twenty_may_be_unknown_and_no_more() {
        let expectations = expecting(FindingKind::Lost, Expected::Forbidden);
        let mut runs = vec![run(Validity::Valid, &[]); 19];
        runs.push(run(Validity::Unknown, &[]));
        assert_eq!(exits(&expectations, &runs), []);
        runs.pop();
        runs.pop();
        runs.push(run(Validity::Unknown, &[]));
        assert_eq!(exits(&expectations, &runs), [Exit::Unknown]);
    }

    #[test]
    fn an_invalid_run_without_a_finding_is_never_allowed() {
        let expectations = expecting(FindingKind::Lost, Expected::Possible);
        assert_eq!(exits(&expectations, &[run(Validity::Invalid, &[])]), [Exit::Violation]);
    }

    #[test]
    fn words_are_those_of_the_verdicts() {
        for kind in judged() {
            assert_eq!(serde_json::to_value(kind).unwrap(), word(kind));
        }
    }
}
