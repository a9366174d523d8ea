//! The online checkers against those of whole histories: at every prefix of many tiny histories, at the end of longer ones,
//! and in bounded memory.
//!
//! A failure prints the seed and the history; `SCHISM_SEED=N cargo test -p schism-checkers --test online` repeats it alone,
//! `SCHISM_HISTORIES=N` sets how many tiny histories of each kind are tried.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and prints its seeds")]

#[expect(dead_code, reason = "shared with the test by brute force; a bag has no online form")]
#[path = "brute_force/generate.rs"]
mod generate;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use schism_checkers::history::{Event, EventType, History, Process};
use schism_checkers::online::{
    OnlineCheck, OnlineChecker, Violation, linearizable_object, linearizable_register, linearizable_set, split_brain,
};
use schism_checkers::{Limits, Validity, check_model, checker, model};
use serde_json::{Value, json};

use generate::{Kind, Shape, generate, generate_shaped};

/// Tiny histories of each kind.
const TINY: u64 = 20_000;
/// Longer histories of each kind.
const LONG: u64 = 200;
/// Operations of a longer history.
const LONG_OPERATIONS: usize = 1_000;
/// Of every kind at least this share must have a violation, and at least this share must have none: else the test is blind.
const SHARE_MIN: f64 = 0.1;

type Make = fn() -> Box<dyn OnlineChecker>;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn seeds(count: u64) -> std::ops::Range<u64> {
    match number("SCHISM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..count,
    }
}

fn text(events: &[Event]) -> String {
    events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect()
}

/// Places of the lines as indexes, as a recorder sets them.
fn numbered(mut events: Vec<Event>) -> Vec<Event> {
    for (index, event) in events.iter_mut().enumerate() {
        event.index = index as u64;
    }
    events
}

/// What is found, and the place of the event that was fed as it was found; the number of events if only by the finish.
fn fed(make: Make, events: &[Event]) -> (OnlineCheck, Option<(usize, Violation)>) {
    let mut online = OnlineCheck::new(vec![make()]);
    let mut found = None;
    for (place, event) in events.iter().enumerate() {
        let violation = online.feed(event);
        found = found.or_else(|| violation.map(|violation| (place, violation)));
    }
    let at_end = online.finish();
    found = found.or_else(|| at_end.map(|violation| (events.len(), violation)));
    (online, found)
}

/// Whether nothing may be reported; `None` where the whole-history form does not decide. Before a read has ended ok nobody
/// knows whether linearizability is promised at all.
fn is_in_order(kind: Kind, events: &[Event]) -> Option<bool> {
    let has_reads = !matches!(kind, Kind::Queue | Kind::UniqueQueue | Kind::UniqueStack | Kind::Mutex);
    if has_reads && !events.iter().any(|event| event.f == "read" && event.event_type == EventType::Ok) {
        return Some(true);
    }
    let history = History::from_events(events.to_vec()).unwrap();
    if history.operations().len() == 0 {
        return Some(true);
    }
    match check_model(&history, model::by_name(kind.model()).unwrap(), &Limits::NONE).valid {
        Validity::Valid => Some(true),
        Validity::Invalid => Some(false),
        Validity::Unknown => None,
    }
}

/// Feeds every prefix, and the whole. `is_prompt`: nothing is held back but what happens at the present time.
fn compare(kind: Kind, make: Make, is_prompt: bool) {
    let seeds = seeds(number("SCHISM_HISTORIES").unwrap_or(TINY));
    println!("{kind:?}: seeds {seeds:?}");
    let total = seeds.end - seeds.start;
    let (mut violations, mut undecided) = (0, 0);
    for seed in seeds {
        let events = numbered(generate(kind, seed));
        let tell = |what: &str| format!("SCHISM_SEED={seed} {kind:?}: {what}\n{}", text(&events));
        let mut first = None;
        for end in 0..=events.len() {
            let prefix = &events[..end];
            let is_over = events.get(end).is_none_or(|next| prefix.last().is_none_or(|last| last.time < next.time));
            let expected = if first.is_some() { Some(false) } else { is_in_order(kind, prefix) };
            let (online, found) = fed(make, prefix);
            undecided += u64::from(expected.is_none());
            if let Some(expected) = expected {
                assert_eq!(found.is_none(), expected, "{}", tell(&format!("the first {end}: {found:?}")));
            }
            assert_eq!(online.left_to_the_end(), Vec::<String>::new(), "{}", tell("given up"));
            // From here on it cannot be taken back.
            if is_over && found.is_some() {
                first.get_or_insert(end);
            }
            if let Some((_, violation)) = found {
                assert!(!violation.events.is_empty() && !violation.text.is_empty(), "{violation:?}");
                let last = events[..end].iter().rfind(|event| event.time == violation.time_ns);
                assert!(last.is_some(), "{}", tell(&format!("nothing happened at {}", violation.time_ns)));
            }
        }
        let (_, found) = fed(make, &events);
        let is_taken_back = found.is_some() && is_in_order(kind, &events) == Some(true);
        assert!(!is_taken_back, "{}", tell("a violation was taken back"));
        if let (true, Some((place, _)), Some(first)) = (is_prompt, found, first) {
            assert_eq!(place, first, "{}", tell("found late"));
        }
        violations += u64::from(first.is_some());
    }
    let share = violations as f64 / total as f64;
    println!("{kind:?}: {violations} of {total} have a violation");
    // A stack with undecided pops is not always decided when it is whole.
    assert!(undecided == 0 || kind == Kind::UniqueStack, "{undecided} prefixes undecided");
    assert!(total == 1 || (SHARE_MIN..=1.0 - SHARE_MIN).contains(&share), "{kind:?}: {share} have a violation");
}

/// Longer histories with few mistakes, or none.
fn compare_long(kind: Kind, make: Make, processes: usize, undecided: u32) {
    // The contents of a long queue are too many configurations.
    let given_up_max = if kind == Kind::Queue { LONG * 8 / 10 } else { LONG / 10 };
    let (mut violations, mut given_up) = (0, 0);
    let seeds = seeds(LONG);
    let total = seeds.end - seeds.start;
    for seed in seeds {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mistakes = u32::from(random.random_range(0..3) == 0);
        let shape = Shape { operations: LONG_OPERATIONS, processes, mistakes, undecided };
        let events = numbered(generate_shaped(kind, random, &shape));
        let (online, found) = fed(make, &events);
        if !online.left_to_the_end().is_empty() && found.is_none() {
            given_up += 1;
            continue;
        }
        let expected = is_in_order(kind, &events);
        assert_eq!(Some(found.is_none()), expected, "SCHISM_SEED={seed} {kind:?}: {found:?}");
        violations += u64::from(found.is_some());
    }
    println!("{kind:?}: {violations} of {total} longer ones have a violation, {given_up} were given up");
    assert!(total == 1 || given_up <= given_up_max, "{given_up} were given up");
    assert!(total == 1 || violations > 0, "none has a violation");
}

#[test]
fn registers_with_unique_values() {
    compare(Kind::UniqueRegister, linearizable_register, true);
    compare_long(Kind::UniqueRegister, linearizable_register, 5, 10);
    compare_long(Kind::UniqueRegister, linearizable_register, 50, 10);
}

#[test]
fn sets_with_unique_elements() {
    compare(Kind::UniqueSet, linearizable_set, true);
    compare_long(Kind::UniqueSet, linearizable_set, 5, 10);
    compare_long(Kind::UniqueSet, linearizable_set, 50, 10);
}

#[test]
fn registers_by_configurations() {
    let make: Make = || linearizable_object("register").unwrap();
    compare(Kind::Register, make, false);
    compare(Kind::UniqueRegister, make, false);
    compare_long(Kind::Register, make, 4, 1);
}

#[test]
fn sets_by_configurations() {
    let make: Make = || linearizable_object("set").unwrap();
    compare(Kind::Set, make, false);
    compare_long(Kind::Set, make, 4, 1);
    compare(Kind::UniqueSet, make, false);
}

#[test]
fn counters_by_configurations() {
    let make: Make = || linearizable_object("counter").unwrap();
    compare(Kind::Counter, make, false);
    compare_long(Kind::Counter, make, 4, 1);
}

#[test]
fn queues_by_configurations() {
    let make: Make = || linearizable_object("queue").unwrap();
    compare(Kind::Queue, make, false);
    compare(Kind::UniqueQueue, make, false);
    compare_long(Kind::Queue, make, 3, 0);
}

#[test]
fn stacks_by_configurations() {
    let make: Make = || linearizable_object("stack").unwrap();
    compare(Kind::UniqueStack, make, false);
}

#[test]
fn mutexes_by_configurations() {
    let make: Make = || linearizable_object("mutex").unwrap();
    compare(Kind::Mutex, make, false);
    compare_long(Kind::Mutex, make, 4, 1);
}

/// A correct object under a steady load, one event after another, without end.
struct Load {
    random: ChaCha8Rng,
    write: &'static str,
    operations_per_key: u64,
    /// By client: the operation it is at, since when, and its argument or null.
    busy: Vec<Option<(u64, u64, Value)>>,
    events: u64,
    operations: u64,
    /// What the key in use holds.
    state: Vec<Value>,
    key: u64,
    /// The greatest number of operations that were invoked since the first began that has not ended.
    window_max: u64,
}

impl Load {
    fn new(write: &'static str, clients: usize, operations_per_key: u64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(1),
            write,
            operations_per_key,
            busy: vec![None; clients],
            events: 0,
            operations: 0,
            state: Vec::new(),
            key: 0,
            window_max: 0,
        }
    }

    fn next(&mut self) -> Event {
        let mut client = self.random.random_range(0..self.busy.len());
        let is_full = self.operations >= (self.key + 1) * self.operations_per_key;
        if is_full {
            // A key is left behind only when it is quiet.
            match self.busy.iter().position(Option::is_some) {
                Some(other) => client = other,
                None => (self.key, self.state) = (self.key + 1, Vec::new()),
            }
        }
        let time = self.events;
        self.events += 1;
        let (event_type, value, is_read) = match self.busy[client].take() {
            None => {
                let number = self.operations;
                self.operations += 1;
                let value = if self.random.random_range(0..4) == 0 { Value::Null } else { json!(number) };
                self.busy[client] = Some((number, time, value.clone()));
                (EventType::Invoke, value.clone(), value.is_null())
            }
            Some((_, _, value)) => match (self.write, value.is_null()) {
                ("write", true) => (EventType::Ok, self.state.last().cloned().unwrap_or_default(), true),
                (_, true) => (EventType::Ok, Value::Array(self.state.clone()), true),
                (write, false) => {
                    if write == "write" {
                        self.state.clear();
                    }
                    self.state.push(value.clone());
                    (EventType::Ok, value, false)
                }
            },
        };
        let oldest = self.busy.iter().flatten().map(|(number, ..)| *number).min();
        self.window_max = self.window_max.max(oldest.map_or(0, |oldest| self.operations - oldest));
        let f = if is_read { "read" } else { self.write };
        let process = Process::Client(client as u64);
        Event { index: time, time, key: Some(json!(self.key)), ..Event::new(event_type, process, f, value) }
    }
}

/// After a million events no more is remembered than the open window, and a little for each key ever used.
fn memory(make: Make, mut load: Load, events: u64) {
    const PER_OPERATION: u64 = 6;
    const PER_KEY: u64 = 8;
    let mut online = OnlineCheck::new(vec![make()]);
    let mut entries_max = 0;
    for number in 0..events {
        let event = load.next();
        assert_eq!(online.feed(&event), None, "event {number}: {event:?}");
        if number % 64 == 0 || number + 1 == events {
            entries_max = entries_max.max(online.entries() as u64);
        }
    }
    assert_eq!(online.left_to_the_end(), Vec::<String>::new());
    let bound = PER_OPERATION * load.window_max + PER_KEY * (load.key + 1);
    println!("{}: {entries_max} entries, window {}, {} keys", load.write, load.window_max, load.key + 1);
    assert!(entries_max <= bound, "{entries_max} entries, at most {bound} for a window of {}", load.window_max);
}

#[test]
fn a_register_of_a_million_events_takes_as_much_memory_as_its_open_window() {
    memory(linearizable_register, Load::new("write", 20, u64::MAX / 2), 1_000_000);
}

#[test]
fn a_million_events_of_sets_take_as_much_memory_as_the_open_window_and_the_keys() {
    memory(linearizable_set, Load::new("add", 20, 100), 1_000_000);
}

#[test]
fn configurations_of_a_register_take_as_much_memory_as_the_open_window() {
    memory(|| linearizable_object("register").unwrap(), Load::new("write", 3, u64::MAX / 2), 100_000);
}

/// A history of writes acknowledged by nodes under terms, with times that are often equal.
fn reigns(seed: u64) -> Vec<Event> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut events = Vec::new();
    let mut open = Vec::new();
    let mut time = 0;
    let length = random.random_range(4..16);
    let is_orderly = random.random_range(0..2) == 0;
    for number in 0..length {
        time += random.random_range(0..3);
        if open.is_empty() || random.random() {
            let event = Event::new(EventType::Invoke, Process::Client(number), "add", json!(number));
            open.push(event.clone());
            events.push(Event { time, ..event });
        } else {
            let event = open.swap_remove(random.random_range(0..open.len()));
            let term = if is_orderly { number / 5 } else { random.random_range(0..3) };
            let node = if is_orderly { term } else { random.random_range(0..3) };
            let ending = [EventType::Ok, EventType::Ok, EventType::Ok, EventType::Fail, EventType::Info];
            let event_type = ending[random.random_range(0..ending.len())];
            events.push(Event { time, event_type, node: Some(format!("n{node}")), term: Some(term), ..event });
        }
    }
    numbered(events)
}

#[test]
fn split_brain_is_found_with_the_acknowledgement_that_shows_it() {
    let checker = &schism_checkers::split_brain::CHECKER;
    let mut violations = 0;
    let seeds = seeds(TINY);
    for seed in seeds.clone() {
        let events = reigns(seed);
        for end in 0..=events.len() {
            let history = History::from_events(events[..end].to_vec()).unwrap();
            let offline = checker::judge(&history, &Limits::NONE, &[checker]).valid == Validity::Invalid;
            let (_, found) = fed(split_brain, &events[..end]);
            assert_eq!(found.is_some(), offline, "SCHISM_SEED={seed}, the first {end}: {found:?}\n{}", text(&events));
            violations += u64::from(offline && end == events.len());
        }
    }
    println!("{violations} have a split brain");
    assert!(seeds.end - seeds.start == 1 || (TINY / 10..TINY * 9 / 10).contains(&violations), "{violations}");
}

fn line(text: &str) -> Event {
    serde_json::from_str(text).unwrap()
}

/// The events after which something was found, and what; times are in the lines.
fn found_in(make: Make, lines: &[&str]) -> Option<(usize, Violation)> {
    let events: Vec<Event> = lines.iter().map(|text| line(text)).collect();
    fed(make, &numbered(events)).1
}

#[test]
fn what_happens_at_one_time_is_judged_together() {
    let read = [
        r#"{"time":5,"type":"invoke","process":1,"f":"read"}"#,
        r#"{"time":7,"type":"ok","process":1,"f":"read","value":3}"#,
        r#"{"time":7,"type":"invoke","process":2,"f":"write","value":3}"#,
        r#"{"time":8,"type":"ok","process":2,"f":"write","value":3}"#,
    ];
    assert_eq!(found_in(linearizable_register, &read), None);
    let late = [read[0], read[1], r#"{"time":8,"type":"invoke","process":2,"f":"write","value":3}"#, read[3]];
    let (place, violation) = found_in(linearizable_register, &late).unwrap();
    assert_eq!((place, violation.time_ns, violation.events), (2, 7, vec![0, 1]));
}

#[test]
fn what_reads_at_a_level_without_promise_show_is_not_judged() {
    let lines = [
        r#"{"time":1,"type":"invoke","process":1,"f":"read"}"#,
        r#"{"time":2,"type":"ok","process":1,"f":"read","value":9,"level":"local"}"#,
        r#"{"time":3,"type":"invoke","process":2,"f":"cas","value":[null,1]}"#,
        r#"{"time":4,"type":"ok","process":2,"f":"cas","value":[null,1]}"#,
        r#"{"time":5,"type":"invoke","process":2,"f":"cas","value":[null,2]}"#,
        r#"{"time":6,"type":"ok","process":2,"f":"cas","value":[null,2]}"#,
    ];
    // Linearizability is not promised in this history, as far as it goes.
    assert_eq!(found_in(linearizable_register, &lines), None);
    let read = [
        r#"{"time":7,"type":"invoke","process":1,"f":"read"}"#,
        r#"{"time":8,"type":"ok","process":1,"f":"read","value":2}"#,
    ];
    let promised = found_in(linearizable_register, &[&lines[..], &read[..]].concat()).unwrap();
    assert_eq!(promised.1.time_ns, 6, "{promised:?}");
    // The closing reads say nothing about the load.
    let closing = [r#"{"time":6,"type":"info","process":"nemesis","f":"phase","value":"final"}"#, read[0], read[1]];
    assert_eq!(found_in(linearizable_register, &[&lines[..], &closing[..]].concat()), None);
}

#[test]
fn a_value_written_twice_leaves_its_key_to_the_end_and_no_other() {
    let lines = [
        r#"{"time":1,"type":"invoke","process":1,"f":"write","key":"a","value":1}"#,
        r#"{"time":2,"type":"invoke","process":2,"f":"write","key":"a","value":1}"#,
        r#"{"time":3,"type":"invoke","process":3,"f":"read","key":"a"}"#,
        r#"{"time":4,"type":"ok","process":3,"f":"read","key":"a","value":7}"#,
        r#"{"time":5,"type":"invoke","process":3,"f":"read","key":"b"}"#,
        r#"{"time":6,"type":"ok","process":3,"f":"read","key":"b","value":7}"#,
    ];
    let events = numbered(lines.iter().map(|text| line(text)).collect());
    let (online, found) = fed(linearizable_register, &events);
    assert_eq!(found.unwrap().1.time_ns, 6);
    assert!(online.left_to_the_end()[0].contains("one key is left to the end"), "{:?}", online.left_to_the_end());
}
