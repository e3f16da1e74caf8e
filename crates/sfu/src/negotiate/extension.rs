//! Header extensions: which are used, and under which ids.

use crate::plan::{ExtensionIds, Kind};
use parlour_wire::sdp::{Direction, Extension};

/// URIs (RFC 9143 §15, RFC 8852 §4, RFC 6464, 3GPP TS 26.114 §7.4.5, the AV1
/// RTP payload format §A, and two drafts named after their authors' servers).
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const VIDEO_ORIENTATION: &str = "urn:3gpp:video-orientation";
const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
const TRANSPORT_CC: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
const DEPENDENCY_DESCRIPTOR: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// The ids in every offer to a subscriber: what Chromium uses itself.
/// `mid` and `abs_send_time` are in all sections, the others in video only.
pub const DOWN_EXTENSIONS: ExtensionIds = ExtensionIds {
    mid: Some(4),
    rid: None,
    repaired_rid: None,
    transport_cc: None,
    audio_level: None,
    abs_send_time: Some(2),
    video_orientation: Some(13),
    dependency_descriptor: Some(12),
};

/// Where the id of an extension is kept; `None` if it is not used in a section
/// of `kind`.
///
/// Transport-wide numbers are never used for sound: with them, a browser with
/// sound only would be sent feedback 16 times a second for nothing.
fn place<'a>(ids: &'a mut ExtensionIds, kind: Kind, uri: &str) -> Option<&'a mut Option<u8>> {
    match (kind, uri) {
        (_, MID) => Some(&mut ids.mid),
        (_, ABS_SEND_TIME) => Some(&mut ids.abs_send_time),
        (Kind::Audio, AUDIO_LEVEL) => Some(&mut ids.audio_level),
        (Kind::Video, RID) => Some(&mut ids.rid),
        (Kind::Video, REPAIRED_RID) => Some(&mut ids.repaired_rid),
        (Kind::Video, TRANSPORT_CC) => Some(&mut ids.transport_cc),
        (Kind::Video, VIDEO_ORIENTATION) => Some(&mut ids.video_orientation),
        (Kind::Video, DEPENDENCY_DESCRIPTOR) => Some(&mut ids.dependency_descriptor),
        _ => None,
    }
}

/// The extensions of a publisher's section that we accept, directions turned
/// round, and their ids. One that it only wants to receive is left out.
pub(super) fn accepted(offered: &[Extension], kind: Kind) -> (Vec<Extension>, ExtensionIds) {
    let mut ids = ExtensionIds::default();
    let mut answered = Vec::new();
    for extension in offered {
        let direction = match extension.direction {
            Some(Direction::SendOnly) => Some(Direction::RecvOnly),
            Some(Direction::RecvOnly | Direction::Inactive) => continue,
            same => same,
        };
        // The first id of an extension counts, a second one is not answered.
        if let Some(place @ None) = place(&mut ids, kind, &extension.uri) {
            *place = Some(extension.id);
            answered.push(Extension { direction, ..extension.clone() });
        }
    }
    (answered, ids)
}

/// The extensions offered in a section towards a subscriber.
pub(super) fn offered(kind: Kind) -> Vec<Extension> {
    let ids = &DOWN_EXTENSIONS;
    let all = [(ids.mid, MID), (ids.abs_send_time, ABS_SEND_TIME)];
    let video = [
        (ids.video_orientation, VIDEO_ORIENTATION),
        (ids.dependency_descriptor, DEPENDENCY_DESCRIPTOR),
    ];
    let used = all.into_iter().chain(video.into_iter().filter(|_| kind == Kind::Video));
    let used = used.filter_map(|(id, uri)| Some((id?, uri)));
    used.map(|(id, uri)| Extension { id, direction: None, uri: uri.to_owned() }).collect()
}
