//! The requirements of the call-control door, one test each, named by its
//! number (docs/protocols/callctl.md). What is about bytes is tested in
//! `wire`, what is about callers, statuses and streams in `server`.

mod callctl;
mod common;

use callctl::{ALICE, BOB, GROUP, Kik, PAIR, convo, follow, name, people, stamp};
use common::{Mood, World, config};
use parlour_base::Span;
use parlour_node::callctl::{
    Ask, Authority, GroupMembers, Inner, Join, Permit, Permitted, Query, Trouble,
};
use parlour_node::port::Input;
use parlour_session::call::{Call, Fetched};
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::pb::internal::video::v1::GetConvoStateFromVcsResponse;
use parlour_wire::callctl::pb::mobile::video::v1::{
    BatchedGetConvoStateResponse, JoinConvoConferenceResponse,
    join_convo_conference_response::Result as Joined,
};
use parlour_wire::callctl::pb::selfhost::video::v1::GetGroupMembersResponse;
use parlour_wire::callctl::{ConferenceKey, ConvoId};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

type Answer = Result<JoinConvoConferenceResponse, Trouble>;

/// A call that may have to wait; its reply if it is done.
fn reply<T: Any>(kik: &mut Kik, call: impl Call + 'static) -> Option<T> {
    let id = kik.world.call(call);
    kik.world.replies.remove(&id).and_then(|reply| reply.open())
}

fn crowd(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("user_{n:02}")).collect()
}

fn crowded(count: usize) -> (Kik, Vec<String>) {
    let mut kik = Kik::new();
    let crowd = crowd(count);
    let names: Vec<&str> = crowd.iter().map(String::as_str).collect();
    kik.members(GROUP, &names);
    (kik, crowd)
}

#[test]
fn req_8_to_11_a_list_names_those_in_the_call_once_and_nothing_of_the_conference() {
    let mut kik = Kik::new();
    let ticket = kik.join(ALICE, GROUP);
    let list = kik.query(BOB, &[GROUP]).remove(0);
    assert_eq!(people(&list), [(ALICE.to_owned(), State::Connecting)]);
    let text = format!("{list:?}");
    assert!(!text.contains(&ticket.conference) && !text.contains(&ticket.host));
    assert_eq!(list.convo_id, Some(convo(GROUP).to_pb()));
}

#[test]
fn req_12_67_and_74_who_has_left_the_group_is_listed_may_leave_and_is_told_nothing() {
    let mut kik = Kik::new();
    let ticket = kik.join(ALICE, GROUP);
    kik.members(GROUP, &[BOB]);
    assert_eq!(kik.state(ALICE, GROUP), Some(State::Connecting));
    let again = kik.try_join(ALICE, GROUP).expect("an answer");
    assert_eq!(again.result, i32::from(Joined::NotAllowed));
    kik.pushes();
    kik.leave(ALICE, GROUP, Some(&ticket.token));
    assert_eq!(kik.state(ALICE, GROUP), None);
    let pushes = kik.pushes();
    assert_eq!(pushes.len(), 1);
    assert_eq!(pushes[0].members, [BOB]);
}

#[test]
fn req_17_and_50_time_in_connecting_is_bounded_and_a_new_join_starts_it_anew() {
    let mut kik = Kik::new();
    kik.join(ALICE, GROUP);
    kik.world.passes(Duration::from_millis(19_900));
    assert_eq!(kik.state(ALICE, GROUP), Some(State::Connecting));
    kik.join(ALICE, GROUP);
    kik.world.passes(Duration::from_millis(19_900));
    assert_eq!(kik.state(ALICE, GROUP), Some(State::Connecting));
    kik.pushes();
    kik.world.passes(Duration::from_millis(200));
    assert_eq!(kik.state(ALICE, GROUP), None);
    assert_eq!(kik.pushes().len(), 1);
}

#[test]
fn req_19_to_21_and_23_times_grow_with_changes_and_only_with_them() {
    let mut kik = Kik::new();
    let before = stamp(&kik.query(BOB, &[GROUP])[0]);
    let ticket = kik.join(ALICE, GROUP);
    let joined = stamp(&ticket.state);
    assert!(before < joined, "an idle answer is older than the first change");
    assert_eq!(stamp(&kik.query(BOB, &[GROUP])[0]), joined);
    kik.join(ALICE, GROUP);
    assert_eq!(stamp(&kik.query(BOB, &[GROUP])[0]), joined, "nothing has changed");
    kik.pushes();
    follow(&kik.pushed);
}

#[test]
fn req_24_times_and_tokens_go_on_through_idleness_restarts_and_a_clock_that_goes_back() {
    let mut kik = Kik::new();
    let mut last = 0;
    for round in 0..4 {
        let ticket = kik.join(ALICE, GROUP);
        assert!(stamp(&ticket.state) > last, "round {round}");
        kik.leave(ALICE, GROUP, Some(&ticket.token));
        last = stamp(&kik.query(BOB, &[GROUP])[0]);
        if round == 1 {
            kik.world.passes(Duration::from_secs(3_600));
        }
        if round >= 2 {
            kik.world.now.wall.0 -= 86_400_000;
            kik = kik.restarted();
        }
        let idle = stamp(&kik.query(BOB, &[GROUP])[0]);
        assert!(idle >= last, "round {round}: never back");
        last = idle;
    }
    kik.pushes();
    follow(&kik.pushed);
}

#[test]
fn req_25_to_27_a_conversation_has_one_conference_at_a_time_and_its_id_can_be_checked() {
    let mut kik = Kik::new();
    let (alice, bob) = (kik.join(ALICE, GROUP), kik.join(BOB, GROUP));
    assert_eq!(alice.conference, bob.conference);
    let parts: Vec<&str> = alice.conference.split('.').collect();
    assert_eq!((parts[0], parts[1].len(), parts[2].len()), ("kik", 16, 4));
    let foreign = ConferenceKey::new("kik", b"another server").expect("a plain name");
    assert!(foreign.parse(&alice.conference).is_err());
    kik.leave(ALICE, GROUP, Some(&alice.token));
    kik.leave(BOB, GROUP, Some(&bob.token));
    assert_ne!(kik.join(ALICE, GROUP).conference, alice.conference, "another call");
}

#[test]
fn req_28_to_31_and_54_a_token_is_text_for_one_conference_and_the_old_form_connects() {
    let mut kik = Kik::new();
    let (group, pair) = (kik.join(ALICE, GROUP), kik.join(ALICE, PAIR));
    assert!(group.token.len() <= 1_024 && group.token.is_ascii());
    assert!(kik.connect("other", &pair.conference, &group.token).is_none());
    let line = format!("{}:{}/{}", group.host, group.port, group.conference);
    assert!(kik.connect("old", &line, &group.token).is_some());
    assert_eq!(kik.state(ALICE, GROUP), Some(State::Connected));
    assert_eq!(kik.state(ALICE, PAIR), Some(State::Connecting));
}

#[test]
fn req_32_a_query_changes_nothing_and_makes_no_room() {
    let mut kik = Kik::new();
    let before = format!("{:?}", kik.world.disk.names);
    kik.query(ALICE, &[PAIR, "9999999999999_g"]);
    assert_eq!(format!("{:?}", kik.world.disk.names), before);
    assert_eq!(kik.pushes(), []);
}

#[test]
fn req_36_a_repeated_id_is_answered_once_and_the_rest_exactly() {
    let mut kik = Kik::new();
    let lists = kik.query(ALICE, &[GROUP, PAIR, GROUP, PAIR]);
    let ids: Vec<_> = lists.into_iter().filter_map(|list| list.convo_id).collect();
    assert_eq!(ids, [convo(GROUP).to_pb(), convo(PAIR).to_pb()]);
}

#[test]
fn req_37_and_38_a_conversation_without_a_call_is_an_empty_list_with_id_and_time() {
    let mut kik = Kik::new();
    for key in [GROUP, PAIR, "9999999999999_g"] {
        let list = kik.query(ALICE, &[key]).remove(0);
        assert_eq!(people(&list), []);
        assert!(list.timestamp.is_some());
    }
    let inner: Result<GetConvoStateFromVcsResponse, Trouble> =
        kik.world.ask(Inner::new(convo(GROUP)));
    let inner = inner.expect("an answer");
    assert_eq!(inner.result, 3, "inside it is not found");
    assert!(inner.latest_state.is_some_and(|list| list.user_states.is_empty()));
}

#[test]
fn req_39_an_outsider_sees_an_idle_conversation() {
    let mut kik = Kik::new();
    kik.join(ALICE, GROUP);
    kik.join(ALICE, PAIR);
    let seen = kik.query("mallory_1", &[GROUP, PAIR]);
    let unknown = kik.query("mallory_1", &["9999999999999_g"]);
    for list in &seen {
        assert_eq!(people(list), []);
        assert_eq!(list.timestamp, unknown[0].timestamp, "not even that there is a call");
    }
}

#[test]
fn req_40_if_the_list_cannot_be_had_nothing_is_made_up() {
    let mut kik = Kik::new().restarted();
    kik.world.mood = Mood::Fails;
    let query = Query::new(Arc::clone(&kik.rules), name(ALICE), vec![convo(GROUP)]);
    let answer: Result<BatchedGetConvoStateResponse, Trouble> = kik.world.ask(query);
    assert_eq!(answer, Err(Trouble::Unavailable));
    assert_eq!(kik.try_join(ALICE, GROUP), Err(Trouble::Unavailable));
    kik.leave(ALICE, GROUP, Some("whatever it is"));
}

#[test]
fn req_41_to_44_a_join_creates_the_call_makes_its_caller_connecting_and_is_pushed() {
    let mut kik = Kik::new();
    let ticket = kik.join(ALICE, PAIR);
    assert_eq!(people(&ticket.state), [(ALICE.to_owned(), State::Connecting)]);
    let pushes = kik.pushes();
    assert_eq!(pushes.len(), 1);
    assert!(pushes[0].members.contains(&BOB.to_owned()));
    kik.join(BOB, PAIR);
    assert_eq!(kik.state(BOB, PAIR), Some(State::Connecting));
}

#[test]
fn req_45_and_46_nobody_connects_without_a_join_and_each_connection_needs_a_new_one() {
    let mut kik = Kik::new();
    let ticket = kik.join(ALICE, GROUP);
    let bobs = kik.world.shaken("nobody");
    let join = common::json!({"type": "join", "kind": "join", "group": ticket.conference,
        "username": "bob", "password": ""});
    kik.world.say(bobs, join);
    kik.world.passes(Duration::from_millis(250));
    assert_eq!(kik.world.hears(bobs)[0]["kind"], "fail");
    let conn = kik.connect("c", &ticket.conference, &ticket.token).expect("let in");
    kik.disconnect(conn);
    assert!(kik.connect("d", &ticket.conference, &ticket.token).is_none(), "it was used up");
}

#[test]
fn req_47_and_56_who_is_in_may_join_again_stays_connected_and_never_finds_it_full() {
    let (mut kik, crowd) = crowded(7);
    let first = kik.join(&crowd[0], GROUP);
    kik.connect("c", &first.conference, &first.token).expect("let in");
    for one in &crowd[1..6] {
        kik.join(one, GROUP);
    }
    assert_eq!(kik.try_join(&crowd[6], GROUP).expect("an answer").result, 1);
    let again = kik.join(&crowd[0], GROUP);
    assert_eq!(people(&again.state)[0], (crowd[0].clone(), State::Connected));
    kik.join(&crowd[3], GROUP);
}

#[test]
fn req_48_tokens_are_sequential_whether_or_not_the_user_was_in() {
    let mut kik = Kik::new();
    let number = |kik: &Kik, token: &str| {
        let room = kik.world.shard.room_ids().find_map(|id| {
            let room = kik.world.shard.room(id)?;
            room.seats().find(|seat| seat.person.kik.as_deref() == Some(ALICE)).cloned()
        });
        assert!(!token.is_empty());
        room.expect("a seat").current.0
    };
    let mut last = 0;
    for _ in 0..3 {
        let ticket = kik.join(ALICE, GROUP);
        let now = number(&kik, &ticket.token);
        assert!(now > last);
        last = now;
    }
    let ticket = kik.join(ALICE, GROUP);
    kik.leave(ALICE, GROUP, Some(&ticket.token));
    let ticket = kik.join(ALICE, GROUP);
    assert!(number(&kik, &ticket.token) > last);
}

#[test]
fn req_48_a_join_sent_again_is_answered_with_the_same_token_while_that_is_unused_and_current() {
    let mut kik = Kik::new();
    let id = |n| Some(parlour_node::callctl::RequestId(7, n));
    let token = |kik: &mut Kik, request| {
        let join = Join::new(Arc::clone(&kik.rules), name(ALICE), convo(GROUP), Authority::Here);
        let answer: Answer = kik.world.ask(join.asked_by(request));
        let answer = answer.expect("an answer");
        let info = answer.connection_info.expect("OK").conference_id;
        (String::from_utf8(answer.connection_token.expect("OK").payload).expect("text"), info)
    };
    let (first, _) = token(&mut kik, id(1));
    kik.world.passes(Duration::from_secs(2));
    let (again, conference) = token(&mut kik, id(1));
    assert_eq!(first, again);
    assert_eq!(kik.pushes().len(), 1, "nothing has changed");
    kik.connect("c", &conference, &first).expect("let in");
    // Used: the next one is another.
    let (second, _) = token(&mut kik, id(1));
    assert_ne!(second, first);
    assert_eq!(token(&mut kik, id(1)).0, second, "pending beside the connection");
    // Replaced: an old request does not bring it back.
    let (third, _) = token(&mut kik, id(2));
    assert!(third != second && token(&mut kik, id(1)).0 != second);
    // Without a name no request is another's repetition.
    assert_ne!(token(&mut kik, None).0, token(&mut kik, None).0);
    // Left: dead for good.
    let (last, _) = token(&mut kik, id(3));
    kik.leave(ALICE, GROUP, Some(&last));
    assert_ne!(token(&mut kik, id(3)).0, last);
}

#[test]
fn req_48_a_join_sent_again_does_not_prolong_the_time_to_connect() {
    let mut kik = Kik::new();
    let request = Some(parlour_node::callctl::RequestId(7, 1));
    let join = |kik: &mut Kik| {
        let join = Join::new(Arc::clone(&kik.rules), name(ALICE), convo(GROUP), Authority::Here);
        let answer: Answer = kik.world.ask(join.asked_by(request));
        assert_eq!(answer.expect("an answer").result, i32::from(Joined::Ok));
    };
    join(&mut kik);
    kik.world.passes(Duration::from_secs(15));
    join(&mut kik);
    kik.world.passes(Duration::from_secs(6));
    assert_eq!(kik.state(ALICE, GROUP), None);
}

#[test]
fn req_49_when_the_media_server_is_reached_everybody_is_told_the_joiner_too() {
    let mut kik = Kik::new();
    let ticket = kik.join(ALICE, GROUP);
    kik.pushes();
    kik.connect("c", &ticket.conference, &ticket.token).expect("let in");
    let pushes = kik.pushes();
    assert_eq!(pushes.len(), 1);
    assert_eq!(people(&pushes[0].state), [(ALICE.to_owned(), State::Connected)]);
    for who in [ALICE, BOB] {
        assert!(pushes[0].members.contains(&who.to_owned()));
    }
}

#[test]
fn req_51_to_53_ok_has_everything_and_no_other_result_says_where_to_connect() {
    let (mut kik, crowd) = crowded(7);
    for one in &crowd[..6] {
        let answer = kik.try_join(one, GROUP).expect("an answer");
        assert!(answer.latest_state.is_some() && answer.connection_info.is_some());
        assert!(answer.connection_token.is_some());
    }
    let full = kik.try_join(&crowd[6], GROUP).expect("an answer");
    assert_eq!(full.result, i32::from(Joined::Full));
    assert_eq!(people(&full.latest_state.expect("the list")).len(), 6);
    assert!(full.connection_info.is_none() && full.connection_token.is_none());
    let no = kik.try_join("mallory_1", GROUP).expect("an answer");
    assert_eq!(no.result, i32::from(Joined::NotAllowed));
    assert!(no.connection_info.is_none() && no.connection_token.is_none());
}

#[test]
fn req_55_leaving_disconnecting_and_running_out_of_time_free_a_seat() {
    let (mut kik, crowd) = crowded(9);
    let tickets: Vec<_> = crowd[..6].iter().map(|one| kik.join(one, GROUP)).collect();
    let conns: Vec<_> = (0..6)
        .map(|n| kik.connect(&format!("c{n}"), &tickets[n].conference, &tickets[n].token))
        .collect();
    let full = |kik: &mut Kik, who: &str| {
        kik.try_join(who, GROUP).expect("an answer").result == i32::from(Joined::Full)
    };
    assert!(full(&mut kik, &crowd[6]));
    kik.leave(&crowd[0], GROUP, Some(&tickets[0].token));
    assert!(!full(&mut kik, &crowd[6]) && full(&mut kik, &crowd[7]));
    kik.disconnect(conns[1].expect("let in"));
    assert!(!full(&mut kik, &crowd[7]) && full(&mut kik, &crowd[8]));
    kik.world.passes(Duration::from_secs(21));
    assert!(!full(&mut kik, &crowd[8]), "two that never connected are gone");
}

#[test]
fn req_57_not_in_the_group_not_one_of_the_pair_and_unknown_groups_are_not_allowed() {
    let mut kik = Kik::new();
    for (who, key) in [("mallory_1", GROUP), ("mallory_1", PAIR), (ALICE, "9999999999999_g")] {
        let answer = kik.try_join(who, key).expect("an answer");
        assert_eq!(answer.result, i32::from(Joined::NotAllowed), "{who} {key}");
    }
}

#[test]
fn req_58_full_and_not_allowed_change_and_push_nothing() {
    let (mut kik, crowd) = crowded(7);
    for one in &crowd[..6] {
        kik.join(one, GROUP);
    }
    kik.pushes();
    let rooms = format!("{:?}", kik.world.disk.names);
    let before = kik.query(&crowd[0], &[GROUP]);
    assert_eq!(kik.try_join(&crowd[6], GROUP).expect("an answer").result, 1);
    assert_eq!(kik.try_join("mallory_1", GROUP).expect("an answer").result, 2);
    assert_eq!(kik.try_join("mallory_1", "9999999999999_g").expect("an answer").result, 2);
    assert_eq!(kik.query(&crowd[0], &[GROUP]), before);
    assert_eq!(kik.pushes(), []);
    assert_eq!(format!("{:?}", kik.world.disk.names), rooms);
}

#[test]
fn req_60_first_joins_at_one_moment_meet_in_one_conference_and_never_exceed_the_limit() {
    for key in [GROUP, PAIR] {
        let (mut kik, crowd) = crowded(10);
        let callers: Vec<String> = if key == GROUP {
            crowd
        } else {
            vec![ALICE.to_owned(), BOB.to_owned(), ALICE.to_owned()]
        };
        kik.world.mood = Mood::Holds;
        let calls: Vec<_> = callers
            .iter()
            .map(|who| {
                let join =
                    Join::new(Arc::clone(&kik.rules), name(who), convo(key), Authority::Here);
                kik.world.call(join)
            })
            .collect();
        kik.world.turn(Mood::Works);
        let mut answers = calls.into_iter().map(|id| {
            let reply = kik.world.replies.remove(&id).expect("answered");
            reply.open::<Answer>().expect("the door's reply").expect("an answer")
        });
        let infos: Vec<_> = answers.by_ref().filter_map(|answer| answer.connection_info).collect();
        assert_eq!(infos.len(), if key == GROUP { 6 } else { 3 });
        assert!(infos.iter().all(|info| info == &infos[0]), "one conference");
    }
}

#[test]
fn req_61_and_64_a_leave_frees_the_seat_ends_the_connection_and_the_token() {
    let mut kik = Kik::new();
    kik.leave(ALICE, PAIR, Some("nothing to leave"));
    let ticket = kik.join(ALICE, GROUP);
    let conn = kik.connect("c", &ticket.conference, &ticket.token).expect("let in");
    kik.pushes();
    kik.leave(ALICE, GROUP, Some(&ticket.token));
    assert!(kik.world.is_closed(conn).is_some());
    assert_eq!(kik.pushes().len(), 1);
    assert_eq!(kik.state(ALICE, GROUP), None);
    assert!(kik.connect("d", &ticket.conference, &ticket.token).is_none(), "REQ-70");
}

#[test]
fn req_66_a_leave_without_a_token_changes_nothing() {
    let mut kik = Kik::new();
    kik.join(ALICE, GROUP);
    kik.pushes();
    kik.leave(ALICE, GROUP, None);
    assert_eq!(kik.state(ALICE, GROUP), Some(State::Connecting));
    assert_eq!(kik.pushes(), []);
}

#[test]
fn req_71_and_75_every_change_is_pushed_to_all_members() {
    let mut kik = Kik::new();
    kik.members(GROUP, &[ALICE, BOB, "carol"]);
    let ticket = kik.join(ALICE, GROUP);
    kik.connect("c", &ticket.conference, &ticket.token).expect("let in");
    kik.leave(ALICE, GROUP, Some(&ticket.token));
    kik.join(BOB, GROUP);
    kik.force(BOB, GROUP);
    kik.join(BOB, GROUP);
    kik.world.passes(Duration::from_secs(21));
    let ticket = kik.join(ALICE, GROUP);
    let conn = kik.connect("d", &ticket.conference, &ticket.token).expect("let in");
    kik.disconnect(conn);
    let pushes = kik.pushes();
    assert_eq!(pushes.len(), 10);
    follow(&pushes);
    for push in pushes {
        let mut members = push.members;
        members.sort();
        assert_eq!(members, [ALICE, BOB, "carol"]);
    }
}

#[test]
fn a_restart_empties_the_list_with_a_later_time_and_pushes_that() {
    let mut kik = Kik::new();
    let ticket = kik.join(ALICE, GROUP);
    kik.pushes();
    let mut kik = kik.restarted();
    kik.world.input(Input::Tick);
    kik.world.passes(Duration::from_secs(1));
    let list = kik.query(BOB, &[GROUP]).remove(0);
    assert_eq!(people(&list), []);
    assert!(stamp(&list) > stamp(&ticket.state));
    let pushes = kik.pushes();
    assert_eq!(pushes.len(), 1, "whoever saw her in the call is told");
    assert_eq!(people(&pushes[0].state), []);
    assert!(kik.connect("late", &ticket.conference, &ticket.token).is_none());
}

#[test]
fn a_group_is_gone_when_nobody_is_in_it_and_its_time_goes_on() {
    let mut kik = Kik::new();
    let group = || match convo(GROUP) {
        ConvoId::Group(group) => group,
        ConvoId::Pair(..) => unreachable!("it is a group"),
    };
    let list = |kik: &mut Kik| -> GetGroupMembersResponse {
        let answer: Result<_, Trouble> = kik.world.ask(GroupMembers::new(group()));
        answer.expect("an answer")
    };
    assert_eq!(list(&mut kik).members.len(), 2);
    let before = stamp(&kik.join(ALICE, GROUP).state);
    kik.members(GROUP, &[]);
    assert_eq!(list(&mut kik).result, 1);
    assert_eq!(kik.try_join(BOB, GROUP).expect("an answer").result, 2);
    kik.members(GROUP, &[BOB]);
    assert!(stamp(&kik.join(BOB, GROUP).state) > before);
    kik.members("9999999999999_g", &[]);
    assert!(!format!("{:?}", kik.world.disk.names).contains("9999999999999_g"));
}

fn asking() -> Kik {
    let mut kik = Kik::on(World::with(config(), Mood::Works));
    let mut rules = (*kik.rules).clone();
    rules.ask = Some(Ask {
        url: "http://app.example.org/members".to_owned(),
        secret: None,
        fresh: Span::secs(60),
        stale: Span::secs(600),
    });
    kik.rules = Arc::new(rules);
    kik
}

fn join(kik: &Kik, who: &str, key: &str) -> Join {
    Join::new(Arc::clone(&kik.rules), name(who), convo(key), Authority::Here)
}

/// Answers what the application was asked.
fn application_says(kik: &mut Kik, status: u16, body: &str) -> usize {
    let asked = std::mem::take(&mut kik.world.fetches);
    let count = asked.len();
    for (call, fetch) in asked {
        assert!(fetch.body.expose().starts_with(b"{\"conversation\":"));
        let body = body.as_bytes().to_vec();
        kik.world.input(Input::Fetched(call, Fetched::Answer { status, body }));
    }
    count
}

fn outcome(kik: &mut Kik, who: &str, key: &str, status: u16, body: &str) -> (usize, Answer) {
    let join = join(kik, who, key);
    let id = kik.world.call(join);
    let asked = application_says(kik, status, body);
    let reply = kik.world.replies.remove(&id).expect("answered");
    (asked, reply.open().expect("the door's reply"))
}

#[test]
fn an_application_that_knows_the_members_is_asked_and_its_answer_is_good_for_a_while() {
    let mut kik = asking();
    let both = r#"{"members":["alice_a1b","bob.b_z9z"]}"#;
    let (asked, answer) = outcome(&mut kik, ALICE, GROUP, 200, both);
    assert_eq!((asked, answer.expect("an answer").result), (1, 0));
    let (asked, answer) = outcome(&mut kik, BOB, GROUP, 200, both);
    assert_eq!((asked, answer.expect("an answer").result), (0, 0), "it was asked just now");
    kik.world.passes(Duration::from_secs(61));
    let (asked, answer) = outcome(&mut kik, BOB, GROUP, 200, r#"{"members":["alice_a1b"]}"#);
    assert_eq!((asked, answer.expect("an answer").result), (1, 2));
    let (_, answer) = outcome(&mut kik, ALICE, PAIR, 404, "");
    assert_eq!(answer.expect("an answer").result, 2, "a block within a pair");
}

#[test]
fn while_the_application_does_not_answer_its_last_word_stands_in_and_then_nothing_is_guessed() {
    let mut kik = asking();
    let (_, answer) = outcome(&mut kik, ALICE, GROUP, 500, "");
    assert_eq!(answer, Err(Trouble::Unavailable), "nobody has said anything yet");
    let both = r#"{"members":["alice_a1b","bob.b_z9z"]}"#;
    let (_, answer) = outcome(&mut kik, ALICE, GROUP, 200, both);
    assert_eq!(answer.expect("an answer").result, 0);
    kik.world.passes(Duration::from_secs(300));
    for garbage in ["", "[]", r#"{"members":[7]}"#, r#"{"members":["BAD NAME"]}"#] {
        let (asked, answer) = outcome(&mut kik, BOB, GROUP, 200, garbage);
        assert_eq!((asked, answer.expect("an answer").result), (1, 0), "{garbage}");
    }
    kik.world.passes(Duration::from_secs(301));
    let (_, answer) = outcome(&mut kik, BOB, GROUP, 503, "");
    assert_eq!(answer, Err(Trouble::Unavailable));
    let permitted: Option<Result<Permitted, Trouble>> = {
        let permit = Permit::known(Arc::clone(&kik.rules), convo(GROUP));
        reply(&mut kik, permit)
    };
    let permitted = permitted.expect("at once").expect("as far as is known");
    assert!(permitted.has(&name(ALICE)), "pushes never ask");
}

#[test]
fn a_front_decides_for_the_keeper_who_is_a_member() {
    let mut kik = Kik::new();
    let join = Join::new(
        Arc::clone(&kik.rules),
        name("carol"),
        convo("9999999999999_g"),
        Authority::Front,
    );
    let answer: Answer = kik.world.ask(join);
    assert_eq!(answer.expect("an answer").result, 0);
    let inner: Result<GetConvoStateFromVcsResponse, Trouble> =
        kik.world.ask(Inner::new(convo("9999999999999_g")));
    let list = inner.expect("an answer").latest_state.expect("a list");
    assert_eq!(people(&list), [("carol".to_owned(), State::Connecting)]);
}
