//! The table of all workloads; a new one is one line here.

use crate::register::RegisterWorkload;
use crate::set::SetWorkload;
use crate::workload::Workload;

static WORKLOADS: [&dyn Workload; 2] = [&SetWorkload, &RegisterWorkload];

/// Every workload, in the order in which they are listed.
#[must_use]
pub fn registry() -> &'static [&'static dyn Workload] {
    &WORKLOADS
}

/// The workload with this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Workload> {
    WORKLOADS.iter().copied().find(|workload| workload.name() == name)
}
