//! Saying who belongs to a conversation: makes its room if there is none, and
//! sets its members.

use super::{Trouble, links, room_of, users};
use crate::call::{Desk, Outcome, Step};
use parlour_base::{RoomId, Wall};
use parlour_room::command::Command;
use parlour_room::policy::{EntryRule, Grant, Policy, VISITOR};
use parlour_room::{Actor, Door, Doors};
use parlour_wire::callctl::{ConvoId, LocalPart};

/// A part of a call: the steps that describe a conversation.
#[derive(Debug)]
pub(super) struct Describe {
    convo: ConvoId,
    members: Vec<LocalPart>,
    grants: Vec<(parlour_base::UserId, Grant)>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Links,
    Room,
    Policy(RoomId),
    Members(RoomId),
}

/// What comes of a part of a call.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "lives for one step")]
pub(super) enum Part<T> {
    /// It wants this done.
    Step(Step),
    /// It is over.
    Over(Result<T, Trouble>),
}

impl Describe {
    /// The first step of it is `Step::Find`; resume it with the outcome.
    pub(super) fn begin(convo: ConvoId, members: Vec<LocalPart>) -> (Self, Step) {
        let first = Step::Find(links(&members));
        (Self { convo, members, grants: Vec::new(), stage: Stage::Links }, first)
    }

    pub(super) fn resume(&mut self, desk: &Desk<'_>, outcome: Outcome) -> Part<RoomId> {
        match (self.stage, outcome) {
            (_, Outcome::Fault(fault)) => Part::Over(Err(fault.into())),
            (_, Outcome::Refused(refusal)) => Part::Over(Err(refusal.into())),
            (Stage::Links, Outcome::Found(found)) => {
                let grant = |name: &LocalPart| grant(name, desk.now.wall);
                let users = users(desk, &self.members, found);
                self.grants = users.into_iter().zip(self.members.iter().map(grant)).collect();
                self.stage = Stage::Room;
                Part::Step(Step::Open(room_of(&self.convo, true)))
            }
            (Stage::Room, Outcome::Room { blank }) => match desk.room.map(parlour_room::Room::id) {
                Some(room) if is_bare(desk, blank) => {
                    self.stage = Stage::Policy(room);
                    Part::Step(house(room, Command::SetPolicy(Box::new(policy()))))
                }
                Some(room) => self.set(room),
                None => Part::Over(Err(Trouble::Unavailable)),
            },
            (Stage::Policy(room), Outcome::Did(_)) => self.set(room),
            (Stage::Members(room), Outcome::Did(_)) => Part::Over(Ok(room)),
            _ => Part::Over(Err(Trouble::Unavailable)),
        }
    }

    fn set(&mut self, room: RoomId) -> Part<RoomId> {
        self.stage = Stage::Members(room);
        let grants = std::mem::take(&mut self.grants);
        Part::Step(house(room, Command::SetConversation(grants)))
    }
}

/// A command of the server itself.
pub(super) const fn house(room: RoomId, command: Command) -> Step {
    Step::Command { room, actor: Actor::House, command, along: Vec::new() }
}

/// Whether nobody has said who may enter the room: nothing was written to it,
/// or whoever made it for a conversation came no further.
pub(super) fn is_bare(desk: &Desk<'_>, blank: bool) -> bool {
    let is_own = desk.names.iter().all(|(namespace, _)| namespace == super::NAMESPACE);
    blank || is_own && desk.room.is_some_and(|room| *room.policy() == Policy::default())
}

/// The policy of a room that this door makes: by this door, for its members.
pub(super) fn policy() -> Policy {
    Policy {
        doors: Doors::of(&[Door::Callctl]),
        entry: EntryRule::Grant,
        guests: false,
        capacity: None,
        password: None,
    }
}

fn grant(name: &LocalPart, since: Wall) -> Grant {
    Grant { permissions: VISITOR, since, kik: Some(name.as_str().to_owned()) }
}
