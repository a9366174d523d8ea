//! Two nodes that claim to lead at once, as the observer saw it.
//!
//! It proves nothing by itself: a leader that was cut off claims to lead until it learns otherwise.

use std::collections::BTreeMap;

use crate::analysis::Analysis;
use crate::checker::{Checker, Context};
use crate::history::{ClaimChange, History};
use crate::verdict::{FindingKind, Witness};
use crate::witness::{at, counted, faults_during, seconds};

/// See the module.
pub static CHECKER: Checker = Checker { name: "two-leaders", description: "two nodes claimed to lead at once", check };

/// A time with more than one leader.
struct Episode {
    from_ns: u64,
    to_ns: u64,
    claims: Vec<ClaimChange>,
}

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    if history.timeline().claims.is_empty() {
        return;
    }
    let episodes = episodes(history);
    let total: u64 = episodes.iter().map(|episode| episode.to_ns - episode.from_ns).sum();
    analysis.measures.two_leaders_seconds = Some(seconds(total));
    let Some(longest) = episodes.iter().max_by_key(|episode| episode.to_ns - episode.from_ns) else { return };
    let who: Vec<String> = longest
        .claims
        .iter()
        .map(|claim| match claim.term {
            Some(term) => format!("{} (term {term})", claim.node),
            None => claim.node.clone(),
        })
        .collect();
    let text = format!(
        "{} claimed to lead at once from {} to {}, the longest of {}, {:.3} s in all; {}. By itself this proves \
         nothing: a leader that is cut off claims to lead until it learns otherwise.",
        who.join(" and "),
        at(longest.from_ns),
        at(longest.to_ns),
        counted(episodes.len() as u64, "such time"),
        seconds(total),
        faults_during(history, longest.from_ns, longest.to_ns),
    );
    let mut events: Vec<u64> = longest.claims.iter().map(|claim| claim.index).collect();
    events.sort_unstable();
    analysis.find(FindingKind::TwoLeaders, episodes.len() as u64, Some(seconds(total)), Witness { text, events });
}

fn episodes(history: &History) -> Vec<Episode> {
    let mut leaders: BTreeMap<&str, &ClaimChange> = BTreeMap::new();
    let mut episodes = Vec::new();
    let mut open: Option<Episode> = None;
    for claim in &history.timeline().claims {
        if claim.role.as_deref() == Some("leader") {
            leaders.insert(&claim.node, claim);
        } else {
            leaders.remove(claim.node.as_str());
        }
        if leaders.len() > 1 {
            let claims = || leaders.values().map(|claim| (*claim).clone()).collect();
            open.get_or_insert_with(|| Episode { from_ns: claim.time_ns, to_ns: claim.time_ns, claims: claims() });
        } else if let Some(mut episode) = open.take() {
            episode.to_ns = claim.time_ns;
            episodes.push(episode);
        }
    }
    if let Some(mut episode) = open {
        episode.to_ns = history.end_ns().max(episode.from_ns);
        episodes.push(episode);
    }
    episodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::judge;
    use crate::testing::HistoryText;
    use crate::{Limits, Validity};

    #[test]
    fn overlapping_claims_are_reported_with_their_seconds_and_invalidate_nothing() {
        let mut text = HistoryText::new();
        text.ok((0, 1), 0, "add", serde_json::json!(1), serde_json::Value::Null);
        text.claim(0, "n1", Some("leader"), 1).claim(100, "n2", Some("leader"), 2).claim(
            350,
            "n1",
            Some("follower"),
            2,
        );
        text.claim(400, "n1", Some("leader"), 3).claim(500, "n2", None, 0);
        let analysis = judge(&text.history(), &Limits::NONE, &[&CHECKER]);
        assert_eq!(analysis.valid, Validity::Valid);
        assert_eq!(analysis.measures.two_leaders_seconds, Some(0.35));
        assert_eq!(analysis.findings[0].count, 2);
        assert!(analysis.findings[0].witness.text.starts_with("n1 (term 1) and n2 (term 2)"));
    }

    #[test]
    fn without_claims_it_cannot_be_measured() {
        let mut text = HistoryText::new();
        text.ok((0, 1), 0, "add", serde_json::json!(1), serde_json::Value::Null);
        assert_eq!(judge(&text.history(), &Limits::NONE, &[&CHECKER]).measures.two_leaders_seconds, None);
    }
}
