//! Numbers the values of one key from 0, in order of first mention.

use rustc_hash::FxHashMap;

use super::span::NONE;
use crate::history::ValueId;

/// Numbers given so far. Values whose bits lie close together, as those of counters do, are looked up in a list; the others
/// in a table. One instance serves key after key.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// By bits less `base`: the number.
    list: Vec<u32>,
    base: u32,
    table: FxHashMap<u32, u32>,
    count: u32,
}

impl Numbering {
    /// Forgets everything, and prepares for about `count` values, such as these. Values are given by their bits.
    pub(super) fn restart(&mut self, count: usize, values: impl Iterator<Item = u32>) {
        /// A list may be so many times as long as there are values.
        const SPARSE_MAX: usize = 4;
        self.table.clear();
        self.list.clear();
        self.count = 0;
        // Null stands apart from all others.
        let bits = values.filter(|bits| *bits != ValueId::NULL.bits());
        let ends = bits.fold(None, |ends: Option<(u32, u32)>, bits| {
            Some(ends.map_or((bits, bits), |(least, most)| (least.min(bits), most.max(bits))))
        });
        if let Some((least, most)) = ends {
            let length = (most - least) as usize + 1;
            if length <= SPARSE_MAX * count {
                self.base = least;
                self.list.resize(length, NONE);
            }
        }
    }

    /// The number of a value, and whether it is new.
    pub(super) fn number(&mut self, bits: u32) -> (u32, bool) {
        let next = self.count;
        let slot = match self.list.get_mut(bits.wrapping_sub(self.base) as usize) {
            Some(slot) => slot,
            None => self.table.entry(bits).or_insert(NONE),
        };
        let is_new = *slot == NONE;
        if is_new {
            *slot = next;
            self.count += 1;
        }
        (*slot, is_new)
    }
}
