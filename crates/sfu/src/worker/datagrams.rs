//! From a datagram to the peer it belongs to.

use super::{Slot, Worker, source_of};
use crate::ice::Check;
use crate::negotiate::worker_of;
use crate::plan::WorkerIndex;
use parlour_base::Mono;
use parlour_base::limits::DATAGRAM_BYTES_MAX;
use parlour_wire::rtp::{Datagram, demux};
use std::net::{IpAddr, SocketAddr};

/// Who sent a datagram, and to which of our addresses.
type Ends = (SocketAddr, Option<IpAddr>);

impl Worker {
    /// Takes a datagram; `ours` if it came on our own socket, so that it may
    /// be passed on to its owner.
    pub(super) fn datagram(&mut self, now: Mono, ends: Ends, bytes: &[u8], ours: bool) {
        if bytes.len() > DATAGRAM_BYTES_MAX {
            self.shared.stats.dropped.malformed += 1;
            return;
        }
        let kind = demux(bytes);
        match kind {
            Datagram::Stun => return self.check(now, ends, bytes, ours),
            Datagram::Dtls | Datagram::Rtp | Datagram::Rtcp => {}
            Datagram::TurnChannel | Datagram::Other => {
                self.shared.stats.dropped.malformed += 1;
                return;
            }
        }
        let Some(slot) = self.addresses.get(&ends.0).copied() else {
            let owner = self.foreign.get(&ends.0).copied();
            return match owner.filter(|_| ours) {
                Some(owner) => self.pass_on(owner, ends, bytes),
                None => self.shared.stats.dropped.stranger += 1,
            };
        };
        match kind {
            Datagram::Dtls => self.dtls(now, slot, ends, bytes),
            Datagram::Rtcp => self.rtcp(now, slot, bytes),
            _ => self.rtp(now, slot, bytes),
        }
    }

    fn pass_on(&mut self, worker: WorkerIndex, (from, to): Ends, bytes: &[u8]) {
        self.shared.outbox.forward(worker, from, to, bytes, &mut self.shared.stats);
    }

    fn check(&mut self, now: Mono, ends: Ends, bytes: &[u8], ours: bool) {
        let Some(check) = Check::read(bytes) else {
            self.shared.stats.dropped.stun += 1;
            return;
        };
        let Some(slot) = self.ufrags.get(check.local()).copied() else {
            let owner = worker_of(check.local()).filter(|owner| *owner != self.index);
            return match owner.filter(|_| ours) {
                Some(owner) => self.pass_on(owner, ends, bytes),
                None => self.shared.stats.dropped.stun += 1,
            };
        };
        if self.guarded(now, ends.0, slot) {
            self.shared.stats.dropped.stun += 1;
            return;
        }
        let transport = match slot {
            Slot::Up(at) => self.ups.get_mut(at).map(|up| &mut up.transport),
            Slot::Down(at) => self.downs.get_mut(at).map(|down| &mut down.transport),
        };
        let Some(transport) = transport else { return };
        let Some((heard, moment)) = transport.check(now, &check, ends, &mut self.shared) else {
            self.shared.stats.dropped.stun += 1;
            return;
        };
        if let Some(ufrag) = heard.retired {
            self.ufrags.remove(&ufrag);
        }
        if heard.moved {
            self.shared.stats.paths_moved += 1;
        }
        if let Some(address) = heard.forgotten {
            self.disown(address, slot);
        }
        if let Some(address) = heard.learned {
            self.own(address, slot);
        }
        self.moment(now, slot, moment);
        self.rearm(now, slot);
    }

    /// Whether an address is in use by another peer than `slot`.
    fn guarded(&mut self, now: Mono, address: SocketAddr, slot: Slot) -> bool {
        let lately = self.shared.config.address_guard.0;
        let owner = self.addresses.get(&address).copied().filter(|owner| *owner != slot);
        owner
            .and_then(|owner| self.transport(owner))
            .is_some_and(|other| other.ice.holds(address, now, lately))
    }

    /// An address belongs to a peer of ours from now on.
    fn own(&mut self, address: SocketAddr, slot: Slot) {
        self.foreign.remove(&address);
        let before = self.addresses.insert(address, slot);
        if let Some(before) = before.filter(|before| *before != slot)
            && let Some(other) = self.transport(before)
        {
            other.ice.lose(address);
        }
        if before.is_none() {
            self.shared.outbox.claim(address, true, &mut self.shared.stats);
        }
    }

    /// An address belongs to nobody here any more.
    pub(super) fn disown(&mut self, address: SocketAddr, slot: Slot) {
        if self.addresses.get(&address) == Some(&slot) {
            self.addresses.remove(&address);
            self.shared.outbox.claim(address, false, &mut self.shared.stats);
        }
    }

    /// Another worker learned an address, or gave one up.
    pub(super) fn learned(&mut self, worker: WorkerIndex, address: SocketAddr, held: bool) {
        if worker == self.index {
            return;
        }
        if !held {
            if self.foreign.get(&address) == Some(&worker) {
                self.foreign.remove(&address);
            }
            return;
        }
        if let Some(slot) = self.addresses.remove(&address)
            && let Some(transport) = self.transport(slot)
        {
            transport.ice.lose(address);
        }
        let limit = usize::try_from(self.shared.config.foreign_addresses).unwrap_or(usize::MAX);
        if self.foreign.len() < limit || self.foreign.contains_key(&address) {
            self.foreign.insert(address, worker);
        }
    }

    fn dtls(&mut self, now: Mono, slot: Slot, ends: Ends, bytes: &[u8]) {
        let transport = match slot {
            Slot::Up(at) => self.ups.get_mut(at).map(|up| &mut up.transport),
            Slot::Down(at) => self.downs.get_mut(at).map(|down| &mut down.transport),
        };
        let Some(transport) = transport else { return };
        let moment = transport.dtls(now, ends, bytes, &mut self.shared);
        self.moment(now, slot, moment);
        self.rearm(now, slot);
    }

    fn rtp(&mut self, now: Mono, slot: Slot, bytes: &[u8]) {
        // Subscribers send no media; theirs is not even decrypted.
        let Slot::Up(at) = slot else {
            self.shared.stats.dropped.unbound += 1;
            return;
        };
        let Some(up) = self.ups.get_mut(at) else { return };
        let number = up.transport.open_rtp(bytes, &mut self.plain, &mut self.shared);
        let Some(number) = number else { return };
        let flush = up.rtp(now, number, &self.plain, &mut self.shared);
        if let Some(flush) = flush {
            self.flush(now, at, flush);
        }
        self.tell_live(now, at);
        self.rearm(now, slot);
    }

    fn rtcp(&mut self, now: Mono, slot: Slot, bytes: &[u8]) {
        match slot {
            Slot::Up(at) => {
                let Some(up) = self.ups.get_mut(at) else { return };
                let opened = up.transport.open_rtcp(bytes, &mut self.plain, &mut self.shared);
                if opened.is_some() {
                    up.rtcp(now, &self.plain, &mut self.shared);
                }
            }
            Slot::Down(at) => {
                let Some(down) = self.downs.get_mut(at) else { return };
                let shared = &mut self.shared;
                let opened = down.transport.open_rtcp(bytes, &mut self.plain, shared);
                if opened.is_none() {
                    return;
                }
                let source = down.source;
                let up = source_of(&self.names, &self.ups, source);
                let mut asked = Vec::new();
                down.rtcp(now, &self.plain, up, shared, &mut asked);
                let wishes: Vec<_> = asked
                    .into_iter()
                    .filter_map(|track| {
                        let track = down.tracks.get(track)?;
                        let feed = up?.tracks.get(track.feed?)?;
                        let wanted = feed.wanted(track.section.low);
                        Some((track.feed?, track.layer().unwrap_or(wanted)))
                    })
                    .collect();
                self.wish(now, source, &wishes);
            }
        }
        self.rearm(now, slot);
    }
}
