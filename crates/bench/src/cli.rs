//! The command line of the bench, and what runs behind each word of it.

use crate::all;
use crate::call::{self, Call};
use crate::callctl::{self, Callctl};
use crate::connect::{self, Connect};
use crate::generator::Cast;
use crate::join::{self, Joining};
use crate::limit;
use crate::process::{Process, machine};
use crate::report::{Report, VOID};
use crate::rooms::{self, Rooms};
use crate::server::Server;
use crate::shape::{Media, Shape};
use crate::state::{self, State};
use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use parlour_impair::Preset;
use std::path::{Path, PathBuf};
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
        #[arg(long, default_value_t = 50)]
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
        #[arg(long, default_value_t = 8)]
        people: usize,
        #[command(flatten)]
        time: Time,
    },
    /// One publisher, many who watch.
    Stage {
        /// Clients that watch.
        #[arg(long, default_value_t = 150)]
        audience: usize,
        #[command(flatten)]
        time: Time,
    },
    /// WebSockets that say nothing.
    Connect {
        /// How many.
        #[arg(long, default_value_t = 10_000)]
        connections: usize,
        /// How long to hold them.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
    },
    /// How soon everybody in a large room sees somebody come.
    Join {
        /// Clients in the room that listen.
        #[arg(long, default_value_t = 1_000)]
        subscribers: usize,
        /// Newcomers.
        #[arg(long, default_value_t = 50)]
        joins: usize,
    },
    /// Durable writes in many rooms (chat, rights, settings, names), compared
    /// with the store's engine alone.
    State {
        /// Rooms, each with one writer that waits for its acknowledgement.
        #[arg(long, default_value_t = 64)]
        rooms: usize,
        /// How long to count each kind, for the server and for the engine.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
    },
    /// Call control: joins and leaves, how far and fast they are told, idle
    /// streams.
    Callctl {
        /// Conversations of two.
        #[arg(long, default_value_t = 10_000)]
        conversations: usize,
        /// Callers at the same time.
        #[arg(long, default_value_t = 256)]
        callers: usize,
        /// HTTP/2 connections of the callers.
        #[arg(long, default_value_t = 8)]
        connections: usize,
        /// How long to count.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// Members who watch one group.
        #[arg(long, default_value_t = 100)]
        watchers: usize,
        /// Changes that they are told of.
        #[arg(long, default_value_t = 200)]
        changes: usize,
        /// Idle streams.
        #[arg(long, default_value_t = 50_000)]
        streams: usize,
        /// HTTP/2 connections of the idle streams.
        #[arg(long, default_value_t = 500)]
        stream_connections: usize,
    },
    /// The rooms API: joins, refreshes, and people who run out.
    Rooms {
        /// People who join, four to a room.
        #[arg(long, default_value_t = 8_000)]
        people: usize,
        /// Connections that ask at the same time.
        #[arg(long, default_value_t = 256)]
        connections: usize,
        /// How long to count refreshes.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// Rooms in which two people each run out; 0 leaves that part away.
        #[arg(long, default_value_t = 100_000)]
        rooms: usize,
        /// Over how many seconds they run out.
        #[arg(long, default_value_t = 60)]
        spread: u64,
    },
    /// Every scenario with its defaults; writes the page about performance.
    All {
        /// How long each call is counted.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// The page.
        #[arg(long, value_name = "FILE", default_value = "docs/reference/performance.md")]
        output: PathBuf,
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
    /// Seed of the publishers' schedules, and of the network's luck.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The network between everybody and the server, by its name
    /// (docs/reference/impairments.md).
    #[arg(long, value_name = "PRESET")]
    impair: Option<Preset>,
}

impl Scenario {
    /// The size of the rooms scenario, if it is that.
    fn rooms(&self) -> Option<Rooms> {
        let Self::Rooms { people, connections, seconds, rooms, spread } = self else {
            return None;
        };
        Some(Rooms {
            people: *people,
            connections: (*connections).clamp(1, (*people).max(1)),
            time: Duration::from_secs((*seconds).max(1)),
            life: Duration::from_secs(3_600),
            rooms: *rooms,
            spread: Duration::from_secs((*spread).max(1)),
        })
    }

    /// What a server of our own is told for it.
    fn settings(&self) -> Vec<(&'static str, String)> {
        self.rooms().map(|rooms| rooms.settings()).unwrap_or_default()
    }
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
    finish(measure(bench, words).map(|reports| {
        let void = reports.iter().any(Report::is_void);
        match (bench.common.json, reports.as_slice()) {
            (false, all) => all.iter().for_each(|report| print!("{}", report.table())),
            (true, [one]) => println!("{:#}", one.json()),
            (true, all) => {
                let all: Vec<_> = all.iter().map(Report::json).collect();
                println!("{:#}", serde_json::Value::from(all));
            }
        }
        if void { ExitCode::from(VOID) } else { ExitCode::SUCCESS }
    }))
}

fn finish(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("bench: {error:#}");
        ExitCode::FAILURE
    })
}

fn measure(bench: &Bench, words: &[&str]) -> Result<Vec<Report>> {
    let runner = Runner {
        common: &bench.common,
        helper: std::env::current_exe().context("which program is this?")?,
        words: words.iter().chain(&["limit"]).map(|word| (*word).to_owned()).collect(),
    };
    let Scenario::All { seconds, output } = &bench.scenario else {
        return Ok(vec![runner.run(&bench.scenario)?]);
    };
    let machine = machine();
    let mut reports = Vec::new();
    for scenario in every(*seconds) {
        let report = runner.run(&scenario)?;
        eprint!("{}", report.table());
        reports.push(report);
    }
    let page = all::page(&machine, &reports);
    std::fs::write(output, page).with_context(|| output.display().to_string())?;
    Ok(reports)
}

/// What `all` runs: every scenario, in a size that fits into a few minutes
/// altogether.
fn every(seconds: u64) -> [Scenario; 11] {
    let time = || Time { seconds, shape: Shape::Browser, seed: 1, impair: None };
    let flat = Time { shape: Shape::Flat, ..time() };
    [
        Scenario::Call { publishers: 1, subscribers: 50, time: time() },
        Scenario::Call { publishers: 4, subscribers: 50, time: time() },
        Scenario::Call { publishers: 1, subscribers: 50, time: flat },
        Scenario::Audio { people: 12, time: time() },
        Scenario::Meeting { people: 8, time: time() },
        Scenario::Stage { audience: 150, time: time() },
        Scenario::Connect { connections: 10_000, seconds: 10 },
        Scenario::Join { subscribers: 1_000, joins: 50 },
        Scenario::State { rooms: 64, seconds: 3 },
        Scenario::Rooms { people: 8_000, connections: 256, seconds: 3, rooms: 100_000, spread: 60 },
        Scenario::Callctl {
            conversations: 10_000,
            callers: 256,
            connections: 8,
            seconds: 5,
            watchers: 100,
            changes: 200,
            streams: 50_000,
            stream_connections: 500,
        },
    ]
}

struct Runner<'a> {
    common: &'a Common,
    helper: PathBuf,
    /// What makes `helper` the sender of the limit.
    words: Vec<String>,
}

impl Runner<'_> {
    /// What servers of our own are started from.
    fn program(&self) -> &Path {
        self.common.program.as_ref().unwrap_or(&self.helper)
    }

    fn run(&self, scenario: &Scenario) -> Result<Report> {
        connect::raise_limit();
        let server = match &self.common.target {
            Some(url) => Server::at(url, &self.common.group, self.common.pid.map(Process))?,
            None => Server::start_with(self.program(), &scenario.settings())?,
        };
        let report = match scenario {
            Scenario::Call { publishers, subscribers, time } => {
                let all = publishers + subscribers;
                self.call("call", (*publishers, all, false), BOTH, time, &server)
            }
            Scenario::Audio { people, time } => {
                self.call("audio", (*people, *people, true), SOUND, time, &server)
            }
            Scenario::Meeting { people, time } => {
                self.call("meeting", (*people, *people, true), BOTH, time, &server)
            }
            Scenario::Stage { audience, time } => {
                self.call("stage", (1, 1 + audience, false), BOTH, time, &server)
            }
            Scenario::Connect { connections, seconds } => {
                let hold = Duration::from_secs(*seconds);
                connect::run(Connect { count: *connections, hold }, &server)
            }
            Scenario::Join { subscribers, joins } => {
                join::run(Joining { subscribers: *subscribers, joins: *joins }, &server)
            }
            Scenario::State { rooms, seconds } => {
                let time = Duration::from_secs((*seconds).max(1));
                state::run(State { rooms: *rooms, time }, &server)
            }
            Scenario::Callctl {
                conversations,
                callers,
                connections,
                seconds,
                watchers,
                changes,
                streams,
                stream_connections,
            } => {
                let size = Callctl {
                    conversations: *conversations,
                    callers: *callers,
                    connections: *connections,
                    time: Duration::from_secs((*seconds).max(1)),
                    watchers: *watchers,
                    changes: *changes,
                    streams: *streams,
                    stream_connections: *stream_connections,
                };
                callctl::run(size, &server)
            }
            Scenario::Rooms { .. } => {
                let size = scenario.rooms().context("this is the scenario of rooms")?;
                return rooms::run(size, server, self.program());
            }
            Scenario::All { .. } | Scenario::Limit => bail!("this is no single scenario"),
        };
        server.stop();
        report
    }

    fn call(
        &self,
        name: &'static str,
        (publishers, clients, mutual): (usize, usize, bool),
        media: Media,
        time: &Time,
        server: &Server,
    ) -> Result<Report> {
        let Time { seconds, shape, seed, impair } = *time;
        let call = Call {
            name,
            cast: Cast { publishers, clients, mutual, media, shape, seed, impair },
            time: Duration::from_secs(seconds.max(1)),
            helper: self.helper.clone(),
            helper_words: self.words.clone(),
        };
        call::run(&call, server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        bench: Bench,
    }

    #[test]
    fn a_call_is_described_on_the_command_line() {
        let words = "bench call --publishers 2 --subscribers 3 --seconds 4 --shape flat \
                     --target http://127.0.0.1:1 --pid 5 --json";
        let line = Line::try_parse_from(words.split(' ').filter(|word| !word.is_empty()));
        let bench = line.expect("a command line").bench;
        assert!(bench.common.json && bench.common.pid == Some(5));
        let Scenario::Call { publishers: 2, subscribers: 3, time } = bench.scenario else {
            panic!("another scenario");
        };
        assert_eq!((time.seconds, time.shape), (4, Shape::Flat));
    }

    #[test]
    fn a_network_is_called_by_its_name() {
        let line = Line::try_parse_from(["bench", "call", "--impair", "train"]).expect("fits");
        let Scenario::Call { time, .. } = line.bench.scenario else { panic!("another scenario") };
        assert_eq!(time.impair, Some(Preset::Train));
        assert!(Line::try_parse_from(["bench", "call", "--impair", "moon"]).is_err());
    }

    #[test]
    fn a_process_without_a_target_is_refused() {
        assert!(Line::try_parse_from(["bench", "call", "--pid", "5"]).is_err());
    }
}
