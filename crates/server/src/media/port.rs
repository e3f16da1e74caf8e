//! The way to one media worker for the shard, for the other workers and for
//! the metrics.

use super::waker::{Sleeper, Waker, waker};
use crate::metrics::Counters;
use parlour_sfu::Stats;
use parlour_sfu::plan::{Command, WorkerIndex};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

/// Words that may wait for a worker. The shard waits for a place; other
/// workers do not, and what they would have said is dropped and counted.
pub const WORDS_MAX: usize = 4_096;

/// What can be said to a worker's thread.
#[derive(Debug)]
pub enum Word {
    /// An order of the shard.
    Command(Command),
    /// A datagram that another worker received for this one.
    Foreign {
        /// Who sent it.
        from: SocketAddr,
        /// The local address it was sent to.
        to: Option<IpAddr>,
        /// The datagram.
        bytes: Box<[u8]>,
    },
    /// Another worker owns an address now, or gave it up.
    Learned {
        /// Which worker.
        worker: WorkerIndex,
        /// The address.
        address: SocketAddr,
        /// Whether it owns it.
        held: bool,
    },
    /// The thread is to end.
    Stop,
}

/// The sending end; cheap to clone.
#[derive(Debug, Clone)]
pub struct WorkerPort {
    words: flume::Sender<Word>,
    waker: Waker,
    stats: Arc<Mutex<Stats>>,
    counters: Arc<Counters>,
}

/// The receiving end, for the worker's thread.
#[derive(Debug)]
pub(super) struct WorkerEar {
    pub(super) words: flume::Receiver<Word>,
    pub(super) sleeper: Sleeper,
    stats: Arc<Mutex<Stats>>,
}

/// Makes both ends.
pub(super) fn worker_port(counters: Arc<Counters>) -> io::Result<(WorkerPort, WorkerEar)> {
    let (sender, words) = flume::bounded(WORDS_MAX);
    let (waker, sleeper) = waker()?;
    let stats = Arc::<Mutex<Stats>>::default();
    let port = WorkerPort { words: sender, waker, stats: Arc::clone(&stats), counters };
    Ok((port, WorkerEar { words, sleeper, stats }))
}

impl WorkerPort {
    /// Gives an order, waiting for a place if need be. A worker never waits
    /// for the shard, so the place comes. Lost if the thread has ended.
    pub fn command(&self, command: Command) {
        match self.words.try_send(Word::Command(command)) {
            Ok(()) | Err(flume::TrySendError::Disconnected(_)) => {}
            Err(flume::TrySendError::Full(word)) => {
                self.waker.wake();
                // The thread ended meanwhile if this fails.
                drop(self.words.send(word));
            }
        }
        self.waker.wake();
    }

    /// Says a word without waiting; dropped and counted if there is no place.
    pub fn say(&self, word: Word) {
        if self.words.try_send(word).is_err() {
            self.counters.worker_words_dropped.inc();
        }
        self.waker.wake();
    }

    /// Ends the thread after the words before this one.
    pub fn stop(&self) {
        drop(self.words.send_timeout(Word::Stop, std::time::Duration::from_secs(1)));
        self.waker.wake();
    }

    /// The worker's counters, at most a moment old.
    #[must_use]
    pub fn stats(&self) -> Stats {
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many words wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.words.len()
    }
}

impl WorkerEar {
    /// Publishes the counters. The lock is held for a copy only.
    pub(super) fn publish(&self, stats: Stats) {
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = stats;
    }
}
