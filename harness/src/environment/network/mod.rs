//! The networks of a run: three ways to connect the same places and to cut the links between them.

mod bridge;
mod filter;
mod interface;
mod iptables;
mod layout;
mod network;
mod place_thread;
mod switch;
mod tun;

pub(super) use iptables::IptablesNetwork;
pub(super) use layout::Layout;
pub(super) use network::Network;
pub(super) use place_thread::PlaceThread;
pub(super) use switch::SwitchNetwork;
pub(super) use tun::Tun;
