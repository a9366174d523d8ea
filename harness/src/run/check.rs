//! Judges a stored run again.

use schism_checkers::history::Event;

use super::RunError;
use super::verdict::{Evidence, Verdict, judge};
use crate::record::{RunDirectory, read_lines};
use crate::systems;

/// Judges a run's directory again, from its plan, its history and its executed schedule alone. Writes nothing.
///
/// # Errors
/// When a file is missing or malformed, or names a system or a workload this program does not know.
pub fn judge_directory(directory: &RunDirectory) -> Result<Verdict, RunError> {
    let plan = directory.read_plan()?;
    let events: Vec<Event> = read_lines(&directory.history())?;
    let faults = directory.read_schedule()?;
    let unknown = |kind, name: &String| RunError::Unknown { kind, name: name.clone() };
    let system = systems::find(&plan.system).ok_or_else(|| unknown("system", &plan.system))?;
    let workload =
        schism_workloads::registry::by_name(&plan.workload).ok_or_else(|| unknown("workload", &plan.workload))?;
    let timing = system.timing(&plan.settings);
    Ok(judge(Evidence { plan: &plan, timing, workload, events, faults }))
}
