//! Sequential consistency of registers (Lamport, *How to Make a Multiprocessor Computer That Correctly Executes Multiprocess
//! Programs*, 1979): one order of all operations, of all keys together, in which each process's own stand as it performed
//! them and each read sees the last write. Unlike linearizability it does not ask for real time, and it does not
//! decompose by key.
//!
//! Deciding it is NP-complete even where each value is written once (Gibbons & Korach 1997, theorem 4.9), so two things are
//! tried. First the four session guarantees taken together, in linear time: where no order of versions keeps them there is
//! no order of operations either (it would order the versions). Then a depth-first search over how far each process has
//! come, with a memo of where it failed, and these reductions:
//! 1. *A read that is possible next is placed at once.* In an order that places it later it can be moved here: it is legal
//!    here, changes nothing, and nothing of its process has to come before it.
//! 2. *A value is not overwritten while reads of it are left that nobody else can serve.* Once it is gone, and no unplaced
//!    write would bring it back, those reads can never be placed.
//! 3. *It ends when all decided operations are placed*; undecided ones happened after that, or never.
//!
//! Writes are tried in order of invocation, so that a history that is linearizable, or nearly, needs no way back.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::analysis::{Analysis, Limits};
use crate::checker::{Checker, Context};
use crate::history::{Function, KeyId, Operation, Outcome, ProcessId, ValueId};
use crate::semantics::NullRead;
use crate::session::certainly_not_sequential;
use crate::verdict::{FindingKind, Validity};
use crate::witness::{describe, faults_around, witness};

/// See the module.
pub static CHECKER: Checker =
    Checker { name: "sequential", description: "sequential consistency of registers, all keys together", check };

fn check(context: &Context<'_>, analysis: &mut Analysis) {
    let history = context.history;
    if let Some((text, operations)) = certainly_not_sequential(context) {
        let text = format!(
            "No order of all operations keeps that of each process: {text}; {}.",
            faults_around(history, &operations)
        );
        return analysis.find(FindingKind::NotSequential, 1, None, witness(text, &operations));
    }
    let problem = match Problem::new(context) {
        Ok(problem) => problem,
        Err(reason) => return analysis.unknown(format!("sequential consistency: {reason}")),
    };
    if problem.decided == 0 {
        return analysis.unknown("sequential consistency: no operation ended ok, so nothing was tested");
    }
    match Search::new(&problem, context.limits).run() {
        Answer::Sequential => {}
        Answer::Stuck { placed, blocked } => {
            let blocked: Vec<Operation<'_>> = blocked.iter().filter_map(|id| history.operation(*id as usize)).collect();
            let told: Vec<String> = blocked.iter().map(|operation| describe(history, operation)).collect();
            let text = format!(
                "No order of all operations keeps that of each process and lets each read see the last write, all having \
                 been tried; the longest places {placed} of {}, where none of these can come next: {}; {}.",
                problem.decided,
                told.join("; "),
                faults_around(history, &blocked)
            );
            analysis.find(FindingKind::NotSequential, 1, None, witness(text, &blocked));
        }
        Answer::Exhausted { limit, placed } => analysis.unknown(format!(
            "sequential consistency: the search ended at its {limit} limit; the longest order found places {placed} of {} \
             operations",
            problem.decided
        )),
    }
}

/// A value of a key.
type Version = u32;

/// What an operation does, and whether it certainly happened.
#[derive(Debug, Clone, Copy)]
struct Act {
    operation: u32,
    key: u32,
    expects: Option<Version>,
    writes: Option<Version>,
    is_decided: bool,
}

/// The history, process by process.
#[derive(Debug, Default)]
struct Problem {
    processes: Vec<Vec<Act>>,
    /// By key: the initial version.
    initial: Vec<Version>,
    /// By version: reads of it, and writes of it.
    reads: Vec<u32>,
    writes: Vec<u32>,
    decided: usize,
}

impl Problem {
    fn new(context: &Context<'_>) -> Result<Self, String> {
        let history = context.history;
        let mut problem = Self::default();
        let mut versions: FxHashMap<(KeyId, Option<ValueId>), Version> = FxHashMap::default();
        let initial = context.semantics.initial.in_history(history);
        for key in history.key_ids() {
            let version = problem.version(&mut versions, key, initial);
            problem.initial.push(version);
        }
        let mut process_ids: FxHashMap<ProcessId, usize> = FxHashMap::default();
        for operation in history.operations().filter(|operation| !operation.is_final()) {
            let key = operation.key();
            let is_decided = match operation.outcome() {
                Outcome::Ok => true,
                Outcome::Info => false,
                Outcome::Fail => continue,
            };
            let (expects, writes) = match operation.function() {
                Function::Read | Function::Get => match operation.result() {
                    None => continue,
                    Some(value) if value.is_null() && context.semantics.null_read == NullRead::Unknown => continue,
                    Some(value) => (Some(value), None),
                },
                Function::Write | Function::Put => (None, Some(operation.argument())),
                Function::CompareAndSet => match history.values().as_list(operation.argument()) {
                    Some([old, new]) => (Some(*old), Some(*new)),
                    _ => return Err(format!("index {}: a cas without [old, new]", operation.invoked_index())),
                },
                _ => {
                    let (index, f) = (operation.invoked_index(), operation.f());
                    return Err(format!("index {index}: `{f}` is not an operation of a register"));
                }
            };
            let expects = expects.map(|value| problem.version(&mut versions, key, Some(value)));
            let writes = writes.map(|value| problem.version(&mut versions, key, Some(value)));
            // An undecided compare-and-set need not find its value, so it demands none.
            if let Some(version) = expects.filter(|_| is_decided) {
                problem.reads[version as usize] += 1;
            }
            if let Some(version) = writes {
                problem.writes[version as usize] += 1;
            }
            problem.decided += usize::from(is_decided);
            let process = *process_ids.entry(operation.process()).or_insert_with(|| {
                problem.processes.push(Vec::new());
                problem.processes.len() - 1
            });
            let act = Act { operation: operation.id() as u32, key: key.index() as u32, expects, writes, is_decided };
            problem.processes[process].push(act);
        }
        Ok(problem)
    }

    /// `None` is an initial value that the history never mentions.
    fn version(
        &mut self,
        versions: &mut FxHashMap<(KeyId, Option<ValueId>), Version>,
        key: KeyId,
        value: Option<ValueId>,
    ) -> Version {
        *versions.entry((key, value)).or_insert_with(|| {
            self.reads.push(0);
            self.writes.push(0);
            (self.reads.len() - 1) as Version
        })
    }
}

enum Answer {
    Sequential,
    Stuck { placed: usize, blocked: Vec<u32> },
    Exhausted { limit: &'static str, placed: usize },
}

/// Operations named in a witness at most.
const BLOCKED_MAX: usize = 6;
/// Steps between two questions to the caller.
const STEPS_PER_QUESTION: u64 = 64;
/// What a memo entry costs beside its words.
const ENTRY_OVERHEAD_BYTES: usize = 32;

/// One placed operation, to take it back.
struct Placed {
    process: u32,
    /// What the key held before.
    before: Version,
}

/// A configuration on the way, and the processes still to be tried from it, the first of them last.
struct Frame {
    trail: usize,
    choices: Vec<u32>,
    /// Failed before: there is nothing to remember.
    is_known: bool,
}

struct Search<'s> {
    problem: &'s Problem,
    limits: &'s Limits<'s>,
    /// How far each process has come.
    next: Vec<u32>,
    /// By key.
    present: Vec<Version>,
    reads_left: Vec<u32>,
    writes_left: Vec<u32>,
    trail: Vec<Placed>,
    placed: usize,
    frames: Vec<Frame>,
    memo: FxHashSet<Box<[u32]>>,
    memo_bytes: usize,
    longest: usize,
    blocked: Vec<u32>,
    steps: u64,
}

impl<'s> Search<'s> {
    fn new(problem: &'s Problem, limits: &'s Limits<'s>) -> Self {
        Self {
            problem,
            limits,
            next: vec![0; problem.processes.len()],
            present: problem.initial.clone(),
            reads_left: problem.reads.clone(),
            writes_left: problem.writes.clone(),
            trail: Vec::new(),
            placed: 0,
            frames: Vec::new(),
            memo: FxHashSet::default(),
            memo_bytes: 0,
            longest: 0,
            blocked: Vec::new(),
            steps: 0,
        }
    }

    fn run(mut self) -> Answer {
        if self.enter() {
            return Answer::Sequential;
        }
        loop {
            self.steps += 1;
            if self.steps.is_multiple_of(STEPS_PER_QUESTION) && (self.limits.should_stop)() {
                return Answer::Exhausted { limit: "time", placed: self.longest };
            }
            let stacks = self.frames.len() * size_of::<Frame>() + self.trail.len() * size_of::<Placed>();
            if self.memo_bytes + stacks > self.limits.memory_bytes {
                return Answer::Exhausted { limit: "memory", placed: self.longest };
            }
            let Some(frame) = self.frames.last_mut() else {
                return Answer::Stuck { placed: self.longest, blocked: self.blocked };
            };
            let trail = frame.trail;
            match frame.choices.pop() {
                Some(process) => {
                    self.take_back(trail);
                    self.place(process);
                    if self.enter() {
                        return Answer::Sequential;
                    }
                }
                None => {
                    self.take_back(trail);
                    if self.frames.pop().is_some_and(|frame| !frame.is_known) {
                        self.remember();
                    }
                }
            }
        }
    }

    /// Places what can be placed at once, and opens a frame. Answers whether everything decided is placed.
    fn enter(&mut self) -> bool {
        self.place_reads();
        if self.placed == self.problem.decided {
            return true;
        }
        let is_known = !self.memo.is_empty() && self.memo.contains(&self.configuration());
        let mut choices = if is_known { Vec::new() } else { self.choices() };
        choices.reverse();
        self.frames.push(Frame { trail: self.trail.len(), choices, is_known });
        false
    }

    fn act(&self, process: usize) -> Option<Act> {
        self.problem.processes[process].get(self.next[process] as usize).copied()
    }

    /// Reduction 1.
    fn place_reads(&mut self) {
        loop {
            let before = self.trail.len();
            for process in 0..self.next.len() {
                while let Some(act) = self.act(process)
                    && act.writes.is_none()
                    && act.expects == Some(self.present[act.key as usize])
                {
                    self.place(process as u32);
                }
            }
            if self.trail.len() == before {
                return;
            }
        }
    }

    fn place(&mut self, process: u32) {
        let Some(act) = self.act(process as usize) else { return };
        let key = act.key as usize;
        self.trail.push(Placed { process, before: self.present[key] });
        self.next[process as usize] += 1;
        self.placed += usize::from(act.is_decided);
        if let Some(expected) = act.expects.filter(|_| act.is_decided) {
            self.reads_left[expected as usize] -= 1;
        }
        if let Some(written) = act.writes {
            self.writes_left[written as usize] -= 1;
            self.present[key] = written;
        }
    }

    fn take_back(&mut self, length: usize) {
        while self.trail.len() > length {
            let Some(Placed { process, before }) = self.trail.pop() else { return };
            self.next[process as usize] -= 1;
            let Some(act) = self.act(process as usize) else { return };
            self.placed -= usize::from(act.is_decided);
            if let Some(expected) = act.expects.filter(|_| act.is_decided) {
                self.reads_left[expected as usize] += 1;
            }
            if let Some(written) = act.writes {
                self.writes_left[written as usize] += 1;
                self.present[act.key as usize] = before;
            }
        }
    }

    /// Processes whose next operation writes and may do so now, in order of invocation.
    fn choices(&mut self) -> Vec<u32> {
        let mut choices: Vec<(bool, u32, u32)> = Vec::new();
        let mut blocked = Vec::new();
        for process in 0..self.next.len() {
            let Some(act) = self.act(process) else { continue };
            let present = self.present[act.key as usize];
            let is_possible = act.writes.is_some() && act.expects.is_none_or(|expected| expected == present);
            if is_possible && self.may_overwrite(&act, present) {
                choices.push((!act.is_decided, act.operation, process as u32));
            }
            if act.is_decided && blocked.len() < BLOCKED_MAX {
                blocked.push(act.operation);
            }
        }
        if self.placed > self.longest || self.blocked.is_empty() {
            self.longest = self.placed;
            self.blocked = blocked;
        }
        choices.sort_unstable();
        choices.into_iter().map(|(.., process)| process).collect()
    }

    /// Reduction 2. The operation's own expectation of the present value is met here.
    fn may_overwrite(&self, act: &Act, present: Version) -> bool {
        let met_here = u32::from(act.is_decided && act.expects == Some(present));
        let rewrites = act.writes == Some(present);
        rewrites || self.reads_left[present as usize] == met_here || self.writes_left[present as usize] > 0
    }

    /// How far each process has come, and what each key holds.
    fn configuration(&self) -> Box<[u32]> {
        self.next.iter().chain(&self.present).copied().collect()
    }

    /// Notes that the present configuration leads nowhere. Only then: every step places something, so no configuration comes
    /// back while it is still being tried, and a history that is in order needs no memo at all.
    fn remember(&mut self) {
        let configuration = self.configuration();
        self.memo_bytes += size_of_val(&*configuration) + ENTRY_OVERHEAD_BYTES;
        self.memo.insert(configuration);
    }
}

/// Whether a history is sequentially consistent as registers: the verdict alone.
#[must_use]
pub fn is_sequential(context: &Context<'_>) -> Validity {
    let mut analysis = Analysis::default();
    check(context, &mut analysis);
    analysis.valid
}

#[cfg(test)]
mod tests {
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{HistoryText, assert_share, seeds};

    #[test]
    fn stale_reads_are_sequential_as_long_as_no_process_notices() {
        let mut text = HistoryText::new();
        text.ok((0, 1), 1, "write", json!(1), json!(1)).ok((2, 3), 1, "write", json!(2), json!(2));
        text.ok((4, 5), 2, "read", Value::Null, json!(1));
        let history = text.history();
        assert_eq!(is_sequential(&Context::new(&history, &Limits::NONE)), Validity::Valid);
        text.ok((6, 7), 1, "read", Value::Null, json!(1));
        let history = text.history();
        assert_eq!(is_sequential(&Context::new(&history, &Limits::NONE)), Validity::Invalid);
    }

    #[test]
    fn keys_do_not_decompose() {
        // Store buffering: each process writes its key and then misses the other's write.
        let mut text = HistoryText::new();
        for (time, process, f, key) in
            [(0, 1, "write", "x"), (1, 2, "write", "y"), (4, 1, "read", "y"), (5, 2, "read", "x")]
        {
            let value = if f == "write" { json!(1) } else { Value::Null };
            text.invoke(time, process, f, value.clone()).with("key", key);
            text.complete(time + 2, process, "ok", f, value);
        }
        let history = text.history();
        assert_eq!(is_sequential(&Context::new(&history, &Limits::NONE)), Validity::Invalid);
    }

    struct Did {
        process: usize,
        key: usize,
        expects: Option<u64>,
        writes: Option<u64>,
        is_decided: bool,
    }

    /// Tries every order.
    fn explains(done: &mut Vec<bool>, acts: &[Did], state: &mut [u64; 2]) -> bool {
        if acts.iter().zip(done.iter()).all(|(act, done)| *done || !act.is_decided) {
            return true;
        }
        (0..acts.len()).any(|place| {
            let act = &acts[place];
            let is_next = !done[place]
                && acts[..place].iter().zip(done.iter()).all(|(other, done)| *done || other.process != act.process);
            if !is_next || act.expects.is_some_and(|expected| expected != state[act.key]) {
                return false;
            }
            let before = *state;
            state[act.key] = act.writes.unwrap_or(state[act.key]);
            done[place] = true;
            let found = explains(done, acts, state);
            done[place] = false;
            *state = before;
            found
        })
    }

    #[test]
    fn it_agrees_with_trying_every_order() {
        let (mut sequential, mut all) = (0, 0);
        for seed in seeds(20_000) {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let values = random.random_range(2..6);
            let mut acts = Vec::new();
            let mut text = HistoryText::new();
            let mut gone = [false; 3];
            for number in 0..random.random_range(2..8_u64) {
                let (process, key) = (random.random_range(0..3), random.random_range(0..2));
                if gone[process] {
                    continue;
                }
                let (old, new) = (random.random_range(0..values), random.random_range(1..values));
                let (f, expects, writes) = match random.random_range(0..5) {
                    0 => ("cas", Some(old), Some(new)),
                    1 | 2 => ("write", None, Some(new)),
                    _ => ("read", Some(old), None),
                };
                let is_decided = f == "read" || random.random_range(0..5) > 0;
                gone[process] = !is_decided;
                let shown = |value: u64| if value == 0 { Value::Null } else { json!(value) };
                let value = match f {
                    "cas" => json!([shown(old), new]),
                    "write" => json!(new),
                    _ => shown(old),
                };
                let name = ["x", "y"][key];
                let argument = if f == "read" { Value::Null } else { value.clone() };
                text.invoke(number * 2, process as u64, f, argument).with("key", name);
                text.complete(number * 2 + 1, process as u64, if is_decided { "ok" } else { "info" }, f, value)
                    .with("key", name);
                acts.push(Did { process, key, expects, writes, is_decided });
            }
            if acts.iter().all(|act| !act.is_decided) {
                continue;
            }
            let expected = explains(&mut vec![false; acts.len()], &acts, &mut [0; 2]);
            let history = text.history();
            let found = is_sequential(&Context::new(&history, &Limits::NONE));
            let verdict = if expected { Validity::Valid } else { Validity::Invalid };
            assert_eq!(found, verdict, "seed {seed}: {history:?}");
            sequential += u64::from(expected);
            all += 1;
        }
        assert_share(sequential, all, 0.1..0.9);
    }

    #[test]
    fn a_limit_is_unknown_with_how_far_it_came() {
        let mut text = HistoryText::new();
        for process in 0..12 {
            for number in 0..4 {
                text.ok((number * 2, number * 2 + 1), process, "write", json!(1 + number % 2), Value::Null);
            }
        }
        text.ok((20, 21), 90, "read", Value::Null, json!(1)).ok((22, 23), 90, "read", Value::Null, json!(9));
        let history = text.history();
        let limits = Limits { should_stop: &|| false, memory_bytes: 1 << 16 };
        let mut analysis = Analysis::default();
        check(&Context::new(&history, &limits), &mut analysis);
        assert_eq!(analysis.valid, Validity::Unknown);
        assert!(analysis.reasons[0].contains("memory limit"), "{:?}", analysis.reasons);
    }
}
