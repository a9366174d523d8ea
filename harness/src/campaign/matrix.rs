//! From a campaign file to its cells and runs: which settings, which fault, which workload, how many nodes, which seed.
//!
//! The seeds of a cell's runs follow from the campaign's seed and the run's number within the cell, so that every
//! setting faces the same operations and the same schedules.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::expectation::{Expectations, expectations_of};
use super::file::CampaignFile;
use crate::systems::{Settings, SettingsError};

/// The fault of a run without faults.
pub const NO_FAULT: &str = "none";

/// One combination of everything but the seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// As the campaign states them.
    pub settings: Settings,
    /// With every default filled in; expectations are matched against these.
    pub resolved: Settings,
    /// As typed; `none` without one.
    pub fault: String,
    /// Name of the workload.
    pub workload: String,
    /// How many nodes.
    pub nodes: u16,
    /// The settings in a few words: `async, consensus`.
    pub label: String,
}

impl Cell {
    /// Whether its runs inject nothing.
    #[must_use]
    pub fn is_without_faults(&self) -> bool {
        self.fault == NO_FAULT
    }
}

/// What the matrix needs to know of a system.
pub struct Resolver<'a> {
    /// The names of its settings, the telling ones first: the order of the values in a label.
    pub order: Vec<String>,
    /// Fills in defaults and refuses what makes no sense.
    pub resolve: &'a dyn Fn(&Settings, u16) -> Result<Settings, SettingsError>,
}

impl Resolver<'_> {
    fn label(&self, settings: &Settings) -> String {
        let mut values: Vec<(usize, &str)> = settings
            .iter()
            .map(|(name, value)| {
                let rank = self.order.iter().position(|known| known == name).unwrap_or(self.order.len());
                (rank, value.as_str())
            })
            .collect();
        values.sort_by_key(|(rank, _)| *rank);
        let values: Vec<&str> = values.into_iter().map(|(_, value)| value).collect();
        if values.is_empty() { "defaults".to_owned() } else { values.join(", ") }
    }
}

/// A cell with what is expected of it and the seeds of its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedCell {
    /// The cell.
    pub cell: Cell,
    /// What is expected.
    pub expectations: Expectations,
    /// One run each.
    pub seeds: Vec<u64>,
}

/// A campaign that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatrixError {
    /// A combination of settings that the system refuses.
    #[error("{settings} with {nodes} nodes: {why}")]
    Refused {
        /// The combination, as `name=value`.
        settings: String,
        /// How many nodes.
        nodes: u16,
        /// The system's reason.
        why: String,
    },
    /// An `[[expect]]` table that no cell matches.
    #[error("the {0}. [[expect]] table matches no cell: check its settings, fault, workload and nodes")]
    Unmatched(usize),
    /// Two tables of settings, or a repeated value, give the same cell twice.
    #[error("{0} occurs twice: every cell must differ from all others")]
    Repeated(String),
}

/// Multiplies a campaign out.
///
/// # Errors
/// A combination is refused by the system or occurs twice, or an `[[expect]]` table matches nothing.
pub fn cells(file: &CampaignFile, resolver: &Resolver<'_>) -> Result<Vec<ExpectedCell>, MatrixError> {
    let mut cells = Vec::new();
    let mut seen = BTreeSet::new();
    for settings in all_settings(file) {
        for nodes in file.nodes.as_slice() {
            let refused = |why: SettingsError| MatrixError::Refused {
                settings: words(&settings),
                nodes: *nodes,
                why: why.to_string(),
            };
            let resolved = (resolver.resolve)(&settings, *nodes).map_err(refused)?;
            for workload in file.workloads.as_slice() {
                for fault in file.faults.as_slice() {
                    if !seen.insert((resolved.clone(), *nodes, workload.clone(), fault.clone())) {
                        return Err(MatrixError::Repeated(format!("{} with {fault} and {workload}", words(&settings))));
                    }
                    cells.push(Cell {
                        settings: settings.clone(),
                        resolved: resolved.clone(),
                        fault: fault.clone(),
                        workload: workload.clone(),
                        nodes: *nodes,
                        label: resolver.label(&settings),
                    });
                }
            }
        }
    }
    if let Some(index) = file.expect.iter().position(|table| !cells.iter().any(|cell| table.matches(cell))) {
        return Err(MatrixError::Unmatched(index + 1));
    }
    Ok(cells.into_iter().map(|cell| expected_cell(file, cell)).collect())
}

fn expected_cell(file: &CampaignFile, cell: Cell) -> ExpectedCell {
    let runs = if cell.is_without_faults() { file.seeds_without_faults } else { file.seeds };
    let seeds = (0..runs).map(|index| derive_seed(file.seed, index)).collect();
    ExpectedCell { expectations: expectations_of(&cell, &file.expect), cell, seeds }
}

/// The union of the tables' products, in the order of the file.
fn all_settings(file: &CampaignFile) -> Vec<Settings> {
    if file.settings.is_empty() {
        return vec![Settings::new()];
    }
    file.settings.iter().flat_map(product).collect()
}

fn product(table: &BTreeMap<String, super::expectation::OneOrMany<String>>) -> Vec<Settings> {
    let mut combinations = vec![Settings::new()];
    for (name, values) in table {
        combinations = combinations
            .iter()
            .flat_map(|combination| {
                values.as_slice().iter().map(|value| {
                    let mut longer = combination.clone();
                    longer.insert(name.clone(), value.clone());
                    longer
                })
            })
            .collect();
    }
    combinations
}

/// Settings as they are typed.
#[must_use]
pub fn words(settings: &Settings) -> String {
    if settings.is_empty() {
        return "the default settings".to_owned();
    }
    let words: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    words.join(" ")
}

/// The seed of a cell's run with this number: SplitMix64 (Steele, Lea and Flood, 2014), cut to 32 bits so that people
/// can type it.
#[must_use]
pub fn derive_seed(campaign_seed: u64, index: u64) -> u64 {
    let mut state = campaign_seed.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (state ^ (state >> 31)) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::expectation::Expected;
    use crate::campaign::file::parse;
    use schism_checkers::verdict::FindingKind;

    fn multiply(text: &str) -> Result<Vec<ExpectedCell>, MatrixError> {
        let resolve = |settings: &Settings, _nodes: u16| {
            if settings.get("failover").is_some_and(|value| value == "prayer") {
                return Err(SettingsError("failover cannot be prayer".to_owned()));
            }
            let mut resolved = settings.clone();
            resolved.entry("read".to_owned()).or_insert_with(|| "leader".to_owned());
            Ok(resolved)
        };
        let order = vec!["replication".to_owned(), "failover".to_owned()];
        cells(&parse("test.toml", text).unwrap(), &Resolver { order, resolve: &resolve })
    }

    const TWO_TABLES: &str = r#"
        nodes = [3, 5]
        workloads = "set"
        faults = ["none", "kill-leader", "slow:ms=20"]
        seeds = 2
        [[settings]]
        replication = ["async", "sync"]
        failover = "consensus"
        [[settings]]
        replication = "async"
        failover = "timeout"
        [[expect]]
        settings.replication = "async"
        fault = ["kill-leader", "slow"]
        lost = "possible"
        [[expect]]
        settings = { replication = ["async"], failover = "timeout", read = "leader" }
        fault = "kill-leader"
        nodes = 5
        lost = "required"
    "#;

    #[test]
    fn tables_are_united_and_lists_multiplied() {
        let cells = multiply(TWO_TABLES).unwrap();
        assert_eq!(cells.len(), 3 * 2 * 3);
        let labels: BTreeSet<&str> = cells.iter().map(|cell| cell.cell.label.as_str()).collect();
        assert_eq!(labels, BTreeSet::from(["async, consensus", "async, timeout", "sync, consensus"]));
        let runs: usize = cells.iter().map(|cell| cell.seeds.len()).sum();
        assert_eq!(runs, 6 * (1 + 2 + 2));
    }

    #[test]
    fn the_last_matching_table_counts_and_everything_else_is_forbidden() {
        let cells = multiply(TWO_TABLES).unwrap();
        let lost = |label: &str, fault: &str, nodes: u16| {
            let cell = cells
                .iter()
                .find(|cell| cell.cell.label == label && cell.cell.fault == fault && cell.cell.nodes == nodes)
                .unwrap();
            cell.expectations[&FindingKind::Lost]
        };
        assert_eq!(lost("async, consensus", "kill-leader", 5), Expected::Possible);
        assert_eq!(lost("async, timeout", "kill-leader", 5), Expected::Required);
        assert_eq!(lost("async, timeout", "kill-leader", 3), Expected::Possible);
        assert_eq!(lost("async, timeout", "slow:ms=20", 3), Expected::Possible);
        assert_eq!(lost("async, timeout", "none", 3), Expected::Forbidden);
        assert_eq!(lost("sync, consensus", "kill-leader", 3), Expected::Forbidden);
    }

    #[test]
    fn every_setting_faces_the_same_seeds() {
        let cells = multiply(TWO_TABLES).unwrap();
        let with_faults: BTreeSet<Vec<u64>> =
            cells.iter().filter(|cell| !cell.cell.is_without_faults()).map(|cell| cell.seeds.clone()).collect();
        assert_eq!(with_faults.len(), 1);
        assert_ne!(derive_seed(1, 0), derive_seed(1, 1));
        assert_ne!(derive_seed(1, 0), derive_seed(2, 0));
    }

    #[test]
    fn a_refused_combination_is_named() {
        let text = "workloads = \"set\"\nfaults = \"none\"\n[[settings]]\nfailover = [\"consensus\", \"prayer\"]\n";
        insta::assert_snapshot!(multiply(text).unwrap_err(), @"failover=prayer with 3 nodes: failover cannot be prayer");
    }

    #[test]
    fn an_expect_table_that_matches_nothing_is_refused() {
        let text = "workloads = \"set\"\nfaults = \"none\"\n[[expect]]\nfault = \"kil-leader\"\nlost = \"required\"\n";
        assert_eq!(multiply(text), Err(MatrixError::Unmatched(1)));
    }

    #[test]
    fn a_cell_that_occurs_twice_is_refused() {
        let text = "workloads = \"set\"\nfaults = \"none\"\n[[settings]]\nread = \"leader\"\n[[settings]]\n";
        assert!(matches!(multiply(text), Err(MatrixError::Repeated(_))));
    }
}
