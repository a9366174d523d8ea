//! The commands of scripts.
//!
//! | command | does |
//! | --- | --- |
//! | `cluster N [SETTING=VALUE …]` | begins anew with N nodes and empty disks |
//! | `has NODE [TERM …] [in TERM] [voted NODE]` | starts the node anew with a log of entries of these terms |
//! | `wait MS` | lets time pass |
//! | `timeout NODE` | lets time pass until the node has something to do by the clock, and lets it |
//! | `tick NODE` | lets the node look at the clock now |
//! | `campaign NODE …` | times the nodes out and lets them try; the binding requests of those who win are in flight then |
//! | `elect NODE` | times the node out and settles; it must lead then |
//! | `settle` | delivers everything, and what follows, in the order of sending; prints events and answers |
//! | `deliver FROM->TO [all or K]` | delivers the oldest message of a link, all of them, or the K-th |
//! | `repeat FROM->TO [K]` | delivers a copy of the oldest, or of the K-th, message |
//! | `lose FROM->TO [all or K]` | loses the oldest message of a link, all of them, or the K-th |
//! | `lose all` | loses everything in flight |
//! | `cut A B`, `cut A->B`, `isolate NODE`, `heal` | cuts links, in both directions or in one; makes all whole |
//! | `disk NODE slow`, `disk NODE quick` | a slow disk finishes only by `sync` |
//! | `sync NODE [one]` | finishes the writes of a disk, or the oldest |
//! | `crash NODE`, `restart NODE` | |
//! | `write NODE KEY=VALUE [LEVEL] [as CLIENT:OPERATION]` | a client's write, acknowledged at LEVEL |
//! | `cas NODE KEY=OLD->NEW …`, `increment NODE KEY=BY …` | other changes, with the same options |
//! | `read NODE KEY [LEVEL] [at POSITION]` | a client's read, which must show at least POSITION |
//! | `join NODE` | starts a further node, with an empty disk and without members |
//! | `transfer NODE [NODE]`, `snapshot NODE`, `promote NODE` | an operator's commands |
//! | `member NODE add NODE`, `member NODE remove NODE` | |
//! | `status [NODE]`, `log [NODE]`, `messages` | prints |
//! | `due NODE` | prints how long the node will be patient |

use std::str::FromStr;

use target_node::{
    core::{Change, ClientRequest, HardState, Input, NodeId, OperatorRequest, Origin, Position, Term, Value},
    settings::Settings,
};

use crate::{cluster::Cluster, show};

type Done = Result<(), String>;

/// Performs one command.
pub(crate) fn perform(cluster: &mut Cluster, line: &str) -> Done {
    let words: Vec<_> = line.split_whitespace().collect();
    match words.as_slice() {
        ["cluster", nodes, pairs @ ..] => begin(cluster, parse(nodes)?, pairs),
        ["has", node, rest @ ..] => has(cluster, parse(node)?, rest),
        ["wait", ms] => {
            cluster.wait(parse::<u64>(ms)? * 1_000);
            Ok(())
        }
        ["timeout", node] => cluster.timeout(parse(node)?),
        ["tick", node] => cluster.step(parse(node)?, Input::Tick),
        ["campaign", nodes @ ..] => campaign(cluster, nodes),
        ["elect", node] => elect(cluster, parse(node)?),
        ["settle"] => cluster.quietly(Cluster::settle),
        ["deliver", link] => deliver(cluster, link, "1"),
        ["deliver", link, which] => deliver(cluster, link, which),
        ["repeat", link] => repeat(cluster, link, "1"),
        ["repeat", link, which] => repeat(cluster, link, which),
        ["lose", "all"] => {
            cluster.lose_all(|_, _| true);
            Ok(())
        }
        ["lose", link] => lose(cluster, link, "1"),
        ["lose", link, which] => lose(cluster, link, which),
        ["cut", link] => {
            let link = parse_link(link)?;
            cluster.cut(|from, to| (from, to) == link);
            Ok(())
        }
        ["cut", left, right] => {
            let (left, right) = (parse(left)?, parse(right)?);
            cluster.cut(|from, to| (from, to) == (left, right) || (to, from) == (left, right));
            Ok(())
        }
        ["isolate", node] => {
            let node: NodeId = parse(node)?;
            cluster.cut(|from, to| (from == node) != (to == node));
            Ok(())
        }
        ["heal"] => {
            cluster.heal();
            Ok(())
        }
        ["disk", node, speed @ ("slow" | "quick")] => {
            let node = parse(node)?;
            cluster.machine(node)?.disk.is_slow = *speed == "slow";
            Ok(())
        }
        ["sync", node] => cluster.finish_writes(parse(node)?),
        ["sync", node, "one"] => cluster.finish_write(parse(node)?),
        ["crash", node] => cluster.crash(parse(node)?),
        ["join", node] => cluster.join(parse(node)?),
        ["restart", node] => cluster.restart(parse(node)?),
        ["write", node, assignment, options @ ..] => {
            let (key, value) = parse_assignment(assignment)?;
            change(cluster, node, Change::Write { key, value: parse_value(value)? }, options)
        }
        ["cas", node, assignment, options @ ..] => {
            let (key, values) = parse_assignment(assignment)?;
            let (old, new) = values.split_once("->").ok_or("expected KEY=OLD->NEW")?;
            change(cluster, node, Change::Cas { key, old: parse_value(old)?, new: parse_value(new)? }, options)
        }
        ["increment", node, assignment, options @ ..] => {
            let (key, by) = parse_assignment(assignment)?;
            change(cluster, node, Change::Increment { key, by: parse(by)? }, options)
        }
        ["read", node, key, options @ ..] => read(cluster, node, key, options),
        ["transfer", node] => operate(cluster, node, line, OperatorRequest::Transfer { to: None }),
        ["transfer", node, to] => operate(cluster, node, line, OperatorRequest::Transfer { to: Some(parse(to)?) }),
        ["promote", node] => operate(cluster, node, line, OperatorRequest::Promote),
        ["snapshot", node] => operate(cluster, node, line, OperatorRequest::Snapshot),
        ["member", node, "add", member] => {
            operate(cluster, node, line, OperatorRequest::AddMember { node: parse(member)?, address: None })
        }
        ["member", node, "remove", member] => {
            operate(cluster, node, line, OperatorRequest::RemoveMember { node: parse(member)? })
        }
        ["status"] => cluster.ids().try_for_each(|node| cluster.show_status(node)),
        ["status", node] => cluster.show_status(parse(node)?),
        ["due", node] => cluster.show_due(parse(node)?),
        ["log"] => cluster.ids().try_for_each(|node| log(cluster, node)),
        ["log", node] => log(cluster, parse(node)?),
        ["messages"] => {
            cluster.show_messages();
            Ok(())
        }
        _ => Err("no such command".to_owned()),
    }
}

fn begin(cluster: &mut Cluster, nodes: u16, pairs: &[&str]) -> Done {
    let pairs = pairs.iter().map(|pair| {
        let (name, value) = pair.split_once('=').ok_or("a setting is NAME=VALUE")?;
        Ok((name.to_owned(), value.to_owned()))
    });
    let map = pairs.collect::<Result<_, String>>()?;
    let settings = Settings::from_map(&map, nodes).map_err(|error| error.to_string())?;
    *cluster = Cluster::new(nodes, settings)?;
    Ok(())
}

fn has(cluster: &mut Cluster, node: NodeId, rest: &[&str]) -> Done {
    let count = rest.iter().take_while(|word| word.parse::<u64>().is_ok()).count();
    let terms = rest[..count].iter().map(|term| parse(term)).collect::<Result<Vec<u64>, _>>()?;
    let mut hard_state = HardState { term: Term(terms.last().copied().unwrap_or(0)), voted_for: None };
    for pair in rest[count..].chunks(2) {
        match pair {
            ["in", term] => hard_state.term = Term(parse(term)?),
            ["voted", node] => hard_state.voted_for = Some(parse(node)?),
            _ => return Err("expected TERM …, then `in TERM` and `voted NODE`".to_owned()),
        }
    }
    cluster.set_log(node, &terms, hard_state)
}

fn campaign(cluster: &mut Cluster, nodes: &[&str]) -> Done {
    let nodes = nodes.iter().map(|node| parse(node)).collect::<Result<Vec<NodeId>, _>>()?;
    nodes.iter().try_for_each(|node| cluster.timeout(*node))?;
    cluster.deliver_trials(|from, _| nodes.contains(&from))?;
    cluster.deliver_trials(|_, to| nodes.contains(&to))?;
    let printed = cluster.take_printed();
    printed.into_iter().filter(|line| !line.contains(" trial ")).for_each(|line| cluster.print(line));
    Ok(())
}

fn elect(cluster: &mut Cluster, node: NodeId) -> Done {
    cluster.quietly(|cluster| {
        cluster.timeout(node)?;
        cluster.settle()
    })?;
    cluster.require_leader(node)
}

fn deliver(cluster: &mut Cluster, link: &str, which: &str) -> Done {
    let (from, to) = parse_link(link)?;
    if which == "all" {
        return (0..cluster.in_flight(from, to)).try_for_each(|_| cluster.deliver(from, to, 0, false));
    }
    cluster.deliver(from, to, parse_index(which)?, false)
}

fn repeat(cluster: &mut Cluster, link: &str, which: &str) -> Done {
    let (from, to) = parse_link(link)?;
    cluster.deliver(from, to, parse_index(which)?, true)
}

fn lose(cluster: &mut Cluster, link: &str, which: &str) -> Done {
    let link = parse_link(link)?;
    if which != "all" {
        return cluster.lose(link.0, link.1, parse_index(which)?);
    }
    match cluster.lose_all(|from, to| (from, to) == link) {
        0 => Err("nothing is in flight there".to_owned()),
        _ => Ok(()),
    }
}

fn change(cluster: &mut Cluster, node: &str, change: Change, options: &[&str]) -> Done {
    let (mut replication, mut origin) = (None, None);
    let mut rest = options;
    loop {
        rest = match rest {
            [] => break,
            ["as", named, rest @ ..] => {
                let (client, operation) = named.split_once(':').ok_or("expected CLIENT:OPERATION")?;
                origin = Some(Origin { client: client.to_owned(), operation: parse(operation)? });
                rest
            }
            [level, rest @ ..] => {
                replication = Some(parse(level)?);
                rest
            }
        };
    }
    cluster.request(parse(node)?, show::change(&change), ClientRequest::Write { change, replication, origin })
}

fn read(cluster: &mut Cluster, node: &str, key: &str, options: &[&str]) -> Done {
    let (level, at_least) = match options {
        [] => (None, None),
        ["at", position] => (None, Some(parse(position)?)),
        [level] => (Some(parse(level)?), None),
        [level, "at", position] => (Some(parse(level)?), Some(parse(position)?)),
        _ => return Err("expected [LEVEL] [at POSITION]".to_owned()),
    };
    let body = ClientRequest::Read { key: key.to_owned(), level, at_least: at_least.map(Position) };
    cluster.request(parse(node)?, format!("read {key}"), body)
}

fn operate(cluster: &mut Cluster, node: &str, line: &str, body: OperatorRequest) -> Done {
    cluster.operate(parse(node)?, line.to_owned(), body)
}

fn log(cluster: &mut Cluster, node: NodeId) -> Done {
    let line = format!("{node}: {}", show::log(cluster.core(node)?));
    cluster.print(line);
    Ok(())
}

fn parse<T: FromStr<Err: std::fmt::Display>>(word: &str) -> Result<T, String> {
    word.parse().map_err(|error: T::Err| format!("`{word}`: {error}"))
}

fn parse_link(link: &str) -> Result<(NodeId, NodeId), String> {
    let (from, to) = link.split_once("->").ok_or("a link is FROM->TO")?;
    Ok((parse(from)?, parse(to)?))
}

fn parse_index(which: &str) -> Result<usize, String> {
    parse::<usize>(which)?.checked_sub(1).ok_or_else(|| "messages are counted from 1".to_owned())
}

fn parse_assignment(assignment: &str) -> Result<(String, &str), String> {
    let (key, value) = assignment.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value))
}

fn parse_value(json: &str) -> Result<Value, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}
