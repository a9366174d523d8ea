//! The command line of a node: what is typed, what it means, and the exit code of what became of it.
//!
//! `target-node` and `schism node` are both this. Exit codes: 0 stopped by SIGTERM or SIGINT · 64 the arguments make no
//! sense · 65 the data directory holds something that cannot be used · 69 an address cannot be listened on, or the data
//! directory belongs to another node · 70 a bug · 74 the disk failed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tracing::error;
use tracing_subscriber::EnvFilter;

use crate::core::{Members, NodeId};
use crate::driver::{self, NodeError, NodePlan};
use crate::settings::{self, Failover, Settings};
use crate::storage::StorageError;

/// Stopped as asked.
pub const EXIT_OK: u8 = 0;
/// The arguments make no sense.
pub const EXIT_USAGE: u8 = 64;
/// The data directory holds something that cannot be used.
pub const EXIT_DATA: u8 = 65;
/// An address or the data directory is not to be had.
pub const EXIT_UNAVAILABLE: u8 = 69;
/// A bug.
pub const EXIT_SOFTWARE: u8 = 70;
/// The disk failed.
pub const EXIT_IO: u8 = 74;

/// One node: who it is, whom it talks to, where it keeps its data.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = settings::help())]
pub struct NodeArgs {
    /// The name of this node: n1, n2, …
    #[arg(long, value_name = "ID")]
    pub id: NodeId,

    /// Where the other nodes listen for peers, as this node reaches them: n1=10.77.0.1:7001,n2=…
    ///
    /// May name this node, too. Left out for a cluster of one, and by a node that joins and is reached first.
    #[arg(long, value_name = "ID=ADDRESS", value_delimiter = ',', value_parser = parse_peer)]
    pub peers: Vec<(NodeId, SocketAddr)>,

    /// The nodes that found the cluster: n1,n2,… By default this node and all of --peers. Every founder must be given the
    /// same; once members have changed, the log says who they are.
    #[arg(long, value_name = "ID", value_delimiter = ',', conflicts_with = "join")]
    pub members: Vec<NodeId>,

    /// This node joins a cluster that runs: it waits, without a vote, until a leader was told to add it.
    #[arg(long)]
    pub join: bool,

    /// Where this node listens for its peers. By default the address that --peers gives for it.
    #[arg(long, value_name = "ADDRESS")]
    pub listen_peer: Option<SocketAddr>,

    /// Where this node listens for clients (HTTP/1.1).
    #[arg(long, value_name = "ADDRESS")]
    pub listen_client: SocketAddr,

    /// The directory of this node's log; made where it is missing. No other node may use it.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// A setting of the cluster, such as replication=async; every node must be given the same. Repeatable.
    ///
    /// All settings and presets are explained below.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_setting)]
    pub settings: Vec<(String, String)>,

    /// The seed of this node's random choices (election timeouts). By default it follows from the id.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// How long a request may wait for its answer, in milliseconds; then the answer is 504.
    #[arg(long, value_name = "MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub request_timeout: u64,
}

/// Arguments that cannot be meant.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// A name was given twice with different meanings.
    #[error("--peers names {0} twice")]
    RepeatedPeer(NodeId),
    /// A setting was given twice.
    #[error("--set {0} is given twice: give it once")]
    RepeatedSetting(String),
    /// The names have a gap.
    #[error("{missing} is missing: the nodes that found a cluster are n1, n2, … without gaps, here up to {last}")]
    MissingPeer {
        /// The first that is not there.
        missing: NodeId,
        /// The last that is.
        last: NodeId,
    },
    /// A founder that nobody could reach.
    #[error("--members names {0}, but --peers does not say where it listens")]
    UnknownMember(NodeId),
    /// A node that belongs to nothing.
    #[error("--members does not name this node ({0}): name it, or give --join to a node that is to be added later")]
    NoFounder(NodeId),
    /// A node that cannot be added.
    #[error("--join needs failover=consensus: under {0} the members of a cluster are those of its start")]
    CannotJoin(Failover),
    /// Nothing says where to listen.
    #[error("--listen-peer is missing: give it, or let --peers name this node ({0}) with its address")]
    NoPeerAddress(NodeId),
    /// The settings are not accepted.
    #[error(transparent)]
    Settings(#[from] crate::settings::SettingsError),
}

/// Runs a node until it is told to stop.
pub fn run(arguments: NodeArgs) -> ExitCode {
    start_logging();
    let plan = match plan(arguments) {
        Ok(plan) => plan,
        Err(error) => {
            error!("{error}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match driver::run(&plan) {
        Ok(()) => ExitCode::from(EXIT_OK),
        Err(error) => {
            error!("{error}");
            ExitCode::from(exit_code(&error))
        }
    }
}

fn exit_code(error: &NodeError) -> u8 {
    match error {
        NodeError::Storage(StorageError::InUse { .. }) | NodeError::Listen { .. } => EXIT_UNAVAILABLE,
        NodeError::Storage(StorageError::Io { .. }) => EXIT_IO,
        NodeError::Storage(_) => EXIT_DATA,
        NodeError::System { .. } | NodeError::Hello(_) => EXIT_SOFTWARE,
    }
}

/// Logs to standard error, as `RUST_LOG` asks; `info` by default. Where a program that embeds the node has its own
/// subscriber already, that one is kept.
fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = subscriber.with_ansi(colours).with_target(false).try_init();
}

/// Decides what the arguments leave open.
fn plan(arguments: NodeArgs) -> Result<NodePlan, UsageError> {
    let mut addresses = BTreeMap::new();
    for (node, address) in arguments.peers.iter().copied() {
        if addresses.insert(node, address).is_some() {
            return Err(UsageError::RepeatedPeer(node));
        }
    }
    let own = addresses.remove(&arguments.id);
    let peers = addresses;
    let founders = founders(&arguments, &peers)?;
    let listen_peer = match (arguments.listen_peer.or(own), peers.is_empty() && !arguments.join) {
        (Some(address), _) => address,
        // Nobody will call; any free port serves.
        (None, true) => SocketAddr::from(([127, 0, 0, 1], 0)),
        (None, false) => return Err(UsageError::NoPeerAddress(arguments.id)),
    };
    let mut settings = BTreeMap::new();
    for (name, value) in arguments.settings {
        if settings.contains_key(&name) {
            return Err(UsageError::RepeatedSetting(name));
        }
        settings.insert(name, value);
    }
    // A node that joins counts what it knows of; the leader checks what is asked of the members in force.
    let nodes = if arguments.join { peers.len() + 1 } else { founders.len() };
    let settings = Settings::from_map(&settings, nodes as u16)?;
    if arguments.join && settings.failover != Failover::Consensus {
        return Err(UsageError::CannotJoin(settings.failover));
    }
    let address = |node: &NodeId| peers.get(node).copied().or(own);
    Ok(NodePlan {
        id: arguments.id,
        listen_peer,
        listen_client: arguments.listen_client,
        data: arguments.data,
        settings,
        seed: arguments.seed.unwrap_or_else(|| u64::from(arguments.id.0)),
        request_timeout: Duration::from_millis(arguments.request_timeout),
        members: Members {
            voters: founders.iter().map(|node| (*node, address(node))).collect(),
            learners: BTreeMap::new(),
        },
        peers,
    })
}

/// The nodes that found the cluster are n1 to nN; a node that joins founds none.
fn founders(arguments: &NodeArgs, peers: &BTreeMap<NodeId, SocketAddr>) -> Result<BTreeSet<NodeId>, UsageError> {
    if arguments.join {
        return Ok(BTreeSet::new());
    }
    let founders: BTreeSet<NodeId> = if arguments.members.is_empty() {
        peers.keys().copied().chain([arguments.id]).collect()
    } else {
        arguments.members.iter().copied().collect()
    };
    if !founders.contains(&arguments.id) {
        return Err(UsageError::NoFounder(arguments.id));
    }
    if let Some(stranger) = founders.iter().find(|node| **node != arguments.id && !peers.contains_key(node)) {
        return Err(UsageError::UnknownMember(*stranger));
    }
    let last = founders.last().copied().unwrap_or(arguments.id);
    match (1..=last.0).map(NodeId).find(|node| !founders.contains(node)) {
        None => Ok(founders),
        Some(missing) => Err(UsageError::MissingPeer { missing, last }),
    }
}

fn parse_peer(text: &str) -> Result<(NodeId, SocketAddr), String> {
    let (node, address) = text.split_once('=').ok_or("expected ID=ADDRESS, such as n2=10.77.0.2:7001")?;
    let node = node.parse::<NodeId>().map_err(|error| error.to_string())?;
    let address = address.parse().map_err(|_| format!("`{address}` is no address: expected IP:PORT"))?;
    Ok((node, address))
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as replication=async")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        node: NodeArgs,
    }

    fn parse(line: &str) -> Result<NodePlan, String> {
        let program = Program::try_parse_from(["node"].into_iter().chain(line.split_whitespace()));
        plan(program.map_err(|error| error.to_string())?.node).map_err(|error| error.to_string())
    }

    #[test]
    fn this_node_may_be_named_among_the_peers_or_not() {
        let named = "--id n2 --listen-client 127.0.0.1:1 --data d --peers n1=10.0.0.1:7,n2=10.0.0.2:7,n3=10.0.0.3:7";
        let plan = parse(named).unwrap();
        assert_eq!(plan.listen_peer, "10.0.0.2:7".parse().unwrap());
        assert_eq!(plan.peers.keys().map(|node| node.0).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(plan.members.voter_count(), 3);

        let unnamed = "--id n2 --listen-client 127.0.0.1:1 --data d --peers n1=10.0.0.1:7,n3=10.0.0.3:7 \
            --listen-peer 0.0.0.0:7";
        assert_eq!(parse(unnamed).unwrap().members.voter_count(), 3);
    }

    #[test]
    fn founders_are_all_that_are_named_unless_members_says_otherwise_and_who_joins_founds_nothing() {
        let peers = "--listen-client 127.0.0.1:1 --data d --peers n1=10.0.0.1:7,n2=10.0.0.2:7,n4=10.0.0.4:7";
        let founder = parse(&format!("--id n1 {peers} --members n1,n2")).unwrap();
        assert_eq!(founder.members.voters.keys().map(|node| node.0).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(founder.members.address(NodeId(1)), Some("10.0.0.1:7".parse().unwrap()));
        assert_eq!(founder.members.address(NodeId(2)), Some("10.0.0.2:7".parse().unwrap()));
        let joining = parse(&format!("--id n4 {peers} --join")).unwrap();
        assert_eq!(joining.members, Members::default());
        assert_eq!(joining.listen_peer, "10.0.0.4:7".parse().unwrap());
    }

    #[test]
    fn a_cluster_of_one_needs_no_peers() {
        let plan = parse("--id n1 --listen-client 127.0.0.1:1 --data d --set fsync=never").unwrap();
        assert_eq!(plan.members.voter_count(), 1);
        assert_eq!(plan.settings.fsync, crate::settings::Fsync::Never);
    }

    #[test]
    fn refusals_say_what_to_do() {
        let base = "--listen-client 127.0.0.1:1 --data d";
        let cases = [
            ("--id one", "expected n1, n2"),
            ("--id n1 --peers n2", "expected ID=ADDRESS"),
            ("--id n1 --peers n2=nowhere:7", "expected IP:PORT"),
            ("--id n1 --peers n2=10.0.0.2:7", "--listen-peer is missing"),
            ("--id n1 --peers n1=10.0.0.1:7,n3=10.0.0.3:7", "n2 is missing"),
            ("--id n1 --peers n1=10.0.0.1:7,n2=10.0.0.2:7,n2=10.0.0.3:7", "names n2 twice"),
            ("--id n1 --peers n1=10.0.0.1:7,n2=10.0.0.2:7 --members n2", "does not name this node"),
            ("--id n1 --peers n1=10.0.0.1:7 --members n1,n2", "does not say where it listens"),
            ("--id n1 --members n1 --join", "cannot be used with"),
            ("--id n4 --listen-peer 10.0.0.4:7 --join --set failover=manual", "--join needs failover=consensus"),
            ("--id n4 --join", "--listen-peer is missing"),
            ("--id n1 --set replication", "expected NAME=VALUE"),
            ("--id n1 --set replicaton=async", "did you mean `replication`?"),
            ("--id n1 --set fsync=never --set fsync=always", "given twice"),
            ("--id n1 --request-timeout 0", "1..=600000"),
        ];
        for (arguments, expected) in cases {
            let error = parse(&format!("{base} {arguments}")).expect_err(expected);
            assert!(error.contains(expected), "{error:?} does not contain {expected:?}");
        }
    }
}
