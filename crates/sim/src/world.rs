//! One world: what happens when, and who is told.

mod people;

use crate::checker::Checker;
use crate::client::Client;
use crate::dice::{Dice, MS, SEC};
use crate::disk::{Answer, Disk};
use crate::fault::{Fault, Swarm, Tally};
use crate::groups::Folder;
use crate::links::Links;
use crate::workers::Workers;
use parlour_base::{ConnId, Mono, Now, Secret, Span, Verifier, Wall};
use parlour_node::port::{
    ErrandId, Frame, Gauges, GroupLookup, Input, Output, Query, QueryId, Reply,
};
use parlour_node::{Config, Shard};
use parlour_sfu::plan::{Fingerprint, Notice, WorkerIndex};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How long things go wrong, in microseconds.
const TURBULENT: u64 = 40 * SEC;
/// How long a world then has to heal: more than a dead client or a lost
/// stream takes.
const HEALING: u64 = 110 * SEC;
/// How long it may take until what is under way has ended.
const SETTLING: u64 = 40 * SEC;
/// How long the node has after everybody left: more than an idle room stays.
const EMPTYING: u64 = 60 * SEC;
/// Most clients of one world.
const CLIENTS_MAX: usize = 8;

/// What to run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plan {
    /// Everything follows from it.
    pub seed: u64,
    /// Print what happens.
    pub trace: bool,
    /// Plant a bug: a store that says it has kept what it has not.
    pub lying_store: bool,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// A digest of everything that the node put out.
    pub transcript: u64,
    /// What was found wrong.
    pub failure: Option<String>,
    /// Which faults fired.
    pub tally: Tally,
    /// How many decisions the checkers saw.
    pub decisions: u64,
}

/// Something that is going to happen.
#[derive(Debug)]
enum Coming {
    Act(usize),
    Connect(usize),
    ToNode(u32, ConnId, Option<Frame>),
    ToClient(ConnId, Option<String>),
    StoreWorks,
    StoreAnswers(Box<Answer>),
    Notice(u32, WorkerIndex, Notice),
    GroupRead(u32, ErrandId, String),
    Checked(u32, ErrandId, Verifier, Secret<String>),
    Trouble,
    Start,
}

/// The world.
struct World {
    plan: Plan,
    now: u64,
    wall_ahead: i64,
    dice: Dice,
    swarm: Swarm,
    tally: Tally,
    coming: BTreeMap<(u64, u64), Coming>,
    numbered: u64,
    shard: Option<Shard>,
    /// Which life of the node this is.
    life: u32,
    links: Links,
    clients: Vec<Client>,
    disk: Disk,
    workers: Workers,
    folder: Folder,
    checker: Checker,
    marks: u32,
    /// Nobody comes back any more.
    closing: bool,
    gauges: Option<Gauges>,
    transcript: u64,
}

/// Runs one world.
#[must_use]
pub fn run(plan: Plan) -> Outcome {
    let mut world = World::new(plan);
    let ran = catch_unwind(AssertUnwindSafe(|| world.live()));
    let failure = match ran {
        Ok(Ok(())) => None,
        Ok(Err(what)) => Some(what),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Some(format!("panic: {}", text.unwrap_or("without words")))
        }
    };
    let failure = failure.map(|what| format!("at {} ms: {what}", world.now / MS));
    Outcome {
        transcript: world.transcript,
        failure,
        tally: world.tally,
        decisions: world.checker.steps,
    }
}

fn config() -> Config {
    let mut config = Config {
        galene: parlour_session::galene::Context::default(),
        room: parlour_room::Limits {
            members: 7,
            streams_per_member: 3,
            chat_entries: 6,
            ..parlour_room::Limits::default()
        },
        limits: parlour_node::config::Limits {
            idle_room: Span::secs(20),
            lost_stream: Span::secs(8),
            store_patience: Span::secs(3),
            waiting_commands: 30,
            ..parlour_node::config::Limits::default()
        },
        media: parlour_node::config::Media {
            workers: 2,
            fingerprint: Fingerprint([7; 32]),
            candidates: vec![SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 8443))],
        },
        canonical_host: None,
        lobby: true,
    };
    config.galene.config.message_burst = 200;
    config.galene.config.messages_per_second = 50;
    config
}

impl World {
    fn new(plan: Plan) -> Self {
        let mut dice = Dice::new(plan.seed);
        let swarm = Swarm::draw(&mut dice);
        let count = 3 + dice.below(CLIENTS_MAX - 2);
        let clients = (0..count).map(|n| Client::new(n, n % 4 == 3, &mut dice)).collect();
        let folder = Folder::new(&mut dice);
        Self {
            plan,
            now: SEC,
            wall_ahead: 1_800_000_000_000,
            dice,
            swarm,
            tally: Tally::default(),
            coming: BTreeMap::new(),
            numbered: 0,
            shard: None,
            life: 0,
            links: Links::default(),
            clients,
            disk: Disk::new(plan.lying_store),
            workers: Workers::default(),
            folder,
            checker: Checker::default(),
            marks: 0,
            closing: false,
            gauges: None,
            transcript: 0xcbf2_9ce4_8422_2325,
        }
    }

    fn live(&mut self) -> Result<(), String> {
        self.start()?;
        for n in 0..self.clients.len() {
            let at = self.dice.between(0, 5 * SEC);
            self.soon(at, Coming::Connect(n));
        }
        self.soon(2 * SEC, Coming::Trouble);
        self.pass(TURBULENT)?;
        self.heal();
        self.pass(HEALING)?;
        // Nothing new is begun; what is under way ends.
        self.closing = true;
        self.pass(SETTLING)?;
        if let Some(shard) = &self.shard {
            self.checker.converged(shard, &self.clients)?;
        }
        self.checker.survives(&self.disk)?;
        self.leave();
        self.pass(EMPTYING)?;
        self.input(Input::Query(QueryId(1), Query::Gauges))?;
        let gauges = self.gauges.ok_or("the node does not say what it holds")?;
        Checker::nothing_left(gauges, self.workers.open())
    }

    // Time.

    fn soon(&mut self, after: u64, what: Coming) {
        self.at(self.now + after, what);
    }

    fn at(&mut self, when: u64, what: Coming) {
        self.numbered += 1;
        self.coming.insert((when.max(self.now), self.numbered), what);
    }

    fn clock(&self) -> Now {
        let wall = self.wall_ahead + i64::try_from(self.now / MS).unwrap_or(i64::MAX);
        Now { mono: Mono(self.now), wall: Wall(wall) }
    }

    /// Lets this much time pass.
    fn pass(&mut self, span: u64) -> Result<(), String> {
        let end = self.now + span;
        loop {
            let next = self.coming.first_key_value().map(|((at, _), _)| *at);
            let due = self.shard.as_ref().and_then(Shard::deadline).map(|due| due.0);
            match (next, due) {
                (next, Some(due)) if due <= end && next.is_none_or(|next| due < next) => {
                    self.now = self.now.max(due);
                    self.input(Input::Tick)?;
                }
                (Some(next), _) if next <= end => {
                    self.now = next;
                    if let Some((_, what)) = self.coming.pop_first() {
                        self.happen(what)?;
                    }
                }
                _ => break,
            }
        }
        self.now = end;
        Ok(())
    }

    fn happen(&mut self, what: Coming) -> Result<(), String> {
        match what {
            Coming::Act(n) => {
                self.act(n);
                Ok(())
            }
            Coming::Connect(n) => self.connect(n),
            Coming::ToNode(life, conn, Some(frame)) if life == self.life => {
                if let (true, Frame::Text(text)) = (self.plan.trace, &frame) {
                    self.trace(&format!("{conn:?} says {text}"));
                }
                if self.links.all.contains_key(&conn) {
                    self.input(Input::Frame { conn, frame })?;
                }
                Ok(())
            }
            Coming::ToNode(life, conn, None) if life == self.life => self.unlink(conn),
            Coming::ToNode(..) => Ok(()),
            Coming::ToClient(conn, Some(text)) => self.hear(conn, &text),
            Coming::ToClient(conn, None) => {
                self.hang_up(conn);
                Ok(())
            }
            Coming::StoreWorks => {
                let answer = self.disk.work(&mut self.dice, &self.swarm, &mut self.tally);
                if let Some(answer) = answer {
                    let after = self.dice.between(10, MS);
                    self.soon(after, Coming::StoreAnswers(Box::new(answer)));
                }
                Ok(())
            }
            Coming::StoreAnswers(answer) => self.stored(*answer),
            Coming::Notice(life, worker, notice) if life == self.life => {
                if self.workers.tells(&notice, &mut self.dice) {
                    self.input(Input::Media(worker, notice))?;
                }
                Ok(())
            }
            Coming::GroupRead(life, errand, name) if life == self.life => {
                let unreadable = self.swarm.has(Fault::GroupUnreadable) && self.dice.chance(60);
                let lookup = if unreadable {
                    self.tally.add(Fault::GroupUnreadable);
                    GroupLookup::Failed("the disk".to_owned())
                } else {
                    self.folder.look(&name)
                };
                self.input(Input::GroupRead(errand, lookup))
            }
            Coming::Checked(life, errand, verifier, password) if life == self.life => {
                let busy = self.swarm.has(Fault::PoolBusy) && self.dice.chance(200);
                let fits = if busy {
                    self.tally.add(Fault::PoolBusy);
                    None
                } else {
                    Some(parlour_directory::verify(&verifier, &password))
                };
                self.input(Input::Checked(errand, fits))
            }
            Coming::Notice(..) | Coming::GroupRead(..) | Coming::Checked(..) => Ok(()),
            Coming::Trouble => self.trouble(),
            Coming::Start => self.start(),
        }
    }

    // The node.

    fn start(&mut self) -> Result<(), String> {
        self.life += 1;
        let mut shard = Shard::new(config(), self.dice.entropy());
        shard.watch();
        self.shard = Some(shard);
        self.input(Input::Tick)
    }

    fn input(&mut self, input: Input) -> Result<(), String> {
        let now = self.clock();
        let Some(shard) = &mut self.shard else { return Ok(()) };
        shard.handle(now, input);
        self.checker.step(shard, &self.disk, now.wall)?;
        while let Some(output) = self.shard.as_mut().and_then(Shard::poll) {
            self.output(output)?;
        }
        Ok(())
    }

    fn output(&mut self, output: Output) -> Result<(), String> {
        match output {
            Output::Send { conn, text } => {
                self.note(conn.0, &text);
                if self.plan.trace {
                    self.trace(&format!("{conn:?} hears {text}"));
                }
                if let Some(at) = self.links.down(conn, self.now, &mut self.dice) {
                    self.at(at, Coming::ToClient(conn, Some(text)));
                }
            }
            Output::Close { conn, code, reason } => {
                self.note(u64::from(code), &reason);
                self.trace(&format!("{conn:?} is closed: {code} {reason}"));
                if let Some(at) = self.links.down(conn, self.now, &mut self.dice) {
                    self.at(at, Coming::ToClient(conn, None));
                    self.at(at, Coming::ToNode(self.life, conn, None));
                }
            }
            Output::Store(request) => {
                self.note(request.id.0, "store");
                if self.plan.trace {
                    self.trace(&format!("{request:?}"));
                }
                let submitted = self.disk.submit(
                    self.now,
                    self.life,
                    request,
                    &mut self.dice,
                    &self.swarm,
                    &mut self.tally,
                );
                match submitted {
                    Ok(at) => self.at(at, Coming::StoreWorks),
                    Err(answer) => self.soon(0, Coming::StoreAnswers(Box::new(answer))),
                }
            }
            Output::Check { errand, verifier, password } => {
                let after = self.dice.between(MS, 500 * MS);
                self.soon(after, Coming::Checked(self.life, errand, verifier, password));
            }
            Output::ReadGroup { errand, name } => {
                let after = self.dice.between(10, 20 * MS);
                self.soon(after, Coming::GroupRead(self.life, errand, name));
            }
            Output::Media(worker, command) => {
                let soon =
                    self.workers.order(command, &mut self.dice, &self.swarm, &mut self.tally)?;
                for (after, notice) in soon {
                    self.soon(after, Coming::Notice(self.life, worker, notice));
                }
            }
            Output::Reply(_, Reply::Gauges(gauges)) => self.gauges = Some(gauges),
            other => return Err(format!("nobody asked for {other:?}")),
        }
        Ok(())
    }

    fn stored(&mut self, answer: Answer) -> Result<(), String> {
        if answer.life != self.life || self.shard.is_none() {
            return Ok(());
        }
        let patience = config().limits.store_patience.0;
        let waited = Mono(self.now).since(Mono(answer.since));
        self.disk.answered(&answer, waited + patience / 50 >= patience);
        if self.plan.trace {
            self.trace(&format!("{:?}", answer.reply));
        }
        self.input(Input::Stored(answer.reply))
    }

    /// The node dies and is started again a little later.
    fn kill(&mut self) -> Result<(), String> {
        self.trace("the node dies");
        self.shard = None;
        self.disk.crash(&mut self.dice);
        self.checker.survives(&self.disk)?;
        self.checker.crash();
        self.workers.crash();
        let conns: Vec<ConnId> = self.links.all.keys().copied().collect();
        for conn in conns {
            self.hang_up(conn);
            self.links.all.remove(&conn);
        }
        let after = self.dice.between(100 * MS, 3 * SEC);
        self.soon(after, Coming::Start);
        Ok(())
    }

    // The transcript.

    fn note(&mut self, number: u64, text: &str) {
        let time = self.now.to_be_bytes();
        let bytes = time.into_iter().chain(number.to_be_bytes()).chain(text.bytes());
        for byte in bytes {
            self.transcript = (self.transcript ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn trace(&self, what: &str) {
        if self.plan.trace {
            println!("{:>9.3} {what}", self.now as f64 / 1e6);
        }
    }
}
