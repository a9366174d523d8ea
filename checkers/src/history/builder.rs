//! Takes a history line by line: numbers keys and processes, pairs invocations with completions, and refuses lines that
//! contradict each other, so that a reader can name the line at fault.

use rustc_hash::FxHashMap;

use super::columns::{NO_LINE, SparseColumn};
use super::event::{EventType, Process};
use super::history::{History, KeyId, ProcessId};
use super::line::{Line, ProcessName, Source};
use super::operation::Outcome;
use super::timeline::{Note, Timeline};
use super::value::{ValueId, Values};

/// No operation.
const NONE_OPEN: u32 = u32::MAX;
/// Numbers of client processes below this are looked up in a list, the others in a table.
const DIRECT_PROCESSES: u64 = 1 << 20;
/// Lines a history may have: places are numbers of four bytes.
const LINES_MAX: usize = NO_LINE as usize - 1;

/// A history under construction.
pub struct HistoryBuilder {
    history: History,
    key_ids: FxHashMap<Option<ValueId>, KeyId>,
    last_key: Option<(Option<ValueId>, KeyId)>,
    /// By number of the client process: one more than its [`ProcessId`].
    direct_processes: Vec<u32>,
    processes: FxHashMap<Process, ProcessId>,
    /// By [`ProcessId`]: its open operation.
    open: Vec<u32>,
    last_index: Option<u64>,
    clock: Clock,
}

/// What is known of the source's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// No line yet.
    Unknown,
    /// All lines had a time so far.
    Nanoseconds,
    /// The places of lines stand in.
    Missing,
}

impl HistoryBuilder {
    /// An empty history.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self {
            history: History { source, ..History::default() },
            key_ids: FxHashMap::default(),
            last_key: None,
            direct_processes: Vec::new(),
            processes: FxHashMap::default(),
            open: Vec::new(),
            last_index: None,
            clock: Clock::Unknown,
        }
    }

    /// The values, to intern those of the next line.
    pub fn values_mut(&mut self) -> &mut Values {
        &mut self.history.values
    }

    /// Lines taken so far.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.history.lines.len()
    }

    /// Bytes held so far, capacity included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        const OF_TABLE_ENTRY: usize = 16;
        self.history.bytes()
            + self.direct_processes.capacity() * size_of::<u32>()
            + self.open.capacity() * size_of::<u32>()
            + (self.key_ids.capacity() + self.processes.capacity()) * OF_TABLE_ENTRY
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// The sentence that says why it contradicts the lines before; it continues "line N: …".
    pub fn push(&mut self, line: Line<'_>) -> Result<(), String> {
        let place = self.take_place(&line)?;
        let process = self.process_id(line.process);
        if is_client(line.process) {
            match line.event_type {
                EventType::Invoke => self.invoke(&line, process, place),
                EventType::Ok => self.complete(&line, process, place, Outcome::Ok),
                EventType::Fail => self.complete(&line, process, place, Outcome::Fail),
                EventType::Info => self.complete(&line, process, place, Outcome::Info),
            }
        } else {
            self.note(&line, process, place)
        }
    }

    /// The finished history. `truncated`: its last line was cut off and left out.
    #[must_use]
    pub fn finish(self, truncated: bool) -> History {
        let mut history = self.history;
        history.truncated = truncated;
        history.has_clock = self.clock != Clock::Missing;
        if self.clock == Clock::Missing {
            let count = history.lines.times.len() as u64;
            history.lines.times = (0..count).collect();
        }
        history.timeline = Timeline::from_notes(&history);
        history
    }

    /// Notes index and time, and refuses what goes backwards.
    fn take_place(&mut self, line: &Line<'_>) -> Result<u32, String> {
        let lines = &mut self.history.lines;
        let place = lines.len();
        if place >= LINES_MAX {
            return Err(format!("a history may have at most {LINES_MAX} lines"));
        }
        let index = line.index.unwrap_or_else(|| self.last_index.map_or(0, |last| last.saturating_add(1)));
        if let Some(last) = self.last_index.filter(|last| index <= *last) {
            return Err(format!("index {index} after index {last}: the index must grow with every line"));
        }
        let time = line.time.and_then(|time| u64::try_from(time).ok());
        let last_time = lines.last_time();
        let promised = self.history.source.promises_time();
        let contradicts = |time| if promised { time < last_time } else { time <= last_time };
        let goes_backwards = time.is_some_and(contradicts) && self.clock == Clock::Nanoseconds;
        if goes_backwards && promised {
            let time = time.unwrap_or_default();
            return Err(format!("time {time} after time {last_time}: time must not go backwards"));
        }
        self.clock = match (self.clock, time) {
            (Clock::Unknown | Clock::Nanoseconds, Some(_)) if !goes_backwards => Clock::Nanoseconds,
            _ => Clock::Missing,
        };
        lines.push(index, time.unwrap_or(last_time));
        self.last_index = Some(index);
        Ok(place as u32)
    }

    fn invoke(&mut self, line: &Line<'_>, process: ProcessId, place: u32) -> Result<(), String> {
        let open = self.open[process.index()];
        if open != NONE_OPEN {
            return Err(format!(
                "{} invokes `{}` while its `{}` of index {} is still open: one process has one operation at a time",
                self.history.process_name(process),
                line.f,
                self.open_name(open),
                self.open_index(open)
            ));
        }
        let key = self.key_id(line.key);
        let history = &mut self.history;
        let function = history.functions.function(&mut history.values, line.f)?;
        let operations = &mut history.operations;
        self.open[process.index()] = operations.len() as u32;
        operations.invocations.push(place);
        operations.completions.push(NO_LINE);
        operations.outcomes.push(Outcome::Info);
        operations.functions.push(function);
        operations.processes.push(process);
        operations.keys.push(key);
        operations.arguments.push(line.value);
        operations.results.push(ValueId::NULL);
        let id = operations.len() - 1;
        self.details(id, line);
        Ok(())
    }

    fn complete(&mut self, line: &Line<'_>, process: ProcessId, place: u32, outcome: Outcome) -> Result<(), String> {
        let open = std::mem::replace(&mut self.open[process.index()], NONE_OPEN);
        if open == NONE_OPEN {
            return Err(format!(
                "{} completes `{}` without having invoked it",
                self.history.process_name(process),
                line.f
            ));
        }
        let id = open as usize;
        if self.open_name(open) != line.f {
            return Err(format!(
                "{} completes `{}`, but its open operation is the `{}` of index {}",
                self.history.process_name(process),
                line.f,
                self.open_name(open),
                self.open_index(open)
            ));
        }
        let history = &mut self.history;
        if line.key.is_some() && history.keys[history.operations.keys[id].index()] != line.key {
            return Err(format!(
                "{} completes `{}` of another key than it invoked at index {}",
                history.process_name(process),
                line.f,
                self.open_index(open)
            ));
        }
        history.operations.completions[id] = place;
        history.operations.outcomes[id] = outcome;
        history.operations.results[id] = line.value;
        self.details(id, line);
        Ok(())
    }

    /// What few lines carry; a completion's word outweighs the invocation's.
    fn details(&mut self, id: usize, line: &Line<'_>) {
        let History { values, operations, .. } = &mut self.history;
        let mut text = |column: &mut SparseColumn<ValueId>, text: Option<&str>| {
            if let Some(text) = text {
                column.set(id, values.text(text));
            }
        };
        text(&mut operations.acks, line.ack);
        text(&mut operations.levels, line.level);
        if line.is_final {
            operations.finals.set(id, true);
        }
        if line.event_type == EventType::Invoke {
            return;
        }
        text(&mut operations.nodes, line.node);
        text(&mut operations.errors, line.error);
        if let Some(term) = line.term {
            operations.terms.set(id, term.saturating_add(1));
        }
        if let Some(position) = line.position {
            operations.positions.set(id, position.saturating_add(1));
        }
    }

    fn note(&mut self, line: &Line<'_>, process: ProcessId, place: u32) -> Result<(), String> {
        let values = &mut self.history.values;
        let note = Note {
            place,
            event_type: line.event_type,
            process,
            f: values.text(line.f),
            key: line.key,
            value: line.value,
            node: line.node.map(|node| values.text(node)),
            id: line.id,
            step: line.step.map(|step| values.text(step)),
            error: line.error.map(|error| values.text(error)),
        };
        self.history.notes.push(note);
        Ok(())
    }

    fn open_name(&self, operation: u32) -> &str {
        self.history.function_name(self.history.operations.functions[operation as usize])
    }

    fn open_index(&self, operation: u32) -> u64 {
        self.history.lines.index(self.history.operations.invocations[operation as usize])
    }

    fn key_id(&mut self, key: Option<ValueId>) -> KeyId {
        if let Some((_, id)) = self.last_key.filter(|(last, _)| *last == key) {
            return id;
        }
        let keys = &mut self.history.keys;
        let id = *self.key_ids.entry(key).or_insert_with(|| {
            keys.push(key);
            KeyId(keys.len() as u32 - 1)
        });
        self.last_key = Some((key, id));
        id
    }

    fn process_id(&mut self, name: ProcessName<'_>) -> ProcessId {
        if let ProcessName::Client(number) = name
            && number < DIRECT_PROCESSES
        {
            let place = number as usize;
            if self.direct_processes.len() <= place {
                self.direct_processes.resize(place + 1, 0);
            }
            if self.direct_processes[place] == 0 {
                self.direct_processes[place] = self.new_process(Process::Client(number)).0 + 1;
            }
            return ProcessId(self.direct_processes[place] - 1);
        }
        let process = match name {
            ProcessName::Client(number) => Process::Client(number),
            ProcessName::Named(name) => Process::Named(name.to_owned()),
        };
        if let Some(id) = self.processes.get(&process) {
            return *id;
        }
        let id = self.new_process(process.clone());
        self.processes.insert(process, id);
        id
    }

    fn new_process(&mut self, process: Process) -> ProcessId {
        self.history.processes.push(process);
        self.open.push(NONE_OPEN);
        ProcessId(self.open.len() as u32 - 1)
    }
}

fn is_client(process: ProcessName<'_>) -> bool {
    !matches!(process, ProcessName::Named(Process::NEMESIS | Process::OBSERVER))
}
