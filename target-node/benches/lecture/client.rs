//! A client that costs little: one connection, kept alive, one HTTP/1.1 request at a time.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// One client of one node at a time.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    patience: Duration,
    connection: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::with_patience(address, Duration::from_secs(5))
    }

    pub(crate) fn with_patience(address: SocketAddr, patience: Duration) -> Self {
        Self { address, patience, connection: None, buffer: Vec::new() }
    }

    /// Asks another node from now on.
    pub(crate) fn turn_to(&mut self, address: SocketAddr) {
        if address != self.address {
            self.address = address;
            self.connection = None;
        }
    }

    /// Posts a body; none if there was no answer in time.
    pub(crate) async fn post(&mut self, path: &str, body: &str) -> Option<Answer> {
        self.request("POST", path, body).await
    }

    /// Gets a path; none if there was no answer in time.
    pub(crate) async fn get(&mut self, path: &str) -> Option<Answer> {
        self.request("GET", path, "").await
    }

    async fn request(&mut self, method: &str, path: &str, body: &str) -> Option<Answer> {
        // The connection comes back only after a whole answer: a late one must not be taken for the next one's.
        let mut stream = self.connection.take();
        let answer = timeout(self.patience, async {
            let mut connected = match stream.take() {
                Some(connected) => connected,
                None => connect(self.address).await?,
            };
            let head = format!("{method} {path} HTTP/1.1\r\nhost: n\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            connected.write_all(head.as_bytes()).await.ok()?;
            let answer = read_answer(&mut connected, &mut self.buffer).await?;
            Some((answer, connected))
        });
        let (answer, connected) = answer.await.ok()??;
        self.connection = Some(connected);
        Some(answer)
    }
}

async fn connect(address: SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect(address).await.ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Answer> {
    buffer.clear();
    let (status, body_start, body_end) = loop {
        if let Some(end) = find_end_of_head(buffer) {
            let head = std::str::from_utf8(&buffer[..end]).ok()?;
            let status = head.get(9..12)?.parse().ok()?;
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            })?;
            break (status, end + 4, end + 4 + length);
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    while buffer.len() < body_end {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    Some(Answer { status, body: buffer[body_start..body_end].to_vec() })
}

fn find_end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n")
}
