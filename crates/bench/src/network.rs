//! A bad network between the generator's peers and their sockets.
//!
//! Owns one link of the shared model for each peer, and what they did
//! together. Refuses to know what a datagram says.

use parlour_base::Mono;
use parlour_impair::{Counts, Input, Link, Output, Preset, Profile, Way};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The network of all peers of a run.
#[derive(Debug)]
pub(crate) struct Network {
    profile: Profile,
    seed: u64,
    epoch: Instant,
    made: AtomicU64,
}

impl Network {
    /// One whose times begin now.
    pub(crate) fn new(preset: Preset, seed: u64, now: Instant) -> Self {
        Self { profile: preset.profile(), seed, epoch: now, made: AtomicU64::default() }
    }

    /// The link of one more peer; each has luck of its own.
    pub(crate) fn wire(&self, now: Instant) -> Wire {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let at = mono(self.epoch, now);
        let link = Link::new(&self.profile, self.seed.wrapping_add(number), Mono(0), at);
        Wire { link, epoch: self.epoch }
    }
}

fn mono(epoch: Instant, now: Instant) -> Mono {
    Mono(0) + now.saturating_duration_since(epoch)
}

/// A datagram and the server's address that it goes to or comes from.
#[derive(Debug, Clone)]
pub(crate) struct Datagram {
    pub(crate) server: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// What a wire wants done.
#[derive(Debug)]
pub(crate) enum Carried {
    /// It leaves for the server.
    Up(Datagram),
    /// It arrives at the peer.
    Down(Datagram),
    /// The peer's datagrams come from another port from now on.
    Rebind,
}

/// The link of one peer.
#[derive(Debug)]
pub(crate) struct Wire {
    link: Link<Datagram>,
    epoch: Instant,
}

impl Wire {
    /// A datagram is sent in a direction.
    pub(crate) fn take(&mut self, way: Way, server: SocketAddr, bytes: &[u8], now: Instant) {
        let body = Datagram { server, bytes: bytes.to_vec() };
        let input = Input::Packet { way, length: bytes.len(), body };
        self.link.handle(mono(self.epoch, now), input);
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.link.handle(mono(self.epoch, now), Input::Tick);
    }

    /// What is due by now.
    pub(crate) fn next(&mut self) -> Option<Carried> {
        match self.link.poll()? {
            Output::Rebind => Some(Carried::Rebind),
            Output::Packet { way, mut body, flip, .. } => {
                if let Some(flip) = flip {
                    flip.apply(&mut body.bytes);
                }
                Some(match way {
                    Way::Up => Carried::Up(body),
                    Way::Down => Carried::Down(body),
                })
            }
        }
    }

    /// When to come again.
    pub(crate) fn due(&self) -> Option<Instant> {
        let at = self.link.deadline()?;
        self.epoch.checked_add(Duration::from_micros(at.0))
    }

    /// What it did so far, up and down.
    pub(crate) const fn counts(&self) -> [Counts; 2] {
        [*self.link.counts(Way::Up), *self.link.counts(Way::Down)]
    }
}

/// The part of the datagrams that did not get through, between two looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Between {
    /// Offered, copies not counted.
    pub(crate) offered: u64,
    /// Lost for their size, by blackout, by themselves, in bursts, at the queue.
    pub(crate) causes: [(&'static str, u64); 5],
}

impl Between {
    pub(crate) const fn new(before: &Counts, after: &Counts) -> Self {
        Self {
            offered: after.offered - before.offered,
            causes: [
                ("size", after.size - before.size),
                ("blackout", after.blackout - before.blackout),
                ("loss", after.loss - before.loss),
                ("burst", after.burst - before.burst),
                ("queue", after.queue + after.full - before.queue - before.full),
            ],
        }
    }

    /// Lost of all.
    pub(crate) fn share(&self) -> f64 {
        let lost: u64 = self.causes.iter().map(|(_, count)| count).sum();
        lost as f64 / self.offered.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::instant;

    #[test]
    fn a_wire_carries_both_ways_and_counts_what_it_loses() {
        let now = instant();
        let network = Network::new(Preset::Lossy, 3, now);
        let mut wire = network.wire(now);
        let server = SocketAddr::from(([127, 0, 0, 1], 9));
        for _ in 0..500 {
            wire.take(Way::Up, server, b"up", now);
            wire.take(Way::Down, server, b"down", now);
        }
        assert!(wire.next().is_none() && wire.due().expect("on the way") > now);
        wire.tick(now + Duration::from_secs(1));
        let (mut up, mut down) = (0, 0);
        while let Some(carried) = wire.next() {
            match carried {
                Carried::Up(datagram) => up += u64::from(datagram.bytes == b"up"),
                Carried::Down(datagram) => down += u64::from(datagram.bytes == b"down"),
                Carried::Rebind => panic!("nobody said so"),
            }
        }
        let counts = wire.counts();
        assert_eq!([up, down], counts.map(|counts| counts.delivered));
        let between = Between::new(&Counts::default(), &counts[0]);
        assert_eq!(between.offered, 500);
        assert!((0.02..0.09).contains(&between.share()), "{between:?}");
    }
}
