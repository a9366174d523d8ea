//! The node's settings: names, values, defaults and documentation, as data and as types.
//!
//! A cluster has one [`Settings`]; a client may override `replication` for one write and `read` for one read, with the
//! same types. Parsing refuses unknown names and combinations that make no sense, each with what to do instead. This
//! module reads no file and no argument; who calls it hands in a map of names to values.
//!
//! [`DESCRIPTIONS`] is what help and documentation say, [`PRESETS`] are settings under one name, `check` is which
//! combinations are refused and why; the other files are the types of the values.

mod check;
mod descriptions;
mod error;
mod help;
mod presets;
mod read;
mod storage;
mod succession;
#[cfg(test)]
mod tests;
mod throughput;
mod words;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use descriptions::{DESCRIPTIONS, Description, PRESET};
pub use error::SettingsError;
pub use help::help;
pub use presets::{PRESETS, Preset};
pub use read::ReadLevel;
pub use storage::{CatchUp, Fsync};
pub use succession::{ElectionTimeout, Failover, Fencing, Priority, Rejoin};
pub use throughput::ServiceRate;
pub use words::INTERVAL_MS_MAX;
pub use write::{AckPoint, OnAckTimeout, Replication, Visibility};

use words::{parse_ms, parse_switch, parse_within, switch};

/// The lease that is not set, in milliseconds, where the election timeout leaves room for it.
const LEASE_MS: u64 = 250;

/// The clock drift that is not set, in parts per million. Quartz keeps 50, a clock that a time daemon slews while it
/// runs stays below; twice the sum of both clocks is on the safe side.
const MAX_CLOCK_DRIFT_PPM: u64 = 200;

/// The settings of a cluster, all decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// When a write is acknowledged, unless the write says otherwise.
    pub replication: Replication,
    /// What a follower must have done to count for it.
    pub ack_point: AckPoint,
    /// What becomes of a write whose followers do not answer in time.
    pub on_ack_timeout: OnAckTimeout,
    /// How long they may take, in milliseconds.
    pub ack_timeout_ms: u64,
    /// When the leader's reads see a write.
    pub visibility: Visibility,
    /// Who becomes leader.
    pub failover: Failover,
    /// Candidates ask before they raise the term; consensus only.
    pub pre_vote: bool,
    /// Leaders without a majority step down; consensus only.
    pub check_quorum: bool,
    /// Who leads by preference.
    pub priority: Priority,
    /// What stops an old leader; timeout only.
    pub fencing: Fencing,
    /// What a node does that has what its leader has not.
    pub rejoin: Rejoin,
    /// Who answers a read, unless the read says otherwise.
    pub read: ReadLevel,
    /// When the log is forced to disk.
    pub fsync: Fsync,
    /// How followers that are behind catch up.
    pub catch_up: CatchUp,
    /// Repeated operations take effect once.
    pub sessions: bool,
    /// How often an idle leader is heard, in milliseconds.
    pub heartbeat_ms: u64,
    /// How long a leader may be silent.
    pub election_timeout: ElectionTimeout,
    /// How long a leader may count on being the only one, in milliseconds since it asked those who answered.
    pub lease_ms: u64,
    /// By how much two clocks may differ in speed, in parts per million.
    pub max_clock_drift_ppm: u64,
    /// The most entries in one append.
    pub max_entries_per_append: usize,
    /// The most appends with entries under way to one follower.
    pub max_inflight: usize,
    /// The most requests that each node takes per second.
    pub service_rate: ServiceRate,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            replication: Replication::Majority,
            ack_point: AckPoint::Durable,
            on_ack_timeout: OnAckTimeout::Wait,
            ack_timeout_ms: 1_000,
            visibility: Visibility::OnAck,
            failover: Failover::Consensus,
            pre_vote: true,
            check_quorum: true,
            priority: Priority::default(),
            fencing: Fencing::None,
            rejoin: Rejoin::Truncate,
            read: ReadLevel::ReadIndex,
            fsync: Fsync::Always,
            catch_up: CatchUp { log_keep: 10_000 },
            sessions: true,
            heartbeat_ms: 50,
            election_timeout: ElectionTimeout { min_ms: 300, max_ms: 600 },
            lease_ms: LEASE_MS,
            max_clock_drift_ppm: MAX_CLOCK_DRIFT_PPM,
            max_entries_per_append: 64,
            max_inflight: 256,
            service_rate: ServiceRate::Off,
        }
    }
}

impl Settings {
    /// Reads settings by name for a cluster of `nodes`; what is not named has its default. `preset` stands for several,
    /// and what is named beside it overrides it.
    ///
    /// # Errors
    /// An unknown name, a value that the setting does not take, or a combination that makes no sense.
    pub fn from_map(map: &BTreeMap<String, String>, nodes: u16) -> Result<Self, SettingsError> {
        let settings = Self::parse(map)?;
        settings.check(nodes).map_err(|error| match map.get("preset").and_then(|name| presets::preset(name)) {
            Some(preset) => SettingsError::conflict(format!("{error} ({})", preset.explanation())),
            None => error,
        })?;
        Ok(settings)
    }

    /// Reads settings by name without asking whether they make sense together.
    ///
    /// # Errors
    /// An unknown name, or a value that the setting does not take.
    pub fn parse(map: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let preset = match map.get("preset") {
            None => &[],
            Some(name) => presets::preset(name).ok_or_else(|| SettingsError::invalid("preset", name))?.settings,
        };
        let mut given: BTreeMap<&str, &str> = preset.iter().copied().collect();
        given.extend(
            map.iter().map(|(name, value)| (name.as_str(), value.as_str())).filter(|(name, _)| *name != "preset"),
        );

        let mut settings = Self::default();
        settings.failover = given.get("failover").map_or(Ok(settings.failover), |value| value.parse())?;
        let consensus = settings.failover == Failover::Consensus;
        settings.read = ReadLevel::default_for(settings.failover);
        (settings.pre_vote, settings.check_quorum) = (consensus, consensus);
        for (name, value) in &given {
            settings.set(name, value)?;
        }
        if given.contains_key("lease") {
            return Ok(settings);
        }
        let (heartbeat_ms, election_timeout) = (settings.heartbeat_ms, settings.election_timeout);
        Ok(settings.with_timers(heartbeat_ms, election_timeout))
    }

    /// The same with other timers; a lease that would outlast them is made as short as they need it.
    #[must_use]
    pub fn with_timers(self, heartbeat_ms: u64, election_timeout: ElectionTimeout) -> Self {
        let settings = Self { heartbeat_ms, election_timeout, ..self };
        Self { lease_ms: settings.lease_ms.min(settings.lease_ms_max()), ..settings }
    }

    /// Sets one by name.
    fn set(&mut self, name: &str, value: &str) -> Result<(), SettingsError> {
        match name {
            "replication" => self.replication = value.parse()?,
            "ack-point" => self.ack_point = value.parse()?,
            "on-ack-timeout" => self.on_ack_timeout = value.parse()?,
            "ack-timeout" => self.ack_timeout_ms = good("ack-timeout", value, parse_ms)?,
            "visibility" => self.visibility = value.parse()?,
            "failover" => self.failover = value.parse()?,
            "pre-vote" => self.pre_vote = good("pre-vote", value, parse_switch)?,
            "check-quorum" => self.check_quorum = good("check-quorum", value, parse_switch)?,
            "priority" => self.priority = value.parse()?,
            "fencing" => self.fencing = value.parse()?,
            "rejoin" => self.rejoin = value.parse()?,
            "read" => self.read = value.parse()?,
            "fsync" => self.fsync = value.parse()?,
            "catch-up" => self.catch_up = value.parse()?,
            "sessions" => self.sessions = good("sessions", value, parse_switch)?,
            "heartbeat" => self.heartbeat_ms = good("heartbeat", value, parse_ms)?,
            "election-timeout" => self.election_timeout = value.parse()?,
            "lease" => self.lease_ms = good("lease", value, parse_ms)?,
            "max-clock-drift" => {
                self.max_clock_drift_ppm = good("max-clock-drift", value, |text| parse_within(text, 0, 100_000))?;
            }
            "max-entries-per-append" => {
                let entries = good("max-entries-per-append", value, |text| parse_within(text, 1, 65_536))?;
                self.max_entries_per_append = entries as usize;
            }
            "max-inflight" => {
                let appends = good("max-inflight", value, |text| parse_within(text, 1, 4_096))?;
                self.max_inflight = appends as usize;
            }
            "service-rate" => self.service_rate = value.parse()?,
            _ => return Err(SettingsError::unknown(name)),
        }
        Ok(())
    }

    /// Every setting by name, defaults filled in and a preset expanded; [`Settings::from_map`] reads it back.
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let pairs = [
            ("replication", self.replication.to_string()),
            ("ack-point", self.ack_point.to_string()),
            ("on-ack-timeout", self.on_ack_timeout.to_string()),
            ("ack-timeout", self.ack_timeout_ms.to_string()),
            ("visibility", self.visibility.to_string()),
            ("failover", self.failover.to_string()),
            ("pre-vote", switch(self.pre_vote).to_owned()),
            ("check-quorum", switch(self.check_quorum).to_owned()),
            ("priority", self.priority.to_string()),
            ("fencing", self.fencing.to_string()),
            ("rejoin", self.rejoin.to_string()),
            ("read", self.read.to_string()),
            ("fsync", self.fsync.to_string()),
            ("catch-up", self.catch_up.to_string()),
            ("sessions", switch(self.sessions).to_owned()),
            ("heartbeat", self.heartbeat_ms.to_string()),
            ("election-timeout", self.election_timeout.to_string()),
            ("lease", self.lease_ms.to_string()),
            ("max-clock-drift", self.max_clock_drift_ppm.to_string()),
            ("max-entries-per-append", self.max_entries_per_append.to_string()),
            ("max-inflight", self.max_inflight.to_string()),
            ("service-rate", self.service_rate.to_string()),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

/// Reads a value that has no type of its own.
fn good<T>(name: &'static str, text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, SettingsError> {
    parse(text).ok_or_else(|| SettingsError::invalid(name, text))
}
