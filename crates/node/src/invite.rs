//! Invitations: made, changed and listed by members, shown only once they are
//! on disk; and the list of groups below.
//!
//! Source: docs/protocols/galene.md §3.12.

use crate::client::Place;
use crate::shard::{Shard, Timer};
use parlour_base::storage::{StoreId, StoreOp};
use parlour_base::{ConnId, Json, Mono, Now, Permission, Secret};
use parlour_directory::Invitation;
use parlour_room::{Member, Refusal};
use parlour_session::galene::Session;
use parlour_wire::galene::text::{TOKEN, TOKEN_LIST, error_id, soft};
use parlour_wire::galene::token::{Token, TokenEdit, TokenRequest};
use std::collections::BTreeMap;

/// Invitations on their way to disk.
pub(crate) type Unsaved = BTreeMap<StoreId, Change>;

/// What is taken back if an invitation does not reach the disk.
#[derive(Debug)]
pub(crate) struct Change {
    since: Mono,
    conn: ConnId,
    token: String,
    before: Option<Invitation>,
}

/// An identifier and a text of what was wrong.
type Wrong = (&'static str, String);

fn wrong(text: impl ToString) -> Wrong {
    (error_id::ERROR, text.to_string())
}

fn not_authorised() -> Wrong {
    (error_id::NOT_AUTHORISED, soft::NOT_AUTHORISED.to_owned())
}

impl Shard {
    /// A member wants an invitation made.
    pub(crate) fn make_token(&mut self, now: Now, conn: ConnId, value: &Json) {
        let made = self.new_invitation(now, conn, value);
        self.save_invitation(now, conn, made);
    }

    fn new_invitation(
        &mut self,
        now: Now,
        conn: ConnId,
        value: &Json,
    ) -> Result<(String, Invitation), Wrong> {
        let me = self.member_of(conn).ok_or_else(not_authorised)?;
        if !me.permissions.has(Permission::Token) {
            return Err(not_authorised());
        }
        let wish = TokenRequest::read(value).map_err(wrong)?;
        if wish.group != me.via {
            return Err(wrong(soft::WRONG_GROUP_IN_TOKEN));
        }
        let holds = |permission| me.permissions.has(permission);
        if wish.unknown_permission || !wish.permissions.iter().all(holds) {
            return Err(not_authorised());
        }
        let room = self.clients.get(&conn).and_then(|client| client.place.as_ref());
        let access = room.and_then(|p| self.rooms.get(&p.room)).and_then(|h| h.access.clone());
        let taken = |name: &String| access.is_some_and(|access| access.knows(name));
        if wish.username.as_ref().is_some_and(taken) {
            return Err(wrong(soft::TOKEN_USERNAME_TAKEN));
        }
        let stale = self.directory.forget_stale(now.wall);
        if !stale.is_empty() {
            self.store(StoreOp::Commit(stale));
        }
        if !self.directory.has_place_for_invitation() {
            return Err(wrong(Refusal::TooLarge));
        }
        let invitation = Invitation {
            group: wish.group,
            include_subgroups: wish.include_subgroups,
            username: wish.username,
            permissions: wish.permissions,
            expires: wish.expires.at(now.wall),
            not_before: wish.not_before.map(|begins| begins.at(now.wall)),
            issued_at: now.wall,
            issued_by: Some(me.name),
        };
        Ok((self.entropy.text::<8>(), invitation))
    }

    /// An operator wants an invitation changed.
    pub(crate) fn edit_token(&mut self, now: Now, conn: ConnId, value: &Json) {
        let edited = self.edited_invitation(now, conn, value);
        self.save_invitation(now, conn, edited);
    }

    fn edited_invitation(
        &self,
        now: Now,
        conn: ConnId,
        value: &Json,
    ) -> Result<(String, Invitation), Wrong> {
        let me = self.inviting_operator(conn)?;
        let edit = TokenEdit::read(value).map_err(wrong)?;
        let token = edit.token.expose();
        let of_here = |one: &&Invitation| one.group == me.via;
        let known = self.directory.invitation(token).filter(of_here).cloned();
        let mut invitation = known.ok_or_else(|| wrong("no such token"))?;
        if let Some(ends) = edit.expires {
            invitation.expires = ends.at(now.wall);
        }
        if let Some(begins) = edit.not_before {
            invitation.not_before = Some(begins.at(now.wall));
        }
        Ok((token.clone(), invitation))
    }

    /// An operator wants to see the group's invitations.
    pub(crate) fn list_tokens(&mut self, now: Now, conn: ConnId) {
        let list = self.inviting_operator(conn).map(|me| {
            let all = self.directory.invitations(&me.via);
            all.map(|(token, one)| shown(token, one)).collect::<Json>()
        });
        self.tell_tokens(now, conn, TOKEN_LIST, list);
    }

    /// An operator wants to know who is in groups below.
    pub(crate) fn list_subgroups(&mut self, now: Now, conn: ConnId) {
        let Some(me) = self.member_of(conn) else { return };
        if !me.permissions.has(Permission::Op) {
            let why = Refusal::NotAuthorised.to_string();
            self.with_session(now, conn, |session, _| session.error(&why));
            return;
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for room in self.rooms.values().map(|hosted| hosted.timeline.published()) {
            for member in room.members() {
                let rest = member.via.strip_prefix(me.via.as_str());
                if rest.is_some_and(|rest| rest.starts_with('/')) {
                    *counts.entry(&member.via).or_default() += 1;
                }
            }
        }
        let line = |(name, count): (&str, usize)| match count {
            1 => format!("{name} (1 client)"),
            _ => format!("{name} ({count} clients)"),
        };
        let text = counts.into_iter().map(line).collect::<Vec<_>>().join("\n");
        self.with_session(now, conn, |session, _| session.say(now.wall, &text));
    }

    /// Says why something cannot be done, to who may ask.
    pub(crate) fn decline(&mut self, now: Now, conn: ConnId, needs: Permission, words: &str) {
        let Some(me) = self.member_of(conn) else { return };
        let refusal = Refusal::NotAuthorised.to_string();
        let why = if me.permissions.has(needs) { words } else { refusal.as_str() };
        self.with_session(now, conn, |session, _| session.error(why));
    }

    fn member_of(&self, conn: ConnId) -> Option<Member> {
        let Place { room, member } = self.clients.get(&conn)?.place.clone()?;
        self.rooms.get(&room)?.timeline.published().member(&member).cloned()
    }

    fn inviting_operator(&self, conn: ConnId) -> Result<Member, Wrong> {
        let me = self.member_of(conn).ok_or_else(not_authorised)?;
        let may = me.permissions.has(Permission::Op) && me.permissions.has(Permission::Token);
        if may { Ok(me) } else { Err(not_authorised()) }
    }

    fn save_invitation(
        &mut self,
        now: Now,
        conn: ConnId,
        change: Result<(String, Invitation), Wrong>,
    ) {
        match change {
            Ok((token, invitation)) => {
                let before = self.directory.invitation(&token).cloned();
                let write = self.directory.invite(&token, Some(invitation));
                let id = self.store(StoreOp::Commit(vec![write]));
                self.unsaved.insert(id, Change { since: now.mono, conn, token, before });
                let due = now.mono + self.config.limits.store_patience.0;
                self.arm(Some(due), Timer::Entries);
            }
            Err(wrong) => self.tell_tokens(now, conn, TOKEN, Err(wrong)),
        }
    }

    /// The store has answered; false if it was not about an invitation.
    pub(crate) fn invitation_stored(&mut self, now: Now, id: StoreId, saved: bool) -> bool {
        let Some(change) = self.unsaved.remove(&id) else { return false };
        self.settle_invitation(now, change, saved);
        true
    }

    /// Gives up on what the store has not answered for too long.
    pub(crate) fn invitations_tick(&mut self, now: Now) {
        let patience = self.config.limits.store_patience.0;
        let late = |change: &Change| now.mono >= change.since + patience;
        let late: Vec<StoreId> =
            self.unsaved.iter().filter(|(_, c)| late(c)).map(|(id, _)| *id).collect();
        for id in late {
            if let Some(change) = self.unsaved.remove(&id) {
                self.settle_invitation(now, change, false);
            }
        }
    }

    fn settle_invitation(&mut self, now: Now, change: Change, saved: bool) {
        let Change { conn, token, before, .. } = change;
        let outcome = if saved {
            let kept = self.directory.invitation(&token);
            kept.map(|one| shown(&token, one)).ok_or_else(|| wrong("no such token"))
        } else {
            // The write for it is not made again: memory follows the disk.
            self.directory.invite(&token, before);
            Err(wrong(Refusal::StoreUnavailable))
        };
        self.tell_tokens(now, conn, TOKEN, outcome);
    }

    fn tell_tokens(&mut self, now: Now, conn: ConnId, kind: &str, outcome: Result<Json, Wrong>) {
        self.with_session(now, conn, |session: &mut Session, _| session.tokens(kind, outcome));
    }
}

/// An invitation as clients see it.
fn shown(token: &str, invitation: &Invitation) -> Json {
    let one = invitation.clone();
    Token {
        token: Secret::new(token.to_owned()),
        group: one.group,
        include_subgroups: one.include_subgroups,
        username: one.username,
        permissions: one.permissions,
        expires: Some(one.expires),
        not_before: one.not_before,
        issued_at: Some(one.issued_at),
        issued_by: one.issued_by,
    }
    .to_json()
}
