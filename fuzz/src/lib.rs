//! What each fuzz target does with its input. The same bodies replay the kept
//! inputs of `testdata/fuzz` in the ordinary tests (crates/sim/tests/corpus.rs),
//! so this file uses nothing but the crates it feeds.

use parlour_base::{Entropy, Mono, Secret};
use parlour_sfu::negotiate::{self, UpOffer};
use parlour_sfu::plan::{
    Codec, CodecName, Command, DownSection, ExtensionIds, Fingerprint, IceCredentials, Kind,
    PeerId, RemoteTransport, UpCodec, UpSection, WorkerIndex,
};
use parlour_sfu::srtp::{Exported, Profile, Seal};
use parlour_sfu::{Config, Identity, Input, Output, Worker};
use parlour_wire::galene::{self, Dialect, Envelope, GroupFile, ServerMessage, name, token};
use parlour_wire::rooms::{self, Action, ActionName, Body, Bounds, RoomChange, RoomCreate, hawk};
use parlour_wire::{callctl, json, payload, rtcp, rtp, sdp};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A target: its name and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("callctl_bridge", callctl_bridge),
    ("callctl_message", callctl_message),
    ("callctl_text", callctl_text),
    ("galene_client", galene_client),
    ("galene_group", galene_group),
    ("galene_server", galene_server),
    ("galene_token", galene_token),
    ("json_text", json_text),
    ("payload_view", payload_view),
    ("rooms_body", rooms_body),
    ("rooms_hawk", rooms_hawk),
    ("rooms_path", rooms_path),
    ("rooms_progress", rooms_progress),
    ("rtcp_packets", rtcp_packets),
    ("rtp_header", rtp_header),
    ("sdp_answer", sdp_answer),
    ("sdp_offer", sdp_offer),
    ("worker_datagrams", worker_datagrams),
    ("worker_media", worker_media),
];

fn callctl_bridge(bytes: &[u8]) {
    let Ok(call) = callctl::bridge::BridgeCall::parse(bytes) else { return };
    let again = callctl::bridge::BridgeCall::parse(call.to_text().as_bytes());
    assert_eq!(again, Ok(call), "what was read can be written and read");
}

/// The first byte picks the type.
fn callctl_message(bytes: &[u8]) {
    use callctl::pb::common::video::v1 as shared;
    use callctl::pb::internal::video::v1 as internal;
    use callctl::pb::mobile::video::v1 as mobile;
    use callctl::pb::mobileremote::video::v1 as remote;
    use callctl::pb::selfhost::video::v1 as selfhost;
    fn both_ways<M: callctl::Message + Default + callctl::Check + PartialEq>(bytes: &[u8]) {
        let Ok(message) = callctl::read::<M>(bytes) else { return };
        let again = callctl::read::<M>(&message.encode_to_vec());
        assert!(again.is_ok_and(|again| again == message), "read, written, and read again");
    }
    let Some((first, rest)) = bytes.split_first() else { return };
    match first % 9 {
        0 => both_ways::<mobile::BatchedGetConvoStateRequest>(rest),
        1 => both_ways::<mobile::JoinConvoConferenceRequest>(rest),
        2 => both_ways::<mobile::LeaveConvoConferenceNotification>(rest),
        3 => both_ways::<shared::ConvoVideoState>(rest),
        4 => both_ways::<remote::OnConvoVideoStateChangedNotification>(rest),
        5 => both_ways::<internal::LeaveConvoConferenceFromVcsNotification>(rest),
        6 => both_ways::<selfhost::ClientConnectedRequest>(rest),
        7 => both_ways::<selfhost::SetGroupMembersRequest>(rest),
        _ => both_ways::<selfhost::WatchRequest>(rest),
    }
}

fn callctl_text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(convo) = callctl::ConvoId::parse_key(text) {
        assert_eq!(convo.key(), text);
        assert_eq!(callctl::ConvoId::try_from(convo.to_pb()), Ok(convo));
    }
    if let Some(line) = callctl::ConnectionText::parse(text) {
        let again = callctl::ConnectionText::parse(&line.to_string());
        assert_eq!(again, Some(line));
    }
    let key = callctl::ConferenceKey::new("kik", b"fuzz").expect("a plain name");
    if let Ok(id) = key.parse(text) {
        assert_eq!(key.write(id), text, "one spelling only");
    }
    if let Ok(user) = callctl::metadata::read_header::<callctl::pb::common::XiBareUserJid>(text) {
        assert!(callctl::LocalPart::try_from(user).is_ok());
    }
}

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
    let mut ours = IceCredentials::ours(WorkerIndex(0), &mut Entropy::from_seed([3; 32]));
    ours.pwd = Secret::new("pwdpwdpwdpwdpwdpwdpwdpwd".to_owned());
    let up =
        Command::Up { peer: PeerId(1), local: ours, remote: remote("them"), sections: Vec::new() };
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

fn credentials(name: &str) -> IceCredentials {
    IceCredentials {
        ufrag: name.to_owned(),
        pwd: Secret::new("pwdpwdpwdpwdpwdpwdpwdpwd".to_owned()),
    }
}

fn remote(name: &str) -> RemoteTransport {
    RemoteTransport { ice: credentials(name), fingerprint: Fingerprint([9; 32]) }
}

/// The orders that make a publisher and a subscriber of its one picture.
fn a_call() -> [Command; 3] {
    let codec = Codec { name: CodecName::Vp8, fmtp: String::new() };
    let ours = |seed| IceCredentials::ours(WorkerIndex(0), &mut Entropy::from_seed([seed; 32]));
    let up = UpSection {
        mid: "0".to_owned(),
        kind: Kind::Video,
        codecs: vec![UpCodec {
            payload_type: 96,
            rtx_payload_type: Some(97),
            codec: codec.clone(),
        }],
        extensions: ExtensionIds {
            mid: Some(4),
            rid: Some(10),
            repaired_rid: Some(11),
            transport_cc: Some(3),
            dependency_descriptor: Some(12),
            ..ExtensionIds::default()
        },
        ssrcs: vec![(1_000, Some(1_001))],
        rids: Vec::new(),
        active: true,
        msid: None,
    };
    let down = DownSection {
        mid: "0".to_owned(),
        kind: Kind::Video,
        source_mid: "0".to_owned(),
        codec,
        payload_type: 96,
        rtx_payload_type: Some(97),
        ssrc: 2_000,
        rtx_ssrc: Some(2_001),
        msid: ("s".to_owned(), "t".to_owned()),
        active: true,
        low: false,
    };
    [
        Command::Up { peer: PeerId(1), local: ours(3), remote: remote("them"), sections: vec![up] },
        Command::Down { peer: PeerId(2), source: PeerId(1), local: ours(4), sections: vec![down] },
        Command::Answered {
            peer: PeerId(2),
            remote: remote("those"),
            accepted: vec!["0".to_owned()],
        },
    ]
}

/// A worker with a publisher and a subscriber whose keys are known, fed
/// authenticated packets: what a hostile member can do. The first byte of each
/// says who sends it, whether it is RTP, and how long after the one before;
/// the second how long it is.
fn worker_media(bytes: &[u8]) {
    let mut now = Mono(1_000_000);
    let entropy = Entropy::from_seed([2; 32]);
    let mut worker = Worker::new(Config::default(), WorkerIndex(0), identity(), entropy);
    for command in a_call() {
        worker.handle(now, Input::Command(command));
    }
    let profile = Profile::AeadAes128Gcm;
    let keys = Exported::cut(profile, &[5; 56]).expect("as much as the profile needs");
    let addresses = [10, 11].map(|host| SocketAddr::from(([192, 0, 2, host], 5_000)));
    let mut seals = [0, 1].map(|at: usize| {
        let peer = PeerId(at as u64 + 1);
        assert!(worker.assume_keys(now, peer, addresses[at], &keys), "the peer was just made");
        Seal::new(profile, &keys.client).expect("keys of the right length")
    });
    let mut rest = bytes;
    let mut index = 0_u64;
    while let [who, length, tail @ ..] = rest {
        let (packet, after) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = after;
        let from = usize::from(who & 1);
        let mut sealed = Vec::new();
        let is_sealed = if who & 2 == 0 {
            seals[from].rtcp(packet, &mut sealed)
        } else if let Ok(header) = rtp::Header::parse_protected(packet) {
            index += 1;
            sealed.extend_from_slice(&packet[..header.length]);
            // The number in the header follows the index, as a sender's does.
            sealed[2..4].copy_from_slice(&(index as u16).to_be_bytes());
            seals[from].rtp(header.ssrc, index, 0, &packet[header.length..], &[], &mut sealed)
        } else {
            false
        };
        now = now + Duration::from_millis(u64::from(who >> 2));
        if is_sealed {
            let from = addresses[from];
            worker.handle(now, Input::Datagram { from, to: None, bytes: &sealed });
        }
        while worker.poll().is_some() {}
        worker.handle(now, Input::Tick);
        while worker.poll().is_some() {}
    }
}

/// Every reader of a body is fed the same one, as JSON and as a form.
fn rooms_body(bytes: &[u8]) {
    let bounds = Bounds::default();
    for content_type in ["application/json", "application/x-www-form-urlencoded"] {
        let Ok(body) = Body::read(Some(content_type), bytes) else { continue };
        if let Ok(room) = RoomCreate::read(&body, &bounds) {
            assert!(room.context.is_some() != room.name.is_some());
            assert!((1..=bounds.size).contains(&room.max_size));
        }
        let _ = RoomChange::read(&body, &bounds);
        let _ = rooms::room::read_delete(&body);
        for name in [ActionName::Join, ActionName::Status, ActionName::LogDomain] {
            let _ = Action::read(name, &body, &bounds);
        }
        let _ = ActionName::read(&body);
        let _ = rooms::action::session_token(&body);
        let _ = rooms::registration::PushUrls::read(&body, "");
        let _ = rooms::oauth::Login::read(&body);
        let _ = rooms::oauth::read_event(&body);
        let _ = rooms::call::DirectCall::read(&body);
        let _ = rooms::call::CallUrlChange::read(&body);
    }
    let _ = rooms::oauth::Granted::read(bytes);
    let _ = rooms::oauth::Profile::read(bytes);
}

/// A whole `Authorization` header.
fn rooms_hawk(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = rooms::basic::read_token(text);
    let Some((_, attributes)) = hawk::scheme(text) else { return };
    let Ok(header) = hawk::read_header(attributes) else { return };
    let target = hawk::Target { method: "GET", path: "/rooms", host: "localhost", port: 80 };
    assert!(hawk::check(&header, target, "a key that nobody has", parlour_base::Wall(0)).is_err());
    let artifacts = hawk::Artifacts { target, header: &header };
    let signed = hawk::HawkHeader { mac: artifacts.request_mac("key"), ..header.clone() };
    assert!(hawk::Artifacts { target, header: &signed }.is_signed_with("key"));
}

/// A path, a query, and what stands in the headers that are looked at.
fn rooms_path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = rooms::path::route("GET", text);
    let _ = rooms::form::query_value(text, "version");
    let _ = rooms::number::parse_text(text);
    let _ = rooms::accept::takes_json(Some(text));
    let _ = rooms::accept::names_html(Some(text));
    let _ = rooms::etag::matches(text, &rooms::etag::weak(bytes));
}

fn rooms_progress(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match rooms::progress::Said::read(text) {
        Ok(rooms::progress::Said::Echo(value)) => {
            let told = rooms::progress::Told::Echo(value).text();
            json::parse(&told).expect("what is told is JSON");
        }
        Ok(_) => {}
        Err(error) => {
            let told = rooms::progress::Told::Error(error).text();
            json::parse(&told).expect("what is told is JSON");
        }
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
