//! Running other programs, step by step, with the time each took.

use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// One step of a gate.
pub(crate) struct Step {
    name: String,
}

impl Step {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    pub(crate) fn run(self, mut command: impl std::borrow::BorrowMut<Command>) -> Result<()> {
        self.call(|| status(command.borrow_mut()))
    }

    pub(crate) fn call(self, work: impl FnOnce() -> Result<()>) -> Result<()> {
        println!("── {}", self.name);
        #[expect(clippy::disallowed_methods, reason = "a developer wants to know")]
        let start = Instant::now();
        work().with_context(|| self.name.clone())?;
        println!("── {}: {:.0?}", self.name, start.elapsed());
        Ok(())
    }
}

/// A cargo command.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    command.args(args);
    command
}

/// What the gates build: everything at once and with one set of features, or
/// cargo would build what is below once for each command.
pub(crate) const WHOLE: [&str; 3] = ["--workspace", "--features", "parlour-impair/edge"];

/// Builds the programs and tests that the gates run.
pub(crate) fn build() -> Result<()> {
    status(cargo(&["build", "--bins", "--tests"]).args(WHOLE))
}

/// A program of that build.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec()?;
    Ok(metadata.target_directory.join("debug").join(name).into_std_path_buf())
}

/// The packages whose tests open sockets and start processes.
const OUTSIDE: [&str; 3] = ["parlour-server", "parlour-bench", "parlour-impair"];

/// The tests that need sockets, or those that need none: by nextest where it is
/// installed, by cargo's own runner elsewhere.
pub(crate) fn tests(sockets: bool) -> Command {
    let nextest = cargo(&["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !nextest {
        let mut command = cargo(&["test"]);
        if sockets {
            command.args(OUTSIDE.iter().flat_map(|name| ["--package", *name]));
            command.args(["--features", "parlour-impair/edge"]);
        } else {
            command.arg("--workspace");
            command.args(OUTSIDE.iter().flat_map(|name| ["--exclude", *name]));
        }
        return command;
    }
    let these = OUTSIDE.map(|name| format!("package({name})")).join(" | ");
    let filter = if sockets { these } else { format!("not ({these})") };
    let mut command = cargo(&["nextest", "run"]);
    command.args(WHOLE).args(["--filterset", &filter]);
    command
}

/// Runs it and fails if it fails.
pub(crate) fn status(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot start {name}"))?;
    if !status.success() {
        bail!("{name} ended with {status}");
    }
    Ok(())
}
