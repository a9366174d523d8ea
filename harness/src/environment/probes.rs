//! Probes: small numbered messages over every link that matters, so that a cut is proved and not assumed.
//!
//! [`ProbeLog`] is the record, [`Prober`] the thread that sends and collects, a [`Carrier`] what they travel by. One
//! thread serves all sockets of all namespaces: a socket stays in the namespace it was made in, whoever uses it. Arrivals
//! are collected at the next tick or when somebody asks, which costs no wake-up a packet.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::os::Doing;
use super::{EnvironmentError, Link, ProbeCount};
use crate::record::Clock;

/// The port of probes, outside the range of ephemeral ports; the switch and iptables tell probes by it.
pub(super) const PROBE_PORT: u16 = 65077;

/// Time between two probes on a link.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_millis(20);

/// Begins every message.
pub(super) const MAGIC: [u8; 4] = *b"sprb";

/// The length of a message.
pub(super) const MESSAGE_BYTES: usize = 12;

/// One probe on its way.
pub(super) type Message = [u8; MESSAGE_BYTES];

/// What probes travel by.
pub(super) trait Carrier: Send + Sync {
    /// Sends a message over the link of a slot; false if it did not leave.
    fn send(&self, slot: usize, message: &Message) -> bool;

    /// Hands over every message that has arrived since the last call.
    fn collect(&self, arrived: &mut dyn FnMut(&Message));
}

/// One probe. The true moment of sending lies between two readings of the clock.
#[derive(Debug, Clone, Copy)]
struct Probe {
    before_ns: u64,
    after_ns: u64,
    arrived: bool,
}

/// All probes of a run by link and number.
#[derive(Debug)]
pub(super) struct ProbeLog {
    slots: BTreeMap<Link, usize>,
    probes: Vec<Vec<Probe>>,
}

impl ProbeLog {
    /// An empty log for these links; a link's place in the list is its slot.
    pub(super) fn new(links: &[Link]) -> Self {
        let slots = links.iter().enumerate().map(|(slot, link)| (*link, slot)).collect();
        Self { slots, probes: vec![Vec::new(); links.len()] }
    }

    /// The number that the next probe on a link gets.
    pub(super) fn next_number(&self, slot: usize) -> usize {
        self.probes[slot].len()
    }

    /// Takes note of a probe that was sent between two readings of the clock.
    pub(super) fn sent(&mut self, slot: usize, before_ns: u64, after_ns: u64) {
        self.probes[slot].push(Probe { before_ns, after_ns, arrived: false });
    }

    /// Takes note of an arrival; what was never sent is ignored.
    pub(super) fn arrived(&mut self, slot: usize, number: usize) {
        if let Some(probe) = self.probes.get_mut(slot).and_then(|probes| probes.get_mut(number)) {
            probe.arrived = true;
        }
    }

    /// Probes that were sent entirely within a window. One whose sending straddles an end of the window is left out: it
    /// cannot be said whether a cut that begins or ends there applied to it.
    pub(super) fn count(&self, link: Link, sent_ns: &Range<u64>) -> ProbeCount {
        let Some(slot) = self.slots.get(&link) else { return ProbeCount::default() };
        let probes = &self.probes[*slot];
        let first = probes.partition_point(|probe| probe.before_ns < sent_ns.start);
        let mut count = ProbeCount::default();
        for probe in probes[first..].iter().take_while(|probe| probe.after_ns < sent_ns.end) {
            count.sent += 1;
            count.arrived += u32::from(probe.arrived);
        }
        count
    }
}

/// The thread that sends and collects probes.
pub(super) struct Prober {
    shared: Arc<Shared>,
    // Dropping the sender ends the thread.
    _end: Sender<()>,
}

struct Shared {
    log: Mutex<ProbeLog>,
    slots: usize,
    carrier: Box<dyn Carrier>,
    clock: Clock,
}

impl Prober {
    /// Starts probing these links; a link's place in the list is its slot.
    pub(super) fn start(links: &[Link], carrier: Box<dyn Carrier>, clock: Clock) -> Result<Self, EnvironmentError> {
        let log = Mutex::new(ProbeLog::new(links));
        let shared = Arc::new(Shared { log, slots: links.len(), carrier, clock });
        let (end, ended) = channel();
        let of_thread = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("probes".to_owned())
            .spawn(move || every(PROBE_INTERVAL, &ended, || of_thread.tick()))
            .doing("start the thread of the probes")?;
        Ok(Self { shared, _end: end })
    }

    /// Probes that were sent within a window.
    pub(super) fn count(&self, link: Link, sent_ns: &Range<u64>) -> ProbeCount {
        let mut log = self.shared.log();
        self.shared.collect(&mut log);
        log.count(link, sent_ns)
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, ProbeLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) {
        let mut log = self.log();
        self.collect(&mut log);
        for slot in 0..self.slots {
            let message = encode(slot, log.next_number(slot));
            let before_ns = self.clock.now_ns();
            // A full queue is no probe: it says nothing about the link.
            if self.carrier.send(slot, &message) {
                log.sent(slot, before_ns, self.clock.now_ns());
            }
        }
    }

    fn collect(&self, log: &mut ProbeLog) {
        self.carrier.collect(&mut |message| {
            if let Some((slot, number)) = decode(message) {
                log.arrived(slot, number);
            }
        });
    }
}

/// Calls `work` at a fixed rate until the sender of `ended` is dropped. Missed turns are skipped, not made up for.
pub(super) fn every(interval: Duration, ended: &Receiver<()>, mut work: impl FnMut()) {
    let mut due = Instant::now() + interval;
    while ended.recv_timeout(due.saturating_duration_since(Instant::now())) == Err(RecvTimeoutError::Timeout) {
        work();
        due = (due + interval).max(Instant::now());
    }
}

fn encode(slot: usize, number: usize) -> Message {
    let mut message = [0; MESSAGE_BYTES];
    message[..4].copy_from_slice(&MAGIC);
    // A run has far fewer than 2^32 links, and probes on each.
    message[4..8].copy_from_slice(&u32::try_from(slot).unwrap_or(u32::MAX).to_be_bytes());
    message[8..].copy_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
    message
}

fn decode(message: &Message) -> Option<(usize, usize)> {
    let (magic, rest) = message.split_first_chunk::<4>()?;
    let (slot, rest) = rest.split_first_chunk::<4>()?;
    let number = rest.first_chunk::<4>()?;
    if *magic != MAGIC {
        return None;
    }
    Some((usize::try_from(u32::from_be_bytes(*slot)).ok()?, usize::try_from(u32::from_be_bytes(*number)).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::{NodeId, Place};

    const LINK: Link = Link { from: Place::Node(NodeId(1)), to: Place::Node(NodeId(2)) };

    #[test]
    fn a_window_counts_only_what_was_sent_entirely_within_it() {
        let mut log = ProbeLog::new(&[LINK]);
        for (before_ns, after_ns) in [(10, 12), (30, 45), (50, 51), (70, 95)] {
            log.sent(0, before_ns, after_ns);
        }
        log.arrived(0, 2);
        log.arrived(0, 9);
        assert_eq!(log.count(LINK, &(0..100)), ProbeCount { sent: 4, arrived: 1 });
        assert_eq!(log.count(LINK, &(11..90)), ProbeCount { sent: 2, arrived: 1 });
        assert_eq!(log.count(LINK, &(40..50)), ProbeCount { sent: 0, arrived: 0 });
        let unknown = Link { from: LINK.to, to: LINK.from };
        assert_eq!(log.count(unknown, &(0..100)), ProbeCount::default());
    }

    #[test]
    fn messages_read_back() {
        assert_eq!(decode(&encode(7, 123_456)), Some((7, 123_456)));
        assert_eq!(decode(&[0; 12]), None);
    }
}
