//! What a history says beside its operations: phases, faults, claims to lead, and whether the cluster converged.

use super::event::{EventType, Process};
use super::history::{History, ProcessId};
use super::value::ValueId;

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Operations under faults.
    Load,
    /// Everything is healed.
    Heal,
    /// The cluster gets time to converge.
    Converge,
    /// Closing reads.
    Final,
    /// Nothing comes after.
    End,
}

impl Phase {
    /// From the value of a nemesis line `f: "phase"`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "load" => Self::Load,
            "heal" => Self::Heal,
            "converge" => Self::Converge,
            "final" => Self::Final,
            "end" => Self::End,
            _ => return None,
        })
    }
}

/// The line with which a phase begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhaseStart {
    /// Which one.
    pub phase: Phase,
    /// Index of the line.
    pub index: u64,
    /// Its time, in nanoseconds.
    pub time_ns: u64,
}

/// A fault from its application to its heal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultWindow {
    /// The schedule's entry.
    pub id: u64,
    /// The fault's name.
    pub name: String,
    /// First line about it, in nanoseconds.
    pub applied_ns: u64,
    /// The line that says it was healed, in nanoseconds; `None`: never.
    pub healed_ns: Option<u64>,
    /// Indexes of its lines.
    pub events: Vec<u64>,
}

impl FaultWindow {
    /// Whether it was in force at a time.
    #[must_use]
    pub fn covers(&self, time_ns: u64) -> bool {
        self.applied_ns <= time_ns && self.healed_ns.is_none_or(|healed| time_ns <= healed)
    }

    /// Whether it was in force at any time of a span.
    #[must_use]
    pub fn overlaps(&self, from_ns: u64, to_ns: u64) -> bool {
        self.applied_ns <= to_ns && self.healed_ns.is_none_or(|healed| from_ns <= healed)
    }
}

/// What the observer saw of one node, from this line on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimChange {
    /// Index of the line.
    pub index: u64,
    /// Its time, in nanoseconds.
    pub time_ns: u64,
    /// Whose claim.
    pub node: String,
    /// The role it claims; `None`: it does not answer.
    pub role: Option<String>,
    /// The term it claims.
    pub term: Option<u64>,
    /// Its position.
    pub position: Option<u64>,
}

/// A line that is not an operation: of the nemesis or the observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// Its place in the history.
    pub place: u32,
    /// Kind of the line.
    pub event_type: EventType,
    /// Who wrote it.
    pub process: ProcessId,
    /// What it is about: `phase`, `claim`, a fault's name; a text.
    pub f: ValueId,
    /// The object.
    pub key: Option<ValueId>,
    /// What it says.
    pub value: ValueId,
    /// A node; a text.
    pub node: Option<ValueId>,
    /// The schedule's entry.
    pub id: Option<u64>,
    /// `applied` or `healed`; a text.
    pub step: Option<ValueId>,
    /// What went wrong; a text.
    pub error: Option<ValueId>,
}

/// A note with its history, while the timeline is made.
struct NoteView<'h> {
    history: &'h History,
    note: &'h Note,
}

impl<'h> NoteView<'h> {
    fn f(&self) -> &'h str {
        self.history.values.as_text(self.note.f).unwrap_or_default()
    }

    fn time_ns(&self) -> u64 {
        self.history.lines.time(self.note.place)
    }

    fn index(&self) -> u64 {
        self.history.lines.index(self.note.place)
    }

    fn process(&self) -> &'h Process {
        &self.history.processes[self.note.process.index()]
    }

    fn text(&self, id: Option<ValueId>) -> Option<&'h str> {
        self.history.values.as_text(id?)
    }
}

/// Everything beside the operations, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline {
    /// Phases; empty for histories that name none.
    pub phases: Vec<PhaseStart>,
    /// Faults by first application.
    pub faults: Vec<FaultWindow>,
    /// Changed claims.
    pub claims: Vec<ClaimChange>,
    /// Whether the cluster converged; `None` where the history does not say.
    pub converged: Option<bool>,
    /// Index of the line that says so.
    pub converged_index: Option<u64>,
    /// Time of that line, in nanoseconds.
    pub converged_ns: Option<u64>,
    /// Time of the first line about any fault that had an effect, in nanoseconds. In a history that names no phases, and so
    /// comes from elsewhere, every line of the nemesis is taken for one.
    pub first_fault_ns: Option<u64>,
}

impl Timeline {
    /// Collects the lines of the nemesis and the observer. Lines it does not know are left alone.
    pub(super) fn from_notes(history: &History) -> Self {
        let mut timeline = Self::default();
        let mut first_other_ns = None;
        for note in &history.notes {
            let view = NoteView { history, note };
            if view.process().is_nemesis() {
                first_other_ns.get_or_insert_with(|| view.time_ns());
                timeline.nemesis_line(&view);
            } else if view.process().is_observer() && view.f() == "claim" {
                timeline.claims.extend(claim_change(&view));
            }
        }
        let first_named_ns = timeline.faults.iter().map(|fault| fault.applied_ns).min();
        timeline.first_fault_ns =
            if timeline.phases.is_empty() { first_named_ns.or(first_other_ns) } else { first_named_ns };
        timeline
    }

    fn nemesis_line(&mut self, line: &NoteView<'_>) {
        match line.f() {
            "phase" => {
                if let Some(phase) = line.text(Some(line.note.value)).and_then(Phase::from_name) {
                    self.phases.push(PhaseStart { phase, index: line.index(), time_ns: line.time_ns() });
                }
            }
            "converged" => {
                self.converged = match line.note.value {
                    ValueId::TRUE => Some(true),
                    ValueId::FALSE => Some(false),
                    _ => None,
                };
                self.converged_index = Some(line.index());
                self.converged_ns = Some(line.time_ns());
            }
            _ => self.fault_line(line),
        }
    }

    fn fault_line(&mut self, line: &NoteView<'_>) {
        // A line without an entry's id says that nothing was done.
        let Some(id) = line.note.id else { return };
        let place = self.faults.iter().position(|fault| fault.id == id).unwrap_or_else(|| {
            self.faults.push(FaultWindow {
                id,
                name: line.f().to_owned(),
                applied_ns: line.time_ns(),
                healed_ns: None,
                events: Vec::new(),
            });
            self.faults.len() - 1
        });
        let fault = &mut self.faults[place];
        fault.events.push(line.index());
        if line.text(line.note.step) == Some("healed") {
            fault.healed_ns = Some(line.time_ns());
        }
    }

    /// The line with which a phase begins, if it does.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> Option<PhaseStart> {
        self.phases.iter().copied().find(|start| start.phase == phase)
    }

    /// Faults in force at any time of a span.
    pub fn faults_during(&self, from_ns: u64, to_ns: u64) -> impl Iterator<Item = &FaultWindow> {
        self.faults.iter().filter(move |fault| fault.overlaps(from_ns, to_ns))
    }
}

fn claim_change(line: &NoteView<'_>) -> Option<ClaimChange> {
    let values = &line.history.values;
    let field = |name: &str| values.field(line.note.value, name);
    let number = |name: &str| field(name).and_then(|id| values.as_integer(id)).and_then(|n| u64::try_from(n).ok());
    Some(ClaimChange {
        index: line.index(),
        time_ns: line.time_ns(),
        node: line.text(field("node")).or_else(|| line.text(line.note.node))?.to_owned(),
        role: line.text(field("role")).map(str::to_owned),
        term: number("term"),
        position: number("position"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::HistoryText;

    #[test]
    fn phases_faults_and_convergence_are_found() {
        let mut text = HistoryText::new();
        text.nemesis(0, "phase", json!("load")).nemesis(10, "kill-leader", json!({"not_applied": "no leader"}));
        text.fault(20, "partition-leader", 7, "applied").fault(50, "partition-leader", 7, "healed");
        text.nemesis(60, "phase", json!("converge")).nemesis(70, "converged", json!(true));
        let history = text.history();
        let timeline = history.timeline();
        assert_eq!(timeline.phase(Phase::Converge).map(|start| start.time_ns), Some(60_000_000));
        assert_eq!(timeline.phase(Phase::Final), None);
        assert_eq!(timeline.converged, Some(true));
        assert_eq!(timeline.first_fault_ns, Some(20_000_000));
        assert_eq!(timeline.faults.len(), 1);
        let fault = &timeline.faults[0];
        assert_eq!((fault.id, fault.applied_ns, fault.healed_ns), (7, 20_000_000, Some(50_000_000)));
        assert!(fault.covers(20_000_000) && fault.covers(50_000_000) && !fault.covers(50_000_001));
        assert!(fault.overlaps(0, 20_000_000) && !fault.overlaps(51_000_000, 60_000_000));
    }

    #[test]
    fn in_a_foreign_history_every_line_of_the_nemesis_is_a_fault() {
        let mut text = HistoryText::new();
        text.nemesis(30, "start", json!("partition")).nemesis(40, "stop", Value::Null);
        assert_eq!(text.history().timeline().first_fault_ns, Some(30_000_000));
    }
}
