//! The proxy's clock, the only place that reads one.

use parlour_base::Mono;
use std::time::Duration;
use tokio::time::Instant;

/// Counts from when it was started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(&self) -> Mono {
        Mono(0) + self.0.elapsed()
    }

    /// Waits until then; for ever without a time.
    pub(super) async fn wait(&self, until: Option<Mono>) {
        match until {
            Some(at) => tokio::time::sleep_until(self.0 + Duration::from_micros(at.0)).await,
            None => std::future::pending().await,
        }
    }
}
