//! Bugs on purpose: each must be found.

/// A planted bug.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Bug {
    /// The store says that it has kept what it has not.
    LyingStore,
    /// The store does not look at epochs: a write of a node that died, or that
    /// was replaced, lands in a room that was opened since.
    MissingFence,
    /// One of the product itself: called with true before the world begins,
    /// and with false after its end. The switches behind it are in no release
    /// build (`parlour_room::planted`).
    Product(fn(bool)),
}

/// Switches this thread's product bug on or off, if it is one.
pub(crate) fn plant(bug: Option<Bug>, on: bool) {
    if let Some(Bug::Product(switch)) = bug {
        switch(on);
    }
}
