//! The machine: inputs in, outputs out, a deadline in between.

use crate::config::Config;
use crate::identity::Identity;
use crate::input::Input;
use crate::outbox::{Outbox, Output};
use crate::plan::WorkerIndex;
use crate::stats::Stats;
use parlour_base::{Entropy, Mono};

/// One media worker.
#[derive(Debug)]
pub struct Worker {
    config: Config,
    index: WorkerIndex,
    identity: Identity,
    entropy: Entropy,
    outbox: Outbox,
    stats: Stats,
}

impl Worker {
    /// A worker without peers.
    #[must_use]
    pub fn new(config: Config, index: WorkerIndex, identity: Identity, entropy: Entropy) -> Self {
        let config = config.clamped();
        let outbox = Outbox::new(config.outbox.bytes());
        Self { config, index, identity, entropy, outbox, stats: Stats::default() }
    }

    /// Takes one input. Never fails: what peers do wrong is dropped and counted.
    pub fn handle(&mut self, now: Mono, input: Input<'_>) {
        self.outbox.recycle();
        let _ = (now, input, &self.config, self.index, &self.identity, &mut self.entropy);
    }

    /// The next thing to do; call until `None` after every [`Worker::handle`],
    /// or after a batch of them.
    pub fn poll(&mut self) -> Option<Output<'_>> {
        self.outbox.fetch(&mut self.stats)
    }

    /// When to call [`Worker::handle`] with [`Input::Tick`] at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        None
    }

    /// The counters, by copy.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }
}
