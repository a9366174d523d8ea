//! `target-node`: one node of the bundled reference system.

use std::process::ExitCode;

use clap::Parser;
use target_node::cli::{EXIT_USAGE, NodeArgs, run};

/// A node of a single-leader replicated key-value store, the reference system of Schism.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    node: NodeArgs,
}

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => run(arguments.node),
        Err(error) => {
            let code = if error.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
            // Nothing can be done about a closed pipe here.
            let _ = error.print();
            code
        }
    }
}
