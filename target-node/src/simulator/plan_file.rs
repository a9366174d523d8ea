//! A plan as a file: JSON, with the settings by name, so that it can be read, changed and simulated again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::plan::{ClockProfile, NetworkProfile, Plan, Timed};
use crate::{
    core::NodeId,
    settings::{Settings, SettingsError},
};

/// A [`Plan`] as it is stored. `traced` is no part of it: it changes what is kept of a run, not the run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanFile {
    seed: u64,
    nodes: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    founders: Option<u16>,
    settings: BTreeMap<String, String>,
    network: NetworkProfile,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clocks: Vec<ClockProfile>,
    clients: u16,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    plain_reads: bool,
    think_us_max: u64,
    end_us: u64,
    faults: Vec<Timed>,
}

impl From<Plan> for PlanFile {
    fn from(plan: Plan) -> Self {
        let Plan {
            seed,
            nodes,
            founders,
            settings,
            network,
            clocks,
            clients,
            plain_reads,
            think_us_max,
            end_us,
            faults,
            traced: _,
        } = plan;
        Self {
            seed,
            nodes,
            founders: (founders != nodes).then_some(founders),
            settings: settings.to_map(),
            network,
            clocks,
            clients,
            plain_reads,
            think_us_max,
            end_us,
            faults,
        }
    }
}

/// Why a file is no plan.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlanFileError {
    #[error("{0}")]
    Settings(#[from] SettingsError),
    #[error("{0}")]
    Shape(String),
}

impl TryFrom<PlanFile> for Plan {
    type Error = PlanFileError;

    fn try_from(file: PlanFile) -> Result<Self, PlanFileError> {
        let PlanFile { seed, nodes, founders, settings, network, clocks, clients, plain_reads, think_us_max, .. } =
            file;
        let (founders, end_us, mut faults) = (founders.unwrap_or(nodes), file.end_us, file.faults);
        let settings = Settings::from_map(&settings, nodes)?;
        let known = |node: NodeId| (1..=nodes).contains(&node.0);
        let shape = |holds, what: &str| if holds { Ok(()) } else { Err(PlanFileError::Shape(what.to_owned())) };
        shape(nodes <= NODES_MAX, "a cluster has at most 15 nodes")?;
        shape((1..=nodes).contains(&founders), "nobody founds the cluster, or more than there are")?;
        shape(network.delay_us_min <= network.delay_us_max, "delay_us_min is above delay_us_max")?;
        let shares = [network.dropped_per_mille, network.repeated_per_mille, network.late_per_mille];
        shape(shares.iter().all(|share| *share <= 1000), "a share of messages is above 1000 per mille")?;
        shape((1..=LENGTH_US_MAX).contains(&end_us), "end_us is 0, or more than an hour")?;
        shape(think_us_max > 0, "think_us_max is 0")?;
        shape(clocks.iter().all(|clock| clock.drift_ppm.abs() <= DRIFT_PPM_MAX), "a clock drifts by more than 10 %")?;
        shape(
            faults.iter().flat_map(|timed| timed.fault.nodes()).all(known),
            "a fault names a node that is not there",
        )?;
        faults.sort_by_key(|timed| timed.at_us);
        Ok(Plan {
            seed,
            nodes,
            founders,
            settings,
            network,
            clocks,
            clients,
            plain_reads,
            think_us_max,
            end_us,
            faults,
            traced: false,
        })
    }
}

const NODES_MAX: u16 = 15;
const LENGTH_US_MAX: u64 = 3_600_000_000;
const DRIFT_PPM_MAX: i32 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_back() {
        for seed in 0..50 {
            let plan = Plan::random(seed, 5, Settings::default());
            let text = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan, "{text}");
        }
    }

    #[test]
    fn a_file_that_is_no_plan_is_refused() {
        let text = serde_json::to_string(&Plan::quiet(1, 3, Settings::default())).unwrap();
        for (right, wrong) in [
            ("\"nodes\":3", "\"nodes\":0"),
            ("\"nodes\":3", "\"nodes\":300"),
            ("\"delay_us_max\":100", "\"delay_us_max\":99"),
            ("\"faults\":[]", "\"faults\":[{\"at_us\":1,\"fault\":{\"restart\":{\"node\":\"n4\"}}}]"),
            ("\"clients\"", "\"founders\":4,\"clients\""),
            ("\"end_us\":3000000", "\"end_us\":0"),
            ("majority", "most"),
            ("\"seed\"", "\"sead\""),
        ] {
            let changed = text.replace(right, wrong);
            assert_ne!(changed, text, "{right} is not in {text}");
            assert!(serde_json::from_str::<Plan>(&changed).is_err(), "{changed}");
        }
    }
}
