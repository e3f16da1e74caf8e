//! How long to wait before something that failed is tried again: twice as long
//! after each failure, up to a limit.

use crate::config::callctl::Callctl;
use std::time::Duration;

/// The pauses between tries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pauses {
    first: Duration,
    max: Duration,
}

impl Pauses {
    pub(super) fn of(config: &Callctl) -> Self {
        Self { first: config.retry_pause.0, max: config.retry_pause_max.0 }
    }

    /// The pause after so many failures in a row.
    pub(super) fn after(self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        self.first.saturating_mul(doubled).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pause_is_twice_the_one_before_and_none_is_longer_than_the_limit() {
        let pauses = Pauses { first: Duration::from_millis(250), max: Duration::from_secs(2) };
        let ms = [0, 1, 2, 3, 4, 5, u32::MAX].map(|n| pauses.after(n).as_millis());
        assert_eq!(ms, [250, 250, 500, 1_000, 2_000, 2_000, 2_000]);
    }
}
