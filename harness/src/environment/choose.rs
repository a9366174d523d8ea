//! Which network this machine allows.

use super::attempt::attempt;
use super::network::{Iptables, Layout, PlaceThread, Separation, Tun, connect_by_bridge};
use super::os::Doing;
use super::{BackEnd, EnvironmentError, jail};
use crate::plan::NetChoice;

/// The network to use: the one that was asked for, or the best that is possible here. Tries in forked children, so it
/// may be called before the jail is entered.
///
/// # Errors
/// If the one that was asked for is not possible, with the reason and the remedy.
pub fn choose(net: NetChoice) -> Result<BackEnd, EnvironmentError> {
    match net {
        NetChoice::Switch => attempt_switch().map(|()| BackEnd::Switch),
        NetChoice::Iptables => attempt_iptables().map(|()| BackEnd::Iptables),
        NetChoice::Proxy => Ok(BackEnd::Proxy),
        NetChoice::Auto if attempt_switch().is_ok() => Ok(BackEnd::Switch),
        NetChoice::Auto if attempt_iptables().is_ok() => Ok(BackEnd::Iptables),
        NetChoice::Auto => Ok(BackEnd::Proxy),
    }
}

/// Every step that the switch needs.
fn attempt_switch() -> Result<(), EnvironmentError> {
    attempt_in_jail(make_tun)
}

/// Every step that the iptables network needs.
fn attempt_iptables() -> Result<(), EnvironmentError> {
    attempt_in_jail(|| {
        make_veth_pair()?;
        make_filter()
    })
}

/// Tries something inside namespaces like a run's.
pub(super) fn attempt_in_namespaces(
    work: impl FnOnce() -> Result<(), EnvironmentError>,
) -> Result<(), EnvironmentError> {
    attempt(|| {
        jail::unshare_namespaces()?;
        // Only a child of this process is inside the new pid namespace, as mounting its /proc requires.
        attempt(work)
    })
}

/// Tries something inside a jail like a run's.
pub(super) fn attempt_in_jail(work: impl FnOnce() -> Result<(), EnvironmentError>) -> Result<(), EnvironmentError> {
    attempt_in_namespaces(|| {
        jail::mount_private_directories()?;
        work()
    })
}

/// A TUN device in a namespace of a place.
pub(super) fn make_tun() -> Result<(), EnvironmentError> {
    in_place(|| Tun::open().map(drop)).map(drop)
}

/// A bridge and a veth pair into a namespace of a place.
pub(super) fn make_veth_pair() -> Result<(), EnvironmentError> {
    let place = in_place(|| Ok(()))?;
    connect_by_bridge(place.namespace().into_iter().collect())
}

/// The rules of the packet filter in a namespace of a place.
pub(super) fn make_filter() -> Result<(), EnvironmentError> {
    let place = in_place(|| Ok(()))?;
    let namespace = place.namespace().ok_or_else(|| std::io::Error::other("the place has no namespace"));
    let layout = Layout::new(1).ok_or_else(|| std::io::Error::other("no layout of one node"));
    Iptables::find()?
        .prepare(&namespace.doing("make a network namespace")?, layout.doing("lay out a network")?)?
        .wait()
        .map(drop)
}

/// Something done while a namespace of a place is made.
pub(super) fn in_place(
    set_up: impl FnOnce() -> Result<(), EnvironmentError> + Send + 'static,
) -> Result<PlaceThread, EnvironmentError> {
    Ok(PlaceThread::start("attempt".to_owned(), Separation::Namespace, set_up)?.wait()?.0)
}
