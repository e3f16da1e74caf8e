//! The limit: what it costs to seal and send the same packets and nothing else.
//!
//! A child process takes the schedule, the receivers' addresses and their keys
//! and sends with the fastest means known to us: AES-GCM from the shared
//! plaintext straight into the send buffer, and one call with UDP segmentation
//! per receiver and frame. It receives nothing, decides nothing, keeps nothing
//! for resends. Whatever a server needs more than this is its own.
//!
//! This file is what the two processes say to each other, and the parent's
//! half.

mod child;
mod sealer;

use crate::generator::Generator;
use crate::shape::{Kind, Media, Shape};
use anyhow::{Context as _, Result};
use parlour_sfu::srtp::Profile;
use serde::{Deserialize, Serialize};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

pub use child::run as run_child;

/// How far beyond the numbers that a server has used a source goes on.
const NUMBERS_AHEAD: u64 = 1_000;

/// How long the child sends without pause at the end.
const FLAT_OUT: Duration = Duration::from_secs(1);

/// What the child is to send.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// The schedules' shape.
    pub shape: Shape,
    /// What each publisher sends.
    pub media: Media,
    /// Seed of the schedules.
    pub seed: u64,
    /// How many publishers there are.
    pub publishers: usize,
    /// How long to keep to the schedule, in milliseconds.
    pub paced_ms: u64,
    /// How long to send without pause afterwards, in milliseconds.
    pub flat_ms: u64,
    /// To whom.
    pub receivers: Vec<Receiver>,
}

/// One receiver.
#[derive(Clone, Serialize, Deserialize)]
pub struct Receiver {
    /// Its socket.
    pub address: SocketAddr,
    /// Whose packets it gets.
    pub publisher: usize,
    /// Whether the cipher is AES-256 rather than AES-128.
    pub wide: bool,
    /// Master key.
    pub key: Vec<u8>,
    /// Master salt.
    pub salt: Vec<u8>,
    /// Its sources.
    pub sources: Vec<SourceOrder>,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("address", &self.address).finish_non_exhaustive()
    }
}

/// One source at a receiver.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SourceOrder {
    /// Sound or picture.
    pub kind: Kind,
    /// Its SSRC.
    pub ssrc: u32,
    /// Its payload type.
    pub payload_type: u8,
    /// The extended number of its next packet.
    pub next: u64,
    /// The RTP time to begin with.
    pub rtp_time: u32,
}

/// What the child did in one of its two parts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sent {
    /// Packets sent.
    pub packets: u64,
    /// CPU time for them, in microseconds.
    pub cpu_us: f64,
    /// Calls of the system.
    pub sends: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Packets by publisher, as every one of its receivers got them.
    pub by_publisher: Vec<u64>,
}

impl Sent {
    /// CPU time of a packet, in microseconds.
    #[must_use]
    pub fn us_per_packet(&self) -> f64 {
        self.cpu_us / self.packets.max(1) as f64
    }
}

/// What the limit costs.
#[derive(Debug, Clone)]
pub struct Limit {
    /// With the pauses of the schedule: caches go cold, sleeps are paid for.
    pub paced: Sent,
    /// Without a pause.
    pub flat: Sent,
    /// Part of the paced packets that did not arrive.
    pub loss: f64,
    /// Datagrams of the paced part that were not authentic.
    pub unauthenticated: u64,
}

/// The order to send to the receivers that a generator has; `None` if one of
/// them has no keys or negotiated no AES-GCM.
fn order(generator: &Generator, cast: &crate::generator::Cast, paced: Duration) -> Option<Order> {
    let receiver = |(peer, down): (&crate::peer::Peer, &crate::peer::Down)| {
        let exported = peer.server_keys()?;
        let wide = match exported.profile {
            Profile::AeadAes128Gcm => false,
            Profile::AeadAes256Gcm => true,
            Profile::Aes128CmHmacSha1 => return None,
        };
        let sources = down.sources.iter().map(|source| SourceOrder {
            kind: source.kind,
            ssrc: source.ssrc,
            payload_type: source.payload_type,
            next: source.highest + NUMBERS_AHEAD,
            rtp_time: source.rtp_time,
        });
        Some(Receiver {
            address: peer.local,
            publisher: down.publisher,
            wide,
            key: exported.server.key.clone(),
            salt: exported.server.salt.clone(),
            sources: sources.collect(),
        })
    };
    Some(Order {
        shape: cast.shape,
        media: cast.media,
        seed: cast.seed,
        publishers: cast.publishers,
        paced_ms: u64::try_from(paced.as_millis()).unwrap_or(u64::MAX),
        flat_ms: u64::try_from(FLAT_OUT.as_millis()).unwrap_or(u64::MAX),
        receivers: generator.receivers().map(receiver).collect::<Option<_>>()?,
    })
}

/// Lets a child of `program` send to the receivers of a generator, whose
/// publishers are silent, and goes on receiving.
///
/// # Errors
/// If the child fails.
pub fn measure(
    generator: &mut Generator,
    cast: &crate::generator::Cast,
    (program, words): (&Path, &[String]),
    paced: Duration,
) -> Result<Limit> {
    let order = order(generator, cast, paced).context("a receiver without AES-GCM keys")?;
    let mut child = Helper::start(program, words, &order)?;
    let before = generator.arrivals();
    let now = crate::clock::now_ns();
    generator.tally.begin(now, u64::MAX);
    // The child needs a moment to begin and tells when it is through.
    generator.run(paced + Duration::from_millis(400))?;
    let paced = child.hear()?;
    let after = generator.arrivals();
    let received = generator.tally.received;
    generator.run(FLAT_OUT)?;
    let flat: Sent = child.hear()?;
    let expected = generator
        .receivers()
        .map(|(_, down)| paced.by_publisher.get(down.publisher).copied().unwrap_or(0))
        .sum();
    Ok(Limit {
        loss: crate::tally::loss(expected, received),
        unauthenticated: (after.0 - before.0).saturating_sub(after.1 - before.1),
        paced,
        flat,
    })
}

/// The child process; ended when dropped.
struct Helper {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Helper {
    fn start(program: &Path, words: &[String], order: &Order) -> Result<Self> {
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let said = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut stdin = child.stdin.take().context("no standard input")?;
        let helper = Self { child, said };
        stdin.write_all(&serde_json::to_vec(order)?)?;
        Ok(helper)
    }

    fn hear(&mut self) -> Result<Sent> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        serde_json::from_str(&line).context("the sender of the limit failed")
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It ends by itself unless we gave up first.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
