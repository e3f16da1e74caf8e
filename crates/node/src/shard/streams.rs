//! The shard's side of streams: offers, reports of media workers, and what the
//! media side of a room wants done.

use super::{Shard, Timer};
use crate::asker::Asker;
use crate::client::Place;
use crate::media::{Effect, Means, RoomMedia};
use crate::port::Output;
use parlour_base::{ConnId, Now, RoomId};
use parlour_room::{Actor, Command, Refusal, Room, StreamId};
use parlour_session::StreamNote;
use parlour_sfu::plan::{Notice, WorkerIndex};

impl Shard {
    #[expect(clippy::too_many_arguments, reason = "the parts of one message")]
    pub(super) fn offer(
        &mut self,
        now: Now,
        conn: ConnId,
        place: &Place,
        stream: StreamId,
        label: String,
        replaces: Option<StreamId>,
        sdp: &str,
    ) {
        let Place { room, member } = place;
        let Some(hosted) = self.rooms.get(room) else { return };
        let head = hosted.timeline.head();
        let existing = head.stream(&stream).map(|s| s.owner == *member);
        let may = head
            .member(member)
            .is_some_and(|m| m.permissions.has(parlour_base::Permission::Present));
        let refusal = match existing {
            _ if !may => Some(Refusal::NotAuthorised),
            Some(false) => Some(Refusal::StreamExists),
            _ => None,
        };
        if let Some(refusal) = refusal {
            self.publish_refused(now, conn, &stream, replaces, &refusal);
            return;
        }
        let known = existing == Some(true) && hosted.media.knows_up(&stream);
        let mut outcome = Ok(());
        self.with_media(now, *room, |media, means, head| {
            outcome = if known {
                media.renegotiate(means, head, member, &stream, sdp)
            } else {
                media.prepare(means, head, &stream, sdp)
            };
        });
        match outcome {
            Ok(()) if known => {}
            Ok(()) => {
                let command = Command::Publish { stream, label, replaces };
                self.command(now, Asker::Conn(conn), *room, Actor::Member(member.clone()), command);
            }
            Err(fault) => {
                self.abandon(now, place, replaces);
                self.with_session(now, conn, |session, _| {
                    session.stream(StreamNote::Abort(stream.clone()));
                    session.error(&fault.to_string());
                });
                if known {
                    self.house(now, *room, Command::Unpublish(stream));
                }
            }
        }
    }

    pub(super) fn publish_refused(
        &mut self,
        now: Now,
        conn: ConnId,
        stream: &StreamId,
        replaces: Option<StreamId>,
        refusal: &Refusal,
    ) {
        let Some(Place { room, member }) = self.place(conn) else { return };
        self.abandon(now, &Place { room, member }, replaces);
        self.with_session(now, conn, |session, _| {
            session.stream(StreamNote::Abort(stream.clone()));
            session.error(&refusal.to_string());
        });
    }

    /// Ends the stream that a refused one was to replace: its publisher has
    /// closed it already and will not say so.
    pub(super) fn abandon(&mut self, now: Now, place: &Place, replaced: Option<StreamId>) {
        if let Some(old) = replaced {
            let actor = Actor::Member(place.member.clone());
            self.command(now, Asker::Nobody, place.room, actor, Command::Unpublish(old));
        }
    }

    pub(super) fn notice(&mut self, now: Now, notice: &Notice) {
        let peer = match notice {
            Notice::Connected(peer) | Notice::Live { peer, .. } | Notice::Lost(peer, _) => *peer,
            _ => return,
        };
        let Some(room) = self.peers.get(&peer).copied() else { return };
        self.with_media(now, room, |media, means, room| {
            media.notice(means, now.mono, room, notice);
        });
    }

    /// Lets the media side of a room do something and carries out what follows.
    pub(super) fn with_media(
        &mut self,
        now: Now,
        room: RoomId,
        happen: impl FnOnce(&mut RoomMedia, &mut Means<'_>, &Room),
    ) {
        let Some(hosted) = self.rooms.get_mut(&room) else { return };
        let mut effects = Vec::new();
        let mut means = Means {
            media: &self.config.media,
            entropy: &mut self.entropy,
            next_peer: &mut self.next_peer,
            effects: &mut effects,
        };
        happen(&mut hosted.media, &mut means, hosted.timeline.published());
        let worker = hosted.media.worker();
        for effect in effects {
            self.effect(now, room, worker, effect);
        }
        let lost = self.rooms.get(&room);
        let lost = lost.and_then(|h| h.media.deadline(self.config.limits.lost_stream.0));
        self.arm(lost, Timer::Room(room));
    }

    pub(super) fn effect(&mut self, now: Now, room: RoomId, worker: WorkerIndex, effect: Effect) {
        match effect {
            Effect::Announce(stream, tracks) => {
                let command = Command::Announce { stream, tracks };
                self.house(now, room, command);
            }
            Effect::Disown(peer) => {
                self.peers.remove(&peer);
            }
            Effect::End(stream) => {
                self.house(now, room, Command::Unpublish(stream));
            }
            Effect::Order(command) => {
                self.out.push_back(Output::Media(worker, Box::new(command)));
            }
            Effect::Own(peer) => {
                self.peers.insert(peer, room);
            }
            Effect::Tell(member, note) => {
                let conn = self.rooms.get(&room).and_then(|h| h.connections.get(&member).copied());
                if let Some(conn) = conn {
                    self.with_session(now, conn, |session, _| session.stream(note));
                }
            }
        }
    }
}
