//! Rooms as the server makes them, made here by the same room core: what the
//! store is asked to write for a room, and for each who joins it.

use anyhow::{Context as _, Result};
use parlour_base::storage::{StoreDone, StoreId, StoreOp, StoreReply, StoreRequest, Write};
use parlour_base::{Entropy, Epoch, Mono, Now, RoomId, UserId, Wall};
use parlour_room::command::{Admission, Terms};
use parlour_room::lease::Lease;
use parlour_room::policy::EntryRule;
use parlour_room::record::Kept;
use parlour_room::{
    Actor, Command, Door, Doors, Limits, Person, Policy, Proof, Refusal, Room, Slot,
};
use std::time::Duration;

/// Life of a room after somebody came or went.
const LIFE: Duration = Duration::from_secs(1_344 * 3_600);

/// A room with a lease, and what is written for it.
pub(super) struct Made {
    room: Room,
    /// What its making writes, until somebody takes it.
    pub(super) writes: Vec<Write>,
}

impl Made {
    /// A room for `size` people, in its first epoch.
    pub(super) fn new(entropy: &mut Entropy, now: Wall, size: u32) -> Result<Self> {
        let room = Room::open(entropy.room_id(), Epoch(1), Limits::default(), Kept::default());
        let mut made = Self { room, writes: Vec::new() };
        let policy = Policy {
            doors: Doors::of(&[Door::Rooms]),
            entry: EntryRule::Open,
            guests: true,
            capacity: None,
            password: None,
        };
        made.writes = made.apply(now, &Actor::House, Command::SetPolicy(Box::new(policy)))?;
        let lease = Lease {
            owner: Some(entropy.user_id()),
            owner_name: "-".to_owned(),
            name: None,
            context: Some(serde_json::json!({ "value": "v", "alg": "AES-GCM", "wrappedKey": "k" })),
            max_size: size,
            channel: "default".to_owned(),
            created: now,
        };
        let expires = later(now, LIFE);
        let lease = Command::Lease { lease: Box::new(lease), expires };
        let more = made.apply(now, &Actor::House, lease)?;
        made.writes.extend(more);
        Ok(made)
    }

    pub(super) const fn id(&self) -> RoomId {
        self.room.id()
    }

    /// What is written when a guest joins who runs out then.
    pub(super) fn join(
        &mut self,
        entropy: &mut Entropy,
        now: Wall,
        expires: Wall,
    ) -> Result<Vec<Write>> {
        let user: UserId = entropy.user_id();
        let admission = Admission {
            slot: Slot::Client(entropy.text::<18>()),
            person: Person::guest(user),
            name: "Guest".to_owned(),
            proof: Proof::Nothing,
            terms: Terms::Rooms { connection: entropy.uuid(), client_max: 5, expires, life: LIFE },
        };
        self.apply(now, &Actor::Caller(user), Command::Admit(Box::new(admission)))
    }

    fn apply(&mut self, wall: Wall, actor: &Actor, command: Command) -> Result<Vec<Write>> {
        let now = Now { mono: Mono(0), wall };
        let refused = |refusal: Refusal| anyhow::anyhow!("the room refused: {refusal}");
        let events = self.room.apply(now, actor, command).map_err(refused)?;
        // Each event is written as it happens, as the node does it.
        Ok(events.iter().flat_map(|event| self.room.writes_for(event)).collect())
    }
}

/// A time so much later.
pub(super) fn later(at: Wall, span: Duration) -> Wall {
    let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Wall(at.0.saturating_add(millis))
}

/// What the wall clock shows.
#[allow(clippy::disallowed_methods, reason = "the bench lives in real time")]
pub(super) fn wall() -> Wall {
    use std::time::{SystemTime, UNIX_EPOCH};
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Asks for a room to be opened for the first time.
pub(super) const fn open(id: u64, room: RoomId) -> StoreRequest {
    StoreRequest { id: StoreId(id), op: StoreOp::OpenRoom { room, create: true } }
}

/// Asks for writes.
pub(super) const fn commit(id: u64, writes: Vec<Write>) -> StoreRequest {
    StoreRequest { id: StoreId(id), op: StoreOp::Commit(writes) }
}

/// What came of it.
pub(super) fn done(reply: StoreReply) -> Result<StoreDone> {
    let id = reply.id;
    reply.result.with_context(|| format!("request {} of the store", id.0))
}
