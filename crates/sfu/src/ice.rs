//! ICE-lite: answering checks and learning where a peer is (RFC 8445 §2.5).
//!
//! Owns the credentials of one transport, the addresses that authenticated
//! themselves and the one in use. A lite agent sends no checks and needs no
//! candidates of the other side. Refuses to know DTLS and media.

mod stun;

#[cfg(test)]
mod tests;

pub(crate) use stun::{Check, Key};

use crate::outbox::Path;
use crate::plan::IceCredentials;
use parlour_base::Mono;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Most addresses of one peer that count as checked at a time.
const ADDRESSES_MAX: usize = 4;

/// Transactions remembered, so that a check repeated from elsewhere is known.
const TRANSACTIONS_MAX: usize = 16;

/// A transaction that was answered, and to whom: 64 of the 96 random bits of
/// its id, and as many of a hash of the address.
#[derive(Debug, Clone, Copy)]
struct Transaction {
    id: u64,
    by: u64,
}

impl Transaction {
    fn new(id: u128, from: SocketAddr) -> Self {
        let [.., a, b, c, d, e, f, g, h] = id.to_be_bytes();
        let mut hasher = DefaultHasher::new();
        from.hash(&mut hasher);
        Self { id: u64::from_be_bytes([a, b, c, d, e, f, g, h]), by: hasher.finish() }
    }
}

/// One pair of credentials: ours, and the other side's once it is known.
#[derive(Debug)]
struct Generation {
    ufrag: String,
    key: Key,
    remote: Option<String>,
}

impl Generation {
    fn new(local: &IceCredentials, remote: Option<&IceCredentials>) -> Self {
        Self {
            ufrag: local.ufrag.clone(),
            key: Key::new(&local.pwd),
            remote: remote.map(|remote| remote.ufrag.clone()),
        }
    }
}

/// What an authentic check changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// An address that now belongs to this peer.
    pub(crate) learned: Option<SocketAddr>,
    /// An address that no longer does.
    pub(crate) forgotten: Option<SocketAddr>,
    /// The address in use changed, and was known before.
    pub(crate) moved: bool,
    /// A user fragment that has been replaced for good.
    pub(crate) retired: Option<String>,
}

/// The ICE side of one transport.
#[derive(Debug)]
pub(crate) struct Ice {
    current: Generation,
    previous: Option<Generation>,
    addresses: Vec<SocketAddr>,
    path: Option<Path>,
    path_heard: Mono,
    heard: Option<Mono>,
    expired: bool,
    transactions: VecDeque<Transaction>,
}

impl Ice {
    pub(crate) fn new(local: &IceCredentials, remote: Option<&IceCredentials>) -> Self {
        Self {
            current: Generation::new(local, remote),
            previous: None,
            addresses: Vec::new(),
            path: None,
            path_heard: Mono::default(),
            heard: None,
            expired: false,
            transactions: VecDeque::new(),
        }
    }

    /// Our user fragments that are valid now.
    pub(crate) fn ufrags(&self) -> impl Iterator<Item = &str> {
        let previous = self.previous.iter().map(|generation| generation.ufrag.as_str());
        std::iter::once(self.current.ufrag.as_str()).chain(previous)
    }

    /// New credentials: an ICE restart if they differ, with the old ones valid
    /// until the new ones are used. Returns a user fragment that is no longer
    /// valid, because a restart was overtaken by another.
    pub(crate) fn renew(
        &mut self,
        local: &IceCredentials,
        remote: Option<&IceCredentials>,
    ) -> Option<String> {
        if local.ufrag == self.current.ufrag {
            if let Some(remote) = remote {
                self.current.remote = Some(remote.ufrag.clone());
            }
            return None;
        }
        let next = Generation::new(local, remote);
        let old = std::mem::replace(&mut self.current, next);
        // Credentials that were never used make room; used ones stay.
        let (kept, gone) = match self.previous.take() {
            Some(used) => (used, Some(old)),
            None => (old, None),
        };
        self.previous = Some(kept);
        gone.map(|gone| gone.ufrag)
    }

    /// The other side's credentials for our current ones.
    pub(crate) fn answered(&mut self, remote: &IceCredentials) {
        self.current.remote = Some(remote.ufrag.clone());
    }

    /// Takes a check and writes the answer. `None` if it is not authentic, or
    /// must not be answered.
    pub(crate) fn hear(
        &mut self,
        now: Mono,
        check: &Check<'_>,
        path: Path,
        silence: Duration,
        out: &mut Vec<u8>,
    ) -> Option<Heard> {
        let fits = |generation: &&Generation| {
            let remote = generation.remote.as_deref();
            generation.ufrag == check.local()
                && remote.is_none_or(|remote| remote == check.remote())
                && check.authentic(&generation.key)
        };
        let is_current = fits(&&self.current);
        let generation = if is_current {
            &self.current
        } else {
            // Consent that ran out comes back only with a restart.
            self.previous.as_ref().filter(fits).filter(|_| !self.expired)?
        };
        if self.expired && self.previous.is_none() {
            return None;
        }
        let from = path.to;
        let transaction = Transaction::new(check.transaction(), from);
        let repeats = |seen: &Transaction| seen.id == transaction.id && seen.by != transaction.by;
        if self.transactions.iter().any(repeats) {
            return None;
        }
        let answered = match check.conflicts {
            true => check.refuse_role(&generation.key, out),
            false => check.answer(from, &generation.key, out),
        };
        if !answered {
            return None;
        }
        if check.conflicts {
            return Some(Heard::default());
        }
        if self.transactions.len() >= TRANSACTIONS_MAX {
            self.transactions.pop_front();
        }
        self.transactions.push_back(transaction);
        let retired = match is_current {
            true => self.previous.take().map(|old| old.ufrag),
            false => None,
        };
        let restarted = retired.is_some();
        self.expired = false;
        self.heard = Some(now);
        let mut heard = self.learn(from);
        heard.retired = retired;
        heard.moved = self.select(now, path, check.nominates || restarted, silence);
        Some(heard)
    }

    /// Counts `from` among the checked addresses; the oldest that is not in
    /// use makes room.
    fn learn(&mut self, from: SocketAddr) -> Heard {
        let mut heard = Heard::default();
        if self.addresses.contains(&from) {
            return heard;
        }
        heard.learned = Some(from);
        if self.addresses.len() >= ADDRESSES_MAX {
            let used = self.path.map(|path| path.to);
            let oldest = self.addresses.iter().position(|address| Some(*address) != used);
            heard.forgotten = oldest.map(|at| self.addresses.remove(at));
        }
        self.addresses.push(from);
        heard
    }

    /// Decides whether the path moves: at first, when nominated, or when the
    /// old one has gone silent. Returns whether it moved.
    fn select(&mut self, now: Mono, path: Path, nominated: bool, silence: Duration) -> bool {
        let (first, same) = match self.path {
            None => (true, false),
            Some(old) => (false, old.to == path.to),
        };
        let moves = first || same || nominated || now.since(self.path_heard) >= silence;
        if moves {
            self.path = Some(path);
            self.path_heard = now;
        }
        moves && !first && !same
    }

    /// Pretends that a check came by this path.
    #[cfg(any(test, feature = "assume-keys"))]
    pub(crate) fn assume(&mut self, now: Mono, path: Path) {
        self.learn(path.to);
        self.heard = Some(now);
        self.select(now, path, true, Duration::ZERO);
    }

    /// The address was taken over by another peer.
    pub(crate) fn lose(&mut self, address: SocketAddr) {
        self.addresses.retain(|known| *known != address);
        if self.path.is_some_and(|path| path.to == address) {
            self.path = None;
        }
    }

    /// Whether the path in use leads there and was confirmed lately.
    pub(crate) fn holds(&self, address: SocketAddr, now: Mono, lately: Duration) -> bool {
        self.path().is_some_and(|path| path.to == address) && now.since(self.path_heard) < lately
    }

    /// Where to send, unless there is no consent.
    pub(crate) fn path(&self) -> Option<Path> {
        self.path.filter(|_| !self.expired)
    }

    /// Whether this address has passed a check.
    pub(crate) fn checked(&self, address: SocketAddr) -> bool {
        self.addresses.contains(&address)
    }

    /// All checked addresses.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// When the last valid check arrived.
    pub(crate) fn heard(&self) -> Option<Mono> {
        self.heard
    }

    /// Consent ran out: nothing is sent until a restart.
    pub(crate) fn expire(&mut self) {
        self.expired = self.heard.is_some();
    }
}

/// The local address and peer of a datagram, as a path for the answer.
pub(crate) fn path_back(from: SocketAddr, to: Option<IpAddr>) -> Path {
    Path { to: from, from: to }
}
