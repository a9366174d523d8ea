//! A simulated database that keeps exactly what its isolation level promises, and uses the freedom it leaves.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use schism_checkers::history::Outcome;
use schism_checkers::transactions::{Action, MicroOperation, Transaction, Transactions};

/// What the database promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    StrictSerializable,
    /// Transactions that only read may see an old state, but none older than their process saw before.
    SessionSerializable,
    /// Transactions that only read may see any old state.
    Serializable,
    /// A snapshot of the newest state; the first to commit a write to a key wins.
    StrongSnapshot,
    /// As above, with a snapshot that may be old, but not older than the last one of the process.
    SessionSnapshot,
    /// As above, with any snapshot.
    Snapshot,
    /// Any snapshot, and nobody checks for conflicts.
    Prefix,
    /// Every read sees the newest committed state; written keys are locked until the end.
    ReadCommitted,
    /// Every read sees what is there, committed or not; written keys are locked until the end.
    ReadUncommitted,
}

impl Level {
    pub(crate) const ALL: [Self; 9] = [
        Self::StrictSerializable,
        Self::SessionSerializable,
        Self::Serializable,
        Self::StrongSnapshot,
        Self::SessionSnapshot,
        Self::Snapshot,
        Self::Prefix,
        Self::ReadCommitted,
        Self::ReadUncommitted,
    ];

    /// The strongest consistency model that it promises.
    pub(crate) fn model(self) -> &'static str {
        match self {
            Self::StrictSerializable => "strict-serializable",
            Self::SessionSerializable => "strong-session-serializable",
            Self::Serializable => "serializable",
            Self::StrongSnapshot => "strong-snapshot-isolation",
            Self::SessionSnapshot => "strong-session-snapshot-isolation",
            Self::Snapshot => "snapshot-isolation",
            Self::Prefix => "prefix",
            Self::ReadCommitted => "read-committed",
            Self::ReadUncommitted => "read-uncommitted",
        }
    }
}

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload {
    pub(crate) level: Level,
    /// Lists, or else registers.
    pub(crate) lists: bool,
    pub(crate) transactions: usize,
    pub(crate) clients: usize,
    /// Keys in use at once.
    pub(crate) keys: u32,
    /// After so many writes a key is replaced by a new one.
    pub(crate) writes_per_key: u32,
    pub(crate) operations_max: usize,
    /// Chances in a thousand that a transaction aborts, or ends undecided.
    pub(crate) aborts: u32,
    pub(crate) undecided: u32,
}

/// A key of which only the number of an operation is known so far.
#[derive(Debug, Clone, Copy)]
struct Wish {
    key: u32,
    written: Option<u32>,
}

/// A transaction on its way.
struct Active {
    number: usize,
    wishes: Vec<Wish>,
    done: Vec<MicroOperation>,
    /// How many commits it sees; read anew at each step where the level says so.
    snapshot: u64,
    own: Vec<(u32, u32)>,
}

#[derive(Default, Clone)]
struct Key {
    /// Committed values in order, each with the number of its commit.
    committed: Vec<(u64, u32)>,
    /// Values of the client that holds the lock.
    pending: Vec<u32>,
    locked_by: Option<usize>,
}

struct Client {
    process: u32,
    /// The least snapshot of the next transaction of the process.
    seen: u64,
    active: Option<Active>,
}

struct Simulation {
    workload: Workload,
    random: ChaCha8Rng,
    time: u64,
    commits: u64,
    next_value: u32,
    next_process: u32,
    keys: Vec<Key>,
    /// Keys in use, and how often each was written.
    pool: Vec<(u32, u32)>,
    clients: Vec<Client>,
    started: Vec<(Transaction, Vec<MicroOperation>)>,
    lists: Transactions,
}

/// The transactions of a seed.
pub(crate) fn simulate(workload: Workload, seed: u64) -> Transactions {
    let mut simulation = Simulation {
        workload,
        random: ChaCha8Rng::seed_from_u64(seed),
        time: 0,
        commits: 0,
        next_value: 0,
        next_process: workload.clients as u32,
        keys: vec![Key::default(); workload.keys as usize],
        pool: (0..workload.keys).map(|key| (key, 0)).collect(),
        clients: (0..workload.clients as u32).map(|process| Client { process, seen: 0, active: None }).collect(),
        started: Vec::new(),
        lists: Transactions::new(),
    };
    simulation.run();
    let Simulation { started, mut lists, .. } = simulation;
    started.iter().for_each(|(transaction, operations)| lists.push(*transaction, operations));
    lists
}

impl Simulation {
    fn run(&mut self) {
        while self.started.len() < self.workload.transactions
            || self.clients.iter().any(|client| client.active.is_some())
        {
            self.time += self.random.random_range(0..=1);
            let client = self.random.random_range(0..self.clients.len());
            match self.clients[client].active.take() {
                None if self.started.len() < self.workload.transactions => self.begin(client),
                None => {}
                Some(active) => self.go_on(client, active),
            }
        }
    }

    fn begin(&mut self, client: usize) {
        // Strictly after the last completion of the process, so that lines in order of time are a history.
        self.time += 1;
        let count = self.random.random_range(1..=self.workload.operations_max);
        let mut wishes: Vec<Wish> = Vec::new();
        for _ in 0..count {
            let place = self.random.random_range(0..self.pool.len());
            let key = self.pool[place].0;
            let is_own = wishes.iter().any(|wish| wish.key == key && wish.written.is_some());
            let written = if self.random.random_range(0..2) == 0 {
                self.pool[place].1 += 1;
                if self.pool[place].1 >= self.workload.writes_per_key {
                    self.pool[place] = (self.keys.len() as u32, 0);
                    self.keys.push(Key::default());
                }
                self.next_value += 1;
                Some(self.next_value)
            } else if is_own && self.workload.level == Level::Prefix {
                // Its snapshot with its own append would be a list that never is.
                continue;
            } else {
                None
            };
            wishes.push(Wish { key, written });
        }
        let process = self.clients[client].process;
        let transaction = Transaction { process, outcome: Outcome::Info, invoked: self.time, completed: None };
        let operations = wishes
            .iter()
            .map(|wish| MicroOperation { key: wish.key, action: wish.written.map_or(Action::Unknown, Action::Write) });
        self.started.push((transaction, operations.collect()));
        let reads_only = wishes.iter().all(|wish| wish.written.is_none());
        let oldest = match self.workload.level {
            Level::Serializable if reads_only => 0,
            Level::SessionSerializable if reads_only => self.clients[client].seen,
            Level::SessionSnapshot => self.clients[client].seen,
            Level::Snapshot | Level::Prefix => self.commits.saturating_sub(5),
            _ => self.commits,
        };
        let snapshot = self.random.random_range(oldest..=self.commits);
        let number = self.started.len() - 1;
        self.clients[client].active = Some(Active { number, wishes, done: Vec::new(), snapshot, own: Vec::new() });
    }

    fn go_on(&mut self, client: usize, mut active: Active) {
        let is_serial =
            matches!(self.workload.level, Level::StrictSerializable | Level::SessionSerializable | Level::Serializable);
        if is_serial {
            let writes = active.wishes.iter().any(|wish| wish.written.is_some());
            if writes || self.workload.level == Level::StrictSerializable {
                active.snapshot = self.commits;
            }
            while active.done.len() < active.wishes.len() {
                self.step(client, &mut active);
            }
        } else if active.done.len() < active.wishes.len() {
            if self.step(client, &mut active) {
                self.clients[client].active = Some(active)
            } else {
                self.end(client, &active, false)
            }
            return;
        }
        self.end(client, &active, true);
    }

    /// Performs the next micro-operation; `false`: the key is locked by another.
    fn step(&mut self, client: usize, active: &mut Active) -> bool {
        let wish = active.wishes[active.done.len()];
        let locks = matches!(self.workload.level, Level::ReadCommitted | Level::ReadUncommitted);
        let key = &mut self.keys[wish.key as usize];
        let action = match wish.written {
            Some(value) => {
                if locks {
                    if key.locked_by.is_some_and(|holder| holder != client) {
                        return false;
                    }
                    key.locked_by = Some(client);
                    key.pending.push(value);
                }
                active.own.push((wish.key, value));
                Action::Write(value)
            }
            None => {
                let snapshot = if locks { u64::MAX } else { active.snapshot };
                let committed = key.committed.partition_point(|(commit, _)| *commit <= snapshot);
                let mut list: Vec<u32> = key.committed[..committed].iter().map(|(_, value)| *value).collect();
                if self.workload.level == Level::ReadUncommitted {
                    list.extend(&key.pending);
                } else {
                    list.extend(active.own.iter().filter(|(own, _)| *own == wish.key).map(|(_, value)| *value));
                }
                if self.workload.lists { self.lists.list(list) } else { Action::Value(list.last().copied()) }
            }
        };
        active.done.push(MicroOperation { key: wish.key, action });
        true
    }

    fn end(&mut self, client: usize, active: &Active, can_commit: bool) {
        let has_conflict =
            matches!(self.workload.level, Level::StrongSnapshot | Level::SessionSnapshot | Level::Snapshot)
                && active.own.iter().any(|(key, _)| {
                    self.keys[*key as usize].committed.last().is_some_and(|(commit, _)| *commit > active.snapshot)
                });
        let commits = can_commit && !has_conflict && self.random.random_range(0..1000) >= self.workload.aborts;
        if commits {
            if !active.own.is_empty() {
                self.commits += 1;
            }
            for (key, value) in &active.own {
                self.keys[*key as usize].committed.push((self.commits, *value));
            }
            let is_update = !active.own.is_empty();
            let seen = if is_update { self.commits } else { active.snapshot };
            self.clients[client].seen = self.clients[client].seen.max(seen);
        }
        for (key, _) in &active.own {
            let key = &mut self.keys[*key as usize];
            key.locked_by = None;
            key.pending.clear();
        }
        let is_undecided = self.random.random_range(0..1000) < self.workload.undecided;
        let (transaction, operations) = &mut self.started[active.number];
        if is_undecided {
            self.clients[client].process = self.next_process;
            self.clients[client].seen = 0;
            self.next_process += 1;
            return;
        }
        transaction.completed = Some(self.time);
        transaction.outcome = if commits { Outcome::Ok } else { Outcome::Fail };
        if commits {
            operations.clone_from(&active.done);
        }
    }
}
