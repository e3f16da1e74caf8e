//! One room that every door knows: a room of the rooms door gets names at the
//! others and opens to them, by a request of the house.

use parlour_base::storage::Write;
use parlour_base::{RoomId, UserId, Wall};
use parlour_directory::outside::Outside;
use parlour_room::policy::{EntryRule, Grant, Policy, VISITOR};
use parlour_room::{Actor, Command, Door, Doors};
use parlour_session::{Call, Desk, Outcome, Reply, Step, Target};

/// Its name at the Galène door.
pub(crate) const GROUP: &str = "hall";
/// Its name at the call-control door.
pub(crate) const CONVO: &str = "9876543210987_g";
/// Who belongs to that conversation.
pub(crate) const MEMBERS: [&str; 2] = ["alice_a1b", "bob.b_z9z"];

/// The room, once every door knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hall {
    pub room: RoomId,
}

/// The request that makes it known. Reply: whether that was done.
#[derive(Debug)]
pub(crate) struct Open {
    room: RoomId,
    steps: Vec<Step>,
}

impl Open {
    pub(crate) fn new(room: RoomId) -> Self {
        let name = |namespace: &str, name: &str| Write::BindName {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            room,
        };
        let policy = Policy {
            doors: Doors::of(&[Door::Galene, Door::Rooms, Door::Callctl]),
            entry: EntryRule::Open,
            ..Policy::default()
        };
        // The last first.
        let steps = vec![
            house(room, Command::SetPolicy(Box::new(policy))),
            Step::Commit(vec![name("galene", GROUP), name("kik", CONVO)]),
        ];
        Self { room, steps }
    }
}

fn house(room: RoomId, command: Command) -> Step {
    Step::Command { room, actor: Actor::House, command, along: Vec::new() }
}

impl Call for Open {
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        match outcome {
            Outcome::Begin => Step::Open(Target::Id(self.room)),
            Outcome::Room { .. } => {
                let grant = |name: &str| {
                    let user: UserId = Outside::kik(name).derived(desk.media_keys.outside());
                    let kik = Some(name.to_owned());
                    (user, Grant { permissions: VISITOR, since: Wall(0), kik })
                };
                house(self.room, Command::SetConversation(MEMBERS.map(grant).into()))
            }
            Outcome::Did(_) | Outcome::Committed => {
                self.steps.pop().unwrap_or_else(|| Step::Done(Reply::new(true)))
            }
            _ => Step::Done(Reply::new(false)),
        }
    }
}
