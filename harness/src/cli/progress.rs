//! What people see while they wait: bars on a terminal, plain lines elsewhere.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use crate::run::{Phase, Progress};

/// How often a bar moves by itself.
const TICK: Duration = Duration::from_millis(250);

/// The progress of one run.
pub(super) struct RunProgress {
    bar: Option<ProgressBar>,
    phase: Mutex<Option<Phase>>,
}

impl RunProgress {
    /// A bar where a person watches.
    pub(super) fn new() -> Self {
        Self { bar: output::is_watched().then(|| bar(0, "{spinner} {msg}")), phase: Mutex::new(None) }
    }

    /// Shows what a run tells.
    pub(super) fn tell(&self, told: Progress) {
        match told {
            Progress::Phase(phase) => self.enter(phase),
            Progress::Load { elapsed, total, acknowledged } => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!(
                        "load: {:.1} of {:.1} s, {acknowledged} operations ok",
                        elapsed.as_secs_f64(),
                        total.as_secs_f64()
                    ));
                }
            }
            Progress::Violation { checker, seconds } => {
                self.line(&format!(
                    "violation at {seconds:.3} s ({checker}): the load ends, everything is healed and judged"
                ));
            }
            Progress::FellBehind => {
                self.line("the checkers cannot keep up with the load: --fail-fast has no effect from here on");
            }
        }
    }

    /// A line that stays.
    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => output::progress(text),
        }
    }

    fn enter(&self, phase: Phase) {
        let mut known = self.phase.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *known == Some(phase) {
            return;
        }
        *known = Some(phase);
        match &self.bar {
            Some(bar) => bar.set_message(words(phase)),
            None => output::progress(words(phase)),
        }
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn words(phase: Phase) -> &'static str {
    match phase {
        Phase::Start => "start: nodes start, a leader comes up",
        Phase::Load => "load: workers work, faults are injected",
        Phase::Heal => "heal: everything is healed",
        Phase::Converge => "converge: the system gets time to agree",
        Phase::Final => "final: closing reads",
        Phase::End => "end: nodes are stopped, the history is judged",
    }
}

/// The progress of a campaign.
pub(super) struct CampaignProgress {
    bar: Option<ProgressBar>,
    total: usize,
    ended: usize,
}

impl CampaignProgress {
    /// A bar where a person watches.
    pub(super) fn new(total: usize) -> Self {
        let bar = output::is_watched().then(|| bar(total as u64, "{bar:30} {pos}/{len} runs, {elapsed}  {msg}"));
        Self { bar, total, ended: 0 }
    }

    /// A run began.
    pub(super) fn started(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
        }
    }

    /// A run ended; one that matters gets a line of its own even beside a bar.
    pub(super) fn ended(&mut self, what: &str, matters: bool) {
        self.ended += 1;
        match &self.bar {
            Some(bar) => {
                bar.inc(1);
                if matters {
                    bar.println(what);
                }
            }
            None => output::progress(&format!(
                "[{:>width$}/{}] {what}",
                self.ended,
                self.total,
                width = self.total.to_string().len()
            )),
        }
    }

    /// Something worth a line.
    pub(super) fn note(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.println(what),
            None => output::progress(what),
        }
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The progress of many simulated runs.
pub(super) struct SweepProgress {
    bar: Option<ProgressBar>,
}

impl SweepProgress {
    /// A bar where a person watches.
    pub(super) fn new(total: u64) -> Self {
        Self { bar: output::is_watched().then(|| bar(total, "{bar:30} {pos}/{len} runs, {per_sec}, {elapsed}  {msg}")) }
    }

    /// So many runs are done, and so many of them broke a promise.
    pub(super) fn tell(&self, done: u64, violated: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(format!("{violated} violations"));
        }
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}
