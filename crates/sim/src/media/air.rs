//! The way of datagrams: each client has a network of its own, which is the
//! model that browsers and the bench are tested with (`crates/impair`).

use crate::dice::{Dice, MS, SEC};
use crate::fault::{Fault, Swarm, Tally};
use parlour_base::{Mono, Span};
use parlour_impair::{Burst, Fate, Path, Pipe, Share, Way};
use std::collections::BTreeMap;

/// A client's network.
#[derive(Debug)]
struct Lane {
    up: Pipe,
    down: Pipe,
    /// It does not hold things back for long.
    prompt: bool,
}

/// All networks.
#[derive(Debug, Default)]
pub(crate) struct Air(BTreeMap<usize, Lane>);

fn micros(micros: u64) -> Span {
    Span(std::time::Duration::from_micros(micros))
}

/// What is wrong with one direction, as chance has it.
fn path(dice: &mut Dice, swarm: &Swarm, tally: &mut Tally, steady: bool) -> (Path, bool) {
    let mut on = |fault| swarm.chance(fault, 1_000, dice);
    let (lossy, bursty, doubled) =
        (on(Fault::UdpLoss), on(Fault::UdpBurst), on(Fault::UdpDuplicate));
    let (reordered, slow, corrupt, narrow) = (
        on(Fault::UdpReorder),
        on(Fault::UdpDelay),
        on(Fault::UdpCorrupt),
        on(Fault::UdpBottleneck),
    );
    let mut path = Path {
        delay: micros(dice.between(MS, 30 * MS)),
        jitter: micros(dice.between(0, 8 * MS)),
        ..Path::default()
    };
    if lossy {
        path.loss = Share::percent(*dice.pick(&[1, 5, 20, 30]));
    }
    if bursty {
        path.burst = Burst {
            enter: Share::percent(*dice.pick(&[1, 2])),
            leave: Share::percent(*dice.pick(&[5, 25])),
            loss: Share::ALL,
        };
    }
    if doubled {
        path.duplicate = Share::percent(*dice.pick(&[1, 10, 50]));
    }
    if reordered {
        path.reorder = Share::percent(*dice.pick(&[1, 10]));
        path.keep_order = dice.chance(500);
    }
    if slow {
        tally.add(Fault::UdpDelay);
        path.delay = micros(dice.between(100 * MS, 600 * MS));
        path.jitter = micros(dice.between(0, 200 * MS));
    }
    if corrupt {
        path.corrupt = Share::percent(2);
    }
    // What a handshake weighs is not the same each time.
    if narrow && !steady {
        path.rate_bps = *dice.pick(&[60_000, 150_000, 400_000]);
    }
    (path, !slow && !narrow)
}

impl Air {
    /// A network for each client; `steady`: the size of a datagram is nothing
    /// that may matter.
    pub(crate) fn new(
        clients: usize,
        steady: bool,
        dice: &mut Dice,
        swarm: &Swarm,
        tally: &mut Tally,
    ) -> Self {
        let mut lane = |client| {
            let (up, up_prompt) = path(dice, swarm, tally, steady);
            let (down, down_prompt) = path(dice, swarm, tally, steady);
            let seed = dice.between(0, u64::MAX);
            let lane = Lane {
                up: Pipe::new(&up, &[], Way::Up, seed, Mono(0)),
                down: Pipe::new(&down, &[], Way::Down, seed, Mono(0)),
                prompt: up_prompt && down_prompt,
            };
            (client, lane)
        };
        Self((0..clients).map(&mut lane).collect())
    }

    /// When a datagram that is sent now arrives, and whether a bit of it is
    /// turned over; perhaps never, perhaps twice.
    pub(crate) fn send(
        &mut self,
        client: usize,
        way: Way,
        now: u64,
        bytes: usize,
    ) -> impl Iterator<Item = parlour_impair::Arrival> + use<> {
        let fate = self.0.get_mut(&client).map(|lane| lane.pipe(way).send(Mono(now), bytes));
        let (first, copy) = match fate {
            Some(Fate::Arrives { first, copy }) => (Some(first), copy),
            _ => (None, None),
        };
        first.into_iter().chain(copy)
    }

    /// Nothing gets through for a while.
    pub(crate) fn black_out(&mut self, client: usize, ways: &[Way], until: u64) {
        for way in ways {
            if let Some(lane) = self.0.get_mut(&client) {
                lane.pipe(*way).black_out(Mono(until));
            }
        }
    }

    /// Whether what is sent arrives without much delay.
    pub(crate) fn is_prompt(&self, client: usize) -> bool {
        self.0.get(&client).is_some_and(|lane| lane.prompt)
    }

    /// Faults end.
    pub(crate) fn heal(&mut self, now: u64) {
        let fine = Path { delay: micros(20 * MS), jitter: micros(5 * MS), ..Path::default() };
        for lane in self.0.values_mut() {
            for way in Way::BOTH {
                lane.pipe(way).change(&fine, &[], Mono(now));
            }
            lane.prompt = true;
        }
    }

    /// Counts what was done to datagrams.
    pub(crate) fn count(&self, tally: &mut Tally) {
        for pipe in self.0.values().flat_map(|lane| [&lane.up, &lane.down]) {
            let counts = pipe.counts();
            tally.add_many(Fault::UdpLoss, counts.loss);
            tally.add_many(Fault::UdpBurst, counts.burst);
            tally.add_many(Fault::UdpDuplicate, counts.copied);
            tally.add_many(Fault::UdpReorder, counts.reordered);
            tally.add_many(Fault::UdpCorrupt, counts.corrupted);
            tally.add_many(Fault::UdpBottleneck, counts.queue);
        }
    }
}

impl Lane {
    const fn pipe(&mut self, way: Way) -> &mut Pipe {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

/// How long a blackout lasts at most.
pub(crate) const DARK_MAX: u64 = 15 * SEC;
