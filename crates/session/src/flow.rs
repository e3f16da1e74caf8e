//! A request as straight-line code: a future that asks for one step at a time
//! and is resumed with its outcome. It waits for nothing else, so it needs no
//! executor: the node is one.

use crate::call::{Call, Desk, Outcome, Reply, Step};
use parlour_base::{Entropy, Now, Secret};
use parlour_directory::MediaKeys;
use parlour_room::Room;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A room as everybody sees it, with its names.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) room: Room,
    /// (namespace, name), sorted.
    pub(crate) names: Vec<(String, String)>,
}

/// What passes between the code and whoever resumes it.
#[derive(Debug)]
struct Slot {
    step: Option<Step>,
    outcome: Option<Outcome>,
    now: Now,
    seen: Option<Seen>,
    entropy: Entropy,
    media_keys: MediaKeys,
}

/// The code's side: asks for steps, and knows what the desk knows.
#[derive(Debug, Clone)]
pub(crate) struct Port(Arc<Mutex<Slot>>);

impl Port {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        // Whoever panicked with it took the request along.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a step and waits for its outcome.
    pub(crate) fn step(&self, step: Step) -> Asked<'_> {
        Asked { port: self, step: Some(step) }
    }

    /// What the clocks show at this step.
    pub(crate) fn now(&self) -> Now {
        self.slot().now
    }

    /// The room of the last step, if that was about one, with its names.
    pub(crate) fn seen(&self) -> Option<Seen> {
        self.slot().seen.take()
    }

    /// The same room alone, as everybody sees it.
    pub(crate) fn room(&self) -> Option<Room> {
        self.seen().map(|seen| seen.room)
    }

    /// Randomness of this request.
    pub(crate) fn random<T>(&self, draw: impl FnOnce(&mut Entropy) -> T) -> T {
        draw(&mut self.slot().entropy)
    }

    /// What users of names elsewhere are made with.
    pub(crate) fn outside(&self) -> Secret<Vec<u8>> {
        self.slot().media_keys.outside().clone()
    }

    /// What media tokens are made and checked with.
    pub(crate) fn with_keys<T>(&self, with: impl FnOnce(&MediaKeys) -> T) -> T {
        with(&self.slot().media_keys)
    }
}

/// A step that was asked for.
pub(crate) struct Asked<'p> {
    port: &'p Port,
    step: Option<Step>,
}

impl Future for Asked<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Outcome> {
        let mut slot = self.port.slot();
        match self.step.take() {
            Some(step) => {
                slot.outcome = None;
                // Held meanwhile, the room would be copied to be changed.
                slot.seen = None;
                slot.step = Some(step);
                drop(slot);
                Poll::Pending
            }
            None => slot.outcome.take().map_or(Poll::Pending, Poll::Ready),
        }
    }
}

type Code = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A call made of such code.
pub(crate) struct Flow<F> {
    begin: Option<F>,
    running: Option<(Port, Code)>,
}

impl<F, R> Flow<F>
where
    F: FnOnce(Port) -> R + Send + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    /// A call that begins with this.
    pub(crate) fn boxed(begin: F) -> Box<dyn Call> {
        Box::new(Self { begin: Some(begin), running: None })
    }
}

impl<F> fmt::Debug for Flow<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flow")
    }
}

impl<F, R> Call for Flow<F>
where
    F: FnOnce(Port) -> R + Send + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        if let Some(begin) = self.begin.take() {
            let slot = Slot {
                step: None,
                outcome: None,
                now: desk.now,
                seen: None,
                entropy: desk.entropy.fork(),
                media_keys: desk.media_keys.clone(),
            };
            let port = Port(Arc::new(Mutex::new(slot)));
            self.running = Some((port.clone(), Box::pin(begin(port))));
        }
        let Some((port, code)) = &mut self.running else { return Step::Done(Reply::nothing()) };
        {
            let mut slot = port.slot();
            slot.now = desk.now;
            let seen = |room: &Room| Seen { room: room.clone(), names: desk.names.to_vec() };
            let about_room =
                matches!(outcome, Outcome::Room { .. } | Outcome::Did(_) | Outcome::Refused(_));
            slot.seen = desk.room.filter(|_| about_room).map(seen);
            slot.outcome = Some(outcome);
        }
        let polled = code.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let asked = port.slot().step.take();
        match (polled, asked) {
            (Poll::Ready(reply), _) => {
                self.running = None;
                Step::Done(reply)
            }
            (Poll::Pending, Some(step)) => step,
            // Code that waits for something else than a step would wait for ever.
            (Poll::Pending, None) => Step::Done(Reply::nothing()),
        }
    }
}
