//! The table of all workloads; a new one is one line here.

use crate::bank::BankWorkload;
use crate::counter::CounterWorkload;
use crate::list_append::ListAppendWorkload;
use crate::lock::LockWorkload;
use crate::queue::QueueWorkload;
use crate::register::RegisterWorkload;
use crate::rw_register::RwRegisterWorkload;
use crate::session::SessionWorkload;
use crate::set::SetWorkload;
use crate::workload::Workload;

static WORKLOADS: [&dyn Workload; 11] = [
    &SetWorkload,
    &RegisterWorkload,
    &CounterWorkload,
    &QueueWorkload,
    &ListAppendWorkload,
    &RwRegisterWorkload,
    &BankWorkload,
    &SessionWorkload { roams: false },
    &SessionWorkload { roams: true },
    &LockWorkload { fenced: false },
    &LockWorkload { fenced: true },
];

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
