//! The media side of one room: which transports exist, who has been offered
//! what, and what the media worker is told.
//!
//! It follows the room's events and the members' answers; what comes of it are
//! [`Effect`]s. It decides nothing about permissions: the room did.

mod down;
mod up;

use crate::config::Media;
use down::Down;
use parlour_base::{Entropy, Mono};
use parlour_room::event::StreamEnd;
use parlour_room::{Event, Happening, Member, MemberId, Room, Stream, StreamId, Track};
use parlour_session::StreamNote;
use parlour_sfu::plan::{Command, Loss, Notice, PeerId, WorkerIndex};
use std::collections::{BTreeMap, BTreeSet};
use up::Up;

/// Something to do outside.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Tell a member.
    Tell(MemberId, StreamNote),
    /// Order the room's media worker.
    Order(Command),
    /// A stream's live tracks are these.
    Announce(StreamId, Vec<Track>),
    /// A stream cannot go on.
    End(StreamId),
    /// Route notices about this peer here.
    Own(PeerId),
    /// This peer is gone.
    Disown(PeerId),
}

/// What the media side is given with every call.
pub(crate) struct Means<'a> {
    pub media: &'a Media,
    pub entropy: &'a mut Entropy,
    /// Numbers peers; the same counter for the whole shard.
    pub next_peer: &'a mut u64,
    pub effects: &'a mut Vec<Effect>,
}

impl Means<'_> {
    fn peer(&mut self) -> PeerId {
        *self.next_peer += 1;
        let peer = PeerId(*self.next_peer);
        self.effects.push(Effect::Own(peer));
        peer
    }

    fn order(&mut self, command: Command) {
        self.effects.push(Effect::Order(command));
    }

    fn drop_peer(&mut self, peer: PeerId) {
        self.effects.push(Effect::Order(Command::Close(peer)));
        self.effects.push(Effect::Disown(peer));
    }

    fn tell(&mut self, member: &MemberId, note: StreamNote) {
        self.effects.push(Effect::Tell(member.clone(), note));
    }

    fn server(&self) -> parlour_sfu::negotiate::Server<'_> {
        parlour_sfu::negotiate::Server {
            fingerprint: &self.media.fingerprint,
            candidates: &self.media.candidates,
        }
    }
}

/// Names a receiver's part of a stream.
type Leg = (MemberId, StreamId);

/// The media side of one room.
#[derive(Debug)]
pub(crate) struct RoomMedia {
    worker: WorkerIndex,
    /// Accepted descriptions of streams that the room has still to publish.
    prepared: BTreeMap<StreamId, Up>,
    ups: BTreeMap<StreamId, Up>,
    downs: BTreeMap<Leg, Down>,
    /// Receivers' parts that ended before they were answered: the answer may
    /// still come, and then belongs to no later offer of that stream.
    unanswered: BTreeSet<Leg>,
}

impl RoomMedia {
    pub(crate) const fn new(worker: WorkerIndex) -> Self {
        Self {
            worker,
            prepared: BTreeMap::new(),
            ups: BTreeMap::new(),
            downs: BTreeMap::new(),
            unanswered: BTreeSet::new(),
        }
    }

    /// The worker that carries this room.
    pub(crate) const fn worker(&self) -> WorkerIndex {
        self.worker
    }

    /// How many receivers' parts there are.
    pub(crate) fn legs(&self) -> usize {
        self.downs.len()
    }

    /// Follows an event of the room.
    pub(crate) fn event(&mut self, means: &mut Means<'_>, room: &Room, event: &Event) {
        match &event.what {
            Happening::Left { member, .. } => self.forget_member(means, &member.id),
            Happening::Requested { member, .. } => {
                for stream in room.streams() {
                    self.reconcile_one(means, room, member, stream);
                }
            }
            Happening::RequestedStream { member, stream, .. } => {
                if let Some(stream) = room.stream(stream) {
                    self.reconcile_one(means, room, member, stream);
                }
            }
            Happening::StreamAnnounced { stream, .. } => {
                if let Some(stream) = room.stream(stream) {
                    for member in room.members() {
                        self.reconcile(means, room, member, stream);
                    }
                }
            }
            Happening::StreamEnded { stream, how } => self.stream_ended(means, stream, how),
            Happening::StreamPublished(stream) => self.stream_published(means, stream),
            _ => {}
        }
    }

    fn reconcile_one(
        &mut self,
        means: &mut Means<'_>,
        room: &Room,
        member: &MemberId,
        stream: &Stream,
    ) {
        if let Some(member) = room.member(member) {
            self.reconcile(means, room, member, stream);
        }
    }

    fn forget_member(&mut self, means: &mut Means<'_>, member: &MemberId) {
        let first = (member.clone(), StreamId(String::new()));
        let own = self.downs.range(first..).map(|(leg, _)| leg);
        let gone: Vec<Leg> = own.take_while(|(who, _)| who == member).cloned().collect();
        for leg in gone {
            if let Some(down) = self.downs.remove(&leg) {
                means.drop_peer(down.peer);
            }
        }
        self.unanswered.retain(|(who, _)| who != member);
    }

    fn stream_published(&mut self, means: &mut Means<'_>, stream: &Stream) {
        let Some(up) = self.prepared.remove(&stream.id) else { return };
        means.order(up.command());
        let sdp = up.answer.clone();
        means.tell(&stream.owner, StreamNote::Answer { stream: stream.id.clone(), sdp });
        self.ups.insert(stream.id.clone(), up);
    }

    fn stream_ended(&mut self, means: &mut Means<'_>, stream: &Stream, how: &StreamEnd) {
        if let Some(up) = self.ups.remove(&stream.id) {
            means.drop_peer(up.peer);
        }
        if matches!(how, StreamEnd::Replaced { .. }) {
            // Receivers keep the old stream until the new one is announced.
            return;
        }
        let shown = |id: &StreamId| *id == stream.id || Some(id) == stream.replaces.as_ref();
        let legs: Vec<Leg> = self.downs.keys().filter(|(_, id)| shown(id)).cloned().collect();
        for leg in legs {
            self.close_leg(means, &leg);
        }
        self.unanswered.retain(|(_, id)| !shown(id));
    }

    /// Ends a receiver's part and tells the receiver.
    fn close_leg(&mut self, means: &mut Means<'_>, leg: &Leg) {
        if let Some(down) = self.downs.remove(leg) {
            if down.is_offered() {
                self.unanswered.insert(leg.clone());
            }
            means.drop_peer(down.peer);
            means.tell(&leg.0, StreamNote::Close(leg.1.clone()));
        }
    }

    /// Takes a media worker's report; `head` is the room as it is decided.
    pub(crate) fn notice(
        &mut self,
        means: &mut Means<'_>,
        now: Mono,
        head: &Room,
        notice: &Notice,
    ) {
        match notice {
            Notice::Connected(peer) => {
                if let Some((_, up)) = self.up_by_peer(*peer) {
                    up.lost_since = None;
                }
            }
            Notice::Live { peer, tracks } => {
                if let Some((stream, up)) = self.up_by_peer(*peer) {
                    let tracks = up.live(tracks);
                    means.effects.push(Effect::Announce(stream, tracks));
                }
            }
            Notice::Lost(peer, loss) => self.lost(means, now, head, *peer, *loss),
            _ => {}
        }
    }

    fn lost(&mut self, means: &mut Means<'_>, now: Mono, head: &Room, peer: PeerId, loss: Loss) {
        if let Some((id, up)) = self.up_by_peer(peer) {
            let owner = head.stream(&id).map(|stream| stream.owner.clone());
            let Some(owner) = owner else { return };
            if loss == Loss::Consent {
                up.lost_since = Some(now);
                means.tell(&owner, StreamNote::Renegotiate(id));
            } else {
                means.tell(&owner, StreamNote::Abort(id.clone()));
                if loss != Loss::Closed {
                    means.tell(&owner, StreamNote::Error(words(loss).to_owned()));
                }
                means.effects.push(Effect::End(id));
            }
            return;
        }
        let leg = self.downs.iter().find(|(_, down)| down.peer == peer).map(|(leg, _)| leg.clone());
        let Some(leg) = leg else { return };
        match loss {
            Loss::Consent => self.restart(means, head, &leg),
            // The receiver took it down; it will say so if it wants it again.
            Loss::Closed => {}
            _ => {
                self.close_leg(means, &leg);
                means.tell(&leg.0, StreamNote::Error(words(loss).to_owned()));
            }
        }
    }

    fn up_by_peer(&mut self, peer: PeerId) -> Option<(StreamId, &mut Up)> {
        let found = self.ups.iter_mut().find(|(_, up)| up.peer == peer);
        found.map(|(stream, up)| (stream.clone(), up))
    }

    /// When [`RoomMedia::tick`] is due.
    pub(crate) fn deadline(&self, patience: std::time::Duration) -> Option<Mono> {
        self.ups.values().filter_map(|up| up.lost_since).min().map(|since| since + patience)
    }

    /// Ends the streams whose media has been gone for too long.
    pub(crate) fn tick(
        &mut self,
        means: &mut Means<'_>,
        room: &Room,
        now: Mono,
        patience: std::time::Duration,
    ) {
        for (stream, up) in &mut self.ups {
            if up.lost_since.is_some_and(|since| now >= since + patience) {
                up.lost_since = None;
                if let Some(owner) = room.stream(stream).map(|stream| &stream.owner) {
                    means.tell(owner, StreamNote::Abort(stream.clone()));
                    means.tell(owner, StreamNote::Error(words(Loss::Consent).to_owned()));
                }
                means.effects.push(Effect::End(stream.clone()));
            }
        }
    }

    /// The room is forgotten.
    pub(crate) fn close(&mut self, means: &mut Means<'_>) {
        for up in std::mem::take(&mut self.ups).into_values() {
            means.drop_peer(up.peer);
        }
        for down in std::mem::take(&mut self.downs).into_values() {
            means.drop_peer(down.peer);
        }
        for up in std::mem::take(&mut self.prepared).into_values() {
            means.effects.push(Effect::Disown(up.peer));
        }
    }
}

const fn words(loss: Loss) -> &'static str {
    match loss {
        Loss::Fingerprint => "the certificate of the media connection is not the announced one",
        Loss::Handshake => "the media connection could not be secured",
        Loss::Full => "the server has no room for another media connection",
        _ => "the media connection is gone",
    }
}

/// Whether this member may still be told about a stream.
fn name_of(room: &Room, member: &MemberId) -> String {
    room.member(member).map_or_else(String::new, |m: &Member| m.name.clone())
}
