//! Leaving a call (REQ-61 to REQ-70). The token says which room and which
//! seat; that it was made for the caller and the conversation is checked
//! against the seat. Whatever does not fit has no effect, and the answer is
//! the same.

use super::{Trouble, links, room_of, roster, users};
use crate::call::{Call, Desk, Outcome, Reply, Step, Target};
use parlour_base::Wall;
use parlour_directory::MediaToken;
use parlour_room::command::Command;
use parlour_room::{Actor, RequestId, Room, SeatId, Slot, TokenNumber};
use parlour_wire::callctl::pb::common::VoidResponse;
use parlour_wire::callctl::{ConvoId, LocalPart};
use std::time::Duration;

/// A leave. Reply: `Result<VoidResponse, Trouble>`, never a trouble.
#[derive(Debug)]
pub struct Leave {
    caller: LocalPart,
    convo: ConvoId,
    token: Option<Vec<u8>>,
    checked: Option<MediaToken>,
    request: Option<RequestId>,
}

impl Leave {
    /// The caller leaves with this token.
    #[must_use]
    pub const fn new(caller: LocalPart, convo: ConvoId, token: Option<Vec<u8>>) -> Self {
        Self { caller, convo, token, checked: None, request: None }
    }

    /// The same, by a request that can be told from others.
    #[must_use]
    pub fn asked_by(self, request: Option<RequestId>) -> Self {
        Self { request, ..self }
    }

    fn begin(&mut self, desk: &Desk<'_>) -> Step {
        let text = self.token.take().and_then(|payload| String::from_utf8(payload).ok());
        // A token that is too old to come in with is still good for leaving.
        self.checked = text.and_then(|text| desk.media_keys.check(Wall(i64::MIN), &text));
        match &self.checked {
            Some(token) if token.slot.is_none() => Step::Open(Target::Id(token.room)),
            _ => left(),
        }
    }

    fn give_up(&self, desk: &Desk<'_>) -> Step {
        let (Some(token), Some(room)) = (&self.checked, desk.room) else { return left() };
        let id = SeatId { user: token.user, slot: Slot::User };
        let caller = Some(self.caller.as_str());
        let is_callers = room.seat(&id).is_some_and(|seat| seat.person.kik.as_deref() == caller);
        if !is_callers || !roster::is(desk.names, &self.convo) {
            return left();
        }
        let number = Some(TokenNumber(token.number));
        Step::Command {
            room: room.id(),
            actor: Actor::Caller(token.user),
            command: Command::GiveUp { seat: id, number, life: Duration::ZERO },
            along: Vec::new(),
        }
    }
}

fn left() -> Step {
    Step::Done(Reply::new(Ok::<_, Trouble>(VoidResponse {})))
}

impl Call for Leave {
    fn request(&self) -> Option<RequestId> {
        self.request
    }

    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        match outcome {
            Outcome::Begin => self.begin(desk),
            Outcome::Room { .. } => self.give_up(desk),
            _ => left(),
        }
    }
}

/// Taking somebody out whatever token is current; for operators and the front.
/// Reply: `Result<VoidResponse, Trouble>`.
#[derive(Debug)]
pub struct Force {
    user: LocalPart,
    convo: ConvoId,
    found: Option<parlour_base::UserId>,
    request: Option<RequestId>,
}

impl Force {
    /// Takes `user` out of the call of a conversation.
    #[must_use]
    pub const fn new(user: LocalPart, convo: ConvoId) -> Self {
        Self { user, convo, found: None, request: None }
    }

    /// The same, by a request that can be told from others.
    #[must_use]
    pub fn asked_by(self, request: Option<RequestId>) -> Self {
        Self { request, ..self }
    }
}

impl Call for Force {
    fn request(&self) -> Option<RequestId> {
        self.request
    }

    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        match outcome {
            Outcome::Begin => Step::Find(links(std::slice::from_ref(&self.user))),
            Outcome::Found(found) => {
                self.found = users(desk, std::slice::from_ref(&self.user), found).pop();
                Step::Open(room_of(&self.convo, false))
            }
            Outcome::Room { .. } => match (desk.room.map(Room::id), self.found) {
                (Some(room), Some(user)) => super::describe::house(room, Command::EvictUser(user)),
                _ => left(),
            },
            Outcome::Did(_) | Outcome::Refused(_) | Outcome::NoRoom => left(),
            _ => Step::Done(Reply::new(Err::<VoidResponse, _>(Trouble::Unavailable))),
        }
    }
}
