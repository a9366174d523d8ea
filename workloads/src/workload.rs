//! What a workload is: pure data in, operations out; no clock and no socket.

use std::time::Duration;

use schism_checkers::online::OnlineChecker;
use serde_json::Value;

use crate::object::Object;

/// At which level an operation asks to read or to be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// Whatever the run's settings say.
    #[default]
    Default,
    /// The strongest read the system has under its settings.
    Strongest,
    /// The state of the very node that is asked, however old.
    Local,
}

/// Which node a worker puts an operation to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Visit {
    /// Its own, or the one that leads.
    #[default]
    Routed,
    /// The one with this number, counted from 0 and modulo the number of nodes; only a read that any node answers roams.
    Roaming(u32),
}

/// One operation to perform, drawn from a generator.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Its name, as in the table of models.
    pub f: &'static str,
    /// What it is about.
    pub object: Object,
    /// The object; `None` where there is only one.
    pub key: Option<String>,
    /// Its argument, `null` for a read.
    pub value: Value,
    /// Read level.
    pub level: Level,
    /// Where it is invoked.
    pub visit: Visit,
    /// How long the worker is busy with something else before it invokes this.
    pub think: Duration,
    /// Whether, as a closing operation, it is invoked again until it returns null.
    pub until_null: bool,
}

impl Operation {
    /// An operation at the default level, at once, wherever the worker's route leads.
    #[must_use]
    pub fn new(object: Object, f: &'static str, key: Option<&str>, value: Value) -> Self {
        let key = key.map(ToOwned::to_owned);
        let (level, visit, think) = (Level::Default, Visit::Routed, Duration::ZERO);
        Self { f, object, key, value, level, visit, think, until_null: false }
    }

    /// A read of one object.
    #[must_use]
    pub fn read(object: Object, key: &str) -> Self {
        Self::new(object, "read", Some(key), Value::Null)
    }

    /// The same at another level.
    #[must_use]
    pub fn at(self, level: Level) -> Self {
        Self { level, ..self }
    }
}

/// How an operation ended, as its worker learned it.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// It happened, with this result.
    Ok(Value),
    /// It did not happen.
    Fail,
    /// It may have happened. The process that invoked it is gone; its worker goes on as another.
    Info,
}

/// A stream of operations; the same seed and the same endings give the same stream.
pub trait Generator: Send {
    /// The next operation for the worker with this index; `None` when the stream has ended.
    fn next(&mut self, worker: usize) -> Option<Operation>;
    /// Told of the end of every operation that was drawn, before its worker draws the next one.
    fn learn(&mut self, _worker: usize, _operation: &Operation, _ending: &Ending) {}
}

/// What a run asks of its workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadOptions {
    /// Fixes the stream of operations.
    pub seed: u64,
    /// How many workers draw from it.
    pub workers: usize,
}

/// A generator of operations together with the checkers that judge them.
pub trait Workload: Send + Sync {
    /// The name on the command line.
    fn name(&self) -> &'static str;
    /// One line for `list`.
    fn description(&self) -> &'static str;
    /// What its operations are about; a system must support it.
    fn object(&self) -> Object;
    /// The operations that it invokes during the load.
    fn operations(&self) -> &'static [&'static str];
    /// A fresh stream.
    fn generator(&self, options: &WorkloadOptions) -> Box<dyn Generator>;
    /// The keys that an operation may write, however it ended.
    fn written_keys(&self, f: &str, key: Option<&str>, _value: &Value) -> Vec<String> {
        key.filter(|_| f != "read").map(ToOwned::to_owned).into_iter().collect()
    }
    /// The operations that close a run, each through the leader: everything, once. `keys` are those that were written, in
    /// order of first use.
    fn closing_operations(&self, keys: &[String]) -> Vec<Operation> {
        keys.iter().map(|key| Operation::read(self.object(), key)).collect()
    }
    /// The reads by which every node tells its own state at the end.
    fn node_reads(&self, keys: &[String]) -> Vec<Operation> {
        keys.iter().map(|key| Operation::read(self.object(), key)).collect()
    }
    /// Fresh checkers of what can be told before the end. What they find, [`Self::judge`] finds in every history that goes on
    /// from there.
    fn online_checkers(&self) -> Vec<Box<dyn OnlineChecker>> {
        vec![schism_checkers::online::split_brain()]
    }
    /// Judges a whole recorded history with every checker of this workload.
    fn judge(
        &self,
        history: &schism_checkers::history::History,
        limits: &schism_checkers::Limits<'_>,
    ) -> schism_checkers::Analysis;
}
