//! What a session asks of its node, and what it orders.

use parlour_base::{Json, JsonMap, Permission, Secret, Span};
use parlour_directory::media_token::is_media_token;
use parlour_room::{Command, MemberId, StreamId};
use parlour_wire::galene::RtcConfiguration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Times and rates of the door. Configuration section `[galene]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// A connection that says nothing this long after it was opened is closed.
    pub first_message: Span,
    /// A connection that was silent this long is sent a `ping`.
    pub ping_after: Span,
    /// A connection that was silent this long is closed as dead.
    pub dead_after: Span,
    /// How long the answer to a failed join is held back.
    pub failure_delay: Span,
    /// Messages a client may send at once before its rate counts.
    pub message_burst: u32,
    /// Messages a client may send per second in the long run; one that goes
    /// on faster is closed.
    pub messages_per_second: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            first_message: Span::secs(15),
            ping_after: Span::secs(20),
            dead_after: Span::secs(45),
            failure_delay: Span::millis(200),
            message_burst: 4_000,
            messages_per_second: 500,
        }
    }
}

/// What all sessions of the door share.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Times and rates.
    pub config: Config,
    /// What browsers are told about ICE servers.
    pub rtc_configuration: RtcConfiguration,
}

/// What a session orders.
#[derive(Debug)]
pub enum Output {
    /// Send this frame; others may be sent the same bytes.
    Send(Arc<str>),
    /// Close the connection; nothing follows.
    Close {
        /// WebSocket close code.
        code: u16,
        /// Reason, short enough for a close frame.
        reason: String,
    },
    /// Ask the node. Rare and large, beside frames that are many and small.
    Ask(Box<Ask>),
}

/// What a session asks of its node.
#[derive(Debug)]
pub enum Ask {
    /// Let the client into a room; answered by the room's event or by
    /// [`Session::entry_failed`](super::Session::entry_failed).
    Enter(Box<EntryRequest>),
    /// Have the room do this for the client.
    Command(Command),
    /// Publish a stream, or renegotiate it.
    Offer {
        /// The stream.
        stream: StreamId,
        /// Its label.
        label: String,
        /// The client's own stream whose place it takes.
        replaces: Option<StreamId>,
        /// The client's description.
        sdp: String,
    },
    /// The client's answer to an offer.
    Answer {
        /// The stream.
        stream: StreamId,
        /// The client's description.
        sdp: String,
    },
    /// The client wants a new offer with an ICE restart.
    Renegotiate(StreamId),
    /// The client does not want this stream.
    Abort(StreamId),
    /// The client ended its stream.
    Close(StreamId),
    /// An operator wants to know where a member is.
    Identify(MemberId),
    /// A member wants an invitation made; the value says which.
    MakeToken(Json),
    /// An operator wants an invitation changed.
    EditToken(Json),
    /// An operator wants to see the room's invitations.
    ListTokens,
    /// An operator wants to know who is in groups below.
    Subgroups,
    /// Something that cannot be done; who has the permission is told why, all
    /// others only that they may not.
    Decline {
        /// The permission it takes.
        needs: Permission,
        /// What is wrong.
        words: &'static str,
    },
}

/// Who wants in, and with what.
#[derive(Debug)]
pub struct EntryRequest {
    /// The id the client chose.
    pub id: MemberId,
    /// The group's name, valid; with a media token, anything.
    pub group: String,
    /// The name wished for.
    pub username: Option<String>,
    /// The password; empty when there is none.
    pub password: Secret<String>,
    /// A token, which comes before a password.
    pub token: Option<Secret<String>>,
    /// The client's attributes.
    pub attributes: JsonMap,
}

impl EntryRequest {
    /// The token, if it is meant as a media token.
    #[must_use]
    pub fn media_token(&self) -> Option<Secret<String>> {
        self.token.clone().filter(|token| is_media_token(token.expose()))
    }
}

/// Why a client was not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryFailure {
    /// A token lets its bearer choose a name, and none was chosen.
    NeedUsername,
    /// Wrong password, unknown user, bad token.
    NotAuthorised,
    /// The name chosen with a token belongs to somebody.
    UsernameTaken,
    /// The name can be no group's.
    IllegalGroup,
    /// There is no such group.
    NoGroup,
    /// The room said no.
    Refused(parlour_room::Refusal),
    /// Our side failed.
    Internal,
}
