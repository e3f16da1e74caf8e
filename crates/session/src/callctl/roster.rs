//! Who is in a room's call, as the door lists it.

use super::NAMESPACE;
use parlour_base::UserId;
use parlour_room::policy::Grantee;
use parlour_room::{Room, view::CallState};
use parlour_wire::callctl::pb::common::video::v1::ConvoVideoState;
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::{ConvoId, LocalPart, state};

/// The list of a room.
pub(super) fn of_room(convo: &ConvoId, room: &Room) -> ConvoVideoState {
    let people = room.roster().into_iter().filter_map(|(name, state)| {
        let state = match state {
            CallState::Connecting => State::Connecting,
            CallState::Connected => State::Connected,
        };
        Some((LocalPart::parse(name).ok()?, state))
    });
    state::write(convo, people, room.stamp())
}

/// The list of a conversation that has never had a call, or whose calls are
/// nobody's business who asks.
pub(super) fn nobody(convo: &ConvoId) -> ConvoVideoState {
    state::write(convo, [], 0)
}

/// The members of the conversation that a room is: name and user. They are
/// those whom its directory names, and those whom a grant of somebody else
/// gives a name; who is both is named once.
pub(super) fn members(room: &Room) -> impl Iterator<Item = (&str, UserId)> {
    room.grants().filter_map(move |(grantee, grant)| match (grantee, grant.kik.as_deref()) {
        (Grantee::Belonging(user), Some(name)) => Some((name, *user)),
        (Grantee::User(user), Some(name)) => {
            let also = room.grant(&Grantee::Belonging(*user));
            let twice = also.is_some_and(|also| also.kik.as_deref() == Some(name));
            (!twice).then_some((name, *user))
        }
        _ => None,
    })
}

/// The user of a member.
pub(super) fn member(room: &Room, name: &LocalPart) -> Option<UserId> {
    members(room).find(|(other, _)| *other == name.as_str()).map(|(_, user)| user)
}

/// Whether a room is this conversation, going by its names.
pub(super) fn is(names: &[(String, String)], convo: &ConvoId) -> bool {
    let key = convo.key();
    names.iter().any(|(namespace, name)| namespace == NAMESPACE && *name == key)
}
