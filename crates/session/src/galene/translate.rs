//! Words of the dialect for things of the room, and back.

use parlour_base::Json;
use parlour_room::command::{Clearing, Speech};
use parlour_room::event::{ChatEntry, Said};
use parlour_room::{Command, MemberId, Refusal, Room, Wish, Wishes};
use parlour_wire::galene::{Chat, GroupStatus, RequestTable, ServerMessage, text};

/// What a member is told of its group.
pub(super) fn status(room: &Room, name: &str) -> GroupStatus {
    let rules = room.rules();
    GroupStatus {
        name: name.to_owned(),
        display_name: rules.display_name.clone(),
        description: rules.description.clone(),
        auth_server: rules.auth_server.clone(),
        auth_portal: rules.auth_portal.clone(),
        locked: room.lock().is_some(),
        client_count: u32::try_from(room.members().len()).ok(),
        ..GroupStatus::default()
    }
}

/// A kept chat entry.
pub(super) fn entry(entry: &ChatEntry, no_echo: bool) -> Chat {
    Chat {
        id: Some(entry.id.clone()),
        kind: entry.kind.clone(),
        source: Some(entry.source.0.clone()),
        dest: None,
        username: Some(entry.name.clone()),
        privileged: entry.privileged,
        time: Some(entry.at),
        noecho: no_echo,
        value: entry.value.clone(),
    }
}

/// Something said that is not kept.
pub(super) fn said(said: &Said, at: parlour_base::Wall) -> ServerMessage {
    let id = Some(said.id.clone()).filter(|id| !id.is_empty());
    let (source, username) = (Some(said.source.0.clone()), Some(said.name.clone()));
    let dest = said.to.as_ref().map(|to| to.0.clone());
    if said.chat {
        return ServerMessage::Chat(Chat {
            id,
            kind: said.kind.clone(),
            source,
            dest,
            username,
            privileged: said.privileged,
            time: Some(at),
            noecho: said.no_echo,
            value: said.value.clone(),
        });
    }
    ServerMessage::UserMessage {
        kind: said.kind.clone(),
        id,
        dest,
        source,
        username,
        privileged: said.privileged,
        error: None,
        time: Some(at),
        noecho: said.no_echo,
        value: said.value.clone(),
    }
}

/// The value of a `clearchat`.
pub(super) fn clearing_value(clearing: &Clearing) -> Json {
    match clearing {
        Clearing::All => Json::Null,
        Clearing::Of(source) => serde_json::json!({ "userId": source.0 }),
        Clearing::One { source, id } => serde_json::json!({ "id": id, "userId": source.0 }),
    }
}

/// Reads the value of a `clearchat`; `None` if it makes no sense. What makes
/// no sense must not clear everything.
pub(super) fn read_clearing(value: &Json) -> Option<Clearing> {
    let members = match value {
        Json::Null => return Some(Clearing::All),
        Json::Object(members) => members,
        _ => return None,
    };
    let of = |key| match members.get(key) {
        None | Some(Json::Null) => Some(None),
        Some(Json::String(text)) => Some(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => None,
    };
    match (of("userId")?.map(MemberId), of("id")?) {
        (Some(source), Some(id)) => Some(Clearing::One { source, id }),
        (Some(source), None) => Some(Clearing::Of(source)),
        (None, None) => Some(Clearing::All),
        (None, Some(_)) => None,
    }
}

/// A table of wishes.
pub(super) fn wishes(table: RequestTable) -> Wishes {
    table.wishes.into_iter().map(|(label, one)| (label, wish(one))).collect()
}

/// One wish.
pub(super) const fn wish(wish: parlour_wire::galene::Wish) -> Wish {
    Wish { audio: wish.audio, video: wish.video, low: wish.low }
}

/// A client's words as a room takes them.
pub(super) fn speech(id: String, kind: String, dest: String, value: Json, noecho: bool) -> Speech {
    let to = Some(dest).filter(|dest| !dest.is_empty()).map(MemberId);
    Speech { id, kind, to, value, no_echo: noecho }
}

/// What the client is told when the room says no; `None` if nothing.
pub(super) fn refusal(what: &Command, refusal: &Refusal) -> Option<String> {
    let words = match (what, refusal) {
        (_, Refusal::NotHere) => text::soft::JOIN_FIRST.to_owned(),
        (_, Refusal::NotAuthorised) => text::soft::NOT_AUTHORISED.to_owned(),
        (Command::Chat(_) | Command::Tell(_), Refusal::UnknownMember) => {
            text::soft::USER_UNKNOWN.to_owned()
        }
        (Command::SetPermission { .. }, Refusal::UnknownMember) => {
            text::soft::NO_SUCK_USER.to_owned()
        }
        (_, Refusal::UnknownMember) => text::soft::NO_SUCH_USER.to_owned(),
        // A stream may have ended while the wish was under way.
        (_, Refusal::UnknownStream) => return None,
        (_, other) => other.to_string(),
    };
    Some(words)
}
