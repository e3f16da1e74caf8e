//! A notice as proto3 JSON (the canonical mapping), for webhooks that ask for
//! it.

use parlour_base::Wall;
use parlour_wire::callctl::pb::common::video::v1::convo_id::Kind;
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::UserState;
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::pb::common::video::v1::{ConvoId, ConvoVideoState};
use parlour_wire::callctl::pb::mobileremote::video::v1::OnConvoVideoStateChangedNotification;
use serde_json::{Map, Value, json};

/// Writes a notice.
pub(super) fn notice(notice: &OnConvoVideoStateChangedNotification) -> String {
    let mut members = Map::new();
    if let Some(list) = &notice.convo_video_state {
        members.insert("convoVideoState".to_owned(), state(list));
    }
    members.insert("notificationId".to_owned(), notice.notification_id.clone().into());
    Value::Object(members).to_string()
}

fn state(list: &ConvoVideoState) -> Value {
    let mut members = Map::new();
    if let Some(id) = list.convo_id.as_ref().and_then(convo) {
        members.insert("convoId".to_owned(), id);
    }
    if !list.user_states.is_empty() {
        let users = list.user_states.iter().map(user).collect();
        members.insert("userStates".to_owned(), Value::Array(users));
    }
    if let Some(at) = &list.timestamp {
        let text = Wall(at.seconds.saturating_mul(1_000)).rfc3339();
        let text = match at.nanos {
            0 => text,
            nanos => format!("{}.{nanos:09}Z", text.trim_end_matches('Z')),
        };
        members.insert("timestamp".to_owned(), text.into());
    }
    Value::Object(members)
}

fn convo(id: &ConvoId) -> Option<Value> {
    Some(match id.kind.as_ref()? {
        Kind::Group(group) => json!({ "group": { "localPart": group.local_part } }),
        Kind::OneToOne(pair) => {
            let users = pair.users.iter().map(|user| json!({ "localPart": user.local_part }));
            json!({ "oneToOne": { "users": users.collect::<Vec<_>>() } })
        }
    })
}

fn user(entry: &UserState) -> Value {
    let state: Value = State::try_from(entry.state)
        .map_or_else(|_| entry.state.into(), |state| state.as_str_name().into());
    let name = entry.user.as_ref().map(|user| user.local_part.as_str());
    json!({ "user": { "localPart": name }, "state": state })
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlour_wire::callctl::{ConvoId, LocalPart, state};

    #[test]
    fn a_notice_is_written_in_the_canonical_mapping() {
        let convo = ConvoId::parse_key("aa:bb").expect("a key");
        let people = [(LocalPart::parse("aa").expect("a name"), State::Connected)];
        let list = state::write(&convo, people, 1_700_000_000_000_000_001);
        let text = notice(&OnConvoVideoStateChangedNotification {
            convo_video_state: Some(list),
            notification_id: "n".to_owned(),
        });
        assert_eq!(
            text,
            r#"{"convoVideoState":{"convoId":{"oneToOne":{"users":[{"localPart":"aa"},{"localPart":"bb"}]}},"timestamp":"2023-11-14T22:13:20.000000001Z","userStates":[{"state":"CONNECTED","user":{"localPart":"aa"}}]},"notificationId":"n"}"#
        );
    }
}
