//! A rule of the room said no.

/// Why a command was refused. The text is for people, [`Refusal::code`] for
/// programs; both are stable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The member id is in use in this room.
    #[error("this client is already here")]
    AlreadyHere,
    /// The room's closing time has passed.
    #[error("this group is closed")]
    Closed,
    /// This door is not open for this room.
    #[error("this room cannot be entered this way")]
    DoorClosed,
    /// The client could not show all who are in.
    #[error("too many participants for this client")]
    Crowded,
    /// Members, or the room's own capacity, are used up.
    #[error("too many users")]
    Full,
    /// The room is locked; the text says what its operators want said.
    #[error("{0}")]
    Locked(String),
    /// The actor lacks a permission.
    #[error("not authorised")]
    NotAuthorised,
    /// The actor is not in the room.
    #[error("join a group first")]
    NotHere,
    /// The room's opening time is still to come.
    #[error("this group is not open yet")]
    NotYetOpen,
    /// Only rooms with an operator in them are open.
    #[error("there are no operators in this group")]
    NoOperators,
    /// Whoever wants in is sent elsewhere.
    #[error("this group has moved")]
    Moved(String),
    /// The store could not keep it; nothing has happened.
    #[error("the server cannot store this at the moment, please try again later")]
    StoreUnavailable,
    /// The room was deleted.
    #[error("this room is gone")]
    RoomGone,
    /// The actor does not own the room.
    #[error("not the owner of this room")]
    NotOwner,
    /// No seat of that kind is held.
    #[error("no such seat")]
    UnknownSeat,
    /// The media token was replaced, used up, or is not of this room.
    #[error("this token is no longer good")]
    TokenDead,
    /// The stream id is in use in this room.
    #[error("this stream exists already")]
    StreamExists,
    /// A size or count is over its limit.
    #[error("too large")]
    TooLarge,
    /// The member publishes as many streams as it may.
    #[error("too many streams")]
    TooManyStreams,
    /// No member has this id.
    #[error("user unknown")]
    UnknownMember,
    /// No stream has this id.
    #[error("stream unknown")]
    UnknownStream,
}

impl Refusal {
    /// The stable identifier of the reason.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlreadyHere => "already-here",
            Self::Closed => "closed",
            Self::Crowded => "crowded",
            Self::DoorClosed => "door-closed",
            Self::Full => "full",
            Self::Locked(_) => "locked",
            Self::NotAuthorised => "not-authorised",
            Self::NotHere => "not-here",
            Self::NotOwner => "not-owner",
            Self::RoomGone => "room-gone",
            Self::TokenDead => "token-dead",
            Self::UnknownSeat => "unknown-seat",
            Self::NotYetOpen => "not-yet-open",
            Self::NoOperators => "no-operators",
            Self::Moved(_) => "moved",
            Self::StoreUnavailable => "store-unavailable",
            Self::StreamExists => "stream-exists",
            Self::TooLarge => "too-large",
            Self::TooManyStreams => "too-many-streams",
            Self::UnknownMember => "unknown-member",
            Self::UnknownStream => "unknown-stream",
        }
    }
}
