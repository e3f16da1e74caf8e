//! The bench without the server: for servers elsewhere, and for its tests.

use clap::Parser;
use parlour_bench::cli::{self, Bench};
use std::process::ExitCode;

/// Measure a running server.
#[derive(Debug, Parser)]
#[command(name = "parlour-bench", version, about)]
struct Line {
    #[command(flatten)]
    bench: Bench,
}

fn main() -> ExitCode {
    cli::run(&Line::parse().bench, &[])
}
