//! `schism list`: what there is, straight from the registries.

use serde_json::{Value, json};

use super::arguments::ListArguments;
use super::output::{Format, Output};
use super::{CliError, Exit};
use crate::campaign::{builtin, parse};
use crate::nemesis::{FAULTS, OptionDefault};
use crate::report::layout::{Grid, WIDTH_MAX, paragraph};
use crate::systems::{Availability, System};

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum What {
    /// Systems that can be tested, their settings, and whether they can be run here
    Systems,
    /// Workloads
    Workloads,
    /// Faults and their options
    Faults,
    /// Checkers
    Checkers,
    /// Models that a history can be checked against
    Models,
    /// Built-in campaigns
    Campaigns,
}

/// One thing in a list: its name, one line, more lines for people, and everything for machines.
struct Item {
    name: String,
    description: String,
    details: Vec<String>,
    json: Value,
}

/// Prints a list.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn run(arguments: &ListArguments, output: &mut Output) -> Result<Exit, CliError> {
    let items = items(arguments.what)?;
    match arguments.format {
        Format::Table => output.result(&text(&items))?,
        Format::Md => output.result(&markdown(&items))?,
        Format::Json => output.json(&items.iter().map(|item| &item.json).collect::<Vec<_>>())?,
        Format::Jsonl => {
            for item in &items {
                output.json_line(&item.json)?;
            }
        }
    }
    Ok(Exit::AsExpected)
}

fn items(what: What) -> Result<Vec<Item>, CliError> {
    Ok(match what {
        What::Systems => crate::systems::all().iter().map(|system| system_item(&**system)).collect(),
        What::Workloads => schism_workloads::registry::registry()
            .iter()
            .map(|workload| {
                plain(
                    workload.name(),
                    workload.description(),
                    json!({
                        "name": workload.name(),
                        "description": workload.description(),
                        "object": workload.object().name(),
                        "operations": workload.operations(),
                    }),
                )
            })
            .collect(),
        What::Faults => FAULTS.iter().map(|fault| fault_item(fault)).collect(),
        What::Checkers => {
            schism_checkers::registry::list().iter().map(|checker| named(checker.name, checker.description)).collect()
        }
        What::Models => {
            super::check::models().into_iter().map(|(name, description)| named(name, description)).collect()
        }
        What::Campaigns => builtin::BUILTINS.iter().map(campaign_item).collect::<Result<_, _>>()?,
    })
}

fn named(name: &str, description: &str) -> Item {
    plain(name, description, json!({"name": name, "description": description}))
}

fn plain(name: &str, description: &str, json: Value) -> Item {
    Item { name: name.to_owned(), description: description.to_owned(), details: Vec::new(), json }
}

fn system_item(system: &dyn System) -> Item {
    let settings = system.settings();
    let (here, available) = match system.availability() {
        Availability::Available(version) => {
            (format!("available: {version}"), json!({"available": true, "version": version}))
        }
        Availability::Missing { why, remedy } => {
            (format!("missing: {why}; {remedy}"), json!({"available": false, "why": why, "remedy": remedy}))
        }
    };
    let setting_lines = settings.iter().map(|setting| {
        let default =
            if setting.default.is_empty() { String::new() } else { format!(" [default: {}]", setting.default) };
        format!("{} = {}{default}: {}", setting.name, setting.values, setting.description)
    });
    Item {
        name: system.name().to_owned(),
        description: system.description().to_owned(),
        details: std::iter::once(here).chain(setting_lines).collect(),
        json: json!({
            "name": system.name(),
            "description": system.description(),
            "objects": system.objects().iter().map(|object| object.name()).collect::<Vec<_>>(),
            "availability": available,
            "settings": settings,
        }),
    }
}

fn fault_item(fault: &crate::nemesis::FaultDescription) -> Item {
    let default = |default: &OptionDefault| match default {
        OptionDefault::Text(text) => (*text).to_owned(),
        OptionDefault::FromTiming { words, .. } => (*words).to_owned(),
        OptionDefault::FromSchedule => "follows from the length of the load".to_owned(),
    };
    let options = fault.options.iter().map(|option| {
        format!(
            "{}={} [default: {}]: {}",
            option.name,
            option.kind.values(),
            default(&option.default),
            option.description
        )
    });
    let options_json: Vec<Value> = fault
        .options
        .iter()
        .map(|option| {
            json!({
                "name": option.name,
                "values": option.kind.values(),
                "default": default(&option.default),
                "description": option.description,
            })
        })
        .collect();
    Item {
        name: fault.name.to_owned(),
        description: fault.description.to_owned(),
        details: std::iter::once(format!("heal: {}", fault.heal)).chain(options).collect(),
        json: json!({"name": fault.name, "description": fault.description, "heal": fault.heal, "options": options_json}),
    }
}

fn campaign_item(builtin: &builtin::Builtin) -> Result<Item, CliError> {
    let file = parse(builtin.name, builtin.text).map_err(CliError::internal)?;
    Ok(named(builtin.name, &file.description))
}

/// One line each; where there are details, a paragraph each.
fn text(items: &[Item]) -> String {
    let indent = "    ";
    let between = if items.iter().any(|item| !item.details.is_empty()) { "\n" } else { "" };
    let paragraphs = items.iter().map(|item| {
        let first = paragraph(&format!("{}: {}", item.name, item.description), WIDTH_MAX, "");
        let details = item.details.iter().map(|line| paragraph(line, WIDTH_MAX, indent));
        std::iter::once(first).chain(details).collect::<String>()
    });
    paragraphs.collect::<Vec<_>>().join(between)
}

fn markdown(items: &[Item]) -> String {
    let lines = items.iter().map(|item| vec![format!("`{}`", item.name), item.description.clone()]).collect();
    Grid { header: vec!["name".to_owned(), "description".to_owned()], lines, columns_of_words: 2 }.markdown()
}
