//! Closed-loop clients, and what they have seen.

use rand::{Rng, RngExt};

use super::{network::Network, operation::Outcome, plan::Plan, workload};
use crate::{
    core::{ClientRequest, ClientResponse, NodeId, Position, Term},
    settings::Settings,
};

/// How long a client waits for an answer, in microseconds.
pub(super) const PATIENCE_US: u64 = 200_000;
/// How often a client tries an operation, with sessions; without, once.
const ATTEMPTS_MAX: u8 = 3;
/// After one in so many answers a client asks the node it lives with again.
const HOMESICKNESS: u32 = 8;

/// How an attempt, or with it an operation, ended.
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

impl Ended {
    /// Whether another attempt may end otherwise, and whether this one may have had an effect.
    fn retry(&self) -> (bool, bool) {
        match self {
            Ended::Not | Ended::GaveUp => (true, true),
            Ended::Refused { .. } => (true, false),
            Ended::Answered { response, .. } => match response {
                ClientResponse::Unknown { .. } => (true, true),
                ClientResponse::NotLeader { .. } => (true, false),
                _ => (false, false),
            },
        }
    }
}

/// One operation of one client.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    pub(super) client: usize,
    pub(super) process: u64,
    pub(super) node: NodeId,
    /// How many attempts came before the present one.
    pub(super) attempt: u8,
    /// An attempt before the present one may have had an effect.
    pub(super) in_doubt: bool,
    pub(super) request: ClientRequest,
    pub(super) invoked_us: u64,
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

    /// What the last attempt's refusal to do anything says about the operation.
    pub(super) fn refused(&self) -> Outcome {
        if self.in_doubt { Outcome::Info } else { Outcome::Fail }
    }

    /// Where and when it was acknowledged: term, position, time of completion.
    pub(super) fn acknowledged(&self) -> Option<(Term, Position, u64)> {
        match self.answer() {
            Some((at_us, ClientResponse::Acknowledged { term, position, .. })) => Some((*term, *position, at_us)),
            _ => None,
        }
    }

    fn is_undecided(&self) -> bool {
        let (fruitless, may_have_effect) = self.ended.retry();
        fruitless && (may_have_effect || self.in_doubt)
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
    /// The highest position that it has been told of.
    seen: Position,
}

impl Client {
    pub(super) fn new(index: u16, nodes: u16) -> Self {
        let home = NodeId(index % nodes + 1);
        Self { home, aim: home, process: u64::from(index), waits_for: None, seen: Position(0) }
    }

    /// The next operation, the `number`-th of the run.
    pub(super) fn invoke(
        &mut self,
        client: usize,
        number: usize,
        plan: &Plan,
        now_us: u64,
        rng: &mut impl Rng,
    ) -> Invocation {
        self.waits_for = Some(number);
        Invocation {
            client,
            process: self.process,
            node: self.aim,
            attempt: 0,
            in_doubt: false,
            request: workload::request(client, number, self.seen, plan, rng),
            invoked_us: now_us,
            ended: Ended::Not,
        }
    }

    /// An attempt has ended: decides whom to ask next. True if it tries the operation again, there.
    pub(super) fn learn(
        &mut self,
        invocation: &mut Invocation,
        ended: Ended,
        settings: &Settings,
        network: &Network,
        clients: usize,
        rng: &mut impl Rng,
    ) -> bool {
        let hint = match &ended {
            Ended::Answered { response: ClientResponse::NotLeader { leader: Some(leader) }, .. } => Some(*leader),
            ended if ended.retry().0 => Some(NodeId(self.aim.0 % network.nodes() + 1)),
            _ => rng.random_ratio(1, HOMESICKNESS).then_some(self.home),
        };
        if let Some(node) = hint {
            self.aim = if network.is_up_for_clients(self.home, node) { node } else { self.home };
        }
        let (fruitless, may_have_effect) = ended.retry();
        if fruitless && settings.sessions && invocation.attempt + 1 < ATTEMPTS_MAX {
            invocation.attempt += 1;
            invocation.in_doubt |= may_have_effect;
            invocation.node = self.aim;
            return true;
        }
        invocation.ended = ended;
        self.waits_for = None;
        self.seen =
            self.seen.max(invocation.answer().and_then(|(_, response)| position_of(response)).unwrap_or_default());
        if invocation.is_undecided() {
            self.process += clients as u64;
        }
        false
    }
}

/// The position that an answer tells of.
pub(super) fn position_of(response: &ClientResponse) -> Option<Position> {
    match response {
        ClientResponse::Value { position, .. }
        | ClientResponse::Items { position, .. }
        | ClientResponse::Acknowledged { position, .. } => Some(*position),
        _ => None,
    }
}
