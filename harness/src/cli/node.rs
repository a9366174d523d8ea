//! `schism node`: one node of the bundled reference system, so that a single executable is all that a machine needs.

use std::process::ExitCode;

pub(super) use target_node::cli::NodeArgs;

/// Runs the node until it is stopped; its exit codes are its own.
pub(super) fn run(arguments: NodeArgs) -> ExitCode {
    target_node::cli::run(arguments)
}
