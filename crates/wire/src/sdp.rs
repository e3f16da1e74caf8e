//! Session descriptions (RFC 8866) as far as a media server uses them.
//!
//! Owns the limits that apply before anything is parsed, the small
//! [`Description`], its reader and its writer. The grammar of the attribute
//! lines is `webrtc-sdp`'s; only lines that are used reach it, one at a time.
//! Refuses to know what a description means: who offers, what is accepted and
//! what a transport is.

mod attribute;
mod limit;
mod read;
mod section;
mod write;

#[cfg(test)]
mod tests;

pub use limit::{
    CANDIDATES_MAX, CODECS_MAX, EXTENSIONS_MAX, LINE_BYTES_MAX, ParseError, RIDS_MAX, SOURCES_MAX,
    TOKEN_BYTES_MAX,
};
pub use read::parse;

use parlour_base::Secret;
use std::net::SocketAddr;

/// A session description.
///
/// What may stand at both levels (ICE, fingerprint, setup, direction) is kept
/// in the sections only: the reader copies it down, the writer repeats it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// The number of the session in `o=`.
    pub session: u64,
    /// The version of the description in `o=`.
    pub version: u64,
    /// `a=ice-lite`
    pub ice_lite: bool,
    /// `a=extmap-allow-mixed` at session level.
    pub allow_mixed: bool,
    /// The mids of the first `a=group:BUNDLE`; `None` without one.
    pub bundle: Option<Vec<String>>,
    /// The sections, in order.
    pub sections: Vec<Section>,
}

/// What an `m=` line is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// Sound.
    Audio,
    /// Picture.
    Video,
    /// A data channel.
    Application,
    /// Anything else, by its name.
    Other(String),
}

/// Which way media flows, seen from who wrote the description.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    /// Both ways; what a section without direction means.
    #[default]
    SendRecv,
    /// Out only.
    SendOnly,
    /// In only.
    RecvOnly,
    /// Not at all.
    Inactive,
}

/// Who begins the DTLS handshake (RFC 4145 §4, RFC 8842).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// Whoever wrote this.
    Active,
    /// The other side.
    Passive,
    /// The other side decides.
    ActPass,
    /// Nobody, for now.
    HoldConn,
}

/// ICE user fragment and password.
#[derive(Debug, Clone)]
pub struct Ice {
    /// `a=ice-ufrag`
    pub ufrag: String,
    /// `a=ice-pwd`
    pub pwd: Secret<String>,
}

impl PartialEq for Ice {
    fn eq(&self, other: &Self) -> bool {
        self.ufrag == other.ufrag && self.pwd.matches(other.pwd.expose())
    }
}

impl Eq for Ice {}

/// One `m=` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What it is about.
    pub media: Media,
    /// The port; 0 = refused, unless the section is bundle-only.
    pub port: u16,
    /// The transport protocol, as in `UDP/TLS/RTP/SAVPF`.
    pub protocol: String,
    /// The formats of the `m=` line; payload types for audio and video.
    pub formats: Vec<String>,
    /// `a=mid`
    pub mid: Option<String>,
    /// `a=bundle-only`
    pub bundle_only: bool,
    /// Direction.
    pub direction: Direction,
    /// ICE credentials, if both parts are there.
    pub ice: Option<Ice>,
    /// The first SHA-256 `a=fingerprint`.
    pub fingerprint: Option<[u8; 32]>,
    /// `a=setup`
    pub setup: Option<Setup>,
    /// `a=rtcp-mux`
    pub rtcp_mux: bool,
    /// `a=rtcp-rsize`
    pub rtcp_rsize: bool,
    /// `a=extmap-allow-mixed` in this section.
    pub allow_mixed: bool,
    /// The formats with a codec, in the order of the `m=` line.
    pub codecs: Vec<Codec>,
    /// `a=extmap`, ids 1 to 255.
    pub extensions: Vec<Extension>,
    /// The first `a=msid`.
    pub msid: Option<Msid>,
    /// `a=ssrc`, in order of first mention.
    pub sources: Vec<Source>,
    /// `a=ssrc-group:FID` of two: media, retransmissions.
    pub repairs: Vec<(u32, u32)>,
    /// `a=rid`
    pub rids: Vec<Rid>,
    /// `a=simulcast`
    pub simulcast: Option<Simulcast>,
    /// Host candidates on UDP with a literal address; others are skipped.
    pub candidates: Vec<SocketAddr>,
    /// `a=end-of-candidates`
    pub end_of_candidates: bool,
}

impl Section {
    /// An empty section for media over SRTP.
    #[must_use]
    pub fn new(media: Media) -> Self {
        Self {
            media,
            port: 9,
            protocol: "UDP/TLS/RTP/SAVPF".to_owned(),
            formats: Vec::new(),
            mid: None,
            bundle_only: false,
            direction: Direction::default(),
            ice: None,
            fingerprint: None,
            setup: None,
            rtcp_mux: false,
            rtcp_rsize: false,
            allow_mixed: false,
            codecs: Vec::new(),
            extensions: Vec::new(),
            msid: None,
            sources: Vec::new(),
            repairs: Vec::new(),
            rids: Vec::new(),
            simulcast: None,
            candidates: Vec::new(),
            end_of_candidates: false,
        }
    }
}

/// A payload type and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The encoding name as written.
    pub name: String,
    /// Clock rate in Hz.
    pub clock: u32,
    /// Channels, if named.
    pub channels: Option<u32>,
    /// `a=rtcp-fb` of the kinds we know.
    pub feedback: Vec<Feedback>,
    /// The value of `a=fmtp`; empty without.
    pub fmtp: String,
}

impl Codec {
    /// The value of the `a=fmtp` parameter `name`, names compared without
    /// case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        parameter(&self.fmtp, name)
    }
}

/// The value of the parameter `name` in the value of an `a=fmtp`.
#[must_use]
pub fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A kind of RTCP feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feedback {
    /// `nack`
    Nack,
    /// `nack pli`
    NackPli,
    /// `ccm fir`
    CcmFir,
    /// `goog-remb`
    GoogRemb,
    /// `transport-cc`
    TransportCc,
}

/// A header extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its id.
    pub id: u8,
    /// Its direction, if named.
    pub direction: Option<Direction>,
    /// What it is.
    pub uri: String,
}

/// Stream and track of a section (RFC 8830).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Msid {
    /// The stream; `-` for none.
    pub stream: String,
    /// The track, if named.
    pub track: Option<String>,
}

/// A source named by `a=ssrc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The SSRC.
    pub ssrc: u32,
    /// Its `cname`.
    pub cname: Option<String>,
    /// Its `msid`.
    pub msid: Option<Msid>,
}

/// A restriction identifier (RFC 8851), its restrictions left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rid {
    /// The identifier.
    pub id: String,
    /// Whether who wrote this sends it; otherwise receives.
    pub send: bool,
}

/// Simulcast layers (RFC 8853), the first alternative of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simulcast {
    /// Layers that whoever wrote this sends.
    pub send: Vec<String>,
    /// Layers that whoever wrote this receives.
    pub recv: Vec<String>,
}
