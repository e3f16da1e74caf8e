//! The thread of the control shard: mail in, orders out.
//!
//! Owns the mailbox and the map from connections to their outgoing queues.
//! Refuses to know what a frame says. The shard never waits for anybody but a
//! media worker's command queue, and nobody a worker waits for waits for it.

use crate::clock::Clock;
use crate::media::WorkerPort;
use crate::metrics::Counters;
use crate::outgoing::Outgoing;
use crate::pool::Jobs;
use crate::port::{CallId, ErrandId, Frame, GroupLookup, Input, Output, Query, QueryId, Reply};
use parlour_base::storage::{StoreFault, StoreReply, StoreRequest};
use parlour_base::{ConnId, Mono, Now, Pii, Secret, Verifier};
use parlour_node::call::{Call, Fetch, Fetched, Notice, Reply as CallReply};
use parlour_sfu::plan;
use parlour_wire::callctl::pb::selfhost::video::v1::{
    ClientConnectedRequest, ClientConnectedResponse,
};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

/// Letters that may wait for the shard. Connections wait for a place, so their
/// clients are read more slowly; threads wait too.
pub const MAIL_MAX: usize = 4_096;

/// Bytes of client frames that may wait for the shard; connections wait.
pub const MAIL_BYTES_MAX: usize = 64 << 20;

/// Questions of the HTTP side that may wait for their answer; further ones
/// are answered 503.
pub const QUESTIONS_MAX: usize = 256;

/// How long a question may wait for its answer.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);

/// Letters taken before time is looked at again.
const TURN_MAX: usize = 256;

/// The control shard as the edge sees it.
pub trait Control {
    /// Takes one input.
    fn handle(&mut self, now: Now, input: Input);
    /// The next thing to do; called until `None` after every input.
    fn poll(&mut self) -> Option<Output>;
    /// When a tick is due at the latest.
    fn deadline(&self) -> Option<Mono>;
}

impl Control for parlour_node::Shard {
    fn handle(&mut self, now: Now, input: Input) {
        Self::handle(self, now, input);
    }

    fn poll(&mut self) -> Option<Output> {
        Self::poll(self)
    }

    fn deadline(&self) -> Option<Mono> {
        Self::deadline(self)
    }
}

/// One letter to the shard.
#[derive(Debug)]
#[non_exhaustive]
pub enum Mail {
    /// A connection with its outgoing queue.
    Opened(ConnId, Pii<SocketAddr>, Outgoing),
    /// A frame; the permits make room when it has been handled.
    Frame(ConnId, Frame, [OwnedSemaphorePermit; 2]),
    /// A connection is gone.
    Closed(ConnId),
    /// The store answers: all that a commit held.
    Stored(Vec<StoreReply>),
    /// The password pool answers.
    Checked(ErrandId, Option<bool>),
    /// The password pool has hashed.
    Hashed(ErrandId, Option<Secret<String>>),
    /// The group folder answers.
    GroupRead(ErrandId, GroupLookup),
    /// A media worker reports.
    Media(plan::WorkerIndex, plan::Notice),
    /// The HTTP side asks.
    Ask(Query, oneshot::Sender<Reply>),
    /// A door's request.
    Call(Box<dyn Call>, oneshot::Sender<Option<CallReply>>),
    /// Another service has answered a call.
    Fetched(CallId, Fetched),
    /// The keeper of the calls has answered, or does not.
    Presented(CallId, Option<ClientConnectedResponse>),
    /// The keeper of the calls has a connection closed.
    Evict(u64),
    /// Everybody is to be told and let go.
    Shutdown,
    /// Says nothing, but has the thread look whether it is to end.
    Look,
}

/// Work with a password.
#[derive(Debug)]
pub enum CheckJob {
    /// It is to be checked.
    Check {
        /// For the answer.
        errand: ErrandId,
        /// What it must fit.
        verifier: Verifier,
        /// What the client sent.
        password: Secret<String>,
    },
    /// It is to be hashed.
    Hash {
        /// For the answer.
        errand: ErrandId,
        /// The password.
        password: Secret<String>,
        /// Random bytes.
        salt: [u8; 16],
        /// How often it is hashed.
        rounds: u32,
    },
}

/// A group file to be read.
#[derive(Debug)]
pub struct ReadJob {
    /// For the answer.
    pub errand: ErrandId,
    /// The group.
    pub name: String,
}

/// Where the shard's orders go.
pub struct Hands {
    /// Queues a store request without waiting, or gives it back.
    pub store: Box<dyn Fn(StoreRequest) -> Result<(), StoreRequest> + Send>,
    /// The password pool.
    pub passwords: Jobs<CheckJob>,
    /// The readers of group files.
    pub groups: Jobs<ReadJob>,
    /// The media workers, by index.
    pub workers: Vec<WorkerPort>,
    /// Tells somebody who is not connected here; must not wait.
    pub notices: Box<dyn Fn(Notice) + Send>,
    /// Asks another service, and posts [`Mail::Fetched`]; must not wait. What
    /// is given back was not asked.
    pub fetches: Box<dyn Fn(CallId, Fetch) -> Result<(), CallId> + Send>,
    /// Asks the keeper of the calls, and posts [`Mail::Presented`]; must not
    /// wait. What is given back was not asked.
    pub keeper: Box<dyn Fn(CallId, ClientConnectedRequest) -> Result<(), CallId> + Send>,
}

impl std::fmt::Debug for Hands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hands").field("workers", &self.workers.len()).finish_non_exhaustive()
    }
}

/// The way to the shard, for everybody else.
#[derive(Debug, Clone)]
pub struct Mailbox {
    mail: flume::Sender<Mail>,
    /// The thread is to end, whatever waits.
    stop: Arc<AtomicBool>,
    bytes: Arc<Semaphore>,
    questions: Arc<Semaphore>,
    counters: Arc<Counters>,
}

/// The shard is gone; the process is about to end.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the control shard is gone")]
pub struct Gone;

/// The receiving end, for [`run`].
#[derive(Debug)]
pub struct Letters {
    mail: flume::Receiver<Mail>,
    stop: Arc<AtomicBool>,
}

/// Makes the mailbox.
#[must_use]
pub fn mailbox(counters: Arc<Counters>) -> (Mailbox, Letters) {
    let (mail, letters) = flume::bounded(MAIL_MAX);
    let bytes = Arc::new(Semaphore::new(MAIL_BYTES_MAX));
    let questions = Arc::new(Semaphore::new(QUESTIONS_MAX));
    let stop = Arc::<AtomicBool>::default();
    let letters = Letters { mail: letters, stop: Arc::clone(&stop) };
    (Mailbox { mail, stop, bytes, questions, counters }, letters)
}

impl Mailbox {
    /// Posts from a task, waiting for a place.
    ///
    /// # Errors
    /// [`Gone`] if the shard has ended.
    pub async fn post(&self, mail: Mail) -> Result<(), Gone> {
        self.mail.send_async(mail).await.map_err(|_| Gone)
    }

    /// Posts from a thread, waiting for a place.
    ///
    /// # Errors
    /// [`Gone`] if the shard has ended.
    pub fn post_blocking(&self, mail: Mail) -> Result<(), Gone> {
        self.mail.send(mail).map_err(|_| Gone)
    }

    /// Posts without waiting.
    ///
    /// # Errors
    /// The letter, if there is no place or the shard has ended.
    pub fn try_post(&self, mail: Mail) -> Result<(), Mail> {
        self.mail.try_send(mail).map_err(flume::TrySendError::into_inner)
    }

    /// Has the thread end before it opens another letter; never waits.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        // In a full mailbox there is a letter to look up at anyway.
        drop(self.mail.try_send(Mail::Look));
    }

    /// Posts a client's frame when its bytes and its turn allow.
    ///
    /// # Errors
    /// [`Gone`] if the shard has ended.
    pub async fn frame(
        &self,
        conn: ConnId,
        frame: Frame,
        turn: OwnedSemaphorePermit,
    ) -> Result<(), Gone> {
        let size = match &frame {
            Frame::Text(text) => text.len(),
            Frame::Binary => 0,
        };
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(size).await.map_err(|_| Gone)?;
        self.post(Mail::Frame(conn, frame, [turn, bytes])).await
    }

    /// Asks a question; `None` if too many wait or no answer came in time.
    pub async fn ask(&self, query: Query) -> Option<Reply> {
        let answer = async {
            let _place = self.questions.try_acquire().ok()?;
            let (sender, receiver) = oneshot::channel();
            self.post(Mail::Ask(query, sender)).await.ok()?;
            receiver.await.ok()
        };
        let reply = tokio::time::timeout(QUESTION_TIMEOUT, answer).await.ok().flatten();
        if reply.is_none() {
            self.counters.questions_unanswered.inc();
        }
        reply
    }

    /// Makes a request of a door; `None` if the server is too busy or stops.
    /// Whoever stops waiting does not stop the call.
    pub async fn call(&self, call: Box<dyn Call>) -> Option<CallReply> {
        let (sender, receiver) = oneshot::channel();
        self.post(Mail::Call(call, sender)).await.ok()?;
        receiver.await.ok().flatten()
    }

    /// How many letters wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.mail.len()
    }

    /// How many bytes of frames wait.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        MAIL_BYTES_MAX.saturating_sub(self.bytes.available_permits())
    }
}

/// What [`run`] works with, apart from the machine.
#[derive(Debug)]
pub struct Desk {
    /// The letters.
    pub letters: Letters,
    /// Where orders go.
    pub hands: Hands,
    /// The clocks.
    pub clock: Clock,
    /// Becomes true when everybody has been let go after [`Mail::Shutdown`].
    pub drained: watch::Sender<bool>,
    /// Counters of the process.
    pub counters: Arc<Counters>,
}

/// Runs the shard until [`Mailbox::stop`] is called or nobody can write any
/// more.
pub fn run(machine: &mut impl Control, desk: Desk) {
    let Desk { letters, hands, clock, drained, counters } = desk;
    let mut post = Post {
        hands,
        drained,
        counters,
        outgoing: HashMap::new(),
        questions: HashMap::new(),
        next_question: 0,
        calls: HashMap::new(),
        next_call: 0,
        answers: VecDeque::new(),
    };
    step(machine, &mut post, clock.now(), Input::Tick);
    serve(machine, &mut post, &letters, &clock);
    // Who still waits for an answer learns that there will be none.
    letters.mail.drain();
}

/// Opens letters until it is to stop.
fn serve(machine: &mut impl Control, post: &mut Post, letters: &Letters, clock: &Clock) {
    while let Some(first) = wait(letters, clock, machine.deadline()) {
        let more = letters.mail.try_iter().take(TURN_MAX);
        for mail in first.into_iter().chain(more) {
            if letters.stop.load(Ordering::Acquire) {
                return;
            }
            match post.open(mail) {
                Some(Opened::One(input)) => step(machine, post, clock.now(), input),
                Some(Opened::Stored(replies)) => {
                    for reply in replies {
                        step(machine, post, clock.now(), Input::Stored(reply));
                    }
                }
                None => {}
            }
        }
        let now = clock.now();
        if machine.deadline().is_some_and(|due| due <= now.mono) {
            step(machine, post, now, Input::Tick);
        }
    }
}

/// The next letter, if one comes before the deadline; `None` if none can.
#[expect(clippy::option_option, reason = "time out and end of mail are different answers")]
fn wait(letters: &Letters, clock: &Clock, deadline: Option<Mono>) -> Option<Option<Mail>> {
    use flume::RecvTimeoutError::{Disconnected, Timeout};
    let Some(due) = deadline else { return letters.mail.recv().ok().map(Some) };
    match letters.mail.recv_timeout(clock.until(due)) {
        Ok(mail) => Some(Some(mail)),
        Err(Timeout) => Some(None),
        Err(Disconnected) => None,
    }
}

/// One input and everything that follows from it.
fn step(machine: &mut impl Control, post: &mut Post, now: Now, input: Input) {
    machine.handle(now, input);
    loop {
        while let Some(output) = machine.poll() {
            post.carry(output);
        }
        let Some(answer) = post.answers.pop_front() else { return };
        machine.handle(now, answer);
    }
}

/// What a letter says.
enum Opened {
    One(Input),
    Stored(Vec<StoreReply>),
}

/// Opens letters and carries orders away.
struct Post {
    hands: Hands,
    drained: watch::Sender<bool>,
    counters: Arc<Counters>,
    /// One for each connection that was not given up; bounded by the limit on
    /// connections.
    outgoing: HashMap<ConnId, Outgoing>,
    /// Bounded by [`QUESTIONS_MAX`].
    questions: HashMap<QueryId, oneshot::Sender<Reply>>,
    next_question: u64,
    /// Bounded by the shard's limit on calls.
    calls: HashMap<CallId, oneshot::Sender<Option<CallReply>>>,
    next_call: u64,
    /// Refusals of the edge itself; at most one for each order of a step.
    answers: VecDeque<Input>,
}

impl Post {
    /// What a letter says to the machine, if anything.
    fn open(&mut self, mail: Mail) -> Option<Opened> {
        Some(Opened::One(match mail {
            Mail::Opened(conn, remote, outgoing) => {
                self.outgoing.insert(conn, outgoing);
                Input::Opened { conn, remote }
            }
            Mail::Frame(conn, frame, _permits) => Input::Frame { conn, frame },
            Mail::Closed(conn) => {
                self.outgoing.remove(&conn);
                Input::Closed(conn)
            }
            Mail::Stored(replies) => {
                return Some(Opened::Stored(replies));
            }
            Mail::Checked(errand, fits) => Input::Checked(errand, fits),
            Mail::Hashed(errand, hash) => Input::Hashed(errand, hash),
            Mail::GroupRead(errand, lookup) => Input::GroupRead(errand, lookup),
            Mail::Media(worker, notice) => Input::Media(worker, notice),
            Mail::Ask(query, answer) => {
                self.questions.retain(|_, waiting| !waiting.is_closed());
                let id = QueryId(self.next_question);
                self.next_question += 1;
                self.questions.insert(id, answer);
                Input::Query(id, query)
            }
            Mail::Call(call, answer) => {
                let id = CallId::new(self.next_call);
                self.next_call += 1;
                self.calls.insert(id, answer);
                Input::Call(id, call)
            }
            Mail::Fetched(id, fetched) => Input::Fetched(id, fetched),
            Mail::Presented(id, answer) => Input::Presented(id, answer),
            Mail::Evict(connection) => Input::Evict(connection),
            Mail::Shutdown => Input::Shutdown,
            Mail::Look => return None,
        }))
    }

    fn carry(&mut self, output: Output) {
        match output {
            Output::Send { conn, text } => self.send(conn, |to| to.text(text)),
            Output::Close { conn, code, reason } => self.send(conn, |to| to.close(code, reason)),
            Output::Store(request) => {
                if let Err(StoreRequest { id, .. }) = (self.hands.store)(request) {
                    let result = Err(StoreFault::Busy);
                    self.answers.push_back(Input::Stored(StoreReply { id, result }));
                }
            }
            Output::Check { errand, verifier, password } => {
                let job = CheckJob::Check { errand, verifier, password };
                if self.hands.passwords.give(job).is_err() {
                    self.counters.password_checks_refused.inc();
                    self.answers.push_back(Input::Checked(errand, None));
                }
            }
            Output::Hash { errand, password, salt, rounds } => {
                let job = CheckJob::Hash { errand, password, salt, rounds };
                if self.hands.passwords.give(job).is_err() {
                    self.counters.password_checks_refused.inc();
                    self.answers.push_back(Input::Hashed(errand, None));
                }
            }
            Output::ReadGroup { errand, name } => {
                if self.hands.groups.give(ReadJob { errand, name }).is_err() {
                    self.counters.group_read_failures.inc();
                    let lookup = GroupLookup::Failed("too many group files wait".to_owned());
                    self.answers.push_back(Input::GroupRead(errand, lookup));
                }
            }
            Output::Media(worker, command) => {
                if let Some(port) = self.hands.workers.get(usize::from(worker.0)) {
                    port.command(*command);
                }
            }
            Output::Reply(id, reply) => {
                if let Some(waiting) = self.questions.remove(&id) {
                    // Whoever asked may have given up.
                    drop(waiting.send(reply));
                }
            }
            Output::Answer(id, reply) => self.answer(id, Some(reply)),
            Output::Busy(id) => self.answer(id, None),
            Output::Notice(notice) => (self.hands.notices)(notice),
            Output::Fetch(id, fetch) => {
                if let Err(id) = (self.hands.fetches)(id, fetch) {
                    self.answers.push_back(Input::Fetched(id, Fetched::Nothing));
                }
            }
            Output::Present(id, request) => {
                if let Err(id) = (self.hands.keeper)(id, request) {
                    self.answers.push_back(Input::Presented(id, None));
                }
            }
            Output::Drained => drop(self.drained.send_replace(true)),
            other => tracing::error!(?other, "an order that the edge does not know"),
        }
    }

    /// Whoever asked may have given up.
    fn answer(&mut self, id: CallId, reply: Option<CallReply>) {
        if let Some(waiting) = self.calls.remove(&id) {
            drop(waiting.send(reply));
        }
    }

    /// A connection that overflows is forgotten; its task ends by itself and
    /// reports [`Mail::Closed`].
    fn send(
        &mut self,
        conn: ConnId,
        put: impl FnOnce(&Outgoing) -> Result<(), crate::outgoing::Overflow>,
    ) {
        if let Some(outgoing) = self.outgoing.get(&conn)
            && put(outgoing).is_err()
        {
            self.outgoing.remove(&conn);
        }
    }
}

#[cfg(test)]
mod tests;
