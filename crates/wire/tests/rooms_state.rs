//! The state machine of a media session against the published table, and the
//! messages of a one-to-one call.

use parlour_wire::rooms::progress::{ProgressError, Said, Told};
use parlour_wire::rooms::{Counters, Machine, SessionEvent as E, SessionState as S};
use proptest::prelude::*;

fn counters(connections: u32, send_streams: u32, recv_streams: u32) -> Counters {
    Counters { connections, send_streams, recv_streams }
}

const EVENTS: [E; 6] = [
    E::ConnectionCreated,
    E::ConnectionDestroyed,
    E::StreamCreated,
    E::StreamDestroyed,
    E::PublisherStreamCreated,
    E::PublisherStreamDestroyed,
];

#[test]
fn every_row_of_the_table_moves_as_published() {
    // From, the counters before the event, the event, to.
    for (from, before, event, to) in [
        (S::Init, (0, 0, 0), E::ConnectionCreated, S::Waiting),
        (S::Waiting, (1, 0, 0), E::ConnectionCreated, S::Starting),
        (S::Starting, (2, 0, 0), E::StreamCreated, S::Receiving),
        (S::Starting, (2, 0, 0), E::PublisherStreamCreated, S::Sending),
        (S::Receiving, (2, 0, 1), E::PublisherStreamCreated, S::Sendrecv),
        (S::Sending, (2, 1, 0), E::StreamCreated, S::Sendrecv),
        (S::Sendrecv, (2, 1, 1), E::PublisherStreamDestroyed, S::Receiving),
        (S::Sendrecv, (2, 1, 1), E::StreamDestroyed, S::Sending),
        (S::Sending, (2, 1, 0), E::PublisherStreamDestroyed, S::Cleanup),
        (S::Receiving, (2, 0, 1), E::StreamDestroyed, S::Cleanup),
        (S::Cleanup, (2, 0, 0), E::ConnectionDestroyed, S::Waiting),
        (S::Waiting, (1, 0, 0), E::ConnectionDestroyed, S::Init),
        (S::Starting, (2, 0, 0), E::ConnectionDestroyed, S::Waiting),
        (S::Sending, (2, 1, 0), E::ConnectionDestroyed, S::Waiting),
        (S::Receiving, (2, 0, 1), E::ConnectionDestroyed, S::Waiting),
        (S::Sendrecv, (2, 1, 1), E::ConnectionDestroyed, S::Waiting),
        (S::Sendrecv, (2, 2, 1), E::PublisherStreamDestroyed, S::Sendrecv),
        (S::Sendrecv, (3, 1, 2), E::StreamDestroyed, S::Sendrecv),
        (S::Cleanup, (2, 0, 0), E::StreamCreated, S::Receiving),
        (S::Cleanup, (2, 0, 0), E::PublisherStreamCreated, S::Sending),
        (S::Waiting, (1, 0, 0), E::PublisherStreamCreated, S::Waiting),
        (S::Starting, (2, 0, 0), E::ConnectionCreated, S::Starting),
        (S::Sendrecv, (2, 1, 1), E::ConnectionCreated, S::Sendrecv),
        (S::Cleanup, (2, 0, 0), E::ConnectionCreated, S::Cleanup),
        (S::Sendrecv, (3, 1, 1), E::ConnectionDestroyed, S::Sendrecv),
        (S::Cleanup, (3, 0, 0), E::ConnectionDestroyed, S::Cleanup),
        (S::Init, (0, 0, 0), E::ConnectionDestroyed, S::Init),
        (S::Init, (0, 0, 0), E::StreamCreated, S::Init),
    ] {
        let (connections, send, recv) = before;
        let machine = Machine { state: from, counters: counters(connections, send, recv) };
        assert_eq!(machine.after(event).state, to, "{from:?} {before:?} {event:?}");
    }
}

#[test]
fn a_whole_conversation_ends_where_it_began() {
    let mut machine = Machine::default();
    let mut seen = Vec::new();
    for event in [
        E::ConnectionCreated,
        E::ConnectionCreated,
        E::PublisherStreamCreated,
        E::StreamCreated,
        E::PublisherStreamDestroyed,
        E::StreamDestroyed,
        E::ConnectionDestroyed,
        E::ConnectionDestroyed,
    ] {
        machine = machine.after(event);
        assert!(machine.counters.allow(machine.state), "{machine:?}");
        seen.push(machine.state.text());
    }
    assert_eq!(seen.join(" "), "waiting starting sending sendrecv receiving cleanup waiting init");
    assert_eq!(machine, Machine::default());
}

proptest! {
    #[test]
    fn no_order_of_events_takes_a_counter_below_zero(
        order in proptest::collection::vec(0..EVENTS.len(), 0..60)
    ) {
        let mut machine = Machine::default();
        let mut counted = 0_u32;
        for at in order {
            machine = machine.after(EVENTS[at]);
            counted += 1;
            let c = machine.counters;
            prop_assert!(c.connections <= counted && c.send_streams <= counted);
            if c.connections == 0 {
                prop_assert!(matches!(machine.state, S::Init | S::Waiting));
            }
        }
    }
}

#[test]
fn words_and_states_name_each_other() {
    for state in S::ALL {
        assert_eq!(S::of(state.text()), Some(state));
    }
    assert_eq!(S::of("Waiting"), None);
    for event in EVENTS {
        assert_eq!(E::of(event.text()), Some(event));
    }
    assert_eq!(E::of("Session.screen.streamCreated"), Some(E::StreamCreated));
    assert_eq!(E::of("Session.networkDisconnected"), None);
}

#[test]
fn counters_allow_the_states_they_can_mean() {
    assert!(counters(2, 0, 0).allow(S::Starting) && counters(2, 0, 0).allow(S::Cleanup));
    assert!(counters(0, 0, 0).allow(S::Init));
    assert!(!counters(1, 1, 1).allow(S::Sendrecv));
    assert!(!counters(3, 1, 0).allow(S::Sendrecv));
}

#[test]
fn each_message_of_a_call_is_read_or_refused_in_its_words() {
    let refused = |text: &str| Said::read(text).expect_err("must be refused").to_string();
    for text in ["", "{", "1", "[]", "null", "\"x\""] {
        assert_eq!(refused(text), "Malformed message.");
    }
    for text in ["{}", r#"{"messageType":"x"}"#, r#"{"messageType":1}"#] {
        assert_eq!(refused(text), "Unknown messageType");
    }
    assert_eq!(refused(r#"{"messageType":"hello"}"#), "Missing parameters: callId, auth");
    let text = r#"{"messageType":"hello","callId":"a"}"#;
    assert_eq!(refused(text), "Missing parameters: auth");
    assert_eq!(refused(r#"{"messageType":"action"}"#), "Missing parameters: event");
    for reason in ["\"a b\"", "1", "\"\"", "\"<x>\""] {
        let text = format!(r#"{{"messageType":"action","event":"terminate","reason":{reason}}}"#);
        assert_eq!(refused(&text), "Invalid reason: should be alphanumeric");
    }
    let text = r#"{"messageType":"action","event":"terminate","reason":"media-fail"}"#;
    let Ok(Said::Action { event, reason }) = Said::read(text) else { panic!("must pass") };
    assert_eq!((event.as_str(), reason.as_deref()), ("terminate", Some("media-fail")));
    assert!(matches!(Said::read(r#"{"messageType":"echo","echo":[1]}"#), Ok(Said::Echo(_))));
}

#[test]
fn what_a_call_tells_is_json_with_a_reason_where_there_is_one() {
    let told = Told::Progress { state: "terminated", reason: Some("timeout".to_owned()) };
    assert_eq!(
        told.text(),
        r#"{"messageType":"progress","reason":"timeout","state":"terminated"}"#
    );
    let told = Told::Hello { state: "init", reason: None };
    assert_eq!(told.text(), r#"{"messageType":"hello","state":"init"}"#);
    let error = ProgressError::Transition { state: "init", event: "accept".to_owned() };
    assert_eq!(
        Told::Error(error).text(),
        r#"{"messageType":"error","reason":"No transition from init state with accept event."}"#
    );
}
