//! Bugs on purpose: each must be found.

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bug {
    /// The store says that it has kept what it has not.
    LyingStore,
    /// The store does not look at epochs: a write of a node that died lands in
    /// a room that was opened since.
    MissingFence,
    /// Chat is shown before it is on disk.
    #[cfg(feature = "planted")]
    AcknowledgedEarly,
    /// A session skips the first event after its snapshot.
    #[cfg(feature = "planted")]
    GapAfterSnapshot,
    /// What operators may do is checked in a session instead of the room.
    #[cfg(feature = "planted")]
    PermissionInSession,
    /// A leave with a token that was replaced ends the seat.
    #[cfg(feature = "planted")]
    LateLeaveEvicts,
}

/// Makes this thread's product have the bug, if it is the product's.
pub(crate) fn plant(bug: Option<Bug>) {
    #[cfg(feature = "planted")]
    {
        use parlour_room::planted;
        planted::plant(match bug {
            Some(Bug::AcknowledgedEarly) => Some(planted::Bug::AcknowledgedEarly),
            Some(Bug::GapAfterSnapshot) => Some(planted::Bug::GapAfterSnapshot),
            Some(Bug::PermissionInSession) => Some(planted::Bug::PermissionInSession),
            Some(Bug::LateLeaveEvicts) => Some(planted::Bug::LateLeaveEvicts),
            _ => None,
        });
    }
    #[cfg(not(feature = "planted"))]
    let _: Option<Bug> = bug;
}
