//! Which operations of a history are judged, and what its keys say together.

use crate::analysis::{Analysis, Limits};
use crate::checker::{Checker, Context};
use crate::history::{History, KeyId, Operation, Phase};
use crate::model::{self, Model};
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
    /// Operations of the history.
    pub ops: u64,
}

/// Decides whether a history is linearizable with respect to a model. Only reads whose level promises recency are judged.
#[must_use]
pub fn check_model(history: &History, model: &Model, limits: &Limits<'_>) -> ModelCheck {
    check_in(&Context::new(history, limits), model)
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

fn check_in(context: &Context<'_>, model: &Model) -> ModelCheck {
    let history = context.history;
    let ops = history.operations().len() as u64;
    let mut check = ModelCheck {
        valid: Validity::Valid,
        algorithm: String::new(),
        reasons: Vec::new(),
        keys_invalid: 0,
        witness: None,
        ops,
    };
    if !is_promised(history) {
        return check.unknown("every read is at a level that does not promise linearizability".to_owned());
    }
    if ops == 0 {
        return check.unknown("the history has no operation: nothing was tested".to_owned());
    }
    let mut methods = Vec::new();
    for key in history.key_ids() {
        let verdict = (model.check_key)(context, key);
        methods.push(verdict.method);
        match verdict.result {
            Ok(None) => {}
            Ok(Some(contradiction)) => check.contradicted(context, key, model, &contradiction),
            Err(reason) => check = check.unknown(reason),
        }
    }
    methods.sort_unstable();
    methods.dedup();
    check.algorithm = methods.into_iter().map(Method::name).collect::<Vec<_>>().join("+");
    check
}

impl ModelCheck {
    fn unknown(mut self, reason: String) -> Self {
        self.valid = self.valid.merge(Validity::Unknown);
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
        self
    }

    fn contradicted(&mut self, context: &Context<'_>, key: KeyId, model: &Model, contradiction: &Contradiction) {
        self.valid = Validity::Invalid;
        self.keys_invalid += 1;
        if self.witness.is_none() {
            let history = context.history;
            let of = |ids: &[usize]| ids.iter().filter_map(|id| history.operation(*id)).collect::<Vec<_>>();
            let (text, operations) = match (model.explain_key)(context, key, contradiction) {
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
    let check = check_in(context, model);
    analysis.measures.linearizable = Some(check.valid);
    for reason in check.reasons {
        analysis.unknown(format!("linearizability: {reason}"));
    }
    if let Some(witness) = check.witness {
        analysis.find(FindingKind::NotLinearizable, check.keys_invalid, None, witness);
    }
}
