//! Another implementation judges: str0m offers, answers and accepts.
#![allow(clippy::disallowed_methods, reason = "str0m begins with an instant")]

use super::tests::{FINGERPRINT, down_sections, ours};
use super::*;
use crate::plan::CodecName;
use std::time::Instant;
use str0m::Rtc;
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind};

fn peer() -> Rtc {
    Rtc::builder().build(Instant::now())
}

fn candidates() -> [SocketAddr; 2] {
    ["192.0.2.1:8443", "[2001:db8::1]:8443"].map(|address| address.parse().unwrap())
}

#[test]
fn str0m_accepts_our_answer() {
    let mut publisher = peer();
    let mut changes = publisher.sdp_api();
    for (kind, track) in [(MediaKind::Audio, "sound"), (MediaKind::Video, "picture")] {
        let names = (Some("stream".to_owned()), Some(track.to_owned()));
        changes.add_media(kind, Direction::SendOnly, names.0, names.1, None);
    }
    let (offer, pending) = changes.apply().unwrap();
    let offer = UpOffer::read(&offer.to_sdp_string()).unwrap();
    let server = Server { fingerprint: &FINGERPRINT, candidates: &candidates() };
    let answer = offer
        .answer(&ours(), &server, &[CodecName::Opus, CodecName::Vp8, CodecName::H264])
        .unwrap();
    assert!(answer.sections.iter().all(|section| section.active));
    assert_eq!(answer.sections[1].msid, Some(("stream".to_owned(), "picture".to_owned())));
    let answer = SdpAnswer::from_sdp_string(&answer.sdp).unwrap();
    publisher.sdp_api().accept_answer(pending, answer).unwrap();
}

#[test]
fn str0m_answers_our_offers_one_after_the_other() {
    let mut subscriber = peer();
    let server = Server { fingerprint: &FINGERPRINT, candidates: &candidates() };
    let mut sections = down_sections();
    for version in 1..=3 {
        sections[1].active = version != 2;
        let offer = offer(version, &ours(), &server, "parlour", &sections);
        // Left the choice, str0m waits for the handshake; browsers begin it.
        let offer = offer.replace("a=setup:actpass", "a=setup:passive");
        let offer = SdpOffer::from_sdp_string(&offer).unwrap();
        let answer = subscriber.sdp_api().accept_offer(offer).unwrap();
        let (_, accepted) = read_answer(&answer.to_sdp_string(), &sections).unwrap();
        let expected: &[&str] = if version == 2 { &["0"] } else { &["0", "1"] };
        assert_eq!(accepted, expected, "offer {version}");
    }
}
