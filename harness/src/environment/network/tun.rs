//! A TUN device: an interface whose packets this process reads and writes.

use std::fs::OpenOptions;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use super::super::{EnvironmentError, remedy};
use super::interface;

/// Names another device node, for machines where the usual one is not for everybody.
pub(in crate::environment) const TUN_DEVICE_VARIABLE: &str = "SCHISM_TUN_DEVICE";

const TUN_DEVICE: &str = "/dev/net/tun";

/// The interface's name in every namespace.
const NAME: &str = "eth0";

nix::ioctl_write_ptr_bad!(
    tun_set_interface,
    nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()),
    libc::ifreq
);

/// The device node in use.
pub(in crate::environment) fn tun_device_path() -> String {
    std::env::var(TUN_DEVICE_VARIABLE).unwrap_or_else(|_| TUN_DEVICE.to_owned())
}

/// One device; it disappears with its descriptor.
#[derive(Debug)]
pub(in crate::environment) struct Tun(OwnedFd);

impl Tun {
    /// Makes a device in the calling thread's network namespace, without address and turned off.
    pub(in crate::environment) fn open() -> Result<Self, EnvironmentError> {
        let path = tun_device_path();
        let missing = |step: &str, error: std::io::Error| EnvironmentError::FacilityMissing {
            what: "a TUN device".to_owned(),
            why: format!("{step}: {error}"),
            remedy: remedy::tun(&path),
        };
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&path)
            .map_err(|error| missing(&format!("open {path}"), error))?;
        let mut request = interface::request(NAME);
        // Both are below 2^15.
        let flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
        request.ifr_ifru = libc::__c_anonymous_ifr_ifru { ifru_flags: flags };
        #[expect(unsafe_code, reason = "ioctl with a request that lives during the call")]
        unsafe { tun_set_interface(device.as_raw_fd(), &raw const request) }
            .map_err(|errno| missing("make an interface (TUNSETIFF)", errno.into()))?;
        Ok(Self(device.into()))
    }

    /// Makes a device with an address, turned on.
    pub(in crate::environment) fn open_with(address: Ipv4Addr, prefix_length: u8) -> Result<Self, EnvironmentError> {
        let tun = Self::open()?;
        interface::configure(NAME, address, prefix_length)?;
        Ok(tun)
    }

    /// The next packet that the namespace sent, if one waits.
    pub(in crate::environment) fn read(&self, buffer: &mut [u8]) -> nix::Result<usize> {
        nix::unistd::read(&self.0, buffer)
    }

    /// Hands a packet to the namespace. It never blocks; a packet that cannot be taken is lost, as on a wire.
    pub(in crate::environment) fn write(&self, packet: &[u8]) {
        let _ = nix::unistd::write(&self.0, packet);
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
