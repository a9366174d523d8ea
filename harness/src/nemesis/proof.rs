//! Whether a fault was in force, and whether it bit.
//!
//! *In force*, links: the harness sends numbered probes over every directed link every 20 ms; none that was sent while a
//! link was cut arrives, some that were sent before and after it do. A link between two followers may carry no packet of
//! the system at all, which is why probes decide. Nodes: a killed process is gone and later there is a new one; a stopped
//! process has all its threads stopped and uses no CPU time. *Bit*: at least one packet of the system or of a client was
//! dropped by the fault as a whole; a kill or a pause in force has bitten by itself.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Cluster;
use super::evidence::{CutEvidence, Evidence, KillEvidence, StopEvidence};
use crate::environment::{Link, ProbeCount};

/// How long before a cut a probe must have arrived.
const BEFORE_NS: u64 = 1_000_000_000;

/// How long the proof waits for the first probe after the links came up.
const AFTER_WAIT: Duration = Duration::from_secs(2);

/// How often it looks meanwhile.
const AFTER_POLL: Duration = Duration::from_millis(10);

/// A probe sent so shortly before links come up may still be on its way when they do; it proves nothing.
const EDGE_NS: u64 = 20_000_000;

/// Where a stall of the harness around that moment was longer, it counts instead.
const STALL_WINDOW_NS: u64 = 200_000_000;

/// What shows that a fault was real.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Proof {
    /// Every step did what it should.
    pub in_force: bool,
    /// Packets of the system and of clients that the fault dropped; `None` where it cut nothing.
    pub bit: Option<u64>,
    /// The system or a client felt it: in force, and a process was hit or a packet dropped.
    pub effect: bool,
    /// The evidence, one sentence each.
    pub details: Vec<String>,
}

/// Waits, within bounds, for the evidence that only comes afterwards, and judges all of it.
pub(super) async fn prove(cluster: &Cluster, evidence: &[Evidence]) -> Proof {
    wait_for_probes(cluster, evidence).await;
    let environment = &cluster.environment;
    let now_ns = cluster.clock.now_ns();
    judge(evidence, now_ns, &|link, sent| environment.probes(link, sent), &|window| {
        environment.longest_stall_ns(window)
    })
}

async fn wait_for_probes(cluster: &Cluster, evidence: &[Evidence]) {
    let arrived = |cut: &CutEvidence| {
        let since_ns = cut.up_ns.unwrap_or_default();
        let window = since_ns..cluster.clock.now_ns();
        cut.links.difference(&cut.cut_after).all(|link| cluster.environment.probes(*link, window.clone()).arrived > 0)
    };
    let cuts = || evidence.iter().filter_map(Evidence::as_cut);
    let all_arrived = async {
        while !cuts().all(arrived) {
            tokio::time::sleep(AFTER_POLL).await;
        }
    };
    // Without them the judgement says which are missing.
    let _in_time = tokio::time::timeout(AFTER_WAIT, all_arrived).await;
}

type Probes<'a> = dyn Fn(Link, Range<u64>) -> ProbeCount + Send + Sync + 'a;
type Stalls<'a> = dyn Fn(Range<u64>) -> u64 + Send + Sync + 'a;

fn judge(evidence: &[Evidence], now_ns: u64, probes: &Probes<'_>, stalls: &Stalls<'_>) -> Proof {
    let mut details = Vec::new();
    let judged = evidence.iter().map(|step| match step {
        Evidence::Cut(cut) => judge_cut(cut, now_ns, probes, stalls, &mut details),
        Evidence::Stop(stop) => judge_stop(stop, &mut details),
        Evidence::Kill(kill) => judge_kill(kill, &mut details),
    });
    let in_force = judged.fold(!evidence.is_empty(), |all, step| all && step);
    let cuts = evidence.iter().filter_map(Evidence::as_cut);
    let bit = cuts.map(|cut| cut.dropped).reduce(|sum, dropped| sum + dropped);
    if let Some(packets) = bit {
        details.push(format!("{packets} packets of the system and of clients were dropped"));
    }
    let hit_a_process = evidence.iter().any(|step| !matches!(step, Evidence::Cut(_)));
    Proof { in_force, bit, effect: in_force && (hit_a_process || bit > Some(0)), details }
}

/// Probes over one kind of window, all links together, and the links that say otherwise.
#[derive(Default)]
struct Tally {
    sent: u32,
    arrived: u32,
    against: Vec<String>,
}

impl Tally {
    fn add(&mut self, link: Link, count: ProbeCount, as_it_should: bool) {
        self.sent += count.sent;
        self.arrived += count.arrived;
        if !as_it_should {
            self.against.push(format!("{link} ({} of {})", count.arrived, count.sent));
        }
    }

    fn words(&self) -> String {
        format!("{} of {}", self.arrived, self.sent)
    }
}

fn judge_cut(
    cut: &CutEvidence,
    now_ns: u64,
    probes: &Probes<'_>,
    stalls: &Stalls<'_>,
    details: &mut Vec<String>,
) -> bool {
    let (Some(ending_ns), Some(up_ns)) = (cut.ending_ns, cut.up_ns) else {
        details.push("the links did not come up again".to_owned());
        return false;
    };
    let stall_ns = stalls(ending_ns.saturating_sub(STALL_WINDOW_NS)..up_ns);
    let edge_ns = EDGE_NS.max(stall_ns).min(ending_ns.saturating_sub(cut.in_force_ns) / 2);
    let before_window = cut.cutting_ns.saturating_sub(BEFORE_NS)..cut.cutting_ns;
    let during_window = cut.in_force_ns..ending_ns - edge_ns;
    let (mut before, mut during, mut after) = (Tally::default(), Tally::default(), Tally::default());
    for link in &cut.links {
        if !cut.cut_before.contains(link) {
            let count = probes(*link, before_window.clone());
            before.add(*link, count, count.arrived > 0);
        }
        let count = probes(*link, during_window.clone());
        during.add(*link, count, count.sent > 0 && count.arrived == 0);
        if !cut.cut_after.contains(link) {
            let count = probes(*link, up_ns..now_ns);
            after.add(*link, count, count.arrived > 0);
        }
    }
    details.push(format!(
        "{} directed links cut for {:.3} s: {} probes arrived meanwhile, {} before, {} after",
        cut.links.len(),
        Duration::from_nanos(ending_ns.saturating_sub(cut.in_force_ns)).as_secs_f64(),
        during.words(),
        before.words(),
        after.words()
    ));
    for (tally, problem) in [
        (&before, "no probe arrived before the cut over"),
        (&during, "probes during the cut do not show that it was in force on"),
        (&after, "no probe arrived after the cut over"),
    ] {
        if !tally.against.is_empty() {
            details.push(format!("{problem} {}", tally.against.join(", ")));
        }
    }
    [before, during, after].iter().all(|tally| tally.against.is_empty())
}

fn judge_stop(stop: &StopEvidence, details: &mut Vec<String>) -> bool {
    let node = stop.node;
    let (Some(first), Some(last)) = (stop.first, stop.last) else {
        details.push(format!("{node} was never seen with all its threads stopped"));
        return false;
    };
    let looked_for = Duration::from_nanos(last.at_ns.saturating_sub(first.at_ns)).as_secs_f64();
    let used_ns = last.cpu_time_ns.saturating_sub(first.cpu_time_ns);
    let holds = if last.pid != first.pid {
        details.push(format!("{node} became another process while it was stopped"));
        false
    } else if !last.all_threads_stopped {
        details.push(format!("{node} did not stay stopped"));
        false
    } else if used_ns > 0 {
        details.push(format!("{node} used {used_ns} ns of CPU time while it was stopped"));
        false
    } else {
        true
    };
    if holds {
        details.push(format!("{node}: all threads stopped and no CPU time used in two looks {looked_for:.3} s apart"));
    }
    holds
}

fn judge_kill(kill: &KillEvidence, details: &mut Vec<String>) -> bool {
    let (node, pid) = (kill.node, kill.pid);
    match (kill.gone_ns, kill.new_pid) {
        (None, _) => details.push(format!("{node}: process {pid} was still there after SIGKILL")),
        (Some(_), None) => details.push(format!("{node}: process {pid} is gone, and there is no new one")),
        (Some(_), Some(new_pid)) if new_pid == pid => details.push(format!("{node} still runs as process {pid}")),
        (Some(gone_ns), Some(new_pid)) => {
            let within = Duration::from_nanos(gone_ns.saturating_sub(kill.killed_ns)).as_secs_f64() * 1e3;
            details.push(format!("{node}: process {pid} gone {within:.1} ms after SIGKILL, later process {new_pid}"));
            return true;
        }
    }
    false
}

impl Evidence {
    fn as_cut(&self) -> Option<&CutEvidence> {
        match self {
            Self::Cut(cut) => Some(cut),
            Self::Stop(_) | Self::Kill(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::environment::{NodeId, Place};
    use crate::nemesis::evidence::Look;

    const MS: u64 = 1_000_000;
    const LINK: Link = Link { from: Place::Node(NodeId(1)), to: Place::Node(NodeId(2)) };

    /// Cut from 2.0 s to 2.2 s.
    fn cut() -> CutEvidence {
        CutEvidence {
            links: BTreeSet::from([LINK]),
            cut_before: BTreeSet::new(),
            cut_after: BTreeSet::new(),
            cutting_ns: 1_999 * MS,
            in_force_ns: 2_000 * MS,
            ending_ns: Some(2_200 * MS),
            up_ns: Some(2_201 * MS),
            dropped_before: 0,
            dropped: 4,
        }
    }

    /// Judges a cut; a probe was sent at every multiple of 20 ms until 2.3 s, and `arrives` tells its fate.
    fn judge_probes(cut: CutEvidence, stall_ns: u64, arrives: impl Fn(u64) -> bool + Send + Sync) -> Proof {
        let probes = |_: Link, window: Range<u64>| {
            let sent = (0..115).map(|number| number * 20 * MS).filter(|at_ns| window.contains(at_ns));
            let fates: Vec<bool> = sent.map(&arrives).collect();
            ProbeCount {
                sent: u32::try_from(fates.len()).unwrap(),
                arrived: u32::try_from(fates.iter().filter(|arrived| **arrived).count()).unwrap(),
            }
        };
        judge(&[Evidence::Cut(cut)], 2_300 * MS, &probes, &|_| stall_ns)
    }

    fn as_cut(at_ns: u64) -> bool {
        !(2_000 * MS..2_200 * MS).contains(&at_ns)
    }

    #[test]
    fn a_short_cut_is_proved_by_a_few_probes() {
        let proof = judge_probes(cut(), 0, as_cut);
        assert!(proof.in_force && proof.effect, "{proof:?}");
        assert!(proof.details[0].contains("0 of 9 probes arrived meanwhile"), "{proof:?}");
    }

    #[test]
    fn a_probe_that_was_under_way_when_the_links_came_up_says_nothing() {
        let late = |from_ns: u64| move |at_ns| as_cut(at_ns) || at_ns >= from_ns;
        assert!(judge_probes(cut(), 0, late(2_180 * MS)).in_force);
        assert!(!judge_probes(cut(), 0, late(2_160 * MS)).in_force);
        assert!(judge_probes(cut(), 50 * MS, late(2_160 * MS)).in_force, "the harness stalled for 50 ms");
        assert!(!judge_probes(cut(), 500 * MS, late(2_080 * MS)).in_force, "a stall excuses half the time at most");
    }

    #[test]
    fn without_a_probe_there_is_no_proof() {
        let cut = CutEvidence { ending_ns: Some(2_000 * MS + 1), up_ns: Some(2_000 * MS + 2), ..cut() };
        assert!(!judge_probes(cut, 0, |_| true).in_force);
        assert!(!judge(&[], 0, &|_, _| ProbeCount::default(), &|_| 0).in_force);
    }

    #[test]
    fn links_that_another_fault_cuts_need_no_probe_before_or_after() {
        let dead_before = |at_ns: u64| at_ns > 2_200 * MS;
        assert!(!judge_probes(cut(), 0, dead_before).in_force);
        assert!(judge_probes(CutEvidence { cut_before: BTreeSet::from([LINK]), ..cut() }, 0, dead_before).in_force);
        let dead_after = |at_ns: u64| at_ns < 2_000 * MS;
        assert!(!judge_probes(cut(), 0, dead_after).in_force);
        assert!(judge_probes(CutEvidence { cut_after: BTreeSet::from([LINK]), ..cut() }, 0, dead_after).in_force);
    }

    #[test]
    fn links_that_never_came_up_are_no_proof() {
        assert!(!judge_probes(CutEvidence { up_ns: None, ..cut() }, 0, as_cut).in_force);
    }

    #[test]
    fn a_stopped_process_must_be_the_same_stopped_and_idle() {
        let first = Look { at_ns: 0, pid: 7, all_threads_stopped: true, cpu_time_ns: 5 };
        let holds = |last: Look| {
            judge_stop(&StopEvidence { node: NodeId(1), first: Some(first), last: Some(last) }, &mut Vec::new())
        };
        assert!(holds(Look { at_ns: 9, ..first }));
        assert!(!holds(Look { pid: 8, ..first }));
        assert!(!holds(Look { all_threads_stopped: false, ..first }));
        assert!(!holds(Look { cpu_time_ns: 6, ..first }));
    }

    #[test]
    fn a_killed_process_must_be_gone_and_replaced() {
        let holds = |gone_ns, new_pid| {
            judge_kill(&KillEvidence { node: NodeId(1), pid: 7, killed_ns: 0, gone_ns, new_pid }, &mut Vec::new())
        };
        assert!(holds(Some(3), Some(8)));
        assert!(!holds(None, Some(8)));
        assert!(!holds(Some(3), None));
        assert!(!holds(Some(3), Some(7)));
    }
}
