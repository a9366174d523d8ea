//! Formats other than JSON lines, compression, limits, and input that means harm.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::outline_test::outline;
use super::*;
use crate::history::{Outcome, Process};

fn read(text: &str) -> Result<History, ReadError> {
    History::read(text.as_bytes(), &ReadOptions::default())
}

fn refused(text: &str, line: u64, part: &str) {
    let error = read(text).unwrap_err();
    assert_eq!(error.line, line, "{error}");
    assert!(error.reason.contains(part), "{error} does not say {part:?}");
}

fn leave_out(text: &[u8]) -> History {
    History::read(text, &ReadOptions { tail: TruncatedTail::LeaveOut, ..ReadOptions::default() }).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The values of all lines as JSON text.
fn values(history: &History) -> Vec<String> {
    lines::lines(history).map(|line| history.values().display(line.value).to_string()).collect()
}

const EDN: &str = "{:process 4, :type :invoke, :f :read, :value nil}\n{:process 4, :type :ok, :f :read, :value 3}\n";

#[test]
fn edn_comes_as_lines_as_one_vector_or_list_and_tagged() {
    let expected = outline(&read(EDN).unwrap());
    let maps: Vec<&str> = EDN.lines().collect();
    for text in [
        format!("[{}]", EDN),
        format!("({})", EDN),
        format!("; comment\n[{}\n {}]\n\n; end", maps[0], maps[1]),
        format!("#jepsen.history.Op{}, #jepsen.history.Op {}", maps[0], maps[1]),
        format!("[#_ {{:process 9}} {} #_#_ x y {}]", maps[0], maps[1]),
        EDN.replace(", ", "\n ,"),
        EDN.replace(":value nil", "")
            .replace("{:process 4, :type", "{:time nil :exception {:via [1 #{\\a}]} :type :process 4 :type")
            .replace(":type :process 4 :type", ":process 4 :type"),
        format!("\u{feff}{EDN}"),
    ] {
        let history = read(&text).unwrap_or_else(|error| panic!("{text}\n{error}"));
        assert_eq!(outline(&history), expected, "{text}");
        assert_eq!(history.source(), Source::Edn);
    }
    let history = read(EDN).unwrap();
    assert!(!history.has_clock());
    assert_eq!(history.operation(0).unwrap().completed_ns(), Some(1));
}

#[test]
fn every_value_of_edn_has_a_meaning() {
    let cases = [
        ("nil", "null"),
        ("true", "true"),
        (":a/b", "\"a/b\""),
        ("sym", "\"sym\""),
        ("-7", "-7"),
        ("+7", "7"),
        ("7N", "7"),
        ("-0", "0"),
        ("123456789012345678901234567890N", "123456789012345678901234567890"),
        ("1.5", "1.5"),
        ("2.0", "2"),
        ("1e3", "1000"),
        ("1.50M", "1.50"),
        ("5M", "5"),
        ("2/3", "\"2/3\""),
        ("-4/6", "\"-2/3\""),
        ("4/2", "2"),
        ("##NaN", "\"##NaN\""),
        ("##-Inf", "\"##-Inf\""),
        ("\\a", "\"a\""),
        ("\\newline", "\"\\n\""),
        ("\\(", "\"(\""),
        ("\\é", "\"é\""),
        ("\\u00e9", "\"é\""),
        ("\"a\\n\\\"\\u00e9\nb\"", "\"a\\n\\\"é\\nb\""),
        ("(1 2)", "[1,2]"),
        ("[1, [:r \"x\"]]", "[1,[\"r\",\"x\"]]"),
        ("#{3 1 2 1}", "[1,2,3]"),
        ("{:a 1 \"b\" [2]}", "{\"a\":1,\"b\":[2]}"),
        ("#inst \"2020-01-01\"", "\"2020-01-01\""),
        ("#uuid \"f81d\"", "\"f81d\""),
        ("#my/tag [1]", "[1]"),
        ("#\"a.*\"", "\"a.*\""),
        ("[1 #_[2 #_3] 4 ; five 5\n 6]", "[1,4,6]"),
        ("-", "\"-\""),
        ("->x", "\"->x\""),
    ];
    for (edn, json) in cases {
        let history = read(&format!("{{:type :invoke :f :write :value {edn} :process 0}}")).unwrap();
        assert_eq!(values(&history), [json], "{edn}");
    }
}

#[test]
fn faulty_edn_is_named_by_line_and_column() {
    let with = |value: &str| format!("{{:type :invoke :f :write :process 0\n :value {value}}}\n");
    refused(&with("01"), 2, "`01` is not a number (column 9)");
    refused(&with("1/0"), 2, "not a number");
    refused(&with("1.x"), 2, "not a number");
    refused(&with("\\foo"), 2, "no such character");
    refused(&with("\"\\q\""), 2, "no such escape");
    refused(&with("[1 2)"), 2, "expected `]`");
    refused(&with("{1}"), 2, "has no value");
    refused(&with(""), 2, "`:value` has no value");
    refused(&with("#<Foo bar>"), 2, "what cannot be read back");
    refused(&with(":"), 2, "a keyword needs a name");
    refused(&with("1 :value 2"), 2, "`:value` comes twice");
    refused("{:type :maybe :f :read}", 1, "unknown type `maybe`");
    refused("{:f :read}", 1, "`:type` is missing");
    refused("{:type :invoke :value 3}\n", 1, "`:f` is missing");
    refused("{:type :invoke :f :read :process -1}", 1, "a process is a whole number");
    refused("[[{:type :invoke}]]", 1, "this is no history");
    refused("; x\n[[{:type :invoke}]]", 2, "expected an operation");
    refused("; x\n5", 2, "expected an operation");
    refused("{:type :invoke :f :read} ]", 1, "expected an operation");
    refused(&format!("{EDN}\n{EDN}").replace(":ok", ":invoke"), 2, "still open");
    refused("; nothing\n\n{:type :ok :f :read}\n", 3, "without having invoked");
    refused(
        "{:index 1 :type :invoke :f :a :process 1}\n{:index 1 :type :invoke :f :a :process 2}",
        2,
        "index must grow",
    );
}

#[test]
fn edn_that_is_cut_off_is_refused_unless_the_prefix_is_asked_for() {
    for text in [EDN.to_owned(), format!("[{EDN}]"), format!("({EDN}")] {
        let text = text.trim_end();
        let second = text.rfind("{").unwrap();
        for length in second + 1..text.len() {
            refused(&text[..length], 2, "cut off");
            let history = leave_out(&text.as_bytes()[..length]);
            assert!(history.is_truncated(), "{}", &text[..length]);
        }
    }
    assert!(!leave_out(EDN.trim_end().as_bytes()).is_truncated());
}

#[test]
fn a_transaction_needs_no_function_and_a_lone_client_no_process() {
    let text = "{:index 0 :type :invoke :value [[:append 253 1]]}\n{:index 1 :type :ok :value [[:append 253 1]]}";
    let history = read(text).unwrap();
    let operation = history.operation(0).unwrap();
    assert_eq!((operation.f(), operation.outcome()), ("txn", Outcome::Ok));
    assert_eq!(values(&history), ["[[\"append\",253,1]]"; 2]);
}

#[test]
fn in_edn_the_order_of_lines_is_the_order_of_events() {
    let text = "{:type :invoke :f :read :process 0 :time 50}\n{:type :ok :f :read :process 0 :time 40 :value 1}\n";
    let history = read(text).unwrap();
    assert!(!history.has_clock());
    // Equal times would make concurrent what was not.
    let history = read(&text.replace("40", "50")).unwrap();
    assert!(!history.has_clock());
    let history = read(&text.replace("40", "60")).unwrap();
    assert!(history.has_clock());
    assert_eq!(history.operation(0).unwrap().completed_ns(), Some(60));
}

#[test]
fn whoever_has_a_keyword_for_a_name_is_a_nemesis() {
    let text = "{:type :info :f :start :process :nemesis}{:type :info :f :x :process :clock}{:type :invoke :f :read :process \"a\"}";
    let history = read(text).unwrap();
    assert_eq!((history.notes().len(), history.operations().len()), (2, 1));
    assert_eq!(history.operation(0).unwrap().process_name(), &Process::Named("a".to_owned()));
}

#[test]
fn independent_keys_are_taken_out_of_values() {
    let text = EDN.replace("nil", "[\"x\" nil]").replace("3", "[\"x\" 3]");
    let options = ReadOptions { independent: true, ..ReadOptions::default() };
    let history = History::read(text.as_bytes(), &options).unwrap();
    assert_eq!(history.key_name(history.operation(0).unwrap().key()), "x");
    assert_eq!(values(&history), ["null", "3"]);
}

#[test]
fn errors_are_kept_as_text() {
    let text = "{:type :invoke :f :a :process 1}{:type :fail :f :a :process 1 :error [:no-client \"x\"]}
                {:type :invoke :f :a :process 1}{:type :info :f :a :process 1 :error :timeout}";
    let history = read(text).unwrap();
    let errors: Vec<_> = history.operations().map(|operation| operation.error()).collect();
    assert_eq!(errors, [Some("[:no-client \"x\"]"), Some("timeout")]);
}

const LOG: &str = "WARN something else\nINFO  jepsen.util - 0\t:invoke\t:write\t3\nINFO  jepsen.util - 0\t:ok\t:write\t3\n\
                   INFO  jepsen.util - :nemesis\t:info\t:start\tCut off #<x>\nINFO - 1\t:invoke\t:cas\t[3 4]\n\n\
                   INFO - 1\t:info\t:cas\t:timed-out\n2\t:invoke\t:read\tnil\n2\t:fail\t:read\t:timed-out\tmore\n";

#[test]
fn log_lines_are_read_and_others_passed_over() {
    let history = read(LOG).unwrap();
    assert_eq!(history.source(), Source::JepsenLog);
    assert_eq!(values(&history), ["3", "3", "\"Cut off #<x>\"", "[3,4]", "null", "null", "null"]);
    let outcomes: Vec<_> = history.operations().map(|operation| (operation.outcome(), operation.error())).collect();
    let expected = [(Outcome::Ok, None), (Outcome::Info, Some("timed-out")), (Outcome::Fail, Some("timed-out\tmore"))];
    assert_eq!(outcomes, expected);
    assert_eq!(history.notes().len(), 1);
}

#[test]
fn faulty_log_lines_are_named() {
    refused(&LOG.replace("[3 4]", "[3 4"), 5, "expected `]`");
    refused(&LOG.replace("[3 4]", "3 4"), 5, "more after the value");
    refused(&LOG.replace("- 1\t:invoke", "- one\t:invoke"), 5, "no process number");
    refused(&LOG.replace("1\t:invoke", "0\t:ok"), 5, "without having invoked");
    let cut_off = LOG.trim_end();
    refused(cut_off, 9, "may be cut off");
    assert_eq!(leave_out(cut_off.as_bytes()).line_count(), 6);
}

#[test]
fn an_undecided_operation_does_not_keep_its_process_busy() {
    let text = "0\t:invoke\t:write\t1\n0\t:info\t:write\t:timed-out\n0\t:invoke\t:write\t2\n0\t:ok\t:write\t2\n";
    let history = read(text).unwrap();
    let outcomes: Vec<_> = history.operations().map(|operation| operation.outcome()).collect();
    assert_eq!(outcomes, [Outcome::Info, Outcome::Ok]);
    assert_eq!(history.operation(0).unwrap().completed_ns(), None);
}

#[test]
fn compression_is_found_by_itself() {
    for text in [EDN, LOG, "{\"time\":1,\"type\":\"invoke\",\"process\":0,\"f\":\"read\"}\n"] {
        let packed = gzip(text.as_bytes());
        let expected = outline(&read(text).unwrap());
        let history = History::read(packed.as_slice(), &ReadOptions::default()).unwrap();
        assert_eq!(outline(&history), expected);
        // Several members one after another are one text, as with gzip itself.
        let (head, tail) = text.split_at(text.find('\n').unwrap());
        let history =
            History::read([gzip(head.as_bytes()), gzip(tail.as_bytes())].concat().as_slice(), &ReadOptions::default());
        assert_eq!(outline(&history.unwrap()), expected);
    }
}

#[test]
fn damaged_compression_is_named() {
    let text: String = (0..20_000)
        .map(|number| format!("{{\"time\":{number},\"type\":\"invoke\",\"process\":{number},\"f\":\"read\"}}\n"))
        .collect();
    let packed = gzip(text.as_bytes());
    for length in [packed.len() / 2, packed.len() - 1] {
        let error = History::read(&packed[..length], &ReadOptions::default()).unwrap_err();
        assert!(error.reason.contains("cut off"), "{error}");
        assert!(error.line <= 20_000, "{error}");
        let history = leave_out(&packed[..length]);
        assert!(history.is_truncated() && history.line_count() > 1000, "{}", history.line_count());
    }
    let mut damaged = packed.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 16].fill(0xff);
    let error = History::read(damaged.as_slice(), &ReadOptions::default()).unwrap_err();
    assert_eq!(error.kind, ReadErrorKind::Malformed);
    let error = History::read(gzip(&packed).as_slice(), &ReadOptions::default()).unwrap_err();
    assert!(error.reason.contains("no history"), "{error}");
}

#[test]
fn what_is_no_history_is_refused_with_the_formats_that_are() {
    for text in ["index,time\n1,2\n", "\u{7f}ELF\u{1}\u{1}", "[{\"time\":1}]", "hello", "\0\0\0\0"] {
        refused(text, 1, "this is no history: known are JSON");
    }
    assert_eq!(read("").unwrap().line_count(), 0);
    assert_eq!(read("\n\n").unwrap().line_count(), 0);
}

/// A line again and again, without end.
struct Endless {
    line: &'static [u8],
    at: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for byte in buffer.iter_mut() {
            *byte = self.line[self.at];
            self.at = (self.at + 1) % self.line.len();
        }
        Ok(buffer.len())
    }
}

#[test]
fn limits_hold_over_input_without_end() {
    let inputs: [&[u8]; 10] = [
        b"{\"time\":1,\"type\":\"info\",\"process\":\"nemesis\",\"f\":\"read\"}\n",
        b"{\"time\":1,\"type\":\"info\",\"process\":\"nemesis\",\"f\":\"read\",\"value\":[[1],[2],",
        b"{:type :info :f :read :process :nemesis}\n",
        b"{:type :info :f :read :process :nemesis :value [[1] [2] [[3]] ",
        b"(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((",
        b"{:type [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        b"#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_#_",
        b"{\"a\":",
        b"{:type :info :f :a :process :nemesis :value \"",
        b":nemesis\t:info\t:start\tx\n",
    ];
    for line in inputs {
        let options = ReadOptions { memory_bytes: 4 << 20, ..ReadOptions::default() };
        let error = History::read(Endless { line, at: 0 }, &options).unwrap_err();
        let named = matches!(error.kind, ReadErrorKind::MemoryLimit | ReadErrorKind::Malformed);
        assert!(named, "{}: {error}", String::from_utf8_lossy(line));
        let asked = std::cell::Cell::new(0);
        let should_stop = || asked.replace(asked.get() + 1) > 3;
        let options = ReadOptions { should_stop: &should_stop, ..ReadOptions::default() };
        let error = History::read(Endless { line, at: 0 }, &options).unwrap_err();
        assert!(matches!(error.kind, ReadErrorKind::Stopped | ReadErrorKind::Malformed), "{error}");
    }
}

#[test]
fn deep_nesting_is_an_error() {
    let deep = "[".repeat(1_000_000);
    refused(&format!("{{:type :invoke :f :write :value {deep}"), 1, "forms in each other");
    refused(&format!("{{:type :invoke :f :write :other {deep}"), 1, "forms in each other");
    refused(&format!("{{:type :invoke {}", "#_".repeat(1_000_000)), 1, "forms in each other");
    refused(&format!("{{:type :invoke :value {}", "#t ".repeat(1_000_000)), 1, "forms in each other");
    let line = "{\"time\":1,\"type\":\"info\",\"process\":0,\"f\":\"a\",";
    refused(&format!("{line}\"value\":{deep}"), 1, "in each other");
    refused(&format!("{line}\"other\":{}", "{\"a\":".repeat(1_000_000)), 1, "in each other");
}

#[test]
fn long_lines_are_read() {
    let items: Vec<String> = (0..1_500_000).map(|item| item.to_string()).collect();
    let text = format!(
        "{{\"time\":1,\"type\":\"info\",\"process\":\"nemesis\",\"f\":\"a\",\"value\":[{}]}}\n{{\"time\":2,\"type\":\"info\",\"process\":\"nemesis\",\"f\":\"b\",\"value\":7}}\n",
        items.join(",")
    );
    assert!(text.len() > 10_000_000);
    let history = read(&text).unwrap();
    assert_eq!(history.values().as_list(history.notes()[0].value).unwrap().len(), items.len());
    let text = format!("[{{:type :info :process :nemesis :f :a :value ({})}}]", items.join(" "));
    let history = read(&text).unwrap();
    assert_eq!(history.values().as_list(history.notes()[0].value).unwrap().len(), items.len());
}
