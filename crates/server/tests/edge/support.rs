//! Starts the program on free ports and an empty data folder, and talks to it.

use parlour_server::clock::Clock;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{self, Message};

/// Longest wait for anything that should happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    data: TempDir,
    pub(crate) http: SocketAddr,
    pub(crate) https: Option<SocketAddr>,
    pub(crate) ops: SocketAddr,
}

/// How a test wants its server.
#[derive(Default)]
pub(crate) struct Wish<'a> {
    pub(crate) flags: &'a [&'a str],
    pub(crate) env: &'a [(&'a str, &'a str)],
    pub(crate) groups: &'a [(&'a str, &'a str)],
    /// Where its log goes instead of the test's own.
    pub(crate) log: Option<&'a Path>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(Wish::default())
    }

    pub(crate) fn with(wish: Wish<'_>) -> Self {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join("groups")).unwrap();
        for (name, text) in wish.groups {
            std::fs::write(data.path().join("groups").join(name), text).unwrap();
        }
        Self::on(data, &wish)
    }

    /// On a data folder that has something already.
    #[allow(dead_code, reason = "for the tests of the API")]
    pub(crate) fn at(data: TempDir, wish: &Wish<'_>) -> Self {
        Self::on(data, wish)
    }

    fn on(data: TempDir, wish: &Wish<'_>) -> Self {
        let mut command = command(wish.env);
        if let Some(log) = wish.log {
            command.stderr(std::fs::File::create(log).unwrap());
        }
        let mut child = command
            .args(["serve", "--listen", "http://127.0.0.1:0", "--data"])
            .arg(data.path())
            .args(wish.flags)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut http, mut https, mut ops) = (None, None, None);
        while ops.is_none() {
            let line = lines.next().expect("the server says where it is").unwrap();
            let line = line.trim();
            if let Some(rest) = line.strip_prefix("http://127.0.0.1:") {
                http = rest.trim_end_matches('/').parse().ok();
            } else if let Some(rest) = line.strip_prefix("https://127.0.0.1:") {
                https = rest.trim_end_matches('/').parse().ok();
            } else if let Some((_, rest)) = line.split_once("Probes and metrics: http://127.0.0.1:")
            {
                ops = rest.split('/').next().and_then(|port| port.parse().ok());
            }
        }
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let (http, https, ops) = (at(http.unwrap()), https.map(at), at(ops.unwrap()));
        Self { child, data, http, https, ops }
    }

    /// The number of its process.
    #[allow(dead_code, reason = "for the tests of the API")]
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Kills it without warning and starts it again on the same data.
    pub(crate) fn restart(mut self, wish: &Wish<'_>) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let data = std::mem::replace(&mut self.data, tempfile::tempdir().unwrap());
        Self::on(data, wish)
    }

    /// Asks it to stop, and tells how and how fast it did.
    pub(crate) fn terminate(&mut self) -> (ExitStatus, Duration) {
        let clock = Clock::start();
        self.signal();
        (self.child.wait().unwrap(), clock.elapsed())
    }

    pub(crate) fn signal(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// One request without a body.
    pub(crate) fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Reply {
        ask(self.http, method, target, headers)
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.ask("GET", target, &[])
    }

    /// One figure of `/metrics`.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = ask(self.ops, "GET", "/metrics", &[]).body;
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("no metric {name}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    pub(crate) async fn socket(&self) -> Socket {
        let url = format!("ws://{}/ws", self.http);
        tokio_tungstenite::connect_async(url).await.unwrap().0
    }

    /// A client in the lobby.
    pub(crate) async fn member(&self, id: &str) -> Socket {
        let mut socket = self.socket().await;
        say(&mut socket, json!({"type": "handshake", "version": ["2"], "id": id})).await;
        let join = json!({"type": "join", "kind": "join", "group": "lobby", "username": id});
        say(&mut socket, join).await;
        hear(&mut socket, |message| message["type"] == "joined").await;
        socket
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The program, without whatever this process has in its environment.
pub(crate) fn command(env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlour"));
    command.env("PARLOUR_OPS_LISTEN", "127.0.0.1:0").env("PARLOUR_LOG_LEVEL", "warn");
    for (name, value) in env {
        command.env(name, value);
    }
    command
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// One HTTP/1.1 request on a connection of its own.
pub(crate) fn ask(to: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)]) -> Reply {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.push_str(&format!("host: {to}\r\n"));
    }
    // As a browser does: others are shown the rooms door where nobody else is.
    if !headers.iter().any(|(name, _)| *name == "accept") {
        head.push_str("accept: text/html,*/*;q=0.8\r\n");
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    // A server that closes hard has said everything it wanted.
    drop(stream.read_to_end(&mut bytes));
    read(&String::from_utf8_lossy(&bytes))
}

pub(crate) fn read(text: &str) -> Reply {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or("0");
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Reply { status: status.parse().unwrap(), headers: headers.collect(), body: body.to_owned() }
}

/// Whether the other side closes this connection in time.
pub(crate) fn closes(mut stream: TcpStream) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

pub(crate) async fn say(socket: &mut Socket, message: Value) {
    use futures_util::SinkExt as _;
    socket.send(Message::Text(message.to_string().into())).await.unwrap();
}

/// The next message that is wanted.
pub(crate) async fn hear(socket: &mut Socket, wanted: impl Fn(&Value) -> bool) -> Value {
    use futures_util::StreamExt as _;
    let search = async {
        loop {
            let message = socket.next().await.expect("the connection is open").unwrap();
            if let Message::Text(text) = message {
                let value: Value = serde_json::from_str(text.as_str()).unwrap();
                if wanted(&value) {
                    return value;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.expect("the message comes in time")
}

/// Code and reason of the close, skipping what comes before.
pub(crate) async fn closed(socket: &mut Socket) -> Option<(u16, String)> {
    use futures_util::StreamExt as _;
    let search = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Some((frame.code.into(), frame.reason.as_str().to_owned()));
                }
                Some(Ok(_)) => {}
                Some(Err(tungstenite::Error::ConnectionClosed)) | None | Some(Err(_)) => {
                    return None;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.expect("the connection ends in time")
}
