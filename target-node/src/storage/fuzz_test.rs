//! A store on a simulated disk against a model in memory, through crashes at every operation of the disk.
//!
//! What was promised must be found again after each crash; what was written and not promised may be found or not, but
//! only as a whole prefix; nothing else may be found, and a crash must never make the store refuse. The number of crashes
//! is `SCHISM_STORAGE_CRASHES`; a failure names the seed, which `SCHISM_STORAGE_SEED` repeats.

use std::path::Path;
use std::sync::Arc;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::simulated_files::{Crash, SimulatedFiles};
use super::store::{Assemble, Contents, Saving, Store};
use super::{LogOptions, StorageError};
use crate::core::{Change, Claim, Command, Entry, HardState, NodeId, Position, Record, Term, Value};
use crate::settings::Fsync;

pub(super) const WAL: &str = "data/wal";
pub(super) const SNAPSHOTS: &str = "data/snapshots";

/// A snapshot in these tests: the claims of all entries that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefix(Vec<Claim>);

impl Assemble for Prefix {
    fn begin(_: Position, _: Claim, _: &[u8]) -> Result<Self, String> {
        Ok(Self(Vec::new()))
    }

    fn take(&mut self, item: &[u8]) -> Result<(), String> {
        self.0.push(postcard::from_bytes(item).map_err(|error| error.to_string())?);
        Ok(())
    }
}

pub(super) fn items(log: &[Claim]) -> impl Iterator<Item = Vec<u8>> + '_ {
    std::iter::once(vec![]).chain(log.iter().map(|claim| postcard::to_stdvec(claim).unwrap()))
}

/// What a store holds, in full: a snapshot's entries and those after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) hard_state: HardState,
    pub(super) log: Vec<Claim>,
}

/// A change of it.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Record(Record),
    /// The log is this one from now on.
    Install(Vec<Claim>),
}

impl Model {
    pub(super) fn apply(&mut self, step: &Step) {
        match step {
            Step::Record(Record::HardState(newer)) => self.hard_state = *newer,
            Step::Record(Record::Truncate { from }) => self.log.truncate(from.0 as usize - 1),
            Step::Record(Record::Append(entry)) => self.log.push(entry.claim),
            Step::Record(Record::Reset { .. }) => unreachable!("only an installation resets"),
            Step::Install(log) => self.log.clone_from(log),
        }
    }

    /// What was found, checked to be without gaps.
    pub(super) fn found(contents: &Contents<Prefix>) -> Self {
        let mut log = contents.snapshot.as_ref().map_or_else(Vec::new, |prefix| prefix.0.clone());
        for entry in &contents.entries {
            assert_eq!(entry.position.0, log.len() as u64 + 1, "the entries do not follow the snapshot");
            log.push(entry.claim);
        }
        Self { hard_state: contents.hard_state, log }
    }
}

/// One store's life: a seed decides everything.
pub(super) struct Life {
    pub(super) rng: ChaCha8Rng,
    pub(super) files: SimulatedFiles,
    pub(super) options: LogOptions,
    pub(super) kept_entries: u64,
    /// What no crash may take any more.
    pub(super) promised: Model,
    /// What came after, and how many of these steps were written.
    pub(super) steps: Vec<Step>,
    written: usize,
    /// Nothing up to here is ever truncated.
    safe: usize,
    next_term: u64,
    saving: Option<(Saving, Vec<Claim>)>,
    /// What it held after each step.
    history: Vec<Model>,
}

impl Life {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let files = SimulatedFiles::new(rng.random());
        let fsync = match rng.random_range(0..10) {
            0 | 1 => Fsync::IntervalMs(1),
            2 | 3 => Fsync::Never,
            _ => Fsync::Always,
        };
        let segment_bytes = rng.random_range(150..1500);
        let options = LogOptions { files: Arc::new(files.clone()), fsync, segment_bytes, threaded: false };
        Self {
            kept_entries: rng.random_range(0..8),
            rng,
            files,
            options,
            promised: Model::default(),
            steps: Vec::new(),
            written: 0,
            safe: 0,
            next_term: 1,
            saving: None,
            history: vec![Model::default()],
        }
    }

    /// Whether it held this at some time.
    pub(super) fn was(&self, model: &Model) -> bool {
        self.history.contains(model)
    }

    fn step(&mut self, step: Step) {
        self.steps.push(step);
        self.history.push(self.model());
    }

    pub(super) fn open(&self) -> Result<(Store, Contents<Prefix>), StorageError> {
        Store::open(Path::new(WAL), Path::new(SNAPSHOTS), &self.options, self.kept_entries)
    }

    /// The model with everything that was appended.
    pub(super) fn model(&self) -> Model {
        let mut model = self.promised.clone();
        self.steps.iter().for_each(|step| model.apply(step));
        model
    }

    fn new_claim(&mut self) -> Claim {
        self.next_term += 1;
        Claim { term: Term(self.next_term), leader: NodeId(self.rng.random_range(1..4)) }
    }

    fn record(&mut self, log_length: usize) -> Record {
        match self.rng.random_range(0..8) {
            0 => Record::HardState(HardState { term: self.new_claim().term, voted_for: None }),
            1 if log_length > self.safe => {
                Record::Truncate { from: Position(self.rng.random_range(self.safe..log_length) as u64 + 1) }
            }
            _ => {
                let claim = self.new_claim();
                let length = if self.rng.random_bool(0.02) { 2000 } else { self.rng.random_range(0..60) };
                let value = Value::from(&serde_json::Value::from("x".repeat(length)));
                let command = Command::Change(Change::Write { key: "k".to_owned(), value });
                Record::Append(Entry { claim, position: Position(log_length as u64 + 1), command, origin: None })
            }
        }
    }

    /// Everything appended so far is promised.
    fn promise(&mut self) {
        self.promised = self.model();
        self.steps.clear();
        self.written = 0;
    }

    /// Does something at random.
    pub(super) fn act(&mut self, store: &mut Store) -> Result<(), StorageError> {
        match self.rng.random_range(0..20) {
            0 => self.install(store),
            1 | 2 => self.begin_save(store),
            3 | 4 => match self.saving.take() {
                Some((saving, log)) => {
                    saving.write(items(&log))?;
                    store.finish_save(&saving)
                }
                None => Ok(()),
            },
            _ => self.batch(store),
        }
    }

    pub(super) fn batch(&mut self, store: &mut Store) -> Result<(), StorageError> {
        let mut length = self.model().log.len();
        for _ in 0..self.rng.random_range(1..6) {
            let record = self.record(length);
            store.log.append(&record);
            match &record {
                Record::Append(_) => length += 1,
                Record::Truncate { from } => length = from.0 as usize - 1,
                _ => {}
            }
            self.step(Step::Record(record));
        }
        store.log.write()?;
        self.written = self.steps.len();
        if self.options.fsync == Fsync::Always
            || (matches!(self.options.fsync, Fsync::IntervalMs(_)) && self.rng.random_bool(0.3))
        {
            store.log.sync()?;
            self.promise();
        }
        Ok(())
    }

    fn install(&mut self, store: &mut Store) -> Result<(), StorageError> {
        let mut log = self.model().log;
        log.truncate(self.rng.random_range(0..=log.len()));
        for _ in 0..self.rng.random_range(0..4) {
            log.push(self.new_claim());
        }
        if log.is_empty() {
            log.push(self.new_claim());
        }
        self.step(Step::Install(log.clone()));
        self.safe = log.len();
        store.install(Position(log.len() as u64), log[log.len() - 1], items(&log))?;
        self.promise();
        Ok(())
    }

    fn begin_save(&mut self, store: &Store) -> Result<(), StorageError> {
        let mut log = self.model().log;
        if self.saving.is_none() && log.len() > self.safe {
            self.safe = self.rng.random_range(self.safe + 1..=log.len());
            log.truncate(self.safe);
            self.saving = Some((store.begin_save(Position(log.len() as u64), log[log.len() - 1]), log));
        }
        Ok(())
    }

    /// Compares what was found after a crash with what may be found.
    fn verify(&mut self, contents: &Contents<Prefix>, power_failed: bool) {
        let found = Model::found(contents);
        let from = if power_failed { 0 } else { self.written };
        let mut candidates = vec![self.promised.clone()];
        for step in &self.steps {
            let mut next = candidates[candidates.len() - 1].clone();
            next.apply(step);
            candidates.push(next);
        }
        let whole = (from..candidates.len()).rev().find(|index| candidates[*index] == found);
        if let Some(steps) = whole {
            self.steps.truncate(steps);
        } else {
            // Without a flush per batch a snapshot may be durable before the records that it stands for.
            let of =
                |same: &dyn Fn(&Model) -> bool| (from..candidates.len()).rev().find(|index| same(&candidates[*index]));
            let hard_state = of(&|model| model.hard_state == found.hard_state);
            let covered = of(&|model| model.log.starts_with(&found.log));
            let snapshot_alone = contents.entries.is_empty() && contents.snapshot.is_some();
            let allowed = self.options.fsync != Fsync::Always && snapshot_alone && power_failed && covered.is_some();
            let Some(steps) = hard_state.filter(|_| allowed) else {
                panic!("found {found:#?}\n{:?}, expected one of {:#?}", contents.snapshot, &candidates[from..]);
            };
            self.steps.truncate(steps);
            self.steps.push(Step::Install(found.log));
        }
        self.written = self.steps.len();
        if self.options.fsync != Fsync::Never {
            self.promise();
        }
        self.safe = contents.snapshot.as_ref().map_or(0, |prefix| prefix.0.len());
        self.saving = None;
    }
}

/// Lives through `crashes` crashes.
fn live(seed: u64, crashes: u64) {
    let mut life = Life::new(seed);
    let mut power_failed = false;
    for _ in 0..crashes {
        let budget = life.rng.random_range(1..80);
        life.files.fail_at(life.files.operations() + budget, true);
        match life.open() {
            Ok((mut store, contents)) => {
                life.verify(&contents, power_failed);
                power_failed = false;
                while life.act(&mut store).is_ok() {}
            }
            Err(StorageError::Io { .. }) => {}
            Err(refused) => panic!("refused after a crash, with fsync={}: {refused}", life.options.fsync),
        }
        assert!(life.files.operations_after_failure() == 0, "something was tried after the disk had failed");
        let crash = if life.rng.random_bool(0.7) { Crash::Power } else { Crash::Process };
        power_failed |= crash == Crash::Power;
        life.files.crash(crash);
    }
}

fn number_from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

#[test]
fn what_was_promised_survives_every_crash() {
    const CRASHES_A_LIFE: u64 = 25;
    if let Some(seed) = number_from_environment("SCHISM_STORAGE_SEED") {
        return live(seed, CRASHES_A_LIFE);
    }
    let crashes = number_from_environment("SCHISM_STORAGE_CRASHES").unwrap_or(10_000);
    for seed in 0..crashes.div_ceil(CRASHES_A_LIFE) {
        let outcome = std::panic::catch_unwind(|| live(seed, CRASHES_A_LIFE));
        assert!(outcome.is_ok(), "a promise was broken: SCHISM_STORAGE_SEED={seed} repeats it");
    }
}
