//! Kinds of cycles against the naive answer, on small random graphs.
//!
//! The naive answer comes from the definitions: all simple cycles, with every choice of relations; for walks without adjacent
//! anti-dependencies the closure of a matrix. It knows nothing of auxiliary nodes.
//! `SCHISM_SEED=N` repeats one graph, `SCHISM_HISTORIES=N` sets how many are tried.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::anomalies::{Class, CycleKind, Variant};
use super::components::{Components, Restricted};
use super::cycles::{Existing, kinds};
use super::graph::{Edges, Graph, Relations};
use super::input::{Transaction, Transactions};
use super::order::{add_process_order, add_real_time};
use super::shortest;
use crate::analysis::Limits;
use crate::history::Outcome;

const GRAPHS: u64 = 20_000;
const ALL: [Relations; 6] = [
    Relations::WRITE_WRITE,
    Relations::UNCERTAIN_WRITE_WRITE,
    Relations::WRITE_READ,
    Relations::READ_WRITE,
    Relations::PROCESS,
    Relations::REALTIME,
];

/// Which relations hold between each two transactions.
type Matrix = Vec<Vec<Vec<Relations>>>;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn seeds() -> std::ops::Range<u64> {
    match number("SCHISM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SCHISM_HISTORIES").unwrap_or(GRAPHS),
    }
}

/// A random graph, once with auxiliary nodes and once as pairs.
fn random_graph(seed: u64) -> (Graph, Matrix) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let count = random.random_range(2..=6_usize);
    let mut transactions = Transactions::new();
    let mut intervals = Vec::new();
    let mut process_ends = [0_u64; 7];
    let processes = random.random_range(2..=7_u32);
    for _ in 0..count {
        let process = random.random_range(0..processes);
        let invoked = random.random_range(0..8).max(process_ends[process as usize]);
        let completed = invoked + random.random_range(0..6);
        let outcome = if random.random_range(0..8) == 0 { Outcome::Info } else { Outcome::Ok };
        process_ends[process as usize] = completed;
        intervals.push(Transaction {
            process,
            outcome,
            invoked,
            completed: (outcome == Outcome::Ok).then_some(completed),
        });
    }
    intervals.sort_by_key(|transaction| transaction.invoked);
    intervals.iter().for_each(|transaction| transactions.push(*transaction, &[]));
    let mut matrix: Matrix = vec![vec![Vec::new(); count]; count];
    let mut edges = Edges::new(count);
    // Mostly few dependencies, or else every graph has the gravest kinds.
    let shares: [&[u32]; 4] = [&[0, 0, 4, 15], &[0, 0, 4, 10], &[0, 2, 6, 15], &[4, 8, 16, 25]];
    let relation_shares = shares.map(|shares| shares[random.random_range(0..shares.len())]);
    for (from, row) in matrix.iter_mut().enumerate() {
        for to in (0..count).filter(|to| *to != from) {
            for (relation, share) in ALL.iter().zip(relation_shares) {
                if random.random_range(0..100) < share {
                    edges.add(from as u32, to as u32, *relation);
                    row[to].push(*relation);
                }
            }
        }
    }
    if random.random_range(0..2) == 0 {
        // Most of a ring; where it is open, an order may close it.
        let mut ring: Vec<usize> = (0..count).collect();
        for place in 1..count {
            ring.swap(place, random.random_range(0..=place));
        }
        for step in 0..random.random_range(1..count) {
            let (from, to) = (ring[step], ring[step + 1]);
            let relation = ALL[random.random_range(0..4)];
            edges.add(from as u32, to as u32, relation);
            matrix[from][to].push(relation);
        }
    }
    if random.random_range(0..4) == 0 {
        let mut some = || -> Vec<u32> { (0..count as u32).filter(|_| random.random_range(0..3) == 0).collect() };
        let (sources, targets) = (some(), some());
        edges.add_all_by_chains(&sources, &targets, Relations::READ_WRITE);
        for from in &sources {
            for to in targets.iter().filter(|to| *to != from) {
                matrix[*from as usize][*to as usize].push(Relations::READ_WRITE);
            }
        }
    }
    add_process_order(&transactions, &mut edges);
    add_real_time(&transactions, &mut edges);
    for (from, earlier) in intervals.iter().enumerate() {
        for (to, later) in intervals.iter().enumerate() {
            if earlier.completed.is_some_and(|completed| completed < later.invoked) {
                matrix[from][to].push(Relations::REALTIME);
            }
            if from < to && earlier.process == later.process && earlier.outcome == Outcome::Ok {
                matrix[from][to].push(Relations::PROCESS);
            }
        }
    }
    (Graph::new(&edges), matrix)
}

/// For each kind of simple cycle among some transactions, however long: the length of the shortest. The variant is the least
/// that has the relations.
fn simple_cycles(matrix: &Matrix, among: &[usize]) -> BTreeMap<CycleKind, usize> {
    let mut found = BTreeMap::new();
    for first in among {
        extend(matrix, among, &mut vec![*first], &mut Vec::new(), &mut found);
    }
    found
}

fn extend(
    matrix: &Matrix,
    among: &[usize],
    path: &mut Vec<usize>,
    relations: &mut Vec<Relations>,
    found: &mut BTreeMap<CycleKind, usize>,
) {
    let last = path[path.len() - 1];
    for next in among {
        for relation in &matrix[last][*next] {
            relations.push(*relation);
            if *next == path[0] {
                if let Some(kind) = kind_of(relations) {
                    let length = found.entry(kind).or_insert(usize::MAX);
                    *length = (*length).min(relations.len());
                }
            } else if *next > path[0] && !path.contains(next) {
                path.push(*next);
                extend(matrix, among, path, relations, found);
                path.pop();
            }
            relations.pop();
        }
    }
}

/// The kind of a cycle of such edges, adjacency taken round the corner.
fn kind_of(relations: &[Relations]) -> Option<CycleKind> {
    let count = |relation| relations.iter().filter(|other| **other == relation).count();
    let is_adjacent = |place: usize| {
        relations[place] == Relations::READ_WRITE && relations[(place + 1) % relations.len()] == Relations::READ_WRITE
    };
    let class = match count(Relations::READ_WRITE) {
        0 if count(Relations::WRITE_READ) + count(Relations::UNCERTAIN_WRITE_WRITE) > 0 => Class::InformationFlow,
        0 if count(Relations::WRITE_WRITE) > 0 => Class::WriteCycle,
        0 => return None,
        1 => Class::Single,
        _ if (0..relations.len()).any(is_adjacent) => Class::General,
        _ => Class::NonAdjacent,
    };
    let variant = if count(Relations::REALTIME) > 0 {
        Variant::Realtime
    } else if count(Relations::PROCESS) > 0 {
        Variant::Process
    } else {
        Variant::Data
    };
    Some(CycleKind { variant, class })
}

fn allowed(variant: Variant) -> Vec<Relations> {
    let is_order = |relation: Relations| relation.meets(Relations::PROCESS.or(Relations::REALTIME));
    ALL.into_iter().filter(|relation| !is_order(*relation) || relation.meets(variant.relations())).collect()
}

/// Whether snapshot isolation's relation, one step and then perhaps an anti-dependency, has a cycle with an anti-dependency.
fn has_walk_without_adjacent(matrix: &Matrix, among: &[usize], variant: Variant) -> bool {
    let allowed = allowed(variant);
    let has = |from: usize, to: usize, anti: bool| {
        matrix[from][to]
            .iter()
            .any(|relation| allowed.contains(relation) && (*relation == Relations::READ_WRITE) == anti)
    };
    let mut reaches = vec![vec![false; matrix.len()]; matrix.len()];
    let mut with_anti_dependency = Vec::new();
    for from in among {
        for middle in among.iter().filter(|middle| has(*from, **middle, false)) {
            reaches[*from][*middle] = true;
            for to in among.iter().filter(|to| has(*middle, **to, true)) {
                reaches[*from][*to] = true;
                with_anti_dependency.push((*from, *to));
            }
        }
    }
    for middle in among {
        for from in among {
            for to in among {
                reaches[*from][*to] |= reaches[*from][*middle] && reaches[*middle][*to];
            }
        }
    }
    with_anti_dependency.iter().any(|(from, to)| from == to || reaches[*to][*from])
}

/// Components by closure: lists of more than one transaction.
fn groups(matrix: &Matrix) -> Vec<Vec<usize>> {
    let count = matrix.len();
    let mut reaches: Vec<Vec<bool>> =
        matrix.iter().map(|row| row.iter().map(|edge| !edge.is_empty()).collect()).collect();
    for middle in 0..count {
        for from in 0..count {
            for to in 0..count {
                reaches[from][to] |= reaches[from][middle] && reaches[middle][to];
            }
        }
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for node in (0..count).filter(|node| reaches[*node][*node]) {
        match groups.iter_mut().find(|group| reaches[group[0]][node] && reaches[node][group[0]]) {
            Some(group) => group.push(node),
            None => groups.push(vec![node]),
        }
    }
    groups
}

/// The kinds that exist and that no other existing kind covers.
fn expected(matrix: &Matrix, among: &[usize]) -> BTreeSet<CycleKind> {
    let mut existing: BTreeSet<CycleKind> = simple_cycles(matrix, among).into_keys().collect();
    for variant in Variant::ALL {
        if has_walk_without_adjacent(matrix, among, variant) {
            existing.insert(CycleKind { variant, class: Class::NonAdjacent });
        }
    }
    let is_covered = |kind: &CycleKind| existing.iter().any(|other| other != kind && other.covers(*kind));
    existing.iter().filter(|kind| !is_covered(kind)).copied().collect()
}

/// Checks that a cycle is what it says it is.
fn check_cycle(seed: u64, graph: &Graph, matrix: &Matrix, nodes: &[u32], existing: &Existing, is_exact: bool) {
    let kind = existing.kind;
    let cycle = shortest::cycle(graph, existing, &Limits::NONE)
        .unwrap_or_else(|| panic!("SCHISM_SEED={seed}: no cycle of {}", kind.name()));
    let members: Vec<usize> = cycle.steps.iter().map(|step| nodes[step.transaction as usize] as usize).collect();
    let relations: Vec<Relations> = cycle.steps.iter().map(|step| step.relation).collect();
    for (place, relation) in relations.iter().enumerate() {
        let (from, to) = (members[place], members[(place + 1) % members.len()]);
        assert!(matrix[from][to].contains(relation), "SCHISM_SEED={seed}: no such edge {from} {relation:?} {to}");
    }
    assert_eq!(kind_of(&relations), Some(kind), "SCHISM_SEED={seed}: {relations:?}");
    assert!(cycle.is_shortest, "SCHISM_SEED={seed}: small graphs need few steps");
    let among: Vec<usize> = nodes.iter().map(|node| *node as usize).filter(|node| *node < matrix.len()).collect();
    if let Some(length) = simple_cycles(matrix, &among).get(&kind).filter(|_| is_exact) {
        assert!(members.len() <= *length, "SCHISM_SEED={seed}: {} of {length} in {members:?}", kind.name());
    }
}

#[test]
fn kinds_are_those_of_the_definitions() {
    let mut seen: BTreeMap<&'static str, u64> = BTreeMap::new();
    for seed in seeds() {
        let (graph, matrix) = random_graph(seed);
        let lists = Components::new(&Restricted::new(&graph, Relations::ALL)).larger_than_one();
        let groups = groups(&matrix);
        assert_eq!(lists.len(), groups.len(), "SCHISM_SEED={seed}");
        let mut numbers = vec![Graph::OUTSIDE; graph.node_count()];
        for (nodes, group) in lists.iter().zip(&groups) {
            let part = graph.part(nodes, &mut numbers);
            assert_eq!(part.transactions() as usize, group.len(), "SCHISM_SEED={seed}");
            let found = kinds(&part, &Limits::NONE);
            let kinds: BTreeSet<CycleKind> = found.iter().map(|existing| existing.kind).collect();
            assert_eq!(kinds, expected(&matrix, group), "SCHISM_SEED={seed}: {matrix:?}");
            let has_information_cycle = kinds.iter().any(|kind| kind.class <= Class::InformationFlow);
            for existing in &found {
                *seen.entry(existing.kind.name()).or_default() += 1;
                let is_exact = existing.kind.class <= Class::InformationFlow || !has_information_cycle;
                check_cycle(seed, &part, &matrix, nodes, existing, is_exact);
            }
        }
    }
    assert!(number("SCHISM_SEED").is_some() || seen.len() == 15, "the test is blind to some kinds: {seen:?}");
}
