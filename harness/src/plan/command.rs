//! The command that makes a plan again.

use super::{FaultSpec, NetChoice, Plan};
use crate::cli::duration::format_ms;

/// The command line that makes this plan again, with everything that a default could change written out.
#[must_use]
pub fn repeat_command(plan: &Plan) -> String {
    let mut words = vec![format!("schism run --system {} --nodes {}", plan.system, plan.nodes)];
    words.extend(plan.settings.iter().map(|(name, value)| format!("--set {}", quoted(&format!("{name}={value}")))));
    words.push(format!("--workload {}", plan.workload));
    words.extend(plan.faults.iter().map(|fault| format!("--fault {}", quoted(&fault_words(fault)))));
    words.push(format!("--time {} --rate {} --workers {}", format_ms(plan.time_ms), plan.rate, plan.workers));
    if plan.ramp_ms > 0 {
        words.push(format!("--ramp {}", format_ms(plan.ramp_ms)));
    }
    words.push(format!("--client-timeout {}", format_ms(plan.client_timeout_ms)));
    words.push(format!("--converge {}", format_ms(plan.converge_ms)));
    if plan.net != NetChoice::Auto {
        words.push(format!("--net {}", net_word(plan.net)));
    }
    words.push(format!("--seed {}", plan.seed));
    words.join(" ")
}

/// A fault as it is typed.
#[must_use]
pub fn fault_words(fault: &FaultSpec) -> String {
    let options: Vec<String> = fault.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if options.is_empty() { fault.name.clone() } else { format!("{}:{}", fault.name, options.join(",")) }
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

    #[test]
    fn faults_are_written_as_they_are_typed() {
        let mut fault = FaultSpec { name: "kill-leader".to_owned(), options: std::collections::BTreeMap::new() };
        assert_eq!(fault_words(&fault), "kill-leader");
        fault.options.insert("for".to_owned(), "2s".to_owned());
        fault.options.insert("every".to_owned(), "4s".to_owned());
        assert_eq!(fault_words(&fault), "kill-leader:every=4s,for=2s");
    }
}
