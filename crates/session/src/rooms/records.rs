//! What the door keeps in the directory.

use super::asks::later;
use parlour_base::storage::Write;
use parlour_base::{Json, RoomId, Secret, UserId, Wall};
use parlour_room::lease::Lease;
use parlour_wire::rooms::registration::PushUrls;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Sessions, by the name of the device.
pub(super) const HAWK: &str = "hawk";
/// Push addresses, by user and device.
pub(super) const PUSH: &str = "push";
/// The rooms of a user, by user and room.
pub(super) const OWNED: &str = "owned";
/// The rooms a user deleted, by user and room.
pub(super) const DELETED: &str = "deleted";
/// Call URLs, by token.
pub(super) const CALL_URL: &str = "call-url";
/// The call URLs of a user, by user and token.
pub(super) const CALL_URLS: &str = "call-urls";
/// What a test of the store writes.
pub(super) const HEARTBEAT: &str = "heartbeat";

/// A session is written anew when this part of its life has passed, so that
/// not every request writes.
const RENEWED_AFTER: u32 = 30;

/// A session of a device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct HawkRecord {
    /// What the device signs with.
    pub(super) key: Secretive,
    /// Who it is.
    pub(super) user: UserId,
    /// When it ends unless it is used.
    pub(super) expires: Wall,
    /// The e-mail, sealed for the holder of the Hawk id.
    #[serde(default)]
    pub(super) account: Option<String>,
    /// It was made for a login.
    #[serde(default)]
    pub(super) oauth: bool,
    /// The state of the login under way.
    #[serde(default)]
    pub(super) state: Option<Secretive>,
    /// The token of the login, sealed.
    #[serde(default)]
    pub(super) token: Option<String>,
}

/// A stored text that is not shown.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Secretive(pub(super) String);

impl std::fmt::Debug for Secretive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

impl From<&Secret<String>> for Secretive {
    fn from(secret: &Secret<String>) -> Self {
        Self(secret.expose().clone())
    }
}

impl HawkRecord {
    /// Whether enough of its life has passed to write it anew.
    pub(super) fn is_worn(&self, now: Wall, life: Duration) -> bool {
        later(now, life - life / RENEWED_AFTER) >= self.expires
    }
}

/// The push addresses of a device.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct PushRecord {
    #[serde(default)]
    pub(super) calls: Option<String>,
    #[serde(default)]
    pub(super) rooms: Option<String>,
}

impl PushRecord {
    /// These addresses, where there are new ones.
    pub(super) fn with(self, new: PushUrls) -> Self {
        Self { calls: new.calls.or(self.calls), rooms: new.rooms.or(self.rooms) }
    }
}

/// A deletion.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct DeletedRecord {
    pub(super) at: Wall,
}

/// A call URL; only those of earlier days are left.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallUrlRecord {
    pub(super) user: UserId,
    #[serde(default)]
    pub(super) caller_id: String,
    #[serde(default)]
    pub(super) issuer: String,
    #[serde(default)]
    pub(super) subject: Option<String>,
    pub(super) timestamp: i64,
    pub(super) expires: i64,
}

/// The rooms of the owner of a lease have one more.
pub(crate) fn owned(lease: &Lease, room: RoomId) -> Option<Write> {
    Some(keep(OWNED, room_key(lease.owner?, room), &true))
}

/// The rooms of the owner of a lease have one more, and those of the owner
/// before one less.
pub(crate) fn passed_on(before: Option<&Lease>, after: &Lease, room: RoomId) -> Vec<Write> {
    let old = before.and_then(|lease| lease.owner).filter(|old| Some(*old) != after.owner);
    let gone = old.map(|old| forget(OWNED, room_key(old, room)));
    gone.into_iter().chain(owned(after, room)).collect()
}

/// A record; what cannot be read is as good as absent.
pub(super) fn read<T: serde::de::DeserializeOwned>(body: Option<Json>) -> Option<T> {
    serde_json::from_value(body?).ok()
}

/// Keeps a record.
pub(super) fn keep(kind: &str, key: String, body: &impl Serialize) -> Write {
    let body = serde_json::to_value(body).expect("every record has a JSON form");
    Write::Record { kind: kind.to_owned(), key, body: Some(body) }
}

/// Forgets a record.
pub(super) fn forget(kind: &str, key: String) -> Write {
    Write::Record { kind: kind.to_owned(), key, body: None }
}

/// What belongs to a user begins with this.
pub(super) fn prefix(user: UserId) -> String {
    format!("{user}/")
}

/// The key of a device of a user.
pub(super) fn device_key(user: UserId, device: &str) -> String {
    format!("{user}/{device}")
}

/// The key of a room of a user.
pub(super) fn room_key(user: UserId, room: RoomId) -> String {
    format!("{user}/{room}")
}
