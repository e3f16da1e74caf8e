//! Connections: each direction delivers in order, sooner or later.

use crate::dice::{Dice, MS};
use crate::fault::{Fault, Swarm, Tally};
use parlour_base::ConnId;
use std::collections::BTreeMap;

/// One connection.
#[derive(Debug)]
pub(crate) struct Link {
    /// Whose it is.
    pub client: usize,
    /// The client is still at its end.
    pub client_there: bool,
    /// When the last thing sent in each direction arrives.
    up_until: u64,
    down_until: u64,
    /// How slow it is at most, in microseconds.
    slowness: u64,
}

/// All connections that the node has not been told the end of.
#[derive(Debug, Default)]
pub(crate) struct Links {
    pub all: BTreeMap<ConnId, Link>,
    made: u64,
}

impl Links {
    pub(crate) fn open(
        &mut self,
        client: usize,
        now: u64,
        dice: &mut Dice,
        swarm: &Swarm,
        tally: &mut Tally,
    ) -> ConnId {
        self.made += 1;
        let mut slowness = 20 * MS;
        if swarm.has(Fault::LinkDelay) && dice.chance(300) {
            tally.add(Fault::LinkDelay);
            slowness = 1_500 * MS;
        }
        let (up_until, down_until) = (now, now);
        let link = Link { client, client_there: true, up_until, down_until, slowness };
        let conn = ConnId(self.made);
        self.all.insert(conn, link);
        conn
    }

    /// When something sent to the node now arrives.
    pub(crate) fn up(&mut self, conn: ConnId, now: u64, dice: &mut Dice) -> Option<u64> {
        let link = self.all.get_mut(&conn)?;
        link.up_until = link.up_until.max(now) + dice.between(1, link.slowness);
        Some(link.up_until)
    }

    /// When something sent to the client now arrives.
    pub(crate) fn down(&mut self, conn: ConnId, now: u64, dice: &mut Dice) -> Option<u64> {
        let link = self.all.get_mut(&conn)?;
        link.down_until = link.down_until.max(now) + dice.between(1, link.slowness);
        Some(link.down_until)
    }
}
