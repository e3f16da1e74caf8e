//! `parlour-sim`: runs worlds by their seeds and says what went wrong.

use clap::Parser;
use parlour_sim::ledger::{self, Piece};
use parlour_sim::{Outcome, Plan, run};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// As the server has it: `docs/decisions/0030-the-allocator.md`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
    /// Print the digest of each world.
    #[arg(long)]
    transcripts: bool,
    /// How many threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Run the seeds in pieces of this many.
    #[arg(long, default_value_t = u64::MAX)]
    piece: u64,
    /// Add a line for each piece to this file.
    #[arg(long)]
    ledger: Option<PathBuf>,
    /// What the ledger says was run.
    #[arg(long, default_value = "unknown")]
    commit: String,
    /// Add up this ledger, and run nothing.
    #[arg(long)]
    sum: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    // A failed seed tells its panic with its report.
    std::panic::set_hook(Box::new(|_| {}));
    let fine = match (args.seed, &args.sum) {
        (_, Some(ledger)) => add_up(ledger),
        (Some(seed), None) => one(&args, seed),
        (None, None) => all(&args),
    };
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A world's digest, where it has one.
fn shown(transcript: Option<u64>) -> String {
    transcript.map_or_else(|| "none, for DTLS".to_owned(), |digest| format!("{digest:016x}"))
}

fn one(args: &Args, seed: u64) -> bool {
    let plan = Plan { seed, trace: args.trace, media: args.media, ..Plan::default() };
    let outcome = run(plan);
    println!(
        "seed {seed}: {} decisions, transcript {}",
        outcome.decisions,
        shown(outcome.transcript)
    );
    if let Some(what) = &outcome.failure {
        println!("seed {seed} failed {what}");
    }
    outcome.failure.is_none()
}

fn add_up(ledger: &PathBuf) -> bool {
    let read = std::fs::read_to_string(ledger).map_err(|error| error.to_string());
    match read.and_then(|text| ledger::sum(&text)) {
        Ok(text) => print!("{text}"),
        Err(error) => {
            eprintln!("{}: {error}", ledger.display());
            return false;
        }
    }
    true
}

fn all(args: &Args) -> bool {
    let (mut from, end) = (args.from, args.from.saturating_add(args.seeds));
    let mut fine = true;
    while from < end {
        let seeds = args.piece.max(1).min(end - from);
        let piece = many(args, from, seeds);
        fine &= tell(&piece);
        if let Some(Err(error)) = args.ledger.as_ref().map(|ledger| piece.note(ledger)) {
            eprintln!("the ledger: {error}");
            fine = false;
        }
        from += seeds;
    }
    fine
}

fn many(args: &Args, from: u64, seeds: u64) -> Piece {
    let end = from + seeds;
    let next = AtomicU64::new(from);
    let (tell, told) = sync_channel::<(u64, Outcome)>(OUTCOMES_MAX);
    let mut digests = Vec::new();
    let mut piece = Piece { commit: args.commit.clone(), from, seeds, ..Piece::default() };
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
                digests.push((seed, outcome.transcript));
                piece.tally.merge(&outcome.tally);
                piece.seen.merge(&outcome.seen);
                piece.decisions += outcome.decisions;
                piece.views += outcome.views;
                if let Some(what) = outcome.failure {
                    // A long run that is broken off has told what it found.
                    eprintln!("seed {seed} failed {what}");
                    piece.failed.push((seed, what));
                }
            }
        });
    });
    piece.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    piece.failed.sort();
    digests.sort_unstable();
    for (seed, digest) in digests.iter().filter(|_| args.transcripts) {
        println!("seed {seed}: transcript {}", shown(*digest));
    }
    piece
}

/// Says what came of it, and whether that is fine.
fn tell(piece: &Piece) -> bool {
    let Piece { from, seeds, decisions, views, tally, seen, failed, .. } = piece;
    let rate = *seeds as f64 * 1e3 / piece.took_ms.max(1) as f64;
    println!("{seeds} seeds from {from}: {decisions} decisions, {rate:.0} seeds/s");
    print!("{tally}");
    println!("{seen:?}, {views} views compared");
    for (seed, what) in failed {
        println!("seed {seed} failed {what}");
    }
    if let Some((seed, _)) = failed.first() {
        println!("replay: cargo run -p parlour-sim -- --seed {seed} --trace");
    }
    let missing: Vec<_> = tally.missing().map(|fault| fault.name()).collect();
    let idle = *seeds >= WORLDS_FOR_ALL_FAULTS && !missing.is_empty();
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
