//! How etcd is found, launched and asked for its role.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schism_workloads::object::Object;
use serde_json::{Value, json};

use super::client::EtcdClient;
use super::protocol::{ReadLevel, number};
use crate::client::Client;
use crate::environment::{BoxFuture, Launch, NodeId, Program};
use crate::systems::{
    Availability, Claim, ClientContext, GroundTruthLoss, LaunchContext, Role, SettingDescription, Settings,
    SettingsError, System, SystemTiming,
};

const CLIENT_PORT: u16 = 2379;
const PEER_PORT: u16 = 2380;
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/usr/sbin"];
const READS: [(&str, ReadLevel); 2] =
    [("linearizable", ReadLevel::Linearizable), ("serializable", ReadLevel::Serializable)];

/// etcd 3.4, three or more members, each with its own data directory.
#[derive(Debug, Clone, Copy, Default)]
pub struct Etcd;

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from));
    folders.map(|folder| folder.join("etcd")).find(|candidate| candidate.is_file())
}

fn milliseconds(settings: &Settings, name: &str, default: u64) -> u64 {
    settings.get(name).and_then(|text| text.parse().ok()).unwrap_or(default)
}

impl System for Etcd {
    fn name(&self) -> &'static str {
        "etcd"
    }

    fn description(&self) -> &'static str {
        "etcd 3.4 through its JSON gateway: Raft, every write to a majority"
    }

    fn settings(&self) -> Vec<SettingDescription> {
        let describe = |name: &str, values: &str, default: &str, description: &str| SettingDescription {
            name: name.into(),
            values: values.into(),
            default: default.into(),
            description: description.into(),
        };
        vec![
            describe("read", "linearizable | serializable", "linearizable", "how reads of the workload are served"),
            describe("heartbeat", "milliseconds", "100", "interval of the leader's heartbeats"),
            describe(
                "election-timeout",
                "milliseconds",
                "1000",
                "least silence after which a member stands for election",
            ),
        ]
    }

    fn resolve(&self, settings: &Settings, _nodes: u16) -> Result<Settings, SettingsError> {
        let descriptions = self.settings();
        let mut resolved: Settings =
            descriptions.iter().map(|setting| (setting.name.clone(), setting.default.clone())).collect();
        for (name, value) in settings {
            let Some(slot) = resolved.get_mut(name) else {
                let known: Vec<_> = descriptions.iter().map(|setting| setting.name.as_str()).collect();
                let known = known.join(", ");
                return Err(SettingsError(format!("etcd has no setting {name:?}; it has: {known}")));
            };
            slot.clone_from(value);
        }
        let read = &resolved["read"];
        if !READS.iter().any(|(word, _)| word == read) {
            return Err(SettingsError(format!("read = {read:?} is neither linearizable nor serializable")));
        }
        for name in ["heartbeat", "election-timeout"] {
            if !resolved[name].parse::<u64>().is_ok_and(|value| value > 0) {
                return Err(SettingsError(format!("{name} = {:?} is not a number of milliseconds", resolved[name])));
            }
        }
        let (heartbeat, election) =
            (milliseconds(&resolved, "heartbeat", 100), milliseconds(&resolved, "election-timeout", 1000));
        if election < 5 * heartbeat {
            return Err(SettingsError(format!(
                "election-timeout = {election} must be at least five times heartbeat = {heartbeat}: etcd refuses less"
            )));
        }
        Ok(resolved)
    }

    fn availability(&self) -> Availability {
        let missing = |why: String| Availability::Missing {
            why,
            remedy: "apt-get install etcd-server (Debian and Ubuntu), or put etcd 3.4 or newer into PATH".into(),
        };
        let Some(program) = program() else {
            return missing("no program etcd in PATH".into());
        };
        match std::process::Command::new(&program).arg("--version").output() {
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                let version = text.lines().next().unwrap_or_default().replace("etcd Version: ", "etcd ");
                Availability::Available(version)
            }
            Err(error) => missing(format!("{} does not run: {error}", program.display())),
        }
    }

    fn objects(&self) -> &'static [Object] {
        &[Object::Register, Object::Lists, Object::Lock, Object::FencedLock]
    }

    /// Every member advertises one address to all others.
    fn per_peer_addresses(&self) -> bool {
        false
    }

    /// etcd waits between one and two election timeouts.
    fn timing(&self, settings: &Settings) -> SystemTiming {
        let least = Duration::from_millis(milliseconds(settings, "election-timeout", 1000));
        SystemTiming { election_timeout_min: least, election_timeout_max: 2 * least }
    }

    fn client_port(&self) -> u16 {
        CLIENT_PORT
    }

    fn peer_port(&self) -> u16 {
        PEER_PORT
    }

    fn launch(&self, node: NodeId, context: &LaunchContext<'_>) -> Launch {
        let environment = context.environment;
        let url = |of: NodeId, port: u16| format!("http://{}", environment.listen_address(of, port));
        let cluster: Vec<_> =
            NodeId::all(environment.nodes()).map(|member| format!("{member}={}", url(member, PEER_PORT))).collect();
        let flags = [
            ("--name", node.to_string()),
            ("--data-dir", environment.data_directory(node).join("etcd").display().to_string()),
            ("--listen-peer-urls", url(node, PEER_PORT)),
            ("--initial-advertise-peer-urls", url(node, PEER_PORT)),
            ("--listen-client-urls", url(node, CLIENT_PORT)),
            ("--advertise-client-urls", url(node, CLIENT_PORT)),
            ("--initial-cluster", cluster.join(",")),
            ("--initial-cluster-token", "schism".into()),
            ("--initial-cluster-state", "new".into()),
            ("--heartbeat-interval", context.settings["heartbeat"].clone()),
            ("--election-timeout", context.settings["election-timeout"].clone()),
            ("--logger", "zap".into()),
        ];
        Launch {
            program: Program::Path(program().unwrap_or_else(|| PathBuf::from("etcd"))),
            arguments: flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect(),
            variables: Vec::new(),
        }
    }

    fn reads_are_local(&self, settings: &Settings) -> bool {
        settings.get("read").is_some_and(|word| word == "serializable")
    }

    fn claim<'a>(&'a self, http: &'a reqwest::Client, address: SocketAddr) -> BoxFuture<'a, Result<Claim, String>> {
        Box::pin(async move {
            let url = format!("http://{address}/v3/maintenance/status");
            let response = http.post(url).json(&json!({})).send().await.map_err(|error| error.to_string())?;
            let body: Value = response.json().await.map_err(|error| error.to_string())?;
            claim_of(&body)
        })
    }

    fn client(&self, context: ClientContext) -> Box<dyn Client> {
        let word = context.settings.get("read").map_or("linearizable", String::as_str);
        let level = READS.iter().find(|(name, _)| *name == word).map_or(ReadLevel::Linearizable, |(_, level)| *level);
        Box::new(EtcdClient::new(context, level))
    }

    fn ground_truth(&self, _nodes_directory: &Path) -> Option<std::io::Result<Vec<GroundTruthLoss>>> {
        None
    }

    /// etcd has no fixed line of succession; the next member by number stands in.
    fn next_in_line(&self, leader: NodeId, nodes: u16, _settings: &Settings) -> NodeId {
        NodeId(leader.0 % nodes + 1)
    }
}

/// The claim in a member's status. The leader's id is "0", or left out, while there is none.
fn claim_of(body: &Value) -> Result<Claim, String> {
    if body.get("header").is_none() {
        return Err(format!("not a status: {body}"));
    }
    let (member, leader) = (number(body, "/header/member_id"), number(body, "/leader"));
    let role = if leader == member {
        Role::Leader
    } else if leader == 0 {
        Role::Candidate
    } else {
        Role::Follower
    };
    Ok(Claim {
        role,
        term: number(body, "/raftTerm"),
        position: number(body, "/raftIndex"),
        applied: number(body, "/raftAppliedIndex"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_becomes_a_claim() {
        let status = |leader: &str| {
            json!({"header": {"member_id": "7"}, "leader": leader, "raftTerm": "3", "raftIndex": "9",
                   "raftAppliedIndex": "8"})
        };
        let claim = claim_of(&status("7")).unwrap();
        assert_eq!(claim, Claim { role: Role::Leader, term: 3, position: 9, applied: 8 });
        assert_eq!(claim_of(&status("5")).unwrap().role, Role::Follower);
        assert_eq!(claim_of(&status("0")).unwrap().role, Role::Candidate);
        assert!(claim_of(&json!({"error": "x"})).is_err());
    }

    #[test]
    fn settings_are_filled_in_and_checked() {
        let resolve = |pairs: &[(&str, &str)]| {
            let typed = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Etcd.resolve(&typed, 3)
        };
        assert_eq!(resolve(&[]).unwrap()["read"], "linearizable");
        for refused in [("reed", "x"), ("read", "dirty"), ("heartbeat", "0"), ("election-timeout", "200")] {
            assert!(resolve(&[refused]).is_err(), "{refused:?}");
        }
    }
}
