//! Asking the application who belongs to a conversation, as far as it was not
//! asked just now.
//!
//! The answer is kept as the members of the room, and when it came as a record
//! of its own. While the application does not answer, its last answer stands in
//! for `stale`; after that a conversation cannot be asked about or joined,
//! rather than guessed. Leaving and pushes never ask.
//!
//! Source: docs/protocols/callctl.md §6.

use super::Trouble;
use super::config::Ask;
use super::describe::{Describe, Part};
use crate::call::{Desk, Fetch, Fetched, Outcome, Step};
use parlour_base::storage::{Found, Key, Write};
use parlour_base::{Json, Secret, Wall};
use parlour_wire::callctl::{ConvoId, LocalPart};
use parlour_wire::json;

/// The kind of record that says when the application was last asked.
const ASKED: &str = "kik-asked";

/// Most members of one answer, the same as by the directory service.
const MEMBERS_MAX: usize = 1_000;

/// A part of a call: the steps that bring a conversation's members up to date.
#[derive(Debug)]
pub(super) struct Asking {
    ask: Ask,
    convo: ConvoId,
    last: Option<Wall>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Record,
    Answer,
    Describe(Describe),
    Note,
}

impl Asking {
    /// The first step; resume with its outcome.
    pub(super) fn begin(ask: Ask, convo: ConvoId) -> (Self, Step) {
        let first = Step::Find(vec![Key::Record { kind: ASKED.to_owned(), key: convo.key() }]);
        (Self { ask, convo, last: None, stage: Stage::Record }, first)
    }

    pub(super) fn resume(&mut self, desk: &Desk<'_>, outcome: Outcome) -> Part<()> {
        match (&mut self.stage, outcome) {
            (Stage::Record, Outcome::Found(found)) => self.looked(desk, found),
            (Stage::Answer, Outcome::Fetched(answer)) => match members(answer) {
                Some(members) => {
                    let (describe, step) = Describe::begin(self.convo.clone(), members);
                    self.stage = Stage::Describe(describe);
                    Part::Step(step)
                }
                None => self.unanswered(desk),
            },
            (Stage::Describe(describe), outcome) => match describe.resume(desk, outcome) {
                Part::Step(step) => Part::Step(step),
                Part::Over(Err(trouble)) => Part::Over(Err(trouble)),
                Part::Over(Ok(_)) => {
                    self.stage = Stage::Note;
                    Part::Step(Step::Commit(vec![Write::Record {
                        kind: ASKED.to_owned(),
                        key: self.convo.key(),
                        body: Some(Json::from(desk.now.wall.0)),
                    }]))
                }
            },
            // That it was asked is not kept: it will be asked again.
            (Stage::Note, _) => Part::Over(Ok(())),
            _ => Part::Over(Err(Trouble::Unavailable)),
        }
    }

    fn looked(&mut self, desk: &Desk<'_>, found: Vec<Found>) -> Part<()> {
        if let Some(Found::Record(Some(body))) = found.first() {
            self.last = body.as_i64().map(Wall);
        }
        if self.is_younger(desk, self.ask.fresh.0) {
            return Part::Over(Ok(()));
        }
        self.stage = Stage::Answer;
        let body = serde_json::json!({ "conversation": self.convo.key() }).to_string();
        let json = ("content-type".to_owned(), Secret::new("application/json".to_owned()));
        let secret = self.ask.secret.as_ref().map(|secret| {
            ("authorization".to_owned(), Secret::new(format!("Bearer {}", secret.expose())))
        });
        Part::Step(Step::Fetch(Fetch {
            method: "POST",
            url: self.ask.url.clone(),
            headers: [json].into_iter().chain(secret).collect(),
            body: Secret::new(body.into_bytes()),
            within: None,
        }))
    }

    fn unanswered(&self, desk: &Desk<'_>) -> Part<()> {
        let stands_in = self.is_younger(desk, self.ask.stale.0);
        Part::Over(if stands_in { Ok(()) } else { Err(Trouble::Unavailable) })
    }

    /// A time in the future is a clock that went back: as good as now.
    fn is_younger(&self, desk: &Desk<'_>, age: std::time::Duration) -> bool {
        self.last.is_some_and(|last| desk.now.wall.since(last) < age)
    }
}

/// The members in an answer; `None` if it is not an answer.
fn members(answer: Fetched) -> Option<Vec<LocalPart>> {
    let Fetched::Answer { status, body } = answer else { return None };
    match status {
        // The application knows no such conversation.
        404 | 410 => return Some(Vec::new()),
        200 => {}
        _ => return None,
    }
    let value = json::parse_bytes(&body).ok()?;
    let list = value.get("members")?.as_array().filter(|list| list.len() <= MEMBERS_MAX)?;
    list.iter().map(|name| LocalPart::parse(name.as_str()?).ok()).collect()
}
