//! Every scenario one after the other, and the page about it.

use crate::report::Report;
use parlour_base::Wall;
use std::fmt::Display;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the page says before the figures.
const HEAD: &str = "\
# Performance

Written by `parlour bench all`.

Each scenario starts a server of its own and drives it from another process: peers of another \
implementation over real WebSockets and UDP on the loopback device, sending what a browser sends; \
every packet is authenticated and carries the time at which it was sent. CPU time is that of the \
server's process, user and system, not wall time.

**How to read it.** The machine's cores are shared, with the generator at least, so a time by \
itself says little about another machine, and a latency contains the generator's. The ratios are \
what to look at: the limit is measured in the same run, with the same schedule, the same receivers \
and their keys, by a process that does nothing but seal packets (AES-GCM) and send them with UDP \
segmentation. The limit receives nothing and keeps nothing, so 1 cannot be reached. Loopback also \
makes the sender pay for the receiving half of the kernel; a network card does not.
";

/// The page.
#[must_use]
pub fn page(machine: &str, reports: &[Report]) -> String {
    let level = option_env!("CARGO_PROFILE_DEV_OPT_LEVEL").unwrap_or("1");
    let build = if cfg!(debug_assertions) {
        format!(
            "`dev` profile with `opt-level = {level}`, debug assertions and no link-time \
             optimisation: slower than what operators run"
        )
    } else {
        "optimised, without debug assertions".to_owned()
    };
    let mut page = String::from(HEAD);
    page.push_str("\n| | |\n| --- | --- |\n");
    let mut row = |name: &str, value: &dyn Display| {
        page.push_str(&format!("| {name} | {value} |\n"));
    };
    row("Machine", &machine);
    row("Date", &today());
    row("Commit", &commit());
    row("Build", &build);
    for report in reports {
        page.push('\n');
        page.push_str(&report.markdown());
    }
    page
}

#[allow(clippy::disallowed_methods, reason = "a page tells its date")]
fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let text = Wall(i64::try_from(since.as_millis()).unwrap_or(0)).rfc3339();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// The commit of the working tree, if this is one.
fn commit() -> String {
    let git = |words: &[&str]| {
        let output = Command::new("git").args(words).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]);
    let changed = changed.is_some_and(|lines| !lines.is_empty());
    if changed { format!("{commit}, with changes") } else { commit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_machine_and_figures() {
        let mut report = Report::new("call");
        report.add("loss", 0.0, "", "lost");
        let page = page("2 cores of something", &[report]);
        for part in ["| Machine | 2 cores of something |", "| Commit |", "## call", "`loss`"] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
    }
}
