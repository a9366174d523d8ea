//! Which configurations of a level are needless because another can do whatever they can: see [`super::reductions`],
//! *dominance*.

use rustc_hash::FxHashMap;

use super::bits::Bits;
use super::moves::{Configuration, Moves, Node};
use super::states::{Move, SPENT};
use super::window::Open;
use crate::model::SequentialSpec;

/// With more states in a level only configurations of one state are compared.
const STATES_MAX: usize = 16;

/// What is known of the states of one level.
pub(super) struct Dominance<B> {
    total: B,
    /// Place of each state in the tables below.
    places: FxHashMap<u32, usize>,
    /// By state: open calls that change nothing there.
    unchanging: Vec<B>,
    /// By state: open overwrites that leave it.
    into: Vec<B>,
    /// Undecided calls, and undecided calls that stand in for each of them.
    stand_ins: Vec<(B, B)>,
    /// Undecided calls that others stand in for.
    replaceable: B,
    /// By two states: other open calls that lead from the first to the second.
    between: Vec<Vec<B>>,
}

impl<B: Bits> Dominance<B> {
    pub(super) fn new<S: SequentialSpec>(moves: &mut Moves<'_, '_, S, B>, level: &[Node<B>]) -> Self {
        let mut states: Vec<u32> = level.iter().map(|node| node.configuration.state).collect();
        states.sort_unstable();
        states.dedup();
        states.retain(|state| *state != SPENT);
        let mut dominance = Self {
            total: moves.total().clone(),
            stand_ins: Vec::new(),
            replaceable: B::empty(moves.plan.slot_count),
            places: FxHashMap::default(),
            unchanging: Vec::new(),
            into: Vec::new(),
            between: Vec::new(),
        };
        dominance.find_stand_ins(moves);
        if states.len() > STATES_MAX || !moves.plan.reductions.unchanging || !moves.plan.reductions.hiding {
            return dominance;
        }
        let empty = B::empty(moves.plan.slot_count);
        dominance.places = states.iter().enumerate().map(|(place, state)| (*state, place)).collect();
        dominance.unchanging = states.iter().map(|state| moves.unchanging(*state)).collect();
        dominance.into = vec![empty.clone(); states.len()];
        dominance.between = vec![vec![empty; states.len()]; states.len()];
        let rank = moves.window.rank;
        for open in &moves.window.overwrites {
            if let Some(place) = moves.states.left_by(open.class, rank).and_then(|state| dominance.places.get(&state)) {
                dominance.into[*place].insert(open.slot);
            }
        }
        for open in &moves.window.others {
            for (from, state) in states.iter().enumerate() {
                if let Move::Next(next) = moves.states.apply(*state, open.class, rank)
                    && let Some(to) = dominance.places.get(&next)
                {
                    dominance.between[from][*to].insert(open.slot);
                }
            }
        }
        dominance
    }

    /// Groups undecided calls by what stands in for them.
    fn find_stand_ins<S: SequentialSpec>(&mut self, moves: &Moves<'_, '_, S, B>) {
        if !moves.plan.reductions.standing_in {
            return;
        }
        let plan = moves.plan;
        let undecided =
            |list: &[Open]| list.iter().copied().filter(|open| !plan.is_decided(open.call)).collect::<Vec<_>>();
        let strong = undecided(&moves.window.overwrites);
        for weak in undecided(&moves.window.others) {
            let mut slots = B::empty(plan.slot_count);
            let action = plan.actions[weak.class as usize];
            for open in &strong {
                if plan.spec.stands_in(plan.actions[open.class as usize], action) {
                    slots.insert(open.slot);
                }
            }
            if slots.count() > 0 {
                self.replaceable.insert(weak.slot);
                let place = self.stand_ins.iter().position(|(_, known)| *known == slots).unwrap_or_else(|| {
                    self.stand_ins.push((B::empty(plan.slot_count), slots));
                    self.stand_ins.len() - 1
                });
                self.stand_ins[place].0.insert(weak.slot);
            }
        }
        // What stands in for two kinds of calls cannot be counted for each.
        let mut all = B::empty(plan.slot_count);
        self.stand_ins.retain(|(_, slots)| {
            let is_disjoint = !all.intersects(slots);
            all.insert_all(slots);
            is_disjoint
        });
    }

    /// Whether every call that the first has used and the second has not is one for which the first has a stand-in left that
    /// the second has used.
    fn has_used_less(&self, first: &B, second: &B) -> bool {
        if first.is_subset(second) {
            return true;
        }
        if self.stand_ins.is_empty() {
            return false;
        }
        let mut extra = first.clone();
        extra.remove_all(second);
        if !extra.is_subset(&self.replaceable) {
            return false;
        }
        let mut own = second.clone();
        own.remove_all(first);
        let mut replaced = 0;
        for (weak, strong) in &self.stand_ins {
            let count = extra.count_common(weak);
            if count > own.count_common(strong) {
                return false;
            }
            replaced += count;
        }
        replaced == extra.count()
    }

    /// Whether one of the others can do whatever a configuration can.
    pub(super) fn is_dominated<'c>(
        &self,
        configuration: &Configuration<B>,
        mut others: impl Iterator<Item = &'c Configuration<B>>,
    ) -> bool
    where
        B: 'c,
    {
        others.any(|other| self.dominates(other, configuration))
    }

    fn dominates(&self, first: &Configuration<B>, second: &Configuration<B>) -> bool {
        if first.state == second.state
            && first.needed.is_subset(&second.needed)
            && self.has_used_less(&first.used, &second.used)
        {
            return true;
        }
        if !first.used.is_subset(&second.used) {
            return false;
        }
        if first.state == second.state && first.needed.is_subset(&second.needed) {
            return true;
        }
        if second.state == SPENT {
            return first.needed.is_subset_but_for(&second.needed, &self.total);
        }
        self.places.get(&second.state).is_some_and(|to| self.can_catch_up(first, second, *to))
    }

    /// Whether the first can come to the state of the second by calls that the second has used, with no more needed.
    fn can_catch_up(&self, first: &Configuration<B>, second: &Configuration<B>, to: usize) -> bool {
        let mut own = second.used.clone();
        own.remove_all(&first.used);
        let mut left = first.needed.clone();
        left.remove_all(&self.unchanging[to]);
        left.remove_all(&second.needed);
        // Before an overwrite all that are possible always may hide.
        if own.intersects(&self.into[to]) {
            return left.is_subset(&self.total);
        }
        let Some(from) = self.places.get(&first.state).copied() else { return false };
        if left.count() > 0 {
            // What is left must be what leads there.
            let mut step = self.between[from][to].clone();
            step.intersect(&own);
            return left.count() == 1 && left.is_subset(&step);
        }
        self.is_reachable(from, to, &own, &mut vec![false; self.into.len()])
    }

    fn is_reachable(&self, from: usize, to: usize, own: &B, visited: &mut [bool]) -> bool {
        from == to
            || (!std::mem::replace(&mut visited[from], true)
                && (0..self.into.len())
                    .any(|next| own.intersects(&self.between[from][next]) && self.is_reachable(next, to, own, visited)))
    }
}
