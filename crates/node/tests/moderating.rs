//! What operators do to members and the group, and how people go
//! (docs/protocols/galene.md §§3.11, 3.12, 3.14).
mod common;
use common::*;
use parlour_node::port::Input;

fn act(w: &mut World, conn: parlour_base::ConnId, kind: &str, dest: &str) {
    w.say(conn, json!({"type": "useraction", "kind": kind, "dest": dest}));
}

#[test]
fn only_operators_moderate() {
    let mut w = World::new();
    let bob = w.member("bob");
    for kind in ["op", "unop", "present", "unpresent", "shutup", "unshutup", "identify", "kick"] {
        act(&mut w, bob, kind, "bob");
        assert_eq!(w.error(bob), "not authorised", "{kind}");
    }
    for kind in ["lock", "unlock", "clearchat", "setdata"] {
        w.say(bob, json!({"type": "groupaction", "kind": kind, "value": {}}));
        assert_eq!(w.error(bob), "not authorised", "{kind}");
    }
}

#[test]
fn who_may_not_ask_is_not_told_what_else_is_wrong() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    for (kind, words) in
        [("clearchat", "bad value in clearchat"), ("setdata", "Bad value in setdata")]
    {
        let action = json!({"type": "groupaction", "kind": kind, "value": "x"});
        w.say(bob, action.clone());
        assert_eq!(w.error(bob), "not authorised", "{kind}");
        w.say(ada, action);
        assert_eq!(w.error(ada), words);
    }
    w.say(bob, json!({"type": "groupaction", "kind": "record"}));
    assert_eq!(w.error(bob), "not authorised");
}

#[test]
fn somebody_who_is_not_here_has_a_text_for_each_action() {
    let mut w = World::new();
    let ada = w.member("ada");
    for (kind, words) in
        [("op", "no suck user"), ("identify", "client not found"), ("kick", "no such user")]
    {
        act(&mut w, ada, kind, "nobody");
        assert_eq!(w.error(ada), words, "{kind}");
    }
}

#[test]
fn a_new_permission_is_told_to_its_holder_and_to_all() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.everybody_forgets();
    act(&mut w, ada, "op", "bob");
    let heard = w.hears(bob);
    assert_eq!((gist(&heard[0]), gist(&heard[1])), ("joined change".into(), "user change".into()));
    assert_eq!(heard[0]["permissions"], json!(["op", "present", "message"]));
    assert_eq!(heard[1]["permissions"], json!(["op", "present", "message"]));
    assert_eq!(w.gist(ada), ["user change"]);
    act(&mut w, ada, "shutup", "bob");
    w.hears(bob);
    w.say(bob, json!({"type": "chat", "value": "x"}));
    assert_eq!(w.error(bob), "not authorised");
}

#[test]
fn attributes_are_ones_own_business() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.everybody_forgets();
    let set = |dest, value| json!({"type": "useraction", "kind": "setdata", "dest": dest, "value": value});
    w.say(bob, set("bob", json!({"raisehand": true})));
    assert_eq!(w.hears(ada)[0]["data"], json!({"raisehand": true}));
    w.say(bob, set("bob", json!({"raisehand": null})));
    assert_eq!(w.hears(ada)[0]["data"], json!(null));
    w.hears(bob);
    w.say(ada, set("bob", json!({})));
    assert_eq!(w.error(ada), "not authorised");
    w.say(bob, set("bob", json!(7)));
    assert_eq!(w.error(bob), "Bad value in setdata");
}

#[test]
fn identifying_somebody_is_no_secret() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.everybody_forgets();
    act(&mut w, ada, "identify", "bob");
    let warning = w.hears(bob).remove(0);
    assert_eq!(gist(&warning), "usermessage warning");
    assert_eq!(warning["value"], "Your IP address has been communicated to user ada.");
    let info = w.hears(ada).remove(0);
    assert_eq!(gist(&info), "usermessage userinfo");
    let value = json!({"id": "bob", "username": "bob", "address": "192.0.2.9:999"});
    assert_eq!(info["value"], value);
}

#[test]
fn a_kick_is_told_to_its_target_which_is_then_closed() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.everybody_forgets();
    w.say(ada, json!({"type": "useraction", "kind": "kick", "dest": "bob", "value": "bye"}));
    let told = w.hears(bob).remove(0);
    assert_eq!((gist(&told), &told["value"]), ("usermessage kicked".into(), &json!("bye")));
    assert_eq!((&told["id"], &told["username"]), (&json!("ada"), &json!("ada")));
    assert_eq!(w.is_closed(bob), Some((1000, "kicked out (bye) by ada")));
    assert_eq!(
        w.hears(ada),
        [json!({"type": "user", "kind": "delete", "id": "bob", "username": "bob"})]
    );
}

#[test]
fn who_leaves_is_told_and_may_come_again() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.everybody_forgets();
    w.say(bob, json!({"type": "join", "kind": "leave", "group": "lab"}));
    assert_eq!(w.gist(bob), ["joined leave"]);
    assert_eq!(w.gist(ada), ["user delete"]);
    w.ask_in(bob, "lab", "bob", "");
    assert_eq!(w.gist(bob)[0], "joined join");
}

#[test]
fn who_loses_the_connection_is_gone_for_the_others() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.everybody_forgets();
    w.input(Input::Closed(bob));
    assert_eq!(w.gist(ada), ["user delete"]);
    assert_eq!(w.figures().members, 1);
}

#[test]
fn a_lock_is_told_to_all() {
    let mut w = World::new();
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.everybody_forgets();
    w.say(ada, json!({"type": "groupaction", "kind": "lock", "value": "later"}));
    for conn in [ada, bob] {
        let told = w.hears(conn).remove(0);
        assert_eq!(
            (gist(&told), &told["status"]["locked"]),
            ("joined change".into(), &json!(true))
        );
        assert!(told["permissions"].is_array(), "always in full");
    }
    w.say(ada, json!({"type": "groupaction", "kind": "setdata", "value": {"k": 1}}));
    assert_eq!(w.hears(bob)[0]["data"], json!({"k": 1}));
}

#[test]
fn without_operators_some_groups_lock_and_some_empty() {
    let mut w = World::new();
    w.file("lab", &LAB.replacen('{', "{\"autolock\":true,", 1));
    let ada = w.member("ada");
    w.say(ada, json!({"type": "groupaction", "kind": "unlock"}));
    let bob = w.member("bob");
    w.input(Input::Closed(ada));
    assert_eq!(w.gist(bob), ["user delete", "joined change"]);
    let mut w = World::new();
    w.file("lab", &LAB.replacen('{', "{\"autokick\":true,", 1));
    let (ada, bob) = (w.member("ada"), w.member("bob"));
    w.input(Input::Closed(ada));
    let why = "kicked out (there are no operators in this group)";
    assert_eq!(w.is_closed(bob), Some((1000, why)));
}
