//! One machine: a core that can be stopped, a disk, and the file of events, which survives like the disk.

use crate::{
    core::{Core, Input, Ledger, Members, NodeId, ProtocolEvent, Restored},
    settings::Settings,
};

use super::{clock::Clock, disk::Disk, plan::ClockProfile};

/// A node and what surrounds it.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) id: NodeId,
    /// None while it is down.
    pub(super) core: Option<Core>,
    /// How often it has started.
    pub(super) incarnation: u64,
    pub(super) disk: Disk,
    pub(super) clock: Clock,
    /// Everything that its incarnations have reported.
    pub(super) events: Vec<ProtocolEvent>,
    /// The events, read back from the first to the last.
    pub(super) ledger: Ledger,
    /// What waits while it is paused.
    pub(super) paused: Option<Vec<Input>>,
    /// Since when its clock stands still.
    pub(super) suspended_us: Option<u64>,
    /// When the next tick is queued for.
    pub(super) tick_queued_us: u64,
    /// How many effects of the next step are performed before it crashes.
    pub(super) crash_after_effects: Option<usize>,
}

impl Machine {
    pub(super) fn new(id: NodeId, settings: &Settings, clock: ClockProfile) -> Self {
        Self {
            id,
            core: None,
            incarnation: 0,
            disk: Disk::new(settings.fsync, settings.catch_up.log_keep),
            clock: Clock::new(clock.offset_us, clock.drift_ppm),
            events: Vec::new(),
            ledger: Ledger::default(),
            paused: None,
            suspended_us: None,
            tick_queued_us: u64::MAX,
            crash_after_effects: None,
        }
    }

    pub(super) fn record(&mut self, event: ProtocolEvent) {
        self.ledger.record(&event);
        self.events.push(event);
    }

    pub(super) fn start(&mut self, founders: u16, settings: Settings, seed: u64, now_us: u64) {
        self.incarnation += 1;
        let (hard_state, snapshot, entries) = self.disk.recover();
        let (ledger, incarnation) = (self.ledger.clone(), self.incarnation);
        let restored = Restored { hard_state, snapshot, entries, ledger, incarnation };
        let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.incarnation;
        let joins = self.id.0 > founders;
        let members = if joins { Members::default() } else { Members::first(founders) };
        let now_us = self.clock.at(now_us);
        self.core = Some(Core::new(self.id, members, settings, restored, seed, now_us));
        self.tick_queued_us = u64::MAX;
    }

    /// Forgets everything but disk and events; the caller has told the disk.
    pub(super) fn stop(&mut self) {
        self.core = None;
        self.paused = None;
        self.suspended_us = None;
        self.crash_after_effects = None;
    }
}
