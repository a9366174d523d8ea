//! What the search leaves out, and why nothing is lost by it.
//!
//! # The plain search
//! An order explains a history iff every decided call is in it, undecided ones are in it or not, each action is possible
//! where it stands, and no call stands before one that was over when it began. Lowe's normal form: every call stands as
//! late as it can, that is, calls are placed only when a completion is next, the last of those placed then being the call
//! that completes. (Whatever stands behind that call can as well be placed at a later completion, for all calls open now
//! that are not completed stay open, and no call is invoked between a completion and itself.) So the search goes from
//! completion to completion; a configuration is the state and which open calls were *used*, that is, placed. Two notions
//! carry the reductions:
//! - A decided open call is *needed* while it must still be placed. A used one is not needed; nor is one for which a place
//!   is known where it changes nothing. It stays open, so it may still be used, in which case that place is given up.
//! - Configuration C is *as good as* D if from C, at the same completion, whatever can follow D can follow C.
//!
//! # Unchanging calls
//! A needed call that is possible in the present state and changes nothing is needed no more: here is such a place. Nothing
//! comes between it and the present, so it respects times: it was invoked, and is not completed. This covers reads, which
//! are never tried.
//!
//! # Identical calls
//! Of open calls with equal actions, among which all those needed and all those not needed, only the one is tried that
//! completes first (an undecided one never does). Let `a` complete before `b`, both needed or both not, or `a` needed. In
//! an order that uses `b` now, put `a` in its place. If it has `a` later, put `b` there, which is still open; else `b` is
//! left, which is not needed if `b` was not, and else `a` was needed, so it has `a` later. If `b` is needed and `a` is not,
//! both are tried.
//!
//! # Hiding
//! Calls that are possible always (updates and overwrites) may stand directly before an overwrite, which leaves the same
//! state as without them. So when an overwrite is placed, all open ones are needed no more, and:
//! 1. A call that is possible always is not placed directly before an overwrite unless the state between them is of use:
//!    unless some open call changes nothing there. Without it the overwrite leads to the same state, and the call is needed
//!    no more and not used, which is as good.
//! 2. For the same reason an overwrite may be of use although it changes nothing, if some needed call can hide before it. It
//!    is then placed like any other.
//! 3. When a call completes that is possible always, it is placed last rather than hidden before an overwrite `b` that is
//!    placed now. Let D be what `b` leads to. Place the call, and `b` not yet: what is needed is no more, for an update is
//!    gone, and an overwrite hides what `b` hides; and `b` may follow as soon as D does something for which the state
//!    matters, or when `b` completes.
//! 4. A call that is not needed may be placed when it completes: this is its last chance.
//!
//! # Commuting calls
//! The last call placed before the completing one, if the state between them was of no use, is left out if both orders lead
//! to the same state: it can be placed later, at the next completion at the earliest. (It is still open.)
//!
//! # Dominance
//! C is as good as D if both are in the same state, C has used nothing that D has not, and nothing is needed in C that is
//! not needed in D: whoever continues D continues C by the same calls, leaving out what D had to place. Undecided calls
//! that were used for nothing are given back in this way.
//!
//! *What can come later need not come now.* C is also as good as D if by calls that D has used and C has not, C can come to
//! the state of D with no more needed. Let C wait: as long as D only lets calls complete that are not needed in C either, C
//! does the same; as soon as one is needed in C, or D places a call, C places the calls in question first, which are open
//! as long as D's completions do not include one of them, and when one of them completes it can be placed at last. As C
//! has used strictly less than D, no two configurations rule each other out.
//!
//! *Standing in.* If wherever `a` is possible an undecided `w` is possible too and leaves the same state, then a
//! configuration that has `w` left where another has `a` left can use `w` wherever the other uses `a`. So such a pair is
//! pardoned in the comparison of what was used, if `a` too is undecided. For the same reason `w` is not tried where `a` is
//! open and leads to the same state, and nothing could hide before `w`: in an order with `w` now, `a` can stand here, and
//! `w` where `a` would have stood, if anywhere.
//!
//! # Usefulness
//! A model may know of a state that no pure or conditional action will be possible in it any more, nor in any that updates
//! lead to from it (see [`crate::model::Outlook`]). From such a state only overwrites and updates can be placed until the
//! next overwrite, and those always can: all such states are alike, and taken for one, in which updates and overwrites to
//! such states change nothing. Values that nobody reads any more are such states. A configuration in any state is as good
//! as one in the spent state that has used at least as much and of which as much is needed, calls that are possible always
//! not counted: these can be placed when they complete. An undecided overwrite that leaves a spent state is dropped. An
//! undecided conditional call that leaves a spent state need not be placed, by the same argument.
//!
//! # Zones
//! A model may know that in every linearization of the whole history the state is a certain one throughout a stretch of it.
//! Other configurations are dropped there. As this knows the future, the search is repeated without it where there is no
//! linearization, to find the first completion that is not explained.

/// Which reductions are made. All are; tests leave some out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reductions {
    pub(super) unchanging: bool,
    pub(super) identical: bool,
    pub(super) hiding: bool,
    pub(super) commuting: bool,
    pub(super) dominance: bool,
    pub(super) standing_in: bool,
    pub(super) usefulness: bool,
    pub(super) zones: bool,
}

impl Reductions {
    pub(super) const ALL: Self = Self::every(true);

    const fn every(is_on: bool) -> Self {
        Self {
            unchanging: is_on,
            identical: is_on,
            hiding: is_on,
            commuting: is_on,
            dominance: is_on,
            standing_in: is_on,
            usefulness: is_on,
            zones: is_on,
        }
    }

    #[cfg(test)]
    pub(super) const NONE: Self = Self::every(false);

    /// How many there are.
    #[cfg(test)]
    pub(super) const COUNT: usize = 8;

    /// With one of them on or off.
    #[cfg(test)]
    pub(super) fn with(mut self, number: usize, is_on: bool) -> Self {
        let all = [
            &mut self.unchanging,
            &mut self.identical,
            &mut self.hiding,
            &mut self.commuting,
            &mut self.dominance,
            &mut self.standing_in,
            &mut self.usefulness,
            &mut self.zones,
        ];
        if let Some(reduction) = all.into_iter().nth(number) {
            *reduction = is_on;
        }
        self
    }
}
