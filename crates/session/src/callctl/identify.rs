//! Who the bearer of a token is: one that this server minted, or that a
//! registered key of the application signed.

use super::{NAMESPACE, Trouble};
use crate::call::{Call, Desk, Outcome, Reply, Step};
use parlour_base::Secret;
use parlour_base::storage::Found;
use parlour_directory::record;
use parlour_directory::tokens::{Bearer, Presented, Subject};
use parlour_directory::users::User;
use parlour_wire::callctl::LocalPart;

/// The name of this door in tokens.
const DOOR: &str = "callctl";

/// Asks for the bearer's name. Reply: `Result<Option<LocalPart>, Trouble>`;
/// `None` if the token is not believed, is not for this door, or its bearer has
/// no name here.
#[derive(Debug)]
pub struct Identify {
    token: Option<Presented>,
}

impl Identify {
    /// Somebody shows this.
    #[must_use]
    pub fn new(token: &Secret<String>) -> Self {
        Self { token: Presented::of(token) }
    }
}

fn done(result: Result<Option<LocalPart>, Trouble>) -> Step {
    Step::Done(Reply::new(result))
}

fn named(bearer: &Bearer) -> Step {
    match &bearer.subject {
        Subject::Outside(outside) if outside.namespace == NAMESPACE => {
            done(Ok(LocalPart::parse(&outside.name).ok()))
        }
        Subject::User(_) => Step::Find(vec![bearer.subject.lookup()]),
        Subject::Outside(_) => done(Ok(None)),
    }
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
                    .map_or_else(|| done(Ok(None)), |b| named(&b))
            }
            // The stored user that the token names.
            (Outcome::Found(found), None) => {
                let body = found.into_iter().next().and_then(|found| match found {
                    Found::Record(body) => body,
                    _ => None,
                });
                let user: Option<User> = record::from_json(body);
                let name = user.and_then(|user| user.kik);
                done(Ok(name.and_then(|name| LocalPart::parse(&name).ok())))
            }
            _ => done(Err(Trouble::Unavailable)),
        }
    }
}
