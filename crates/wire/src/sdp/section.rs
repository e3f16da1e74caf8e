//! One section: its `m=` line, then its attributes laid over those of the
//! session.

use super::attribute::{Attributes, room, token};
use super::{CODECS_MAX, Codec, Feedback, Ice, Media, ParseError, Section};
use parlour_base::Secret;
use webrtc_sdp::media_type::{SdpFormatList, SdpMediaLine, SdpMediaValue};

/// An empty section from its `m=` line.
pub(super) fn from_media_line(number: usize, line: SdpMediaLine) -> Result<Section, ParseError> {
    let formats: Vec<String> = match line.formats {
        SdpFormatList::Integers(numbers) => {
            if numbers.iter().any(|number| *number > 127) {
                return Err(ParseError::Line(number));
            }
            numbers.iter().map(u32::to_string).collect()
        }
        SdpFormatList::Strings(formats) => formats,
        SdpFormatList::Unknown(formats) => formats.split_whitespace().map(str::to_owned).collect(),
    };
    room(number, "formats", formats.len().saturating_sub(1), CODECS_MAX)?;
    let formats: Vec<_> =
        formats.into_iter().map(|format| token(number, format)).collect::<Result<_, _>>()?;
    let repeated = (1..formats.len()).any(|end| {
        let (before, rest) = formats.split_at(end);
        rest.first().is_some_and(|format| before.contains(format))
    });
    if repeated {
        return Err(ParseError::Repeated { line: number, what: "a format" });
    }
    let media = match line.media {
        SdpMediaValue::Audio => Media::Audio,
        SdpMediaValue::Video => Media::Video,
        SdpMediaValue::Application => Media::Application,
        SdpMediaValue::Unknown(name) => Media::Other(token(number, name)?),
    };
    Ok(Section {
        port: u16::try_from(line.port).map_err(|_| ParseError::Line(number))?,
        protocol: line.proto.to_string(),
        formats,
        ..Section::new(media)
    })
}

impl Attributes {
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
