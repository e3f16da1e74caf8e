//! What each fuzz target does with its input. The same bodies replay the kept
//! inputs of `testdata/fuzz` in the ordinary tests (crates/sim/tests/corpus.rs),
//! so this file uses nothing but the crates it feeds.

use parlour_base::{Entropy, Mono, Secret};
use parlour_sfu::negotiate::{self, UpOffer};
use parlour_sfu::plan::{
    CodecName, Command, Fingerprint, IceCredentials, PeerId, RemoteTransport, WorkerIndex,
};
use parlour_sfu::{Config, Identity, Input, Output, Worker};
use parlour_wire::galene::{self, Dialect, Envelope, GroupFile, ServerMessage, name, token};
use parlour_wire::{json, payload, rtcp, rtp, sdp};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A target: its name and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("galene_client", galene_client),
    ("galene_group", galene_group),
    ("galene_server", galene_server),
    ("galene_token", galene_token),
    ("json_text", json_text),
    ("payload_view", payload_view),
    ("rtcp_packets", rtcp_packets),
    ("rtp_header", rtp_header),
    ("sdp_answer", sdp_answer),
    ("sdp_offer", sdp_offer),
    ("worker_datagrams", worker_datagrams),
];

fn json_text(bytes: &[u8]) {
    let Ok(value) = json::parse_bytes(bytes) else { return };
    let again = json::parse(&value.to_string()).expect("what was read can be written and read");
    assert_eq!(value, again);
}

fn galene_client(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(envelope) = Envelope::parse(text) else { return };
    let written = envelope.to_text();
    let again = Envelope::parse(&written).expect("what was read can be written and read");
    assert_eq!(envelope, again);
}

fn galene_server(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(message) = ServerMessage::parse(text) else { return };
    for dialect in [Dialect::Legacy, Dialect::V1, Dialect::V2] {
        if let Some(written) = message.write(dialect) {
            ServerMessage::parse(&written).expect("what was written can be read");
        }
    }
}

fn galene_group(bytes: &[u8]) {
    if let Ok(file) = GroupFile::parse(bytes) {
        assert!(file.codecs().count() < bytes.len() + 3);
    }
}

fn galene_token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = token::Token::parse(text);
    let _ = galene::parse_rfc3339(text);
    let clean = name::clean_path(text);
    assert!(name::is_clean_path(&clean), "cleaning twice changes nothing");
    if let Ok(value) = json::parse(text) {
        let _ = token::TokenRequest::read(&value);
        let _ = token::TokenEdit::read(&value);
    }
}

fn rtp_header(bytes: &[u8]) {
    let _ = rtp::demux(bytes);
    let _ = rtp::Header::parse_protected(bytes);
    let Ok(header) = rtp::Header::parse(bytes) else { return };
    assert!(header.payload.len() <= bytes.len());
    for (id, data) in header.extensions() {
        assert!(id > 0 && data.len() <= 255);
    }
}

fn rtcp_packets(bytes: &[u8]) {
    let mut steps = 0;
    for packet in rtcp::packets(bytes) {
        steps += 1;
        assert!(steps <= bytes.len() / 4 + 1, "every step consumes input");
        match packet {
            Ok(rtcp::Packet::Nack(nack)) => assert!(nack.lost().count() <= bytes.len() * 17),
            Ok(rtcp::Packet::TransportCc(feedback)) => {
                assert!(feedback.arrivals().count() <= 65_536);
            }
            _ => {}
        }
    }
}

fn payload_view(bytes: &[u8]) {
    let _ = payload::vp8::Descriptor::parse(bytes);
    let _ = payload::vp9::Descriptor::parse(bytes);
    for keyframe_start in [
        payload::vp8::keyframe_start,
        payload::vp9::keyframe_start,
        payload::h264::keyframe_start,
        payload::av1::keyframe_start,
    ] {
        let _ = keyframe_start(bytes);
    }
    let mut copy = bytes.to_vec();
    let _ = payload::vp8::rewrite(&mut copy, 0x7fff, 0xff);
    assert_eq!(copy.len(), bytes.len());
}

const ALL_CODECS: [CodecName; 8] = [
    CodecName::Av1,
    CodecName::G722,
    CodecName::H264,
    CodecName::Opus,
    CodecName::Pcma,
    CodecName::Pcmu,
    CodecName::Vp8,
    CodecName::Vp9,
];

fn sdp_offer(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = sdp::parse(text);
    let Ok(offer) = UpOffer::read(text) else { return };
    let mut entropy = Entropy::from_seed([1; 32]);
    let local = IceCredentials::ours(WorkerIndex(0), &mut entropy);
    let candidates = [SocketAddr::from(([192, 0, 2, 1], 8443))];
    let server = negotiate::Server { fingerprint: &Fingerprint([7; 32]), candidates: &candidates };
    if let Ok(answer) = offer.answer(&local, &server, &ALL_CODECS) {
        let read = sdp::parse(&answer.sdp).expect("our own answer can be read");
        assert_eq!(read.sections.len(), answer.sections.len());
    }
}

fn sdp_answer(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = negotiate::read_answer(text, &[]);
}

fn identity() -> Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "only the base of a clock that never runs")]
    IDENTITY
        .get_or_init(|| Identity::generate(Instant::now()).expect("the library makes one"))
        .clone()
}

/// A worker with one publisher that has not connected, fed datagrams: the
/// first byte of each says from where and how long, time goes on in between.
fn worker_datagrams(bytes: &[u8]) {
    let entropy = Entropy::from_seed([2; 32]);
    let mut worker = Worker::new(Config::default(), WorkerIndex(0), identity(), entropy);
    let mut now = Mono(1_000_000);
    let credentials = |name: &str| IceCredentials {
        ufrag: name.to_owned(),
        pwd: Secret::new("pwdpwdpwdpwdpwdpwdpwdpwd".to_owned()),
    };
    let mut ours = IceCredentials::ours(WorkerIndex(0), &mut Entropy::from_seed([3; 32]));
    ours.pwd = Secret::new("pwdpwdpwdpwdpwdpwdpwdpwd".to_owned());
    let remote = RemoteTransport { ice: credentials("them"), fingerprint: Fingerprint([9; 32]) };
    let up = Command::Up { peer: PeerId(1), local: ours, remote, sections: Vec::new() };
    worker.handle(now, Input::Command(up));
    while worker.poll().is_some() {}
    let mut rest = bytes;
    while let [head, tail @ ..] = rest {
        let length = usize::from(*head).saturating_mul(8).min(tail.len());
        let (datagram, after) = tail.split_at(length);
        rest = after;
        let from = SocketAddr::from(([192, 0, 2, 10 + (head & 3)], 5_000));
        now = now + Duration::from_millis(7);
        worker.handle(now, Input::Datagram { from, to: None, bytes: datagram });
        let mut sent = 0;
        while let Some(output) = worker.poll() {
            if let Output::Transmit { bytes, .. } = output {
                sent += bytes.len();
            }
        }
        // No one has a key here, so nothing may be amplified to anyone.
        assert!(sent * 2 <= datagram.len() * 3, "{sent} bytes for {}", datagram.len());
        worker.handle(now, Input::Tick);
        while worker.poll().is_some() {}
    }
}

/// Runs one target.
///
/// # Panics
/// If there is no such target, or if it finds something.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(n, _)| *n == name);
    let (_, body) = target.expect("the name of a target");
    body(bytes);
}
