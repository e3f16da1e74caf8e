//! Entering: from a group's name and a password to a join that the room
//! decides. On the way the group file is read, the password checked in the
//! pool, and the room opened in the store; each step is an errand at the edge.

mod directory;
mod questions;

use crate::client::Place;
use crate::groups::Definition;
use crate::port::{ErrandId, GroupLookup, Output, Query, QueryId, Reply};
use crate::shard::{Shard, Timer};
use parlour_base::storage::{StoreDone, StoreId, StoreOp, StoreReply};
use parlour_base::{ConnId, Mono, Now, Permissions, RoomId, Secret};
use parlour_directory::jwt::{self, SigningKey};
use parlour_directory::{Access, Admission, Attempt, Step};
use parlour_room::command::Entry;
use parlour_room::event::ChatEntry;
use parlour_room::record::RoomRecord;
use parlour_room::{Actor, Command, Room, Rules};
use parlour_session::galene::{EntryFailure, EntryRequest};
use parlour_wire::galene::{GroupStatus, name};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The namespace of group names.
const GALENE: &str = "galene";
/// The name of the room that a new server opens to everyone.
const LOBBY: &str = "lobby";

/// The joins and questions under way.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    next: u64,
    errands: BTreeMap<ErrandId, Errand>,
    /// Joins that wait for their room to be opened.
    openings: BTreeMap<StoreId, Opening>,
    /// Answers held back, by when they are due.
    later: BTreeMap<(Mono, ConnId), EntryFailure>,
    /// The directory is not there yet; its request, or the last one.
    pub loading: Option<StoreId>,
    /// What came before the directory was there.
    early: Vec<(ConnId, EntryRequest)>,
    questions: Vec<(QueryId, Query)>,
    /// When to ask for the directory again.
    reload: Option<Mono>,
    /// Names on their way to disk.
    named: BTreeMap<StoreId, (String, RoomId)>,
}

/// Something the edge is doing for a join.
#[derive(Debug)]
enum Errand {
    /// Reading the group file for a join.
    Group(ConnId, Box<EntryRequest>),
    /// Reading the group file for a question about the group.
    Question(QueryId, String),
    /// Reading the files of listed groups, one after the other.
    Listing(Box<Listing>),
    /// Checking a password.
    Password(Box<Check>),
}

/// A password being checked.
#[derive(Debug)]
struct Check {
    conn: ConnId,
    attempt: Attempt,
    wish: Wish,
}

/// What is left of a request once its password is on its way.
#[derive(Debug)]
struct Wish {
    id: parlour_room::MemberId,
    group: String,
    name: String,
    attributes: parlour_base::JsonMap,
    rules: Rules,
    access: Arc<Access>,
}

/// A join whose credentials were good.
#[derive(Debug)]
struct Admitted {
    conn: ConnId,
    wish: Wish,
    permissions: Permissions,
}

/// A room being opened, and who waits for it.
#[derive(Debug)]
struct Opening {
    room: RoomId,
    since: Mono,
    waiting: Vec<Admitted>,
}

/// A list of public groups being made.
#[derive(Debug)]
struct Listing {
    query: QueryId,
    asked: String,
    left: Vec<String>,
    found: Vec<GroupStatus>,
}

impl Entries {
    fn len(&self) -> usize {
        let waiting: usize = self.openings.values().map(|o| o.waiting.len()).sum();
        self.errands.len() + waiting + self.early.len()
    }

    /// A client is gone; nothing more is done for it.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.later.retain(|(_, who), _| *who != conn);
        self.early.retain(|(who, _)| *who != conn);
        for opening in self.openings.values_mut() {
            opening.waiting.retain(|admitted| admitted.conn != conn);
        }
        self.errands.retain(|_, errand| match errand {
            Errand::Group(who, _) => *who != conn,
            Errand::Password(check) => check.conn != conn,
            Errand::Question(..) | Errand::Listing(_) => true,
        });
    }
}

impl Shard {
    fn errand(&mut self, errand: Errand) -> ErrandId {
        self.entries.next += 1;
        let id = ErrandId(self.entries.next);
        self.entries.errands.insert(id, errand);
        id
    }

    fn read_group(&mut self, name: &str, errand: Errand) {
        let errand = self.errand(errand);
        self.out.push_back(Output::ReadGroup { errand, name: name.to_owned() });
    }

    /// A client wants in.
    pub(crate) fn enter(&mut self, now: Now, conn: ConnId, request: EntryRequest) {
        if self.stopping || self.entries.len() >= self.config.limits.entries as usize {
            self.entry_failed(now, conn, &EntryFailure::Internal);
        } else if self.entries.loading.is_some() {
            self.entries.early.push((conn, request));
        } else {
            let group = request.group.clone();
            self.read_group(&group, Errand::Group(conn, Box::new(request)));
        }
    }

    /// The edge has looked for a group file.
    pub(crate) fn group_read(&mut self, now: Now, errand: ErrandId, lookup: GroupLookup) {
        match self.entries.errands.remove(&errand) {
            Some(Errand::Group(conn, request)) => match self.definition(&request.group, lookup) {
                Ok(Some(definition)) => {
                    self.renew(now, &request.group, &definition.rules);
                    self.try_password(now, conn, *request, definition);
                }
                Ok(None) => self.entry_failed(now, conn, &EntryFailure::NoGroup),
                Err(Unreadable) => self.entry_failed(now, conn, &EntryFailure::Internal),
            },
            Some(Errand::Question(query, group)) => {
                let definition = self.definition(&group, lookup).ok().flatten();
                if let Some(definition) = &definition {
                    self.renew(now, &group, &definition.rules);
                }
                let status = definition.map(|d| self.status(&group, &d.rules, d.rules.public));
                self.out.push_back(Output::Reply(query, Reply::Group(status)));
            }
            Some(Errand::Listing(mut listing)) => {
                if let Ok(Some(definition)) = self.definition(&listing.asked, lookup)
                    && definition.rules.public
                {
                    self.renew(now, &listing.asked, &definition.rules);
                    let status = self.status(&listing.asked, &definition.rules, true);
                    listing.found.push(status);
                }
                self.list_next(listing);
            }
            Some(Errand::Password(_)) | None => {}
        }
    }

    fn try_password(
        &mut self,
        now: Now,
        conn: ConnId,
        request: EntryRequest,
        definition: Definition,
    ) {
        let EntryRequest { id, group, username, password, token, attributes } = request;
        let Definition { rules, access, keys, .. } = definition;
        if let Some(url) = &rules.redirect {
            let moved = parlour_room::Refusal::Moved(url.clone());
            self.entry_failed(now, conn, &EntryFailure::Refused(moved));
            return;
        }
        let access = Arc::new(access);
        let wish = |name| Wish {
            id,
            group: group.clone(),
            name,
            attributes,
            rules,
            access: Arc::clone(&access),
        };
        if let Some(token) = token {
            match self.bearer(now, &group, &token, &keys, username, &access) {
                Ok((name, admission)) => self.admit(now, conn, wish(name), admission),
                Err(EntryFailure::NotAuthorised) => {
                    self.hold_back(now, conn, EntryFailure::NotAuthorised);
                }
                Err(failure) => self.entry_failed(now, conn, &failure),
            }
            return;
        }
        let name = username.unwrap_or_default();
        if !name::is_user_name(&name) {
            self.hold_back(now, conn, EntryFailure::NotAuthorised);
            return;
        }
        let mut attempt = Attempt::new(&access, &name, password);
        let step = attempt.step();
        self.password_step(now, Check { conn, attempt, wish: wish(name) }, step);
    }

    /// The name and the rights that a token gives: one that others signed, or
    /// an invitation of ours.
    fn bearer(
        &self,
        now: Now,
        group: &str,
        token: &Secret<String>,
        keys: &[SigningKey],
        wished: Option<String>,
        access: &Access,
    ) -> Result<(String, Admission), EntryFailure> {
        if jwt::is_jwt(token) {
            let host = self.config.canonical_host.as_deref();
            let bearer = jwt::check(keys, token, now.wall, group, host);
            let jwt::Bearer { name, admission } = bearer.ok_or(EntryFailure::NotAuthorised)?;
            // An empty name leaves the choice, and does not insist on one.
            let wished = wished.or_else(|| name.clone());
            let given = name.filter(|name| !name.is_empty());
            return Ok((named(given, wished, access)?, admission));
        }
        let invitation = self.directory.invitation(token.expose());
        let invitation = invitation.ok_or(EntryFailure::NotAuthorised)?;
        let admission = invitation.admit(now.wall, group).ok_or(EntryFailure::NotAuthorised)?;
        Ok((named(invitation.username.clone(), wished, access)?, admission))
    }

    fn password_step(&mut self, now: Now, check: Check, step: Step) {
        match step {
            Step::Check(verifier) => {
                let password = Secret::new(check.attempt.password().expose().clone());
                let errand = self.errand(Errand::Password(Box::new(check)));
                self.out.push_back(Output::Check { errand, verifier, password });
            }
            Step::Granted(admission) => self.admit(now, check.conn, check.wish, admission),
            Step::Refused => self.hold_back(now, check.conn, EntryFailure::NotAuthorised),
        }
    }

    /// The pool has checked a password.
    pub(crate) fn password_checked(&mut self, now: Now, errand: ErrandId, fits: Option<bool>) {
        let Some(Errand::Password(mut check)) = self.entries.errands.remove(&errand) else {
            return;
        };
        match fits {
            Some(fits) => {
                let step = check.attempt.answer(fits);
                self.password_step(now, *check, step);
            }
            None => self.entry_failed(now, check.conn, &EntryFailure::Internal),
        }
    }

    fn admit(&mut self, now: Now, conn: ConnId, wish: Wish, admission: Admission) {
        let admitted = Admitted { conn, wish, permissions: admission.permissions() };
        let known = self.directory.room(GALENE, &admitted.wish.group);
        match known {
            Some(room) if self.rooms.contains_key(&room) => self.join(now, room, admitted),
            _ if self.rooms.len() + self.entries.openings.len()
                >= self.config.limits.rooms as usize =>
            {
                self.entry_failed(now, admitted.conn, &EntryFailure::Internal);
            }
            Some(room) => self.open(now, room, admitted),
            None => {
                let room = self.entropy.room_id();
                let write = self.directory.bind(GALENE, &admitted.wish.group, room);
                let id = self.store(StoreOp::Commit(vec![write]));
                self.entries.named.insert(id, (admitted.wish.group.clone(), room));
                self.open(now, room, admitted);
            }
        }
    }

    fn open(&mut self, now: Now, room: RoomId, admitted: Admitted) {
        let under_way = self.entries.openings.values_mut().find(|o| o.room == room);
        if let Some(opening) = under_way {
            opening.waiting.push(admitted);
            return;
        }
        let id = self.store(StoreOp::OpenRoom(room));
        let opening = Opening { room, since: now.mono, waiting: vec![admitted] };
        self.entries.openings.insert(id, opening);
        self.arm(Some(now.mono + self.config.limits.store_patience.0), Timer::Entries);
    }

    /// The store has answered something that no room waits for.
    pub(crate) fn entry_stored(&mut self, now: Now, reply: StoreReply) {
        let is_directory = matches!(reply.result, Ok(StoreDone::Directory { .. }));
        if self.entries.loading.is_some_and(|id| id == reply.id || is_directory) {
            self.directory_loaded(now, reply.result.ok());
        } else if let Some((group, room)) = self.entries.named.remove(&reply.id) {
            if reply.result.is_err() && self.directory.room(GALENE, &group) == Some(room) {
                // The name is not on disk, so the room must not be entered.
                self.directory.unbind(GALENE, &group);
                self.fail_opening(now, room);
            }
        } else if let Some(opening) = self.entries.openings.remove(&reply.id) {
            self.room_opened(now, opening, reply.result.ok());
        }
    }

    /// Binds a room's name again whose first answer never came; a binding that
    /// is there already does no harm.
    fn bind_again(&mut self, room: RoomId) {
        let unsure = self.entries.named.iter().find(|(_, (_, named))| *named == room);
        let Some((id, group)) = unsure.map(|(id, (group, _))| (*id, group.clone())) else {
            return;
        };
        self.entries.named.remove(&id);
        let write = self.directory.bind(GALENE, &group, room);
        self.store_quietly(write);
    }

    fn fail_opening(&mut self, now: Now, room: RoomId) {
        let ids: Vec<StoreId> = self
            .entries
            .openings
            .iter()
            .filter(|(_, o)| o.room == room)
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            if let Some(opening) = self.entries.openings.remove(&id) {
                for admitted in opening.waiting {
                    self.entry_failed(now, admitted.conn, &EntryFailure::Internal);
                }
            }
        }
    }

    fn room_opened(&mut self, now: Now, opening: Opening, done: Option<StoreDone>) {
        // The store answers in order, so an answer that is missing is lost.
        self.bind_again(opening.room);
        let Some(StoreDone::Room { epoch, body, chat }) = done else {
            for admitted in opening.waiting {
                self.entry_failed(now, admitted.conn, &EntryFailure::Internal);
            }
            return;
        };
        let record = body.and_then(|body| RoomRecord::from_json(body).ok()).unwrap_or_default();
        let chat = chat.into_iter().filter_map(|body| ChatEntry::from_json(body).ok());
        let kept = self.config.room.chat_entries as usize;
        let mut chat: Vec<ChatEntry> = chat.collect();
        chat.drain(..chat.len().saturating_sub(kept));
        let room = Room::open(opening.room, epoch, self.config.room, record, chat);
        self.host(now, room);
        for admitted in opening.waiting {
            self.join(now, opening.room, admitted);
        }
    }

    fn join(&mut self, now: Now, room: RoomId, admitted: Admitted) {
        let Admitted { conn, wish, permissions } = admitted;
        // An id stays with its connection until everybody has seen it leave,
        // even if the room has decided that already: what that connection
        // still does must not be done to another.
        let held = |place: &Place| place.room == room && place.member == wish.id;
        if self.clients.values().any(|client| client.place.as_ref().is_some_and(held)) {
            let taken = EntryFailure::Refused(parlour_room::Refusal::AlreadyHere);
            self.entry_failed(now, conn, &taken);
            return;
        }
        let Some(hosted) = self.rooms.get_mut(&room) else { return };
        hosted.access = Some(wish.access);
        self.configure(now, room, &wish.rules);
        if let Some(client) = self.clients.get_mut(&conn) {
            client.place = Some(Place { room, member: wish.id.clone() });
        }
        let (name, via, attributes) = (wish.name, wish.group, wish.attributes);
        let entry = Entry { name, via, permissions, attributes };
        self.command(now, Some(conn), room, Actor::Entrant(wish.id), Command::Join(entry));
    }

    // Failures.

    fn entry_failed(&mut self, now: Now, conn: ConnId, failure: &EntryFailure) {
        self.with_session(now, conn, |session, _| session.entry_failed(failure));
    }

    /// Answers later, so that guessing is slow.
    fn hold_back(&mut self, now: Now, conn: ConnId, failure: EntryFailure) {
        let due = now.mono + self.config.galene.config.failure_delay.0;
        self.entries.later.insert((due, conn), failure);
        self.arm(Some(due), Timer::Entries);
    }

    pub(crate) fn entries_tick(&mut self, now: Now) {
        while let Some(first) = self.entries.later.first_entry() {
            let (due, conn) = *first.key();
            if due > now.mono {
                break;
            }
            let failure = first.remove();
            self.entry_failed(now, conn, &failure);
        }
        if self.entries.reload.is_some_and(|due| now.mono >= due) {
            self.entries.reload = None;
            self.entries.loading = Some(self.store(StoreOp::LoadDirectory));
        }
        let patience = self.config.limits.store_patience.0;
        let late = |o: &Opening| now.mono.since(o.since) >= patience;
        let late: Vec<RoomId> =
            self.entries.openings.values().filter(|o| late(o)).map(|o| o.room).collect();
        for room in late {
            self.bind_again(room);
            self.fail_opening(now, room);
        }
    }
}

/// A definition that could not be read or makes no sense.
struct Unreadable;

/// The name of a bearer: the token's, or one of the bearer's own choice
/// that belongs to nobody.
fn named(
    given: Option<String>,
    wished: Option<String>,
    access: &Access,
) -> Result<String, EntryFailure> {
    let name = match (given, wished) {
        (Some(name), _) => name,
        (None, None) => return Err(EntryFailure::NeedUsername),
        (None, Some(name)) if access.knows(&name) => return Err(EntryFailure::UsernameTaken),
        (None, Some(name)) => name,
    };
    if name::is_user_name(&name) { Ok(name) } else { Err(EntryFailure::NotAuthorised) }
}
