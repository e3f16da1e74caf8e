//! Worlds that must hold: a couple of hundred, those that once did not, and
//! the proof that the checkers would notice.

use parlour_sim::{Fault, Plan, Tally, run};

/// How many worlds run here; `cargo xtask check` runs more.
const SEEDS: u64 = 200;

/// Seeds that once found something, each with what it was.
const FOUND: [(u64, &str); 10] = [
    (0, "an answer was read against sections that its offer did not have"),
    (2, "the stream that a refused one was to replace stayed"),
    (16, "the answer to an ended part of a stream ended the next one"),
    (38, "a lost directory was never asked for again"),
    (61, "the id of a stream under replacement was taken"),
    (87, "a write held a later decision instead of its own"),
    (180, "the answer to an ended part of a stream ended the next one"),
    (371, "an id was taken before its owner was seen to leave"),
    (524, "a crowded room forgot that a stream was closed"),
    (284, "the answer to an ended part of a stream ended the next one"),
];

fn plan(seed: u64) -> Plan {
    Plan { seed, ..Plan::default() }
}

#[test]
fn two_hundred_worlds_hold() {
    let mut tally = Tally::default();
    for seed in 0..SEEDS {
        let outcome = run(plan(seed));
        assert_eq!(outcome.failure, None, "cargo run -p parlour-sim -- --seed {seed} --trace");
        tally.merge(&outcome.tally);
    }
    assert_eq!(tally.missing().collect::<Vec<Fault>>(), [], "faults that never happened");
}

#[test]
fn worlds_that_once_failed_hold() {
    for (seed, what) in FOUND {
        assert_eq!(run(plan(seed)).failure, None, "seed {seed}: {what}");
    }
}

#[test]
fn a_seed_gives_the_same_world_again() {
    for seed in [1, 7, 42] {
        assert_eq!(run(plan(seed)), run(plan(seed)), "seed {seed}");
    }
}

#[test]
fn a_store_that_lies_is_found_out() {
    let found = (0..SEEDS).find_map(|seed| {
        let outcome = run(Plan { lying_store: true, ..plan(seed) });
        outcome.failure.map(|what| (seed, what))
    });
    let (_, what) = found.expect("a lying store went unnoticed");
    assert!(what.contains("not on disk"), "{what}");
}
