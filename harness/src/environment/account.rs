//! Under which account nodes run: the user's own, or `nobody` when the harness is root.

use nix::unistd::{Gid, Uid, User, geteuid};

/// The numbers that `nobody` has where no account of that name exists.
const NOBODY: u32 = 65534;

/// An unprivileged account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    /// User id.
    pub(super) user: Uid,
    /// Group id.
    pub(super) group: Gid,
}

impl Account {
    /// The account to change to before a node executes; `None` for an ordinary user, whose nodes run as that user.
    pub(super) fn for_nodes() -> Option<Self> {
        if !geteuid().is_root() {
            return None;
        }
        let nobody = User::from_name("nobody").ok().flatten();
        Some(nobody.map_or(Self { user: Uid::from_raw(NOBODY), group: Gid::from_raw(NOBODY) }, |user| Self {
            user: user.uid,
            group: user.gid,
        }))
    }

    /// Gives up root for good. Called between fork and exec: no allocation.
    pub(super) fn assume(self) -> nix::Result<()> {
        nix::unistd::setgroups(&[])?;
        nix::unistd::setgid(self.group)?;
        nix::unistd::setuid(self.user)
    }
}
