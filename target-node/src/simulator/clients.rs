//! Closed-loop clients, and what they have seen.

use rand::{Rng, RngExt};

use super::network::Network;
use crate::{
    core::{Change, ClientRequest, ClientResponse, NodeId, Origin, Position, Term, Value},
    settings::{ReadLevel, Replication, Settings},
};

/// How long a client waits for an answer, in microseconds.
pub(super) const PATIENCE_US: u64 = 200_000;
/// After one in so many answers a client asks the node it lives with again.
const HOMESICKNESS: u32 = 8;
/// The keys of registers and of sets.
const REGISTERS: [&str; 3] = ["a", "b", "c"];
const SETS: [&str; 2] = ["s", "t"];

/// One operation of one client.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) client: usize,
    pub(super) node: NodeId,
    pub(super) request: ClientRequest,
    pub(super) invoked_us: u64,
    /// When the answer arrived, and the answer; none for an operation that was given up or is under way.
    pub(super) completed: Option<(u64, ClientResponse)>,
}

impl Operation {
    /// Where and when it was acknowledged: term, position, time of completion.
    pub(super) fn acknowledged(&self) -> Option<(Term, Position, u64)> {
        match self.completed {
            Some((completed_us, ClientResponse::Acknowledged { term, position, .. })) => {
                Some((term, position, completed_us))
            }
            _ => None,
        }
    }
}

/// One client: it lives with a node and prefers it until told otherwise.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) home: NodeId,
    aim: NodeId,
    /// The operation that it waits for.
    pub(super) waits_for: Option<usize>,
}

impl Client {
    pub(super) fn new(index: u16, nodes: u16) -> Self {
        let home = NodeId(index % nodes + 1);
        Self { home, aim: home, waits_for: None }
    }

    /// The next operation, the `number`-th of the run; written values are unique.
    pub(super) fn invoke(
        &mut self,
        client: usize,
        number: usize,
        settings: &Settings,
        now_us: u64,
        rng: &mut impl Rng,
    ) -> Operation {
        self.waits_for = Some(number);
        let request = match rng.random_range(0..100) {
            0..35 => read(rng, settings),
            kind => write(kind, client, number, rng),
        };
        Operation { client, node: self.aim, request, invoked_us: now_us, completed: None }
    }

    /// Decides whom to ask next, given an answer or none.
    pub(super) fn learn(
        &mut self,
        response: Option<&ClientResponse>,
        network: &Network,
        nodes: u16,
        rng: &mut impl Rng,
    ) {
        let hint = match response {
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

fn read(rng: &mut impl Rng, settings: &Settings) -> ClientRequest {
    let key = if rng.random_bool(0.7) { pick(rng, &REGISTERS) } else { pick(rng, &SETS) };
    let level = match rng.random_range(0..10) {
        0 => Some(ReadLevel::Local),
        1 => Some(ReadLevel::Leader),
        _ => Some(settings.read),
    };
    ClientRequest::Read { key, level }
}

fn write(kind: u32, client: usize, number: usize, rng: &mut impl Rng) -> ClientRequest {
    let value = Value::from(number as u64);
    let change = match kind {
        35..60 => Change::Write { key: pick(rng, &REGISTERS), value },
        60..70 => {
            let old = Value::from(number.saturating_sub(rng.random_range(1..=8)) as u64);
            Change::Cas { key: pick(rng, &REGISTERS), old, new: value }
        }
        _ => Change::Add { key: pick(rng, &SETS), value },
    };
    // Now and then a critical write asks for more than the default.
    let replication = rng.random_bool(0.05).then_some(Replication::Sync);
    let origin = Some(Origin { client: format!("c{client}"), operation: number as u64 });
    ClientRequest::Write { change, replication, origin }
}

fn pick(rng: &mut impl Rng, keys: &[&str]) -> String {
    keys[rng.random_range(0..keys.len())].to_owned()
}
