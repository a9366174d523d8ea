//! One run of a campaign: a process of its own, held by a pipe.
//!
//! The child ends when its standard input does, so nothing of it survives this process, whatever kills it. It gets a
//! process group of its own: a Ctrl-C at the terminal reaches the campaign only, which hands it on once.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::cell_run::Ending;
use super::store::read_ending;
use crate::cli::Exit;
use crate::record::{DirectoryError, RunDirectory};

/// What a run may take beyond its load and its convergence: start, closing reads, judgement, a busy machine.
const GRACE: Duration = Duration::from_secs(120);

/// How long an interrupted run may take to heal and to judge what there is.
const INTERRUPTED_MAX: Duration = Duration::from_secs(30);

/// The child's messages, in its run's directory.
const LOG: &str = "harness.log";

/// How many of a failed child's last lines are told.
const LAST_WORDS_LINES: usize = 12;

/// Performs the run whose plan lies in a directory.
///
/// # Errors
/// The child cannot be started or its verdict cannot be read; that a run fails is no error.
pub(super) async fn perform(
    directory: &RunDirectory,
    expected: Duration,
    interrupted: &CancellationToken,
) -> Result<Ending, DirectoryError> {
    let failed =
        |source| DirectoryError::Io { context: "failed to start a run in", path: directory.path().to_owned(), source };
    let mut child = start(directory).map_err(failed)?;
    // Held until the end of this function: its end ends the child.
    let _lifeline = child.stdin.take();
    let limit = expected + GRACE;
    let status = tokio::select! {
        status = child.wait() => Some(status.map_err(failed)?),
        () = interrupted.cancelled() => {
            signal(&child, Signal::SIGINT);
            tokio::time::timeout(INTERRUPTED_MAX, child.wait()).await.ok().transpose().map_err(failed)?
        }
        () = tokio::time::sleep(limit) => None,
    };
    let Some(status) = status else {
        child.kill().await.map_err(failed)?;
        if interrupted.is_cancelled() {
            return Ok(Ending::Interrupted);
        }
        let message = format!("it did not end within {} s and was killed", limit.as_secs());
        return Ok(Ending::Failed { code: None, message });
    };
    ending(directory.path(), status)
}

fn start(directory: &RunDirectory) -> io::Result<Child> {
    let log = File::create(directory.path().join(LOG))?;
    Command::new("/proc/self/exe")
        .arg("run")
        .arg("--plan")
        .arg(directory.plan())
        .arg("--lifeline")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

fn signal(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    if let Some(pid) = pid {
        // It may have ended in this moment, which is what the signal asks for.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

fn ending(directory: &Path, status: ExitStatus) -> Result<Ending, DirectoryError> {
    match status.code().and_then(Exit::from_code) {
        Some(Exit::Interrupted) => return Ok(Ending::Interrupted),
        Some(Exit::AsExpected | Exit::Violation | Exit::Unknown) => match read_ending(directory)? {
            Ending::Interrupted => {}
            judged => return Ok(judged),
        },
        _ => {}
    }
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit status".to_owned(),
    };
    let log = std::fs::read_to_string(directory.join(LOG)).unwrap_or_default();
    let message = match last_words(&log) {
        words if words.is_empty() => format!("{how}, without a word"),
        words => format!("{how}: {words}"),
    };
    Ok(Ending::Failed { code: status.code(), message })
}

/// The last error of a log and what follows it; without one, its last line.
fn last_words(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let error = lines.iter().rposition(|line| line.starts_with("error:"));
    let from = error.unwrap_or_else(|| lines.len().saturating_sub(1));
    let words: Vec<&str> = lines[from..].iter().take(LAST_WORDS_LINES).copied().collect();
    words.join("\n").trim_start_matches("error:").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_the_last_error_and_what_follows() {
        let log = "seed 7\nerror: first\nwarning: x\nerror: failed to start n1\n  its log\n";
        assert_eq!(last_words(log), "failed to start n1\n  its log");
        assert_eq!(last_words("seed 7\nthread panicked\n"), "thread panicked");
        assert_eq!(last_words(""), "");
    }

    #[test]
    fn a_signal_is_a_failure_with_its_number() {
        let directory = tempfile::tempdir().unwrap();
        let Ending::Failed { code, message } = ending(directory.path(), ExitStatus::from_raw(9)).unwrap() else {
            panic!("not a failure");
        };
        assert_eq!((code, message.as_str()), (None, "signal 9, without a word"));
    }

    #[test]
    fn a_run_that_claims_success_without_a_verdict_failed() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(ending(directory.path(), ExitStatus::from_raw(0)).unwrap(), Ending::Failed { .. }));
    }
}
