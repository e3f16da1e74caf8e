//! Chat and messages between members (docs/protocols/galene.md §3.10).
mod common;
use common::*;
use std::time::Duration;

#[test]
fn talk_needs_a_group() {
    let mut w = World::new();
    let conn = w.shaken("bob");
    for kind in ["chat", "usermessage", "useraction", "groupaction"] {
        w.say(conn, json!({"type": kind, "value": "x"}));
        assert_eq!(w.error(conn), "join a group first", "{kind}");
    }
    assert_eq!(w.is_closed(conn), None);
}

#[test]
fn chat_to_all_comes_back_with_what_the_server_knows() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.everybody_forgets();
    let value = json!({"any": ["json"]});
    w.say(ada, json!({"type": "chat", "kind": "me", "value": value}));
    for conn in [ada, bob] {
        let heard = w.hears(conn).remove(0);
        assert_eq!((&heard["source"], &heard["username"]), (&json!("ada"), &json!("ada")));
        assert_eq!((&heard["kind"], &heard["value"]), (&json!("me"), &value));
        assert_eq!(heard["privileged"], true);
        assert_eq!(heard["time"], "2026-07-01T10:00:00Z");
        assert_eq!(heard["id"].as_str().unwrap().len(), 11);
    }
    w.say(bob, json!({"type": "chat", "value": "x", "noecho": true}));
    assert!(w.hears(bob).is_empty());
    let heard = w.hears(ada).remove(0);
    assert_eq!((&heard["noecho"], &heard["privileged"]), (&json!(true), &json!(null)));
}

#[test]
fn who_may_not_talk_is_told_so() {
    let mut w = World::new();
    let (eve, cap, bob) = (w.member("eve"), w.member("cap"), w.member("bob"));
    w.everybody_forgets();
    for conn in [eve, cap] {
        w.say(conn, json!({"type": "chat", "value": "x"}));
        assert_eq!(w.error(conn), "not authorised");
        w.say(conn, json!({"type": "usermessage", "kind": "x", "value": "x"}));
        assert_eq!(w.error(conn), "not authorised");
    }
    w.say(bob, json!({"type": "chat", "kind": "caption", "value": "x"}));
    assert_eq!(w.error(bob), "not authorised");
    w.say(cap, json!({"type": "chat", "kind": "caption", "value": "x"}));
    assert_eq!(w.gist(bob), ["chat caption"]);
}

#[test]
fn a_private_word_reaches_one_and_is_not_echoed_nor_kept() {
    let mut w = World::new();
    let (ada, bob, eve) = (w.member("ada"), w.member("bob"), w.member("eve"));
    w.everybody_forgets();
    w.say(ada, json!({"type": "chat", "dest": "bob", "value": "psst"}));
    assert_eq!(w.hears(bob)[0]["dest"], "bob");
    assert!(w.hears(ada).is_empty() && w.hears(eve).is_empty());
    assert!(!w.disk.text().contains("psst"));
    w.say(ada, json!({"type": "chat", "dest": "nobody", "value": "psst"}));
    assert_eq!(w.error(ada), "user unknown");
    w.say(ada, json!({"type": "usermessage", "kind": "x", "dest": "nobody", "value": "psst"}));
    assert_eq!(w.error(ada), "user unknown");
}

#[test]
fn a_message_between_programs_passes_untouched() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.everybody_forgets();
    let value = json!({"type": "invite", "version": ["1"], "size": 3});
    w.say(
        bob,
        json!({"type": "usermessage", "kind": "filetransfer", "dest": "ada", "value": value}),
    );
    let heard = w.hears(ada).remove(0);
    assert_eq!((gist(&heard), &heard["value"]), ("usermessage filetransfer".into(), &value));
    assert_eq!((&heard["source"], &heard["privileged"]), (&json!("bob"), &json!(null)));
    w.say(ada, json!({"type": "usermessage", "kind": "mute", "noecho": true}));
    assert!(w.hears(ada).is_empty());
    assert_eq!(w.hears(bob)[0]["privileged"], true);
}

#[test]
fn history_outlives_the_room_in_memory_and_captions_do_not() {
    let mut w = World::new();
    let (ada, cap) = (w.member("ada"), w.member("cap"));
    w.say(ada, json!({"type": "chat", "value": "kept"}));
    w.say(cap, json!({"type": "chat", "kind": "caption", "value": "passing"}));
    for conn in [ada, cap] {
        w.say(conn, json!({"type": "join", "kind": "leave", "group": "lab"}));
    }
    for _ in 0..4 {
        w.passes(Duration::from_secs(19));
        w.say(ada, json!({"type": "ping"}));
    }
    assert_eq!(w.figures().rooms, 0, "let go");
    w.everybody_forgets();
    w.ask_in(ada, "lab", "ada", "secret");
    let heard = w.hears(ada);
    let history: Vec<_> = heard.iter().filter(|m| m["type"] == "chathistory").collect();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0]["value"], "kept");
}

#[test]
fn operators_clear_chat_in_whole_and_in_part() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.everybody_forgets();
    for (conn, id) in [(ada, "1"), (bob, "2"), (bob, "3")] {
        w.say(conn, json!({"type": "chat", "id": id, "value": id}));
    }
    w.everybody_forgets();
    w.say(bob, json!({"type": "groupaction", "kind": "clearchat"}));
    assert_eq!(w.error(bob), "not authorised");
    w.say(ada, json!({"type": "groupaction", "kind": "clearchat", "value": {"id": "2"}}));
    assert_eq!(w.error(ada), "bad value in clearchat");
    for bad in
        [json!(3), json!("x"), json!([]), json!({"userId": 3}), json!({"userId": "bob", "id": []})]
    {
        w.say(ada, json!({"type": "groupaction", "kind": "clearchat", "value": bad}));
        assert_eq!(w.error(ada), "bad value in clearchat", "{bad} clears nothing");
    }
    let one = json!({"id": "2", "userId": "bob"});
    w.say(ada, json!({"type": "groupaction", "kind": "clearchat", "value": one}));
    assert_eq!(w.hears(bob)[0]["value"], one);
    let left = |w: &mut World, name: &str| {
        let conn = w.shaken(name);
        w.ask_in(conn, "lab", name, "");
        let heard = w.hears(conn);
        let history = heard.iter().filter(|m| m["type"] == "chathistory");
        history.map(|m| m["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(left(&mut w, "x"), ["1", "3"]);
    w.say(ada, json!({"type": "groupaction", "kind": "clearchat"}));
    assert_eq!(left(&mut w, "y"), Vec::<String>::new());
}
