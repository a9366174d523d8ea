//! Which network this machine allows.

use nix::sched::{CloneFlags, unshare};

use super::attempt::attempt;
use super::network::Tun;
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
        NetChoice::Proxy => Ok(BackEnd::Proxy),
        NetChoice::Iptables => Ok(BackEnd::Iptables),
        NetChoice::Auto => attempt_switch().map(|()| BackEnd::Switch),
    }
}

/// Every step that the switch needs.
pub(super) fn attempt_switch() -> Result<(), EnvironmentError> {
    attempt(|| {
        jail::unshare_namespaces()?;
        // Only a child of this process is inside the new pid namespace, as mounting its /proc requires.
        attempt(|| {
            jail::mount_private_directories()?;
            unshare(CloneFlags::CLONE_NEWNET).doing("make a network namespace")?;
            Tun::open().map(drop)
        })
    })
}
