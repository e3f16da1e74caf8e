//! What happened in a room.

use crate::command::Clearing;
use crate::lease::{Lease, Term};
use crate::member::{Member, MemberId};
use crate::policy::{Grant, Grantee, Policy};
use crate::rules::Rules;
use crate::seat::{Live, Report, Seat, SeatEnd, SeatId, TokenNumber};
use crate::stream::{Stream, StreamId, Track, Wish, Wishes};
use parlour_base::{Epoch, Json, JsonMap, Permissions, Seq, Wall};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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
        entry: Arc<ChatEntry>,
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
    /// The clock of call states may now be used up to here.
    CeilingRaised(u64),
    /// The operator's definition is now this.
    Configured(Box<Rules>),
    /// The room was deleted.
    Deleted,
    /// When the room has to be opened at the latest is now this.
    DueNoted(Option<Wall>),
    /// Somebody was given a right, or it was taken.
    Granted(Grantee, Option<Grant>),
    /// A member came in.
    Joined(Box<Member>),
    /// A member went out.
    Left {
        /// Who, as it was.
        member: Box<Member>,
        /// How.
        how: Departure,
    },
    /// What the rooms door keeps is now this; `None`: the door has closed.
    LeaseSet(Option<Box<Lease>>),
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
    /// The entry policy is now this.
    PolicySet(Box<Policy>),
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
    /// A seat ended.
    SeatLeft {
        /// Which, as it was.
        seat: Box<Seat>,
        /// How.
        how: SeatEnd,
    },
    /// A seat went live, or is live no more.
    SeatLive {
        /// Which.
        seat: SeatId,
        /// The member, if it is live.
        live: Option<Live>,
        /// The newest token that is alive.
        current: TokenNumber,
        /// Whether the time to connect with it runs.
        connecting: bool,
    },
    /// The time of a seat was renewed.
    SeatRenewed {
        /// Which.
        seat: SeatId,
        /// Until when.
        expires: Wall,
    },
    /// The holder's client told what it sees.
    SeatReported {
        /// Which seat's.
        seat: SeatId,
        /// What it says.
        report: Report,
    },
    /// A seat was taken, or got a new token; as it is now.
    SeatTaken(Box<Seat>),
    /// What call control lists has changed; this is the list's time.
    Stamped(u64),
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
    /// The times of the lease are now these.
    TermSet(Term),
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
