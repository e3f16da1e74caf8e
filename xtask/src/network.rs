//! The network matrix: one call on every network that has a name, written to
//! docs/reference/network.md.

use crate::run::{cargo, status};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::fmt::Write as _;
use std::process::Command;

/// Where the table goes.
const PAGE: &str = "docs/reference/network.md";

/// The call: as long as two tunnels of the train.
const CALL: [&str; 7] = ["call", "--publishers", "1", "--subscribers", "4", "--seconds", "60"];

/// The server with its bench, as those who run it build it.
const RELEASE: [&str; 5] = ["--release", "--package", "parlour-server", "--features", "bench"];

/// Exit code of a run whose figures mean nothing; its reasons are in them.
const VOID: i32 = 3;

/// The columns: heading, figure and form.
const COLUMNS: [(&str, &str, Form); 8] = [
    ("Lost up", "network_loss_up", Form::Percent),
    ("Lost down", "network_loss_down", Form::Percent),
    ("Both", "network_loss", Form::Percent),
    ("Pictures missing", "loss_video", Form::Percent),
    ("Sound missing", "loss_audio", Form::Percent),
    ("Latency p50", "latency_p50_ms", Form::Millis),
    ("Latency p99", "latency_p99_ms", Form::Millis),
    ("Rebinds", "rebinds", Form::Count),
];

#[derive(Clone, Copy)]
enum Form {
    Percent,
    Millis,
    Count,
}

impl Form {
    fn show(self, value: &Value) -> String {
        let Some(number) = value.as_f64() else { return "–".to_owned() };
        match self {
            Self::Percent => format!("{:.2} %", number * 100.0),
            Self::Millis => format!("{number:.0} ms"),
            Self::Count => format!("{number:.0}"),
        }
    }
}

/// Runs every cell and writes the page. `bench` is the command line of a
/// bench; without one a release build is made.
pub(crate) fn matrix(bench: &[&str]) -> Result<()> {
    if bench.is_empty() {
        status(cargo(&["build"]).args(RELEASE))?;
    }
    let mut rows = String::new();
    for preset in presets()? {
        println!("   {preset}");
        let mut run = command(bench);
        run.args(CALL).args(["--impair", &preset, "--json"]);
        let output = run.output().context("cannot start the bench")?;
        if !output.status.success() && output.status.code() != Some(VOID) {
            bail!("{preset}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let figures: Value = serde_json::from_slice(&output.stdout).context("no figures")?;
        rows.push_str(&row(&preset, &figures)?);
    }
    std::fs::write(PAGE, page(&rows)).context(PAGE)
}

/// The bench, ready for a scenario.
fn command(bench: &[&str]) -> Command {
    match bench {
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments);
            command
        }
        [] => {
            let mut command = cargo(&["run", "--quiet"]);
            command.args(RELEASE).args(["--", "bench"]);
            command
        }
    }
}

/// The names on the page that the presets themselves wrote.
fn presets() -> Result<Vec<String>> {
    let mut print = cargo(&["run", "--quiet", "--package", "parlour-impair", "--features", "edge"]);
    let output = print.args(["--", "presets"]).output().context("cannot start the proxy")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(names(&String::from_utf8_lossy(&output.stdout)))
}

/// The first cells of the table's rows, each once.
fn names(page: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("| `")) {
        let name = line.split('`').next().unwrap_or_default().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn row(preset: &str, figures: &Value) -> Result<String> {
    let mut row = format!("| `{preset}` |");
    for (_, key, form) in COLUMNS {
        write!(row, " {} |", form.show(&figures[key]))?;
    }
    let void = figures["void"].as_array().map_or(0, Vec::len);
    row.push_str(if void > 0 { " void |\n" } else { " |\n" });
    Ok(row)
}

fn page(rows: &str) -> String {
    let headings: Vec<_> = COLUMNS.iter().map(|(heading, ..)| *heading).collect();
    format!(
        "# Calls on bad networks\n\n\
         Written by `cargo xtask long`; `cargo xtask network` writes it alone. Each row is \
         `parlour bench {} --impair NAME`: one publisher with sound and picture, four receivers, \
         every transport on a network of its own as [impairments.md](impairments.md) describes it, \
         both from the publisher to the server and from there to the receiver.\n\n\
         *Lost* is what the network took of all datagrams, *both* what would be missing at a \
         receiver if nothing were sent again. *Missing* is what was missing after it was asked for \
         and sent again (NACK, RTX); sound is not sent again, and a datagram that comes broken \
         is missing without being lost. A latency includes the time until then. The generator is not a browser: it does not lower its rate when the network is \
         narrow, so a queue that is full stays full.\n\n\
         | Network | {} | |\n| --- |{} --- |\n{rows}",
        CALL.join(" "),
        headings.join(" | "),
        " --- |".repeat(COLUMNS.len()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_network_is_one_row() {
        let text = "| Preset | Way |\n| --- | --- |\n| `wifi` | up |\n| `wifi` | down |\n\
                    | `lte` | up |\n";
        assert_eq!(names(text), ["wifi", "lte"]);
    }

    #[test]
    fn a_row_has_a_cell_for_every_column() {
        let figures = json!({"network_loss_up": 0.0512, "latency_p50_ms": 41.6, "void": ["so"]});
        let row = row("wifi", &figures).expect("a row");
        assert_eq!(row, "| `wifi` | 5.12 % | – | – | – | – | 42 ms | – | – | void |\n");
        let page = page(&row);
        let cells = |line: &str| line.matches('|').count();
        let table: Vec<_> = page.lines().filter(|line| line.starts_with('|')).collect();
        assert!(table.iter().all(|line| cells(line) == cells(table[0])), "{page}");
    }
}
