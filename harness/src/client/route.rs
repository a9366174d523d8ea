//! Which node a worker talks to next. Pure; time and the state of links are handed in.

use crate::environment::NodeId;

use super::{Completion, Outcome};

/// How long a worker stays with another node before it asks its own again, nanoseconds.
pub const ASK_OWN_EVERY_NS: u64 = 200_000_000;

/// Where one worker talks to: its own node first. It follows a "not leader" answer only over links that are up for it,
/// and comes back to its own node after any doubt and every [`ASK_OWN_EVERY_NS`], so that it notices a second leader
/// near it.
#[derive(Debug, Clone)]
pub struct Route {
    own: NodeId,
    current: NodeId,
    asked_own_ns: u64,
}

impl Route {
    /// A worker that belongs to `own`.
    #[must_use]
    pub fn new(own: NodeId) -> Self {
        Self { own, current: own, asked_own_ns: 0 }
    }

    /// The node for the next operation; `local` reads always go to the worker's own.
    pub fn choose(&mut self, now_ns: u64, local: bool) -> NodeId {
        if local {
            return self.own;
        }
        if now_ns.saturating_sub(self.asked_own_ns) >= ASK_OWN_EVERY_NS {
            self.current = self.own;
        }
        if self.current == self.own {
            self.asked_own_ns = now_ns;
        }
        self.current
    }

    /// Learns from a completion of `asked`. Answers whether another node than that is worth asking at once.
    pub fn learn(&mut self, asked: NodeId, completion: &Completion, reaches: impl Fn(NodeId) -> bool) -> bool {
        match (&completion.outcome, completion.leader_hint) {
            (Outcome::Ok(_), _) => false,
            // A refusal by a node that names itself (a precondition that did not hold): it leads, so stay.
            (Outcome::Fail(_), Some(leader)) if leader == asked => false,
            (Outcome::Fail(_), Some(leader)) if reaches(leader) => {
                self.current = leader;
                true
            }
            // An answer without a better address, a refused connection, a timeout: back home.
            _ => {
                self.current = self.own;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: NodeId = NodeId(1);
    const LEADER: NodeId = NodeId(2);

    fn not_leader(hint: Option<NodeId>) -> Completion {
        Completion { leader_hint: hint, ..Completion::new(Outcome::Fail("not-leader".to_owned())) }
    }

    #[test]
    fn follows_a_hint_and_comes_back_to_ask_its_own_node() {
        let mut route = Route::new(OWN);
        assert_eq!(route.choose(0, false), OWN);
        assert!(route.learn(OWN, &not_leader(Some(LEADER)), |_| true));
        assert_eq!(route.choose(1, false), LEADER);
        assert_eq!(route.choose(ASK_OWN_EVERY_NS - 1, false), LEADER);
        assert_eq!(route.choose(ASK_OWN_EVERY_NS, false), OWN);
    }

    #[test]
    fn does_not_follow_over_a_link_that_is_cut() {
        let mut route = Route::new(OWN);
        assert!(!route.learn(OWN, &not_leader(Some(LEADER)), |_| false));
        assert_eq!(route.choose(1, false), OWN);
    }

    #[test]
    fn any_doubt_brings_it_home() {
        for outcome in [Outcome::Info("timeout".to_owned()), Outcome::Fail("connection refused".to_owned())] {
            let mut route = Route::new(OWN);
            route.learn(OWN, &not_leader(Some(LEADER)), |_| true);
            route.learn(LEADER, &Completion::new(outcome), |_| true);
            assert_eq!(route.choose(1, false), OWN);
        }
    }

    #[test]
    fn a_refusal_by_the_leader_itself_is_no_reason_to_leave() {
        let mut route = Route::new(OWN);
        route.learn(OWN, &not_leader(Some(LEADER)), |_| true);
        assert!(!route.learn(LEADER, &not_leader(Some(LEADER)), |_| true));
        assert_eq!(route.choose(1, false), LEADER);
    }

    #[test]
    fn local_reads_stay_at_home() {
        let mut route = Route::new(OWN);
        route.learn(OWN, &not_leader(Some(LEADER)), |_| true);
        assert_eq!(route.choose(1, true), OWN);
    }
}
