//! What is to be decided: the operations of one object, each with its action and its times.

/// An operation of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<A> {
    /// Its id in the history; only repeated in answers.
    pub operation: usize,
    /// When it was invoked, in nanoseconds or any other unit that orders events.
    pub invoked_ns: u64,
    /// When it was completed; `None`: undecided, so it happened at some time after its invocation, or never.
    pub completed_ns: Option<u64>,
    /// What it did.
    pub action: A,
}

/// The history of one object. Equal times are concurrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem<A> {
    /// In order of invocation.
    pub calls: Vec<Call<A>>,
}

impl<A> Default for Problem<A> {
    fn default() -> Self {
        Self { calls: Vec::new() }
    }
}

/// The span of a call counted in completions instead of time: `A` was over before `B` began iff
/// `A.closes < B.opens`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval<A> {
    /// What it did.
    pub action: A,
    /// How many calls were completed before it was invoked.
    pub opens: u32,
    /// How many calls were completed before it was; [`Interval::NEVER`] while it is undecided.
    pub closes: u32,
}

impl<A> Interval<A> {
    /// The end of what has none.
    pub const NEVER: u32 = u32::MAX;
}
