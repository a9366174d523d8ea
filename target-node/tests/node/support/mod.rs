//! Real nodes for tests: processes of the built binary on loopback, killed when the test ends.

mod cluster;
mod load;
mod wait;

pub(crate) use cluster::Cluster;
pub(crate) use load::Load;
pub(crate) use wait::eventually;
