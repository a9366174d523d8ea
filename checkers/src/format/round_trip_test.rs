//! What is written and read again is the same history.

use proptest::prelude::*;

use super::outline_test::outline;
use super::{Input, ReadOptions, write_edn, write_jsonl};
use crate::history::{EventType, History, HistoryBuilder, Line, ProcessName, Source, ValueId, Values};

/// A value to be interned.
#[derive(Debug, Clone)]
enum Tree {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Large(String),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl Tree {
    fn intern(&self, values: &mut Values) -> ValueId {
        match self {
            Self::Null => ValueId::NULL,
            Self::Bool(value) => values.boolean(*value),
            Self::Integer(value) => values.integer(*value),
            Self::Float(value) => values.float(*value),
            Self::Large(digits) => values.number(digits),
            Self::Text(value) => values.text(value),
            Self::List(items) => {
                let items: Vec<ValueId> = items.iter().map(|item| item.intern(values)).collect();
                values.list(&items)
            }
            Self::Map(pairs) => {
                let pairs: Vec<_> = pairs.iter().map(|(key, value)| (values.text(key), value.intern(values))).collect();
                values.map(&pairs)
            }
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        any::<i64>().prop_map(Tree::Integer),
        (0..9_i64).prop_map(Tree::Integer),
        prop::num::f64::NORMAL.prop_map(Tree::Float),
        "-?[1-9][0-9]{19,40}".prop_map(Tree::Large),
        any::<String>().prop_map(Tree::Text),
        "[a-z:\"\\\\]{0,3}".prop_map(Tree::Text),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::List),
            prop::collection::vec(("[a-z]{0,2}", inner), 0..4).prop_map(Tree::Map),
        ]
    })
}

/// What a process does next, if it may.
#[derive(Debug, Clone)]
struct Step {
    process: u8,
    event_type: EventType,
    f: String,
    key: Option<Tree>,
    value: Tree,
    pause: u64,
    extras: [Option<String>; 5],
    numbers: [Option<u64>; 3],
    is_final: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let event_type =
        prop::sample::select(vec![EventType::Invoke, EventType::Ok, EventType::Fail, EventType::Info, EventType::Ok]);
    let f = prop_oneof![Just("read".to_owned()), Just("txn".to_owned()), any::<String>()];
    let key = prop::option::of(tree().prop_filter("null is no key", |tree| !matches!(tree, Tree::Null)));
    let extras = prop::array::uniform5(prop::option::of("[a-z \"\\\\\n]{0,3}"));
    let numbers = prop::array::uniform3(prop::option::of(0..i64::MAX as u64));
    (0..5_u8, event_type, f, key, tree(), 0..3_u64, extras, numbers, any::<bool>()).prop_map(
        |(process, event_type, f, key, value, pause, extras, numbers, is_final)| Step {
            process,
            event_type,
            f,
            key,
            value,
            pause,
            extras,
            numbers,
            is_final,
        },
    )
}

/// The history of those steps that make sense.
fn history(steps: &[Step], has_clock: bool, has_ties: bool) -> History {
    let mut builder = HistoryBuilder::new(Source::Jsonl);
    let mut open: [Option<Step>; 5] = [const { None }; 5];
    let (mut time, mut index) = (0, 0);
    for step in steps {
        let process = match step.process {
            0 => ProcessName::Named("nemesis"),
            1 => ProcessName::Named("observer"),
            2 => ProcessName::Named("alice"),
            number => ProcessName::Client(u64::from(number) << 40),
        };
        let slot = &mut open[usize::from(step.process)];
        let is_note = step.process < 2;
        let invoked = match (&*slot, step.event_type) {
            _ if is_note => step.clone(),
            (None, EventType::Invoke) => slot.insert(step.clone()).clone(),
            (Some(_), EventType::Invoke) | (None, _) => continue,
            (Some(invoked), _) => invoked.clone(),
        };
        if !is_note && step.event_type != EventType::Invoke {
            *slot = None;
        }
        time += step.pause + u64::from(!has_ties);
        index += step.pause + 1;
        let key = invoked.key.as_ref().map(|key| key.intern(builder.values_mut()));
        let value = step.value.intern(builder.values_mut());
        let [node, ack, level, error, name] = &step.extras;
        let [term, position, id] = step.numbers;
        let line = Line {
            index: Some(index),
            time: has_clock.then_some(time as i64),
            key,
            node: node.as_deref(),
            error: error.as_deref(),
            ..Line::new(step.event_type, process, &invoked.f, value)
        };
        let line = if is_note {
            Line { id, step: name.as_deref(), ..line }
        } else {
            Line { term, position, ack: ack.as_deref(), level: level.as_deref(), is_final: step.is_final, ..line }
        };
        builder.push(line).unwrap();
    }
    builder.finish(false)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn written_and_read_again_it_is_the_same(steps in prop::collection::vec(step(), 0..40), has_clock in any::<bool>(), has_ties in any::<bool>()) {
        let original = history(&steps, has_clock, has_ties);
        let expected = outline(&original);
        let mut json = Vec::new();
        write_jsonl(&original, &mut json).unwrap();
        let mut edn = Vec::new();
        write_edn(&original, &mut edn).unwrap();
        for (text, input) in [(&json, Input::Jsonl), (&edn, Input::Edn)] {
            // Equal times are worth nothing in EDN.
            if input == Input::Edn && has_clock && has_ties {
                continue;
            }
            let shown = String::from_utf8_lossy(text);
            let again = History::read(text.as_slice(), &ReadOptions { input, ..ReadOptions::default() });
            let again = again.unwrap_or_else(|error| panic!("{shown}\n{error}"));
            // Without a line there is no clock to be missing.
            prop_assert_eq!(&outline(&again)[1..], &expected[1..], "{}", shown);
            // From either, both are written as before.
            let mut json_again = Vec::new();
            write_jsonl(&again, &mut json_again).unwrap();
            prop_assert_eq!(String::from_utf8_lossy(&json_again).len(), String::from_utf8_lossy(&json).len());
            let found = History::read(text.as_slice(), &ReadOptions::default()).map(|history| history.source());
            let expected = if input == Input::Edn && !text.is_empty() { Source::Edn } else { Source::Jsonl };
            prop_assert_eq!(found.unwrap(), expected, "{}", shown);
        }
    }
}
