use super::*;
use parlour_base::limits::SDP_BYTES_MAX;
use proptest::prelude::*;

const CAMERA: &str = include_str!("../../../../testdata/sdp/chromium-camera.sdp");
const SIMULCAST: &str = include_str!("../../../../testdata/sdp/chromium-simulcast.sdp");
const CHANNEL: &str = include_str!("../../../../testdata/sdp/chromium-datachannel.sdp");
const RENEGOTIATE: &str = include_str!("../../../../testdata/sdp/chromium-renegotiate.sdp");
const FIREFOX: &str = include_str!("../../../../testdata/sdp/firefox-simulcast.sdp");
const ANSWER: &str = include_str!("../../../../testdata/sdp/firefox-answer.sdp");
const CHROMIUM: &str = include_str!("../../../../testdata/sdp/chromium-answer.sdp");
const WHIP: &str = include_str!("../../../../testdata/sdp/whip-audio-video.sdp");
const ALL: [&str; 8] = [CHROMIUM, CAMERA, SIMULCAST, CHANNEL, RENEGOTIATE, FIREFOX, ANSWER, WHIP];

#[test]
fn what_is_read_is_written_so_that_it_reads_the_same() {
    for text in ALL {
        let read = parse(text).unwrap();
        let again = parse(&read.to_string()).unwrap();
        assert_eq!(again, read);
    }
}

#[test]
fn a_chromium_offer_is_read_whole() {
    let read = parse(CAMERA).unwrap();
    assert_eq!(read.bundle.unwrap(), ["0", "1"]);
    assert!(read.allow_mixed);
    let [audio, video] = &read.sections[..] else { panic!() };
    assert_eq!((&audio.media, &video.media), (&Media::Audio, &Media::Video));
    assert_eq!(audio.codecs.len(), 8);
    assert_eq!(video.codecs.len(), video.formats.len());
    let opus = &audio.codecs[0];
    assert_eq!((opus.name.as_str(), opus.clock, opus.channels), ("opus", 48_000, Some(2)));
    assert_eq!(opus.parameter("UseInbandFec"), Some("1"));
    assert_eq!(opus.feedback, [Feedback::TransportCc]);
    let vp8 = &video.codecs[0];
    assert_eq!((vp8.payload_type, vp8.feedback.len()), (96, 5));
    assert_eq!(video.extensions.len(), 11);
    assert_eq!(audio.ice, video.ice);
    assert_eq!(audio.setup, Some(Setup::ActPass));
    assert_eq!(audio.direction, Direction::SendOnly);
    let [(media, repair)] = video.repairs[..] else { panic!() };
    let sources: Vec<_> = video.sources.iter().map(|source| source.ssrc).collect();
    assert_eq!(sources, [media, repair]);
    let msid = video.msid.clone().unwrap();
    assert_eq!(video.sources[0].msid, Some(msid));
}

#[test]
fn simulcast_layers_keep_their_order() {
    for text in [SIMULCAST, FIREFOX] {
        let read = parse(text).unwrap();
        let video = &read.sections[1];
        assert_eq!(video.simulcast.clone().unwrap().send, ["h", "l"]);
        assert!(video.rids.iter().all(|rid| rid.send));
    }
}

#[test]
fn the_session_level_serves_sections_without_their_own() {
    let firefox = parse(FIREFOX).unwrap();
    let [audio, video] = &firefox.sections[..] else { panic!() };
    assert_eq!(audio.fingerprint.unwrap()[..2], [0x8D, 0x2A]);
    assert_eq!(audio.fingerprint, video.fingerprint);
    assert!(video.bundle_only && video.port == 0);
    assert_eq!(video.extensions[5].direction, Some(Direction::SendOnly));
    let whip = parse(WHIP).unwrap();
    assert_eq!(whip.sections[1].ice.clone().unwrap().ufrag, "kT9w");
    assert_eq!(whip.sections[1].setup, Some(Setup::ActPass));
    assert_eq!(whip.sections[0].fingerprint, firefox.sections[0].fingerprint);
    let address = "192.0.2.44:58041".parse().unwrap();
    assert_eq!(whip.sections[0].candidates, [address]);
}

#[test]
fn a_data_channel_is_a_section_without_codecs() {
    let read = parse(CHANNEL).unwrap();
    let section = &read.sections[1];
    assert_eq!(section.media, Media::Application);
    assert_eq!(section.protocol, "UDP/DTLS/SCTP");
    assert_eq!(section.formats, ["webrtc-datachannel"]);
    assert!(section.codecs.is_empty());
}

fn with(lines: &str) -> Result<Description, ParseError> {
    parse(&format!("v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\n{lines}"))
}

fn media(lines: &str) -> Result<Section, ParseError> {
    let read = with(&format!("m=video 9 UDP/TLS/RTP/SAVPF 96 97\n{lines}"))?;
    Ok(read.sections.into_iter().next().unwrap())
}

#[test]
fn limits_hold_before_anything_is_parsed() {
    assert_eq!(parse(""), Err(ParseError::NotSdp));
    assert_eq!(parse("{\"type\":\"offer\"}"), Err(ParseError::NotSdp));
    let long = format!("v=0\n{}", "x".repeat(SDP_BYTES_MAX));
    assert_eq!(parse(&long), Err(ParseError::Bytes(long.len())));
    assert_eq!(with(&"b=AS:1\n".repeat(2_000)), Err(ParseError::Lines));
    let sections = "m=audio 9 UDP/TLS/RTP/SAVPF 0\n".repeat(129);
    assert_eq!(with(&sections), Err(ParseError::Sections));
    assert_eq!(with("a=mid:\u{7}\n"), Err(ParseError::Control(5)));
    assert_eq!(with("a=mid:0\ra=mid:1\n"), Err(ParseError::Control(5)));
}

#[test]
fn a_line_that_is_used_must_be_readable() {
    for line in [
        "a=mid:",
        "a=mid:a b",
        "a=mid:\u{e9}",
        "a=setup:perhaps",
        "a=rtpmap:128 VP8/90000",
        "a=rtpmap:96 VP8",
        "a=rtcp-mux:1",
        "a=ssrc:4294967296 cname:x",
        "a=extmap:x urn:y",
        "a=rid:h",
        "a=simulcast:send",
        "a=fingerprint:sha-256 00:11",
        "a=fmtp:300 x=1",
        "a=ice-ufrag:",
        "nonsense",
        "=x",
        "ab=c",
        "m=video 9 UDP/TLS/RTP/SAVPF 128",
        "m=t\u{e9}xt 9 UDP/TLS/RTP/SAVPF 1",
        "m=video 65536 UDP/TLS/RTP/SAVPF 96",
        "m=video 9 SMOKE/SIGNALS 96",
        "m=video",
    ] {
        assert_eq!(media(line), Err(ParseError::Line(6)), "{line}");
    }
    assert_eq!(parse("v=0\no=who knows\n"), Err(ParseError::Line(2)));
}

#[test]
fn a_line_that_is_used_is_not_long() {
    let long = "x".repeat(LINE_BYTES_MAX);
    assert_eq!(media(&format!("a=extmap:1 {long}")), Err(ParseError::Line(6)));
    assert_eq!(media(&format!("a=candidate:1 1 udp 1 {long} 9 typ host")), media(""));
    assert_eq!(media(&format!("a=anything:{long}")), media(""));
}

#[test]
fn a_line_that_is_not_used_may_be_anything() {
    for line in [
        "a=rtcp-xr:rcvr-rtt=all",
        "a=imageattr:96 send [",
        "a=candidate:nonsense",
        "a=crypto:1",
        "a=rtcp-fb:96 app 7",
        "a=ssrc-group:SOME 1 2",
        "a=group:WHATEVER 1",
        "a=fmtp:96",
        "a=fingerprint:md5 00",
        "b=nonsense",
        "k=clear:x",
        "a=",
        "a=extmap:4096 urn:x",
        "a=candidate:1 1 udp 1 host.local 9 typ host",
        "a=candidate:1 1 tcp 1 192.0.2.1 9 typ host",
    ] {
        let plain = media("").unwrap();
        assert_eq!(media(line), Ok(plain), "{line}");
    }
}

#[test]
fn a_second_value_is_refused_where_one_is_meant() {
    for (lines, what) in [
        ("a=mid:0\na=mid:0", "a=mid"),
        ("a=ice-ufrag:a\na=ice-ufrag:b", "a=ice-ufrag"),
        ("a=ice-pwd:a\na=ice-pwd:b", "a=ice-pwd"),
        ("a=setup:active\na=setup:passive", "a=setup"),
        ("a=simulcast:send a\na=simulcast:send b", "a=simulcast"),
        ("a=rtpmap:96 VP8/90000\na=rtpmap:96 VP9/90000", "an a=rtpmap number"),
        ("a=extmap:1 urn:a\na=extmap:1 urn:b", "an a=extmap id"),
    ] {
        assert_eq!(media(lines), Err(ParseError::Repeated { line: 7, what }), "{lines}");
    }
    let twice = media("m=audio 9 UDP/TLS/RTP/SAVPF 0 0");
    assert_eq!(twice, Err(ParseError::Repeated { line: 6, what: "a format" }));
}

#[test]
fn lists_end_at_their_limits() {
    for (max, what, line) in [
        (RIDS_MAX, "a=rid", "a=rid:r# send\n"),
        (EXTENSIONS_MAX, "a=extmap", "a=extmap:# urn:x\n"),
        (SOURCES_MAX, "a=ssrc", "a=ssrc:# cname:x\n"),
        (SOURCES_MAX, "a=ssrc-group", "a=ssrc-group:FID # 2\n"),
    ] {
        let lines = |count| (1..=count).map(|n: usize| line.replace('#', &n.to_string()));
        assert!(media(&lines(max).collect::<String>()).is_ok(), "{what}");
        let error = ParseError::TooMany { line: 6 + max, what };
        assert_eq!(media(&lines(max + 1).collect::<String>()), Err(error));
    }
    let bundle = |mids: usize| with(&format!("a=group:BUNDLE{}", " a".repeat(mids)));
    assert!(bundle(128).is_ok());
    assert_eq!(bundle(129), Err(ParseError::TooMany { line: 5, what: "mids" }));
    let formats = |count| with(&format!("m=text 9 UDP/TLS/RTP/SAVPF{}", formats_of(count)));
    assert!(formats(128).is_ok());
    assert_eq!(formats(129), Err(ParseError::TooMany { line: 5, what: "formats" }));
    let line = |layers: usize| format!("a=simulcast:send {}", vec!["a"; layers].join(";"));
    assert!(media(&line(8)).is_ok());
    let error = ParseError::TooMany { line: 6, what: "simulcast layers" };
    assert_eq!(media(&line(9)), Err(error));
}

fn formats_of(count: usize) -> String {
    (0..count).map(|number| format!(" {number}")).collect()
}

#[test]
fn static_payload_types_need_no_map() {
    let read = with("m=audio 9 UDP/TLS/RTP/SAVPF 0 8 9 77\n").unwrap();
    let names: Vec<_> = read.sections[0].codecs.iter().map(|codec| &codec.name).collect();
    assert_eq!(names, ["PCMU", "PCMA", "G722"]);
}

#[test]
fn a_feedback_wildcard_serves_every_codec() {
    let lines = "a=rtpmap:96 VP8/90000\na=rtpmap:97 VP9/90000\na=rtcp-fb:* nack\na=rtcp-fb:97 nack";
    let read = media(lines).unwrap();
    assert!(read.codecs.iter().all(|codec| codec.feedback == [Feedback::Nack]));
}

#[test]
fn the_largest_description_is_read_in_reasonable_time() {
    // 1,995 lines that reach the parser, close to the limit of bytes.
    let line = "a=rtcp-fb:96 nack pli\n";
    let sections = "m=video 9 UDP/TLS/RTP/SAVPF 96\na=rtpmap:96 VP8/90000\n".repeat(128);
    let text = format!("{sections}{}", line.repeat(1_995 - 256));
    assert_eq!(with(&text).unwrap().sections.len(), 128);
}

/// A description with one line replaced, inserted, cut or repeated.
fn mutated() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a=",
        "m=",
        ":",
        ";",
        "=",
        "/",
        " ",
        "~",
        ",",
        "0",
        "-1",
        "65536",
        "4294967296",
        "*",
        "\r",
        "\u{0}",
        "\u{3000}",
        "rid=",
        "pt=",
        "apt=",
        "sha-256 ",
        "typ host raddr",
    ]);
    let edit = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), piece, 0..5u8);
    let text = prop::sample::select(ALL.to_vec());
    (text, prop::collection::vec(edit, 1..6)).prop_map(|(text, edits)| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (line, column, piece, how) in edits {
            let at = line.index(lines.len());
            let line = &mut lines[at];
            let mut column = column.index(line.len() + 1);
            while !line.is_char_boundary(column) {
                column -= 1;
            }
            match how {
                0 => line.insert_str(column, piece),
                1 => line.truncate(column),
                2 => *line = line.split_off(column),
                3 => {
                    let copy = line.clone();
                    lines.push(copy);
                }
                _ => drop(lines.remove(at)),
            }
            if lines.is_empty() {
                lines.push(String::new());
            }
        }
        lines.join("\r\n")
    })
}

fn one_of_each() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "candidate:",
        "extmap:",
        "fingerprint:sha-256 ",
        "fmtp:96 ",
        "group:",
        "mid:",
        "msid:",
        "rid:",
        "rtcp-fb:",
        "rtpmap:",
        "setup:",
        "simulcast:",
        "ssrc:",
        "ssrc-group:FID ",
        "ice-ufrag:",
        "candidate:1 1 udp 1 ",
        "rid:h send ",
        "simulcast:send ",
        "ssrc:1 ",
    ]);
    (name, "[ -~]{0,40}|\\PC{0,20}").prop_map(|(name, value)| format!("a={name}{value}"))
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(v=0\n)?(\\PC|\n){0,200}") {
        prop_assert!(parse(&text).is_err() || text.starts_with("v=0"));
    }

    #[test]
    fn mutated_descriptions_never_panic_and_write_what_they_read(text in mutated()) {
        if let Ok(read) = parse(&text) {
            prop_assert_eq!(parse(&read.to_string()), Ok(read));
        }
    }

    #[test]
    fn arbitrary_attributes_never_panic_and_write_what_they_read(
        lines in prop::collection::vec(one_of_each(), 1..8),
    ) {
        if let Ok(read) = media(&lines.join("\n")) {
            let whole = Description { sections: vec![read], ..Description::default() };
            prop_assert_eq!(parse(&whole.to_string()), Ok(whole));
        }
    }
}
