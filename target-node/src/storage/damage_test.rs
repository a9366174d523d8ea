//! Rot: what happens to a store whose files are changed behind its back.
//!
//! Whatever was durable is read back exactly, or the store refuses and names the file. One loss cannot be seen: damage
//! that reaches the last batch leaves nothing after it that could prove what had been there, and looks like a torn tail.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rand::RngExt;

use super::StorageError;
use super::fuzz_test::{Life, Model, WAL};
use super::simulated_files::{Crash, SimulatedFiles};
use crate::settings::Fsync;

/// A store that has come to rest, and what it held before its last batch and after it.
struct Rest {
    life: Life,
    before_last: Model,
    last: Model,
    /// Where the last batch is.
    path: PathBuf,
    start: usize,
}

fn rest(seed: u64) -> Rest {
    let mut life = Life::new(seed);
    life.options.fsync = Fsync::Always;
    let (mut store, _) = life.open().unwrap();
    for _ in 0..life.rng.random_range(1..60) {
        life.act(&mut store).unwrap();
    }
    let before_last = life.model();
    let (before, start) = store.log.place();
    life.batch(&mut store).unwrap();
    let (path, _) = store.log.place();
    let start = if path == before { start } else { 0 };
    drop(store);
    life.files.crash(Crash::Process);
    let last = life.model();
    Rest { life, before_last, last, path, start }
}

#[derive(Debug, Clone)]
enum Damage {
    Flip { byte: prop::sample::Index, bit: u8 },
    Zero { from: prop::sample::Index, bytes: usize },
    Cut { at: prop::sample::Index },
    Repeat { from: prop::sample::Index, to: prop::sample::Index, bytes: usize },
    Exchange { other: prop::sample::Index },
    Duplicate,
    Remove,
}

fn damages() -> impl Strategy<Value = Damage> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        4 => (index(), 0u8..8).prop_map(|(byte, bit)| Damage::Flip { byte, bit }),
        2 => (index(), 1usize..600).prop_map(|(from, bytes)| Damage::Zero { from, bytes }),
        2 => index().prop_map(|at| Damage::Cut { at }),
        2 => (index(), index(), 1usize..300).prop_map(|(from, to, bytes)| Damage::Repeat { from, to, bytes }),
        1 => index().prop_map(|other| Damage::Exchange { other }),
        1 => Just(Damage::Duplicate),
        1 => Just(Damage::Remove),
    ]
}

/// Does the damage; returns from which byte to which the file changed, or nothing for whole files.
fn inflict(files: &SimulatedFiles, paths: &[PathBuf], path: &Path, damage: &Damage) -> Option<(usize, usize)> {
    let mut range = None;
    match damage {
        Damage::Exchange { other } => files.exchange(path, &paths[other.index(paths.len())]),
        Damage::Duplicate => {
            let numbered = |path: &&PathBuf| path.starts_with(WAL);
            let highest = paths.iter().rfind(numbered).and_then(|path| path.file_stem()?.to_str());
            let next: u64 = highest.unwrap().parse::<u64>().unwrap() + 1;
            files.exchange(path, &Path::new(WAL).join(format!("{next:08}.wal")));
        }
        Damage::Remove => files.forget(path),
        _ => files.damage(path, |bytes| {
            let length = bytes.len();
            if length == 0 {
                return;
            }
            let before = bytes.clone();
            match damage {
                Damage::Flip { byte, bit } => bytes[byte.index(length)] ^= 1 << bit,
                Damage::Zero { from, bytes: count } => {
                    let from = from.index(length);
                    bytes[from..(from + count).min(length)].fill(0);
                }
                Damage::Cut { at } => bytes.truncate(at.index(length)),
                Damage::Repeat { from, to, bytes: count } => {
                    let (from, to) = (from.index(length), to.index(length));
                    let count = (*count).min(length - from.max(to));
                    bytes.copy_within(from..from + count, to);
                }
                Damage::Exchange { .. } | Damage::Duplicate | Damage::Remove => {}
            }
            bytes.resize(length, 0);
            let changed = |(index, byte): (usize, &u8)| (*byte != before[index]).then_some(index);
            let first = bytes.iter().enumerate().find_map(changed);
            let last = bytes.iter().enumerate().rev().find_map(changed);
            range = first.zip(last);
            if let Damage::Cut { at } = damage {
                bytes.truncate(at.index(length));
            }
        }),
    }
    range
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_refused_or_makes_no_difference(seed in any::<u64>(), which in any::<prop::sample::Index>(), damage in damages()) {
        let Rest { life, before_last, last, path: last_path, start } = rest(seed);
        let paths: Vec<_> = life.files.paths().into_iter().filter(|path| path.extension().is_some_and(|end| end != "tmp")).collect();
        let path = &paths[which.index(paths.len())];
        let range = inflict(&life.files, &paths, path, &damage);
        let hits_last_batch = *path == last_path && range.is_some_and(|(_, to)| to >= start);
        match life.open() {
            Ok((_, contents)) => {
                let found = Model::found(&contents);
                if found != last {
                    prop_assert!(hits_last_batch, "{path:?} {range:?}: found {found:#?}, not {last:#?}");
                    // Nothing that was truncated or replaced may come back.
                    let is_earlier = found == before_last || life.was(&found);
                    prop_assert!(is_earlier, "{path:?} {range:?}: found {found:#?}, which never was");
                }
            }
            Err(StorageError::Io { action, path, source }) => prop_assert!(false, "{action} {path:?}: {source}"),
            Err(refused) => prop_assert!(refused.to_string().contains("data/"), "{refused}"),
        }
    }
}

fn cases() -> u32 {
    let cases = std::env::var("SCHISM_STORAGE_DAMAGES").ok().and_then(|text| text.parse().ok());
    cases.unwrap_or(2000)
}
