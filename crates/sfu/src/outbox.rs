//! What a worker hands out: datagrams, notices, and words to other workers.
//!
//! Owns the arena that outgoing bytes lie in until they are fetched, and the
//! joining of equal datagrams to one receiver into one burst. Refuses to know
//! what the bytes mean.

use crate::plan::{Notice, WorkerIndex};
use crate::stats::Stats;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

/// Most datagrams in one burst.
pub const SEGMENTS_MAX: usize = 16;

/// Most bytes in one burst: what UDP segmentation offload takes in one call.
pub const BURST_BYTES_MAX: usize = 60_000;

/// Most notices and words to other workers that wait to be fetched.
const ITEMS_MAX: usize = 1 << 16;

/// Where a datagram goes, and the local address it must come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) to: SocketAddr,
    pub(crate) from: Option<IpAddr>,
}

/// One thing to do for the thread that owns the worker.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output<'a> {
    /// Send `bytes` to `to`.
    Transmit {
        /// The receiver.
        to: SocketAddr,
        /// The local address to send from, if the input named one.
        from: Option<IpAddr>,
        /// If set, `bytes` are several datagrams of this size, of which the
        /// last may be shorter; at most [`SEGMENTS_MAX`] of them.
        segment: Option<usize>,
        /// What to send.
        bytes: &'a [u8],
    },
    /// Tell the control side.
    Notice(Notice),
    /// Hand the datagram to another worker as [`crate::Input::Foreign`]; drop
    /// it if there is no such worker, anyone can name one.
    Forward {
        /// Which worker.
        worker: WorkerIndex,
        /// Where the datagram came from.
        from: SocketAddr,
        /// The local address it was sent to.
        to: Option<IpAddr>,
        /// The datagram.
        bytes: &'a [u8],
    },
    /// Tell every other worker, as [`crate::Input::Learned`], that datagrams
    /// from this address are for us, or no longer are.
    Claim {
        /// The address.
        address: SocketAddr,
        /// Whether it is ours now.
        held: bool,
    },
}

#[derive(Debug)]
enum Item {
    Transmit { path: Path, start: usize, len: usize, size: usize, count: usize },
    Notice(Notice),
    Forward { worker: WorkerIndex, from: SocketAddr, to: Option<IpAddr>, start: usize, len: usize },
    Claim { address: SocketAddr, held: bool },
}

/// Everything that waits to be fetched.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    arena: Vec<u8>,
    items: VecDeque<Item>,
    limit: usize,
}

impl Outbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Whether more than a quarter of the room is taken.
    pub(crate) fn brims(&self) -> bool {
        self.arena.len() > self.limit / 4
    }

    /// Forgets the bytes of what has been fetched.
    pub(crate) fn recycle(&mut self) {
        if self.items.is_empty() {
            self.arena.clear();
        }
    }

    /// Appends one datagram that `write` puts at the end of the arena; nothing
    /// is sent if it returns false. Joins the burst before it if it can.
    pub(crate) fn datagram(
        &mut self,
        path: Path,
        stats: &mut Stats,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> bool {
        let start = self.arena.len();
        if start >= self.limit || self.items.len() >= ITEMS_MAX {
            stats.dropped.outbox += 1;
            return false;
        }
        let written = write(&mut self.arena);
        let size = self.arena.len().saturating_sub(start);
        if !written || size == 0 {
            self.arena.truncate(start);
            return false;
        }
        stats.datagrams_out += 1;
        stats.bytes_out += size as u64;
        if !self.join(path, start, size) {
            self.items.push_back(Item::Transmit { path, start, len: size, size, count: 1 });
        }
        true
    }

    /// Whether the last burst could take the datagram: same way, room left,
    /// all before it equal, and this one not larger.
    fn join(&mut self, path: Path, at: usize, more: usize) -> bool {
        let Some(Item::Transmit { path: before, start, len, size, count }) = self.items.back_mut()
        else {
            return false;
        };
        let whole = *len == size.saturating_mul(*count);
        let follows = start.saturating_add(*len) == at;
        let fits = *count < SEGMENTS_MAX && len.saturating_add(more) <= BURST_BYTES_MAX;
        if *before != path || !whole || !follows || !fits || more > *size {
            return false;
        }
        *len += more;
        *count += 1;
        true
    }

    pub(crate) fn notice(&mut self, notice: Notice, stats: &mut Stats) {
        self.item(Item::Notice(notice), stats);
    }

    pub(crate) fn claim(&mut self, address: SocketAddr, held: bool, stats: &mut Stats) {
        self.item(Item::Claim { address, held }, stats);
    }

    pub(crate) fn forward(
        &mut self,
        worker: WorkerIndex,
        from: SocketAddr,
        to: Option<IpAddr>,
        bytes: &[u8],
        stats: &mut Stats,
    ) {
        let start = self.arena.len();
        if start >= self.limit {
            stats.dropped.outbox += 1;
            return;
        }
        self.arena.extend_from_slice(bytes);
        stats.forwarded += 1;
        self.item(Item::Forward { worker, from, to, start, len: bytes.len() }, stats);
    }

    fn item(&mut self, item: Item, stats: &mut Stats) {
        if self.items.len() >= ITEMS_MAX {
            stats.dropped.outbox += 1;
            return;
        }
        self.items.push_back(item);
    }

    pub(crate) fn fetch(&mut self, stats: &mut Stats) -> Option<Output<'_>> {
        let item = self.items.pop_front()?;
        let bytes = |start: usize, len: usize| {
            let end = start.saturating_add(len);
            self.arena.get(start..end).unwrap_or(&[])
        };
        Some(match item {
            Item::Transmit { path: Path { to, from }, start, len, size, count } => {
                let slot = crate::stats::BURST_BOUNDS.iter().position(|top| count as u64 <= *top);
                if let Some(burst) = slot.and_then(|slot| stats.bursts.get_mut(slot)) {
                    *burst += 1;
                }
                let segment = (count > 1).then_some(size);
                Output::Transmit { to, from, segment, bytes: bytes(start, len) }
            }
            Item::Notice(notice) => Output::Notice(notice),
            Item::Forward { worker, from, to, start, len } => {
                Output::Forward { worker, from, to, bytes: bytes(start, len) }
            }
            Item::Claim { address, held } => Output::Claim { address, held },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path { to: SocketAddr::from(([192, 0, 2, 1], port)), from: None }
    }

    fn send(out: &mut Outbox, port: u16, size: usize) {
        let mut stats = Stats::default();
        out.datagram(path(port), &mut stats, |arena| {
            arena.resize(arena.len() + size, 7);
            true
        });
    }

    fn bursts(out: &mut Outbox) -> Vec<(u16, Option<usize>, usize)> {
        let mut found = Vec::new();
        let mut stats = Stats::default();
        while let Some(output) = out.fetch(&mut stats) {
            if let Output::Transmit { to, segment, bytes, .. } = output {
                found.push((to.port(), segment, bytes.len()));
            }
        }
        found
    }

    #[test]
    fn equal_datagrams_to_one_receiver_leave_as_one_burst() {
        let mut out = Outbox::new(1 << 20);
        for size in [100, 100, 90, 100] {
            send(&mut out, 1, size);
        }
        send(&mut out, 2, 100);
        send(&mut out, 2, 101);
        assert_eq!(
            bursts(&mut out),
            [(1, Some(100), 290), (1, None, 100), (2, None, 100), (2, None, 101)]
        );
    }

    #[test]
    fn a_burst_has_at_most_sixteen_datagrams() {
        let mut out = Outbox::new(1 << 20);
        for _ in 0..20 {
            send(&mut out, 1, 10);
        }
        assert_eq!(bursts(&mut out), [(1, Some(10), 160), (1, Some(10), 40)]);
    }

    #[test]
    fn a_full_outbox_drops_and_counts() {
        let mut out = Outbox::new(64);
        send(&mut out, 1, 64);
        let mut stats = Stats::default();
        assert!(!out.datagram(path(1), &mut stats, |_| true));
        assert_eq!(stats.dropped.outbox, 1);
        assert!(out.brims());
        assert_eq!(bursts(&mut out).len(), 1);
        out.recycle();
        assert!(!out.brims());
        send(&mut out, 1, 8);
        assert_eq!(bursts(&mut out), [(1, None, 8)]);
    }
}
