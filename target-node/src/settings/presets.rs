//! Settings that are known under one name.

/// A name, and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// The name.
    pub name: &'static str,
    /// The settings that differ from the defaults.
    pub settings: &'static [(&'static str, &'static str)],
    /// What it shows, in one line.
    pub summary: &'static str,
}

/// Every preset.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "lecture-async",
        settings: &[("replication", "async"), ("failover", "timeout"), ("read", "leader")],
        summary: "acknowledged by the leader alone, failover by silence: writes are lost, two leaders are possible",
    },
    Preset {
        name: "lecture-sync",
        settings: &[("replication", "sync"), ("failover", "manual"), ("read", "leader")],
        summary: "acknowledged by every node, an operator decides: nothing is lost, one slow node stops all writes",
    },
    Preset {
        name: "semi-sync",
        settings: &[("replication", "semi-sync:1"), ("on-ack-timeout", "degrade")],
        summary: "one follower is waited for, and not for ever: silently asynchronous when followers are slow",
    },
    Preset {
        name: "sentinel",
        settings: &[("replication", "async"), ("failover", "timeout"), ("fencing", "epoch"), ("rejoin", "resync")],
        summary: "like lecture-async with epochs: an old leader is refused, and throws away its own log",
    },
    Preset { name: "raft", settings: &[], summary: "the defaults: majorities on disk, elections, linearizable reads" },
    Preset {
        name: "raft-lease",
        settings: &[("read", "lease")],
        summary: "reads without a round, as long as clocks keep their speed",
    },
    Preset {
        name: "raft-nofsync",
        settings: &[("fsync", "never")],
        summary: "majorities in memory: a power loss of several nodes loses writes",
    },
];

/// The preset of this name.
pub(super) fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

impl Preset {
    /// What it sets, for one who did not set it by hand.
    pub(super) fn explanation(&self) -> String {
        let settings: Vec<String> = self.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        match settings.as_slice() {
            [] => format!("preset={} is the defaults", self.name),
            _ => format!("preset={} sets {}", self.name, settings.join(" ")),
        }
    }
}
