//! Orders and answers as lines of JSON, so that a test in any language can
//! drive the proxy.

use super::Proxy;
use crate::preset::Preset;
use crate::profile::Profile;
use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// Longest line that is read, in bytes.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// Longest blackout or stall that is ordered, in milliseconds.
const PAUSE_MS_MAX: u64 = 3_600_000;

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
pub enum Word {
    /// Another network from now on.
    Profile {
        /// One with a name,
        #[serde(default)]
        preset: Option<String>,
        /// or one of its own.
        #[serde(default)]
        profile: Option<Box<Profile>>,
    },
    /// No datagram gets through from now on.
    Blackout {
        /// For how many milliseconds.
        ms: u64,
    },
    /// No byte of a stream arrives from now on.
    Stall {
        /// For how many milliseconds.
        ms: u64,
    },
    /// UDP clients come from another port from now on.
    Rebind,
    /// Every TCP connection is reset.
    Reset,
    /// What happened so far?
    Stats,
    /// End.
    Stop,
}

/// Carries out a line; `None` at the order to end.
#[must_use]
pub fn answer(proxy: &Proxy, line: &str) -> Option<Value> {
    let word: Word = match serde_json::from_str(line) {
        Ok(word) => word,
        Err(error) => return Some(json!({"event": "error", "text": error.to_string()})),
    };
    if word == Word::Stop {
        return None;
    }
    let answered = obey(proxy, word);
    Some(answered.unwrap_or_else(|error| json!({"event": "error", "text": format!("{error:#}")})))
}

fn obey(proxy: &Proxy, word: Word) -> Result<Value> {
    let done = |what: &str| Ok(json!({"event": "done", "do": what}));
    match word {
        Word::Profile { preset, profile } => {
            proxy.change(network(preset, profile)?);
            done("profile")
        }
        Word::Blackout { ms } => {
            proxy.black_out(pause(ms)?);
            done("blackout")
        }
        Word::Stall { ms } => {
            proxy.stall(pause(ms)?);
            done("stall")
        }
        Word::Rebind => {
            proxy.rebind();
            done("rebind")
        }
        Word::Reset => {
            proxy.reset();
            done("reset")
        }
        Word::Stats => {
            let mut stats = proxy.stats();
            if let Some(members) = stats.as_object_mut() {
                members.insert("event".to_owned(), "stats".into());
            }
            Ok(stats)
        }
        Word::Stop => bail!("the end has no answer"),
    }
}

fn pause(ms: u64) -> Result<Duration> {
    if ms > PAUSE_MS_MAX {
        bail!("longer than an hour");
    }
    Ok(Duration::from_millis(ms))
}

fn network(preset: Option<String>, profile: Option<Box<Profile>>) -> Result<Profile> {
    match (preset, profile) {
        (Some(name), None) => Ok(name.parse::<Preset>()?.profile()),
        (None, Some(profile)) => {
            profile.check().context("no profile")?;
            Ok(*profile)
        }
        _ => bail!("either a preset or a profile"),
    }
}

/// Says where the proxy listens, then carries out line after line until the
/// order to end or the end of the input.
///
/// # Errors
/// If nobody reads the answers or the input fails.
pub async fn converse(
    proxy: &Proxy,
    mut input: impl AsyncBufRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
) -> Result<()> {
    let listening = json!({"event": "listening", "udp": proxy.udp(), "tcp": proxy.tcp()});
    say(&mut output, &listening).await?;
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = (&mut input).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
        if length == 0 {
            return Ok(());
        }
        if !line.ends_with(b"\n") && u64::try_from(length)? == LINE_BYTES_MAX {
            bail!("a line of more than 64 KiB");
        }
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        let Some(answer) = answer(proxy, &text) else { return Ok(()) };
        say(&mut output, &answer).await?;
    }
}

async fn say(output: &mut (impl AsyncWrite + Unpin), value: &Value) -> Result<()> {
    output.write_all(format!("{value}\n").as_bytes()).await?;
    Ok(output.flush().await?)
}
