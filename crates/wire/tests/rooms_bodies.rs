//! The fields of every body: what passes, and which error each other value
//! earns, in the order in which they are looked at.

use parlour_base::Json;
use parlour_wire::rooms::call::{CallType, CallUrlChange, DirectCall};
use parlour_wire::rooms::oauth::{Granted, Login, Profile};
use parlour_wire::rooms::registration::{PushUrls, escaped, push_body};
use parlour_wire::rooms::room::read_delete;
use parlour_wire::rooms::{
    Action, ActionName, ApiError, Body, Bounds, Counters, RoomChange, RoomCreate, action,
};
use serde_json::json;

fn body(value: Json) -> Body {
    Body::read(Some("application/json"), value.to_string().as_bytes()).expect("a body")
}

fn told(error: &ApiError) -> (u16, u16, String) {
    let text = error.error.as_str().expect("a text").to_owned();
    (error.status, error.errno.number(), text)
}

fn create(value: Json) -> Result<RoomCreate, (u16, u16, String)> {
    RoomCreate::read(&body(value), &Bounds::default()).map_err(|e| told(&e))
}

fn change(value: Json) -> Result<RoomChange, (u16, u16, String)> {
    RoomChange::read(&body(value), &Bounds::default()).map_err(|e| told(&e))
}

fn invalid<T: std::fmt::Debug>(result: Result<T, (u16, u16, String)>) -> String {
    let (status, errno, text) = result.expect_err("must not pass");
    assert_eq!((status, errno), (400, 107), "{text}");
    text
}

fn context() -> Json {
    json!({ "value": "v", "alg": "AES-GCM", "wrappedKey": "k", "more": [1, null] })
}

#[test]
fn a_room_is_made_from_a_context_or_a_name() {
    let made = create(json!({ "context": context(), "roomOwner": "-", "maxSize": "2" }));
    let made = made.expect("complete");
    assert_eq!(made.context.map(Json::Object), Some(context()));
    assert_eq!((made.owner.as_str(), made.max_size, made.expires_in_hours), ("-", 2, None));
    let named = json!({
        "roomName": "n", "roomOwner": "", "maxSize": 5.9, "expiresIn": 1344, "channel": "beta",
        "unknown": 1,
    });
    let made = create(named).expect("complete");
    assert_eq!((made.name.as_deref(), made.max_size), (Some("n"), 5));
    assert_eq!((made.expires_in_hours, made.channel.as_deref()), (Some(1344), Some("beta")));
}

#[test]
fn what_a_new_room_lacks_is_told_together_and_before_any_value() {
    for (value, text) in [
        (json!({}), "Missing: context,roomName, roomOwner, maxSize"),
        (json!({ "roomOwner": null, "maxSize": null }), "Missing: context,roomName"),
        (json!({ "roomName": null, "maxSize": 1 }), "Missing: roomOwner"),
        (json!({ "roomName": "n".repeat(101), "roomOwner": "o" }), "Missing: maxSize"),
    ] {
        assert_eq!(create(value), Err((400, 108, text.to_owned())));
    }
}

#[test]
fn each_value_of_a_room_has_its_error() {
    let name = "roomName should be shorter than 100 characters";
    let owner = "roomOwner should be shorter than 255 characters";
    let both = "roomName has been deprecated, please store it encrypted inside the context.";
    let odd = "context should be an object containing `value`, `alg` and `wrappedKey` properties.";
    let life = "expiresIn should be a valid number";
    for (value, text) in [
        (json!({ "roomName": "é".repeat(101) }), name),
        (json!({ "roomName": null }), name),
        (json!({ "roomName": 3 }), name),
        (json!({ "roomName": "n", "context": context() }), both),
        (json!({ "context": null }), odd),
        (json!({ "context": "text" }), odd),
        (json!({ "context": [] }), odd),
        (json!({ "context": { "alg": 1, "wrappedKey": 1 } }), odd),
        (json!({ "roomOwner": "o".repeat(256) }), owner),
        (json!({ "roomOwner": null }), owner),
        (json!({ "expiresIn": 1345 }), "expiresIn cannot be greater than 1344"),
        (json!({ "expiresIn": null }), life),
        (json!({ "expiresIn": "soon" }), life),
        (json!({ "expiresIn": 0 }), life),
        (json!({ "expiresIn": -3 }), life),
        (json!({ "maxSize": 6 }), "maxSize cannot be greater than 5"),
        (json!({ "maxSize": {} }), "maxSize should be a valid number"),
        (json!({ "maxSize": 0 }), "maxSize should be a valid number"),
    ] {
        assert_eq!(invalid(change(value)), text);
    }
}

#[test]
fn the_first_wrong_value_of_a_room_wins() {
    let mut value = json!({
        "roomName": "n".repeat(101), "context": 1, "roomOwner": 1, "expiresIn": "x", "maxSize": 9,
    });
    for (name, text) in [
        ("roomName", "roomName should be"),
        ("context", "context should be"),
        ("roomOwner", "roomOwner should be"),
        ("expiresIn", "expiresIn should be"),
        ("maxSize", "maxSize cannot be"),
    ] {
        assert!(invalid(change(value.clone())).starts_with(text));
        value.as_object_mut().expect("an object").remove(name);
    }
    assert_eq!(change(value), Ok(RoomChange::default()));
}

#[test]
fn limits_are_inclusive_and_count_characters() {
    let value = json!({ "roomName": "é".repeat(100), "roomOwner": "😀".repeat(255), "maxSize": 5 });
    assert!(change(value).is_ok());
    let bounds =
        Bounds { name_chars: 15, owner_chars: 10, size: 3, life_hours: 10, ..Bounds::default() };
    let told_with = |value: Json| {
        told(&RoomChange::read(&body(value), &bounds).expect_err("beyond the setting")).2
    };
    assert_eq!(
        told_with(json!({ "roomName": "n".repeat(16) })),
        "roomName should be shorter than 15 characters"
    );
    assert_eq!(told_with(json!({ "expiresIn": 11 })), "expiresIn cannot be greater than 10");
    assert_eq!(told_with(json!({ "maxSize": 4 })), "maxSize cannot be greater than 3");
}

#[test]
fn a_bulk_deletion_is_a_list_of_texts() {
    let read = |value| read_delete(&body(value)).map_err(|e| told(&e));
    assert_eq!(read(json!({})), Err((400, 108, "Missing: deleteRoomTokens".to_owned())));
    let empty = invalid(read(json!({ "deleteRoomTokens": [] })));
    assert_eq!(empty, "deleteRoomTokens should not be empty.");
    for odd in [json!("a"), json!(null), json!({ "a": 1 }), json!([1]), json!(["a", null])] {
        invalid(read(json!({ "deleteRoomTokens": odd })));
    }
    let tokens = read(json!({ "deleteRoomTokens": ["b", "a", "b"] }));
    assert_eq!(tokens, Ok(vec!["a".to_owned(), "b".to_owned()]));
}

fn act(value: Json) -> Result<Action, (u16, u16, String)> {
    let body = body(value);
    let name = ActionName::read(&body).map_err(|e| told(&e))?;
    Action::read(name, &body, &Bounds::default()).map_err(|e| told(&e))
}

#[test]
fn an_action_is_one_of_five() {
    let text = "action should be one of join, refresh, status, leave, logDomain";
    assert_eq!(act(json!({})), Err((400, 108, text.to_owned())));
    for odd in [json!(null), json!("Join"), json!(1), json!(["join"]), json!("")] {
        assert_eq!(act(json!({ "action": odd })), Err((400, 107, text.to_owned())));
    }
    assert_eq!(act(json!({ "action": "refresh", "x": 1 })), Ok(Action::Refresh));
    assert_eq!(act(json!({ "action": "leave" })), Ok(Action::Leave));
}

#[test]
fn a_join_names_itself_and_its_limit() {
    let missing = |text: &str| Err((400, 108, text.to_owned()));
    assert_eq!(act(json!({ "action": "join" })), missing("Missing: displayName, clientMaxSize"));
    let value = json!({ "action": "join", "displayName": "a" });
    assert_eq!(act(value), missing("Missing: clientMaxSize"));
    let value = json!({ "action": "join", "displayName": "a", "clientMaxSize": null });
    assert_eq!(invalid(act(value)), "clientMaxSize should be a number.");
    let value = json!({ "action": "join", "displayName": 7, "clientMaxSize": 2 });
    assert_eq!(invalid(act(value)), "displayName should be shorter than 1000 characters");
    let value = json!({ "action": "join", "displayName": "a", "clientMaxSize": "-2" });
    let Ok(Action::Join(join)) = act(value) else { panic!("must pass") };
    assert_eq!((join.display_name.as_str(), join.client_max_size), ("a", -2));
}

fn status() -> Json {
    json!({
        "action": "status", "event": "Session.connectionCreated", "state": "waiting",
        "connections": 1, "sendStreams": "2", "recvStreams": 3.7,
    })
}

fn without(mut value: Json, names: &[&str]) -> Json {
    for name in names {
        value.as_object_mut().expect("an object").remove(*name);
    }
    value
}

#[test]
fn a_status_has_five_fields_and_the_first_absent_one_is_told_alone() {
    let Ok(Action::Status(read)) = act(status()) else { panic!("must pass") };
    let counters = Counters { connections: 1, send_streams: 2, recv_streams: 3 };
    assert_eq!((read.counters, read.state), (counters, json!("waiting")));
    let mut names = vec!["recvStreams", "sendStreams", "connections", "state", "event"];
    let mut gone = Vec::new();
    while let Some(name) = names.first().copied() {
        gone.push(names.remove(0));
        let text = invalid(act(without(status(), &gone)));
        assert_eq!(text, format!("'{name}' field is missing in body."));
    }
}

#[test]
fn a_counter_that_is_no_number_or_negative_is_told_in_order() {
    let fields = ["connections", "sendStreams", "recvStreams"];
    for (at, name) in fields.iter().enumerate() {
        for odd in [json!("x"), json!(-1), json!(null), json!({}), json!("-1")] {
            let mut value = status();
            for later in &fields[at..] {
                value[*later] = odd.clone();
            }
            assert_eq!(invalid(act(value)), format!("Invalid {name} number."));
        }
    }
}

#[test]
fn the_published_example_with_sessions_is_a_status() {
    let mut value = without(status(), &["connections"]);
    value["sessions"] = json!(4);
    let Ok(Action::Status(read)) = act(value.clone()) else { panic!("must pass") };
    assert_eq!(read.counters.connections, 4);
    value["connections"] = json!(1);
    let Ok(Action::Status(read)) = act(value) else { panic!("must pass") };
    assert_eq!(read.counters.connections, 1);
    let mut value = without(status(), &["connections"]);
    value["sessions"] = json!("x");
    assert_eq!(invalid(act(value)), "Invalid connections number.");
}

#[test]
fn any_event_and_any_state_are_taken() {
    for odd in [json!(null), json!(3), json!({ "a": [] }), json!("sdk.exception.1.x")] {
        let mut value = status();
        value["event"] = odd.clone();
        value["state"] = odd;
        assert!(act(value).is_ok());
    }
}

#[test]
fn shared_domains_are_objects_with_two_members() {
    let log = |domains: Json| act(json!({ "action": "logDomain", "domains": domains }));
    let missing = act(json!({ "action": "logDomain" }));
    assert_eq!(missing, Err((400, 108, "Missing: domains".to_owned())));
    let text = "Domains must be a list of objects with both a ``domain`` and ``count`` property.";
    for odd in [json!(null), json!("x"), json!([1]), json!([null]), json!([{ "domain": "a" }])] {
        assert_eq!(invalid(log(odd)), text);
    }
    assert_eq!(log(json!([])), Ok(Action::LogDomain(Vec::new())));
    let many = json!(vec![json!({ "domain": "a", "count": 2 }); 4_000]);
    let Ok(Action::LogDomain(kept)) = log(many) else { panic!("must pass") };
    assert_eq!((kept.len(), kept[0].count), (4_000, 2));
}

#[test]
fn a_token_in_the_body_is_read_like_that_of_basic() {
    let token = |value: Json| action::session_token(&body(json!({ "sessionToken": value })));
    assert_eq!(token(json!("T1==x:")).expect("a token").expose(), "T1==x");
    for odd in [json!(""), json!(":"), json!(null), json!(1)] {
        assert!(token(odd).is_none());
    }
}

#[test]
fn push_addresses_are_read_in_every_spelling() {
    let read = |value: Json, query: &str| PushUrls::read(&body(value), query).map_err(|e| told(&e));
    let url = || Some("http://p/1".to_owned());
    let new = json!({ "simplePushURLs": { "rooms": "http://p/1", "other": 1 } });
    assert_eq!(read(new, ""), Ok(PushUrls { rooms: url(), calls: None }));
    for old in
        [json!({ "simplePushURL": "http://p/1" }), json!({ "simple_push_url": "http://p/1" })]
    {
        assert_eq!(read(old, ""), Ok(PushUrls { calls: url(), rooms: None }));
    }
    let query = "simplePushURL=http%3A%2F%2Fp%2F1";
    assert_eq!(read(json!({}), query), Ok(PushUrls { calls: url(), rooms: None }));
    for nothing in [json!({}), json!({ "simplePushURLs": null }), json!({ "simplePushURL": "" })] {
        assert_eq!(read(nothing, ""), Ok(PushUrls::default()));
    }
    for topic in ["calls", "rooms"] {
        let long = format!("http://p/{}", "x".repeat(8_192));
        for odd in [json!("ftp://p"), json!(1), json!(null), json!(long), json!("")] {
            let value = json!({ "simplePushURLs": { topic: odd } });
            let text = format!("simplePushURLs.{topic} should be a valid url");
            assert_eq!(invalid(read(value, "")), text);
        }
    }
    for kept in
        ["http://a b", "http://p/\u{e9}", "httpx", &format!("http://p/{}", "x".repeat(8_000))]
    {
        let value = json!({ "simplePushURLs": { "rooms": kept } });
        assert_eq!(read(value, "").map(|urls| urls.rooms), Ok(Some(kept.to_owned())));
    }
    assert_eq!(escaped("http://p/a b\u{e9}?%20"), "http://p/a%20b%C3%A9?%20");
    assert_eq!(push_body(1_424_903_100), "version=1424903100");
}

#[test]
fn a_login_needs_state_and_code() {
    let read = |value: Json| Login::read(&body(value)).map(|_| ()).map_err(|e| told(&e));
    assert_eq!(read(json!({})), Err((400, 108, "Missing: state, code".to_owned())));
    assert_eq!(read(json!({ "state": "s" })), Err((400, 108, "Missing: code".to_owned())));
    invalid(read(json!({ "state": 1, "code": "c" })));
    assert_eq!(read(json!({ "state": "s", "code": "c" })), Ok(()));
}

#[test]
fn the_answers_of_outside_services_are_looked_at() {
    let answer = br#"{"access_token":"a","token_type":"bearer","scope":"profile","x":1}"#;
    let granted = Granted::read(answer).expect("complete");
    let told = json!({ "token_type": "bearer", "access_token": "a", "scope": "profile" });
    assert_eq!(granted.body(), told);
    for odd in [&b""[..], b"[]", b"{}", br#"{"access_token":1,"token_type":"b","scope":"p"}"#] {
        assert!(Granted::read(odd).is_none());
    }
    assert_eq!(Profile::read(b"<html>"), Profile::Unreadable);
    assert_eq!(Profile::read(br#"{"email":""}"#), Profile::Nobody);
    assert_eq!(Profile::read(br#"{"email":"A@b"}"#), Profile::Email("A@b".to_owned()));
}

#[test]
fn a_direct_call_names_people_in_several_ways() {
    let read = |value: Json| DirectCall::read(&body(value)).map_err(|e| told(&e));
    let missing = Err((400, 108, "Missing: calleeId".to_owned()));
    assert_eq!(read(json!({ "callType": "audio" })), missing);
    let kind = "callType should be 'audio' or 'audio-video'";
    assert_eq!(invalid(read(json!({ "calleeId": "a" }))), kind);
    assert_eq!(invalid(read(json!({ "calleeId": "a", "callType": "video" }))), kind);
    let long = json!({ "calleeId": "a", "callType": "audio", "subject": "s".repeat(125) });
    assert_eq!(invalid(read(long)), "subject should be shorter than 124 characters");
    let crowd = json!(vec!["a"; 101]);
    for odd in [json!(null), crowd, json!(1), json!({ "phoneNumber": "1" })] {
        invalid(read(json!({ "calleeId": odd, "callType": "audio" })));
    }
    for nobody in [json!([]), json!([[]]), json!([1, "", null, { "phoneNumber": "1" }])] {
        let call = read(json!({ "calleeId": nobody, "callType": "audio" })).expect("a list");
        assert!(call.callees.is_empty());
    }
    let some = read(json!({ "calleeId": [1, "a@b"], "callType": "audio" })).expect("a list");
    assert_eq!(some.callees, ["a@b"]);
    let number = json!({ "phoneNumber": "+34 666-1", "mcc": "214" });
    let call = json!({ "calleeId": ["a@b", number], "callType": "audio-video" });
    let call = read(call).expect("complete");
    assert_eq!(call.callees, ["a@b", "+346661"]);
    assert_eq!(call.call_type, CallType::AudioVideo);
}

#[test]
fn a_call_url_changes_by_the_members_it_knows() {
    let read = |value: Json| CallUrlChange::read(&body(value)).map_err(|e| told(&e));
    let changed = read(json!({ "callerId": "Adam", "expiresIn": 720, "invalid": 1 }));
    let changed = changed.expect("complete");
    assert_eq!(changed.caller_id.as_deref(), Some("Adam"));
    assert_eq!(changed.expires_in_hours, Some(720));
    let long = invalid(read(json!({ "expiresIn": 721 })));
    assert_eq!(long, "expiresIn cannot be greater than 720");
}
