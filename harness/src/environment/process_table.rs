//! What `/proc` says about processes: parents, sessions, states, network namespaces.
//!
//! Only reads. A process that ends while it is being read is simply absent.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// A line of the table (`/proc/PID/stat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Process id.
    pub(super) pid: i32,
    /// `R`, `S`, `D`, `T`, `t`, `Z`, ….
    pub(super) state: char,
    /// Parent.
    pub(super) parent: i32,
    /// Session; the pid of the process that called `setsid`.
    pub(super) session: i32,
}

impl Entry {
    /// Ended, but not yet waited for.
    pub(super) fn is_zombie(self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

/// What makes a process part of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Membership {
    /// The process that was started; it leads a session of its own.
    pub(super) leader: i32,
    /// The inode of the node's network namespace: even a process that made its own session cannot leave it without
    /// rights that nodes do not have.
    pub(super) network_namespace: Option<u64>,
}

/// Every process that is visible in this pid namespace.
pub(super) fn entries() -> Vec<Entry> {
    let Ok(directory) = fs::read_dir("/proc") else { return Vec::new() };
    directory
        .filter_map(|entry| {
            let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
        })
        .collect()
}

/// Fields of a `stat` line; the name in parentheses may hold spaces and parentheses itself.
fn parse_stat(line: &str) -> Option<Entry> {
    let pid = line.split_once(' ')?.0.parse().ok()?;
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    Some(Entry { pid, state, parent, session })
}

/// Whether a process exists and has not ended.
pub(super) fn is_living(pid: i32) -> bool {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    line.and_then(|line| parse_stat(&line)).is_some_and(|entry| !entry.is_zombie())
}

/// The processes below `ancestor` that are not zombies.
pub(super) fn descendants(ancestor: i32) -> Vec<i32> {
    let entries = entries();
    let family = with_descendants(&entries, BTreeSet::from([ancestor]));
    living(&entries, &family).filter(|pid| *pid != ancestor).collect()
}

/// The processes of a node that are not zombies.
pub(super) fn members(membership: Membership) -> Vec<i32> {
    let entries = entries();
    let harness = i32::try_from(std::process::id()).unwrap_or_default();
    let first = entries
        .iter()
        .filter(|entry| entry.pid != harness)
        .filter(|entry| {
            entry.session == membership.leader
                || entry.pid == membership.leader
                || membership.network_namespace.is_some_and(|inode| network_namespace(entry.pid) == Some(inode))
        })
        .map(|entry| entry.pid)
        .collect();
    let family = with_descendants(&entries, first);
    living(&entries, &family).collect()
}

fn living<'a>(entries: &'a [Entry], family: &'a BTreeSet<i32>) -> impl Iterator<Item = i32> + 'a {
    entries.iter().filter(|entry| !entry.is_zombie() && family.contains(&entry.pid)).map(|entry| entry.pid)
}

fn with_descendants(entries: &[Entry], mut family: BTreeSet<i32>) -> BTreeSet<i32> {
    loop {
        let before = family.len();
        for entry in entries {
            if family.contains(&entry.parent) {
                family.insert(entry.pid);
            }
        }
        if family.len() == before {
            return family;
        }
    }
}

fn network_namespace(pid: i32) -> Option<u64> {
    fs::metadata(format!("/proc/{pid}/ns/net")).ok().map(|metadata| metadata.ino())
}

/// Whether every thread of a process is stopped; `None` if it is gone.
pub(super) fn all_threads_stopped(pid: i32) -> Option<bool> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let mut states = threads.filter_map(|thread| {
        let path = thread.ok()?.path().join("stat");
        parse_stat(&fs::read_to_string(path).ok()?)
    });
    Some(states.all(|thread| matches!(thread.state, 'T' | 't') || thread.is_zombie()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let entry = parse_stat("42 (a ) R 1 (b) S 7 42 40 0 -1 4194304").unwrap();
        assert_eq!(entry, Entry { pid: 42, state: 'S', parent: 7, session: 40 });
        assert_eq!(parse_stat("42 (cut off"), None);
    }

    #[test]
    fn a_grandchild_is_a_descendant() {
        let entry = |pid, parent| Entry { pid, state: 'S', parent, session: 1 };
        // Children before parents: the order of /proc must not matter.
        let entries = [entry(30, 20), entry(20, 10), entry(10, 1), entry(11, 1)];
        assert_eq!(with_descendants(&entries, BTreeSet::from([10])), BTreeSet::from([10, 20, 30]));
    }
}
