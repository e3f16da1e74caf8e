//! What each door shows of who is in the room: the one place where a member or
//! a held seat becomes, or does not become, somebody that a door lists.
//!
//! Source: docs/design/architecture.md, "Who is seen where".

use crate::door::Door;
use crate::member::{Member, MemberKind};
use crate::room::Room;
use crate::seat::{Means, Seat};
use parlour_base::{Permission, UserId, Wall};
use std::collections::BTreeMap;

/// Most people that call control lists (docs/protocols/callctl.md, REQ-13).
pub const ROSTER_MAX: usize = 100;

/// What call control says of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallState {
    /// Admitted, and on the way to the media server.
    Connecting,
    /// There.
    Connected,
}

/// Somebody whom the rooms door lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participating<'r> {
    /// A UUID, new at every join.
    pub connection: String,
    /// The name.
    pub name: &'r str,
    /// Who it is.
    pub user: UserId,
    /// It is the owner of the room.
    pub owner: bool,
    /// The account, if it is logged in to one.
    pub account: Option<&'r str>,
    /// Most people that its client can show, if it said so.
    pub client_max: Option<u32>,
}

/// Somebody as the integration API shows them.
#[derive(Debug, Clone, Copy)]
pub struct Presence<'r> {
    /// The seat, if one is held.
    pub seat: Option<&'r Seat>,
    /// The member, if the seat is live or there is none.
    pub member: Option<&'r Member>,
    /// How they are there.
    pub state: PresenceState,
}

/// How somebody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PresenceState {
    /// Admitted, without a media session yet.
    Connecting,
    /// With one.
    Connected,
    /// In a call that is carried elsewhere.
    Elsewhere,
    /// Receives only, and is not seen.
    Viewer,
    /// A part of the server.
    System,
}

impl PresenceState {
    /// The word in the integration API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Elsewhere => "elsewhere",
            Self::Viewer => "viewer",
            Self::System => "system",
        }
    }
}

impl Member {
    /// Whether people see it as one of them.
    pub(crate) fn is_person(&self) -> bool {
        self.kind != MemberKind::Recorder && !self.permissions.has(Permission::System)
    }
}

impl Room {
    /// Whom call control lists, by the order of coming, at most
    /// [`ROSTER_MAX`]: (name, state).
    #[must_use]
    pub fn roster(&self) -> Vec<(&str, CallState)> {
        let mut first: BTreeMap<&str, (u64, CallState)> = BTreeMap::new();
        for (name, order, state) in self.callers() {
            let entry = first.entry(name).or_insert((order, state));
            *entry = (entry.0.min(order), entry.1.max(state));
        }
        let mut list: Vec<_> = first.into_iter().collect();
        list.sort_unstable_by_key(|(_, (order, _))| *order);
        list.truncate(ROSTER_MAX);
        list.into_iter().map(|(name, (_, state))| (name, state)).collect()
    }

    /// Members and connecting seats with a name in call control.
    pub(crate) fn callers(&self) -> impl Iterator<Item = (&str, u64, CallState)> {
        let people = self.members.values().filter(|member| member.is_person());
        let connected = people.filter_map(|member| {
            Some((member.person.kik.as_deref()?, self.order_of(member), CallState::Connected))
        });
        let connecting = self.seats().filter_map(|seat| match seat.means {
            Means::Callctl { .. } => {
                Some((seat.person.kik.as_deref()?, seat.order, CallState::Connecting))
            }
            _ => None,
        });
        connected.chain(connecting)
    }

    /// A member that came in with a token came when its seat was taken.
    fn order_of(&self, member: &Member) -> u64 {
        let seat = member.seat.as_ref().and_then(|seat| self.seat(seat));
        seat.map_or(member.order, |seat| seat.order)
    }

    /// What call control says of one user.
    #[must_use]
    pub fn call_state(&self, name: &str) -> Option<CallState> {
        self.callers().filter(|(who, ..)| *who == name).map(|(.., state)| state).max()
    }

    /// How many the rooms door lists.
    #[must_use]
    pub fn participant_count(&self) -> usize {
        let waiting = |seat: &&Seat| seat.live.is_none() && seat.participant().is_some();
        let people = self.members.values().filter(|member| member.is_person());
        people.count() + self.seats().filter(waiting).count()
    }

    /// Whom the rooms door lists, by the order of coming.
    #[must_use]
    pub fn participants(&self) -> Vec<Participating<'_>> {
        self.participants_at(Wall(i64::MIN))
    }

    /// The same without those whose time is over by then.
    #[must_use]
    pub fn participants_at(&self, at: Wall) -> Vec<Participating<'_>> {
        let mut list = Vec::new();
        for member in self.members.values().filter(|member| member.is_person()) {
            let seat = member.seat.as_ref().and_then(|seat| self.seat(seat));
            if seat.is_some_and(|seat| seat.is_over(at)) {
                continue;
            }
            let order = self.order_of(member);
            match seat.and_then(|seat| self.participating(seat)) {
                Some(participant) => list.push((order, participant)),
                None => list.push((order, self.visiting(member, order))),
            }
        }
        for seat in self.seats().filter(|seat| seat.live.is_none() && !seat.is_over(at)) {
            list.extend(self.participating(seat).map(|participant| (seat.order, participant)));
        }
        list.sort_by_key(|(order, _)| *order);
        list.into_iter().map(|(_, participant)| participant).collect()
    }

    fn participating<'r>(&self, seat: &'r Seat) -> Option<Participating<'r>> {
        let participant = seat.participant()?;
        Some(Participating {
            connection: participant.connection.clone(),
            name: &seat.name,
            user: seat.person.user,
            owner: participant.owner,
            account: seat.person.account.as_deref(),
            client_max: Some(participant.client_max),
        })
    }

    /// A member that did not come by the rooms door.
    fn visiting<'r>(&self, member: &'r Member, order: u64) -> Participating<'r> {
        let owner = self.lease.as_ref().and_then(|lease| lease.owner);
        Participating {
            connection: self.connection(order),
            name: &member.name,
            user: member.person.user,
            owner: !member.person.guest && owner == Some(member.person.user),
            account: member.person.account.as_deref(),
            client_max: None,
        }
    }

    /// A UUID that is new for each arrival, in the form that clients of the
    /// rooms door expect.
    fn connection(&self, order: u64) -> String {
        let (room, epoch) = (self.id.bits(), self.epoch.0);
        let tail = epoch.wrapping_shl(32) ^ order;
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            room >> 32,
            room >> 16 & 0xffff,
            room & 0xfff,
            room >> 12 & 0xf | tail >> 48 & 0xff0,
            tail & 0xffff_ffff_ffff,
        )
    }

    /// Whether a call is in progress as chat shows it: from two users on.
    #[must_use]
    pub fn is_call_in_progress(&self) -> bool {
        let members = self.members.values().filter(|member| member.is_person());
        let elsewhere = self.seats().filter(|seat| seat.means == Means::Elsewhere);
        let mut users =
            members.map(|member| member.person.user).chain(elsewhere.map(|seat| seat.person.user));
        let first = users.next();
        users.any(|user| Some(user) != first)
    }

    /// Everybody, as the integration API shows them, by the order of coming.
    #[must_use]
    pub fn presences(&self) -> Vec<Presence<'_>> {
        let mut list = Vec::new();
        for member in self.members.values() {
            let state =
                if member.is_person() { PresenceState::Connected } else { PresenceState::System };
            let seat = member.seat.as_ref().and_then(|seat| self.seat(seat));
            list.push((self.order_of(member), Presence { seat, member: Some(member), state }));
        }
        for seat in self.seats().filter(|seat| seat.live.is_none()) {
            let state = match seat.means {
                Means::Callctl { .. } | Means::Rooms(_) => PresenceState::Connecting,
                Means::Viewer => PresenceState::Viewer,
                Means::Elsewhere => PresenceState::Elsewhere,
            };
            list.push((seat.order, Presence { seat: Some(seat), member: None, state }));
        }
        list.sort_by_key(|(order, _)| *order);
        list.into_iter().map(|(_, presence)| presence).collect()
    }

    /// How many places of the room's capacity are taken, by whichever door.
    #[must_use]
    pub fn occupancy(&self) -> usize {
        let waiting = |seat: &&Seat| seat.live.is_none() && seat.takes_part();
        self.members.len() + self.seats().filter(waiting).count()
    }

    /// The same without those whose time is over by then.
    pub(crate) fn occupancy_at(&self, at: Wall) -> usize {
        let over = self.seats().filter(|seat| seat.is_over(at)).count();
        self.occupancy().saturating_sub(over)
    }
}

impl Seat {
    /// The door by which it is held.
    #[must_use]
    pub const fn door(&self) -> Door {
        match self.means {
            Means::Callctl { .. } => Door::Callctl,
            Means::Rooms(_) => Door::Rooms,
            Means::Viewer => Door::Whep,
            Means::Elsewhere => Door::Chat,
        }
    }
}
