//! The userspace switch: one TUN device per place, one thread that forwards every packet.
//!
//! The thread owns the matrix of cuts. A change is a message to it: it first forwards or drops everything that was sent
//! before, by the former cuts, and then applies the new ones, all at once. So no packet that was sent during a cut is
//! delivered because the switch was late, and every proof can go by the time of sending.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::super::os::Doing;
use super::super::probes::{PROBE_PORT, Prober};
use super::super::{BackEnd, EnvironmentError, Link, NodeId, Place, ProbeCount};
use super::datagrams::{Datagrams, probe_socket};
use super::layout::PREFIX_LENGTH;
use super::place_thread::Separation;
use super::{Layout, Network, PlaceThread, Tun};
use crate::record::Clock;

/// Packets forwarded for one place before the next gets its turn.
const BATCH_PACKETS: usize = 64;

/// Packets that may wait in one device when the cuts change; more than its queue holds.
const DRAIN_PACKETS_MAX: usize = 8192;

/// A switch that does not answer within this time has died.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// No IPv4 packet is longer.
const PACKET_BYTES_MAX: usize = 65_536;

const PROTOCOL_UDP: u8 = 17;

/// The network.
pub(in crate::environment) struct SwitchNetwork {
    layout: Layout,
    places: Vec<PlaceThread>,
    prober: Prober,
    dropped: Arc<Vec<AtomicU64>>,
    changes: Sender<Change>,
    wake: Arc<EventFd>,
}

struct Change {
    cut: Vec<bool>,
    done: SyncSender<()>,
}

impl SwitchNetwork {
    /// Makes every place and starts the switch.
    pub(in crate::environment) fn start(layout: Layout, clock: Clock) -> Result<Self, EnvironmentError> {
        let starting = layout
            .places()
            .map(|place| {
                let address = layout.address(place);
                PlaceThread::start(
                    format!("place {place}"),
                    Separation::Namespace,
                    move || -> Result<(Tun, UdpSocket), _> {
                        Ok((Tun::open_with(address, PREFIX_LENGTH)?, probe_socket(address)?))
                    },
                )
            })
            .collect::<Result<Vec<_>, _>>()?;
        let (mut places, mut tuns, mut sockets) = (Vec::new(), Vec::new(), Vec::new());
        for place in starting {
            let (place, (tun, socket)) = place.wait()?;
            places.push(place);
            tuns.push(tun);
            sockets.push(socket);
        }
        let dropped: Arc<Vec<AtomicU64>> = Arc::new((0..layout.link_count()).map(|_| AtomicU64::new(0)).collect());
        let wake =
            Arc::new(EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC).doing("make an event")?);
        let (changes, received) = channel();
        let switch = Switch::new(layout, tuns, Arc::clone(&dropped), Arc::clone(&wake), received)?;
        std::thread::Builder::new().name("switch".to_owned()).spawn(move || switch.run()).doing("start the switch")?;
        let prober = Datagrams::start(layout, sockets, clock)?;
        Ok(Self { layout, places, prober, dropped, changes, wake })
    }
}

impl Network for SwitchNetwork {
    fn back_end(&self) -> BackEnd {
        BackEnd::Switch
    }

    fn reductions(&self) -> Vec<String> {
        Vec::new()
    }

    fn address(&self, _from: Place, to: NodeId, port: u16) -> SocketAddr {
        self.listen_address(to, port)
    }

    fn listen_address(&self, node: NodeId, port: u16) -> SocketAddr {
        (self.layout.address(Place::Node(node)), port).into()
    }

    fn namespace(&self, node: NodeId) -> Option<Arc<OwnedFd>> {
        self.places[self.layout.index(Place::Node(node))].namespace()
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
        let died = || std::io::Error::other("the switch has ended");
        self.changes.send(Change { cut: matrix, done }).map_err(|_| died()).doing("change the cuts")?;
        self.wake.write(1).doing("wake the switch")?;
        answer.recv_timeout(ANSWER_MAX).map_err(|_| died()).doing("change the cuts")
    }

    fn dropped(&self, link: Link) -> u64 {
        self.dropped[self.layout.link_index(link)].load(Ordering::Relaxed)
    }

    fn probes(&self, link: Link, sent_ns: Range<u64>) -> ProbeCount {
        self.prober.count(link, &sent_ns)
    }
}

impl Drop for SwitchNetwork {
    fn drop(&mut self) {
        // The switch ends when it finds its channel closed, so close it and wake it.
        self.changes = channel().0;
        let _ = self.wake.write(1);
    }
}

/// What the thread owns.
struct Switch {
    layout: Layout,
    tuns: Vec<Tun>,
    cut: Vec<bool>,
    dropped: Arc<Vec<AtomicU64>>,
    epoll: Epoll,
    wake: Arc<EventFd>,
    changes: Receiver<Change>,
}

impl Switch {
    fn new(
        layout: Layout,
        tuns: Vec<Tun>,
        dropped: Arc<Vec<AtomicU64>>,
        wake: Arc<EventFd>,
        changes: Receiver<Change>,
    ) -> Result<Self, EnvironmentError> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).doing("make the switch's epoll")?;
        for (index, tun) in tuns.iter().enumerate() {
            epoll.add(tun, EpollEvent::new(EpollFlags::EPOLLIN, index as u64)).doing("watch a TUN device")?;
        }
        epoll.add(&*wake, EpollEvent::new(EpollFlags::EPOLLIN, tuns.len() as u64)).doing("watch for changes")?;
        Ok(Self { layout, cut: vec![false; layout.link_count()], tuns, dropped, epoll, wake, changes })
    }

    fn run(mut self) {
        let mut buffer = vec![0; PACKET_BYTES_MAX];
        let mut events = [EpollEvent::empty(); 32];
        loop {
            let count = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(count) => count,
                Err(Errno::EINTR) => continue,
                Err(_) => return,
            };
            let mut change = false;
            for event in &events[..count] {
                match usize::try_from(event.data()) {
                    Ok(index) if index < self.tuns.len() => self.forward(index, BATCH_PACKETS, &mut buffer),
                    _ => change = true,
                }
            }
            if change && !self.apply_changes(&mut buffer) {
                return;
            }
        }
    }

    /// False once there will be no more changes because the network is gone.
    fn apply_changes(&mut self, buffer: &mut [u8]) -> bool {
        // Only resets the counter; how often it was woken does not matter.
        let _ = self.wake.read();
        loop {
            let change = match self.changes.try_recv() {
                Ok(change) => change,
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            };
            for index in 0..self.tuns.len() {
                self.forward(index, DRAIN_PACKETS_MAX, buffer);
            }
            self.cut = change.cut;
            // Who asked may have given up waiting.
            let _ = change.done.send(());
        }
    }

    fn forward(&self, from: usize, packets_max: usize, buffer: &mut [u8]) {
        for _ in 0..packets_max {
            let Ok(length) = self.tuns[from].read(buffer) else { return };
            let packet = &buffer[..length];
            let Some(to) = destination(packet).and_then(|address| self.layout.index_of_address(address)) else {
                continue;
            };
            let link = from * self.layout.count() + to;
            if !self.cut[link] {
                self.tuns[to].write(packet);
            } else if !is_probe(packet) {
                self.dropped[link].fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// The destination of an IPv4 packet; nothing else is forwarded.
fn destination(packet: &[u8]) -> Option<[u8; 4]> {
    if packet.first()? >> 4 != 4 {
        return None;
    }
    packet.get(16..20)?.try_into().ok()
}

fn is_probe(packet: &[u8]) -> bool {
    let header_bytes = usize::from(packet[0] & 0x0f) * 4;
    packet[9] == PROTOCOL_UDP
        && packet.get(header_bytes + 2..header_bytes + 4) == Some(PROBE_PORT.to_be_bytes().as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(protocol: u8, destination_port: u16) -> Vec<u8> {
        let mut packet = vec![0; 28];
        packet[0] = 0x45;
        packet[9] = protocol;
        packet[16..20].copy_from_slice(&[10, 77, 1, 2]);
        packet[22..24].copy_from_slice(&destination_port.to_be_bytes());
        packet
    }

    #[test]
    fn probes_are_told_by_protocol_and_port() {
        assert!(is_probe(&packet(PROTOCOL_UDP, PROBE_PORT)));
        assert!(!is_probe(&packet(6, PROBE_PORT)));
        assert!(!is_probe(&packet(PROTOCOL_UDP, 2379)));
        assert!(!is_probe(&packet(PROTOCOL_UDP, PROBE_PORT)[..22]));
    }

    #[test]
    fn only_ipv4_is_routed() {
        assert_eq!(destination(&packet(6, 80)), Some([10, 77, 1, 2]));
        assert_eq!(destination(&[0x60; 40]), None);
        assert_eq!(destination(&[0x45; 12]), None);
        assert_eq!(destination(&[]), None);
    }
}
