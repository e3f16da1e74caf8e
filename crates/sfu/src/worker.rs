//! The machine: inputs in, outputs out, a deadline in between.
//!
//! Owns all peers of one worker and who is reached how: by address, by user
//! fragment, by the control side's name. Publishers and subscribers lie in two
//! tables, so that one of the first can be read while the second are written.

mod commands;
mod datagrams;
mod fanout;

#[cfg(test)]
mod tests;

use crate::config::Config;
use crate::down::Down;
use crate::identity::Identity;
use crate::input::Input;
use crate::outbox::{Outbox, Output};
use crate::plan::{Notice, PeerId, WorkerIndex};
use crate::shared::Shared;
use crate::slab::Slab;
use crate::stats::Stats;
use crate::timers::{NEVER, Timers};
use crate::transport::{Moment, Transport};
use crate::up::Up;
use parlour_base::{Entropy, Mono};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

/// A peer that has just been looked at is not looked at again before this.
const LEAST_WAIT: Duration = Duration::from_micros(500);

/// Where a peer is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Slot {
    /// Among the publishers.
    Up(usize),
    /// Among the subscribers.
    Down(usize),
}

/// One media worker. See the crate's description for how to drive it.
#[derive(Debug)]
pub struct Worker {
    index: WorkerIndex,
    shared: Shared,
    ups: Slab<Up>,
    downs: Slab<Down>,
    names: HashMap<PeerId, Slot>,
    addresses: HashMap<SocketAddr, Slot>,
    ufrags: HashMap<String, Slot>,
    /// Addresses of other workers' peers; at most `config.foreign_addresses`.
    foreign: HashMap<SocketAddr, WorkerIndex>,
    timers: Timers,
    plain: Vec<u8>,
}

impl Worker {
    /// A worker without peers.
    #[must_use]
    pub fn new(config: Config, index: WorkerIndex, identity: Identity, entropy: Entropy) -> Self {
        let config = config.clamped();
        let outbox = Outbox::new(config.outbox.bytes());
        Self {
            index,
            shared: Shared {
                config,
                identity,
                entropy,
                outbox,
                stats: Stats::default(),
                handshakes_paid: Mono::default(),
                scratch: Vec::new(),
                payload: Vec::new(),
                report: Vec::new(),
                planned: Vec::new(),
            },
            ups: Slab::default(),
            downs: Slab::default(),
            names: HashMap::new(),
            addresses: HashMap::new(),
            ufrags: HashMap::new(),
            foreign: HashMap::new(),
            timers: Timers::default(),
            plain: Vec::new(),
        }
    }

    /// Takes one input. Never fails: what peers do wrong is dropped and counted.
    pub fn handle(&mut self, now: Mono, input: Input<'_>) {
        self.shared.outbox.recycle();
        match input {
            Input::Datagram { from, to, bytes } => {
                self.shared.stats.datagrams_in += 1;
                self.shared.stats.bytes_in += bytes.len() as u64;
                self.datagram(now, (from, to), bytes, true);
            }
            Input::Foreign { from, to, bytes } => self.datagram(now, (from, to), bytes, false),
            Input::Learned { worker, address, held } => self.learned(worker, address, held),
            Input::Command(command) => self.command(now, command),
            Input::Tick => {}
        }
        self.run(now);
    }

    /// Pretends that a peer is connected from `address` with these keys, for
    /// simulations and fuzz targets; false if there is no such peer.
    #[cfg(any(test, feature = "assume-keys"))]
    pub fn assume_keys(
        &mut self,
        now: Mono,
        peer: PeerId,
        address: SocketAddr,
        keys: &crate::srtp::Exported,
    ) -> bool {
        let Some(slot) = self.names.get(&peer).copied() else { return false };
        let path = crate::ice::path_back(address, None);
        let Some(transport) = self.transport(slot) else { return false };
        transport.prove(now, path, keys);
        self.addresses.insert(address, slot);
        self.moment(now, slot, Some(Moment::Connected));
        true
    }

    /// The next thing to do; call until `None` after every [`Worker::handle`],
    /// or after a batch of them.
    pub fn poll(&mut self) -> Option<Output<'_>> {
        let Shared { outbox, stats, .. } = &mut self.shared;
        outbox.fetch(stats)
    }

    /// Whether so much waits that [`Worker::poll`] should come before the next
    /// input; a batch that goes on regardless may find the outbox full.
    #[must_use]
    pub fn brims(&self) -> bool {
        self.shared.outbox.brims()
    }

    /// When to call [`Worker::handle`] with [`Input::Tick`] at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        self.timers.next().filter(|next| *next < NEVER)
    }

    /// The counters, by copy.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            up_peers: self.ups.len() as u64,
            down_peers: self.downs.len() as u64,
            addresses: self.addresses.len() as u64,
            ..self.shared.stats
        }
    }

    /// Looks at every peer whose time has come.
    fn run(&mut self, now: Mono) {
        while let Some((at, slot)) = self.timers.due(now) {
            match slot {
                Slot::Up(up) => self.run_up(now, at, up),
                Slot::Down(down) => self.run_down(now, at, down),
            }
        }
    }

    fn run_up(&mut self, now: Mono, armed: Mono, at: usize) {
        let Some(up) = self.ups.get_mut(at).filter(|up| up.armed == armed) else { return };
        up.armed = NEVER;
        let mut flushes = Vec::new();
        let moment = up.tick(now, &mut self.shared, &mut flushes);
        for flush in flushes {
            self.flush(now, at, flush);
        }
        self.tell_live(now, at);
        self.moment(now, Slot::Up(at), moment);
        self.rearm(now, Slot::Up(at));
    }

    fn run_down(&mut self, now: Mono, armed: Mono, at: usize) {
        let Some(down) = self.downs.get_mut(at).filter(|down| down.armed == armed) else { return };
        down.armed = NEVER;
        let up = source_of(&self.names, &self.ups, down.source);
        let moment = down.tick(now, up, &mut self.shared);
        self.moment(now, Slot::Down(at), moment);
        self.rearm(now, Slot::Down(at));
    }

    /// Sets a peer's timer after it was looked at.
    fn rearm(&mut self, now: Mono, slot: Slot) {
        let least = now + LEAST_WAIT;
        match slot {
            Slot::Up(at) => {
                if let Some(up) = self.ups.get_mut(at) {
                    let deadline = up.deadline(&self.shared).max(least);
                    self.timers.arm(slot, deadline, &mut up.armed);
                }
            }
            Slot::Down(at) => {
                if let Some(down) = self.downs.get_mut(at) {
                    let deadline = down.deadline(&self.shared).max(least);
                    self.timers.arm(slot, deadline, &mut down.armed);
                }
            }
        }
    }

    fn transport(&mut self, slot: Slot) -> Option<&mut Transport> {
        match slot {
            Slot::Up(at) => self.ups.get_mut(at).map(|up| &mut up.transport),
            Slot::Down(at) => self.downs.get_mut(at).map(|down| &mut down.transport),
        }
    }

    /// Passes on what a transport went through.
    fn moment(&mut self, now: Mono, slot: Slot, moment: Option<Moment>) {
        let Some(moment) = moment else { return };
        let Some(peer) = self.transport(slot).map(|transport| transport.peer) else { return };
        let notice = match moment {
            Moment::Connected | Moment::Revived => Notice::Connected(peer),
            Moment::Lost(loss) => Notice::Lost(peer, loss),
        };
        self.shared.outbox.notice(notice, &mut self.shared.stats);
        let Slot::Down(at) = slot else { return };
        if moment == Moment::Connected
            && let Some(down) = self.downs.get_mut(at)
        {
            down.rekeyed(&mut self.shared);
        }
        if matches!(moment, Moment::Connected | Moment::Revived) {
            self.start(now, at);
        }
    }

    fn tell_live(&mut self, now: Mono, at: usize) {
        let Some(up) = self.ups.get_mut(at) else { return };
        if let Some(tracks) = up.live(now) {
            let notice = Notice::Live { peer: up.transport.peer, tracks };
            self.shared.outbox.notice(notice, &mut self.shared.stats);
        }
    }
}

/// The publisher with this name, if this worker has it.
fn source_of<'a>(
    names: &HashMap<PeerId, Slot>,
    ups: &'a Slab<Up>,
    source: PeerId,
) -> Option<&'a Up> {
    match names.get(&source)? {
        Slot::Up(at) => ups.get(*at),
        Slot::Down(_) => None,
    }
}
