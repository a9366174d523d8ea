//! One file a fault. Each holds the fault's data, its line for the registry and its script.

mod cut_one_link;
mod cut_then_kill;
mod isolate_clients;
mod isolate_one;
mod kill;
mod none;
mod one_way;
mod partition_bridge;
mod partition_halves;
mod partition_leader;
mod partition_leader_alone;
mod partition_majority;
mod partition_ring;
mod pause;
mod pause_isolate;

pub(super) use cut_one_link::CUT_ONE_LINK;
pub(super) use cut_then_kill::CUT_THEN_KILL;
pub(super) use isolate_clients::ISOLATE_CLIENTS;
pub(super) use isolate_one::ISOLATE_ONE;
pub(super) use kill::{KILL, KILL_LEADER};
pub(super) use none::NONE;
pub(super) use one_way::{ONE_WAY_IN, ONE_WAY_OUT};
pub(super) use partition_bridge::PARTITION_BRIDGE;
pub(super) use partition_halves::PARTITION_HALVES;
pub(super) use partition_leader::PARTITION_LEADER;
pub(super) use partition_leader_alone::PARTITION_LEADER_ALONE;
pub(super) use partition_majority::PARTITION_MAJORITY;
pub(super) use partition_ring::PARTITION_RING;
pub(super) use pause::PAUSE;
pub(super) use pause_isolate::PAUSE_ISOLATE;
