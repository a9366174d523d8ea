//! Makes a schedule, pure: from faults, the length of the load and a seed to timed entries.
//!
//! Faults follow one another. Before the first there is a fault-free lead, and after each one a gap in which the system
//! recovers. The lead is about a third of the load for one fault and a smaller part for more, the same goes for the
//! length of faults that are simply held; kills and compound faults take as long as their own steps. The seed moves every
//! start a little and seeds what a fault draws when it fires.

use std::fmt::Write as _;
use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::fault::Length;
use super::registry::{self, FaultError};
use crate::plan::{FaultSpec, ScheduledFault};
use crate::systems::SystemTiming;

/// The least fault-free time before the first fault, milliseconds.
pub const LEAD_MS_MIN: u64 = 1_200;

/// The least time after a fault, before the next or before the load ends, milliseconds.
pub const GAP_MS_MIN: u64 = 1_000;

/// The least length of a fault that is simply held, milliseconds, unless the user asks for less.
pub const HELD_MS_MIN: u64 = 2_000;

/// The greatest such length, milliseconds, unless two of the longest election timeouts need more.
pub const HELD_MS_MAX: u64 = 4_000;

/// By how much the seed delays a start at most, milliseconds.
pub const JITTER_MS_MAX: u64 = 400;

/// A client may wait for an answer for at most this part of a fault, so that each of its workers tries more than once.
const CLIENT_TIMEOUTS_PER_FAULT: u64 = 3;

/// What a schedule is made from, beside the faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduleOptions {
    /// Length of the load, milliseconds.
    pub time_ms: u64,
    /// Fault-free time before the first fault, milliseconds; `None`: follows from the length of the load.
    pub lead_ms: Option<u64>,
    /// Fixes everything that is drawn.
    pub seed: u64,
    /// How many nodes there are.
    pub nodes: u16,
    /// The system's timeouts under its settings.
    pub timing: SystemTiming,
}

/// Why there is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A fault is refused.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// The load is too short for these faults.
    #[error(
        "a load of {time_ms} ms is too short: {faults} need{} {needed_ms} ms, with {lead_ms} ms before the first fault \
         and {GAP_MS_MIN} ms after each; use --time {}s or more", if *.count == 1 { "s" } else { "" }, .needed_ms.div_ceil(1000)
    )]
    TooShort {
        /// Its length, milliseconds.
        time_ms: u64,
        /// The faults.
        faults: String,
        /// How many.
        count: usize,
        /// The least length, milliseconds.
        needed_ms: u64,
        /// The lead in it, milliseconds.
        lead_ms: u64,
    },
}

/// Decides when each fault fires and how long it lasts, and every option that follows from the system's timeouts. `none`
/// takes no time and has no entry.
///
/// # Errors
/// A fault that makes no sense here, or a load that is too short for all of them.
pub fn make(specs: &[FaultSpec], options: &ScheduleOptions) -> Result<Vec<ScheduledFault>, ScheduleError> {
    let mut faults = Vec::new();
    for spec in specs.iter().filter(|spec| spec.name != "none") {
        let spec = registry::with_defaults(spec, &options.timing)?;
        let fault = registry::build(&spec)?;
        fault
            .check(options.nodes, &options.timing)
            .map_err(|reason| FaultError::Refused { fault: spec.to_string(), reason })?;
        let duration_ms = match (spec.options.get("duration_ms").and_then(|text| text.parse().ok()), fault.length()) {
            (Some(asked_ms), _) => asked_ms,
            (None, Length::AtMost(length)) => as_ms(length),
            (None, Length::Held) => 0,
        };
        faults.push((spec, duration_ms));
    }
    if faults.is_empty() {
        return Ok(Vec::new());
    }
    let held_ms = held_ms(faults.len(), options);
    for (_, duration_ms) in &mut faults {
        if *duration_ms == 0 {
            *duration_ms = held_ms;
        }
    }
    place(faults, options)
}

/// The longest client timeout, milliseconds, under which every fault of a schedule sees several tries of every worker;
/// `None` without faults.
#[must_use]
pub fn client_timeout_ms_max(schedule: &[ScheduledFault]) -> Option<u64> {
    schedule.iter().map(|entry| (entry.duration_ms / CLIENT_TIMEOUTS_PER_FAULT).max(1)).min()
}

fn held_ms(count: usize, options: &ScheduleOptions) -> u64 {
    let least = HELD_MS_MIN.max(2 * as_ms(options.timing.election_timeout_max));
    share_ms(count, options).clamp(least, HELD_MS_MAX.max(least))
}

/// The part of the load that the lead takes, and each held fault.
fn share_ms(count: usize, options: &ScheduleOptions) -> u64 {
    options.time_ms / (count as u64 + 2)
}

fn place(faults: Vec<(FaultSpec, u64)>, options: &ScheduleOptions) -> Result<Vec<ScheduledFault>, ScheduleError> {
    let count = faults.len() as u64;
    let busy_ms: u64 = faults.iter().map(|(_, duration_ms)| duration_ms + GAP_MS_MIN).sum();
    let lead_min_ms = options.lead_ms.unwrap_or(LEAD_MS_MIN);
    let Some(slack_ms) = options.time_ms.checked_sub(busy_ms.saturating_add(lead_min_ms)) else {
        return Err(too_short(&faults, options, lead_min_ms, busy_ms + lead_min_ms));
    };
    let lead_ms = match options.lead_ms {
        Some(lead_ms) => lead_ms,
        None => share_ms(faults.len(), options).clamp(lead_min_ms, lead_min_ms + slack_ms),
    };
    let extra_gap_ms = (lead_min_ms + slack_ms - lead_ms) / count;
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    let mut next_ms = lead_ms;
    let mut schedule = Vec::new();
    for (id, (fault, duration_ms)) in (1..).zip(faults) {
        let at_ms = next_ms + random.random_range(0..=extra_gap_ms.min(JITTER_MS_MAX));
        schedule.push(ScheduledFault { id, fault, at_ms, duration_ms, seed: random.random() });
        next_ms += duration_ms + GAP_MS_MIN + extra_gap_ms;
    }
    Ok(schedule)
}

fn too_short(faults: &[(FaultSpec, u64)], options: &ScheduleOptions, lead_ms: u64, needed_ms: u64) -> ScheduleError {
    let names: Vec<&str> = faults.iter().map(|(spec, _)| spec.name.as_str()).collect();
    ScheduleError::TooShort {
        time_ms: options.time_ms,
        faults: names.join(" and "),
        count: names.len(),
        needed_ms,
        lead_ms,
    }
}

fn as_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The schedule as people read it: a line of time, and one line a fault.
///
/// ```text
/// 0 s |················1================·················| 10.0 s
///   1   3.45 s to   6.78 s   partition-leader
/// ```
#[must_use]
pub fn timeline(schedule: &[ScheduledFault], time_ms: u64) -> String {
    const WIDTH: u64 = 60;
    let mut line: Vec<char> = vec!['·'; WIDTH as usize];
    let column = |at_ms: u64| (at_ms.saturating_mul(WIDTH) / time_ms.max(1)).min(WIDTH - 1) as usize;
    for entry in schedule {
        let (first, last) = (column(entry.at_ms), column(entry.at_ms + entry.duration_ms));
        line[first..=last].fill('=');
        line[first] = char::from_digit((entry.id % 10) as u32, 10).unwrap_or('=');
    }
    let line: String = line.into_iter().collect();
    let mut text = format!("0 s |{line}| {:.1} s\n", seconds(time_ms));
    for entry in schedule {
        let (from, to) = (seconds(entry.at_ms), seconds(entry.at_ms + entry.duration_ms));
        let _infallible = writeln!(text, "{:>3} {from:>7.2} s to {to:>7.2} s   {}", entry.id, entry.fault);
    }
    text
}

fn seconds(milliseconds: u64) -> f64 {
    Duration::from_millis(milliseconds).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::nemesis::registry::FAULTS;

    fn options(time_ms: u64, seed: u64) -> ScheduleOptions {
        let timing = SystemTiming {
            election_timeout_min: Duration::from_millis(300),
            election_timeout_max: Duration::from_millis(600),
        };
        ScheduleOptions { time_ms, lead_ms: None, seed, nodes: 3, timing }
    }

    fn one(name: &str, time_ms: u64, seed: u64) -> ScheduledFault {
        make(&[FaultSpec::parse(name).unwrap()], &options(time_ms, seed)).unwrap().remove(0)
    }

    #[test]
    fn one_fault_divides_the_load_into_thirds() {
        for (time_ms, duration_ms) in [(6_000, 2_000), (9_000, 3_000), (10_000, 3_333), (30_000, 4_000)] {
            let entry = one("partition-leader", time_ms, 7);
            assert_eq!(entry.duration_ms, duration_ms);
            assert!((time_ms / 3..=time_ms / 3 + JITTER_MS_MAX).contains(&entry.at_ms), "{entry:?}");
        }
    }

    #[test]
    fn a_fault_of_its_own_length_keeps_it() {
        assert_eq!(one("kill-leader", 8_000, 1).duration_ms, 3_000);
        assert_eq!(one("cut-then-kill", 8_000, 1).duration_ms, 3_200);
        assert_eq!(one("pause-isolate", 8_000, 1).duration_ms, 1_403);
        assert_eq!(one("pause:duration_ms=700", 8_000, 1).duration_ms, 700);
    }

    #[test]
    fn what_follows_from_the_timeouts_is_written_into_the_plan() {
        assert_eq!(one("cut-then-kill", 8_000, 1).fault.options["cut_ms"], "200");
    }

    #[test]
    fn no_fault_has_no_entry() {
        assert_eq!(make(&[FaultSpec::parse("none").unwrap()], &options(100, 1)), Ok(Vec::new()));
        assert_eq!(client_timeout_ms_max(&[]), None);
    }

    #[test]
    fn a_load_that_is_too_short_says_how_long_it_must_be() {
        let message = make(&[FaultSpec::parse("kill-leader").unwrap()], &options(3_000, 1)).unwrap_err().to_string();
        assert!(message.contains("kill-leader needs 5200 ms"), "{message}");
        assert!(message.contains("--time 6s"), "{message}");
        assert!(make(&[FaultSpec::parse("kill-leader").unwrap()], &options(5_200, 1)).is_ok());
    }

    #[test]
    fn a_fault_that_makes_no_sense_here_is_refused_with_the_plan() {
        let message = make(&[FaultSpec::parse("kill:target=n4").unwrap()], &options(9_000, 1)).unwrap_err().to_string();
        assert!(message.contains("there is no n4"), "{message}");
    }

    #[test]
    fn a_timeline_shows_every_fault_where_it_is() {
        let specs = [FaultSpec::parse("kill-leader").unwrap(), FaultSpec::parse("partition-leader").unwrap()];
        let schedule = make(&specs, &options(20_000, 3)).unwrap();
        let text = timeline(&schedule, 20_000);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("1=") && text.contains("2=") && text.contains("20.0 s"), "{text}");
    }

    proptest! {
        #[test]
        fn faults_follow_one_another_within_bounds(
            picks in prop::collection::vec(0..FAULTS.len(), 0..5),
            time_ms in 1_000_u64..60_000,
            lead_ms in prop::option::of(0_u64..5_000),
            seed: u64,
        ) {
            let specs: Vec<_> = picks.iter().map(|pick| FaultSpec::parse(FAULTS[*pick].name).unwrap()).collect();
            let options = ScheduleOptions { lead_ms, ..options(time_ms, seed) };
            let Ok(schedule) = make(&specs, &options) else { return Ok(()) };
            prop_assert_eq!(&schedule, &make(&specs, &options).unwrap(), "the same seed made two schedules");
            let mut free_since_ms = 0;
            for (index, entry) in schedule.iter().enumerate() {
                let least = if index == 0 { lead_ms.unwrap_or(LEAD_MS_MIN) } else { GAP_MS_MIN };
                prop_assert!(entry.at_ms >= free_since_ms + least, "{:?}", schedule);
                prop_assert!(entry.duration_ms >= 1_403, "{:?}", entry);
                free_since_ms = entry.at_ms + entry.duration_ms;
            }
            prop_assert!(schedule.is_empty() || free_since_ms + GAP_MS_MIN <= time_ms, "{:?}", schedule);
            let client_timeout_ms = client_timeout_ms_max(&schedule).unwrap_or(1);
            prop_assert!(schedule.iter().all(|entry| entry.duration_ms >= 3 * client_timeout_ms));
        }

        #[test]
        fn seeds_differ(seed in 0_u64..1_000_000) {
            let (one, other) = (one("partition-leader", 10_000, seed), one("partition-leader", 10_000, seed + 1));
            prop_assert_ne!(one.seed, other.seed);
        }
    }
}
