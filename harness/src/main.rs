//! The `schism` program: parse, do, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    schism::cli::main()
}
