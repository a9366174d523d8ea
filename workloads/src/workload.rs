//! What a workload is: pure data in, operations out; no clock and no socket.

use schism_checkers::online::OnlineChecker;
use serde_json::Value;

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

/// One operation to perform, drawn from a generator.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Its name, as in the table of models.
    pub f: &'static str,
    /// The object; `None` where there is only one.
    pub key: Option<String>,
    /// Its argument, `null` for a read.
    pub value: Value,
    /// Read level.
    pub level: Level,
    /// What a read of an object that was never written returns: `null` for a register, `[]` for a set.
    pub absent: Value,
}

/// A stream of operations; the same seed gives the same stream.
pub trait Generator: Send {
    /// The next operation for the worker with this index; `None` when the stream has ended.
    fn next(&mut self, worker: usize) -> Option<Operation>;
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
    /// The operations a system must support.
    fn operations(&self) -> &'static [&'static str];
    /// A fresh stream.
    fn generator(&self, options: &WorkloadOptions) -> Box<dyn Generator>;
    /// The reads that close a run: everything, once. `keys` are those that were written, in order of first use.
    fn closing_reads(&self, keys: &[String]) -> Vec<Operation>;
    /// Fresh checkers of what can be told before the end. What they find, [`Self::judge`] finds in every history that goes on
    /// from there.
    fn online_checkers(&self) -> Vec<Box<dyn OnlineChecker>> {
        Vec::new()
    }
    /// Judges a whole recorded history with every checker of this workload.
    fn judge(
        &self,
        history: &schism_checkers::history::History,
        limits: &schism_checkers::Limits<'_>,
    ) -> schism_checkers::Analysis;
}
