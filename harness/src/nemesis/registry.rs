//! Every fault by its name, and the syntax `NAME[:key=value,…]` in which users ask for one.
//!
//! `list`, completions, validation and the schedule all read this one table. A new fault is a file in `faults/` and a
//! line here.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::fault::Fault;
use super::faults;
use super::options::{OptionDefault, OptionDescription, Options};
use crate::plan::FaultSpec;
use crate::systems::SystemTiming;

/// A fault, for `list`, for completions and for validation.
#[derive(Debug)]
pub struct FaultDescription {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens, in one line.
    pub description: &'static str,
    /// How it ends, in one line.
    pub heal: &'static str,
    /// Its options.
    pub options: &'static [OptionDescription],
    /// Makes the fault from options that were decided.
    pub(super) build: fn(&Options) -> Result<Box<dyn Fault>, String>,
}

/// Every fault, in the order in which `list` shows them.
pub static FAULTS: &[&FaultDescription] = &[
    &faults::NONE,
    &faults::KILL_LEADER,
    &faults::KILL,
    &faults::CUT_THEN_KILL,
    &faults::PAUSE,
    &faults::PAUSE_ISOLATE,
    &faults::PARTITION_LEADER,
    &faults::PARTITION_LEADER_ALONE,
    &faults::CUT_ONE_LINK,
    &faults::ISOLATE_ONE,
    &faults::PARTITION_HALVES,
    &faults::PARTITION_MAJORITY,
    &faults::PARTITION_RING,
    &faults::PARTITION_BRIDGE,
    &faults::ONE_WAY_OUT,
    &faults::ONE_WAY_IN,
    &faults::ISOLATE_CLIENTS,
];

/// Why a fault as typed is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// No fault has this name.
    #[error("unknown fault {name:?}{}; the faults are {}", did_you_mean(.name, fault_names()), join(fault_names()))]
    UnknownFault {
        /// What was typed.
        name: String,
    },
    /// The fault has no such option.
    #[error("fault {fault} has no option {option:?}{}; {}", did_you_mean(.option, option_names(.fault)), its_options(.fault))]
    UnknownOption {
        /// The fault.
        fault: &'static str,
        /// What was typed.
        option: String,
    },
    /// An option has a value it does not take.
    #[error("fault {fault}: {option}={value} is not possible; {option} takes {values}")]
    BadValue {
        /// The fault.
        fault: &'static str,
        /// The option.
        option: &'static str,
        /// What was typed.
        value: String,
        /// What it takes.
        values: &'static str,
    },
    /// Not of the form `key=value`, or a key twice.
    #[error("{text:?} in fault {fault:?} {problem}; write NAME:key=value,key=value")]
    Malformed {
        /// The whole fault as typed.
        fault: String,
        /// The part.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The fault makes no sense for this cluster.
    #[error("fault {fault}: {reason}")]
    Refused {
        /// The fault.
        fault: String,
        /// Why.
        reason: String,
    },
}

/// The fault of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static FaultDescription> {
    FAULTS.iter().copied().find(|description| description.name == name)
}

/// The fault, its options checked; options that depend on timeouts must have been decided.
///
/// # Errors
/// An unknown name or option, or a value that an option does not take.
pub fn build(spec: &FaultSpec) -> Result<Box<dyn Fault>, FaultError> {
    let description = validate(spec)?;
    let options = Options::new(&spec.options, description.options);
    (description.build)(&options).map_err(|reason| FaultError::Refused { fault: spec.name.clone(), reason })
}

/// The same fault with every default filled in that does not depend on the schedule.
///
/// # Errors
/// As for [`build`].
pub fn with_defaults(spec: &FaultSpec, timing: &SystemTiming) -> Result<FaultSpec, FaultError> {
    let description = validate(spec)?;
    let mut resolved = spec.clone();
    for option in description.options {
        let default = match option.default {
            OptionDefault::Text(text) => text.to_owned(),
            OptionDefault::FromTiming { milliseconds, .. } => milliseconds(timing).to_string(),
            OptionDefault::FromSchedule => continue,
        };
        resolved.options.entry(option.name.to_owned()).or_insert(default);
    }
    Ok(resolved)
}

fn validate(spec: &FaultSpec) -> Result<&'static FaultDescription, FaultError> {
    let description = find(&spec.name).ok_or_else(|| FaultError::UnknownFault { name: spec.name.clone() })?;
    for (name, value) in &spec.options {
        let Some(option) = description.options.iter().find(|option| option.name == name) else {
            return Err(FaultError::UnknownOption { fault: description.name, option: name.clone() });
        };
        if !option.kind.accepts(value) {
            let values = option.kind.values();
            let value = value.clone();
            return Err(FaultError::BadValue { fault: description.name, option: option.name, value, values });
        }
    }
    Ok(description)
}

impl FaultSpec {
    /// Reads `NAME[:key=value,…]`; only what was typed is in it, defaults are not.
    ///
    /// # Errors
    /// An unknown name or option, a value that an option does not take, or a part that is no `key=value`.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let (name, rest) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let mut options = BTreeMap::new();
        for part in rest.into_iter().flat_map(|rest| rest.split(',')) {
            let malformed = |problem| FaultError::Malformed { fault: text.to_owned(), text: part.to_owned(), problem };
            let (key, value) = part.split_once('=').ok_or_else(|| malformed("is not an option"))?;
            if options.insert(key.trim().to_owned(), value.trim().to_owned()).is_some() {
                return Err(malformed("is given twice"));
            }
        }
        let spec = Self { name: name.trim().to_owned(), options };
        validate(&spec)?;
        Ok(spec)
    }
}

impl FromStr for FaultSpec {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        Self::parse(text)
    }
}

/// As typed, without the options that say what is the default anyway.
impl fmt::Display for FaultSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        let descriptions = find(&self.name).map_or(&[][..], |description| description.options);
        let is_default = |name: &str, value: &str| {
            let described = descriptions.iter().find(|option| option.name == name);
            described.is_some_and(|option| matches!(option.default, OptionDefault::Text(text) if text == value))
        };
        let mut separator = ':';
        for (name, value) in self.options.iter().filter(|(name, value)| !is_default(name, value)) {
            write!(formatter, "{separator}{name}={value}")?;
            separator = ',';
        }
        Ok(())
    }
}

fn fault_names() -> Vec<&'static str> {
    FAULTS.iter().map(|description| description.name).collect()
}

fn option_names(fault: &str) -> Vec<&'static str> {
    find(fault).map_or_else(Vec::new, |found| found.options.iter().map(|option| option.name).collect())
}

fn its_options(fault: &str) -> String {
    let names = option_names(fault);
    if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", join(names)) }
}

fn join(names: Vec<&'static str>) -> String {
    names.join(", ")
}

/// `; did you mean "…"?` where a name is near enough.
fn did_you_mean(typed: &str, names: Vec<&'static str>) -> String {
    let nearest = names.into_iter().map(|name| (edit_distance(typed, name), name)).min();
    match nearest {
        Some((distance, name)) if distance <= typed.chars().count().max(3) / 3 => {
            format!("; did you mean {name:?}?")
        }
        _ => String::new(),
    }
}

/// Levenshtein's distance, one row at a time.
fn edit_distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, character) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other_character) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(character != *other_character);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;

    fn timing() -> SystemTiming {
        SystemTiming {
            election_timeout_min: Duration::from_millis(300),
            election_timeout_max: Duration::from_millis(600),
        }
    }

    #[test]
    fn every_fault_can_be_built_from_its_defaults() {
        for description in FAULTS {
            let spec = FaultSpec::parse(description.name).unwrap();
            let fault = build(&with_defaults(&spec, &timing()).unwrap()).unwrap();
            fault.check(3, &timing()).unwrap();
            fault.check(5, &timing()).unwrap();
        }
        let names: BTreeSet<_> = fault_names().into_iter().collect();
        assert_eq!(names.len(), FAULTS.len(), "a name is taken twice");
    }

    #[test]
    fn every_fault_and_every_option_is_described_for_users() {
        let text = include_str!("../../../docs/faults.md");
        for description in FAULTS {
            let name = description.name;
            let headings = text.lines().filter(|line| line.starts_with("## ") && line.contains(&format!("`{name}`")));
            assert_eq!(headings.count(), 1, "{name} has no section in docs/faults.md");
            for option in description.options {
                assert!(
                    text.contains(&format!("`{}`", option.name)),
                    "{name}: {} is not in docs/faults.md",
                    option.name
                );
            }
        }
    }

    #[test]
    fn every_default_is_a_value_the_option_takes() {
        for description in FAULTS {
            for option in description.options {
                let default = match option.default {
                    OptionDefault::Text(text) => text.to_owned(),
                    OptionDefault::FromTiming { milliseconds, .. } => milliseconds(&timing()).to_string(),
                    OptionDefault::FromSchedule => continue,
                };
                assert!(option.kind.accepts(&default), "{} {}", description.name, option.name);
            }
        }
    }

    #[test]
    fn a_fault_reads_back_as_it_is_written() {
        for text in ["kill-leader", "kill:target=minority", "cut-then-kill:cut_ms=150,restart_ms=900"] {
            assert_eq!(FaultSpec::parse(text).unwrap().to_string(), text);
        }
        let with_default = FaultSpec::parse("kill:restart_ms=3000,target=n1+n2").unwrap();
        assert_eq!(with_default.to_string(), "kill:target=n1+n2");
    }

    #[test]
    fn a_default_that_follows_from_the_timeouts_is_decided_with_the_plan() {
        let spec = FaultSpec::parse("cut-then-kill").unwrap();
        assert!(build(&spec).is_err(), "it must not be built before it is decided");
        let resolved = with_defaults(&spec, &timing()).unwrap();
        assert_eq!(resolved.options["cut_ms"], "200");
        assert!(build(&resolved).is_ok());
    }

    #[track_caller]
    fn check_refused(text: &str, expected: &[&str]) {
        let message = FaultSpec::parse(text).unwrap_err().to_string();
        for part in expected {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_answered_with_what_was_meant() {
        check_refused(
            "kil-leader",
            &["unknown fault \"kil-leader\"", "did you mean \"kill-leader\"?", "pause-isolate"],
        );
        check_refused("earthquake", &["unknown fault", "the faults are none, kill-leader"]);
        check_refused("kill:tarket=one", &["no option \"tarket\"", "did you mean \"target\"?", "it has target"]);
        check_refused("kill:target=two", &["target=two is not possible", "leader, follower, one, minority"]);
        check_refused("pause:duration_ms=0", &["duration_ms=0"]);
        check_refused("kill:target", &["\"target\"", "NAME:key=value"]);
        check_refused("kill:target=one,target=all", &["given twice"]);
        check_refused("none:target=one", &["it has none"]);
        check_refused("", &["unknown fault \"\""]);
    }

    #[test]
    fn distances_are_those_of_the_textbook() {
        for (one, other, distance) in [("kitten", "sitting", 3), ("", "abc", 3), ("same", "same", 0)] {
            assert_eq!(edit_distance(one, other), distance);
        }
    }
}
