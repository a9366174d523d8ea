//! Plans that broke a promise once: made small by `schism simulate`, kept so that they never do again.

use target_node::simulator::{Plan, simulate};

/// What went wrong, and the smallest plan that showed it.
const PLANS: &[(&str, &str)] = &[
    (
        "with ack-point=received an append is answered twice, and each answer to an older one began to stream anew",
        include_str!("plans/received-answers-multiply.json"),
    ),
    ("the same with late answers", include_str!("plans/late-answers-multiply.json")),
    ("the same without votes", include_str!("plans/received-answers-multiply-without-votes.json")),
    (
        "a leader that an operator appointed came back without what it had acknowledged, and used the place and claim again",
        include_str!("plans/a-lost-place-is-taken-again.json"),
    ),
    (
        "of a stream whose appends overtook each other every one was refused, and every refusal and every old answer began anew",
        include_str!("plans/a-disordered-stream-multiplies.json"),
    ),
];

#[test]
fn what_was_found_once_stays_mended() {
    for (what, plan) in PLANS {
        let plan: Plan = serde_json::from_str(plan).unwrap_or_else(|error| panic!("{what}: {error}"));
        // A schedule shifts with every change of the core: its neighbours are looked at, too.
        for seed in plan.seed..plan.seed + 20 {
            let outcome = simulate(Plan { seed, ..plan.clone() });
            assert!(
                outcome.is_ok(),
                "{what}, seed {seed}: {}",
                outcome.err().map(|error| error.to_string()).unwrap_or_default()
            );
        }
    }
}
