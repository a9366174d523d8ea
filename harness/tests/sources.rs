//! Promises about the sources that no compiler keeps.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The parts of the bundled node that the harness may name; everything else it must learn as from any other system.
const NAMED: [&str; 3] = ["cli", "settings", "simulator"];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_harness_names_three_parts_of_the_bundled_node_each_in_one_file() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut naming: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for rest in text.split("target_node::").skip(1) {
            let part: String = rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            naming.entry(part).or_default().insert(file.clone());
        }
    }
    for (part, files) in naming {
        assert!(NAMED.contains(&part.as_str()), "target_node::{part} is named in {files:?}");
        assert_eq!(files.len(), 1, "target_node::{part} is named in {files:?}");
    }
}
