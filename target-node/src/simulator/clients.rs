//! Closed-loop clients, and what they have seen.

use rand::{Rng, RngExt};

use super::{network::Network, operation::Outcome};
use crate::{
    core::{Change, ClientRequest, ClientResponse, NodeId, Origin, Position, Term, Value},
    settings::{ReadLevel, Replication, Settings},
};

/// How long a client waits for an answer, in microseconds.
pub(super) const PATIENCE_US: u64 = 200_000;
/// After one in so many answers a client asks the node it lives with again.
const HOMESICKNESS: u32 = 8;
/// How many registers there are.
const REGISTERS: u32 = 3;
/// After so many operations a new set takes the place of the oldest of two: reads stay small however long a run.
const OPERATIONS_PER_SET: usize = 100;

/// How an invocation ended.
#[derive(Debug, Clone)]
pub(super) enum Ended {
    /// It is under way.
    Not,
    /// An answer arrived.
    Answered { at_us: u64, response: ClientResponse },
    /// There was nobody to take it.
    Refused { at_us: u64 },
    /// No answer arrived in time.
    GaveUp,
}

/// One operation of one client.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    pub(super) client: usize,
    pub(super) process: u64,
    pub(super) node: NodeId,
    pub(super) request: ClientRequest,
    pub(super) invoked_us: u64,
    /// It asks for an earlier operation again, under its name.
    pub(super) repeats: bool,
    pub(super) ended: Ended,
}

impl Invocation {
    /// The answer and when it arrived.
    pub(super) fn answer(&self) -> Option<(u64, &ClientResponse)> {
        match &self.ended {
            Ended::Answered { at_us, response } => Some((*at_us, response)),
            Ended::Not | Ended::Refused { .. } | Ended::GaveUp => None,
        }
    }

    /// The client's name for it.
    pub(super) fn origin(&self) -> Option<&Origin> {
        match &self.request {
            ClientRequest::Write { origin, .. } | ClientRequest::Transaction { origin, .. } => origin.as_ref(),
            ClientRequest::Read { .. } | ClientRequest::Scan { .. } => None,
        }
    }

    /// What a definite refusal says about it.
    pub(super) fn fails(&self) -> Outcome {
        Outcome::Fail
    }

    /// Where and when it was acknowledged: term, position, time of completion.
    pub(super) fn acknowledged(&self) -> Option<(Term, Position, u64)> {
        match self.answer() {
            Some((at_us, ClientResponse::Acknowledged { term, position, .. })) => Some((*term, *position, at_us)),
            _ => None,
        }
    }

    fn is_undecided(&self) -> bool {
        match &self.ended {
            Ended::Not | Ended::GaveUp => true,
            Ended::Refused { .. } => false,
            Ended::Answered { response, .. } => matches!(response, ClientResponse::Unknown { .. }),
        }
    }
}

/// One client: it lives with a node and prefers it until told otherwise.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) home: NodeId,
    aim: NodeId,
    /// Its logical process; clients share the numbers so that none is used twice.
    process: u64,
    /// The operation that it waits for.
    pub(super) waits_for: Option<usize>,
    /// An operation of unknown outcome that it will ask for again.
    again: Option<ClientRequest>,
}

impl Client {
    pub(super) fn new(index: u16, nodes: u16) -> Self {
        let home = NodeId(index % nodes + 1);
        Self { home, aim: home, process: u64::from(index), waits_for: None, again: None }
    }

    /// The next operation, the `number`-th of the run; written values are unique.
    pub(super) fn invoke(
        &mut self,
        client: usize,
        number: usize,
        settings: &Settings,
        now_us: u64,
        rng: &mut impl Rng,
    ) -> Invocation {
        self.waits_for = Some(number);
        let again = self.again.take().filter(|_| settings.sessions);
        let repeats = again.is_some();
        let request = again.unwrap_or_else(|| match rng.random_range(0..100) {
            0..35 => read(number, rng, settings),
            kind => write(kind, client, number, rng),
        });
        let (process, node, invoked_us) = (self.process, self.aim, now_us);
        Invocation { client, process, node, request, invoked_us, repeats, ended: Ended::Not }
    }

    /// Its operation has ended: decides whom to ask next, and as whom.
    pub(super) fn learn(
        &mut self,
        ended: &Invocation,
        clients: usize,
        network: &Network,
        nodes: u16,
        rng: &mut impl Rng,
    ) {
        self.waits_for = None;
        if ended.is_undecided() {
            self.process += clients as u64;
            let repeatable = matches!(ended.request, ClientRequest::Write { .. });
            self.again = (repeatable && rng.random_bool(0.7)).then(|| ended.request.clone());
        }
        let hint = match ended.answer().map(|(_, response)| response) {
            Some(ClientResponse::NotLeader { leader: Some(leader) }) => Some(*leader),
            Some(ClientResponse::NotLeader { leader: None } | ClientResponse::Unknown { .. }) | None => {
                Some(NodeId(self.aim.0 % nodes + 1))
            }
            Some(_) => rng.random_ratio(1, HOMESICKNESS).then_some(self.home),
        };
        if let Some(node) = hint {
            self.aim = if network.is_up_for_clients(self.home, node) { node } else { self.home };
        }
    }
}

fn read(number: usize, rng: &mut impl Rng, settings: &Settings) -> ClientRequest {
    let key = if rng.random_bool(0.7) { register(rng) } else { set(number, rng) };
    let level = match rng.random_range(0..10) {
        0 => Some(ReadLevel::Local),
        1 => Some(ReadLevel::Leader),
        _ => Some(settings.read),
    };
    ClientRequest::Read { key, level, at_least: None }
}

fn write(kind: u32, client: usize, number: usize, rng: &mut impl Rng) -> ClientRequest {
    let value = Value::from(number as u64);
    let change = match kind {
        35..60 => Change::Write { key: register(rng), value },
        60..70 => {
            let old = Value::from(number.saturating_sub(rng.random_range(1..=8)) as u64);
            Change::Cas { key: register(rng), old, new: value }
        }
        _ => Change::Add { key: set(number, rng), value },
    };
    // Now and then a critical write asks for more than the default.
    let replication = rng.random_bool(0.05).then_some(Replication::Sync);
    let origin = Some(Origin { client: format!("c{client}"), operation: number as u64 });
    ClientRequest::Write { change, replication, origin }
}

/// The first letter of a key tells the kind of its object.
fn register(rng: &mut impl Rng) -> String {
    format!("r{}", rng.random_range(0..REGISTERS))
}

fn set(number: usize, rng: &mut impl Rng) -> String {
    format!("s{}", number / OPERATIONS_PER_SET + rng.random_range(0..2))
}
