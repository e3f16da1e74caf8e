//! A receiver's part of a stream: what it was offered and what it answered.

use super::up::Up;
use super::{Leg, Means, RoomMedia, name_of};
use parlour_base::Entropy;
use parlour_room::stream::Pick;
use parlour_room::{Member, MemberId, Room, Stream, StreamId, TrackKind};
use parlour_session::{StreamNote, StreamOffer};
use parlour_sfu::negotiate::{self, SdpFault};
use parlour_sfu::plan::{Command, DownSection, IceCredentials, Kind, PeerId};

/// A receiver's transport for one stream.
#[derive(Debug)]
pub(crate) struct Down {
    pub peer: PeerId,
    local: IceCredentials,
    sections: Vec<DownSection>,
    /// The sections of the last offer, to which the next answer belongs.
    sent: Vec<DownSection>,
    version: u64,
    /// An offer is out and not answered.
    offered: bool,
    /// An answer to a part that ended before this one may still come.
    stale: bool,
    /// Another offer must follow the answer.
    again: Option<Again>,
}

/// Why another offer must follow.
#[derive(Debug, Clone, Copy, Default)]
struct Again {
    restart: bool,
}

impl RoomMedia {
    /// Brings what a member receives of a stream in line with what it wants.
    pub(super) fn reconcile(
        &mut self,
        means: &mut Means<'_>,
        room: &Room,
        member: &Member,
        stream: &Stream,
    ) {
        let leg = (member.id.clone(), stream.id.clone());
        let old = stream.replaces.as_ref().map(|old| (member.id.clone(), old.clone()));
        let Some(up) = self.ups.get(&stream.id) else { return };
        if stream.tracks.is_empty() {
            return;
        }
        let picks: Vec<Pick> =
            stream.picks(member).into_iter().filter(|p| up.codec(&p.track).is_some()).collect();
        if picks.is_empty() {
            self.close_leg(means, &leg);
            if let Some(old) = old {
                self.close_leg(means, &old);
            }
            return;
        }
        if let Some(down) = self.downs.get_mut(&leg) {
            let before = down.sections.clone();
            choose(means.entropy, &mut down.sections, up, &picks);
            if before == down.sections {
                return;
            }
            if same_shape(&before, &down.sections) {
                // Only the layer changed, which the receiver does not notice.
                means.order(down.command(up.peer));
                return;
            }
            down.ask_again(Again::default());
        } else {
            let mut sections = Vec::new();
            choose(means.entropy, &mut sections, up, &picks);
            let down = Down {
                peer: means.peer(),
                local: IceCredentials::ours(self.worker, means.entropy),
                sections,
                sent: Vec::new(),
                version: 0,
                offered: false,
                stale: self.unanswered.remove(&leg),
                again: Some(Again::default()),
            };
            self.downs.insert(leg.clone(), down);
        }
        self.offer_if_due(means, room, &leg);
    }

    /// Sends the offer that a leg needs, unless one is out.
    fn offer_if_due(&mut self, means: &mut Means<'_>, room: &Room, leg: &Leg) {
        let (member, id) = leg;
        let Some(down) = self.downs.get_mut(leg) else { return };
        let (Some(stream), Some(up)) = (room.stream(id), self.ups.get(id)) else { return };
        if down.offered {
            return;
        }
        let Some(again) = down.again.take() else { return };
        if again.restart {
            down.local = IceCredentials::ours(self.worker, means.entropy);
        }
        down.version += 1;
        down.offered = true;
        down.sent.clone_from(&down.sections);
        let sdp = negotiate::offer(
            down.version,
            &down.local,
            &means.server(),
            &stream.owner.0,
            &down.sections,
        );
        let tracks = down.sections.iter().filter(|s| s.active);
        let tracks = tracks.map(|s| (s.mid.clone(), room_kind(s.kind))).collect();
        let command = down.command(up.peer);
        // The old stream's place is told once, with the first offer.
        let old = stream.replaces.as_ref().map(|old| (member.clone(), old.clone()));
        let replaced = old.filter(|old| self.downs.contains_key(old));
        means.order(command);
        means.tell(
            member,
            StreamNote::Offer(Box::new(StreamOffer {
                stream: id.clone(),
                label: stream.label.clone(),
                tracks,
                replaces: replaced.as_ref().map(|(_, old)| old.clone()),
                source: stream.owner.clone(),
                name: name_of(room, &stream.owner),
                sdp,
            })),
        );
        if let Some(down) = replaced.and_then(|old| self.downs.remove(&old)) {
            means.drop_peer(down.peer);
        }
    }

    /// Takes a receiver's answer.
    pub(crate) fn answered(
        &mut self,
        means: &mut Means<'_>,
        room: &Room,
        member: &MemberId,
        stream: &StreamId,
        sdp: &str,
    ) {
        let leg = (member.clone(), stream.clone());
        let Some(down) = self.downs.get_mut(&leg) else {
            self.unanswered.remove(&leg);
            means.tell(member, StreamNote::Close(stream.clone()));
            return;
        };
        if !down.offered {
            return;
        }
        match negotiate::read_answer(sdp, &down.sent) {
            Ok((remote, accepted)) => {
                down.offered = false;
                means.order(Command::Answered { peer: down.peer, remote, accepted });
                self.offer_if_due(means, room, &leg);
            }
            Err(SdpFault::Mismatch) if std::mem::take(&mut down.stale) => {}
            Err(fault) => {
                self.close_leg(means, &leg);
                means.tell(member, StreamNote::Error(fault.to_string()));
            }
        }
    }

    /// A receiver wants a new offer with an ICE restart.
    pub(crate) fn restart_for(
        &mut self,
        means: &mut Means<'_>,
        room: &Room,
        member: &MemberId,
        stream: &StreamId,
    ) {
        self.restart(means, room, &(member.clone(), stream.clone()));
    }

    pub(super) fn restart(&mut self, means: &mut Means<'_>, room: &Room, leg: &Leg) {
        if let Some(down) = self.downs.get_mut(leg) {
            down.ask_again(Again { restart: true });
            self.offer_if_due(means, room, leg);
        }
    }

    /// A receiver does not want a stream that it was offered.
    pub(crate) fn declined(&mut self, means: &mut Means<'_>, member: &MemberId, stream: &StreamId) {
        self.close_leg(means, &(member.clone(), stream.clone()));
    }
}

impl Down {
    /// Whether an offer is out and not answered.
    pub(super) const fn is_offered(&self) -> bool {
        self.offered
    }

    fn command(&self, source: PeerId) -> Command {
        Command::Down {
            peer: self.peer,
            source,
            local: self.local.clone(),
            sections: self.sections.clone(),
        }
    }

    fn ask_again(&mut self, why: Again) {
        let before = self.again.unwrap_or_default();
        self.again = Some(Again { restart: before.restart || why.restart });
    }
}

const fn room_kind(kind: Kind) -> TrackKind {
    match kind {
        Kind::Audio => TrackKind::Audio,
        Kind::Video => TrackKind::Video,
    }
}

/// Whether a receiver would see no difference between the two.
fn same_shape(before: &[DownSection], after: &[DownSection]) -> bool {
    before.len() == after.len()
        && before.iter().zip(after).all(|(b, a)| DownSection { low: a.low, ..b.clone() } == *a)
}

/// Makes the sections carry these picks: known tracks keep their section,
/// tracks taken away leave theirs inactive, new ones are added at the end.
fn choose(entropy: &mut Entropy, sections: &mut Vec<DownSection>, up: &Up, picks: &[Pick]) {
    for section in sections.iter_mut() {
        let pick = picks.iter().find(|p| p.track == section.source_mid);
        let same_codec = up.codec(&section.source_mid) == Some(&section.codec);
        section.active = pick.is_some() && same_codec;
        if let Some(pick) = pick {
            section.low = pick.low;
        }
    }
    for pick in picks {
        if sections.iter().any(|s| s.source_mid == pick.track && s.active) {
            continue;
        }
        let (Some(codec), Some(source)) = (up.codec(&pick.track), up.section(&pick.track)) else {
            continue;
        };
        let (payload_type, rtx_payload_type) = negotiate::down_codec(codec);
        let msid = source.msid.clone().unwrap_or_else(|| {
            let kind = if source.kind == Kind::Audio { "audio" } else { "video" };
            ("dummy".to_owned(), kind.to_owned())
        });
        let ssrc = source_id(entropy, sections);
        sections.push(DownSection {
            mid: sections.len().to_string(),
            kind: source.kind,
            source_mid: pick.track.clone(),
            codec: codec.clone(),
            payload_type,
            rtx_payload_type,
            ssrc,
            rtx_ssrc: rtx_payload_type.map(|_| ssrc ^ 0x8000_0000),
            msid,
            active: true,
            low: pick.low,
        });
    }
}

/// An SSRC that no section of this transport uses, nor any resend of one.
fn source_id(entropy: &mut Entropy, sections: &[DownSection]) -> u32 {
    loop {
        let ssrc = entropy.below(0x7fff_ffff) + 1;
        if sections.iter().all(|s| s.ssrc != ssrc) {
            return ssrc;
        }
    }
}
