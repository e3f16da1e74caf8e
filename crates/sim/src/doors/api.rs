//! The integration API as applications know it: requests of `/api/v1` with
//! keys, idempotency keys and entity tags, repeated until they are answered.

mod book;

use super::{Asked, Desk, Door, Trouble, Truth};
use crate::dice::Dice;
use crate::fault::Fault;
use book::Book;
use parlour_base::storage::Write;
use parlour_base::{Json, Secret, Wall};
use parlour_node::Config;
use parlour_node::api::{self, Headers, Request, Response};
use parlour_session::api::Config as Settings;
use parlour_session::{Call, Reply};
use parlour_wire::api::Scopes;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most things that are made in one world.
const THINGS_MAX: usize = 10;
/// What the application answers with its requests.
const READER: &str = "the application";

/// What is asked for.
#[derive(Debug, Clone)]
enum What {
    /// Makes something, by this idempotency key.
    Make(u64),
    Read(String),
    /// Changes something, if it is still as it was.
    Change {
        path: String,
        body: Json,
        tag: Option<String>,
    },
    Delete(String),
    /// Finds the room of a name.
    Named(u64),
    /// Who is in the hall.
    Members,
    /// Something wrong, and what may be said to it.
    Lie(u16),
}

/// A request under way.
#[derive(Debug)]
struct Under {
    what: What,
    at: u64,
    trouble: Trouble,
}

/// The clients of this door.
#[derive(Debug)]
pub(crate) struct Api {
    door: Arc<api::Api>,
    key: Secret<String>,
    first: Vec<Write>,
    under: BTreeMap<u64, Under>,
    book: Book,
    /// What is sent once more.
    again: Option<What>,
    looked: usize,
}

fn door() -> Arc<api::Api> {
    Arc::new(api::Api::new(Settings { password_rounds: 1, ..Settings::default() }))
}

impl Api {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let mut entropy = dice.entropy();
        let (key, write) =
            api::first_key(&mut entropy, Wall(0), "simulated", Scopes::OPERATOR, None);
        Self {
            door: door(),
            key,
            first: vec![write],
            under: BTreeMap::new(),
            book: Book::default(),
            again: None,
            looked: 0,
        }
    }

    fn request(&self, what: &What) -> Request {
        let (method, path, body): (_, String, Option<&Json>) = match what {
            What::Make(number) => {
                let post = self.book.post(*number);
                ("POST", post.path.to_owned(), Some(&post.body))
            }
            What::Read(path) => ("GET", path.clone(), None),
            What::Change { path, body, .. } => ("PATCH", path.clone(), Some(body)),
            What::Delete(path) => ("DELETE", path.clone(), None),
            What::Named(_) | What::Lie(_) => ("GET", "/api/v1/rooms".to_owned(), None),
            What::Members => ("GET", self.book.members_path(), None),
        };
        let mut request = Request {
            method: method.to_owned(),
            path,
            query: None,
            headers: Headers {
                authorization: Some(Secret::new(format!("Bearer {}", self.key.expose()))),
                content_type: body.map(|_| "application/json".to_owned()),
                ..Headers::default()
            },
            body: Secret::new(body.map(|body| body.to_string().into_bytes()).unwrap_or_default()),
            house: false,
        };
        match what {
            What::Make(number) => {
                request.headers.idempotency_key = Some(format!("k{number}"));
            }
            What::Named(number) => {
                request.query = Some(format!("namespace=sim-api&name=n{number}"));
            }
            What::Change { tag, .. } => request.headers.if_match.clone_from(tag),
            _ => {}
        }
        request
    }

    fn send(&mut self, number: u64, what: What, request: Request, desk: &Desk<'_>) -> Asked {
        self.book.begun(&what);
        let under = Under { what, at: desk.at(), trouble: desk.trouble };
        self.under.insert(number, under);
        Ok(Some(self.door.begin(request)))
    }

    /// A request that is wrong in one way, and what it gets.
    fn lie(&self, desk: &mut Desk<'_>) -> Option<(u16, Request)> {
        let mut request = self.request(&What::Lie(0));
        if desk.strikes(Fault::ForgedToken, 30) {
            let forged = format!("Bearer {}x", self.key.expose());
            request.headers.authorization = Some(Secret::new(forged));
            return Some((401, request));
        }
        if !desk.strikes(Fault::BrokenRequest, 40) {
            return None;
        }
        let status = match desk.dice.below(6) {
            0 => {
                request.path = "/api/v1/rooms/AAAAAAAAAAF".to_owned();
                400
            }
            1 => {
                request.path = "/api/v1/nothing".to_owned();
                404
            }
            2 => {
                request.method = "PUT".to_owned();
                405
            }
            3 => {
                request.query = Some("limit=none".to_owned());
                400
            }
            4 => {
                request.method = "POST".to_owned();
                request.headers.content_type = Some("application/json".to_owned());
                request.body = Secret::new(b"{\"names\":7}".to_vec());
                400
            }
            _ => {
                request.method = "POST".to_owned();
                request.body = Secret::new(b"names".to_vec());
                415
            }
        };
        Some((status, request))
    }

    fn wish(&mut self, desk: &mut Desk<'_>) -> Option<What> {
        // What was never answered is asked for again, by the same key.
        if let Some(number) = self.book.unanswered_post() {
            return Some(What::Make(number));
        }
        let path = desk.dice.one(self.book.paths());
        let calm = desk.swarm.over;
        Some(match (desk.dice.below(20), path) {
            (0..=3, _) | (_, None) if self.book.count() < THINGS_MAX && !calm => {
                What::Make(self.book.plan(desk))
            }
            (_, None) => return None,
            (4, _) => What::Make(self.book.answered_post(desk)?),
            (5, _) => What::Named(self.book.named(desk)?),
            (6 | 7, _) if desk.hall.is_some() => What::Members,
            (8..=11, Some(path)) if !calm => self.change(path, desk),
            (12, Some(path)) if !calm && desk.dice.chance(300) => What::Delete(path),
            (_, Some(path)) => What::Read(path),
        })
    }

    /// With the newest tag, an older one, or none.
    fn change(&self, path: String, desk: &mut Desk<'_>) -> What {
        let name = desk.mark();
        let body = match path.starts_with("/api/v1/tokens") {
            true => return What::Read(path),
            false => json!({ "display_name": name }),
        };
        let tags = self.book.tags(&path);
        let tag = match tags {
            [old, .., _] if desk.strikes(Fault::LateTag, 400) => Some(old.clone()),
            [.., newest] if desk.dice.chance(500) => Some(newest.clone()),
            _ => None,
        };
        What::Change { path, body, tag }
    }
}

impl Door for Api {
    fn first(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.first)
    }

    fn configure(&mut self, _: &mut Config) {
        // Another process knows nothing of the turns and counts of the last.
        self.door = door();
    }

    fn ask(&mut self, number: u64, desk: &mut Desk<'_>) -> Asked {
        desk.secrets.keep(READER, self.key.expose());
        self.book.hall(desk.hall.map(|hall| hall.room));
        if let Some(what) = self.again.take() {
            let request = self.request(&what);
            return self.send(number, what, request, desk);
        }
        if let Some((status, request)) = self.lie(desk) {
            return self.send(number, What::Lie(status), request, desk);
        }
        let Some(what) = self.wish(desk) else { return Ok(None) };
        if desk.strikes(Fault::RequestRepeated, 60) && matches!(what, What::Make(_)) {
            self.again = Some(what.clone());
        }
        let request = self.request(&what);
        self.send(number, what, request, desk)
    }

    fn says(&self, number: u64, _: &dyn Call) -> String {
        format!("{:?}", self.under.get(&number).map(|under| &under.what))
    }

    fn answered(&mut self, number: u64, reply: Reply, desk: &mut Desk<'_>) -> Result<(), String> {
        let response: Response = reply.open().ok_or("another door's reply")?;
        let under = self.under.remove(&number).ok_or("an answer to nothing")?;
        let wrong = |what: String| {
            let Response { status, body, .. } = &response;
            format!("{:?} at {}: {status} {}: {what}", under.what, under.at, body.expose())
        };
        let excused = under.trouble.excuses(desk.trouble);
        if response.status >= 500 && !(response.status == 503 && excused) {
            return Err(wrong("without a reason".to_owned()));
        }
        if response.status == 409 && excused && matches!(under.what, What::Make(_)) {
            // Whether a twin was faster could not be looked up.
            self.book.unanswered(&under.what);
            return Ok(());
        }
        // What is logged of it.
        desk.secrets.absent("a log", format_args!("{response:?}")).map_err(wrong)?;
        let token = self.book.answered(
            &under.what,
            under.at,
            &response,
            (desk.at(), desk.trouble.jumps == 0),
        );
        if let Some(token) = token.map_err(wrong)? {
            desk.secrets.keep(READER, &token);
            desk.handed_out(token);
        }
        Ok(())
    }

    fn unanswered(&mut self, number: u64, _: &mut Desk<'_>) {
        if let Some(under) = self.under.remove(&number) {
            self.book.unanswered(&under.what);
        }
    }

    fn look(&mut self, number: u64, desk: &mut Desk<'_>) -> Asked {
        self.again = None;
        self.looked += 1;
        let what = match self.looked {
            1 if desk.hall.is_some() => What::Members,
            1 => return self.look(number, desk),
            at => match self.book.paths().into_iter().nth(at - 2) {
                Some(path) => What::Read(path),
                None => return Ok(None),
            },
        };
        let request = self.request(&what);
        self.send(number, what, request, desk)
    }

    fn agrees(&self, truth: &Truth<'_>) -> Result<u64, String> {
        self.book.agrees(truth)
    }

    fn farewell(&mut self, _: u64, _: &mut Desk<'_>) -> Asked {
        Ok(None)
    }
}
