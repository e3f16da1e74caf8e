//! Which codecs pass through, and how a subscriber numbers them
//! (docs/protocols/galene.md §6.2).

use crate::plan::{Codec, CodecName, Kind};
use parlour_wire::sdp::{self, Section, parameter};

/// Opus parameters towards subscribers: sound may be stereo and carry FEC.
const OPUS_FMTP: &str = "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1";

/// What is assumed of an H.264 publisher that does not name its profile.
const H264_FMTP: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

/// The codec behind a payload type, if it passes through a section of `kind`.
fn name(codec: &sdp::Codec, kind: Kind) -> Option<CodecName> {
    let mono = codec.channels.is_none_or(|channels| channels == 1);
    let upper = codec.name.to_ascii_uppercase();
    match (kind, upper.as_str(), codec.clock) {
        (Kind::Audio, "OPUS", 48_000) if codec.channels == Some(2) => Some(CodecName::Opus),
        (Kind::Audio, "G722", 8_000) if mono => Some(CodecName::G722),
        (Kind::Audio, "PCMA", 8_000) if mono => Some(CodecName::Pcma),
        (Kind::Audio, "PCMU", 8_000) if mono => Some(CodecName::Pcmu),
        (Kind::Video, "AV1", 90_000) => Some(CodecName::Av1),
        (Kind::Video, "H264", 90_000) => Some(CodecName::H264),
        (Kind::Video, "VP8", 90_000) => Some(CodecName::Vp8),
        (Kind::Video, "VP9", 90_000) => Some(CodecName::Vp9),
        _ => None,
    }
}

/// Whether every browser can be expected to decode this variant of a codec.
fn common(name: CodecName, codec: &sdp::Codec) -> bool {
    let parameter = |name| codec.parameter(name);
    match name {
        CodecName::H264 => {
            let baseline = |profile: &str| profile.starts_with("42");
            parameter("packetization-mode") == Some("1")
                && parameter("profile-level-id").is_none_or(baseline)
        }
        CodecName::Vp9 => matches!(parameter("profile-id"), None | Some("0" | "2")),
        CodecName::Av1 => matches!(parameter("profile"), None | Some("0")),
        _ => true,
    }
}

/// A payload type that is accepted.
pub(super) struct Accepted<'a> {
    pub(super) name: CodecName,
    pub(super) codec: &'a sdp::Codec,
    pub(super) rtx: Option<&'a sdp::Codec>,
}

/// The codecs of a section that pass through, in its order. Uncommon variants
/// of a codec are taken only when no common one is offered.
pub(super) fn accepted<'a>(
    section: &'a Section,
    kind: Kind,
    allowed: &[CodecName],
) -> Vec<Accepted<'a>> {
    let named = section.codecs.iter().filter_map(|codec| Some((name(codec, kind)?, codec)));
    let known: Vec<_> = named.filter(|(name, _)| allowed.contains(name)).collect();
    let has_common = |name| known.iter().any(|(n, codec)| *n == name && common(name, codec));
    let kept = known.iter().filter(|(name, codec)| common(*name, codec) || !has_common(*name));
    let with_rtx = kept.map(|(name, codec)| Accepted {
        name: *name,
        codec,
        rtx: match kind {
            Kind::Video => rtx(section, codec.payload_type),
            Kind::Audio => None,
        },
    });
    with_rtx.collect()
}

/// The retransmissions of a payload type (RFC 4588 §8.1).
fn rtx(section: &Section, payload_type: u8) -> Option<&sdp::Codec> {
    section.codecs.iter().find(|codec| {
        let apt = codec.parameter("apt").and_then(|apt| apt.parse().ok());
        codec.name.eq_ignore_ascii_case("rtx") && apt == Some(payload_type)
    })
}

/// How a codec is numbered towards subscribers: its payload type, and that of
/// its retransmissions for video.
///
/// The numbers of retransmissions are ours; all numbers differ, so that
/// sections of one bundle never disagree about one.
#[must_use]
pub fn down_codec(codec: &Codec) -> (u8, Option<u8>) {
    match codec.name {
        CodecName::Pcmu => (0, None),
        CodecName::Pcma => (8, None),
        CodecName::G722 => (9, None),
        CodecName::Opus => (111, None),
        CodecName::Av1 => (35, Some(36)),
        CodecName::Vp8 => (96, Some(97)),
        CodecName::Vp9 if vp9_profile(codec) == "2" => (100, Some(101)),
        CodecName::Vp9 => (98, Some(99)),
        CodecName::H264 => match parameter(&codec.fmtp, "profile-level-id") {
            Some(profile) if profile.starts_with("4200") => (102, Some(103)),
            Some(profile) if !profile.starts_with("42") => (114, Some(115)),
            _ => (108, Some(109)),
        },
    }
}

/// The `a=fmtp` of a codec towards subscribers; empty for none.
#[must_use]
pub fn down_fmtp(codec: &Codec) -> String {
    let first = |name| parameter(&codec.fmtp, name);
    match codec.name {
        CodecName::Opus => OPUS_FMTP.to_owned(),
        CodecName::Vp9 => format!("profile-id={}", vp9_profile(codec)),
        CodecName::H264 => match (first("profile-level-id"), first("packetization-mode")) {
            (Some(profile), mode) => format!(
                "level-asymmetry-allowed=1;packetization-mode={};profile-level-id={profile}",
                mode.unwrap_or("0")
            ),
            (None, _) => H264_FMTP.to_owned(),
        },
        CodecName::Av1 => match first("profile") {
            None | Some("0") => String::new(),
            Some(profile) => format!("profile={profile}"),
        },
        _ => String::new(),
    }
}

/// A publisher without `profile-id` means profile 0.
fn vp9_profile(codec: &Codec) -> &str {
    parameter(&codec.fmtp, "profile-id").unwrap_or("0")
}

/// The name, clock and channels that `a=rtpmap` tells a subscriber.
pub(super) fn down_map(name: CodecName) -> (&'static str, u32, Option<u32>) {
    match name {
        CodecName::Av1 => ("AV1", 90_000, None),
        CodecName::G722 => ("G722", 8_000, None),
        CodecName::H264 => ("H264", 90_000, None),
        CodecName::Opus => ("opus", 48_000, Some(2)),
        CodecName::Pcma => ("PCMA", 8_000, None),
        CodecName::Pcmu => ("PCMU", 8_000, None),
        CodecName::Vp8 => ("VP8", 90_000, None),
        CodecName::Vp9 => ("VP9", 90_000, None),
    }
}
