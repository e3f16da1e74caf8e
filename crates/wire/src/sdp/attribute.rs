//! The attributes of one level, collected line by line.

use super::read::{Unread, read_line};
use super::{
    CANDIDATES_MAX, CODECS_MAX, Codec, Direction, EXTENSIONS_MAX, Extension, Feedback, Msid,
    ParseError, RIDS_MAX, Rid, SOURCES_MAX, Setup, Simulcast, Source, TOKEN_BYTES_MAX,
};
use parlour_base::limits::SDP_SECTIONS_MAX;
use std::net::SocketAddr;
use webrtc_sdp::SdpType;
use webrtc_sdp::address::Address;
use webrtc_sdp::attribute_type as parsed;
use webrtc_sdp::attribute_type::SdpAttribute;

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
    pub(super) bundle_only: bool,
    pub(super) candidates: Vec<SocketAddr>,
    pub(super) codecs: Vec<Codec>,
    pub(super) direction: Option<Direction>,
    pub(super) end_of_candidates: bool,
    pub(super) extensions: Vec<Extension>,
    /// Payload type (`None` = all of them) and kind.
    pub(super) feedback: Vec<(Option<u8>, Feedback)>,
    pub(super) fingerprint: Option<[u8; 32]>,
    pub(super) fmtp: Vec<(u8, String)>,
    pub(super) mid: Option<String>,
    pub(super) msid: Option<Msid>,
    pub(super) pwd: Option<String>,
    pub(super) repairs: Vec<(u32, u32)>,
    pub(super) rids: Vec<Rid>,
    pub(super) rtcp_mux: bool,
    pub(super) rtcp_rsize: bool,
    pub(super) setup: Option<Setup>,
    pub(super) simulcast: Option<Simulcast>,
    pub(super) sources: Vec<Source>,
    pub(super) ufrag: Option<String>,
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
                self.candidate(line);
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
    fn candidate(&mut self, line: &str) {
        let Ok(SdpType::Attribute(SdpAttribute::Candidate(candidate))) = read_line(line) else {
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
        match read_line(line) {
            Ok(SdpType::Attribute(attribute)) => self.take(number, attribute),
            // A kind of feedback, group or hash that the parser does not know
            // is one that we have no use for.
            Err(Unread::Unknown) => Ok(()),
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
            room(line, "mids", group.tags.len().saturating_sub(1), SDP_SECTIONS_MAX)?;
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
pub(super) fn token(line: usize, text: String) -> Result<String, ParseError> {
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

pub(super) fn room(
    line: usize,
    what: &'static str,
    have: usize,
    max: usize,
) -> Result<(), ParseError> {
    match have < max {
        true => Ok(()),
        false => Err(ParseError::TooMany { line, what }),
    }
}
