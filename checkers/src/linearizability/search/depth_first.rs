//! Depth first over the same configurations: after Wing & Gong, *Testing and Verifying Concurrent Objects* (1993), with a
//! memo after Lowe, *Testing for Linearizability* (2017), section 3.
//!
//! One way is followed to its end before another is begun, so that a long history with an order that is easy to find is
//! soon through however many configurations there are. The memo keeps what was visited lately (Horn & Kroening, *Faster
//! Linearizability Checking via P-Compositionality*, 2015, section 5): an entry that is gone costs time, not truth.

use rustc_hash::FxHashSet;

use super::bits::Bits;
use super::budget::{Budget, Limit};
use super::just_in_time::Outcome;
use super::moves::{Configuration, Moves, Node};
use super::plan::Plan;
use super::trail::Placement;
use crate::model::SequentialSpec;

/// Where the search may go from a configuration.
struct Frame<B> {
    /// The first of what is left is the last.
    left: Vec<Node<B>>,
    /// Steps of the trail before it was entered.
    steps: usize,
}

pub(super) struct DepthFirst<'p, 's, S: SequentialSpec, B> {
    moves: Moves<'p, 's, S, B>,
    frames: Vec<Frame<B>>,
    recent: FxHashSet<(u32, Configuration<B>)>,
    earlier: FxHashSet<(u32, Configuration<B>)>,
    memo_max: usize,
    deepest: Option<(u32, Vec<Placement>)>,
}

impl<'p, 's, S: SequentialSpec, B: Bits> DepthFirst<'p, 's, S, B> {
    /// Both halves of the memo together hold about so many bytes at most.
    pub(super) fn new(plan: &'p Plan<'s, S>, memo_bytes: usize) -> Self {
        let moves: Moves<'p, 's, S, B> = Moves::new(plan);
        let entry = size_of::<(u32, Configuration<B>)>() + 1 + 2 * moves.total().heap_bytes();
        Self {
            moves,
            frames: Vec::new(),
            recent: FxHashSet::default(),
            earlier: FxHashSet::default(),
            // Hash tables double: what grows has room for twice what it holds, and a while ago for as much again.
            memo_max: memo_bytes / entry / 6,
            deepest: None,
        }
    }

    pub(super) fn run(&mut self, budget: &mut Budget<'_>) -> Result<Outcome, Limit> {
        let completions = self.moves.plan.returns.len();
        let mut at = self.moves.start();
        let admitted = self.moves.admit();
        self.moves.arrive(&mut at.configuration, admitted);
        let mut spare: Vec<Vec<Node<B>>> = Vec::new();
        loop {
            if self.moves.window.rank as usize == completions {
                return Ok(Outcome::Linearizable(self.moves.trail.way(at.way)));
            }
            let steps = self.moves.trail.len();
            let mut left = spare.pop().unwrap_or_default();
            if self.is_new(&at.configuration) {
                let way = at.way;
                self.moves.complete(at, &mut left, budget)?;
                if left.is_empty() {
                    self.note_depth(way);
                }
                // The one that used and still needs least comes first.
                left.sort_by_cached_key(|node| {
                    let configuration = &node.configuration;
                    std::cmp::Reverse((
                        configuration.needed.count() + configuration.used.count(),
                        configuration.clone(),
                    ))
                });
            }
            self.frames.push(Frame { left, steps });
            budget.hold(self.bytes())?;
            loop {
                let Some(frame) = self.frames.last_mut() else { return Ok(self.stuck()) };
                if let Some(mut node) = frame.left.pop() {
                    for (_, call) in self.moves.pass() {
                        node.configuration.used.remove(self.moves.plan.slot[*call as usize]);
                    }
                    let admitted = self.moves.admit();
                    self.moves.arrive(&mut node.configuration, admitted);
                    at = node;
                    break;
                }
                self.moves.trail.truncate(frame.steps);
                spare.extend(self.frames.pop().map(|frame| frame.left));
                if !self.frames.is_empty() {
                    self.moves.back();
                }
            }
        }
    }

    /// Whether a configuration was not visited lately.
    fn is_new(&mut self, configuration: &Configuration<B>) -> bool {
        let entry = (self.moves.window.rank, configuration.clone());
        if self.earlier.contains(&entry) || !self.recent.insert(entry) {
            return false;
        }
        if self.recent.len() > self.memo_max {
            self.earlier = std::mem::take(&mut self.recent);
        }
        true
    }

    fn note_depth(&mut self, way: u32) {
        let rank = self.moves.window.rank;
        if self.deepest.as_ref().is_none_or(|(deepest, _)| *deepest < rank) {
            self.deepest = Some((rank, self.moves.trail.way(way)));
        }
    }

    fn stuck(&mut self) -> Outcome {
        let (rank, way) = self.deepest.take().unwrap_or_default();
        Outcome::Stuck { rank, at: rank, way }
    }

    fn bytes(&self) -> usize {
        let entry = size_of::<(u32, Configuration<B>)>() + 1 + 2 * self.moves.total().heap_bytes();
        (self.recent.capacity() + self.earlier.capacity()) * entry
            + self.frames.capacity() * size_of::<Frame<B>>()
            + self.moves.trail.len() * size_of::<Node<B>>()
            + self.moves.bytes()
    }
}
