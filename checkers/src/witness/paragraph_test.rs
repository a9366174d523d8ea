//! Paragraphs as they are read.

use serde_json::{Value, json};

use crate::history::History;
use crate::model::{self, Model};
use crate::testing::HistoryText;
use crate::witness::{SvgOptions, svg, timeline};
use crate::{Limits, check_model};

fn told(history: &History, model: &Model) -> String {
    let check = check_model(history, model, &Limits::NONE);
    let witness = check.witness.expect("a contradiction");
    format!("by {}: {}\n\n{}", check.algorithm, witness.text, timeline(history, &witness, 100))
}

/// The example of `docs/witnesses.md`.
fn stale_read() -> History {
    let mut text = HistoryText::new();
    for round in 0..30 {
        let at = 100 * round;
        text.ok((at, at + 20), 1, "write", json!(round % 5), json!(round % 5));
        text.ok((at + 10, at + 40), 2, "read", Value::Null, json!(round % 5));
        text.ok((at + 30, at + 60), 3, "cas", json!([round % 5, (round + 1) % 5]), Value::Null);
        text.ok((at + 70, at + 90), 4, "read", Value::Null, json!((round + 1) % 5));
    }
    text.fault(2_990, "partition-leader", 1, "applied").fault(4_000, "partition-leader", 1, "healed");
    text.ok((3000, 3005), 3, "write", json!(3), json!(3)).with("node", "n1");
    text.ok((3002, 3019), 5, "write", json!(4), json!(4)).with("node", "n2");
    text.invoke(3004, 7, "write", json!(2));
    text.ok((3021, 3025), 2, "read", Value::Null, json!(4)).with("node", "n2");
    text.ok((3026, 3030), 3, "read", Value::Null, json!(3)).with("node", "n1");
    text.ok((3040, 3050), 3, "write", json!(3), json!(3)).with("node", "n1");
    text.history()
}

#[test]
fn a_stale_read_of_a_register_with_few_values() {
    insta::assert_snapshot!(told(&stale_read(), &model::REGISTER));
}

#[test]
fn the_documentation_shows_what_is_told_and_drawn() {
    let history = stale_read();
    let witness = check_model(&history, &model::REGISTER, &Limits::NONE).witness.expect("a contradiction");
    let docs = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"));
    let drawn = svg(&history, &witness, &SvgOptions::default());
    if std::env::var_os("SCHISM_UPDATE_DOCS").is_some() {
        std::fs::write(docs.join("witness.svg"), &drawn).unwrap();
    }
    let shown = std::fs::read_to_string(docs.join("witness.svg")).unwrap();
    assert!(shown == drawn, "SCHISM_UPDATE_DOCS=1 cargo test -p schism-checkers --lib documentation");
    let page = std::fs::read_to_string(docs.join("witnesses.md")).unwrap();
    assert!(page.contains(&timeline(&history, &witness, 100)));
    assert!(page.replace("\n> ", " ").contains(&witness.text));
}

#[test]
fn a_chain_of_compare_and_sets() {
    let mut text = HistoryText::new();
    text.ok((0, 1), 1, "write", json!(1), json!(1));
    text.ok((2, 3), 1, "write", json!(1), json!(1));
    text.ok((10, 11), 2, "cas", json!([1, 2]), Value::Null).ok((12, 13), 3, "cas", json!([2, 3]), Value::Null);
    text.ok((14, 15), 2, "cas", json!([2, 4]), Value::Null);
    insta::assert_snapshot!(told(&text.history(), &model::REGISTER));
}

#[test]
fn a_set_whose_elements_are_added_twice() {
    let mut text = HistoryText::new();
    for element in 0..20 {
        text.ok((element, element + 5), 10 + element, "add", json!(element % 7), Value::Null);
    }
    text.ok((30, 31), 1, "read", Value::Null, json!([0, 1, 2, 3, 4, 5, 6]));
    text.ok((32, 33), 1, "read", Value::Null, json!([0, 1, 2, 3, 5, 6]));
    insta::assert_snapshot!(told(&text.history(), &model::SET));
}

#[test]
fn a_queue_in_which_values_change_places() {
    let mut text = HistoryText::new();
    text.ok((0, 1), 1, "enqueue", json!(7), Value::Null).ok((2, 3), 1, "enqueue", json!(7), Value::Null);
    text.ok((4, 5), 2, "dequeue", Value::Null, json!(7)).ok((6, 7), 2, "dequeue", Value::Null, json!(7));
    text.ok((10, 11), 1, "enqueue", json!(1), Value::Null).ok((12, 13), 2, "enqueue", json!(2), Value::Null);
    text.ok((14, 15), 3, "dequeue", Value::Null, json!(2)).ok((16, 17), 4, "dequeue", Value::Null, json!(1));
    insta::assert_snapshot!(told(&text.history(), &model::QUEUE));
}

#[test]
fn a_value_that_nobody_wrote() {
    let mut text = HistoryText::new();
    text.ok((0, 1), 1, "write", json!(1), json!(1)).ok((2, 3), 1, "write", json!(1), json!(1));
    text.ok((4, 6), 2, "read", Value::Null, json!(5)).ok((7, 8), 1, "write", json!(5), json!(5));
    insta::assert_snapshot!(told(&text.history(), &model::REGISTER));
}

#[test]
fn a_register_whose_values_are_written_once_each_comes_with_the_writes() {
    let mut text = HistoryText::new();
    text.ok((0, 1), 1, "write", json!(1), json!(1)).ok((2, 20), 2, "write", json!(2), json!(2));
    text.ok((3, 4), 3, "read", Value::Null, json!(2)).ok((5, 6), 4, "read", Value::Null, json!(1));
    text.ok((7, 8), 3, "read", Value::Null, json!(2)).ok((9, 10), 3, "write", json!(3), json!(3));
    insta::assert_snapshot!(told(&text.history(), &model::REGISTER));
}
