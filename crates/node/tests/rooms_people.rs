//! Participants by the rooms door: seats, tokens, times, reports.

mod common;
mod rooms;

use common::json;
use parlour_base::{Json, RoomId};
use parlour_session::call::Notice;
use parlour_session::rooms::report::ROOMS_MAX;
use parlour_session::rooms::{Reports, Told};
use rooms::{As, Rooms, base64};

fn names(rooms: &mut Rooms, owner: &As, token: &str) -> usize {
    let seen = rooms.get(owner, &format!("/rooms/{token}"));
    seen.body["participants"].as_array().expect("a list").len()
}

#[test]
fn a_join_is_answered_with_four_members_and_a_new_connection() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let token = rooms.room(&owner, 3);
    let told = rooms.join(&owner, &token, 2);
    assert_eq!(told.status, 200);
    let members: Vec<&str> =
        told.body.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["apiKey", "expires", "sessionId", "sessionToken"]);
    assert_eq!(told.body["expires"], 300);
    let seen = rooms.get(&owner, &format!("/rooms/{token}")).body;
    let one = &seen["participants"][0];
    assert_eq!((&one["displayName"], &one["owner"]), (&json!("x"), &json!(true)));
    assert_eq!(one.as_object().map(|one| one.len()), Some(3));
    assert_eq!(seen["clientMaxSize"], 2);
    let first = one["roomConnectionId"].as_str().expect("a text").to_owned();
    assert_eq!(first.len(), 36);
    rooms.join(&owner, &token, 2);
    let seen = rooms.get(&owner, &format!("/rooms/{token}")).body;
    assert_eq!(seen["participants"].as_array().map(Vec::len), Some(1));
    assert_ne!(seen["participants"][0]["roomConnectionId"], first);
}

#[test]
fn the_media_session_of_a_room_has_one_lasting_name_that_is_not_the_rooms() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let (token, other) = (rooms.room(&owner, 3), rooms.room(&owner, 3));
    let name = rooms.join(&owner, &token, 5).body["sessionId"].clone();
    assert!(name.as_str().is_some_and(|name| name.starts_with("1_") && !name.contains(&token)));
    assert_eq!(rooms.join(&As::Nobody, &token, 5).body["sessionId"], name);
    assert_ne!(rooms.join(&owner, &other, 5).body["sessionId"], name);
    let mut rooms = rooms.restarted();
    assert_eq!(rooms.join(&owner, &token, 5).body["sessionId"], name);
}

#[test]
fn admission_follows_the_published_cases() {
    // Size, who is inside (`O` the owner, others guests with their limits),
    // who wants in with which limit, and the number it is told.
    for (size, inside, (who, limit), errno) in [
        (1, vec![], ('G', 5), 202),
        (1, vec![], ('O', 5), 0),
        (2, vec![], ('G', 5), 0),
        (2, vec![('G', 5)], ('G', 5), 202),
        (2, vec![('G', 5)], ('O', 5), 0),
        (2, vec![('O', 5)], ('G', 5), 0),
        (3, vec![('O', 2), ('G', 5)], ('G', 5), 202),
        (3, vec![('O', 2)], ('G', 1), 121),
        (2, vec![('O', 5), ('G', 5)], ('G', 1), 202),
        (5, vec![], ('G', 0), 121),
        (5, vec![], ('O', -1), 121),
    ] {
        let mut rooms = Rooms::new();
        let owner = rooms.device("http://push/1");
        let token = rooms.room(&owner, size);
        let mut join = |who: char, limit: i64| {
            let who = if who == 'O' { owner.clone() } else { As::Nobody };
            rooms.join(&who, &token, limit)
        };
        for (who, limit) in &inside {
            assert_eq!(join(*who, *limit).status, 200, "{inside:?}");
        }
        let told = join(who, limit);
        assert_eq!(told.body["errno"].as_u64().unwrap_or(0), errno, "{size} {inside:?} {who}");
        assert_eq!(told.status, if errno == 0 { 200 } else { 400 });
    }
}

#[test]
fn a_session_comes_again_into_a_full_room_and_a_guest_does_not() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let other = rooms.device("http://push/2");
    let token = rooms.room(&owner, 2);
    assert_eq!(rooms.join(&owner, &token, 5).status, 200);
    assert_eq!(rooms.join(&other, &token, 5).status, 200);
    assert_eq!(rooms.join(&other, &token, 5).status, 200);
    assert_eq!(rooms.act(&other, &token, json!({ "action": "leave" })).status, 204);
    let guest = rooms.guest(&token);
    assert_eq!(rooms.join(&guest, &token, 5).error(), (400, 202));
}

#[test]
fn a_guest_that_comes_again_may_show_either_token() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let token = rooms.room(&owner, 5);
    let first = rooms.guest(&token);
    let told = rooms.join(&first, &token, 5);
    let second = As::Basic(told.body["sessionToken"].as_str().expect("a token").to_owned());
    assert_eq!(names(&mut rooms, &owner, &token), 1);
    for who in [&first, &second] {
        assert_eq!(rooms.act(who, &token, json!({ "action": "refresh" })).status, 200);
    }
}

#[test]
fn a_token_is_read_with_and_without_colon_and_from_the_body() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let token = rooms.room(&owner, 5);
    let As::Basic(text) = rooms.guest(&token) else { panic!("a guest shows Basic") };
    let refresh = json!({ "action": "refresh" });
    for raw in [base64(&format!("{text}:")), base64(&text)] {
        let who = As::Raw(format!("bAsIc {raw}"));
        assert_eq!(rooms.act(&who, &token, refresh.clone()).status, 200);
    }
    let password = As::Raw(format!("Basic {}", base64(&format!("{text}:x"))));
    let wrong = rooms.act(&password, &token, refresh.clone());
    assert_eq!(wrong.error(), (401, 110));
    let said = "Basic error=\"Invalid token; it may have expired.\"";
    assert_eq!(wrong.header("www-authenticate"), Some(said));
    let in_body = json!({ "action": "refresh", "sessionToken": text });
    assert_eq!(rooms.act(&As::Nobody, &token, in_body).status, 200);
    let in_body = json!({ "action": "leave", "sessionToken": "nobody's" });
    assert_eq!(rooms.act(&As::Nobody, &token, in_body).error(), (401, 110));
    let nothing = rooms.act(&As::Nobody, &token, refresh);
    assert_eq!(nothing.header("www-authenticate"), Some("Token,Hawk"));
    let in_body = json!({ "action": "leave", "sessionToken": text });
    assert_eq!(rooms.act(&As::Nobody, &token, in_body).status, 204);
}

#[test]
fn a_token_is_good_for_its_room_and_its_sort_only() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let (one, two) = (rooms.room(&owner, 5), rooms.room(&owner, 5));
    let guest = rooms.guest(&one);
    rooms.guest(&two);
    assert_eq!(rooms.get(&guest, &format!("/rooms/{two}")).error(), (401, 110));
    let told = rooms.join(&owner, &one, 5);
    let of_session = As::Basic(told.body["sessionToken"].as_str().expect("a token").to_owned());
    assert_eq!(rooms.get(&of_session, &format!("/rooms/{one}")).error(), (401, 110));
    let other = As::Raw("Bearer x".to_owned());
    let told = rooms.get(&other, &format!("/rooms/{one}"));
    assert_eq!(told.header("www-authenticate"), Some("Basic,Hawk error=\"Unsupported\""));
    for (raw, challenge) in
        [("", "Basic,Hawk error=\"Unsupported\""), ("Basic", "Basic"), ("Basic a b", "Basic")]
    {
        let told = rooms.get(&As::Raw(raw.to_owned()), &format!("/rooms/{one}"));
        assert_eq!((told.status, told.header("www-authenticate")), (401, Some(challenge)));
    }
}

#[test]
fn who_does_not_refresh_is_gone_on_time_and_the_owner_is_told() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let session = rooms.device("http://push/2");
    let token = rooms.room(&owner, 5);
    let guest = rooms.guest(&token);
    rooms.join(&session, &token, 5);
    rooms.passes(200);
    assert_eq!(
        rooms.act(&session, &token, json!({ "action": "refresh" })).body,
        json!({ "expires": 300 })
    );
    rooms.pushes();
    rooms.passes(99);
    assert_eq!(names(&mut rooms, &owner, &token), 2);
    rooms.passes(1);
    assert_eq!(rooms.pushes(), [("http://push/1".to_owned(), rooms.seconds())]);
    assert_eq!(names(&mut rooms, &owner, &token), 1);
    for action in ["refresh", "leave", "status", "logDomain", "join"] {
        let told = rooms.act(&guest, &token, json!({ "action": action }));
        assert_eq!(told.error(), (401, 110), "{action}");
    }
    rooms.passes(200);
    assert_eq!(names(&mut rooms, &owner, &token), 0);
    let told = rooms.act(&session, &token, json!({ "action": "refresh" }));
    assert_eq!((told.error(), told.text()), ((410, 111), "Participation has expired."));
    assert_eq!(rooms.act(&session, &token, json!({ "action": "leave" })).error(), (400, 203));
    assert_eq!(rooms.get(&session, &format!("/rooms/{token}")).error(), (403, 999));
    let seen = rooms.get(&owner, &format!("/rooms/{token}")).body;
    assert_eq!(seen["expiresAt"], seen["ctime"].as_i64().expect("a number") + 1_344 * 3_600);
}

#[test]
fn the_owner_is_told_of_each_who_runs_out_even_together() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let token = rooms.room(&owner, 5);
    for _ in 0..3 {
        rooms.guest(&token);
    }
    rooms.pushes();
    rooms.passes(300);
    let one = ("http://push/1".to_owned(), rooms.seconds());
    assert_eq!(rooms.pushes(), [one.clone(), one.clone(), one]);
    assert_eq!(names(&mut rooms, &owner, &token), 0);
}

#[test]
fn participants_outlive_a_restart_and_still_run_out() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let token = rooms.room(&owner, 5);
    let guest = rooms.guest(&token);
    rooms.passes(100);
    let mut rooms = rooms.restarted();
    assert_eq!(names(&mut rooms, &owner, &token), 1);
    assert_eq!(rooms.act(&guest, &token, json!({ "action": "refresh" })).status, 200);
    let mut rooms = rooms.restarted();
    rooms.passes(301);
    assert_eq!(rooms.pushes().len(), 1, "without any request");
    assert_eq!(names(&mut rooms, &owner, &token), 0);
}

#[test]
fn joins_and_leaves_move_the_times_of_the_room_and_refreshes_do_not() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let token = rooms.room(&owner, 5);
    let path = format!("/rooms/{token}");
    rooms.passes(10);
    rooms.pushes();
    let guest = rooms.guest(&token);
    let joined = rooms.seconds();
    assert_eq!(rooms.pushes(), [("http://push/1".to_owned(), joined)]);
    rooms.passes(10);
    rooms.act(&guest, &token, json!({ "action": "refresh" }));
    assert_eq!(rooms.get(&owner, &path).body["ctime"], joined);
    assert!(rooms.pushes().is_empty());
    assert_eq!(rooms.act(&guest, &token, json!({ "action": "leave" })).status, 204);
    let seen = rooms.get(&owner, &path).body;
    assert_eq!(seen["ctime"], joined + 10);
    assert_eq!(seen["expiresAt"], joined + 10 + 1_344 * 3_600);
    assert_eq!(rooms.pushes().len(), 1);
    assert_eq!(rooms.get(&guest, &path).error(), (401, 110));
    rooms.join(&As::Nobody, &token, 0);
    assert!(rooms.pushes().is_empty(), "a refused join changes nothing");
}

fn status(state: &str, event: &str, counters: (i64, i64, i64)) -> Json {
    json!({
        "action": "status", "event": event, "state": state, "connections": counters.0,
        "sendStreams": counters.1, "recvStreams": counters.2,
    })
}

#[test]
fn a_status_is_recorded_with_the_time_it_took() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let token = rooms.room(&owner, 5);
    let guest = rooms.guest(&token);
    let mut reports = Reports::default();
    for (state, event, counters) in [
        ("waiting", "Session.connectionCreated", (1, 0, 0)),
        ("starting", "Session.connectionCreated", (2, 0, 0)),
        ("sending", "Publisher.streamCreated", (2, 1, 0)),
        ("sendrecv", "Session.streamCreated", (2, 1, 1)),
    ] {
        rooms.passes(2);
        let told = rooms.act(&guest, &token, status(state, event, counters));
        assert_eq!((told.status, told.response.body.as_str()), (204, ""));
        let moved = told.response.summary.moved.expect("a status moves");
        assert!(moved.is_consistent && !moved.is_seen, "no media has come");
        assert_eq!((moved.to.as_str(), moved.since_last_ms), (state, 2_000));
        reports.moved(&moved);
    }
    rooms.passes(300);
    for notice in std::mem::take(&mut rooms.world.notices) {
        if let Notice::Rooms(Told::Ended(ended)) = notice {
            reports.ended(&ended);
        }
    }
    let report = reports.of_room(token.parse().expect("an id")).expect("reported");
    assert_eq!(report["sendrecv"], json!({ "count": 1, "meanMs": 8_000, "maxMs": 8_000 }));
    assert_eq!(report["failures"], json!({ "sendrecv": 1 }), "cut off");
    assert_eq!(report["sessionsEnded"], 1);
    assert_eq!(report["transitions"].as_array().map(Vec::len), Some(4));
}

#[test]
fn reports_are_kept_of_the_rooms_that_were_not_quiet_longest() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let token = rooms.room(&owner, 5);
    let guest = rooms.guest(&token);
    let told = rooms.act(&guest, &token, status("sending", "unheard", (1, 0, 0)));
    let mut moved = told.response.summary.moved.expect("a status moves");
    let mut reports = Reports::default();
    let ids = (1..=u64::try_from(ROOMS_MAX).expect("few")).map(|n| RoomId::new(n).expect("an id"));
    let ids: Vec<RoomId> = ids.collect();
    let mut said = |reports: &mut Reports, room: RoomId| {
        moved.room = room;
        reports.moved(&moved);
    };
    for id in &ids {
        said(&mut reports, *id);
    }
    let (first, second) = (ids[0], ids[1]);
    said(&mut reports, first);
    said(&mut reports, RoomId::new(1 << 40).expect("an id"));
    let kept = reports.of_room(first).expect("it spoke last but one");
    assert_eq!(kept["inconsistent"], 2, "as the metric counts, whatever the event");
    assert!(reports.of_room(second).is_none());
}

#[test]
fn a_status_from_outside_or_with_odd_counters_is_refused() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let token = rooms.room(&owner, 5);
    let good = status("waiting", "x", (1, 0, 0));
    let told = rooms.act(&owner, &token, good.clone());
    assert_eq!(
        (told.error(), told.text()),
        ((400, 203), "Can't update status for a room you aren't in.")
    );
    let odd = rooms.act(&owner, &token, status("waiting", "x", (-1, 0, 0)));
    assert_eq!(odd.text(), "Invalid connections number.");
    rooms.join(&owner, &token, 5);
    assert_eq!(rooms.act(&owner, &token, good).status, 204);
    let odd = rooms.act(&owner, &token, status("?", "sdk.exception.1", (1, 2, 3)));
    assert_eq!(odd.status, 204);
    let moved = odd.response.summary.moved.expect("a status moves");
    assert!(moved.is_seen && !moved.is_consistent, "nobody knows what it says");
    let none = rooms.act(&As::Nobody, &token, json!({}));
    assert_eq!(none.error(), (400, 108), "an action is asked for before credentials");
}

#[test]
fn shared_domains_are_counted_for_participants_only() {
    let mut rooms = Rooms::new();
    let owner = rooms.device("http://push/1");
    let token = rooms.room(&owner, 5);
    let log = json!({ "action": "logDomain", "domains": [{ "domain": "a.com", "count": 2 }] });
    assert_eq!(rooms.act(&owner, &token, log.clone()).error(), (400, 203));
    assert_eq!(rooms.act(&As::Nobody, &token, log.clone()).error(), (401, 110));
    let guest = rooms.guest(&token);
    let told = rooms.act(&guest, &token, log);
    assert_eq!((told.status, told.response.summary.domains.len()), (204, 1));
    let odd = json!({ "action": "logDomain", "domains": 3 });
    assert_eq!(rooms.act(&guest, &token, odd).error(), (400, 107));
}
