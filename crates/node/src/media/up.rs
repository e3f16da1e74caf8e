//! A publisher's transport: its description, our answer, what is live.

use super::{Effect, Means, RoomMedia};
use parlour_base::Mono;
use parlour_room::{MemberId, Room, StreamId, Track, TrackKind};
use parlour_session::StreamNote;
use parlour_sfu::negotiate::{SdpFault, UpOffer};
use parlour_sfu::plan::{
    Codec, CodecName, Command, IceCredentials, Kind, LiveTrack, PeerId, RemoteTransport, UpSection,
};

/// A publisher's transport.
#[derive(Debug)]
pub(crate) struct Up {
    pub peer: PeerId,
    local: IceCredentials,
    remote: RemoteTransport,
    pub sections: Vec<UpSection>,
    /// Our answer to the publisher's last description.
    pub answer: String,
    /// Since when its media is gone.
    pub lost_since: Option<Mono>,
    /// What each live section carries.
    codecs: Vec<(String, Codec)>,
}

impl Up {
    /// What the media worker is told.
    pub(crate) fn command(&self) -> Command {
        Command::Up {
            peer: self.peer,
            local: self.local.clone(),
            remote: self.remote.clone(),
            sections: self.sections.clone(),
        }
    }

    /// Notes what is live and puts it in the room's words.
    pub(crate) fn live(&mut self, live: &[LiveTrack]) -> Vec<Track> {
        let mut tracks = Vec::new();
        self.codecs.clear();
        for one in live {
            let Some(section) = self.sections.iter().find(|s| s.mid == one.mid) else { continue };
            let sent = section.codecs.iter().find(|c| c.payload_type == one.payload_type);
            let Some(sent) = sent else { continue };
            self.codecs.push((one.mid.clone(), sent.codec.clone()));
            tracks.push(Track {
                id: one.mid.clone(),
                kind: match section.kind {
                    Kind::Audio => TrackKind::Audio,
                    Kind::Video => TrackKind::Video,
                },
                layered: section.rids.len() > 1,
            });
        }
        tracks
    }

    /// The codec that a live section carries.
    pub(crate) fn codec(&self, mid: &str) -> Option<&Codec> {
        self.codecs.iter().find(|(m, _)| m == mid).map(|(_, codec)| codec)
    }

    /// A section by its mid.
    pub(crate) fn section(&self, mid: &str) -> Option<&UpSection> {
        self.sections.iter().find(|s| s.mid == mid)
    }
}

/// The codec of that name in group files.
fn codec_name(name: &str) -> Option<CodecName> {
    Some(match name.to_ascii_lowercase().as_str() {
        "av1" => CodecName::Av1,
        "g722" => CodecName::G722,
        "h264" => CodecName::H264,
        "opus" => CodecName::Opus,
        "pcma" => CodecName::Pcma,
        "pcmu" => CodecName::Pcmu,
        "vp8" => CodecName::Vp8,
        "vp9" => CodecName::Vp9,
        _ => return None,
    })
}

impl RoomMedia {
    /// Whether a description for this stream has been accepted already.
    pub(crate) fn knows_up(&self, stream: &StreamId) -> bool {
        self.ups.contains_key(stream) || self.prepared.contains_key(stream)
    }

    /// Reads a publisher's first description and keeps the answer until the
    /// room has published the stream.
    pub(crate) fn prepare(
        &mut self,
        means: &mut Means<'_>,
        room: &Room,
        stream: &StreamId,
        sdp: &str,
    ) -> Result<(), SdpFault> {
        let offer = UpOffer::read(sdp)?;
        let local = IceCredentials::ours(self.worker, means.entropy);
        let answer = offer.answer(&local, &means.server(), &allowed(room))?;
        let up = Up {
            peer: means.peer(),
            local,
            remote: offer.remote().clone(),
            sections: answer.sections,
            answer: answer.sdp,
            lost_since: None,
            codecs: Vec::new(),
        };
        self.prepared.insert(stream.clone(), up);
        Ok(())
    }

    /// The room did not publish the stream.
    pub(crate) fn unprepare(&mut self, means: &mut Means<'_>, stream: &StreamId) {
        if let Some(up) = self.prepared.remove(stream) {
            means.effects.push(Effect::Disown(up.peer));
        }
    }

    /// Reads a further description of a stream.
    pub(crate) fn renegotiate(
        &mut self,
        means: &mut Means<'_>,
        room: &Room,
        owner: &MemberId,
        stream: &StreamId,
        sdp: &str,
    ) -> Result<(), SdpFault> {
        let offer = UpOffer::read(sdp)?;
        let is_prepared = self.prepared.contains_key(stream);
        let ups = if is_prepared { &mut self.prepared } else { &mut self.ups };
        let Some(up) = ups.get_mut(stream) else { return Ok(()) };
        let mut local = up.local.clone();
        if offer.remote().ice.ufrag != up.remote.ice.ufrag {
            // New credentials of theirs are an ICE restart and want new ones
            // of ours (RFC 8839 §4.4.3).
            local = IceCredentials::ours(self.worker, means.entropy);
        }
        let answer = offer.answer(&local, &means.server(), &allowed(room))?;
        up.local = local;
        up.remote = offer.remote().clone();
        up.sections = answer.sections;
        up.answer = answer.sdp;
        if !is_prepared {
            let note = StreamNote::Answer { stream: stream.clone(), sdp: up.answer.clone() };
            means.effects.push(Effect::Order(up.command()));
            means.effects.push(Effect::Tell(owner.clone(), note));
        }
        Ok(())
    }
}

/// The codecs that may be published in this room.
fn allowed(room: &Room) -> Vec<CodecName> {
    room.rules().codecs.iter().filter_map(|name| codec_name(name)).collect()
}
