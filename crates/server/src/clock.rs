//! The clocks of the process, read in one place.

use parlour_base::{Mono, Now, Wall};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Reads time for the machines below the edge.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose monotonic zero is now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the edge's clock")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// When the monotonic time was zero.
    #[must_use]
    pub const fn zero(&self) -> Instant {
        self.start
    }

    /// The monotonic time.
    #[must_use]
    pub fn mono(&self) -> Mono {
        Mono(0) + self.start.elapsed()
    }

    /// How long ago the clock was started.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Both times.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the edge's clock")]
    pub fn now(&self) -> Now {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        Now { mono: self.mono(), wall }
    }

    /// How long until `at`; zero if it has passed.
    #[must_use]
    pub fn until(&self, at: Mono) -> Duration {
        at.since(self.mono())
    }
}
