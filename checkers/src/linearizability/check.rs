//! Which operations of a history are judged, and what its keys say together.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::search_key::search_key;
use crate::analysis::{Analysis, Limits};
use crate::checker::{Checker, Context};
use crate::history::{History, KeyId, Operation, Phase};
use crate::model::{self, Explain, Model, Object};
use crate::semantics::Semantics;
use crate::verdict::{FindingKind, Validity, Witness};
use crate::witness::{faults_around, witness};

/// Linearizability of registers.
pub static REGISTER_CHECKER: Checker = Checker {
    name: "linearizable-register",
    description: "linearizability of read, write, cas",
    check: |context, analysis| add_to(context, &model::REGISTER, analysis),
};

/// Linearizability of grow-only sets.
pub static SET_CHECKER: Checker = Checker {
    name: "linearizable-set",
    description: "linearizability of a grow-only set",
    check: |context, analysis| add_to(context, &model::SET, analysis),
};

/// Linearizability of counters.
pub static COUNTER_CHECKER: Checker = Checker {
    name: "linearizable-counter",
    description: "linearizability of a counter",
    check: |context, analysis| add_to(context, &model::COUNTER, analysis),
};

/// Linearizability of queues.
pub static QUEUE_CHECKER: Checker = Checker {
    name: "linearizable-queue",
    description: "linearizability of a first-in-first-out queue",
    check: |context, analysis| add_to(context, &model::QUEUE, analysis),
};

/// How a key was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Method {
    Zones,
    GrowOnly,
    Queue,
    Stack,
    Bag,
    Counter,
    Mutex,
    Texts,
    Search,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Zones => "zones",
            Self::GrowOnly => "grow-only",
            Self::Queue => "queue-order",
            Self::Stack => "stack-bottoms",
            Self::Bag => "bag",
            Self::Counter => "counter-intervals",
            Self::Mutex => "mutex-greedy",
            Self::Texts => "texts",
            Self::Search => "search",
        }
    }
}

/// Why a key has no linearization.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Contradiction {
    /// A sentence without its full stop.
    pub(crate) text: String,
    /// Ids of the operations it is about.
    pub(crate) operations: Vec<usize>,
    /// The operation whose completion is the first that no order explains; `None` where the method does not tell.
    pub(crate) failing: Option<usize>,
    /// Ids of operations in an order that explains everything completed before that; empty where the method does not tell.
    pub(crate) prefix: Vec<usize>,
}

impl Contradiction {
    /// Without a failing completion and an order up to it.
    pub(crate) fn new(text: String, operations: Vec<usize>) -> Self {
        Self { text, operations, ..Self::default() }
    }
}

/// What was decided about a key: `Ok(None)` it has a linearization, `Ok(Some(…))` it has none, `Err` unknown and why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeyVerdict {
    pub(crate) method: Method,
    pub(crate) result: Result<Option<Contradiction>, String>,
    /// What the search explained, where it does not explain everything.
    pub(crate) prefix: Option<LongestPrefix>,
}

impl KeyVerdict {
    pub(crate) fn new(method: Method, result: Result<Option<Contradiction>, String>) -> Self {
        Self { method, result, prefix: None }
    }

    /// Nothing decided it, for this reason.
    pub(crate) fn unknown(reason: String) -> Self {
        Self::new(Method::Search, Err(reason))
    }
}

/// The longest beginning of a key's history that the search explained.
#[derive(Debug, Clone, PartialEq)]
pub struct LongestPrefix {
    /// The key.
    pub key: String,
    /// How many decided operations end in it.
    pub completed: u64,
    /// How many decided operations the key has.
    pub of: u64,
    /// Index of the line with which it ends: the completion of the last of those; `None` where there is none.
    pub last_index: Option<u64>,
    /// The state that an order of it leaves, in English.
    pub state: String,
    /// Ids of undecided operations invoked in it of which that order makes no use: which of them happened may decide the
    /// rest.
    pub undecided: Vec<usize>,
}

/// How a history is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Approach {
    /// By whatever is fastest for each key.
    #[default]
    Auto,
    /// By the general search alone, to compare the others with.
    Search,
}

/// How a history is checked.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckOptions {
    /// What the history leaves unsaid; `None`: what its source usually means.
    pub semantics: Option<Semantics>,
    /// How it is decided.
    pub approach: Approach,
    /// Threads at most, at least 1. The verdict and the witness do not depend on it. Usually as many as the machine runs at
    /// once.
    pub threads: usize,
}

impl Default for CheckOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { semantics: None, approach: Approach::Auto, threads }
    }
}

/// What a model says about a whole history.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCheck {
    /// Whether it is linearizable.
    pub valid: Validity,
    /// The methods that decided it, such as `zones` or `zones+search`; empty where there was nothing to decide.
    pub algorithm: String,
    /// Why it is unknown, one sentence each.
    pub reasons: Vec<String>,
    /// Keys without a linearization.
    pub keys_invalid: u64,
    /// What shows the first of them.
    pub witness: Option<Witness>,
    /// What the search explained of the first key it could not explain wholly: of one without a linearization, else of one
    /// that reached a limit.
    pub prefix: Option<LongestPrefix>,
    /// Operations of the history.
    pub ops: u64,
}

/// Decides whether a history is linearizable with respect to a model. Only reads whose level promises recency are judged.
#[must_use]
pub fn check_model(history: &History, model: &Model, limits: &Limits<'_>) -> ModelCheck {
    check_model_with(history, model, limits, &CheckOptions::default())
}

/// As [`check_model`], with options.
#[must_use]
pub fn check_model_with(history: &History, model: &Model, limits: &Limits<'_>, options: &CheckOptions) -> ModelCheck {
    let semantics = options.semantics.clone().unwrap_or_else(|| Semantics::of(history.source()));
    let context = Context::with(history, limits, semantics, options.threads.max(1));
    let check_key = match options.approach {
        Approach::Auto => model.check_key,
        Approach::Search => model.search_key,
    };
    check_in(&context, check_key, model.explain_key)
}

/// Decides whether a history is linearizable with respect to an object of one's own; see [`crate::model::Object`] for an
/// example.
#[must_use]
pub fn check_object<'h, O: Object<'h>>(history: &'h History, limits: &'h Limits<'h>) -> ModelCheck {
    check_in(&Context::new(history, limits), |context, key| search_key::<O>(context, key), |_, _, _| None)
}

/// Whether an operation takes part: reads marked `final`, and those at levels that promise nothing, do not.
#[must_use]
pub fn is_judged(operation: &Operation<'_>) -> bool {
    !operation.is_final() && (!operation.is_read() || operation.promises_recency())
}

/// Whether linearizability is promised at all: it is not where every read of the load is at a level that promises nothing.
#[must_use]
pub fn is_promised(history: &History) -> bool {
    let closing_from = history.timeline().phase(Phase::Final).map_or(u64::MAX, |start| start.index);
    let reads =
        || history.operations().filter(|operation| operation.is_read() && operation.is_ok() && !operation.is_final());
    let mut of_load = reads().filter(|read| read.invoked_index() < closing_from).peekable();
    if of_load.peek().is_some() { of_load.any(|read| read.promises_recency()) } else { true }
}

fn check_in<'h>(
    context: &Context<'h>,
    check_key: impl Fn(&Context<'h>, KeyId) -> KeyVerdict + Sync,
    explain_key: Explain,
) -> ModelCheck {
    let history = context.history;
    let ops = history.operations().len() as u64;
    let mut check = ModelCheck {
        valid: Validity::Valid,
        algorithm: String::new(),
        reasons: Vec::new(),
        keys_invalid: 0,
        witness: None,
        prefix: None,
        ops,
    };
    if !is_promised(history) {
        return check.unknown("every read is at a level that does not promise linearizability".to_owned());
    }
    if ops == 0 {
        return check.unknown("the history has no operation: nothing was tested".to_owned());
    }
    let mut methods = Vec::new();
    let mut prefix_of_invalid = None;
    for (key, verdict) in history.key_ids().zip(check_keys(context, &check_key)) {
        methods.push(verdict.method);
        match verdict.result {
            Ok(_) => prefix_of_invalid = prefix_of_invalid.or(verdict.prefix),
            Err(_) => check.prefix = check.prefix.or(verdict.prefix),
        }
        match verdict.result {
            Ok(None) => {}
            Ok(Some(contradiction)) => check.contradicted(context, key, explain_key, &contradiction),
            Err(reason) => check = check.unknown(reason),
        }
    }
    check.prefix = prefix_of_invalid.or(check.prefix);
    methods.sort_unstable();
    methods.dedup();
    check.algorithm = methods.into_iter().map(Method::name).collect::<Vec<_>>().join("+");
    check
}

/// Operations that are worth a second thread.
const OPERATIONS_PER_THREAD: usize = 5000;

/// Decides every key, the ones with most operations first, on as many threads as are worth it.
fn check_keys<'h>(
    context: &Context<'h>,
    check_key: &(impl Fn(&Context<'h>, KeyId) -> KeyVerdict + Sync),
) -> Vec<KeyVerdict> {
    let keys: Vec<KeyId> = context.history.key_ids().collect();
    let worthwhile = context.history.operations().len().div_ceil(OPERATIONS_PER_THREAD);
    let threads = context.threads.min(keys.len()).min(worthwhile);
    if threads < 2 {
        return keys.into_iter().map(|key| check_key(context, key)).collect();
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(context.operations_of(keys[*place]).len()));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut decided = Vec::new();
        while let Some(place) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            decided.push((*place, check_key(context, keys[*place])));
        }
        decided
    };
    let mut verdicts: Vec<(usize, KeyVerdict)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for other in others {
            // A panic of a checker goes on in this thread.
            all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    });
    verdicts.sort_unstable_by_key(|(place, _)| *place);
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}

impl ModelCheck {
    fn unknown(mut self, reason: String) -> Self {
        self.valid = self.valid.merge(Validity::Unknown);
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
        self
    }

    fn contradicted(&mut self, context: &Context<'_>, key: KeyId, explain_key: Explain, contradiction: &Contradiction) {
        self.valid = Validity::Invalid;
        self.keys_invalid += 1;
        if self.witness.is_none() {
            let history = context.history;
            let of = |ids: &[usize]| ids.iter().filter_map(|id| history.operation(*id)).collect::<Vec<_>>();
            let (text, operations) = match explain_key(context, key, contradiction) {
                Some((text, ids)) => (text, of(&ids)),
                None => {
                    let operations = of(&contradiction.operations);
                    (format!("{}; {}", contradiction.text, faults_around(history, &operations)), operations)
                }
            };
            let text = format!("The history of {} has no linearization: {text}.", history.key_name(key));
            self.witness = Some(witness(text, &operations));
        }
    }
}

fn add_to(context: &Context<'_>, model: &Model, analysis: &mut Analysis) {
    if !is_promised(context.history) {
        return;
    }
    let check = check_in(context, model.check_key, model.explain_key);
    analysis.measures.linearizable = Some(check.valid);
    for reason in check.reasons {
        analysis.unknown(format!("linearizability: {reason}"));
    }
    if let Some(witness) = check.witness {
        analysis.find(FindingKind::NotLinearizable, check.keys_invalid, None, witness);
    }
}
