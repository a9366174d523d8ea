//! What a fault may touch.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::environment::{Environment, NodeId};
use crate::record::{Clock, Recorder};
use crate::systems::{Claim, Settings, System};

/// The latest claim of every node; `None` while it does not answer. Written by the observer every 50 ms.
pub type Claims = BTreeMap<NodeId, Option<Claim>>;

/// When each node last acknowledged a write, on the run's clock, as seen by the workers.
pub type Acknowledgements = BTreeMap<NodeId, u64>;

/// The running system, as faults see it.
#[derive(Clone)]
pub struct Cluster {
    /// Processes and links.
    pub environment: Arc<dyn Environment>,
    /// The description of the system.
    pub system: Arc<dyn System>,
    /// Its resolved settings.
    pub settings: Settings,
    /// The run's seed.
    pub seed: u64,
    /// The run's clock.
    pub clock: Clock,
    /// The run's history.
    pub recorder: Recorder,
    /// The observer's latest findings.
    pub claims: watch::Receiver<Claims>,
    /// The workers' latest acknowledgements.
    pub acknowledgements: watch::Receiver<Acknowledgements>,
}

impl Cluster {
    /// The node that claims to lead with the highest term, if any; nobody stores it.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        leader_of(&self.claims.borrow())
    }
}

/// The claim to lead with the highest term; none if no node claims it or two do under that same term.
#[must_use]
pub fn leader_of(claims: &Claims) -> Option<NodeId> {
    let leaders = claims.iter().filter_map(|(node, claim)| {
        let claim = claim.as_ref()?;
        (claim.role == crate::systems::Role::Leader).then_some((claim.term, *node))
    });
    let highest = leaders.clone().map(|(term, _)| term).max()?;
    let mut at_highest = leaders.filter(|(term, _)| *term == highest);
    match (at_highest.next(), at_highest.next()) {
        (Some((_, node)), None) => Some(node),
        _ => None,
    }
}
