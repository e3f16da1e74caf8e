//! A handful of threads for work that blocks, behind one bounded queue.
//!
//! Used for password hashing and for reading group files. When the queue is
//! full the job comes straight back; its sender says so to whoever asked.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// Threads that take jobs of type `J`.
#[derive(Debug)]
pub struct Pool<J> {
    jobs: flume::Sender<J>,
    threads: Vec<JoinHandle<()>>,
}

impl<J: Send + 'static> Pool<J> {
    /// Starts `threads` threads named `name` with room for `queue` jobs.
    ///
    /// # Errors
    /// The system's, if it gives no thread.
    pub fn start(
        name: &str,
        threads: usize,
        queue: usize,
        work: impl Fn(J) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (sender, jobs) = flume::bounded::<J>(queue.max(1));
        let work = Arc::new(work);
        let run = |_| {
            let (jobs, work) = (jobs.clone(), Arc::clone(&work));
            let body = move || jobs.iter().for_each(|job| work(job));
            thread::Builder::new().name(name.to_owned()).spawn(body)
        };
        let threads = (0..threads.max(1)).map(run).collect::<io::Result<_>>()?;
        Ok(Self { jobs: sender, threads })
    }

    /// A hand that gives jobs.
    #[must_use]
    pub fn sender(&self) -> Jobs<J> {
        Jobs(self.jobs.clone())
    }

    /// Its threads, which end when every [`Jobs`] is gone and nothing waits.
    #[must_use]
    pub fn close(self) -> Vec<JoinHandle<()>> {
        self.threads
    }
}

/// Gives jobs to a pool.
#[derive(Debug)]
pub struct Jobs<J>(flume::Sender<J>);

impl<J> Clone for Jobs<J> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<J> Jobs<J> {
    /// Queues a job without waiting.
    ///
    /// # Errors
    /// The job itself, if the queue is full.
    pub fn give(&self, job: J) -> Result<(), J> {
        self.0.try_send(job).map_err(flume::TrySendError::into_inner)
    }

    /// How many jobs wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.len()
    }

    /// How many may wait.
    #[must_use]
    pub fn room(&self) -> usize {
        self.0.capacity().unwrap_or(0)
    }
}
