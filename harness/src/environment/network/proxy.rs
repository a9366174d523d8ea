//! The reduced network: everything on loopback, a TCP proxy between every place and every node.
//!
//! A run takes a block of addresses 127.*b*.0.0/16 that no other run uses. Node *i* listens on 127.*b*.0.*i*; the place
//! with number *p* reaches it at 127.*b*.*p*+1.*i*, on the same port. So the address tells who is calling.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use super::super::os::Doing;
use super::super::probes::{PROBE_PORT, Prober};
use super::super::{BackEnd, EnvironmentError, Link, NodeId, Place, ProbeCount};
use super::place_thread::Separation;
use super::relay::{Relays, Route};
use super::streams::Streams;
use super::{Layout, Network, PlaceThread};
use crate::record::Clock;

/// The blocks of addresses that are tried, in this order.
const BLOCKS: Range<u8> = 77..255;

/// Relays that do not answer within this time have died.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The network.
pub(in crate::environment) struct ProxyNetwork {
    layout: Layout,
    addresses: Addresses,
    places: Vec<PlaceThread>,
    proxies: PlaceThread,
    relays: Arc<Relays>,
    prober: Prober,
    // Holding it keeps the block of addresses from other runs.
    _claim: TcpListener,
}

#[derive(Debug, Clone, Copy)]
struct Addresses {
    layout: Layout,
    block: u8,
}

impl Addresses {
    /// Claims a block that no other run uses.
    fn claim(layout: Layout) -> Result<(Self, TcpListener), EnvironmentError> {
        let mut last = std::io::Error::from(std::io::ErrorKind::AddrInUse);
        for block in BLOCKS {
            match TcpListener::bind((Ipv4Addr::new(127, block, 255, 254), PROBE_PORT)) {
                Ok(claim) => return Ok((Self { layout, block }, claim)),
                Err(error) => last = error,
            }
        }
        Err(last).doing("claim a block of loopback addresses")
    }

    fn of_node(self, node: NodeId, port: u16) -> SocketAddr {
        (Ipv4Addr::new(127, self.block, 0, last_octet(node)), port).into()
    }

    fn of_proxy(self, from: Place, to: NodeId, port: u16) -> SocketAddr {
        // There are at most 201 places, so it fits.
        let third = u8::try_from(self.layout.index(from) + 1).unwrap_or(u8::MAX);
        (Ipv4Addr::new(127, self.block, third, last_octet(to)), port).into()
    }
}

/// There are at most 100 nodes, so it fits.
fn last_octet(node: NodeId) -> u8 {
    u8::try_from(node.0).unwrap_or(u8::MAX)
}

impl ProxyNetwork {
    /// Opens every proxy for these ports and starts probing.
    pub(in crate::environment) fn start(
        layout: Layout,
        services: &[u16],
        clock: Clock,
    ) -> Result<Self, EnvironmentError> {
        let (addresses, claim) = Addresses::claim(layout)?;
        let thread =
            |name: String| PlaceThread::start(name, Separation::None, || Ok(()))?.wait().map(|(place, ())| place);
        let places = layout.places().map(|place| thread(format!("place {place}"))).collect::<Result<Vec<_>, _>>()?;
        let proxies = thread("proxies".to_owned())?;
        let relays = Arc::new(Relays::new(layout.link_count()));
        let ports: BTreeSet<u16> = services.iter().copied().chain([PROBE_PORT]).collect();
        for (from, to) in proxied(layout) {
            for port in &ports {
                open_proxy(addresses, from, to, *port, &proxies, &relays)?;
            }
        }
        let links = layout.probed_links();
        let streams = open_probe_streams(addresses, &links)?.for_links(&links);
        let prober = Prober::start(&links, Box::new(streams), clock)?;
        Ok(Self { layout, addresses, places, proxies, relays, prober, _claim: claim })
    }
}

/// Who reaches which node through a proxy.
fn proxied(layout: Layout) -> impl Iterator<Item = (Place, NodeId)> {
    let nodes = NodeId::all(layout.nodes());
    nodes.flat_map(move |to| layout.places().filter(move |from| *from != Place::Node(to)).map(move |from| (from, to)))
}

fn open_proxy(
    addresses: Addresses,
    from: Place,
    to: NodeId,
    port: u16,
    proxies: &PlaceThread,
    relays: &Arc<Relays>,
) -> Result<(), EnvironmentError> {
    let address = addresses.of_proxy(from, to, port);
    let opening = || format!("open the proxy {address} from {from} to {to}");
    let listener = TcpListener::bind(address).doing(opening())?;
    listener.set_nonblocking(true).doing(opening())?;
    let node = Place::Node(to);
    let route = Route {
        forward: addresses.layout.link_index(Link { from, to: node }),
        backward: addresses.layout.link_index(Link { from: node, to: from }),
        to: addresses.of_node(to, port),
        probes: port == PROBE_PORT,
    };
    let relays = Arc::clone(relays);
    proxies.run(move || {
        // Inside the runtime, as a listener requires.
        let listener = tokio::net::TcpListener::from_std(listener).doing("hand a proxy to the runtime")?;
        tokio::spawn(relays.accept_all(listener, route));
        Ok(())
    })
}

fn open_probe_streams(addresses: Addresses, links: &[Link]) -> Result<Streams, EnvironmentError> {
    let mut streams = Streams::new();
    for to in NodeId::all(addresses.layout.nodes()) {
        let listener =
            TcpListener::bind(addresses.of_node(to, PROBE_PORT)).doing(format!("listen for probes to {to}"))?;
        listener.set_nonblocking(true).doing("make a probe's listener non-blocking")?;
        // Both directions between two nodes share the stream that the first of them opens.
        let opened_here = |from: Place| !matches!(from, Place::Node(from) if from > to);
        for link in links.iter().filter(|link| link.to == Place::Node(to) && opened_here(link.from)) {
            streams.open(link.from, link.to, addresses.of_proxy(link.from, to, PROBE_PORT), &listener)?;
        }
    }
    Ok(streams)
}

impl Network for ProxyNetwork {
    fn back_end(&self) -> BackEnd {
        BackEnd::Proxy
    }

    fn reductions(&self) -> Vec<String> {
        [
            "a cut loses bytes of TCP streams, not packets; a stream that lost bytes is reset by the heal instead of \
             recovering",
            "a connection to a cut-off or dead node is accepted by a proxy first and stays silent or breaks then, so it \
             is never refused",
            "nodes share the machine's network and process list; a node that knows another's own address can go around \
             the proxies",
            "a process that a node forked off into a session of its own is not signalled with it and ends with the run",
        ]
        .map(str::to_owned)
        .into()
    }

    fn address(&self, from: Place, to: NodeId, port: u16) -> SocketAddr {
        if from == Place::Node(to) { self.listen_address(to, port) } else { self.addresses.of_proxy(from, to, port) }
    }

    fn listen_address(&self, node: NodeId, port: u16) -> SocketAddr {
        self.addresses.of_node(node, port)
    }

    fn namespace(&self, _node: NodeId) -> Option<Arc<OwnedFd>> {
        None
    }

    fn runtime(&self, place: Place) -> tokio::runtime::Handle {
        self.places[self.layout.index(place)].handle()
    }

    fn set_cuts(&self, cut: &BTreeSet<Link>) -> Result<(), EnvironmentError> {
        let mut matrix = vec![false; self.layout.link_count()];
        for link in cut {
            matrix[self.layout.link_index(*link)] = true;
        }
        let (done, answer) = sync_channel(1);
        let relays = Arc::clone(&self.relays);
        self.proxies.handle().spawn(async move {
            relays.apply(&matrix);
            // Who asked may have given up waiting.
            let _ = done.send(());
        });
        let died = |_| std::io::Error::other("the proxies have ended");
        answer.recv_timeout(ANSWER_MAX).map_err(died).doing("change the cuts")
    }

    fn dropped(&self, link: Link) -> u64 {
        self.relays.dropped(self.layout.link_index(link))
    }

    fn probes(&self, link: Link, sent_ns: Range<u64>) -> ProbeCount {
        self.prober.count(link, &sent_ns)
    }
}
