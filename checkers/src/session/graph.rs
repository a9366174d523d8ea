//! What must come before what, and a shortest circle in it.

use std::collections::VecDeque;

/// An edge of the graph: the target, and the two operations that make it one (none between helping nodes).
#[derive(Debug, Clone, Copy)]
struct Edge {
    to: u32,
    because: Option<(u32, u32)>,
}

/// Precedence between versions; helping nodes stand for "everything so far".
#[derive(Debug, Default)]
pub(super) struct Graph {
    edges: Vec<Vec<Edge>>,
}

impl Graph {
    pub(super) fn node(&mut self) -> u32 {
        self.edges.push(Vec::new());
        (self.edges.len() - 1) as u32
    }

    pub(super) fn edge(&mut self, from: u32, to: u32, because: Option<(u32, u32)>) {
        self.edges[from as usize].push(Edge { to, because });
    }

    /// One circle for each strongly connected part that has one, each the shortest through some node: the operations of
    /// its edges.
    pub(super) fn circles(&self) -> Vec<Vec<u32>> {
        self.components().iter().filter_map(|component| self.circle_in(component)).collect()
    }

    /// Strongly connected parts with more than one node, or with a loop (Tarjan 1972, without recursion).
    fn components(&self) -> Vec<Vec<u32>> {
        const UNSEEN: u32 = u32::MAX;
        let count = self.edges.len();
        let (mut order, mut low) = (vec![UNSEEN; count], vec![0; count]);
        let mut on_stack = vec![false; count];
        let (mut stack, mut next, mut components) = (Vec::new(), 0, Vec::new());
        for root in 0..count as u32 {
            if order[root as usize] != UNSEEN {
                continue;
            }
            let mut path: Vec<(u32, usize)> = vec![(root, 0)];
            while let Some((node, place)) = path.last_mut() {
                let here = *node as usize;
                if *place == 0 {
                    (order[here], low[here]) = (next, next);
                    next += 1;
                    stack.push(*node);
                    on_stack[here] = true;
                }
                if let Some(edge) = self.edges[here].get(*place) {
                    *place += 1;
                    let to = edge.to as usize;
                    if order[to] == UNSEEN {
                        path.push((edge.to, 0));
                    } else if on_stack[to] {
                        low[here] = low[here].min(order[to]);
                    }
                    continue;
                }
                // A node without edges is entered and left at once: its place stays 0, so it must leave the path here.
                path.pop();
                if let Some((parent, _)) = path.last() {
                    let parent = *parent as usize;
                    low[parent] = low[parent].min(low[here]);
                }
                if low[here] == order[here] {
                    let from = stack.iter().rposition(|node| *node as usize == here).unwrap_or(0);
                    let component = stack.split_off(from);
                    component.iter().for_each(|node| on_stack[*node as usize] = false);
                    if component.len() > 1 || self.edges[here].iter().any(|edge| edge.to as usize == here) {
                        components.push(component);
                    }
                }
            }
        }
        components
    }

    fn circle_in(&self, component: &[u32]) -> Option<Vec<u32>> {
        let start = *component.iter().min()?;
        let mut inside = vec![false; self.edges.len()];
        component.iter().for_each(|node| inside[*node as usize] = true);
        let mut reached_by: Vec<Option<(u32, Edge)>> = vec![None; self.edges.len()];
        let mut queue = VecDeque::from([start]);
        'search: while let Some(node) = queue.pop_front() {
            for edge in self.edges[node as usize].iter().filter(|edge| inside[edge.to as usize]) {
                if reached_by[edge.to as usize].is_none() {
                    reached_by[edge.to as usize] = Some((node, *edge));
                    if edge.to == start {
                        break 'search;
                    }
                    queue.push_back(edge.to);
                }
            }
        }
        let mut operations = Vec::new();
        let mut node = start;
        loop {
            let (from, edge) = reached_by[node as usize]?;
            if let Some((earlier, later)) = edge.because {
                operations.extend([later, earlier]);
            }
            node = from;
            if node == start {
                break;
            }
        }
        operations.reverse();
        operations.dedup();
        Some(operations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_and_are_as_short_as_can_be() {
        let mut graph = Graph::default();
        let nodes: Vec<u32> = (0..6).map(|_| graph.node()).collect();
        for (from, to) in [(0, 1), (1, 2), (2, 3), (3, 4)] {
            graph.edge(nodes[from], nodes[to], Some((from as u32, to as u32)));
        }
        assert!(graph.circles().is_empty());
        graph.edge(nodes[4], nodes[0], Some((4, 0)));
        graph.edge(nodes[1], nodes[0], Some((1, 0)));
        graph.edge(nodes[5], nodes[5], Some((5, 5)));
        let circles = graph.circles();
        assert_eq!(circles, [vec![0, 1, 0], vec![5]]);
    }
}
