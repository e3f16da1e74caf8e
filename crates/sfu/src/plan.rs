//! What the control side and a media worker tell each other.
//!
//! The control side (a node shard) decides who publishes and who receives; the
//! worker carries packets. Commands go down a bounded queue, notices come back
//! on another. Nothing here is about rooms or members: a peer is one WebRTC
//! transport, an up peer receives from a publisher, a down peer sends what one
//! up peer publishes.

use parlour_base::Secret;

/// One WebRTC transport, named by the control side; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

/// Which media worker owns a peer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerIndex(pub u8);

/// ICE user fragment and password of one side.
#[derive(Debug, Clone)]
pub struct IceCredentials {
    /// The user fragment. Ours begins with the index of the worker, so that
    /// any worker can tell whose check it received.
    pub ufrag: String,
    /// The password, key of the MESSAGE-INTEGRITY.
    pub pwd: Secret<String>,
}

/// SHA-256 of a DTLS certificate (RFC 8122).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// What the browser's description says about its transport.
#[derive(Debug, Clone)]
pub struct RemoteTransport {
    /// Its ICE credentials.
    pub ice: IceCredentials,
    /// The certificate that its DTLS handshake must show.
    pub fingerprint: Fingerprint,
}

/// Sound or picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// A codec that passes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CodecName {
    /// AV1, 90 kHz.
    Av1,
    /// G.722, 8 kHz clock.
    G722,
    /// H.264, 90 kHz.
    H264,
    /// Opus, 48 kHz, two channels.
    Opus,
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
    /// VP8, 90 kHz.
    Vp8,
    /// VP9, 90 kHz.
    Vp9,
}

/// A codec with the parameters it was negotiated with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// Which one.
    pub name: CodecName,
    /// The value of `a=fmtp`, empty if none, to be repeated to subscribers.
    pub fmtp: String,
}

/// A payload type as a publisher numbers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpCodec {
    /// The publisher's payload type.
    pub payload_type: u8,
    /// The payload type of its retransmissions (RFC 4588), if negotiated.
    pub rtx_payload_type: Option<u8>,
    /// The codec.
    pub codec: Codec,
}

/// Header extension ids in use in one section (1 to 255); `None` = not used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtensionIds {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid`
    pub mid: Option<u8>,
    /// `urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`
    pub rid: Option<u8>,
    /// `urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id`
    pub repaired_rid: Option<u8>,
    /// transport-wide congestion control sequence number
    pub transport_cc: Option<u8>,
    /// `urn:ietf:params:rtp-hdrext:ssrc-audio-level`
    pub audio_level: Option<u8>,
    /// `abs-send-time`
    pub abs_send_time: Option<u8>,
    /// `urn:3gpp:video-orientation`, forwarded to subscribers
    pub video_orientation: Option<u8>,
    /// AV1 dependency descriptor, forwarded to subscribers
    pub dependency_descriptor: Option<u8>,
}

/// One m-section of a publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpSection {
    /// Its `a=mid`.
    pub mid: String,
    /// Sound or picture.
    pub kind: Kind,
    /// The accepted codecs, in the publisher's order; empty = refused section.
    pub codecs: Vec<UpCodec>,
    /// Its header extensions.
    pub extensions: ExtensionIds,
    /// Announced sources: (media SSRC, its retransmission SSRC). Often empty.
    pub ssrcs: Vec<(u32, Option<u32>)>,
    /// Simulcast layer names, best first; empty without simulcast.
    pub rids: Vec<String>,
    /// Whether the publisher sends here (false: inactive or refused).
    pub active: bool,
    /// `a=msid` of the publisher: stream id and track id.
    pub msid: Option<(String, String)>,
}

/// One m-section towards a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownSection {
    /// Our `a=mid`: `0`, `1`, … in the order of the sections.
    pub mid: String,
    /// Sound or picture.
    pub kind: Kind,
    /// The publisher's section that feeds this one.
    pub source_mid: String,
    /// The one codec offered: what the publisher sends.
    pub codec: Codec,
    /// Our payload type for it.
    pub payload_type: u8,
    /// Our payload type for retransmissions, video only.
    pub rtx_payload_type: Option<u8>,
    /// Our SSRC.
    pub ssrc: u32,
    /// Our SSRC for retransmissions.
    pub rtx_ssrc: Option<u32>,
    /// Stream id and track id told to the subscriber.
    pub msid: (String, String),
    /// False: the section stays as inactive, its track was taken away.
    pub active: bool,
    /// Forward the last simulcast layer instead of the first.
    pub low: bool,
}

/// What the control side orders.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Command {
    /// A publisher's transport begins, or is renegotiated if it exists. New
    /// `local` credentials mean an ICE restart: the old ones stay valid until
    /// a check with the new ones has been answered.
    Up {
        /// The transport.
        peer: PeerId,
        /// Our credentials.
        local: IceCredentials,
        /// The publisher's.
        remote: RemoteTransport,
        /// All sections, in order.
        sections: Vec<UpSection>,
    },
    /// A subscriber's transport begins or changes; its answer is still to come.
    Down {
        /// The transport.
        peer: PeerId,
        /// The up peer that feeds it.
        source: PeerId,
        /// Our credentials; new ones mean an ICE restart.
        local: IceCredentials,
        /// All sections, in order.
        sections: Vec<DownSection>,
    },
    /// The subscriber's answer to the last [`Command::Down`].
    Answered {
        /// The transport.
        peer: PeerId,
        /// The subscriber's side.
        remote: RemoteTransport,
        /// The mids that the subscriber accepted.
        accepted: Vec<String>,
    },
    /// The transport ends; its packets are no longer looked at.
    Close(PeerId),
}

/// A track that has shown its first packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveTrack {
    /// The publisher's section.
    pub mid: String,
    /// The payload type it sends, which names the codec.
    pub payload_type: u8,
}

/// Why a transport ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// No valid ICE check for the consent time (RFC 7675). A new offer with an
    /// ICE restart may revive it; the worker keeps the peer until closed.
    Consent,
    /// The certificate was not the one that the description promised.
    Fingerprint,
    /// The DTLS handshake failed or never ended.
    Handshake,
    /// The other side closed its DTLS association: something that looks like
    /// its goodbye came, and nothing after it.
    Closed,
    /// It never began: the worker has as many transports as it may have.
    Full,
}

/// What a worker reports.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// ICE and DTLS are up.
    Connected(PeerId),
    /// A publisher's tracks: sent when every active section has shown RTP, or
    /// a bounded wait after the first did, and again when one joins later.
    Live {
        /// The publisher's transport.
        peer: PeerId,
        /// All live tracks, in section order.
        tracks: Vec<LiveTrack>,
    },
    /// The transport is gone.
    Lost(PeerId, Loss),
}
