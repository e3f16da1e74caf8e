//! `parlour-sim`: runs worlds by their seeds and says what went wrong.

use clap::Parser;
use parlour_sim::{Outcome, Plan, Seen, Tally, run};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// How many outcomes wait at most for the thread that counts them; then the
/// worlds wait.
const OUTCOMES_MAX: usize = 64;
/// From so many worlds on, each kind of fault must have happened.
const WORLDS_FOR_ALL_FAULTS: u64 = 500;

/// Runs worlds by their seeds.
#[derive(Debug, Parser)]
#[command(name = "parlour-sim")]
struct Args {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Run this seed alone.
    #[arg(long)]
    seed: Option<u64>,
    /// With the shipped media workers in every world.
    #[arg(long)]
    media: bool,
    /// Print everything that happens.
    #[arg(long)]
    trace: bool,
    /// How many threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> ExitCode {
    let args = Args::parse();
    // A failed seed tells its panic with its report.
    std::panic::set_hook(Box::new(|_| {}));
    let fine = match args.seed {
        Some(seed) => one(&args, seed),
        None => many(&args),
    };
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(args: &Args, seed: u64) -> bool {
    let plan = Plan { seed, trace: args.trace, media: args.media, ..Plan::default() };
    let outcome = run(plan);
    println!(
        "seed {seed}: {} decisions, transcript {:016x}",
        outcome.decisions, outcome.transcript
    );
    if let Some(what) = &outcome.failure {
        println!("seed {seed} failed {what}");
    }
    outcome.failure.is_none()
}

fn many(args: &Args) -> bool {
    let end = args.from + args.seeds;
    let next = AtomicU64::new(args.from);
    let (tell, told) = sync_channel::<(u64, Outcome)>(OUTCOMES_MAX);
    let (mut tally, mut decisions, mut failed) = (Tally::default(), 0, Vec::new());
    let mut seen = Seen::default();
    let took = stopwatch(|| {
        std::thread::scope(|scope| {
            for _ in 0..args.threads.max(1) {
                let (tell, next) = (tell.clone(), &next);
                scope.spawn(move || {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        let plan = Plan { seed, media: args.media, ..Plan::default() };
                        if seed >= end || tell.send((seed, run(plan))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(tell);
            for (seed, outcome) in told {
                tally.merge(&outcome.tally);
                seen.merge(&outcome.seen);
                decisions += outcome.decisions;
                if let Some(what) = outcome.failure {
                    // A long run that is broken off has told what it found.
                    eprintln!("seed {seed} failed {what}");
                    failed.push((seed, what));
                }
            }
        });
    });
    let rate = args.seeds as f64 / took.as_secs_f64();
    println!("{} seeds from {}: {decisions} decisions, {rate:.0} seeds/s", args.seeds, args.from);
    print!("{tally}");
    println!("{seen:?}");
    failed.sort();
    for (seed, what) in &failed {
        println!("seed {seed} failed {what}");
    }
    if let Some((seed, _)) = failed.first() {
        println!("replay: cargo run -p parlour-sim -- --seed {seed} --trace");
    }
    let missing: Vec<_> = tally.missing().map(|fault| fault.name()).collect();
    let idle = args.seeds >= WORLDS_FOR_ALL_FAULTS && !missing.is_empty();
    if idle {
        println!("these faults never happened: {}", missing.join(", "));
    }
    failed.is_empty() && !idle
}

/// How long something takes in real time: for the rate alone, no world sees it.
#[expect(clippy::disallowed_methods, reason = "the rate is about real time")]
fn stopwatch(what: impl FnOnce()) -> Duration {
    let begun = std::time::Instant::now();
    what();
    begun.elapsed()
}
