//! Making, changing and deleting rooms.

use super::asks::{Done, Visit, later, seconds};
use super::credentials::Session;
use super::http::Answer;
use super::http::Payload;
use super::push;
use super::records::{DELETED, DeletedRecord, OWNED, forget, keep, owned, read, room_key};
use crate::call::Target;
use parlour_base::storage::Write;
use parlour_base::{Json, RoomId, Wall};
use parlour_room::command::{Description, LeaseChange};
use parlour_room::lease::Lease;
use parlour_room::policy::EntryRule;
use parlour_room::{Actor, Command, Door, Doors, Policy, Refusal, Room};
use parlour_wire::rooms::room::read_delete;
use parlour_wire::rooms::{ApiError, RoomChange, RoomCreate, view};
use serde_json::json;
use std::time::Duration;

/// The channel of a room whose maker did not say.
const DEFAULT_CHANNEL: &str = "default";

/// Longest name of a channel that is kept, in bytes; a longer one is as
/// unknown as any other.
const CHANNEL_BYTES_MAX: usize = 64;

impl Visit {
    /// `POST /rooms`
    pub(super) async fn create(&mut self) -> Result<Answer, ApiError> {
        self.mark_alert();
        let session = self.hawk().await?;
        self.needs_json()?;
        let made = RoomCreate::read(&self.body, &self.door.config.bounds)?;
        let id = self.port.random(parlour_base::Entropy::room_id);
        if self.port.open(Target::New(id)).await?.is_none() {
            return Err(ApiError::unavailable());
        }
        let policy = Policy {
            doors: Doors::of(&[Door::Rooms]),
            entry: EntryRule::Open,
            guests: true,
            capacity: None,
            password: None,
        };
        let now = self.port.now().wall;
        let expires = self.end_of_life(now, made.expires_in_hours);
        let lease = Lease {
            owner: Some(session.record.user),
            owner_name: made.owner,
            name: made.name,
            context: made.context.map(Json::Object),
            max_size: made.max_size,
            channel: made
                .channel
                .filter(|channel| channel.len() <= CHANNEL_BYTES_MAX)
                .unwrap_or_else(|| DEFAULT_CHANNEL.to_owned()),
            created: now,
        };
        let along = owned(&lease, id).into_iter().collect();
        let description = Description {
            rules: None,
            policy: Some(Box::new(policy)),
            lease: Some((Box::new(lease), expires)),
        };
        self.house(id, Command::Describe(Box::new(description)), along).await?;
        let token = id.to_string();
        let body = view::created(&token, &self.room_url(&token), seconds(expires));
        self.marks.summary.made = Some(token);
        Ok(Answer::new(201, Payload::Json(body)))
    }

    /// `PATCH /rooms/:token`
    pub(super) async fn change(&mut self, token: &str) -> Result<Answer, ApiError> {
        self.mark_alert();
        let session = self.hawk().await?;
        let room = self.room(token).await?;
        let change = RoomChange::read(&self.body, &self.door.config.bounds)?;
        check_owner(&room, &session)?;
        let expires = self.end_of_life(self.port.now().wall, change.expires_in_hours);
        let command = Command::ChangeLease(Box::new(LeaseChange {
            owner_name: change.owner,
            name: change.name,
            context: change.context.map(Json::Object),
            max_size: change.max_size,
            expires,
        }));
        let actor = Actor::Caller(session.record.user);
        let done = self.port.command(room.id(), actor, command, Vec::new()).await?;
        done.or_refusal()?;
        Ok(Answer::json(json!({ "expiresAt": seconds(expires) })))
    }

    /// `DELETE /rooms/:token`
    pub(super) async fn delete(&mut self, token: &str) -> Result<Answer, ApiError> {
        let session = self.hawk().await?;
        let room = self.room(token).await?;
        check_owner(&room, &session)?;
        let mut old = self.old_deletions(&session).await?;
        self.delete_one(&session, room.id(), &mut old).await?.or_refusal()?;
        let told = push::look_up(&self.port, &self.door, session.record.user).await;
        self.tell_deleted(told);
        Ok(Answer::nothing())
    }

    /// `PATCH /rooms`
    pub(super) async fn delete_many(&mut self) -> Result<Answer, ApiError> {
        let session = self.hawk().await?;
        self.needs_json()?;
        let tokens = read_delete(&self.body)?;
        let most = self.door.config.bulk_max;
        if tokens.len() > most as usize {
            let text = format!("deleteRoomTokens should not have more than {most} entries.");
            return Err(ApiError::invalid(text));
        }
        // Looked up first: what is deleted is told even if the store fails then.
        let told = push::look_up(&self.port, &self.door, session.record.user).await;
        let mut old = self.old_deletions(&session).await?;
        let mut found = Vec::with_capacity(tokens.len());
        let mut failure = None;
        for token in tokens {
            match self.delete_own(&session, &token, &mut old).await {
                Ok(gone) => found.push((token, gone)),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        let any = found.iter().any(|(_, gone)| *gone);
        if any {
            self.tell_deleted(told);
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        let status = if any { 207 } else { 404 };
        Ok(Answer::new(status, Payload::Json(view::bulk(&found))))
    }

    /// Whether the room was the caller's, and is gone.
    async fn delete_own(
        &self,
        session: &Session,
        token: &str,
        old: &mut Vec<Write>,
    ) -> Result<bool, ApiError> {
        let room = match self.room(token).await {
            Ok(room) => room,
            Err(error) if error.status == 404 => return Ok(false),
            Err(error) => return Err(error),
        };
        if check_owner(&room, session).is_err() {
            return Ok(false);
        }
        match self.delete_one(session, room.id(), old).await? {
            Done::Events(_) => Ok(true),
            Done::Refused(_) | Done::Gone => Ok(false),
        }
    }

    /// Deletes a room, and with it what nobody is told any more.
    async fn delete_one(
        &self,
        session: &Session,
        room: RoomId,
        old: &mut Vec<Write>,
    ) -> Result<Done, ApiError> {
        let user = session.record.user;
        let at = self.port.now().wall;
        let mut along = std::mem::take(old);
        along.push(forget(OWNED, room_key(user, room)));
        along.push(keep(DELETED, room_key(user, room), &DeletedRecord { at }));
        self.port.command(room, Actor::Caller(user), Command::Delete, along).await
    }

    /// What forgets the deletions that nobody is told any more.
    async fn old_deletions(&self, session: &Session) -> Result<Vec<Write>, ApiError> {
        let now = self.port.now().wall;
        let prefix = super::records::prefix(session.record.user);
        let listed = self.port.records(DELETED, &prefix, self.door.config.listed_max).await?;
        let memory = self.door.config.deletion_memory.0;
        let is_old = |body: Json| {
            read::<DeletedRecord>(Some(body)).is_none_or(|one| later(one.at, memory) < now)
        };
        let old = listed.into_iter().filter_map(|(key, body)| is_old(body).then_some(key));
        Ok(old.map(|key| forget(DELETED, key)).collect())
    }

    /// The owner's devices are told of a deletion by whoever deletes: the room
    /// is not there any more to say whose it was.
    fn tell_deleted(&mut self, told: push::Addresses) {
        let push = told.into_push(push::Topic::Rooms, self.seconds());
        self.marks.pushes.extend(push);
    }

    pub(super) async fn house(
        &self,
        room: RoomId,
        command: Command,
        along: Vec<Write>,
    ) -> Result<Vec<parlour_room::Event>, ApiError> {
        self.port.command(room, Actor::House, command, along).await?.or_refusal()
    }

    fn end_of_life(&self, now: Wall, hours: Option<u32>) -> Wall {
        let hours = hours.unwrap_or(self.door.config.default_life_hours);
        later(now, Duration::from_secs(u64::from(hours) * 3_600))
    }

    fn mark_alert(&mut self) {
        self.marks.alert = self.body.member("roomName").is_some();
    }
}

fn check_owner(room: &Room, session: &Session) -> Result<(), ApiError> {
    let owner = room.lease().and_then(|lease| lease.owner);
    if owner == Some(session.record.user) { Ok(()) } else { Err(ApiError::not_owner()) }
}

impl Done {
    /// The events, or the error of a refusal that has no words of its own here.
    pub(super) fn or_refusal(self) -> Result<Vec<parlour_room::Event>, ApiError> {
        match self {
            Self::Events(events) => Ok(events),
            Self::Gone => Err(ApiError::no_token()),
            Self::Refused(refusal) => Err(told(&refusal)),
        }
    }
}

/// A refusal of the room in the words of this door.
pub(super) fn told(refusal: &Refusal) -> ApiError {
    use parlour_wire::rooms::Errno;
    match refusal {
        Refusal::Full => ApiError::room_full(),
        Refusal::Crowded => ApiError::too_many_for_client(),
        Refusal::NotOwner => ApiError::not_owner(),
        Refusal::DoorClosed | Refusal::RoomGone => ApiError::no_token(),
        Refusal::TooLarge => ApiError::invalid(refusal.to_string()),
        Refusal::StoreUnavailable => ApiError::unavailable(),
        // The room has rules that this door's clients know nothing of.
        _ => ApiError::new(403, Errno::Undefined, refusal.to_string()),
    }
}
