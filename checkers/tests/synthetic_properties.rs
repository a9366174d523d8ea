//! The checkers of properties on seeded histories of simulated objects: correct ones are never accused, whatever the number of
//! undecided operations, and planted violations are found by the name they have.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use schism_checkers::synth::{self, ObjectKind, Shape, Violation, ViolationKind};
use schism_checkers::{Analysis, FindingKind, Limits, checker, registry};

/// Every object with the checkers of properties that judge it.
const JUDGED: [(ObjectKind, &[&str]); 4] = [
    (ObjectKind::Set, &["set-full", "causal-reverse"]),
    (ObjectKind::Counter, &["counter-bounds"]),
    (ObjectKind::Queue, &["queue", "total-queue"]),
    (ObjectKind::Mutex, &["lock"]),
];

/// Planted violations, and what they must be found as.
const PLANTED: [(ObjectKind, ViolationKind, FindingKind); 7] = [
    (ObjectKind::Set, ViolationKind::GarbageRead, FindingKind::Unexpected),
    (ObjectKind::Set, ViolationKind::DirtyRead, FindingKind::Unexpected),
    (ObjectKind::Counter, ViolationKind::GarbageRead, FindingKind::OutOfBounds),
    (ObjectKind::Counter, ViolationKind::StaleRead, FindingKind::OutOfBounds),
    (ObjectKind::Queue, ViolationKind::GarbageRead, FindingKind::Unexpected),
    (ObjectKind::Queue, ViolationKind::DoubleDequeue, FindingKind::Duplicate),
    (ObjectKind::Mutex, ViolationKind::TwoHolders, FindingKind::LockOverlap),
];

fn judge(shape: &Shape, seed: u64, names: &[&str]) -> Analysis {
    let history = synth::history(shape, seed).unwrap();
    let checkers: Vec<_> = names.iter().map(|name| registry::by_name(name).unwrap()).collect();
    checker::judge(&history, &Limits::NONE, &checkers)
}

fn shape(object: ObjectKind, seed: u64) -> Shape {
    Shape {
        operations: 20 + seed % 7 * 30,
        clients: 2 + (seed % 9) as u32,
        keys: 1 + (seed % 3) as u32,
        undecided: seed % 5 * 3,
        ..Shape::new(object)
    }
}

#[test]
fn correct_objects_are_not_accused() {
    for (object, names) in JUDGED {
        for seed in 0..500 {
            let analysis = judge(&shape(object, seed), seed, names);
            let accused = analysis.findings.iter().find(|finding| finding.kind.makes_invalid());
            assert!(accused.is_none(), "{} with seed {seed}: {accused:#?}", object.name());
        }
    }
}

#[test]
fn planted_violations_are_found() {
    for (object, kind, finding) in PLANTED {
        let names = JUDGED.iter().find(|(judged, _)| *judged == object).unwrap().1;
        for seed in 0..200 {
            // In the first half: a hold that nobody gave up lasts for certain only as long as its process goes on.
            let violation = Some(Violation { kind, at_percent: (seed % 6 * 10) as u8 });
            let analysis = judge(&Shape { violation, undecided: 0, ..shape(object, seed) }, seed, names);
            assert!(
                analysis.finding(finding).is_some(),
                "{} {} with seed {seed}: {analysis:#?}",
                object.name(),
                kind.name()
            );
        }
    }
}
