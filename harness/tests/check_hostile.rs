//! `schism check` on what nobody meant to be a history, or meant to do harm: it names file and line, ends in the right exit
//! code, in bounded time and memory, and judges the other files all the same.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

const INVOKE: &str = r#"{"index":0,"time":1,"type":"invoke","process":0,"f":"write","value":1}"#;
const OK: &str = r#"{"index":1,"time":2,"type":"ok","process":0,"f":"write","value":1}"#;

/// No file here may keep the program busy for longer, even a debug build on a busy machine.
const SECONDS_MAX: u64 = 120;
/// A message is for people.
const MESSAGE_BYTES_MAX: usize = 2_000;

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn json(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs `schism check --model register --format json` on files of a directory, and checks what holds of every end.
#[track_caller]
fn check(directory: &Path, arguments: &[&str]) -> Ended {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("schism"))
        .args(["check", "--model", "register", "--format", "json"])
        .args(arguments)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(File::create(directory.join("stdout")).unwrap())
        .stderr(File::create(directory.join("stderr")).unwrap())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > Duration::from_secs(SECONDS_MAX) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{arguments:?}: still busy after {SECONDS_MAX} s");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let told = |name: &str| String::from_utf8(std::fs::read(directory.join(name)).unwrap()).unwrap();
    let ended = Ended { code: status.code().unwrap_or(-1), stdout: told("stdout"), stderr: told("stderr") };
    assert!(!ended.stderr.contains("panicked") && !ended.stderr.contains("bug of schism"), "{}", ended.stderr);
    assert!(ended.stderr.len() <= MESSAGE_BYTES_MAX, "{arguments:?}: {} bytes of errors", ended.stderr.len());
    ended
}

/// A file, the exit code it means, and what the message has to say.
struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    code: i32,
    says: &'static [&'static str],
}

fn malformed(name: &'static str, bytes: impl Into<Vec<u8>>, says: &'static [&'static str]) -> Case {
    Case { name, bytes: bytes.into(), code: 65, says }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn cases() -> Vec<Case> {
    let lines = |lines: &[&str]| lines.iter().flat_map(|line| [line, "\n"]).collect::<String>();
    let good = lines(&[INVOKE, OK]);
    let with = |from: &str, to: &str| lines(&[INVOKE, &OK.replace(from, to)]);
    // Bytes of no format, the same every time.
    let noise: Vec<u8> =
        (0..100_000_u64).map(|place| (place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let valued = |value: &str| lines(&[&INVOKE.replace("\"value\":1", &format!("\"value\":{value}"))]);
    vec![
        malformed("cut-off.jsonl", &good[..good.len() - 20], &["cut-off.jsonl:2:", "cut off"]),
        malformed("cut-off.jsonl.gz", &packed(good.as_bytes())[..40], &["cut-off.jsonl.gz:"]),
        malformed("noise.jsonl", noise, &["noise.jsonl:1:"]),
        malformed("zeros.jsonl", vec![0; 1 << 20], &["zeros.jsonl:1:"]),
        malformed("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), &["picture.png:1:"]),
        malformed("prose.txt", "Dear reader,\nthis is no history.\n", &["prose.txt:1:"]),
        malformed("array.json", "[1,2,3]\n", &["array.json:1:"]),
        malformed("number.jsonl", "7\n", &["number.jsonl:1:"]),
        malformed("long-line.jsonl", vec![b'a'; 10_000_000], &["long-line.jsonl:1:"]),
        malformed("long-junk.jsonl", [INVOKE.as_bytes(), b"\n", &[b'a'; 10_000_000]].concat(), &["long-junk.jsonl:2:"]),
        malformed("deep.jsonl", deep("[", "]"), &["deep.jsonl:1:"]),
        malformed("deep-value.jsonl", valued(&deep("[", "]")), &["deep-value.jsonl:1:"]),
        malformed("deep-objects.jsonl", valued(&deep("{\"a\":", "}")), &["deep-objects.jsonl:1:"]),
        malformed("deep-open.jsonl", valued(&"[".repeat(100_000)), &["deep-open.jsonl:1:"]),
        malformed("deep.edn", format!("{{:type :invoke, :value {}}}", deep("[", "]")), &["deep.edn:1:"]),
        malformed("same-index.jsonl", with("\"index\":1", "\"index\":0"), &["same-index.jsonl:2:", "index"]),
        malformed("backwards.jsonl", with("\"time\":2", "\"time\":0"), &["backwards.jsonl:2:", "backwards"]),
        malformed("uninvoked.jsonl", lines(&[OK]), &["uninvoked.jsonl:1:", "without having invoked"]),
        malformed("twice.jsonl", lines(&[INVOKE, OK, &OK.replace("\"index\":1", "\"index\":2")]), &["twice.jsonl:3:"]),
        malformed(
            "open-twice.jsonl",
            lines(&[INVOKE, &INVOKE.replace("\"index\":0", "\"index\":1")]),
            &["open-twice.jsonl:2:"],
        ),
        malformed("other.jsonl", with("\"write\"", "\"read\""), &["other.jsonl:2:", "`read`"]),
        malformed("type.jsonl", with("\"ok\"", "\"perhaps\""), &["type.jsonl:2:", "perhaps"]),
        malformed("typeless.jsonl", with("\"type\":\"ok\",", ""), &["typeless.jsonl:2:", "type"]),
        malformed("process.jsonl", with("\"process\":0", "\"process\":-1"), &["process.jsonl:2:", "process"]),
        malformed("huge-index.jsonl", with("\"index\":1", "\"index\":99999999999999999999"), &["huge-index.jsonl:2:"]),
        malformed("huge-time.jsonl", with("\"time\":2", "\"time\":1e400"), &["huge-time.jsonl:2:"]),
        malformed(
            "not-utf-8.jsonl",
            [INVOKE.as_bytes(), b"\n{\"type\":\"\xff\xfe\"}\n"].concat(),
            &["not-utf-8.jsonl:2:"],
        ),
        malformed("surrogate.jsonl", valued(r#""\ud800""#), &["surrogate.jsonl:1:"]),
        malformed("control.jsonl", valued("\"\u{1}\""), &["control.jsonl:1:"]),
        malformed("colours.jsonl", with("\"ok\"", "\"\\u001b[31mred\\u0007\""), &["colours.jsonl:2:"]),
        Case { name: "empty.jsonl", bytes: Vec::new(), code: 2, says: &[] },
        Case { name: "empty.jsonl.gz", bytes: packed(b""), code: 2, says: &[] },
        Case { name: "blank.jsonl", bytes: b"\n\n \n\t\n".to_vec(), code: 2, says: &[] },
        Case { name: "windows.jsonl", bytes: good.replace('\n', "\r\n").into_bytes(), code: 0, says: &[] },
        Case { name: "marked.jsonl", bytes: format!("\u{feff}{good}").into_bytes(), code: 0, says: &[] },
        Case { name: "open.jsonl", bytes: lines(&[INVOKE]).into_bytes(), code: 0, says: &[] },
        Case { name: "long-value.jsonl", bytes: long_value(), code: 0, says: &[] },
        Case { name: "many-processes.jsonl", bytes: many_processes(), code: 0, says: &[] },
    ]
}

/// A history whose one value is a text of ten million characters.
fn long_value() -> Vec<u8> {
    let long = format!("\"value\":\"{}\"", "x".repeat(10_000_000));
    [INVOKE, OK].map(|line| line.replace("\"value\":1", &long) + "\n").concat().into_bytes()
}

/// A hundred thousand processes that never hear of their writes again, under numbers as large as they get.
fn many_processes() -> Vec<u8> {
    let line = |place: u64| {
        let process = (1_u64 << 63) - 1 - place * 0x1_0000_0001;
        format!(
            "{{\"index\":{place},\"time\":{place},\"type\":\"invoke\",\"process\":{process},\"f\":\"write\",\"value\":{place}}}\n"
        )
    };
    (0..100_000).map(line).collect::<String>().into_bytes()
}

#[test]
fn every_bad_file_is_named_with_its_line_and_ends_in_its_exit_code() {
    let place = tempfile::tempdir().unwrap();
    for Case { name, bytes, code, says } in cases() {
        std::fs::write(place.path().join(name), bytes).unwrap();
        let ended = check(place.path(), &[name]);
        assert_eq!(ended.code, code, "{name}: {}", ended.stderr);
        for part in says {
            assert!(ended.stderr.contains(part), "{name}: {:?} is not said: {}", part, ended.stderr);
        }
        let has_control = ended.stderr.chars().any(|character| character.is_control() && character != '\n');
        assert!(!has_control, "{name}: {:?}", ended.stderr);
        assert_eq!(ended.json().len(), usize::from(code != 65), "{name}: a verdict or an error, not both");
    }
}

#[test]
fn the_other_files_are_judged_all_the_same() {
    let place = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for Case { name, bytes, .. } in cases().into_iter().filter(|case| case.code == 65 && case.bytes.len() < 1_000_000) {
        std::fs::write(place.path().join(name), bytes).unwrap();
        names.push(name);
    }
    names.truncate(12);
    std::fs::write(place.path().join("good.jsonl"), format!("{INVOKE}\n{OK}\n")).unwrap();
    let stale = r#"{"index":2,"time":3,"type":"invoke","process":0,"f":"read"}
{"index":3,"time":4,"type":"ok","process":0,"f":"read","value":7}
"#;
    std::fs::write(place.path().join("garbage.jsonl"), format!("{INVOKE}\n{OK}\n{stale}")).unwrap();
    std::fs::write(place.path().join("empty.jsonl"), "").unwrap();
    let first = check(place.path(), &[&["good.jsonl"], names.as_slice(), &["missing.jsonl", "good.jsonl"]].concat());
    assert_eq!(first.code, 65, "{}", first.stderr);
    let verdicts: Vec<_> = first.json().iter().map(|line| line["valid"].clone()).collect();
    assert_eq!(verdicts, [true, true]);
    assert_eq!(first.stderr.matches("error:").count(), names.len() + 1, "{}", first.stderr);
    let all = [names.as_slice(), &["empty.jsonl", "garbage.jsonl", "good.jsonl"]].concat();
    let second = check(place.path(), &all);
    assert_eq!(second.code, 1, "a violation counts before bad input: {}", second.stderr);
    let verdicts: Vec<_> = second.json().iter().map(|line| line["valid"].clone()).collect();
    assert_eq!(verdicts, [serde_json::Value::Null, false.into(), true.into()]);
}

#[test]
fn what_is_no_file_of_lines_is_refused() {
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("directory")).unwrap();
    for (name, code) in
        [("missing.jsonl", 65), ("directory", 65), ("directory/below/nothing", 65), ("/proc/self/mem", 74)]
    {
        let ended = check(place.path(), &[name]);
        assert_eq!(ended.code, code, "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains(name), "{name} is not named: {}", ended.stderr);
    }
    let ended = check(place.path(), &["/dev/null"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
}

#[test]
fn a_file_larger_than_the_memory_it_may_have_is_unknown() {
    const MEMORY_MIB: f64 = 64.0;
    let place = tempfile::tempdir().unwrap();
    let made = Command::new(assert_cmd::cargo::cargo_bin!("schism"))
        .args(["synth", "--seed", "1", "--operations", "1300000", "--clients", "30", "--keys", "1000"])
        .args(["--out", "big.jsonl"])
        .current_dir(place.path())
        .status()
        .unwrap();
    assert!(made.success());
    let bytes = place.path().join("big.jsonl").metadata().unwrap().len();
    assert!(bytes > 200_000_000, "{bytes}");
    std::fs::write(place.path().join("good.jsonl"), format!("{INVOKE}\n{OK}\n")).unwrap();
    let limit = MEMORY_MIB.to_string();
    let ended = check(place.path(), &["--memory-limit", &limit, "big.jsonl", "good.jsonl"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let judged = ended.json();
    assert_eq!((&judged[0]["valid"], &judged[1]["valid"]), (&serde_json::Value::Null, &true.into()));
    let peak_mib = judged[0]["peak_mib"].as_f64().unwrap();
    // The program itself, and the piece of the file at hand, come on top.
    assert!(peak_mib < MEMORY_MIB + 48.0, "{peak_mib} MiB");
    let told = ended.stdout.lines().next().unwrap();
    assert!(told.contains("memory"), "the reason is not told: {told}");
}

#[test]
fn a_small_file_that_unpacks_to_a_huge_line_is_unknown() {
    let place = tempfile::tempdir().unwrap();
    for (name, start) in [("bomb.jsonl.gz", "{\"value\":\""), ("bomb.edn.gz", "{:value \""), ("spaces.jsonl.gz", "")] {
        let file = BufWriter::new(File::create(place.path().join(name)).unwrap());
        let mut encoder = GzEncoder::new(file, Compression::fast());
        encoder.write_all(start.as_bytes()).unwrap();
        let piece = vec![if start.is_empty() { b' ' } else { b'x' }; 1 << 20];
        (0..256).for_each(|_| encoder.write_all(&piece).unwrap());
        encoder.finish().unwrap().flush().unwrap();
        let ended = check(place.path(), &["--memory-limit", "64", name]);
        assert_eq!(ended.code, 2, "{name}: {}", ended.stderr);
        let peak_mib = ended.json()[0]["peak_mib"].as_f64().unwrap();
        assert!(peak_mib < 64.0 + 48.0, "{name}: {peak_mib} MiB");
    }
}

#[test]
fn a_deadline_is_kept_while_reading_and_while_judging() {
    let place = tempfile::tempdir().unwrap();
    let made = Command::new(assert_cmd::cargo::cargo_bin!("schism"))
        .args(["synth", "--seed", "1", "--model", "queue", "--operations", "60000", "--clients", "30"])
        .args(["--values", "2", "--out", "hard.jsonl"])
        .current_dir(place.path())
        .status()
        .unwrap();
    assert!(made.success());
    let started = Instant::now();
    let output = Command::new(assert_cmd::cargo::cargo_bin!("schism"))
        .args(["check", "--model", "queue", "--timeout", "300ms", "--format", "json", "hard.jsonl"])
        .current_dir(place.path())
        .output()
        .unwrap();
    let took = started.elapsed();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(took < Duration::from_secs(20), "{took:?}");
}
