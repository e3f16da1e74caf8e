//! Random orders of joins, leaves, connections, their ends, time and restarts,
//! against the state machine of the sheet written down once more, as simply as
//! it can be (docs/protocols/callctl.md, the race). A failure prints its seed.

mod callctl;
mod common;

use callctl::{ALICE, BOB, GROUP, Kik, PAIR, Ticket, follow, people, stamp};
use parlour_base::{ConnId, Entropy, Mono};
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use std::collections::BTreeMap;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);
const STEPS: u32 = 60;
const SEEDS: u64 = 40;

/// One user in one conversation, as the sheet has it.
#[derive(Debug, Clone, Default)]
struct Seat {
    /// The number of the newest living token; 0 is nobody.
    cur: usize,
    /// The connection, with its token.
    live: Option<(usize, usize)>,
    deadline: Option<Mono>,
}

impl Seat {
    fn shown(&self) -> Option<State> {
        match (self.cur, &self.live) {
            (0, _) => None,
            (_, Some(_)) => Some(State::Connected),
            (_, None) => Some(State::Connecting),
        }
    }

    fn join(&mut self, token: usize, now: Mono) {
        (self.cur, self.deadline) = (token, Some(now + LIMIT));
    }

    fn connect(&mut self, token: usize, connection: usize) -> bool {
        let fits = self.cur == token;
        if fits {
            (self.live, self.deadline) = (Some((connection, token)), None);
        }
        fits
    }

    fn leave(&mut self, token: usize) {
        if self.cur != 0 && token >= self.cur {
            *self = Self::default();
        }
    }

    fn disconnect(&mut self, connection: usize) {
        match self.live {
            Some((live, token)) if live == connection && token >= self.cur => {
                *self = Self::default();
            }
            Some((live, _)) if live == connection => self.live = None,
            _ => {}
        }
    }

    fn pass(&mut self, now: Mono) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.live {
            Some((_, token)) => (self.cur, self.deadline) = (token, None),
            None => *self = Self::default(),
        }
    }
}

/// A run: the door, the model, and what people hold in their hands.
struct Run {
    kik: Kik,
    dice: Entropy,
    seats: BTreeMap<(&'static str, &'static str), Seat>,
    /// Every token ever given out, by its number less one.
    tokens: Vec<(&'static str, &'static str, Ticket)>,
    connections: Vec<(&'static str, &'static str, ConnId)>,
    stamps: BTreeMap<String, Vec<(u64, String)>>,
    /// What was done, for whoever reads a failure.
    did: Vec<String>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let (tokens, connections) = (Vec::new(), Vec::new());
        let (seats, stamps) = (BTreeMap::new(), BTreeMap::new());
        // Both rooms are there from the start: the world draws the same ids
        // again after a restart.
        let mut kik = Kik::new();
        let ticket = kik.join(ALICE, PAIR);
        kik.leave(ALICE, PAIR, Some(&ticket.token));
        Self {
            kik,
            dice: Entropy::from_seed(bytes),
            seats,
            tokens,
            connections,
            stamps,
            did: Vec::new(),
        }
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let at = self.dice.below(u32::try_from(from.len()).expect("few"));
        from[usize::try_from(at).expect("small")]
    }

    fn step(&mut self) {
        let at = self.kik.world.now.mono.millis();
        self.did.push(format!("{at} ms"));
        let did = self.some_step();
        self.did.push(did);
    }

    fn some_step(&mut self) -> String {
        let (who, key) = (self.pick(&[ALICE, BOB]), self.pick(&[GROUP, PAIR]));
        match self.dice.below(20) {
            0..5 => {
                let ticket = self.kik.join(who, key);
                self.tokens.push((who, key, ticket));
                let (number, now) = (self.tokens.len(), self.kik.world.now.mono);
                self.seats.entry((who, key)).or_default().join(number, now);
                format!("J{number} {who} {key}")
            }
            5..10 if !self.tokens.is_empty() => self.connect(),
            10..14 if !self.tokens.is_empty() => {
                let number = self.some_token();
                let (who, key, ticket) = self.tokens[number - 1].clone();
                self.kik.leave(who, key, Some(&ticket.token));
                self.seats.entry((who, key)).or_default().leave(number);
                format!("L{number}")
            }
            14..17 if !self.connections.is_empty() => {
                let at = usize::try_from(
                    self.dice.below(u32::try_from(self.connections.len()).expect("few")),
                )
                .expect("small");
                let (who, key, conn) = self.connections[at];
                self.kik.disconnect(conn);
                self.seats.entry((who, key)).or_default().disconnect(at);
                format!("D of {at}")
            }
            17 | 18 => {
                let wait = Duration::from_millis(u64::from(self.dice.below(12_000)) + 1);
                self.passes(wait);
                format!("{wait:?}")
            }
            19 if self.dice.below(4) == 0 => {
                let kik = std::mem::replace(&mut self.kik, Kik::new());
                self.kik = kik.restarted();
                self.kik.world.passes(Duration::from_secs(1));
                self.seats.clear();
                self.connections.clear();
                "restart".to_owned()
            }
            _ => String::new(),
        }
    }

    fn passes(&mut self, wait: Duration) {
        self.kik.world.passes(wait);
        let now = self.kik.world.now.mono;
        self.seats.values_mut().for_each(|seat| seat.pass(now));
    }

    /// Mostly one of the newest.
    fn some_token(&mut self) -> usize {
        let count = u32::try_from(self.tokens.len()).expect("few");
        let back = self.dice.below(count.min(4));
        usize::try_from(count - back).expect("small")
    }

    fn connect(&mut self) -> String {
        let number = self.some_token();
        let (who, key, ticket) = self.tokens[number - 1].clone();
        let at = self.connections.len();
        // Being refused takes its time, so time passes in the model first.
        let before = self.kik.world.now.mono;
        let id = format!("c{}-{at}", before.0);
        let fits = self.seats.entry((who, key)).or_default().connect(number, at);
        let conn = self.kik.connect(&id, &ticket.conference, &ticket.token);
        assert_eq!(conn.is_some(), fits, "{who} in {key} with token {number}");
        if let Some(conn) = conn {
            self.connections.push((who, key, conn));
        }
        self.passes(Duration::ZERO);
        format!("C{number} as {at}")
    }

    fn check(&mut self) {
        self.kik.pushes();
        for key in [GROUP, PAIR] {
            let list = self.kik.query(ALICE, &[key]).remove(0);
            let now = people(&list);
            for who in [ALICE, BOB] {
                let shown = now.iter().find(|(name, _)| name == who).map(|(_, state)| *state);
                let wanted = self.seats.get(&(who, key)).and_then(Seat::shown);
                assert_eq!(shown, wanted, "{who} in {key}");
            }
            let seen = self.stamps.entry(key.to_owned()).or_default();
            let said = (stamp(&list), format!("{now:?}"));
            match seen.last() {
                Some((last, text)) if *last == said.0 => assert_eq!(*text, said.1, "REQ-21"),
                Some((last, _)) => assert!(*last < said.0, "REQ-21"),
                None => {}
            }
            seen.push(said);
        }
    }
}

#[test]
fn random_orders_come_out_as_the_state_machine_says() {
    for seed in 0..SEEDS {
        let mut run = Run::new(seed);
        for number in 0..STEPS {
            let did = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                run.step();
                run.check();
            }));
            assert!(did.is_ok(), "seed {seed}, step {number}: {:?}", run.did);
        }
        for key in [GROUP, PAIR] {
            let pushed = run.kik.pushed.iter().filter(|push| push.convo.key() == key);
            follow(&pushed.cloned().collect::<Vec<_>>());
        }
    }
}
