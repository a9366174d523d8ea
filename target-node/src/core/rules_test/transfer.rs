//! Leadership handed over, and the promises of voters.

use super::*;

fn transfer(bench: &mut Bench, request: u64, to: Option<u16>) -> Vec<Effect> {
    bench.run(Input::Operator { request, body: OperatorRequest::Transfer { to: to.map(NodeId) } })
}

fn is_asked_to_stand(effects: &[Effect], receiver: u16) -> bool {
    sent(effects, receiver).iter().any(|message| matches!(message, Message::TransferNow { .. }))
}

fn request(term: u64, last: u64, last_term: u64, transfer: bool) -> Message {
    let (term, last, last_claim) = (Term(term), Position(last), entry(last, last_term).claim);
    Message::VoteRequest(VoteRequest { ballot: Ballot::Binding, term, last, last_claim, transfer })
}

fn is_granted(effects: &[Effect], receiver: u16) -> bool {
    sent(effects, receiver).iter().any(|message| matches!(message, Message::Vote(Vote { granted: true, .. })))
}

/// n1 leads in term 1; n2 and n3 have its no-op.
fn leader(pairs: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::with_log(1, pairs, &[]);
    bench.elect();
    bench.matched(2, 1);
    bench.matched(3, 1);
    bench
}

#[test]
fn a_leader_brings_its_successor_up_to_date_before_it_asks_it_to_stand() {
    let mut bench = leader(&[]);
    bench.write(11, 7, None);
    assert!(!is_asked_to_stand(&transfer(&mut bench, 21, Some(3)), 3), "n3 lacks position 2");
    assert!(!is_asked_to_stand(&bench.matched(2, 2), 3));
    bench.write(12, 8, None);
    assert_eq!(bench.core.last(), Position(2), "nothing is appended any more");
    assert!(is_asked_to_stand(&bench.matched(3, 2), 3));

    let effects = bench.peer(3, request(2, 2, 1, true));
    assert!(is_granted(&effects, 3));
    assert!(
        events(&effects).contains(&ProtocolEvent::SteppedDown { term: Term(1), reason: StepDown::Transferred }),
        "{effects:?}"
    );
    assert_eq!(replies(&effects), [(12, ClientResponse::NotLeader { leader: Some(NodeId(3)) })], "held, not appended");
    let effects = bench.peer(3, append(2, (2, 1), &[], 2));
    assert_eq!(replies(&effects), [(21, ClientResponse::Operated { term: Term(2), position: Position(2) })]);
}

#[test]
fn a_successor_that_does_not_come_is_given_up_and_what_was_held_is_performed() {
    let mut bench = leader(&[]);
    let round = |effects: &[Effect]| match sent(effects, 2).pop() {
        Some(Message::Append(append)) => append.round,
        other => panic!("a heartbeat is an append, not {other:?}"),
    };
    let beat = round(&bench.tick_at_deadline());
    let confirmed = |round| {
        let (term, result) = (Term(1), agreed(1));
        Message::Appended(Appended { term, append_term: term, round, probe: 1, result })
    };
    bench.peer(2, confirmed(beat));
    assert!(bench.core.status().lease_us.is_some());
    assert!(is_asked_to_stand(&transfer(&mut bench, 21, None), 2), "n2 by preference, as both are equally far");
    assert_eq!(bench.core.status().lease_us, None, "n2 may lead at any time");
    bench.write(12, 8, None);
    let mut effects = Vec::new();
    while bench.core.last() == Position(1) {
        let beat = bench.tick_at_deadline();
        let round = round(&beat);
        effects.extend(beat);
        effects.extend(bench.peer(3, confirmed(round)));
        assert!(bench.now_us < 2_000 * MS, "the leader waits for ever");
    }
    assert!(is_asked_to_stand(&effects, 2), "the demand is repeated");
    assert!(matches!(replies(&effects)[..], [(21, ClientResponse::Unknown { .. })]), "{:?}", replies(&effects));
    assert_eq!(acknowledged(&bench.matched(3, 2)), [12]);
    assert_eq!(bench.core.status().lease_us, None, "the demand may still arrive");
    assert!(is_asked_to_stand(&transfer(&mut bench, 22, Some(3)), 3));
}

#[test]
fn a_transfer_that_makes_no_sense_is_refused() {
    let mut bench = leader(&[]);
    let is_refused = |effects: &[Effect]| matches!(replies(effects)[..], [(_, ClientResponse::Refused { .. })]);
    assert!(is_refused(&transfer(&mut bench, 21, Some(9))), "no member");
    assert!(matches!(replies(&transfer(&mut bench, 22, Some(1)))[..], [(22, ClientResponse::Operated { .. })]));
    bench.now_us += 300 * MS;
    assert!(is_refused(&transfer(&mut bench, 23, Some(3))), "n3 is silent");
    bench.matched(3, 1);
    assert_eq!(replies(&transfer(&mut bench, 24, Some(3))), []);
    assert!(is_refused(&transfer(&mut bench, 25, Some(2))), "one at a time");

    let mut follower = Bench::with_log(3, &[], &[1]);
    follower.peer(1, append(1, (1, 1), &[], 1));
    let hint = ClientResponse::NotLeader { leader: Some(NodeId(1)) };
    assert_eq!(replies(&transfer(&mut follower, 26, Some(3))), [(26, hint)]);
    let mut manual = Bench::with_log(1, &[("failover", "manual")], &[]);
    manual.run(Input::Tick);
    assert!(is_refused(&transfer(&mut manual, 27, Some(2))));
}

#[test]
fn a_node_stands_at_once_when_the_leader_that_it_follows_wants_it() {
    let mut bench = Bench::with_log(3, &[], &[1]);
    bench.peer(1, append(1, (1, 1), &[], 1));
    let demand = |term| Message::TransferNow { term: Term(term) };
    bench.peer(2, demand(1));
    bench.peer(1, demand(0));
    assert_eq!(bench.core.role(), Role::Follower, "n2 does not lead, and term 0 is over");
    let effects = bench.peer(1, demand(1));
    let [Message::VoteRequest(asked)] = sent(&effects, 2)[..] else { panic!("no vote request in {effects:?}") };
    assert!(asked.transfer && asked.ballot == Ballot::Binding && asked.term == Term(2), "{asked:?}");
}

#[test]
fn a_promise_outlives_terms_and_restarts_and_yields_to_a_transfer() {
    let follows = || {
        let mut bench = Bench::with_log(3, &[], &[1]);
        bench.now_us = 1_000 * MS;
        bench.peer(1, append(1, (1, 1), &[], 1));
        bench
    };
    let mut bench = follows();
    assert!(is_granted(&bench.peer(2, request(5, 9, 4, true)), 2), "its leader wants it");

    // A late answer to an old request of this node brings it into a later term.
    let mut bench = follows();
    let (ballot, requested_term, term) = (Ballot::Binding, Term(1), Term(4));
    bench.peer(2, Message::Vote(Vote { ballot, requested_term, term, granted: false }));
    assert_eq!(bench.core.term(), Term(4));
    bench.now_us += 299 * MS;
    assert!(!is_granted(&bench.peer(2, request(5, 9, 4, false)), 2), "n1 counts on it");
    bench.now_us += MS;
    assert!(is_granted(&bench.peer(2, request(5, 9, 4, false)), 2));

    let mut restarted = Bench::with_log(3, &[], &[1]);
    restarted.now_us = 299 * MS;
    assert!(!is_granted(&restarted.peer(2, request(5, 9, 4, false)), 2));
    restarted.now_us = 300 * MS;
    assert!(is_granted(&restarted.peer(2, request(5, 9, 4, false)), 2));
    let mut fresh = Bench::with_log(3, &[], &[]);
    assert!(is_granted(&fresh.peer(2, request(5, 9, 4, false)), 2), "it never heard anybody");
}

#[test]
fn without_check_quorum_nobody_sticks_to_a_leader() {
    let mut bench = Bench::with_log(3, &[("check-quorum", "off")], &[1]);
    bench.peer(1, append(1, (1, 1), &[], 1));
    assert!(is_granted(&bench.peer(2, request(5, 9, 4, false)), 2));
    let mut lonely = leader(&[("check-quorum", "off")]);
    for _ in 0..100 {
        lonely.tick_at_deadline();
    }
    assert_eq!(lonely.core.role(), Role::Leader, "nothing tells it that it is alone");
}

#[test]
fn without_pre_vote_a_node_stands_at_once() {
    let mut bench = Bench::with_log(3, &[("pre-vote", "off")], &[1]);
    let effects = bench.tick_at_deadline();
    let [Message::VoteRequest(asked)] = sent(&effects, 2)[..] else { panic!("no vote request in {effects:?}") };
    assert_eq!((asked.ballot, asked.term, bench.core.term()), (Ballot::Binding, Term(2), Term(2)));
}

#[test]
fn a_leader_yields_to_a_preferred_node_that_has_kept_up_for_a_while() {
    let mut bench = leader(&[("priority", "n3>n1")]);
    let begun_us = bench.now_us;
    let mut effects = Vec::new();
    while !is_asked_to_stand(&effects, 3) {
        effects = bench.tick_at_deadline();
        bench.matched(2, 1);
        bench.matched(3, 1);
        assert!(bench.now_us < begun_us + 3_000 * MS, "n3 never gets its turn");
    }
    assert!(bench.now_us >= begun_us + 1_200 * MS, "too soon: {} ms", (bench.now_us - begun_us) / MS);

    let mut contented = leader(&[("priority", "n1>n3")]);
    for _ in 0..100 {
        assert!(!is_asked_to_stand(&contented.tick_at_deadline(), 3));
        contented.matched(2, 1);
        contented.matched(3, 1);
    }
}
