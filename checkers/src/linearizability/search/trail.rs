//! Which calls were placed on the way to each configuration, without a copy of the way for each.
//!
//! Ways are lists that share their beginnings: a node names one placement and the node before it. What all live ways share
//! is moved to a plain list, what no live way uses is dropped, so that memory stays in the order of the number of
//! placements of one way.

/// The way on which nothing has been placed since what is common to all.
pub(super) const START: u32 = u32::MAX;

/// One placement: the call, and the completion that was next when it was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) call: u32,
    pub(super) rank: u32,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    before: u32,
    placement: Placement,
}

/// All ways.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// What all ways have in common.
    common: Vec<Placement>,
    /// A step comes after the one before it.
    steps: Vec<Step>,
    live_steps: usize,
}

/// Below so many steps nothing is dropped.
const STEPS_MIN: usize = 4096;

impl Trail {
    pub(super) fn push(&mut self, before: u32, placement: Placement) -> u32 {
        self.steps.push(Step { before, placement });
        (self.steps.len() - 1) as u32
    }

    pub(super) fn bytes(&self) -> usize {
        self.steps.capacity() * size_of::<Step>() + self.common.capacity() * size_of::<Placement>()
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Drops the steps added last.
    pub(super) fn truncate(&mut self, len: usize) {
        self.steps.truncate(len);
    }

    /// The placements of one way.
    pub(super) fn way(&self, end: u32) -> Vec<Placement> {
        let mut way = Vec::new();
        let mut at = end;
        while at != START {
            let step = self.steps[at as usize];
            way.push(step.placement);
            at = step.before;
        }
        way.extend(self.common.iter().rev());
        way.reverse();
        way
    }

    /// Whether most of it may be of no use.
    pub(super) fn is_crowded(&self) -> bool {
        self.steps.len() > STEPS_MIN.max(2 * self.live_steps)
    }

    /// Keeps what the given ways need, and changes their ends to what they are called now.
    pub(super) fn tidy(&mut self, ends: &mut [&mut u32]) {
        let mut is_live = vec![false; self.steps.len()];
        for end in ends.iter() {
            let mut at = **end;
            while at != START && !std::mem::replace(&mut is_live[at as usize], true) {
                at = self.steps[at as usize].before;
            }
        }
        let last_common = self.last_common(&is_live, ends);
        let mut common = Vec::new();
        let mut at = last_common;
        while at != START {
            common.push(self.steps[at as usize].placement);
            is_live[at as usize] = false;
            at = self.steps[at as usize].before;
        }
        self.common.extend(common.iter().rev());
        let mut renamed = vec![START; self.steps.len()];
        let mut kept = Vec::new();
        for (place, step) in self.steps.iter().enumerate().filter(|(place, _)| is_live[*place]) {
            renamed[place] = kept.len() as u32;
            let before = if step.before == START { START } else { renamed[step.before as usize] };
            kept.push(Step { before, ..*step });
        }
        for end in ends.iter_mut().filter(|end| ***end != START) {
            **end = renamed[**end as usize];
        }
        self.live_steps = kept.len();
        self.steps = kept;
    }

    /// The last step through which every way goes.
    fn last_common(&self, is_live: &[bool], ends: &[&mut u32]) -> u32 {
        let mut followers = vec![(0_u32, START); self.steps.len() + 1];
        let slot = |at: u32| if at == START { self.steps.len() } else { at as usize };
        for (place, step) in self.steps.iter().enumerate().filter(|(place, _)| is_live[*place]) {
            let follower = &mut followers[slot(step.before)];
            *follower = (follower.0 + 1, place as u32);
        }
        let mut is_end = vec![false; self.steps.len() + 1];
        ends.iter().for_each(|end| is_end[slot(**end)] = true);
        let mut at = START;
        while let (1, next) = followers[slot(at)]
            && !is_end[slot(at)]
        {
            at = next;
        }
        at
    }
}
