//! `schism completions`: scripts for shells, with the names of the registries in them.

use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};

use schism_checkers::synth::{Isolation, ObjectKind, ViolationKind};

use super::arguments::{Arguments, CompletionsArguments};
use super::output::Output;
use super::{CliError, Exit};
use crate::campaign::builtin::BUILTINS;
use crate::nemesis::FAULTS;

/// Shells for which there are completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

/// Prints the script for a shell.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn run(arguments: &CompletionsArguments, output: &mut Output) -> Result<Exit, CliError> {
    let shell = match arguments.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command_with_names(), "schism", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if arguments.shell == Shell::Fish {
        script += &fish_positionals();
    }
    output.result(&script)?;
    Ok(Exit::AsExpected)
}

/// clap writes no values of positional arguments for fish.
fn fish_positionals() -> String {
    let campaigns: Vec<&str> = BUILTINS.iter().map(|builtin| builtin.name).collect();
    let line = |subcommand: &str, values: &str| {
        format!("complete -c schism -n \"__fish_schism_using_subcommand {subcommand}\" -a \"{values}\"\n")
    };
    line("campaign", &campaigns.join(" "))
        + &line("list", "systems workloads faults checkers models campaigns")
        + &line("completions", "bash zsh fish")
}

/// The command with every name that can be typed. Only completions use it: the real parser also takes faults with options
/// and campaign files, and answers a mistyped name with what was meant.
fn command_with_names() -> Command {
    let systems: Vec<&str> = crate::systems::all().iter().map(|system| system.name()).collect();
    let workloads: Vec<&str> = schism_workloads::registry::registry().iter().map(|workload| workload.name()).collect();
    let faults: Vec<&str> = FAULTS.iter().map(|fault| fault.name).collect();
    let campaigns: Vec<&str> = BUILTINS.iter().map(|builtin| builtin.name).collect();
    let models: Vec<&str> = super::check::model_names();
    let consistency: Vec<&str> =
        schism_checkers::transactions::ConsistencyModel::judged().map(|model| model.name()).collect();
    let checkers: Vec<&str> = schism_checkers::registry::list().iter().map(|checker| checker.name).collect();
    Arguments::command()
        .mut_subcommand("run", |command| {
            command
                .mut_arg("system", |argument| argument.value_parser(PossibleValuesParser::new(systems)))
                .mut_arg("workload", |argument| argument.value_parser(PossibleValuesParser::new(workloads)))
                .mut_arg("faults", |argument| argument.value_parser(PossibleValuesParser::new(faults)))
        })
        .mut_subcommand("campaign", |command| {
            command.mut_arg("campaign", |argument| argument.value_parser(PossibleValuesParser::new(campaigns)))
        })
        .mut_subcommand("check", |command| {
            command
                .mut_arg("model", |argument| argument.value_parser(PossibleValuesParser::new(models)))
                .mut_arg("consistency_model", |argument| argument.value_parser(PossibleValuesParser::new(consistency)))
                .mut_arg("checkers", |argument| argument.value_parser(PossibleValuesParser::new(checkers)))
        })
        .mut_subcommand("synth", |command| {
            let names = |names: Vec<&'static str>| PossibleValuesParser::new(names);
            command
                .mut_arg("model", |argument| argument.value_parser(names(ObjectKind::ALL.map(ObjectKind::name).into())))
                .mut_arg("violation", |argument| {
                    argument.value_parser(names(ViolationKind::ALL.map(ViolationKind::name).into()))
                })
                .mut_arg("isolation", |argument| {
                    argument.value_parser(names(Isolation::ALL.map(Isolation::name).into()))
                })
        })
}
