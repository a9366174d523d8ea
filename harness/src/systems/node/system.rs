//! The bundled node: how it is started, asked and spoken to.

use std::net::SocketAddr;
use std::path::Path;

use schism_workloads::object::Object;

use super::client::NodeClient;
use super::{ground_truth, protocol, settings};
use crate::client::Client;
use crate::environment::{BoxFuture, Environment, Launch, NodeId, Place, Program};
use crate::systems::{
    Availability, Claim, ClientContext, GroundTruthLoss, LaunchContext, SettingDescription, Settings, SettingsError,
    System, SystemTiming,
};

const CLIENT_PORT: u16 = 7000;
const PEER_PORT: u16 = 7001;

/// The bundled single-leader replicated key-value store.
#[derive(Debug, Clone, Copy, Default)]
pub struct NodeSystem;

impl System for NodeSystem {
    fn name(&self) -> &'static str {
        "node"
    }

    fn description(&self) -> &'static str {
        "the bundled key-value store: one leader, replication and failover by settings"
    }

    fn settings(&self) -> Vec<SettingDescription> {
        settings::descriptions()
    }

    fn resolve(&self, settings: &Settings, nodes: u16) -> Result<Settings, SettingsError> {
        settings::resolve(settings, nodes)
    }

    fn availability(&self) -> Availability {
        Availability::Available(format!("{} (bundled)", env!("CARGO_PKG_VERSION")))
    }

    fn objects(&self) -> &'static [Object] {
        &Object::ALL
    }

    fn per_peer_addresses(&self) -> bool {
        true
    }

    fn timing(&self, settings: &Settings) -> SystemTiming {
        settings::known(settings).timing
    }

    fn client_port(&self) -> u16 {
        CLIENT_PORT
    }

    fn peer_port(&self) -> u16 {
        PEER_PORT
    }

    fn launch(&self, node: NodeId, context: &LaunchContext<'_>) -> Launch {
        let environment = context.environment;
        let peers: Vec<String> = NodeId::all(environment.nodes())
            .map(|peer| format!("{peer}={}", peer_address(environment, node, peer)))
            .collect();
        let mut arguments = vec!["node".to_owned()];
        for (name, value) in [
            ("--id", node.to_string()),
            ("--peers", peers.join(",")),
            ("--listen-peer", environment.listen_address(node, PEER_PORT).to_string()),
            ("--listen-client", environment.listen_address(node, CLIENT_PORT).to_string()),
            ("--data", environment.data_directory(node).display().to_string()),
            ("--seed", seed_of(context.seed, node).to_string()),
        ] {
            arguments.extend([name.to_owned(), value]);
        }
        for (name, value) in context.settings {
            arguments.extend(["--set".to_owned(), format!("{name}={value}")]);
        }
        Launch { program: Program::SelfExe, arguments, variables: Vec::new() }
    }

    fn reads_are_local(&self, settings: &Settings) -> bool {
        settings::known(settings).reads_are_local
    }

    fn claim<'a>(&'a self, http: &'a reqwest::Client, address: SocketAddr) -> BoxFuture<'a, Result<Claim, String>> {
        Box::pin(async move {
            let answer = http.get(format!("http://{address}/status")).send().await;
            let answer = answer.and_then(reqwest::Response::error_for_status).map_err(|error| error.to_string())?;
            let body = answer.bytes().await.map_err(|error| error.to_string())?;
            protocol::claim(&body).map_err(|error| error.to_string())
        })
    }

    fn client(&self, context: ClientContext) -> Box<dyn Client> {
        let known = settings::known(&context.settings);
        Box::new(NodeClient::new(context, known))
    }

    fn ground_truth(&self, nodes_directory: &Path) -> Option<std::io::Result<Vec<GroundTruthLoss>>> {
        Some(ground_truth::read(nodes_directory))
    }

    /// The line of succession begins after the leader and goes round; under `consensus` it only stands in for whoever
    /// is elected.
    fn next_in_line(&self, leader: NodeId, nodes: u16, _settings: &Settings) -> NodeId {
        NodeId(leader.0 % nodes + 1)
    }
}

/// Where `node` finds `peer`; its own entry is what the others would find.
fn peer_address(environment: &dyn Environment, node: NodeId, peer: NodeId) -> SocketAddr {
    if peer == node {
        environment.listen_address(node, PEER_PORT)
    } else {
        environment.address(Place::Node(node), peer, PEER_PORT)
    }
}

/// Nodes must not draw the same election timeouts. The constant is that of SplitMix64: odd, with well mixed bits.
fn seed_of(seed: u64, node: NodeId) -> u64 {
    seed.wrapping_add(u64::from(node.0).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_in_line_goes_round() {
        let next = |leader| NodeSystem.next_in_line(NodeId(leader), 3, &Settings::new());
        assert_eq!([next(1), next(2), next(3)], [NodeId(2), NodeId(3), NodeId(1)]);
    }

    #[test]
    fn nodes_and_runs_have_seeds_of_their_own() {
        let mut seeds: Vec<u64> = (0..5).flat_map(|run| (1..6).map(move |node| seed_of(run, NodeId(node)))).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 25);
    }
}
