//! Developer commands: `cargo xtask check | test | long | tidy | sim | fuzz`.
//!
//! `check` is the fast part, `test` adds everything with sockets, processes
//! and browsers and is what CI runs, `long` adds measurements, the network matrix, fuzzing and
//! long simulations.

mod network;
mod requirements;
mod run;
mod setup;
mod tidy;

use anyhow::{Result, bail};
use run::{Step, cargo};
use std::process::{Command, ExitCode};

const HELP: &str = "cargo xtask COMMAND

  check           format, tidy, clippy, tests without sockets, 1,000 simulator
                  seeds, docs, web types and tests
  test            check, then everything with sockets, processes and browsers;
                  installs the browser and npm packages it needs
  long            measurements, the network matrix, 1,000,000 simulator seeds,
                  fuzzing (10 minutes a target)
  tidy            only the rules of the house
  sim ARGS…       the simulator, for example: sim --seed 7 --trace
  fuzz TARGET [SECONDS]
  network [BENCH] only the network matrix; BENCH is the command line of a bench
                  to use instead of a release build
  reference       write the generated reference pages anew";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    std::env::set_current_dir(tidy::root())?;
    match words.as_slice() {
        ["check"] => check(),
        ["test"] => check().and_then(|()| test()),
        ["long"] => long(),
        ["tidy"] => tidy::check(),
        ["sim", rest @ ..] => sim(rest),
        ["fuzz", target] => setup::fuzz(target, "600"),
        ["fuzz", target, seconds] => setup::fuzz(target, seconds),
        ["network", bench @ ..] => network::matrix(bench),
        ["reference"] => setup::reference(),
        _ => bail!("{HELP}"),
    }
}

/// Everything that needs no socket, no other process and no browser.
fn check() -> Result<()> {
    Step::new("format").run(cargo(&["fmt", "--all", "--check"]))?;
    Step::new("rules of the house").call(tidy::check)?;
    let mut clippy = cargo(&["clippy", "--all-targets"]);
    Step::new("clippy").run(clippy.args(run::WHOLE).args(["--", "--deny", "warnings"]))?;
    Step::new("build").call(run::build)?;
    Step::new("tests without sockets").run(run::tests(false))?;
    let simulator = run::program("parlour-sim")?;
    let worlds = || run::status(Command::new(&simulator).args(["--seeds", "1000"]));
    Step::new("simulator, 1,000 seeds").call(worlds)?;
    let docs = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    Step::new("docs").run(cargo(&docs).env("RUSTDOCFLAGS", "--deny warnings"))?;
    Step::new("web types and tests").call(setup::check_web)
}

/// Everything with sockets, processes and browsers.
fn test() -> Result<()> {
    Step::new("build").call(run::build)?;
    Step::new("tests with sockets").run(run::tests(true))?;
    Step::new("browsers").call(setup::browsers)
}

fn long() -> Result<()> {
    let bench = ["run", "--release", "--package", "parlour-server", "--features", "bench", "--"];
    Step::new("measurements").run(cargo(&bench).args(["bench", "all"]))?;
    let large = ["test", "--package", "parlour-server", "--test", "api", "--", "--ignored"];
    Step::new("a large store").run(&mut cargo(&large))?;
    let store = ["test", "--package", "parlour-store", "--test", "rates", "--test", "start"];
    let mut store = cargo(&store);
    Step::new("the store alone").run(store.args(["--", "--ignored", "--nocapture"]))?;
    Step::new("network matrix").call(|| network::matrix(&[]))?;
    Step::new("simulator, 1,000,000 seeds").call(|| worlds("1000000"))?;
    for target in setup::fuzz_targets()? {
        Step::new(&format!("fuzz {target}")).call(|| setup::fuzz(&target, "600"))?;
    }
    Ok(())
}

/// Where long runs of the simulator are written down, a line for each piece.
const LEDGER: &str = "target/worlds.jsonl";

/// Many worlds in pieces, by a build that is optimised and checks as much as
/// any; then what the ledger says of all runs so far.
fn worlds(seeds: &str) -> Result<()> {
    let build = ["build", "--profile", "proof", "--package", "parlour-sim", "--bin", "parlour-sim"];
    run::status(&mut cargo(&build))?;
    let mut git = Command::new("git");
    let commit = git.args(["describe", "--always", "--dirty"]).output()?;
    let commit = String::from_utf8_lossy(&commit.stdout).trim().to_owned();
    let program = "target/proof/parlour-sim";
    let mut pieces = Command::new(program);
    pieces.args(["--seeds", seeds, "--piece", "50000", "--ledger", LEDGER, "--commit", &commit]);
    let ran = run::status(&mut pieces);
    run::status(Command::new(program).args(["--sum", LEDGER]))?;
    ran
}

fn sim(args: &[&str]) -> Result<()> {
    let mut all = vec!["run", "--quiet", "--package", "parlour-sim", "--bin", "parlour-sim", "--"];
    all.extend(args);
    run::status(&mut cargo(&all))
}
