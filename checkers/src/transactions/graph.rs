//! The dependency graph: dense numbers for transactions, compressed rows, one relation an edge.
//!
//! # Nodes that are no transactions
//! Some relations have many more pairs than there are transactions: with *c* clients, real time alone orders *c* pairs for
//! each transaction, however much is left out as implied; *m* readers of a state and *n* writers that came after it make
//! *m·n* pairs. Both go through auxiliary nodes, numbered after the transactions, so that the graph stays linear in the
//! history. Into an auxiliary node lead edges of the relation itself, out of it edges [`Relations::CONTINUED`]: walking one
//! of these means being still on the edge on which one came. Auxiliary nodes form no cycle among themselves, and each walk
//! from transaction to transaction over them stands for one pair of the relation and the other way round; so cycles, their
//! relations and their lengths (edges out of auxiliary nodes count nothing) are those of the graph without such nodes.

use std::ops::Range;

/// A set of relations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Relations(u8);

impl Relations {
    /// Write dependency: the second transaction wrote the version after that of the first.
    pub(crate) const WRITE_WRITE: Self = Self(1);
    /// Read dependency: the second read what the first wrote.
    pub(crate) const WRITE_READ: Self = Self(2);
    /// Anti-dependency: the second wrote the version after the one that the first read.
    pub(crate) const READ_WRITE: Self = Self(4);
    /// One process performed the first and then the second.
    pub(crate) const PROCESS: Self = Self(8);
    /// The first was over before the second began.
    pub(crate) const REALTIME: Self = Self(16);
    /// Out of an auxiliary node: still the edge on which the node was reached.
    pub(crate) const CONTINUED: Self = Self(32);

    /// A write dependency that holds under read committed, and otherwise perhaps not. It counts as information flow, not among
    /// writes alone. One from or to an undecided transaction: somebody read a write of that one, so either it committed, or
    /// what was read is an aborted write. One from the writer of what a transaction read to that transaction, which then wrote
    /// the same object: the other way round, the read would close a circle of information flow.
    pub(crate) const UNCERTAIN_WRITE_WRITE: Self = Self(64);
    /// Every relation.
    pub(crate) const ALL: Self = Self(127);

    /// What is in either.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether anything is in both.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Edges in the order in which they were found, and the auxiliary nodes they needed.
#[derive(Debug, Clone)]
pub(crate) struct Edges {
    transactions: u32,
    nodes: u32,
    from: Vec<u32>,
    to: Vec<u32>,
    relations: Vec<Relations>,
}

impl Edges {
    /// No edge yet between so many transactions.
    pub(crate) fn new(transactions: usize) -> Self {
        let transactions = transactions as u32;
        Self { transactions, nodes: transactions, from: Vec::new(), to: Vec::new(), relations: Vec::new() }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.from.is_empty()
    }

    /// Bytes that these edges and the search of their graph need, roughly.
    pub(crate) fn search_bytes(&self) -> usize {
        // An edge, and again in its row; of a node: its row, its place in it, and what finding components notes.
        self.from.capacity() * (9 + 5) + self.nodes as usize * 28
    }

    /// Adds an edge; a transaction does not depend on itself.
    pub(crate) fn add(&mut self, from: u32, to: u32, relation: Relations) {
        if from != to {
            self.from.push(from);
            self.to.push(to);
            self.relations.push(relation);
        }
    }

    /// A new auxiliary node.
    pub(crate) fn auxiliary(&mut self) -> u32 {
        self.nodes += 1;
        self.nodes - 1
    }

    /// Adds an edge from every source to every target but itself; `sources` and `targets` ascend without repetition.
    ///
    /// Where there are many, two chains of auxiliary nodes lead to all targets up to a certain one and from a certain one
    /// on, so that a source that is a target as well reaches the others and not itself, over as many edges as there are
    /// sources and targets.
    pub(crate) fn add_all(&mut self, sources: &[u32], targets: &[u32], relation: Relations) {
        const DIRECT_MAX: usize = 4;
        if sources.len() * targets.len() <= DIRECT_MAX * (sources.len() + targets.len()) {
            for source in sources {
                targets.iter().for_each(|target| self.add(*source, *target, relation));
            }
            return;
        }
        self.add_all_by_chains(sources, targets, relation);
    }

    /// As [`Edges::add_all`], over auxiliary nodes in any case.
    pub(crate) fn add_all_by_chains(&mut self, sources: &[u32], targets: &[u32], relation: Relations) {
        let up_to: Vec<u32> = targets.iter().map(|_| self.auxiliary()).collect();
        let starting_with: Vec<u32> = targets.iter().map(|_| self.auxiliary()).collect();
        for (place, target) in targets.iter().enumerate() {
            self.add(up_to[place], *target, Relations::CONTINUED);
            self.add(starting_with[place], *target, Relations::CONTINUED);
            if place > 0 {
                self.add(up_to[place], up_to[place - 1], Relations::CONTINUED);
                self.add(starting_with[place - 1], starting_with[place], Relations::CONTINUED);
            }
        }
        for source in sources {
            let (before, after) = match targets.binary_search(source) {
                Ok(place) => (place.checked_sub(1), Some(place + 1)),
                Err(_) => (targets.len().checked_sub(1), None),
            };
            if let Some(node) = before {
                self.add(*source, up_to[node], relation);
            }
            if let Some(node) = after.filter(|node| *node < targets.len()) {
                self.add(*source, starting_with[node], relation);
            }
        }
    }
}

/// A graph in compressed rows: nodes below [`Graph::transactions`] are transactions, the others auxiliary.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    transactions: u32,
    first: Vec<u32>,
    targets: Vec<u32>,
    relations: Vec<Relations>,
}

impl Graph {
    /// Sorts edges into rows; within a row they keep their order.
    pub(crate) fn new(edges: &Edges) -> Self {
        let mut first = vec![0_u32; edges.nodes as usize + 1];
        edges.from.iter().for_each(|node| first[*node as usize + 1] += 1);
        for node in 1..first.len() {
            first[node] += first[node - 1];
        }
        let mut place = first.clone();
        let mut targets = vec![0; edges.to.len()];
        let mut relations = vec![Relations(0); edges.to.len()];
        for ((from, to), relation) in edges.from.iter().zip(&edges.to).zip(&edges.relations) {
            let at = place[*from as usize] as usize;
            targets[at] = *to;
            relations[at] = *relation;
            place[*from as usize] += 1;
        }
        Self { transactions: edges.transactions, first, targets, relations }
    }

    /// How many nodes are transactions.
    pub(crate) fn transactions(&self) -> u32 {
        self.transactions
    }

    /// How many nodes there are.
    pub(crate) fn node_count(&self) -> usize {
        self.first.len() - 1
    }

    /// Numbers of the edges out of a node.
    pub(crate) fn row(&self, node: u32) -> Range<u32> {
        self.first[node as usize]..self.first[node as usize + 1]
    }

    /// Where an edge leads, and its relation.
    pub(crate) fn edge(&self, edge: u32) -> (u32, Relations) {
        (self.targets[edge as usize], self.relations[edge as usize])
    }

    /// Edges out of a node.
    pub(crate) fn out(&self, node: u32) -> impl Iterator<Item = (u32, Relations)> + '_ {
        self.row(node).map(|edge| self.edge(edge))
    }

    /// The part between some nodes, which ascend; they are numbered anew in that order. `numbers` has a place for every
    /// node of this graph and is left as it was found: all [`Graph::OUTSIDE`].
    pub(crate) fn part(&self, nodes: &[u32], numbers: &mut [u32]) -> Self {
        for (number, node) in nodes.iter().enumerate() {
            numbers[*node as usize] = number as u32;
        }
        let transactions = nodes.partition_point(|node| *node < self.transactions) as u32;
        let mut part = Self { transactions, first: vec![0], targets: Vec::new(), relations: Vec::new() };
        for node in nodes {
            for (target, relation) in self.out(*node) {
                if numbers[target as usize] != Self::OUTSIDE {
                    part.targets.push(numbers[target as usize]);
                    part.relations.push(relation);
                }
            }
            part.first.push(part.targets.len() as u32);
        }
        nodes.iter().for_each(|node| numbers[*node as usize] = Self::OUTSIDE);
        part
    }

    /// The same graph in which the order of a process leads in one edge to everything later, not to what comes next only: to
    /// an auxiliary node of the next, and on to those of the later ones.
    pub(crate) fn with_later_of_process(&self) -> Self {
        let nodes = self.node_count() as u32;
        let mut edges = Edges { nodes, ..Edges::new(self.transactions as usize) };
        let has_later = |node: u32| self.out(node).any(|(_, relation)| relation == Relations::PROCESS);
        let later: Vec<Option<u32>> =
            (0..self.transactions).map(|node| has_later(node).then(|| edges.auxiliary())).collect();
        for node in 0..nodes {
            for (target, relation) in self.out(node) {
                let Some(own) = later.get(node as usize).copied().flatten().filter(|_| relation == Relations::PROCESS)
                else {
                    edges.add(node, target, relation);
                    continue;
                };
                edges.add(node, own, Relations::PROCESS);
                edges.add(own, target, Relations::CONTINUED);
                if let Some(next) = later[target as usize] {
                    edges.add(own, next, Relations::CONTINUED);
                }
            }
        }
        Self::new(&edges)
    }

    /// Stands for "not in the part".
    pub(crate) const OUTSIDE: u32 = u32::MAX;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of transactions that the edges connect.
    fn pairs(edges: &Edges) -> Vec<(u32, u32)> {
        let graph = Graph::new(edges);
        let mut pairs = Vec::new();
        for from in 0..graph.transactions() {
            let mut stack: Vec<u32> = graph.out(from).map(|(target, _)| target).collect();
            while let Some(node) = stack.pop() {
                if node < graph.transactions() {
                    pairs.push((from, node));
                } else {
                    stack.extend(graph.out(node).map(|(target, _)| target));
                }
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    #[test]
    fn many_to_many_needs_few_edges_and_connects_nobody_with_itself() {
        let sources: Vec<u32> = (0..60).filter(|node| node % 2 == 0).collect();
        let targets: Vec<u32> = (0..60).filter(|node| node % 3 == 0).collect();
        let mut edges = Edges::new(60);
        edges.add_all(&sources, &targets, Relations::READ_WRITE);
        assert!(edges.from.len() < 150, "{} edges", edges.from.len());
        let mut expected: Vec<(u32, u32)> = sources
            .iter()
            .flat_map(|source| targets.iter().map(|target| (*source, *target)))
            .filter(|(source, target)| source != target)
            .collect();
        expected.sort_unstable();
        assert_eq!(pairs(&edges), expected);
    }

    #[test]
    fn a_part_keeps_what_is_between_its_nodes() {
        let mut edges = Edges::new(4);
        edges.add(0, 1, Relations::WRITE_WRITE);
        edges.add(1, 3, Relations::WRITE_READ);
        edges.add(3, 0, Relations::READ_WRITE);
        edges.add(2, 3, Relations::READ_WRITE);
        let graph = Graph::new(&edges);
        let mut numbers = vec![Graph::OUTSIDE; 4];
        let part = graph.part(&[1, 3], &mut numbers);
        assert_eq!(part.node_count(), 2);
        assert_eq!(part.out(0).collect::<Vec<_>>(), [(1, Relations::WRITE_READ)]);
        assert_eq!(part.out(1).count(), 0);
        assert!(numbers.iter().all(|number| *number == Graph::OUTSIDE));
    }
}
