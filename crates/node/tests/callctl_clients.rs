//! Requirements that are about what a client does, and which of its tokens let
//! in (docs/protocols/callctl.md).

mod callctl;
mod common;

use callctl::{ALICE, BOB, GROUP, Kik, PAIR, convo, people};
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::receiver::{Kept, Receiver};
use std::time::Duration;

#[test]
fn req_33_and_34_who_asks_once_and_then_listens_need_not_ask_again() {
    let mut kik = Kik::new();
    let other = kik.join(ALICE, PAIR);
    kik.pushes();
    let mut phone = Receiver::default();
    for list in kik.query(BOB, &[GROUP, PAIR]) {
        phone.take(list);
    }
    let same = |kik: &mut Kik, phone: &mut Receiver, what: &str| {
        for roster in kik.pushes() {
            assert!(roster.members.contains(&BOB.to_owned()), "{what}");
            assert_eq!(phone.take(roster.state), Kept::Newest, "{what}");
        }
        for key in [GROUP, PAIR] {
            let list = kik.query(BOB, &[key]).remove(0);
            let id = convo(key);
            let heard: Vec<(String, State)> =
                phone.people(&id).map(|(name, state)| (name.to_owned(), state)).collect();
            assert_eq!(heard, people(&list), "{what} {key}");
        }
    };
    same(&mut kik, &mut phone, "the first answer");
    let ticket = kik.join(ALICE, GROUP);
    same(&mut kik, &mut phone, "a join");
    let conn = kik.connect("c", &ticket.conference, &ticket.token).expect("let in");
    same(&mut kik, &mut phone, "a connection");
    kik.leave(ALICE, PAIR, Some(&other.token));
    same(&mut kik, &mut phone, "a leave");
    kik.join(ALICE, GROUP);
    kik.disconnect(conn);
    same(&mut kik, &mut phone, "an older connection ends");
    kik.world.passes(Duration::from_secs(21));
    same(&mut kik, &mut phone, "the time to connect passes");
    kik.join(ALICE, GROUP);
    kik.force(ALICE, GROUP);
    same(&mut kik, &mut phone, "a forced removal");
}

#[test]
fn req_63_a_leave_with_a_token_older_than_the_current_one_has_no_effect() {
    let mut kik = Kik::new();
    let mut old = vec![kik.join(ALICE, GROUP)];
    old.push(kik.join(ALICE, GROUP));
    let current = kik.join(ALICE, GROUP);
    kik.pushes();
    for ticket in &old {
        kik.leave(ALICE, GROUP, Some(&ticket.token));
        assert_eq!(kik.state(ALICE, GROUP), Some(State::Connecting));
    }
    let conn = kik.connect("c", &current.conference, &current.token).expect("let in");
    kik.pushes();
    for ticket in &old {
        kik.leave(ALICE, GROUP, Some(&ticket.token));
    }
    assert_eq!(kik.state(ALICE, GROUP), Some(State::Connected));
    assert_eq!(kik.pushes(), []);
    assert!(kik.world.is_closed(conn).is_none());
    kik.leave(ALICE, GROUP, Some(&current.token));
    assert_eq!(kik.state(ALICE, GROUP), None);
}

#[test]
fn req_69_the_end_of_a_media_connection_counts_only_if_it_was_made_with_the_current_token() {
    let mut kik = Kik::new();
    let first = kik.join(ALICE, GROUP);
    let conn = kik.connect("c1", &first.conference, &first.token).expect("let in");
    let second = kik.join(ALICE, GROUP);
    // Both messages of one who leaves and comes back, in either order.
    kik.disconnect(conn);
    kik.leave(ALICE, GROUP, Some(&first.token));
    assert_eq!(kik.state(ALICE, GROUP), Some(State::Connecting), "the new join holds");
    let conn = kik.connect("c2", &second.conference, &second.token).expect("let in");
    kik.pushes();
    kik.disconnect(conn);
    // No grace: neither connected nor with an accepted join is not listed.
    let pushes = kik.pushes();
    assert_eq!(pushes.len(), 1);
    assert_eq!(people(&pushes[0].state), []);
    assert_eq!(kik.state(ALICE, GROUP), None);
}

#[test]
fn req_70_a_token_that_was_left_ran_out_was_replaced_or_never_was_admits_nobody() {
    let mut kik = Kik::new();
    let left = kik.join(ALICE, GROUP);
    kik.leave(ALICE, GROUP, Some(&left.token));
    let ran_out = kik.join(ALICE, GROUP);
    kik.world.passes(Duration::from_secs(21));
    let used = kik.join(ALICE, GROUP);
    let conn = kik.connect("used", &used.conference, &used.token).expect("let in");
    kik.disconnect(conn);
    let replaced = kik.join(ALICE, GROUP);
    let current = kik.join(ALICE, GROUP);
    let made_up = ["".to_owned(), "pmt1_AAAA.AAAA".to_owned(), current.token.replace('.', ".A")];
    let dead = [&left, &ran_out, &used, &replaced].map(|ticket| ticket.token.clone());
    for (n, token) in dead.iter().chain(&made_up).enumerate() {
        let conn = kik.world.shaken(&format!("late{n}"));
        let join = common::json!({"type": "join", "kind": "join", "group": current.conference,
            "token": token});
        kik.world.say(conn, join);
        kik.world.passes(Duration::from_millis(250));
        assert_eq!(kik.world.hears(conn)[0]["kind"], "fail", "{n}: {token}");
    }
    assert!(kik.connect("c", &current.conference, &current.token).is_some());
}
