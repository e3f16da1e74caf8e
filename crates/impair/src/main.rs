//! The proxy as a program: a bad network between clients and a server, driven
//! by lines of JSON.

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use parlour_impair::edge::{Front, Proxy, Setting, converse};
use parlour_impair::{Preset, Profile, preset};
use std::net::SocketAddr;
use std::process::ExitCode;

/// A bad network between clients and a server.
///
/// Says on standard output where it listens, then carries out orders from
/// standard input, one JSON object a line: {"do": "profile", "preset": NAME},
/// {"do": "profile", "profile": {…}}, {"do": "blackout", "ms": N},
/// {"do": "stall", "ms": N}, {"do": "rebind"}, {"do": "reset"},
/// {"do": "stats"}, {"do": "stop"}. Ends with its input.
#[derive(Debug, Parser)]
#[command(name = "parlour-impair", version, verbatim_doc_comment)]
struct Line {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where UDP clients come to.
    #[arg(long, value_name = "ADDRESS", requires = "udp_to")]
    udp: Option<SocketAddr>,
    /// Where their datagrams go to.
    #[arg(long, value_name = "ADDRESS", requires = "udp")]
    udp_to: Option<SocketAddr>,
    /// Where TCP clients come to.
    #[arg(long, value_name = "ADDRESS", requires = "tcp_to")]
    tcp: Option<SocketAddr>,
    /// Where their connections go to.
    #[arg(long, value_name = "ADDRESS", requires = "tcp")]
    tcp_to: Option<SocketAddr>,
    /// Share the UDP port with a process that has it on every address.
    #[arg(long)]
    share_port: bool,
    /// The network: a preset's name, or a file with a profile.
    #[arg(long, value_name = "NAME|FILE", default_value = "clean")]
    profile: String,
    /// Seed of all luck.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Most UDP clients at a time.
    #[arg(long, default_value_t = 256)]
    clients_max: usize,
    /// Most TCP connections at a time.
    #[arg(long, default_value_t = 256)]
    connections_max: usize,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the page about the presets.
    Presets,
}

fn main() -> ExitCode {
    match run(&Line::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("parlour-impair: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(line: &Line) -> Result<()> {
    if let Some(Command::Presets) = line.command {
        print!("{}", preset::page());
        return Ok(());
    }
    let front = |(listen, upstream)| Front { listen, upstream };
    let setting = Setting {
        udp: line.udp.zip(line.udp_to).map(front),
        tcp: line.tcp.zip(line.tcp_to).map(front),
        share_port: line.share_port,
        profile: network(&line.profile)?,
        seed: line.seed,
        clients_max: line.clients_max,
        connections_max: line.connections_max,
        ..Setting::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("no runtime")?;
    let ended = runtime.block_on(async {
        let proxy = Proxy::start(&setting)?;
        let input = tokio::io::BufReader::new(tokio::io::stdin());
        converse(&proxy, input, tokio::io::stdout()).await
    });
    // A read of standard input cannot be called off.
    runtime.shutdown_background();
    ended
}

/// A preset's, or a file's.
fn network(name: &str) -> Result<Profile> {
    if let Ok(preset) = name.parse::<Preset>() {
        return Ok(preset.profile());
    }
    let text = std::fs::read_to_string(name)
        .with_context(|| format!("{name} is neither a preset nor a file that can be read"))?;
    Profile::read(&text).with_context(|| format!("{name} is no profile"))
}
