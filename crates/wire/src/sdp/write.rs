//! The writer: every line from the types, none from what was read.

use super::{Codec, Description, Direction, Feedback, Media, Msid, Section, Setup, Simulcast};
use std::fmt;
use std::net::SocketAddr;

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v=0\r\n")?;
        write!(f, "o=- {} {} IN IP4 127.0.0.1\r\n", self.session, self.version)?;
        write!(f, "s=-\r\nt=0 0\r\n")?;
        flag(f, self.ice_lite, "ice-lite")?;
        if let Some(mids) = &self.bundle {
            write!(f, "a=group:BUNDLE")?;
            for mid in mids {
                write!(f, " {mid}")?;
            }
            write!(f, "\r\n")?;
        }
        flag(f, self.allow_mixed, "extmap-allow-mixed")?;
        self.sections.iter().try_for_each(|section| section.fmt(f))
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let media = match &self.media {
            Media::Audio => "audio",
            Media::Video => "video",
            Media::Application => "application",
            Media::Other(name) => name,
        };
        write!(f, "m={media} {} {}", self.port, self.protocol)?;
        for format in &self.formats {
            write!(f, " {format}")?;
        }
        // Firefox wants a c= line even in a refused section.
        write!(f, "\r\nc=IN IP4 0.0.0.0\r\n")?;
        self.transport(f)?;
        if let Some(mid) = &self.mid {
            write!(f, "a=mid:{mid}\r\n")?;
        }
        flag(f, self.bundle_only, "bundle-only")?;
        flag(f, self.allow_mixed, "extmap-allow-mixed")?;
        for extension in &self.extensions {
            write!(f, "a=extmap:{}", extension.id)?;
            if let Some(direction) = extension.direction {
                write!(f, "/{}", direction_name(direction))?;
            }
            write!(f, " {}\r\n", extension.uri)?;
        }
        write!(f, "a={}\r\n", direction_name(self.direction))?;
        if let Some(msid) = &self.msid {
            write!(f, "a=msid:{msid}\r\n")?;
        }
        flag(f, self.rtcp_mux, "rtcp-mux")?;
        flag(f, self.rtcp_rsize, "rtcp-rsize")?;
        self.codecs.iter().try_for_each(|codec| write_codec(f, codec))?;
        self.layers(f)?;
        self.sources(f)
    }
}

impl Section {
    fn transport(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.candidates.iter().enumerate() {
            write_candidate(f, index, *address)?;
        }
        flag(f, self.end_of_candidates, "end-of-candidates")?;
        if let Some(ice) = &self.ice {
            write!(f, "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", ice.ufrag, ice.pwd.expose())?;
        }
        if let Some(fingerprint) = &self.fingerprint {
            write!(f, "a=fingerprint:sha-256 ")?;
            for (index, byte) in fingerprint.iter().enumerate() {
                let colon = if index == 0 { "" } else { ":" };
                write!(f, "{colon}{byte:02X}")?;
            }
            write!(f, "\r\n")?;
        }
        let Some(setup) = self.setup else { return Ok(()) };
        let setup = match setup {
            Setup::Active => "active",
            Setup::Passive => "passive",
            Setup::ActPass => "actpass",
            Setup::HoldConn => "holdconn",
        };
        write!(f, "a=setup:{setup}\r\n")
    }

    fn layers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rid in &self.rids {
            let direction = if rid.send { "send" } else { "recv" };
            write!(f, "a=rid:{} {direction}\r\n", rid.id)?;
        }
        let Some(Simulcast { send, recv }) = &self.simulcast else { return Ok(()) };
        let lists = [("send", send), ("recv", recv)];
        let named = lists.into_iter().filter(|(_, layers)| !layers.is_empty());
        for (index, (direction, layers)) in named.enumerate() {
            let head = if index == 0 { "a=simulcast:" } else { " " };
            write!(f, "{head}{direction} {}", layers.join(";"))?;
        }
        match send.is_empty() && recv.is_empty() {
            true => Ok(()),
            false => write!(f, "\r\n"),
        }
    }

    fn sources(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (media, repair) in &self.repairs {
            write!(f, "a=ssrc-group:FID {media} {repair}\r\n")?;
        }
        for source in &self.sources {
            let ssrc = source.ssrc;
            if source.cname.is_none() && source.msid.is_none() {
                write!(f, "a=ssrc:{ssrc}\r\n")?;
            }
            if let Some(cname) = &source.cname {
                write!(f, "a=ssrc:{ssrc} cname:{cname}\r\n")?;
            }
            if let Some(msid) = &source.msid {
                write!(f, "a=ssrc:{ssrc} msid:{msid}\r\n")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Msid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stream)?;
        self.track.iter().try_for_each(|track| write!(f, " {track}"))
    }
}

fn write_codec(f: &mut fmt::Formatter<'_>, codec: &Codec) -> fmt::Result {
    let number = codec.payload_type;
    write!(f, "a=rtpmap:{number} {}/{}", codec.name, codec.clock)?;
    if let Some(channels) = codec.channels {
        write!(f, "/{channels}")?;
    }
    write!(f, "\r\n")?;
    for kind in &codec.feedback {
        let kind = match kind {
            Feedback::Nack => "nack",
            Feedback::NackPli => "nack pli",
            Feedback::CcmFir => "ccm fir",
            Feedback::GoogRemb => "goog-remb",
            Feedback::TransportCc => "transport-cc",
        };
        write!(f, "a=rtcp-fb:{number} {kind}\r\n")?;
    }
    match codec.fmtp.as_str() {
        "" => Ok(()),
        fmtp => write!(f, "a=fmtp:{number} {fmtp}\r\n"),
    }
}

/// A host candidate on UDP. The priority follows RFC 8445 §5.1.2.1, addresses
/// named earlier first.
fn write_candidate(f: &mut fmt::Formatter<'_>, index: usize, address: SocketAddr) -> fmt::Result {
    let local = 65_535u32.saturating_sub(u32::try_from(index).unwrap_or(u32::MAX));
    let priority = (126 << 24) | (local << 8) | 255;
    let (ip, port) = (address.ip(), address.port());
    let foundation = index.saturating_add(1);
    write!(f, "a=candidate:{foundation} 1 udp {priority} {ip} {port} typ host\r\n")
}

fn flag(f: &mut fmt::Formatter<'_>, set: bool, name: &str) -> fmt::Result {
    match set {
        true => write!(f, "a={name}\r\n"),
        false => Ok(()),
    }
}

fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::SendRecv => "sendrecv",
        Direction::SendOnly => "sendonly",
        Direction::RecvOnly => "recvonly",
        Direction::Inactive => "inactive",
    }
}
