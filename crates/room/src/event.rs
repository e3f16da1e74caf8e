//! What happened in a room.

use crate::command::Clearing;
use crate::member::{Member, MemberId};
use crate::rules::Rules;
use crate::stream::{Stream, StreamId, Track, Wish, Wishes};
use parlour_base::{Epoch, Json, JsonMap, Permissions, Seq, Wall};
use serde::{Deserialize, Serialize};

/// Something that happened, with its place in the room's order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Which opening of the room.
    pub epoch: Epoch,
    /// Its place in the epoch: one more than the event before.
    pub seq: Seq,
    /// When, by the wall clock.
    pub at: Wall,
    /// What.
    pub what: Happening,
}

/// The sorts of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Happening {
    /// The room's attributes are now these.
    AttributesSet(JsonMap),
    /// Somebody said something that is kept for newcomers.
    Chatted {
        /// What was said.
        entry: ChatEntry,
        /// The sender does not want it back.
        no_echo: bool,
    },
    /// Chat was forgotten by an operator.
    ChatCleared {
        /// As it was asked.
        clearing: Clearing,
        /// The keys of the entries that went.
        keys: Vec<String>,
    },
    /// The oldest entries have passed their age.
    ChatExpired(u32),
    /// The operator's definition is now this.
    Configured(Box<Rules>),
    /// A member came in.
    Joined(Box<Member>),
    /// A member went out.
    Left {
        /// Who, as it was.
        member: Box<Member>,
        /// How.
        how: Departure,
    },
    /// The room was locked (with what is said at the door) or unlocked.
    LockSet(Option<String>),
    /// A member's permissions or attributes are now these.
    MemberChanged {
        /// Who.
        member: MemberId,
        /// What it may do.
        permissions: Permissions,
        /// Its attributes.
        attributes: JsonMap,
        /// It was given or lost a permission.
        regranted: bool,
    },
    /// A member said what it wants to receive.
    Requested {
        /// Who.
        member: MemberId,
        /// What.
        wishes: Wishes,
    },
    /// A member said what it wants of one stream.
    RequestedStream {
        /// Who.
        member: MemberId,
        /// Of which stream.
        stream: StreamId,
        /// What; `None` returns to its table.
        wish: Option<Wish>,
    },
    /// Something was said that is not kept: to one member, a caption, or a
    /// message that is not chat.
    Said(Said),
    /// The stream's live tracks are now these.
    StreamAnnounced {
        /// Which.
        stream: StreamId,
        /// All of them.
        tracks: Vec<Track>,
    },
    /// A stream ended.
    StreamEnded {
        /// Which, as it was.
        stream: Stream,
        /// How.
        how: StreamEnd,
    },
    /// A stream began; nobody is shown it before it is announced.
    StreamPublished(Stream),
}

/// A chat entry that is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatEntry {
    /// Names it for its readers.
    pub id: String,
    /// Names it in the store.
    pub key: String,
    /// Who said it.
    pub source: MemberId,
    /// The name they had.
    pub name: String,
    /// They were an operator.
    pub privileged: bool,
    /// Sub-type, such as `me`.
    pub kind: String,
    /// When.
    pub at: Wall,
    /// What.
    pub value: Json,
}

/// Something said that is not kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// It is chat, as opposed to a message between programs.
    pub chat: bool,
    /// As the sender named it.
    pub id: String,
    /// Who said it.
    pub source: MemberId,
    /// Their name.
    pub name: String,
    /// They are an operator.
    pub privileged: bool,
    /// Sub-type.
    pub kind: String,
    /// To whom alone; `None` = to all.
    pub to: Option<MemberId>,
    /// The sender does not want it back.
    pub no_echo: bool,
    /// What.
    pub value: Json,
}

/// How a member went out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Departure {
    /// Its connection is gone.
    Gone,
    /// It was turned out.
    Kicked {
        /// By whom (id and name), if a person did it.
        by: Option<(MemberId, String)>,
        /// What it is told.
        message: String,
    },
    /// By its own wish.
    Left,
}

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamEnd {
    /// Its publisher, or its transport, ended it.
    Closed,
    /// Its publisher may no longer publish.
    NotPermitted,
    /// Its publisher put another in its place; receivers keep it until the
    /// other is announced or ended.
    Replaced {
        /// The other.
        by: StreamId,
    },
}

impl Happening {
    /// Whether a member may see it.
    #[must_use]
    pub fn reaches(&self, member: &MemberId) -> bool {
        match self {
            Self::Said(said) => match &said.to {
                Some(to) => to == member,
                None => !(said.no_echo && said.source == *member),
            },
            Self::Chatted { entry, no_echo } => !(*no_echo && entry.source == *member),
            Self::Requested { member: who, .. } | Self::RequestedStream { member: who, .. } => {
                who == member
            }
            _ => true,
        }
    }
}
