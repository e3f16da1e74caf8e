//! Who comes in, in which order things are told, and what those hear who do
//! not (docs/protocols/galene.md §§3.3, 3.4).
mod common;
use common::*;
use parlour_node::port::{Input, Query, QueryId};
use std::time::Duration;

fn fails(file: &str, name: &str, value: &str) {
    let mut w = World::new();
    w.file("lab", file);
    let heard = w.failure("lab", name, "");
    assert_eq!(gist(&heard), "joined fail");
    assert_eq!(heard["value"], value);
    assert_eq!(heard["group"], "lab");
    assert_eq!(heard["username"], "");
}

#[test]
fn a_join_is_told_in_order_to_both_dialects() {
    let mut w = World::new();
    let ada = w.member("ada");
    w.say(ada, json!({"type": "chat", "value": "one"}));
    w.say(ada, json!({"type": "chat", "value": "two"}));
    w.everybody_forgets();
    let bob = w.shaken("bob");
    w.ask_in(bob, "lab", "bob", "");
    let heard = w.hears(bob);
    let order: Vec<String> = heard.iter().map(gist).collect();
    assert_eq!(order, ["joined join", "chathistory", "chathistory", "user add", "user add"]);
    assert_eq!(heard[0]["username"], "bob");
    assert_eq!(heard[0]["permissions"], json!(["present", "message"]));
    assert_eq!(heard[0]["status"]["displayName"], "The Lab");
    assert_eq!((&heard[1]["value"], &heard[2]["value"]), (&json!("one"), &json!("two")));
    assert_eq!((&heard[3]["id"], &heard[4]["id"]), (&json!("bob"), &json!("ada")));
    assert_eq!(w.gist(ada), ["user add"]);

    let old = w.open();
    w.say(old, json!({"type": "handshake", "id": "old"}));
    w.say(old, json!({"type": "join", "kind": "join", "group": "lab/", "username": "old"}));
    let heard = w.hears(old);
    let order: Vec<String> = heard.iter().map(gist).collect();
    let adds = ["user add", "user add", "user add"];
    assert_eq!(order[..4], ["handshake", "joined join", "chat", "chat"]);
    assert_eq!(order[4..], adds);
    assert_eq!(heard[1]["group"], "lab", "a slash at the end is the page's");
    assert_eq!(heard[1]["permissions"], json!({"present": true}));
}

#[test]
fn handshake_and_join_and_more_may_come_in_one_breath() {
    let mut w = World::with(config(), Mood::Holds);
    let bob = w.open();
    w.say(bob, json!({"type": "handshake", "version": ["2"], "id": "bob"}));
    w.ask_in(bob, "lab", "bob", "");
    w.say(bob, json!({"type": "request", "request": {"": ["audio"]}}));
    w.turn(Mood::Works);
    assert_eq!(w.gist(bob), ["handshake", "joined join", "user add"]);
    assert_eq!(w.is_closed(bob), None);
}

#[test]
fn a_wrong_password_is_answered_after_a_delay() {
    let mut w = World::new();
    let conn = w.shaken("x");
    w.ask_in(conn, "lab", "ada", "wrong");
    w.passes(Duration::from_millis(199));
    assert!(w.hears(conn).is_empty());
    w.passes(Duration::from_millis(1));
    let heard = w.hears(conn);
    assert_eq!(
        (gist(&heard[0]), &heard[0]["value"]),
        ("joined fail".into(), &json!("not authorised"))
    );
    w.ask_in(conn, "lab", "ada", "secret");
    assert_eq!(w.gist(conn)[0], "joined join", "the connection stays usable");
}

#[test]
fn each_reason_to_be_turned_away_has_its_words() {
    let open = r#""wildcard-user":{"password":{"type":"wildcard"},"permissions":"present"}"#;
    let with = |what: &str| format!("{{{what},{open}}}");
    fails("{}", "bob", "not authorised");
    fails(&with(r#""not-before":"2030-01-01T00:00:00Z""#), "bob", "this group is not open yet");
    fails(&with(r#""expires":"2020-01-01T00:00:00Z""#), "bob", "this group is closed");
    fails(&with(r#""autokick":true"#), "bob", "there are no operators in this group");
    fails(&with(r#""autolock":true"#), "bob", "this group is locked");
    fails("{ no json", "bob", "internal server error");
    let mut w = World::new();
    assert_eq!(w.failure("nowhere", "bob", "")["value"], "group does not exist");
    assert_eq!(w.failure("../x", "bob", "")["value"], "illegal group name");
}

#[test]
fn a_full_group_takes_operators_only() {
    let mut w = World::new();
    w.file("lab", &LAB.replacen('{', "{\"max-clients\":1,", 1));
    w.member("bob");
    assert_eq!(w.failure("lab", "carol", "")["value"], "too many users");
    w.member("ada");
}

#[test]
fn a_locked_group_says_why_and_takes_operators_only() {
    let mut w = World::new();
    let ada = w.member("ada");
    w.say(ada, json!({"type": "groupaction", "kind": "lock", "value": ""}));
    assert_eq!(w.failure("lab", "bob", "")["value"], "this group is locked");
    w.say(ada, json!({"type": "groupaction", "kind": "lock", "value": "gone fishing"}));
    assert_eq!(w.failure("lab", "bob", "")["value"], "gone fishing");
    w.say(ada, json!({"type": "groupaction", "kind": "unlock"}));
    w.member("bob");
}

#[test]
fn a_changed_file_is_told_to_those_inside_as_soon_as_somebody_looks_at_it() {
    let mut w = World::new();
    let bob = w.member("bob");
    w.everybody_forgets();
    w.file("lab", &LAB.replacen("The Lab", "The New Lab", 1));
    w.input(Input::Query(QueryId(7), Query::Group("lab".to_owned())));
    let heard = w.hears(bob);
    assert_eq!(gist(&heard[0]), "joined change");
    assert_eq!(heard[0]["status"]["displayName"], "The New Lab");
    w.input(Input::Query(QueryId(8), Query::Group("lab".to_owned())));
    assert!(w.hears(bob).is_empty(), "said once");
}

#[test]
fn whoever_wants_into_a_group_that_moved_is_sent_there() {
    let mut w = World::new();
    w.file("lab", r#"{"redirect":"https://elsewhere.example/"}"#);
    let heard = w.failure("lab", "bob", "");
    assert_eq!(gist(&heard), "joined redirect");
    assert_eq!(heard["value"], "https://elsewhere.example/");
}

#[test]
fn a_client_id_in_use_is_an_internal_error() {
    let mut w = World::new();
    w.member("bob");
    let again = w.shaken("bob");
    w.ask_in(again, "lab", "bob", "");
    assert_eq!(w.hears(again)[0]["value"], "internal server error");
    let nobody = w.shaken("");
    w.ask_in(nobody, "lab", "bob", "");
    assert_eq!(w.hears(nobody)[0]["value"], "internal server error");
}

#[test]
fn an_id_cannot_be_taken_before_everybody_saw_its_owner_leave() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.mood = Mood::Holds;
    w.say(ada, json!({"type": "chat", "value": "something to wait for"}));
    w.say(ada, json!({"type": "useraction", "kind": "kick", "dest": "bob"}));
    let other = w.shaken("bob");
    w.ask_in(other, "lab", "bob", "");
    assert_eq!(w.hears(other)[0]["value"], "internal server error");
    w.turn(Mood::Works);
    assert_eq!(w.is_closed(bob), Some((1000, "kicked out by ada")));
    w.ask_in(other, "lab", "bob", "");
    assert_eq!(w.gist(other)[0], "joined join");
}

#[test]
fn subgroups_come_to_be_where_the_group_allows_it() {
    let mut w = World::new();
    let conn = w.shaken("bob");
    w.ask_in(conn, "lab/attic", "bob", "");
    assert_eq!(w.hears(conn)[0]["group"], "lab/attic");
    w.file("plain", r#"{"wildcard-user":{"password":{"type":"wildcard"}}}"#);
    assert_eq!(w.failure("plain/attic", "bob", "")["value"], "group does not exist");
}

#[test]
fn a_group_file_of_2021_still_works() {
    let mut w = World::new();
    w.file("old", r#"{"op":[{"username":"ada","password":"1"}],"presenter":[{}]}"#);
    let ada = w.shaken("a");
    w.ask_in(ada, "old", "ada", "1");
    let held = w.hears(ada).remove(0)["permissions"].clone();
    assert!(held.as_array().unwrap().contains(&json!("op")));
    let bob = w.shaken("b");
    w.ask_in(bob, "old", "bob", "whatever");
    assert_eq!(w.hears(bob)[0]["permissions"], json!(["present", "message"]));
    assert_eq!(w.failure("old", "ada", "2")["value"], "not authorised");
}

#[test]
fn a_hashed_password_is_checked_outside() {
    let mut w = World::new();
    let key = "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b";
    w.file(
        "lab",
        &format!(
            r#"{{"users":{{"ada":{{"permissions":"op","password":{{"type":"pbkdf2",
        "hash":"sha-256","iterations":1,"salt":"73616c74","key":"{key}"}}}}}}}}"#
        ),
    );
    let ada = w.shaken("ada");
    w.ask_in(ada, "lab", "ada", "password");
    assert_eq!(w.gist(ada)[0], "joined join");
    assert_eq!(w.failure("lab", "ada", "other")["value"], "not authorised");
}
