//! What can go wrong in a world, and how often it did.

use crate::dice::Dice;
use std::fmt;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// One sort of trouble.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in the report.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

faults! {
    /// The store takes its time, now and then more than the node's patience.
    StoreSlow = "store-slow",
    /// The store fails.
    StoreError = "store-error",
    /// The store does it, and its answer is lost.
    StoreLostReply = "store-lost-reply",
    /// The store's queue is full.
    StoreFull = "store-full",
    /// The node dies at any point and starts again from the store.
    NodeKill = "node-kill",
    /// A connection ends under a client.
    Cut = "connection-cut",
    /// A client falls silent, and nobody learns of it.
    HalfOpen = "half-open",
    /// A connection is slow.
    LinkDelay = "link-delay",
    /// The wall clock jumps.
    WallJump = "wall-clock-jump",
    /// A group file cannot be read.
    GroupUnreadable = "group-unreadable",
    /// A group file was changed.
    GroupChanged = "group-changed",
    /// The password pool is too busy.
    PoolBusy = "password-pool-busy",
    /// A transport is without valid checks for a while.
    ConsentLost = "media-consent-lost",
    /// A transport ends by itself.
    TransportEnded = "media-transport-ended",
    /// A publisher's tracks arrive one after the other.
    LateTracks = "media-late-tracks",
    /// A client sends what is no message.
    Malformed = "liar-malformed",
    /// A client claims to be somebody else.
    Spoofed = "liar-spoofed",
    /// A client names streams that are not its own.
    ForeignStream = "liar-foreign-stream",
    /// A client does not wait for its turn.
    Early = "liar-early",
    /// A client sends far too much.
    Flood = "liar-flood",
    /// A client sends a binary frame.
    Binary = "liar-binary",
    /// A client comes with the id of another.
    DuplicateId = "liar-duplicate-id",
    /// A client sends a description that makes no sense.
    BadSdp = "liar-bad-sdp",
    /// A client never answers an offer, or answers twice.
    OddAnswer = "liar-odd-answer",
}

/// How often each fault fired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(Vec<u64>);

impl Tally {
    /// Counts one.
    pub fn add(&mut self, fault: Fault) {
        self.0.resize(Fault::ALL.len(), 0);
        self.0[fault as usize] += 1;
    }

    /// How often it fired.
    #[must_use]
    pub fn count(&self, fault: Fault) -> u64 {
        self.0.get(fault as usize).copied().unwrap_or(0)
    }

    /// Adds another world's counts.
    pub fn merge(&mut self, other: &Self) {
        self.0.resize(Fault::ALL.len(), 0);
        self.0.iter_mut().zip(&other.0).for_each(|(to, from)| *to += from);
    }

    /// The faults that never fired.
    pub fn missing(&self) -> impl Iterator<Item = Fault> {
        Fault::ALL.iter().copied().filter(|fault| self.count(*fault) == 0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in Fault::ALL {
            writeln!(f, "  {:24}{:>10}", fault.name(), self.count(*fault))?;
        }
        Ok(())
    }
}

/// The faults that this world may have: a random part of all, so that worlds
/// differ in what they look for.
#[derive(Debug, Clone)]
pub(crate) struct Swarm {
    on: Vec<bool>,
    /// Faults have ended.
    pub over: bool,
}

impl Swarm {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        Self { on: Fault::ALL.iter().map(|_| dice.chance(500)).collect(), over: false }
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        !self.over && self.on[fault as usize]
    }
}
