//! `schism check` as people use it: formats that are found by themselves, what they mean, transactions, pictures.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::io::Write;
use std::path::Path;

use assert_cmd::Command;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tempfile::TempDir;

const EDN: &str = "[{:process 0, :type :invoke, :f :write, :value 1}\n {:process 0, :type :ok, :f :write, :value 1}\n \
                   {:process 1, :type :invoke, :f :read, :value nil}\n {:process 1, :type :ok, :f :read, :value 0}]\n";
const LOG: &str = "INFO  jepsen.util - 0\t:invoke\t:write\t3\nINFO  jepsen.util - 0\t:ok\t:write\t3\n\
                   INFO  jepsen.util - 1\t:invoke\t:read\tnil\nINFO  jepsen.util - 1\t:ok\t:read\t3\n";
const KV: &str = "{:process 0, :type :invoke, :f :append, :key \"k\", :value \"a\"}\n\
                  {:process 0, :type :ok, :f :append, :key \"k\", :value \"a\"}\n\
                  {:process 1, :type :invoke, :f :get, :key \"k\", :value nil}\n\
                  {:process 1, :type :ok, :f :get, :key \"k\", :value \"a\"}\n";
/// Each of two transactions misses what the other wrote: write skew.
const SKEW: &str = r#"{"time":1,"type":"invoke","process":0,"f":"txn","value":[["r","x",null],["append","y",1]]}
{"time":2,"type":"invoke","process":1,"f":"txn","value":[["r","y",null],["append","x",1]]}
{"time":3,"type":"ok","process":0,"f":"txn","value":[["r","x",[]],["append","y",1]]}
{"time":4,"type":"ok","process":1,"f":"txn","value":[["r","y",[]],["append","x",1]]}
{"time":5,"type":"invoke","process":2,"f":"txn","value":[["r","x",null],["r","y",null]]}
{"time":6,"type":"ok","process":2,"f":"txn","value":[["r","x",[1]],["r","y",[1]]]}
"#;

struct Place {
    directory: TempDir,
}

impl Place {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        Self { directory }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn check(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("schism"));
        command.arg("check").args(arguments).current_dir(self.directory.path()).env("NO_COLOR", "1");
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }

    fn json(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let (code, stdout) = self.check(&[arguments, &["--format", "jsonl"]].concat());
        (code, stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn formats_are_found_by_themselves_compressed_or_not() {
    let place = Place::new(&[("a.log", LOG.as_bytes()), ("b", &gzip(LOG)), ("c.txt", KV.as_bytes())]);
    let (code, judged) = place.json(&["--model", "register", "a.log", "b"]);
    assert_eq!(code, 0, "{judged:?}");
    assert!(judged.iter().all(|one| one["valid"] == true && one["ops"] == 2), "{judged:?}");
    let (code, judged) = place.json(&["--model", "kv", "c.txt"]);
    assert_eq!((code, &judged[0]["valid"]), (0, &Value::Bool(true)), "{judged:?}");
}

#[test]
fn a_format_has_its_meaning_and_flags_outweigh_it() {
    let place = Place::new(&[("a.edn", EDN.as_bytes())]);
    // Registers of EDN begin at 0, but 1 was written before the read began.
    assert_eq!(place.json(&["--model", "register", "a.edn"]).0, 1);
    let before = EDN.replace(":value 0}", ":value nil}");
    let place = Place::new(&[("a.edn", before.as_bytes())]);
    assert_eq!(place.json(&["--model", "register", "a.edn"]).0, 0, "a null read of EDN says nothing");
    assert_eq!(place.json(&["--model", "register", "--null-reads", "value", "a.edn"]).0, 1);
    let read_first = "{:process 1, :type :invoke, :f :read}\n{:process 1, :type :ok, :f :read, :value 0}\n";
    let place = Place::new(&[("a.edn", read_first.as_bytes())]);
    assert_eq!(place.json(&["--model", "register", "a.edn"]).0, 0);
    assert_eq!(place.json(&["--model", "register", "--initial", "null", "a.edn"]).0, 1);
}

#[test]
fn the_search_alone_says_the_same() {
    let place = Place::new(&[("a.log", LOG.as_bytes())]);
    let (code, judged) = place.json(&["--model", "register", "--method", "search", "--threads", "1", "a.log"]);
    assert_eq!((code, judged[0]["algorithm"].as_str()), (0, Some("search")), "{judged:?}");
}

#[test]
fn transactions_are_judged_by_the_model_asked_for() {
    let place = Place::new(&[("skew.jsonl", SKEW.as_bytes())]);
    let (code, judged) = place.json(&["--model", "list-append", "skew.jsonl"]);
    assert_eq!((code, &judged[0]["valid"]), (1, &Value::Bool(false)));
    assert_eq!(judged[0]["anomalies"], serde_json::json!(["G2-item"]));
    assert!(judged[0]["witness"]["events"].as_array().unwrap().len() >= 4);
    let (code, judged) =
        place.json(&["--model", "list-append", "--consistency-model", "snapshot-isolation", "skew.jsonl"]);
    assert_eq!((code, &judged[0]["anomalies"]), (0, &serde_json::json!([])), "{judged:?}");
    assert_eq!(judged[0]["consistency"]["counts"]["G2-item"], 1);
    let (code, text) = place.check(&["--model", "list-append", "skew.jsonl"]);
    assert_eq!(code, 1);
    assert!(text.contains("Does not hold: repeatable-read"), "{text}");
    assert_eq!(place.check(&["--model", "list-append", "--consistency-model", "snapshot", "skew.jsonl"]).0, 64);
}

#[test]
fn every_model_is_listed() {
    let place = Place::new(&[]);
    let (code, text) = place.check(&["--list-models", "--format", "json"]);
    assert_eq!(code, 0);
    let listed: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<&str> =
        listed["models"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
    for name in ["register", "set", "queue", "kv", "multi-register", "list-append", "rw-register"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let consistency = listed["consistency_models"].as_array().unwrap();
    assert!(consistency.iter().any(|model| model["name"] == "strict-serializable"));
}

#[test]
fn what_shows_a_violation_is_drawn() {
    let place = Place::new(&[("a.edn", EDN.as_bytes()), ("b.edn", EDN.as_bytes())]);
    let (code, text) = place.check(&["--model", "register", "--svg", "why.svg", "a.edn"]);
    assert_eq!(code, 1);
    assert!(text.contains("process 0  ├"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(is_picture(&place.path("why.svg")));
    let (code, _) = place.check(&["--model", "register", "--svg", "pictures", "a.edn", "b.edn"]);
    assert_eq!(code, 1);
    assert!(is_picture(&place.path("pictures/1-a.edn.svg")) && is_picture(&place.path("pictures/2-b.edn.svg")));
}

fn is_picture(path: &Path) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text.starts_with("<svg") || text.starts_with("<?xml"))
}

#[test]
fn the_readable_part_of_a_cut_off_history_is_judged_on_request() {
    let whole = SKEW.lines().take(4).collect::<Vec<_>>().join("\n") + "\n";
    let cut = format!("{whole}{}", &SKEW.lines().nth(4).unwrap()[..30]);
    let place = Place::new(&[("cut.jsonl", cut.as_bytes())]);
    assert_eq!(place.check(&["--model", "list-append", "cut.jsonl"]).0, 65);
    let (_, judged) = place.json(&["--model", "list-append", "--prefix", "cut.jsonl"]);
    assert_eq!(judged[0]["ops"], 2, "{judged:?}");
}

#[test]
fn named_checkers_judge_together() {
    let place = Place::new(&[("a.log", LOG.as_bytes())]);
    let (code, judged) = place.json(&["--checker", "session", "--checker", "client-lint", "a.log"]);
    assert_eq!((code, &judged[0]["valid"]), (0, &Value::Bool(true)), "{judged:?}");
    assert_eq!(judged[0]["ops"], 2);
}
