//! Sessions over registers whose values are written once each.
//!
//! A guarantee holds iff the versions of each key can be ordered so that it holds. What it demands of the order are edges
//! between versions, and nothing else, so such an order exists iff the edges have no circle:
//! - monotonic reads: a process reads a, and later b: a before b;
//! - read your writes: it writes a, and later reads another value b: a before b;
//! - monotonic writes: it writes a, and later b: a before b;
//! - writes follow reads: it reads a, and later writes b: a before b.
//!
//! Known beside these: the initial value is before all others; a successful compare-and-set from a to b puts a before b;
//! positions in the log, where writes carry them, order their versions. A compare-and-set counts as a write.
//!
//! Where an edge is demanded from everything a process wrote (or read) so far, a chain of helping nodes keeps the graph
//! linear in the history's size.

use rustc_hash::FxHashMap;

use super::graph::Graph;
use super::{Guarantee, Violation, takes_part};
use crate::checker::Context;
use crate::history::{Function, KeyId, Operation, Outcome, ProcessId, ValueId};
use crate::semantics::NullRead;
use crate::verdict::FindingKind;
use crate::witness::describe;

/// A version: a key's value.
type Version = u32;

/// An edge of the order of versions, and the two operations that make it one.
type Known = (Version, Version, Option<(u32, u32)>);

/// What an operation did to a key, for a session.
#[derive(Debug, Clone, Copy)]
enum Act {
    Read(Version),
    Write(Version),
}

/// The history as acts on versions.
struct Sessions<'h> {
    /// By process and key, in order of invocation.
    acts: Vec<Vec<(Act, Operation<'h>)>>,
    /// What is known of the order of versions without any session.
    known: Vec<Known>,
    versions: usize,
    /// Key, position, term and version of acknowledged writes that carry a position.
    positioned: Vec<(KeyId, u64, u64, Version)>,
}

/// Finds violations of each guarantee alone, and, where all four are asked for and each can be kept, of all together.
///
/// # Errors
/// Why the history cannot be judged.
pub(super) fn violations<'h>(context: &Context<'h>, guarantees: &[Guarantee]) -> Result<Vec<Violation<'h>>, String> {
    let mut sessions = Sessions::new(context)?;
    sessions.order_by_position();
    let mut violations: Vec<Violation<'h>> = Vec::new();
    for guarantee in guarantees {
        violations.extend(sessions.violations(context, guarantee.kind(), &[*guarantee]));
    }
    if guarantees.len() > 1 && violations.is_empty() {
        violations.extend(sessions.violations(context, FindingKind::NotSequential, guarantees));
    }
    Ok(violations)
}

/// Operations that show that no order at all explains the history and keeps every process's own; `None` where these
/// guarantees do not show it. Positions are no evidence here: such an order need not be the log's.
pub(crate) fn certainly_not_sequential<'h>(context: &Context<'h>) -> Option<(String, Vec<Operation<'h>>)> {
    let sessions = Sessions::new(context).ok()?;
    let found = sessions.violations(context, FindingKind::NotSequential, &Guarantee::ALL);
    found.into_iter().next().map(|violation| (violation.text, violation.operations))
}

/// Numbers versions.
#[derive(Default)]
struct Versions {
    ids: FxHashMap<(KeyId, ValueId), Version>,
    writers: Vec<Option<u32>>,
}

impl Versions {
    fn id(&mut self, key: KeyId, value: ValueId) -> Version {
        *self.ids.entry((key, value)).or_insert_with(|| {
            self.writers.push(None);
            (self.writers.len() - 1) as Version
        })
    }
}

impl<'h> Sessions<'h> {
    fn new(context: &Context<'h>) -> Result<Self, String> {
        let history = context.history;
        let initial = context.semantics.initial.in_history(history);
        let mut versions = Versions::default();
        let mut session_ids: FxHashMap<(ProcessId, KeyId), usize> = FxHashMap::default();
        let mut sessions = Self { acts: Vec::new(), known: Vec::new(), versions: 0, positioned: Vec::new() };
        for operation in history.operations().filter(takes_part) {
            let (key, number) = (operation.key(), operation.id() as u32);
            let written = match operation.function() {
                Function::Write | Function::Put => Some(operation.argument()),
                Function::CompareAndSet => match history.values().as_list(operation.argument()) {
                    Some([old, new]) => {
                        if operation.is_ok() {
                            let (old, new) = (versions.id(key, *old), versions.id(key, *new));
                            sessions.known.push((old, new, Some((number, number))));
                        }
                        Some(*new)
                    }
                    _ => return Err(format!("index {}: a cas without [old, new]", operation.invoked_index())),
                },
                Function::Read | Function::Get => None,
                _ => {
                    let (index, f) = (operation.invoked_index(), operation.f());
                    return Err(format!("index {index}: `{f}` is not an operation of a register or a set"));
                }
            };
            let act = match (written, operation.result()) {
                (Some(_), _) if operation.outcome() == Outcome::Fail => continue,
                (Some(value), _) => {
                    let version = versions.id(key, value);
                    if versions.writers[version as usize].replace(number).is_some() || Some(value) == initial {
                        return Err(format!(
                            "{} of {} was written twice, so nobody can say which write a read saw",
                            history.values().display(value),
                            history.key_name(key)
                        ));
                    }
                    if let (Some(position), true) = (operation.position(), operation.is_ok()) {
                        sessions.positioned.push((key, position, operation.term().unwrap_or(0), version));
                    }
                    Act::Write(version)
                }
                (None, Some(value)) if value.is_null() && context.semantics.null_read == NullRead::Unknown => continue,
                (None, Some(value)) => Act::Read(versions.id(key, value)),
                (None, None) => continue,
            };
            let session = *session_ids.entry((operation.process(), key)).or_insert_with(|| {
                sessions.acts.push(Vec::new());
                sessions.acts.len() - 1
            });
            sessions.acts[session].push((act, operation));
        }
        sessions.start_with(initial, &versions);
        sessions.versions = versions.writers.len();
        Ok(sessions)
    }

    fn order_by_position(&mut self) {
        self.positioned.sort_unstable();
        for pair in self.positioned.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            self.known.push((pair[0].3, pair[1].3, None));
        }
    }

    fn start_with(&mut self, initial: Option<ValueId>, versions: &Versions) {
        let Some(initial) = initial else { return };
        for ((key, _), version) in &versions.ids {
            if let Some(first) = versions.ids.get(&(*key, initial)).filter(|first| *first != version) {
                self.known.push((*first, *version, None));
            }
        }
    }

    fn violations(&self, context: &Context<'h>, kind: FindingKind, guarantees: &[Guarantee]) -> Vec<Violation<'h>> {
        let mut graph = Graph::default();
        (0..self.versions).for_each(|_| {
            graph.node();
        });
        self.known.iter().for_each(|(from, to, because)| graph.edge(*from, *to, *because));
        for acts in &self.acts {
            for guarantee in guarantees {
                demand(&mut graph, *guarantee, acts);
            }
        }
        let circles = graph.circles().into_iter();
        circles
            .map(|numbers| {
                let operations: Vec<Operation<'h>> =
                    numbers.iter().filter_map(|number| context.history.operation(*number as usize)).collect();
                let told: Vec<String> =
                    operations.iter().map(|operation| describe(context.history, operation)).collect();
                let text = format!("no order of the values fits what was seen: {}", told.join("; then "));
                Violation { kind, text, operations }
            })
            .collect()
    }
}

/// Adds what a guarantee demands of the order, for one process and key.
fn demand(graph: &mut Graph, guarantee: Guarantee, acts: &[(Act, Operation<'_>)]) {
    let because = |one: &Operation<'_>, other: &Operation<'_>| Some((one.id() as u32, other.id() as u32));
    match guarantee {
        Guarantee::MonotonicReads | Guarantee::MonotonicWrites => {
            let of_kind = acts.iter().filter_map(|(act, operation)| match (act, guarantee) {
                (Act::Read(version), Guarantee::MonotonicReads) | (Act::Write(version), Guarantee::MonotonicWrites) => {
                    Some((*version, operation))
                }
                _ => None,
            });
            let mut last: Option<(Version, &Operation<'_>)> = None;
            for (version, operation) in of_kind {
                if let Some((before, earlier)) = last.filter(|(before, _)| *before != version) {
                    graph.edge(before, version, because(earlier, operation));
                }
                last = Some((version, operation));
            }
        }
        Guarantee::WritesFollowReads => {
            let mut read_so_far: Option<u32> = None;
            let mut last: Option<(Version, &Operation<'_>)> = None;
            for (act, operation) in acts {
                match act {
                    Act::Read(version) => {
                        read_so_far = Some(chain(graph, read_so_far, *version));
                        last = Some((*version, operation));
                    }
                    Act::Write(version) => {
                        if let Some((before, earlier)) = last {
                            graph.edge(before, *version, because(earlier, operation));
                        }
                        if let Some(all) = read_so_far {
                            graph.edge(all, *version, because(operation, operation));
                        }
                    }
                }
            }
        }
        Guarantee::ReadYourWrites => read_your_writes(graph, acts, because),
    }
}

/// A helping node after everything so far and a version.
fn chain(graph: &mut Graph, so_far: Option<u32>, version: Version) -> u32 {
    let node = graph.node();
    graph.edge(version, node, None);
    if let Some(so_far) = so_far {
        graph.edge(so_far, node, None);
    }
    node
}

fn read_your_writes(
    graph: &mut Graph,
    acts: &[(Act, Operation<'_>)],
    because: impl Fn(&Operation<'_>, &Operation<'_>) -> Option<(u32, u32)>,
) {
    // Own writes so far; beside each the helping node after it.
    let mut written: Vec<(Version, &Operation<'_>, u32)> = Vec::new();
    for (act, operation) in acts {
        match act {
            Act::Write(version) => {
                let node = chain(graph, written.last().map(|(.., node)| *node), *version);
                written.push((*version, operation, node));
            }
            Act::Read(version) => {
                // Reading an own value demands nothing of that value itself: the chain is left out from there on.
                let own = written.iter().rposition(|(own, ..)| own == version);
                let through_chain = own.unwrap_or(written.len());
                if let Some((before, earlier, node)) = through_chain.checked_sub(1).map(|place| written[place]) {
                    graph.edge(before, *version, because(earlier, operation));
                    graph.edge(node, *version, because(operation, operation));
                }
                for (after, later, _) in own.map_or(&[][..], |place| &written[place + 1..]) {
                    graph.edge(*after, *version, because(later, operation));
                }
            }
        }
    }
}
