//! The store thread: takes what waits, executes it as one group, answers.
//!
//! Owns the thread and its queue. Refuses to know which engine it feeds and
//! where answers go. The queue holds as many requests as its creator says;
//! when it is full a request comes straight back and its sender answers
//! [`StoreFault::Busy`].

use crate::gauges::{Gauges, add};
use crate::{Engine, only_reads};
use parlour_base::storage::{StoreFault, StoreOp, StoreReply, StoreRequest};
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Most requests that share one transaction. Larger groups do not save syncs
/// worth having, and make the first in the group wait for the last.
pub const BATCH_MAX: usize = 256;

/// The store thread, seen from outside. Dropping it stops the thread as
/// [`Writer::stop`] does.
#[derive(Debug)]
pub struct Writer<E: Engine + 'static> {
    submitter: Submitter,
    thread: Option<JoinHandle<E>>,
}

/// Hands requests to the store thread; cheap to clone, one for each shard.
#[derive(Debug, Clone)]
pub struct Submitter {
    /// Empty once the writer has been stopped. The lock is held for a
    /// non-blocking send only, and no other lock is taken under it.
    queue: Arc<RwLock<Option<SyncSender<StoreRequest>>>>,
    gauges: Arc<Gauges>,
}

/// The store thread panicked; what it had queued is lost, unacknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store thread died")]
pub struct Died;

impl<E: Engine + 'static> Writer<E> {
    /// Starts a store thread with room for `queue_len` waiting requests.
    ///
    /// `reply` is called on the store thread, in order, once for each request;
    /// while it blocks, the store stands still.
    ///
    /// # Errors
    /// The system's, if it gives no thread.
    pub fn spawn(
        engine: E,
        queue_len: NonZeroUsize,
        mut reply: impl FnMut(StoreReply) + Send + 'static,
    ) -> io::Result<Self> {
        Self::spawn_batched(engine, queue_len, move |replies| {
            replies.into_iter().for_each(&mut reply)
        })
    }

    /// The same, `reply` being called once for all requests of a commit, so
    /// that whoever waits is woken once.
    ///
    /// # Errors
    /// The system's, if it gives no thread.
    pub fn spawn_batched(
        engine: E,
        queue_len: NonZeroUsize,
        reply: impl FnMut(Vec<StoreReply>) + Send + 'static,
    ) -> io::Result<Self> {
        let gauges = Arc::new(Gauges::default());
        add(&gauges.queue_limit, u64::try_from(queue_len.get()).unwrap_or(u64::MAX));
        let (sender, requests) = sync_channel(queue_len.get());
        let worker = Worker { engine, requests, gauges: Arc::clone(&gauges), reply };
        let thread = thread::Builder::new().name("store".to_owned()).spawn(|| worker.run())?;
        let queue = Arc::new(RwLock::new(Some(sender)));
        Ok(Self { submitter: Submitter { queue, gauges }, thread: Some(thread) })
    }

    /// Another hand that submits.
    #[must_use]
    pub fn submitter(&self) -> Submitter {
        self.submitter.clone()
    }

    /// Queues a request, see [`Submitter::try_submit`].
    ///
    /// # Errors
    /// The request itself, if it cannot be queued.
    pub fn try_submit(&self, request: StoreRequest) -> Result<(), StoreRequest> {
        self.submitter.try_submit(request)
    }

    /// The thread's numbers.
    #[must_use]
    pub fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(&self.submitter.gauges)
    }

    /// Whether the thread is alive; not so after it panicked.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Refuses further requests, executes and answers those that wait, and
    /// gives the engine back.
    ///
    /// # Errors
    /// [`Died`] if the thread panicked.
    pub fn stop(mut self) -> Result<E, Died> {
        self.submitter.close();
        let thread = self.thread.take().ok_or(Died)?;
        thread.join().map_err(|_| Died)
    }
}

impl<E: Engine + 'static> Drop for Writer<E> {
    fn drop(&mut self) {
        self.submitter.close();
        if let Some(thread) = self.thread.take() {
            // Whoever wants to know how it ended calls `stop`.
            drop(thread.join());
        }
    }
}

impl Submitter {
    /// Queues a request without waiting.
    ///
    /// # Errors
    /// The request itself, if the queue is full or the writer has stopped; the
    /// caller answers it with [`StoreFault::Busy`].
    pub fn try_submit(&self, request: StoreRequest) -> Result<(), StoreRequest> {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = queue.as_ref() else {
            add(&self.gauges.turned_away, 1);
            return Err(request);
        };
        // Counted first, so that the thread never takes off what is not there.
        add(&self.gauges.queue_depth, 1);
        sender.try_send(request).map_err(|back| {
            use std::sync::mpsc::TrySendError::{Disconnected, Full};
            self.gauges.queue_depth.fetch_sub(1, Ordering::Relaxed);
            add(&self.gauges.turned_away, 1);
            let (Full(request) | Disconnected(request)) = back;
            request
        })
    }

    /// Drops the only sender: the thread ends when it has emptied the queue.
    fn close(&self) {
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take();
    }
}

struct Worker<E, F> {
    engine: E,
    requests: Receiver<StoreRequest>,
    gauges: Arc<Gauges>,
    reply: F,
}

impl<E: Engine, F: FnMut(Vec<StoreReply>)> Worker<E, F> {
    fn run(mut self) -> E {
        while let Ok(first) = self.requests.recv() {
            let mut batch = vec![first];
            batch.extend(self.requests.try_iter().take(BATCH_MAX - 1));
            self.execute(batch);
        }
        self.engine
    }

    #[allow(clippy::disallowed_methods, reason = "the edge measures how long a commit takes")]
    fn execute(&mut self, batch: Vec<StoreRequest>) {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        self.gauges.queue_depth.fetch_sub(count, Ordering::Relaxed);
        add(&self.gauges.requests, count);
        let reads = batch.iter().filter(|request| only_reads(&request.op)).count();
        add(&self.gauges.reads, u64::try_from(reads).unwrap_or(u64::MAX));
        let weights: Vec<u64> = batch.iter().map(|request| weight(&request.op)).collect();
        let start = Instant::now();
        let replies = self.engine.execute(batch);
        self.gauges.observe(start.elapsed());
        assert_eq!(replies.len(), weights.len(), "an engine answers each request");
        for (reply, weight) in replies.iter().zip(weights) {
            self.count(reply, weight);
        }
        (self.reply)(replies);
    }

    fn count(&self, reply: &StoreReply, weight: u64) {
        match &reply.result {
            Ok(_) => add(&self.gauges.writes, weight),
            Err(StoreFault::Fenced | StoreFault::NameTaken) => add(&self.gauges.refusals, 1),
            Err(_) => add(&self.gauges.faults, 1),
        }
    }
}

/// How many writes a request brings.
fn weight(op: &StoreOp) -> u64 {
    match op {
        StoreOp::Commit(writes) => u64::try_from(writes.len()).unwrap_or(u64::MAX),
        _ => 0,
    }
}
