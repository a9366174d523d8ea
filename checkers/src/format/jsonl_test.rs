//! What the reader of JSON lines takes and refuses.

use proptest::prelude::*;
use proptest::sample::Index;

use super::outline_test::outline;
use super::*;
use crate::history::{Event, EventType, Process, ProcessName, Value};

fn read(text: &str) -> Result<History, ReadError> {
    History::read_jsonl(text.as_bytes())
}

fn refused(text: &str, line: u64, part: &str) {
    let error = read(text).unwrap_err();
    assert_eq!(error.line, line, "{error}");
    assert!(error.reason.contains(part), "{error} does not say {part:?}");
}

fn leave_out(text: &str) -> Result<History, ReadError> {
    History::read(text.as_bytes(), &ReadOptions { tail: TruncatedTail::LeaveOut, ..ReadOptions::default() })
}

const INVOKE: &str = r#"{"time":1,"type":"invoke","process":0,"f":"read"}"#;
const OK: &str = r#"{"time":2,"type":"ok","process":0,"f":"read","value":[1]}"#;

#[test]
fn pairs_and_numbers_lines_without_index() {
    let history = read(&format!("{INVOKE}\n\n{OK}\n")).unwrap();
    let operations: Vec<_> = history.operations().collect();
    assert_eq!(operations.len(), 1);
    assert_eq!(operations[0].invoked_index(), 0);
    assert_eq!(operations[0].completed_index(), Some(1));
    let result = operations[0].result().unwrap();
    assert_eq!(history.values().display(result).to_string(), "[1]");
    assert_eq!(history.source(), Source::Jsonl);
    assert!(history.has_clock());
}

#[test]
fn fields_may_come_in_any_order_and_with_spaces() {
    let usual = r#"{"index":7,"time":9,"type":"ok","process":0,"f":"read","key":"k","value":[1],"node":"n1","term":3,"position":4,"ack":"a","level":"l","error":"e","final":true,"id":5,"step":"s"}"#;
    let invoke = r#"{"index":6,"time":8,"type":"invoke","process":0,"f":"read","key":"k","value":null}"#;
    let expected = read(&format!("{invoke}\n{usual}\n")).unwrap();
    let expected = format!("{:?}", lines::lines(&expected).collect::<Vec<_>>());
    let inner = usual.trim_matches(['{', '}']).split(',').collect::<Vec<_>>();
    for shift in 0..inner.len() {
        let mut fields = inner.clone();
        fields.rotate_left(shift);
        for (colon, comma, end) in [
            (":", ",", "\n"),
            (": ", ", ", "\n"),
            (": ", ",", "\n"),
            (" : ", " , ", "\r\n"),
            (" :\t", "\t,\"x\":[{\"time\":{}}],", " \n"),
        ] {
            let text =
                format!("{invoke}{end}  {{ {} }} {end}", fields.join(comma).replace("\":", &format!("\"{colon}")));
            let history = read(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(format!("{:?}", lines::lines(&history).collect::<Vec<_>>()), expected, "{text}");
        }
    }
}

#[test]
fn names_are_compared_as_they_are_called() {
    let line = r#"{"index":1,"time":2,"type":"info","process":"nemesis","f":"x","key":1,"value":2,"node":"n","term":1,"position":2,"ack":"a","level":"l","error":"e","final":false,"id":3,"step":"s"}"#;
    let named = super::line::NAMES.map(|name| line.find(&format!("\"{name}\":")).unwrap());
    assert!(named.is_sorted(), "the usual order is the order of names");
    assert!(read(line).is_ok());
}

/// Once, a space after the colon of the first field was refused.
#[test]
fn lines_may_be_spaced_as_python_does() {
    let line = r#"{"index": 4, "time": 9, "type": "invoke", "process": 0, "f": "read", "key": "k", "value": [1, 2]}"#;
    let (spaced, dense) = (read(line).unwrap(), read(&line.replace(' ', "")).unwrap());
    assert_eq!(outline(&spaced), outline(&dense));
}

#[test]
fn names_may_be_escaped() {
    let text =
        r#"{"\u0074ime":1,"type":"\u0069nvoke","process":"ali\u0063e","f":"re\u0061d","value":"\"\ud83d\ude00"}"#;
    let history = read(text).unwrap();
    let line = lines::lines(&history).next().unwrap();
    assert_eq!((line.f, line.process), ("read", ProcessName::Named("alice")));
    assert_eq!(history.values().get(line.value), Value::Text("\"😀"));
}

#[test]
fn unknown_keys_are_ignored_and_unknown_types_refused() {
    read(r#"{"time":1,"type":"invoke","process":0,"f":"read","colour":"red"}"#).unwrap();
    refused(r#"{"time":1,"type":"maybe","process":0,"f":"read"}"#, 1, "unknown type `maybe`");
    refused(r#"{"time":1,"type":"invoke","process":0,"f":"read","colour":red}"#, 1, "expected a value (column 59)");
}

#[test]
fn malformed_lines_are_named() {
    refused(&format!("{INVOKE}\nnot json\n"), 2, "expected `{`");
    refused(r#"{"type":"invoke","process":0,"f":"read"}"#, 1, "missing field `time` (column 40)");
    refused(r#"{"time":1,"process":0,"f":"read"}"#, 1, "missing field `type`");
    refused(r#"{"time":1,"type":"invoke","f":"read"}"#, 1, "missing field `process`");
    refused(r#"{"time":1,"type":"invoke","process":0}"#, 1, "missing field `f`");
    refused("{}", 1, "missing field");
    refused("{} x", 1, "missing field");
    refused(&format!("{INVOKE} {OK}"), 1, "more after the object");
    refused(&format!("[{INVOKE}]"), 1, "expected `{`");
    refused(r#"{"time":1,"type":"invoke","process":-1,"f":"read"}"#, 1, "never negative");
    refused(r#"{"time":1,"type":"invoke","process":null,"f":"read"}"#, 1, "a process number or name");
    refused(r#"{"time":1,"type":"invoke","process":1.5,"f":"read"}"#, 1, "a process number or name");
    refused(r#"{"time":-2,"type":"invoke","process":1,"f":"read"}"#, 1, "at least 0");
    refused(r#"{"time":1.5,"type":"invoke","process":1,"f":"read"}"#, 1, "whole number");
    refused(r#"{"index":-1,"time":1,"type":"invoke","process":1,"f":"read"}"#, 1, "`index` is a whole number");
    refused(r#"{"time":1,"type":"invoke","process":1,"f":"read","final":null}"#, 1, "true or false");
    refused(r#"{"time":1,"time":1,"type":"invoke","process":1,"f":"read"}"#, 1, "duplicate field `time`");
    refused(OK, 1, "without having invoked");
    refused(&format!("{INVOKE}\n{INVOKE}\n"), 2, "still open");
    refused(&format!("{INVOKE}\n{}\n", OK.replace("\"time\":2", "\"time\":0")), 2, "backwards");
    refused(&format!("{INVOKE}\n{}\n", OK.replace("\"read\"", "\"write\"")), 2, "its open operation is the `read`");
    refused(&format!("{INVOKE}\n{}\n", OK.replace("\"time\"", "\"key\":\"k\",\"time\"")), 2, "another key");
    refused(
        "{\"index\":5,\"time\":1,\"type\":\"invoke\",\"process\":0,\"f\":\"read\"}\n\
         {\"index\":5,\"time\":2,\"type\":\"ok\",\"process\":0,\"f\":\"read\"}\n",
        2,
        "index must grow",
    );
}

#[test]
fn an_object_does_not_go_on_in_the_next_line() {
    refused("{\"time\":1,\n\"type\":\"invoke\",\"process\":0,\"f\":\"read\"}\n", 1, "(column 11)");
    refused("{\"time\":1,\"type\":\"invoke\",\"process\":0,\"f\":\"read\",\"value\":[1,\n2]}\n", 1, "expected a value");
    refused("{\"time\":1,\"type\":\"invoke\",\"process\":0,\"f\":\"re\nad\"}\n", 1, "");
}

#[test]
fn a_cut_off_last_line_is_refused_unless_the_prefix_is_asked_for() {
    for length in 1..OK.len() {
        let text = format!("{INVOKE}\n{}", &OK[..length]);
        refused(&text, 2, "cut off");
        let history = leave_out(&text).unwrap();
        assert!(history.is_truncated());
        assert_eq!(history.line_count(), 1);
    }
    // The same in the middle is not a crash's doing.
    let text = format!("{}\n{INVOKE}\n", &OK[..20]);
    assert!(leave_out(&text).is_err());
    // A whole line without line break is whole.
    assert!(!leave_out(&format!("{INVOKE}\n{OK}")).unwrap().is_truncated());
}

#[test]
fn histories_of_elle_have_no_clock_and_no_function() {
    let invoke = r#"{"index":0,"process":7,"type":"invoke","time":-1,"value":[["append",9,1],["r",9,null]]}"#;
    let ok = r#"{"index":1,"process":7,"type":"ok","time":-1,"value":[["append",9,1],["r",9,[1]]]}"#;
    let history = read(&format!("{invoke}\n{ok}\n")).unwrap();
    let operation = history.operation(0).unwrap();
    assert_eq!(operation.f(), "txn");
    assert!(!history.has_clock());
    assert_eq!((operation.invoked_ns(), operation.completed_ns()), (0, Some(1)));
    refused(&format!("{invoke}\n{}\n", ok.replace("-1", "5")), 2, "no clock");
}

#[test]
fn independent_keys_are_taken_out_of_values() {
    let text = r#"{"time":1,"type":"invoke","process":0,"f":"write","value":["x",5]}
{"time":2,"type":"info","process":0,"f":"write","value":"timeout"}
{"time":3,"type":"info","process":"nemesis","f":"start","value":null}
"#;
    let options = ReadOptions { independent: true, ..ReadOptions::default() };
    let history = History::read(text.as_bytes(), &options).unwrap();
    let operation = history.operation(0).unwrap();
    assert_eq!(history.key_name(operation.key()), "x");
    assert_eq!(history.values().as_integer(operation.argument()), Some(5));
    let error = History::read(text.replace("[\"x\",5]", "5").as_bytes(), &options).unwrap_err();
    assert!(error.line == 1 && error.reason.contains("pair of a key and a value"), "{error}");
}

#[test]
fn recording_and_reading_back_is_identity() {
    let events = [
        (0, EventType::Invoke, Process::Client(0), serde_json::json!(null)),
        (
            1,
            EventType::Info,
            Process::Named("nemesis".to_owned()),
            serde_json::json!({"cut": [["n1", "n2"]], "é\n": 1.5}),
        ),
        (1, EventType::Ok, Process::Client(0), serde_json::json!(u64::MAX)),
    ];
    let events: Vec<Event> = events
        .into_iter()
        .map(|(time, event_type, process, value)| Event {
            time,
            node: Some("n\"1".to_owned()),
            id: Some(0),
            ..Event::new(event_type, process, "read", value)
        })
        .collect();
    let text: String =
        events.iter().map(|event| serde_json::to_string(&Event { index: 0, ..event.clone() }).unwrap()).collect();
    let text = text.replace("\"index\":0,", "").replace("}{", "}\n{");
    let built = History::from_events(events).unwrap();
    assert_eq!(outline(&read(&text).unwrap()), outline(&built));
}

/// A line of a history as the recorder's own type reads it.
fn by_serde(line: &[u8]) -> Result<History, String> {
    let event: Event = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    History::from_events(vec![event]).map_err(|error| error.to_string())
}

/// What only this reader takes: `-1` for no clock, `-0`, transactions without a function. And what only serde takes: in
/// strings of unknown fields, text that is none.
fn may_differ(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let named = ["-1", "-0", "\u{fffd}", "\\u"].iter().any(|part| text.contains(part)) || !text.contains("\"f\"");
    let large = text.split(|character: char| !character.is_ascii_digit()).any(|digits| digits.len() > 17);
    named || large
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_are_taken_or_refused_as_the_recorder_would(
        which in 0..3_usize,
        damages in prop::collection::vec((any::<Index>(), any::<Index>(), any::<u8>(), 0..6_u8), 0..4),
    ) {
        let samples = [
            r#"{"index":7,"time":1204113,"type":"invoke","process":3,"f":"write","key":"k1","value":7}"#,
            r#"{"index":7,"time":1204113,"type":"invoke","process":3,"f":"txn","value":[["r",1,null],["append",2,[3,{"a":-4.5e2,"b":true}]]],"ack":"all","level":null,"final":true}"#,
            r#" { "value" : "a\"\\\n" , "x" : {"y":[1,"z"]}, "step":"s","id":9,"node":"n1","f":"cut","error":"e","term":1,"position":2,"process":"nemesis", "type" :"info","time":0 } "#,
        ];
        let mut line = samples[which].as_bytes().to_vec();
        for (place, other, byte, how) in damages {
            let (place, other) = (place.index(line.len().max(1)), other.index(line.len().max(1)));
            let meaningful = b"\"\\{}[]:,0123456789-+.eEtfn ";
            let byte = meaningful[usize::from(byte) % meaningful.len()];
            let (from, to) = (place.min(other), place.max(other).min(line.len()));
            match how {
                _ if line.is_empty() => {}
                0 => line[place] = byte,
                1 => line.insert(place, byte),
                2 => drop(line.remove(place)),
                3 => drop(line.drain(from..to)),
                4 => {
                    // A whole field twice, or somewhere else.
                    let fields: Vec<&[u8]> = line.split(|byte| *byte == b',').collect();
                    let mut fields: Vec<&[u8]> = fields.clone();
                    fields.insert(place % fields.len(), fields[other % fields.len()]);
                    line = fields.join(&b","[..]);
                }
                _ => line.swap(place, other),
            }
        }
        let shown = String::from_utf8_lossy(&line).into_owned();
        match (History::read_jsonl(line.as_slice()), by_serde(&line)) {
            (Ok(ours), Ok(theirs)) => prop_assert!(outline(&ours) == outline(&theirs) || may_differ(&line), "{}", shown),
            (Err(_), Err(_)) => {}
            (ours, theirs) => {
                prop_assert!(may_differ(&line) || line.trim_ascii().is_empty(), "{}\n{:?}\n{:?}", shown, ours, theirs);
            }
        }
    }
}
