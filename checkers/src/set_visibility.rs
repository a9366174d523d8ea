//! When elements of sets became visible for good, and how long lost ones were there: the latencies of Jepsen's `set-full`.
//!
//! An element is *known* from when its add was acknowledged, or a read that returned it was over, whichever came first. The reads
//! of a key that ended ok, at every level, are taken in order of invocation, up to the closing read where there is one. With p
//! the last of them that returned the element and a the last that did not:
//!
//! - *stable*: the last read of all returned it. It took, from when it was known, up to the invocation of a at least, to stay
//!   visible; it is *stale* if that is after it was known.
//! - *lost*: acknowledged before the closing read was invoked, which does not return it. It was there, from when it was known, up to the invocation of
//!   p at least; for no time at all if there is no p.
//! - *never read*: acknowledged, not lost, and no p.
//! - Elements that were returned, and not by the last read, are none of these where they are not lost.
//!
//! Elements that nobody added count for nothing. Finding a for every element takes one pass over the reads from the last to the
//! first, which counts for how many reads an element has been returned without a gap: O(total size of the reads).

use crate::analysis::{Quantiles, SetElements, StaleElement};
use crate::history::{History, KeyId, ValueId};
use crate::index::{NONE, SetKey, Span};
use crate::latency::quantile_ms;
use crate::witness::short;

/// An element that a read did not return though it was known.
struct Stale {
    latency_ns: u64,
    key: KeyId,
    element: ValueId,
}

/// What is known of all keys so far.
#[derive(Default)]
pub(crate) struct Visibility {
    /// Whether any element that was added was acknowledged or returned.
    pub(crate) is_any_known: bool,
    never_read: u64,
    /// Nanoseconds, one for each stable element.
    stable_ns: Vec<u64>,
    lost_ns: Vec<u64>,
    stale: Vec<Stale>,
    has_reads: bool,
}

impl Visibility {
    /// Adds a key, with the place of its closing read and, by element, the read other than that one which returned it first.
    pub(crate) fn add_key(&mut self, history: &History, key: &SetKey, closing: Option<usize>, first_sights: &[Span]) {
        let reads = &key.reads[..closing.map_or(key.reads.len(), |place| place + 1)];
        self.has_reads |= !reads.is_empty();
        let without_gap = without_gap(key, closing);
        let last_sights = last_sights(key, closing);
        let closing_span = closing.map(|place| key.reads[place].span);
        for (number, element) in key.elements.iter().enumerate() {
            if element.possible == NONE {
                continue;
            }
            let run = without_gap[number];
            let acknowledged_ns = element.acknowledged(history).and_then(|add| add.completed_ns());
            let first_seen_ns = Some(first_sights[number].completed).filter(|_| !first_sights[number].is_absent());
            let seen_at_end_ns = closing_span.filter(|_| run > 0).map(|span| span.completed);
            let known_ns = [acknowledged_ns, first_seen_ns, seen_at_end_ns].into_iter().flatten().min();
            let Some(known_ns) = known_ns else { continue };
            self.is_any_known = true;
            if run > 0 {
                let last_without = reads.len().checked_sub(run + 1).map(|place| reads[place].span.invoked);
                let latency_ns = last_without.map_or(0, |invoked| invoked.saturating_sub(known_ns));
                self.stable_ns.push(latency_ns);
                if latency_ns > 0 {
                    self.stale.push(Stale { latency_ns, key: key.key, element: element.value });
                }
            } else if closing_span.is_some_and(|span| acknowledged_ns.is_some_and(|known| known < span.invoked)) {
                self.lost_ns.push(last_sights[number].map_or(0, |invoked| invoked.saturating_sub(known_ns)));
            } else if first_seen_ns.is_none() {
                self.never_read += 1;
            }
        }
    }

    /// The figures; `None` where nothing was read.
    pub(crate) fn measure(mut self, history: &History) -> Option<SetElements> {
        const WORST_MAX: usize = 8;
        if !self.has_reads {
            return None;
        }
        // Stable, so that of equal latencies the elements added first come first.
        self.stale.sort_by_key(|stale| std::cmp::Reverse(stale.latency_ns));
        let told = |stale: &Stale| StaleElement {
            key: history.key_name(stale.key),
            element: short(history, stale.element),
            latency_ms: stale.latency_ns as f64 / 1e6,
        };
        Some(SetElements {
            stable: self.stable_ns.len() as u64,
            stale: self.stale.len() as u64,
            never_read: self.never_read,
            stable_latency_ms: quantiles(self.stable_ns).filter(|_| history.has_clock()),
            lost_latency_ms: quantiles(self.lost_ns).filter(|_| history.has_clock()),
            worst_stale: self.stale.iter().take(WORST_MAX).filter(|_| history.has_clock()).map(told).collect(),
        })
    }
}

fn quantiles(mut latencies_ns: Vec<u64>) -> Option<Quantiles> {
    latencies_ns.sort_unstable();
    let of = |share: f64| quantile_ms(&latencies_ns, share);
    Some(Quantiles { min: of(0.0)?, p50: of(0.5)?, p95: of(0.95)?, p99: of(0.99)?, max: of(1.0)? })
}

/// By element: how many reads, counted from the last, returned it without a gap.
fn without_gap(key: &SetKey, closing: Option<usize>) -> Vec<usize> {
    let reads = &key.reads[..closing.map_or(key.reads.len(), |place| place + 1)];
    let mut run = vec![0; key.elements.len()];
    let mut later = 0;
    // Neighbours that returned the same are one step.
    for same in reads.chunk_by(|one, other| one.content == other.content).rev() {
        for element in key.content(same[0].content) {
            let run = &mut run[*element as usize];
            if *run == later {
                *run = later + same.len();
            }
        }
        later += same.len();
    }
    run
}

/// By element: when the last read that returned it was invoked.
fn last_sights(key: &SetKey, closing: Option<usize>) -> Vec<Option<u64>> {
    let mut last_reads = vec![None; key.content_count()];
    for read in &key.reads[..closing.map_or(key.reads.len(), |place| place + 1)] {
        // In order of invocation, so the last one stays.
        last_reads[read.content as usize] = Some(read.span.invoked);
    }
    let mut last = vec![None; key.elements.len()];
    for (content, read) in last_reads.into_iter().enumerate() {
        for element in key.content(content as u32) {
            last[*element as usize] = last[*element as usize].max(read);
        }
    }
    last
}

#[cfg(test)]
#[path = "set_visibility_test.rs"]
mod tests;
