//! Which kinds of cycles a strongly connected component has: existence, exactly.
//!
//! Let *R* be the orders of a variant (none; process; process and real time), *ww*, *wr*, *rw* the dependencies. Process and
//! real time alone form no cycle. Kinds are looked for from the graver to the milder; one that a found kind covers is left
//! out ([`CycleKind::covers`]). Hence, when a kind is reached:
//!
//! - *G0*: a cycle of `ww ∪ R` exists iff that graph has a component of more than one node. It has a `ww`, for R alone has
//!   no cycle.
//! - *G1c*: the same in `ww ∪ wr ∪ R`. It has a `wr`, or else it were the G0 that was not found; or it has a `ww` that is
//!   certain under read committed only, which does not count for G0.
//! - *G-single*: an edge `u rw v` and a path from v to u in `ww ∪ wr ∪ R`. Decided by [`single`], the only part that is not
//!   linear.
//! - *G-nonadjacent*: Cerone & Gotsman: snapshot isolation holds iff `(ww ∪ wr ∪ R) ; rw?` has no cycle, that is no closed
//!   walk without two adjacent `rw`. Such a walk with an `rw` exists iff a component of the product with "the last edge was
//!   an `rw`" contains an `rw` edge. One with a single `rw` is an edge and a path back: a G-single. So it exists iff there is
//!   a G-single or a walk with several, and without the latter there is no need to look for the former. The walk may pass a
//!   transaction twice only if there is a G0 or a G1c as well: cut in two where it passes, one half has no adjacent `rw`, and
//!   if that half is no shorter walk of the same kind, it has no `rw` at all.
//! - *G2*: an edge `u rw v` in a component of `ww ∪ wr ∪ rw ∪ R` is on a cycle; it has several `rw`, two of them adjacent, or
//!   else it were a G-single or a G-nonadjacent.
//!
//! In each variant beyond the first every cycle uses one of its own orders: without, it were of a variant before.

use super::anomalies::{Class, CycleKind, Variant};
use super::components::{Components, Digraph, NonAdjacent, Restricted};
use super::graph::{Graph, Relations};
use crate::analysis::Limits;

/// Relations of the paths between anti-dependencies.
const DEPENDENCIES: Relations = Relations::WRITE_WRITE.or(Relations::UNCERTAIN_WRITE_WRITE).or(Relations::WRITE_READ);

/// A kind of cycle that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Existing {
    pub(crate) kind: CycleKind,
    /// Whether the search was stopped before it was clear that it is not the graver [`Class::Single`].
    pub(crate) may_be_single: bool,
    /// An edge that such a cycle uses, where only some do.
    pub(crate) anchor: Option<(u32, u32)>,
}

/// The relations that a kind of cycle is made of.
pub(crate) fn relations_of(kind: CycleKind) -> Relations {
    let dependencies = match kind.class {
        Class::WriteCycle => Relations::WRITE_WRITE,
        Class::InformationFlow => DEPENDENCIES,
        Class::Single | Class::NonAdjacent | Class::General => DEPENDENCIES.or(Relations::READ_WRITE),
    };
    dependencies.or(kind.variant.relations())
}

/// The kinds of cycles in a component of the whole graph.
pub(crate) fn kinds(graph: &Graph, limits: &Limits<'_>) -> Vec<Existing> {
    let mut found: Vec<Existing> = Vec::new();
    for variant in Variant::ALL {
        for class in [Class::WriteCycle, Class::InformationFlow] {
            let kind = CycleKind { variant, class };
            if !is_covered(&found, kind) && has_cycle(graph, relations_of(kind)) {
                found.push(Existing { kind, may_be_single: false, anchor: None });
            }
        }
        let single = CycleKind { variant, class: Class::Single };
        if is_covered(&found, single) {
            continue;
        }
        let general = CycleKind { variant, class: Class::General };
        let non_adjacent = CycleKind { variant, class: Class::NonAdjacent };
        let view = Restricted::new(graph, relations_of(general));
        if has_closed_walk_without_adjacent(&view) {
            let answer = single::find(graph, variant, limits);
            if let Some(Some(anchor)) = answer {
                found.push(Existing { kind: single, may_be_single: false, anchor: Some(anchor) });
            } else if !is_covered(&found, non_adjacent) {
                found.push(Existing { kind: non_adjacent, may_be_single: answer.is_none(), anchor: None });
            }
        } else if !is_covered(&found, general) && has_anti_dependency_within(&view, &Components::new(&view)) {
            found.push(Existing { kind: general, may_be_single: false, anchor: None });
        }
    }
    found
}

fn is_covered(found: &[Existing], kind: CycleKind) -> bool {
    found.iter().any(|existing| existing.kind.covers(kind))
}

fn has_cycle(graph: &Graph, relations: Relations) -> bool {
    (Components::new(&Restricted::new(graph, relations)).count as usize) < graph.node_count()
}

fn has_closed_walk_without_adjacent(view: &Restricted<'_>) -> bool {
    let product = NonAdjacent(*view);
    has_anti_dependency_within(&product, &Components::new(&product))
}

/// Whether some anti-dependency lies within a component.
fn has_anti_dependency_within(view: &impl Digraph, components: &Components) -> bool {
    (0..view.node_count() as u32).any(|node| {
        view.row(node).any(|edge| {
            view.relation(edge).meets(Relations::READ_WRITE)
                && view.follow(node, edge).is_some_and(|target| components.joins(node, target))
        })
    })
}

/// Whether an anti-dependency can be closed without another one.
pub(crate) mod single {
    use super::{Components, DEPENDENCIES, Digraph, Graph, Limits, Relations, Restricted, Variant};

    /// How many questions one pass over the graph answers: the bits of a word.
    const AT_ONCE: usize = u64::BITS as usize;

    /// An anti-dependency `source rw target`: does `target` reach `source`?
    struct Question {
        source: u32,
        target: u32,
    }

    /// Finds such an anti-dependency (`Some(None)`: there is none), unless the limits stop it: then `None`.
    ///
    /// Without anti-dependencies the graph falls into components, which are ordered. A path from v to u exists only if
    /// u's component does not come before v's; where they are the same, it does. For the other questions, 64 at a time, a bit
    /// each runs from v along the order until u's component. Most anti-dependencies point onwards and need no pass.
    pub(crate) fn find(graph: &Graph, variant: Variant, limits: &Limits<'_>) -> Option<Option<(u32, u32)>> {
        let view = Restricted::new(graph, DEPENDENCIES.or(variant.relations()));
        let components = Components::new(&view);
        let mut questions = Vec::new();
        for source in 0..graph.node_count() as u32 {
            for (target, relation) in graph.out(source) {
                if !relation.meets(Relations::READ_WRITE) {
                    continue;
                }
                if components.joins(source, target) {
                    return Some(Some((source, target)));
                }
                // Edges lead to lower numbers.
                if components.of[target as usize] > components.of[source as usize] {
                    questions.push(Question { source, target });
                }
            }
        }
        questions.sort_unstable_by_key(|question| components.of[question.target as usize]);
        let mut by_component: Vec<u32> = (0..graph.node_count() as u32).collect();
        by_component.sort_by_key(|node| components.of[*node as usize]);
        let mut marks = vec![0_u64; components.count as usize];
        for batch in questions.chunks(AT_ONCE) {
            if (limits.should_stop)() {
                return None;
            }
            if let Some(question) = pass(&view, &components, &by_component, batch, &mut marks) {
                return Some(Some((question.source, question.target)));
            }
        }
        Some(None)
    }

    /// One pass; `marks` are all zero before and after.
    fn pass<'b>(
        view: &Restricted<'_>,
        components: &Components,
        by_component: &[u32],
        batch: &'b [Question],
        marks: &mut [u64],
    ) -> Option<&'b Question> {
        let of = |node: u32| components.of[node as usize];
        let highest = batch.iter().map(|question| of(question.target)).max().unwrap_or(0);
        let lowest = batch.iter().map(|question| of(question.source)).min().unwrap_or(0);
        for (bit, question) in batch.iter().enumerate() {
            marks[of(question.target) as usize] |= 1 << bit;
        }
        let start = by_component.partition_point(|node| of(*node) < lowest);
        let end = by_component.partition_point(|node| of(*node) <= highest);
        for node in by_component[start..end].iter().rev() {
            let mark = marks[of(*node) as usize];
            if mark == 0 {
                continue;
            }
            for target in view.row(*node).filter_map(|edge| view.follow(*node, edge)) {
                if of(target) >= lowest {
                    marks[of(target) as usize] |= mark;
                }
            }
        }
        let arrived = |(bit, question): &(usize, &Question)| marks[of(question.source) as usize] & (1 << bit) != 0;
        let found = batch.iter().enumerate().find(arrived).map(|(_, question)| question);
        marks[lowest as usize..=highest as usize].fill(0);
        found
    }
}
