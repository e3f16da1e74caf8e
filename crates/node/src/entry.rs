//! Entering: from a group's name and a password to a join that the room
//! decides. On the way the group file is read, the password checked in the
//! pool, and the room opened in the store; each step is an errand at the edge.

mod directory;
mod present;
mod questions;
mod visit;

use crate::asker::Asker;
use crate::client::Place;
use crate::groups::Definition;
use crate::hosted::Hosted;
use crate::opening::{NoRoom, Waiter};
use crate::port::{CallId, ErrandId, GroupLookup, Output, Query, QueryId, Reply};
use crate::shard::{Shard, Timer};
use parlour_base::storage::{Found, StoreDone, StoreFault, StoreId, StoreOp};
use parlour_base::{ConnId, Mono, Now, RoomId, Secret};
use parlour_directory::jwt::{self, SigningKey};
use parlour_directory::names::RESIDENT;
use parlour_directory::outside::Outside;
use parlour_directory::{Access, Admission, Attempt, MediaKeys, Step};
use parlour_room::command::{Entry, Pass};
use parlour_room::member::MemberKind;
use parlour_room::{
    Actor, Command, Door, Person, Proof, Refusal, Rules, SeatId, Slot, Ticket, TokenNumber,
};
use parlour_session::Target;
use parlour_session::galene::visit::is_for_visit;
use parlour_session::galene::{EntryFailure, EntryRequest};
use parlour_wire::callctl::{ConnectionText, conference};
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
    /// Joins of named users that wait to know who is meant.
    links: BTreeMap<StoreId, Admitted>,
    /// Who waits for what the door finds out.
    visits: BTreeMap<CallId, visit::Visit>,
    /// The connections for which a token was presented to the keeper.
    presented: present::Connections,
    /// Answers held back, by when they are due.
    later: BTreeMap<(Mono, ConnId), EntryFailure>,
    /// The directory is not there yet; its request, or the last one.
    pub loading: Option<StoreId>,
    /// The store was new when this server first saw it.
    pub is_new: bool,
    /// What came before the directory was there.
    early: Vec<(ConnId, EntryRequest)>,
    questions: Vec<(QueryId, Query)>,
    /// A list of public groups is being made.
    is_listing: bool,
    /// Who asked for it meanwhile, and the names that have files now: they
    /// share the next one.
    next_listing: (Vec<QueryId>, Vec<String>),
    /// When to ask for the directory again.
    reload: Option<Mono>,
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
pub(crate) struct Wish {
    id: parlour_room::MemberId,
    /// The name by which the room was asked for.
    group: String,
    name: String,
    attributes: parlour_base::JsonMap,
    /// What the group's definition says, if it is entered by that.
    definition: Option<(Rules, Arc<Access>)>,
}

/// A join whose credentials were good.
#[derive(Debug)]
pub(crate) struct Admitted {
    conn: ConnId,
    since: Mono,
    wish: Wish,
    pass: Pass,
}

impl Admitted {
    /// Whether it is this client's.
    pub(crate) fn is_of(&self, conn: ConnId) -> bool {
        self.conn == conn
    }
}

/// A list of public groups being made.
#[derive(Debug)]
struct Listing {
    queries: Vec<QueryId>,
    asked: String,
    left: Vec<String>,
    found: Vec<GroupStatus>,
}

impl Entries {
    /// How many joins are under way, and what else the edge does for entries.
    pub(crate) fn len(&self) -> usize {
        self.errands.len() + self.links.len() + self.visits.len() + self.early.len()
    }

    /// A client is gone; nothing more is done for it.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.later.retain(|(_, who), _| *who != conn);
        self.early.retain(|(who, _)| *who != conn);
        self.links.retain(|_, admitted| admitted.conn != conn);
        self.visits.retain(|_, visit| !visit.is_of(conn));
        self.errands.retain(|_, errand| match errand {
            Errand::Group(who, _) => *who != conn,
            Errand::Password(check) => check.conn != conn,
            Errand::Question(..) | Errand::Listing(_) => true,
        });
    }
}

impl Shard {
    /// A new name for an errand of the edge.
    pub(crate) fn new_errand(&mut self) -> ErrandId {
        self.entries.next += 1;
        ErrandId(self.entries.next)
    }

    fn errand(&mut self, errand: Errand) -> ErrandId {
        let id = self.new_errand();
        self.entries.errands.insert(id, errand);
        id
    }

    fn read_group(&mut self, name: &str, errand: Errand) {
        let errand = self.errand(errand);
        self.out.push_back(Output::ReadGroup { errand, name: name.to_owned() });
    }

    /// A client wants in.
    pub(crate) fn enter(&mut self, now: Now, conn: ConnId, request: EntryRequest) {
        let under_way = self.entries.len() + self.openings.waiting();
        if self.stopping || under_way >= self.config.limits.entries as usize {
            self.entry_failed(now, conn, &EntryFailure::Internal);
        } else if self.entries.loading.is_some() {
            self.entries.early.push((conn, request));
        } else if let Some(server) = self.config.media_server.clone() {
            self.present(now, conn, request, server);
        } else if let Some(token) = request.media_token() {
            self.enter_with_ticket(now, conn, &token, request);
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
                Ok(None) => self.visit(now, conn, *request, None),
                Err(Unreadable) => self.entry_failed(now, conn, &EntryFailure::Internal),
            },
            Some(Errand::Question(query, group)) => {
                let definition = self.definition(&group, lookup);
                if matches!(definition, Ok(None)) {
                    self.glimpse(query, group);
                    return;
                }
                let definition = definition.ok().flatten();
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
        let Definition { rules, access, keys, .. } = definition;
        if rules.redirect.is_none() && is_for_visit(request.token.as_ref()) {
            self.visit(now, conn, request, Some((rules, Arc::new(access))));
            return;
        }
        let EntryRequest { id, group, username, password, token, attributes } = request;
        if let Some(url) = &rules.redirect {
            let moved = Refusal::Moved(url.clone());
            self.entry_failed(now, conn, &EntryFailure::Refused(moved));
            return;
        }
        let access = Arc::new(access);
        let wish = |name| Wish {
            id,
            group: group.clone(),
            name,
            attributes,
            definition: Some((rules, Arc::clone(&access))),
        };
        if let Some(token) = token {
            match self.bearer(now, &group, &token, &keys, username, &access) {
                Ok((name, admission)) => {
                    let proof = Proof::Invitation(admission.permissions());
                    self.admit(now, conn, wish(name), proof);
                }
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
            Step::Granted(admission) => {
                let proof = Proof::Password(admission.permissions());
                self.admit(now, check.conn, check.wish, proof);
            }
            Step::Refused => self.hold_back(now, check.conn, EntryFailure::NotAuthorised),
        }
    }

    /// The pool has checked a password.
    pub(crate) fn password_checked(&mut self, now: Now, errand: ErrandId, fits: Option<bool>) {
        if self.call_checked(errand, fits) {
            return;
        }
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

    /// Whoever has a name in the definition is the same user each time; the
    /// others are guests.
    fn admit(&mut self, now: Now, conn: ConnId, wish: Wish, proof: Proof) {
        let known = wish.definition.as_ref().is_some_and(|(_, access)| access.knows(&wish.name));
        let outside = known.then(|| Outside::galene(&wish.group, &wish.name));
        let user = match &outside {
            Some(outside) => outside.derived(self.directory.media_keys().outside()),
            None => self.entropy.user_id(),
        };
        let person = Person { guest: outside.is_none(), ..Person::guest(user) };
        let pass = Pass::Shown { person, proof };
        let admitted = Admitted { conn, since: now.mono, wish, pass };
        let Some(outside) = outside else { return self.seek(now, admitted) };
        // Somebody may have linked the name to another user.
        let id = self.store(StoreOp::Find(vec![outside.lookup()]));
        self.entries.links.insert(id, admitted);
        self.arm(Some(now.mono + self.config.limits.store_patience.0), Timer::Entries);
    }

    fn linked(&mut self, now: Now, mut admitted: Admitted, found: Option<StoreDone>) {
        let Some(StoreDone::Found(found)) = found else {
            self.entry_failed(now, admitted.conn, &EntryFailure::Internal);
            return;
        };
        if let ([Found::Record(Some(link))], Pass::Shown { person, .. }) =
            (&found[..], &mut admitted.pass)
            && let Some(user) = link.as_str().and_then(|text| text.parse().ok())
        {
            person.user = user;
        }
        self.seek(now, admitted);
    }

    /// Has the room of the group brought into memory.
    fn seek(&mut self, now: Now, admitted: Admitted) {
        let (namespace, name) = (GALENE.to_owned(), admitted.wish.group.clone());
        let target = Target::Name { namespace, name, create: true };
        self.want(now, target, Waiter::Join(Box::new(admitted)));
    }

    /// A client wants in with a media token.
    fn enter_with_ticket(
        &mut self,
        now: Now,
        conn: ConnId,
        token: &Secret<String>,
        request: EntryRequest,
    ) {
        let Some(token) = self.directory.media_keys().check(now.wall, token.expose()) else {
            self.hold_back(now, conn, EntryFailure::NotAuthorised);
            return;
        };
        let EntryRequest { id, group, attributes, .. } = request;
        let slot = token.slot.map_or(Slot::User, Slot::Client);
        let ticket =
            Ticket { seat: SeatId { user: token.user, slot }, number: TokenNumber(token.number) };
        let wish = Wish { id, group, name: String::new(), attributes, definition: None };
        let pass = Pass::Ticket(ticket);
        let admitted = Admitted { conn, since: now.mono, wish, pass };
        self.want(now, Target::Id(token.room), Waiter::Join(Box::new(admitted)));
    }

    /// The store has answered something that nobody else waits for.
    pub(crate) fn entry_stored(
        &mut self,
        now: Now,
        id: StoreId,
        result: Result<StoreDone, StoreFault>,
    ) {
        let is_directory = matches!(result, Ok(StoreDone::Directory { .. }));
        if self.entries.loading.is_some_and(|loading| loading == id || is_directory) {
            self.directory_loaded(now, result.ok());
        } else if let Some(admitted) = self.entries.links.remove(&id) {
            self.linked(now, admitted, result.ok());
        }
    }

    /// The room is in memory.
    pub(crate) fn join(&mut self, now: Now, room: RoomId, admitted: Admitted) {
        let Admitted { conn, wish, pass, .. } = admitted;
        let Some(hosted) = self.rooms.get_mut(&room) else { return };
        let Some(via) = way_in(hosted, &wish.group, &pass, self.directory.media_keys()) else {
            self.hold_back(now, conn, EntryFailure::NotAuthorised);
            return;
        };
        // An id stays with its connection until everybody has seen it leave,
        // even if the room has decided that already: what that connection
        // still does must not be done to another.
        if hosted.connections.contains_key(&wish.id) {
            let taken = EntryFailure::Refused(Refusal::AlreadyHere);
            self.entry_failed(now, conn, &taken);
            return;
        }
        if let Some((rules, access)) = wish.definition {
            hosted.access = Some(access);
            self.configure(now, room, &rules);
        }
        if let Some(client) = self.clients.get_mut(&conn) {
            client.place = Some(Place { room, member: wish.id.clone() });
        }
        let Wish { id, name, attributes, .. } = wish;
        let (door, kind) = (Door::Galene, MemberKind::Client);
        let entry = Entry { name, via, door, pass, kind, attributes };
        self.command(now, Asker::Conn(conn), room, Actor::Entrant(id), Command::Join(entry));
    }

    /// The room could not be brought into memory.
    pub(crate) fn join_failed(&mut self, now: Now, admitted: &Admitted, why: &NoRoom) {
        match (why, &admitted.pass) {
            (NoRoom::Missing, Pass::Ticket(_)) => {
                self.hold_back(now, admitted.conn, EntryFailure::NotAuthorised);
            }
            _ => self.entry_failed(now, admitted.conn, &EntryFailure::Internal),
        }
    }

    /// The room said no. A token that is no longer good is refused like any
    /// other that is wrong.
    pub(crate) fn entry_refused(&mut self, now: Now, conn: ConnId, refusal: &Refusal) {
        match refusal {
            Refusal::TokenDead | Refusal::NotAuthorised | Refusal::DoorClosed => {
                self.hold_back(now, conn, EntryFailure::NotAuthorised);
            }
            other => self.entry_failed(now, conn, &EntryFailure::Refused(other.clone())),
        }
    }

    // Failures.

    fn entry_failed(&mut self, now: Now, conn: ConnId, failure: &EntryFailure) {
        self.departed(conn);
        self.with_session(now, conn, |session, _| session.entry_failed(failure));
    }

    /// Answers later, so that guessing is slow.
    fn hold_back(&mut self, now: Now, conn: ConnId, failure: EntryFailure) {
        self.departed(conn);
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
            self.entries.loading = Some(self.store(load_directory()));
        }
        let patience = self.config.limits.store_patience.0;
        let late = |admitted: &Admitted| now.mono.since(admitted.since) >= patience;
        let links = self.entries.links.iter().filter(|(_, admitted)| late(admitted));
        let late: Vec<StoreId> = links.map(|(id, _)| *id).collect();
        for id in late {
            if let Some(admitted) = self.entries.links.remove(&id) {
                self.entry_failed(now, admitted.conn, &EntryFailure::Internal);
            }
        }
    }
}

/// What the directory begins with.
pub(crate) fn load_directory() -> StoreOp {
    StoreOp::LoadDirectory { kinds: RESIDENT.map(str::to_owned).to_vec() }
}

/// By which name somebody is in the room: the group that was asked for, or,
/// with a token, any way of naming the room that the token is for, or none.
fn way_in(hosted: &Hosted, asked: &str, pass: &Pass, keys: &MediaKeys) -> Option<String> {
    if matches!(pass, Pass::Shown { .. }) {
        return Some(asked.to_owned());
    }
    let id = hosted.timeline.head().id();
    let mut groups = hosted.names.iter().filter(|(space, _)| space == GALENE);
    let is_own = asked == id.to_string()
        || is_conference_of(asked, id)
        || asked == parlour_session::rooms::media_session(keys, id);
    if asked.is_empty() || is_own {
        return Some(groups.next().map_or_else(|| id.to_string(), |(_, name)| name.clone()));
    }
    groups.any(|(_, name)| name == asked).then(|| asked.to_owned())
}

/// Whether a text is an id of a conference in this room, alone or behind host
/// and port as old clients of call control write it.
fn is_conference_of(text: &str, room: RoomId) -> bool {
    let line = ConnectionText::parse(text);
    let id = line.as_ref().map_or(text, |line| &line.conference_id);
    conference::room_in(id) == Some(room)
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
