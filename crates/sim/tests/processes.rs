//! A seed is the same world in every process: byte for byte, whatever the
//! addresses in memory, the seeds of hash tables and the number of threads.

use parlour_sim::{Plan, run};
use std::process::Command;

/// Worlds that are compared; some of them have the shipped media workers.
const SEEDS: u64 = 16;

/// What another process says of each world: seed and digest.
fn elsewhere(threads: &str, more: &[&str]) -> Vec<String> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_parlour-sim"));
    program.args(["--transcripts", "--seeds", &SEEDS.to_string(), "--threads", threads]);
    // Another environment moves the stack, and each process has hash seeds of
    // its own.
    program.args(more).env("PARLOUR_SIM_PADDING", "x".repeat(threads.len() * 4_096));
    let output = program.output().expect("the simulator starts");
    let text = String::from_utf8(output.stdout).expect("it prints text");
    text.lines().filter(|line| line.contains("transcript")).map(str::to_owned).collect()
}

#[test]
fn a_seed_is_the_same_world_in_every_process() {
    let one = elsewhere("1", &[]);
    assert_eq!(one.len() as u64, SEEDS);
    let exact = one.iter().filter(|line| !line.ends_with("DTLS")).count() as u64;
    assert!(exact > SEEDS / 2, "too few are the same to the byte: {exact}");
    assert_eq!(elsewhere("3", &[]), one);
    let media = elsewhere("1", &["--media", "--from", "500"]);
    assert_eq!(elsewhere("2", &["--media", "--from", "500"]), media);
    // The switches for planted bugs, which only tests have, change nothing.
    for (seed, line) in (0..SEEDS).zip(&one) {
        let here = run(Plan { seed, ..Plan::default() });
        let digest = here.transcript.map(|digest| format!("{digest:016x}"));
        let digest = digest.unwrap_or_else(|| "none, for DTLS".to_owned());
        assert_eq!(*line, format!("seed {seed}: transcript {digest}"));
    }
}
