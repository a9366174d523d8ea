//! What the nodes themselves say they lost: acknowledged writes that they truncated and that did not come back.
//!
//! Every node writes `events.jsonl` into its data directory. A line `truncated-acked` names a write that this node had
//! acknowledged as leader and then removed from its log; a later `restored-acked` says that some other node had kept it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::systems::GroundTruthLoss;

/// One line, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Line {
    event: String,
    #[serde(default)]
    position: u64,
    #[serde(default)]
    term: u64,
    f: Option<String>,
    key: Option<String>,
    value: Option<Value>,
}

/// Reads what every node of a run threw away, in order of node, position and term.
pub(super) fn read(nodes_directory: &Path) -> io::Result<Vec<GroundTruthLoss>> {
    let mut losses = Vec::new();
    let mut nodes: Vec<_> = std::fs::read_dir(nodes_directory)?.collect::<io::Result<_>>()?;
    nodes.sort_by_key(std::fs::DirEntry::file_name);
    for node in nodes {
        let path = node.path().join("data").join("events.jsonl");
        if path.exists() {
            losses.extend(losses_of(&node.file_name().to_string_lossy(), BufReader::new(File::open(path)?))?);
        }
    }
    Ok(losses)
}

/// A torn last line is what a crash leaves; it is passed over, as the node itself does.
fn losses_of(node: &str, events: impl BufRead) -> io::Result<Vec<GroundTruthLoss>> {
    let mut lost: BTreeMap<(u64, u64), GroundTruthLoss> = BTreeMap::new();
    for line in events.split(b'\n') {
        let Ok(line) = serde_json::from_slice::<Line>(&line?) else { continue };
        let place = (line.position, line.term);
        match line.event.as_str() {
            "truncated-acked" => {
                lost.insert(place, loss(node, line));
            }
            "restored-acked" => {
                lost.remove(&place);
            }
            _ => {}
        }
    }
    Ok(lost.into_values().collect())
}

fn loss(node: &str, line: Line) -> GroundTruthLoss {
    GroundTruthLoss {
        key: line.key.unwrap_or_default(),
        f: line.f.unwrap_or_default(),
        value: line.value.map(|value| value.to_string()).unwrap_or_default(),
        node: node.to_owned(),
        position: line.position,
        term: line.term,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_back_is_not_lost() {
        let events = concat!(
            r#"{"event":"became-leader","term":1,"position":0}"#,
            "\n",
            r#"{"event":"acknowledged","term":1,"from":1,"to":3}"#,
            "\n",
            r#"{"event":"truncated-acked","position":2,"term":1,"f":"add","key":"k1","value":7,"client":"c1-1","operation":4}"#,
            "\n",
            r#"{"event":"truncated-acked","position":3,"term":1,"f":"cas","key":"k2","value":[1,2],"client":null}"#,
            "\n",
            r#"{"event":"restored-acked","position":2,"term":1,"f":"add","key":"k1","value":7}"#,
            "\n",
            r#"{"event":"truncated-ac"#
        );
        let lost = losses_of("n1", events.as_bytes()).unwrap();
        assert_eq!(lost.len(), 1);
        assert_eq!((lost[0].key.as_str(), lost[0].f.as_str(), lost[0].value.as_str()), ("k2", "cas", "[1,2]"));
        assert_eq!((lost[0].node.as_str(), lost[0].position, lost[0].term), ("n1", 3, 1));
    }

    #[test]
    fn nodes_without_events_threw_nothing_away() {
        let nodes = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(nodes.path().join("n1/data")).unwrap();
        assert_eq!(read(nodes.path()).unwrap(), []);
        assert!(read(&nodes.path().join("none")).is_err());
    }
}
