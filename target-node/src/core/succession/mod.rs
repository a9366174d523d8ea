//! Who leads: three strategies over the same log, replication and reads.

mod claims;
mod consensus;
mod manual;
mod timeout;
mod transfer;

pub(super) use transfer::{Handover, Preference};
