//! The command line from outside: help, every error text with its exit code, lists, and what `--dry-run` prints. Starts no
//! system.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on panics; a skipped one says so")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A directory of its own for every test, so that relative default directories never meet.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path().join(name), text).unwrap();
        format!("./{name}")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("schism"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env("NO_COLOR", "1")
            .env_remove("COLUMNS")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn stdout(arguments: &[&str]) -> String {
    let output = Place::new().run(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The exit code and everything on standard error.
#[track_caller]
fn refused(place: &Place, code: i32, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(output.stdout.is_empty(), "an error printed a result: {}", text(&output.stdout));
    stderr
}

#[test]
fn without_arguments_there_are_three_examples() {
    insta::assert_snapshot!(stdout(&[]));
}

#[test]
fn help_of_the_program() {
    insta::assert_snapshot!(stdout(&["--help"]));
    assert_eq!(stdout(&["--help"]), stdout(&["help"]));
}

#[test]
fn help_of_run() {
    insta::assert_snapshot!(stdout(&["run", "--help"]));
}

#[test]
fn help_of_campaign() {
    insta::assert_snapshot!(stdout(&["campaign", "--help"]));
}

#[test]
fn help_of_check() {
    insta::assert_snapshot!(stdout(&["check", "--help"]));
}

#[test]
fn help_of_report() {
    insta::assert_snapshot!(stdout(&["report", "--help"]));
}

#[test]
fn help_on_exit_codes() {
    insta::assert_snapshot!(stdout(&["help", "exit-codes"]));
}

#[test]
fn help_and_tables_fit_a_hundred_columns() {
    for arguments in [
        &["--help"][..],
        &["run", "--help"],
        &["campaign", "--help"],
        &["check", "--help"],
        &["report", "--help"],
        &["list", "faults"],
        &["list", "systems"],
        &["list", "checkers"],
        &["campaign", "quickstart", "--dry-run"],
        &["campaign", "standard", "--dry-run"],
    ] {
        let printed = stdout(arguments);
        let widest = printed.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(widest <= 100, "{arguments:?} prints {widest} columns:\n{printed}");
    }
}

#[test]
fn usage_errors_end_in_64_and_say_what_to_do() {
    let place = Place::new();
    let cases: &[&[&str]] = &[
        &["run", "--nodes", "0"],
        &["run", "--system", "nod"],
        &["run", "--workload", "sets"],
        &["run", "--fault", "kil-leader"],
        &["run", "--fault", "kill-leader:restart=3"],
        &["run", "--set", "replication"],
        &["run", "--set", "replication=async", "--set", "replication=sync"],
        &["run", "--set", "replicaton=async"],
        &["run", "--set", "replication=asink"],
        &["run", "--time", "10"],
        &["run", "--time", "2s", "--fault", "kill-leader"],
        &["run", "--rate", "0"],
        &["run", "--client-timeout", "2s", "--fault", "partition-leader", "--time", "6s"],
        &["run", "--lifeline"],
        &["campaign", "quikstart"],
        &["campaign"],
        &["check", "--model", "regster", "x.jsonl"],
        &["check", "--checker", "set-ful", "x.jsonl"],
        &["check", "--model", "set", "--checker", "set-full", "x.jsonl"],
        &["help", "exit-code"],
        &["lst"],
    ];
    let told: String = cases
        .iter()
        .map(|arguments| format!("$ schism {}\n{}\n", arguments.join(" "), refused(&place, 64, arguments)))
        .collect();
    insta::assert_snapshot!(told);
}

#[test]
fn bad_input_files_end_in_65_with_their_place() {
    let place = Place::new();
    let broken = place.write("broken.toml", "workloads = \"set\"\nfaults = [\"none\"\n");
    let key = place.write("key.toml", "workloads = \"set\"\nfaults = \"none\"\nsedes = 3\n");
    let combination = place.write(
        "combination.toml",
        "workloads = \"set\"\nfaults = \"none\"\n[[settings]]\nfailover = [\"consensus\", \"timeout\"]\nread = \"read-index\"\n",
    );
    let fault = place.write("fault.toml", "workloads = \"set\"\nfaults = \"earthquake\"\n");
    let unmatched = place.write(
        "unmatched.toml",
        "workloads = \"set\"\nfaults = \"none\"\n[[expect]]\nfault = \"pause\"\nlost = \"required\"\n",
    );
    let history = place.write("bad.jsonl", "{\"time\":1,\"type\":\"invoke\",\"process\":0,\"f\":\"read\"}\nnonsense\n");
    let plan = place.write("plan.json", "{\n  \"format_version\": 1\n}\n");
    let cases: &[&[&str]] = &[
        &["campaign", &broken],
        &["campaign", &key],
        &["campaign", &combination],
        &["campaign", &fault],
        &["campaign", &unmatched],
        &["campaign", "./missing.toml"],
        &["check", "--model", "register", "--format", "json", &history],
        &["check", "--model", "register", "--format", "json", "missing.jsonl"],
        &["run", "--plan", &plan],
        &["report", "."],
    ];
    let told: String = cases
        .iter()
        .map(|arguments| format!("$ schism {}\n{}\n", arguments.join(" "), refused(&place, 65, arguments)))
        .collect();
    insta::assert_snapshot!(told);
}

#[test]
fn a_file_that_is_malformed_does_not_keep_the_others_from_being_judged() {
    let place = Place::new();
    let bad = place.write("bad.jsonl", "nonsense\n");
    let good = place.write(
        "good.jsonl",
        "{\"time\":1,\"type\":\"invoke\",\"process\":0,\"f\":\"write\",\"value\":1}\n\
         {\"time\":2,\"type\":\"ok\",\"process\":0,\"f\":\"write\",\"value\":1}\n",
    );
    let stale = place.write(
        "stale.jsonl",
        "{\"time\":1,\"type\":\"invoke\",\"process\":0,\"f\":\"write\",\"value\":1}\n\
         {\"time\":2,\"type\":\"ok\",\"process\":0,\"f\":\"write\",\"value\":1}\n\
         {\"time\":3,\"type\":\"invoke\",\"process\":0,\"f\":\"read\"}\n\
         {\"time\":4,\"type\":\"ok\",\"process\":0,\"f\":\"read\",\"value\":null}\n",
    );
    let check = |files: &[&str], code: i32| {
        let output = place.run(&[&["check", "--model", "register", "--format", "json"], files].concat());
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<serde_json::Value>>()
    };
    let lines = check(&[&bad, &good], 65);
    assert_eq!((lines.len(), &lines[0]["valid"]), (1, &serde_json::Value::Bool(true)));
    let lines = check(&[&bad, &stale, &good], 1);
    assert_eq!(lines[0]["valid"], false);
    assert_eq!(lines[0]["anomalies"][0], "not-linearizable");
    let mut fields: Vec<&String> = lines[0].as_object().unwrap().keys().collect();
    fields.sort();
    let named = ["algorithm", "anomalies", "file", "model", "ops", "peak_mib", "seconds", "valid", "witness"];
    assert_eq!(fields, named);
}

#[test]
fn a_history_comes_from_standard_input_too() {
    use std::io::Write;
    let place = Place::new();
    let mut child = place
        .command(&["check", "--model", "register", "--format", "json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = b"{\"time\":1,\"type\":\"invoke\",\"process\":0,\"f\":\"write\",\"value\":1}\n";
    child.stdin.take().unwrap().write_all(line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("\"file\":\"-\""));
}

#[test]
fn nothing_tested_is_unknown() {
    let place = Place::new();
    let empty = place.write("empty.jsonl", "");
    assert_eq!(place.run(&["check", "--model", "register", &empty]).status.code(), Some(2));
}

#[test]
fn a_directory_that_is_not_empty_is_refused() {
    let place = Place::new();
    place.write("something", "");
    let told = refused(&place, 64, &["campaign", "quickstart", "--net", "proxy", "--out", "."]);
    assert!(told.contains("is not empty"), "{told}");
}

#[test]
fn a_campaign_without_runs_selects_nothing() {
    let place = Place::new();
    let file = place.write("empty.toml", "workloads = \"set\"\nfaults = \"kill-leader\"\n");
    let told = refused(&place, 4, &["campaign", &file, "--seeds", "0"]);
    assert!(told.contains("the campaign has no runs"), "{told}");
}

#[test]
fn a_dry_run_prints_the_same_twice() {
    let arguments = [
        "run",
        "--nodes",
        "5",
        "--set",
        "replication=async",
        "--fault",
        "partition-leader",
        "--fault",
        "kill-leader",
        "--time",
        "20s",
        "--seed",
        "7",
        "--dry-run",
    ];
    let first = stdout(&arguments);
    assert_eq!(first, stdout(&arguments));
    insta::assert_snapshot!(first);
    let other = stdout(&arguments.map(|word| if word == "7" { "8" } else { word }));
    assert_ne!(first, other);
}

#[test]
fn a_dry_campaign_prints_cells_expectations_and_arithmetic() {
    let arguments = ["campaign", "quickstart", "--jobs", "4", "--dry-run"];
    let first = stdout(&arguments);
    assert_eq!(first, stdout(&arguments));
    insta::assert_snapshot!(first);
}

#[test]
fn a_built_in_campaign_can_be_printed_and_used_as_a_file() {
    let place = Place::new();
    let printed = stdout(&["campaign", "standard", "--print"]);
    let file = place.write("mine.toml", &printed);
    let output = place.run(&["campaign", &file, "--jobs", "4", "--dry-run"]);
    assert_eq!(text(&output.stdout), stdout(&["campaign", "standard", "--jobs", "4", "--dry-run"]));
}

#[test]
fn the_plan_of_a_dry_run_is_the_plan_that_its_command_makes() {
    let place = Place::new();
    let plan = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&place.run(&[arguments, &["--dry-run", "--format", "json"]].concat()).stdout).unwrap()
    };
    let asked =
        ["run", "--nodes", "5", "--set", "failover=timeout", "--fault", "cut-then-kill:cut_ms=100", "--seed", "3"];
    let first = plan(&asked);
    let shown = place.run(&[&asked[..], &["--dry-run"]].concat());
    let shown = text(&shown.stdout);
    let command = shown.lines().last().unwrap();
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    assert_eq!(plan(&words), first);
}

#[test]
fn lists_are_readable_by_machines() {
    for what in ["systems", "workloads", "faults", "checkers", "models", "campaigns"] {
        let items: serde_json::Value = serde_json::from_str(&stdout(&["list", what, "--format", "json"])).unwrap();
        let items = items.as_array().unwrap();
        assert!(!items.is_empty(), "{what}");
        assert!(items.iter().all(|item| item["name"].is_string() && item["description"].is_string()), "{what}");
        assert_eq!(stdout(&["list", what, "--format", "jsonl"]).lines().count(), items.len(), "{what}");
    }
}

#[test]
fn completions_know_the_names_of_the_registries() {
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&["completions", shell]);
        for name in ["campaign", "partition-leader", "quickstart", "register", "etcd"] {
            assert!(script.contains(name), "{shell} does not know {name}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child =
        Place::new().command(&["list", "faults"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
}

#[test]
fn a_full_disk_behind_standard_output_ends_in_74() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Place::new().command(&["list", "faults"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(74), "{}", text(&output.stderr));
}

#[test]
fn a_system_whose_program_is_missing_ends_in_69_with_the_remedy() {
    let place = Place::new();
    let output = place
        .command(&["run", "--system", "etcd", "--workload", "register", "--out", "never"])
        .env("PATH", place.path())
        .output()
        .unwrap();
    if output.status.code() != Some(69) {
        // It is installed where PATH does not matter.
        eprintln!("skipped: etcd is found without PATH");
        return;
    }
    let told = text(&output.stderr);
    assert!(told.contains("apt-get install etcd-server"), "{told}");
    assert!(!place.path().join("never").exists(), "something was left behind");
}
