//! Descriptions as small as they may be, from templates.

/// What a client publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Audio,
    Camera,
    Simulcast,
}

/// One side's ICE credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub ufrag: String,
    pub pwd: String,
}

impl Credentials {
    /// Those of this number.
    pub(crate) fn numbered(number: u32) -> Self {
        Self { ufrag: format!("u{number:05}"), pwd: format!("aaaabbbbccccddddeeee{number:05}") }
    }
}

/// What a description says about its side of the transport.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub credentials: Credentials,
    pub fingerprint: [u8; 32],
    /// Announced sources of each section, media and resends; empty if none
    /// are.
    pub ssrcs: Vec<(u32, u32)>,
}

impl Side {
    /// Somebody without a transport.
    pub(crate) fn numbered(number: u32) -> Self {
        let credentials = Credentials::numbered(number);
        Self { credentials, fingerprint: [0xAB; 32], ssrcs: Vec::new() }
    }
}

const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

/// Header extensions, with the numbers that Chromium gives them.
const SOUND_EXTENSIONS: &str = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";
const PICTURE_EXTENSIONS: &str = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
    a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
    a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n\
    a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n";
const PICTURE_CODECS: &str = "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
    a=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 transport-cc\r\n\
    a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n";

fn transport(section: &mut String, side: &Side, setup: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let Credentials { ufrag, pwd } = &side.credentials;
    let head = ["c=IN IP4 0.0.0.0\r\na=ice-ufrag:", ufrag, "\r\na=ice-pwd:", pwd];
    head.into_iter().for_each(|part| section.push_str(part));
    section.push_str("\r\na=fingerprint:sha-256");
    for (at, byte) in side.fingerprint.iter().enumerate() {
        section.push(if at == 0 { ' ' } else { ':' });
        section.push(char::from(DIGITS[usize::from(byte >> 4)]));
        section.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    for part in ["\r\na=setup:", setup, "\r\na=rtcp-mux\r\n"] {
        section.push_str(part);
    }
}

/// An offer of a publisher.
pub(crate) fn offer(shape: Shape, side: &Side) -> String {
    let video = shape != Shape::Audio;
    let mut text = HEAD.to_owned();
    text.push_str(if video { "a=group:BUNDLE 0 1\r\n" } else { "a=group:BUNDLE 0\r\n" });
    text.push_str("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
    transport(&mut text, side, "actpass");
    text.push_str("a=mid:0\r\na=sendonly\r\na=msid:s a\r\na=rtpmap:111 opus/48000/2\r\n");
    text.push_str(SOUND_EXTENSIONS);
    if let Some((media, _)) = side.ssrcs.first() {
        text.push_str(&format!("a=ssrc:{media} cname:phone\r\n"));
    }
    if video {
        text.push_str("m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n");
        transport(&mut text, side, "actpass");
        text.push_str("a=mid:1\r\na=sendonly\r\na=msid:s v\r\n");
        text.push_str(PICTURE_CODECS);
        text.push_str(PICTURE_EXTENSIONS);
    }
    match (shape, side.ssrcs.get(1)) {
        (Shape::Simulcast, _) => {
            text.push_str("a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n");
        }
        (Shape::Camera, Some((media, repair))) => text.push_str(&format!(
            "a=ssrc-group:FID {media} {repair}\r\na=ssrc:{media} cname:phone\r\n\
             a=ssrc:{repair} cname:phone\r\n"
        )),
        _ => {}
    }
    text
}

/// The answer to an offer of the server, which takes everything.
pub(crate) fn answer(offer: &str, side: &Side) -> String {
    let mut text = HEAD.to_owned();
    let repeat = |text: &mut String, line: &str| {
        text.push_str(line);
        text.push_str("\r\n");
    };
    offer.lines().filter(|l| l.starts_with("a=group:")).for_each(|l| repeat(&mut text, l));
    for line in offer.lines().skip_while(|line| !line.starts_with("m=")) {
        match line {
            media if media.starts_with("m=") => {
                repeat(&mut text, media);
                transport(&mut text, side, "active");
            }
            "a=sendonly" => text.push_str("a=recvonly\r\n"),
            same if ["a=mid:", "a=rtpmap:", "a=inactive"].iter().any(|p| same.starts_with(p)) => {
                repeat(&mut text, same);
            }
            _ => {}
        }
    }
    text
}
