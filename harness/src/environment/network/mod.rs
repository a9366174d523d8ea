//! The networks of a run: three ways to connect the same places and to cut the links between them.

mod contract;
mod interface;
mod layout;
mod place_thread;
mod switch;
mod tun;

pub(super) use contract::Network;
pub(super) use layout::Layout;
pub(super) use place_thread::PlaceThread;
pub(super) use switch::SwitchNetwork;
pub(super) use tun::Tun;
