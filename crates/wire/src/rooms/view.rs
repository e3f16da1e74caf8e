//! What a room looks like to a stranger, to a participant, and in a list.
//!
//! Source: docs/protocols/rooms.md §4.

use parlour_base::{Json, JsonMap};
use serde_json::json;

/// What everybody sees of a room.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PublicView {
    /// Its token.
    pub token: String,
    /// The page that leads into it.
    pub url: String,
    /// The owner's display name.
    pub owner: String,
    /// Its name, if it has one in the clear.
    pub name: Option<String>,
    /// Its context, if one was ever stored.
    pub context: Option<JsonMap>,
}

/// What its owner and participants see.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FullView {
    /// What everybody sees.
    pub public: PublicView,
    /// Most participants.
    pub max_size: u32,
    /// The smallest limit among it and the participants' own.
    pub client_max_size: i64,
    /// Seconds since 1970.
    pub creation_time: i64,
    /// Seconds since 1970.
    pub expires_at: i64,
    /// Seconds since 1970 of the last change.
    pub ctime: i64,
    /// Who is inside.
    pub participants: Vec<ParticipantView>,
}

/// One who is inside.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParticipantView {
    /// New at every join.
    pub connection_id: String,
    /// As sent at the join.
    pub display_name: String,
    /// Whether the room is theirs.
    pub is_owner: bool,
    /// The e-mail of a session with account.
    pub account: Option<String>,
}

impl PublicView {
    /// The body.
    #[must_use]
    pub fn body(&self) -> Json {
        let mut body = json!({
            "roomToken": self.token,
            "roomUrl": self.url,
            "roomOwner": self.owner,
            "context": self.context,
        });
        if let (Some(name), Some(members)) = (&self.name, body.as_object_mut()) {
            members.insert("roomName".to_owned(), json!(name));
        }
        body
    }
}

impl FullView {
    /// The body.
    #[must_use]
    pub fn body(&self) -> Json {
        let mut body = self.public.body();
        if let Some(members) = body.as_object_mut() {
            for (name, value) in [
                ("maxSize", json!(self.max_size)),
                ("clientMaxSize", json!(self.client_max_size)),
                ("creationTime", json!(self.creation_time)),
                ("expiresAt", json!(self.expires_at)),
                ("ctime", json!(self.ctime)),
                ("participants", self.participants.iter().map(ParticipantView::body).collect()),
            ] {
                members.insert(name.to_owned(), value);
            }
        }
        body
    }
}

impl ParticipantView {
    /// The entry in the list.
    #[must_use]
    pub fn body(&self) -> Json {
        let mut body = json!({
            "roomConnectionId": self.connection_id,
            "displayName": self.display_name,
            "owner": self.is_owner,
        });
        if let (Some(account), Some(members)) = (&self.account, body.as_object_mut()) {
            members.insert("account".to_owned(), json!(account));
        }
        body
    }
}

/// The answer to a room made.
#[must_use]
pub fn created(token: &str, url: &str, expires_at: i64) -> Json {
    json!({ "roomToken": token, "roomUrl": url, "expiresAt": expires_at })
}

/// What a list says of a room its owner deleted.
#[must_use]
pub fn deleted(token: &str) -> Json {
    json!({ "roomToken": token, "deleted": true })
}

/// The answer to a bulk deletion: each token and whether it was there.
#[must_use]
pub fn bulk(tokens: &[(String, bool)]) -> Json {
    let gone = json!({ "code": 200 });
    let absent = json!({ "code": 404, "errno": 105, "error": "Room not found." });
    let entry = |(token, found): &(String, bool)| {
        (token.clone(), if *found { gone.clone() } else { absent.clone() })
    };
    json!({ "responses": tokens.iter().map(entry).collect::<JsonMap>() })
}

/// The time of a participant, as a number clients can wait for: a fraction
/// only where the setting has one.
#[must_use]
pub fn expires(millis: u64) -> Json {
    if millis.is_multiple_of(1_000) {
        json!(millis / 1_000)
    } else {
        json!(millis as f64 / 1_000.0)
    }
}
