//! What the control side orders.

use super::{Slot, Worker};
use crate::down::Down;
use crate::plan::{
    Command, DownSection, IceCredentials, Loss, Notice, PeerId, RemoteTransport, UpSection,
};
use crate::up::Up;
use parlour_base::Mono;

impl Worker {
    pub(super) fn command(&mut self, now: Mono, command: Command) {
        match command {
            Command::Up { peer, local, remote, sections } => {
                self.up(now, peer, &local, &remote, &sections);
            }
            Command::Down { peer, source, local, sections } => {
                self.down(now, peer, source, &local, &sections);
            }
            Command::Answered { peer, remote, accepted } => {
                self.answered(now, peer, &remote, &accepted);
            }
            Command::Close(peer) => self.close(peer),
        }
    }

    /// Whether there is no room for another peer; the control side is told.
    fn full(&mut self, peer: PeerId) -> bool {
        let peers = self.names.len() as u64;
        let full = peers >= u64::from(self.shared.config.peers);
        if full {
            self.shared.stats.dropped.commands += 1;
            let notice = Notice::Lost(peer, Loss::Full);
            self.shared.outbox.notice(notice, &mut self.shared.stats);
        }
        full
    }

    /// Makes a user fragment of ours lead to a peer; never takes one over.
    fn name_ufrag(&mut self, ufrag: &str, slot: Slot) {
        let owner = *self.ufrags.entry(ufrag.to_owned()).or_insert(slot);
        if owner != slot {
            self.shared.stats.dropped.commands += 1;
        }
    }

    fn drop_ufrag(&mut self, ufrag: &str, slot: Slot) {
        if self.ufrags.get(ufrag) == Some(&slot) {
            self.ufrags.remove(ufrag);
        }
    }

    fn up(
        &mut self,
        now: Mono,
        peer: PeerId,
        local: &IceCredentials,
        remote: &RemoteTransport,
        sections: &[UpSection],
    ) {
        let at = match self.names.get(&peer).copied() {
            Some(Slot::Up(at)) => at,
            Some(Slot::Down(_)) => {
                self.shared.stats.dropped.commands += 1;
                return;
            }
            None if self.full(peer) => return,
            None => {
                let up = Up::new(now, peer, local, remote, &mut self.shared);
                let at = self.ups.insert(up);
                self.names.insert(peer, Slot::Up(at));
                at
            }
        };
        let slot = Slot::Up(at);
        let Some(up) = self.ups.get_mut(at) else { return };
        let gone = up.transport.ice.renew(local, Some(&remote.ice));
        let moment = up.transport.describe(now, remote, &mut self.shared);
        up.arrange(sections, &self.shared);
        if let Some(gone) = gone {
            self.drop_ufrag(&gone, slot);
        }
        self.name_ufrag(&local.ufrag, slot);
        self.moment(now, slot, moment);
        self.relink(now, at, peer);
        self.rearm(now, slot);
    }

    /// Connects a publisher with everyone who is to receive it.
    fn relink(&mut self, now: Mono, at: usize, peer: PeerId) {
        let Some(up) = self.ups.get_mut(at) else { return };
        up.receivers.clear();
        for (receiver, down) in self.downs.iter_mut() {
            if down.source == peer {
                down.link(Some(up));
                up.receivers.push(receiver);
            }
        }
        for receiver in up.receivers.clone() {
            self.start(now, receiver);
        }
    }

    fn down(
        &mut self,
        now: Mono,
        peer: PeerId,
        source: PeerId,
        local: &IceCredentials,
        sections: &[DownSection],
    ) {
        let at = match self.names.get(&peer).copied() {
            Some(Slot::Down(at)) => at,
            Some(Slot::Up(_)) => {
                self.shared.stats.dropped.commands += 1;
                return;
            }
            None if self.full(peer) => return,
            None => {
                let down = Down::new(now, peer, source, local, &mut self.shared);
                let at = self.downs.insert(down);
                self.names.insert(peer, Slot::Down(at));
                at
            }
        };
        let slot = Slot::Down(at);
        let Some(down) = self.downs.get_mut(at) else { return };
        let gone = down.transport.ice.renew(local, None);
        let before = std::mem::replace(&mut down.source, source);
        if before != source {
            down.unlink();
        }
        down.arrange(sections, &mut self.shared);
        if let Some(gone) = gone {
            self.drop_ufrag(&gone, slot);
        }
        self.name_ufrag(&local.ufrag, slot);
        if before != source {
            self.unfollow(before, at);
        }
        self.follow(source, at);
        self.start(now, at);
        self.rearm(now, slot);
    }

    fn follow(&mut self, source: PeerId, at: usize) {
        let Some(Slot::Up(up)) = self.names.get(&source) else { return };
        let (Some(up), Some(down)) = (self.ups.get_mut(*up), self.downs.get_mut(at)) else {
            return;
        };
        down.link(Some(up));
        if !up.receivers.contains(&at) {
            up.receivers.push(at);
        }
    }

    fn unfollow(&mut self, source: PeerId, at: usize) {
        let Some(Slot::Up(up)) = self.names.get(&source) else { return };
        if let Some(up) = self.ups.get_mut(*up) {
            up.receivers.retain(|receiver| *receiver != at);
        }
    }

    fn answered(&mut self, now: Mono, peer: PeerId, remote: &RemoteTransport, accepted: &[String]) {
        let Some(Slot::Down(at)) = self.names.get(&peer).copied() else {
            self.shared.stats.dropped.commands += 1;
            return;
        };
        let Some(down) = self.downs.get_mut(at) else { return };
        down.answered(accepted);
        let moment = down.transport.describe(now, remote, &mut self.shared);
        self.moment(now, Slot::Down(at), moment);
        self.start(now, at);
        self.rearm(now, Slot::Down(at));
    }

    fn close(&mut self, peer: PeerId) {
        let Some(slot) = self.names.remove(&peer) else {
            self.shared.stats.dropped.commands += 1;
            return;
        };
        let Some(transport) = self.transport(slot) else { return };
        let ufrags: Vec<String> = transport.ice.ufrags().map(str::to_owned).collect();
        let addresses = transport.ice.addresses().to_vec();
        for ufrag in ufrags {
            self.drop_ufrag(&ufrag, slot);
        }
        for address in addresses {
            self.disown(address, slot);
        }
        match slot {
            Slot::Up(at) => {
                let Some(mut up) = self.ups.remove(at) else { return };
                up.transport.close(&mut self.shared);
                for receiver in up.receivers {
                    if let Some(down) = self.downs.get_mut(receiver) {
                        down.unlink();
                    }
                }
            }
            Slot::Down(at) => {
                let Some(mut down) = self.downs.remove(at) else { return };
                down.transport.close(&mut self.shared);
                self.unfollow(down.source, at);
            }
        }
    }
}
