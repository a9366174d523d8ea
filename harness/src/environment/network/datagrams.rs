//! Probes as UDP datagrams, from a socket in the namespace of each place.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

use super::super::EnvironmentError;
use super::super::os::Doing;
use super::super::probes::{Carrier, MESSAGE_BYTES, Message, PROBE_PORT, Prober};
use super::Layout;
use crate::record::Clock;

/// The sockets and where each slot's datagrams go.
pub(super) struct Datagrams {
    sockets: Vec<UdpSocket>,
    routes: Vec<Route>,
}

struct Route {
    from: usize,
    to: SocketAddrV4,
}

/// A socket for probes in the calling thread's network namespace.
pub(super) fn probe_socket(address: Ipv4Addr) -> Result<UdpSocket, EnvironmentError> {
    let socket = UdpSocket::bind((address, PROBE_PORT)).doing(format!("open the probe socket of {address}"))?;
    socket.set_nonblocking(true).doing("make a probe socket non-blocking")?;
    Ok(socket)
}

impl Datagrams {
    /// Starts probing; `sockets` holds one per place, in the layout's order.
    pub(super) fn start(layout: Layout, sockets: Vec<UdpSocket>, clock: Clock) -> Result<Prober, EnvironmentError> {
        let links = layout.probed_links();
        let routes = links
            .iter()
            .map(|link| Route {
                from: layout.index(link.from),
                to: SocketAddrV4::new(layout.address(link.to), PROBE_PORT),
            })
            .collect();
        Prober::start(&links, Box::new(Self { sockets, routes }), clock)
    }
}

impl Carrier for Datagrams {
    fn send(&self, slot: usize, message: &Message) -> bool {
        let route = &self.routes[slot];
        self.sockets[route.from].send_to(message, route.to).is_ok()
    }

    fn collect(&self, arrived: &mut dyn FnMut(&Message)) {
        let mut message = [0; MESSAGE_BYTES];
        for socket in &self.sockets {
            while let Ok(length) = socket.recv(&mut message) {
                if length == MESSAGE_BYTES {
                    arrived(&message);
                }
            }
        }
    }
}
