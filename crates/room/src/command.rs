//! What can be asked of a room, and by whom.

use crate::door::Door;
use crate::lease::Lease;
use crate::member::{MemberId, MemberKind};
use crate::person::Person;
use crate::policy::{Grant, Grantee, Policy, Proof};
use crate::rules::Rules;
use crate::seat::{Report, RequestId, SeatId, Slot, Ticket, TokenNumber};
use crate::stream::{StreamId, Track, Wish, Wishes};
use parlour_base::{Json, JsonMap, Permission, UserId, Wall};
use std::time::Duration;

/// Who asks; told by the session or the node, never by the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Somebody at the door, with the id it will have inside.
    Entrant(MemberId),
    /// The server itself: the operator's definition, the media worker, the end
    /// of a connection.
    House,
    /// Somebody inside.
    Member(MemberId),
    /// A user who is known by a door's credentials and is not, or not yet, a
    /// member.
    Caller(UserId),
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Command {
    /// Come in ([`Actor::Entrant`]).
    Join(Entry),
    /// Go out ([`Actor::Member`]; [`Actor::House`] has [`Command::Expel`]).
    Leave,
    /// The connection of this member is gone ([`Actor::House`]).
    Expel(MemberId),
    /// Turn a member out (operators, [`Actor::House`]).
    Kick {
        /// Whom.
        target: MemberId,
        /// What they are told.
        message: Option<String>,
    },
    /// Turn everybody out, and take every seat ([`Actor::House`]).
    Disband {
        /// What they are told.
        message: String,
    },
    /// The room was opened elsewhere: turn everybody out here, and leave it to
    /// whoever has it now to say how things stand ([`Actor::House`]).
    Abandon {
        /// What they are told.
        message: String,
    },
    /// Replace the operator's definition ([`Actor::House`]).
    Configure(Box<Rules>),
    /// Say what the room is, or another part of it, in one step
    /// ([`Actor::House`]).
    Describe(Box<Description>),
    /// Replace the entry policy ([`Actor::House`]).
    SetPolicy(Box<Policy>),
    /// Give a right, or take it (`None`) ([`Actor::House`]).
    Grant(Grantee, Option<Grant>),
    /// Let these be the grants of those who belong to the conversation that
    /// the room is, and no others ([`Actor::House`]).
    SetConversation(Vec<(UserId, Grant)>),
    /// Open the room to the rooms door, with a life of its own
    /// ([`Actor::House`]).
    Lease {
        /// What the door keeps.
        lease: Box<Lease>,
        /// When it ends.
        expires: Wall,
    },
    /// Change what the rooms door keeps ([`Actor::Caller`], the owner).
    ChangeLease(Box<LeaseChange>),
    /// Delete the room ([`Actor::House`], or [`Actor::Caller`], the owner by
    /// the rooms door).
    Delete,
    /// Take a seat, or get a new token for one that is held
    /// ([`Actor::Caller`]).
    Admit(Box<Admission>),
    /// Renew the time of a seat of the rooms door ([`Actor::Caller`]).
    Renew {
        /// Which.
        seat: SeatId,
        /// Until when.
        expires: Wall,
    },
    /// Give a seat up ([`Actor::Caller`]).
    GiveUp {
        /// Which.
        seat: SeatId,
        /// The token that says so; an older one than the current has no
        /// effect. `None` for doors whose seats have no race.
        number: Option<TokenNumber>,
        /// For how long the room's lease then lasts.
        life: Duration,
    },
    /// Tell what one's client sees of its media session ([`Actor::Caller`]).
    Report {
        /// Which seat's.
        seat: SeatId,
        /// What it says.
        report: Report,
    },
    /// The time to connect with this token has passed ([`Actor::House`]).
    Lapse {
        /// Which seat's.
        seat: SeatId,
        /// The token for which the time was set.
        number: TokenNumber,
    },
    /// Take a seat away ([`Actor::House`]).
    Evict(SeatId),
    /// Take away all seats and memberships of a user ([`Actor::House`]).
    EvictUser(UserId),
    /// Do what is due by now: seats and the lease that ran out
    /// ([`Actor::House`]).
    Expire {
        /// For how long the lease lasts after somebody's time ran out.
        life: Duration,
    },
    /// The room was opened because something was going on in it when it was
    /// last seen: say how things stand ([`Actor::House`]).
    Wake,
    /// The room is about to be forgotten: note that nothing is due that was
    /// only noted for the case of a restart ([`Actor::House`]).
    Rest,
    /// Lock the room, or change what is said at the door (operators).
    Lock(String),
    /// Unlock the room (operators).
    Unlock,
    /// Merge into the room's attributes; null removes (operators).
    SetRoomAttributes(JsonMap),
    /// Merge into one's own attributes; null removes.
    SetAttributes(JsonMap),
    /// Give or take a permission (operators).
    SetPermission {
        /// Whose.
        target: MemberId,
        /// Which.
        permission: Permission,
        /// Give, or take.
        grant: bool,
    },
    /// Begin a stream.
    Publish {
        /// Its id.
        stream: StreamId,
        /// Its label.
        label: String,
        /// One's own stream that it takes the place of.
        replaces: Option<StreamId>,
    },
    /// A stream's media has arrived ([`Actor::House`]).
    Announce {
        /// The stream.
        stream: StreamId,
        /// All its live tracks.
        tracks: Vec<Track>,
    },
    /// End a stream (its owner, or [`Actor::House`]).
    Unpublish(StreamId),
    /// Say what one wants to receive; replaces what was said before.
    Request(Wishes),
    /// Say what one wants of one stream; `None` returns to the table.
    RequestStream {
        /// The stream.
        stream: StreamId,
        /// What is wanted of it.
        wish: Option<Wish>,
    },
    /// Say something.
    Chat(Speech),
    /// Send a message that is not kept.
    Tell(Speech),
    /// Forget chat (operators).
    ClearChat(Clearing),
}

/// How somebody comes in.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The name others see.
    pub name: String,
    /// The name of the room by which it comes in.
    pub via: String,
    /// By which door.
    pub door: Door,
    /// Who it is, and what it shows.
    pub pass: Pass,
    /// What it is.
    pub kind: MemberKind,
    /// Its own attributes.
    pub attributes: JsonMap,
}

/// What somebody comes in with.
#[derive(Debug, Clone, PartialEq)]
pub enum Pass {
    /// An identity, and what was shown at the door.
    Shown {
        /// Who it is.
        person: Person,
        /// What it has shown.
        proof: Proof,
    },
    /// A media token; the seat says who it is.
    Ticket(Ticket),
}

impl Pass {
    const fn person(&self) -> Option<&Person> {
        match self {
            Self::Shown { person, .. } => Some(person),
            Self::Ticket(_) => None,
        }
    }

    /// Whether it is somebody with a name in call control; a ticket's seat has
    /// made that known already.
    pub(crate) fn is_listed_by_call_control(&self) -> bool {
        self.person().is_some_and(|person| person.kik.is_some())
    }
}

/// How somebody takes a seat.
#[derive(Debug, Clone, PartialEq)]
pub struct Admission {
    /// Which of the user's.
    pub slot: Slot,
    /// Who it is.
    pub person: Person,
    /// The name others see.
    pub name: String,
    /// What it has shown.
    pub proof: Proof,
    /// By which door, and on which terms.
    pub terms: Terms,
}

/// The terms of a door on which a seat is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Terms {
    /// Call control.
    Callctl {
        /// The request, if it can be told from others.
        request: Option<RequestId>,
    },
    /// The rooms API.
    Rooms {
        /// The participant's UUID.
        connection: String,
        /// Most people, itself included, that its client can show.
        client_max: i64,
        /// When it runs out.
        expires: Wall,
        /// For how long the room's lease then lasts.
        life: Duration,
    },
    /// WHEP.
    Viewer,
    /// The chat door: in a call that is carried elsewhere.
    Elsewhere,
}

impl Terms {
    /// The door whose terms they are.
    #[must_use]
    pub const fn door(&self) -> Door {
        match self {
            Self::Callctl { .. } => Door::Callctl,
            Self::Rooms { .. } => Door::Rooms,
            Self::Viewer => Door::Whep,
            Self::Elsewhere => Door::Chat,
        }
    }
}

/// What a room is said to be; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Description {
    /// The operator's definition.
    pub rules: Option<Box<Rules>>,
    /// The entry policy, which is written even if it is the same.
    pub policy: Option<Box<Policy>>,
    /// What the rooms door keeps, and when that ends.
    pub lease: Option<(Box<Lease>, Wall)>,
}

/// What is to change of a lease; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LeaseChange {
    /// The owner's name.
    pub owner_name: Option<String>,
    /// The old plain name.
    pub name: Option<String>,
    /// What the clients encrypted.
    pub context: Option<Json>,
    /// Most participants.
    pub max_size: Option<u32>,
    /// When the room ends; always given anew.
    pub expires: Wall,
}

/// A chat line or message.
#[derive(Debug, Clone, PartialEq)]
pub struct Speech {
    /// Chosen by the sender or its session.
    pub id: String,
    /// Sub-type, such as `me`; empty for plain.
    pub kind: String,
    /// One member instead of all.
    pub to: Option<MemberId>,
    /// What is said.
    pub value: Json,
    /// Do not return it to the sender.
    pub no_echo: bool,
}

/// Which chat to forget.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Clearing {
    /// All of it.
    All,
    /// All that this member said.
    Of(MemberId),
    /// One entry of this member.
    One {
        /// Who said it.
        source: MemberId,
        /// Its id.
        id: String,
    },
}

impl Command {
    /// Whether its events may be seen only once they are on disk, whatever
    /// they are. Others that change durable state are written too, but nobody
    /// waits for it: nobody could be told that leaving failed.
    pub(crate) fn is_durable(&self) -> bool {
        match self {
            Self::Chat(speech) => speech.to.is_none() && speech.kind != "caption",
            Self::Admit(admission) => matches!(admission.terms, Terms::Rooms { .. }),
            Self::ClearChat(_)
            | Self::Lock(_)
            | Self::Unlock
            | Self::SetRoomAttributes(_)
            | Self::Describe(_)
            | Self::SetPolicy(_)
            | Self::Grant(..)
            | Self::SetConversation(_)
            | Self::Lease { .. }
            | Self::ChangeLease(_)
            | Self::Delete
            | Self::Renew { .. }
            | Self::GiveUp { number: None, .. }
            | Self::Expire { .. } => true,
            _ => false,
        }
    }

    /// Whether it may change who is in the call or hand out a token, so that
    /// the clock of call states has to be ready.
    pub(crate) const fn moves_people(&self) -> bool {
        matches!(
            self,
            Self::Join(_)
                | Self::Leave
                | Self::Expel(_)
                | Self::Kick { .. }
                | Self::Disband { .. }
                | Self::Configure(_)
                | Self::Describe(_)
                | Self::SetPermission { .. }
                | Self::Delete
                | Self::Admit(_)
                | Self::GiveUp { .. }
                | Self::Lapse { .. }
                | Self::Evict(_)
                | Self::EvictUser(_)
                | Self::Expire { .. }
                | Self::Wake
        )
    }
}
