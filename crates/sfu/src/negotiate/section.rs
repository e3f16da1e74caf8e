//! One section of a publisher's offer: what we answer, and what goes into the
//! plan.

use super::codec::{self, Accepted};
use super::extension;
use crate::plan::{Codec, CodecName, ExtensionIds, Kind, UpCodec, UpSection};
use parlour_wire::sdp::{
    self, Direction, Extension, Feedback, Media, Msid, Rid, Section, Simulcast,
};

fn kind(section: &Section) -> Kind {
    match section.media {
        Media::Audio => Kind::Audio,
        _ => Kind::Video,
    }
}

/// A section with port 0, otherwise only what the offer said.
pub(super) fn refuse(section: &Section) -> (Section, UpSection) {
    let answer = Section {
        port: 0,
        protocol: section.protocol.clone(),
        formats: section.formats.clone(),
        mid: section.mid.clone(),
        direction: Direction::Inactive,
        ..Section::new(section.media.clone())
    };
    let plan = UpSection {
        mid: section.mid.clone().unwrap_or_default(),
        kind: kind(section),
        codecs: Vec::new(),
        extensions: ExtensionIds::default(),
        ssrcs: Vec::new(),
        rids: Vec::new(),
        active: false,
        msid: None,
    };
    (answer, plan)
}

/// Accepts what can be forwarded; refuses the section if that is nothing.
pub(super) fn agree(section: &Section, allowed: &[CodecName]) -> (Section, UpSection) {
    let kind = kind(section);
    let accepted = codec::accepted(section, kind, allowed);
    if accepted.is_empty() {
        return refuse(section);
    }
    let active = matches!(section.direction, Direction::SendOnly | Direction::SendRecv);
    let (mut extensions, mut ids) = extension::accepted(&section.extensions, kind);
    let codecs = codecs(kind, &accepted, &mut extensions, &mut ids);
    let layers = layers(section, kind);
    let answer = Section {
        protocol: section.protocol.clone(),
        formats: codecs.iter().map(|codec| codec.payload_type.to_string()).collect(),
        mid: section.mid.clone(),
        direction: if active { Direction::RecvOnly } else { Direction::Inactive },
        rtcp_rsize: section.rtcp_rsize,
        allow_mixed: section.allow_mixed,
        codecs,
        extensions,
        rids: layers.iter().map(|id| Rid { id: id.clone(), send: false }).collect(),
        simulcast: (!layers.is_empty())
            .then(|| Simulcast { send: Vec::new(), recv: layers.clone() }),
        ..Section::new(section.media.clone())
    };
    let plan = UpSection {
        mid: section.mid.clone().unwrap_or_default(),
        kind,
        codecs: accepted.iter().map(up_codec).collect(),
        extensions: ids,
        ssrcs: sources(section),
        rids: layers,
        active,
        msid: msid(section),
    };
    (answer, plan)
}

fn up_codec(accepted: &Accepted<'_>) -> UpCodec {
    UpCodec {
        payload_type: accepted.codec.payload_type,
        rtx_payload_type: accepted.rtx.map(|rtx| rtx.payload_type),
        codec: Codec { name: accepted.name, fmtp: accepted.codec.fmtp.clone() },
    }
}

/// The codecs as we answer them: numbers and parameters of the publisher, each
/// followed by its retransmissions, with the feedback we give.
///
/// Transport-wide feedback needs both its extension and its `a=rtcp-fb`; an
/// extension without is taken out again. REMB is the fall-back.
fn codecs(
    kind: Kind,
    accepted: &[Accepted<'_>],
    extensions: &mut Vec<Extension>,
    ids: &mut ExtensionIds,
) -> Vec<sdp::Codec> {
    let offers = |accepted: &Accepted<'_>, kind| accepted.codec.feedback.contains(&kind);
    let transport_cc = ids.transport_cc.is_some()
        && accepted.iter().any(|accepted| offers(accepted, Feedback::TransportCc));
    if !transport_cc && let Some(id) = ids.transport_cc.take() {
        extensions.retain(|extension| extension.id != id);
    }
    let estimate = match transport_cc {
        true => Feedback::TransportCc,
        false => Feedback::GoogRemb,
    };
    let given = [Feedback::Nack, Feedback::NackPli, Feedback::CcmFir, estimate];
    let mut codecs = Vec::new();
    for accepted in accepted {
        let feedback = match kind {
            Kind::Video => given.into_iter().filter(|kind| offers(accepted, *kind)).collect(),
            Kind::Audio => Vec::new(),
        };
        codecs.push(sdp::Codec { feedback, ..accepted.codec.clone() });
        if let Some(rtx) = accepted.rtx {
            codecs.push(sdp::Codec { feedback: Vec::new(), ..rtx.clone() });
        }
    }
    codecs
}

/// The simulcast layers that the publisher announces and describes, best
/// first.
fn layers(section: &Section, kind: Kind) -> Vec<String> {
    let Some(simulcast) = section.simulcast.as_ref().filter(|_| kind == Kind::Video) else {
        return Vec::new();
    };
    let mut layers: Vec<String> = Vec::new();
    for layer in &simulcast.send {
        let described = section.rids.iter().any(|rid| rid.send && rid.id == *layer);
        if described && !layers.contains(layer) {
            layers.push(layer.clone());
        }
    }
    layers
}

/// The announced sources, each with its retransmissions.
fn sources(section: &Section) -> Vec<(u32, Option<u32>)> {
    let repairs = &section.repairs;
    let paired = repairs.iter().map(|(media, repair)| (*media, Some(*repair)));
    let alone = section
        .sources
        .iter()
        .map(|source| source.ssrc)
        .filter(|ssrc| repairs.iter().all(|(media, repair)| ssrc != media && ssrc != repair));
    paired.chain(alone.map(|ssrc| (ssrc, None))).collect()
}

/// Stream and track, from the section or its first source; `-` names no stream
/// (RFC 8830 §2).
fn msid(section: &Section) -> Option<(String, String)> {
    let of_source = || section.sources.iter().find_map(|source| source.msid.as_ref());
    let Msid { stream, track } = section.msid.as_ref().or_else(of_source)?;
    let track = track.clone().unwrap_or_else(|| match kind(section) {
        Kind::Audio => "audio".to_owned(),
        Kind::Video => "video".to_owned(),
    });
    (stream != "-").then(|| (stream.clone(), track))
}
