//! What befalls a world from outside, and how it ends.

use super::{Coming, World};
use crate::dice::{MS, SEC};
use crate::fault::Fault;
use crate::links::Way as Direction;
use crate::media::DARK_MAX;
use crate::view::Stage;
use parlour_base::ConnId;
use parlour_impair::Way;

/// Bytes a second that a slow client reads.
const CRAWL: [u64; 4] = [1, 200, 2_000, 8_000];

impl World {
    pub(super) fn trouble(&mut self) -> Result<(), String> {
        if self.swarm.over {
            return Ok(());
        }
        if let Some(conn) = self.dice.one(self.links.all.keys().copied()) {
            self.trouble_with(conn);
        }
        if self.strikes(Fault::WallJump, 60) {
            self.wall_ahead += if self.dice.chance(500) { 3_600_000 } else { -3_600_000 };
        }
        if self.strikes(Fault::GroupChanged, 100) {
            let group = *self.dice.pick(&["red", "blue"]);
            self.folder.change(group, &mut self.dice);
        }
        if self.swarm_chance(Fault::StoreNoSpace, 40) {
            let until = self.now + self.dice.between(500 * MS, 6 * SEC);
            self.disk.fill(until);
        }
        if self.shard.is_some() && self.strikes(Fault::NodePause, 40) {
            self.trace("the node stands still");
            self.paused_until = self.now + self.dice.between(SEC, 20 * SEC);
            if self.dice.chance(500) {
                self.media_paused_until = self.paused_until;
            }
        }
        if self.media.is_some() {
            self.trouble_with_media();
        }
        if self.shard.is_some() && self.strikes(Fault::NodeKill, 30) {
            self.kill()?;
        }
        if self.shard.is_some() && self.strikes(Fault::NodeReplaced, 20) {
            self.replace()?;
        }
        let after = self.dice.between(200 * MS, 2 * SEC);
        self.soon(after, Coming::Trouble);
        Ok(())
    }

    fn trouble_with(&mut self, conn: ConnId) {
        if self.strikes(Fault::Cut, 120) {
            self.cut(conn);
        }
        if self.strikes(Fault::HalfOpen, 60) {
            self.vanish(conn);
        }
        let until = self.now + self.dice.between(SEC, 20 * SEC);
        let stalls = self.strikes(Fault::Stall, 80);
        let both = self.dice.chance(600);
        let crawls = self.strikes(Fault::SlowReader, 60);
        let rate = *self.dice.pick(&CRAWL);
        let breaks = self.swarm_chance(Fault::CutInside, 80);
        let way = if self.dice.chance(500) { Direction::Up } else { Direction::Down };
        let Some(link) = self.links.all.get_mut(&conn) else { return };
        if stalls {
            link.stall(way, until);
            link.stall(if both { way.other() } else { way }, until);
        }
        if crawls {
            link.read_at(Some(rate));
        }
        if breaks {
            link.breaks = Some(way);
        }
        if self.strikes(Fault::HalfClose, 40) {
            // The node learns at once; the client reads on for a while.
            let after = self.dice.between(MS, 100 * MS);
            self.soon(after, Coming::Gone(self.life, conn));
        }
    }

    fn trouble_with_media(&mut self) {
        let client = self.dice.below(self.clients.len());
        let until = self.now + self.dice.between(300 * MS, DARK_MAX);
        let dark = self.strikes(Fault::BlackHole, 60);
        let half = self.strikes(Fault::OneWay, 60);
        let way = *self.dice.pick(&Way::BOTH);
        let moves = self.swarm_chance(Fault::AddressChange, 80);
        let Some(media) = &mut self.media else { return };
        if dark {
            media.black_out(client, &Way::BOTH, until);
        }
        if half {
            media.black_out(client, &[way], until);
        }
        if moves && media.rebind(client) {
            self.tally.add(Fault::AddressChange);
        }
    }

    /// A client comes back by another connection; nobody ends this one.
    fn vanish(&mut self, conn: ConnId) {
        let there = self.links.all.get_mut(&conn).filter(|link| link.client_there);
        let Some(link) = there else { return };
        link.client_there = false;
        let n = link.client;
        self.gone(n);
        let after = self.dice.between(SEC, 30 * SEC);
        self.soon(after, Coming::Connect(n));
    }

    pub(super) fn strikes(&mut self, fault: Fault, permille: u32) -> bool {
        self.swarm.strikes(fault, permille, &mut self.dice, &mut self.tally)
    }

    /// Like [`World::strikes`], where the fault is counted once it bites.
    fn swarm_chance(&mut self, fault: Fault, permille: u32) -> bool {
        self.swarm.chance(fault, permille, &mut self.dice)
    }

    /// Faults end: clients that lie go, the others ask for everything.
    pub(super) fn heal(&mut self) {
        self.trace("faults end");
        self.swarm.over = true;
        self.links.heal();
        if let Some(media) = &mut self.media {
            media.heal(self.now);
        }
        for n in 0..self.clients.len() {
            let after = self.dice.between(20 * SEC, 30 * SEC);
            let client = &self.clients[n];
            if client.liar {
                if let Some(conn) = client.conn {
                    self.cut(conn);
                }
            } else if let (Stage::In, Some(conn)) = (client.view.stage, client.conn) {
                self.soon(after, Coming::Ask(n, conn));
            }
        }
    }

    pub(super) fn leave(&mut self) {
        self.trace("everybody leaves");
        let conns: Vec<ConnId> = self.links.all.keys().copied().collect();
        for conn in conns {
            self.cut(conn);
        }
    }
}
