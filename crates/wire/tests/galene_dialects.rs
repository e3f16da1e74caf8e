//! What the server says, as each dialect puts it: every row of
//! docs/protocols/galene.md §1.6 and the examples of §3.13.

use parlour_base::{Json, JsonMap, Permission, Permissions, Wall};
use parlour_wire::galene::{
    Candidate, Chat, Dialect, GroupStatus, JoinedKind, ParseError, ServerMessage, TrackKind,
    UserKind,
};
use serde_json::json;
use std::collections::BTreeMap;

const ALL: [Dialect; 3] = [Dialect::Legacy, Dialect::V1, Dialect::V2];
const TEN_O_CLOCK: Wall = Wall(1_782_900_000_000);

fn text(message: &ServerMessage, dialect: Dialect) -> String {
    message.write(dialect).expect("the dialect can say it")
}

fn json_of(message: &ServerMessage, dialect: Dialect) -> Json {
    serde_json::from_str(&text(message, dialect)).expect("what we write is JSON")
}

fn map(json: Json) -> JsonMap {
    json.as_object().cloned().expect("an object")
}

fn rights(names: &[&str]) -> Permissions {
    names.iter().map(|name| Permission::from_name(name).expect("a permission")).collect()
}

fn joined(kind: JoinedKind, permissions: Permissions) -> ServerMessage {
    ServerMessage::Joined {
        kind,
        group: "lab".into(),
        username: Some("ada".into()),
        permissions,
        status: None,
        data: JsonMap::new(),
        rtc_configuration: None,
        error: None,
        value: None,
    }
}

fn bob(kind: UserKind, username: &str, held: &[&str], data: Json) -> ServerMessage {
    ServerMessage::User {
        kind,
        id: "7c0f".into(),
        username: username.into(),
        permissions: rights(held),
        data: map(data),
    }
}

fn offer(label: &str) -> ServerMessage {
    ServerMessage::Offer {
        id: "91ab".into(),
        label: label.into(),
        tracks: BTreeMap::from([("0".into(), TrackKind::Audio), ("1".into(), TrackKind::Video)]),
        replace: None,
        source: "7c0f".into(),
        username: "bob".into(),
        sdp: "v=0…".into(),
    }
}

fn hello() -> Chat {
    Chat {
        id: Some("Qk3x0aTz9fM".into()),
        source: Some("7c0f".into()),
        username: Some("bob".into()),
        time: Some(TEN_O_CLOCK),
        value: "hello".into(),
        ..Chat::default()
    }
}

#[test]
fn todays_examples_are_written_to_the_letter() {
    let mut message =
        joined(JoinedKind::Join, rights(&["op", "present", "message", "caption", "token"]));
    if let ServerMessage::Joined { status, rtc_configuration, .. } = &mut message {
        *status = Some(GroupStatus {
            name: "lab".into(),
            display_name: Some("The Lab".into()),
            client_count: Some(2),
            ..GroupStatus::default()
        });
        *rtc_configuration = Some(
            json!({"iceServers": [{"urls": ["turn:192.0.2.7:1194"], "username": "galene",
                "credential": "s3cr3tpw", "credentialType": "password"}]})
            .into(),
        );
    }
    assert_eq!(
        text(&message, Dialect::V2),
        concat!(
            r#"{"type":"joined","kind":"join","group":"lab","username":"ada","#,
            r#""permissions":["op","present","message","caption","token"],"#,
            r#""status":{"name":"lab","displayName":"The Lab","clientCount":2},"#,
            r#""rtcConfiguration":{"iceServers":[{"credential":"s3cr3tpw","#,
            r#""credentialType":"password","urls":["turn:192.0.2.7:1194"],"username":"galene"}]}}"#,
        )
    );
    assert!(!format!("{message:?}").contains("s3cr3tpw"), "credentials must not print");
    assert_eq!(
        text(
            &bob(UserKind::Add, "bob", &["present", "message"], json!({"raisehand": true})),
            Dialect::V2
        ),
        concat!(
            r#"{"type":"user","kind":"add","id":"7c0f","username":"bob","#,
            r#""permissions":["present","message"],"data":{"raisehand":true}}"#,
        )
    );
    assert_eq!(
        text(&offer("camera"), Dialect::V2),
        concat!(
            r#"{"type":"offer","id":"91ab","label":"camera","source":"7c0f","#,
            r#""username":"bob","sdp":"v=0…"}"#,
        )
    );
    assert_eq!(
        text(&ServerMessage::ChatHistory(hello()), Dialect::V2),
        concat!(
            r#"{"type":"chathistory","id":"Qk3x0aTz9fM","source":"7c0f","username":"bob","#,
            r#""time":"2026-07-01T10:00:00Z","value":"hello"}"#,
        )
    );
}

#[test]
fn the_examples_of_2021_are_written_to_the_letter() {
    let mut message = joined(JoinedKind::Join, rights(&["op", "present", "message", "token"]));
    if let ServerMessage::Joined { status, rtc_configuration, data, .. } = &mut message {
        *status = Some(GroupStatus::default());
        *rtc_configuration = Some(json!({}).into());
        *data = map(json!({"topic": "x"}));
    }
    assert_eq!(
        text(&message, Dialect::Legacy),
        concat!(
            r#"{"type":"joined","kind":"join","group":"lab","username":"ada","#,
            r#""permissions":{"op":true,"present":true},"rtcConfiguration":{}}"#,
        )
    );
    assert_eq!(
        text(
            &bob(UserKind::Add, "bob", &["present", "message"], json!({"raisehand": true})),
            Dialect::Legacy
        ),
        concat!(
            r#"{"type":"user","kind":"add","id":"7c0f","username":"bob","#,
            r#""permissions":{"present":true},"status":{"raisehand":true}}"#,
        )
    );
    assert_eq!(
        text(&offer("camera"), Dialect::Legacy),
        concat!(
            r#"{"type":"offer","id":"91ab","labels":{"0":"audio","1":"video"},"source":"7c0f","#,
            r#""username":"bob","sdp":"v=0…"}"#,
        )
    );
    assert_eq!(
        text(&ServerMessage::ChatHistory(hello()), Dialect::Legacy),
        concat!(
            r#"{"type":"chat","source":"7c0f","username":"bob","time":1782900000000,"#,
            r#""value":"hello"}"#,
        )
    );
}

#[test]
fn empty_permissions_are_an_empty_object_or_left_out() {
    for message in
        [joined(JoinedKind::Change, Permissions::NONE), bob(UserKind::Change, "b", &[], json!({}))]
    {
        assert_eq!(json_of(&message, Dialect::Legacy)["permissions"], json!({}));
        assert!(json_of(&message, Dialect::V1).get("permissions").is_none());
        assert!(json_of(&message, Dialect::V2).get("permissions").is_none());
    }
    let record = joined(JoinedKind::Change, rights(&["record", "system"]));
    assert_eq!(json_of(&record, Dialect::Legacy)["permissions"], json!({"record": true}));
    assert_eq!(json_of(&record, Dialect::V2)["permissions"], json!(["record", "system"]));
}

#[test]
fn an_empty_username_is_written_in_todays_dialect_only() {
    let nobody = bob(UserKind::Add, "", &[], json!({}));
    assert_eq!(json_of(&nobody, Dialect::V2)["username"], "");
    assert!(json_of(&nobody, Dialect::Legacy).get("username").is_none());
    let mut message = joined(JoinedKind::Fail, Permissions::NONE);
    if let ServerMessage::Joined { username, .. } = &mut message {
        *username = None;
    }
    assert_eq!(json_of(&message, Dialect::V2)["username"], "");
    assert!(json_of(&message, Dialect::Legacy).get("username").is_none());
}

#[test]
fn only_join_and_change_tell_permissions() {
    for kind in [JoinedKind::Leave, JoinedKind::Fail, JoinedKind::Redirect] {
        for dialect in ALL {
            let written = json_of(&joined(kind, rights(&["op"])), dialect);
            assert!(written.get("permissions").is_none(), "{written}");
        }
    }
}

#[test]
fn a_user_who_left_has_a_name_and_nothing_else() {
    for dialect in ALL {
        let gone = bob(UserKind::Delete, "bob", &["op"], json!({"a": 1}));
        let expected = r#"{"type":"user","kind":"delete","id":"7c0f","username":"bob"}"#;
        assert_eq!(text(&gone, dialect), expected);
    }
}

#[test]
fn a_failed_join_names_its_error_in_todays_dialect_only() {
    let mut message = joined(JoinedKind::Fail, Permissions::NONE);
    if let ServerMessage::Joined { error, value, .. } = &mut message {
        *error = Some("need-username".into());
        *value = Some("username required".into());
    }
    let new = json_of(&message, Dialect::V2);
    assert_eq!(
        (&new["error"], &new["value"]),
        (&"need-username".into(), &"username required".into())
    );
    let old = json_of(&message, Dialect::Legacy);
    assert_eq!((old.get("error"), &old["value"]), (None, &"username required".into()));
}

#[test]
fn the_status_of_the_group_goes_to_todays_clients() {
    let mut message = joined(JoinedKind::Change, Permissions::NONE);
    if let ServerMessage::Joined { status, data, .. } = &mut message {
        *status = Some(GroupStatus { name: "lab".into(), locked: true, ..GroupStatus::default() });
        *data = map(json!({"topic": "x"}));
    }
    for dialect in [Dialect::V1, Dialect::V2] {
        let written = json_of(&message, dialect);
        assert_eq!(written["status"], json!({"name": "lab", "locked": true}));
        assert_eq!(written["data"], json!({"topic": "x"}));
    }
    let old = json_of(&message, Dialect::Legacy);
    assert_eq!((old.get("status"), old.get("data")), (None, None));
}

#[test]
fn time_is_a_number_up_to_version_1_and_a_text_since() {
    let chat = ServerMessage::Chat(hello());
    assert_eq!(json_of(&chat, Dialect::Legacy)["time"], json!(TEN_O_CLOCK.0));
    assert_eq!(json_of(&chat, Dialect::V1)["time"], json!(TEN_O_CLOCK.0));
    assert_eq!(json_of(&chat, Dialect::V2)["time"], "2026-07-01T10:00:00Z");
}

#[test]
fn chat_ids_and_the_type_of_history_are_todays() {
    let (chat, history) = (ServerMessage::Chat(hello()), ServerMessage::ChatHistory(hello()));
    for dialect in [Dialect::V1, Dialect::V2] {
        assert_eq!(json_of(&chat, dialect)["id"], "Qk3x0aTz9fM");
        assert_eq!(json_of(&history, dialect)["type"], "chathistory");
    }
    assert!(json_of(&chat, Dialect::Legacy).get("id").is_none());
    assert_eq!(json_of(&history, Dialect::Legacy)["type"], "chat");
}

#[test]
fn a_kick_is_an_error_to_a_client_of_2021() {
    let kick = ServerMessage::notice("kicked", "me", "you have been kicked out");
    assert_eq!(
        text(&kick, Dialect::V2),
        concat!(
            r#"{"type":"usermessage","kind":"kicked","dest":"me","privileged":true,"#,
            r#""value":"you have been kicked out"}"#,
        )
    );
    assert_eq!(json_of(&kick, Dialect::Legacy)["kind"], "error");
}

#[test]
fn deletion_of_one_chat_entry_cannot_be_told_to_a_client_of_2021() {
    let clear = |value| ServerMessage::UserMessage {
        kind: "clearchat".into(),
        id: None,
        dest: None,
        source: None,
        username: None,
        privileged: true,
        error: None,
        time: None,
        noecho: false,
        value,
    };
    let all = r#"{"type":"usermessage","kind":"clearchat","privileged":true}"#;
    assert_eq!(clear(Json::Null).write(Dialect::Legacy).as_deref(), Some(all));
    let one = clear(json!({"id": "a", "userId": "b"}));
    assert_eq!(one.write(Dialect::Legacy), None);
    assert_eq!(json_of(&one, Dialect::V2)["value"], json!({"id": "a", "userId": "b"}));
}

#[test]
fn identifiers_of_errors_are_dropped_for_a_client_of_2021() {
    let mut reply = ServerMessage::notice("token", "me", "no");
    if let ServerMessage::UserMessage { error, .. } = &mut reply {
        *error = Some("not-authorised".into());
    }
    assert_eq!(json_of(&reply, Dialect::V2)["error"], "not-authorised");
    assert!(json_of(&reply, Dialect::Legacy).get("error").is_none());
}

#[test]
fn every_track_of_a_shared_screen_is_tagged_so_for_a_client_of_2021() {
    let written = json_of(&offer("screenshare"), Dialect::Legacy);
    assert_eq!(written["labels"], json!({"0": "screenshare", "1": "screenshare"}));
    let file = json_of(&offer("video"), Dialect::Legacy);
    assert_eq!(file["labels"], json!({"0": "audio", "1": "video"}));
}

#[test]
fn messages_without_dialect_are_the_same_for_everybody() {
    let candidate = Candidate {
        candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host".into(),
        sdp_mid: Some("0".into()),
        sdp_m_line_index: Some(0),
        username_fragment: None,
    };
    let id = || "x".to_owned();
    for (message, expected) in [
        (ServerMessage::Handshake, r#"{"type":"handshake","version":["2"]}"#),
        (ServerMessage::Ping, r#"{"type":"ping"}"#),
        (ServerMessage::Pong, r#"{"type":"pong"}"#),
        (
            ServerMessage::Answer { id: id(), sdp: "v=0".into() },
            r#"{"type":"answer","id":"x","sdp":"v=0"}"#,
        ),
        (ServerMessage::Renegotiate { id: id() }, r#"{"type":"renegotiate","id":"x"}"#),
        (ServerMessage::Close { id: id() }, r#"{"type":"close","id":"x"}"#),
        (ServerMessage::Abort { id: id() }, r#"{"type":"abort","id":"x"}"#),
        (
            ServerMessage::Ice { id: id(), candidate },
            concat!(
                r#"{"type":"ice","id":"x","candidate":{"candidate":"candidate:1 1 udp 1 192.0.2.1 "#,
                r#"9 typ host","sdpMid":"0","sdpMLineIndex":0}}"#,
            ),
        ),
    ] {
        for dialect in ALL {
            assert_eq!(text(&message, dialect), expected);
            assert_eq!(ServerMessage::parse(expected), Ok(message.clone()));
        }
    }
}

#[test]
fn what_todays_clients_are_told_reads_back() {
    let messages = [
        joined(JoinedKind::Join, rights(&["op", "record"])),
        joined(JoinedKind::Redirect, Permissions::NONE),
        bob(UserKind::Add, "bob", &["message"], json!({"raisehand": true})),
        bob(UserKind::Delete, "", &[], json!({})),
        ServerMessage::Chat(Chat {
            privileged: true,
            noecho: true,
            dest: Some("x".into()),
            ..hello()
        }),
        ServerMessage::ChatHistory(hello()),
        ServerMessage::notice("warning", "me", "careful"),
    ];
    for message in messages {
        assert_eq!(ServerMessage::parse(&text(&message, Dialect::V2)), Ok(message));
    }
    let old = bob(UserKind::Add, "bob", &["present"], json!({"raisehand": true}));
    assert_eq!(ServerMessage::parse(&text(&old, Dialect::Legacy)), Ok(old));
    let old = offer("camera");
    assert_eq!(ServerMessage::parse(&text(&old, Dialect::Legacy)), Ok(old));
}

#[test]
fn what_no_server_says_is_refused() {
    for (text, error) in [
        (r#"{"type":"request"}"#, ParseError::UnknownType),
        (r#"{"type":"joined","kind":"maybe"}"#, ParseError::BadValue("kind")),
        (r#"{"type":"joined","kind":"fail","value":1}"#, ParseError::WrongType("value")),
        (r#"{"type":"joined","kind":"join","status":{"name":1}}"#, ParseError::WrongType("status")),
        (r#"{"type":"user"}"#, ParseError::BadValue("kind")),
        (r#"{"type":"ice","id":"x"}"#, ParseError::BadValue("candidate")),
    ] {
        assert_eq!(ServerMessage::parse(text), Err(error));
    }
}

#[test]
fn the_dialect_follows_from_the_version() {
    let of = |list: &[&str]| {
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        (Dialect::of(Some(&list)), Dialect::is_mismatch(Some(&list)))
    };
    assert_eq!((Dialect::of(None), Dialect::is_mismatch(None)), (Dialect::Legacy, false));
    assert_eq!(of(&[]), (Dialect::Legacy, false));
    assert_eq!(of(&["1"]), (Dialect::V1, true));
    assert_eq!(of(&["2", "1"]), (Dialect::V2, false));
    assert_eq!(of(&["1", "2"]), (Dialect::V2, false));
    assert_eq!(of(&["3"]), (Dialect::V2, true));
}

#[test]
fn an_outsider_gets_urls_and_no_word_of_passwords() {
    let status = GroupStatus {
        name: "lab".into(),
        can_change_password: true,
        locked: true,
        client_count: Some(0),
        ..GroupStatus::default()
    };
    let written = status.clone().for_http("https://x/group/lab/".into(), "wss://x/ws".into());
    assert_eq!(
        written.to_text(),
        concat!(
            r#"{"name":"lab","location":"https://x/group/lab/","endpoint":"wss://x/ws","#,
            r#""locked":true,"clientCount":0}"#,
        )
    );
    let moved = GroupStatus { redirect: Some("https://y/".into()), ..status };
    let written = moved.for_http("https://x/group/lab/".into(), "wss://x/ws".into());
    assert_eq!(written.to_text(), r#"{"name":"lab","redirect":"https://y/"}"#);
}
