//! Clients of the Galène door: what they do by themselves and what they answer.
//! Honest ones keep to the protocol; `liar.rs` has the others.

use crate::dice::{Dice, MS};
use crate::doors::HALL;
use crate::fault::{Fault, Swarm, Tally};
use crate::media::{Change, Media};
use crate::sdp::{self, Shape, Side};
use crate::token;
use crate::view::{Stage, View};
use parlour_base::{ConnId, Json, JsonMap, Secret};
use parlour_node::Frame;
use parlour_wire::galene::{
    ClientMessage, Dialect, Envelope, Join, Offer, RequestTable, ServerMessage, Wish,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Names and passwords; what they are good for is in the group files.
const PEOPLE: [(&str, &str); 5] =
    [("ada", "ada-secret"), ("bob", ""), ("carol", "slow-secret"), ("dan", ""), ("ada", "wrong")];
/// Groups that clients want to enter.
pub(crate) const GROUPS: [&str; 4] = ["red", "blue", "red/attic", "nowhere"];

/// A stream that a client publishes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Up {
    pub shape: Shape,
    pub restart: u32,
}

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    pub n: usize,
    pub liar: bool,
    pub id: String,
    pub conn: Option<ConnId>,
    pub view: View,
    /// It asked to join and was not answered.
    pub joining: bool,
    pub name: String,
    /// It is there, but neither hears nor speaks.
    pub silent: bool,
    pub ups: BTreeMap<String, Up>,
    /// Marks of chat that it did not want back.
    pub unechoed: BTreeSet<String>,
    /// Numbers what it makes.
    made: u32,
}

/// What a client needs in order to decide.
pub(crate) struct Turn<'w> {
    pub dice: &'w mut Dice,
    pub swarm: &'w Swarm,
    pub tally: &'w mut Tally,
    pub marks: &'w mut u32,
    /// Faults are over.
    pub calm: bool,
    pub now: u64,
    /// Media tokens that were handed out, the newest last.
    pub tokens: &'w [String],
    /// There is a group that every door leads to.
    pub hall: bool,
    /// The shipped media workers, if this world has them.
    pub media: Option<&'w mut Media>,
}

impl Turn<'_> {
    pub(crate) fn mark(&mut self) -> String {
        *self.marks += 1;
        token::mark(*self.marks)
    }

    /// Whether this fault is to happen now; counts it.
    pub(crate) fn strikes(&mut self, fault: Fault, permille: u32) -> bool {
        self.swarm.strikes(fault, permille, self.dice, self.tally)
    }
}

/// What a client puts into the description of a stream of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offering {
    pub up: Up,
    /// With new ICE credentials.
    pub restart: bool,
    pub change: Change,
}

impl Turn<'_> {
    /// The description with which a client offers a stream.
    fn offer(&mut self, who: (usize, &str), stream: &str, offering: Offering) -> String {
        let Offering { up, restart, change } = offering;
        match &mut self.media {
            Some(media) => media.offer(who, stream, up.shape, restart, change),
            None => sdp::offer(up.shape, &Side::numbered(up.restart)),
        }
    }

    /// The description with which a client takes a stream.
    fn accept(&mut self, who: (usize, &str), stream: &str, offer: &str) -> String {
        match &mut self.media {
            Some(media) => {
                let read = parlour_wire::sdp::parse(offer).expect("the server's offer is readable");
                media.answer(self.now, who, stream, (offer, &read))
            }
            None => sdp::answer(offer, &Side::numbered(0)),
        }
    }

    /// A client has no more use for a transport.
    fn hang_up(&mut self, client: usize, stream: &str) {
        if let Some(media) = &mut self.media {
            media.close(client, stream);
        }
    }
}

/// A frame, and how long the client takes to send it.
pub(crate) type Speech = Vec<(u64, Frame)>;

pub(crate) fn say(message: ClientMessage) -> Frame {
    Frame::Text(Envelope::from(message).to_text())
}

impl Client {
    pub(crate) fn new(n: usize, liar: bool, dice: &mut Dice) -> Self {
        let dialect = *dice.pick(&[Dialect::V2, Dialect::V2, Dialect::V1, Dialect::Legacy]);
        let id = format!("c{n}");
        Self {
            n,
            liar,
            view: View::new(&id, dialect),
            id,
            conn: None,
            joining: false,
            name: String::new(),
            silent: false,
            ups: BTreeMap::new(),
            unechoed: BTreeSet::new(),
            made: 0,
        }
    }

    /// Whether its picture ought to be right.
    pub(crate) fn is_reachable(&self) -> bool {
        self.conn.is_some() && !self.silent && !self.liar
    }

    pub(crate) const fn waits_for_join(&self) -> bool {
        self.joining
    }

    /// A new connection: says hello, and perhaps joins in the same breath.
    pub(crate) fn connected(&mut self, conn: ConnId, id: String, turn: &mut Turn<'_>) -> Speech {
        self.conn = Some(conn);
        self.id = id;
        self.silent = false;
        self.joining = false;
        self.ups.clear();
        self.view = View::new(&self.id, self.view.dialect);
        let version = match self.view.dialect {
            Dialect::Legacy => None,
            Dialect::V1 => Some(vec!["1".to_owned()]),
            Dialect::V2 => Some(vec!["2".to_owned(), "1".to_owned()]),
        };
        let hello = say(ClientMessage::Handshake { version, id: self.id.clone() });
        let mut speech = vec![(0, hello)];
        if turn.dice.chance(500) {
            speech.push((0, self.join(turn)));
        }
        speech
    }

    pub(crate) fn gone(&mut self) {
        self.conn = None;
        self.joining = false;
        self.silent = false;
        self.ups.clear();
    }

    fn join(&mut self, turn: &mut Turn<'_>) -> Frame {
        let (name, password) = *turn.dice.pick(&PEOPLE);
        let groups = if turn.calm { &GROUPS[..2] } else { &GROUPS[..] };
        let mut group = (*turn.dice.pick(groups)).to_owned();
        if turn.hall && turn.dice.chance(350) {
            HALL.clone_into(&mut group);
        }
        self.name = name.to_owned();
        self.joining = true;
        // An older token may have been replaced meanwhile.
        let newest = turn.tokens.last().filter(|_| !turn.calm && turn.dice.chance(350)).cloned();
        let token = match turn.tokens.first().cloned() {
            Some(old) if turn.strikes(Fault::LateToken, 80) => Some(old),
            _ => newest,
        };
        if let Some(token) = token {
            return say(ClientMessage::Join(Join {
                kind: "join".to_owned(),
                token: Some(Secret::new(token)),
                ..Join::default()
            }));
        }
        let mut data = JsonMap::new();
        if turn.dice.chance(200) {
            data.insert("hand".to_owned(), Json::Bool(true));
        }
        say(ClientMessage::Join(Join {
            kind: "join".to_owned(),
            group,
            username: Some(self.name.clone()),
            password: Secret::new(password.to_owned()),
            token: None,
            data,
        }))
    }

    fn stream_id(&mut self) -> String {
        self.made += 1;
        format!("{}-s{}-{}", self.id, self.made, self.conn.map_or(0, |conn| conn.0))
    }

    /// Does something of its own accord.
    pub(crate) fn act(&mut self, turn: &mut Turn<'_>) -> Speech {
        match self.view.stage {
            Stage::Shaken if !self.joining => vec![(0, self.join(turn))],
            Stage::In if !turn.calm => self.act_inside(turn),
            _ => Vec::new(),
        }
    }

    /// Asks for everything, as after a join.
    pub(crate) fn request(&self, dice: &mut Dice) -> Frame {
        let table = match self.view.dialect {
            Dialect::Legacy => RequestTable::from_flags(true, dice.chance(700), dice.chance(500)),
            _ => {
                let low = dice.chance(200);
                let wish = Wish { audio: true, video: dice.chance(700) && !low, low };
                let mut wishes = BTreeMap::from([(String::new(), wish)]);
                if dice.chance(300) {
                    wishes.insert(
                        "camera".to_owned(),
                        Wish { low: dice.chance(300), ..Wish::NOTHING },
                    );
                }
                RequestTable { wishes, legacy: false }
            }
        };
        say(ClientMessage::Request(table))
    }

    fn act_inside(&mut self, turn: &mut Turn<'_>) -> Speech {
        let one = match turn.dice.below(20) {
            0..=4 => self.chat(turn),
            5 => self.tell(turn),
            6 | 7 => self.moderate(turn),
            8 | 9 => self.rule(turn),
            10..=12 => return self.publish(turn),
            13 => self.unpublish(turn),
            14 => self.republish(turn),
            15 => Some(self.request(turn.dice)),
            16 => self.choose(turn),
            17 => self.refuse(turn),
            18 if turn.dice.chance(200) => Some(self.leave(turn)),
            _ => Some(say(ClientMessage::Ping)),
        };
        one.into_iter().map(|frame| (0, frame)).collect()
    }

    fn somebody(&self, turn: &mut Turn<'_>) -> String {
        turn.dice.one(self.view.roster.keys().cloned()).unwrap_or_default()
    }

    fn chat(&mut self, turn: &mut Turn<'_>) -> Option<Frame> {
        let mark = turn.mark();
        let kind = *turn.dice.pick(&["", "", "", "me", "caption"]);
        let private = turn.dice.chance(150);
        let dest = if private { self.somebody(turn) } else { String::new() };
        let noecho = turn.dice.chance(100);
        if noecho {
            self.unechoed.insert(mark.clone());
        }
        let (kind, id) = (kind.to_owned(), String::new());
        Some(say(ClientMessage::Chat { kind, dest, id, value: Json::from(mark), noecho }))
    }

    fn tell(&self, turn: &mut Turn<'_>) -> Option<Frame> {
        let dest = if turn.dice.chance(500) { self.somebody(turn) } else { String::new() };
        let (kind, id) = ("info".to_owned(), String::new());
        Some(say(ClientMessage::UserMessage { kind, dest, id, value: json!(1), noecho: false }))
    }

    fn moderate(&self, turn: &mut Turn<'_>) -> Option<Frame> {
        let kinds = ["op", "unop", "present", "unpresent", "shutup", "unshutup", "identify"];
        let (kind, dest, value) = match turn.dice.below(10) {
            0 => ("kick", self.somebody(turn), json!("out")),
            1..=3 => ("setdata", self.id.clone(), json!({"hand": turn.dice.chance(500)})),
            _ => (*turn.dice.pick(&kinds), self.somebody(turn), Json::Null),
        };
        Some(say(ClientMessage::UserAction { kind: kind.to_owned(), dest, value }))
    }

    fn rule(&self, turn: &mut Turn<'_>) -> Option<Frame> {
        let (kind, value) = match turn.dice.below(8) {
            0 => ("lock", Json::from(turn.mark())),
            1..=3 => ("unlock", Json::Null),
            4 | 5 => {
                let key = *turn.dice.pick(&["a", "b", "c"]);
                ("setdata", json!({ key: turn.mark() }))
            }
            6 => ("clearchat", json!({"userId": self.somebody(turn)})),
            _ if turn.dice.chance(300) => ("clearchat", Json::Null),
            _ => {
                let line = turn.dice.one(self.view.chat.iter().filter(|l| l.id.is_some()))?;
                ("clearchat", json!({"userId": line.source, "id": line.id}))
            }
        };
        Some(say(ClientMessage::GroupAction { kind: kind.to_owned(), value }))
    }

    fn publish(&mut self, turn: &mut Turn<'_>) -> Speech {
        let id = self.stream_id();
        let replaces = turn.dice.chance(400).then(|| turn.dice.one(self.ups.keys().cloned()));
        let replace = replaces.flatten().unwrap_or_default();
        let shape = *turn.dice.pick(&[Shape::Audio, Shape::Camera, Shape::Simulcast]);
        let label = (*turn.dice.pick(&["camera", "screenshare", "video"])).to_owned();
        // The old one is closed at once, without a word.
        self.ups.remove(&replace);
        turn.hang_up(self.n, &replace);
        let up = Up { shape, restart: 0 };
        self.ups.insert(id.clone(), up);
        self.view.mine.insert(id.clone());
        let cheats = self.liar
            && turn.media.as_ref().is_some_and(|media| media.is_dtls())
            && turn.strikes(Fault::WrongCertificate, 950);
        let change = if cheats { Change::Cheat } else { Change::None };
        let offering = Offering { up, restart: false, change };
        let mut sdp = turn.offer((self.n, &self.id), &id, offering);
        if turn.strikes(Fault::BadSdp, 100) {
            sdp = (*turn.dice.pick(&["", "v=0", "v=0\r\ns=-\r\nt=0 0\r\n", "\u{0}"])).to_owned();
        }
        let offer = Offer { id, label: Some(label), replace, sdp, ..Offer::default() };
        vec![(0, say(ClientMessage::Offer(offer)))]
    }

    fn unpublish(&mut self, turn: &mut Turn<'_>) -> Option<Frame> {
        let id = turn.dice.one(self.ups.keys().cloned())?;
        self.ups.remove(&id);
        turn.hang_up(self.n, &id);
        Some(say(ClientMessage::Close { id }))
    }

    fn republish(&mut self, turn: &mut Turn<'_>) -> Option<Frame> {
        let id = turn.dice.one(self.ups.keys().cloned())?;
        if turn.dice.chance(400) {
            self.ups.get_mut(&id)?.shape = Shape::Camera;
        }
        let restart = turn.dice.chance(500);
        let fresh = restart && turn.media.is_some() && turn.strikes(Fault::CertificateChange, 200);
        let change = if fresh { Change::Certificate } else { Change::None };
        self.offer_again(&id, restart, change, turn)
    }

    fn offer_again(
        &mut self,
        id: &str,
        restart: bool,
        change: Change,
        turn: &mut Turn<'_>,
    ) -> Option<Frame> {
        let up = self.ups.get_mut(id)?;
        up.restart += u32::from(restart);
        let sdp = turn.offer((self.n, &self.id), id, Offering { up: *up, restart, change });
        let (id, kind) = (id.to_owned(), "renegotiate".to_owned());
        Some(say(ClientMessage::Offer(Offer { id, sdp, kind, ..Offer::default() })))
    }

    fn choose(&self, turn: &mut Turn<'_>) -> Option<Frame> {
        let id = turn.dice.one(self.view.downs.iter().cloned())?;
        let low = Wish { audio: true, low: true, ..Wish::NOTHING };
        let request =
            *turn.dice.pick(&[None, Some(low), Some(Wish::EVERYTHING), Some(Wish::NOTHING)]);
        Some(say(ClientMessage::RequestStream { id, request }))
    }

    fn refuse(&self, turn: &mut Turn<'_>) -> Option<Frame> {
        let id = turn.dice.one(self.view.downs.iter().cloned())?;
        match turn.dice.chance(300) {
            true => Some(say(ClientMessage::Abort { id })),
            false => Some(say(ClientMessage::Renegotiate { id })),
        }
    }

    fn leave(&mut self, turn: &mut Turn<'_>) -> Frame {
        self.ups.clear();
        if let Some(media) = &mut turn.media {
            media.gone(self.n);
        }
        let group = self.view.group.clone();
        say(ClientMessage::Join(Join { kind: "leave".to_owned(), group, ..Join::default() }))
    }

    /// Answers what it was sent.
    pub(crate) fn answer(&mut self, message: &ServerMessage, turn: &mut Turn<'_>) -> Speech {
        let soon = turn.dice.between(MS, 100 * MS);
        let one = match message {
            ServerMessage::Ping => Some(say(ClientMessage::Pong)),
            ServerMessage::Joined { kind, .. } => {
                self.joining = false;
                if let Some(media) = turn.media.as_mut().filter(|_| kind.name() == "leave") {
                    media.gone(self.n);
                }
                (kind.name() == "join").then(|| self.request(turn.dice))
            }
            ServerMessage::Offer { id, sdp, replace, .. } => {
                replace.iter().for_each(|old| turn.hang_up(self.n, old));
                return self.take_offer(id, sdp, soon, turn);
            }
            ServerMessage::Answer { id, sdp } => {
                if let Some(media) = turn.media.as_mut().filter(|_| self.ups.contains_key(id)) {
                    let read = parlour_wire::sdp::parse(sdp).expect("the answer is readable");
                    media.answered(turn.now, self.n, id, &read);
                }
                None
            }
            ServerMessage::Abort { id } => {
                self.ups.remove(id);
                turn.hang_up(self.n, id);
                Some(say(ClientMessage::Close { id: id.clone() }))
            }
            ServerMessage::Close { id } => {
                if !self.view.downs.contains(id) {
                    turn.hang_up(self.n, id);
                }
                None
            }
            ServerMessage::Renegotiate { id } => return self.bring_back(id, soon, turn),
            _ => None,
        };
        one.into_iter().map(|frame| (soon, frame)).collect()
    }

    fn bring_back(&mut self, id: &str, soon: u64, turn: &mut Turn<'_>) -> Speech {
        let frame = self.offer_again(id, true, Change::None, turn);
        frame.into_iter().map(|frame| (soon, frame)).collect()
    }

    /// The path of a stream is gone, as the client sees it.
    pub(crate) fn lost(&mut self, id: &str, own: bool, turn: &mut Turn<'_>) -> Speech {
        let frame = match own {
            true => self.offer_again(id, true, Change::None, turn),
            false => {
                let there = self.view.downs.contains(id);
                there.then(|| say(ClientMessage::Renegotiate { id: id.to_owned() }))
            }
        };
        frame.into_iter().map(|frame| (0, frame)).collect()
    }

    fn take_offer(&mut self, id: &str, sdp: &str, soon: u64, turn: &mut Turn<'_>) -> Speech {
        let times = match self.liar && turn.strikes(Fault::OddAnswer, 300) {
            true => turn.dice.below(2) * 2,
            false => 1,
        };
        let sdp = turn.accept((self.n, &self.id), id, sdp);
        let answer = ClientMessage::Answer { id: id.to_owned(), sdp };
        *self.view.answers.entry(id.to_owned()).or_default() += u32::try_from(times).expect("few");
        (0..times).map(|_| (soon, say(answer.clone()))).collect()
    }
}
