//! What the proxy's tasks are told: a state that each compares with what it
//! has seen, so that no order is lost on one that was busy.

use crate::profile::Profile;
use parlour_base::Mono;
use std::sync::Arc;

/// The state of all orders.
#[derive(Debug, Clone)]
pub struct Orders {
    pub(super) profile: Arc<Profile>,
    /// Counts the profiles.
    pub(super) number: u64,
    /// When the times of the profile began.
    pub(super) since: Mono,
    pub(super) dark_until: Mono,
    pub(super) stalled_until: Mono,
    /// Counts the changes of address.
    pub(super) rebinds: u64,
    /// Counts the resets.
    pub(super) resets: u64,
}

impl Orders {
    pub(super) fn new(profile: Profile, since: Mono) -> Self {
        Self {
            profile: Arc::new(profile),
            number: 0,
            since,
            dark_until: Mono(0),
            stalled_until: Mono(0),
            rebinds: 0,
            resets: 0,
        }
    }

    pub(super) fn change(&mut self, profile: Profile, now: Mono) {
        self.profile = Arc::new(profile);
        self.number += 1;
        self.since = now;
    }
}
