//! Stopping: nobody new comes in, members are told, what was acknowledged is
//! kept, every thread is joined.

use super::machines::Failure;
use crate::clock::Clock;
use crate::http::Site;
use crate::media::WorkerPort;
use crate::pool::Pool;
use crate::shard::{CheckJob, Mail, Mailbox, ReadJob};
use anyhow::{Result, bail};
use parlour_store::{SqliteEngine, Writer};
use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout_at;

/// How long all threads together may take after the time for everybody else;
/// what that has left is theirs too.
const JOIN_TIMEOUT: Duration = Duration::from_millis(800);

/// How long each may take if nothing of that is left.
const JOIN_TIMEOUT_MIN: Duration = Duration::from_millis(100);

/// Threads that are joined at the end.
pub(super) struct Threads {
    pub(super) shard: JoinHandle<()>,
    pub(super) workers: Vec<JoinHandle<()>>,
    pub(super) passwords: Pool<CheckJob>,
    pub(super) group_reads: Pool<ReadJob>,
    pub(super) store: Writer<SqliteEngine>,
}

/// The signals that end the process in order.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Catches them from now on.
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

/// A server that runs.
pub(super) struct Running {
    pub(super) site: Arc<Site>,
    pub(super) shard: Mailbox,
    pub(super) workers: Vec<WorkerPort>,
    /// Tells tasks to end.
    pub(super) stop: watch::Sender<bool>,
    /// True when the shard has let everybody go.
    pub(super) drains: watch::Receiver<bool>,
    /// Something when the process must end.
    pub(super) failed: watch::Receiver<Option<Failure>>,
    pub(super) threads: Threads,
    pub(super) signals: Signals,
}

impl Running {
    /// Waits for a signal or a failure, then stops.
    ///
    /// # Errors
    /// If a part failed, before or during the stop.
    pub(super) async fn until_stopped(mut self) -> Result<()> {
        // Signals are kept by their streams, the failure by its channel.
        let failure = tokio::select! {
            _ = self.signals.terminate.recv() => None,
            _ = self.signals.interrupt.recv() => None,
            failure = self.failed.wait_for(Option::is_some) => failure.ok().and_then(|it| it.clone()),
        };
        match failure {
            None => {
                tracing::info!("stopping");
                self.stop_in_order().await
            }
            Some(failure) => {
                // The parts that still work get a moment: the store to finish,
                // clients to see their connections close.
                self.stop.send_replace(true);
                self.threads.store.stop().ok();
                bail!(failure)
            }
        }
    }

    async fn stop_in_order(mut self) -> Result<()> {
        let until = tokio::time::Instant::now() + self.site.config.server.shutdown_timeout.0;
        self.stop.send_replace(true);
        let told = async {
            self.shard.post(Mail::Shutdown).await.ok()?;
            self.drains.wait_for(|drained| *drained).await.ok()
        };
        if timeout_at(until, told).await.ok().flatten().is_none() {
            tracing::warn!("not everybody could be told");
        }
        self.site.tasks.close();
        if timeout_at(until, self.site.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.site.tasks.len(), "some connections are cut off");
        }
        // Before the pools, so that nobody gives them work any more.
        self.shard.stop();
        let (threads, workers) = (self.threads, self.workers);
        drop((self.site, self.shard));
        let until = until.into_std() + JOIN_TIMEOUT;
        tokio::task::spawn_blocking(move || threads.join(&workers, until)).await?
    }
}

impl Threads {
    fn join(self, workers: &[WorkerPort], until: Instant) -> Result<()> {
        let join = |name: &str, thread| join(name, thread, until);
        let mut whole = join("shard", self.shard);
        for port in workers {
            port.stop();
        }
        for thread in self.workers {
            whole &= join("media", thread);
        }
        whole &= self.store.stop().is_ok();
        for thread in self.group_reads.close() {
            whole &= join("groups", thread);
        }
        // A hash under way may take longer than we have, and nobody waits for
        // it any more: such a thread ends with the process.
        for thread in self.passwords.close() {
            if thread.is_finished() {
                whole &= thread.join().is_ok();
            }
        }
        if !whole {
            bail!("a thread did not end in order");
        }
        tracing::info!("stopped");
        Ok(())
    }
}

/// What is left of the time; a moment in any case, for a thread that has ended
/// already still has to be joined.
fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Clock::start().zero()).max(JOIN_TIMEOUT_MIN)
}

/// Joins a thread if it ends in time.
fn join(name: &str, thread: JoinHandle<()>, until: Instant) -> bool {
    let (ended, end) = mpsc::sync_channel(1);
    let wait = move || {
        let whole = thread.join().is_ok();
        // Nobody waits any more once the time is over.
        ended.send(whole).is_ok()
    };
    let whole = thread::Builder::new().name("join".to_owned()).spawn(wait).is_ok()
        && end.recv_timeout(left(until)).unwrap_or(false);
    if !whole {
        tracing::error!(%name, "a thread did not end in order");
    }
    whole
}
