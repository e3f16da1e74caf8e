//! Bugs on purpose, to prove that the simulator finds such as these.
//!
//! Only with the feature `planted`, which nobody but the simulator's tests
//! turns on, and with them a build of the whole workspace; which no release
//! build takes, and which does nothing until a thread asks for a bug.

use crate::command::Command;
use crate::member::MemberId;
use parlour_base::Permissions;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

#[cfg(not(debug_assertions))]
compile_error!("planted bugs have no place in a release build");

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Chat is shown before it is on disk.
    AcknowledgedEarly,
    /// A session skips the first event after its snapshot.
    GapAfterSnapshot,
    /// Sessions check what operators may do, by what they were last told.
    PermissionInSession,
    /// A leave with an old token ends the seat.
    LateLeaveEvicts,
    /// What somebody joins with is shown to all.
    SecretInAttributes,
}

#[derive(Default)]
struct Memory {
    /// What each session was last told that it may do.
    told: BTreeMap<MemberId, Permissions>,
    /// Sessions that have just had a snapshot.
    fresh: BTreeMap<MemberId, bool>,
}

thread_local! {
    static BUG: Cell<Option<Bug>> = const { Cell::new(None) };
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// This thread has this bug from now on, or none.
pub fn plant(bug: Option<Bug>) {
    BUG.set(bug);
    MEMORY.take();
}

/// Whether this thread has this bug.
#[must_use]
pub fn is(bug: Bug) -> bool {
    BUG.get() == Some(bug)
}

/// A session was told what it may do.
pub fn told(me: &MemberId, permissions: Permissions) {
    MEMORY.with_borrow_mut(|memory| memory.told.insert(me.clone(), permissions));
}

/// What a session was last told that it may do.
#[must_use]
pub fn last_told(me: &MemberId) -> Permissions {
    MEMORY.with_borrow(|memory| memory.told.get(me).copied()).unwrap_or(Permissions::NONE)
}

/// What operators alone may ask for.
#[must_use]
pub const fn is_for_operators(command: &Command) -> bool {
    matches!(
        command,
        Command::Lock(_)
            | Command::Unlock
            | Command::ClearChat(_)
            | Command::Kick { .. }
            | Command::SetPermission { .. }
            | Command::SetRoomAttributes(_)
    )
}

/// A session was given a snapshot.
pub fn snapshot(me: &MemberId) {
    MEMORY.with_borrow_mut(|memory| memory.fresh.insert(me.clone(), true));
}

/// Whether a session was given a snapshot and nothing since.
#[must_use]
pub fn skips(me: &MemberId) -> bool {
    MEMORY.with_borrow_mut(|memory| memory.fresh.remove(me)).is_some()
}
