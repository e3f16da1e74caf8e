//! The thread of one media worker: datagrams and words in, datagrams out.
//!
//! A turn reads what waits, then sends what that caused, then looks at the
//! clock, then sleeps until the worker's deadline, a datagram or a word.

use super::port::{Word, WorkerEar, WorkerPort, worker_port};
use super::socket::{Burst, MediaSockets, Reader, Sender};
use crate::clock::Clock;
use crate::metrics::Counters;
use crate::shard::{Mail, Mailbox};
use parlour_base::Mono;
use parlour_sfu::plan::{Notice, WorkerIndex};
use parlour_sfu::{Input, Output, Worker};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Notices that may wait for a place in the shard's mailbox: a peer causes a
/// few in its life, so more means that the shard stands still.
const NOTICES_MAX: usize = 1 << 17;

/// How old published counters may be.
const PUBLISH_EVERY: Duration = Duration::from_millis(100);

/// How soon to try again to give the shard its notices.
const NOTICE_RETRY: Duration = Duration::from_millis(2);

/// What connects one worker's thread with the rest of the process.
#[derive(Debug)]
pub struct Pipes {
    index: WorkerIndex,
    ear: WorkerEar,
    sockets: MediaSockets,
    sender: Sender,
    clock: Clock,
    shard: Mailbox,
    turn_max: usize,
}

impl Pipes {
    /// Puts one worker's connections together; the port is for everybody else.
    ///
    /// # Errors
    /// The system's, if it gives no pipe.
    pub fn new(
        index: WorkerIndex,
        sockets: MediaSockets,
        clock: Clock,
        shard: Mailbox,
        turn_max: usize,
        (counters, drop_media): (Arc<Counters>, bool),
    ) -> io::Result<(WorkerPort, Self)> {
        let (port, ear) = worker_port(Arc::clone(&counters))?;
        let sender = Sender::new(counters, drop_media);
        Ok((port, Self { index, ear, sockets, sender, clock, shard, turn_max }))
    }
}

/// Runs a worker until it is told to stop.
///
/// # Errors
/// If its sockets fail.
///
/// # Panics
/// If the shard has taken no notices for so long that memory would be lost.
pub fn run(worker: &mut Worker, pipes: Pipes, others: &[WorkerPort]) -> io::Result<()> {
    let Pipes { index, ear, sockets, sender, clock, shard, turn_max } = pipes;
    let sockets = &sockets;
    let (notices, published) = (VecDeque::new(), Clock::start());
    let mut desk = Desk { index, ear, sockets, sender, clock, shard, others, notices, published };
    let mut reader = Reader::new();
    let mut more = false;
    loop {
        let (woken, ready) = desk.sleep(worker, more)?;
        if woken {
            desk.ear.sleeper.reset();
            while let Ok(word) = desk.ear.words.try_recv() {
                let now = desk.clock.mono();
                if !hear(worker, now, word) {
                    return Ok(());
                }
                desk.flush(worker);
            }
        }
        let now = desk.clock.mono();
        more = reader.read(sockets, ready, turn_max, |from, to, bytes| {
            worker.handle(now, Input::Datagram { from, to, bytes });
            if worker.brims() {
                // With many receivers one turn's datagrams cause more than
                // the worker may keep.
                desk.flush(worker);
            }
        })?;
        desk.flush(worker);
        let now = desk.clock.mono();
        if worker.deadline().is_some_and(|due| due <= now) {
            worker.handle(now, Input::Tick);
            desk.flush(worker);
        }
        desk.post_notices();
        desk.publish(worker);
    }
}

/// Gives the worker a word; false if it ends the thread.
fn hear(worker: &mut Worker, now: Mono, word: Word) -> bool {
    match word {
        Word::Command(command) => worker.handle(now, Input::Command(command)),
        Word::Foreign { from, to, bytes } => {
            worker.handle(now, Input::Foreign { from, to, bytes: &bytes });
        }
        Word::Learned { worker: owner, address, held } => {
            worker.handle(now, Input::Learned { worker: owner, address, held });
        }
        Word::Stop => return false,
    }
    true
}

struct Desk<'a> {
    index: WorkerIndex,
    ear: WorkerEar,
    sockets: &'a MediaSockets,
    sender: Sender,
    clock: Clock,
    shard: Mailbox,
    others: &'a [WorkerPort],
    notices: VecDeque<Notice>,
    published: Clock,
}

impl Desk<'_> {
    /// Waits for a datagram, a word or the deadline; says whether there are
    /// words, and on which sockets there are datagrams.
    fn sleep(&self, worker: &Worker, more: bool) -> io::Result<(bool, [bool; 2])> {
        let mut longest = worker.deadline().map(|due| self.clock.until(due));
        if more {
            longest = Some(Duration::ZERO);
        } else if !self.notices.is_empty() {
            longest = Some(longest.map_or(NOTICE_RETRY, |it| it.min(NOTICE_RETRY)));
        }
        // Counters are published at the latest when nothing else happens.
        let longest = longest.map_or(PUBLISH_EVERY * 5, |it| it.min(PUBLISH_EVERY * 5));
        let timeout = Timespec::try_from(longest).map_err(|_| io::ErrorKind::InvalidInput)?;
        let fds = std::iter::once(self.ear.sleeper.fd()).chain(self.sockets.fds());
        let mut fds: Vec<PollFd<'_>> =
            fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        match rustix::event::poll(&mut fds, Some(&timeout)) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok((true, [true; 2])),
            Err(error) => return Err(error.into()),
        }
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        let mut next = || ready.next().unwrap_or(false);
        Ok((next(), [next(), next()]))
    }

    fn flush(&mut self, worker: &mut Worker) {
        while let Some(output) = worker.poll() {
            match output {
                Output::Transmit { to, from, segment, bytes } => {
                    self.sender.send(self.sockets, Burst { to, from, segment, bytes });
                }
                Output::Notice(notice) => self.notices.push_back(notice),
                Output::Forward { worker, from, to, bytes } => {
                    if let Some(port) = self.others.get(usize::from(worker.0)) {
                        port.say(Word::Foreign { from, to, bytes: bytes.into() });
                    }
                }
                Output::Claim { address, held } => self.tell_others(address, held),
                other => tracing::error!(?other, "an order that this thread does not know"),
            }
        }
        assert!(self.notices.len() <= NOTICES_MAX, "the shard takes no notices any more");
    }

    fn tell_others(&self, address: SocketAddr, held: bool) {
        let own = usize::from(self.index.0);
        for (_, port) in self.others.iter().enumerate().filter(|(at, _)| *at != own) {
            port.say(Word::Learned { worker: self.index, address, held });
        }
    }

    /// Gives the shard its notices, in order, without waiting for it.
    fn post_notices(&mut self) {
        while let Some(notice) = self.notices.pop_front() {
            let mail = Mail::Media(self.index, notice);
            if let Err(Mail::Media(_, notice)) = self.shard.try_post(mail) {
                self.notices.push_front(notice);
                return;
            }
        }
    }

    fn publish(&mut self, worker: &Worker) {
        if self.published.elapsed() >= PUBLISH_EVERY {
            self.ear.publish(worker.stats());
            self.published = Clock::start();
        }
    }
}
