//! Where results go unless `--out` says otherwise.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use super::output::warning;
use super::{CliError, Exit};

/// Everything that is not asked for elsewhere lies here.
const RESULTS: &str = "results/runs";

/// With less than this left, a disk is the likelier reason for a failure than whatever failed: nodes reserve as much for
/// their logs.
const FREE_BYTES_MIN: u64 = 2 << 20;

/// A failure in a directory whose disk is full is the disk's: neither the system nor the harness is to blame.
pub(super) fn or_full(directory: &Path, error: CliError) -> CliError {
    let free = statvfs(directory).map_or(u64::MAX, |disk| disk.blocks_available() * disk.fragment_size());
    if error.exit != Exit::Harness || free >= FREE_BYTES_MIN {
        return error;
    }
    let message = format!(
        "the disk under {} is full ({} KiB left): free some space, or give another directory with --out\n{}",
        directory.display(),
        free >> 10,
        error.message
    );
    CliError::new(Exit::Io, message)
}

/// A fresh name within a directory of results: the time, and a prefix.
#[must_use]
pub(super) fn fresh(parent: Option<&str>, prefix: &str) -> PathBuf {
    let time = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S");
    let parent = parent.map_or_else(|| PathBuf::from(RESULTS), |parent| Path::new(RESULTS).join(parent));
    let first = parent.join(format!("{prefix}{time}"));
    // Two may start within one second.
    let others = (2..).map(|number| parent.join(format!("{prefix}{time}-{number}")));
    std::iter::once(first.clone()).chain(others).find(|path| !path.exists()).unwrap_or(first)
}

/// Points `latest` beside a directory at it. Only a convenience: where it fails there is a warning.
pub(super) fn link_latest(directory: &Path) {
    let (Some(parent), Some(name)) = (directory.parent(), directory.file_name()) else { return };
    let link = parent.join("latest");
    if link.symlink_metadata().is_ok_and(|metadata| !metadata.is_symlink()) {
        return;
    }
    let beside = parent.join(format!(".latest-{}", std::process::id()));
    let linked = symlink(name, &beside).and_then(|()| std::fs::rename(&beside, &link));
    if let Err(error) = linked {
        warning(&format!("{} does not point at this run: {error}", link.display()));
    }
}
