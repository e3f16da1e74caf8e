//! Who is in which group, as an operator sets it.

use super::describe::{Describe, Part};
use super::{Trouble, room_of, roster};
use crate::call::{Call, Desk, Outcome, Reply, Step};
use parlour_wire::callctl::pb::common::{VoidResponse, XiBareUserJid};
use parlour_wire::callctl::pb::selfhost::video::v1::GetGroupMembersResponse;
use parlour_wire::callctl::pb::selfhost::video::v1::get_group_members_response::Result as Got;
use parlour_wire::callctl::{ConvoId, GroupName, LocalPart};

/// Replaces the members of a group; none of them means that it is gone.
/// Reply: `Result<VoidResponse, Trouble>`.
#[derive(Debug)]
pub struct SetMembers {
    convo: ConvoId,
    members: Vec<LocalPart>,
    describing: Option<Describe>,
}

impl SetMembers {
    /// These and no others.
    #[must_use]
    pub fn new(group: GroupName, mut members: Vec<LocalPart>) -> Self {
        members.sort();
        members.dedup();
        Self { convo: ConvoId::Group(group), members, describing: None }
    }

    fn describe(&mut self) -> Step {
        let members = std::mem::take(&mut self.members);
        let (describe, step) = Describe::begin(self.convo.clone(), members);
        self.describing = Some(describe);
        step
    }
}

fn done(result: Result<VoidResponse, Trouble>) -> Step {
    Step::Done(Reply::new(result))
}

impl Call for SetMembers {
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        if let Some(describing) = &mut self.describing {
            return match describing.resume(desk, outcome) {
                Part::Step(step) => step,
                Part::Over(result) => done(result.map(|_| VoidResponse {})),
            };
        }
        match outcome {
            // A group that never was need not be made to be gone.
            Outcome::Begin if self.members.is_empty() => Step::Open(room_of(&self.convo, false)),
            Outcome::Begin | Outcome::Room { .. } => self.describe(),
            Outcome::NoRoom => done(Ok(VoidResponse {})),
            _ => done(Err(Trouble::Unavailable)),
        }
    }
}

/// Asks for the members of a group. Reply:
/// `Result<GetGroupMembersResponse, Trouble>`.
#[derive(Debug)]
pub struct GroupMembers {
    convo: ConvoId,
}

impl GroupMembers {
    /// Asks for this one.
    #[must_use]
    pub const fn new(group: GroupName) -> Self {
        Self { convo: ConvoId::Group(group) }
    }
}

impl Call for GroupMembers {
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        let members: Vec<XiBareUserJid> = match outcome {
            Outcome::Begin => return Step::Open(room_of(&self.convo, false)),
            Outcome::Room { .. } => {
                let names = desk.room.into_iter().flat_map(roster::members);
                names.map(|(name, _)| XiBareUserJid { local_part: name.to_owned() }).collect()
            }
            Outcome::NoRoom => Vec::new(),
            _ => {
                let trouble: Result<GetGroupMembersResponse, _> = Err(Trouble::Unavailable);
                return Step::Done(Reply::new(trouble));
            }
        };
        let result = if members.is_empty() { Got::NotFound } else { Got::Ok };
        let answer = GetGroupMembersResponse { result: result.into(), members };
        Step::Done(Reply::new(Ok::<_, Trouble>(answer)))
    }
}
