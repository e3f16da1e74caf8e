//! The clients of a world: how they connect, speak and hear, and what befalls
//! them and their connections.

use super::{Coming, World};
use crate::client::{Client, Speech, Turn};
use crate::dice::{MS, SEC};
use crate::fault::Fault;
use crate::token;
use parlour_base::{ConnId, Pii};
use parlour_node::port::Input;
use parlour_wire::galene::ServerMessage;
use std::net::{Ipv4Addr, SocketAddr};

impl World {
    pub(super) fn turn(&mut self) -> (Turn<'_>, &mut Vec<Client>) {
        let turn = Turn {
            dice: &mut self.dice,
            swarm: &self.swarm,
            tally: &mut self.tally,
            marks: &mut self.marks,
            calm: self.swarm.over,
        };
        (turn, &mut self.clients)
    }

    pub(super) fn connect(&mut self, n: usize) -> Result<(), String> {
        if self.closing || self.clients[n].conn.is_some() {
            return Ok(());
        }
        if self.shard.is_none() {
            self.soon(SEC, Coming::Connect(n));
            return Ok(());
        }
        let conn = self.links.open(n, self.now, &mut self.dice, &self.swarm, &mut self.tally);
        let remote = Pii(SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000)));
        self.input(Input::Opened { conn, remote })?;
        let count = self.clients.len();
        let (mut turn, clients) = self.turn();
        let mut id = format!("c{n}");
        if clients[n].liar && turn.strikes(Fault::DuplicateId, 200) {
            id = format!("c{}", turn.dice.below(count));
        }
        let speech = clients[n].connected(conn, id, &mut turn);
        self.utter(n, speech);
        let after = self.dice.between(50 * MS, SEC);
        self.soon(after, Coming::Act(n));
        Ok(())
    }

    pub(super) fn act(&mut self, n: usize) {
        if self.clients[n].conn.is_none() || self.closing {
            return;
        }
        let strangers: Vec<String> =
            self.clients.iter().flat_map(|client| client.ups.keys().cloned()).collect();
        let (mut turn, clients) = self.turn();
        let client = &mut clients[n];
        let mut speech = Vec::new();
        if client.liar {
            speech = client.lie(&mut turn, &strangers);
        }
        if speech.is_empty() {
            speech = client.act(&mut turn);
        }
        self.utter(n, speech);
        let pause = if self.swarm.over { 5 * SEC } else { SEC };
        let after = self.dice.between(50 * MS, pause);
        self.soon(after, Coming::Act(n));
    }

    pub(super) fn utter(&mut self, n: usize, speech: Speech) {
        let client = &self.clients[n];
        let Some(conn) = client.conn.filter(|_| !client.silent) else { return };
        for (after, frame) in speech {
            if let Some(at) = self.links.up(conn, self.now + after, &mut self.dice) {
                self.at(at, Coming::ToNode(self.life, conn, Some(frame)));
            }
        }
    }

    pub(super) fn hear(&mut self, conn: ConnId, text: &str) -> Result<(), String> {
        let Some(link) = self.links.all.get(&conn).filter(|link| link.client_there) else {
            return Ok(());
        };
        let n = link.client;
        if self.clients[n].silent {
            return Ok(());
        }
        let message = ServerMessage::parse(text)
            .map_err(|fault| format!("client {n} cannot read {text}: {fault}"))?;
        if matches!(message, ServerMessage::Chat(_) | ServerMessage::ChatHistory(_)) {
            self.is_kept(&message)?;
        }
        let (mut turn, clients) = self.turn();
        let client = &mut clients[n];
        let taken = client.view.take(&message);
        if let (Err(rule), false) = (taken, client.liar) {
            return Err(format!("client {n}: {rule}: {text}"));
        }
        let speech = client.answer(&message, &mut turn);
        self.utter(n, speech);
        Ok(())
    }

    /// Chat that is shown to all was stored before.
    pub(super) fn is_kept(&self, message: &ServerMessage) -> Result<(), String> {
        let (ServerMessage::Chat(chat) | ServerMessage::ChatHistory(chat)) = message else {
            return Ok(());
        };
        if chat.dest.is_some() || chat.kind == "caption" {
            return Ok(());
        }
        let marks = token::find(&chat.value.to_string());
        match marks.iter().find(|mark| !self.disk.kept.contains(*mark)) {
            Some(mark) => Err(format!("{mark} was said to all and is not on disk")),
            None => Ok(()),
        }
    }

    /// The client's end of a connection is gone, and the client sees it.
    pub(super) fn hang_up(&mut self, conn: ConnId) {
        let Some(link) = self.links.all.get_mut(&conn) else { return };
        if !std::mem::replace(&mut link.client_there, false) {
            return;
        }
        let n = link.client;
        self.clients[n].gone();
        let after = self.dice.between(100 * MS, 4 * SEC);
        self.soon(after, Coming::Connect(n));
    }

    /// The node is told that a connection is gone.
    pub(super) fn unlink(&mut self, conn: ConnId) -> Result<(), String> {
        self.hang_up(conn);
        match self.links.all.remove(&conn) {
            Some(_) => self.input(Input::Closed(conn)),
            None => Ok(()),
        }
    }

    pub(super) fn cut(&mut self, conn: ConnId) {
        self.hang_up(conn);
        let after = self.dice.between(MS, 3 * SEC);
        self.soon(after, Coming::ToNode(self.life, conn, None));
    }

    // Trouble.

    pub(super) fn trouble(&mut self) -> Result<(), String> {
        if self.swarm.over {
            return Ok(());
        }
        let conn = self.dice.one(self.links.all.keys().copied());
        if let Some(conn) = conn.filter(|_| self.strikes(Fault::Cut, 150)) {
            self.cut(conn);
        }
        if let Some(conn) = conn.filter(|_| self.strikes(Fault::HalfOpen, 60)) {
            let there = self.links.all.get(&conn).filter(|link| link.client_there);
            if let Some(n) = there.map(|link| link.client) {
                // It comes back by another connection; nobody ends this one.
                self.clients[n].gone();
                if let Some(link) = self.links.all.get_mut(&conn) {
                    link.client_there = false;
                }
                let after = self.dice.between(SEC, 30 * SEC);
                self.soon(after, Coming::Connect(n));
            }
        }
        if self.strikes(Fault::WallJump, 60) {
            self.wall_ahead += if self.dice.chance(500) { 3_600_000 } else { -3_600_000 };
        }
        if self.strikes(Fault::GroupChanged, 100) {
            let group = *self.dice.pick(&["red", "blue"]);
            self.folder.change(group, &mut self.dice);
        }
        if self.shard.is_some() && self.strikes(Fault::NodeKill, 30) {
            self.kill()?;
        }
        let after = self.dice.between(200 * MS, 2 * SEC);
        self.soon(after, Coming::Trouble);
        Ok(())
    }

    pub(super) fn strikes(&mut self, fault: Fault, permille: u32) -> bool {
        let strikes = self.swarm.has(fault) && self.dice.chance(permille);
        if strikes {
            self.tally.add(fault);
        }
        strikes
    }

    /// Faults end: clients that lie go, the others ask for everything.
    pub(super) fn heal(&mut self) {
        self.trace("faults end");
        self.swarm.over = true;
        for n in 0..self.clients.len() {
            let after = self.dice.between(20 * SEC, 30 * SEC);
            let client = &self.clients[n];
            if client.liar {
                if let Some(conn) = client.conn {
                    self.cut(conn);
                }
            } else if client.view.stage == crate::view::Stage::In {
                let frame = client.request(&mut self.dice);
                self.utter(n, vec![(after, frame)]);
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
