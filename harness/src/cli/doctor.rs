//! `schism doctor`: what is possible on this machine, and how to get the rest.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::arguments::DoctorArguments;
use super::output::{Format, Output};
use super::{CliError, Exit};
use crate::environment::{Facility, examine};
use crate::report::layout::{Grid, WIDTH_MAX, paragraph};
use crate::systems::Availability;

/// Prints what was tried. Without any network that works a needed facility is missing.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn run(arguments: &DoctorArguments, output: &mut Output) -> Result<Exit, CliError> {
    let facilities = examine();
    let networks = networks(&facilities);
    match arguments.format {
        Format::Table => output.result(&text(&facilities, &networks))?,
        Format::Md => output.result(&grid(&facilities).markdown())?,
        Format::Json => output.json(&json!({
            "facilities": facilities,
            "networks": networks,
            "systems": systems(),
        }))?,
        Format::Jsonl => facilities.iter().try_for_each(|facility| output.json_line(facility))?,
    }
    Ok(if networks.values().any(|possible| *possible) { Exit::AsExpected } else { Exit::FacilityMissing })
}

/// Which networks have everything they need.
fn networks(facilities: &[Facility]) -> BTreeMap<&'static str, bool> {
    let mut networks = BTreeMap::new();
    for facility in facilities {
        for network in facility.needed_for {
            *networks.entry(*network).or_insert(true) &= facility.ok;
        }
    }
    networks
}

fn systems() -> Vec<Value> {
    crate::systems::all()
        .iter()
        .map(|system| match system.availability() {
            Availability::Available(version) => json!({"name": system.name(), "ok": true, "version": version}),
            Availability::Missing { why, remedy } => {
                json!({"name": system.name(), "ok": false, "why": why, "remedy": remedy})
            }
        })
        .collect()
}

fn grid(facilities: &[Facility]) -> Grid {
    let header = ["facility", "here", "needed for"].map(str::to_owned);
    let line = |facility: &Facility| {
        let here = if facility.ok { "ok" } else { "MISSING" };
        vec![facility.name.to_owned(), here.to_owned(), facility.needed_for.join(", ")]
    };
    Grid { header: header.to_vec(), lines: facilities.iter().map(line).collect(), columns_of_words: 3 }
}

fn text(facilities: &[Facility], networks: &BTreeMap<&'static str, bool>) -> String {
    let missing = facilities.iter().filter(|facility| !facility.ok).flat_map(|facility| {
        let title = format!("\n{}\n", facility.name);
        let lines = facility.why.lines().chain(facility.remedy.lines()).map(|line| paragraph(line, WIDTH_MAX, "  "));
        std::iter::once(title).chain(lines)
    });
    let networks = networks.iter().map(|(name, possible)| {
        format!("--net {name:<9} {}\n", if *possible { "possible" } else { "not possible here" })
    });
    let systems = crate::systems::all();
    let systems = systems.iter().map(|system| match system.availability() {
        Availability::Available(version) => format!("--system {:<6} {version}\n", system.name()),
        Availability::Missing { why, remedy } => format!("--system {:<6} missing: {why}\n  {remedy}\n", system.name()),
    });
    std::iter::once(grid(facilities).text(WIDTH_MAX))
        .chain(missing)
        .chain(std::iter::once("\n".to_owned()))
        .chain(networks)
        .chain(std::iter::once("\n".to_owned()))
        .chain(systems)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_needs_all_of_its_facilities() {
        let facility =
            |ok, needed_for| Facility { name: "x", ok, why: String::new(), remedy: String::new(), needed_for };
        let networks = networks(&[facility(true, &["switch", "proxy"]), facility(false, &["switch"])]);
        assert_eq!(networks, BTreeMap::from([("proxy", true), ("switch", false)]));
    }
}
