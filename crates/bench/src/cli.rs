//! The command line of the bench, and what runs behind each word of it.

use crate::call::{self, Call};
use crate::generator::Cast;
use crate::limit;
use crate::process::Process;
use crate::report::{Report, VOID};
use crate::server::Server;
use crate::shape::{Media, Shape};
use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Measure a running server.
#[derive(Debug, Clone, Args)]
pub struct Bench {
    #[command(subcommand)]
    scenario: Scenario,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Args)]
struct Common {
    /// Print JSON instead of a table.
    #[arg(long, global = true)]
    json: bool,
    /// Measure a server that is running at this URL (http://HOST:PORT).
    #[arg(long, global = true, value_name = "URL")]
    target: Option<String>,
    /// The target's process on this machine, for its CPU time and memory.
    #[arg(long, global = true, value_name = "PID", requires = "target")]
    pid: Option<u32>,
    /// The target's group to join; everybody must be allowed to publish.
    #[arg(long, global = true, value_name = "NAME", default_value = "lobby")]
    group: String,
    /// The program to start as the server instead of this one.
    #[arg(long, global = true, value_name = "PROGRAM")]
    program: Option<PathBuf>,
}

#[derive(Debug, Clone, Subcommand)]
enum Scenario {
    /// Publishers and subscribers in one room.
    Call {
        /// Clients that publish.
        #[arg(long, default_value_t = 1)]
        publishers: usize,
        /// Clients that receive every stream.
        #[arg(long, default_value_t = 40)]
        subscribers: usize,
        #[command(flatten)]
        time: Time,
    },
    /// A meeting of sound only: everybody speaks, everybody listens.
    Audio {
        /// Clients.
        #[arg(long, default_value_t = 12)]
        people: usize,
        #[command(flatten)]
        time: Time,
    },
    /// A meeting with cameras: everybody publishes, everybody receives.
    Meeting {
        /// Clients.
        #[arg(long, default_value_t = 6)]
        people: usize,
        #[command(flatten)]
        time: Time,
    },
    /// One publisher, many who watch.
    Stage {
        /// Clients that watch.
        #[arg(long, default_value_t = 50)]
        audience: usize,
        #[command(flatten)]
        time: Time,
    },
    /// The sender that a server's cost is compared with; reads its order from
    /// standard input.
    #[command(hide = true)]
    Limit,
}

#[derive(Debug, Clone, Args)]
struct Time {
    /// How long to count, after joining and warming up.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The shape of the traffic.
    #[arg(long, value_enum, default_value_t = Shape::Browser)]
    shape: Shape,
    /// Seed of the publishers' schedules.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

const SOUND: Media = Media { audio: true, video: false };
const BOTH: Media = Media { audio: true, video: true };

/// Runs a scenario and tells how it went: 0, 1 if it failed, 3 if its figures
/// mean nothing. `words` lead this program to its bench.
#[must_use]
pub fn run(bench: &Bench, words: &[&str]) -> ExitCode {
    if matches!(bench.scenario, Scenario::Limit) {
        return finish(limit::run_child().map(|()| ExitCode::SUCCESS));
    }
    finish(measure(bench, words).map(|report| {
        if bench.common.json {
            println!("{:#}", report.json());
        } else {
            print!("{}", report.table());
        }
        if report.is_void() { ExitCode::from(VOID) } else { ExitCode::SUCCESS }
    }))
}

fn finish(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("bench: {error:#}");
        ExitCode::FAILURE
    })
}

fn measure(bench: &Bench, words: &[&str]) -> Result<Report> {
    let helper = std::env::current_exe().context("which program is this?")?;
    let program = bench.common.program.clone().unwrap_or_else(|| helper.clone());
    let server = match &bench.common.target {
        Some(url) => Server::at(url, &bench.common.group, bench.common.pid.map(Process))?,
        None => Server::start(&program)?,
    };
    let plan = |name, publishers, clients, mutual, media, time: &Time| Call {
        name,
        cast: Cast { publishers, clients, mutual, media, shape: time.shape, seed: time.seed },
        time: Duration::from_secs(time.seconds.max(1)),
        limit: true,
        helper: helper.clone(),
        helper_words: words.iter().chain(&["limit"]).map(|word| (*word).to_owned()).collect(),
    };
    let call = match &bench.scenario {
        Scenario::Call { publishers, subscribers, time } => {
            plan("call", *publishers, publishers + subscribers, false, BOTH, time)
        }
        Scenario::Audio { people, time } => plan("audio", *people, *people, true, SOUND, time),
        Scenario::Meeting { people, time } => plan("meeting", *people, *people, true, BOTH, time),
        Scenario::Stage { audience, time } => plan("stage", 1, 1 + audience, false, BOTH, time),
        Scenario::Limit => anyhow::bail!("the limit is no scenario of its own"),
    };
    let report = call::run(&call, &server);
    server.stop();
    report
}
