//! The clients' WebSockets, on one thread of their own.
//!
//! A task per client writes what it is given and hands on what it hears; pings
//! are answered here. Refuses to know media.

use anyhow::{Context as _, Result, anyhow, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use parlour_wire::galene::{
    ClientMessage, Envelope, Join, JoinedKind, Offer, RequestTable, ServerMessage, VERSION, Wish,
};
use std::collections::BTreeMap;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Message;

/// Messages that may wait for the generator; beyond, the clients stop reading.
const EVENTS_MAX: usize = 1 << 16;

/// Messages that may wait for one client's socket; the generator sends a few
/// per stream.
const WORDS_MAX: usize = 4_096;

/// How long a join may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// What a client heard that matters to its media.
#[derive(Debug)]
pub enum Heard {
    /// The group let it in.
    Joined,
    /// A stream is offered.
    Offer {
        /// The stream.
        id: String,
        /// The publisher's client id.
        source: String,
        /// The description.
        sdp: String,
    },
    /// Its own stream is accepted.
    Answer {
        /// The stream.
        id: String,
        /// The description.
        sdp: String,
    },
    /// The server has a candidate that was in no description.
    Candidate {
        /// The stream.
        id: String,
        /// The candidate.
        candidate: String,
    },
    /// The server refused something or went away.
    Trouble(String),
}

/// The id of client number `index`.
#[must_use]
pub fn client_id(index: usize) -> String {
    format!("bec4{index:028x}")
}

/// Connects a client and makes it known.
pub(crate) async fn open(url: &str, id: &str) -> Result<Socket> {
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
    let version = Some(vec![VERSION.to_owned()]);
    say(&mut socket, ClientMessage::Handshake { version, id: id.to_owned() }).await?;
    match hear(&mut socket).await? {
        ServerMessage::Handshake => Ok(socket),
        other => bail!("instead of a handshake came {other:?}"),
    }
}

/// Connects a client and lets it join.
pub(crate) async fn enter(url: &str, id: &str, group: &str) -> Result<Socket> {
    let mut socket = open(url, id).await?;
    let join = Join {
        kind: "join".to_owned(),
        group: group.to_owned(),
        username: Some(id.to_owned()),
        ..Join::default()
    };
    say(&mut socket, ClientMessage::Join(join)).await?;
    loop {
        match hear(&mut socket).await? {
            ServerMessage::Joined { kind: JoinedKind::Join, .. } => return Ok(socket),
            ServerMessage::Joined { kind: JoinedKind::Fail, value, .. } => {
                bail!("the join failed: {}", value.unwrap_or_default())
            }
            _ => {}
        }
    }
}

pub(crate) async fn say(socket: &mut Socket, message: ClientMessage) -> Result<()> {
    let text = Envelope::from(message).to_text();
    Ok(socket.send(Message::Text(text.into())).await?)
}

pub(crate) async fn hear(socket: &mut Socket) -> Result<ServerMessage> {
    loop {
        let next = tokio::time::timeout(PATIENCE, socket.next()).await;
        let next = next.context("the server says nothing")?;
        match next.context("the server closed the connection")?? {
            Message::Text(text) => match ServerMessage::parse(text.as_str())? {
                ServerMessage::Ping => say(socket, ClientMessage::Pong).await?,
                message => return Ok(message),
            },
            Message::Close(frame) => bail!("the server closed the connection: {frame:?}"),
            _ => {}
        }
    }
}

/// All clients of a run.
#[derive(Debug)]
pub struct Signalling {
    words: Vec<mpsc::Sender<ClientMessage>>,
    heard: flume::Receiver<(usize, Heard)>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Signalling {
    /// Connects `count` clients and lets them join.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(url: &str, group: &str, count: usize) -> Result<Self> {
        let (events, heard) = flume::bounded(EVENTS_MAX);
        let (stop, stopped) = watch::channel(false);
        let (words, ears): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel(WORDS_MAX)).unzip();
        let (url, group) = (url.to_owned(), group.to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let run = async move {
            let mut tasks = tokio::task::JoinSet::new();
            for (index, ear) in ears.into_iter().enumerate() {
                let client = Client {
                    index,
                    url: url.clone(),
                    group: group.clone(),
                    ear,
                    events: events.clone(),
                    stopped: stopped.clone(),
                };
                tasks.spawn(client.live());
            }
            while tasks.join_next().await.is_some() {}
        };
        let thread = std::thread::Builder::new().name("signalling".to_owned());
        let thread = Some(thread.spawn(move || runtime.block_on(run))?);
        Ok(Self { words, heard, stop, thread })
    }

    /// Lets a client say something.
    ///
    /// # Errors
    /// If its connection has ended or takes nothing any more.
    pub fn say(&self, client: usize, message: ClientMessage) -> Result<()> {
        let words = self.words.get(client).context("no such client")?;
        words.try_send(message).map_err(|error| anyhow!("client {client}: {error}"))
    }

    /// The next thing that a client heard.
    #[must_use]
    pub fn next(&self) -> Option<(usize, Heard)> {
        self.heard.try_recv().ok()
    }

    /// Asks for every stream of the group, sound and full picture.
    ///
    /// # Errors
    /// As for [`say`](Self::say).
    pub fn request_all(&self, client: usize) -> Result<()> {
        let wishes = BTreeMap::from([(String::new(), Wish::EVERYTHING)]);
        self.say(client, ClientMessage::Request(RequestTable { wishes, legacy: false }))
    }

    /// Offers a stream.
    ///
    /// # Errors
    /// As for [`say`](Self::say).
    pub fn offer(&self, client: usize, id: &str, sdp: String) -> Result<()> {
        let (id, label) = (id.to_owned(), Some("camera".to_owned()));
        self.say(client, ClientMessage::Offer(Offer { id, label, sdp, ..Offer::default() }))
    }
}

impl Drop for Signalling {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

struct Client {
    index: usize,
    url: String,
    group: String,
    ear: mpsc::Receiver<ClientMessage>,
    events: flume::Sender<(usize, Heard)>,
    stopped: watch::Receiver<bool>,
}

impl Client {
    async fn live(mut self) {
        if let Err(error) = self.talk().await {
            self.tell(Heard::Trouble(format!("{error:#}"))).await;
        }
    }

    async fn tell(&self, heard: Heard) {
        // Nobody listens once the run is over.
        drop(self.events.send_async((self.index, heard)).await);
    }

    async fn talk(&mut self) -> Result<()> {
        let id = client_id(self.index);
        let mut socket = enter(&self.url, &id, &self.group).await?;
        self.tell(Heard::Joined).await;
        loop {
            // Each branch may be dropped: waiting for a frame keeps what has
            // been read of it, the queue keeps its messages.
            let frame = tokio::select! {
                _ = self.stopped.changed() => {
                    drop(tokio::time::timeout(Duration::from_secs(1), socket.close(None)).await);
                    return Ok(());
                }
                word = self.ear.recv() => {
                    match word {
                        Some(word) => say(&mut socket, word).await?,
                        None => return Ok(()),
                    }
                    continue;
                }
                frame = socket.next() => frame.context("the server closed the connection")??,
            };
            let Message::Text(text) = frame else { continue };
            match ServerMessage::parse(text.as_str())? {
                ServerMessage::Ping => say(&mut socket, ClientMessage::Pong).await?,
                message => {
                    if let Some(heard) = matters(message) {
                        self.tell(heard).await;
                    }
                }
            }
        }
    }
}

fn matters(message: ServerMessage) -> Option<Heard> {
    match message {
        ServerMessage::Offer { id, source, sdp, .. } => Some(Heard::Offer { id, source, sdp }),
        ServerMessage::Answer { id, sdp } => Some(Heard::Answer { id, sdp }),
        ServerMessage::Ice { id, candidate } => {
            Some(Heard::Candidate { id, candidate: candidate.candidate })
        }
        ServerMessage::Abort { id } => Some(Heard::Trouble(format!("stream {id} was refused"))),
        ServerMessage::Close { id } => Some(Heard::Trouble(format!("stream {id} was closed"))),
        ServerMessage::UserMessage { kind, value, .. } if kind == "error" || kind == "kicked" => {
            Some(Heard::Trouble(value.to_string()))
        }
        _ => None,
    }
}
