//! A publisher's offer and our answer to it.

use super::codec::{self, Accepted};
use super::{SdpFault, Server, extension, local_candidates, local_transport, transport, wanted};
use crate::plan::{
    Codec, CodecName, ExtensionIds, IceCredentials, Kind, RemoteTransport, UpCodec, UpSection,
};
use parlour_wire::sdp::{
    self, Description, Direction, Extension, Feedback, Media, Msid, Rid, Section, Setup, Simulcast,
};

/// Session ids have at most 62 bits (RFC 9429 §5.2.1).
const SESSION_MASK: u64 = (1 << 62) - 1;

/// A publisher's offer that can be answered.
#[derive(Debug, Clone)]
pub struct UpOffer {
    description: Description,
    remote: RemoteTransport,
}

/// Our answer, and what it settled.
#[derive(Debug, Clone)]
pub struct UpAnswer {
    /// The description to send back.
    pub sdp: String,
    /// Every section of the offer, in order.
    pub sections: Vec<UpSection>,
}

impl UpOffer {
    /// Reads an offer.
    ///
    /// # Errors
    /// [`SdpFault`] if it cannot be read, asks for a data channel, or says too
    /// little about its transport.
    pub fn read(sdp: &str) -> Result<Self, SdpFault> {
        let description = sdp::parse(sdp)?;
        check_mids(&description.sections)?;
        let sections = &description.sections;
        if sections.iter().any(|section| section.media == Media::Application) {
            return Err(SdpFault::DataChannel);
        }
        // The first section carries the transport of the whole bundle.
        let first = sections.iter().find(|section| bundled(&description, section));
        let first = first.ok_or(SdpFault::NoMedia)?;
        let remote = transport(first)?;
        match first.setup {
            // Without a=setup, whoever offers is active (RFC 4145 §4.1).
            None | Some(Setup::ActPass | Setup::Active) => Ok(Self { description, remote }),
            Some(Setup::Passive | Setup::HoldConn) => Err(SdpFault::Setup),
        }
    }

    /// The publisher's side of the transport.
    #[must_use]
    pub fn remote(&self) -> &RemoteTransport {
        &self.remote
    }

    /// Whether this offer restarts ICE (RFC 8839 §4.4.1.1.1) on a transport
    /// that had `before`: fresh local credentials are due then.
    #[must_use]
    pub fn restarts(&self, before: &RemoteTransport) -> bool {
        let (old, new) = (&before.ice, &self.remote.ice);
        old.ufrag != new.ufrag || !old.pwd.matches(new.pwd.expose())
    }

    /// Answers: every section is received, sent nothing, or refused.
    ///
    /// # Errors
    /// [`SdpFault::NoCodec`] if nothing at all can be accepted.
    pub fn answer(
        &self,
        local: &IceCredentials,
        server: &Server<'_>,
        allowed: &[CodecName],
    ) -> Result<UpAnswer, SdpFault> {
        let offered = &self.description;
        let agreed: Vec<_> = offered
            .sections
            .iter()
            .map(|section| match bundled(offered, section) {
                true => agree(section, allowed),
                false => refuse(section),
            })
            .collect();
        let (mut sections, plan): (Vec<_>, Vec<_>) = agreed.into_iter().unzip();
        let accepted = || sections.iter().filter(|section| section.port != 0);
        if accepted().next().is_none() {
            return Err(SdpFault::NoCodec);
        }
        let mids = accepted().filter_map(|section| section.mid.clone()).collect();
        for section in sections.iter_mut().filter(|section| section.port != 0) {
            local_transport(section, local, server);
            section.setup = Some(Setup::Passive);
        }
        local_candidates(&mut sections, server);
        let description = Description {
            session: offered.session & SESSION_MASK,
            version: offered.version,
            ice_lite: true,
            allow_mixed: offered.allow_mixed,
            bundle: offered.bundle.is_some().then_some(mids),
            sections,
        };
        Ok(UpAnswer { sdp: description.to_string(), sections: plan })
    }
}

/// Every section needs a name of its own: answers and packets refer to it.
fn check_mids(sections: &[Section]) -> Result<(), SdpFault> {
    for (index, section) in sections.iter().enumerate() {
        let mid = section.mid.as_deref().ok_or(SdpFault::NoMid)?;
        let before = sections.iter().take(index);
        if before.filter_map(|section| section.mid.as_deref()).any(|other| other == mid) {
            return Err(SdpFault::SameMid);
        }
    }
    Ok(())
}

/// Whether a section asks for media on the one transport there is. Without a
/// bundle that is the first one.
fn bundled(description: &Description, section: &Section) -> bool {
    let secured = section.protocol.ends_with("RTP/SAVPF");
    let inside = match (&description.bundle, &section.mid) {
        (Some(mids), Some(mid)) => mids.contains(mid),
        (None, mid) => {
            let first = description.sections.iter().find(|section| wanted(section));
            first.is_some_and(|first| first.mid == *mid)
        }
        (Some(_), None) => false,
    };
    wanted(section) && secured && inside
}

fn kind(section: &Section) -> Kind {
    match section.media {
        Media::Audio => Kind::Audio,
        _ => Kind::Video,
    }
}

/// A section with port 0, otherwise only what the offer said.
fn refuse(section: &Section) -> (Section, UpSection) {
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
fn agree(section: &Section, allowed: &[CodecName]) -> (Section, UpSection) {
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
