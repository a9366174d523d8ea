//! From the words on the command line to the exit code.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use super::arguments::{Arguments, Command};
use super::output::{self, Output};
use super::{CliError, Exit, campaign, check, completions, doctor, help, list, node, report, run, simulate, synth};

/// Does what the command line says; what it returns is the exit code.
#[must_use]
pub fn main() -> ExitCode {
    // A panic has already told where it happened.
    std::panic::catch_unwind(parse_and_dispatch).unwrap_or_else(|_| {
        output::error("this is a bug of schism: please report it with the lines above");
        Exit::Harness.into()
    })
}

fn parse_and_dispatch() -> ExitCode {
    let mut output = Output::default();
    let ended = match Arguments::try_parse() {
        Ok(arguments) => dispatch(arguments, &mut output),
        Err(error) => misunderstood(&error, &mut output),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            output::error(&error.message);
            error.exit.into()
        }
    }
}

fn dispatch(arguments: Arguments, output: &mut Output) -> Result<ExitCode, CliError> {
    let exit = match arguments.command {
        None => help::examples(output),
        Some(Command::Run(arguments)) => run::run(&arguments, output),
        Some(Command::Campaign(arguments)) => campaign::run(&arguments, output),
        Some(Command::Check(arguments)) => check::run(&arguments, output),
        Some(Command::Report(arguments)) => report::run(&arguments, output),
        Some(Command::List(arguments)) => list::run(&arguments, output),
        Some(Command::Completions(arguments)) => completions::run(&arguments, output),
        Some(Command::Doctor(arguments)) => doctor::run(&arguments, output),
        Some(Command::Simulate(arguments)) => simulate::run(&arguments, output),
        Some(Command::Synth(arguments)) => synth::run(&arguments, output),
        Some(Command::Node(arguments)) => return Ok(node::run(*arguments)),
        Some(Command::Help(arguments)) => help::run(&arguments, output),
    };
    exit.map(ExitCode::from)
}

/// clap would exit with 2, which means something else here. Help and the version are no errors.
fn misunderstood(error: &clap::Error, output: &mut Output) -> Result<ExitCode, CliError> {
    let text = error.render().ansi().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        output.result(&text)?;
        return Ok(Exit::AsExpected.into());
    }
    output::progress(text.trim_end());
    Ok(Exit::Usage.into())
}
