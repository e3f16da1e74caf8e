//! Connections as the node's edge sees them: streams of bytes that carry
//! messages in order, slowly, with stalls, up to a queue that may not grow
//! without end (`server/src/outgoing.rs`), and that break in the middle.

use crate::dice::{Dice, MS, SEC};
use crate::fault::{Fault, Swarm, Tally};
use parlour_base::ConnId;
use parlour_node::Frame;
use std::collections::{BTreeMap, VecDeque};

/// How many messages wait at most for a client; then it is given up.
const FRAMES_MAX: usize = 300;
/// How many bytes of them; a message that is alone may be larger.
const BYTES_MAX: usize = 96 << 10;
/// How long a message may wait to leave; then the client is given up.
const WRITE_TIMEOUT: u64 = 15 * SEC;

/// Bytes a second that every client reads at the end.
const HEALED_RATE: u64 = 100_000;

/// A direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the node.
    Up,
    /// To the client.
    Down,
}

impl Way {
    /// The other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// What travels.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// A client's frame.
    Frame(Frame),
    /// The node's message.
    Text(String),
}

impl Parcel {
    fn size(&self) -> usize {
        match self {
            Self::Frame(Frame::Text(text)) | Self::Text(text) => text.len(),
            Self::Frame(Frame::Binary) => 1,
        }
    }
}

/// One message on its way.
#[derive(Debug)]
struct Item {
    sent: u64,
    ready: u64,
    parcel: Parcel,
}

/// One direction.
#[derive(Debug, Default)]
struct Pipe {
    queue: VecDeque<Item>,
    bytes: usize,
    /// When the last byte so far arrives.
    until: u64,
    /// Nothing arrives before.
    stalled_until: u64,
    /// Bytes per second, if that matters.
    rate: Option<u64>,
    /// Somebody looks at it when the head is due.
    watched: bool,
}

impl Pipe {
    fn push(&mut self, now: u64, latency: u64, parcel: Parcel) {
        let size = parcel.size();
        let takes = self.rate.map_or(0, |rate| size as u64 * SEC / rate);
        self.until = self.until.max(now + latency) + takes + 1;
        self.bytes += size;
        self.queue.push_back(Item { sent: now, ready: self.until, parcel });
    }

    fn due(&self) -> Option<u64> {
        Some(self.queue.front()?.ready.max(self.stalled_until))
    }

    fn pop(&mut self) -> Option<Parcel> {
        let item = self.queue.pop_front()?;
        self.bytes -= item.parcel.size();
        Some(item.parcel)
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Link {
    /// Whose it is.
    pub client: usize,
    /// The client is still at its end.
    pub client_there: bool,
    /// The server's task has let go of it; nothing more is sent or read.
    pub given_up: bool,
    /// The server's task says goodbye.
    pub ending: bool,
    /// The next message in this direction breaks off in the middle.
    pub breaks: Option<Way>,
    up: Pipe,
    down: Pipe,
    /// How slow it is at most, in microseconds.
    slowness: u64,
}

impl Link {
    fn pipe(&mut self, way: Way) -> &mut Pipe {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    /// Nothing arrives in this direction until then.
    pub(crate) fn stall(&mut self, way: Way, until: u64) {
        self.pipe(way).stalled_until = until;
    }

    /// The client reads so many bytes a second; `None` as many as there are.
    pub(crate) fn read_at(&mut self, rate: Option<u64>) {
        self.down.rate = rate;
    }
}

/// What came of sending.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is under way; look at the pipe then.
    Watch(u64),
    /// It is under way, or goes nowhere.
    Fine,
    /// It breaks off in the middle: the connection is gone.
    Broken,
    /// Too much waits already: the client is given up.
    Overflow,
}

/// What a pipe holds now.
#[derive(Debug)]
pub(crate) enum Flow {
    /// This arrives.
    Arrives(Parcel),
    /// Nothing before then.
    Later(u64),
    /// Nothing at all.
    Empty,
    /// The head has waited for too long.
    Stuck,
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
        dice: &mut Dice,
        swarm: &Swarm,
        tally: &mut Tally,
    ) -> ConnId {
        self.made += 1;
        let slow = swarm.strikes(Fault::LinkDelay, 300, dice, tally);
        let link = Link {
            client,
            client_there: true,
            given_up: false,
            ending: false,
            breaks: None,
            up: Pipe::default(),
            down: Pipe::default(),
            slowness: if slow { 1_500 * MS } else { 20 * MS },
        };
        let conn = ConnId(self.made);
        self.all.insert(conn, link);
        conn
    }

    /// Sends something at `when`, now or a little later.
    pub(crate) fn send(
        &mut self,
        conn: ConnId,
        way: Way,
        when: u64,
        parcel: Parcel,
        dice: &mut Dice,
    ) -> Sent {
        let Some(link) = self.all.get_mut(&conn).filter(|link| !link.given_up) else {
            return Sent::Fine;
        };
        if link.breaks == Some(way) {
            return Sent::Broken;
        }
        let latency = dice.between(1, link.slowness);
        let pipe = link.pipe(way);
        let alone = pipe.queue.is_empty();
        let full = pipe.queue.len() >= FRAMES_MAX || pipe.bytes + parcel.size() > BYTES_MAX;
        if way == Way::Down && full && !alone {
            return Sent::Overflow;
        }
        pipe.push(when, latency, parcel);
        match (std::mem::replace(&mut pipe.watched, true), pipe.due()) {
            (false, Some(due)) => Sent::Watch(due.min(when + WRITE_TIMEOUT)),
            _ => Sent::Fine,
        }
    }

    /// What arrives now in this direction; who gets [`Flow::Later`] must look
    /// again then.
    pub(crate) fn flow(&mut self, conn: ConnId, way: Way, now: u64) -> Flow {
        let Some(link) = self.all.get_mut(&conn) else { return Flow::Empty };
        let given_up = link.given_up;
        let pipe = link.pipe(way);
        let Some(due) = pipe.due() else {
            pipe.watched = false;
            return Flow::Empty;
        };
        let sent = pipe.queue.front().map_or(now, |item| item.sent);
        if due <= now {
            return pipe.pop().map_or(Flow::Empty, Flow::Arrives);
        }
        if way == Way::Down && !given_up && now >= sent + WRITE_TIMEOUT {
            return Flow::Stuck;
        }
        let patience = if given_up { due } else { sent + WRITE_TIMEOUT };
        Flow::Later(if way == Way::Down { due.min(patience.max(now + 1)) } else { due })
    }

    /// What was on its way to the node by each connection.
    pub(crate) fn unheard(&mut self) -> Vec<(ConnId, Vec<Frame>)> {
        let frame = |item: Item| match item.parcel {
            Parcel::Frame(frame) => Some(frame),
            Parcel::Text(_) => None,
        };
        let unheard = self.all.iter_mut().map(|(conn, link)| {
            let queue = std::mem::take(&mut link.up.queue);
            (*conn, queue.into_iter().filter_map(frame).collect())
        });
        unheard.collect()
    }

    /// Faults end: who reads slowly begins to read faster.
    pub(crate) fn heal(&mut self) {
        for link in self.all.values_mut() {
            link.breaks = None;
            link.down.rate = link.down.rate.map(|rate| rate.max(HEALED_RATE));
        }
    }

    /// Whether all that was said has arrived, and nobody is about to go.
    pub(crate) fn silent(&self) -> bool {
        let says = |link: &Link| !link.up.queue.is_empty() || !link.down.queue.is_empty();
        let goes = |link: &Link| link.ending || link.given_up;
        self.all.values().all(|link| !link.client_there || !(says(link) || goes(link)))
    }

    /// When the last byte so far arrives at the client.
    pub(crate) fn drained(&self, conn: ConnId, now: u64) -> u64 {
        let until = |pipe: &Pipe| pipe.until.max(pipe.stalled_until).max(now);
        self.all.get(&conn).map_or(now, |link| until(&link.down))
    }
}
