//! Faults, schedules, proofs and heals.

mod cluster;

pub use cluster::{Acknowledgements, Claims, Cluster, leader_of};
