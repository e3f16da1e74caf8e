//! The clients of a world: how they connect, speak and hear.

use super::{Coming, World};
use crate::client::{Client, Speech, Turn};
use crate::dice::{MS, SEC};
use crate::fault::Fault;
use crate::links::{Flow, Parcel, Sent, Way};
use crate::token;
use crate::view::Stage;
use parlour_base::{ConnId, Pii};
use parlour_node::port::{Frame, Input};
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
            now: self.now,
            tokens: &self.tokens,
            hall: self.hall.is_some(),
            media: self.media.as_mut(),
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
        let conn = self.links.open(n, &mut self.dice, &self.swarm, &mut self.tally);
        let remote = Pii(SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000)));
        self.input(Input::Opened { conn, remote })?;
        if !self.links.all.contains_key(&conn) {
            // The node died of it.
            self.soon(SEC, Coming::Connect(n));
            return Ok(());
        }
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

    /// A client sends what it has to say.
    pub(super) fn utter(&mut self, n: usize, speech: Speech) {
        let client = &self.clients[n];
        let Some(conn) = client.conn.filter(|_| !client.silent) else { return };
        for (after, frame) in speech {
            let (when, parcel) = (self.now + after, Parcel::Frame(frame));
            match self.links.send(conn, Way::Up, when, parcel, &mut self.dice) {
                Sent::Watch(at) => self.at(at, Coming::Flow(self.life, conn, Way::Up)),
                Sent::Fine | Sent::Overflow => {}
                Sent::Broken => {
                    self.tally.add(Fault::CutInside);
                    self.cut(conn);
                    return;
                }
            }
        }
    }

    /// Lets everything arrive that is due in this direction.
    pub(super) fn flow(&mut self, conn: ConnId, way: Way) -> Result<(), String> {
        let life = self.life;
        // What arrives may end the node, and with it the connection.
        while life == self.life && self.shard.is_some() {
            match self.links.flow(conn, way, self.now) {
                Flow::Arrives(Parcel::Text(text)) => self.hear(conn, &text)?,
                Flow::Arrives(Parcel::Frame(frame)) => {
                    if let Frame::Text(text) = &frame {
                        self.trace(format_args!("{conn:?} says {text}"));
                    }
                    self.input(Input::Frame { conn, frame })?;
                }
                Flow::Later(at) => {
                    self.at(at, Coming::Flow(life, conn, way));
                    break;
                }
                Flow::Empty => break,
                Flow::Stuck => {
                    self.tally.add(Fault::Overflow);
                    self.give_up(conn);
                }
            }
        }
        Ok(())
    }

    /// Asks for everything, as after a join.
    pub(super) fn ask(&mut self, n: usize, conn: ConnId) {
        let client = &self.clients[n];
        if client.conn == Some(conn) && client.view.stage == Stage::In {
            let frame = client.request(&mut self.dice);
            self.utter(n, vec![(0, frame)]);
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
        self.gone(n);
        let after = self.dice.between(100 * MS, 4 * SEC);
        self.soon(after, Coming::Connect(n));
    }

    /// A client has lost its connection.
    pub(super) fn gone(&mut self, n: usize) {
        self.clients[n].gone();
        if let Some(media) = &mut self.media {
            media.gone(n);
        }
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
        self.soon(after, Coming::Gone(self.life, conn));
    }
}
