//! Requests of the rooms door one by one: the order of refusals, sessions and
//! their end, calls, what is odd, and what a failing store leaves.

mod common;
mod rooms;

use common::{Mood, json};
use parlour_base::Json;
use parlour_base::storage::{StoreFault, StoreOp, StoreReply, StoreRequest, Write};
use parlour_node::Input;
use parlour_node::rooms::{Config, Effect, Response};
use rooms::{Answered, As, Rooms, settings, spread, with_accounts};

const DAY: u64 = 86_400;

/// A room that nobody made.
const NOWHERE: &str = "/rooms/AAAAAAAAAAE";

/// The same request from a client that takes pages only.
fn wanting_pages(rooms: &mut Rooms, who: &As, method: &str, path: &str, body: &Json) -> Answered {
    let mut request = rooms.request(who, method, path, body);
    request.headers.accept = Some("text/html".to_owned());
    rooms.send(request)
}

#[test]
fn json_must_be_wanted_after_who_asks_is_known_and_before_the_fields_are_looked_at() {
    let mut rooms = Rooms::with(with_accounts());
    let owner = rooms.account("ada@example.com");
    let room = format!("/rooms/{}", rooms.room(&owner, 2));
    let join = json!({ "action": "join" });
    let shared = json!({ "action": "logDomain" });
    for (method, path, body) in [
        ("POST", "/rooms", json!({})),
        ("PATCH", "/rooms", json!({})),
        ("POST", room.as_str(), join.clone()),
        ("POST", room.as_str(), shared),
        ("POST", "/calls", json!({})),
        ("POST", "/registration", json!({ "simplePushURLs": { "rooms": 1 } })),
    ] {
        let told = wanting_pages(&mut rooms, &owner, method, path, &body);
        assert_eq!(told.error(), (406, 106), "{method} {path}");
        assert_eq!(told.text(), "Request body should be defined as application/json");
        let stranger = As::Raw("Hawk id=\"x\", ts=\"1\", nonce=\"n\", mac=\"m\"".to_owned());
        let told = wanting_pages(&mut rooms, &stranger, method, path, &body);
        assert_eq!(told.error(), (401, 110), "{method} {path}");
    }
    let guest = rooms.device("http://push/2");
    let told = wanting_pages(&mut rooms, &guest, "POST", "/calls", &json!({}));
    assert_eq!(told.error(), (403, 110), "an account comes first");
    let told = wanting_pages(&mut rooms, &As::Nobody, "POST", NOWHERE, &join);
    assert_eq!(told.error(), (404, 105), "the room comes first");
    for (method, body) in [("PATCH", json!({})), ("POST", json!({ "action": "dance" }))] {
        let told = wanting_pages(&mut rooms, &owner, method, &room, &body);
        assert_ne!(told.status, 406, "{method}");
    }
}

#[test]
fn whoever_uses_a_plain_name_is_warned_even_in_an_error() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let room = format!("/rooms/{}", rooms.room(&owner, 2));
    for (who, method, path, body, status, warned) in [
        (&owner, "PATCH", room.as_str(), json!({ "roomName": "n" }), 200, true),
        (&owner, "PATCH", room.as_str(), json!({ "maxSize": 3 }), 200, false),
        (&owner, "PATCH", room.as_str(), json!({ "roomName": 1 }), 400, true),
        (&owner, "PATCH", NOWHERE, json!({ "roomName": "n" }), 404, true),
        (&As::Nobody, "PATCH", room.as_str(), json!({ "roomName": "n" }), 401, true),
        (&owner, "POST", "/rooms", json!({ "roomName": "n" }), 400, true),
        (&owner, "POST", "/rooms", json!({}), 400, false),
        (&As::Nobody, "POST", "/rooms", json!({ "roomName": "n" }), 401, true),
    ] {
        let told = rooms.ask(who, method, path, body.clone());
        let seen = (told.status, told.header("alert").is_some());
        assert_eq!(seen, (status, warned), "{method} {path} {body}");
    }
}

#[test]
fn a_change_is_refused_for_the_room_then_for_its_values_then_for_who_asks() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let stranger = rooms.device("http://push/2");
    let room = format!("/rooms/{}", rooms.room(&owner, 2));
    let odd = json!({ "maxSize": "many" });
    assert_eq!(rooms.ask(&As::Nobody, "PATCH", NOWHERE, odd.clone()).error(), (401, 110));
    assert_eq!(rooms.ask(&stranger, "PATCH", NOWHERE, odd.clone()).error(), (404, 105));
    assert_eq!(rooms.ask(&stranger, "PATCH", &room, odd).error(), (400, 107));
    assert_eq!(rooms.ask(&stranger, "PATCH", &room, json!({})).error(), (403, 999));
}

#[test]
fn a_session_lives_as_long_as_it_is_used() {
    let mut rooms = Rooms::new();
    let (used, idle) = (rooms.device("http://push/1"), rooms.device("http://push/2"));
    for _ in 0..3 {
        rooms.passes(20 * DAY);
        assert_eq!(rooms.get(&used, "/rooms").status, 200);
    }
    let told = rooms.get(&idle, "/rooms");
    assert_eq!(told.error(), (401, 110));
    assert_eq!(told.header("www-authenticate"), Some("Hawk error=\"Unknown credentials\""));
    let mut rooms = rooms.restarted();
    rooms.passes(29 * DAY);
    assert_eq!(rooms.get(&used, "/rooms").status, 200, "the last use was written");
    rooms.passes(31 * DAY);
    assert_eq!(rooms.get(&used, "/rooms").error(), (401, 110));
}

#[test]
fn who_ended_a_session_or_account_is_told_nothing_more() {
    for (path, ends_all) in [("/session", false), ("/account", true)] {
        let mut rooms = Rooms::with(with_accounts());
        let (one, two) = (rooms.account("ada@example.com"), rooms.account("ADA@example.com"));
        for (who, url) in [(&one, "http://push/1"), (&two, "http://push/2")] {
            let body = json!({ "simplePushURLs": { "rooms": url } });
            assert_eq!(rooms.ask(who, "POST", "/registration", body).status, 200);
        }
        let room = rooms.room(&one, 3);
        assert_eq!(rooms.pushes().len(), 2);
        assert_eq!(rooms.ask(&one, "DELETE", path, Json::Null).status, 204);
        assert_eq!(rooms.get(&one, "/rooms").error(), (401, 110));
        rooms.guest(&room);
        let told: Vec<String> = rooms.pushes().into_iter().map(|(url, _)| url).collect();
        let left = if ends_all { vec![] } else { vec!["http://push/2".to_owned()] };
        assert_eq!(told, left, "{path}");
        assert_eq!(rooms.get(&two, &format!("/rooms/{room}")).status, 200, "rooms stay");
    }
}

#[test]
fn the_smallest_limit_counts_while_its_participant_is_inside() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let room = rooms.room(&owner, 5);
    let path = format!("/rooms/{room}");
    let limit = |rooms: &mut Rooms| rooms.get(&owner, &path).body["clientMaxSize"].clone();
    assert_eq!(limit(&mut rooms), 5);
    let told = rooms.join(&As::Nobody, &room, 2);
    let small = As::Basic(told.body["sessionToken"].as_str().expect("a token").to_owned());
    assert_eq!(limit(&mut rooms), 2);
    assert_eq!(rooms.act(&small, &room, json!({ "action": "leave" })).status, 204);
    assert_eq!(limit(&mut rooms), 5);
    rooms.join(&As::Nobody, &room, 3);
    assert_eq!(limit(&mut rooms), 3);
    rooms.passes(301);
    assert_eq!(limit(&mut rooms), 5);
}

#[test]
fn a_join_lets_a_short_lived_room_live_the_usual_time() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let body = json!({ "roomName": "n", "roomOwner": "o", "maxSize": 2, "expiresIn": 1 });
    let made = rooms.ask(&owner, "POST", "/rooms", body);
    let room = made.body["roomToken"].as_str().expect("a token").to_owned();
    assert_eq!(made.body["expiresAt"], rooms.seconds() + 3_600);
    rooms.passes(1_000);
    rooms.guest(&room);
    let seen = rooms.get(&owner, &format!("/rooms/{room}")).body;
    assert_eq!(
        (&seen["ctime"], &seen["expiresAt"]),
        (&json!(rooms.seconds()), &json!(rooms.seconds() + 1_344 * 3_600))
    );
}

#[test]
fn a_list_since_a_second_has_what_changed_within_it() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let room = rooms.room(&owner, 2);
    let at = rooms.seconds();
    let since = |rooms: &mut Rooms, version: i64| {
        let list = rooms.get(&owner, &format!("/rooms?version={version}")).body;
        list.as_array().map(Vec::len)
    };
    assert_eq!(since(&mut rooms, at), Some(1));
    assert_eq!(since(&mut rooms, at + 1), Some(0));
    assert_eq!(rooms.ask(&owner, "DELETE", &format!("/rooms/{room}"), Json::Null).status, 204);
    assert_eq!(since(&mut rooms, at), Some(1), "deleted");
    assert_eq!(since(&mut rooms, at + 1), Some(0));
}

#[test]
fn a_list_that_is_too_long_has_the_rooms_that_changed_last() {
    let mut rooms = Rooms::with(Config { listed_max: 3, ..settings() });
    let owner = rooms.device("http://push/1");
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(rooms.room(&owner, 2));
        rooms.passes(1);
    }
    let listed = rooms.get(&owner, "/rooms").body;
    let listed = listed.as_array().expect("a list").iter();
    let listed: Vec<&str> = listed.filter_map(|room| room["roomToken"].as_str()).collect();
    assert_eq!(listed, made.get(4..).expect("seven"));
}

#[test]
fn a_room_of_an_unknown_channel_is_like_any_other() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let long = "x".repeat(2_000);
    for channel in [json!("unheard"), json!("call"), json!(""), json!(long), json!(1)] {
        let context = json!({ "value": "v", "alg": "AES-GCM", "wrappedKey": "k" });
        let body =
            json!({ "context": context, "roomOwner": "-", "maxSize": 2, "channel": channel });
        let made = rooms.ask(&owner, "POST", "/rooms", body);
        let Some(room) = made.body["roomToken"].as_str().map(str::to_owned) else {
            assert_eq!((made.error(), &channel), ((400, 107), &json!(1)));
            continue;
        };
        assert_eq!(rooms.join(&As::Nobody, &room, 2).status, 200, "{channel}");
        assert_eq!(rooms.get(&owner, &format!("/rooms/{room}")).status, 200);
    }
}

#[test]
fn the_media_of_a_call_is_nobodys_room() {
    let mut rooms = Rooms::with(with_accounts());
    let (caller, callee) = (rooms.account("ada@example.com"), rooms.account("eve@example.com"));
    let body = json!({ "simplePushURLs": { "calls": "http://push/1" } });
    assert_eq!(rooms.ask(&callee, "POST", "/registration", body).status, 200);
    let body = json!({ "calleeId": ["eve@example.com", 1], "callType": "audio" });
    let placed = rooms.ask(&caller, "POST", "/calls", body);
    assert_eq!(placed.status, 200, "{placed:?}");
    let Some(Effect::Place(placing)) = placed.response.effect else { panic!("a call is kept") };
    let path = format!("/rooms/{}", placing.room);
    assert!(!placed.response.body.contains(&placing.room.to_string()));
    assert_eq!(placing.entry["sessionId"], placed.body["sessionId"]);
    let inside = placed.body["sessionToken"].as_str().expect("a token").to_owned();
    for who in [As::Nobody, As::Basic(inside), caller.clone(), callee] {
        assert_eq!(rooms.get(&who, &path).error(), (404, 105));
        let join = json!({ "action": "join", "displayName": "x", "clientMaxSize": 2 });
        assert_eq!(rooms.ask(&who, "POST", &path, join).error(), (404, 105));
    }
    for nobody in [json!([]), json!([1, ""]), json!(["nobody@example.com"])] {
        let body = json!({ "calleeId": nobody, "callType": "audio" });
        let told = rooms.ask(&caller, "POST", "/calls", body);
        assert_eq!(told.error(), (400, 122));
        assert_eq!(told.text(), "Could not find any existing user to call");
    }
}

#[test]
fn a_longest_email_is_shown_inside() {
    let mut rooms = Rooms::with(with_accounts());
    let email = format!("{}@example.com", "\u{e9}".repeat(243));
    let owner = rooms.account(&email);
    let room = rooms.room(&owner, 3);
    assert_eq!(rooms.join(&owner, &room, 3).status, 200);
    let seen = rooms.get(&owner, &format!("/rooms/{room}")).body;
    assert_eq!(seen["participants"][0]["account"], email);
}

#[test]
fn as_many_rooms_are_deleted_at_once_as_a_body_can_name() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let mut tokens = vec!["AAAAAAAAAAE".to_owned(); 6_990];
    tokens.push(rooms.room(&owner, 2));
    let told = rooms.ask(&owner, "PATCH", "/rooms", json!({ "deleteRoomTokens": tokens }));
    assert_eq!(told.status, 207, "{}", told.text());
}

#[test]
fn what_was_deleted_before_the_store_failed_is_told() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let tokens = [rooms.room(&owner, 2), rooms.room(&owner, 2)];
    rooms.pushes();
    rooms.world.mood = Mood::Holds;
    let body = json!({ "deleteRoomTokens": tokens });
    let request = rooms.request(&owner, "PATCH", "/rooms", &body);
    let call = rooms.begin(request).expect_err("the store is asked");
    let forgets = |op: &StoreOp| {
        let StoreOp::Commit(writes) = op else { return false };
        writes.iter().any(|write| matches!(write, Write::ForgetRoom { .. }))
    };
    let mut deleted = 0;
    while let Some(StoreRequest { id, op }) = rooms.world.held.pop_front() {
        deleted += usize::from(forgets(&op));
        let result = match deleted {
            0 | 1 => rooms.world.disk.execute(op),
            _ => Err(StoreFault::Failed("no space".to_owned())),
        };
        rooms.world.input(Input::Stored(StoreReply { id, result }));
    }
    let reply = rooms.world.replies.remove(&call).expect("an answer");
    let response = reply.open::<Response>().expect("of this door");
    assert_eq!((response.status, deleted), (503, 2));
    let told: Vec<_> = response.pushes.into_iter().flat_map(spread).collect();
    assert_eq!(told, [("http://push/1".to_owned(), rooms.seconds())]);
}

#[test]
fn a_status_and_shared_sites_need_the_store_only_to_bring_the_room_into_memory() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let room = rooms.room(&owner, 2);
    let guest = rooms.guest(&room);
    let status = json!({
        "action": "status", "event": "e", "state": "waiting", "connections": 1,
        "sendStreams": 0, "recvStreams": 0,
    });
    let shared = json!({ "action": "logDomain", "domains": [{ "domain": "a", "count": 1 }] });
    let mut rooms = rooms.restarted();
    for (mood, answer) in
        [(Mood::Fails, (503, 201)), (Mood::Works, (204, 0)), (Mood::Fails, (204, 0))]
    {
        rooms.world.turn(mood);
        for body in [&status, &shared] {
            assert_eq!(rooms.act(&guest, &room, body.clone()).error(), answer);
        }
    }
}

#[test]
fn call_urls_of_earlier_days_are_listed_changed_and_deleted_by_their_owner() {
    let mut rooms = Rooms::new();
    let (owner, other) = (rooms.device("http://push/1"), rooms.device("http://push/2"));
    let now = rooms.seconds();
    let of_owner = |key: &(String, String), body: &Json| {
        let user = key.1.split_once('/').map(|(user, _)| user.to_owned());
        user.filter(|_| key.0 == "push" && body["rooms"] == "http://push/1")
    };
    let records = &rooms.world.disk.records;
    let key = records.iter().find_map(|(key, body)| of_owner(key, body)).expect("registered");
    let url = json!({
        "user": key, "callerId": "Ada", "issuer": "Eve", "subject": "lunch",
        "timestamp": now - 5, "expires": now + 100,
    });
    let mut rooms = seeded(rooms, &key, &url);
    let listed = json!([{
        "callerId": "Ada", "issuer": "Eve", "subject": "lunch", "timestamp": now - 5,
        "expires": now + 100,
    }]);
    assert_eq!(rooms.get(&owner, "/call-url").body, listed);
    assert_eq!(rooms.get(&other, "/call-url").body, json!([]));
    let shown = json!({ "calleeFriendlyName": "Eve", "urlCreationDate": now - 5 });
    assert_eq!(rooms.get(&As::Nobody, "/calls/tok").body, shown);
    let change = json!({ "callerId": "Adam", "expiresIn": 1, "unheard": 1 });
    let told = rooms.ask(&owner, "PUT", "/call-url/tok", change);
    assert_eq!((told.status, &told.body), (200, &json!({ "expiresAt": now + 3_600 })));
    assert_eq!(rooms.get(&owner, "/call-url").body[0]["callerId"], "Adam");
    let long = rooms.ask(&owner, "PUT", "/call-url/tok", json!({ "expiresIn": 721 }));
    assert_eq!(long.error(), (400, 107));
    let told = rooms.ask(&As::Nobody, "POST", "/calls/tok", json!({ "callType": "audio" }));
    assert_eq!(told.error(), (410, 111));
    assert_eq!(rooms.ask(&other, "DELETE", "/call-url/tok", Json::Null).error(), (403, 110));
    assert_eq!(rooms.ask(&owner, "DELETE", "/call-url/tok", Json::Null).status, 204);
    assert_eq!(rooms.ask(&owner, "DELETE", "/call-url/tok", Json::Null).error(), (404, 105));
    assert_eq!(rooms.get(&owner, "/call-url").body, json!([]));
    let mut rooms = seeded(rooms, &key, &url);
    rooms.passes(101);
    assert_eq!(rooms.get(&As::Nobody, "/calls/tok").error(), (404, 105), "over");
}

/// The same store with a call URL in it, and a new process.
fn seeded(mut rooms: Rooms, user: &str, url: &Json) -> Rooms {
    let records = &mut rooms.world.disk.records;
    records.insert(("call-url".to_owned(), "tok".to_owned()), url.clone());
    records.insert(("call-urls".to_owned(), format!("{user}/tok")), json!(true));
    rooms.restarted()
}

#[test]
fn nothing_odd_in_any_field_is_an_error_of_ours() {
    let mut rooms = Rooms::with(with_accounts());
    let owner = rooms.account("ada@example.com");
    let room = format!("/rooms/{}", rooms.room(&owner, 5));
    rooms.ask(
        &owner,
        "POST",
        &room,
        json!({
            "action": "join", "displayName": "x", "clientMaxSize": 5,
        }),
    );
    let context = json!({ "value": "v", "alg": "a", "wrappedKey": "k" });
    let made = json!({
        "roomName": "n", "roomOwner": "o", "maxSize": 2, "expiresIn": 1, "channel": "c",
    });
    let with_context = json!({ "context": context, "roomOwner": "o", "maxSize": 2 });
    let status = json!({
        "action": "status", "event": "e", "state": "waiting", "connections": 1, "sessions": 1,
        "sendStreams": 0, "recvStreams": 0, "sessionToken": "t",
    });
    let join = json!({ "action": "join", "displayName": "x", "clientMaxSize": 2 });
    let shared = json!({ "action": "logDomain", "domains": [{ "domain": "a", "count": 1 }] });
    let push = json!({ "simplePushURLs": { "rooms": "http://p" }, "simplePushURL": "http://p" });
    let call = json!({ "calleeId": "e", "callType": "audio", "subject": "s", "channel": "c" });
    let event = json!({ "event": "e", "action": "a", "label": "l" });
    let url = json!({ "callerId": "a", "issuer": "i", "subject": "s", "expiresIn": 1 });
    let requests = [
        ("POST", "/rooms", made.clone()),
        ("POST", "/rooms", with_context.clone()),
        ("PATCH", "/rooms", json!({ "deleteRoomTokens": ["AAAAAAAAAAE"] })),
        ("PATCH", room.as_str(), made),
        ("PATCH", room.as_str(), with_context),
        ("POST", room.as_str(), join),
        ("POST", room.as_str(), json!({ "action": "refresh", "sessionToken": "t" })),
        ("POST", room.as_str(), status),
        ("POST", room.as_str(), shared),
        ("POST", "/registration", push),
        ("POST", "/calls", call),
        ("POST", "/event", event),
        ("POST", "/fxa-oauth/token", json!({ "state": "s", "code": "c" })),
        ("POST", "/fxa-oauth/params", json!({ "x": 1 })),
        ("PUT", "/call-url/x", url),
    ];
    let deep = json!([[[[[{ "a": [{}] }]]]]]);
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("\u{0}\u{1f600}\u{202e}"),
        json!("x".repeat(5_000)),
        json!([]),
        json!([null]),
        json!({}),
        json!({ "a": null }),
        json!([{ "domain": [], "count": {} }]),
        json!({ "rooms": [], "calls": {} }),
        json!({ "value": 1, "alg": [], "wrappedKey": {} }),
        deep,
    ];
    for (method, path, body) in &requests {
        let fields: Vec<String> = body.as_object().expect("an object").keys().cloned().collect();
        for field in &fields {
            for value in odd.iter().map(Some).chain([None]) {
                let mut body = body.clone();
                let members = body.as_object_mut().expect("an object");
                match value {
                    Some(value) => members.insert(field.clone(), value.clone()),
                    None => members.remove(field),
                };
                for who in [&owner, &As::Nobody] {
                    let request = rooms.request(who, method, path, &body);
                    // A login that goes on waits for its service.
                    let Ok(told) = rooms.try_send(request) else { continue };
                    assert!(told.status < 500, "{method} {path} {field} {value:?}: {told:?}");
                }
            }
        }
    }
    assert_eq!(rooms.get(&owner, &room).status, 200);
}

#[test]
fn a_page_of_an_allowed_origin_may_read_that_there_is_no_place_for_its_request() {
    let mut rooms = Rooms::new();
    let mut request = rooms.request(&As::Nobody, "GET", "/rooms", &Json::Null);
    request.headers.origin = Some("http://localhost:3000".to_owned());
    let told = rooms.door.busy(rooms.world.now, &request);
    let header = |name: &str| {
        let found = told.headers.iter().find(|(n, _)| *n == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!((told.status, told.summary.errno), (503, 201));
    assert_eq!(header("access-control-allow-origin"), Some("http://localhost:3000"));
    assert_eq!(header("retry-after"), Some("30"));
}
