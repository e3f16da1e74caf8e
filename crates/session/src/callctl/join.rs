//! Starting or joining the call of a conversation (REQ-41 to REQ-60).

use super::asking::Asking;
use super::config::Config;
use super::describe::{Describe, Part, house, is_bare, policy};
use super::{Scope, TRIES, Trouble, conference_key, links, room_of, roster, users};
use crate::call::{Call, Desk, Outcome, Reply, Step};
use parlour_base::{Permissions, RoomId, UserId, Wall};
use parlour_directory::MediaToken;
use parlour_room::command::{Admission, Command, Terms};
use parlour_room::policy::{Proof, VISITOR};
use parlour_room::{
    Actor, Event, Happening, Person, Refusal, RequestId, Room, SeatId, Slot, TokenNumber,
};
use parlour_wire::callctl::pb::common::video::v1::{
    ConferenceConnectionInfo, MediaServerConnectionToken,
};
use parlour_wire::callctl::pb::mobile::video::v1::JoinConvoConferenceResponse;
use parlour_wire::callctl::pb::mobile::video::v1::join_convo_conference_response::Result as Joined;
use parlour_wire::callctl::{Check, ConferenceId, ConnectionText, ConvoId, LocalPart};
use std::sync::Arc;

/// Token numbers are about nanoseconds.
const NANOS_PER_MILLI: u64 = 1_000_000;

/// Who has decided that the caller belongs to the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Nobody yet: this server decides.
    Here,
    /// The front, another process that asked.
    Front,
}

/// A join. Reply: `Result<JoinConvoConferenceResponse, Trouble>`.
#[derive(Debug)]
pub struct Join {
    config: Arc<Config>,
    caller: LocalPart,
    convo: ConvoId,
    authority: Authority,
    request: Option<RequestId>,
    scope: Option<Scope>,
    tries: u8,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Begin,
    /// The application is asked who belongs to the conversation.
    Asking(Asking),
    /// The room is looked for.
    Room,
    /// The pair's room is made.
    Describing(Describe),
    /// The front's word: only the caller's user is needed.
    Links,
    FrontRoom(UserId),
    FrontPolicy(RoomId, UserId),
    Admitting(RoomId, UserId),
}

impl Join {
    /// The caller wants into the call of a conversation.
    #[must_use]
    pub const fn new(
        config: Arc<Config>,
        caller: LocalPart,
        convo: ConvoId,
        authority: Authority,
    ) -> Self {
        let (request, tries, stage) = (None, TRIES, Stage::Begin);
        Self { config, caller, convo, authority, request, scope: None, tries, stage }
    }

    /// The same, by a request that can be told from others: sent again, it is
    /// answered with the same token while that is unused and current.
    #[must_use]
    pub fn asked_by(self, request: Option<RequestId>) -> Self {
        Self { request, ..self }
    }

    /// The same, by a token that is good in some rooms only.
    #[must_use]
    pub fn within(self, scope: Option<Scope>) -> Self {
        Self { scope, ..self }
    }

    fn begin(&mut self) -> Step {
        if self.convo.pair_has(&self.caller) == Some(false) {
            return not_allowed();
        }
        if self.authority == Authority::Front {
            self.stage = Stage::Links;
            return Step::Find(links(std::slice::from_ref(&self.caller)));
        }
        match &self.config.ask {
            Some(ask) => {
                let (asking, step) = Asking::begin(ask.clone(), self.convo.clone());
                self.stage = Stage::Asking(asking);
                step
            }
            None => self.open(),
        }
    }

    fn open(&mut self) -> Step {
        self.stage = Stage::Room;
        Step::Open(room_of(&self.convo, false))
    }

    /// The room is here: the caller is a member, or the conversation is a pair
    /// that nobody has described yet, or the answer is no.
    fn opened(&mut self, room: Option<&Room>) -> Step {
        if let Some(room) = room
            && let Some(user) = roster::member(room, &self.caller)
        {
            let proof = match &self.scope {
                None => Proof::Nothing,
                Some(scope) => match scope.rights_in(room.id()) {
                    Some(rights) => Proof::Invitation(rights),
                    None => return not_allowed(),
                },
            };
            return self.admit(room.id(), user, proof);
        }
        match &self.convo {
            ConvoId::Pair(one, other) if self.config.ask.is_none() => {
                let members = vec![one.clone(), other.clone()];
                let (describe, step) = Describe::begin(self.convo.clone(), members);
                self.stage = Stage::Describing(describe);
                step
            }
            _ => not_allowed(),
        }
    }

    fn admit(&mut self, room: RoomId, user: UserId, proof: Proof) -> Step {
        self.stage = Stage::Admitting(room, user);
        let name = self.caller.as_str().to_owned();
        let person = Person { kik: Some(name.clone()), ..Person::known(user) };
        let terms = Terms::Callctl { request: self.request };
        let admission = Admission { slot: Slot::User, person, name, proof, terms };
        let command = Command::Admit(Box::new(admission));
        Step::Command { room, actor: Actor::Caller(user), command, along: Vec::new() }
    }

    fn front_admit(&mut self, room: RoomId, user: UserId) -> Step {
        const GIVES: Permissions = VISITOR;
        self.admit(room, user, Proof::Invitation(GIVES))
    }

    /// The room went away between two steps: from the beginning.
    fn again(&mut self) -> Step {
        match self.tries.checked_sub(1) {
            Some(left) => {
                self.tries = left;
                self.stage = Stage::Begin;
                self.begin()
            }
            None => done(Err(Trouble::Unavailable)),
        }
    }

    fn admitted(&self, desk: &Desk<'_>, room: RoomId, user: UserId, events: &[Event]) -> Step {
        let Some(now) = desk.room else { return done(Err(Trouble::Unavailable)) };
        let taken = events.iter().find_map(|event| match &event.what {
            Happening::SeatTaken(seat) => Some(&**seat),
            _ => None,
        });
        // Nothing happened: it was asked before, and the seat is there.
        let id = SeatId { user, slot: Slot::User };
        let Some(seat) = taken.or_else(|| now.seat(&id)) else {
            return done(Err(Trouble::Unavailable));
        };
        let token = desk.media_keys.mint(&MediaToken {
            room,
            user: seat.id.user,
            slot: None,
            number: seat.current.0,
            expires: self.expires(desk, seat.current),
        });
        let payload = token.map(|token| token.expose().as_bytes().to_vec()).unwrap_or_default();
        let token = MediaServerConnectionToken { payload };
        match self.connection(desk, now) {
            Some(info) if token.check().is_ok() => done(Ok(JoinConvoConferenceResponse {
                result: Joined::Ok.into(),
                latest_state: Some(roster::of_room(&self.convo, now)),
                connection_info: Some(info),
                connection_token: Some(token),
            })),
            _ => done(Err(Trouble::Unavailable)),
        }
    }

    /// The same for one token however often it is written: from the time that
    /// is in its number.
    fn expires(&self, desk: &Desk<'_>, number: TokenNumber) -> Wall {
        let made = i64::try_from(number.0 / NANOS_PER_MILLI).unwrap_or(i64::MAX);
        Wall(made.min(desk.now.wall.0).saturating_add(millis(&self.config)))
    }

    fn connection(&self, desk: &Desk<'_>, room: &Room) -> Option<ConferenceConnectionInfo> {
        let key = conference_key(&self.config, desk)?;
        let incarnation = conference_number(room)?;
        let text = ConnectionText {
            host: self.config.media_host.clone(),
            port: self.config.media_port,
            conference_id: key.write(ConferenceId { room: room.id(), incarnation }),
        };
        text.to_pb().ok()
    }

    fn refused(&mut self, desk: &Desk<'_>, refusal: &Refusal) -> Step {
        match refusal {
            Refusal::Full | Refusal::Crowded => {
                let state = desk.room.map_or_else(
                    || roster::nobody(&self.convo),
                    |room| roster::of_room(&self.convo, room),
                );
                done(Ok(JoinConvoConferenceResponse {
                    result: Joined::Full.into(),
                    latest_state: Some(state),
                    ..JoinConvoConferenceResponse::default()
                }))
            }
            Refusal::RoomGone => self.again(),
            Refusal::StoreUnavailable => done(Err(Trouble::Unavailable)),
            _ => not_allowed(),
        }
    }
}

/// The number of a room's call in its conference id.
pub(super) fn conference_number(room: &Room) -> Option<u32> {
    room.call().map(|call| call.incarnation)
}

fn millis(config: &Config) -> i64 {
    i64::try_from(config.token_life.0.as_millis()).unwrap_or(i64::MAX)
}

fn done(result: Result<JoinConvoConferenceResponse, Trouble>) -> Step {
    Step::Done(Reply::new(result))
}

fn not_allowed() -> Step {
    done(Ok(JoinConvoConferenceResponse {
        result: Joined::NotAllowed.into(),
        ..JoinConvoConferenceResponse::default()
    }))
}

impl Call for Join {
    fn request(&self) -> Option<RequestId> {
        self.request
    }

    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        match (&mut self.stage, outcome) {
            (Stage::Begin, _) => self.begin(),
            (Stage::Asking(asking), outcome) => match asking.resume(desk, outcome) {
                Part::Step(step) => step,
                Part::Over(Ok(())) => self.open(),
                Part::Over(Err(trouble)) => done(Err(trouble)),
            },
            (Stage::Describing(describe), outcome) => match describe.resume(desk, outcome) {
                Part::Step(step) => step,
                Part::Over(Ok(_)) => self.opened(desk.room),
                Part::Over(Err(trouble)) => done(Err(trouble)),
            },
            (Stage::Room, Outcome::Room { .. }) => self.opened(desk.room),
            (Stage::Room, Outcome::NoRoom) => self.opened(None),
            (Stage::Links, Outcome::Found(found)) => {
                let user = users(desk, std::slice::from_ref(&self.caller), found).pop();
                let Some(user) = user else { return done(Err(Trouble::Unavailable)) };
                self.stage = Stage::FrontRoom(user);
                Step::Open(room_of(&self.convo, true))
            }
            (Stage::FrontRoom(user), Outcome::Room { blank }) => {
                let user = *user;
                match desk.room.map(Room::id) {
                    Some(room) if is_bare(desk, blank) => {
                        self.stage = Stage::FrontPolicy(room, user);
                        house(room, Command::SetPolicy(Box::new(policy())))
                    }
                    Some(room) => self.front_admit(room, user),
                    None => done(Err(Trouble::Unavailable)),
                }
            }
            (Stage::FrontPolicy(room, user), Outcome::Did(_)) => {
                let (room, user) = (*room, *user);
                self.front_admit(room, user)
            }
            (Stage::Admitting(room, user), Outcome::Did(events)) => {
                let (room, user) = (*room, *user);
                self.admitted(desk, room, user, &events)
            }
            (Stage::Admitting(..), Outcome::Refused(refusal)) => self.refused(desk, &refusal),
            (_, Outcome::NoRoom) => self.again(),
            _ => done(Err(Trouble::Unavailable)),
        }
    }
}
