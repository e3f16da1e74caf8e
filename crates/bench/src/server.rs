//! The server under test: a child process that we start and end, or one that
//! is already there.

use crate::callctl::{BRIDGE, OPERATOR};
use crate::process::Process;
use anyhow::{Context as _, Result, bail};
use parlour_base::Secret;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The group in which calls of a server of our own take place.
const GROUP: &str = "bench";

/// A group that everybody may enter and publish in.
const GROUP_FILE: &str = r#"{"wildcard-user": {"password": {"type": "wildcard"}, "permissions": "present"},
 "codecs": ["vp8", "opus"], "auto-subgroups": true, "allow-subgroups": true}"#;

/// How long a server may take to say where it listens, and to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it may take to stop; it promises 5 s.
const STOP_STEPS: u32 = 100;

/// Largest answer of `/metrics` that is read.
const METRICS_BYTES_MAX: u64 = 4 << 20;

/// A server, ours or somebody else's.
#[derive(Debug)]
pub struct Server {
    /// Where its WebSocket door is, without the path.
    pub http: SocketAddr,
    /// What to write into the `Host` field.
    pub host: String,
    /// The group to join.
    pub group: String,
    /// The process, if it is on this machine and known.
    pub process: Option<Process>,
    ops: Option<SocketAddr>,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    program: PathBuf,
    child: Child,
    data: TempDir,
    /// Kept open, or the server's next word on it would fail.
    _said: BufReader<ChildStdout>,
}

impl Server {
    /// Starts `program serve` on free ports with an empty data folder.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(program: &Path) -> Result<Self> {
        Self::start_with(program, &[])
    }

    /// The same with further settings: (environment variable, value).
    ///
    /// # Errors
    /// If it does not start.
    pub fn start_with(program: &Path, settings: &[(&str, String)]) -> Result<Self> {
        Self::start_on(program, settings, |_| Ok(()))
    }

    /// The same on a data folder that was prepared.
    ///
    /// # Errors
    /// If it cannot be prepared, or does not start.
    pub fn start_on(
        program: &Path,
        settings: &[(&str, String)],
        prepare: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Self> {
        let data = tempfile::tempdir()?;
        prepare(data.path())?;
        let groups = data.path().join("groups");
        std::fs::create_dir(&groups)?;
        std::fs::write(groups.join(format!("{GROUP}.json")), GROUP_FILE)?;
        let callctl = data.path().join("callctl");
        std::fs::create_dir(&callctl)?;
        std::fs::write(callctl.join("bridge.secret"), BRIDGE)?;
        std::fs::write(callctl.join("operator.secret"), OPERATOR)?;
        let mut command = Command::new(program);
        command
            .args(["serve", "--no-lobby", "--listen", "http://127.0.0.1:0", "--data"])
            .arg(data.path())
            .env("PARLOUR_OPS_LISTEN", "127.0.0.1:0")
            .env("PARLOUR_CALLCTL_CALLS_PER_SECOND", "1000000")
            .env("PARLOUR_CALLCTL_CALL_BURST", "1000000")
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if std::env::var_os("PARLOUR_LOG_LEVEL").is_none() {
            command.env("PARLOUR_LOG_LEVEL", "error");
        }
        let mut child =
            command.spawn().with_context(|| format!("starting {}", program.display()))?;
        let process = Process(child.id());
        let stdout = child.stdout.take().context("no standard output")?;
        let mut said = BufReader::new(stdout);
        let heard = listen(&mut said);
        let own = Own { program: program.to_owned(), child, data, _said: said };
        let Ok((http, ops)) = heard else {
            end(own);
            bail!("the server did not say where it listens");
        };
        Ok(Self {
            http,
            host: http.to_string(),
            group: GROUP.to_owned(),
            process: Some(process),
            ops: Some(ops),
            own: Some(own),
        })
    }

    /// One that is running already, at `http://HOST[:PORT]`.
    ///
    /// # Errors
    /// If the URL has another scheme or its host is unknown.
    pub fn at(url: &str, group: &str, process: Option<Process>) -> Result<Self> {
        let host = url.strip_prefix("http://").context("a target begins with http://")?;
        let host = host.split('/').next().unwrap_or(host);
        let with_port = if host.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok()) {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let http = with_port.to_socket_addrs()?.next().context("the target has no address")?;
        let (host, group) = (host.to_owned(), group.to_owned());
        Ok(Self { http, host, group, process, ops: None, own: None })
    }

    /// Where the WebSocket door is.
    #[must_use]
    pub fn websocket(&self) -> String {
        format!("ws://{}/ws", self.host)
    }

    /// Whether it was started by us.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// A key of the integration API that may do everything; only of a server of
    /// our own.
    ///
    /// # Errors
    /// If it is not ours, or makes none.
    pub fn key(&self) -> Result<Secret<String>> {
        let own = self.own.as_ref().context("the target is not ours to make a key of")?;
        let made = Command::new(&own.program)
            .args(["key", "create", "--scope", "operator", "--data"])
            .arg(own.data.path())
            .output()?;
        let text = String::from_utf8(made.stdout)?.trim().to_owned();
        if !made.status.success() || text.is_empty() {
            bail!("no key: {}", String::from_utf8_lossy(&made.stderr).trim());
        }
        Ok(Secret::new(text))
    }

    /// The counters and gauges of `/metrics`, by name, summed over labels.
    ///
    /// # Errors
    /// Why there are none.
    pub fn metrics(&self) -> Result<BTreeMap<String, u64>> {
        self.metrics_text().map(|text| read_metrics(&text))
    }

    /// One counter of `/metrics`, by the value of its label.
    ///
    /// # Errors
    /// Why there is none.
    pub fn labelled(&self, name: &str) -> Result<BTreeMap<String, u64>> {
        self.metrics_text().map(|text| read_labelled(&text, name))
    }

    fn metrics_text(&self) -> Result<String> {
        let ops = self.ops.context("the target's metrics are not known to us")?;
        let mut stream = TcpStream::connect_timeout(&ops, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /metrics HTTP/1.1\r\nhost: {ops}\r\nconnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.take(METRICS_BYTES_MAX).read_to_string(&mut text)?;
        Ok(text)
    }

    /// Asks it to stop, waits, and insists if it does not; one that is not
    /// ours goes on.
    pub fn stop(mut self) {
        if let Some(own) = self.own.take() {
            end(own);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(own) = self.own.take() {
            end(own);
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a process that ends tells nobody but who asks")]
fn end(mut own: Own) {
    use rustix::process::{Pid, Signal, kill_process};
    if kill_process(Pid::from_child(&own.child), Signal::TERM).is_err() {
        return drop(own.child.wait());
    }
    for _ in 0..STOP_STEPS {
        if !matches!(own.child.try_wait(), Ok(None)) {
            return drop(own.data);
        }
        std::thread::sleep(Duration::from_millis(60));
    }
    drop(own.child.kill());
    drop(own.child.wait());
}

/// Reads what the server prints until it has named both of its ports.
fn listen(said: &mut BufReader<ChildStdout>) -> Result<(SocketAddr, SocketAddr)> {
    let at = |port: &str| {
        let digits: String = port.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
    };
    let mut http = None;
    let mut line = String::new();
    while said.read_line(&mut line)? > 0 {
        if let Some((_, port)) = line.split_once("metrics: http://127.0.0.1:") {
            let ops = at(port).context("no port for metrics")?;
            return Ok((http.context("no port for clients")?, ops));
        } else if let Some(port) = line.trim().strip_prefix("http://127.0.0.1:") {
            http = at(port);
        }
        line.clear();
    }
    bail!("the server ended")
}

fn read_metrics(text: &str) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        let name = name.split('{').next().unwrap_or(name);
        if let Ok(value) = value.parse::<u64>() {
            *all.entry(name.to_owned()).or_default() += value;
        }
    }
    all
}

fn read_labelled(text: &str, name: &str) -> BTreeMap<String, u64> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
    let entry = |line: &str| {
        let (label, value) = line.split_once("} ")?;
        let (_, label) = label.split_once('=')?;
        Some((label.trim_matches('"').to_owned(), value.trim().parse().ok()?))
    };
    lines.filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_summed_over_their_labels() {
        let text =
            "# HELP a\na_total{worker=\"0\"} 3\na_total{worker=\"1\"} 4\nb 5\nHTTP/1.1 200 OK";
        let all = read_metrics(text);
        assert_eq!(all.get("a_total"), Some(&7));
        assert_eq!(all.get("b"), Some(&5));
        let workers = read_labelled(text, "a_total");
        assert_eq!((workers.get("0"), workers.get("1")), (Some(&3), Some(&4)));
    }

    #[test]
    fn a_target_is_a_plain_http_url() {
        let server = Server::at("http://127.0.0.1:8080/group/x/", "lobby", None).expect("fits");
        assert_eq!(server.websocket(), "ws://127.0.0.1:8080/ws");
        assert!(Server::at("https://example.org", "lobby", None).is_err());
    }
}
