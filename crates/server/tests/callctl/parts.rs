//! Front, keeper and media server as processes of their own.

use crate::certificates::Authority;
use crate::client::{Client, GROUP, Secrets, people};
use crate::support::{PATIENCE, Server, Socket, Wish, hear, say};
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::pb::mobile::video::v1::JoinConvoConferenceResponse;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the ports that the system gives to whoever wants any, so that nobody
/// takes one before it is listened on.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// A port that is free now; the parts have to know where the others will be.
/// Each test process looks through them from a place of its own.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let step =
            std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(PORTS.start + step % (PORTS.end - PORTS.start)).unwrap();
        let free = TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free && UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// One process: its settings, and where it listens.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) port: u16,
    env: Vec<(String, String)>,
}

impl Part {
    fn new(secrets: &Secrets, role: &str, more: &[(&str, &str)]) -> Self {
        let mut part = Self { port: free_port(), env: secrets.env() };
        part.set("ROLE", role);
        for (name, value) in more {
            part.set(name, value);
        }
        part
    }

    /// Sets a key of the door.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.set_key(&format!("PARLOUR_CALLCTL_{name}"), value);
    }

    /// Sets any key; the last word counts.
    pub(crate) fn set_key(&mut self, variable: &str, value: &str) {
        self.env.push((variable.to_owned(), value.to_owned()));
    }

    /// Whether its own listener is for TLS; another one is without.
    fn is_secure(&self) -> bool {
        self.env.iter().any(|(name, _)| name == "PARLOUR_TLS_CERTIFICATE")
    }

    /// Starts it anew, or again on what the one before has left.
    pub(crate) fn start(&self, before: Option<Server>) -> Server {
        let scheme = if self.is_secure() { "https" } else { "http" };
        let listen = format!("{scheme}://127.0.0.1:{}", self.port);
        let env: Vec<(&str, &str)> =
            self.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let wish = Wish { env: &env, flags: &["--listen", &listen], ..Wish::default() };
        match before {
            Some(before) => before.restart(&wish),
            None => Server::with(wish),
        }
    }
}

/// All three.
pub(crate) struct Parts {
    pub(crate) kik: Part,
    pub(crate) vcs: Part,
    pub(crate) media: Part,
    pub(crate) front: Option<Server>,
    pub(crate) keeper: Option<Server>,
    pub(crate) plane: Option<Server>,
    /// The files that their settings name.
    _secrets: Secrets,
}

impl Parts {
    /// The keeper waits so long for a media server, and a media server for it.
    pub(crate) fn new(graces: [&str; 2]) -> Self {
        Self::with(graces, |_| {})
    }

    /// The same, with other settings.
    pub(crate) fn with(graces: [&str; 2], change: impl FnOnce(&mut Self)) -> Self {
        let mut parts = Self::stopped(graces);
        change(&mut parts);
        parts.front = Some(parts.kik.start(None));
        parts.keeper = Some(parts.vcs.start(None));
        parts.plane = Some(parts.media.start(None));
        parts
    }

    /// All of them speak with TLS to one another, and trust this authority.
    pub(crate) fn secured(authority: &Authority) -> Self {
        let shown = authority.issues("localhost");
        let folder = authority.folder();
        let (certificate, key) = (folder.join("part.pem"), folder.join("part.key"));
        std::fs::write(&certificate, &shown.pem).unwrap();
        std::fs::write(&key, &shown.key).unwrap();
        Self::with(["10s", "10s"], |parts| {
            let at = |port: u16| format!("https://localhost:{port}");
            let (kik_url, vcs_url) = (at(parts.kik.port), at(parts.vcs.port));
            for part in [&mut parts.kik, &mut parts.vcs, &mut parts.media] {
                part.set_key("PARLOUR_TLS_CERTIFICATE", &certificate.display().to_string());
                part.set_key("PARLOUR_TLS_KEY", &key.display().to_string());
                part.set("REMOTE_CA", &authority.file.display().to_string());
                part.set("VCS_URL", &vcs_url);
                part.set("KIK_URL", &kik_url);
            }
        })
    }

    /// Front and keeper, whose own media clients are sent to.
    pub(crate) fn two() -> Self {
        let mut parts = Self::stopped(["300ms", "10s"]);
        parts.front = Some(parts.kik.start(None));
        parts.keeper = Some(parts.vcs.start(None));
        parts
    }

    fn stopped([keeper, plane]: [&str; 2]) -> Self {
        let secrets = Secrets::new();
        let mut kik = Part::new(&secrets, "kik", &[]);
        let mut vcs = Part::new(&secrets, "vcs", &[("MEDIA_GRACE", keeper)]);
        let mut media = Part::new(&secrets, "media", &[("MEDIA_GRACE", plane)]);
        let at = |port: u16| format!("http://127.0.0.1:{port}");
        kik.set("VCS_URL", &at(vcs.port));
        vcs.set("KIK_URL", &at(kik.port));
        media.set("VCS_URL", &at(vcs.port));
        media.set("MEDIA_HOST", "127.0.0.1");
        let own = media.port.to_string();
        media.set("MEDIA_PORT", &own);
        let (front, keeper, plane) = (None, None, None);
        Self { kik, vcs, media, front, keeper, plane, _secrets: secrets }
    }

    /// Kills the front and starts it again on what it has left.
    pub(crate) fn restart_front(&mut self) {
        self.front = Some(self.kik.start(self.front.take()));
    }

    /// Kills the keeper and starts it again on what it has left.
    pub(crate) fn restart_keeper(&mut self) {
        self.keeper = Some(self.vcs.start(self.keeper.take()));
    }

    /// Two people behind the front.
    pub(crate) async fn people(&self) -> [Client; 2] {
        let at = match self.kik.is_secure() {
            true => self.front.as_ref().unwrap().http,
            false => at(self.kik.port),
        };
        Client::operator(at).members(GROUP, &["alice_a1b", "bob.b_z9z"]).await.unwrap();
        ["alice_a1b", "bob.b_z9z"].map(|name| Client::user(at, name))
    }

    /// Joins until the keeper sends people to the media server apart.
    pub(crate) async fn sent_there(&self, who: &Client) -> JoinConvoConferenceResponse {
        let joining = async {
            loop {
                if let Ok(joined) = who.join(GROUP).await
                    && joined.connection_info.as_ref().unwrap().port == i32::from(self.media.port)
                {
                    return joined;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, joining).await.expect("the media server is known")
    }

    /// Goes there with what a join gave; what the media server says to it.
    pub(crate) async fn connect(&self, joined: &JoinConvoConferenceResponse) -> (Socket, Value) {
        let info = joined.connection_info.clone().unwrap();
        let line = format!("{}:{}/{}", info.host, info.port, info.conference_id);
        self.connect_to(&line, joined).await
    }

    /// The same, naming the conference in this way.
    pub(crate) async fn connect_to(
        &self,
        group: &str,
        joined: &JoinConvoConferenceResponse,
    ) -> (Socket, Value) {
        let token = joined.connection_token.clone().unwrap().payload;
        let token = String::from_utf8(token).unwrap();
        self.enter(json!({"type": "join", "kind": "join", "group": group, "token": token})).await
    }

    /// Says this to the media server.
    pub(crate) async fn enter(&self, join: Value) -> (Socket, Value) {
        let mut socket = self.plane.as_ref().unwrap().socket().await;
        // Each connection has an id of its own, as those of clients have.
        let id = id_of(&socket);
        say(&mut socket, json!({"type": "handshake", "version": ["2"], "id": id})).await;
        say(&mut socket, join).await;
        let answer = hear(&mut socket, |message| message["type"] == "joined").await;
        (socket, answer)
    }
}

/// The id that a client has in these tests.
pub(crate) fn id_of(socket: &Socket) -> String {
    match socket.get_ref() {
        tokio_tungstenite::MaybeTlsStream::Plain(tcp) => {
            format!("c{}", tcp.local_addr().unwrap().port())
        }
        other => panic!("{other:?} in a test without TLS"),
    }
}

/// Until somebody sees this list.
pub(crate) async fn until(who: &Client, wanted: &[(String, State)]) {
    let asking = async {
        loop {
            if let Ok(lists) = who.query(&[GROUP]).await
                && people(&lists[0]) == wanted
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("the list becomes so");
}

/// Where a process with this port is.
pub(crate) fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
