//! One direction for datagrams: what happens to each, decided when it is sent.
//!
//! Owns the luck, the state of bursts and the bottleneck of its direction.
//! Refuses to know what the datagrams say; it keeps none of them.

use crate::bottleneck::Bottleneck;
use crate::chance::Chance;
use crate::profile::{Path, Way};
use crate::window::{Window, after_all};
use parlour_base::Mono;
use serde::Serialize;
use std::time::Duration;

/// Why a datagram does not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// It was larger than the path takes.
    Size,
    /// Nothing got through at the time.
    Blackout,
    /// It was lost by itself.
    Loss,
    /// It was lost with its neighbours.
    Burst,
    /// The bottleneck's queue had no room.
    Queue,
}

/// One bit of a datagram that is turned over on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flip {
    /// Which byte.
    pub at: usize,
    /// Which of its bits.
    pub bits: u8,
}

impl Flip {
    /// Turns it over.
    pub fn apply(self, bytes: &mut [u8]) {
        if let Some(byte) = bytes.get_mut(self.at) {
            *byte ^= self.bits;
        }
    }
}

/// One arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When; not before it was sent.
    pub at: Mono,
    /// What is wrong with it.
    pub flip: Option<Flip>,
}

/// What happens to one datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It does not arrive.
    Dropped(Cause),
    /// It arrives.
    Arrives {
        /// The first time.
        first: Arrival,
        /// A second time.
        copy: Option<Arrival>,
    },
}

/// What one direction did with its datagrams.
///
/// Always: `offered + copied = passed + size + blackout + loss + burst + queue`,
/// and in a [`Link`](crate::Link) `passed = delivered + full +` those held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Datagrams sent into it.
    pub offered: u64,
    /// Their bytes.
    pub offered_bytes: u64,
    /// Second ones made of them.
    pub copied: u64,
    /// Let through, copies included.
    pub passed: u64,
    /// Dropped for their size.
    pub size: u64,
    /// Dropped in blackouts.
    pub blackout: u64,
    /// Dropped by themselves.
    pub loss: u64,
    /// Dropped in bursts.
    pub burst: u64,
    /// Dropped before the bottleneck, copies included.
    pub queue: u64,
    /// Let through, and dropped because too many were on the way.
    pub full: u64,
    /// Held back so that later ones overtake them.
    pub reordered: u64,
    /// With a bit turned over.
    pub corrupted: u64,
    /// Arrived.
    pub delivered: u64,
    /// Their bytes.
    pub delivered_bytes: u64,
}

impl Counts {
    /// All that was dropped.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.size + self.blackout + self.loss + self.burst + self.queue + self.full
    }

    /// Adds another's.
    pub const fn merge(&mut self, other: &Self) {
        self.offered += other.offered;
        self.offered_bytes += other.offered_bytes;
        self.copied += other.copied;
        self.passed += other.passed;
        self.size += other.size;
        self.blackout += other.blackout;
        self.loss += other.loss;
        self.burst += other.burst;
        self.queue += other.queue;
        self.full += other.full;
        self.reordered += other.reordered;
        self.corrupted += other.corrupted;
        self.delivered += other.delivered;
        self.delivered_bytes += other.delivered_bytes;
    }

    const fn drop_for(&mut self, cause: Cause) {
        match cause {
            Cause::Size => self.size += 1,
            Cause::Blackout => self.blackout += 1,
            Cause::Loss => self.loss += 1,
            Cause::Burst => self.burst += 1,
            Cause::Queue => self.queue += 1,
        }
    }
}

/// One direction of one client's network.
#[derive(Debug)]
pub struct Pipe {
    path: Path,
    blackouts: Vec<Window>,
    start: Mono,
    /// A blackout that somebody ordered.
    dark_until: Mono,
    chance: Chance,
    is_bad: bool,
    bottleneck: Bottleneck,
    /// When the latest in order arrives.
    latest: Mono,
    pub(crate) counts: Counts,
}

impl Pipe {
    /// One whose profile begins at `start`. The two directions of one seed
    /// have nothing in common.
    #[must_use]
    pub fn new(path: &Path, blackouts: &[Window], way: Way, seed: u64, start: Mono) -> Self {
        let stream = match way {
            Way::Up => 1,
            Way::Down => 2,
        };
        Self {
            path: path.clone(),
            blackouts: blackouts.to_vec(),
            start,
            dark_until: Mono(0),
            chance: Chance::new(seed, stream),
            is_bad: false,
            bottleneck: Bottleneck::default(),
            latest: Mono(0),
            counts: Counts::default(),
        }
    }

    /// Another profile from `start` on; what waits at the bottleneck waits on.
    pub fn change(&mut self, path: &Path, blackouts: &[Window], start: Mono) {
        self.path = path.clone();
        self.blackouts = blackouts.to_vec();
        self.start = start;
        self.is_bad = false;
    }

    /// Lets nothing in until then.
    pub fn black_out(&mut self, until: Mono) {
        self.dark_until = self.dark_until.max(until);
    }

    /// What it did so far.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Decides about a datagram of `length` bytes that is sent now. Time does
    /// not go back from one call to the next.
    pub fn send(&mut self, now: Mono, length: usize) -> Fate {
        self.counts.offered += 1;
        self.counts.offered_bytes += u64::try_from(length).unwrap_or(u64::MAX);
        if let Some(cause) = self.lost(now, length) {
            self.counts.drop_for(cause);
            return Fate::Dropped(cause);
        }
        let doubled = self.chance.hits(self.path.duplicate);
        let first = self.pass(now, length);
        let copy = if doubled { self.pass_copy(now, length) } else { None };
        match (first, copy) {
            (Some(first), copy) => Fate::Arrives { first, copy },
            (None, _) => Fate::Dropped(Cause::Queue),
        }
    }

    fn pass_copy(&mut self, now: Mono, length: usize) -> Option<Arrival> {
        self.counts.copied += 1;
        self.pass(now, length)
    }

    /// Whether it is lost before the bottleneck.
    fn lost(&mut self, now: Mono, length: usize) -> Option<Cause> {
        let Burst { turns, loses } = self.burst();
        let lost = self.chance.hits(self.path.loss);
        self.is_bad ^= turns;
        if self.path.is_too_large(length) {
            Some(Cause::Size)
        } else if now < self.dark_until || after_all(&self.blackouts, self.start, now) > now {
            Some(Cause::Blackout)
        } else if lost {
            Some(Cause::Loss)
        } else if self.is_bad && loses {
            Some(Cause::Burst)
        } else {
            None
        }
    }

    fn burst(&mut self) -> Burst {
        let burst = self.path.burst;
        let turn = if self.is_bad { burst.leave } else { burst.enter };
        Burst { turns: self.chance.hits(turn), loses: self.chance.hits(burst.loss) }
    }

    /// Sends it through the bottleneck and beyond; `None` if there is no room.
    fn pass(&mut self, now: Mono, length: usize) -> Option<Arrival> {
        let jitter = self.chance.up_to(self.path.jitter.0);
        let held_back = self.chance.hits(self.path.reorder);
        let flip = self.flip(length);
        if !self.has_room(now, length) {
            self.counts.queue += 1;
            return None;
        }
        let out = self.bottleneck.send(now, length, self.path.rate_bps);
        let mut at = out + self.path.delay.0 + jitter;
        if held_back {
            self.counts.reordered += 1;
            at = at + self.path.reorder_by.0;
        } else if self.path.keep_order {
            at = at.max(self.latest);
            self.latest = at;
        }
        self.counts.passed += 1;
        self.counts.corrupted += u64::from(flip.is_some());
        Some(Arrival { at, flip })
    }

    fn has_room(&self, now: Mono, length: usize) -> bool {
        let rate = self.path.rate_bps;
        if rate == 0 {
            return true;
        }
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let waiting = self.bottleneck.backlog_bytes(now, rate);
        let mut after = self.bottleneck;
        after.send(now, usize::try_from(length).unwrap_or(usize::MAX), rate);
        waiting.saturating_add(length) <= self.path.queue_bytes.0
            && after.backlog(now) <= self.path.queue.0.max(Duration::from_micros(1))
    }

    fn flip(&mut self, length: usize) -> Option<Flip> {
        if !self.chance.hits(self.path.corrupt) || length == 0 {
            return None;
        }
        let at = self.chance.one_to(length) - 1;
        Some(Flip { at, bits: self.chance.bits_to_flip() })
    }
}

/// What the model of bursts drew for one datagram.
struct Burst {
    turns: bool,
    loses: bool,
}

#[cfg(test)]
#[path = "pipe_tests.rs"]
pub(crate) mod tests;
