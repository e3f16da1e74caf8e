//! The rooms door as its clients know it: requests of HTTP with their headers
//! and bodies, as the edge hands them over, from devices with sessions (Hawk),
//! guests with tokens (Basic) and strangers, some of whom lie.

mod book;
mod lies;
mod request;

use super::hall::{Hall, Open};
use super::{Asked, Desk, Door, Trouble, Truth};
use crate::dice::{Dice, SEC};
use crate::fault::Fault;
use book::{Book, Who};
use parlour_base::{Json, Span};
use parlour_node::Config;
use parlour_node::rooms::{self, Begun};
use parlour_session::call::Notice;
use parlour_session::rooms::{Request, Response, Told};
use parlour_session::{Call, Reply};
use request::{Client, Device, Signed};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many devices have sessions.
const DEVICES: usize = 3;
/// How many rooms are made at most, and how many guests each has.
const ROOMS_MAX: usize = 6;
/// The largest room that is asked for.
const SIZE_MAX: usize = 5;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Register(usize),
    Create {
        owner: usize,
        size: u32,
    },
    List {
        owner: usize,
        since: Option<i64>,
    },
    Read {
        room: String,
        who: Who,
    },
    Change {
        room: String,
        owner: usize,
        size: u32,
    },
    Delete {
        room: String,
        owner: usize,
    },
    DeleteMany {
        rooms: Vec<String>,
        owner: usize,
    },
    Join {
        room: String,
        who: Who,
        name: String,
    },
    Refresh {
        room: String,
        who: Who,
    },
    Status {
        room: String,
        who: Who,
    },
    Leave {
        room: String,
        who: Who,
    },
    /// Something wrong, and what may be said to it.
    Lie(&'static [u16]),
    /// The house opens a room to all doors.
    Hall(String),
}

/// A request under way.
#[derive(Debug)]
struct Under {
    what: What,
    signed: Option<Signed>,
    /// The wall clock's, in milliseconds.
    wall: i64,
    at: u64,
    trouble: Trouble,
}

/// The clients of this door.
#[derive(Debug)]
pub(crate) struct Rooms {
    door: Arc<rooms::Door>,
    client: Client,
    devices: Vec<Device>,
    under: BTreeMap<u64, Under>,
    book: Book,
    /// What is sent once more.
    again: Option<(What, Request, Option<Signed>, u64)>,
    looked: usize,
    left: usize,
}

impl Rooms {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let life = *dice.pick(&[15, 25, 45]);
        let config =
            rooms::Config { participant_life: Span::secs(life), ..rooms::Config::default() };
        Self {
            door: Arc::new(rooms::Door::new(config)),
            client: Client::default(),
            devices: (0..DEVICES).map(Device::new).collect(),
            under: BTreeMap::new(),
            book: Book::new(life * SEC),
            again: None,
            looked: 0,
            left: 0,
        }
    }

    fn send(
        &mut self,
        number: u64,
        what: What,
        request: Request,
        (signed, jumps): (Option<Signed>, u64),
        desk: &mut Desk<'_>,
    ) -> Asked {
        let begun = self.door.begin(desk.now, request);
        // It may have been signed a while ago.
        let trouble = Trouble { jumps, ..desk.trouble };
        let (wall, at) = (desk.now.wall.0, desk.at());
        let under = Under { what, signed, wall, at, trouble };
        self.book.begun(&under.what);
        self.under.insert(number, under);
        match begun {
            Begun::Call(call) => Ok(Some(call)),
            Begun::Answer(response) => {
                self.answer(number, response, desk)?;
                Ok(None)
            }
        }
    }

    /// Asks for something, as the clients of this door do.
    fn say(&mut self, number: u64, what: What, desk: &mut Desk<'_>) -> Asked {
        if let What::Hall(room) = &what {
            let call: Option<Box<dyn Call>> =
                room.parse().ok().map(|room| -> Box<dyn Call> { Box::new(Open::new(room)) });
            let (wall, at, trouble) = (desk.now.wall.0, desk.at(), desk.trouble);
            let signed = None;
            self.under.insert(number, Under { what, signed, wall, at, trouble });
            return Ok(call);
        }
        let (method, path, who, body) = self.form(&what, desk);
        let (request, signed) =
            self.client.request(&self.devices, &who, (method, &path), &body, desk.now.wall);
        if desk.strikes(Fault::RequestRepeated, 60) {
            let again = (what.clone(), request.clone(), signed.clone(), desk.trouble.jumps);
            self.again = Some(again);
        }
        self.send(number, what, request, (signed, desk.trouble.jumps), desk)
    }

    /// Method, path, asker and body.
    fn form(&self, what: &What, desk: &mut Desk<'_>) -> (&'static str, String, Who, Json) {
        let room = |token: &String| format!("/rooms/{token}");
        let act = |name: &str| json!({ "action": name });
        match what {
            What::Register(n) => {
                let url = format!("http://127.0.0.1:9/{n}");
                let body = json!({ "simplePushURLs": { "rooms": url } });
                let known = self.devices[*n].credentials.is_some();
                let who = if known { Who::Device(*n) } else { Who::Nobody };
                ("POST", "/registration".to_owned(), who, body)
            }
            What::Create { owner, size } => {
                let context = json!({ "value": desk.mark(), "alg": "AES-GCM", "wrappedKey": "k" });
                let body = json!({ "context": context, "roomOwner": "-", "maxSize": size });
                ("POST", "/rooms".to_owned(), Who::Device(*owner), body)
            }
            What::List { owner, since } => {
                let query = since.map_or_else(String::new, |since| format!("?version={since}"));
                ("GET", format!("/rooms{query}"), Who::Device(*owner), Json::Null)
            }
            What::Read { room: token, who } => ("GET", room(token), who.clone(), Json::Null),
            What::Change { room: token, owner, size } => {
                let body = json!({ "maxSize": size, "roomOwner": desk.mark() });
                ("PATCH", room(token), Who::Device(*owner), body)
            }
            What::Delete { room: token, owner } => {
                ("DELETE", room(token), Who::Device(*owner), Json::Null)
            }
            What::DeleteMany { rooms, owner } => {
                let body = json!({ "deleteRoomTokens": rooms });
                ("PATCH", "/rooms".to_owned(), Who::Device(*owner), body)
            }
            What::Join { room: token, who, name } => {
                let most = 2 + desk.dice.below(SIZE_MAX);
                let body = json!({ "action": "join", "displayName": name, "clientMaxSize": most });
                ("POST", room(token), who.clone(), body)
            }
            What::Refresh { room: token, who } => {
                ("POST", room(token), who.clone(), act("refresh"))
            }
            What::Leave { room: token, who } => ("POST", room(token), who.clone(), act("leave")),
            What::Status { room: token, who } => {
                let body = json!({
                    "action": "status", "event": "Session.connectionCreated", "state": "sendrecv",
                    "connections": 2, "sendStreams": 1, "recvStreams": 1,
                });
                ("POST", room(token), who.clone(), body)
            }
            What::Lie(_) | What::Hall(_) => ("GET", "/".to_owned(), Who::Nobody, Json::Null),
        }
    }

    /// What somebody wants next.
    fn wish(&self, desk: &mut Desk<'_>) -> What {
        let n = desk.dice.below(DEVICES);
        if self.devices[n].credentials.is_none() {
            return What::Register(n);
        }
        let size = u32::try_from(2 + desk.dice.below(SIZE_MAX - 1)).expect("small");
        let Some(room) = desk.dice.one(self.book.open_rooms()) else {
            return What::Create { owner: n, size };
        };
        let owner =
            self.book.owner(&room).filter(|owner| self.devices[*owner].credentials.is_some());
        let Some(owner) = owner else { return What::Create { owner: n, size } };
        let guests = self.book.guests(&room);
        let guest = desk.dice.one(guests);
        let who = match guest {
            Some(guest) if desk.dice.chance(600) => guest,
            _ => Who::Device(n),
        };
        match desk.dice.below(30) {
            0 | 1 if self.book.count() < ROOMS_MAX => What::Create { owner: n, size },
            2 if !desk.swarm.over => What::Change { room, owner, size },
            3 if desk.dice.chance(400) => What::Delete { room, owner },
            3 if desk.dice.chance(400) => {
                let rooms = self.book.open_rooms().into_iter().take(2).collect();
                What::DeleteMany { rooms, owner }
            }
            4 | 5 => {
                let since = desk.dice.chance(600).then(|| self.book.deletion().unwrap_or(1));
                What::List { owner: n, since }
            }
            6 => What::Read { room, who: Who::Nobody },
            7 => What::Read { room, who },
            8..=11 => What::Read { room, who: Who::Device(owner) },
            12..=17 => {
                let who = if desk.dice.chance(500) { who } else { Who::Nobody };
                What::Join { room, who, name: desk.mark() }
            }
            18..=21 => What::Refresh { room, who },
            22..=24 => What::Status { room, who },
            25..=27 => What::Leave { room, who },
            28 if desk.hall.is_none() && !desk.swarm.over => What::Hall(room),
            _ => What::Read { room, who: Who::Device(owner) },
        }
    }

    fn answer(
        &mut self,
        number: u64,
        response: Response,
        desk: &mut Desk<'_>,
    ) -> Result<(), String> {
        let under = self.under.remove(&number).ok_or("an answer to nothing")?;
        let wrong = |what: String| {
            let Response { status, body, .. } = &response;
            format!("{:?} at {}: {status} {body}: {what}", under.what, under.at)
        };
        request::is_whole(&response).map_err(wrong)?;
        if let Some(signed) = &under.signed {
            signed.is_answered(&response).map_err(wrong)?;
        }
        let excused = under.trouble.excuses(desk.trouble);
        if response.status >= 500 && !(response.status == 503 && excused) {
            return Err(wrong("without a reason".to_owned()));
        }
        let body: Json = serde_json::from_str(&response.body).unwrap_or(Json::Null);
        if let What::Register(n) = under.what {
            let token = response.headers.iter().find(|(name, _)| *name == "hawk-session-token");
            if let Some((_, token)) = token.filter(|_| response.status == 200) {
                self.devices[n].registered(token).map_err(wrong)?;
                desk.secrets.keep(&format!("{:?}", Who::Device(n)), token);
            }
        }
        let jumped = under.trouble.jumps != desk.trouble.jumps;
        let seen = book::Seen { status: response.status, body: &body, at: desk.at(), jumped };
        let token = self.book.answered(&under, &seen, desk.trouble.jumps == 0).map_err(wrong)?;
        if let Some((who, token)) = token {
            desk.secrets.keep(&format!("{who:?}"), &token);
            // What is inside is the guest's own from now on.
            let mine = format!("{who:?}");
            desk.secrets.absent(&mine, format_args!("{response:?}")).map_err(wrong)?;
            desk.handed_out(token);
            return Ok(());
        }
        let reader = self.asker(&under.what);
        desk.secrets.absent(&format!("{reader:?}"), format_args!("{response:?}"))
    }

    fn asker(&self, what: &What) -> Who {
        match what {
            What::Register(n) => Who::Device(*n),
            What::Create { owner, .. }
            | What::List { owner, .. }
            | What::Change { owner, .. }
            | What::Delete { owner, .. }
            | What::DeleteMany { owner, .. } => Who::Device(*owner),
            What::Read { who, .. }
            | What::Join { who, .. }
            | What::Refresh { who, .. }
            | What::Status { who, .. }
            | What::Leave { who, .. } => who.clone(),
            What::Lie(_) | What::Hall(_) => Who::Nobody,
        }
    }
}

impl Door for Rooms {
    fn configure(&mut self, config: &mut Config) {
        config.doors.rooms = Arc::clone(&self.door);
    }

    fn ask(&mut self, number: u64, desk: &mut Desk<'_>) -> Asked {
        if desk.swarm.over {
            self.book.calm(desk.at());
        }
        if let Some((what, request, signed, jumps)) = self.again.take() {
            return self.send(number, what, request, (signed, jumps), desk);
        }
        if let Some((allowed, request)) = self.lie(desk) {
            let jumps = desk.trouble.jumps;
            return self.send(number, What::Lie(allowed), request, (None, jumps), desk);
        }
        let what = self.wish(desk);
        self.say(number, what, desk)
    }

    fn says(&self, number: u64, _: &dyn Call) -> String {
        format!("{:?}", self.under.get(&number).map(|under| &under.what))
    }

    fn answered(&mut self, number: u64, reply: Reply, desk: &mut Desk<'_>) -> Result<(), String> {
        if let Some(under) = self.under.get(&number)
            && let What::Hall(room) = &under.what
        {
            let room = room.parse().map_err(|_| "no room's token")?;
            let done: bool = reply.open().ok_or("another door's reply")?;
            self.under.remove(&number);
            if done {
                self.book.everybodys(room);
                *desk.hall = Some(Hall { room });
            }
            return Ok(());
        }
        let response: Response = reply.open().ok_or("another door's reply")?;
        self.answer(number, response, desk)
    }

    fn unanswered(&mut self, number: u64, _: &mut Desk<'_>) {
        if let Some(under) = self.under.remove(&number) {
            self.book.unanswered(&under.what);
        }
    }

    fn told(&mut self, notice: &Notice, _: &mut Desk<'_>) -> Result<(), String> {
        let Notice::Rooms(Told::Push(push)) = notice else { return Ok(()) };
        let known = |url: &String| (0..DEVICES).any(|n| *url == format!("http://127.0.0.1:9/{n}"));
        match push.urls.iter().all(known) {
            true => Ok(()),
            false => Err(format!("{push:?}: nobody registered that")),
        }
    }

    fn look(&mut self, number: u64, desk: &mut Desk<'_>) -> Asked {
        self.again = None;
        while let Some(room) = self.book.room_at(self.looked) {
            self.looked += 1;
            let owner = self.book.owner(&room).filter(|_| self.book.is_open(&room));
            if let Some(n) = owner {
                return self.say(number, What::Read { room, who: Who::Device(n) }, desk);
            }
        }
        Ok(None)
    }

    fn agrees(&self, truth: &Truth<'_>) -> Result<u64, String> {
        self.book.agrees(truth)
    }

    fn farewell(&mut self, number: u64, desk: &mut Desk<'_>) -> Asked {
        self.again = None;
        while let Some(room) = self.book.room_at(self.left) {
            self.left += 1;
            if let Some(owner) = self.book.owner(&room).filter(|_| self.book.is_open(&room)) {
                return self.say(number, What::Delete { room, owner }, desk);
            }
        }
        Ok(None)
    }
}
