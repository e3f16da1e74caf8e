//! Who may do what: written a second time, from the protocol sheet
//! (docs/protocols/galene.md §§3.3, 3.7, 3.10 to 3.12, 4) and not from the
//! room's code, to be compared with what the room decided.

use parlour_base::{Permission, Permissions, Wall};
use parlour_room::{Actor, Command, Refusal, Room};

/// Whether the actor has the right to this in this room at this time. Sizes
/// and unknown names are another matter.
fn has_right(room: &Room, actor: &Actor, command: &Command) -> bool {
    let id = match actor {
        Actor::House => {
            return matches!(
                command,
                Command::Announce { .. }
                    | Command::Configure(_)
                    | Command::Disband { .. }
                    | Command::Expel(_)
                    | Command::Unpublish(_)
            );
        }
        Actor::Entrant(_) => return matches!(command, Command::Join(_)),
        Actor::Member(id) => id,
    };
    let Some(me) = room.members().find(|member| member.id == *id) else { return false };
    let held = |p| me.permissions.iter().any(|mine| mine == p);
    match command {
        Command::Lock(_)
        | Command::Unlock
        | Command::ClearChat(_)
        | Command::Kick { .. }
        | Command::SetPermission { .. }
        | Command::SetRoomAttributes(_) => held(Permission::Op),
        Command::Publish { .. } => held(Permission::Present),
        Command::Unpublish(stream) => room.streams().any(|s| s.id == *stream && s.owner == me.id),
        Command::Chat(speech) if speech.kind == "caption" => held(Permission::Caption),
        Command::Chat(_) | Command::Tell(_) => held(Permission::Message),
        Command::Leave
        | Command::SetAttributes(_)
        | Command::Request(_)
        | Command::RequestStream { .. } => true,
        _ => false,
    }
}

/// Whether the door is open to somebody with these permissions.
fn is_open_to(room: &Room, at: Wall, permissions: Permissions) -> bool {
    let is_op = |held: Permissions| held.iter().any(|p| p == Permission::Op);
    let rules = room.rules();
    if rules.redirect.is_some() {
        return false;
    }
    if is_op(permissions) {
        return true;
    }
    let attended = room.members().any(|member| is_op(member.permissions));
    let hours = rules.not_before.is_none_or(|opens| opens <= at)
        && rules.expires.is_none_or(|closes| at < closes);
    let place = rules.capacity.is_none_or(|most| room.members().len() < most as usize);
    let guarded = rules.autokick || rules.autolock;
    room.lock().is_none() && hours && place && (attended || !guarded)
}

/// Compares what a room decided with what the model says.
pub(crate) fn judge(
    room: &Room,
    at: Wall,
    actor: &Actor,
    command: &Command,
    refusal: Option<&Refusal>,
) -> Result<(), String> {
    let right = has_right(room, actor, command)
        && match command {
            Command::Join(entry) => is_open_to(room, at, entry.permissions),
            _ => true,
        };
    let fits = match refusal {
        None => right,
        Some(
            Refusal::NotAuthorised
            | Refusal::Locked(_)
            | Refusal::NotYetOpen
            | Refusal::Closed
            | Refusal::NoOperators
            | Refusal::Moved(_),
        ) => !right,
        Some(_) => true,
    };
    if fits {
        return Ok(());
    }
    let said = refusal.map_or("accepted", Refusal::code);
    Err(format!("{actor:?} asked {command:?}, which was {said}; has the right: {right}"))
}
