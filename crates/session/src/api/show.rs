//! Rooms and who is in them, as applications see them.

use crate::flow::Seen;
use parlour_base::{Json, Wall};
use parlour_room::lease::Lease;
use parlour_room::member::MemberKind;
use parlour_room::policy::{Grant, Grantee};
use parlour_room::seat::Report;
use parlour_room::view::Presence;
use parlour_room::{Door, Policy, Room};
use serde_json::json;

/// A room.
pub(super) fn room(seen: &Seen) -> Json {
    let Seen { room, names } = seen;
    let lease = room.lease().map(|lease| (lease, room.term().map(|term| term.expires)));
    described(
        &room.id().to_string(),
        room.rules().display_name.as_deref(),
        names,
        room.policy(),
        lease,
    )
}

/// The same from its parts.
pub(super) fn described(
    id: &str,
    display_name: Option<&str>,
    names: &[(String, String)],
    policy: &Policy,
    lease: Option<(&Lease, Option<Wall>)>,
) -> Json {
    json!({
        "id": id,
        "display_name": display_name,
        "names": self::names(names),
        "policy": {
            "doors": policy.doors,
            "entry": policy.entry,
            "guests": policy.guests,
            "capacity": policy.capacity,
            "has_password": policy.password.is_some(),
        },
        "lease": lease.map(|(lease, expires)| json!({
            "owner": lease.owner,
            "owner_name": lease.owner_name,
            "max_size": lease.max_size,
            "created": lease.created,
            "expires": expires,
        })),
    })
}

/// Names of a room.
pub(super) fn names(names: &[(String, String)]) -> Vec<Json> {
    names.iter().map(|(namespace, name)| self::name(namespace, name)).collect()
}

/// One of them.
pub(super) fn name(namespace: &str, name: &str) -> Json {
    json!({ "namespace": namespace, "name": name })
}

/// A right.
pub(super) fn grant(grantee: &Grantee, grant: &Grant) -> Json {
    json!({
        "grantee": grantee,
        "permissions": grant.permissions,
        "since": grant.since,
        "kik": grant.kik,
    })
}

/// The call of a room.
pub(super) fn call(room: &Room) -> Json {
    let call = room.call();
    json!({
        "active": call.is_some(),
        "since": call.map(|call| call.since),
        "incarnation": call.map(|call| call.incarnation),
        "members": room.presences().len(),
        "in_progress": room.is_call_in_progress(),
    })
}

/// What somebody in a call is called in paths: by the client's own id, or by
/// the seat while there is no client.
pub(super) fn member_id(presence: &Presence<'_>) -> String {
    match (presence.member, presence.seat) {
        (Some(member), _) => format!("m:{}", member.id),
        (None, Some(seat)) => format!("s:{}", seat.id),
        (None, None) => String::new(),
    }
}

/// The place of somebody in the order of coming.
pub(super) fn order(presence: &Presence<'_>) -> u64 {
    let seat = presence.seat.map(|seat| seat.order);
    seat.or_else(|| presence.member.map(|member| member.order)).unwrap_or(0)
}

/// Somebody in a call.
pub(super) fn member(presence: &Presence<'_>) -> Json {
    let Presence { seat, member, state } = presence;
    let person = member.map(|m| &m.person).or_else(|| seat.map(|s| &s.person));
    let name = member.map(|m| &m.name).or_else(|| seat.map(|s| &s.name));
    let since = seat.map(|s| s.since).or_else(|| member.map(|m| m.since));
    let permissions = member.map(|m| m.permissions).or_else(|| seat.map(|s| s.permissions));
    let door = match (seat, member.map(|m| m.kind)) {
        (Some(seat), _) => seat.door(),
        (None, Some(MemberKind::Whip)) => Door::Whip,
        (None, _) => Door::Galene,
    };
    json!({
        "id": member_id(presence),
        "user": person.map(|person| person.user),
        "guest": person.map(|person| person.guest),
        "kik": person.and_then(|person| person.kik.as_ref()),
        "name": name,
        "door": door,
        "state": state.name(),
        "since": since,
        "permissions": permissions,
        "report": seat.and_then(|seat| seat.report.as_ref()).map(report),
    })
}

fn report(report: &Report) -> Json {
    json!({
        "event": report.event,
        "state": report.state,
        "connections": report.connections,
        "sends": report.sends,
        "receives": report.receives,
        "at": report.at,
    })
}
