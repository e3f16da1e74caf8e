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
    /// The store says the same thing twice.
    StoreRepeatedReply = "store-repeated-reply",
    /// A write of a node that died reaches the store later.
    StoreLateWrite = "store-late-write",
    /// The store's queue is full.
    StoreFull = "store-full",
    /// Nothing can be written for a while.
    StoreNoSpace = "store-no-space",
    /// The node dies at any point and starts again from the store.
    NodeKill = "node-kill",
    /// The node panics in the middle of an input: some of what follows from it
    /// is never carried out.
    ShardPanic = "node-panic",
    /// A node stands still until another one has taken its place, and goes on
    /// then.
    NodeReplaced = "node-replaced",
    /// A node that was replaced writes to a room that has another owner.
    OldWrite = "old-node-refused",
    /// The node stands still for a while.
    NodePause = "node-pause",
    /// A connection ends under a client.
    Cut = "connection-cut",
    /// A connection ends while a message is half sent.
    CutInside = "connection-cut-inside-message",
    /// A connection carries nothing for a while.
    Stall = "connection-stalled",
    /// A client says that it will send no more, and goes on reading.
    HalfClose = "half-close",
    /// A client goes on sending after it was told that this is the end.
    LateFrames = "frames-after-close",
    /// A client reads byte by byte.
    SlowReader = "slow-reader",
    /// So much waits for a slow client that it is given up.
    Overflow = "slow-reader-given-up",
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
    /// A datagram is lost by itself.
    UdpLoss = "udp-loss",
    /// A datagram is lost with its neighbours.
    UdpBurst = "udp-burst",
    /// A datagram comes twice.
    UdpDuplicate = "udp-duplicate",
    /// A datagram is overtaken by later ones.
    UdpReorder = "udp-reorder",
    /// A client's network is slow, and not evenly so.
    UdpDelay = "udp-delay",
    /// A bit of a datagram is turned over.
    UdpCorrupt = "udp-corrupt",
    /// A datagram finds no room before a narrow part of the way.
    UdpBottleneck = "udp-bottleneck",
    /// No datagram gets through either way for a while.
    BlackHole = "udp-black-hole",
    /// No datagram gets through one way for a while.
    OneWay = "udp-one-way",
    /// A client's datagrams come from another port from now on.
    AddressChange = "udp-address-change",
    /// A publisher uses another certificate from now on.
    CertificateChange = "certificate-change",
    /// A client shows another certificate than it promised.
    WrongCertificate = "liar-wrong-certificate",
    /// Somebody gives a seat up with a token that was replaced.
    LateLeave = "late-leave",
    /// Somebody tries to come in with a token that was replaced.
    LateToken = "late-token",
    /// A user asks for what only the server does.
    Usurped = "liar-usurped",
    /// A request is never answered, because the node died meanwhile.
    RequestLost = "request-lost",
    /// The same request comes twice.
    RequestRepeated = "request-repeated",
    /// Somebody who watches conversations reads nothing for a while.
    SlowWatcher = "slow-watcher",
    /// A change begins with a state that is not the newest.
    LateTag = "late-tag",
    /// A request is signed with a wrong key, for a stranger, or long ago.
    WrongMac = "liar-wrong-mac",
    /// Somebody shows the token of somebody else.
    ForeignToken = "liar-foreign-token",
    /// Somebody shows a token that nobody made.
    ForgedToken = "liar-forged-token",
    /// A request has not the form that it should have.
    BrokenRequest = "liar-broken-request",
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

/// What befalls datagrams.
pub(crate) const OF_DATAGRAMS: [Fault; 10] = [
    Fault::UdpLoss,
    Fault::UdpBurst,
    Fault::UdpDuplicate,
    Fault::UdpReorder,
    Fault::UdpDelay,
    Fault::UdpCorrupt,
    Fault::UdpBottleneck,
    Fault::BlackHole,
    Fault::OneWay,
    Fault::AddressChange,
];

/// What may keep the server from doing what it is asked for.
pub(crate) const OF_THE_SERVER: [Fault; 13] = [
    Fault::StoreSlow,
    Fault::StoreError,
    Fault::StoreLostReply,
    Fault::StoreRepeatedReply,
    Fault::StoreLateWrite,
    Fault::StoreFull,
    Fault::StoreNoSpace,
    Fault::NodeKill,
    Fault::NodeReplaced,
    Fault::ShardPanic,
    Fault::NodePause,
    Fault::PoolBusy,
    Fault::GroupUnreadable,
];

/// How often each fault fired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(Vec<u64>);

impl Tally {
    /// Counts one.
    pub fn add(&mut self, fault: Fault) {
        self.0.resize(Fault::ALL.len(), 0);
        self.0[fault as usize] += 1;
    }

    /// Counts several.
    pub fn add_many(&mut self, fault: Fault, count: u64) {
        self.0.resize(Fault::ALL.len(), 0);
        self.0[fault as usize] += count;
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

/// How much more or less often than usual a fault happens in a world, in
/// percent; one of these for each fault that the world has.
const INTENSITIES: [u32; 5] = [25, 50, 100, 100, 300];

/// The faults that this world may have: a random part of all, each in a
/// strength of its own, so that worlds differ in what they look for.
#[derive(Debug, Clone)]
pub(crate) struct Swarm {
    /// Percent of the usual frequency; 0 = never.
    intensity: Vec<u32>,
    /// Faults have ended.
    pub over: bool,
}

impl Swarm {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let mut one = |_| if dice.chance(500) { *dice.pick(&INTENSITIES) } else { 0 };
        Self { intensity: Fault::ALL.iter().map(&mut one).collect(), over: false }
    }

    /// This world does not have these.
    pub(crate) fn forget(&mut self, faults: &[Fault]) {
        for fault in faults {
            self.intensity[*fault as usize] = 0;
        }
    }

    /// Whether this fault is to happen now; does not count it.
    pub(crate) fn chance(&self, fault: Fault, permille: u32, dice: &mut Dice) -> bool {
        let intensity = if self.over { 0 } else { self.intensity[fault as usize] };
        intensity > 0 && dice.chance((permille * intensity / 100).max(1))
    }

    /// Whether this fault is to happen now, where it usually does in `permille`
    /// of a thousand cases; counts it.
    pub(crate) fn strikes(
        &self,
        fault: Fault,
        permille: u32,
        dice: &mut Dice,
        tally: &mut Tally,
    ) -> bool {
        let strikes = self.chance(fault, permille, dice);
        if strikes {
            tally.add(fault);
        }
        strikes
    }
}
