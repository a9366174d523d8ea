//! Every setting as data: what documentation, help and error messages say about it.

/// One setting as a reader of the documentation sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// The name under which it is set.
    pub name: &'static str,
    /// The values it takes.
    pub values: &'static str,
    /// The value it has when it is not set.
    pub default: &'static str,
    /// What it decides, in one line.
    pub summary: &'static str,
}

/// The name that stands for several settings at once. It is expanded, and no setting itself.
pub const PRESET: Description = Description {
    name: "preset",
    values: "lecture-async | lecture-sync | semi-sync | sentinel | raft | raft-lease | raft-nofsync",
    default: "none",
    summary: "settings known under one name; what is set beside it overrides it",
};

const fn setting(
    name: &'static str,
    values: &'static str,
    default: &'static str,
    summary: &'static str,
) -> Description {
    Description { name, values, default, summary }
}

/// Every setting, in the order in which documentation lists them.
pub const DESCRIPTIONS: &[Description] = &[
    setting(
        "replication",
        "memory | async | semi-sync:K | majority | sync",
        "majority",
        "who must hold a write before it is acknowledged: the leader in memory, the leader on disk, also K followers, a \
         majority, all",
    ),
    setting(
        "ack-point",
        "received | durable | applied",
        "durable",
        "what a follower must have done to count for replication: received the write, put it on disk, made it visible",
    ),
    setting(
        "on-ack-timeout",
        "wait | degrade | fail",
        "wait",
        "when followers do not answer within ack-timeout: wait on, acknowledge without them until they have caught up, \
         answer `unknown`",
    ),
    setting("ack-timeout", "milliseconds", "1000", "how long followers may take before on-ack-timeout applies"),
    setting(
        "visibility",
        "on-ack | on-commit",
        "on-ack",
        "when the leader's reads see a write: once it is acknowledged or committed, only once it is committed",
    ),
    setting(
        "failover",
        "consensus | timeout | manual",
        "consensus",
        "who becomes leader: the winner of a vote (Raft), the next in line after silence, whom an operator promotes",
    ),
    setting(
        "pre-vote",
        "on | off",
        "on under consensus, else off",
        "a candidate asks whether it could win before it raises the term",
    ),
    setting(
        "check-quorum",
        "on | off",
        "on under consensus, else off",
        "a leader that hears no majority for an election timeout steps down",
    ),
    setting(
        "priority",
        "an order such as n2>n1>n3 | none",
        "none",
        "who leads by preference: the line of succession in timeout, who takes over once caught up in consensus; nodes \
         not named follow by id",
    ),
    setting(
        "fencing",
        "none | epoch | lease",
        "none",
        "what stops an old leader in timeout: nothing, followers refuse its lower epoch, also itself once its lease ran \
         out",
    ),
    setting(
        "rejoin",
        "truncate | resync | keep",
        "truncate",
        "what a node does that has what its leader has not: cut its log, copy the leader's state whole, stay apart",
    ),
    setting(
        "read",
        "local | leader | bounded:MS | session | lease | read-index | log",
        "read-index under consensus, else leader",
        "who answers a read: any node from its state, the leader from its state, a node whose state was fresh MS ago, a \
         node that has the client's position, the leader while its lease runs, a node after a majority round, the log",
    ),
    setting(
        "fsync",
        "always | interval:MS | never",
        "always",
        "when the log is forced to disk: before a position counts as durable, every MS milliseconds, never",
    ),
    setting(
        "catch-up",
        "log-keep:N",
        "log-keep:10000",
        "how many entries a log keeps behind its snapshot for followers; one that is further behind gets the snapshot",
    ),
    setting(
        "sessions",
        "on | off",
        "on",
        "a write repeated under the same client and operation takes effect once and gets its first answer again",
    ),
    setting("heartbeat", "milliseconds", "50", "how often a leader that has nothing to replicate is heard"),
    setting(
        "election-timeout",
        "MIN-MAX in milliseconds",
        "300-600",
        "silence after which a leader is taken for dead: drawn from the range by consensus, MAX in timeout",
    ),
    setting(
        "lease",
        "milliseconds",
        "250, less where the election timeout is shorter",
        "how long a leader may count on being the only one after its followers answered; must end before a vote can",
    ),
    setting(
        "max-clock-drift",
        "parts per million, up to 100000",
        "200",
        "by how much two nodes' clocks may differ in speed; a lease must end before an election timeout even then",
    ),
    setting("max-entries-per-append", "1 to 65536", "64", "the most entries that one message to a follower carries"),
    setting("max-inflight", "1 to 4096", "256", "the most messages with entries under way to one follower"),
    setting(
        "service-rate",
        "operations per second | off",
        "off",
        "the most requests of clients that each node takes per second, to compare clusters on one machine",
    ),
];
