//! The older one-to-one calls: placing them, listing them, and the URLs of
//! earlier days.
//!
//! A call lives a minute, in memory: the edge keeps the [`Exchange`] and does
//! what the [`Effect`] of an answer says.
//!
//! [`Exchange`]: super::Exchange

use super::asks::{Port, Visit, later};
use super::exchange::Placing;
use super::http::{Answer, Door as HttpDoor, Payload};
use super::push::{self, Topic};
use super::records::{CALL_URL, CALL_URLS, CallUrlRecord, device_key, forget, keep, prefix, read};
use crate::call::{Call, Reply, Target};
use parlour_base::{Entropy, RoomId, Secret, UserId};
use parlour_room::command::{Admission, Description, Terms};
use parlour_room::lease::Lease;
use parlour_room::policy::EntryRule;
use parlour_room::{Actor, Command, Door, Doors, Happening, Person, Policy, Proof, Room, Slot};
use parlour_wire::rooms::call::{CallUrlChange, DirectCall, Pending, Placed};
use parlour_wire::rooms::form::query_value;
use parlour_wire::rooms::identity::hex;
use parlour_wire::rooms::number::parse_text;
use parlour_wire::rooms::{ApiError, Errno};
use serde_json::json;
use std::time::Duration;

/// How long the media of a call may last at most.
const CALL_MEDIA: Duration = Duration::from_secs(86_400);

/// The channel of the rooms that calls have.
const CALL_CHANNEL: &str = "call";

/// Whether a room is that of a call, which is nobody's to ask for.
pub(super) fn is_of_call(room: &Room) -> bool {
    room.lease().is_some_and(|lease| lease.owner.is_none() && lease.channel == CALL_CHANNEL)
}

/// What the edge has to do with the calls it keeps.
#[derive(Debug)]
pub enum Effect {
    /// Keep this call; the answer goes out as it is.
    Place(Box<Placing>),
    /// The body of the answer is the list of a user's calls: `{"calls": […]}`.
    List {
        /// Whose.
        user: UserId,
        /// Only those placed then or later, in seconds since 1970.
        since: i64,
    },
    /// Forget the calls of a user.
    Forget {
        /// Whose.
        user: UserId,
    },
}

impl HttpDoor {
    /// The end of the room that a call had.
    #[must_use]
    pub fn end_call(&self, room: RoomId) -> Box<dyn Call> {
        Port::call(move |port| async move {
            if let Ok(Some(_)) = port.open(Target::Id(room)).await {
                // If it cannot be now, the room's own life ends it.
                drop(port.command(room, Actor::House, Command::Delete, Vec::new()).await);
            }
            Reply::nothing()
        })
    }
}

/// One side of a call in its room.
struct Side {
    token: String,
}

impl Visit {
    /// `POST /calls`
    pub(super) async fn call_people(&mut self) -> Result<Answer, ApiError> {
        let session = self.hawk_with_account().await?;
        self.needs_json()?;
        let call = DirectCall::read(&self.body)?;
        let caller = session.account.clone().unwrap_or_default();
        let mut callees = Vec::new();
        for name in &call.callees {
            let user = self.account_user(name).await?;
            let addresses = push::look_up(&self.port, &self.door, user).await;
            let push = addresses.into_push(Topic::Calls, self.seconds());
            if let Some(push) = push.filter(|_| !callees.contains(&user)) {
                callees.push(user);
                self.marks.pushes.push(push);
            }
        }
        let Some(first) = callees.first().copied() else {
            let text = "Could not find any existing user to call";
            return Err(ApiError::new(400, Errno::UserUnavailable, text));
        };
        let (room, [ours, theirs]) = self.room_for_call(session.person(None), first).await?;
        let session_id = self.media_session(room);
        let placed = |token: &str, side: &Side, call_id: &str| Placed {
            call_id: call_id.to_owned(),
            websocket_token: Secret::new(token.to_owned()),
            session_id: session_id.clone(),
            session_token: Secret::new(side.token.clone()),
            api_key: self.door.config.api_key.clone(),
            progress_url: self.progress_url(),
        };
        let [call_id, caller_token, callee_token] = [(); 3].map(|()| self.handle());
        let mine = placed(&caller_token, &ours, &call_id);
        let pending = Pending {
            placed: placed(&callee_token, &theirs, &call_id),
            call_type: call.call_type,
            caller_id: caller,
            subject: call.subject,
        };
        self.marks.summary.call = Some(call_id.clone());
        self.marks.effect = Some(Effect::Place(Box::new(Placing {
            call_id,
            caller_token: Secret::new(caller_token),
            callee_token: Secret::new(callee_token),
            callees,
            placed_at: self.seconds(),
            entry: pending.body(),
            room,
        })));
        Ok(Answer::json(mine.body()))
    }

    /// A room with two seats, which both sides have tokens for.
    async fn room_for_call(
        &self,
        caller: Person,
        callee: UserId,
    ) -> Result<(RoomId, [Side; 2]), ApiError> {
        let id = self.port.random(Entropy::room_id);
        if self.port.open(Target::New(id)).await?.is_none() {
            return Err(ApiError::unavailable());
        }
        let doors = Doors::of(&[Door::Rooms]);
        let policy = Policy { doors, entry: EntryRule::Open, ..Policy::default() };
        let now = self.port.now().wall;
        let lease = Lease {
            owner: None,
            owner_name: String::new(),
            name: None,
            context: None,
            max_size: 2,
            channel: CALL_CHANNEL.to_owned(),
            created: now,
        };
        let expires = later(now, CALL_MEDIA);
        let description = Description {
            rules: None,
            policy: Some(Box::new(policy)),
            lease: Some((Box::new(lease), expires)),
        };
        self.house(id, Command::Describe(Box::new(description)), Vec::new()).await?;
        let caller = self.side(id, caller, "caller").await?;
        let callee = self.side(id, Person::known(callee), "callee").await?;
        Ok((id, [caller, callee]))
    }

    async fn side(&self, id: RoomId, person: Person, slot: &str) -> Result<Side, ApiError> {
        let user = person.user;
        let admission = Admission {
            slot: Slot::Client(slot.to_owned()),
            name: slot.to_owned(),
            person,
            proof: Proof::Nothing,
            terms: Terms::Rooms {
                connection: self.port.random(Entropy::uuid),
                client_max: 2,
                expires: later(self.port.now().wall, CALL_MEDIA),
                life: CALL_MEDIA,
            },
        };
        let command = Command::Admit(Box::new(admission));
        let done = self.port.command(id, Actor::Caller(user), command, Vec::new()).await?;
        let events = done.or_refusal()?;
        let taken = events.into_iter().find_map(|event| match event.what {
            Happening::SeatTaken(seat) => Some(seat),
            _ => None,
        });
        let seat = taken.ok_or_else(ApiError::unavailable)?;
        Ok(Side { token: self.media_token(id, &seat)? })
    }

    /// 16 random bytes in hex.
    fn handle(&self) -> String {
        let mut bytes = [0; 16];
        self.port.random(|entropy| entropy.fill(&mut bytes));
        hex(&bytes)
    }

    fn progress_url(&self) -> String {
        let (host, port) = (&self.request.host, self.request.port);
        if self.request.is_secure {
            format!("wss://{host}:{port}/websocket")
        } else {
            format!("ws://{host}:{port}/websocket")
        }
    }

    /// `GET /calls`
    pub(super) async fn calls(&mut self) -> Result<Answer, ApiError> {
        let session = self.hawk().await?;
        let query = self.request.query.as_deref().unwrap_or("");
        let Some(version) = query_value(query, "version") else {
            return Err(ApiError::missing(&["version"]));
        };
        let since = parse_text(&version).unwrap_or(0);
        self.marks.effect = Some(Effect::List { user: session.record.user, since });
        Ok(Answer::new(200, Payload::Later))
    }

    /// `POST /call-url`
    pub(super) async fn new_call_url(&mut self) -> Result<Answer, ApiError> {
        self.hawk().await?;
        Err(ApiError::new(405, Errno::NoLongerSupported, "No longer supported"))
    }

    /// `GET /call-url`
    pub(super) async fn call_urls(&mut self) -> Result<Answer, ApiError> {
        let session = self.hawk().await?;
        let most = self.door.config.listed_max;
        let mut list = Vec::new();
        for (key, _) in self.port.records(CALL_URLS, &prefix(session.record.user), most).await? {
            let Some((_, token)) = key.split_once('/') else { continue };
            let Ok(url) = self.call_url(token).await else { continue };
            let mut entry = json!({
                "callerId": url.caller_id,
                "issuer": url.issuer,
                "timestamp": url.timestamp,
                "expires": url.expires,
            });
            if let Some(subject) = url.subject {
                entry["subject"] = json!(subject);
            }
            list.push(entry);
        }
        Ok(Answer::json(list.into()))
    }

    /// `PUT /call-url/:token`
    pub(super) async fn change_call_url(&mut self, token: &str) -> Result<Answer, ApiError> {
        self.hawk().await?;
        let mut url = self.call_url(token).await?;
        let change = CallUrlChange::read(&self.body)?;
        url.caller_id = change.caller_id.unwrap_or(url.caller_id);
        url.issuer = change.issuer.unwrap_or(url.issuer);
        url.subject = change.subject.or(url.subject);
        if let Some(hours) = change.expires_in_hours {
            url.expires = self.seconds().saturating_add(i64::from(hours) * 3_600);
        }
        let expires = url.expires;
        self.port.commit(vec![keep(CALL_URL, token.to_owned(), &url)]).await?;
        Ok(Answer::json(json!({ "expiresAt": expires })))
    }

    /// `DELETE /call-url/:token`
    pub(super) async fn delete_call_url(&mut self, token: &str) -> Result<Answer, ApiError> {
        let session = self.hawk().await?;
        let url = self.call_url(token).await?;
        if url.user != session.record.user {
            return Err(ApiError::new(403, Errno::InvalidAuthToken, "Forbidden"));
        }
        let index = forget(CALL_URLS, device_key(url.user, token));
        self.port.commit(vec![index, forget(CALL_URL, token.to_owned())]).await?;
        Ok(Answer::nothing())
    }

    /// `GET /calls/:token`
    pub(super) async fn read_call_url(&self, token: &str) -> Result<Answer, ApiError> {
        let url = self.call_url(token).await?;
        Ok(Answer::json(json!({
            "calleeFriendlyName": url.issuer, "urlCreationDate": url.timestamp,
        })))
    }

    /// `POST /calls/:token`: nobody can be reached by a URL any more.
    pub(super) async fn call_by_url(&self, token: &str) -> Result<Answer, ApiError> {
        self.call_url(token).await?;
        self.needs_json()?;
        self.body.require(&["callType"])?;
        parlour_wire::rooms::call::CallType::read(&self.body)?;
        Err(ApiError::new(410, Errno::Expired, "Gone"))
    }

    /// A call URL that still is one.
    async fn call_url(&self, token: &str) -> Result<CallUrlRecord, ApiError> {
        let url: Option<CallUrlRecord> = read(self.port.record(CALL_URL, token).await?);
        url.filter(|url| url.expires > self.seconds()).ok_or_else(ApiError::no_token)
    }
}
