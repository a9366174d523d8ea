//! Is `lost` what the system itself says? Compares, for a stored run, the elements that are missing from the closing reads
//! with the acknowledged writes that the system logged as truncated for good.
//!
//! Nothing of the checkers is used here: both lists are made from the stored files, and their number is compared with the
//! stored verdict, too. Only writes whose acknowledgement a client heard count; a node may have acknowledged more. Only
//! sets can be compared: a register forgets all values but the last, so nobody can say which of them were lost.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use schism_checkers::history::{Event, EventType};
use serde::Serialize;
use serde_json::Value;

use super::layout::{WIDTH_MAX, paragraph};
use crate::campaign::read_verdict;
use crate::record::{RunDirectory, read_lines};
use crate::run::RunError;
use crate::systems::{self, GroundTruthLoss};

/// A write: its object, its operation, its argument as JSON text.
type Write = (String, String, String);

/// The workload whose writes can be named one by one at the end.
const COMPARABLE_WORKLOAD: &str = "set";

/// What became of the comparison of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The run's directory.
    pub run: PathBuf,
    /// Why it could not be compared; absent if it was.
    pub not_compared: Option<String>,
    /// Acknowledged elements that are missing from the closing reads.
    pub lost: u64,
    /// The same by the stored verdict.
    pub lost_by_verdict: Option<u64>,
    /// Acknowledged writes that the system logged as truncated, and whose acknowledgement a client heard.
    pub truncated: u64,
    /// Truncated writes of whose acknowledgement no client heard.
    pub truncated_unheard: u64,
    /// Missing at the end, but not truncated by the system's own account.
    pub only_lost: Vec<String>,
    /// Truncated for good by the system's own account, but not missing at the end.
    pub only_truncated: Vec<String>,
}

impl Comparison {
    /// Whether there was something to compare.
    #[must_use]
    pub fn is_compared(&self) -> bool {
        self.not_compared.is_none()
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.only_lost.is_empty()
            && self.only_truncated.is_empty()
            && self.lost_by_verdict.is_none_or(|by_verdict| !self.is_compared() || by_verdict == self.lost)
    }

    fn not_compared(run: &Path, why: impl Into<String>) -> Self {
        Self {
            run: run.to_owned(),
            not_compared: Some(why.into()),
            lost: 0,
            lost_by_verdict: None,
            truncated: 0,
            truncated_unheard: 0,
            only_lost: Vec::new(),
            only_truncated: Vec::new(),
        }
    }
}

/// Compares one run.
///
/// # Errors
/// A file of the run is missing or malformed, or names a system this program does not know.
pub fn compare(run: &Path) -> Result<Comparison, RunError> {
    let directory = RunDirectory::open(run);
    if !directory.history().exists() {
        return Ok(Comparison::not_compared(run, "it has no history"));
    }
    let plan = directory.read_plan()?;
    if plan.workload != COMPARABLE_WORKLOAD {
        return Ok(Comparison::not_compared(run, format!("the workload {} cannot be compared", plan.workload)));
    }
    let Some(verdict) = read_verdict(run)? else {
        return Ok(Comparison::not_compared(run, "it has no verdict"));
    };
    let unknown = || RunError::Unknown { kind: "system", name: plan.system.clone() };
    let system = systems::find(&plan.system).ok_or_else(unknown)?;
    let truth = match system.ground_truth(&directory.nodes()) {
        None => return Ok(Comparison::not_compared(run, format!("{} keeps no account of its own", plan.system))),
        Some(Err(error)) => return Ok(Comparison::not_compared(run, format!("its account cannot be read: {error}"))),
        Some(Ok(truth)) => truth,
    };
    let events: Vec<Event> = read_lines(&directory.history())?;
    if verdict.measures.lost.is_none() {
        return Ok(Comparison::not_compared(run, "its verdict says that lost is unknown"));
    }
    let mut comparison = compare_sets(run, &events, &truth);
    comparison.lost_by_verdict = verdict.measures.lost;
    Ok(comparison)
}

fn compare_sets(run: &Path, events: &[Event], truth: &[GroundTruthLoss]) -> Comparison {
    let acknowledged = acknowledged_adds(events);
    let present = closing_elements(events);
    let is_missing = |(key, _, value): &&Write| present.get(key).is_some_and(|elements| !elements.contains(value));
    let lost: BTreeSet<&Write> = acknowledged.iter().filter(is_missing).collect();
    let truncated: BTreeSet<Write> =
        truth.iter().map(|loss| (loss.key.clone(), loss.f.clone(), normal(&loss.value))).collect();
    let heard: BTreeSet<&Write> = truncated.iter().filter(|write| acknowledged.contains(*write)).collect();
    let named =
        |writes: Vec<&&Write>| writes.into_iter().map(|(key, f, value)| format!("{f} {value} to {key}")).collect();
    Comparison {
        run: run.to_owned(),
        not_compared: None,
        lost: lost.len() as u64,
        lost_by_verdict: None,
        truncated: heard.len() as u64,
        truncated_unheard: (truncated.len() - heard.len()) as u64,
        only_lost: named(lost.difference(&heard).collect()),
        only_truncated: named(heard.difference(&lost).collect()),
    }
}

fn acknowledged_adds(events: &[Event]) -> BTreeSet<Write> {
    let is_ok_add = |event: &&Event| event.event_type == EventType::Ok && event.f == "add";
    events.iter().filter(is_ok_add).map(|event| (key_text(event), event.f.clone(), event.value.to_string())).collect()
}

/// The elements of every key that the closing reads through the leader saw.
fn closing_elements(events: &[Event]) -> BTreeMap<String, BTreeSet<String>> {
    let is_final_phase = |event: &Event| event.process.is_nemesis() && event.f == "phase" && event.value == "final";
    let Some(start) = events.iter().position(is_final_phase) else {
        return BTreeMap::new();
    };
    let is_closing = |event: &&Event| {
        event.event_type == EventType::Ok && event.f == "read" && !event.is_final && event.process.is_client()
    };
    let reads = events[start..].iter().filter(is_closing);
    reads.map(|read| (key_text(read), elements(&read.value))).collect()
}

fn elements(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().map(Value::to_string).collect()
}

fn key_text(event: &Event) -> String {
    match &event.key {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// JSON text as this program writes it.
fn normal(json: &str) -> String {
    serde_json::from_str::<Value>(json).map_or_else(|_| json.to_owned(), |value| value.to_string())
}

/// How many differences of a run are named.
const NAMED_MAX: usize = 10;

/// All comparisons for people: agreements in numbers, every difference by name.
#[must_use]
pub fn text(comparisons: &[Comparison]) -> String {
    let (compared, others): (Vec<&Comparison>, Vec<&Comparison>) =
        comparisons.iter().partition(|comparison| comparison.is_compared());
    let differing: Vec<&&Comparison> = compared.iter().filter(|comparison| !comparison.agrees()).collect();
    let total = |of: fn(&Comparison) -> u64| compared.iter().map(|comparison| of(comparison)).sum::<u64>();
    let head = format!(
        "{} of {} compared runs agree: {} acknowledged writes lost by the checkers, {} by the system's own log\n\
         ({} more were truncated whose acknowledgement no client heard)\n",
        compared.len() - differing.len(),
        compared.len(),
        total(|comparison| comparison.lost),
        total(|comparison| comparison.truncated),
        total(|comparison| comparison.truncated_unheard),
    );
    let differences = differing.into_iter().map(|comparison| difference_text(comparison));
    std::iter::once(head).chain(differences).chain(not_compared_text(&others)).collect()
}

fn difference_text(comparison: &Comparison) -> String {
    let mut lines = format!("\nDIFFERENT {}\n", comparison.run.display());
    if let Some(by_verdict) = comparison.lost_by_verdict.filter(|by_verdict| *by_verdict != comparison.lost) {
        lines += &paragraph(
            &format!("lost by the verdict {by_verdict}, by the closing reads {}", comparison.lost),
            WIDTH_MAX,
            "  ",
        );
    }
    for (title, writes) in [
        ("missing at the end, but not truncated", &comparison.only_lost),
        ("truncated, but not missing at the end", &comparison.only_truncated),
    ] {
        if !writes.is_empty() {
            let more = if writes.len() > NAMED_MAX { ", …" } else { "" };
            let named: Vec<&str> = writes.iter().take(NAMED_MAX).map(String::as_str).collect();
            lines += &paragraph(&format!("{title}: {}: {}{more}", writes.len(), named.join(", ")), WIDTH_MAX, "  ");
        }
    }
    lines
}

fn not_compared_text(others: &[&Comparison]) -> Option<String> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for comparison in others {
        *reasons.entry(comparison.not_compared.as_deref().unwrap_or_default()).or_default() += 1;
    }
    if reasons.is_empty() {
        return None;
    }
    let lines = reasons.into_iter().map(|(why, runs)| format!("not compared: {runs} runs: {why}\n"));
    Some(std::iter::once("\n".to_owned()).chain(lines).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(lines: &[&str]) -> Vec<Event> {
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn loss(value: &str) -> GroundTruthLoss {
        GroundTruthLoss {
            key: "k1".to_owned(),
            f: "add".to_owned(),
            value: value.to_owned(),
            node: "n1".to_owned(),
            position: 1,
            term: 1,
        }
    }

    /// 1 and 2 were acknowledged, 3 was not; 2 and 3 are missing at the end.
    fn history() -> Vec<Event> {
        events(&[
            r#"{"time":1,"type":"ok","process":0,"f":"add","key":"k1","value":1}"#,
            r#"{"time":2,"type":"ok","process":0,"f":"read","key":"k1","value":[1,2]}"#,
            r#"{"time":3,"type":"ok","process":0,"f":"add","key":"k1","value":2}"#,
            r#"{"time":4,"type":"info","process":0,"f":"add","key":"k1","value":3}"#,
            r#"{"time":5,"type":"info","process":"nemesis","f":"phase","value":"final"}"#,
            r#"{"time":6,"type":"ok","process":1,"f":"read","key":"k1","value":[1]}"#,
            r#"{"time":7,"type":"ok","process":2,"f":"read","key":"k1","value":[1,2],"final":true}"#,
        ])
    }

    #[test]
    fn what_both_say_agrees_and_what_no_client_heard_is_left_out() {
        let comparison = compare_sets(Path::new("run"), &history(), &[loss("2"), loss("3")]);
        assert!(comparison.agrees(), "{comparison:?}");
        assert_eq!((comparison.lost, comparison.truncated, comparison.truncated_unheard), (1, 1, 1));
    }

    #[test]
    fn every_difference_is_named() {
        let silent = compare_sets(Path::new("run"), &history(), &[]);
        assert_eq!(silent.only_lost, ["add 2 to k1"]);
        let accusing = compare_sets(Path::new("run"), &history(), &[loss("1"), loss("2")]);
        assert_eq!(accusing.only_truncated, ["add 1 to k1"]);
        assert!(!silent.agrees() && !accusing.agrees());
        insta::assert_snapshot!(text(&[
            silent,
            accusing,
            Comparison::not_compared(Path::new("x"), "it has no history")
        ]));
    }

    #[test]
    fn a_verdict_with_another_number_is_a_difference() {
        let mut comparison = compare_sets(Path::new("run"), &history(), &[loss("2")]);
        comparison.lost_by_verdict = Some(2);
        assert!(!comparison.agrees());
    }
}
