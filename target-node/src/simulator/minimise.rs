//! Makes a plan small while it still fails: delta debugging over faults, nodes, clients, network, settings and length.
//!
//! A run is chaotic: with one fault less, chance falls differently, and what the fault had nothing to do with may not
//! happen. So a smaller plan is tried with a few seeds before it is given up.

use std::collections::BTreeMap;

use super::plan::{Fault, NetworkProfile, Plan, Timed};
use crate::settings::Settings;

/// How many seeds a smaller plan is tried with.
const SEEDS: u64 = 8;
/// How many runs the search may take.
const RUNS_MAX: u32 = 4_000;
/// Lengths shorter than this are not tried, in microseconds.
const LENGTH_US_MIN: u64 = 50_000;

/// The smallest plan found that fails as well. `fails` simulates and judges a plan.
pub fn minimise(plan: &Plan, fails: impl FnMut(&Plan) -> bool) -> Plan {
    let mut search = Search { smallest: plan.clone(), fails, runs: 0 };
    loop {
        let before = search.smallest.clone();
        search.drop_faults();
        search.shrink_cluster();
        search.calm_surroundings();
        search.default_settings();
        search.shorten();
        search.round_faults();
        if search.smallest == before || search.is_spent() {
            return search.smallest;
        }
    }
}

struct Search<F> {
    smallest: Plan,
    fails: F,
    runs: u32,
}

impl<F: FnMut(&Plan) -> bool> Search<F> {
    fn is_spent(&self) -> bool {
        self.runs >= RUNS_MAX
    }

    /// Takes a changed plan if it fails, too, with one seed or another.
    fn attempt(&mut self, change: impl FnOnce(&mut Plan)) -> bool {
        let mut candidate = self.smallest.clone();
        change(&mut candidate);
        if candidate == self.smallest {
            return false;
        }
        for seed in std::iter::once(candidate.seed).chain(1..SEEDS) {
            if self.is_spent() {
                return false;
            }
            candidate.seed = seed;
            self.runs += 1;
            if (self.fails)(&candidate) {
                self.smallest = candidate;
                return true;
            }
        }
        false
    }

    /// Leaves out as many faults as possible at once, in ever smaller pieces.
    fn drop_faults(&mut self) {
        let mut piece = self.smallest.faults.len();
        while piece > 0 && !self.is_spent() {
            let mut from = 0;
            while from < self.smallest.faults.len() {
                let to = (from + piece).min(self.smallest.faults.len());
                if !self.attempt(|plan| drop(plan.faults.drain(from..to))) {
                    from += piece;
                }
            }
            piece /= 2;
        }
    }

    fn shrink_cluster(&mut self) {
        self.attempt(|plan| plan.founders = plan.nodes);
        for nodes in [1, 2, 3, 4] {
            let named = self.smallest.faults.iter().flat_map(|timed| timed.fault.nodes()).map(|node| node.0).max();
            let fits = named.is_none_or(|named| named <= nodes) && self.smallest.settings.check(nodes).is_ok();
            if nodes < self.smallest.nodes && fits && self.attempt(|plan| shrink(plan, nodes)) {
                break;
            }
        }
        for clients in [0, 1, 2, self.smallest.clients / 2, self.smallest.clients.saturating_sub(1)] {
            if clients < self.smallest.clients && self.attempt(|plan| plan.clients = clients) {
                break;
            }
        }
    }

    fn calm_surroundings(&mut self) {
        self.attempt(|plan| plan.clocks.clear());
        if self.attempt(|plan| plan.network = NetworkProfile::QUICK) {
            return;
        }
        self.attempt(|plan| plan.network.dropped_per_mille = 0);
        self.attempt(|plan| plan.network.repeated_per_mille = 0);
        self.attempt(|plan| plan.network.late_per_mille = 0);
        self.attempt(|plan| plan.network.delay_us_max = plan.network.delay_us_min);
        self.attempt(|plan| plan.think_us_max = 10_000);
    }

    /// Every setting that does not matter gets its default.
    fn default_settings(&mut self) {
        let names: Vec<_> = self.smallest.settings.to_map().into_keys().collect();
        for name in names {
            let nodes = self.smallest.nodes;
            let mut map: BTreeMap<_, _> = self.smallest.settings.to_map();
            let Ok(defaults) = Settings::from_map(&BTreeMap::new(), nodes) else { continue };
            let Some(default) = defaults.to_map().remove(&name) else { continue };
            map.insert(name, default);
            if let Ok(settings) = Settings::from_map(&map, nodes) {
                self.attempt(|plan| plan.settings = settings);
            }
        }
    }

    fn shorten(&mut self) {
        for (share, of) in [(1, 4), (1, 2), (3, 4), (9, 10)] {
            let end_us = (self.smallest.end_us * share / of).max(LENGTH_US_MIN);
            if end_us < self.smallest.end_us
                && self.attempt(|plan| {
                    plan.end_us = end_us;
                    plan.faults.retain(|timed| timed.at_us < end_us);
                })
            {
                break;
            }
        }
    }

    /// Round times and plain faults are easier to read.
    fn round_faults(&mut self) {
        for index in 0..self.smallest.faults.len() {
            for unit_us in [10_000, 1_000] {
                let round = |timed: &mut Timed| timed.at_us = timed.at_us / unit_us * unit_us;
                if self.attempt(|plan| round(&mut plan.faults[index])) {
                    break;
                }
            }
            self.attempt(|plan| {
                if let Fault::Crash { after_effects, .. } = &mut plan.faults[index].fault {
                    *after_effects = None;
                }
            });
        }
    }
}

fn shrink(plan: &mut Plan, nodes: u16) {
    plan.nodes = nodes;
    plan.founders = plan.founders.min(nodes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{core::NodeId, simulator::plan::Target};

    fn restart(node: u16) -> Fault {
        Fault::Restart { node: NodeId(node) }
    }

    #[test]
    fn what_does_not_matter_goes_away() {
        let mut plan = Plan::random(3, 5, Settings::default());
        plan.faults.insert(2, Timed { at_us: 123_456, fault: restart(2) });
        plan.faults.push(Timed { at_us: 223_456, fault: Fault::SlowDisk { node: Target::Leader, factor: 7 } });
        plan.faults.sort_by_key(|timed| timed.at_us);
        let needs = |plan: &Plan| {
            let has = |wanted: &dyn Fn(&Fault) -> bool| plan.faults.iter().any(|timed| wanted(&timed.fault));
            plan.nodes >= 3
                && plan.clients >= 2
                && has(&|fault| *fault == restart(2))
                && has(&|fault| matches!(fault, Fault::SlowDisk { factor: 7, .. }))
        };
        let small = minimise(&plan, needs);
        assert!(needs(&small));
        assert_eq!((small.faults.len(), small.nodes, small.clients), (2, 3, 2), "{small:?}");
        assert_eq!((small.network, small.clocks.len()), (NetworkProfile::QUICK, 0));
        assert_eq!(small.settings, Settings::default());
        assert!(small.faults.iter().all(|timed| timed.at_us % 10_000 == 0) && small.end_us < 300_000, "{small:?}");
    }

    #[test]
    fn a_failure_that_needs_luck_is_still_made_small() {
        let mut tried = 0;
        let plan = Plan::random(4, 3, Settings::default());
        let small = minimise(&plan, |plan| {
            tried += 1;
            plan.seed % 3 == 1
        });
        assert_eq!((small.faults.len(), small.nodes, small.clients), (0, 1, 0), "after {tried} runs: {small:?}");
    }
}
