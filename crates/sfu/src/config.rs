//! Limits and times of a media worker, with their defaults.
//!
//! Every queue and collection of the worker takes its bound from here or from
//! a named constant beside it.

use parlour_base::{ByteSize, Span};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Limits and times of a media worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long the packets of a frame may wait for its last one, so that they
    /// leave together. `"0ms"` sends every packet at once.
    pub frame_hold: Span,
    /// Without a valid ICE check for this long, nothing is sent to a peer any
    /// more (RFC 7675 asks for 30 s).
    pub consent: Span,
    /// A check from a new address that does not nominate it moves the path
    /// only if the old one has been silent for this long.
    pub path_silence: Span,
    /// An address that passed a check for one peer this recently is not given
    /// to another: who can forge addresses could cut others off.
    pub address_guard: Span,
    /// How long a DTLS handshake may take.
    pub handshake: Span,
    /// Most bytes of DTLS taken from one peer before its handshake is done.
    pub handshake_bytes: ByteSize,
    /// How long the last flight of a handshake is repeated for a peer that has
    /// not shown its keys yet (RFC 6347 asks for twice the longest time that a
    /// datagram may live, 240 s).
    pub last_flight: Span,
    /// A peer that seems to have said goodbye, which anyone could have sent,
    /// is gone when no valid ICE check comes for this long.
    pub parting: Span,
    /// Most handshakes that may be under way at once; further ones wait for
    /// the browser to repeat itself.
    pub handshakes: u32,
    /// Handshakes begun per second; a join storm beyond it is spread out by the
    /// browsers' own repeats, so that media goes on.
    pub handshake_rate: u32,
    /// Handshakes that may begin at once.
    pub handshake_burst: u32,
    /// Most peers of one worker.
    pub peers: u32,
    /// Most synchronisation sources accepted from one peer.
    pub sources_per_peer: u32,
    /// Packets kept per video layer for resending.
    pub video_ring: u32,
    /// Packets kept per audio track.
    pub audio_ring: u32,
    /// Time between two requests for a key frame on one track.
    pub keyframe_spacing: Span,
    /// Largest cached group of pictures that is replayed to a new receiver, in
    /// packets; larger ones make it ask for a key frame. `0` never replays.
    pub replay_packets: u32,
    /// Oldest key frame that is replayed to a new receiver.
    pub replay_age: Span,
    /// How long the notice of live tracks waits for the slower ones.
    pub live_wait: Span,
    /// First receiver report after the first packet of a source.
    pub first_report: Span,
    /// Time between receiver reports to a publisher.
    pub receiver_reports: Span,
    /// Time between sender reports to a subscriber.
    pub sender_reports: Span,
    /// Time between transport-wide feedback messages to a publisher.
    pub transport_feedback: Span,
    /// How long a gap may stay open before its packets are asked for.
    pub nack_delay: Span,
    /// How often one missing packet is asked for.
    pub nack_tries: u8,
    /// Share of a stream's bytes that may be spent on resends, in percent.
    pub resend_percent: u8,
    /// Resends that are allowed at any time, beyond the share.
    pub resend_burst: ByteSize,
    /// A simulcast layer without packets for this long counts as paused.
    pub layer_pause: Span,
    /// Rate told to publishers that negotiated no transport-wide feedback, in
    /// bits per second.
    pub remb_bits: u32,
    /// Most bytes waiting to be fetched with `poll`.
    pub outbox: ByteSize,
    /// Most addresses of other workers' peers that are remembered.
    pub foreign_addresses: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            frame_hold: Span::millis(1),
            consent: Span::secs(30),
            path_silence: Span::secs(2),
            address_guard: Span::secs(6),
            handshake: Span::secs(30),
            handshake_bytes: ByteSize::kib(64),
            last_flight: Span::secs(240),
            parting: Span::secs(10),
            handshakes: 4_096,
            handshake_rate: 1_200,
            handshake_burst: 48,
            peers: 65_536,
            sources_per_peer: 64,
            video_ring: 512,
            audio_ring: 64,
            keyframe_spacing: Span::millis(500),
            replay_packets: 160,
            replay_age: Span::secs(4),
            live_wait: Span::millis(500),
            first_report: Span::millis(150),
            receiver_reports: Span::secs(1),
            sender_reports: Span::millis(900),
            transport_feedback: Span::millis(80),
            nack_delay: Span::millis(10),
            nack_tries: 10,
            resend_percent: 15,
            resend_burst: ByteSize::kib(48),
            layer_pause: Span::secs(1),
            remb_bits: 2_500_000,
            outbox: ByteSize::mib(16),
            foreign_addresses: 65_536,
        }
    }
}

/// Hard tops and floors that no configuration passes.
const RING_MIN: u32 = 16;
const RING_MAX: u32 = 4_096;
const SOURCES_MAX: u32 = 1_024;
const OUTBOX_MIN: u64 = 1 << 20;

impl Config {
    /// The same limits, forced into the range in which the worker is sound.
    #[must_use]
    pub fn clamped(mut self) -> Self {
        self.video_ring = self.video_ring.clamp(RING_MIN, RING_MAX);
        self.audio_ring = self.audio_ring.clamp(RING_MIN, RING_MAX);
        self.sources_per_peer = self.sources_per_peer.clamp(1, SOURCES_MAX);
        self.handshake_rate = self.handshake_rate.max(1);
        self.replay_packets = self.replay_packets.min(self.video_ring / 2);
        self.resend_percent = self.resend_percent.min(100);
        self.outbox = self.outbox.max(ByteSize(OUTBOX_MIN));
        for span in [
            &mut self.keyframe_spacing,
            &mut self.receiver_reports,
            &mut self.sender_reports,
            &mut self.transport_feedback,
        ] {
            *span = (*span).max(Span(Duration::from_millis(10)));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_the_default_and_unknown_keys_are_errors() {
        let read = |text| serde_json::from_str::<Config>(text);
        let config = read(r#"{"frame_hold": "0ms", "outbox": "2MiB"}"#).expect("known keys");
        let expected =
            Config { frame_hold: Span::millis(0), outbox: ByteSize::mib(2), ..Config::default() };
        assert_eq!(config, expected);
        assert!(read(r#"{"frame_held": "1ms"}"#).is_err());
    }

    #[test]
    fn extreme_settings_are_brought_into_range() {
        let wild = Config {
            video_ring: 0,
            audio_ring: u32::MAX,
            sources_per_peer: 0,
            replay_packets: 9_999,
            sender_reports: Span::millis(0),
            ..Config::default()
        };
        let tame = wild.clamped();
        assert_eq!((tame.video_ring, tame.audio_ring), (16, 4_096));
        assert_eq!((tame.sources_per_peer, tame.replay_packets), (1, 8));
        assert_eq!(tame.sender_reports, Span::millis(10));
        assert_eq!(Config::default().clamped(), Config::default());
    }
}
