//! Rooms by the rooms door: made, read, changed, deleted, listed.

mod common;
mod rooms;

use common::{Mood, json};
use parlour_base::Json;
use parlour_base::storage::{StoreOp, StoreReply, StoreRequest, Write};
use parlour_node::Input;
use parlour_node::rooms::Config;
use parlour_session::call::Fetched;
use rooms::{As, Rooms, settings, spread};

const HOURS_56_DAYS: i64 = 1_344 * 3_600;

#[test]
fn a_room_is_made_and_its_owner_is_told() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let context = json!({ "value": "v", "alg": "AES-GCM", "wrappedKey": "k", "x": 1 });
    let body = json!({ "context": context, "roomOwner": "Ada", "maxSize": "3", "expiresIn": 10 });
    let told = rooms.ask(&owner, "POST", "/v0/rooms", body);
    assert_eq!(told.status, 201);
    let token = told.body["roomToken"].as_str().expect("a token").to_owned();
    let url = format!("http://loop.example.com:5000/r/{token}");
    let expires = rooms.seconds() + 36_000;
    let made = json!({ "roomToken": token, "roomUrl": url, "expiresAt": expires });
    assert_eq!(told.body, made);
    assert!(told.header("server-authorization").is_some());
    assert!(told.header("timestamp").is_none(), "only with 200 and 401");
    assert_eq!(rooms.pushes(), [("http://push/1".to_owned(), rooms.seconds())]);
    let seen = rooms.get(&As::Nobody, &format!("/rooms/{token}"));
    let public = json!({
        "roomToken": token, "roomUrl": url, "roomOwner": "Ada", "context": context,
    });
    assert_eq!((seen.status, &seen.body), (200, &public));
    let seen = rooms.get(&owner, &format!("/rooms/{token}/"));
    assert_eq!(
        seen.body,
        json!({
            "roomToken": token, "roomUrl": url, "roomOwner": "Ada", "context": context,
            "maxSize": 3, "clientMaxSize": 3, "creationTime": rooms.seconds(),
            "expiresAt": expires, "ctime": rooms.seconds(), "participants": [],
        })
    );
}

#[test]
fn a_stranger_sees_nothing_and_an_unknown_room_is_unknown_to_all() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let stranger = rooms.device("http://push/2");
    let token = rooms.room(&owner, 2);
    let path = format!("/rooms/{token}");
    assert_eq!(rooms.get(&stranger, &path).error(), (403, 999));
    for method in ["PATCH", "DELETE"] {
        let told = rooms.ask(&stranger, method, &path, json!({}));
        assert_eq!(told.error(), (403, 999));
        assert_eq!(told.text(), "Authenticated user is not the owner of this room.");
        assert!(told.header("server-authorization").is_some());
    }
    for token in ["AAAAAAAAAAE", "x", "AAAAAAAAAAA", "%00"] {
        let path = format!("/rooms/{token}");
        for who in [As::Nobody, owner.clone(), As::Basic("x".to_owned())] {
            assert_eq!(rooms.get(&who, &path).error(), (404, 105), "{token}");
        }
        assert_eq!(rooms.ask(&owner, "PATCH", &path, json!({})).error(), (404, 105));
        assert_eq!(rooms.ask(&As::Nobody, "DELETE", &path, json!({})).error(), (401, 110));
    }
}

#[test]
fn a_change_prolongs_the_room_and_keeps_what_it_does_not_name() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let body = json!({ "roomName": "old", "roomOwner": "Ada", "maxSize": 2, "expiresIn": 1 });
    let told = rooms.ask(&owner, "POST", "/rooms", body);
    assert!(told.header("alert").is_some());
    let path = format!("/rooms/{}", told.body["roomToken"].as_str().expect("a token"));
    let made = rooms.seconds();
    rooms.passes(60);
    rooms.pushes();
    let context = json!({ "value": 1, "alg": 2, "wrappedKey": 3 });
    let told = rooms.ask(&owner, "PATCH", &path, json!({ "context": context }));
    let expires = rooms.seconds() + HOURS_56_DAYS;
    assert_eq!((told.status, told.body), (200, json!({ "expiresAt": expires })));
    assert_eq!(rooms.pushes(), [("http://push/1".to_owned(), made + 60)]);
    let seen = rooms.get(&owner, &path).body;
    assert_eq!((&seen["roomName"], &seen["context"]), (&json!("old"), &context));
    assert_eq!((&seen["creationTime"], &seen["ctime"]), (&json!(made), &json!(made + 60)));
    let told = rooms.ask(&owner, "PATCH", &path, json!({ "context": null }));
    assert_eq!(told.error(), (400, 107));
    let told = rooms.ask(&owner, "PATCH", &path, json!({ "expiresIn": 2, "maxSize": 5 }));
    assert_eq!(told.body["expiresAt"], rooms.seconds() + 7_200);
}

#[test]
fn a_deleted_room_is_gone_and_told_for_a_while() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let token = rooms.room(&owner, 2);
    let guest = rooms.guest(&token);
    let path = format!("/rooms/{token}");
    rooms.passes(10);
    rooms.pushes();
    let told = rooms.ask(&owner, "DELETE", &path, Json::Null);
    assert_eq!(told.status, 204);
    assert_eq!(told.response.body, "");
    let pushed: Vec<_> = told.response.pushes.into_iter().flat_map(spread).collect();
    assert_eq!(pushed, [("http://push/1".to_owned(), rooms.seconds())]);
    assert!(rooms.pushes().is_empty(), "once is enough");
    assert_eq!(rooms.get(&guest, &path).error(), (404, 105));
    let gone = json!([{ "roomToken": token, "deleted": true }]);
    let since = rooms.seconds();
    let listed = rooms.get(&owner, &format!("/rooms?version={since}")).body;
    assert_eq!(listed, gone);
    for query in ["", "?version=0", "?version=-5", "?version=x"] {
        assert_eq!(rooms.get(&owner, &format!("/rooms{query}")).body, json!([]));
    }
    let listed = rooms.get(&owner, &format!("/rooms?version={}", since + 1)).body;
    assert_eq!(listed, json!([]));
    rooms.passes(1_621);
    let listed = rooms.get(&owner, &format!("/rooms?version={since}")).body;
    assert_eq!(listed, json!([]), "after 27 minutes");
}

#[test]
fn an_operators_deletion_is_told_and_remembered_like_ones_own() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let token = rooms.room(&owner, 2);
    rooms.passes(10);
    rooms.pushes();
    let delete = rooms.door.end_call(token.parse().expect("a room"));
    rooms.call(delete);
    assert_eq!(rooms.pushes(), [("http://push/1".to_owned(), rooms.seconds())]);
    let since = rooms.seconds();
    let gone = json!([{ "roomToken": token, "deleted": true }]);
    assert_eq!(rooms.get(&owner, &format!("/rooms?version={since}")).body, gone);
    assert_eq!(rooms.get(&owner, "/rooms").body, json!([]));
}

#[test]
fn a_request_is_taken_as_often_as_it_comes_unless_nonces_are_remembered() {
    for (nonces, status) in [(0, 200), (100, 401)] {
        let mut rooms = Rooms::with(Config { nonces, ..settings() });
        let owner = rooms.device("http://push/1");
        let request = rooms.request(&owner, "GET", "/rooms", &Json::Null);
        assert_eq!(rooms.send(request.clone()).status, 200);
        let again = rooms.send(request);
        assert_eq!(again.status, status);
        let challenge = (nonces > 0).then_some("Hawk error=\"Invalid nonce\"");
        assert_eq!(again.header("www-authenticate"), challenge);
        assert_eq!(rooms.get(&owner, "/rooms").status, 200, "another nonce is another request");
    }
}

#[test]
fn many_rooms_are_deleted_at_once_with_one_push() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let other = rooms.device("http://push/2");
    let (one, two) = (rooms.room(&owner, 2), rooms.room(&owner, 2));
    let foreign = rooms.room(&other, 2);
    let list = json!({ "deleteRoomTokens": [one, two, foreign, "unknown"] });
    let told = rooms.ask(&owner, "PATCH", "/rooms", list.clone());
    assert_eq!(told.status, 207);
    let found = json!({ "code": 200 });
    let absent = json!({ "code": 404, "errno": 105, "error": "Room not found." });
    assert_eq!(
        told.body,
        json!({ "responses": { one: found, two: found, foreign.as_str(): absent, "unknown": absent } })
    );
    assert_eq!(told.response.pushes.len(), 1);
    let told = rooms.ask(&owner, "PATCH", "/rooms", list);
    assert_eq!((told.status, told.body["responses"].as_object().map(|r| r.len())), (404, Some(4)));
    assert!(told.response.pushes.is_empty());
    assert_eq!(rooms.get(&other, &format!("/rooms/{foreign}")).status, 200);
}

#[test]
fn the_list_has_the_callers_own_rooms_by_their_last_change() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let other = rooms.device("http://push/2");
    let foreign = rooms.room(&other, 3);
    rooms.join(&owner, &foreign, 5);
    let one = rooms.room(&owner, 2);
    rooms.passes(5);
    let two = rooms.room(&owner, 2);
    rooms.passes(5);
    rooms.guest(&one);
    let tokens = |list: &Json| -> Vec<String> {
        let list = list.as_array().expect("a list");
        list.iter().map(|r| r["roomToken"].as_str().expect("a token").to_owned()).collect()
    };
    let listed = rooms.get(&owner, "/rooms").body;
    assert_eq!(tokens(&listed), [two.clone(), one.clone()]);
    assert_eq!(listed[1]["participants"].as_array().map(Vec::len), Some(1));
    let listed = rooms.get(&owner, &format!("/rooms?version={}", rooms.seconds())).body;
    assert_eq!(tokens(&listed), std::slice::from_ref(&one));
    let mut rooms = rooms.restarted();
    assert_eq!(tokens(&rooms.get(&owner, "/rooms").body), [two, one]);
}

#[test]
fn a_room_that_runs_out_is_gone_without_a_trace() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let body = json!({ "roomName": "n", "roomOwner": "o", "maxSize": 2, "expiresIn": 1 });
    let told = rooms.ask(&owner, "POST", "/rooms", body);
    let path = format!("/rooms/{}", told.body["roomToken"].as_str().expect("a token"));
    rooms.pushes();
    rooms.passes(3_599);
    assert_eq!(rooms.get(&owner, &path).status, 200);
    rooms.passes(2);
    assert_eq!(rooms.get(&owner, &path).error(), (404, 105));
    assert_eq!(rooms.get(&owner, "/rooms?version=1").body, json!([]));
    assert!(rooms.pushes().is_empty());
}

#[test]
fn a_failing_store_is_503_and_nothing_has_changed() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let token = rooms.room(&owner, 2);
    rooms.world.turn(Mood::Fails);
    for (method, path, body) in [
        // Who asks is remembered; what is asked needs the store.
        (
            "POST",
            "/registration".to_owned(),
            json!({ "simplePushURLs": { "rooms": "http://push/2" } }),
        ),
        ("GET", "/rooms".to_owned(), Json::Null),
        ("POST", "/rooms".to_owned(), json!({ "roomName": "x", "roomOwner": "-", "maxSize": 2 })),
        ("PATCH", "/rooms".to_owned(), json!({ "deleteRoomTokens": [token] })),
        ("DELETE", format!("/rooms/{token}"), Json::Null),
    ] {
        let told = rooms.ask(&owner, method, &path, body);
        assert_eq!(told.error(), (503, 201), "{method} {path}");
        assert_eq!(told.header("retry-after"), Some("30"));
    }
    let told = rooms.join(&As::Nobody, &token, 2);
    assert_eq!(told.error(), (503, 201));
    rooms.world.turn(Mood::Works);
    let seen = rooms.get(&owner, &format!("/rooms/{token}"));
    assert_eq!((seen.status, &seen.body["participants"]), (200, &json!([])));
}

#[test]
fn a_room_whose_deletion_was_not_answered_is_what_the_disk_says() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let room = rooms.room(&owner, 3);
    rooms.guest(&room);
    rooms.world.mood = Mood::Holds;
    let path = format!("/rooms/{room}");
    let deletion = rooms.request(&owner, "DELETE", &path, &json!({}));
    rooms.begin(deletion).unwrap_err();
    let forgets = |op: &StoreOp| {
        let StoreOp::Commit(writes) = op else { return false };
        writes.iter().any(|write| matches!(write, Write::ForgetRoom { .. }))
    };
    while let Some(at) = rooms.world.held.iter().position(|request| !forgets(&request.op)) {
        let StoreRequest { id, op } = rooms.world.held.remove(at).unwrap();
        let result = rooms.world.disk.execute(op);
        rooms.world.input(Input::Stored(StoreReply { id, result }));
    }
    // It is done, and its answer is lost.
    let deletion = rooms.world.held.pop_front().unwrap();
    rooms.world.disk.execute(deletion.op).unwrap();
    rooms.world.mood = Mood::Works;
    rooms.passes(10);
    assert_eq!(rooms.get(&owner, &path).error(), (404, 105));
}

#[test]
fn rooms_changed_within_one_second_are_listed_in_the_order_of_their_changes() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let mut tokens: Vec<String> = Vec::new();
    for _ in 0..6 {
        tokens.push(rooms.room(&owner, 2));
        rooms.world.passes(std::time::Duration::from_millis(3));
    }
    let list = |rooms: &mut Rooms| -> Vec<String> {
        let told = rooms.get(&owner, "/rooms").body;
        let all = told.as_array().expect("a list").iter();
        all.map(|room| room["roomToken"].as_str().expect("a token").to_owned()).collect()
    };
    assert_eq!(list(&mut rooms), tokens);
    let first = tokens.remove(0);
    let changed = rooms.ask(&owner, "PATCH", &format!("/rooms/{first}"), json!({}));
    assert_eq!(changed.status, 200);
    tokens.push(first);
    assert_eq!(list(&mut rooms), tokens);
}

#[test]
fn other_services_have_two_seconds_to_say_that_they_are_well() {
    let push_servers = vec!["wss://push.example.org/".to_owned()];
    let mut rooms = Rooms::with(Config { push_servers, ..settings() });
    let request = rooms.request(&As::Nobody, "GET", "/__heartbeat__", &Json::Null);
    let call = rooms.begin(request).expect_err("it is asked first");
    let (asked, fetch) = rooms.world.fetches.pop().expect("a request to the push server");
    assert_eq!(asked, call);
    assert_eq!(fetch.url, "https://push.example.org/status");
    assert_eq!(fetch.within, Some(std::time::Duration::from_secs(2)));
    rooms.world.input(Input::Fetched(call, Fetched::Nothing));
    let reply = rooms.world.replies.remove(&call).expect("an answer");
    let response = reply.open::<parlour_node::rooms::Response>().expect("of this door");
    let body: Json = serde_json::from_str(&response.body).expect("JSON");
    assert_eq!(response.status, 503);
    let ill = json!({ "storage": true, "provider": true, "push": false, "fxaVerifier": true });
    assert_eq!(body, ill);
}
