//! The threads that are not tasks: shard, media workers, pools.

use crate::clock::Clock;
use crate::config::Config;
use crate::groups::GroupFolder;
use crate::media::{Binding, MediaSockets, Pipes, WorkerPort};
use crate::metrics::Counters;
use crate::passwords;
use crate::pool::Pool;
use crate::port::GroupLookup;
use crate::shard::{CheckJob, Control, Desk, Mail, Mailbox, ReadJob};
use anyhow::{Context as _, Result};
use parlour_base::Entropy;
use parlour_sfu::plan::WorkerIndex;
use parlour_sfu::{Identity, Worker};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tokio::sync::watch;

/// Threads that read group files, and how many may wait for one; beyond that
/// the shard is told that the file cannot be read.
const GROUP_READERS: usize = 2;
const GROUP_READS_MAX: usize = 1_024;

/// How often another port is tried when one is chosen for both protocols.
const PORT_TRIES: usize = 16;

/// Why the process must end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A thread panicked; the log has the backtrace.
    #[error("the {0} thread panicked")]
    Panicked(String),
    /// A thread's work cannot go on.
    #[error("the {0} thread failed: {1}")]
    Failed(String, String),
}

/// Where a thread says that the process must end.
pub(super) type Alarm = watch::Sender<Option<Failure>>;

/// Starts a thread whose failure or panic ends the process.
pub(super) fn vital(
    name: &str,
    alarm: Alarm,
    body: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let owned = name.to_owned();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        // The state that may be broken is dropped with the closure.
        let failure = match catch_unwind(AssertUnwindSafe(body)) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => Failure::Failed(owned, error.to_string()),
            Err(_) => Failure::Panicked(owned),
        };
        tracing::error!(%failure, "the process must end");
        alarm.send_replace(Some(failure));
    })
}

/// How many of a thing, where 0 means one for each core.
pub(super) fn per_core(configured: u16) -> usize {
    match configured {
        0 => thread::available_parallelism().map_or(1, std::num::NonZero::get),
        n => n.into(),
    }
}

/// How many media workers, where 0 means half as many as there are cores.
pub(super) fn media_workers(configured: u16) -> usize {
    match configured {
        0 => (per_core(0) / 2).clamp(1, 64),
        n => usize::from(n).min(64),
    }
}

/// The media sockets of all workers, on one port.
pub(super) fn media_sockets(config: &Config, tcp_port: u16) -> Result<Vec<MediaSockets>> {
    let media = &config.media;
    let workers = media_workers(media.workers);
    let bind = |port| {
        MediaSockets::bind(Binding {
            port,
            shared: workers > 1,
            receive_buffer: media.receive_buffer.bytes(),
            send_buffer: media.send_buffer.bytes(),
        })
    };
    let wanted = if media.port == 0 { tcp_port } else { media.port };
    let mut all = vec![bind(wanted).with_context(|| {
        format!("cannot bind the media port {wanted}/udp, set `media.port` to another one")
    })?];
    while all.len() < workers {
        all.push(bind(wanted).context("cannot share the media port between workers")?);
    }
    Ok(all)
}

/// The media workers' threads.
pub(super) fn start_workers(
    config: &Config,
    sockets: Vec<MediaSockets>,
    identity: &Identity,
    entropy: &mut Entropy,
    things: (Clock, &Mailbox, &Arc<Counters>, &Alarm, bool),
) -> Result<(Vec<WorkerPort>, Vec<JoinHandle<()>>)> {
    let (clock, shard, counters, alarm, drop_media) = things;
    let turn_max = usize::try_from(config.media.datagrams_per_turn).unwrap_or(usize::MAX);
    let mut ports = Vec::new();
    let mut waiting = Vec::new();
    for (at, sockets) in sockets.into_iter().enumerate() {
        let index = WorkerIndex(u8::try_from(at).context("too many media workers")?);
        let loss = (Arc::clone(counters), drop_media);
        let (port, pipes) = Pipes::new(index, sockets, clock, shard.clone(), turn_max, loss)?;
        ports.push(port);
        waiting.push((index, pipes));
    }
    let mut threads = Vec::new();
    for (index, pipes) in waiting {
        let others = ports.clone();
        let mut worker = Worker::new(config.sfu.config(), index, identity.clone(), entropy.fork());
        let body = move || crate::media::run(&mut worker, pipes, &others);
        threads.push(vital(&format!("media-{}", index.0), alarm.clone(), body)?);
    }
    Ok((ports, threads))
}

/// The password pool.
pub(super) fn start_passwords(
    config: &Config,
    shard: &Mailbox,
    counters: &Arc<Counters>,
) -> Result<Pool<CheckJob>> {
    let (shard, counters) = (shard.clone(), Arc::clone(counters));
    let threads = per_core(config.passwords.threads);
    let queue = usize::try_from(config.passwords.queue).unwrap_or(usize::MAX);
    let check = move |job: CheckJob| {
        counters.password_checks.inc();
        let work = || match &job {
            CheckJob::Check { errand, verifier, password } => {
                Mail::Checked(*errand, Some(passwords::fits(verifier, password)))
            }
            CheckJob::Hash { errand, password, salt, rounds } => {
                Mail::Hashed(*errand, Some(passwords::hashed(password, salt, *rounds)))
            }
        };
        // A check that fails to run is a no.
        let no = |_| match &job {
            CheckJob::Check { errand, .. } => Mail::Checked(*errand, Some(false)),
            CheckJob::Hash { errand, .. } => Mail::Hashed(*errand, None),
        };
        let mail = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(no);
        // A shard that is gone needs no answer.
        drop(shard.post_blocking(mail));
    };
    Pool::start("password", threads, queue, check).context("cannot start the password pool")
}

/// The readers of group files.
pub(super) fn start_groups(
    folder: GroupFolder,
    shard: &Mailbox,
    counters: &Arc<Counters>,
) -> Result<Pool<ReadJob>> {
    let (shard, counters) = (shard.clone(), Arc::clone(counters));
    let read = move |job: ReadJob| {
        counters.group_reads.inc();
        let lookup = match folder.read(&job.name) {
            Ok(Some(file)) => GroupLookup::Found { name: file.name, text: file.text },
            Ok(None) => GroupLookup::Missing,
            Err(error) => {
                counters.group_read_failures.inc();
                GroupLookup::Failed(error.to_string())
            }
        };
        // A shard that is gone needs no answer.
        drop(shard.post_blocking(Mail::GroupRead(job.errand, lookup)));
    };
    Pool::start("groups", GROUP_READERS, GROUP_READS_MAX, read).context("cannot read group files")
}

/// The control shard's thread.
pub(super) fn start_shard(
    mut machine: impl Control + Send + 'static,
    desk: Desk,
    alarm: Alarm,
) -> Result<JoinHandle<()>> {
    let body = move || {
        crate::shard::run(&mut machine, desk);
        // The process ends. Taking rooms and timers apart one by one would take
        // the longer the more there are, and whoever joins this thread waits.
        std::mem::forget(machine);
        Ok(())
    };
    vital("shard", alarm, body).context("cannot start the control shard")
}

/// Tries a few times to bind TCP and UDP on one port that the system chooses.
pub(super) fn try_ports<T>(chosen: bool, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let mut result = attempt();
    for _ in 1..PORT_TRIES {
        if result.is_ok() || !chosen {
            break;
        }
        result = attempt();
    }
    result
}
