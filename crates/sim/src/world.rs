//! One world: what happens when, and who is told.

mod calls;
mod media;
mod node;
mod old;
mod people;
mod trouble;

use crate::bug::{self, Bug};
use crate::checker::Checker;
use crate::client::Client;
use crate::dice::{Dice, MS, SEC};
use crate::disk::{Answer, Disk};
use crate::doors::{self, Door, Hall, Trouble};
use crate::fault::{Fault, OF_DATAGRAMS, Swarm, Tally};
use crate::groups::Folder;
use crate::links::{Links, Way};
use crate::media::{Media, Pace, Seen, WORKERS};
use crate::secrets::Secrets;
use crate::workers::Workers;
use old::Old;
use parlour_base::{ConnId, Mono, Now, Secret, Span, Verifier, Wall};
use parlour_node::port::{CallId, ErrandId, Gauges, GroupLookup, Input, Query, QueryId};
use parlour_node::{Config, Shard};
use parlour_sfu::plan::{Command, Fingerprint, Notice, WorkerIndex};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How long things go wrong, in microseconds.
const TURBULENT: u64 = 40 * SEC;
/// How long a world then has to heal: more than a dead client or a lost
/// stream takes.
const HEALING: u64 = 110 * SEC;
/// How long it may take until what is under way has ended.
const SETTLING: u64 = 40 * SEC;
/// How long it may take at most until all that was said has arrived.
const ARRIVING: u64 = 10 * SEC;
/// How long the node has after everybody left: more than an idle room stays.
const EMPTYING: u64 = 60 * SEC;
/// Most clients of one world.
const CLIENTS_MAX: usize = 8;

/// How long the node waits for the store.
const PATIENCE: Span = Span::secs(3);
/// Worlds of a thousand that have the shipped media workers, and how many of
/// these come by their keys with DTLS.
const SHIPPED_MEDIA: u32 = 150;
const DTLS: u32 = 100;
/// Worlds of a thousand in which secrets are looked for.
const WATCHED: u32 = 300;
/// How long the answers take to what is asked when all is quiet.
const LOOKING: u64 = 3 * SEC;
/// Passwords that people have.
const PASSWORDS: [&str; 2] = ["ada-secret", "slow-secret"];
/// Most clients of one world with media.
const MEDIA_CLIENTS_MAX: usize = 5;
/// How long clients send as much as before after faults have ended, and again
/// before the end.
const LIVELY: u64 = 15 * SEC;

/// What to run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plan {
    /// Everything follows from it.
    pub seed: u64,
    /// Print what happens.
    pub trace: bool,
    /// With the shipped media workers, whatever the seed says.
    pub media: bool,
    /// A bug to plant.
    pub bug: Option<Bug>,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// A digest of everything that the node put out; `None` where keys were
    /// agreed on by DTLS, whose library draws its own randomness: such a world
    /// is the same again but for the times of its handshakes.
    pub transcript: Option<u64>,
    /// What was found wrong.
    pub failure: Option<String>,
    /// Which faults fired.
    pub tally: Tally,
    /// How many decisions the checkers saw.
    pub decisions: u64,
    /// What clients saw of media.
    pub seen: Seen,
    /// How many rooms were compared with what doors said of them.
    pub views: u64,
}

/// Something that is going to happen.
#[derive(Debug)]
enum Coming {
    Act(usize),
    /// Somebody at a door without connections asks for something.
    Errand(usize),
    Connect(usize),
    /// Something may arrive.
    Flow(u32, ConnId, Way),
    /// The node is told that a connection is gone.
    Gone(u32, ConnId),
    /// A client sees that its connection is gone.
    HangUp(ConnId),
    /// A client asks for everything once more.
    Ask(usize, ConnId),
    StoreWorks,
    /// A write of a node that died reaches the store.
    LateWrite,
    StoreAnswers(Box<Answer>),
    /// An order for a media worker.
    Order(u32, WorkerIndex, Box<Command>),
    Notice(u32, WorkerIndex, Notice),
    GroupRead(u32, ErrandId, String),
    Checked(u32, ErrandId, Verifier, Secret<String>),
    Hashed(u32, ErrandId),
    Trouble,
    Start,
    /// A node that was replaced goes on.
    OldWakes,
}

impl Coming {
    /// Whether it waits while the node stands still.
    const fn is_for_node(&self) -> bool {
        matches!(
            self,
            Self::Connect(_)
                | Self::Errand(_)
                | Self::Flow(_, _, Way::Up)
                | Self::Gone(..)
                | Self::StoreAnswers(_)
                | Self::Notice(..)
                | Self::GroupRead(..)
                | Self::Checked(..)
                | Self::Hashed(..)
        )
    }
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
    /// One that was replaced and does not know.
    old: Option<Old>,
    /// How many inputs the node had at this very instant.
    at_once: (u64, u32),
    /// Which life of the node this is.
    life: u32,
    /// The node stands still until then.
    paused_until: u64,
    links: Links,
    clients: Vec<Client>,
    disk: Disk,
    workers: Workers,
    /// The shipped workers, in some worlds.
    media: Option<Media>,
    /// Until when the media workers stand still.
    media_paused_until: u64,
    /// When the last order or notice of each worker arrives.
    orders_until: [u64; 2],
    folder: Folder,
    doors: Vec<Box<dyn Door>>,
    /// Which door waits for which reply, and under which number.
    calls: BTreeMap<CallId, (usize, u64)>,
    calls_made: u64,
    /// Media tokens that were handed out.
    tokens: Vec<String>,
    checker: Checker,
    marks: u32,
    secrets: Secrets,
    hall: Option<Hall>,
    trouble: Trouble,
    troubled_at: u64,
    /// Rooms whose views were compared.
    views: u64,
    /// Nobody comes back any more.
    closing: bool,
    /// Nobody asks for anything any more.
    quiet: bool,
    gauges: Option<Gauges>,
    transcript: u64,
}

/// Runs one world.
#[must_use]
pub fn run(plan: Plan) -> Outcome {
    bug::plant(plan.bug, true);
    let mut world = World::new(plan);
    let ran = catch_unwind(AssertUnwindSafe(|| world.live()));
    bug::plant(plan.bug, false);
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
    let (mut seen, mut told) = (Seen::default(), Some(0));
    if let Some(media) = &world.media {
        seen = media.seen;
        told = (!media.is_dtls()).then_some(media.transcript);
        media.count(&mut world.tally);
    }
    Outcome {
        transcript: told.map(|told| world.transcript ^ told),
        seen,
        failure,
        views: world.views,
        tally: world.tally,
        decisions: world.checker.steps,
    }
}

fn config() -> Config {
    let mut config = Config {
        galene: parlour_session::galene::Context::default(),
        doors: parlour_session::Doors::default(),
        room: parlour_room::Limits {
            members: 7,
            streams_per_member: 3,
            chat_entries: 6,
            ..parlour_room::Limits::default()
        },
        limits: parlour_node::config::Limits {
            idle_room: Span::secs(20),
            lost_stream: Span::secs(8),
            store_patience: PATIENCE,
            waiting_commands: 30,
            ..parlour_node::config::Limits::default()
        },
        media: parlour_node::config::Media {
            workers: WORKERS,
            fingerprint: Fingerprint([7; 32]),
            candidates: vec![SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 8443))],
        },
        canonical_host: None,
        lobby: true,
        media_server: None,
    };
    config.galene.config.message_burst = 200;
    config.galene.config.messages_per_second = 50;
    config
}

impl World {
    fn new(plan: Plan) -> Self {
        let mut dice = Dice::new(plan.seed);
        let mut swarm = Swarm::draw(&mut dice);
        let mut count = 3 + dice.below(CLIENTS_MAX - 2);
        let shipped = dice.chance(SHIPPED_MEDIA) || plan.media;
        let dtls = shipped && dice.chance(DTLS);
        if dtls {
            // Its timers and sizes are not ours: nothing may depend on them.
            swarm.forget(&OF_DATAGRAMS);
        }
        if shipped {
            count = count.min(MEDIA_CLIENTS_MAX);
        }
        let mut tally = Tally::default();
        let media = shipped.then(|| Media::new(count, dtls, &mut dice, &swarm, &mut tally));
        let clients = (0..count).map(|n| Client::new(n, n % 4 == 3, &mut dice)).collect();
        let folder = Folder::new(&mut dice);
        let mut doors = doors::draw(&mut dice);
        let mut disk = Disk::new(plan.bug);
        disk.first(doors.iter_mut().flat_map(|door| door.first()).collect());
        let mut secrets = Secrets::new(dice.chance(WATCHED));
        PASSWORDS.iter().for_each(|password| secrets.keep("whoever has it", password));
        Self {
            plan,
            now: SEC,
            wall_ahead: 1_800_000_000_000,
            dice,
            swarm,
            tally,
            coming: BTreeMap::new(),
            numbered: 0,
            shard: None,
            old: None,
            at_once: (0, 0),
            life: 0,
            paused_until: 0,
            links: Links::default(),
            clients,
            disk,
            workers: Workers::default(),
            media,
            media_paused_until: 0,
            orders_until: [0; 2],
            folder,
            doors,
            calls: BTreeMap::new(),
            calls_made: 0,
            tokens: Vec::new(),
            checker: Checker::default(),
            marks: 0,
            secrets,
            hall: None,
            trouble: Trouble::default(),
            troubled_at: 0,
            views: 0,
            closing: false,
            quiet: false,
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
        for door in 0..self.doors.len() {
            self.soon(SEC, Coming::Errand(door));
        }
        self.soon(2 * SEC, Coming::Trouble);
        self.pass(TURBULENT)?;
        self.heal();
        self.pass(LIVELY)?;
        self.pace(Pace::Slow);
        self.pass(HEALING - LIVELY)?;
        // Nothing new is begun; what is under way ends.
        self.closing = true;
        if let Some(media) = &mut self.media {
            media.calm_down();
        }
        self.pass(SETTLING - LIVELY)?;
        self.pace(Pace::Steady);
        self.pass(LIVELY)?;
        self.arrive()?;
        if let Some(shard) = &self.shard {
            self.checker.converged(shard, &self.clients)?;
        }
        self.media_flows()?;
        self.views_agree()?;
        self.checker.survives(&self.disk)?;
        self.all_answered()?;
        self.leave();
        self.farewell()?;
        self.pass(EMPTYING)?;
        self.input(Input::Query(QueryId(1), Query::Gauges))?;
        let gauges = self.gauges.ok_or("the node does not say what it holds")?;
        let transports = self.media.as_ref().map_or_else(|| self.workers.open(), Media::open);
        Checker::nothing_left(gauges, transports)
    }

    /// Nobody asks for anything any more, and what was said arrives.
    fn arrive(&mut self) -> Result<(), String> {
        self.quiet = true;
        let end = self.now + ARRIVING;
        while self.now < end {
            self.pass(ARRIVING / 100)?;
            if self.links.silent() {
                return Ok(());
            }
        }
        Err("the connections never fall silent".to_owned())
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
            let node = self.shard.as_ref().and_then(Shard::deadline);
            let node = node.map(|due| due.0.max(self.paused_until));
            let media = self.media.as_ref().and_then(Media::deadline);
            let media = media.map(|due| due.max(self.media_paused_until));
            let first = [next, node, media].into_iter().flatten().min();
            let Some(first) = first.filter(|first| *first <= end) else { break };
            self.now = self.now.max(first);
            if next == Some(first) {
                if let Some((_, what)) = self.coming.pop_first() {
                    self.happen(what)?;
                }
            } else if node == Some(first) {
                self.input(Input::Tick)?;
            } else {
                self.media_goes_on()?;
            }
        }
        self.now = end;
        Ok(())
    }

    fn happen(&mut self, what: Coming) -> Result<(), String> {
        if self.now < self.paused_until && what.is_for_node() {
            self.at(self.paused_until, what);
            return Ok(());
        }
        match what {
            Coming::Act(n) => {
                self.act(n);
                Ok(())
            }
            Coming::Errand(door) => self.errand(door),
            Coming::Ask(n, conn) => {
                self.ask(n, conn);
                Ok(())
            }
            Coming::Connect(n) => self.connect(n),
            Coming::Flow(life, conn, way) if life == self.life => self.flow(conn, way),
            Coming::Gone(life, conn) if life == self.life => self.unlink(conn),
            Coming::HangUp(conn) => {
                self.hang_up(conn);
                Ok(())
            }
            Coming::StoreWorks => {
                self.store_works();
                Ok(())
            }
            Coming::LateWrite => {
                self.disk.arrive_late();
                Ok(())
            }
            Coming::StoreAnswers(answer) => self.stored(*answer),
            Coming::Order(life, worker, command) if life == self.life => {
                self.order(worker, *command)
            }
            Coming::Notice(life, worker, notice) if life == self.life => {
                if self.media.is_some() || self.workers.tells(&notice, &mut self.dice) {
                    self.input(Input::Media(worker, notice))?;
                }
                Ok(())
            }
            Coming::GroupRead(life, errand, name) if life == self.life => {
                let lookup = match self.strikes(Fault::GroupUnreadable, 60) {
                    true => GroupLookup::Failed("the disk".to_owned()),
                    false => self.folder.look(&name),
                };
                self.input(Input::GroupRead(errand, lookup))
            }
            Coming::Checked(life, errand, verifier, password) if life == self.life => {
                let busy = self.strikes(Fault::PoolBusy, 200);
                let fits = (!busy).then(|| parlour_directory::verify(&verifier, &password));
                self.input(Input::Checked(errand, fits))
            }
            Coming::Hashed(life, errand) if life == self.life => {
                let busy = self.strikes(Fault::PoolBusy, 200);
                let hash = (!busy).then(|| Secret::new(crate::groups::SLOW.to_owned()));
                self.input(Input::Hashed(errand, hash))
            }
            Coming::Trouble => self.trouble(),
            Coming::Start => self.start(),
            Coming::OldWakes => self.old_wakes(),
            // Of a life that has ended.
            _ => Ok(()),
        }
    }

    // The transcript.

    fn note(&mut self, number: u64, text: &str) {
        let mut mix = |word: u64| {
            let mixed = (self.transcript ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.transcript = mixed ^ mixed >> 29;
        };
        [self.now, number, text.len() as u64].into_iter().for_each(&mut mix);
        let (words, rest) = text.as_bytes().as_chunks::<8>();
        words.iter().for_each(|word| mix(u64::from_le_bytes(*word)));
        mix(rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    }

    fn trace(&self, what: impl fmt::Display) {
        if self.plan.trace {
            println!("{:>9.3} {what}", self.now as f64 / 1e6);
        }
    }
}
