//! A campaign file: TOML in, a checked description out.
//!
//! `[[settings]]` tables are united; the lists inside one table are multiplied with each other. What the file leaves
//! open gets the defaults of `schism run`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::expectation::{ExpectTable, OneOrMany};
use crate::cli::duration::parse_ms;

/// A campaign as written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CampaignFile {
    /// One line for `list`.
    #[serde(default)]
    pub description: String,
    /// Name of the system; `node` unless stated.
    #[serde(default = "default_system")]
    pub system: String,
    /// Numbers of nodes.
    #[serde(default = "default_nodes")]
    pub nodes: OneOrMany<u16>,
    /// Workloads.
    pub workloads: OneOrMany<String>,
    /// Faults as on the command line, and `none`.
    pub faults: OneOrMany<String>,
    /// Runs of every cell with a fault.
    #[serde(default = "one")]
    pub seeds: u64,
    /// Runs of every cell without a fault.
    #[serde(default = "one")]
    pub seeds_without_faults: u64,
    /// Every run's seed follows from this one.
    #[serde(default = "one")]
    pub seed: u64,
    /// Length of the load.
    #[serde(default)]
    pub time: Option<Duration>,
    /// Operations a second.
    #[serde(default)]
    pub rate: Option<f64>,
    /// How many workers.
    #[serde(default)]
    pub workers: Option<usize>,
    /// Time over which the rate rises.
    #[serde(default)]
    pub ramp: Option<Duration>,
    /// Bound of every client call.
    #[serde(default)]
    pub client_timeout: Option<Duration>,
    /// Bound of the convergence phase.
    #[serde(default)]
    pub converge: Option<Duration>,
    /// Whether each run's load ends at its first violation that can be told while it lasts.
    #[serde(default)]
    pub fail_fast: bool,
    /// Tables of settings; without any, the system's defaults are the only ones.
    #[serde(default)]
    pub settings: Vec<BTreeMap<String, OneOrMany<String>>>,
    /// What is expected of the cells.
    #[serde(default)]
    pub expect: Vec<ExpectTable>,
}

fn default_system() -> String {
    "node".to_owned()
}

fn default_nodes() -> OneOrMany<u16> {
    OneOrMany::One(3)
}

fn one() -> u64 {
    1
}

/// A duration such as `10s`, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration(pub u64);

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_ms(&String::deserialize(deserializer)?).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A campaign file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}:{line}:{column}: {message}")]
pub struct MalformedFile {
    /// The file, as it was named.
    pub name: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// Reads a campaign.
///
/// # Errors
/// The text is no TOML, or has a key that does not exist or a value that makes no sense; the error has the place.
pub fn parse(name: &str, text: &str) -> Result<CampaignFile, MalformedFile> {
    toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start.min(text.len()));
        let before = text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |position| position + 1);
        MalformedFile {
            name: name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: error.message().trim().replace('\n', ", "),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse("broken.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn a_small_file_gets_the_defaults() {
        let file = parse("small.toml", "workloads = \"set\"\nfaults = [\"none\"]\ntime = \"6s\"\n").unwrap();
        assert_eq!((file.system.as_str(), file.nodes.as_slice(), file.seeds), ("node", &[3][..], 1));
        assert_eq!(file.time, Some(Duration(6000)));
    }

    #[test]
    fn malformed_toml_has_line_and_column() {
        insta::assert_snapshot!(refusal("workloads = \"set\"\nfaults = [\"none\"\ntime = 3\n"));
    }

    #[test]
    fn an_unknown_key_has_line_and_column() {
        insta::assert_snapshot!(refusal("workloads = \"set\"\nfaults = \"none\"\n  sedes = 3\n"));
    }

    #[test]
    fn a_bad_duration_says_the_form() {
        insta::assert_snapshot!(refusal("workloads = \"set\"\nfaults = \"none\"\ntime = \"6\"\n"));
    }

    #[test]
    fn an_unknown_finding_is_refused() {
        insta::assert_snapshot!(refusal("workloads = \"set\"\nfaults = \"none\"\n[[expect]]\nlots = \"required\"\n"));
    }

    #[test]
    fn an_unknown_expectation_is_refused() {
        insta::assert_snapshot!(refusal("workloads = \"set\"\nfaults = \"none\"\n[[expect]]\nlost = \"maybe\"\n"));
    }
}
