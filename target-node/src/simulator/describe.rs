//! A plan in words.

use std::fmt;

use super::plan::{Direction, Fault, Links, Plan, Target, Timed};
use crate::settings::Settings;

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Node(node) => node.fmt(f),
            Target::Leader => f.write_str("the leader"),
            Target::NextInLine => f.write_str("the next in line"),
        }
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Crash { node, after_effects: None } => write!(f, "kill {node}"),
            Fault::Crash { node, after_effects: Some(count) } => {
                write!(f, "kill {node} in its next step, after {count} effects")
            }
            Fault::PowerLoss { nodes } if nodes.is_empty() => f.write_str("power loss of all nodes"),
            Fault::PowerLoss { nodes } => write!(f, "power loss of {}", list(nodes)),
            Fault::Restart { node } => write!(f, "start {node} again"),
            Fault::RestartAll => f.write_str("start every node again that is down"),
            Fault::Pause { node } => write!(f, "pause {node}"),
            Fault::Suspend { node } => write!(f, "suspend {node}, its clock stands still"),
            Fault::ClockJump { node, by_us } => {
                write!(f, "set the clock of {node} by {:+.3} s", *by_us as f64 / 1e6)
            }
            Fault::ResumeAll => f.write_str("resume every node that stands still"),
            Fault::Isolate { node, from, direction, links } => {
                let others = if from.is_empty() { "everybody".to_owned() } else { list(from) };
                let clients = if *links == Links::NodesAndClients { ", clients too" } else { "" };
                match direction {
                    Direction::Both => write!(f, "cut {node} from {others}{clients}"),
                    Direction::In => write!(f, "cut what {node} hears from {others}{clients}"),
                    Direction::Out => write!(f, "cut what {node} says to {others}{clients}"),
                }
            }
            Fault::Split { side, links } => {
                let clients = if *links == Links::NodesAndClients { ", clients too" } else { "" };
                write!(f, "cut {} from the others{clients}", list(side))
            }
            Fault::Join => f.write_str("all links up"),
            Fault::SlowDisk { node, factor: 1 } => write!(f, "the disk of {node} is as fast as before"),
            Fault::SlowDisk { node, factor } => write!(f, "the disk of {node} takes {factor} times as long"),
            Fault::Transfer { to: Some(to) } => write!(f, "ask the leader to hand over to {to}"),
            Fault::Transfer { to: None } => f.write_str("ask the leader to hand over"),
            Fault::AddMember { node } => write!(f, "add {node} to the cluster"),
            Fault::RemoveMember { node } => write!(f, "remove {node} from the cluster"),
            Fault::Snapshot { node } => write!(f, "take a snapshot on {node}"),
            Fault::Promote { node } => write!(f, "promote {node}"),
        }
    }
}

impl fmt::Display for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9.3} ms  {}", self.at_us as f64 / 1e3, self.fault)
    }
}

/// The settings that are not as usual.
#[must_use]
pub fn settings_in_words(settings: &Settings) -> String {
    let usual = Settings::default().to_map();
    let unusual = settings.to_map().into_iter().filter(|(name, value)| usual.get(name) != Some(value));
    let words: Vec<_> = unusual.map(|(name, value)| format!("{name}={value}")).collect();
    if words.is_empty() { "all by default".to_owned() } else { words.join(" ") }
}

/// Several lines: the cluster, what surrounds it, the faults by time.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = &self.network;
        let joining = match self.nodes - self.founders {
            0 => String::new(),
            joining => format!(" (of which {joining} join)"),
        };
        writeln!(
            f,
            "seed {}, {} nodes{joining}, {} clients that think up to {} ms",
            self.seed,
            self.nodes,
            self.clients,
            self.think_us_max as f64 / 1e3
        )?;
        writeln!(f, "settings: {}", settings_in_words(&self.settings))?;
        writeln!(
            f,
            "messages take {} to {} µs; of 1000, {} are lost, {} come twice, {} are late",
            network.delay_us_min,
            network.delay_us_max,
            network.dropped_per_mille,
            network.repeated_per_mille,
            network.late_per_mille
        )?;
        for (index, clock) in self.clocks.iter().enumerate() {
            writeln!(f, "clock of n{}: {} µs at the start, {:+} ppm", index + 1, clock.offset_us, clock.drift_ppm)?;
        }
        self.faults.iter().try_for_each(|timed| writeln!(f, "{timed}"))?;
        write!(f, "{:>9.3} ms  clients stop, everything is healed", self.end_us as f64 / 1e3)
    }
}
