//! Entering without a group's definition: by the policy of the room that has
//! the group's name, or by a token of an application, which also leads into
//! rooms that have a definition.
//!
//! Each is a call of the door's own. What it finds out is only who somebody is
//! and what was shown; the room decides.

use crate::call::{Call, Outcome, Reply, Step, Target};
use crate::flow::{Flow, Port};
use crate::galene::EntryFailure;
use parlour_base::Secret;
use parlour_base::storage::Found;
use parlour_directory::record;
use parlour_directory::tokens::{Bearer, Presented, Subject};
use parlour_directory::users::{USER, User};
use parlour_room::policy::{EntryRule, Policy, VISITOR};
use parlour_room::{Door, Person, Proof, Room};
use parlour_wire::galene::{name, verifier};

/// The namespace of group names.
const GALENE: &str = "galene";

/// Somebody who wants in.
#[derive(Debug)]
pub struct Visitor {
    /// The group's name.
    pub group: String,
    /// The name wished for.
    pub username: Option<String>,
    /// The password; empty when there is none.
    pub password: Secret<String>,
    /// A token.
    pub token: Option<Secret<String>>,
}

/// Who it is, and what was shown.
#[derive(Debug)]
pub struct Welcome {
    /// The name others see.
    pub name: String,
    /// Who it is.
    pub person: Person,
    /// What was shown.
    pub proof: Proof,
    /// Another name of the room than the one that was asked for: (namespace,
    /// name). It is made if it is not there.
    pub room: Option<(String, String)>,
}

/// What a page may know of a room without a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glimpse {
    /// Shown instead of the name.
    pub display_name: Option<String>,
    /// It is locked.
    pub locked: bool,
}

/// Whether a token is meant as one of an application.
#[must_use]
pub fn is_for_visit(token: Option<&Secret<String>>) -> bool {
    token.and_then(Presented::of).is_some()
}

/// A call that finds out about a visitor. Reply: `Result<Welcome, EntryFailure>`.
#[must_use]
pub fn visit(visitor: Visitor) -> Box<dyn Call> {
    Flow::boxed(move |port| async move { Reply::new(welcome(visitor, port).await) })
}

/// A call that looks at the room of a name. Reply: `Option<Glimpse>`.
#[must_use]
pub fn glimpse(group: String) -> Box<dyn Call> {
    Flow::boxed(move |port| async move {
        let room = room_of(&port, group).await.ok().filter(|room| is_open(room.policy()));
        Reply::new(room.map(|room| Glimpse {
            display_name: room.rules().display_name.clone(),
            locked: room.lock().is_some(),
        }))
    })
}

/// Whether a policy says anything about this door. The one of a new room leaves
/// it to the definition.
fn is_open(policy: &Policy) -> bool {
    policy.doors.has(Door::Galene) && *policy != Policy::default()
}

async fn room_of(port: &Port, group: String) -> Result<Room, EntryFailure> {
    let target = Target::Name { namespace: GALENE.to_owned(), name: group, create: false };
    match port.step(Step::Open(target)).await {
        Outcome::Room { .. } => port.seen().map(|seen| seen.room).ok_or(EntryFailure::NoGroup),
        Outcome::NoRoom => Err(EntryFailure::NoGroup),
        _ => Err(EntryFailure::Internal),
    }
}

async fn welcome(visitor: Visitor, port: Port) -> Result<Welcome, EntryFailure> {
    let Visitor { group, username, password, token } = visitor;
    let presented = token.as_ref().and_then(Presented::of);
    let room = room_of(&port, group).await?;
    if let Some(presented) = presented {
        return by_token(&port, &presented, &room, username).await;
    }
    let policy = room.policy();
    if !is_open(policy) {
        return Err(EntryFailure::NoGroup);
    }
    if token.is_some() {
        return Err(EntryFailure::NotAuthorised);
    }
    let name = username.unwrap_or_default();
    if !name::is_user_name(&name) {
        return Err(EntryFailure::NotAuthorised);
    }
    let proof = by_password(&port, policy, password).await?;
    let person = Person::guest(port.random(parlour_base::Entropy::user_id));
    Ok(Welcome { name, person, proof, room: None })
}

/// What a password is good for; without one the room may still be open.
async fn by_password(
    port: &Port,
    policy: &Policy,
    password: Secret<String>,
) -> Result<Proof, EntryFailure> {
    let asked = policy.entry == EntryRule::Password && !password.expose().is_empty();
    let Some(hash) = policy.password.as_ref().filter(|_| asked) else { return Ok(Proof::Nothing) };
    let stored = serde_json::from_str(&hash.0).ok();
    let verifier = stored.as_ref().and_then(verifier).ok_or(EntryFailure::Internal)?;
    match port.step(Step::Check { verifier, password }).await {
        Outcome::Checked(true) => Ok(Proof::Password(VISITOR)),
        Outcome::Checked(false) => Err(EntryFailure::NotAuthorised),
        _ => Err(EntryFailure::Internal),
    }
}

async fn by_token(
    port: &Port,
    presented: &Presented,
    room: &Room,
    wished: Option<String>,
) -> Result<Welcome, EntryFailure> {
    let found = find(port, presented.lookups()).await?;
    let bearer = presented.check(found, port.now().wall);
    let bearer = bearer.map_err(|_| EntryFailure::NotAuthorised)?;
    let rights = bearer.rights_in(room.id()).filter(|_| bearer.passes(Door::Galene.name()));
    let rights = rights.ok_or(EntryFailure::NotAuthorised)?;
    let (person, known_as) = person(port, &bearer).await?;
    let name = bearer.name.or(known_as).or(wished).ok_or(EntryFailure::NeedUsername)?;
    if !name::is_user_name(&name) {
        return Err(EntryFailure::NotAuthorised);
    }
    Ok(Welcome { name, person, proof: Proof::Invitation(rights), room: None })
}

/// The user whom a token names, and the name it is known by.
async fn person(port: &Port, bearer: &Bearer) -> Result<(Person, Option<String>), EntryFailure> {
    let subject = &bearer.subject;
    let found = find(port, vec![subject.lookup()]).await?;
    let user = subject.user(found.first(), &port.outside());
    let user = user.ok_or(EntryFailure::NotAuthorised)?;
    let kept = find(port, vec![record::key(USER, &user.to_string())]).await?.pop();
    let kept: Option<User> = match kept {
        Some(Found::Record(body)) => record::from_json(body),
        _ => None,
    };
    let by_kik = match subject {
        Subject::Outside(outside) if outside.namespace == "kik" => Some(outside.name.clone()),
        _ => None,
    };
    let (kik, display_name) = kept.map(|user| (user.kik, user.display_name)).unwrap_or_default();
    Ok((Person { kik: kik.or(by_kik), ..Person::known(user) }, display_name))
}

async fn find(
    port: &Port,
    keys: Vec<parlour_base::storage::Key>,
) -> Result<Vec<Found>, EntryFailure> {
    match port.step(Step::Find(keys)).await {
        Outcome::Found(found) => Ok(found),
        _ => Err(EntryFailure::Internal),
    }
}
