//! Probes as messages on streams that go through the proxies.
//!
//! One stream serves both directions between two places. It is opened while everything is up and stays open: the relay
//! drops a probe's bytes while its direction is cut, but never breaks the stream, because a probe needs no retransmission.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::os::Doing;
use super::super::probes::{Carrier, MAGIC, MESSAGE_BYTES, Message};
use super::super::{EnvironmentError, Link, Place};

/// How long a probe's stream may take to open on loopback.
const OPEN_MAX: Duration = Duration::from_secs(5);

/// The streams; each link has the end at its sender.
pub(super) struct Streams {
    ends: Vec<End>,
    /// For each slot the index of the end that its sender holds.
    senders: Vec<usize>,
}

struct End {
    at: Place,
    other: Place,
    stream: TcpStream,
    inbox: Mutex<Inbox>,
}

impl Streams {
    /// No stream yet.
    pub(super) fn new() -> Self {
        Self { ends: Vec::new(), senders: Vec::new() }
    }

    /// Opens the stream from `from` to `to`, whose proxy and listener are given.
    pub(super) fn open(
        &mut self,
        from: Place,
        to: Place,
        proxy: SocketAddr,
        listener: &TcpListener,
    ) -> Result<(), EnvironmentError> {
        let near = TcpStream::connect_timeout(&proxy, OPEN_MAX).doing(format!("open a probe's stream to {proxy}"))?;
        let far = accept(listener)?;
        for (at, other, stream) in [(from, to, near), (to, from, far)] {
            stream.set_nodelay(true).doing("send probes without delay")?;
            stream.set_nonblocking(true).doing("make a probe's stream non-blocking")?;
            self.ends.push(End { at, other, stream, inbox: Mutex::default() });
        }
        Ok(())
    }

    /// Ready to carry probes of these links, each of which must have a stream.
    pub(super) fn for_links(mut self, links: &[Link]) -> Self {
        self.senders = links
            .iter()
            .filter_map(|link| self.ends.iter().position(|end| end.at == link.from && end.other == link.to))
            .collect();
        debug_assert_eq!(self.senders.len(), links.len(), "every link has a stream");
        self
    }
}

fn accept(listener: &TcpListener) -> Result<TcpStream, EnvironmentError> {
    let begin = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => return Ok(stream),
            Err(error) if error.kind() == ErrorKind::WouldBlock && begin.elapsed() < OPEN_MAX => {
                std::thread::sleep(Duration::from_micros(100));
            }
            Err(error) => return Err(error).doing("accept a probe's stream"),
        }
    }
}

impl Carrier for Streams {
    fn send(&self, slot: usize, message: &Message) -> bool {
        // On loopback twelve bytes fit or do not; a stream full of unread probes refuses them whole.
        (&self.ends[self.senders[slot]].stream).write(message).is_ok_and(|length| length == MESSAGE_BYTES)
    }

    fn collect(&self, arrived: &mut dyn FnMut(&Message)) {
        let mut buffer = [0; 128 * MESSAGE_BYTES];
        for end in &self.ends {
            let mut inbox = end.inbox.lock().unwrap_or_else(PoisonError::into_inner);
            while let Ok(length @ 1..) = (&end.stream).read(&mut buffer) {
                inbox.take(&buffer[..length], arrived);
            }
        }
    }
}

/// Cuts a stream of bytes into messages; after bytes were dropped it finds the next message by its beginning.
#[derive(Default)]
struct Inbox(Vec<u8>);

impl Inbox {
    fn take(&mut self, bytes: &[u8], arrived: &mut dyn FnMut(&Message)) {
        self.0.extend_from_slice(bytes);
        let mut rest = self.0.as_slice();
        while let Some((message, after)) = rest.split_first_chunk::<MESSAGE_BYTES>() {
            if message.starts_with(&MAGIC) {
                arrived(message);
                rest = after;
            } else {
                rest = &rest[1..];
            }
        }
        self.0 = rest.to_vec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_whatever_the_pieces_and_after_a_loss() {
        let message = |last: u8| {
            let mut message = [0; MESSAGE_BYTES];
            message[..4].copy_from_slice(&MAGIC);
            message[11] = last;
            message
        };
        // The second message has lost its beginning.
        let bytes = [&message(1)[..], &message(2)[5..], &message(3)[..]].concat();
        for size in 1..=bytes.len() {
            let (mut inbox, mut found) = (Inbox::default(), Vec::new());
            for piece in bytes.chunks(size) {
                inbox.take(piece, &mut |message| found.push(message[11]));
            }
            assert_eq!(found, [1, 3], "in pieces of {size}");
        }
    }
}
