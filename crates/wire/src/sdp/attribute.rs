//! The attributes of one level: collected line by line, then laid over what
//! the level above says.

use super::{
    CANDIDATES_MAX, CODECS_MAX, Codec, Direction, EXTENSIONS_MAX, Extension, Feedback, Ice, Media,
    Msid, ParseError, RIDS_MAX, Rid, SOURCES_MAX, Section, Setup, Simulcast, Source,
    TOKEN_BYTES_MAX,
};
use parlour_base::Secret;
use std::net::SocketAddr;
use webrtc_sdp::address::Address;
use webrtc_sdp::attribute_type as parsed;
use webrtc_sdp::attribute_type::SdpAttribute;
use webrtc_sdp::error::SdpParserError;
use webrtc_sdp::{SdpType, parse_sdp_line};

/// Longest `a=fmtp` value that is kept, in bytes; H.264 parameter sets are the
/// longest in use.
const FMTP_BYTES_MAX: usize = 1_024;

/// Whether an attribute reaches the parser. Everything else is skipped unread,
/// which also keeps its oddities (`rtcp-xr`, `imageattr`, …) away from us.
fn is_used(name: &str) -> bool {
    matches!(
        name,
        "bundle-only"
            | "end-of-candidates"
            | "extmap"
            | "extmap-allow-mixed"
            | "fingerprint"
            | "group"
            | "ice-lite"
            | "ice-pwd"
            | "ice-ufrag"
            | "inactive"
            | "mid"
            | "msid"
            | "recvonly"
            | "rid"
            | "rtcp-fb"
            | "rtcp-mux"
            | "rtcp-rsize"
            | "rtpmap"
            | "sendonly"
            | "sendrecv"
            | "setup"
            | "simulcast"
            | "ssrc"
            | "ssrc-group"
    )
}

/// What the attribute lines of one level say.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) allow_mixed: bool,
    pub(super) bundle: Option<Vec<String>>,
    pub(super) ice_lite: bool,
    bundle_only: bool,
    candidates: Vec<SocketAddr>,
    codecs: Vec<Codec>,
    direction: Option<Direction>,
    end_of_candidates: bool,
    extensions: Vec<Extension>,
    /// Payload type (`None` = all of them) and kind.
    feedback: Vec<(Option<u8>, Feedback)>,
    fingerprint: Option<[u8; 32]>,
    fmtp: Vec<(u8, String)>,
    mid: Option<String>,
    msid: Option<Msid>,
    pwd: Option<String>,
    repairs: Vec<(u32, u32)>,
    rids: Vec<Rid>,
    rtcp_mux: bool,
    rtcp_rsize: bool,
    setup: Option<Setup>,
    simulcast: Option<Simulcast>,
    sources: Vec<Source>,
    ufrag: Option<String>,
}

impl Attributes {
    /// Reads one `a=` line; `value` is what follows the `=`.
    pub(super) fn read(
        &mut self,
        number: usize,
        line: &str,
        value: &str,
    ) -> Result<(), ParseError> {
        let (name, rest) = value.split_once(':').unwrap_or((value, ""));
        match name {
            "fmtp" => self.format_parameters(number, rest),
            "candidate" => {
                self.candidate(number, line);
                Ok(())
            }
            // The parser wants lower case, the standard wrote upper case.
            "fingerprint" => self.parse(number, &line.to_ascii_lowercase()),
            name if is_used(name) => self.parse(number, line),
            _ => Ok(()),
        }
    }

    /// The parser drops parameters that it does not know, and a subscriber
    /// may need them: kept as text of harmless characters instead.
    fn format_parameters(&mut self, line: usize, rest: &str) -> Result<(), ParseError> {
        let Some((format, value)) = rest.split_once(' ') else { return Ok(()) };
        let value = value.trim();
        let payload_type = format.parse().ok().filter(|number| *number < 128);
        let harmless = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        match payload_type {
            Some(payload_type) if harmless && value.len() <= FMTP_BYTES_MAX => {
                if self.fmtp.iter().all(|(known, _)| *known != payload_type) {
                    self.fmtp.push((payload_type, value.to_owned()));
                }
                Ok(())
            }
            _ => Err(ParseError::Line(line)),
        }
    }

    /// Candidates are a hint: whatever is wrong with one, it is only skipped.
    fn candidate(&mut self, number: usize, line: &str) {
        let Ok(SdpType::Attribute(SdpAttribute::Candidate(candidate))) =
            parse_sdp_line(line, number).map(|line| line.sdp_type)
        else {
            return;
        };
        let host = matches!(candidate.c_type, parsed::SdpAttributeCandidateType::Host);
        let udp = matches!(candidate.transport, parsed::SdpAttributeCandidateTransport::Udp);
        if let (true, true, 1, Address::Ip(ip), Ok(port)) =
            (host, udp, candidate.component, candidate.address, u16::try_from(candidate.port))
            && self.candidates.len() < CANDIDATES_MAX
        {
            self.candidates.push(SocketAddr::new(ip, port));
        }
    }

    fn parse(&mut self, number: usize, line: &str) -> Result<(), ParseError> {
        match parse_sdp_line(line, number).map(|line| line.sdp_type) {
            Ok(SdpType::Attribute(attribute)) => self.take(number, attribute),
            // A kind of feedback, group or hash that the parser does not know
            // is one that we have no use for.
            Err(SdpParserError::Unsupported { .. }) => Ok(()),
            _ => Err(ParseError::Line(number)),
        }
    }

    fn take(&mut self, line: usize, attribute: SdpAttribute) -> Result<(), ParseError> {
        match attribute {
            SdpAttribute::BundleOnly => self.bundle_only = true,
            SdpAttribute::EndOfCandidates => self.end_of_candidates = true,
            SdpAttribute::ExtmapAllowMixed => self.allow_mixed = true,
            SdpAttribute::IceLite => self.ice_lite = true,
            SdpAttribute::RtcpMux => self.rtcp_mux = true,
            SdpAttribute::RtcpRsize => self.rtcp_rsize = true,
            SdpAttribute::Inactive => self.direction = Some(Direction::Inactive),
            SdpAttribute::Recvonly => self.direction = Some(Direction::RecvOnly),
            SdpAttribute::Sendonly => self.direction = Some(Direction::SendOnly),
            SdpAttribute::Sendrecv => self.direction = Some(Direction::SendRecv),
            SdpAttribute::Mid(mid) => once(line, "a=mid", &mut self.mid, token(line, mid)?)?,
            SdpAttribute::IceUfrag(ufrag) => {
                once(line, "a=ice-ufrag", &mut self.ufrag, token(line, ufrag)?)?;
            }
            SdpAttribute::IcePwd(pwd) => {
                once(line, "a=ice-pwd", &mut self.pwd, token(line, pwd)?)?;
            }
            SdpAttribute::Setup(setup) => {
                once(line, "a=setup", &mut self.setup, role(&setup))?;
            }
            SdpAttribute::Simulcast(simulcast) => {
                let simulcast = layers(line, simulcast)?;
                once(line, "a=simulcast", &mut self.simulcast, simulcast)?;
            }
            SdpAttribute::Msid(msid) => {
                let msid = Msid {
                    stream: token(line, msid.id)?,
                    track: msid.appdata.map(|track| token(line, track)).transpose()?,
                };
                self.msid.get_or_insert(msid);
            }
            SdpAttribute::Fingerprint(fingerprint) => {
                // Of other lengths: another hash.
                let sha256 = <[u8; 32]>::try_from(fingerprint.fingerprint).ok();
                self.fingerprint = self.fingerprint.or(sha256);
            }
            SdpAttribute::Group(group) => self.group(line, group)?,
            SdpAttribute::Extmap(extmap) => self.extension(line, extmap)?,
            SdpAttribute::Rtcpfb(feedback) => self.feedback(&feedback),
            SdpAttribute::Rtpmap(rtpmap) => self.codec(line, rtpmap)?,
            SdpAttribute::Rid(rid) => {
                let send = matches!(rid.direction, parsed::SdpSingleDirection::Send);
                let rid = Rid { id: token(line, rid.id)?, send };
                room(line, "a=rid", self.rids.len(), RIDS_MAX)?;
                self.rids.push(rid);
            }
            SdpAttribute::Ssrc(ssrc) => self.source(line, ssrc)?,
            SdpAttribute::SsrcGroup(parsed::SdpSsrcGroupSemantic::FlowIdentification, group) => {
                if let [media, repair] = group.as_slice() {
                    room(line, "a=ssrc-group", self.repairs.len(), SOURCES_MAX)?;
                    self.repairs.push((media.id, repair.id));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn group(&mut self, line: usize, group: parsed::SdpAttributeGroup) -> Result<(), ParseError> {
        let bundle = matches!(group.semantics, parsed::SdpAttributeGroupSemantic::Bundle);
        if bundle && self.bundle.is_none() {
            let mids = group.tags.into_iter().map(|mid| token(line, mid));
            self.bundle = Some(mids.collect::<Result<_, _>>()?);
        }
        Ok(())
    }

    fn extension(
        &mut self,
        line: usize,
        extmap: parsed::SdpAttributeExtmap,
    ) -> Result<(), ParseError> {
        // Ids above 255 only reserve a place (RFC 8285 §6) and never appear
        // in packets.
        let Some(id) = u8::try_from(extmap.id).ok().filter(|id| *id > 0) else {
            return Ok(());
        };
        if self.extensions.iter().any(|known| known.id == id) {
            return Err(ParseError::Repeated { line, what: "an a=extmap id" });
        }
        room(line, "a=extmap", self.extensions.len(), EXTENSIONS_MAX)?;
        let direction = extmap.direction.map(|direction| match direction {
            parsed::SdpAttributeDirection::Recvonly => Direction::RecvOnly,
            parsed::SdpAttributeDirection::Sendonly => Direction::SendOnly,
            parsed::SdpAttributeDirection::Sendrecv => Direction::SendRecv,
        });
        self.extensions.push(Extension { id, direction, uri: token(line, extmap.url)? });
        Ok(())
    }

    fn feedback(&mut self, feedback: &parsed::SdpAttributeRtcpFb) {
        use parsed::SdpAttributeRtcpFbType as Kind;
        let kind = match (&feedback.feedback_type, feedback.parameter.as_str()) {
            (Kind::Nack, "") => Feedback::Nack,
            (Kind::Nack, "pli") => Feedback::NackPli,
            (Kind::Ccm, "fir") => Feedback::CcmFir,
            (Kind::Remb, "") => Feedback::GoogRemb,
            (Kind::TransCc, "") => Feedback::TransportCc,
            _ => return,
        };
        let payload_type = match feedback.payload_type {
            parsed::SdpAttributePayloadType::PayloadType(number) => Some(number),
            parsed::SdpAttributePayloadType::Wildcard => None,
        };
        self.feedback.push((payload_type, kind));
    }

    fn codec(&mut self, line: usize, map: parsed::SdpAttributeRtpmap) -> Result<(), ParseError> {
        if self.codecs.iter().any(|codec| codec.payload_type == map.payload_type) {
            return Err(ParseError::Repeated { line, what: "an a=rtpmap number" });
        }
        room(line, "a=rtpmap", self.codecs.len(), CODECS_MAX)?;
        self.codecs.push(Codec {
            payload_type: map.payload_type,
            name: token(line, map.codec_name)?,
            clock: map.frequency,
            channels: map.channels,
            feedback: Vec::new(),
            fmtp: String::new(),
        });
        Ok(())
    }

    fn source(&mut self, line: usize, ssrc: parsed::SdpAttributeSsrc) -> Result<(), ParseError> {
        if self.sources.iter().all(|known| known.ssrc != ssrc.id) {
            room(line, "a=ssrc", self.sources.len(), SOURCES_MAX)?;
            self.sources.push(Source { ssrc: ssrc.id, cname: None, msid: None });
        }
        let known = self.sources.iter_mut().find(|known| known.ssrc == ssrc.id);
        let (Some(known), Some(value)) = (known, ssrc.value) else { return Ok(()) };
        match ssrc.attribute.as_deref() {
            Some("cname") => known.cname = Some(token(line, value)?),
            Some("msid") => {
                let mut parts = value.split_whitespace().map(str::to_owned);
                if let Some(stream) = parts.next() {
                    let stream = token(line, stream)?;
                    let track = parts.next().map(|track| token(line, track)).transpose()?;
                    known.msid = Some(Msid { stream, track });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Lays these attributes, and those of the session below them, over a
    /// section that has only its `m=` line.
    pub(super) fn apply(self, session: &Self, section: &mut Section) {
        let ufrag = self.ufrag.or_else(|| session.ufrag.clone());
        let pwd = self.pwd.or_else(|| session.pwd.clone());
        let media = matches!(section.media, Media::Audio | Media::Video);
        section.codecs = match media {
            true => codecs(&section.formats, &self.codecs, &self.fmtp, &self.feedback),
            false => Vec::new(),
        };
        section.allow_mixed = self.allow_mixed;
        section.bundle_only = self.bundle_only;
        section.candidates = self.candidates;
        section.direction = self.direction.or(session.direction).unwrap_or_default();
        section.end_of_candidates = self.end_of_candidates;
        section.extensions = self.extensions;
        section.fingerprint = self.fingerprint.or(session.fingerprint);
        section.ice = ufrag.zip(pwd).map(|(ufrag, pwd)| Ice { ufrag, pwd: Secret::new(pwd) });
        section.mid = self.mid;
        section.msid = self.msid;
        section.repairs = self.repairs;
        section.rids = self.rids;
        section.rtcp_mux = self.rtcp_mux;
        section.rtcp_rsize = self.rtcp_rsize;
        section.setup = self.setup.or(session.setup);
        section.simulcast = self.simulcast;
        section.sources = self.sources;
    }
}

/// The codecs of a section in the order of its formats.
fn codecs(
    formats: &[String],
    maps: &[Codec],
    fmtp: &[(u8, String)],
    feedback: &[(Option<u8>, Feedback)],
) -> Vec<Codec> {
    let numbers = formats.iter().filter_map(|format| format.parse().ok());
    let found = numbers.filter_map(|payload_type: u8| {
        let map = maps.iter().find(|map| map.payload_type == payload_type);
        let mut codec = map.cloned().or_else(|| static_codec(payload_type))?;
        for (number, kind) in feedback {
            if number.is_none_or(|number| number == payload_type) && !codec.feedback.contains(kind)
            {
                codec.feedback.push(*kind);
            }
        }
        if let Some((_, value)) = fmtp.iter().find(|(number, _)| *number == payload_type) {
            codec.fmtp.clone_from(value);
        }
        Some(codec)
    });
    found.collect()
}

/// Payload types that need no `a=rtpmap` (RFC 3551 §6), as far as we carry
/// them.
fn static_codec(payload_type: u8) -> Option<Codec> {
    let name = match payload_type {
        0 => "PCMU",
        8 => "PCMA",
        9 => "G722",
        _ => return None,
    };
    Some(Codec {
        payload_type,
        name: name.to_owned(),
        clock: 8_000,
        channels: None,
        feedback: Vec::new(),
        fmtp: String::new(),
    })
}

fn role(setup: &parsed::SdpAttributeSetup) -> Setup {
    match setup {
        parsed::SdpAttributeSetup::Active => Setup::Active,
        parsed::SdpAttributeSetup::Passive => Setup::Passive,
        parsed::SdpAttributeSetup::Actpass => Setup::ActPass,
        parsed::SdpAttributeSetup::Holdconn => Setup::HoldConn,
    }
}

fn layers(line: usize, simulcast: parsed::SdpAttributeSimulcast) -> Result<Simulcast, ParseError> {
    let list = |versions: Vec<parsed::SdpAttributeSimulcastVersion>| {
        room(line, "simulcast layers", versions.len().saturating_sub(1), RIDS_MAX)?;
        let first = |version: parsed::SdpAttributeSimulcastVersion| version.ids.into_iter().next();
        let ids = versions.into_iter().filter_map(first);
        ids.map(|layer| token(line, layer.id)).collect::<Result<Vec<_>, _>>()
    };
    Ok(Simulcast { send: list(simulcast.send)?, recv: list(simulcast.receive)? })
}

/// Text without spaces that may be repeated to others: visible ASCII.
fn token(line: usize, text: String) -> Result<String, ParseError> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    match visible && (1..=TOKEN_BYTES_MAX).contains(&text.len()) {
        true => Ok(text),
        false => Err(ParseError::Line(line)),
    }
}

fn once<T>(
    line: usize,
    what: &'static str,
    place: &mut Option<T>,
    value: T,
) -> Result<(), ParseError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(ParseError::Repeated { line, what }),
    }
}

fn room(line: usize, what: &'static str, have: usize, max: usize) -> Result<(), ParseError> {
    match have < max {
        true => Ok(()),
        false => Err(ParseError::TooMany { line, what }),
    }
}
