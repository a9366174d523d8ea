//! Scripts: how they are written, performed and compared.
//!
//! A script is a text of lines. A line that begins with `#` is a comment, and a script begins with one that names the
//! rule and where it is from. A line that begins in the first column is a command (`command.rs` lists them). Lines that
//! are indented are what the command above them printed.

use crate::{cluster::Cluster, command};

/// The width of the indentation of output.
const INDENTATION: &str = "    ";

/// Performs the commands of `script` and returns it with what they print now.
///
/// # Errors
/// A script without a rule, a command that is not understood, or a property of Raft that was violated.
pub(crate) fn perform(script: &str) -> Result<String, String> {
    if !script.starts_with("# ") || !script.lines().any(|line| line.starts_with("# Source: ")) {
        return Err("a script begins with its rule and has a line `# Source: …`".to_owned());
    }
    let mut cluster = Cluster::default();
    let mut performed = String::new();
    for (number, line) in script.lines().enumerate() {
        if line.starts_with(INDENTATION) {
            continue;
        }
        performed.push_str(line);
        performed.push('\n');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let failed = |error: String| format!("line {}: `{line}`: {error}", number + 1);
        command::perform(&mut cluster, line).map_err(failed)?;
        for printed in cluster.take_printed() {
            performed.push_str(INDENTATION);
            performed.push_str(&printed);
            performed.push('\n');
        }
    }
    Ok(performed)
}

/// Says where two performances differ first, with the command and what is around.
pub(crate) fn difference(expected: &str, actual: &str) -> String {
    let (expected, actual): (Vec<_>, Vec<_>) = (expected.lines().collect(), actual.lines().collect());
    let same = expected.iter().zip(&actual).take_while(|(left, right)| left == right).count();
    let command = expected[..same].iter().rposition(|line| !line.starts_with(INDENTATION)).unwrap_or(0);
    let block = |lines: &[&str]| {
        let rest = lines.get(command + 1..).unwrap_or_default();
        let output = rest.iter().take_while(|line| line.starts_with(INDENTATION));
        output.map(|line| format!("{line}\n")).collect::<String>()
    };
    format!(
        "after line {} the outcome of `{}` is not as expected\nexpected:\n{}actual:\n{}",
        same,
        expected.get(command).copied().unwrap_or_default(),
        block(&expected),
        block(&actual),
    )
}
