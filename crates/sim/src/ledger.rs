//! The ledger of long runs: one line of JSON for each piece, and their sum.

use crate::{Fault, Seen, Tally};
use serde_json::{Map, Value, json};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

/// What came of a range of seeds.
#[derive(Debug, Default)]
pub struct Piece {
    /// What was run.
    pub commit: String,
    /// The first seed.
    pub from: u64,
    /// How many.
    pub seeds: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Decisions that the checkers saw.
    pub decisions: u64,
    /// Rooms that were compared with what doors said of them.
    pub views: u64,
    /// What clients saw of media.
    pub seen: Seen,
    /// How often each fault happened.
    pub tally: Tally,
    /// Seeds that failed, with what was wrong.
    pub failed: Vec<(u64, String)>,
}

impl Piece {
    fn line(&self) -> Value {
        let faults = Fault::ALL
            .iter()
            .map(|fault| (fault.name().to_owned(), json!(self.tally.count(*fault))));
        json!({
            "commit": self.commit,
            "from": self.from,
            "seeds": self.seeds,
            "took_ms": self.took_ms,
            "decisions": self.decisions,
            "views": self.views,
            "packets": self.seen.received,
            "failed": self.failed,
            "faults": faults.collect::<Map<_, _>>(),
        })
    }

    /// Adds the piece to a ledger.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn note(&self, ledger: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(ledger)?;
        writeln!(file, "{}", self.line())
    }
}

/// Adds up a ledger: the seeds, the failures, the rarest fault, and a row for
/// `docs/reference/reliability.md`.
///
/// # Errors
/// If the ledger is none.
pub fn sum(ledger: &str) -> Result<String, String> {
    let lines: Result<Vec<Value>, _> = ledger.lines().map(serde_json::from_str).collect();
    let lines = lines.map_err(|error| format!("not a ledger: {error}"))?;
    let total = |name: &str| -> u64 { lines.iter().filter_map(|line| line[name].as_u64()).sum() };
    let mut faults: Vec<(u64, &str)> = Vec::new();
    for fault in Fault::ALL {
        let counts = lines.iter().filter_map(|line| line["faults"][fault.name()].as_u64());
        faults.push((counts.sum(), fault.name()));
    }
    faults.sort_unstable();
    let failed: Vec<&Value> =
        lines.iter().filter_map(|line| line["failed"].as_array()).flatten().collect();
    let mut commits: Vec<&str> = lines.iter().filter_map(|line| line["commit"].as_str()).collect();
    commits.dedup();
    let (least, rarest) = faults.first().copied().unwrap_or_default();
    let seeds = total("seeds");
    let mut text = String::new();
    for (count, name) in &faults {
        text.push_str(&format!("  {name:30}{count:>12}\n"));
    }
    for failure in &failed {
        text.push_str(&format!("failed: {failure}\n"));
    }
    let rate = seeds * 1_000 / total("took_ms").max(1);
    text.push_str(&format!(
        "| {} | {seeds} in {} pieces | each at least {least} times ({rarest}); {} views compared, {} packets checked | {} failures; {rate} seeds a second |\n",
        commits.join(", "),
        lines.len(),
        total("views"),
        total("packets"),
        failed.len(),
    ));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up() {
        let mut piece = Piece { commit: "abc".to_owned(), seeds: 500, ..Piece::default() };
        piece.tally.add(Fault::NodeKill);
        let other =
            Piece { failed: vec![(7, "at once".to_owned())], seeds: 500, ..Piece::default() };
        let ledger = format!("{}\n{}\n", piece.line(), other.line());
        let text = sum(&ledger).expect("a ledger");
        assert!(text.contains("1000 in 2 pieces"), "{text}");
        assert!(text.contains("1 failures") && text.contains("at once"), "{text}");
        assert!(sum("{").is_err());
    }
}
