//! Network interfaces of the calling thread's namespace, set up by ioctl: synchronous and without a netlink round trip.

use std::fs;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::super::EnvironmentError;
use super::super::os::Doing;

/// Per-namespace settings that make results comparable between machines. All but the first two are the kernel's own
/// defaults, written down because distributions change them.
const SETTINGS: [(&str, &str); 8] = [
    ("ipv6/conf/all/disable_ipv6", "1"),
    ("ipv6/conf/default/disable_ipv6", "1"),
    ("ipv4/tcp_congestion_control", "cubic"),
    ("ipv4/ip_local_port_range", "32768 60999"),
    ("ipv4/tcp_syn_retries", "6"),
    ("ipv4/tcp_retries2", "15"),
    ("ipv4/tcp_ecn", "2"),
    ("core/somaxconn", "4096"),
];

nix::ioctl_write_ptr_bad!(set_address, libc::SIOCSIFADDR, libc::ifreq);
nix::ioctl_write_ptr_bad!(set_netmask, libc::SIOCSIFNETMASK, libc::ifreq);
nix::ioctl_write_ptr_bad!(set_flags, libc::SIOCSIFFLAGS, libc::ifreq);

/// A request about the interface `name`.
pub(super) fn request(name: &str) -> libc::ifreq {
    let mut characters: [libc::c_char; libc::IFNAMSIZ] = [0; libc::IFNAMSIZ];
    for (to, from) in characters.iter_mut().zip(name.bytes().take(libc::IFNAMSIZ - 1)) {
        *to = from.cast_signed();
    }
    libc::ifreq { ifr_name: characters, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: 0 } }
}

fn internet_address(address: Ipv4Addr) -> libc::__c_anonymous_ifr_ifru {
    let [a, b, c, d] = address.octets();
    let mut data = [0; 14];
    // The port comes first in a sockaddr_in.
    for (to, from) in data[2..6].iter_mut().zip([a, b, c, d]) {
        *to = from.cast_signed();
    }
    // AF_INET is 2, so it fits.
    let family = libc::AF_INET as libc::sa_family_t;
    libc::__c_anonymous_ifr_ifru { ifru_addr: libc::sockaddr { sa_family: family, sa_data: data } }
}

/// The prefix length as a mask.
fn mask(prefix_length: u8) -> Ipv4Addr {
    Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(prefix_length)).unwrap_or(0))
}

/// Writes the settings of the calling thread's network namespace. What the kernel does not let one set stays as it is.
pub(super) fn apply_settings() {
    for (name, value) in SETTINGS {
        let _ = fs::write(format!("/proc/sys/net/{name}"), value);
    }
}

/// Turns the loopback interface on.
pub(super) fn loopback_up() -> Result<(), EnvironmentError> {
    up(&control()?, "lo")
}

/// Gives an interface its address and turns it on.
pub(super) fn configure(name: &str, address: Ipv4Addr, prefix_length: u8) -> Result<(), EnvironmentError> {
    let control = control()?;
    let fd = control.as_raw_fd();
    let mut request = request(name);
    request.ifr_ifru = internet_address(address);
    #[expect(unsafe_code, reason = "ioctl with a request that lives during the call")]
    unsafe { set_address(fd, &raw const request) }.doing(format!("give {name} the address {address}"))?;
    request.ifr_ifru = internet_address(mask(prefix_length));
    #[expect(unsafe_code, reason = "ioctl with a request that lives during the call")]
    unsafe { set_netmask(fd, &raw const request) }.doing(format!("give {name} its netmask"))?;
    up(&control, name)
}

fn up(control: &OwnedFd, name: &str) -> Result<(), EnvironmentError> {
    let mut request = request(name);
    // IFF_UP and IFF_RUNNING are below 2^15.
    request.ifr_ifru = libc::__c_anonymous_ifr_ifru { ifru_flags: (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short };
    #[expect(unsafe_code, reason = "ioctl with a request that lives during the call")]
    unsafe { set_flags(control.as_raw_fd(), &raw const request) }.doing(format!("turn {name} on"))?;
    Ok(())
}

/// Any socket of the namespace serves to address its interfaces.
fn control() -> Result<OwnedFd, EnvironmentError> {
    socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).doing("open a control socket")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_follow_prefix_lengths() {
        assert_eq!(mask(16), Ipv4Addr::new(255, 255, 0, 0));
        assert_eq!(mask(32), Ipv4Addr::new(255, 255, 255, 255));
        assert_eq!(mask(0), Ipv4Addr::UNSPECIFIED);
    }
}
