//! What can be asked of a room, and by whom.

use crate::member::MemberId;
use crate::rules::Rules;
use crate::stream::{StreamId, Track, Wish, Wishes};
use parlour_base::{Json, JsonMap, Permission, Permissions};

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
    /// Turn a member out (operators).
    Kick {
        /// Whom.
        target: MemberId,
        /// What they are told.
        message: Option<String>,
    },
    /// Turn everybody out ([`Actor::House`]).
    Disband {
        /// What they are told.
        message: String,
    },
    /// Replace the operator's definition ([`Actor::House`]).
    Configure(Box<Rules>),
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
    /// What its credentials give it.
    pub permissions: Permissions,
    /// Its own attributes.
    pub attributes: JsonMap,
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
    /// Whether its events may be seen only once they are on disk. Others that
    /// change durable state are written too, but nobody waits for it: nobody
    /// could be told that leaving failed.
    #[must_use]
    pub fn waits_for_store(&self) -> bool {
        match self {
            Self::Chat(speech) => speech.to.is_none() && speech.kind != "caption",
            Self::ClearChat(_) | Self::Lock(_) | Self::Unlock | Self::SetRoomAttributes(_) => true,
            _ => false,
        }
    }
}
