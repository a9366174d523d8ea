//! The command that makes a plan again.

use super::resolve::{CONVERGE_MS_DEFAULT, RATE_DEFAULT, WORKERS_PER_NODE_DEFAULT, client_timeout};
use super::{NetChoice, Plan};
use crate::cli::duration::format_ms;
use crate::systems::{self, Settings};

/// The command line that makes this plan again: everything that differs from what a default would make of it.
#[must_use]
pub fn repeat_command(plan: &Plan) -> String {
    let mut words = vec![format!("schism run --system {} --nodes {}", plan.system, plan.nodes)];
    words.extend(
        telling_settings(plan).iter().map(|(name, value)| format!("--set {}", quoted(&format!("{name}={value}")))),
    );
    words.push(format!("--workload {}", plan.workload));
    words.extend(plan.faults.iter().map(|fault| format!("--fault {}", quoted(&fault.to_string()))));
    words.push(format!("--time {}", format_ms(plan.time_ms)));
    let nodes = usize::from(plan.nodes);
    let default_timeout = client_timeout(None, &plan.schedule).ok();
    let others = [
        (plan.rate != RATE_DEFAULT, format!("--rate {}", plan.rate)),
        (plan.workers != WORKERS_PER_NODE_DEFAULT * nodes, format!("--workers {}", plan.workers)),
        (plan.ramp_ms > 0, format!("--ramp {}", format_ms(plan.ramp_ms))),
        (
            default_timeout != Some(plan.client_timeout_ms),
            format!("--client-timeout {}", format_ms(plan.client_timeout_ms)),
        ),
        (plan.converge_ms != CONVERGE_MS_DEFAULT, format!("--converge {}", format_ms(plan.converge_ms))),
        (plan.net != NetChoice::Auto, format!("--net {}", net_word(plan.net))),
        (plan.fail_fast, "--fail-fast".to_owned()),
    ];
    words.extend(others.into_iter().filter(|(differs, _)| *differs).map(|(_, word)| word));
    words.push(format!("--seed {}", plan.seed));
    words.join(" ")
}

/// The settings without which the system would resolve the rest to something else.
fn telling_settings(plan: &Plan) -> Settings {
    let Some(system) = systems::find(&plan.system) else {
        return plan.settings.clone();
    };
    let mut telling = plan.settings.clone();
    for name in plan.settings.keys() {
        let mut fewer = telling.clone();
        fewer.remove(name);
        if system.resolve(&fewer, plan.nodes).as_ref() == Ok(&plan.settings) {
            telling = fewer;
        }
    }
    telling
}

/// A network as it is typed.
#[must_use]
pub fn net_word(net: NetChoice) -> &'static str {
    match net {
        NetChoice::Auto => "auto",
        NetChoice::Switch => "switch",
        NetChoice::Iptables => "iptables",
        NetChoice::Proxy => "proxy",
    }
}

/// A word that a shell would take apart gets quotes.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "=-_:.,+/%@".contains(character);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        assert_eq!(quoted("replication=semi-sync:1"), "replication=semi-sync:1");
        assert_eq!(quoted("name=it's here"), r"'name=it'\''s here'");
    }
}
