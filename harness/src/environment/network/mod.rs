//! The networks of a run: three ways to connect the same places and to cut the links between them.

mod bridge;
mod datagrams;
mod filter;
mod interface;
mod iptables;
mod layout;
mod network;
mod place_thread;
mod proxy;
mod relay;
mod streams;
mod switch;
mod tun;

pub(super) use bridge::connect as connect_by_bridge;
pub(super) use filter::Iptables;
pub(super) use iptables::IptablesNetwork;
pub(super) use layout::Layout;
pub(super) use network::Network;
pub(super) use place_thread::{PlaceThread, Separation};
pub(super) use proxy::ProxyNetwork;
pub(super) use switch::SwitchNetwork;
pub(super) use tun::Tun;
