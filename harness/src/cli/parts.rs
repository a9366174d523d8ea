//! Names become what they stand for; a name that does not exist is answered with what was probably meant.

use std::sync::Arc;

use schism_workloads::workload::Workload;

use super::{CliError, Exit, names};
use crate::plan::FaultSpec;
use crate::systems::{Availability, Settings, System};

/// The system of a name.
pub(super) fn system(name: &str) -> Result<Arc<dyn System>, CliError> {
    crate::systems::find(name).ok_or_else(|| {
        let systems = crate::systems::all();
        let known: Vec<&str> = systems.iter().map(|system| system.name()).collect();
        CliError::usage(names::unknown("system", name, &known))
    })
}

/// The workload of a name.
pub(super) fn workload(name: &str) -> Result<&'static dyn Workload, CliError> {
    schism_workloads::registry::by_name(name).ok_or_else(|| {
        let known: Vec<&str> = schism_workloads::registry::registry().iter().map(|workload| workload.name()).collect();
        CliError::usage(names::unknown("workload", name, &known))
    })
}

/// Faults as typed.
pub(super) fn faults(typed: &[String]) -> Result<Vec<FaultSpec>, CliError> {
    typed.iter().map(|text| FaultSpec::parse(text).map_err(|error| CliError::usage(error.to_string()))).collect()
}

/// Settings as typed: `NAME=VALUE`.
pub(super) fn settings(typed: &[String]) -> Result<Settings, CliError> {
    let mut settings = Settings::new();
    for text in typed {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| CliError::usage(format!("{text:?} is not a setting: write NAME=VALUE")))?;
        if settings.insert(name.trim().to_owned(), value.trim().to_owned()).is_some() {
            return Err(CliError::usage(format!("--set {} is given twice: give it once", name.trim())));
        }
    }
    Ok(settings)
}

/// Refuses a system that cannot be run here.
pub(super) fn require_available(system: &dyn System) -> Result<(), CliError> {
    match system.availability() {
        Availability::Available(_) => Ok(()),
        Availability::Missing { why, remedy } => Err(CliError::new(
            Exit::FacilityMissing,
            format!("the system {} cannot be run here: {why}\n  {remedy}", system.name()),
        )),
    }
}
