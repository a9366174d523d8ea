//! The scripted cluster as a system.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use schism_workloads::object::Object;

use super::client::ScriptedClient;
use super::environment::node_at;
use super::world::{ELECTION_TIMEOUT_NS, World};
use crate::client::Client;
use crate::environment::{BoxFuture, Launch, NodeId, Program};
use crate::systems::{
    Availability, Claim, ClientContext, GroundTruthLoss, LaunchContext, SettingDescription, Settings, SettingsError,
    System, SystemTiming,
};

/// The description of a scripted cluster.
pub struct ScriptedSystem {
    world: Arc<World>,
}

impl ScriptedSystem {
    pub(super) fn new(world: Arc<World>) -> Self {
        Self { world }
    }
}

impl System for ScriptedSystem {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn description(&self) -> &'static str {
        "an in-process cluster that behaves as a script says, for tests of the harness"
    }

    fn settings(&self) -> Vec<SettingDescription> {
        Vec::new()
    }

    fn resolve(&self, settings: &Settings, _nodes: u16) -> Result<Settings, SettingsError> {
        match settings.keys().next() {
            Some(name) => Err(SettingsError(format!("the scripted system has no setting {name:?}"))),
            None => Ok(Settings::new()),
        }
    }

    fn availability(&self) -> Availability {
        Availability::Available("built in".to_owned())
    }

    fn objects(&self) -> &'static [Object] {
        &[Object::Register, Object::Set]
    }

    fn per_peer_addresses(&self) -> bool {
        true
    }

    fn timing(&self, _settings: &Settings) -> SystemTiming {
        let timeout = Duration::from_nanos(ELECTION_TIMEOUT_NS);
        SystemTiming { election_timeout_min: timeout, election_timeout_max: timeout }
    }

    fn client_port(&self) -> u16 {
        1
    }

    fn peer_port(&self) -> u16 {
        2
    }

    fn launch(&self, _node: NodeId, _context: &LaunchContext<'_>) -> Launch {
        Launch { program: Program::SelfExe, arguments: Vec::new(), variables: Vec::new() }
    }

    fn claim<'a>(&'a self, _http: &'a reqwest::Client, address: SocketAddr) -> BoxFuture<'a, Result<Claim, String>> {
        let claim = node_at(address).and_then(|node| self.world.now().claim(node));
        Box::pin(std::future::ready(claim.ok_or_else(|| "no answer".to_owned())))
    }

    fn client(&self, context: ClientContext) -> Box<dyn Client> {
        let ClientContext { place, timeout, .. } = context;
        Box::new(ScriptedClient { world: Arc::clone(&self.world), place, timeout, node: NodeId(1) })
    }

    fn ground_truth(&self, _nodes_directory: &Path) -> Option<std::io::Result<Vec<GroundTruthLoss>>> {
        None
    }

    fn next_in_line(&self, leader: NodeId, nodes: u16, _settings: &Settings) -> NodeId {
        NodeId(leader.0 % nodes + 1)
    }
}
