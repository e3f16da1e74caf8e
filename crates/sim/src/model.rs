//! Who may do what: written a second time, from the protocol sheets
//! (docs/protocols/galene.md §§3.3, 3.7, 3.10 to 3.12, 4, callctl.md, rooms.md)
//! and what the design says about entry, and not from the room's code, to be
//! compared with what the room decided.

use parlour_base::{Permission, Permissions, UserId, Wall};
use parlour_room::command::{Admission, Entry, Pass, Terms};
use parlour_room::policy::{EntryRule, Grantee};
use parlour_room::seat::Means;
use parlour_room::{Actor, Command, Door, Person, Proof, Refusal, Room, Seat, SeatId};

/// What the server itself does: nobody can ask it to by name.
fn is_for_the_house(command: &Command) -> bool {
    matches!(
        command,
        Command::Abandon { .. }
            | Command::Announce { .. }
            | Command::Configure(_)
            | Command::Delete
            | Command::Describe(_)
            | Command::Disband { .. }
            | Command::Evict(_)
            | Command::EvictUser(_)
            | Command::Expel(_)
            | Command::Expire { .. }
            | Command::Grant(..)
            | Command::Lapse { .. }
            | Command::Lease { .. }
            | Command::Rest
            | Command::SetConversation(_)
            | Command::SetPolicy(_)
            | Command::Unpublish(_)
            | Command::Wake
    )
}

/// Whether the actor has the right to this in this room at this time. Sizes
/// and unknown names are another matter.
fn has_right(room: &Room, at: Wall, actor: &Actor, command: &Command) -> bool {
    let id = match (actor, command) {
        (Actor::House, _) => return is_for_the_house(command),
        (Actor::Entrant(_), Command::Join(entry)) => return may_join(room, at, entry),
        (Actor::Entrant(_), _) => return false,
        (Actor::Caller(user), _) => return caller_may(room, at, *user, command),
        (Actor::Member(id), _) => id,
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

/// What somebody who is known by a door's credentials may do from outside.
fn caller_may(room: &Room, at: Wall, me: UserId, command: &Command) -> bool {
    let leased = room.lease().is_some() && room.term().is_none_or(|term| at < term.expires);
    let owns = leased && room.lease().is_some_and(|lease| lease.owner == Some(me));
    match command {
        Command::Admit(admission) => may_sit(room, at, me, admission),
        Command::ChangeLease(_) | Command::Delete => owns,
        Command::GiveUp { seat, .. }
        | Command::Renew { seat, .. }
        | Command::Report { seat, .. } => seat.user == me,
        _ => false,
    }
}

/// Whether somebody may take a seat, or have a new token for the one it holds.
fn may_sit(room: &Room, at: Wall, me: UserId, admission: &Admission) -> bool {
    let Admission { slot, person, proof, terms, .. } = admission;
    let owner = room.lease().is_some_and(|lease| lease.owner == Some(me)) && !person.guest;
    let Some(mut given) = admitted(room, terms.door(), person, *proof) else { return false };
    if matches!(terms, Terms::Rooms { .. }) {
        if room.lease().is_none() || room.term().is_some_and(|term| term.expires <= at) {
            return false;
        }
        if owner {
            given = given.union([Permission::Op].into_iter().collect());
        }
    }
    let id = SeatId { user: me, slot: slot.clone() };
    let held = room.seats().find(|seat| seat.id == id && door_of(seat) == terms.door());
    let again = held.is_some_and(|seat| !has_run_out(seat, at));
    person.user == me && (again || is_open_to(room, at, given))
}

const fn door_of(seat: &Seat) -> Door {
    match seat.means {
        Means::Callctl { .. } => Door::Callctl,
        Means::Rooms(_) => Door::Rooms,
        Means::Viewer => Door::Whep,
        Means::Elsewhere => Door::Chat,
    }
}

fn has_run_out(seat: &Seat, at: Wall) -> bool {
    matches!(&seat.means, Means::Rooms(participant) if participant.expires <= at)
}

/// What the policy gives to somebody with this proof at this door: grants and
/// invitations always count, passwords only where they are asked for.
fn admitted(room: &Room, door: Door, person: &Person, proof: Proof) -> Option<Permissions> {
    let policy = room.policy();
    if !policy.doors.iter().any(|open| open == door) {
        return None;
    }
    let stranger = person.guest && !policy.guests;
    let mut given: Vec<Permissions> = Vec::new();
    for (grantee, grant) in room.grants() {
        match grantee {
            Grantee::User(user) | Grantee::Belonging(user) if *user == person.user => {
                given.push(grant.permissions)
            }
            Grantee::Everyone if !stranger => given.push(grant.permissions),
            _ => {}
        }
    }
    match proof {
        Proof::Invitation(permissions) => given.push(permissions),
        Proof::Password(permissions) if !stranger && policy.entry != EntryRule::Grant => {
            given.push(permissions);
        }
        Proof::Password(_) | Proof::Nothing => {}
    }
    if given.is_empty() && !stranger && policy.entry == EntryRule::Open {
        return Some(
            [Permission::Present, Permission::Message, Permission::Caption].into_iter().collect(),
        );
    }
    given.into_iter().reduce(Permissions::union)
}

fn may_join(room: &Room, at: Wall, entry: &Entry) -> bool {
    match &entry.pass {
        Pass::Shown { person, proof } => admitted(room, entry.door, person, *proof)
            .is_some_and(|permissions| is_open_to(room, at, permissions)),
        // The seat was admitted; only its newest token is good, and only for
        // somebody who is seen.
        Pass::Ticket(ticket) => {
            room.rules().redirect.is_none()
                && room.seats().any(|seat| {
                    seat.id == ticket.seat
                        && seat.current == ticket.number
                        && seat.means != Means::Viewer
                        && !has_run_out(seat, at)
                })
        }
    }
}

/// How many places are taken: members of which no seat knows, and seats that
/// stand for people.
fn taken(room: &Room, at: Wall) -> usize {
    let seated = room.seats().filter(|seat| seat.means != Means::Viewer);
    let seated = seated.filter(|seat| !has_run_out(seat, at)).count();
    let seatless = |member: &&parlour_room::Member| {
        !room.seats().any(|seat| Some(&seat.id) == member.seat.as_ref())
    };
    seated + room.members().filter(seatless).count()
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
    let places = rules.capacity.into_iter().chain(room.policy().capacity).min();
    let place = places.is_none_or(|most| taken(room, at) < most as usize);
    let guarded = rules.autokick || rules.autolock;
    room.lock().is_none() && hours && place && (attended || !guarded)
}

/// Whether what comes of it may be seen only when it is on disk.
pub(crate) fn must_be_kept(command: &Command) -> bool {
    match command {
        Command::Chat(speech) => speech.to.is_none() && speech.kind != "caption",
        Command::Lock(_) | Command::SetRoomAttributes(_) | Command::Grant(..) => true,
        Command::Admit(admission) => matches!(admission.terms, Terms::Rooms { .. }),
        _ => false,
    }
}

/// Compares what a room decided with what the model says.
pub(crate) fn judge(
    room: &Room,
    at: Wall,
    actor: &Actor,
    command: &Command,
    refusal: Option<&Refusal>,
) -> Result<(), String> {
    let right = has_right(room, at, actor, command);
    let fits = match refusal {
        None => right,
        Some(
            Refusal::NotAuthorised
            | Refusal::Locked(_)
            | Refusal::NotYetOpen
            | Refusal::Closed
            | Refusal::NoOperators
            | Refusal::Moved(_)
            | Refusal::DoorClosed
            | Refusal::NotOwner
            | Refusal::TokenDead,
        ) => !right,
        Some(_) => true,
    };
    if fits {
        return Ok(());
    }
    let said = refusal.map_or("accepted", Refusal::code);
    Err(format!("{actor:?} asked {command:?}, which was {said}; has the right: {right}"))
}
