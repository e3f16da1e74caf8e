//! The shard's side of its sessions: what they hear and what they ask.

use super::Shard;
use crate::asker::Asker;
use crate::client::Place;
use crate::port::{Frame, Output};
use parlour_base::{ConnId, Now, RoomId};
use parlour_room::{Actor, Command, MemberId, Refusal};
use parlour_session::galene::{Ask, Session};
use parlour_session::{StreamNote, galene};

impl Shard {
    pub(super) fn frame(&mut self, now: Now, conn: ConnId, frame: &Frame) {
        self.with_session(now, conn, |session, shard| match frame {
            Frame::Text(text) => {
                let config = shard.config.galene.config;
                session.text(now.mono, &config, &mut shard.entropy, text);
            }
            Frame::Binary => session.binary(),
        });
    }

    /// Lets something happen to a session and does what it then asks.
    pub(crate) fn with_session(
        &mut self,
        now: Now,
        conn: ConnId,
        happen: impl FnOnce(&mut Session, &mut Self),
    ) {
        let Some(mut client) = self.clients.remove(&conn) else { return };
        happen(&mut client.session, self);
        let mut asks = Vec::new();
        while let Some(output) = client.session.poll() {
            match output {
                galene::Output::Send(text) => self.out.push_back(Output::Send { conn, text }),
                galene::Output::Close { code, reason } => {
                    if code != 1000 {
                        self.counts.misbehaviours_total += 1;
                    }
                    self.out.push_back(Output::Close { conn, code, reason });
                }
                galene::Output::Ask(ask) => asks.push(ask),
            }
        }
        if client.session.is_ready() {
            self.ready.push_back(conn);
        }
        let over = client.session.is_over();
        let place = if over { client.place.take() } else { None };
        self.clients.insert(conn, client);
        for ask in asks {
            self.ask(now, conn, *ask);
        }
        if let Some(place) = place {
            // Told to go: out of the room at once, not when the socket ends.
            let goes = Command::Expel(place.member);
            self.command(now, Asker::Conn(conn), place.room, Actor::House, goes);
        }
    }

    pub(super) fn closed(&mut self, now: Now, conn: ConnId) {
        let Some(client) = self.clients.remove(&conn) else { return };
        self.entries.forget(conn);
        self.openings.forget(conn);
        self.departed(conn);
        if let Some(place) = client.place {
            let goes = Command::Expel(place.member);
            self.command(now, Asker::Conn(conn), place.room, Actor::House, goes);
        }
    }

    pub(super) fn place(&self, conn: ConnId) -> Option<Place> {
        self.clients.get(&conn).and_then(|client| client.place.clone())
    }

    pub(super) fn ask(&mut self, now: Now, conn: ConnId, ask: Ask) {
        if let Ask::Enter(request) = ask {
            self.enter(now, conn, *request);
            return;
        }
        let Some(place) = self.place(conn) else {
            self.ask_from_nowhere(now, conn, ask);
            return;
        };
        let Place { room, member } = place;
        match ask {
            Ask::Enter(_) => {}
            Ask::Command(command) => {
                self.command(now, Asker::Conn(conn), room, Actor::Member(member), command);
            }
            Ask::Offer { stream, label, replaces, sdp } => {
                self.offer(now, conn, &Place { room, member }, stream, label, replaces, &sdp);
            }
            Ask::Answer { stream, sdp } => self.with_media(now, room, |media, means, room| {
                media.answered(means, room, &member, &stream, &sdp);
            }),
            Ask::Renegotiate(stream) => self.with_media(now, room, |media, means, room| {
                media.restart_for(means, room, &member, &stream);
            }),
            Ask::Abort(stream) => self.with_media(now, room, |media, means, _| {
                media.declined(means, &member, &stream);
            }),
            Ask::Close(stream) => {
                let actor = Actor::Member(member);
                self.command(now, Asker::Nobody, room, actor, Command::Unpublish(stream));
            }
            Ask::Identify(target) => self.identify(now, conn, room, &member, &target),
            Ask::MakeToken(value) => self.make_token(now, conn, &value),
            Ask::EditToken(value) => self.edit_token(now, conn, &value),
            Ask::ListTokens => self.list_tokens(now, conn),
            Ask::Subgroups => self.list_subgroups(now, conn),
            Ask::Decline { needs, words } => self.decline(now, conn, needs, words),
        }
    }

    /// What is asked about streams by somebody who is in no room.
    pub(super) fn ask_from_nowhere(&mut self, now: Now, conn: ConnId, ask: Ask) {
        let notes = match ask {
            Ask::Offer { stream, .. } => vec![
                StreamNote::Abort(stream),
                StreamNote::Error(Refusal::NotAuthorised.to_string()),
            ],
            Ask::Answer { stream, .. } => vec![StreamNote::Close(stream)],
            _ => Vec::new(),
        };
        self.with_session(now, conn, |session, _| {
            notes.into_iter().for_each(|n| session.stream(n))
        });
    }

    pub(super) fn identify(
        &mut self,
        now: Now,
        conn: ConnId,
        room: RoomId,
        me: &MemberId,
        target: &MemberId,
    ) {
        let Some(hosted) = self.rooms.get(&room) else { return };
        let seen = hosted.timeline.published();
        let asker = seen.member(me).cloned();
        let found = seen.member(target).cloned();
        let where_to = hosted.connections.get(target).copied();
        let remote = where_to.and_then(|c| self.clients.get(&c)).map(|c| c.remote);
        let Some(asker) = asker else { return };
        if !asker.permissions.has(parlour_base::Permission::Op) {
            self.with_session(now, conn, |s, _| s.error(&Refusal::NotAuthorised.to_string()));
            return;
        }
        let (Some(found), Some(where_to), Some(remote)) = (found, where_to, remote) else {
            self.with_session(now, conn, |s, _| s.error("client not found"));
            return;
        };
        self.with_session(now, where_to, |s, _| {
            s.warn(&format!("Your IP address has been communicated to user {}.", asker.name));
        });
        self.with_session(now, conn, |s, _| s.identified(&found, remote.0));
    }
}
