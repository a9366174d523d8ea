//! What storage costs on the disk at hand. Measurements, not tests: they assert nothing about time.
//!
//! `SCHISM_STORAGE_DIRECTORY=DIR cargo test --release -p schism-node --lib storage::measure -- --ignored --nocapture
//! --test-threads=1` prints them; without the directory the system's one for temporary files is used.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::mpsc::unbounded_channel;

use super::store::{Contents, Store};
use super::writer::{LogWriter, Written};
use super::{DiskFiles, LogOptions, SEGMENT_BYTES};
use crate::core::{
    Change, Claim, Command, Entry, Item, Members, NodeId, Position, Record, Snapshot, State, Term, Token, Value,
};
use crate::settings::Fsync;

const CLAIM: Claim = Claim { term: Term(1), leader: NodeId(1) };

fn directory() -> TempDir {
    let parent = std::env::var_os("SCHISM_STORAGE_DIRECTORY").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::tempdir_in(parent).unwrap()
}

fn open(directory: &TempDir, fsync: Fsync) -> (Store, Contents<Snapshot>) {
    let options = LogOptions { files: Arc::new(DiskFiles), fsync, segment_bytes: SEGMENT_BYTES, threaded: true };
    let data = directory.path();
    Store::open(&data.join("wal"), &data.join("snapshots"), &options, 0).unwrap()
}

fn entry(position: u64, value_bytes: usize) -> Record {
    let value = Value::from(&serde_json::Value::from("x".repeat(value_bytes)));
    let change = Change::Write { key: format!("key-{position}"), value };
    Record::Append(Entry { claim: CLAIM, position: Position(position), command: Command::Change(change), origin: None })
}

/// The rate and the percentiles of some durations.
fn describe(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let percentile = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let rate = times.len() as f64 / times.iter().sum::<Duration>().as_secs_f64();
    format!("{} at {rate:.0}/s, p50 {:?}, p99 {:?}", times.len(), percentile(0.5), percentile(0.99))
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "it is what the measurement is for")]
fn flushes_of_prepared_segments_and_of_growing_ones() {
    for round in 1..=3 {
        for (name, fsync) in [("prepared", Fsync::Always), ("growing", Fsync::Never)] {
            let directory = directory();
            let (mut store, _) = open(&directory, fsync);
            let times = (1..=10_000).map(|position| {
                store.log.append(&entry(position, 256));
                store.log.write().unwrap();
                let started = Instant::now();
                store.log.sync().unwrap();
                started.elapsed()
            });
            println!("round {round}, {name}: {}", describe(times.collect()));
        }
    }
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "it is what the measurement is for")]
fn recovery_of_a_million_small_entries() {
    let directory = directory();
    let (mut store, _) = open(&directory, Fsync::Never);
    for position in 1..=1_000_000 {
        store.log.append(&entry(position, 16));
        if position % 1000 == 0 {
            store.log.write().unwrap();
        }
    }
    store.log.sync().unwrap();
    drop(store);
    for round in 1..=3 {
        let started = Instant::now();
        let (_, contents) = open(&directory, Fsync::Always);
        println!("round {round}: {} entries in {:?}", contents.entries.len(), started.elapsed());
    }
}

/// A register under each of `keys` keys.
fn state(keys: u64) -> State {
    let mut state = State::empty_at(Position(keys));
    for key in 0..keys {
        // A register is the first kind of item.
        let bytes = postcard::to_stdvec(&(0u32, format!("key-{key}"), Value::from(key))).unwrap();
        state.take_in(postcard::from_bytes::<Item>(&bytes).unwrap());
    }
    state
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "it is what the measurement is for")]
fn a_snapshot_of_a_million_keys_and_the_log_meanwhile() {
    const KEYS: u64 = 1_000_000;
    let directory = directory();
    let (store, _) = open(&directory, Fsync::Always);
    let (sender, mut written) = unbounded_channel();
    let writer = LogWriter::start(store, sender).unwrap();
    let snapshot = Snapshot { position: Position(KEYS), claim: CLAIM, members: Members::first(3), state: state(KEYS) };
    let mut next = 1;
    // One record at a time, until the time is over or the snapshot is there.
    let mut load = |limit: Duration| {
        let (mut times, started) = (Vec::new(), Instant::now());
        while started.elapsed() < limit {
            let asked = Instant::now();
            writer.persist(Token(next), vec![entry(next, 256)]);
            next += 1;
            match written.blocking_recv() {
                Some(Written::Tokens(_)) => times.push(asked.elapsed()),
                Some(Written::SnapshotSaved(_)) => return (times, Some(started.elapsed())),
                other => panic!("{other:?}"),
            }
        }
        (times, None)
    };
    println!("before: {}", describe(load(Duration::from_secs(5)).0));
    writer.save(snapshot);
    let (times, saved) = load(Duration::from_secs(600));
    println!("meanwhile: {}; saved after {saved:?}", describe(times));
    writer.stop();
    let file = std::fs::read_dir(directory.path().join("snapshots")).unwrap().next().unwrap().unwrap();
    println!("{} bytes", file.metadata().unwrap().len());
    let started = Instant::now();
    drop(open(&directory, Fsync::Always));
    println!("opened in {:?}", started.elapsed());
}
