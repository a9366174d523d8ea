//! Everything that scripts print, each on one line.

use target_node::core::{
    Append, AppendResult, Appended, Ballot, Change, ClientResponse, Command, Core, Entry, Members, Message, NodeId,
    Position, ProtocolEvent, Record, Role, SnapshotChunk, SnapshotTaken, Term, Vote, VoteRequest,
};

/// A place in a log: position and term.
fn place(position: Position, term: Term) -> String {
    if position == Position(0) { "the beginning".to_owned() } else { format!("{position}@t{term}") }
}

pub(crate) fn change(change: &Change) -> String {
    match change {
        Change::Write { key, value } => format!("{key}={value}"),
        Change::Cas { key, old, new } => format!("{key}={old}->{new}"),
        Change::Add { key, value } => format!("{key} add {value}"),
        Change::Delete { key } => format!("delete {key}"),
        Change::Append { key, value } => format!("{key} append {value}"),
        Change::Take { key } => format!("take {key}"),
        Change::Increment { key, by } => format!("{key}+{by}"),
    }
}

pub(crate) fn entry(entry: &Entry) -> String {
    let what = match &entry.command {
        Command::Noop => "no-op".to_owned(),
        Command::Change(what) => change(what),
        Command::Transaction(accesses) => format!("{} steps", accesses.len()),
        Command::Members(some) => members(some),
    };
    let origin = entry.origin.as_ref().map_or_else(String::new, |it| format!(" of {}:{}", it.client, it.operation));
    format!("{} {what}{origin}", place(entry.position, entry.claim.term))
}

fn members(members: &Members) -> String {
    let names = |nodes: Vec<&NodeId>| nodes.iter().map(|node| node.to_string()).collect::<Vec<_>>().join(" ");
    let voters = names(members.voters.keys().collect());
    match names(members.learners.keys().collect()) {
        learners if learners.is_empty() => format!("voters {voters}"),
        learners => format!("voters {voters} learners {learners}"),
    }
}

fn entries(entries: &[Entry]) -> String {
    match entries {
        [] => "nothing".to_owned(),
        some => some.iter().map(entry).collect::<Vec<_>>().join(", "),
    }
}

pub(crate) fn log(core: &Core) -> String {
    let all: Vec<_> = core.entries().cloned().collect();
    entries(&all)
}

pub(crate) fn record(record: &Record) -> String {
    match record {
        Record::HardState(state) => match state.voted_for {
            Some(node) => format!("term {} vote {node}", state.term),
            None => format!("term {} no vote", state.term),
        },
        Record::Truncate { from } => format!("truncate from {from}"),
        Record::Append(appended) => entry(appended),
        Record::Reset { position, claim } => format!("reset after {}", place(*position, claim.term)),
    }
}

fn ballot(ballot: Ballot) -> &'static str {
    match ballot {
        Ballot::Trial => "trial",
        Ballot::Binding => "binding",
    }
}

pub(crate) fn message(message: &Message) -> String {
    match message {
        Message::Append(Append { term, previous, previous_claim, entries: some, commit, round, probe: _ }) => {
            let after = place(*previous, previous_claim.term);
            let round = if *round == 0 { String::new() } else { format!(" round {round}") };
            format!("append t{term} after {after}: {}; commit {commit}{round}", entries(some))
        }
        Message::Appended(Appended { term, append_term, round, probe: _, result }) => {
            let round = if *round == 0 { String::new() } else { format!(" round {round}") };
            let of = if term == append_term { String::new() } else { format!(" to t{append_term}") };
            format!("appended t{term}{of}: {}{round}", append_result(result))
        }
        Message::VoteRequest(VoteRequest { ballot: kind, term, last, last_claim, transfer }) => {
            let transfer = if *transfer { ", by transfer" } else { "" };
            format!("vote-request {} t{term}, log to {}{transfer}", ballot(*kind), place(*last, last_claim.term))
        }
        Message::Vote(Vote { ballot: kind, requested_term, term, granted }) => {
            let answer = if *granted { "yes" } else { "no" };
            let of = if term == requested_term { String::new() } else { format!(" (voter in t{term})") };
            format!("vote {} t{requested_term}: {answer}{of}", ballot(*kind))
        }
        Message::TransferNow { term } => format!("transfer-now t{term}"),
        Message::ReadIndex { id } => format!("read-index question {id}"),
        Message::ReadIndexed { id, index: Some(index) } => format!("read-index answer {id}: {index}"),
        Message::ReadIndexed { id, index: None } => format!("read-index answer {id}: not leader"),
        Message::SnapshotChunk(SnapshotChunk { term, position, claim, number, is_last, .. }) => {
            let last = if *is_last { ", the last" } else { "" };
            format!("snapshot t{term} to {}, chunk {number}{last}", place(*position, claim.term))
        }
        Message::SnapshotTaken(SnapshotTaken { term, position, wanted, is_installed, .. }) => {
            let installed = if *is_installed { "installed".to_owned() } else { format!("wants chunk {wanted}") };
            format!("snapshot-taken t{term} to {position}: {installed}")
        }
    }
}

fn append_result(result: &AppendResult) -> String {
    match result {
        AppendResult::Matched { position, received, .. } if position == received => format!("agree to {position}"),
        AppendResult::Matched { position, received, .. } => format!("agree to {received}, on disk to {position}"),
        AppendResult::Mismatch { previous, hint, hint_claim } => {
            format!("no such entry at {previous}, try {}", place(*hint, hint_claim.term))
        }
        AppendResult::SnapshotWanted => "want a whole snapshot".to_owned(),
        AppendResult::Superseded { leader: Some(leader) } => format!("superseded by {leader}"),
        AppendResult::Superseded { leader: None } => "superseded".to_owned(),
    }
}

pub(crate) fn response(response: &ClientResponse) -> String {
    match response {
        ClientResponse::Value { value, position, .. } => match value {
            Some(value) => format!("value {value} at {position}"),
            None => format!("no value at {position}"),
        },
        ClientResponse::Acknowledged { term, position, replication, value } => {
            let value = value.as_ref().map_or_else(String::new, |value| format!(", value {value}"));
            format!("acknowledged {} at level {replication}{value}", place(*position, *term))
        }
        ClientResponse::Items { items, position, .. } => format!("{} items at {position}", items.len()),
        ClientResponse::OutOfOrder { term, position } => format!("out of order at {}", place(*position, *term)),
        ClientResponse::Operated { term, position } => format!("done in t{term} at {position}"),
        ClientResponse::Digest { position, digest } => format!("digest {digest:x} at {position}"),
        ClientResponse::NotLeader { leader: Some(leader) } => format!("not leader, ask {leader}"),
        ClientResponse::NotLeader { leader: None } => "not leader, nobody known".to_owned(),
        ClientResponse::PreconditionFailed { term, position } => {
            format!("precondition failed at {}", place(*position, *term))
        }
        ClientResponse::WrongType { term, position } => format!("wrong type at {}", place(*position, *term)),
        ClientResponse::Refused { reason } => format!("refused: {reason}"),
        ClientResponse::Overloaded { reason } => format!("overloaded: {reason}"),
        ClientResponse::Unknown { reason } => format!("unknown: {reason}"),
    }
}

pub(crate) fn event(node: NodeId, event: &ProtocolEvent) -> Option<String> {
    match event {
        ProtocolEvent::BecameLeader { term, .. } => Some(format!("{node} leads in t{term}")),
        ProtocolEvent::SteppedDown { term, reason } => {
            let reason = serde_json::to_value(reason).ok()?;
            Some(format!("{node} leads no more in t{term}: {}", reason.as_str()?))
        }
        ProtocolEvent::TruncatedAcked(write) => {
            Some(format!("{node} lost acknowledged {}", place(write.position, write.term)))
        }
        ProtocolEvent::RestoredAcked(write) => {
            Some(format!("{node} has acknowledged {} again", place(write.position, write.term)))
        }
        ProtocolEvent::SnapshotTaken { position } => Some(format!("{node} has a snapshot to {position}")),
        ProtocolEvent::SnapshotInstalled { position, .. } => {
            Some(format!("{node} has installed a snapshot to {position}"))
        }
        ProtocolEvent::MembersInForce { position, members: some } => {
            Some(format!("{node} goes by {} of {position}", members(some)))
        }
        ProtocolEvent::Degraded { term } => Some(format!("{node} acknowledges alone in t{term}")),
        ProtocolEvent::Recovered { term } => Some(format!("{node} acknowledges with followers again in t{term}")),
        // Scripts see these by themselves.
        ProtocolEvent::Acknowledged { .. }
        | ProtocolEvent::Appended { .. }
        | ProtocolEvent::Committed { .. }
        | ProtocolEvent::Durable { .. } => None,
    }
}

pub(crate) fn status(node: NodeId, core: &Core) -> String {
    let role = match (core.role(), core.leader()) {
        (Role::Leader, _) => "leader".to_owned(),
        (Role::Candidate, _) => "candidate".to_owned(),
        (Role::Follower, Some(leader)) => format!("follower of {leader}"),
        (Role::Follower, None) => "follower of nobody".to_owned(),
    };
    let matched: Vec<_> = core.status().matched.iter().map(|(peer, to)| format!("{peer}:{to}")).collect();
    let matched = if matched.is_empty() { String::new() } else { format!(", matched {}", matched.join(" ")) };
    let (last, durable, committed) = (core.last(), core.durable(), core.committed());
    let durable = if durable == last { String::new() } else { format!(" (on disk {durable})") };
    format!("{node} {role} t{}, log to {last}{durable}, committed {committed}{matched}", core.term())
}
