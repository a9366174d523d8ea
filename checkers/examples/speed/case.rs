//! What a row measures.

use std::error::Error;

use schism_checkers::Validity;
use schism_checkers::synth::Shape;

use super::foreign::Foreign;
use super::measure::{self, Figures};

/// What is run.
#[derive(Clone)]
pub(crate) enum Work {
    /// A synthetic history is written to a file, read and judged.
    Synthetic(Shape),
    /// Files of another project are read and judged.
    Foreign(Foreign),
    /// A synthetic history is judged under a deadline and a bound of memory that it cannot keep.
    Budget { shape: Shape, deadline_ms: u64, memory_mib: u64 },
    /// A synthetic history is fed event by event.
    Online(Shape),
}

/// What is asked of a row; what is not asked is `None`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Goal {
    pub(crate) check_s: Option<f64>,
    pub(crate) check_cpu_s: Option<f64>,
    pub(crate) total_s: Option<f64>,
    pub(crate) peak_mib: Option<f64>,
    pub(crate) bytes_per_operation: Option<f64>,
    /// Of the worst single file.
    pub(crate) worst_s: Option<f64>,
    /// After a deadline.
    pub(crate) late_s: Option<f64>,
    pub(crate) events_per_second: Option<f64>,
}

/// A row of the table.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) row: &'static str,
    pub(crate) title: String,
    pub(crate) work: Work,
    /// `None`: whatever it is; the figures say which.
    pub(crate) expected: Option<Validity>,
    pub(crate) goal: Goal,
    /// What others take for the same.
    pub(crate) others: &'static str,
}

impl Case {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.row, self.title)
    }

    pub(crate) fn run(&self, rounds: usize) -> Result<Figures, Box<dyn Error>> {
        match &self.work {
            Work::Synthetic(shape) => measure::synthetic(shape, rounds),
            Work::Foreign(foreign) => foreign.run(rounds),
            Work::Budget { shape, deadline_ms, memory_mib } => measure::budget(shape, *deadline_ms, *memory_mib),
            Work::Online(shape) => measure::online(shape),
        }
    }
}

/// Whether a goal is met.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    Yes,
    InProcessorTime,
    No,
}

impl Goal {
    pub(crate) fn check(seconds: f64) -> Self {
        Self { check_s: Some(seconds), ..Self::default() }
    }

    /// Whether it is met: by the clock on the wall, or else by the processor's, which other programs do not slow down.
    pub(crate) fn is_met(&self, figures: &Figures) -> Met {
        let within = |goal: Option<f64>, figure: Option<f64>| {
            goal.is_none_or(|goal| figure.is_some_and(|figure| figure <= goal))
        };
        let (check_cpu_s, total_s) = (figures.check_cpu_s, figures.read_s + figures.check_s);
        let in_cpu = within(self.check_s, Some(check_cpu_s.min(figures.check_s)))
            && within(self.total_s, Some((figures.read_cpu_s + check_cpu_s).min(total_s)))
            && within(self.check_cpu_s, Some(check_cpu_s))
            && within(self.peak_mib, Some(figures.peak_mib))
            && within(self.bytes_per_operation, Some(figures.bytes_per_operation()))
            && within(self.worst_s, figures.worst_s)
            && within(self.late_s, figures.late_s)
            && self.events_per_second.is_none_or(|goal| figures.events_per_second.is_some_and(|rate| rate >= goal));
        match in_cpu {
            true if within(self.check_s, Some(figures.check_s)) && within(self.total_s, Some(total_s)) => Met::Yes,
            true => Met::InProcessorTime,
            false => Met::No,
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut parts = Vec::new();
        let mut push = |what: &str, bound: Option<String>| parts.extend(bound.map(|bound| format!("{what} {bound}")));
        push("check ≤", self.check_s.map(measure::seconds));
        push("check ≤", self.check_cpu_s.map(|bound| format!("{} CPU", measure::seconds(bound))));
        push("file → verdict ≤", self.total_s.map(measure::seconds));
        push("worst ≤", self.worst_s.map(measure::seconds));
        push("late ≤", self.late_s.map(measure::seconds));
        push("peak ≤", self.peak_mib.map(|bound| format!("{bound:.0} MiB")));
        push("≤", self.bytes_per_operation.map(|bound| format!("{bound:.0} B/op")));
        push("≥", self.events_per_second.map(|bound| format!("{bound:.0} events/s")));
        parts.join(", ")
    }
}
