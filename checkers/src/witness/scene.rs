//! What a drawing of a witness shows, before it is drawn: bars in rows, faults, and where their ends stand.
//!
//! Times are not drawn to scale: a run lasts minutes and an operation a millisecond. Only their order is kept, so every
//! distinct moment gets a column of its own, as far from its neighbours as the labels between them need.

use super::label::{Detail, in_columns, label};
use crate::history::{FaultWindow, History, Operation, Outcome, ProcessId};
use crate::verdict::Witness;
use crate::witness::{counted, describe, seconds};

/// Faults that are drawn at most.
const FAULTS_MAX: usize = 6;
/// Characters of the name of a process or a fault.
const NAME_MAX: usize = 32;

/// A moment at which something begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    pub(super) time_ns: u64,
    /// Beginnings come first: equal times are concurrent, so bars that only touch must overlap.
    pub(super) is_end: bool,
}

/// One operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar<'h> {
    pub(super) operation: Operation<'h>,
    /// Its row, counted over the lanes of all processes.
    pub(super) row: usize,
    /// Numbers of moments; the end of an undecided operation is the one after all moments.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Whether it never was decided.
    pub(super) is_open: bool,
    /// Whether with its completion the contradiction was complete.
    pub(super) is_decisive: bool,
}

/// A fault that was active at some time of the witness.
#[derive(Debug, Clone)]
pub(super) struct FaultBar {
    pub(super) name: String,
    /// Numbers of moments; `None` where it began before the first or ended after the last of the operations'.
    pub(super) from: Option<usize>,
    pub(super) to: Option<usize>,
}

/// Everything that is drawn.
#[derive(Debug, Clone)]
pub(super) struct Scene<'h> {
    pub(super) history: &'h History,
    pub(super) moments: Vec<Moment>,
    /// In order of invocation.
    pub(super) bars: Vec<Bar<'h>>,
    /// The name of each row; empty for a further lane of the process above.
    pub(super) rows: Vec<String>,
    pub(super) faults: Vec<FaultBar>,
    /// Whether the witness's text calls its operations `(1)`, `(2)`, … in order of invocation.
    pub(super) is_counted: bool,
    /// Operations of the witness for which there was no room.
    pub(super) operations_left_out: usize,
    pub(super) faults_left_out: usize,
}

impl<'h> Scene<'h> {
    /// Collects a witness's operations, the last `operations_max` of them, and the faults around them.
    pub(super) fn new(history: &'h History, witness: &Witness, operations_max: usize) -> Self {
        let mut operations = operations_of(history, witness);
        let operations_left_out = operations.len().saturating_sub(operations_max);
        operations.drain(..operations_left_out);
        let (faults, faults_left_out) = faults_of(history, &operations);
        let mut scene = Self {
            history,
            moments: moments(&operations, &faults),
            bars: Vec::new(),
            rows: Vec::new(),
            faults: Vec::new(),
            is_counted: is_counted(history, witness, &operations, operations_left_out),
            operations_left_out,
            faults_left_out,
        };
        scene.faults = faults.into_iter().map(|fault| scene.fault_bar(fault)).collect();
        scene.lay_out(&operations, decisive(history, witness, &operations));
        scene
    }

    fn number(&self, time_ns: u64, is_end: bool) -> Option<usize> {
        self.moments.binary_search(&Moment { time_ns, is_end }).ok()
    }

    fn fault_bar(&self, fault: &FaultWindow) -> FaultBar {
        FaultBar {
            name: in_columns(&format!("{} (fault {})", fault.name, fault.id), NAME_MAX),
            from: self.number(fault.applied_ns, false),
            to: fault.healed_ns.and_then(|healed| self.number(healed, true)),
        }
    }

    /// Gives every process a row, and further lanes where its operations touch or overlap.
    fn lay_out(&mut self, operations: &[Operation<'h>], decisive: Option<usize>) {
        let mut processes: Vec<ProcessId> = Vec::new();
        for operation in operations {
            if !processes.contains(&operation.process()) {
                processes.push(operation.process());
            }
        }
        for process in processes {
            // The moment at which each lane of this process is free again.
            let mut lanes: Vec<usize> = Vec::new();
            let first_row = self.rows.len();
            for operation in operations.iter().filter(|operation| operation.process() == process) {
                let from = self.number(operation.invoked_ns(), false).unwrap_or(0);
                let end = operation.completed_ns().and_then(|completed| self.number(completed, true));
                let to = end.unwrap_or(self.moments.len());
                let lane = lanes.iter().position(|free| *free < from).unwrap_or(lanes.len());
                if lane == lanes.len() {
                    lanes.push(to);
                }
                lanes[lane] = to;
                self.bars.push(Bar {
                    operation: *operation,
                    row: first_row + lane,
                    from,
                    to,
                    is_open: operation.outcome() == Outcome::Info,
                    is_decisive: decisive == Some(operation.id()),
                });
            }
            self.rows.push(in_columns(&self.history.process_name(process), NAME_MAX));
            self.rows.extend((1..lanes.len()).map(|_| String::new()));
        }
        self.bars.sort_by_key(|bar| bar.operation.id());
    }

    /// Whether operations on several objects are shown.
    pub(super) fn has_many_keys(&self) -> bool {
        self.bars.windows(2).any(|pair| pair[0].operation.key() != pair[1].operation.key())
    }

    /// The name of a bar's process.
    pub(super) fn process_of(&self, bar: &Bar<'_>) -> String {
        in_columns(&self.history.process_name(bar.operation.process()), NAME_MAX)
    }

    /// What times are counted in.
    pub(super) fn time_unit(&self) -> &'static str {
        if self.history.has_clock() { "seconds" } else { "event" }
    }

    /// A time, as fine as the whole scene needs it.
    pub(super) fn time(&self, time_ns: u64) -> String {
        if !self.history.has_clock() {
            return time_ns.to_string();
        }
        let ends = self.moments.first().zip(self.moments.last());
        let decimals = match ends.map_or(0, |(first, last)| last.time_ns - first.time_ns) {
            0..100_000 => 9,
            100_000..100_000_000 => 6,
            _ => 3,
        };
        format!("{:.decimals$}", seconds(time_ns))
    }

    /// The time of a moment.
    pub(super) fn time_of(&self, moment: usize) -> String {
        self.moments.get(moment).map(|moment| self.time(moment.time_ns)).unwrap_or_default()
    }

    /// What is not drawn, one sentence each.
    pub(super) fn left_out(&self) -> Vec<String> {
        let sentence = |count: usize, what: &str| {
            (count > 0).then(|| format!("Not drawn, for want of room: {}.", counted(count as u64, what)))
        };
        let operations = sentence(self.operations_left_out, "earlier operation");
        operations.into_iter().chain(sentence(self.faults_left_out, "later fault")).collect()
    }

    /// What the witness's text calls a bar, if anything.
    fn number_of(&self, place: usize) -> String {
        if self.is_counted { format!("({}) ", self.operations_left_out + place + 1) } else { String::new() }
    }

    /// What a bar is called where there is no room for more.
    pub(super) fn short_number_of(&self, place: usize) -> String {
        let left_out = if self.is_counted { self.operations_left_out } else { 0 };
        (left_out + place + 1).to_string()
    }

    /// Labels and places of all moments, the open end included, so that between the ends of a bar there is room for its
    /// label, of `unit` a character, and `border`, and between neighbours for `gap`. As much of each operation is told as
    /// fits into `extent`; where not even numbers fit, the last place lies beyond it.
    pub(super) fn fit(&self, extent: usize, gap: usize, unit: usize, border: usize) -> Fitted {
        const DETAILS: [(bool, usize); 3] = [(true, 40), (false, 40), (false, 24)];
        let key = self.has_many_keys();
        for (node, columns_max) in DETAILS {
            let label = |(place, bar): (usize, &Bar<'_>)| {
                self.number_of(place) + &label(&bar.operation, Detail { key, node, columns_max })
            };
            let labels: Vec<String> = self.bars.iter().enumerate().map(label).collect();
            let places = self.places(&labels, gap, unit, border);
            if places.last().is_some_and(|last| *last <= extent) {
                return Fitted { labels, places: stretched(places, extent), is_numbered: false };
            }
        }
        let labels: Vec<String> = (0..self.bars.len()).map(|place| self.short_number_of(place)).collect();
        let places = self.places(&labels, gap, unit, unit);
        Fitted { labels, places: stretched(places, extent), is_numbered: true }
    }

    /// The leftmost places: a longest path through differences that must be kept.
    fn places(&self, labels: &[String], gap: usize, unit: usize, border: usize) -> Vec<usize> {
        let mut places = vec![0; self.moments.len() + 1];
        let mut spans: Vec<(usize, usize, usize)> = self
            .bars
            .iter()
            .zip(labels)
            .map(|(bar, label)| (bar.to, bar.from, label.chars().count() * unit + border))
            .collect();
        spans.sort_unstable();
        let mut spans = spans.into_iter().peekable();
        for moment in 0..places.len() {
            let mut place = if moment == 0 { 0 } else { places[moment - 1] + gap };
            while let Some((_, from, room)) = spans.next_if(|(to, ..)| *to == moment) {
                place = place.max(places[from] + room);
            }
            places[moment] = place;
        }
        places
    }
}

/// What every bar says, and where every moment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fitted {
    pub(super) labels: Vec<String>,
    pub(super) places: Vec<usize>,
    /// Whether the labels are only numbers, to be explained below the drawing.
    pub(super) is_numbered: bool,
}

/// Spreads the places over the extent; no two come closer to each other.
fn stretched(places: Vec<usize>, extent: usize) -> Vec<usize> {
    let slack = extent.saturating_sub(places.last().copied().unwrap_or(0));
    let parts = places.len().saturating_sub(1).max(1);
    places.into_iter().enumerate().map(|(number, place)| place + slack * number / parts).collect()
}

/// The operation that was over last, of those that the text describes; of all, where it describes none.
fn decisive(history: &History, witness: &Witness, operations: &[Operation<'_>]) -> Option<usize> {
    let decided = || operations.iter().filter(|operation| operation.is_ok());
    let described = decided().filter(|operation| witness.text.contains(&describe(history, operation)));
    let by_end = |operation: &&Operation<'_>| (operation.completed_ns(), operation.id());
    described.max_by_key(by_end).or_else(|| decided().max_by_key(by_end)).map(Operation::id)
}

/// Whether a text describes the last of a witness's operations by its number, and so the others.
fn is_counted(history: &History, witness: &Witness, operations: &[Operation<'_>], left_out: usize) -> bool {
    operations.last().is_some_and(|last| {
        witness.text.contains(&format!("({}) {}", left_out + operations.len(), describe(history, last)))
    })
}

/// The operations whose lines a witness names, in order of invocation.
pub(super) fn operations_of<'h>(history: &'h History, witness: &Witness) -> Vec<Operation<'h>> {
    let is_named = |index: u64| witness.events.binary_search(&index).is_ok();
    let operations = history
        .operations()
        .filter(|operation| is_named(operation.invoked_index()) || operation.completed_index().is_some_and(is_named));
    operations.collect()
}

/// The first faults that were active between the first invocation and the last completion, and how many more there are.
fn faults_of<'h>(history: &'h History, operations: &[Operation<'h>]) -> (Vec<&'h FaultWindow>, usize) {
    let Some(from) = operations.iter().map(Operation::invoked_ns).min() else { return (Vec::new(), 0) };
    let to =
        operations.iter().map(|operation| operation.completed_ns().unwrap_or_else(|| operation.invoked_ns())).max();
    let mut faults: Vec<&FaultWindow> = history.timeline().faults_during(from, to.unwrap_or(from)).collect();
    let left_out = faults.len().saturating_sub(FAULTS_MAX);
    faults.truncate(FAULTS_MAX);
    (faults, left_out)
}

/// All distinct moments of the operations, and those of the faults that lie between them.
fn moments(operations: &[Operation<'_>], faults: &[&FaultWindow]) -> Vec<Moment> {
    let begin = |time_ns| Moment { time_ns, is_end: false };
    let end = |time_ns| Moment { time_ns, is_end: true };
    let mut moments: Vec<Moment> = operations.iter().map(|operation| begin(operation.invoked_ns())).collect();
    moments.extend(operations.iter().filter_map(Operation::completed_ns).map(end));
    moments.sort_unstable();
    if let (Some(first), Some(last)) = (moments.first().copied(), moments.last().copied()) {
        let of_faults = faults.iter().flat_map(|fault| [Some(begin(fault.applied_ns)), fault.healed_ns.map(end)]);
        let inside = |moment: &Moment| first < *moment && *moment < last;
        moments.extend(of_faults.flatten().filter(inside).collect::<Vec<_>>());
        moments.sort_unstable();
    }
    moments.dedup();
    moments
}
