//! What a network does, as text that people write: TOML or JSON.
//!
//! Owns the types, their defaults and what is refused. Refuses to know how it
//! is done.

use crate::share::Share;
use crate::window::{Moment, WINDOWS_MAX, Window};
use parlour_base::{ByteSize, Span};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Longest delay, jitter, or holding back.
const DELAY_MAX: Duration = Duration::from_secs(60);

/// Largest queue of a path, and buffer of a stream.
const QUEUE_BYTES_MAX: u64 = 64 << 20;

/// Longest text of a profile that is read, in bytes.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

impl Way {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::Up, Self::Down];
}

/// A network between a client and a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// What datagrams to the server meet.
    pub up: Path,
    /// What datagrams to the client meet.
    pub down: Path,
    /// When no datagram gets through either way.
    pub blackouts: Vec<Window>,
    /// When the client's datagrams begin to come from another port, as behind
    /// a translating router that forgot it.
    pub rebinds: Vec<Moment>,
    /// What streams meet. It is apart from the above: loss on the way shows in
    /// a stream as waiting, and how long depends on its ends.
    pub tcp: Tcp,
}

/// Both directions of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tcp {
    /// To the server.
    pub up: Course,
    /// To the client.
    pub down: Course,
}

/// One direction for datagrams. A datagram meets, in this order: size, blackout,
/// loss, bursts, duplication, the queue of the bottleneck, delay and jitter,
/// holding back, corruption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Path {
    /// Largest datagram that gets through, in bytes; 0 means no limit.
    pub size_max: u32,
    /// Datagrams that are lost, each by itself.
    pub loss: Share,
    /// Times in which many are lost.
    pub burst: Burst,
    /// How long each takes at least.
    pub delay: Span,
    /// Up to so much longer, equally likely.
    pub jitter: Span,
    /// Whether jitter leaves the order as it was.
    pub keep_order: bool,
    /// Datagrams that are held back, so that later ones overtake them.
    pub reorder: Share,
    /// For how long.
    pub reorder_by: Span,
    /// Datagrams that come twice.
    pub duplicate: Share,
    /// Datagrams with one bit turned over.
    pub corrupt: Share,
    /// Bits of payload per second; 0 means no limit.
    pub rate_bps: u64,
    /// Bytes that may wait for the bottleneck; what comes then is lost.
    pub queue_bytes: ByteSize,
    /// Time that a datagram may wait for the bottleneck, its own sending
    /// included; one that would wait longer is lost.
    pub queue: Span,
}

/// A path that is good or bad, and changes its mind with every datagram
/// (Gilbert and Elliott's model). Bad times last `1 / leave` datagrams in the
/// mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Burst {
    /// How likely a good path turns bad.
    pub enter: Share,
    /// How likely a bad path turns good.
    pub leave: Share,
    /// Datagrams lost while it is bad.
    pub loss: Share,
}

/// One direction of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Course {
    /// How long each byte takes at least.
    pub delay: Span,
    /// Bits per second; 0 means no limit.
    pub rate_bps: u64,
    /// Bytes on the way; while there are so many, nothing more is taken.
    pub buffer: ByteSize,
    /// The stream is cut into pieces of 1 to so many bytes; 0 leaves it as it
    /// comes.
    pub piece_max: u32,
    /// When nothing arrives; what was on the way arrives afterwards.
    pub stalls: Vec<Window>,
    /// After so many bytes this direction ends, and the other goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half_close_after: Option<ByteSize>,
    /// After so many bytes the connection is reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_after: Option<ByteSize>,
}

impl Default for Path {
    fn default() -> Self {
        Self {
            size_max: 0,
            loss: Share::NONE,
            burst: Burst::default(),
            delay: Span::millis(0),
            jitter: Span::millis(0),
            keep_order: true,
            reorder: Share::NONE,
            reorder_by: Span::millis(30),
            duplicate: Share::NONE,
            corrupt: Share::NONE,
            rate_bps: 0,
            queue_bytes: ByteSize::kib(256),
            queue: Span::millis(500),
        }
    }
}

impl Default for Burst {
    fn default() -> Self {
        Self { enter: Share::NONE, leave: Share::percent(25), loss: Share::ALL }
    }
}

impl Default for Course {
    fn default() -> Self {
        Self {
            delay: Span::millis(0),
            rate_bps: 0,
            buffer: ByteSize::kib(256),
            piece_max: 0,
            stalls: Vec::new(),
            half_close_after: None,
            reset_after: None,
        }
    }
}

/// Why a text or a value is no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// More than 64 KiB of text.
    #[error("longer than 64 KiB")]
    Long,
    /// Neither TOML nor JSON, or with unknown keys.
    #[error("{0}")]
    Text(String),
    /// A delay, jitter or holding back of more than a minute.
    #[error("{0} is longer than a minute")]
    Delay(&'static str),
    /// A queue or buffer that is empty or larger than 64 MiB.
    #[error("{0} is not between 1B and 64MiB")]
    Queue(&'static str),
    /// More windows or moments than [`WINDOWS_MAX`].
    #[error("more than 64 {0}")]
    Many(&'static str),
    /// A repeated window that never ends, or a moment repeated without pause.
    #[error("{0} that leave no time between them")]
    Endless(&'static str),
}

impl Profile {
    /// The same for both directions of datagrams.
    #[must_use]
    pub fn both_ways(path: &Path) -> Self {
        Self { up: path.clone(), down: path.clone(), ..Self::default() }
    }

    /// Reads JSON if it begins with a brace, else TOML.
    ///
    /// # Errors
    /// Why it is no profile.
    pub fn read(text: &str) -> Result<Self, ProfileError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ProfileError::Long);
        }
        let profile: Self = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| ProfileError::Text(error.to_string()))?
        } else {
            toml::from_str(text).map_err(|error| ProfileError::Text(error.to_string()))?
        };
        profile.check()?;
        Ok(profile)
    }

    /// As TOML.
    ///
    /// # Panics
    /// Never: every value has a form in TOML.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("numbers, texts and tables")
    }

    /// What is true of every profile that was read. Machines take others too,
    /// and do with them what their numbers say.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), ProfileError> {
        for path in [&self.up, &self.down] {
            path.check()?;
        }
        for course in [&self.tcp.up, &self.tcp.down] {
            course.check()?;
        }
        windows("blackouts", &self.blackouts)?;
        let endless = |moment: &Moment| moment.every.is_some_and(|every| every.0.is_zero());
        if self.rebinds.len() > WINDOWS_MAX {
            return Err(ProfileError::Many("rebinds"));
        }
        if self.rebinds.iter().any(endless) {
            return Err(ProfileError::Endless("rebinds"));
        }
        Ok(())
    }

    /// One direction for datagrams.
    #[must_use]
    pub const fn path(&self, way: Way) -> &Path {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }

    /// One direction of a stream.
    #[must_use]
    pub const fn course(&self, way: Way) -> &Course {
        match way {
            Way::Up => &self.tcp.up,
            Way::Down => &self.tcp.down,
        }
    }
}

impl Path {
    pub(crate) fn is_too_large(&self, length: usize) -> bool {
        self.size_max > 0 && u32::try_from(length).is_ok_and(|length| length > self.size_max)
    }

    fn check(&self) -> Result<(), ProfileError> {
        delay("delay", self.delay)?;
        delay("jitter", self.jitter)?;
        delay("reorder_by", self.reorder_by)?;
        delay("queue", self.queue)?;
        queue("queue_bytes", self.queue_bytes)
    }
}

impl Course {
    fn check(&self) -> Result<(), ProfileError> {
        delay("delay", self.delay)?;
        queue("buffer", self.buffer)?;
        windows("stalls", &self.stalls)
    }
}

fn delay(name: &'static str, span: Span) -> Result<(), ProfileError> {
    if span.0 > DELAY_MAX { Err(ProfileError::Delay(name)) } else { Ok(()) }
}

const fn queue(name: &'static str, size: ByteSize) -> Result<(), ProfileError> {
    if size.0 == 0 || size.0 > QUEUE_BYTES_MAX { Err(ProfileError::Queue(name)) } else { Ok(()) }
}

fn windows(name: &'static str, all: &[Window]) -> Result<(), ProfileError> {
    if all.len() > WINDOWS_MAX {
        return Err(ProfileError::Many(name));
    }
    if all.iter().all(Window::leaves_time) { Ok(()) } else { Err(ProfileError::Endless(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_say_the_same() {
        let toml = "rebinds = [{ at = \"10s\" }]\n[up]\nloss = 0.05\njitter = \"40ms\"\n\
                    [down.burst]\nenter = 0.01\n[tcp.up]\npiece_max = 1\n\
                    stalls = [{ at = \"1s\", for = \"2s\", every = \"5s\" }]\n";
        let json = r#"{"rebinds": [{"at": "10s"}], "up": {"loss": 0.05, "jitter": "40ms"},
            "down": {"burst": {"enter": 0.01}}, "tcp": {"up": {"piece_max": 1,
            "stalls": [{"at": "1s", "for": "2s", "every": "5s"}]}}}"#;
        let profile = Profile::read(toml).expect("a profile");
        assert_eq!(profile, Profile::read(json).expect("a profile"));
        assert_eq!(profile.up.loss, Share::percent(5));
        assert_eq!(Profile::read(&profile.to_toml()).expect("its own text"), profile);
    }

    #[test]
    fn nothing_said_is_a_clean_network() {
        assert_eq!(Profile::read("").expect("fits"), Profile::default());
        assert_eq!(Profile::read("{}").expect("fits"), Profile::default());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refused = |text: &str| Profile::read(text).expect_err(text);
        assert!(matches!(refused("[up]\nlos = 0.1"), ProfileError::Text(_)));
        assert!(matches!(refused("[up]\nloss = 5"), ProfileError::Text(_)));
        assert_eq!(refused("[down]\ndelay = \"2m\""), ProfileError::Delay("delay"));
        assert_eq!(refused("[up]\nqueue_bytes = \"0B\""), ProfileError::Queue("queue_bytes"));
        assert_eq!(refused("[tcp.up]\nbuffer = \"1GiB\""), ProfileError::Queue("buffer"));
        let endless = "blackouts = [{ at = \"1s\", for = \"2s\", every = \"2s\" }]";
        assert_eq!(refused(endless), ProfileError::Endless("blackouts"));
        let endless = "rebinds = [{ at = \"1s\", every = \"0s\" }]";
        assert_eq!(refused(endless), ProfileError::Endless("rebinds"));
        let many = "{ at = \"1s\", for = \"1s\" },".repeat(65);
        assert_eq!(refused(&format!("blackouts = [{many}]")), ProfileError::Many("blackouts"));
        assert_eq!(refused(&"#".repeat(70_000)), ProfileError::Long);
    }
}
