//! Who answers which read, and what it waits for.

use super::*;

/// Asks for `k` at a level, or at the cluster's.
fn read(bench: &mut Bench, request: u64, level: &str, at_least: Option<u64>) -> Vec<Effect> {
    let level = Some(level.parse().unwrap());
    bench.client(request, ClientRequest::Read { key: "k".to_owned(), level, at_least: at_least.map(Position) })
}

/// Which requests got a value, from the state at which position.
fn values(effects: &[Effect]) -> Vec<(u64, u64)> {
    let value = |(request, response)| match response {
        ClientResponse::Value { position, .. } => Some((request, position.0)),
        _ => None,
    };
    replies(effects).into_iter().filter_map(value).collect()
}

fn refused(effects: &[Effect]) -> Vec<(u64, Option<NodeId>)> {
    let hint = |(request, response)| match response {
        ClientResponse::NotLeader { leader } => Some((request, leader)),
        _ => None,
    };
    replies(effects).into_iter().filter_map(hint).collect()
}

fn questions(effects: &[Effect], receiver: u16) -> Vec<u64> {
    let id = |message| match message {
        Message::ReadIndex { id } => Some(id),
        _ => None,
    };
    sent(effects, receiver).into_iter().filter_map(id).collect()
}

fn indexed(id: u64, index: Option<u64>) -> Message {
    Message::ReadIndexed { id, index: index.map(Position) }
}

/// n1 leads in term 1 with its no-op committed, and nothing else has happened.
fn leader(pairs: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::with_log(1, pairs, &[]);
    bench.elect();
    bench.matched(2, 1);
    assert_eq!(bench.core.committed(), Position(1));
    bench
}

/// n3 follows n1 and has committed three entries.
fn follower(pairs: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::with_log(3, pairs, &[1, 1, 1]);
    bench.peer(1, append(1, (3, 1), &[], 3));
    bench
}

fn confirms(bench: &mut Bench, from: u16, round: u64) -> Vec<Effect> {
    let (term, result) = (bench.core.term(), agreed(1));
    bench.peer(from, Message::Appended(Appended { term, append_term: term, round, probe: 1, result }))
}

fn last_round(effects: &[Effect], receiver: u16) -> Option<u64> {
    let round = |message| match message {
        Message::Append(append) => Some(append.round),
        _ => None,
    };
    sent(effects, receiver).into_iter().filter_map(round).next_back()
}

#[test]
fn a_follower_asks_once_for_all_that_wait_and_answers_when_it_shows_the_index() {
    let mut bench = follower(&[]);
    let [first] = questions(&read(&mut bench, 11, "read-index", None), 1)[..] else { panic!("one question") };
    assert_eq!(questions(&read(&mut bench, 12, "read-index", None), 1), [0_u64; 0], "one question at a time");
    read(&mut bench, 13, "bounded:100", None);
    assert_eq!(bench.core.status().waiting_reads, 3);

    let effects = bench.peer(1, indexed(first, Some(5)));
    assert_eq!(values(&effects), [], "the state is behind the index");
    let [second] = questions(&effects, 1)[..] else { panic!("the next question is for those who came later") };
    assert_ne!(first, second);
    assert_eq!(values(&bench.peer(1, append(1, (3, 1), &[1, 1], 5))), [(11, 5)]);
    assert_eq!(values(&bench.peer(1, indexed(first, Some(9)))), [], "that answer was for another question");
    assert_eq!(values(&bench.peer(1, indexed(second, Some(5)))), [(12, 5), (13, 5)]);
    assert_eq!(bench.core.status().waiting_reads, 0);
}

#[test]
fn a_question_is_repeated_under_its_number_and_given_up_after_an_election_timeout() {
    let mut bench = follower(&[]);
    let [id] = questions(&read(&mut bench, 11, "read-index", None), 1)[..] else { panic!("one question") };
    assert_eq!(bench.core.deadline_us(), bench.now_us + 50 * MS);
    assert_eq!(questions(&bench.tick_at_deadline(), 1), [id]);
    for _ in 0..11 {
        // The leader is heard, but the question never arrives.
        bench.peer(1, append(1, (3, 1), &[], 3));
        bench.tick_at_deadline();
    }
    assert_eq!(bench.now_us, 600 * MS);
    assert_eq!(bench.core.status().waiting_reads, 0);
    assert_eq!(values(&bench.peer(1, indexed(id, Some(3)))), []);
}

#[test]
fn what_was_asked_of_one_leader_is_not_answered_by_another() {
    let mut bench = follower(&[]);
    let [id] = questions(&read(&mut bench, 11, "read-index", None), 1)[..] else { panic!("one question") };
    assert_eq!(values(&bench.peer(2, indexed(id, Some(3)))), [], "n2 was not asked");
    assert_eq!(refused(&bench.peer(2, append(2, (3, 1), &[2], 3))), [(11, Some(NodeId(2)))]);
    let [id] = questions(&read(&mut bench, 12, "read-index", None), 2)[..] else { panic!("n2 is asked") };
    assert_eq!(refused(&bench.peer(2, indexed(id, None))), [(12, None)], "n2 leads no more");
}

#[test]
fn no_two_lives_of_a_node_number_a_question_alike() {
    let id_of = |incarnation| {
        let mut bench = Bench::new(3, 3, &[], Restored { incarnation, ..restored(&[1]) });
        bench.peer(1, append(1, (1, 1), &[], 1));
        questions(&read(&mut bench, 1, "read-index", None), 1)[0]
    };
    assert_ne!(id_of(1), id_of(2));
    assert!(id_of(1).abs_diff(id_of(2)) > 1 << 32, "a life has room for many questions");
}

#[test]
fn a_node_that_knows_no_leader_refuses_what_needs_one() {
    let mut bench = Bench::with_log(3, &[], &[1]);
    for (request, level) in ["leader", "lease", "log", "read-index", "bounded:100"].iter().enumerate() {
        assert_eq!(refused(&read(&mut bench, request as u64, level, None)), [(request as u64, None)], "{level}");
    }
    assert_eq!(values(&read(&mut bench, 9, "local", None)), [(9, 0)]);
}

#[test]
fn a_leader_answers_a_question_after_a_round_that_began_later_and_not_before_its_reign_committed() {
    let mut bench = Bench::with_log(1, &[], &[]);
    bench.elect();
    let asked = bench.peer(3, Message::ReadIndex { id: 7 });
    assert_eq!(last_round(&asked, 2), None, "what earlier reigns committed is not known yet");
    let effects = bench.matched(2, 1);
    let round = last_round(&effects, 2).unwrap();
    bench.peer(3, Message::ReadIndex { id: 7 });
    assert_eq!(sent(&confirms(&mut bench, 2, round - 1), 3), []);
    let answers = sent(&confirms(&mut bench, 2, round), 3);
    assert_eq!(answers[0], indexed(7, Some(1)), "{answers:?}");
}

#[test]
fn a_leader_that_is_deposed_says_so_to_those_who_asked() {
    let mut bench = leader(&[]);
    bench.peer(3, Message::ReadIndex { id: 7 });
    let effects = bench.peer(2, append(2, (1, 1), &[], 1));
    assert!(sent(&effects, 3).contains(&indexed(7, None)), "{effects:?}");
}

#[test]
fn a_lease_counts_from_the_sending_of_what_a_majority_has_answered() {
    let mut bench = leader(&[]);
    assert_eq!(bench.core.status().lease_us, None, "nothing was confirmed");
    let round = last_round(&bench.tick_at_deadline(), 2).unwrap();
    let sent_us = bench.now_us;
    bench.now_us += 100 * MS;
    confirms(&mut bench, 2, round);
    assert_eq!(bench.core.status().lease_us, Some(150 * MS));
    bench.now_us = sent_us + 250 * MS - 1;
    assert_eq!(values(&read(&mut bench, 11, "lease", None)), [(11, 1)]);
    bench.now_us += 1;
    let effects = read(&mut bench, 12, "lease", None);
    assert_eq!(values(&effects), [], "from here on somebody else may lead");
    let round = last_round(&effects, 2).unwrap();
    assert_eq!(values(&confirms(&mut bench, 3, round)), [(12, 1)], "as read-index");
}

#[test]
fn a_leader_that_has_not_committed_has_no_lease() {
    let mut bench = Bench::with_log(1, &[], &[]);
    bench.elect();
    let round = last_round(&bench.tick_at_deadline(), 2).unwrap();
    let (term, previous) = (bench.core.term(), Position(0));
    let result = AppendResult::Mismatch { previous, hint: previous, hint_claim: Claim::NONE };
    bench.peer(2, Message::Appended(Appended { term, append_term: term, round, probe: 1, result }));
    assert_eq!(bench.core.status().lease_us, None);
    assert_eq!(values(&read(&mut bench, 11, "lease", None)), []);
}

#[test]
fn without_check_quorum_there_is_no_lease() {
    let mut bench = leader(&[("check-quorum", "off")]);
    let round = last_round(&bench.tick_at_deadline(), 2).unwrap();
    confirms(&mut bench, 2, round);
    assert_eq!(bench.core.status().lease_us, None);
    let effects = read(&mut bench, 11, "lease", None);
    assert!(matches!(replies(&effects)[..], [(11, ClientResponse::Refused { .. })]), "{effects:?}");
}

#[test]
fn a_bounded_read_is_answered_at_once_while_the_last_index_is_young_and_shown() {
    let mut bench = follower(&[]);
    let [id] = questions(&read(&mut bench, 11, "bounded:100", None), 1)[..] else { panic!("one question") };
    bench.now_us += 40 * MS;
    assert_eq!(values(&bench.peer(1, indexed(id, Some(3)))), [(11, 3)]);
    bench.now_us += 60 * MS;
    assert_eq!(values(&read(&mut bench, 12, "bounded:100", None)), [(12, 3)], "100 ms since it was asked for");
    bench.now_us += 1;
    assert_eq!(values(&read(&mut bench, 13, "bounded:100", None)), []);
    assert_eq!(values(&read(&mut bench, 14, "bounded:500", None)), [(14, 3)]);
}

#[test]
fn a_bounded_read_of_a_leader_needs_a_young_round() {
    let mut bench = leader(&[]);
    let round = last_round(&bench.tick_at_deadline(), 2).unwrap();
    confirms(&mut bench, 2, round);
    bench.now_us += 100 * MS;
    assert_eq!(values(&read(&mut bench, 11, "bounded:100", None)), [(11, 1)]);
    bench.now_us += 1;
    assert_eq!(values(&read(&mut bench, 12, "bounded:100", None)), []);
}

#[test]
fn any_level_waits_for_the_position_that_the_client_names() {
    for level in ["local", "session"] {
        let mut bench = follower(&[]);
        assert_eq!(values(&read(&mut bench, 11, level, Some(3))), [(11, 3)]);
        assert_eq!(values(&read(&mut bench, 12, level, Some(5))), []);
        bench.peer(1, append(1, (3, 1), &[1], 4));
        assert_eq!(values(&bench.peer(1, append(1, (4, 1), &[1], 5))), [(12, 5)]);
    }
    let mut bench = leader(&[]);
    assert_eq!(values(&read(&mut bench, 13, "leader", Some(2))), []);
    let deposed = bench.peer(2, append(2, (1, 1), &[2], 2));
    assert_eq!(refused(&deposed), [(13, Some(NodeId(2)))], "who does not lead may not answer it");
}

#[test]
fn a_read_through_the_log_is_an_entry_and_waits_for_its_commitment() {
    let mut bench = leader(&[("replication", "async")]);
    assert_eq!(acknowledged(&bench.write(11, 7, None)), [11]);
    assert_eq!(values(&read(&mut bench, 12, "log", None)), [], "its leader may be the leader no more");
    assert_eq!(bench.core.last(), Position(3));
    assert_eq!(values(&bench.matched(3, 3)), [(12, 3)]);
    assert_eq!(
        refused(&{
            read(&mut bench, 13, "log", None);
            bench.peer(2, append(2, (3, 1), &[2], 3))
        }),
        [(13, Some(NodeId(2)))]
    );
}

#[test]
fn reads_of_clients_that_are_gone_are_forgotten() {
    let mut bench = leader(&[]);
    read(&mut bench, 11, "read-index", None);
    read(&mut bench, 12, "read-index", None);
    read(&mut bench, 13, "local", Some(9));
    read(&mut bench, 14, "log", None);
    assert_eq!(bench.core.status().waiting_reads, 4);
    bench.run(Input::Abandoned { requests: [11, 12, 13].into() });
    assert_eq!(bench.core.status().waiting_reads, 1);
    assert_eq!(values(&bench.matched(2, 2)), [(14, 2)]);

    let mut bench = follower(&[]);
    let [id] = questions(&read(&mut bench, 21, "read-index", None), 1)[..] else { panic!("one question") };
    read(&mut bench, 22, "read-index", None);
    bench.run(Input::Abandoned { requests: [21, 22].into() });
    assert_eq!(bench.core.status().waiting_reads, 0);
    assert_eq!(replies(&bench.peer(1, indexed(id, Some(3)))), []);
}

#[test]
fn without_consensus_a_follower_believes_its_leader() {
    let pairs = [("failover", "manual"), ("replication", "async")];
    let mut leader = Bench::with_log(1, &pairs, &[]);
    leader.run(Input::Tick);
    let answers = sent(&leader.peer(3, Message::ReadIndex { id: 7 }), 3);
    assert!(answers.contains(&indexed(7, Some(1))), "{answers:?}");
    assert_eq!(values(&read(&mut leader, 11, "bounded:100", None)), [(11, 1)]);

    let mut bench = Bench::with_log(3, &pairs, &[]);
    bench.peer(1, append(1, (0, 0), &[1, 1], 2));
    let [id] = questions(&read(&mut bench, 11, "bounded:100", None), 1)[..] else { panic!("one question") };
    assert_eq!(values(&bench.peer(1, indexed(id, Some(2)))), [(11, 2)]);
    assert_eq!(values(&read(&mut bench, 12, "bounded:100", None)), [(12, 2)]);
    bench.peer(2, append(2, (2, 1), &[], 2));
    assert_eq!(values(&read(&mut bench, 13, "bounded:100", None)), [], "n2 has another truth");
}

#[test]
fn more_reads_than_may_wait_are_refused_as_too_many_and_not_as_wrong() {
    let mut bench = follower(&[]);
    let waiting = u64::try_from(super::super::read::WAITING_READS_MAX).unwrap();
    for request in 1..=waiting {
        assert_eq!(replies(&read(&mut bench, request, "session", Some(9))), [], "it waits for position 9");
    }
    let effects = read(&mut bench, waiting + 1, "session", Some(9));
    let [(request, ClientResponse::Overloaded { reason })] = &replies(&effects)[..] else { panic!("{effects:?}") };
    assert!(*request == waiting + 1 && reason.contains("try again"), "{reason}");
}
