//! One-to-one calls of the rooms API: who hears what, and when it ends.

use parlour_base::{Mono, Now, RoomId, Secret, UserId, Wall};
use parlour_session::rooms::exchange::{CALLS_MAX, Input, Output};
use parlour_session::rooms::{Exchange, Placing, Socket, Timers};
use serde_json::json;
use std::time::Duration;

const CALLER: Socket = Socket(1);
const CALLEE: Socket = Socket(2);
const OTHER: Socket = Socket(3);

struct Office {
    exchange: Exchange,
    now: Now,
}

fn user() -> UserId {
    UserId::new(9).expect("not reserved")
}

fn placing(id: &str) -> Placing {
    Placing {
        call_id: id.to_owned(),
        caller_token: Secret::new(format!("{id}-caller")),
        callee_token: Secret::new(format!("{id}-callee")),
        callees: vec![user()],
        placed_at: 100,
        entry: json!({ "callId": id }),
        room: RoomId::new(5).expect("not reserved"),
    }
}

impl Office {
    fn with_a_call() -> Self {
        let now = Now { mono: Mono(1_000), wall: Wall(100_000) };
        let mut office = Self { exchange: Exchange::new(Timers::default()), now };
        office.give(Input::Place(placing("c")));
        office
    }

    /// What comes of an input: `socket text` or `socket closed`.
    fn give(&mut self, input: Input<'_>) -> Vec<String> {
        self.exchange.handle(self.now, input);
        std::iter::from_fn(|| self.exchange.poll()).map(|output| shown(&output)).collect()
    }

    fn say(&mut self, socket: Socket, text: &str) -> Vec<String> {
        self.give(Input::Text(socket, text))
    }

    fn hello(&mut self, socket: Socket, auth: &str) -> Vec<String> {
        let text = json!({ "messageType": "hello", "callId": "c", "auth": auth }).to_string();
        self.say(socket, &text)
    }

    fn act(&mut self, socket: Socket, event: &str) -> Vec<String> {
        let text = json!({ "messageType": "action", "event": event }).to_string();
        self.say(socket, &text)
    }

    /// Time passes to the deadline, which must be so far away.
    fn passes(&mut self, seconds: u64) -> Vec<String> {
        self.now.mono = self.now.mono + Duration::from_secs(seconds);
        assert_eq!(self.exchange.deadline(), Some(self.now.mono));
        self.give(Input::Tick)
    }

    fn ringing() -> Self {
        let mut office = Self::with_a_call();
        assert_eq!(office.hello(CALLER, "c-caller"), ["1 hello init"]);
        assert_eq!(
            office.hello(CALLEE, "c-callee"),
            ["2 hello init", "1 progress alerting", "2 progress alerting"]
        );
        office
    }
}

fn shown(output: &Output) -> String {
    match output {
        Output::Send(socket, text) => {
            let message: serde_json::Value = serde_json::from_str(text).expect("JSON");
            let word = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
            let words = [word("messageType"), word("state"), word("reason")];
            format!("{} {}", socket.0, words.join(" ").trim_end().replace("  ", " "))
        }
        Output::Close(socket) => format!("{} closed", socket.0),
        Output::Over(_) => "over".to_owned(),
    }
}

#[test]
fn a_call_rings_is_accepted_and_connects() {
    let mut office = Office::ringing();
    assert_eq!(office.exchange.pending(user(), 100), [json!({ "callId": "c" })]);
    assert!(office.exchange.pending(user(), 101).is_empty());
    assert_eq!(office.hello(OTHER, "c-callee"), ["3 hello alerting"]);
    assert_eq!(
        office.act(CALLEE, "accept"),
        [
            "3 progress terminated answered-elsewhere",
            "3 closed",
            "1 progress connecting",
            "2 progress connecting"
        ]
    );
    let half = ["1 progress half-connected", "2 progress half-connected"];
    assert_eq!(office.act(CALLER, "media-up"), half);
    assert!(office.act(CALLER, "media-up").is_empty(), "said twice");
    assert_eq!(
        office.act(CALLEE, "media-up"),
        ["1 progress connected", "2 progress connected", "1 closed", "2 closed"]
    );
    assert!(office.exchange.pending(user(), 0).is_empty());
    assert!(office.give(Input::Closed(CALLER)).is_empty(), "its media goes on");
}

#[test]
fn each_part_of_a_call_has_its_time() {
    let over =
        |socket: u64| [format!("{socket} progress terminated timeout"), format!("{socket} closed")];
    let mut office = Office::with_a_call();
    office.hello(CALLEE, "c-callee");
    assert_eq!(office.passes(10), [over(2).as_slice(), &["over".to_owned()]].concat());
    let both = [
        "1 progress terminated timeout",
        "2 progress terminated timeout",
        "1 closed",
        "2 closed",
        "over",
    ];
    let mut office = Office::ringing();
    assert_eq!(office.passes(30), both);
    let mut office = Office::ringing();
    office.act(CALLEE, "accept");
    assert_eq!(office.passes(10), both);
    let mut office = Office::with_a_call();
    assert_eq!(office.passes(60), ["over"], "nobody said hello");
    assert_eq!(office.hello(CALLER, "c-caller"), ["1 error bad callId", "1 closed"]);
}

#[test]
fn a_callee_who_comes_first_rings_from_its_own_hello() {
    let mut office = Office::with_a_call();
    office.hello(CALLEE, "c-callee");
    office.now.mono = office.now.mono + Duration::from_secs(9);
    office.hello(CALLER, "c-caller");
    let heard = office.passes(21);
    assert_eq!(heard.first().map(String::as_str), Some("1 progress terminated timeout"));
}

#[test]
fn a_device_that_comes_after_another_accepted_hears_that_and_is_closed() {
    let mut office = Office::ringing();
    office.act(CALLEE, "accept");
    let turned_away = ["3 hello terminated answered-elsewhere", "3 closed"];
    assert_eq!(office.hello(OTHER, "c-callee"), turned_away);
    assert_eq!(office.act(OTHER, "terminate"), ["3 error bad authentication", "3 closed"]);
    office.act(CALLER, "media-up");
    assert_eq!(office.hello(OTHER, "c-callee"), turned_away);
    assert_eq!(office.hello(CALLEE, "c-callee"), ["2 hello half-connected"], "it is there");
    assert_eq!(office.hello(OTHER, "c-caller"), ["3 hello half-connected"]);
}

#[test]
fn a_call_that_ended_is_known_for_a_while() {
    let mut office = Office::ringing();
    let text = r#"{"messageType":"action","event":"terminate","reason":"busy"}"#;
    let heard = office.say(CALLER, text);
    assert_eq!(heard.first().map(String::as_str), Some("1 progress terminated busy"));
    assert_eq!(office.hello(OTHER, "c-callee"), ["3 hello terminated busy", "3 closed"]);
    assert_eq!(office.act(OTHER, "accept"), ["3 error bad authentication", "3 closed"]);
    assert!(office.passes(30).is_empty());
    assert_eq!(office.hello(OTHER, "c-callee"), ["3 error bad callId", "3 closed"]);
}

#[test]
fn only_the_callee_accepts_and_only_while_it_rings() {
    let mut office = Office::ringing();
    let refused = |socket: u64, state: &str, event: &str| {
        [
            format!("{socket} error No transition from {state} state with {event} event."),
            format!("{socket} closed"),
        ]
    };
    assert_eq!(office.act(CALLER, "accept"), refused(1, "alerting", "accept"));
    assert_eq!(office.act(CALLEE, "media-up"), refused(2, "alerting", "media-up"));
    assert_eq!(office.act(OTHER, "accept"), ["3 error bad authentication", "3 closed"]);
}

#[test]
fn a_side_without_sockets_ends_the_call() {
    let mut office = Office::ringing();
    office.hello(OTHER, "c-callee");
    assert!(office.give(Input::Closed(CALLEE)).is_empty(), "another device is there");
    assert_eq!(
        office.give(Input::Closed(OTHER)),
        ["1 progress terminated closed", "1 closed", "over"]
    );
}

#[test]
fn calls_of_a_user_are_forgotten_on_demand_and_the_oldest_when_there_are_too_many() {
    let mut office = Office::ringing();
    assert_eq!(office.give(Input::Forget(user())).last().map(String::as_str), Some("over"));
    for n in 0..=CALLS_MAX {
        office.give(Input::Place(placing(&n.to_string())));
    }
    assert_eq!(office.exchange.pending(user(), 0).len(), CALLS_MAX);
}
