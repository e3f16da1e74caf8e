//! Running other programs, step by step, with the time each took.

use anyhow::{Context as _, Result, bail};
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

/// The test runner: nextest where it is installed, cargo's own elsewhere.
pub(crate) fn tests(args: &[&str]) -> Command {
    let nextest = cargo(&["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let mut command = cargo(if nextest { &["nextest", "run"] } else { &["test"] });
    command.args(args);
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
