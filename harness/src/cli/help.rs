//! `schism help`, and what `schism` alone prints.

use clap::CommandFactory;

use super::arguments::{Arguments, HelpArguments};
use super::output::Output;
use super::{CliError, Exit, help_page, names};

const TOPIC_EXIT_CODES: &str = "exit-codes";

const EXAMPLES: &str = "\
Schism tells you what your replication settings really promise. Three examples:

  schism campaign quickstart
      five replication modes under five faults, in a table

  schism run --set replication=async --workload set --fault partition-leader --seed 7
      one run; with the witness of whatever it finds

  schism check --model register history.jsonl
      is a recorded history linearizable?

More: schism --help
";

/// Prints three examples.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn examples(output: &mut Output) -> Result<Exit, CliError> {
    output.result(EXAMPLES)?;
    Ok(Exit::AsExpected)
}

/// Prints a page of help.
///
/// # Errors
/// There is no such page, or standard output cannot be written.
pub(super) fn run(arguments: &HelpArguments, output: &mut Output) -> Result<Exit, CliError> {
    let mut command = Arguments::command();
    let Some(topic) = arguments.topic.as_deref() else {
        output.result(&command.render_help().ansi().to_string())?;
        return Ok(Exit::AsExpected);
    };
    if topic == TOPIC_EXIT_CODES {
        output.result(&help_page())?;
        return Ok(Exit::AsExpected);
    }
    command.build();
    match command.find_subcommand_mut(topic) {
        Some(subcommand) => output.result(&subcommand.render_help().ansi().to_string())?,
        None => {
            let mut known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
            known.push(TOPIC_EXIT_CODES);
            return Err(CliError::usage(names::unknown("page of help", topic, &known)));
        }
    }
    Ok(Exit::AsExpected)
}
