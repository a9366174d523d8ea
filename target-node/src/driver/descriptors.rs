//! File descriptors: as many as the operating system lets a process have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// Connections of clients that a node takes at most.
const CONNECTIONS_MAX: u64 = 16_384;

/// Descriptors for everything else: files, peers, connections that are being refused.
const RESERVED: u64 = 256;

/// Raises the soft limit to the hard one, and says how many connections of clients fit into it.
pub(super) fn connections_max() -> usize {
    let fitting = |limit: u64| limit.saturating_sub(RESERVED).clamp(16, CONNECTIONS_MAX) as usize;
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            warn!(%error, "the limit of open files is not known");
            return fitting(1_024);
        }
    };
    let wanted = hard.min(CONNECTIONS_MAX + RESERVED).max(soft);
    match setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) {
        Ok(()) => fitting(wanted),
        Err(error) => {
            warn!(%error, soft, "the limit of open files stays");
            fitting(soft)
        }
    }
}
