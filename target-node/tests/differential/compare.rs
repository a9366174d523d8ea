//! What is compared of two nodes.

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Follower,
    /// In a trial or in an election.
    Candidate,
    Leader,
}

/// What a node shows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) part: Part,
    pub(crate) term: u64,
    pub(crate) leader: Option<u16>,
    pub(crate) vote: Option<u16>,
    /// The terms of the entries.
    pub(crate) log: Vec<u64>,
    pub(crate) committed: u64,
}

impl View {
    /// Says how the core's node differs from raft-rs's where they are not meant to differ.
    ///
    /// Two differences are meant:
    /// - A candidate that a majority has refused waits for its next timeout here and becomes a follower there.
    /// - A node may learn sooner or later how far the log is committed: the position is not on disk here, candidates and
    ///   voters tell each other there, and heartbeats say more here. A leader that has committed something of its own term
    ///   knows the same in both; what nobody has committed in one cluster nobody has in the other (`lockstep.rs`).
    pub(crate) fn difference(&self, theirs: &View) -> Option<String> {
        let has_lost = self.part == Part::Candidate && theirs.part == Part::Follower && theirs.leader.is_none();
        let same_part = self.part == theirs.part || has_lost;
        let same_rest = (self.term, self.leader, self.vote) == (theirs.term, theirs.leader, theirs.vote);
        let commits_own_term = |view: &View| {
            let at = view.committed.checked_sub(1).and_then(|index| view.log.get(index as usize));
            view.part == Part::Leader && at == Some(&view.term)
        };
        let knows_all = commits_own_term(self) || commits_own_term(theirs);
        let same_commit = !knows_all || self.committed == theirs.committed;
        let is_same = same_part && same_rest && self.log == theirs.log && same_commit;
        (!is_same).then(|| format!("the core has {self:?}\nraft-rs has  {theirs:?}"))
    }
}
