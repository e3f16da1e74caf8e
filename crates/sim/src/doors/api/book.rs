//! What an application knows, from nothing but the answers it was given, and
//! what it may count on (docs/reference/api.md): what was acknowledged is
//! there, once; the same idempotency key gives the same answer; a change that
//! began with an older state is refused.

use super::super::views::Views;
use super::super::{Desk, Truth};
use super::{Response, What};
use parlour_base::{Json, RoomId};
use serde_json::json;
use std::collections::BTreeMap;

/// A request that makes something.
#[derive(Debug)]
pub(super) struct Post {
    pub path: &'static str,
    pub body: Json,
    /// The first good answer: status and body.
    answer: Option<(u16, Json)>,
    under: u32,
}

/// Something that was made.
#[derive(Debug)]
struct Thing {
    /// How it is shown, as far as that is certain.
    state: Option<Json>,
    /// Tags that it has had, the newest last; only certain ones.
    tags: Vec<String>,
    gone: Option<u64>,
    /// A deletion may have happened.
    fading: bool,
    /// A change may still happen, of which nobody heard an end.
    doubtful: bool,
    under: u32,
    mixed: bool,
    heard: u64,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Book {
    posts: BTreeMap<u64, Post>,
    things: BTreeMap<String, Thing>,
    hall: Option<RoomId>,
    members: Option<Vec<(String, String)>>,
}

fn ensure(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}

impl Book {
    pub(super) fn count(&self) -> usize {
        self.posts.len()
    }

    pub(super) fn post(&self, number: u64) -> &Post {
        self.posts.get(&number).expect("it was planned")
    }

    /// Plans to make something; its number is its idempotency key.
    pub(super) fn plan(&mut self, desk: &mut Desk<'_>) -> u64 {
        let number = self.posts.len() as u64;
        let rooms: Vec<&str> = self.rooms();
        let (path, body) = match (desk.dice.below(6), desk.dice.one(rooms)) {
            (0, _) => (
                "/api/v1/users",
                json!({ "display_name": desk.mark(), "login": format!("user{number}") }),
            ),
            (1 | 2, Some(room)) => (
                "/api/v1/tokens",
                json!({
                    "sub": "ext:sim:somebody", "rooms": [room], "name": desk.mark(),
                    "doors": ["galene"], "expires_in": 600, "rights": ["present"],
                }),
            ),
            _ => {
                let name = format!("n{number}");
                let mut policy = json!({ "doors": ["galene"], "entry": "open", "guests": true });
                if desk.dice.chance(300) {
                    policy["entry"] = json!("password");
                    policy["password"] = json!("open-sesame-secret");
                    desk.secrets.keep("nobody", "open-sesame-secret");
                }
                let names = [json!({ "namespace": "sim-api", "name": name })];
                (
                    "/api/v1/rooms",
                    json!({ "display_name": desk.mark(), "names": names, "policy": policy }),
                )
            }
        };
        self.posts.insert(number, Post { path, body, answer: None, under: 0 });
        number
    }

    fn rooms(&self) -> Vec<&str> {
        let there = self.things.iter().filter(|(_, thing)| thing.gone.is_none() && !thing.fading);
        there.filter_map(|(path, _)| path.strip_prefix("/api/v1/rooms/")).collect()
    }

    pub(super) fn unanswered_post(&self) -> Option<u64> {
        let waits = |(_, post): &(&u64, &Post)| post.answer.is_none() && post.under == 0;
        self.posts.iter().find(waits).map(|(number, _)| *number)
    }

    /// One that was answered: the same comes of it again.
    pub(super) fn answered_post(&self, desk: &mut Desk<'_>) -> Option<u64> {
        let done = self.posts.iter().filter(|(_, post)| post.answer.is_some());
        desk.dice.one(done.map(|(number, _)| *number))
    }

    /// A room that has a name.
    pub(super) fn named(&self, desk: &mut Desk<'_>) -> Option<u64> {
        let rooms =
            self.posts.iter().filter(|(_, p)| p.path.ends_with("rooms") && p.answer.is_some());
        desk.dice.one(rooms.map(|(number, _)| *number))
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.things.keys().cloned().collect()
    }

    pub(super) fn tags(&self, path: &str) -> &[String] {
        self.things.get(path).map_or(&[], |thing| &thing.tags)
    }

    pub(super) const fn hall(&mut self, room: Option<RoomId>) {
        self.hall = room;
    }

    pub(super) fn members_path(&self) -> String {
        let room = self.hall.map(|room| room.to_string()).unwrap_or_default();
        format!("/api/v1/rooms/{room}/call/members")
    }

    /// A request leaves.
    pub(super) fn begun(&mut self, what: &What) {
        match what {
            What::Make(number) => {
                self.posts.get_mut(number).into_iter().for_each(|post| post.under += 1);
            }
            What::Change { path, .. } | What::Delete(path) => {
                if let Some(thing) = self.things.get_mut(path) {
                    thing.under += 1;
                    thing.mixed |= thing.under > 1;
                    thing.fading |= matches!(what, What::Delete(_));
                }
            }
            _ => {}
        }
    }

    /// Nobody will answer it.
    pub(super) fn unanswered(&mut self, what: &What) {
        match what {
            What::Make(number) => {
                let post = self.posts.get_mut(number);
                post.into_iter().for_each(|post| post.under = post.under.saturating_sub(1));
            }
            What::Change { path, .. } | What::Delete(path) => {
                self.things.get_mut(path).into_iter().for_each(|thing| thing.doubtful = true);
                self.settle(path, None, u64::MAX);
            }
            _ => {}
        }
    }

    /// A change has ended, with this as the thing's state if that is certain.
    fn settle(&mut self, path: &str, state: Option<(Json, Option<String>)>, at: u64) {
        let Some(thing) = self.things.get_mut(path) else { return };
        thing.under = thing.under.saturating_sub(1);
        thing.heard = at;
        match state.filter(|_| !thing.mixed) {
            Some((state, tag)) => {
                let newest = thing.tags.last().cloned();
                thing.tags.extend(tag.filter(|tag| Some(tag) != newest.as_ref()));
                thing.state = Some(state);
            }
            None => thing.state = None,
        }
        thing.mixed &= thing.under > 0;
    }

    /// An answer; the token that was minted, if it is one.
    pub(super) fn answered(
        &mut self,
        what: &What,
        began: u64,
        response: &Response,
        (at, steady): (u64, bool),
    ) -> Result<Option<String>, String> {
        let status = response.status;
        let body: Json = serde_json::from_str(response.body.expose()).unwrap_or(Json::Null);
        let header = |name: &str| {
            let found = response.headers.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| value.clone())
        };
        if status >= 400 {
            let kind = header("content-type");
            ensure(kind.as_deref() == Some("application/problem+json"), "no problem document")?;
            ensure(body["status"] == status, "a problem of another status")?;
        }
        match what {
            What::Lie(expected) => ensure(status == *expected || status == 503, "another status")?,
            What::Make(number) => {
                let replayed = header("idempotency-replayed").is_some();
                return self.made(*number, (status, body), header("location"), replayed, at);
            }
            // A clock that jumps ends tokens.
            What::Read(path) if path.contains("/tokens/") && !steady && status == 404 => {}
            What::Read(path) => self.read(path, began, status, &body, header("etag"), at)?,
            What::Change { path, tag, .. } => {
                self.changed(path, tag.as_deref(), status, body, header("etag"), at)?;
            }
            What::Delete(path) => {
                let there = self.things.get(path).and_then(|thing| thing.gone).is_none();
                // Somebody else may change it at the same time.
                let fine = matches!(status, 503 | 404 | 409) || (there && status == 204);
                ensure(fine, "no such end")?;
                // A token that a clock has ended another may bring back.
                let ended = path.contains("/tokens/") && !steady;
                let gone = status == 204 || status == 404 && !ended;
                self.settle(path, None, at);
                if let Some(thing) = self.things.get_mut(path).filter(|_| gone) {
                    thing.gone.get_or_insert(at);
                }
            }
            What::Named(number) if status == 200 => {
                let made = self.posts.get(number).and_then(|post| post.answer.as_ref());
                let id = made.map(|(_, body)| body["id"].clone()).unwrap_or_default();
                let path = format!("/api/v1/rooms/{}", id.as_str().unwrap_or_default());
                let there = self.things.get(&path).is_some_and(|t| t.gone.is_none() && !t.fading);
                let found = body["items"].as_array().map(Vec::as_slice).unwrap_or_default();
                ensure(found.len() <= 1, "one name means two rooms")?;
                ensure(!there || found.iter().any(|item| item["id"] == id), "a name is lost")?;
            }
            What::Named(_) => ensure(status == 503, "a list that is none")?,
            What::Members => {
                ensure(matches!(status, 200 | 404 | 503), "neither members nor a reason")?;
                let list = body["items"].as_array().filter(|_| status == 200);
                let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
                let one = |item: &Json| (text(&item["name"]), text(&item["state"]));
                self.members = list.map(|list| list.iter().map(one).collect());
            }
        }
        Ok(None)
    }

    fn made(
        &mut self,
        number: u64,
        (status, body): (u16, Json),
        location: Option<String>,
        replayed: bool,
        at: u64,
    ) -> Result<Option<String>, String> {
        let room_gone = |things: &BTreeMap<String, Thing>, body: &Json| {
            let room = body["rooms"][0].as_str().map(|room| format!("/api/v1/rooms/{room}"));
            room.and_then(|room| things.get(&room)).is_none_or(|t| t.gone.is_some() || t.fading)
        };
        let Some(post) = self.posts.get_mut(&number) else { return Ok(None) };
        post.under = post.under.saturating_sub(1);
        if status != 201 {
            // The room that a token was for may be gone by now.
            let gone = status == 422 && post.path.ends_with("tokens");
            let first = post.answer.as_ref().is_none_or(|(told, _)| *told == status);
            if gone && first && room_gone(&self.things, &post.body) {
                post.answer = Some((status, body));
                return Ok(None);
            }
            // A twin may be under way, or may have been when nobody answered.
            let later = status == 503 || (status == 409 && body["code"] == "conflict");
            return ensure(later, "it was not made").map(|()| None);
        }
        if let Some((before, told)) = &post.answer {
            ensure(*before == status && *told == body, "the same key, and another answer")?;
            ensure(replayed, "it was made twice")?;
            return Ok(None);
        }
        let location = location.ok_or("made, and nobody knows where")?;
        let mut shown = body.clone();
        let token = shown.as_object_mut().and_then(|shown| shown.remove("token"));
        post.answer = Some((status, body));
        // A twin of the request may have been faster; it was not changed since.
        let thing = Thing {
            state: Some(shown),
            tags: Vec::new(),
            gone: None,
            fading: false,
            doubtful: false,
            under: 0,
            mixed: false,
            heard: at,
        };
        self.things.insert(location, thing);
        Ok(token.and_then(|token| token.as_str().map(str::to_owned)))
    }

    fn read(
        &mut self,
        path: &str,
        began: u64,
        status: u16,
        body: &Json,
        tag: Option<String>,
        at: u64,
    ) -> Result<(), String> {
        let Some(thing) = self.things.get_mut(path) else { return Ok(()) };
        if thing.gone.is_some_and(|gone| gone <= began) {
            return ensure(matches!(status, 404 | 503), "what was deleted is there");
        }
        if thing.fading || thing.gone.is_some() {
            return ensure(matches!(status, 200 | 404 | 503), "neither there nor gone");
        }
        ensure(matches!(status, 200 | 503), "what was made is not there")?;
        // What was heard of it meanwhile may be newer than this.
        if status != 200 || thing.under > 0 || thing.heard >= began || thing.doubtful {
            return Ok(());
        }
        if let Some(state) = &thing.state {
            ensure(state == body, "another state than was acknowledged")?;
        }
        self.settle(path, Some((body.clone(), tag)), at);
        Ok(())
    }

    fn changed(
        &mut self,
        path: &str,
        tag: Option<&str>,
        status: u16,
        body: Json,
        new: Option<String>,
        at: u64,
    ) -> Result<(), String> {
        let Some(thing) = self.things.get(path) else { return Ok(()) };
        let newest = thing.tags.last().map(String::as_str);
        let sure = thing.state.is_some() && !thing.mixed && thing.gone.is_none() && !thing.fading;
        if sure && let Some(tag) = tag {
            let late = newest != Some(tag);
            let wanted = if late { 412 } else { 200 };
            ensure(matches!(status, 503) || status == wanted, "a race with the wrong winner")?;
        }
        // Rooms are changed one after the other, people by who is first.
        let crossed = status == 409 && !path.starts_with("/api/v1/rooms/");
        let known_status = matches!(status, 200 | 404 | 412 | 503);
        ensure(known_status || crossed, "neither changed nor a reason")?;
        let known = thing.state.clone();
        if let Some(thing) = self.things.get_mut(path) {
            thing.doubtful = status == 503 || (thing.doubtful && status != 200);
        }
        let state = match status {
            200 => Some((body, new)),
            412 => known.map(|state| (state, None)),
            _ => None,
        };
        self.settle(path, state, at);
        Ok(())
    }

    /// What was told last is how things are.
    pub(super) fn agrees(&self, truth: &Truth<'_>) -> Result<u64, String> {
        let room = self.hall.and_then(|id| (truth.room)(id));
        let Some((told, room)) = self.members.clone().zip(room) else { return Ok(0) };
        let mut told = told;
        told.sort_unstable();
        let is: Vec<(String, String)> =
            Views::of(room).api.into_iter().map(|(name, state)| (name, state.to_owned())).collect();
        match told == is {
            true => Ok(1),
            false => Err(format!("the API tells {told:?}, and there are {is:?}")),
        }
    }
}
