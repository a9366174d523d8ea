//! Directories of the nodes, as the harness sees them and as the nodes do.
//!
//! ```text
//! RUN/nodes/n1/stdout.log, stderr.log   written through descriptors of the harness
//! RUN/nodes/n1/data                     owned by the node's account
//! /run/schism/n1/data                   the same directory, bind-mounted inside the jail: a node's command line and its
//!                                       data files do not depend on where the run's directory is
//! ```

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

use super::account::Account;
use super::os::Doing;
use super::{EnvironmentError, NodeId};

/// Where nodes see their directories inside the jail.
const FIXED: &str = "/run/schism";

/// How much of a log's end is read for an error message.
const TAIL_BYTES: u64 = 64 * 1024;

/// Where everything is.
#[derive(Debug, Clone)]
pub(super) struct Directories {
    run: PathBuf,
    bind_mounted: bool,
}

impl Directories {
    /// Makes the directories; inside a jail also the mounts.
    pub(super) fn create(
        run: &Path,
        nodes: u16,
        account: Option<Account>,
        bind_mounted: bool,
    ) -> Result<Self, EnvironmentError> {
        fs::create_dir_all(run).doing(format!("make the directory {}", run.display()))?;
        let run = run.canonicalize().doing(format!("find the directory {}", run.display()))?;
        let directories = Self { run, bind_mounted };
        for node in NodeId::all(nodes) {
            directories.create_for(node, account)?;
        }
        Ok(directories)
    }

    fn create_for(&self, node: NodeId, account: Option<Account>) -> Result<(), EnvironmentError> {
        let data = self.data(node);
        fs::create_dir_all(&data).doing(format!("make the directory {}", data.display()))?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).doing(format!("protect {}", data.display()))?;
        if let Some(account) = account {
            nix::unistd::chown(&data, Some(account.user), Some(account.group))
                .doing(format!("give {} to the account of the nodes", data.display()))?;
        }
        if self.bind_mounted {
            let seen = self.data_as_seen(node);
            fs::create_dir_all(&seen).doing(format!("make the mount point {}", seen.display()))?;
            mount(Some(&data), &seen, None::<&str>, MsFlags::MS_BIND, None::<&str>).doing(format!(
                "mount {} on {}",
                data.display(),
                seen.display()
            ))?;
        }
        Ok(())
    }

    fn of(&self, node: NodeId) -> PathBuf {
        self.run.join("nodes").join(node.to_string())
    }

    fn data(&self, node: NodeId) -> PathBuf {
        self.of(node).join("data")
    }

    /// The data directory as the node sees it.
    pub(super) fn data_as_seen(&self, node: NodeId) -> PathBuf {
        if self.bind_mounted { Path::new(FIXED).join(node.to_string()).join("data") } else { self.data(node) }
    }

    /// Where standard output goes.
    pub(super) fn stdout(&self, node: NodeId) -> PathBuf {
        self.of(node).join("stdout.log")
    }

    /// Where standard error goes.
    pub(super) fn stderr(&self, node: NodeId) -> PathBuf {
        self.of(node).join("stderr.log")
    }

    /// The last lines of both logs, standard error last.
    pub(super) fn log_tail(&self, node: NodeId, lines: usize) -> String {
        let tails = [self.stdout(node), self.stderr(node)].map(|path| tail(&path, lines));
        tails.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

fn tail(path: &Path, lines: usize) -> String {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        file.read_to_end(&mut bytes)
    });
    if read.is_err() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_holds_the_last_lines_of_both_logs() {
        let run = tempfile::tempdir().unwrap();
        let directories = Directories::create(run.path(), 1, None, false).unwrap();
        fs::write(directories.stdout(NodeId(1)), "one\ntwo\nthree\n").unwrap();
        fs::write(directories.stderr(NodeId(1)), "bad\n").unwrap();
        assert_eq!(directories.log_tail(NodeId(1), 2), "two\nthree\nbad");
    }
}
