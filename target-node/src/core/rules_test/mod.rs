//! The core's rules one by one: one node, scripted inputs, and what it does.

use std::collections::BTreeMap;

mod reads;
mod transfer;

use super::*;
use crate::settings::{ReadLevel, Replication, Settings};

const MS: u64 = 1_000;

/// One node under test, with a disk that finishes when it is told to.
struct Bench {
    core: Core,
    now_us: u64,
    persisting: Vec<Token>,
}

impl Bench {
    fn new(id: u16, nodes: u16, pairs: &[(&str, &str)], restored: Restored) -> Self {
        let map: BTreeMap<_, _> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let settings = Settings::from_map(&map, nodes).unwrap();
        let core = Core::new(NodeId(id), Members::first(nodes), settings, restored, 1, 0);
        Self { core, now_us: 0, persisting: Vec::new() }
    }

    /// A node of three whose log has entries of these terms, written as `entry` says.
    fn with_log(id: u16, pairs: &[(&str, &str)], terms: &[u64]) -> Self {
        Self::new(id, 3, pairs, restored(terms))
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let effects = self.core.step(self.now_us, input);
        self.core.validate();
        self.persisting.extend(effects.iter().filter_map(|effect| match effect {
            Effect::Persist { token, .. } => Some(*token),
            _ => None,
        }));
        effects
    }

    /// Lets the disk finish everything; returns what follows.
    fn sync(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        while !self.persisting.is_empty() {
            let token = self.persisting.remove(0);
            effects.extend(self.step(Input::Persisted { token }));
        }
        effects
    }

    /// A step and everything that follows once the disk is done.
    fn run(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = self.step(input);
        effects.extend(self.sync());
        effects
    }

    fn peer(&mut self, from: u16, message: Message) -> Vec<Effect> {
        self.run(Input::Peer { from: NodeId(from), message })
    }

    fn client(&mut self, request: u64, body: ClientRequest) -> Vec<Effect> {
        self.run(Input::Client { request, body })
    }

    fn write(&mut self, request: u64, value: u64, replication: Option<Replication>) -> Vec<Effect> {
        let change = Change::Write { key: "k".to_owned(), value: Value::from(value) };
        let origin = Some(Origin { client: "c".to_owned(), operation: request });
        self.client(request, ClientRequest::Write { change, replication, origin })
    }

    fn tick_at_deadline(&mut self) -> Vec<Effect> {
        self.now_us = self.core.deadline_us();
        self.run(Input::Tick)
    }

    /// Makes the node leader by votes of n2, or n1 if it is n2 itself.
    fn elect(&mut self) -> Vec<Effect> {
        let voter = if self.core.status().node == NodeId(2) { 1 } else { 2 };
        self.tick_at_deadline();
        let requested_term = self.core.term().next();
        let vote = |ballot, term| Message::Vote(Vote { ballot, requested_term, term, granted: true });
        self.peer(voter, vote(Ballot::Trial, self.core.term()));
        let effects = self.peer(voter, vote(Ballot::Binding, requested_term));
        assert_eq!(self.core.role(), Role::Leader);
        effects
    }

    fn matched(&mut self, from: u16, position: u64) -> Vec<Effect> {
        let term = self.core.term();
        let result = agreed(position);
        self.peer(from, Message::Appended(Appended { term, append_term: term, round: 0, probe: 1, result }))
    }

    fn value(&mut self) -> Option<Value> {
        let body = ClientRequest::Read { key: "k".to_owned(), level: Some(ReadLevel::Local), at_least: None };
        match &replies(&self.client(999, body))[..] {
            [(999, ClientResponse::Value { value, .. })] => value.clone(),
            other => panic!("a local read is answered at once: {other:?}"),
        }
    }
}

fn claim(term: u64, leader: u16) -> Claim {
    Claim { term: Term(term), leader: NodeId(leader) }
}

/// Entry `position` of `term`, written by the leader that every test gives this term: n1 of odd terms, n2 of even ones.
fn entry(position: u64, term: u64) -> Entry {
    let change = Change::Write { key: "k".to_owned(), value: Value::from(position * 100 + term) };
    let claim = if term % 2 == 1 { claim(term, 1) } else { claim(term, 2) };
    Entry { claim, position: Position(position), command: Command::Change(change), origin: None }
}

fn restored(terms: &[u64]) -> Restored {
    let entries: Vec<_> = terms.iter().zip(1..).map(|(term, position)| entry(position, *term)).collect();
    let term = Term(terms.last().copied().unwrap_or(0));
    Restored { hard_state: HardState { term, voted_for: None }, snapshot: None, entries, ..Restored::default() }
}

/// An append of entries of these terms after `previous`, which is of `previous_term`.
fn append(term: u64, (previous, previous_term): (u64, u64), terms: &[u64], commit: u64) -> Message {
    let entries = terms.iter().zip(previous + 1..).map(|(term, position)| entry(position, *term)).collect();
    let previous_claim = if previous == 0 { Claim::NONE } else { entry(previous, previous_term).claim };
    let (previous, commit) = (Position(previous), Position(commit));
    Message::Append(Append { term: Term(term), previous, previous_claim, entries, commit, round: 0, probe: 1 })
}

fn replies(effects: &[Effect]) -> Vec<(u64, ClientResponse)> {
    let reply = |effect: &Effect| match effect {
        Effect::Reply { request, response } => Some((*request, response.clone())),
        _ => None,
    };
    effects.iter().filter_map(reply).collect()
}

fn acknowledged(effects: &[Effect]) -> Vec<u64> {
    let all = replies(effects).into_iter();
    all.filter(|(_, response)| matches!(response, ClientResponse::Acknowledged { .. })).map(|(id, _)| id).collect()
}

fn sent(effects: &[Effect], receiver: u16) -> Vec<Message> {
    let message = |effect: &Effect| match effect {
        Effect::Send { to, message } if *to == NodeId(receiver) => Some(message.clone()),
        _ => None,
    };
    effects.iter().filter_map(message).collect()
}

fn result(effects: &[Effect], receiver: u16) -> Option<AppendResult> {
    match sent(effects, receiver).pop() {
        Some(Message::Appended(appended)) => Some(appended.result),
        _ => None,
    }
}

/// A follower that agrees durably up to `position`.
fn agreed(position: u64) -> AppendResult {
    let position = Position(position);
    AppendResult::Matched { position, received: position, applied: position }
}

fn matched_at(result: Option<AppendResult>) -> Option<u64> {
    match result {
        Some(AppendResult::Matched { position, .. }) => Some(position.0),
        _ => None,
    }
}

fn events(effects: &[Effect]) -> Vec<ProtocolEvent> {
    let event = |effect: &Effect| match effect {
        Effect::Event(event) => Some(event.clone()),
        _ => None,
    };
    effects.iter().filter_map(event).collect()
}

fn terms(core: &Core) -> Vec<u64> {
    core.entries().map(|entry| entry.claim.term.0).collect()
}

#[test]
fn a_voter_grants_one_vote_a_term_to_a_log_that_is_not_behind() {
    // The voter's log ends with term 3 at position 3; it is in term 3 and has not voted.
    let cases = [
        ("same log", 4, (3, 3), true),
        ("longer log of the same term", 4, (4, 3), true),
        ("shorter log of a later term", 9, (1, 4), true),
        ("shorter log of the same term", 4, (2, 3), false),
        ("longer log of an earlier term", 4, (9, 2), false),
        ("an old term", 2, (9, 9), false),
    ];
    for (what, term, (last, last_term), expected) in cases {
        for ballot in [Ballot::Trial, Ballot::Binding] {
            let mut bench = Bench::with_log(3, &[], &[1, 3, 3]);
            bench.now_us = 300 * MS;
            let (term, last, last_claim) = (Term(term), Position(last), entry(last, last_term).claim);
            let effects =
                bench.peer(1, Message::VoteRequest(VoteRequest { ballot, term, last, last_claim, transfer: false }));
            let [Message::Vote(vote)] = &sent(&effects, 1)[..] else { panic!("{what}: no vote in {effects:?}") };
            assert_eq!(vote.granted, expected, "{what}, {ballot:?}");
            if ballot == Ballot::Trial {
                assert_eq!(bench.core.term(), Term(3), "a trial changes nothing");
            }
        }
    }
}

#[test]
fn a_vote_is_given_once_and_only_when_it_is_on_disk() {
    let mut bench = Bench::with_log(3, &[], &[1]);
    bench.now_us = 300 * MS;
    let request = |ballot| {
        Message::VoteRequest(VoteRequest {
            ballot,
            term: Term(2),
            last: Position(9),
            last_claim: claim(1, 1),
            transfer: false,
        })
    };
    let before = bench.step(Input::Peer { from: NodeId(1), message: request(Ballot::Binding) });
    assert_eq!(sent(&before, 1), [], "the vote is not on disk");
    let is_granted = |messages: &[Message]| matches!(messages, [Message::Vote(Vote { granted: true, .. })]);
    assert!(is_granted(&sent(&bench.sync(), 1)));
    assert!(!is_granted(&sent(&bench.peer(2, request(Ballot::Binding)), 2)), "a second vote in one term");
    assert!(is_granted(&sent(&bench.peer(1, request(Ballot::Binding)), 1)), "the answer may have been lost");
}

#[test]
fn a_voter_that_hears_its_leader_takes_no_part_in_elections() {
    let mut bench = Bench::with_log(3, &[], &[1]);
    bench.peer(1, append(1, (1, 1), &[], 0));
    let request = |ballot| {
        Message::VoteRequest(VoteRequest {
            ballot,
            term: Term(5),
            last: Position(9),
            last_claim: claim(4, 2),
            transfer: false,
        })
    };
    let granted = |messages: &[Message]| matches!(messages, [Message::Vote(Vote { granted: true, .. })]);
    bench.now_us += 299 * MS;
    for ballot in [Ballot::Trial, Ballot::Binding] {
        assert!(!granted(&sent(&bench.peer(2, request(ballot)), 2)));
    }
    assert_eq!(bench.core.term(), Term(1), "the term of a refused candidate must not depose the leader");
    bench.now_us += MS;
    assert!(granted(&sent(&bench.peer(2, request(Ballot::Binding)), 2)));
}

#[test]
fn only_votes_of_this_candidacy_count_and_one_from_each_voter() {
    let mut bench = Bench::new(1, 5, &[], restored(&[1]));
    let vote = |ballot, requested, granted| {
        Message::Vote(Vote { ballot, requested_term: Term(requested), term: Term(1), granted })
    };
    bench.tick_at_deadline();
    // A trial for term 2: what does not answer it does not count.
    bench.peer(2, vote(Ballot::Trial, 2, true));
    bench.peer(2, vote(Ballot::Trial, 2, true));
    bench.peer(3, vote(Ballot::Trial, 1, true));
    bench.peer(4, vote(Ballot::Binding, 2, true));
    bench.peer(5, vote(Ballot::Trial, 2, false));
    assert_eq!(bench.core.term(), Term(1), "two of five agree");
    bench.peer(3, vote(Ballot::Trial, 2, true));
    assert_eq!(bench.core.term(), Term(2), "three of five agree");
    bench.peer(2, vote(Ballot::Binding, 2, true));
    bench.peer(2, vote(Ballot::Binding, 2, true));
    bench.peer(3, vote(Ballot::Trial, 3, true));
    bench.peer(4, vote(Ballot::Binding, 1, true));
    assert_eq!(bench.core.role(), Role::Candidate);
    bench.peer(4, vote(Ballot::Binding, 2, true));
    assert_eq!(bench.core.role(), Role::Leader);
}

#[test]
fn a_follower_at_50_is_sent_51_to_70() {
    let mut leader = Bench::with_log(1, &[], &[1; 70]);
    let mut follower = Bench::with_log(3, &[], &[1; 50]);
    let mut messages = sent(&leader.elect(), 3);
    let mut appends = Vec::new();
    while let Some(message) = messages.pop() {
        if let Message::Append(append) = &message {
            appends.push((append.previous.0, append.entries.iter().map(|entry| entry.position.0).collect::<Vec<_>>()));
        }
        for answer in sent(&follower.peer(1, message), 1) {
            messages.extend(sent(&leader.peer(3, answer), 3));
        }
    }
    // Position 71 is the no-op of the new reign.
    let expected = [(70, vec![71]), (50, (51..=71).collect::<Vec<_>>())];
    assert_eq!(appends, expected);
    assert_eq!(terms(&follower.core), terms(&leader.core));
    assert_eq!(leader.core.status().matched[&NodeId(3)], Position(71));
}

#[test]
fn a_log_is_truncated_at_the_first_conflict_only() {
    // What the follower has, what it is sent after which position, what it has then and which position it truncated.
    type Case = (&'static [u64], (u64, u64), &'static [u64], &'static [u64], Option<u64>);
    let cases: &[Case] = &[
        (&[1, 1, 2, 2], (1, 1), &[1, 3], &[1, 1, 3], Some(3)),
        (&[1, 1, 2, 2], (4, 2), &[3], &[1, 1, 2, 2, 3], None),
        (&[1, 1, 2, 2], (0, 0), &[1, 1], &[1, 1, 2, 2], None),
        (&[1, 1, 2, 2], (2, 1), &[2], &[1, 1, 2, 2], None),
        (&[1, 1, 2, 2], (0, 0), &[3], &[3], Some(1)),
        (&[1, 1, 2, 2], (4, 3), &[3], &[1, 1, 2, 2], None),
        (&[1, 1], (4, 3), &[3], &[1, 1], None),
    ];
    for (has, previous, sent_terms, expected, truncated) in cases {
        let mut bench = Bench::with_log(3, &[], has);
        let effects = bench.peer(1, append(3, *previous, sent_terms, 0));
        assert_eq!(terms(&bench.core), *expected, "{has:?} after {previous:?} {sent_terms:?}");
        let truncations = effects.iter().filter_map(|effect| match effect {
            Effect::Persist { records, .. } => records.iter().find_map(|record| match record {
                Record::Truncate { from } => Some(from.0),
                _ => None,
            }),
            _ => None,
        });
        assert_eq!(truncations.collect::<Vec<_>>(), truncated.iter().copied().collect::<Vec<_>>());
    }
}

#[test]
fn a_follower_commits_and_claims_no_more_than_this_message_verified() {
    // The follower has an old tail that the message does not speak of.
    let mut bench = Bench::with_log(3, &[], &[1, 1, 2, 2]);
    let effects = bench.peer(1, append(3, (0, 0), &[1, 1], 4));
    assert_eq!(bench.core.committed(), Position(2));
    assert_eq!(matched_at(result(&effects, 1)), Some(2));
}

#[test]
fn a_follower_answers_for_entries_when_they_are_on_disk_and_heartbeats_at_once() {
    let mut bench = Bench::with_log(3, &[], &[1]);
    let slow = bench.step(Input::Peer { from: NodeId(1), message: append(1, (1, 1), &[1, 1], 0) });
    assert_eq!(result(&slow, 1), None);
    let heartbeat = bench.step(Input::Peer { from: NodeId(1), message: append(1, (3, 1), &[], 0) });
    assert_eq!(matched_at(result(&heartbeat, 1)), Some(1));
    assert_eq!(matched_at(result(&bench.sync(), 1)), Some(3));
}

#[test]
fn an_entry_of_an_earlier_term_is_not_committed_by_counting() {
    let mut bench = Bench::with_log(1, &[], &[1, 2]);
    bench.elect();
    bench.matched(2, 2);
    bench.matched(3, 2);
    assert_eq!(bench.core.committed(), Position(0), "figure 8 of the Raft paper");
    bench.matched(2, 3);
    assert_eq!(bench.core.committed(), Position(3), "the no-op commits what is before it");
}

#[test]
fn an_answer_to_an_earlier_reign_counts_for_nothing() {
    let mut bench = Bench::with_log(1, &[], &[1, 1]);
    bench.elect();
    let result = agreed(3);
    bench.peer(2, Message::Appended(Appended { term: Term(1), append_term: Term(1), round: 9, probe: 1, result }));
    assert_eq!((bench.core.status().matched[&NodeId(2)], bench.core.committed()), (Position(0), Position(0)));
}

#[test]
fn writes_are_acknowledged_at_their_level_and_reported_first() {
    let mut bench = Bench::with_log(1, &[], &[]);
    bench.elect();
    assert_eq!(acknowledged(&bench.write(11, 1, Some(Replication::Async))), [11]);
    assert_eq!(bench.value(), Some(Value::from(1)), "what is acknowledged is visible");
    assert_eq!(acknowledged(&bench.write(12, 2, Some(Replication::Sync))), [0_u64; 0]);
    assert_eq!(acknowledged(&bench.write(13, 3, None)), [0_u64; 0]);
    let effects = bench.matched(2, 4);
    assert_eq!(acknowledged(&effects), [13], "the critical write before it still waits");
    assert_eq!(
        events(&effects),
        [ProtocolEvent::Acknowledged { term: Term(1), leader: NodeId(1), from: Position(4), to: Position(4) }]
    );
    let reply = effects.iter().position(|effect| matches!(effect, Effect::Reply { .. }));
    let event = effects.iter().position(|effect| matches!(effect, Effect::Event(_)));
    assert!(event < reply, "the event is written before the reply leaves");
    assert_eq!(acknowledged(&bench.matched(3, 3)), [12]);
}

#[test]
fn a_request_for_what_the_cluster_does_not_offer_is_refused() {
    let mut bench = Bench::with_log(1, &[("failover", "manual"), ("replication", "async")], &[]);
    bench.run(Input::Tick);
    assert_eq!(bench.core.role(), Role::Leader, "n1 founds");
    let read = ClientRequest::Read { key: "k".to_owned(), level: Some(ReadLevel::ReadIndex), at_least: None };
    let effects = [bench.client(1, read), bench.write(2, 1, Some(Replication::SemiSync(3)))].concat();
    for (request, response) in replies(&effects) {
        assert!(matches!(response, ClientResponse::Refused { .. }), "{request}: {response:?}");
    }
    assert_eq!(bench.core.last(), Position(1), "nothing but the no-op was appended");
    assert_eq!(acknowledged(&bench.write(3, 1, None)), [3]);
}

#[test]
fn what_a_deposed_leader_acknowledged_alone_is_undone_reported_and_restored_if_it_returns() {
    let mut bench = Bench::with_log(1, &[("replication", "async")], &[1]);
    bench.elect();
    assert_eq!(bench.core.term(), Term(2));
    bench.write(11, 7, None);
    bench.write(12, 8, None);
    assert_eq!(acknowledged(&bench.write(13, 9, Some(Replication::Sync))), [0_u64; 0]);
    let kept: Vec<_> = bench.core.entries().skip(1).cloned().collect();
    assert_eq!(bench.value(), Some(Value::from(8)));

    let deposed = bench.peer(2, append(4, (1, 1), &[4], 1));
    assert!(matches!(replies(&deposed)[..], [(13, ClientResponse::Unknown { .. })]), "{deposed:?}");
    assert_eq!(bench.value(), Some(Value::from(101)), "what was truncated is undone");
    let lost: Vec<_> = events(&deposed)
        .into_iter()
        .filter_map(|event| match event {
            ProtocolEvent::TruncatedAcked(write) => Some((write.position.0, write.operation, write.value)),
            _ => None,
        })
        .collect();
    assert_eq!(lost, [(3, Some(11), Some(Value::from(7))), (4, Some(12), Some(Value::from(8)))]);

    let (previous, previous_claim) = (Position(1), claim(1, 1));
    let append =
        Append { term: Term(5), previous, previous_claim, entries: kept, commit: Position(0), round: 0, probe: 1 };
    let restored: Vec<_> = events(&bench.peer(3, Message::Append(append)))
        .into_iter()
        .filter(|event| matches!(event, ProtocolEvent::RestoredAcked(_)))
        .collect();
    assert_eq!(restored.len(), 2, "two acknowledged writes came back: {restored:?}");
}

#[test]
fn a_restarted_node_still_reports_the_loss_of_what_it_acknowledged_before() {
    let mut ledger = Ledger::default();
    ledger.record(&ProtocolEvent::Acknowledged {
        term: Term(1),
        leader: NodeId(1),
        from: Position(2),
        to: Position(4),
    });
    // Position 4 was on a majority of other disks, but not on this one.
    let mut bench = Bench::new(1, 3, &[], Restored { ledger, ..restored(&[1, 1, 1]) });
    let at_start = events(&bench.run(Input::Tick));
    assert_eq!(at_start, [ProtocolEvent::TruncatedAcked(AcknowledgedWrite::at(Position(4), claim(1, 1)))]);
    assert_eq!(bench.core.visible(), Position(3), "what was acknowledged is visible");
    let truncated = events(&bench.peer(2, append(2, (2, 1), &[2], 0)));
    assert!(
        matches!(&truncated[..], [ProtocolEvent::TruncatedAcked(write), ..] if write.position == Position(3)),
        "{truncated:?}"
    );
}

#[test]
fn a_read_index_read_waits_for_a_round_that_began_after_it() {
    let mut bench = Bench::with_log(1, &[], &[]);
    bench.elect();
    let read = |request| Input::Client {
        request,
        body: ClientRequest::Read { key: "k".to_owned(), level: None, at_least: None },
    };
    assert_eq!(replies(&bench.run(read(1))), [], "nothing of this reign is committed");
    let committed = bench.matched(2, 1);
    assert_eq!(replies(&committed), []);
    let rounds = |effects: &[Effect]| {
        let of = |message| match message {
            Message::Append(append) => append.round,
            other => panic!("{other:?}"),
        };
        sent(effects, 3).into_iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(rounds(&committed), [1]);
    bench.run(read(2));
    let answer = |round, result| {
        let term = Term(1);
        Message::Appended(Appended { term, append_term: term, round, probe: 1, result })
    };
    let matched = agreed(1);
    assert_eq!(replies(&bench.peer(3, answer(0, matched))), [], "an answer to an older append confirms nothing");
    let first = bench.peer(3, answer(1, matched));
    assert_eq!(replies(&first).iter().map(|(request, _)| *request).collect::<Vec<_>>(), [1]);
    assert_eq!(rounds(&first), [2]);
    let second = bench.peer(
        2,
        answer(2, AppendResult::Mismatch { previous: Position(1), hint: Position(0), hint_claim: Claim::NONE }),
    );
    assert_eq!(replies(&second).iter().map(|(request, _)| *request).collect::<Vec<_>>(), [2], "following is enough");
}

#[test]
fn a_leader_that_hears_no_majority_steps_down() {
    let mut bench = Bench::with_log(1, &[], &[]);
    bench.elect();
    bench.write(1, 1, None);
    let elected_us = bench.now_us;
    let mut effects = Vec::new();
    while bench.core.role() == Role::Leader {
        effects = bench.tick_at_deadline();
    }
    assert_eq!(bench.now_us - elected_us, 600 * MS);
    assert!(matches!(replies(&effects)[..], [(1, ClientResponse::Unknown { .. })]));
    assert!(matches!(events(&effects)[..], [ProtocolEvent::SteppedDown { reason: StepDown::NoMajority, .. }]));
}

const NAIVE: &[(&str, &str)] = &[("failover", "timeout"), ("replication", "async")];

#[test]
fn the_next_in_line_promotes_itself_first() {
    let promoted_after_ms = |id| {
        let mut bench = Bench::new(id, 3, NAIVE, Restored::default());
        bench.peer(2, append(4, (0, 0), &[], 0));
        let heard_us = bench.now_us;
        bench.tick_at_deadline();
        assert_eq!((bench.core.role(), bench.core.term()), (Role::Leader, Term(5)));
        (bench.now_us - heard_us) / MS
    };
    assert_eq!((promoted_after_ms(3), promoted_after_ms(1)), (600, 1200));
}

#[test]
fn without_fencing_a_follower_serves_both_leaders_and_each_ignores_reports() {
    let mut follower = Bench::new(3, 3, NAIVE, Restored::default());
    follower.peer(1, append(1, (0, 0), &[1, 1], 0));
    assert_eq!(follower.core.leader(), Some(NodeId(1)));
    follower.peer(2, append(2, (1, 1), &[2], 0));
    assert_eq!((follower.core.leader(), terms(&follower.core)), (Some(NodeId(2)), vec![1, 2]));
    let effects = follower.peer(1, append(1, (1, 1), &[1, 1], 0));
    assert_eq!(matched_at(result(&effects, 1)), Some(3), "the old leader is served");
    assert_eq!((follower.core.leader(), terms(&follower.core)), (Some(NodeId(2)), vec![1, 1, 1]));

    let mut leader = Bench::new(1, 3, NAIVE, Restored::default());
    leader.run(Input::Tick);
    let matched = agreed(1);
    let report = Appended { term: Term(9), append_term: Term(1), round: 0, probe: 1, result: matched };
    leader.peer(3, Message::Appended(report));
    assert_eq!((leader.core.role(), leader.core.term()), (Role::Leader, Term(1)), "reports of epochs are ignored");
    leader.peer(2, append(2, (0, 0), &[2], 0));
    assert_eq!((leader.core.role(), terms(&leader.core)), (Role::Follower, vec![2]), "a direct claim is not");
}

#[test]
fn of_two_leaders_in_one_epoch_the_higher_node_stays_and_says_so() {
    let mut bench = Bench::new(2, 3, NAIVE, restored(&[1]));
    bench.tick_at_deadline();
    assert_eq!((bench.core.role(), bench.core.term()), (Role::Leader, Term(2)));
    let lower = Append {
        term: Term(2),
        previous: Position(0),
        previous_claim: Claim::NONE,
        entries: Vec::new(),
        commit: Position(0),
        round: 0,
        probe: 1,
    };
    let effects = bench.peer(1, Message::Append(lower.clone()));
    assert_eq!(bench.core.role(), Role::Leader);
    assert!(matches!(sent(&effects, 1)[..], [Message::Append(_)]), "it answers with its own claim: {effects:?}");
    bench.peer(3, Message::Append(lower));
    assert_eq!((bench.core.role(), bench.core.leader()), (Role::Follower, Some(NodeId(3))));
}

#[test]
fn only_an_operator_changes_the_leader_in_manual_mode() {
    let pairs = &[("failover", "manual")];
    let mut bench = Bench::new(2, 3, pairs, Restored::default());
    bench.now_us = 3_600_000 * MS;
    bench.run(Input::Tick);
    assert_eq!((bench.core.role(), bench.core.deadline_us()), (Role::Follower, u64::MAX));
    bench.run(Input::Operator { request: 9, body: OperatorRequest::Promote });
    assert_eq!((bench.core.role(), bench.core.term()), (Role::Leader, Term(1)));
    let below = bench.peer(1, append(1, (0, 0), &[], 0));
    assert_eq!(result(&below, 1), Some(AppendResult::Superseded { leader: Some(NodeId(2)) }));

    let hard_state = HardState { term: Term(1), voted_for: Some(NodeId(1)) };
    let mut returned = Bench::new(1, 3, pairs, Restored { hard_state, ..restored(&[1, 1]) });
    returned.run(Input::Tick);
    assert_eq!((returned.core.role(), returned.core.last()), (Role::Leader, Position(2)), "it leads on");
    let promoted = HardState { term: Term(3), ..hard_state };
    let mut interrupted = Bench::new(1, 3, pairs, Restored { hard_state: promoted, ..restored(&[1, 1]) });
    interrupted.run(Input::Tick);
    assert_eq!(terms(&interrupted.core), [1, 1, 3], "the crash came before the no-op of its reign was on disk");
    let leader = Some(NodeId(2));
    let superseded = Appended {
        term: Term(1),
        append_term: Term(1),
        round: 0,
        probe: 1,
        result: AppendResult::Superseded { leader },
    };
    returned.peer(2, Message::Appended(superseded));
    assert_eq!((returned.core.role(), returned.core.leader()), (Role::Follower, leader));
}
