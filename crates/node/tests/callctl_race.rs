//! The table of interleavings, row by row, at the door
//! (docs/protocols/callctl.md, the race). `J1` is a join and its token, `C1` a
//! media connection with it, `L1` a leave with it, `D1` the end of that
//! connection, `X1` the moment at which the time to connect with it has passed.

mod callctl;
mod common;

use callctl::{ALICE, BOB, GROUP, Kik, Ticket, follow, people, stamp};
use common::{Mood, World};
use parlour_base::{ConnId, Mono};
use parlour_node::callctl::{Authority, Join, Trouble};
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::pb::mobile::video::v1::JoinConvoConferenceResponse;
use std::sync::Arc;
use std::time::Duration;

/// The time to connect.
const LIMIT: Duration = Duration::from_secs(20);

/// A table row: number, steps, what the list says in the end, and which
/// connections were refused.
type Row = (u32, &'static str, Option<State>, &'static [usize]);

const ON: Option<State> = Some(State::Connected);
const COMING: Option<State> = Some(State::Connecting);
const GONE: Option<State> = None;

const ROWS: &[Row] = &[
    (1, "J1", COMING, &[]),
    (2, "J1 C1", ON, &[]),
    (3, "J1 X1", GONE, &[]),
    (4, "J1 C1 X1", ON, &[]),
    (5, "J1 L1", GONE, &[]),
    (6, "J1 C1 L1", GONE, &[]),
    (7, "J1 C1 D1", GONE, &[]),
    (8, "J1 C1 L1 D1", GONE, &[]),
    (9, "J1 C1 D1 L1", GONE, &[]),
    (10, "J1 L1 L1", GONE, &[]),
    (11, "J1 L1 C1", GONE, &[1]),
    (12, "J1 X1 C1", GONE, &[1]),
    (13, "J1 X1 L1", GONE, &[]),
    (14, "J1 J2", COMING, &[]),
    (15, "J1 J2 L1", COMING, &[]),
    (16, "J1 J2 L2", GONE, &[]),
    (17, "J1 J2 C1", COMING, &[1]),
    (18, "J1 J2 C2 L1", ON, &[]),
    (19, "J1 .5 J2 X1", COMING, &[]),
    (20, "J1 J2 X2", GONE, &[]),
    (21, "J1 C1 J2", ON, &[]),
    (22, "J1 C1 J2 L1", ON, &[]),
    (23, "J1 C1 J2 D1", COMING, &[]),
    (24, "J1 C1 J2 L1 D1", COMING, &[]),
    (25, "J1 C1 J2 D1 L1", COMING, &[]),
    (26, "J1 C1 J2 D1 C2", ON, &[]),
    (27, "J1 C1 J2 C2", ON, &[]),
    (28, "J1 C1 J2 C2 D1", ON, &[]),
    (29, "J1 C1 J2 C2 L1", ON, &[]),
    (30, "J1 C1 J2 C2 L2", GONE, &[]),
    (31, "J1 C1 J2 C2 D2", GONE, &[]),
    (32, "J1 C1 J2 D1 X2", GONE, &[]),
    (33, "J1 C1 J2 X2", ON, &[]),
    (34, "J1 C1 J2 X2 L2", GONE, &[]),
    (35, "J1 C1 J2 X2 C2", ON, &[2]),
    (36, "J1 L1 J2", COMING, &[]),
    (37, "J1 L1 J2 L1", COMING, &[]),
    // Nobody else is in it, so the conference ends with the leave.
    (38, "J1 L1 .60 J2 L1", COMING, &[]),
    (39, "J1 X1 J2 L1", COMING, &[]),
    (40, "J1 C1 L1 J2 D1", COMING, &[]),
    (42, "J1 C1 J2 C2 L1 D1", ON, &[]),
    (43, "J1 - L1", GONE, &[]),
    (44, "J1 J2 L0", COMING, &[]),
    (46, "J1 C1 J2 F", GONE, &[]),
    (47, "J1 R J2 L1", COMING, &[]),
    (48, "J1 C1 D1", GONE, &[]),
];

/// One row being played.
struct Play {
    kik: Kik,
    tickets: Vec<(Ticket, Mono)>,
    connections: Vec<(usize, ConnId)>,
    refused: Vec<usize>,
}

impl Play {
    fn step(&mut self, step: &str) {
        let (what, number) = step.split_at(1);
        let number: usize = number.parse().unwrap_or(0);
        match what {
            "J" => {
                let ticket = self.kik.join(ALICE, GROUP);
                assert_eq!(self.tickets.len() + 1, number, "joins are numbered");
                let clashes = self.tickets.iter().any(|(old, _)| old.token == ticket.token);
                assert!(!clashes, "REQ-48: every join hands out another token");
                self.tickets.push((ticket, self.kik.world.now.mono));
            }
            "C" => self.connect(number),
            "L" if number == 0 => self.kik.leave(ALICE, GROUP, None),
            "L" => {
                let token = self.tickets[number - 1].0.token.clone();
                self.kik.leave(ALICE, GROUP, Some(&token));
            }
            "D" => {
                let found = self.connections.iter().find(|(n, _)| *n == number);
                let conn = found.expect("it was connected").1;
                self.kik.disconnect(conn);
            }
            "X" => {
                let passed = self.tickets[number - 1].1 + LIMIT + Duration::from_millis(1);
                let wait = passed.since(self.kik.world.now.mono);
                self.kik.world.passes(wait);
            }
            "." => self.kik.world.passes(Duration::from_secs(number as u64)),
            "-" => self.kik.members(GROUP, &[BOB]),
            "F" => self.kik.force(ALICE, GROUP),
            "R" => {
                let kik = std::mem::replace(&mut self.kik, Kik::on(World::new()));
                self.kik = kik.restarted();
            }
            other => panic!("no such step as {other}"),
        }
        self.kik.pushes();
    }

    fn connect(&mut self, number: usize) {
        let ticket = self.tickets[number - 1].0.clone();
        let id = format!("c{number}");
        match self.kik.connect(&id, &ticket.conference, &ticket.token) {
            Some(conn) => self.connections.push((number, conn)),
            None => self.refused.push(number),
        }
    }
}

fn play(script: &str) -> Play {
    let (tickets, connections, refused) = (Vec::new(), Vec::new(), Vec::new());
    let mut play = Play { kik: Kik::new(), tickets, connections, refused };
    for step in script.split(' ') {
        play.step(step);
    }
    play
}

#[test]
fn every_interleaving_of_the_table_comes_out_as_it_says() {
    for (row, script, outcome, refused) in ROWS {
        let mut play = play(script);
        assert_eq!(play.kik.state(ALICE, GROUP), *outcome, "row {row}: {script}");
        assert_eq!(play.refused, *refused, "row {row}: {script}");
        follow(&play.kik.pushed);
        let now = play.kik.query(BOB, &[GROUP]).remove(0);
        let told = play.kik.pushed.last().expect("a join is pushed");
        assert_eq!(people(&told.state), people(&now), "row {row}: the last push says how it is");
        assert_eq!(told.stamp, stamp(&now), "row {row}: and when");
    }
}

#[test]
fn what_changes_nothing_is_not_pushed() {
    for (script, count) in [
        ("J1", 1),
        ("J1 C1", 2),
        ("J1 L1", 2),
        ("J1 L1 L1", 2),
        ("J1 J2", 1),
        ("J1 J2 L1", 1),
        ("J1 C1 J2 L1", 2),
        ("J1 C1 J2 D1", 3),
        ("J1 C1 J2 C2", 2),
        ("J1 C1 J2 C2 D1 L1", 2),
        ("J1 L1 C1", 2),
        ("J1 X1 L1", 2),
        ("J1 C1 L1 D1", 3),
        ("J1 C1 J2 X2", 2),
        ("J1 J2 L0", 1),
    ] {
        assert_eq!(play(script).kik.pushed.len(), count, "{script}");
    }
}

#[test]
fn row_27_a_connection_with_the_newer_token_closes_the_older_one() {
    let play = play("J1 C1 J2 C2");
    let (_, first) = play.connections[0];
    assert!(play.kik.world.is_closed(first).is_some());
    assert!(play.kik.world.is_closed(play.connections[1].1).is_none());
}

#[test]
fn row_6_an_effective_leave_closes_the_media_connection() {
    let play = play("J1 C1 L1");
    assert!(play.kik.world.is_closed(play.connections[0].1).is_some());
}

#[test]
fn row_41_two_joins_at_once_get_two_tokens_and_one_place_in_the_list() {
    let mut kik = Kik::new();
    kik.world.mood = Mood::Holds;
    let calls = [(); 2].map(|()| {
        let caller = callctl::name(ALICE);
        let convo = callctl::convo(GROUP);
        kik.world.call(Join::new(Arc::clone(&kik.rules), caller, convo, Authority::Here))
    });
    assert!(kik.world.replies.is_empty(), "no token before its number is safe");
    kik.world.turn(Mood::Works);
    let tokens = calls.map(|id| {
        let reply = kik.world.replies.remove(&id).expect("answered");
        let answer: Result<JoinConvoConferenceResponse, Trouble> =
            reply.open().expect("the door's reply");
        answer.expect("an answer").connection_token.expect("a token").payload
    });
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(people(&kik.query(BOB, &[GROUP])[0]).len(), 1);
    assert_eq!(kik.state(ALICE, GROUP), COMING);
}

#[test]
fn row_45_and_req_65_a_strangers_or_forged_token_removes_nobody() {
    let mut kik = Kik::new();
    let (alice, bob) = (kik.join(ALICE, GROUP), kik.join(BOB, GROUP));
    let other = kik.join(ALICE, callctl::PAIR);
    kik.pushes();
    kik.leave(ALICE, GROUP, Some(&bob.token));
    kik.leave(BOB, GROUP, Some(&alice.token));
    kik.leave(ALICE, GROUP, Some(&other.token));
    kik.leave(ALICE, callctl::PAIR, Some(&alice.token));
    kik.leave(ALICE, GROUP, Some("pmt1_AAAA.AAAA"));
    kik.leave(ALICE, GROUP, Some("\u{0}"));
    let mut forged = alice.token.clone();
    forged.truncate(forged.len() - 1);
    kik.leave(ALICE, GROUP, Some(&forged));
    assert_eq!(people(&kik.query(BOB, &[GROUP])[0]).len(), 2);
    assert_eq!(kik.state(ALICE, callctl::PAIR), COMING);
    assert_eq!(kik.pushes(), []);
}
