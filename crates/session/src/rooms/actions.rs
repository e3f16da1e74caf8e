//! What participants ask: join, refresh, status, leave, shared domains.

use super::asks::{Done, Visit, later};
use super::credentials::{Caller, is_inside};
use super::http::Answer;
use super::report;
use parlour_base::{Entropy, Json, Pii, RoomId};
use parlour_directory::MediaToken;
use parlour_room::command::{Admission, Terms};
use parlour_room::seat::Report;
use parlour_room::{Actor, Command, Happening, Person, Proof, Refusal, Room, Seat, SeatId, Slot};
use parlour_wire::rooms::view::expires;
use parlour_wire::rooms::{Action, ActionName, ApiError, DomainCount, Join, Status};
use serde_json::json;

/// Most characters of an event or state that are kept.
const WORD_CHARS_MAX: usize = 120;

impl Visit {
    /// `POST /rooms/:token`
    pub(super) async fn act(&mut self, token: &str) -> Result<Answer, ApiError> {
        let room = self.room(token).await?;
        let caller = Box::pin(self.caller(&room)).await?;
        let name = ActionName::read(&self.body)?;
        self.marks.summary.action = Some(name.text());
        let caller = match caller {
            Caller::Nobody if name == ActionName::LogDomain => {
                return Err(ApiError::needs_credentials());
            }
            Caller::Nobody if name != ActionName::Join => self.by_token(&room)?,
            caller => caller,
        };
        if name.needs_json() {
            self.needs_json()?;
        }
        match Action::read(name, &self.body, &self.door.config.bounds)? {
            Action::Join(join) => Box::pin(self.join(room, caller, join)).await,
            Action::Refresh => Box::pin(self.refresh(room, caller)).await,
            Action::Status(status) => Box::pin(self.status(room, caller, status)).await,
            Action::Leave => Box::pin(self.leave(room, caller)).await,
            Action::LogDomain(domains) => self.log_domains(&room, &caller, domains),
        }
    }

    async fn join(&mut self, room: Room, caller: Caller, join: Join) -> Result<Answer, ApiError> {
        let now = self.port.now().wall;
        let config = &self.door.config;
        let (life, renewed) = (config.participant_life.0, config.renewed_life.0);
        let (slot, person) = self.entrant(&room, caller);
        let user = person.user;
        let terms = Terms::Rooms {
            connection: self.port.random(Entropy::uuid),
            client_max: join.client_max_size,
            expires: later(now, life),
            life: renewed,
        };
        let name = join.display_name;
        let admission = Admission { slot, person, name, proof: Proof::Nothing, terms };
        let command = Command::Admit(Box::new(admission));
        let actor = Actor::Caller(user);
        let room = room.id();
        let done = self.port.command(room, actor, command, Vec::new()).await?;
        let events = done.or_refusal()?;
        let taken = events.into_iter().find_map(|event| match event.what {
            Happening::SeatTaken(seat) => Some(seat),
            _ => None,
        });
        let seat = taken.ok_or_else(ApiError::unavailable)?;
        self.note_participant(Some(&seat));
        let token = self.media_token(room, &seat)?;
        let session = self.media_session(room);
        self.marks.summary.session = Some(session.clone());
        Ok(Answer::json(json!({
            "apiKey": self.door.config.api_key,
            "sessionId": session,
            "sessionToken": token,
            "expires": expires(u64::try_from(life.as_millis()).unwrap_or(u64::MAX)),
        })))
    }

    /// Who comes in, and on which seat: a session on its own, a participant
    /// who comes again on the one it has, everybody else on a new one.
    fn entrant(&self, room: &Room, caller: Caller) -> (Slot, Person) {
        match caller {
            Caller::Hawk(session) => {
                let account = self.account_inside(&session, room.id());
                (session.seat().slot, session.person(account))
            }
            Caller::Guest(seat) => {
                let person = room.seat(&seat).map(|seat| seat.person.clone());
                (seat.slot, person.unwrap_or_else(|| Person::guest(seat.user)))
            }
            Caller::Nobody => self.port.random(|entropy| {
                let person = Person::guest(entropy.user_id());
                (Slot::Client(entropy.text::<18>()), person)
            }),
        }
    }

    /// The token that opens the media door for this seat, and that an
    /// anonymous participant shows here.
    pub(super) fn media_token(&self, room: RoomId, seat: &Seat) -> Result<String, ApiError> {
        let slot = match &seat.id.slot {
            Slot::User => None,
            Slot::Client(name) => Some(name.clone()),
        };
        let claims = MediaToken {
            room,
            user: seat.id.user,
            slot,
            number: seat.current.0,
            expires: later(self.port.now().wall, self.door.config.token_life.0),
        };
        let token = self.port.with_keys(|keys| keys.mint(&claims));
        token.map(|token| token.expose().clone()).ok_or_else(ApiError::unavailable)
    }

    async fn refresh(&mut self, room: Room, caller: Caller) -> Result<Answer, ApiError> {
        let life = self.door.config.participant_life.0;
        let seat = self.seat_in(&room, &caller).ok_or_else(ApiError::participation_expired)?;
        let expires_at = later(self.port.now().wall, life);
        let command = Command::Renew { seat: seat.clone(), expires: expires_at };
        match self.of_seat(room, &seat, command).await? {
            Done::Refused(Refusal::UnknownSeat) => Err(too_late(&caller)),
            done => {
                done.or_refusal()?;
                let millis = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
                Ok(Answer::json(json!({ "expires": expires(millis) })))
            }
        }
    }

    async fn leave(&mut self, room: Room, caller: Caller) -> Result<Answer, ApiError> {
        let seat = self.seat_in(&room, &caller).ok_or_else(ApiError::leave_without_joining)?;
        let life = self.door.config.renewed_life.0;
        let command = Command::GiveUp { seat: seat.clone(), number: None, life };
        match self.of_seat(room, &seat, command).await? {
            Done::Refused(Refusal::UnknownSeat) => Err(ApiError::leave_without_joining()),
            done => {
                done.or_refusal()?;
                Ok(Answer::nothing())
            }
        }
    }

    async fn status(
        &mut self,
        room: Room,
        caller: Caller,
        status: Status,
    ) -> Result<Answer, ApiError> {
        let seat = self.seat_in(&room, &caller).ok_or_else(ApiError::status_without_joining)?;
        let report = Report {
            event: word(&status.event),
            state: word(&status.state),
            connections: status.counters.connections,
            sends: status.counters.send_streams,
            receives: status.counters.recv_streams,
            at: self.port.now().wall,
        };
        self.marks.summary.moved = report::moved(&room, &seat, &report);
        let command = Command::Report { seat: seat.clone(), report };
        match self.of_seat(room, &seat, command).await? {
            Done::Refused(Refusal::UnknownSeat) => {
                self.marks.summary.moved = None;
                Err(ApiError::status_without_joining())
            }
            done => {
                done.or_refusal()?;
                Ok(Answer::nothing())
            }
        }
    }

    fn log_domains(
        &mut self,
        room: &Room,
        caller: &Caller,
        domains: Vec<DomainCount>,
    ) -> Result<Answer, ApiError> {
        self.seat_in(room, caller).ok_or_else(ApiError::status_without_joining)?;
        self.marks.summary.domains =
            domains.into_iter().map(|one| (Pii(one.domain), one.count)).collect();
        Ok(Answer::nothing())
    }

    /// The caller's seat, if it is inside; notes it for the log.
    fn seat_in(&mut self, room: &Room, caller: &Caller) -> Option<SeatId> {
        let now = self.port.now().wall;
        let id = caller.seat().filter(|seat| is_inside(room, seat, now))?;
        self.marks.summary.participants = Some(room.participant_count());
        let participant = room.seat(&id).and_then(Seat::participant);
        self.marks.summary.connection = participant.map(|one| one.connection.clone());
        Some(id)
    }

    /// The room is not held meanwhile: it would be copied to be changed.
    async fn of_seat(
        &mut self,
        room: Room,
        seat: &SeatId,
        command: Command,
    ) -> Result<Done, ApiError> {
        let (actor, id) = (Actor::Caller(seat.user), room.id());
        drop(room);
        let done = self.port.command(id, actor, command, Vec::new()).await?;
        if let Some(after) = self.port.room() {
            self.marks.summary.participants = Some(after.participant_count());
        }
        Ok(done)
    }

    fn note_participant(&mut self, seat: Option<&Seat>) {
        let participant = seat.and_then(Seat::participant);
        self.marks.summary.connection = participant.map(|one| one.connection.clone());
        let after = self.port.room();
        self.marks.summary.participants = after.map(|room| room.participant_count());
    }
}

/// What a participant whose time has just passed is told.
fn too_late(caller: &Caller) -> ApiError {
    match caller {
        Caller::Guest(_) => parlour_wire::rooms::BasicError::Wrong.answer(),
        _ => ApiError::participation_expired(),
    }
}

/// A value as a word for logs and reports: cut where it is long.
fn word(value: &Json) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.chars().take(WORD_CHARS_MAX).collect()
}
