//! Close codes, message kinds, error identifiers and texts that clients or
//! their tests know by heart.
//!
//! Source: docs/protocols/galene.md §§1.1, 2.4, 3.1 to 3.12; each group below
//! names its section.

/// Normal end, fatal user error, kick. Source: docs/protocols/galene.md §2.4.
pub const CLOSE_NORMAL: u16 = 1000;
/// The client broke the protocol. Source: docs/protocols/galene.md §2.4.
pub const CLOSE_PROTOCOL: u16 = 1002;
/// The frame is too long. Source: docs/protocols/galene.md §2.4.
pub const CLOSE_TOO_LONG: u16 = 1009;
/// Bad JSON, dead client, internal error. Source: docs/protocols/galene.md §2.4.
pub const CLOSE_INTERNAL: u16 = 1011;
/// Longest reason that fits in a close frame, in bytes. Source: RFC 6455 §5.5.
pub const CLOSE_REASON_BYTES_MAX: usize = 123;

/// The text as the reason of a close frame: cut off where it no longer fits.
#[must_use]
pub fn close_reason(text: &str) -> &str {
    text.get(..text.floor_char_boundary(CLOSE_REASON_BYTES_MAX)).unwrap_or_default()
}

/// Kind of a `usermessage` with an error text. Source: docs/protocols/galene.md §3.10.
pub const ERROR: &str = "error";
/// Kind of a `usermessage` with a warning text. Source: docs/protocols/galene.md §3.10.
pub const WARNING: &str = "warning";
/// Kind of a `usermessage` with any other text. Source: docs/protocols/galene.md §3.10.
pub const INFO: &str = "info";
/// Kind of a `usermessage` to somebody who is kicked. Source: docs/protocols/galene.md §3.10.
pub const KICKED: &str = "kicked";
/// Kind of a `usermessage` that removes chat entries. Source: docs/protocols/galene.md §3.10.
pub const CLEAR_CHAT: &str = "clearchat";
/// Kind of the reply to making or editing a token. Source: docs/protocols/galene.md §3.12.
pub const TOKEN: &str = "token";
/// Kind of the reply to listing tokens. Source: docs/protocols/galene.md §3.12.
pub const TOKEN_LIST: &str = "tokenlist";
/// Kind of the reply to `identify`. Source: docs/protocols/galene.md §3.10.
pub const USER_INFO: &str = "userinfo";

/// Error identifiers in `joined` and token replies.
///
/// Source: docs/protocols/galene.md §§3.3, 3.12.
pub mod error_id {
    /// A token join needs a name.
    pub const NEED_USERNAME: &str = "need-username";
    /// A token join with the name of a named user.
    pub const DUPLICATE_USERNAME: &str = "duplicate-username";
    /// A token action beyond the requester's rights.
    pub const NOT_AUTHORISED: &str = "not-authorised";
    /// Any other failure of a token action.
    pub const ERROR: &str = "error";
}

/// Texts of fatal errors; the first three with [`CLOSE_PROTOCOL`].
///
/// Source: docs/protocols/galene.md §§2.4, 3.1, 3.3, 3.7, 3.9, 3.11, 3.12.
pub mod fatal {
    /// The first message was not a handshake; nothing precedes the close frame.
    pub const NO_HANDSHAKE: &str = "you must handshake first";
    /// `source` is not the client's id.
    pub const SPOOFED_CLIENT_ID: &str = "spoofed client id";
    /// `username` is not the client's name.
    pub const SPOOFED_USERNAME: &str = "spoofed username";
    /// The type is unknown.
    pub const UNEXPECTED_MESSAGE: &str = "unexpected message";
    /// The kind of a join is unknown.
    pub const UNKNOWN_KIND: &str = "unknown kind";
    /// An offer without a stream id.
    pub const EMPTY_ID: &str = "empty id";
    /// An `ice` without a candidate.
    pub const NULL_CANDIDATE: &str = "null candidate";
    /// A second join.
    pub const MULTIPLE_GROUPS: &str = "cannot join multiple groups";
    /// Leaving a group one is not in.
    pub const NOT_JOINED: &str = "you are not joined";
    /// The kind of a user action is unknown.
    pub const UNKNOWN_USER_ACTION: &str = "unknown user action";
    /// The kind of a group action is unknown.
    pub const UNKNOWN_GROUP_ACTION: &str = "unknown group action";
}

/// Texts of failed joins.
///
/// Source: docs/protocols/galene.md §3.3.
pub mod join_failure {
    /// A token join needs a name.
    pub const USERNAME_REQUIRED: &str = "username required";
    /// A token join with the name of a named user.
    pub const USERNAME_TAKEN: &str = "not authorised: this username is taken";
    /// Wrong password, unknown user, bad token, illegal name.
    pub const NOT_AUTHORISED: &str = "not authorised";
    /// There is no such group.
    pub const NO_GROUP: &str = "group does not exist";
    /// The group's name is none.
    pub const ILLEGAL_GROUP: &str = "illegal group name";
    /// The group is locked without a message of its own.
    pub const LOCKED: &str = "this group is locked";
    /// Before the opening hour.
    pub const NOT_OPEN: &str = "this group is not open yet";
    /// After the closing hour.
    pub const CLOSED: &str = "this group is closed";
    /// The group needs an operator and has none.
    pub const NO_OPERATORS: &str = "there are no operators in this group";
    /// The group is full.
    pub const TOO_MANY: &str = "too many users";
    /// Anything else.
    pub const INTERNAL: &str = "internal server error";
    /// An empty name where a group of 2021 wants one.
    pub const ANONYMOUS: &str =
        "anonymous users not allowed in this group, please choose a username";
}

/// Texts of errors after which the session goes on.
///
/// Source: docs/protocols/galene.md §§3.7, 3.10 to 3.12.
pub mod soft {
    /// An action outside a group.
    pub const JOIN_FIRST: &str = "join a group first";
    /// A permission is missing.
    pub const NOT_AUTHORISED: &str = "not authorised";
    /// An up stream ended because `present` was taken away.
    pub const PERMISSION_DENIED: &str = "permission denied";
    /// The addressee of a message is not here.
    pub const USER_UNKNOWN: &str = "user unknown";
    /// The addressee is the recorder or a WHIP publisher.
    pub const DOES_NOT_CHAT: &str = "this user doesn't chat";
    /// The target of an action is not a browser.
    pub const NOT_A_REAL_USER: &str = "this is not a real user";
    /// The target of a permission change is not here (spelt as upstream does).
    pub const NO_SUCK_USER: &str = "no suck user";
    /// The target of an action is not here.
    pub const NO_SUCH_USER: &str = "no such user";
    /// The target of an identification is not here.
    pub const CLIENT_NOT_FOUND: &str = "client not found";
    /// Attributes that are not an object.
    pub const BAD_SETDATA: &str = "Bad value in setdata";
    /// A selective deletion without its user.
    pub const BAD_CLEARCHAT: &str = "bad value in clearchat";
    /// A second recording.
    pub const ALREADY_RECORDING: &str = "already recording";
    /// A token for another group.
    pub const WRONG_GROUP_IN_TOKEN: &str = "wrong group in token";
    /// A token without an end.
    pub const TOKEN_DOES_NOT_EXPIRE: &str = "token doesn't expire";
    /// A new token whose text the client chose.
    pub const CLIENT_SPECIFIED_TOKEN: &str = "client specified token";
    /// A token for the name of a named user.
    pub const TOKEN_USERNAME_TAKEN: &str = "that username is taken";
    /// A change of a token beyond its times.
    pub const FIELD_CANNOT_BE_EDITED: &str = "this field cannot be edited";
    /// An SDP that cannot be answered, as said in 2021.
    pub const NEGOTIATION_FAILED: &str = "negotiation failed";
}

/// Texts of kicks.
///
/// Source: docs/protocols/galene.md §§2.2, 2.4, 3.11, 3.12.
pub mod kick {
    /// Start of the close reason.
    pub const REASON: &str = "kicked out";
    /// Shown when the kicker gave no text.
    pub const DEFAULT: &str = "you have been kicked out";
    /// Everybody's, when the server stops.
    pub const SHUTTING_DOWN: &str = "server is shutting down";

    /// The reason of the close frame: what was said, and by whom.
    #[must_use]
    pub fn reason(message: &str, by: Option<&str>) -> String {
        let said = if message.is_empty() { String::new() } else { format!(" ({message})") };
        let by = by.map_or_else(String::new, |name| format!(" by {name}"));
        super::close_reason(&format!("{REASON}{said}{by}")).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_reason_fits_its_frame_and_stays_text() {
        assert_eq!(close_reason("short"), "short");
        assert_eq!(close_reason(&"é".repeat(100)), "é".repeat(61));
        assert_eq!(close_reason(&"x".repeat(200)).len(), CLOSE_REASON_BYTES_MAX);
    }

    #[test]
    fn a_kick_says_what_is_known() {
        assert_eq!(kick::reason("", None), "kicked out");
        assert_eq!(kick::reason("bye", Some("ada")), "kicked out (bye) by ada");
    }
}
