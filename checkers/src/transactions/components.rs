//! Strongly connected components, in linear time and without recursion: Tarjan, *Depth-First Search and Linear Graph
//! Algorithms* (1972).

use std::ops::Range;

use super::graph::{Graph, Relations};

/// What components can be found of.
pub(crate) trait Digraph {
    /// Nodes are numbered from 0.
    fn node_count(&self) -> usize;
    /// Numbers of the edges that may leave a node.
    fn row(&self, node: u32) -> Range<u32>;
    /// Where such an edge leads; `None`: it is not in this graph.
    fn follow(&self, node: u32, edge: u32) -> Option<u32>;
    /// The relation of such an edge.
    fn relation(&self, edge: u32) -> Relations;
}

/// A graph restricted to some relations. Edges out of auxiliary nodes always stay: they lead on only what came in.
#[derive(Clone, Copy)]
pub(crate) struct Restricted<'g> {
    pub(crate) graph: &'g Graph,
    pub(crate) relations: Relations,
}

impl<'g> Restricted<'g> {
    pub(crate) fn new(graph: &'g Graph, relations: Relations) -> Self {
        Self { graph, relations: relations.or(Relations::CONTINUED) }
    }
}

impl Digraph for Restricted<'_> {
    fn node_count(&self) -> usize {
        self.graph.node_count()
    }

    fn row(&self, node: u32) -> Range<u32> {
        self.graph.row(node)
    }

    fn follow(&self, _node: u32, edge: u32) -> Option<u32> {
        let (target, relation) = self.graph.edge(edge);
        relation.meets(self.relations).then_some(target)
    }

    fn relation(&self, edge: u32) -> Relations {
        self.graph.edge(edge).1
    }
}

/// Walks in which no anti-dependency directly follows another: node `2x` is "at x", node `2x + 1` "at x, and came there by an
/// anti-dependency". A closed walk of the graph without two adjacent anti-dependencies, also where it closes, is a closed
/// walk here, and the other way round: the state depends on the last edge only.
#[derive(Clone, Copy)]
pub(crate) struct NonAdjacent<'g>(pub(crate) Restricted<'g>);

impl Digraph for NonAdjacent<'_> {
    fn node_count(&self) -> usize {
        2 * self.0.node_count()
    }

    fn row(&self, node: u32) -> Range<u32> {
        self.0.row(node / 2)
    }

    fn follow(&self, node: u32, edge: u32) -> Option<u32> {
        let by_anti_dependency = node % 2 == 1;
        let target = self.0.follow(node / 2, edge)?;
        let relation = self.relation(edge);
        match (relation.meets(Relations::READ_WRITE), relation.meets(Relations::CONTINUED)) {
            (true, _) if by_anti_dependency => None,
            (true, _) => Some(2 * target + 1),
            (_, true) => Some(2 * target + u32::from(by_anti_dependency)),
            _ => Some(2 * target),
        }
    }

    fn relation(&self, edge: u32) -> Relations {
        self.0.relation(edge)
    }
}

/// The components of a graph, numbered so that every edge leads to a component of the same or a lower number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Components {
    /// Each node's component.
    pub(crate) of: Vec<u32>,
    /// How many components there are.
    pub(crate) count: u32,
}

const NONE: u32 = u32::MAX;

impl Components {
    /// Finds them.
    pub(crate) fn new(graph: &impl Digraph) -> Self {
        let nodes = graph.node_count();
        let mut search = Search {
            order: vec![NONE; nodes],
            lowest: vec![0; nodes],
            components: Self { of: vec![NONE; nodes], count: 0 },
            open: Vec::new(),
            visited: 0,
        };
        for node in 0..nodes as u32 {
            if search.order[node as usize] == NONE {
                search.visit_all_from(graph, node);
            }
        }
        search.components
    }

    /// The nodes of every component of more than one node: lists that ascend, in order of their first node.
    pub(crate) fn larger_than_one(&self) -> Vec<Vec<u32>> {
        let mut sizes = vec![0_u32; self.count as usize];
        self.of.iter().for_each(|component| sizes[*component as usize] += 1);
        let mut place = vec![NONE; self.count as usize];
        let mut lists: Vec<Vec<u32>> = Vec::new();
        for (node, component) in self.of.iter().enumerate() {
            let component = *component as usize;
            if sizes[component] < 2 {
                continue;
            }
            if place[component] == NONE {
                place[component] = lists.len() as u32;
                lists.push(Vec::with_capacity(sizes[component] as usize));
            }
            lists[place[component] as usize].push(node as u32);
        }
        lists
    }

    /// Whether two nodes are in one component.
    pub(crate) fn joins(&self, one: u32, other: u32) -> bool {
        self.of[one as usize] == self.of[other as usize]
    }
}

struct Search {
    /// When each node was first visited.
    order: Vec<u32>,
    /// The earliest visited open node that each node is known to reach.
    lowest: Vec<u32>,
    components: Components,
    /// Nodes whose component is not complete.
    open: Vec<u32>,
    visited: u32,
}

impl Search {
    fn visit(&mut self, node: u32) {
        self.order[node as usize] = self.visited;
        self.lowest[node as usize] = self.visited;
        self.visited += 1;
        self.open.push(node);
    }

    fn visit_all_from(&mut self, graph: &impl Digraph, root: u32) {
        let mut path: Vec<(u32, Range<u32>)> = vec![(root, graph.row(root))];
        self.visit(root);
        while let Some((node, row)) = path.last_mut() {
            let node = *node;
            if let Some(edge) = row.next() {
                let Some(target) = graph.follow(node, edge) else { continue };
                if self.order[target as usize] == NONE {
                    self.visit(target);
                    path.push((target, graph.row(target)));
                } else if self.components.of[target as usize] == NONE {
                    self.lowest[node as usize] = self.lowest[node as usize].min(self.order[target as usize]);
                }
                continue;
            }
            path.pop();
            let lowest = self.lowest[node as usize];
            if let Some((parent, _)) = path.last() {
                self.lowest[*parent as usize] = self.lowest[*parent as usize].min(lowest);
            }
            if lowest == self.order[node as usize] {
                self.complete(node);
            }
        }
    }

    fn complete(&mut self, root: u32) {
        while let Some(node) = self.open.pop() {
            self.components.of[node as usize] = self.components.count;
            if node == root {
                break;
            }
        }
        self.components.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transactions::graph::Edges;

    fn graph(nodes: usize, pairs: &[(u32, u32)]) -> Graph {
        let mut edges = Edges::new(nodes);
        pairs.iter().for_each(|(from, to)| edges.add(*from, *to, Relations::WRITE_WRITE));
        Graph::new(&edges)
    }

    #[test]
    fn components_are_found_and_numbered_against_the_edges() {
        let graph = graph(7, &[(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 3), (5, 6)]);
        let components = Components::new(&Restricted::new(&graph, Relations::WRITE_WRITE));
        assert_eq!(components.larger_than_one(), [vec![0, 1, 2], vec![3, 4]]);
        assert!(components.of[0] > components.of[3]);
        assert!(components.of[5] > components.of[6]);
        let none = Components::new(&Restricted::new(&graph, Relations::READ_WRITE));
        assert_eq!(none.count, 7);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let chain: Vec<(u32, u32)> = (0..300_000).map(|node| (node, (node + 1) % 300_000)).collect();
        let graph = graph(300_000, &chain);
        assert_eq!(Components::new(&Restricted::new(&graph, Relations::WRITE_WRITE)).count, 1);
    }
}
