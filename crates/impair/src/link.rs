//! Both directions of one client's datagrams, held until they are due.
//!
//! A machine: `handle` takes a datagram, a tick or an order, `poll` gives what
//! is due, `deadline` says when to come again. Generic over what a datagram
//! carries: the proxy's carries bytes, the simulator's whatever it likes.

use crate::pipe::{Arrival, Counts, Fate, Flip, Pipe};
use crate::profile::{Profile, Way};
use crate::window::{Moment, next_of};
use parlour_base::Mono;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Duration;

/// Most datagrams on the way, both directions together; more are dropped and
/// counted as `full`.
pub const HELD_MAX: usize = 16_384;

/// Most bytes on the way, both directions together; more are dropped and
/// counted as `full`.
pub const HELD_BYTES_MAX: usize = 32 << 20;

/// What a link is told.
#[derive(Debug, Clone)]
pub enum Input<T> {
    /// A datagram is sent.
    Packet {
        /// Where it goes.
        way: Way,
        /// Its length in bytes.
        length: usize,
        /// What it carries.
        body: T,
    },
    /// Nothing gets through for so long from now on.
    Blackout(Duration),
    /// The client's datagrams come from another port from now on.
    Rebind,
    /// The network is another one, and its times begin at the given time.
    Change(Box<Profile>, Mono),
    /// Time has passed.
    Tick,
}

/// What a link does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<T> {
    /// A datagram arrives.
    Packet {
        /// Where.
        way: Way,
        /// Its length in bytes.
        length: usize,
        /// What it carries, as it was sent.
        body: T,
        /// What is to be turned over in it first.
        flip: Option<Flip>,
    },
    /// From the next datagram on, the client's come from another port, and
    /// what is sent to the old one is lost.
    Rebind,
}

/// Both directions of one client's network.
#[derive(Debug)]
pub struct Link<T> {
    up: Pipe,
    down: Pipe,
    rebinds: Vec<Moment>,
    start: Mono,
    now: Mono,
    next_rebind: Option<Mono>,
    rebinds_due: u32,
    held: BinaryHeap<Reverse<Held<T>>>,
    held_bytes: usize,
    sent: u64,
}

#[derive(Debug)]
struct Held<T> {
    at: Mono,
    number: u64,
    way: Way,
    length: usize,
    body: T,
    flip: Option<Flip>,
}

impl<T> Held<T> {
    const fn key(&self) -> (u64, u64) {
        (self.at.0, self.number)
    }
}

impl<T> PartialEq for Held<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Held<T> {}

impl<T> PartialOrd for Held<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Held<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl<T: Clone> Link<T> {
    /// One that comes into being at `now`; the profile's times began at
    /// `start`, which may be earlier. Changes of address that were due before
    /// `now` concern it no more.
    #[must_use]
    pub fn new(profile: &Profile, seed: u64, start: Mono, now: Mono) -> Self {
        let pipe = |way| Pipe::new(profile.path(way), &profile.blackouts, way, seed, start);
        Self {
            up: pipe(Way::Up),
            down: pipe(Way::Down),
            rebinds: profile.rebinds.clone(),
            start,
            now,
            next_rebind: next_of(&profile.rebinds, start, now),
            rebinds_due: 0,
            held: BinaryHeap::new(),
            held_bytes: 0,
            sent: 0,
        }
    }

    /// Takes one input. Time does not go back; if it does, it stands still.
    pub fn handle(&mut self, now: Mono, input: Input<T>) {
        self.now = self.now.max(now);
        while self.next_rebind.is_some_and(|at| at <= self.now) {
            self.rebinds_due = self.rebinds_due.saturating_add(1);
            let last = self.next_rebind.unwrap_or(self.now);
            self.next_rebind = next_of(&self.rebinds, self.start, last.max(self.late(last)));
        }
        match input {
            Input::Packet { way, length, body } => self.send(way, length, body),
            Input::Blackout(time) => {
                let until = self.now + time;
                self.up.black_out(until);
                self.down.black_out(until);
            }
            Input::Rebind => self.rebinds_due = self.rebinds_due.saturating_add(1),
            Input::Change(profile, start) => self.change(&profile, start),
            Input::Tick => {}
        }
    }

    /// Where to look for the next change of address after one at `last`: if
    /// the clock has leapt, those in between are one.
    fn late(&self, last: Mono) -> Mono {
        if self.now.since(last) > Duration::from_secs(1) { self.now } else { last }
    }

    /// What is due by the time of the last input; `None` when there is nothing
    /// more.
    pub fn poll(&mut self) -> Option<Output<T>> {
        if self.rebinds_due > 0 {
            self.rebinds_due -= 1;
            return Some(Output::Rebind);
        }
        if self.held.peek()?.0.at > self.now {
            return None;
        }
        let Reverse(Held { way, length, body, flip, .. }) = self.held.pop()?;
        self.held_bytes = self.held_bytes.saturating_sub(length);
        let counts = &mut self.pipe(way).counts;
        counts.delivered += 1;
        counts.delivered_bytes += u64::try_from(length).unwrap_or(u64::MAX);
        Some(Output::Packet { way, length, body, flip })
    }

    /// When to come again at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        let held = self.held.peek().map(|Reverse(held)| held.at);
        let now = (self.rebinds_due > 0).then_some(self.now);
        [held, self.next_rebind, now].into_iter().flatten().min()
    }

    /// What one direction did so far.
    #[must_use]
    pub const fn counts(&self, way: Way) -> &Counts {
        match way {
            Way::Up => self.up.counts(),
            Way::Down => self.down.counts(),
        }
    }

    /// How many datagrams are on the way.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    const fn pipe(&mut self, way: Way) -> &mut Pipe {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    fn change(&mut self, profile: &Profile, start: Mono) {
        for way in Way::BOTH {
            self.pipe(way).change(profile.path(way), &profile.blackouts, start);
        }
        self.rebinds.clone_from(&profile.rebinds);
        self.start = start;
        self.next_rebind = next_of(&self.rebinds, start, self.now);
    }

    fn send(&mut self, way: Way, length: usize, body: T) {
        let now = self.now;
        let Fate::Arrives { first, copy } = self.pipe(way).send(now, length) else { return };
        if let Some(copy) = copy {
            self.hold(way, length, body.clone(), copy, 1);
        }
        self.hold(way, length, body, first, 0);
        self.sent += 2;
    }

    /// Keeps it; `after` puts a copy behind what it is a copy of.
    fn hold(&mut self, way: Way, length: usize, body: T, arrival: Arrival, after: u64) {
        let bytes = self.held_bytes.saturating_add(length);
        if self.held.len() >= HELD_MAX || bytes > HELD_BYTES_MAX {
            self.pipe(way).counts.full += 1;
            return;
        }
        self.held_bytes = bytes;
        let Arrival { at, flip } = arrival;
        let number = self.sent + after;
        self.held.push(Reverse(Held { at, number, way, length, body, flip }));
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
