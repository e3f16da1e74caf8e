//! What clients say, read from text: both dialects, every rule of
//! docs/protocols/galene.md §3.1, and the way back.

use parlour_base::{Json, Secret};
use parlour_wire::galene::{
    Candidate, ClientMessage, Envelope, Join, Offer, ParseError, RequestTable, ServerMessage, Wish,
};
use parlour_wire::json::JsonError;
use proptest::prelude::*;
use serde_json::json;

fn read(json: &Json) -> Result<Envelope, ParseError> {
    Envelope::parse(&json.to_string())
}

fn message(json: Json) -> ClientMessage {
    read(&json).expect("a message").message
}

#[test]
fn every_type_is_read() {
    let id = || "x".to_owned();
    assert_eq!(
        message(json!({"type": "handshake", "version": ["2", "1"], "id": "x"})),
        ClientMessage::Handshake { version: Some(vec!["2".into(), "1".into()]), id: id() }
    );
    assert_eq!(
        message(json!({"type": "join", "kind": "join", "group": "lab", "username": "ada",
            "password": "pw", "token": "", "data": {"a": 1}})),
        ClientMessage::Join(Join {
            kind: "join".into(),
            group: "lab".into(),
            username: Some("ada".into()),
            password: Secret::new("pw".into()),
            token: None,
            data: json!({"a": 1}).as_object().cloned().expect("an object"),
        })
    );
    assert_eq!(
        message(json!({"type": "offer", "id": "x", "label": "camera", "replace": "y",
            "sdp": "v=0", "kind": "renegotiate"})),
        ClientMessage::Offer(Offer {
            id: id(),
            label: Some("camera".into()),
            labels: None,
            replace: "y".into(),
            sdp: "v=0".into(),
            kind: "renegotiate".into(),
        })
    );
    assert_eq!(
        message(json!({"type": "answer", "id": "x", "sdp": "v=0"})),
        ClientMessage::Answer { id: id(), sdp: "v=0".into() }
    );
    assert_eq!(
        message(json!({"type": "ice", "id": "x", "candidate": {"candidate": "c", "sdpMid": "0",
            "sdpMLineIndex": 0, "usernameFragment": null, "foundation": 7}})),
        ClientMessage::Ice {
            id: id(),
            candidate: Some(Candidate {
                candidate: "c".into(),
                sdp_mid: Some("0".into()),
                sdp_m_line_index: Some(0),
                username_fragment: None,
            }),
        }
    );
    assert_eq!(
        message(json!({"type": "ice", "id": "x", "candidate": null})),
        ClientMessage::Ice { id: id(), candidate: None }
    );
    assert_eq!(
        message(json!({"type": "renegotiate", "id": "x"})),
        ClientMessage::Renegotiate { id: id() }
    );
    assert_eq!(message(json!({"type": "close", "id": "x"})), ClientMessage::Close { id: id() });
    assert_eq!(message(json!({"type": "abort", "id": "x"})), ClientMessage::Abort { id: id() });
    assert_eq!(
        message(json!({"type": "requestStream", "id": "x", "request": ["audio", "video-low"]})),
        ClientMessage::RequestStream {
            id: id(),
            request: Some(Wish { audio: true, video: false, low: true }),
        }
    );
    assert_eq!(
        message(json!({"type": "requestStream", "id": "x", "request": null})),
        ClientMessage::RequestStream { id: id(), request: None }
    );
    assert_eq!(
        message(
            json!({"type": "chat", "kind": "me", "dest": null, "value": ["any", {"thing": 1}]})
        ),
        ClientMessage::Chat {
            kind: "me".into(),
            dest: String::new(),
            id: String::new(),
            value: json!(["any", {"thing": 1}]),
            noecho: false,
        }
    );
    assert_eq!(
        message(json!({"type": "usermessage", "kind": "mute", "dest": "x", "noecho": true})),
        ClientMessage::UserMessage {
            kind: "mute".into(),
            dest: id(),
            id: String::new(),
            value: Json::Null,
            noecho: true,
        }
    );
    assert_eq!(
        message(
            json!({"type": "useraction", "kind": "setstatus", "dest": "x", "value": {"a": null}})
        ),
        ClientMessage::UserAction {
            kind: "setstatus".into(),
            dest: id(),
            value: json!({"a": null})
        }
    );
    assert_eq!(
        message(json!({"type": "groupaction", "kind": "lock", "value": ""})),
        ClientMessage::GroupAction { kind: "lock".into(), value: json!("") }
    );
    assert_eq!(message(json!({"type": "ping"})), ClientMessage::Ping);
    assert_eq!(message(json!({"type": "pong"})), ClientMessage::Pong);
}

#[test]
fn requests_of_both_dialects_become_one_table() {
    let table = |json| match message(json!({"type": "request", "request": json})) {
        ClientMessage::Request(table) => table,
        other => panic!("{other:?}"),
    };
    let old = table(json!({"audio": true, "screenshare": 1}));
    let new = table(json!({"": ["audio"], "screenshare": ["audio", "video"]}));
    assert_eq!(old.wishes, new.wishes);
    assert!(old.legacy && !new.legacy);
    assert_eq!(table(json!({})).wish_for("camera"), Wish::NOTHING);
    assert_eq!(
        message(json!({"type": "request"})),
        ClientMessage::Request(RequestTable::default())
    );
}

#[test]
fn tags_of_both_dialects_name_the_stream() {
    let label = |json: Json| match message(json) {
        ClientMessage::Offer(offer) => offer.stream_label().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(label(json!({"type": "offer", "label": "video"})), "video");
    let old = json!({"type": "offer", "labels": {"0": "audio", "1": "video"}});
    assert_eq!(label(old), "camera");
    let old = json!({"type": "offer", "labels": {"0": "audio", "1": "screenshare"}});
    assert_eq!(label(old), "screenshare");
    let both = json!({"type": "offer", "label": "camera", "labels": {"0": "screenshare"}});
    assert_eq!(label(both), "camera");
    assert_eq!(label(json!({"type": "offer"})), "");
}

#[test]
fn who_claims_to_speak_is_known_even_when_the_type_is_not() {
    for kind in [json!("dance"), json!(null), json!("")] {
        let envelope = read(&json!({"type": kind, "source": "7c0f", "username": ""}));
        assert_eq!(
            envelope,
            Ok(Envelope {
                source: Some("7c0f".into()),
                username: Some(String::new()),
                message: ClientMessage::Unknown,
            })
        );
    }
    let join = read(&json!({"type": "join", "username": "ada"})).expect("a join");
    assert_eq!(join.username, None, "the name in a join is a wish, not a claim");
    let quiet = read(&json!({"type": "ping", "source": ""})).expect("a ping");
    assert_eq!((quiet.source, quiet.username), (None, None));
}

/// Every known member with values of wrong types.
fn wrong() -> Vec<(&'static str, Vec<Json>)> {
    let texts = [
        "type", "kind", "error", "id", "replace", "source", "dest", "username", "password",
        "token", "group", "sdp", "label",
    ];
    let mut all: Vec<_> = texts
        .into_iter()
        .map(|name| (name, vec![json!(1), json!(true), json!([]), json!({})]))
        .collect();
    all.extend([
        ("version", vec![json!("2"), json!([2]), json!({}), json!([null])]),
        ("privileged", vec![json!(1), json!("true"), json!([])]),
        ("noecho", vec![json!(0), json!("false"), json!({})]),
        ("permissions", vec![json!("op"), json!([1]), json!({"op": 1}), json!(true)]),
        ("status", vec![json!("x"), json!([]), json!(1)]),
        ("data", vec![json!("x"), json!([]), json!(1)]),
        ("rtcConfiguration", vec![json!("x"), json!([])]),
        ("time", vec![json!(true), json!({}), json!([])]),
        ("labels", vec![json!("x"), json!(["x"]), json!({"0": 1})]),
        ("request", vec![json!("audio"), json!(1), json!(true)]),
        (
            "candidate",
            vec![
                json!("x"),
                json!([]),
                json!({"candidate": 1}),
                json!({"sdpMid": 0}),
                json!({"sdpMLineIndex": "0"}),
                json!({"sdpMLineIndex": -1}),
                json!({"sdpMLineIndex": 65_536}),
                json!({"usernameFragment": []}),
            ],
        ),
    ]);
    all
}

#[test]
fn a_known_member_of_the_wrong_type_is_refused_in_every_message() {
    for (name, values) in wrong() {
        for value in values {
            for kind in ["ping", "chat", "dance"] {
                let mut json = json!({"type": kind});
                json[name] = value.clone();
                assert_eq!(read(&json), Err(ParseError::WrongType(name)), "{json}");
            }
        }
    }
}

#[test]
fn null_counts_as_absent_and_unknown_members_as_nothing() {
    for (name, _) in wrong().into_iter().filter(|(name, _)| *name != "type") {
        let mut json = json!({"type": "ping", "colour": {"deep": [1, 2, 3]}});
        json[name] = Json::Null;
        assert_eq!(read(&json), Ok(ClientMessage::Ping.into()), "{json}");
    }
}

#[test]
fn requests_of_the_wrong_shape_are_refused() {
    for json in [
        json!({"type": "request", "request": ["audio"]}),
        json!({"type": "request", "request": {"": "audio"}}),
        json!({"type": "request", "request": {"": [1]}}),
        json!({"type": "request", "request": {"audio": true, "": ["video"]}}),
        json!({"type": "requestStream", "request": {"": ["audio"]}}),
        json!({"type": "requestStream", "request": [true]}),
    ] {
        assert_eq!(read(&json), Err(ParseError::WrongType("request")), "{json}");
    }
}

#[test]
fn what_is_no_acceptable_object_is_refused() {
    assert_eq!(Envelope::parse("[]"), Err(ParseError::NotAnObject));
    assert_eq!(Envelope::parse("null"), Err(ParseError::NotAnObject));
    let twice = r#"{"type":"ping","type":"pong"}"#;
    assert_eq!(Envelope::parse(twice), Err(ParseError::Json(JsonError::DuplicateKey)));
    let inside = r#"{"type":"chat","value":{"a":{"b":1,"b":2}}}"#;
    assert_eq!(Envelope::parse(inside), Err(ParseError::Json(JsonError::DuplicateKey)));
    let deep = format!(r#"{{"type":"chat","value":{}1{}}}"#, "[".repeat(16), "]".repeat(16));
    assert_eq!(Envelope::parse(&deep), Err(ParseError::Json(JsonError::Depth)));
    assert!(matches!(Envelope::parse("{"), Err(ParseError::Json(JsonError::Syntax { .. }))));
}

#[test]
fn a_join_prints_neither_password_nor_token() {
    let join = message(json!({"type": "join", "password": "hunter2", "token": "tok3n"}));
    let printed = format!("{join:?}");
    assert!(!printed.contains("hunter2") && !printed.contains("tok3n"), "{printed}");
}

fn some_text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z0-9]{1,8}", "\\PC{0,6}", any::<String>()]
}

fn filled_text() -> impl Strategy<Value = String> {
    some_text().prop_filter("not empty", |text| !text.is_empty())
}

fn some_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        some_text().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(some_text(), inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

fn some_wish() -> impl Strategy<Value = Wish> {
    any::<(bool, bool, bool)>().prop_map(|(audio, video, low)| Wish { audio, video, low })
}

fn some_candidate() -> impl Strategy<Value = Candidate> {
    let option = || prop::option::of(some_text());
    (some_text(), option(), prop::option::of(any::<u16>()), option()).prop_map(
        |(candidate, sdp_mid, sdp_m_line_index, username_fragment)| Candidate {
            candidate,
            sdp_mid,
            sdp_m_line_index,
            username_fragment,
        },
    )
}

fn some_join() -> impl Strategy<Value = ClientMessage> {
    let names = (some_text(), some_text(), prop::option::of(some_text()));
    let data = prop::collection::btree_map(some_text(), some_json(), 0..3);
    (names, some_text(), prop::option::of(filled_text()), data).prop_map(
        |((kind, group, username), password, token, data)| {
            ClientMessage::Join(Join {
                kind,
                group,
                username,
                password: Secret::new(password),
                token: token.map(Secret::new),
                data: data.into_iter().collect(),
            })
        },
    )
}

fn some_offer() -> impl Strategy<Value = ClientMessage> {
    let labels = prop::collection::btree_map(some_text(), some_text(), 0..3);
    let tags = (prop::option::of(filled_text()), prop::option::of(labels));
    (some_text(), tags, some_text(), some_text(), some_text()).prop_map(
        |(id, (label, labels), replace, sdp, kind)| {
            ClientMessage::Offer(Offer { id, label, labels, replace, sdp, kind })
        },
    )
}

fn some_request() -> impl Strategy<Value = ClientMessage> {
    let wishes = prop::collection::btree_map(some_text(), some_wish(), 0..4);
    prop_oneof![
        wishes.prop_map(|wishes| RequestTable { wishes, legacy: false }),
        any::<(bool, bool, bool)>().prop_map(|(a, v, s)| RequestTable::from_flags(a, v, s)),
    ]
    .prop_map(ClientMessage::Request)
}

fn some_message() -> impl Strategy<Value = ClientMessage> {
    let version = prop::option::of(prop::collection::vec(some_text(), 0..3));
    let speech = || (some_text(), some_text(), some_text(), some_json(), any::<bool>());
    prop_oneof![
        (version, some_text()).prop_map(|(version, id)| ClientMessage::Handshake { version, id }),
        some_join(),
        some_offer(),
        some_request(),
        (some_text(), some_text()).prop_map(|(id, sdp)| ClientMessage::Answer { id, sdp }),
        (some_text(), prop::option::of(some_candidate()))
            .prop_map(|(id, candidate)| ClientMessage::Ice { id, candidate }),
        some_text().prop_map(|id| ClientMessage::Renegotiate { id }),
        some_text().prop_map(|id| ClientMessage::Close { id }),
        some_text().prop_map(|id| ClientMessage::Abort { id }),
        (some_text(), prop::option::of(some_wish()))
            .prop_map(|(id, request)| ClientMessage::RequestStream { id, request }),
        speech().prop_map(|(kind, dest, id, value, noecho)| {
            ClientMessage::Chat { kind, dest, id, value, noecho }
        }),
        speech().prop_map(|(kind, dest, id, value, noecho)| {
            ClientMessage::UserMessage { kind, dest, id, value, noecho }
        }),
        (some_text(), some_text(), some_json())
            .prop_map(|(kind, dest, value)| ClientMessage::UserAction { kind, dest, value }),
        (some_text(), some_json())
            .prop_map(|(kind, value)| ClientMessage::GroupAction { kind, value }),
        Just(ClientMessage::Ping),
        Just(ClientMessage::Pong),
        Just(ClientMessage::Unknown),
    ]
}

fn some_envelope() -> impl Strategy<Value = Envelope> {
    (prop::option::of(filled_text()), prop::option::of(some_text()), some_message()).prop_map(
        |(source, username, message)| {
            let username = username.filter(|_| !matches!(message, ClientMessage::Join(_)));
            Envelope { source, username, message }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_reads_back(envelope in some_envelope()) {
        prop_assert_eq!(Envelope::parse(&envelope.to_text()), Ok(envelope));
    }

    #[test]
    fn a_damaged_message_is_read_or_refused(
        envelope in some_envelope(), at in any::<prop::sample::Index>(), with in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = envelope.to_text().into_bytes();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = with }
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(read) = Envelope::parse(&text) {
            prop_assert_eq!(Envelope::parse(&read.to_text()), Ok(read));
        }
        drop(ServerMessage::parse(&text));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        drop((Envelope::parse(&text), ServerMessage::parse(&text)));
    }
}
