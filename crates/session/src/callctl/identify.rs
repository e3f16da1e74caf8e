//! Who the bearer of a token is: one that this server minted, or that a
//! registered key of the application signed.

use super::{NAMESPACE, Trouble};
use crate::call::{Call, Desk, Outcome, Reply, Step};
use parlour_base::storage::Found;
use parlour_base::{Permissions, RoomId, Secret};
use parlour_directory::record;
use parlour_directory::tokens::{Bearer, Presented, Subject};
use parlour_directory::users::User;
use parlour_wire::callctl::LocalPart;
use std::sync::Arc;

/// The name of this door in tokens.
const DOOR: &str = "callctl";

/// Asks for the bearer's name. Reply: `Result<Option<Known>, Trouble>`; `None`
/// if the token is not believed, is not for this door, or its bearer has no
/// name here.
#[derive(Debug)]
pub struct Identify {
    token: Option<Presented>,
    bearer: Option<Bearer>,
}

/// A caller who is known by a token.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its name.
    pub name: LocalPart,
    /// The rooms for which the token is good, and what it gives there; `None`
    /// if that is wherever its bearer belongs.
    pub scope: Option<Scope>,
}

/// The rooms for which a token is good.
#[derive(Debug, Clone)]
pub struct Scope(Arc<Bearer>);

impl Scope {
    /// What the token gives in this room; `None` if it is not good there.
    #[must_use]
    pub fn rights_in(&self, room: RoomId) -> Option<Permissions> {
        self.0.rights_in(room)
    }
}

impl Identify {
    /// Somebody shows this.
    #[must_use]
    pub fn new(token: &Secret<String>) -> Self {
        Self { token: Presented::of(token), bearer: None }
    }
}

fn done(result: Result<Option<Known>, Trouble>) -> Step {
    Step::Done(Reply::new(result))
}

impl Identify {
    fn believed(&mut self, bearer: Bearer) -> Step {
        match &bearer.subject {
            Subject::Outside(outside) if outside.namespace == NAMESPACE => {
                let name = LocalPart::parse(&outside.name).ok();
                known(name, bearer)
            }
            Subject::User(_) => {
                let stored = bearer.subject.lookup();
                self.bearer = Some(bearer);
                Step::Find(vec![stored])
            }
            Subject::Outside(_) => done(Ok(None)),
        }
    }
}

fn known(name: Option<LocalPart>, bearer: Bearer) -> Step {
    let scope = bearer.is_limited().then(|| Scope(Arc::new(bearer)));
    done(Ok(name.map(|name| Known { name, scope })))
}

impl Call for Identify {
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        match (outcome, &self.token) {
            (Outcome::Begin, Some(token)) => Step::Find(token.lookups()),
            (Outcome::Begin, None) => done(Ok(None)),
            (Outcome::Found(found), Some(_)) => {
                let token = self.token.take();
                let bearer = token.and_then(|token| token.check(found, desk.now.wall).ok());
                bearer
                    .filter(|bearer| bearer.passes(DOOR))
                    .map_or_else(|| done(Ok(None)), |bearer| self.believed(bearer))
            }
            // The stored user that the token names.
            (Outcome::Found(found), None) => {
                let body = found.into_iter().next().and_then(|found| match found {
                    Found::Record(body) => body,
                    _ => None,
                });
                let user: Option<User> = record::from_json(body);
                let name = user.and_then(|user| user.kik);
                let name = name.and_then(|name| LocalPart::parse(&name).ok());
                self.bearer.take().map_or_else(|| done(Ok(None)), |bearer| known(name, bearer))
            }
            _ => done(Err(Trouble::Unavailable)),
        }
    }
}
