//! Wakes a thread that waits in `poll`.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug)]
struct Shared {
    write_end: OwnedFd,
    /// Whether a byte lies in the pipe, so that many wakes cost one write.
    rung: AtomicBool,
}

/// The end that wakes; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Waker(Arc<Shared>);

/// The end that is woken.
#[derive(Debug)]
pub(super) struct Sleeper {
    read_end: OwnedFd,
    shared: Arc<Shared>,
}

/// Makes both ends.
pub(super) fn waker() -> io::Result<(Waker, Sleeper)> {
    let (read_end, write_end) = rustix::pipe::pipe()?;
    for end in [&read_end, &write_end] {
        rustix::io::ioctl_fionbio(end, true)?;
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
    }
    let shared = Arc::new(Shared { write_end, rung: AtomicBool::new(false) });
    Ok((Waker(Arc::clone(&shared)), Sleeper { read_end, shared }))
}

impl Waker {
    /// Ends the other side's sleep, now or the next one.
    pub(super) fn wake(&self) {
        if !self.0.rung.swap(true, Ordering::AcqRel) {
            // A full pipe wakes as well, and a closed one has nobody asleep.
            match rustix::io::write(&self.0.write_end, &[1]) {
                Ok(_) | Err(Errno::AGAIN | Errno::PIPE) => {}
                Err(error) => tracing::error!(%error, "a media worker cannot be woken"),
            }
        }
    }
}

impl Sleeper {
    /// What to wait for.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.read_end.as_fd()
    }

    /// Forgets the wakes so far. Look at the queues after this, not before.
    pub(super) fn reset(&self) {
        let mut bytes = [0; 16];
        while rustix::io::read(&self.read_end, &mut bytes).is_ok_and(|count| count == bytes.len()) {
        }
        // Read and written in one: a wake that found it set has put its word in
        // the queue before, and this sees it.
        self.shared.rung.swap(false, Ordering::AcqRel);
    }
}
