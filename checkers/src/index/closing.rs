//! Finds the read that closes the history of one key: it decides what is lost.

use crate::history::{History, KeyId, Operation, Phase};
use crate::witness::counted;

/// The read that shows a key's last state, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClosingRead {
    /// Place of the read in the list that was given.
    Read(usize),
    /// The run has no closing reads at all, or they mean nothing; the reason holds for every key.
    NoneInRun(String),
    /// This key has none.
    NoneOfKey,
}

/// The closing read of a key among its reads that ended ok and are not marked `final`, in order of invocation, each with
/// its place.
///
/// With phases it is the last read invoked in the phase `final`. Without, it is the last read whose level promises recency
/// and that was invoked after every acknowledged write had completed.
pub(super) fn closing_read<'h>(
    history: &History,
    reads: impl DoubleEndedIterator<Item = (usize, Operation<'h>)>,
    last_acknowledged_ns: Option<u64>,
) -> ClosingRead {
    let timeline = history.timeline();
    if timeline.converged == Some(false) {
        return ClosingRead::NoneInRun(
            "the cluster did not converge, so no closing read shows its last state".to_owned(),
        );
    }
    let mut latest_first = reads.rev();
    let found = match timeline.phase(Phase::Final) {
        Some(start) => {
            let end = timeline.phase(Phase::End).map_or(u64::MAX, |end| end.index);
            latest_first.find(|(_, read)| (start.index..end).contains(&read.invoked_index()))
        }
        None if !timeline.phases.is_empty() => {
            return ClosingRead::NoneInRun("the history ends before the closing reads".to_owned());
        }
        None => latest_first.find(|(_, read)| {
            read.promises_recency() && last_acknowledged_ns.is_none_or(|acknowledged| acknowledged < read.invoked_ns())
        }),
    };
    found.map_or(ClosingRead::NoneOfKey, |(place, _)| ClosingRead::Read(place))
}

/// The sentence for keys without a closing read.
pub(crate) fn missing_closing_reads(history: &History, keys: &[KeyId]) -> String {
    const NAMED_MAX: usize = 5;
    let names: Vec<String> = keys.iter().take(NAMED_MAX).map(|key| history.key_name(*key)).collect();
    let more = if keys.len() > NAMED_MAX { ", …" } else { "" };
    format!(
        "lost is unknown: no closing read of {} ended ok ({}{more})",
        counted(keys.len() as u64, "key"),
        names.join(", ")
    )
}
