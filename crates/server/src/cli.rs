//! The command line.

mod key;

use crate::config::{Loaded, Loader, reference};
use crate::{metrics, serve, telemetry};
use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use toml::Value;

/// Exit code of a wrong configuration or command line, as in sysexits.h.
const EXIT_CONFIG: u8 = 78;

/// Exit code of `bench` in a build without it.
#[cfg(not(feature = "bench"))]
const EXIT_NO_BENCH: u8 = 2;

/// Self-hosted group calls: signalling, rooms, chat and media in one program.
#[derive(Debug, Parser)]
#[command(name = "parlour", version, about, args_conflicts_with_subcommands = true)]
pub struct Line {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeFlags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (the default).
    Serve(ServeFlags),
    /// Print the configuration in effect, and where each value comes from.
    CheckConfig(ServeFlags),
    /// Keys of the integration API.
    #[command(subcommand)]
    Key(key::Key),
    /// Copy the store into one file; the server may go on running.
    Backup {
        /// The data folder.
        #[arg(long, value_name = "DIR", default_value = "./parlour-data")]
        data: PathBuf,
        /// The new file.
        file: PathBuf,
    },
    /// Make the store of a data folder that has none from such a file.
    Restore {
        /// The data folder.
        #[arg(long, value_name = "DIR", default_value = "./parlour-data")]
        data: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// Measure what this server costs, in a call of its own making.
    #[cfg(feature = "bench")]
    Bench(parlour_bench::cli::Bench),
    /// Measure what this server costs (not in this build).
    #[cfg(not(feature = "bench"))]
    Bench {
        /// Which scenario, and how.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "SCENARIO")]
        words: Vec<String>,
    },
    /// Print a generated page of the documentation.
    #[command(hide = true)]
    Reference {
        /// Which one.
        page: Page,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Page {
    /// `docs/reference/configuration.md`
    Configuration,
    /// `examples/config/full.toml`
    Example,
    /// `docs/reference/metrics.md`
    Metrics,
}

#[derive(Debug, Default, Args)]
struct ServeFlags {
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder [default: ./parlour-data].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where clients connect: HOST:PORT (plain on loopback, HTTPS elsewhere),
    /// http://… or https://…; may be given again.
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// Folder of group files [default: DATA/groups].
    #[arg(long, value_name = "DIR")]
    groups: Option<PathBuf>,
    /// Folder of recordings [default: DATA/recordings].
    #[arg(long, value_name = "DIR")]
    recordings: Option<PathBuf>,
    /// Serve another web client from this folder.
    #[arg(long = "static", value_name = "DIR")]
    static_dir: Option<PathBuf>,
    /// Do not keep the open room `lobby`.
    #[arg(long)]
    no_lobby: bool,
}

impl ServeFlags {
    /// Puts file, environment and flags together.
    fn load(&self) -> Result<Loaded> {
        let mut loader = Loader::default();
        if let Some(file) = &self.config {
            loader.file(file)?;
        }
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        loader.environment(variables);
        for (key, path) in [
            ("server.data", &self.data),
            ("server.groups", &self.groups),
            ("server.recordings", &self.recordings),
            ("http.static_dir", &self.static_dir),
        ] {
            if let Some(path) = path {
                let text = path.to_str().context("a folder's name is not UTF-8")?;
                loader.flag(key, text);
            }
        }
        if !self.listen.is_empty() {
            let all = self.listen.iter().map(|text| Value::from(text.as_str())).collect();
            loader.flag("http.listen", Value::Array(all));
        }
        if self.no_lobby {
            loader.flag("server.lobby", false);
        }
        Ok(loader.finish()?)
    }
}

/// Runs the command of this process and says how it went.
#[must_use]
pub fn main() -> ExitCode {
    let line = Line::parse();
    let result = match line.command.unwrap_or(Command::Serve(line.serve)) {
        Command::Serve(flags) => match flags.load() {
            Ok(loaded) => {
                telemetry::start(&loaded.config.log);
                serve::run(&loaded, drop_media())
            }
            Err(error) => return refuse(&error),
        },
        Command::CheckConfig(flags) => match flags.load() {
            Ok(loaded) => {
                print!("{}", loaded.print());
                Ok(())
            }
            Err(error) => return refuse(&error),
        },
        Command::Key(key) => key.run(),
        Command::Backup { data, file } => parlour_store::backup(&data, &file).map_err(Into::into),
        Command::Restore { data, file } => parlour_store::restore(&file, &data).map_err(Into::into),
        #[cfg(feature = "bench")]
        Command::Bench(bench) => return parlour_bench::cli::run(&bench, &["bench"]),
        #[cfg(not(feature = "bench"))]
        Command::Bench { words } => {
            eprintln!(
                "parlour: this build cannot measure {}; build one that can:",
                words.join(" ")
            );
            eprintln!("  cargo build --release --package parlour-server --features bench");
            return ExitCode::from(EXIT_NO_BENCH);
        }
        Command::Reference { page } => {
            print!(
                "{}",
                match page {
                    Page::Configuration => reference::page(),
                    Page::Example => reference::example(),
                    Page::Metrics => metrics::page(),
                }
            );
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("parlour: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn refuse(error: &anyhow::Error) -> ExitCode {
    eprintln!("parlour: {error:#}");
    ExitCode::from(EXIT_CONFIG)
}

/// Whether a test wants the media workers to lose what they should forward.
fn drop_media() -> bool {
    std::env::var_os("PARLOUR_TEST_DROP_MEDIA").is_some_and(|value| value == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(line: &[&str]) -> Loaded {
        match Line::try_parse_from(line).expect("a command line").command {
            Some(Command::Serve(flags)) => flags.load().expect("fits"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_flag_names_a_key() {
        let all = [
            "parlour",
            "serve",
            "--data",
            "d",
            "--listen",
            "localhost:1",
            "--listen",
            ":2",
            "--groups",
            "g",
            "--recordings",
            "r",
            "--static",
            "s",
            "--no-lobby",
        ];
        let loaded = load(&all);
        assert_eq!(loaded.config.http.listen.len(), 2);
        for key in [
            "server.data",
            "server.groups",
            "server.recordings",
            "http.static_dir",
            "http.listen",
            "server.lobby",
        ] {
            assert!(loaded.is_set(key), "{key}");
        }
    }

    #[test]
    fn no_subcommand_means_serve() {
        let line = Line::try_parse_from(["parlour", "--no-lobby"]).expect("a command line");
        assert!(line.command.is_none() && line.serve.no_lobby);
    }
}
