//! Whether the cluster agrees again after everything was healed.

use std::time::Duration;

use tokio::sync::watch;

use crate::nemesis::Claims;
use crate::systems::Role;

/// Waits until one node leads, all others follow, every node is at the leader's position, and nobody has changed role
/// or term for `quiet`. False if that does not come true within `bound`.
pub(super) async fn wait_until_converged(
    mut claims: watch::Receiver<Claims>,
    quiet: Duration,
    bound: Duration,
) -> bool {
    let deadline = tokio::time::Instant::now() + bound;
    let mut agreement = Agreement::default();
    loop {
        let now = tokio::time::Instant::now();
        if agreement.update(&claims.borrow_and_update().clone(), now.into_std(), quiet) {
            return true;
        }
        if now >= deadline {
            return false;
        }
        // Time alone can make it true, so never wait for a change only.
        let _ = tokio::time::timeout(Duration::from_millis(20), claims.changed()).await;
    }
}

/// The claims so far, and since when nobody has changed role or term.
#[derive(Default)]
struct Agreement {
    roles: Vec<Option<(Role, u64)>>,
    since: Option<std::time::Instant>,
}

impl Agreement {
    fn update(&mut self, claims: &Claims, now: std::time::Instant, quiet: Duration) -> bool {
        let roles: Vec<_> = claims.values().map(|claim| claim.as_ref().map(|claim| (claim.role, claim.term))).collect();
        if self.since.is_none() || roles != self.roles {
            self.roles = roles;
            self.since = Some(now);
        }
        let calm = self.since.is_some_and(|since| now.duration_since(since) >= quiet);
        calm && is_agreed(claims)
    }
}

fn is_agreed(claims: &Claims) -> bool {
    let Some(all) = claims.values().map(Option::as_ref).collect::<Option<Vec<_>>>() else { return false };
    let mut leaders = all.iter().filter(|claim| claim.role == Role::Leader);
    let (Some(leader), None) = (leaders.next(), leaders.next()) else { return false };
    all.iter().all(|claim| {
        claim.role != Role::Candidate && claim.position == leader.position && claim.applied == leader.position
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::environment::NodeId;
    use crate::systems::Claim;

    const QUIET: Duration = Duration::from_millis(600);

    fn claims(of: &[Option<(Role, u64, u64)>]) -> Claims {
        let claim = |(role, term, applied)| Claim { role, term, position: 7, applied };
        NodeId::all(9).zip(of).map(|(node, each)| (node, each.map(claim))).collect()
    }

    /// Whether unchanged claims count as converged after a quiet time, and not before.
    fn check(of: &[Option<(Role, u64, u64)>], expected: bool) {
        let (claims, start) = (claims(of), Instant::now());
        let mut agreement = Agreement::default();
        assert!(!agreement.update(&claims, start, QUIET), "too early");
        assert_eq!(agreement.update(&claims, start + QUIET, QUIET), expected, "{of:?}");
    }

    #[test]
    fn one_leader_and_everybody_at_its_position() {
        use Role::{Candidate, Follower, Leader};
        check(&[Some((Leader, 2, 7)), Some((Follower, 2, 7)), Some((Follower, 2, 7))], true);
        check(&[Some((Leader, 2, 7)), Some((Follower, 2, 6)), Some((Follower, 2, 7))], false);
        check(&[Some((Leader, 2, 7)), Some((Leader, 3, 7)), Some((Follower, 3, 7))], false);
        check(&[Some((Leader, 2, 7)), None, Some((Follower, 2, 7))], false);
        check(&[Some((Follower, 2, 7)), Some((Follower, 2, 7))], false);
        check(&[Some((Leader, 2, 7)), Some((Candidate, 3, 7))], false);
    }

    #[test]
    fn a_change_of_role_starts_the_quiet_time_anew() {
        let start = Instant::now();
        let first = claims(&[Some((Role::Leader, 2, 7)), Some((Role::Follower, 2, 7))]);
        let second = claims(&[Some((Role::Follower, 3, 7)), Some((Role::Leader, 3, 7))]);
        let mut agreement = Agreement::default();
        assert!(!agreement.update(&first, start, QUIET));
        assert!(!agreement.update(&second, start + QUIET, QUIET));
        assert!(!agreement.update(&second, start + QUIET + QUIET / 2, QUIET));
        assert!(agreement.update(&second, start + QUIET * 2, QUIET));
    }
}
