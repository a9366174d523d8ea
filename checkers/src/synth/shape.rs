//! What a synthetic history is like.

/// Nanoseconds an operation takes on average, unless asked otherwise.
const OPERATION_NS: u64 = 1_000_000;

/// A simulated object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// `read`, `write`, `cas`.
    Register,
    /// `get`, `put`, `append` of texts.
    Kv,
    /// `add`, `read`.
    Set,
    /// `add` of a positive number, `read`.
    Counter,
    /// `enqueue`, `dequeue`; first in, first out.
    Queue,
    /// `push`, `pop`; last in, first out.
    Stack,
    /// `acquire`, which waits until the lock is free, and `release`.
    Mutex,
    /// `txn` of `append` and `r`.
    ListAppend,
    /// `txn` of `w` and `r`.
    RwRegister,
}

impl ObjectKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Register,
        Self::Kv,
        Self::Set,
        Self::Counter,
        Self::Queue,
        Self::Stack,
        Self::Mutex,
        Self::ListAppend,
        Self::RwRegister,
    ];

    /// The name of the model that judges it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Kv => "kv",
            Self::Set => "set",
            Self::Counter => "counter",
            Self::Queue => "queue",
            Self::Stack => "stack",
            Self::Mutex => "mutex",
            Self::ListAppend => "list-append",
            Self::RwRegister => "rw-register",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether its operations are transactions.
    #[must_use]
    pub fn is_transactional(self) -> bool {
        matches!(self, Self::ListAppend | Self::RwRegister)
    }
}

/// Which values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Each value is written once.
    Unique,
    /// 0, 1, … below this number, each as likely.
    Below(u32),
}

/// How often each kind of operation is drawn, as weights. A dequeue, pop or get counts as a read, every other operation
/// that changes something as an update; `cas` is of registers only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// Reads.
    pub read: u32,
    /// Writes, adds, enqueues, pushes, puts, appends.
    pub update: u32,
    /// Compare-and-set.
    pub cas: u32,
}

/// How the simulated database keeps transactions apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// A transaction commits only if nothing it read or wrote has changed since it began: strict serializability.
    StrictSerializable,
    /// It commits only if nothing it wrote has changed since it began: write skew is possible.
    SnapshotIsolation,
    /// It reads from a snapshot, and at the end overwrites what others wrote: lost updates are possible.
    Prefix,
    /// Every micro-operation sees what is committed at its moment; writes show at the end, all at once.
    ReadCommitted,
    /// Every micro-operation acts on the shared state at its moment, and what an aborted transaction wrote stays.
    ReadUncommitted,
}

impl Isolation {
    /// Every level, the strongest first.
    pub const ALL: [Self; 5] =
        [Self::StrictSerializable, Self::SnapshotIsolation, Self::Prefix, Self::ReadCommitted, Self::ReadUncommitted];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::StrictSerializable => "strict-serializable",
            Self::SnapshotIsolation => "snapshot-isolation",
            Self::Prefix => "prefix",
            Self::ReadCommitted => "read-committed",
            Self::ReadUncommitted => "read-uncommitted",
        }
    }

    /// The level of a name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// What the object does that no correct one could.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ViolationKind {
    /// A read misses an update that was acknowledged before the read was invoked.
    StaleRead,
    /// An acknowledged update is never seen.
    LostWrite,
    /// A read returns what nobody wrote.
    GarbageRead,
    /// A read returns what was written by an operation that was reported as failed.
    DirtyRead,
    /// Reads after everything else alternate between two values, once more often than undecided writes could explain.
    AlternatingReads,
    /// A value comes out although one that went in strictly before it (for a stack: after it) is still inside.
    OutOfOrder,
    /// One value comes out twice.
    DoubleDequeue,
    /// Two clients hold one lock.
    TwoHolders,
}

impl ViolationKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::StaleRead,
        Self::LostWrite,
        Self::GarbageRead,
        Self::DirtyRead,
        Self::AlternatingReads,
        Self::OutOfOrder,
        Self::DoubleDequeue,
        Self::TwoHolders,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::StaleRead => "stale-read",
            Self::LostWrite => "lost-write",
            Self::GarbageRead => "garbage-read",
            Self::DirtyRead => "dirty-read",
            Self::AlternatingReads => "alternating-reads",
            Self::OutOfOrder => "out-of-order",
            Self::DoubleDequeue => "double-dequeue",
            Self::TwoHolders => "two-holders",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether an object can do this.
    #[must_use]
    pub fn applies_to(self, object: ObjectKind) -> bool {
        use ObjectKind as Object;
        match self {
            Self::StaleRead => !matches!(object, Object::Queue | Object::Stack | Object::Mutex),
            Self::LostWrite | Self::GarbageRead => object != Object::Mutex,
            Self::DirtyRead => !matches!(object, Object::Queue | Object::Stack | Object::Mutex | Object::Counter),
            Self::AlternatingReads => object == Object::Register,
            Self::OutOfOrder | Self::DoubleDequeue => matches!(object, Object::Queue | Object::Stack),
            Self::TwoHolders => object == Object::Mutex,
        }
    }

    /// Whether it can be told from the effect of equal values, or of equal values of undecided operations.
    fn needs(self, object: ObjectKind) -> Needs {
        match (self, object) {
            (Self::AlternatingReads, _) => Needs::FewValues,
            (Self::TwoHolders | Self::GarbageRead, _) => Needs::Nothing,
            (_, ObjectKind::Counter) | (Self::StaleRead, ObjectKind::Set) => Needs::Nothing,
            (Self::StaleRead | Self::LostWrite, ObjectKind::Register | ObjectKind::Kv) => Needs::UniqueOrDecided,
            _ => Needs::Unique,
        }
    }
}

/// What a violation needs so that nothing else explains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Unique,
    UniqueOrDecided,
    FewValues,
}

/// A violation and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// What is wrong.
    pub kind: ViolationKind,
    /// After how many per cent of the operations it comes; 100: after everything else has ended.
    pub at_percent: u8,
}

/// What a history is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// What is simulated.
    pub object: ObjectKind,
    /// Operations in all. A planted violation may need a few more than that in a very short history.
    pub operations: u64,
    /// Clients, each with one operation at a time.
    pub clients: u32,
    /// Objects; for transactions: keys in use at one time.
    pub keys: u32,
    /// Values that are written.
    pub values: Values,
    /// How often each kind of operation is drawn; `None`: what is usual for the object.
    pub mix: Option<Mix>,
    /// Mean time of an operation, in nanoseconds.
    pub operation_ns: u64,
    /// Mean time a client is idle between two operations, in nanoseconds.
    pub think_ns: u64,
    /// Operations that end without an answer. About half of them take effect later, the others never; their client goes on
    /// as a new process.
    pub undecided: u64,
    /// What is wrong with the history.
    pub violation: Option<Violation>,
    /// Transactions: how they are kept apart.
    pub isolation: Isolation,
    /// Transactions: micro-operations of one at most.
    pub transaction_length_max: u32,
    /// Transactions: writes of one key until another takes its place.
    pub writes_per_key: u32,
}

impl Shape {
    /// A thousand operations by five clients (transactions: ten clients) on one object (transactions: ten keys), every value
    /// unique, everything decided, nothing wrong. Clients think half as long as an operation takes, so that two thirds of
    /// them are inside an operation.
    #[must_use]
    pub fn new(object: ObjectKind) -> Self {
        let is_transactional = object.is_transactional();
        Self {
            object,
            operations: 1000,
            clients: if is_transactional { 10 } else { 5 },
            keys: if is_transactional { 10 } else { 1 },
            values: Values::Unique,
            mix: None,
            operation_ns: OPERATION_NS,
            think_ns: OPERATION_NS / 2,
            undecided: 0,
            violation: None,
            isolation: Isolation::StrictSerializable,
            transaction_length_max: 4,
            writes_per_key: 32,
        }
    }

    /// The mix in force. Usual are: a third each of read, write and cas for a register of few values, else half reads, half
    /// writes; three adds a read for a set; two updates a get for texts; halves for everything else.
    #[must_use]
    pub fn mix_in_force(&self) -> Mix {
        self.mix.unwrap_or(match (self.object, self.values) {
            (ObjectKind::Register, Values::Below(_)) => Mix { read: 1, update: 1, cas: 1 },
            (ObjectKind::Set, _) => Mix { read: 1, update: 3, cas: 0 },
            (ObjectKind::Kv, _) => Mix { read: 1, update: 2, cas: 0 },
            _ => Mix { read: 1, update: 1, cas: 0 },
        })
    }

    /// Whether there is such a history.
    ///
    /// # Errors
    /// What contradicts what, and what to do about it.
    pub fn validate(&self) -> Result<(), ShapeError> {
        let refuse = |reason: &str| Err(ShapeError(reason.to_owned()));
        let name = self.object.name();
        if self.operations == 0 || self.clients == 0 || self.keys == 0 {
            return refuse("there must be at least one operation, one client and one key");
        }
        if self.operation_ns == 0 {
            return refuse("an operation must take at least a nanosecond");
        }
        if self.undecided > self.operations {
            return refuse("more undecided operations than operations: ask for fewer");
        }
        if self.values == Values::Below(0) || self.values == Values::Below(1) {
            return refuse("fewer than 2 values: ask for at least 2, or for unique ones");
        }
        if self.object.is_transactional() {
            if self.values != Values::Unique {
                return refuse("transactions write unique values: what wrote a value must be known");
            }
            if self.transaction_length_max == 0 || self.writes_per_key == 0 {
                return refuse("a transaction has at least one micro-operation, a key at least one write");
            }
        }
        let mix = self.mix_in_force();
        if mix.cas > 0 && self.object != ObjectKind::Register {
            return Err(ShapeError(format!("a {name} has no cas: give it the weight 0")));
        }
        if mix.read.checked_add(mix.update).and_then(|sum| sum.checked_add(mix.cas)).unwrap_or(0) == 0 {
            return refuse("the weights of the mix must add up to a number from 1 to 4294967295");
        }
        if mix.update == 0 && self.undecided > 0 {
            return refuse("undecided operations are updates: give updates a weight above 0");
        }
        self.validate_violation()
    }

    fn validate_violation(&self) -> Result<(), ShapeError> {
        let Some(Violation { kind, at_percent }) = self.violation else { return Ok(()) };
        let refuse = |reason: String| Err(ShapeError(reason));
        let (name, violation) = (self.object.name(), kind.name());
        if at_percent > 100 {
            return refuse(format!("a violation after {at_percent} % of the operations: give at most 100"));
        }
        if !kind.applies_to(self.object) {
            let known = ViolationKind::ALL.into_iter().filter(|kind| kind.applies_to(self.object));
            let known: Vec<&str> = known.map(ViolationKind::name).collect();
            return refuse(format!("{violation} is nothing a {name} can do; it can do {}", known.join(", ")));
        }
        let is_unique = self.values == Values::Unique;
        match kind.needs(self.object) {
            Needs::Unique if !is_unique => {
                refuse(format!("{violation} of a {name} shows only where values are unique: ask for unique values"))
            }
            Needs::UniqueOrDecided if !is_unique && self.undecided > 0 => refuse(format!(
                "an undecided write of an equal value could explain {violation}: ask for unique values, for no undecided \
                 operations, or for alternating-reads"
            )),
            Needs::FewValues if is_unique => {
                refuse(format!("{violation} needs values that are written again: ask for values below a number"))
            }
            Needs::FewValues if at_percent < 100 => {
                refuse(format!("{violation} comes after everything else: ask for it at 100 %"))
            }
            _ if kind == ViolationKind::TwoHolders && self.clients < 2 => {
                refuse(format!("{violation} needs at least 2 clients"))
            }
            _ => Ok(()),
        }
    }
}

/// Why there is no such history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ShapeError(pub String);
