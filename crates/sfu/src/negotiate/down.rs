//! Our offer to a subscriber and its answer.

use super::codec::{down_fmtp, down_map};
use super::{SdpFault, Server, extension, local_candidates, local_transport, transport, wanted};
use crate::plan::{DownSection, IceCredentials, Kind, RemoteTransport};
use parlour_wire::sdp::{
    self, Codec, Description, Direction, Feedback, Media, Msid, Section, Setup, Source,
};

/// The session id of our offers. Ids must differ only between sessions of one
/// user name and address (RFC 8866 §5.2), and nobody compares ours.
const SESSION: u64 = 1;

/// Longest stream or track id and CNAME that is written (RFC 8830 §2).
const ID_CHARS_MAX: usize = 64;

/// What a subscriber's browser may tell us about video.
const FEEDBACK: [Feedback; 4] =
    [Feedback::Nack, Feedback::NackPli, Feedback::CcmFir, Feedback::GoogRemb];

/// Offers `sections` to a subscriber; `version` rises with each offer of one
/// transport, and the sections of earlier offers stay in their places.
#[must_use]
pub fn offer(
    version: u64,
    local: &IceCredentials,
    server: &Server<'_>,
    cname: &str,
    sections: &[DownSection],
) -> String {
    let cname = id(cname);
    let mut offered: Vec<_> = sections.iter().map(|down| section(down, &cname)).collect();
    for section in &mut offered {
        local_transport(section, local, server);
        section.setup = Some(Setup::ActPass);
    }
    local_candidates(&mut offered, server);
    let description = Description {
        session: SESSION,
        version,
        ice_lite: true,
        allow_mixed: true,
        bundle: Some(sections.iter().map(|section| section.mid.clone()).collect()),
        sections: offered,
    };
    description.to_string()
}

fn section(down: &DownSection, cname: &str) -> Section {
    let media = match down.kind {
        Kind::Audio => Media::Audio,
        Kind::Video => Media::Video,
    };
    let msid = Msid { stream: id(&down.msid.0), track: Some(id(&down.msid.1)) };
    let named = |ssrc| Source { ssrc, cname: Some(cname.to_owned()), msid: Some(msid.clone()) };
    let codecs = codecs(down);
    let mut section = Section {
        mid: Some(down.mid.clone()),
        formats: codecs.iter().map(|codec| codec.payload_type.to_string()).collect(),
        direction: Direction::Inactive,
        rtcp_rsize: true,
        codecs,
        extensions: extension::offered(down.kind),
        ..Section::new(media)
    };
    if down.active {
        let repair = down.rtx_payload_type.and(down.rtx_ssrc);
        section.direction = Direction::SendOnly;
        section.sources = [Some(down.ssrc), repair].into_iter().flatten().map(named).collect();
        section.repairs = repair.map(|repair| (down.ssrc, repair)).into_iter().collect();
        section.msid = Some(msid);
    }
    section
}

/// The one codec of a section, and its retransmissions.
fn codecs(down: &DownSection) -> Vec<Codec> {
    let (name, clock, channels) = down_map(down.codec.name);
    let media = Codec {
        payload_type: down.payload_type,
        name: name.to_owned(),
        clock,
        channels,
        feedback: match down.kind {
            Kind::Video => FEEDBACK.to_vec(),
            Kind::Audio => Vec::new(),
        },
        fmtp: down_fmtp(&down.codec),
    };
    let rtx = down.rtx_payload_type.map(|payload_type| Codec {
        payload_type,
        name: "rtx".to_owned(),
        clock,
        channels: None,
        feedback: Vec::new(),
        fmtp: format!("apt={}", down.payload_type),
    });
    std::iter::once(media).chain(rtx).collect()
}

/// Text of others as one token: what could end the word or the line becomes
/// `_`, and there is at least one character.
fn id(text: &str) -> String {
    let visible = |char: char| if char.is_ascii_graphic() { char } else { '_' };
    match text {
        "" | "-" => "_".to_owned(),
        text => text.chars().take(ID_CHARS_MAX).map(visible).collect(),
    }
}

/// Reads the answer to an [`offer`] of `sections`: the subscriber's side of the
/// transport, and the mids that it wants to receive.
///
/// # Errors
/// [`SdpFault`] if it cannot be read, does not fit the offer, refuses every
/// section, or does not begin the DTLS handshake.
pub fn read_answer(
    answer: &str,
    sections: &[DownSection],
) -> Result<(RemoteTransport, Vec<String>), SdpFault> {
    let description = sdp::parse(answer)?;
    let answered = &description.sections;
    if answered.len() != sections.len() {
        return Err(SdpFault::Mismatch);
    }
    let pairs = || answered.iter().zip(sections);
    if !pairs().all(|(section, down)| fits(section, down)) {
        return Err(SdpFault::Mismatch);
    }
    let first = answered.iter().find(|section| wanted(section)).ok_or(SdpFault::NoMedia)?;
    let remote = transport(first)?;
    if first.setup != Some(Setup::Active) {
        return Err(SdpFault::Setup);
    }
    let accepted = pairs().filter(|(section, down)| receives(section, down));
    Ok((remote, accepted.map(|(_, down)| down.mid.clone()).collect()))
}

/// Whether an answered section stands where we offered it. A refused one may
/// have lost its mid.
fn fits(section: &Section, down: &DownSection) -> bool {
    let kind = match section.media {
        Media::Audio => Some(Kind::Audio),
        Media::Video => Some(Kind::Video),
        Media::Application | Media::Other(_) => None,
    };
    let named = section.mid.as_ref() == Some(&down.mid);
    let refused = section.port == 0 && section.mid.is_none();
    kind == Some(down.kind) && (named || refused)
}

fn receives(section: &Section, down: &DownSection) -> bool {
    let direction = matches!(section.direction, Direction::RecvOnly | Direction::SendRecv);
    let numbered = section.codecs.iter().any(|codec| codec.payload_type == down.payload_type);
    wanted(section) && down.active && direction && numbered
}
