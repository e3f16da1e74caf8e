//! Media servers apart from the process: they ask who may come in and report
//! who is gone.

mod callctl;
mod common;

use callctl::{ALICE, GROUP, Kik, PAIR, Ticket};
use parlour_base::RoomId;
use parlour_node::callctl::{
    Eviction, EvictionReason, MediaConnected, MediaDisconnected, MediaLost, Trouble,
    conference_text,
};
use parlour_session::call::Notice;
use parlour_wire::callctl::pb::common::VoidResponse;
use parlour_wire::callctl::pb::common::video::v1::MediaServerConnectionToken;
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::pb::selfhost::video::v1::client_connected_response::Result as Connected;
use parlour_wire::callctl::pb::selfhost::video::v1::{
    ClientConnectedRequest, ClientConnectedResponse, ClientDisconnectedNotification,
};
use std::sync::Arc;
use std::time::Duration;

fn token(text: &str) -> Option<MediaServerConnectionToken> {
    Some(MediaServerConnectionToken { payload: text.as_bytes().to_vec() })
}

fn present(
    kik: &mut Kik,
    conference: &str,
    text: &str,
    connection: &str,
) -> ClientConnectedResponse {
    let request = ClientConnectedRequest {
        conference_id: conference.to_owned(),
        connection_token: token(text),
        media_server_id: "m1".to_owned(),
        connection_id: connection.to_owned(),
    };
    let answer: Result<ClientConnectedResponse, Trouble> =
        kik.world.ask(MediaConnected::new(Arc::clone(&kik.rules), request));
    answer.expect("an answer")
}

fn over(kik: &mut Kik, ticket: &Ticket, connection: &str) {
    let notice = ClientDisconnectedNotification {
        conference_id: ticket.conference.clone(),
        connection_token: token(&ticket.token),
        media_server_id: "m1".to_owned(),
        connection_id: connection.to_owned(),
        reason: 1,
    };
    let done: Result<VoidResponse, Trouble> =
        kik.world.ask(MediaDisconnected::new(Arc::clone(&kik.rules), notice));
    assert_eq!(done, Ok(VoidResponse {}));
}

fn evictions(kik: &mut Kik) -> Vec<Eviction> {
    let notices = std::mem::take(&mut kik.world.notices).into_iter();
    let evictions = notices.filter_map(|notice| match notice {
        Notice::Eviction(eviction) => Some(eviction),
        _ => None,
    });
    evictions.collect()
}

fn room(ticket: &Ticket) -> RoomId {
    conference_text(&ticket.conference).expect("an id")
}

#[test]
fn a_media_server_admits_whoever_presents_the_current_token_and_reports_the_end() {
    let mut kik = Kik::new();
    let ticket = kik.join(ALICE, GROUP);
    let answer = present(&mut kik, &ticket.conference, &ticket.token, "1");
    assert_eq!(answer.result, i32::from(Connected::Ok));
    assert_eq!(answer.user.expect("who").local_part, ALICE);
    assert_eq!(answer.convo_id, Some(callctl::convo(GROUP).to_pb()));
    assert_eq!(kik.state(ALICE, GROUP), Some(State::Connected));
    kik.world.passes(Duration::from_secs(60));
    assert_eq!(kik.state(ALICE, GROUP), Some(State::Connected));
    over(&mut kik, &ticket, "2");
    assert_eq!(kik.state(ALICE, GROUP), Some(State::Connected), "another connection");
    over(&mut kik, &ticket, "1");
    over(&mut kik, &ticket, "1");
    assert_eq!(kik.state(ALICE, GROUP), None);
}

#[test]
fn each_reason_not_to_admit_has_its_word() {
    let mut kik = Kik::new();
    let (old, other) = (kik.join(ALICE, GROUP), kik.join(ALICE, PAIR));
    let ticket = kik.join(ALICE, GROUP);
    for (conference, token, result) in [
        ("kik.AAAA.AAAA", ticket.token.as_str(), Connected::UnknownConference),
        (other.conference.as_str(), ticket.token.as_str(), Connected::BadToken),
        (ticket.conference.as_str(), "forged", Connected::BadToken),
        (ticket.conference.as_str(), old.token.as_str(), Connected::StaleToken),
    ] {
        let answer = present(&mut kik, conference, token, "1");
        assert_eq!(answer.result, i32::from(result), "{conference} {token}");
        assert_eq!(answer.user, None);
    }
    kik.world.now.wall.0 += 86_400_000;
    let answer = present(&mut kik, &ticket.conference, &ticket.token, "1");
    assert_eq!(answer.result, i32::from(Connected::ExpiredToken));
}

#[test]
fn whoever_names_only_the_room_needs_a_token_of_that_room_that_is_current() {
    let mut kik = Kik::new();
    let (old, other) = (kik.join(ALICE, GROUP), kik.join(ALICE, PAIR));
    let ticket = kik.join(ALICE, GROUP);
    let (here, there) = (room(&ticket).to_string(), room(&other).to_string());
    for (room, token, result) in [
        (&there, &ticket.token, Connected::BadToken),
        (&here, &other.token, Connected::BadToken),
        (&here, &old.token, Connected::StaleToken),
    ] {
        assert_eq!(present(&mut kik, room, token, "1").result, i32::from(result), "{room}");
    }
    assert_eq!(present(&mut kik, &here, &ticket.token, "1").result, i32::from(Connected::Ok));
    assert_eq!(kik.state(ALICE, GROUP), Some(State::Connected));
    over(&mut kik, &Ticket { conference: here, ..ticket }, "1");
    assert_eq!(kik.state(ALICE, GROUP), None);
}

#[test]
fn a_media_server_is_told_which_connections_to_close_and_why() {
    let mut kik = Kik::new();
    let ticket = kik.join(ALICE, GROUP);
    present(&mut kik, &ticket.conference, &ticket.token, "1");
    let next = kik.join(ALICE, GROUP);
    present(&mut kik, &next.conference, &next.token, "2");
    let told = evictions(&mut kik);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].connection.as_str(), told[0].reason), ("1", EvictionReason::Replaced));
    assert_eq!((told[0].media_server.as_str(), told[0].room), ("m1", room(&ticket)));
    kik.leave(ALICE, GROUP, Some(&next.token));
    assert_eq!(evictions(&mut kik)[0].reason, EvictionReason::Left);
    let ticket = kik.join(ALICE, GROUP);
    present(&mut kik, &ticket.conference, &ticket.token, "3");
    kik.force(ALICE, GROUP);
    assert_eq!(evictions(&mut kik)[0].reason, EvictionReason::Forced);
}

#[test]
fn the_connections_of_a_media_server_that_is_lost_are_over() {
    let mut kik = Kik::new();
    let ticket = kik.join(ALICE, GROUP);
    present(&mut kik, &ticket.conference, &ticket.token, "1");
    let done: Result<VoidResponse, Trouble> =
        kik.world.ask(MediaLost::new(room(&ticket), "m1", "1"));
    assert_eq!(done, Ok(VoidResponse {}));
    assert_eq!(kik.state(ALICE, GROUP), None);
    assert_eq!(evictions(&mut kik), [], "there is nobody to tell");
}
