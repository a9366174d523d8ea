//! The Prometheus text format: families of samples, written one after another.

use std::fmt::{Display, Write};

/// A text in the making.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// Begins a family that can go down.
    pub(super) fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    /// Begins a family that only goes up.
    pub(super) fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "counter", help)
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        self.0
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        // Writing into a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family { text: &mut self.0, name }
    }
}

/// Samples under one name.
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Family<'_> {
    /// A sample without labels.
    pub(super) fn value(self, value: impl Display) {
        let _ = writeln!(self.text, "{} {value}", self.name);
    }

    /// A sample with labels; their values are names of ours and need no escape.
    pub(super) fn labelled(&mut self, labels: &[(&str, &dyn Display)], value: impl Display) -> &mut Self {
        let labels: Vec<String> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        let _ = writeln!(self.text, "{}{{{}}} {value}", self.name, labels.join(","));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_have_help_type_and_samples() {
        let mut text = Exposition::default();
        text.gauge("schism_node_term", "The term.").value(3);
        let mut lag = text.gauge("schism_node_lag", "Lag.");
        lag.labelled(&[("peer", &"n2")], 4).labelled(&[("peer", &"n3")], 0);
        assert_eq!(
            text.finish(),
            "# HELP schism_node_term The term.\n# TYPE schism_node_term gauge\nschism_node_term 3\n\
             # HELP schism_node_lag Lag.\n# TYPE schism_node_lag gauge\n\
             schism_node_lag{peer=\"n2\"} 4\nschism_node_lag{peer=\"n3\"} 0\n"
        );
    }
}
