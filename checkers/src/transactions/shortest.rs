//! A concrete cycle of a kind that exists, as short as possible.
//!
//! A first one costs one search over the component. Then all cycles of two transactions are tried, of three, and so on, until
//! one is found, the first turns out to be the shortest, or the steps are used up. Steps are counted, not timed, so that the
//! answer is always the same; the limits can end it earlier.
//!
//! Every cycle of a kind passes some *anchor* edge: an anti-dependency, or where the kind has none, an edge of the relation
//! that makes it that kind. From the anchor's end a breadth-first search looks for its start, with a state for what the
//! kind says about anti-dependencies. In real time nearly everything follows everything else, so there the search goes over
//! the other edges only, from each transaction on, and asks of all it meets whether it was over before that transaction
//! began. That misses no shortest cycle: take one with two edges of real time, A → B and C → D, where A…D and B…C are
//! connected otherwise. If A was over before D began, A → D closes a shorter cycle; else D began before A was over and so
//! before B began, hence C was over before B began, and C → B closes one. Each half has no kind of graver cycle if the
//! component has none, and no new adjacent anti-dependencies.

use super::anomalies::{Class, CycleKind, Variant};
use super::components::{Components, Digraph, NonAdjacent, Restricted};
use super::cycles::{Existing, relations_of};
use super::graph::{Graph, Relations};
use crate::analysis::Limits;

/// How many edges the search for a shorter cycle may look at.
const STEPS_MAX: u64 = 1 << 24;

/// One edge of a cycle: from a transaction to that of the next step, after the last to that of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) transaction: u32,
    pub(crate) relation: Relations,
}

/// A closed walk over transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cycle {
    pub(crate) steps: Vec<Step>,
    /// Whether no cycle of this kind in this component is shorter.
    pub(crate) is_shortest: bool,
}

/// Finds one; `None` only if there is no cycle of that kind.
pub(crate) fn cycle(graph: &Graph, existing: &Existing, limits: &Limits<'_>) -> Option<Cycle> {
    let kind = existing.kind;
    let graph = &graph.with_later_of_process();
    let mut search = Search::new(graph, kind);
    let (from, edge) = first_anchor(graph, existing)?;
    let mut cycle = search.through(from, edge, relations_of(kind), u32::MAX)?;
    let mut shorter = Shorter { search, limits, steps_left: STEPS_MAX };
    let anchors = if kind.variant == Variant::Realtime { Vec::new() } else { anchors(graph, kind) };
    let runs = Runs::new(graph);
    for length in 2..cycle.steps.len() as u32 {
        let found = if kind.variant == Variant::Realtime {
            shorter.over_real_time(&runs, length)
        } else {
            shorter.through_anchors(&anchors, length)
        };
        match found {
            Some(Some(found)) => {
                cycle = found;
                break;
            }
            Some(None) => {}
            None => return Some(Cycle { is_shortest: false, ..cycle }),
        }
    }
    Some(Cycle { is_shortest: true, ..rotated(cycle) })
}

/// Begins with the lowest number, so that equal cycles look the same.
fn rotated(mut cycle: Cycle) -> Cycle {
    let first = cycle.steps.iter().enumerate().min_by_key(|(_, step)| step.transaction).map_or(0, |(place, _)| place);
    cycle.steps.rotate_left(first);
    cycle
}

/// The relation that every cycle of the kind has an edge of.
fn anchor_relation(kind: CycleKind) -> Relations {
    match (kind.class, kind.variant) {
        (Class::Single | Class::NonAdjacent | Class::General, _) => Relations::READ_WRITE,
        (_, Variant::Realtime) => Relations::REALTIME,
        (_, Variant::Process) => Relations::PROCESS,
        (Class::WriteCycle, Variant::Data) => Relations::WRITE_WRITE,
        (Class::InformationFlow, Variant::Data) => Relations::WRITE_READ.or(Relations::UNCERTAIN_WRITE_WRITE),
    }
}

/// All edges that may be anchors: where they start, and their numbers.
fn anchors(graph: &Graph, kind: CycleKind) -> Vec<(u32, u32)> {
    let relation = anchor_relation(kind);
    let rows = (0..graph.transactions()).flat_map(|node| graph.row(node).map(move |edge| (node, edge)));
    rows.filter(|(_, edge)| graph.edge(*edge).1.meets(relation)).collect()
}

/// An anchor that is certainly on a cycle of the kind.
fn first_anchor(graph: &Graph, existing: &Existing) -> Option<(u32, u32)> {
    let candidates = anchors(graph, existing.kind);
    let view = Restricted::new(graph, relations_of(existing.kind));
    if let Some((source, target)) = existing.anchor {
        return candidates.into_iter().find(|(from, edge)| *from == source && graph.edge(*edge).0 == target);
    }
    if existing.kind.class == Class::NonAdjacent {
        let product = NonAdjacent(view);
        let components = Components::new(&product);
        let is_on_walk = |(from, edge): &(u32, u32)| {
            product.follow(2 * from, *edge).is_some_and(|target| components.joins(2 * from, target))
        };
        return candidates.into_iter().find(is_on_walk);
    }
    let components = Components::new(&view);
    candidates.into_iter().find(|(from, edge)| components.joins(*from, graph.edge(*edge).0))
}

/// Where real time leads into and out of auxiliary nodes. These ascend with time, so A was over before B began iff the node
/// that A leads to is not above the one that leads to B.
struct Runs {
    after: Vec<Option<u32>>,
    before: Vec<Option<u32>>,
}

impl Runs {
    fn new(graph: &Graph) -> Self {
        let transactions = graph.transactions();
        let mut runs = Self { after: vec![None; transactions as usize], before: vec![None; transactions as usize] };
        let mut is_run = vec![false; graph.node_count()];
        for node in 0..transactions {
            let run = graph.out(node).find(|(_, relation)| relation.meets(Relations::REALTIME));
            if let Some((run, _)) = run {
                runs.after[node as usize] = Some(run);
                is_run[run as usize] = true;
            }
        }
        for node in transactions..graph.node_count() as u32 {
            if is_run[node as usize] {
                for (target, _) in graph.out(node) {
                    match runs.before.get_mut(target as usize) {
                        Some(before) => *before = Some(node),
                        None => is_run[target as usize] = true,
                    }
                }
            }
        }
        runs
    }
}

/// The search for a cycle of a given length.
struct Shorter<'g, 'l> {
    search: Search<'g>,
    limits: &'l Limits<'l>,
    steps_left: u64,
}

impl Shorter<'_, '_> {
    fn is_over(&mut self) -> bool {
        let steps = std::mem::take(&mut self.search.steps);
        self.steps_left = self.steps_left.saturating_sub(steps);
        self.steps_left == 0 || (self.limits.should_stop)()
    }

    fn through_anchors(&mut self, anchors: &[(u32, u32)], length: u32) -> Option<Option<Cycle>> {
        for (from, edge) in anchors {
            if self.is_over() {
                return None;
            }
            let relations = relations_of(self.search.kind);
            if let Some(cycle) = self.search.through(*from, *edge, relations, length) {
                return Some(Some(cycle));
            }
        }
        Some(None)
    }

    fn over_real_time(&mut self, runs: &Runs, length: u32) -> Option<Option<Cycle>> {
        for start in 0..self.search.graph.transactions() {
            let Some(before) = runs.before[start as usize] else { continue };
            if self.is_over() {
                return None;
            }
            let class = self.search.kind.class;
            let relations = relations_of(CycleKind { variant: Variant::Process, class });
            let is_goal = |node: u32, state: State| {
                let is_over_before =
                    runs.after.get(node as usize).is_some_and(|after| after.is_some_and(|run| run <= before));
                is_over_before && (class <= Class::InformationFlow || state.has_anti_dependency())
            };
            if let Some(end) = self.search.run(start, State::START, relations, length - 1, is_goal) {
                let mut steps = self.search.steps_to(end);
                let transaction = self.search.node(end);
                steps.push(Step { transaction, relation: Relations::REALTIME });
                return Some(Some(Cycle { steps, is_shortest: true }));
            }
        }
        Some(None)
    }
}

/// What a kind needs to remember of a path: bit 0, an anti-dependency was used; bit 1, it was the last edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State(u32);

impl State {
    const COUNT: u32 = 4;
    const START: Self = Self(0);

    fn has_anti_dependency(self) -> bool {
        self.0 & 1 != 0
    }

    fn is_after_anti_dependency(self) -> bool {
        self.0 & 2 != 0
    }

    /// The state after one more edge; `None` where the kind does not allow it.
    fn after(self, relation: Relations, class: Class) -> Option<Self> {
        if relation.meets(Relations::CONTINUED) {
            return Some(self);
        }
        if !relation.meets(Relations::READ_WRITE) {
            return Some(Self(self.0 & 1));
        }
        match class {
            Class::WriteCycle | Class::InformationFlow => None,
            Class::Single => (!self.has_anti_dependency()).then_some(Self(1)),
            Class::NonAdjacent => (!self.is_after_anti_dependency()).then_some(Self(3)),
            Class::General => Some(Self(1)),
        }
    }
}

const NONE: u32 = u32::MAX;

/// A breadth-first search over nodes with states. Edges out of auxiliary nodes have no length.
struct Search<'g> {
    graph: &'g Graph,
    kind: CycleKind,
    /// For every node and state: the search that visited it last, and from where and by which edge it came.
    visited_by: Vec<u32>,
    came_from: Vec<(u32, Relations)>,
    searches: u32,
    steps: u64,
    level: Vec<u32>,
    next_level: Vec<u32>,
}

impl<'g> Search<'g> {
    fn new(graph: &'g Graph, kind: CycleKind) -> Self {
        let places = graph.node_count() * State::COUNT as usize;
        Self {
            graph,
            kind,
            visited_by: vec![0; places],
            came_from: vec![(NONE, Relations::CONTINUED); places],
            searches: 0,
            steps: 0,
            level: Vec::new(),
            next_level: Vec::new(),
        }
    }

    fn node(&self, place: u32) -> u32 {
        place / State::COUNT
    }

    /// The shortest cycle through an edge, if it is no longer than that.
    fn through(&mut self, from: u32, edge: u32, relations: Relations, length_max: u32) -> Option<Cycle> {
        let (target, relation) = self.graph.edge(edge);
        let class = self.kind.class;
        let state = State::START.after(relation, class)?;
        let begins_with_anti_dependency = state.has_anti_dependency();
        let is_goal = |node: u32, state: State| {
            node == from
                && !(class == Class::NonAdjacent && begins_with_anti_dependency && state.is_after_anti_dependency())
        };
        let end = self.run(target, state, relations, length_max - 1, is_goal)?;
        let mut steps = vec![Step { transaction: from, relation }];
        steps.extend(self.steps_to(end));
        Some(Cycle { steps, is_shortest: false })
    }

    /// Searches from a node until a goal; answers the place of the goal.
    fn run(
        &mut self,
        start: u32,
        state: State,
        relations: Relations,
        length_max: u32,
        is_goal: impl Fn(u32, State) -> bool,
    ) -> Option<u32> {
        self.searches += 1;
        self.level.clear();
        self.next_level.clear();
        let relations = relations.or(Relations::CONTINUED);
        let place = start * State::COUNT + state.0;
        self.visited_by[place as usize] = self.searches;
        self.came_from[place as usize].0 = NONE;
        self.level.push(place);
        for length in 0.. {
            // What auxiliary nodes lead to is as near as they are, so they come first.
            let mut done = 0;
            while done < self.level.len() {
                let place = self.level[done];
                done += 1;
                if self.node(place) >= self.graph.transactions()
                    && let Some(goal) = self.expand(place, relations, true, &is_goal)
                {
                    return Some(goal);
                }
            }
            if length == length_max {
                return None;
            }
            for done in 0..self.level.len() {
                let place = self.level[done];
                if self.node(place) < self.graph.transactions()
                    && let Some(goal) = self.expand(place, relations, false, &is_goal)
                {
                    return Some(goal);
                }
            }
            std::mem::swap(&mut self.level, &mut self.next_level);
            self.next_level.clear();
            if self.level.is_empty() {
                return None;
            }
        }
        None
    }

    /// Visits what a place leads to; answers a goal among it.
    fn expand(
        &mut self,
        place: u32,
        relations: Relations,
        is_same_level: bool,
        is_goal: &impl Fn(u32, State) -> bool,
    ) -> Option<u32> {
        let (node, state) = (self.node(place), State(place % State::COUNT));
        for edge in self.graph.row(node) {
            self.steps += 1;
            let (target, relation) = self.graph.edge(edge);
            if !relation.meets(relations) {
                continue;
            }
            let Some(next) = state.after(relation, self.kind.class) else { continue };
            let target_place = target * State::COUNT + next.0;
            if self.visited_by[target_place as usize] == self.searches {
                continue;
            }
            self.visited_by[target_place as usize] = self.searches;
            self.came_from[target_place as usize] = (place, relation);
            if target < self.graph.transactions() && is_goal(target, next) {
                return Some(target_place);
            }
            if is_same_level { self.level.push(target_place) } else { self.next_level.push(target_place) }
        }
        None
    }

    /// The steps from the start of the last search to a place, without the place itself. Over auxiliary nodes the relation is
    /// the one that led to the first of them; a start that is auxiliary belongs to the edge before.
    fn steps_to(&self, place: u32) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut place = place;
        loop {
            let (before, relation) = self.came_from[place as usize];
            if before == NONE {
                break;
            }
            if self.node(before) < self.graph.transactions() {
                steps.push(Step { transaction: self.node(before), relation });
            }
            place = before;
        }
        steps.reverse();
        steps
    }
}
