//! The bounded queue of frames towards one connection.
//!
//! The shard's thread puts in without ever waiting; the connection's task
//! takes out. It holds at most a number of frames and a number of bytes; when
//! either is passed the connection is given up, and nobody else notices.

use crate::metrics::Counters;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Notify, mpsc};

/// One thing to do on a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// Send this text, which other connections may have too.
    Text(Arc<str>),
    /// Send a close frame and nothing after it.
    Close(u16, String),
}

/// How much may wait for one connection.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Frames.
    pub frames: usize,
    /// Bytes of their text.
    pub bytes: usize,
}

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicUsize,
    overflow: Notify,
}

/// The end that the shard's thread holds.
#[derive(Debug)]
pub struct Outgoing {
    queue: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    bytes_max: usize,
    counters: Arc<Counters>,
}

/// The end that the connection's task holds.
#[derive(Debug)]
pub struct Waiting {
    queue: mpsc::Receiver<Order>,
    shared: Arc<Shared>,
    counters: Arc<Counters>,
}

/// More waited than may; the connection was told to end.
#[derive(Debug, PartialEq, Eq)]
pub struct Overflow;

/// Makes both ends.
#[must_use]
pub fn queue(room: Room, counters: Arc<Counters>) -> (Outgoing, Waiting) {
    // One slot more than frames, for the close.
    let (sender, receiver) = mpsc::channel(room.frames.saturating_add(1));
    let shared = Arc::<Shared>::default();
    let outgoing = Outgoing {
        queue: sender,
        shared: Arc::clone(&shared),
        bytes_max: room.bytes,
        counters: Arc::clone(&counters),
    };
    (outgoing, Waiting { queue: receiver, shared, counters })
}

impl Outgoing {
    /// Puts a text in. A single text may exceed the byte limit if nothing
    /// else waits.
    ///
    /// # Errors
    /// [`Overflow`] if it does not fit; the connection ends then.
    pub fn text(&self, text: Arc<str>) -> Result<(), Overflow> {
        let size = text.len();
        let before = self.shared.bytes.fetch_add(size, Ordering::Relaxed);
        let too_much = before > 0 && before.saturating_add(size) > self.bytes_max;
        if too_much || self.queue.capacity() <= 1 {
            return Err(self.give_up());
        }
        self.put(Order::Text(text))
    }

    /// Puts the close in, which always has a slot.
    ///
    /// # Errors
    /// [`Overflow`] if a close is in already and texts fill the rest.
    pub fn close(&self, code: u16, reason: String) -> Result<(), Overflow> {
        self.put(Order::Close(code, reason))
    }

    fn put(&self, order: Order) -> Result<(), Overflow> {
        match self.queue.try_send(order) {
            // A task that is gone has said so to the shard, or is about to.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => Err(self.give_up()),
        }
    }

    fn give_up(&self) -> Overflow {
        self.counters.slow_readers.inc();
        self.shared.overflow.notify_one();
        Overflow
    }
}

impl Waiting {
    /// The next order; `None` when the shard has let go. Safe to cancel.
    pub async fn next(&mut self) -> Option<Order> {
        let order = self.queue.recv().await?;
        self.took(&order);
        Some(order)
    }

    /// The next order if there is one already.
    pub fn ready(&mut self) -> Option<Order> {
        let order = self.queue.try_recv().ok()?;
        self.took(&order);
        Some(order)
    }

    /// A handle that waits for [`Overflow`] while the queue is in use.
    #[must_use]
    pub fn alarm(&self) -> Alarm {
        Alarm(Arc::clone(&self.shared))
    }

    fn took(&self, order: &Order) {
        if let Order::Text(text) = order {
            self.shared.bytes.fetch_sub(text.len(), Ordering::Relaxed);
            self.counters.frames_out.inc();
            self.counters.bytes_out.inc_by(u64::try_from(text.len()).unwrap_or(u64::MAX));
        }
    }
}

/// Waits for the overflow of one queue.
#[derive(Debug)]
pub struct Alarm(Arc<Shared>);

impl Alarm {
    /// Returns when the queue has overflowed. Safe to cancel.
    pub async fn rings(&self) {
        self.0.overflow.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(frames: usize, bytes: usize) -> (Outgoing, Waiting) {
        queue(Room { frames, bytes }, Arc::default())
    }

    #[test]
    fn frames_beyond_the_limit_overflow_but_a_close_still_fits() {
        let (outgoing, mut waiting) = pair(2, 1_000);
        assert_eq!(outgoing.text("a".into()), Ok(()));
        assert_eq!(outgoing.text("b".into()), Ok(()));
        assert_eq!(outgoing.text("c".into()), Err(Overflow));
        assert_eq!(outgoing.close(1000, String::new()), Ok(()));
        assert_eq!(waiting.ready(), Some(Order::Text("a".into())));
    }

    #[test]
    fn bytes_beyond_the_limit_overflow_unless_the_text_is_alone() {
        let (outgoing, mut waiting) = pair(10, 4);
        assert_eq!(outgoing.text("much too long".into()), Ok(()));
        assert!(waiting.ready().is_some());
        assert_eq!(outgoing.text("abc".into()), Ok(()));
        assert_eq!(outgoing.text("de".into()), Err(Overflow));
    }

    #[tokio::test]
    async fn an_overflow_rings_even_if_nobody_listened_yet() {
        let (outgoing, waiting) = pair(1, 10);
        let alarm = waiting.alarm();
        assert_eq!(outgoing.text("a".into()), Ok(()));
        assert_eq!(outgoing.text("b".into()), Err(Overflow));
        alarm.rings().await;
    }
}
