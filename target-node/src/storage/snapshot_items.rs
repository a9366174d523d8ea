//! The core's snapshot in the items of a file: its members first, then its state piece by piece.

use super::store::Assemble;
use crate::core::{Claim, Item, Position, Snapshot, State};

/// The items of a snapshot, encoded one by one.
pub(super) fn items(snapshot: &Snapshot) -> impl Iterator<Item = Vec<u8>> + '_ {
    let members = postcard::to_stdvec(&snapshot.members).expect("members are encoded into memory");
    let state = snapshot.state.items();
    std::iter::once(members)
        .chain(state.map(|item| postcard::to_stdvec(&item).expect("a piece of the state is encoded into memory")))
}

impl Assemble for Snapshot {
    fn begin(position: Position, claim: Claim, first: &[u8]) -> Result<Self, String> {
        let members = postcard::from_bytes(first).map_err(|error| format!("its members do not decode ({error})"))?;
        Ok(Self { position, claim, members, state: State::empty_at(position) })
    }

    fn take(&mut self, item: &[u8]) -> Result<(), String> {
        let item: Item = postcard::from_bytes(item).map_err(|error| format!("an item does not decode ({error})"))?;
        self.state.take_in(item);
        Ok(())
    }
}
