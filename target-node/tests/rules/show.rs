//! Everything that scripts print, each on one line.

use target_node::core::{
    Append, AppendResult, Appended, Ballot, Change, ClientResponse, Command, Core, Entry, Message, NodeId, Position,
    ProtocolEvent, Record, Role, Term, Vote, VoteRequest,
};

/// A place in a log: position and term.
fn place(position: Position, term: Term) -> String {
    if position == Position(0) { "the beginning".to_owned() } else { format!("{position}@t{term}") }
}

pub(crate) fn change(change: &Change) -> String {
    match change {
        Change::Write { key, value } => format!("{key}={value}"),
        Change::Cas { key, old, new } => format!("{key}={old}->{new}"),
        Change::Add { key, value } => format!("{key}+{value}"),
    }
}

pub(crate) fn entry(entry: &Entry) -> String {
    let what = match &entry.command {
        Command::Noop => "no-op".to_owned(),
        Command::Change(what) => change(what),
    };
    format!("{} {what}", place(entry.position, entry.claim.term))
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
        Message::Append(Append { term, previous, previous_claim, entries: some, commit, round }) => {
            let after = place(*previous, previous_claim.term);
            let round = if *round == 0 { String::new() } else { format!(" round {round}") };
            format!("append t{term} after {after}: {}; commit {commit}{round}", entries(some))
        }
        Message::Appended(Appended { term, append_term, round, result }) => {
            let round = if *round == 0 { String::new() } else { format!(" round {round}") };
            let of = if term == append_term { String::new() } else { format!(" to t{append_term}") };
            format!("appended t{term}{of}: {}{round}", append_result(result))
        }
        Message::VoteRequest(VoteRequest { ballot: kind, term, last, last_claim }) => {
            format!("vote-request {} t{term}, log to {}", ballot(*kind), place(*last, last_claim.term))
        }
        Message::Vote(Vote { ballot: kind, requested_term, term, granted }) => {
            let answer = if *granted { "yes" } else { "no" };
            let of = if term == requested_term { String::new() } else { format!(" (voter in t{term})") };
            format!("vote {} t{requested_term}: {answer}{of}", ballot(*kind))
        }
    }
}

fn append_result(result: &AppendResult) -> String {
    match result {
        AppendResult::Matched { position } => format!("agree to {position}"),
        AppendResult::Mismatch { previous, hint, hint_claim } => {
            format!("no such entry at {previous}, try {}", place(*hint, hint_claim.term))
        }
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
        ClientResponse::Acknowledged { term, position, replication } => {
            format!("acknowledged {} at level {replication}", place(*position, *term))
        }
        ClientResponse::NotLeader { leader: Some(leader) } => format!("not leader, ask {leader}"),
        ClientResponse::NotLeader { leader: None } => "not leader, nobody known".to_owned(),
        ClientResponse::PreconditionFailed { term, position } => {
            format!("precondition failed at {}", place(*position, *term))
        }
        ClientResponse::WrongType { term, position } => format!("wrong type at {}", place(*position, *term)),
        ClientResponse::Refused { reason } => format!("refused: {reason}"),
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
        // Clients see it by themselves.
        ProtocolEvent::Acknowledged { .. } => None,
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
