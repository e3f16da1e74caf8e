use super::*;
use crate::plan::{Codec, CodecName, DownSection, ExtensionIds, Kind, UpSection, WorkerIndex};
use parlour_base::Entropy;
use parlour_wire::sdp::{self, Description, Direction, Feedback, Setup};
use proptest::prelude::*;

const CAMERA: &str = include_str!("../../../../testdata/sdp/chromium-camera.sdp");
const SIMULCAST: &str = include_str!("../../../../testdata/sdp/chromium-simulcast.sdp");
const AUDIO: &str = include_str!("../../../../testdata/sdp/chromium-audio-only.sdp");
const CHANNEL: &str = include_str!("../../../../testdata/sdp/chromium-datachannel.sdp");
const RENEGOTIATE: &str = include_str!("../../../../testdata/sdp/chromium-renegotiate.sdp");
const FIREFOX: &str = include_str!("../../../../testdata/sdp/firefox-simulcast.sdp");
const ANSWER: &str = include_str!("../../../../testdata/sdp/firefox-answer.sdp");
const CHROMIUM: &str = include_str!("../../../../testdata/sdp/chromium-answer.sdp");
const WHIP: &str = include_str!("../../../../testdata/sdp/whip-audio-video.sdp");

const EVERY_CODEC: [CodecName; 8] = [
    CodecName::Av1,
    CodecName::G722,
    CodecName::H264,
    CodecName::Opus,
    CodecName::Pcma,
    CodecName::Pcmu,
    CodecName::Vp8,
    CodecName::Vp9,
];

pub(super) fn ours() -> IceCredentials {
    IceCredentials::ours(WorkerIndex(3), &mut Entropy::from_seed([1; 32]))
}

pub(super) const FINGERPRINT: Fingerprint = Fingerprint([0xAB; 32]);

fn answer(offer: &str, allowed: &[CodecName]) -> Result<(Description, Vec<UpSection>), SdpFault> {
    let candidates = ["192.0.2.1:8443".parse().unwrap(), "[2001:db8::1]:8443".parse().unwrap()];
    let server = Server { fingerprint: &FINGERPRINT, candidates: &candidates };
    let answer = UpOffer::read(offer)?.answer(&ours(), &server, allowed)?;
    let read = sdp::parse(&answer.sdp).unwrap();
    assert_eq!(sdp::parse(&read.to_string()).as_ref(), Ok(&read));
    Ok((read, answer.sections))
}

fn numbers(section: &Section) -> Vec<u8> {
    section.codecs.iter().map(|codec| codec.payload_type).collect()
}

#[test]
fn a_chromium_offer_gets_its_answer() {
    let (read, plan) = answer(CAMERA, &[CodecName::Opus, CodecName::Vp8]).unwrap();
    assert!(read.ice_lite && read.allow_mixed);
    assert_eq!(read.bundle.unwrap(), ["0", "1"]);
    for section in &read.sections {
        assert_eq!(section.port, 9);
        assert_eq!(section.direction, Direction::RecvOnly);
        assert_eq!(section.setup, Some(Setup::Passive));
        assert_eq!(section.fingerprint, Some([0xAB; 32]));
        assert_eq!(section.ice.as_ref().unwrap().ufrag, ours().ufrag);
        assert!(section.rtcp_mux && section.rtcp_rsize);
        assert!(section.msid.is_none() && section.sources.is_empty());
    }
    let [audio, video] = &read.sections[..] else { panic!() };
    let addresses: Vec<_> = audio.candidates.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["192.0.2.1:8443", "[2001:db8::1]:8443"]);
    assert!(audio.end_of_candidates && video.candidates.is_empty());
    assert_eq!(numbers(audio), [111]);
    assert_eq!(audio.codecs[0].fmtp, "minptime=10;useinbandfec=1");
    assert!(audio.codecs[0].feedback.is_empty());
    assert_eq!(numbers(video), [96, 97]);
    assert_eq!(video.codecs[1].fmtp, "apt=96");
    use Feedback::{CcmFir, Nack, NackPli, TransportCc};
    assert_eq!(video.codecs[0].feedback, [Nack, NackPli, CcmFir, TransportCc]);

    let [sound, picture] = &plan[..] else { panic!() };
    assert_eq!((sound.kind, picture.kind), (Kind::Audio, Kind::Video));
    assert!(sound.active && picture.active);
    assert_eq!(picture.codecs[0].rtx_payload_type, Some(97));
    assert_eq!(picture.ssrcs.len(), 1);
    assert!(picture.ssrcs[0].1.is_some());
    assert_eq!(picture.msid.clone().unwrap().0, sound.msid.clone().unwrap().0);
    let audio_ids = ExtensionIds {
        mid: Some(4),
        audio_level: Some(1),
        abs_send_time: Some(2),
        ..ExtensionIds::default()
    };
    assert_eq!(sound.extensions, audio_ids);
    let video_ids = ExtensionIds {
        mid: Some(4),
        rid: Some(10),
        repaired_rid: Some(11),
        transport_cc: Some(3),
        abs_send_time: Some(2),
        video_orientation: Some(13),
        ..ExtensionIds::default()
    };
    assert_eq!(picture.extensions, video_ids);
}

#[test]
fn the_common_variants_of_every_codec_are_taken() {
    let (read, plan) = answer(CAMERA, &EVERY_CODEC).unwrap();
    assert_eq!(numbers(&read.sections[0]), [111, 9, 0, 8]);
    let video: Vec<_> = plan[1].codecs.iter().map(|codec| codec.payload_type).collect();
    assert_eq!(video, [96, 102, 108, 45, 98, 100]);
    assert!(plan[1].codecs.iter().all(|codec| codec.rtx_payload_type.is_some()));
}

#[test]
fn an_uncommon_variant_is_taken_when_it_is_the_only_one() {
    let only = CAMERA.replace("profile-level-id=42", "profile-level-id=64");
    let (_, plan) = answer(&only, &[CodecName::H264]).unwrap();
    let numbers: Vec<_> = plan[1].codecs.iter().map(|codec| codec.payload_type).collect();
    assert_eq!(numbers, [102, 104, 108, 114, 116, 39]);
}

#[test]
fn simulcast_is_mirrored() {
    for offer in [SIMULCAST, FIREFOX] {
        let (read, plan) = answer(offer, &EVERY_CODEC).unwrap();
        assert!(read.to_string().contains("a=simulcast:recv h;l\r\n"));
        assert!(read.to_string().contains("a=rid:h recv\r\na=rid:l recv\r\n"));
        assert_eq!(plan[1].rids, ["h", "l"]);
        assert!(plan[1].extensions.dependency_descriptor.is_some());
    }
    assert!(answer(SIMULCAST, &EVERY_CODEC).unwrap().1[1].ssrcs.is_empty());
    assert_eq!(answer(FIREFOX, &EVERY_CODEC).unwrap().1[1].ssrcs.len(), 2);
}

#[test]
fn a_firefox_offer_gets_its_directions_turned_round() {
    let (read, plan) = answer(FIREFOX, &[CodecName::Opus, CodecName::Vp8]).unwrap();
    let text = read.to_string();
    assert!(text.contains("a=extmap:8/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"));
    assert!(text.contains("a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid"));
    assert!(!text.contains("csrc-audio-level") && !text.contains("playout-delay"));
    assert!(!text.contains("sendonly"));
    assert!(read.sections.iter().all(|section| section.allow_mixed && section.port == 9));
    assert!(!read.sections[0].rtcp_rsize && read.sections[1].rtcp_rsize);
    assert_eq!(read.sections[1].codecs[0].fmtp, "max-fs=12288;max-fr=60");
    assert_eq!(plan[0].msid.clone().unwrap().0, "{6f0d4f1a-2c1e-4c57-9a5d-0b7c5e2f8d31}");
}

#[test]
fn a_refused_section_keeps_its_place() {
    let (read, plan) = answer(CAMERA, &[CodecName::Vp8]).unwrap();
    let [audio, video] = &read.sections[..] else { panic!() };
    assert_eq!((audio.port, audio.mid.as_deref()), (0, Some("0")));
    assert_eq!(audio.formats.len(), 8);
    assert!(audio.ice.is_none() && audio.candidates.is_empty());
    assert_eq!(video.candidates.len(), 2);
    assert_eq!(read.bundle.clone().unwrap(), ["1"]);
    assert!(plan[0].codecs.is_empty() && !plan[0].active);
    let text = read.to_string();
    assert!(text.contains("m=audio 0 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\nc=IN "));
    assert_eq!(answer(CAMERA, &[]).unwrap_err(), SdpFault::NoCodec);
    assert_eq!(answer(AUDIO, &[CodecName::Vp8]).unwrap_err(), SdpFault::NoCodec);
}

#[test]
fn a_renegotiation_may_add_rest_and_restart() {
    let first = UpOffer::read(CAMERA).unwrap();
    let second = UpOffer::read(RENEGOTIATE).unwrap();
    assert!(second.restarts(first.remote()));
    assert!(!second.restarts(second.remote()));
    let (read, plan) = answer(RENEGOTIATE, &EVERY_CODEC).unwrap();
    let directions: Vec<_> = read.sections.iter().map(|section| section.direction).collect();
    let expected = [Direction::RecvOnly, Direction::Inactive, Direction::RecvOnly];
    assert_eq!(directions, expected);
    assert_eq!(plan.iter().map(|s| s.active).collect::<Vec<_>>(), [true, false, true]);
    assert!(!plan[1].codecs.is_empty());
    assert_eq!(read.version, 3);
}

#[test]
fn without_transport_cc_the_estimate_is_remb() {
    let (read, plan) = answer(WHIP, &EVERY_CODEC).unwrap();
    let video = &read.sections[1];
    use Feedback::{GoogRemb, Nack, NackPli};
    assert_eq!(video.codecs[0].feedback, [Nack, NackPli, GoogRemb]);
    assert_eq!(plan[1].codecs[0].rtx_payload_type, Some(97));
    assert_eq!(plan[1].ssrcs, [(2_414_417_854, None)]);
    let offer = CAMERA.replace("a=extmap:3 ", "a=extmap:3000 ");
    let (read, plan) = answer(&offer, &EVERY_CODEC).unwrap();
    assert!(read.sections[1].codecs[0].feedback.contains(&GoogRemb));
    assert_eq!(plan[1].extensions.transport_cc, None);
    let offer = CAMERA.replace("transport-cc\r\n", "ccm\r\n");
    let (read, plan) = answer(&offer, &EVERY_CODEC).unwrap();
    assert!(!read.to_string().contains("transport-wide-cc"));
    assert_eq!(plan[1].extensions.transport_cc, None);
}

#[test]
fn offers_that_cannot_be_used_are_told_why() {
    let fault = |offer: &str| UpOffer::read(offer).map(|_| ()).unwrap_err();
    assert_eq!(fault(CHANNEL), SdpFault::DataChannel);
    assert_eq!(fault("hello"), SdpFault::Parse(ParseError::NotSdp));
    assert_eq!(fault("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"), SdpFault::NoMedia);
    assert_eq!(fault(&AUDIO.replace("a=ice-ufrag", "a=x-ice-ufrag")), SdpFault::NoIce);
    assert_eq!(fault(&AUDIO.replace("a=ice-pwd", "a=x-ice-pwd")), SdpFault::NoIce);
    assert_eq!(fault(&AUDIO.replace("a=fingerprint", "a=x-print")), SdpFault::NoFingerprint);
    let sha1 = "a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33";
    let lines: Vec<_> = AUDIO
        .lines()
        .map(|line| if line.starts_with("a=fingerprint") { sha1 } else { line })
        .collect();
    assert_eq!(fault(&lines.join("\r\n")), SdpFault::NoFingerprint);
    assert_eq!(fault(&AUDIO.replace("a=mid:0", "a=label:0")), SdpFault::NoMid);
    assert_eq!(fault(&CAMERA.replace("a=mid:1", "a=mid:0")), SdpFault::SameMid);
    assert_eq!(fault(&AUDIO.replace("actpass", "passive")), SdpFault::Setup);
    assert_eq!(fault(&AUDIO.replace("a=rtcp-mux\r\n", "")), SdpFault::NoMux);
    assert_eq!(fault(&AUDIO.replace("m=audio 9", "m=audio 0")), SdpFault::NoMedia);
    assert_eq!(fault(&AUDIO.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP")), SdpFault::NoMedia);
    let text = SdpFault::Parse(ParseError::Line(7)).to_string();
    assert_eq!(text, "the description cannot be read: line 7 cannot be read");
}

#[test]
fn a_section_outside_the_bundle_is_refused() {
    let (read, _) = answer(&CAMERA.replace("BUNDLE 0 1", "BUNDLE 1"), &EVERY_CODEC).unwrap();
    assert_eq!(read.sections[0].port, 0);
    assert_eq!(read.bundle.unwrap(), ["1"]);
    let (read, _) = answer(&CAMERA.replace("a=group:BUNDLE 0 1\r\n", ""), &EVERY_CODEC).unwrap();
    assert_eq!((read.sections[0].port, read.sections[1].port), (9, 0));
    assert_eq!(read.bundle, None);
}

fn codec(name: CodecName, fmtp: &str) -> Codec {
    Codec { name, fmtp: fmtp.to_owned() }
}

#[test]
fn payload_types_towards_subscribers_follow_the_sheet() {
    let constrained = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
    let baseline = "packetization-mode=1;profile-level-id=42001f";
    let baseline_down = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f";
    for (name, fmtp, numbers, down) in [
        (CodecName::Vp8, "max-fs=12288;max-fr=60", (96, Some(97)), ""),
        (CodecName::Vp9, "", (98, Some(99)), "profile-id=0"),
        (CodecName::Vp9, "profile-id=0", (98, Some(99)), "profile-id=0"),
        (CodecName::Vp9, "profile-id=2", (100, Some(101)), "profile-id=2"),
        (CodecName::Av1, "level-idx=5;profile=0;tier=0", (35, Some(36)), ""),
        (CodecName::H264, constrained, (108, Some(109)), constrained),
        (CodecName::H264, "", (108, Some(109)), constrained),
        (CodecName::H264, baseline, (102, Some(103)), baseline_down),
        (CodecName::G722, "", (9, None), ""),
        (CodecName::Pcmu, "", (0, None), ""),
        (CodecName::Pcma, "", (8, None), ""),
    ] {
        let codec = codec(name, fmtp);
        assert_eq!(down_codec(&codec), numbers, "{codec:?}");
        assert_eq!(down_fmtp(&codec), down, "{codec:?}");
    }
    let opus = codec(CodecName::Opus, "minptime=10");
    assert_eq!(down_codec(&opus), (111, None));
    assert!(down_fmtp(&opus).contains("sprop-stereo=1"));
}

pub(super) fn down_sections() -> [DownSection; 2] {
    let section = |mid: &str, kind, codec: Codec, ssrc| {
        let (payload_type, rtx_payload_type) = down_codec(&codec);
        DownSection {
            mid: mid.to_owned(),
            kind,
            source_mid: mid.to_owned(),
            codec,
            payload_type,
            rtx_payload_type,
            ssrc,
            rtx_ssrc: rtx_payload_type.map(|_| ssrc + 1),
            msid: ("stream".to_owned(), format!("track{mid}")),
            active: true,
            low: false,
        }
    };
    [
        section("0", Kind::Audio, codec(CodecName::Opus, ""), 10),
        section("1", Kind::Video, codec(CodecName::Vp8, ""), 20),
    ]
}

fn offered(sections: &[DownSection]) -> Description {
    let candidates = ["192.0.2.1:8443".parse().unwrap()];
    let server = Server { fingerprint: &FINGERPRINT, candidates: &candidates };
    let text = offer(7, &ours(), &server, "parlour", sections);
    let read = sdp::parse(&text).unwrap();
    assert_eq!(read.to_string(), text);
    read
}

#[test]
fn a_subscriber_is_offered_one_codec_for_each_track() {
    let read = offered(&down_sections());
    assert_eq!(read.version, 7);
    assert_eq!(read.bundle.clone().unwrap(), ["0", "1"]);
    let [audio, video] = &read.sections[..] else { panic!() };
    assert_eq!((numbers(audio), numbers(video)), (vec![111], vec![96, 97]));
    assert_eq!(audio.direction, Direction::SendOnly);
    assert_eq!(audio.setup, Some(Setup::ActPass));
    assert_eq!(video.repairs, [(20, 21)]);
    assert_eq!(audio.candidates.len(), 1);
    assert!(video.codecs[0].feedback.contains(&Feedback::GoogRemb));
    assert!(!read.to_string().contains("transport"));
    let ids = |section: &Section| section.extensions.iter().map(|e| e.id).collect::<Vec<_>>();
    assert_eq!((ids(audio), ids(video)), (vec![4, 2], vec![4, 2, 13, 12]));
    let text = read.to_string();
    assert!(text.contains("a=msid:stream track1\r\n"));
    assert!(text.contains("a=ssrc:21 cname:parlour\r\na=ssrc:21 msid:stream track1\r\n"));
}

#[test]
fn a_track_taken_away_leaves_an_inactive_section() {
    let mut sections = down_sections();
    sections[0].active = false;
    let read = offered(&sections);
    assert_eq!(read.sections[0].direction, Direction::Inactive);
    assert!(read.sections[0].sources.is_empty() && read.sections[0].msid.is_none());
    assert_eq!(read.sections[0].candidates.len(), 1);
    assert_eq!(read.bundle.unwrap(), ["0", "1"]);
}

#[test]
fn names_of_others_cannot_write_lines() {
    let mut sections = down_sections();
    sections[0].msid = ("a\r\na=ice-ufrag:evil b".to_owned(), String::new());
    let read = offered(&sections);
    let msid = read.sections[0].msid.clone().unwrap();
    assert_eq!(msid.stream, "a__a=ice-ufrag:evil_b");
    assert_eq!(msid.track.as_deref(), Some("_"));
}

#[test]
fn the_answer_says_who_receives_what() {
    let sections = down_sections();
    let (remote, accepted) = read_answer(ANSWER, &sections).unwrap();
    assert_eq!(remote.ice.ufrag, "7be20d94");
    assert_eq!(remote.fingerprint.0[..2], [0x8D, 0x2A]);
    assert_eq!(accepted, ["0", "1"]);
    let accepted = |answer: &str| read_answer(answer, &sections).map(|(_, mids)| mids);
    let refused = ANSWER.replace("m=video 9", "m=video 0");
    assert_eq!(accepted(&refused), Ok(vec!["0".to_owned()]));
    let paused = ANSWER.replacen("a=recvonly", "a=inactive", 1);
    assert_eq!(accepted(&paused), Ok(vec!["1".to_owned()]));
    let other = ANSWER.replace("SAVPF 96", "SAVPF 120").replace("rtpmap:96", "rtpmap:120");
    assert_eq!(accepted(&other), Ok(vec!["0".to_owned()]));
}

#[test]
fn a_chromium_answer_is_read() {
    let [audio, video] = down_sections();
    let second = DownSection { mid: "2".to_owned(), ..video.clone() };
    let (remote, accepted) = read_answer(CHROMIUM, &[audio, video, second]).unwrap();
    assert_eq!(remote.ice.pwd.expose().len(), 24);
    assert_eq!(accepted, ["0", "1", "2"]);
}

#[test]
fn answers_that_cannot_be_used_are_told_why() {
    let sections = down_sections();
    let fault = |answer: &str| read_answer(answer, &sections).map(|_| ()).unwrap_err();
    assert_eq!(fault("v=1"), SdpFault::Parse(ParseError::NotSdp));
    assert_eq!(fault(&ANSWER.replace("a=setup:active", "a=setup:passive")), SdpFault::Setup);
    assert_eq!(fault(&ANSWER.replace("a=setup:active\r\n", "")), SdpFault::Setup);
    assert_eq!(fault(&ANSWER.replace("a=mid:1", "a=mid:2")), SdpFault::Mismatch);
    assert_eq!(fault(&ANSWER.replace("m=video", "m=audio")), SdpFault::Mismatch);
    assert_eq!(read_answer(ANSWER, &sections[..1]).map(|_| ()).unwrap_err(), SdpFault::Mismatch);
    let none = ANSWER.replace("m=video 9", "m=video 0").replace("m=audio 9", "m=audio 0");
    assert_eq!(fault(&none), SdpFault::NoMedia);
    assert_eq!(fault(&ANSWER.replace("a=ice-pwd", "a=x")), SdpFault::NoIce);
}

proptest! {
    #[test]
    fn any_offer_that_is_read_gets_an_answer_that_mirrors_it(
        offer in prop::sample::select(vec![CAMERA, SIMULCAST, AUDIO, RENEGOTIATE, FIREFOX, WHIP]),
        gone in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        allowed in prop::sample::subsequence(EVERY_CODEC.to_vec(), 0..8),
    ) {
        let mut lines: Vec<_> = offer.lines().collect();
        for index in gone {
            lines.remove(index.index(lines.len()));
        }
        let offer = lines.join("\r\n");
        if let Ok((read, plan)) = answer(&offer, &allowed) {
            let offered = sdp::parse(&offer).unwrap();
            let mids = |all: &Description| all.sections.iter().map(|s| s.mid.clone().unwrap()).collect::<Vec<_>>();
            prop_assert_eq!(mids(&read), mids(&offered));
            prop_assert_eq!(plan.len(), read.sections.len());
            for (section, plan) in read.sections.iter().zip(&plan) {
                prop_assert_eq!(section.port == 0, plan.codecs.is_empty());
                prop_assert_eq!(section.direction == Direction::RecvOnly, plan.active);
            }
            prop_assert!(UpOffer::read(&read.to_string()).is_err(), "we are passive");
        }
    }
}
