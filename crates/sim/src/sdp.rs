//! Descriptions as small as they may be, from templates.

/// What a client publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Audio,
    Camera,
    Simulcast,
}

const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

fn transport(section: &mut String, restart: u32, setup: &str) {
    let fingerprint = vec!["AB"; 32].join(":");
    section.push_str(&format!(
        "c=IN IP4 0.0.0.0\r\na=ice-ufrag:u{restart:05}\r\na=ice-pwd:aaaabbbbccccddddeeee{restart:05}\r\n\
         a=fingerprint:sha-256 {fingerprint}\r\na=setup:{setup}\r\na=rtcp-mux\r\n"
    ));
}

/// An offer of a publisher; `restart` numbers its ICE credentials.
pub(crate) fn offer(shape: Shape, restart: u32) -> String {
    let video = shape != Shape::Audio;
    let mut text = HEAD.to_owned();
    text.push_str(if video { "a=group:BUNDLE 0 1\r\n" } else { "a=group:BUNDLE 0\r\n" });
    text.push_str("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
    transport(&mut text, restart, "actpass");
    text.push_str("a=mid:0\r\na=sendonly\r\na=msid:s a\r\na=rtpmap:111 opus/48000/2\r\n");
    if video {
        text.push_str("m=video 9 UDP/TLS/RTP/SAVPF 96\r\n");
        transport(&mut text, restart, "actpass");
        text.push_str("a=mid:1\r\na=sendonly\r\na=msid:s v\r\na=rtpmap:96 VP8/90000\r\n");
    }
    if shape == Shape::Simulcast {
        text.push_str("a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n");
    }
    text
}

/// The answer to an offer of the server, which takes everything.
pub(crate) fn answer(offer: &str) -> String {
    let mut text = HEAD.to_owned();
    text.extend(offer.lines().filter(|l| l.starts_with("a=group:")).map(|l| format!("{l}\r\n")));
    for line in offer.lines().skip_while(|line| !line.starts_with("m=")) {
        match line {
            media if media.starts_with("m=") => {
                text.push_str(&format!("{media}\r\n"));
                transport(&mut text, 0, "active");
            }
            "a=sendonly" => text.push_str("a=recvonly\r\n"),
            same if ["a=mid:", "a=rtpmap:", "a=inactive"].iter().any(|p| same.starts_with(p)) => {
                text.push_str(&format!("{same}\r\n"));
            }
            _ => {}
        }
    }
    text
}
