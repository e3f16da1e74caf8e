//! Seats: taking them, the race within one, and their end.
//!
//! The race is decided by token numbers alone (docs/protocols/callctl.md, the
//! state machine and its table of interleavings).

use super::Turn;
use crate::command::{Admission, Terms};
use crate::door::Door;
use crate::event::{Departure, Happening};
use crate::member::Member;
use crate::person::Person;
use crate::refusal::Refusal;
use crate::room::Room;
use crate::seat::{Means, Participant, Report, Seat, SeatEnd, SeatId, Slot, TokenNumber};
use crate::view::ROSTER_MAX;
use parlour_base::limits::NAME_BYTES_MAX;
use parlour_base::{Permission, Permissions, UserId, Wall};
use std::time::Duration;

/// Longest name of a seat's holder, in bytes: the rooms API counts up to 1,000
/// characters.
const SHOWN_NAME_BYTES_MAX: usize = 4_096;
/// Longest account of a seat's holder as it is kept, in bytes: an e-mail of 255
/// characters, sealed.
const ACCOUNT_BYTES_MAX: usize = 2_048;
/// Said to members whose seat was taken away.
const EVICTED: &str = "you have left the call";
/// The owner of a room by the rooms door may do this.
const OWNER: Permissions =
    Permissions::of(&[Permission::Op, Permission::Present, Permission::Message]);

impl Turn<'_> {
    /// Get or create, count, number: one step.
    pub(super) fn admit(&mut self, me: UserId, admission: Admission) -> Result<(), Refusal> {
        let Admission { slot, person, name, proof, terms } = admission;
        if person.user != me {
            return Err(Refusal::NotAuthorised);
        }
        check_sizes(&slot, &person, &name, &terms)?;
        let id = SeatId { user: me, slot };
        let old = self.room.seat(&id).cloned();
        let (before, other) = match old {
            // What is over, or was taken at another door, is no claim here.
            Some(old) if old.is_over(self.at) || old.door() != terms.door() => (None, Some(old)),
            old => (old, None),
        };
        let mut permissions = self.room.admit(terms.door(), &person, proof)?;
        let owner = self.is_owner(me) && !person.guest;
        if let Terms::Rooms { client_max, .. } = &terms {
            if owner {
                permissions = permissions.union(OWNER);
            }
            self.check_rooms_terms(me, person.guest, *client_max)?;
        }
        match (&before, &terms) {
            // Said again: the answer of the first time is still good.
            (Some(old), Terms::Callctl { request }) if old.is_answer_to(*request) => return Ok(()),
            (Some(_), _) => {}
            (None, _) => {
                self.check_entry(permissions)?;
                self.check_places(&terms)?;
            }
        }
        if let Some(other) = other {
            let how = if other.is_over(self.at) { SeatEnd::Expired } else { SeatEnd::Replaced };
            self.close_seat(&other, how);
        }
        let next = self.room.arrivals.saturating_add(1);
        let order = before.as_ref().map_or(next, |old| old.order);
        let seat = Seat {
            person,
            name,
            permissions,
            means: means(&terms, owner),
            order,
            since: before.as_ref().map_or(self.at, |old| old.since),
            current: TokenNumber(self.room.clock.next(self.at)),
            connecting: matches!(terms, Terms::Callctl { .. }),
            live: before.and_then(|old| old.live),
            report: None,
            id,
        };
        self.emit(Happening::SeatTaken(Box::new(seat)));
        if let Terms::Rooms { life, .. } = terms {
            self.prolong(life);
        }
        Ok(())
    }

    pub(super) fn is_owner(&self, user: UserId) -> bool {
        self.room.lease.as_ref().is_some_and(|lease| lease.owner == Some(user))
    }

    /// The rooms door's own arithmetic, in its order
    /// (docs/protocols/rooms.md, admission).
    fn check_rooms_terms(&self, me: UserId, guest: bool, client_max: i64) -> Result<(), Refusal> {
        let lease = self.lease_in_force()?;
        let all = self.room.participants_at(self.at);
        let others: Vec<_> = all.iter().filter(|one| guest || one.user != me).collect();
        let limits = others.iter().filter_map(|one| one.client_max).map(i64::from);
        let policy = self.room.capacity().map(i64::from);
        let capacity =
            limits.chain(policy).fold(i64::from(lease.max_size), |least, one| least.min(one));
        let count = i64::try_from(others.len()).unwrap_or(i64::MAX);
        let reserved = !others.iter().any(|one| one.owner)
            && lease.owner.is_some()
            && (guest || lease.owner != Some(me));
        let free = capacity - count - i64::from(reserved);
        if free <= 0 {
            Err(Refusal::Full)
        } else if client_max <= count {
            Err(Refusal::Crowded)
        } else {
            Ok(())
        }
    }

    /// Places beyond the room's capacity: the room's limit on seats, and the
    /// limit of a conference.
    fn check_places(&self, terms: &Terms) -> Result<(), Refusal> {
        let limits = &self.room.limits;
        if self.room.seats.len() >= limits.seats as usize {
            return Err(Refusal::Full);
        }
        let most = (limits.conference as usize).min(ROSTER_MAX);
        match terms {
            Terms::Callctl { .. } if self.room.occupancy() >= most => Err(Refusal::Full),
            _ => Ok(()),
        }
    }

    pub(super) fn renew(&mut self, me: UserId, id: &SeatId, expires: Wall) -> Result<(), Refusal> {
        self.own_seat(me, id)?.participant().ok_or(Refusal::UnknownSeat)?;
        self.emit(Happening::SeatRenewed { seat: id.clone(), expires });
        Ok(())
    }

    pub(super) fn report(
        &mut self,
        me: UserId,
        id: &SeatId,
        report: Report,
    ) -> Result<(), Refusal> {
        self.own_seat(me, id)?;
        self.check_value(report.event.len().saturating_add(report.state.len()))?;
        self.emit(Happening::SeatReported { seat: id.clone(), report });
        Ok(())
    }

    /// A leave with an older token than the current one has no effect, and
    /// neither has one with somebody else's.
    pub(super) fn give_up(
        &mut self,
        me: UserId,
        id: &SeatId,
        number: Option<TokenNumber>,
        life: Duration,
    ) -> Result<(), Refusal> {
        let seat = self.own_seat(me, id)?.clone();
        // Without a token it cannot be placed in the race, where there is one.
        let placed = number.or_else(|| (seat.door() != Door::Callctl).then_some(seat.current));
        let late = placed.is_none_or(|number| number < seat.current);
        #[cfg(feature = "planted")]
        let late = late && !crate::planted::is(crate::planted::Bug::LateLeaveEvicts);
        if late {
            return Ok(());
        }
        let leased = seat.participant().is_some();
        self.close_seat(&seat, SeatEnd::Left);
        if leased {
            self.prolong(life);
        }
        Ok(())
    }

    fn own_seat(&self, me: UserId, id: &SeatId) -> Result<&Seat, Refusal> {
        if id.user != me {
            return Err(Refusal::UnknownSeat);
        }
        let seat = self.room.seat(id).filter(|seat| !seat.is_over(self.at));
        seat.ok_or(Refusal::UnknownSeat)
    }

    /// The time to connect has passed: for whom it was not set any more,
    /// nothing happens.
    pub(super) fn lapse(&mut self, id: &SeatId, number: TokenNumber) {
        let Some(seat) = self.room.seat(id).cloned() else { return };
        if seat.current != number || !seat.connecting {
            return;
        }
        match seat.live {
            None => self.end_seat(&seat, SeatEnd::Expired),
            Some(live) => {
                let current = live.number;
                let live = Some(live);
                self.emit(Happening::SeatLive { seat: seat.id, live, current, connecting: false });
            }
        }
    }

    pub(super) fn evict(&mut self, id: &SeatId) -> Result<(), Refusal> {
        let seat = self.room.seat(id).cloned().ok_or(Refusal::UnknownSeat)?;
        self.close_seat(&seat, SeatEnd::Evicted);
        Ok(())
    }

    pub(super) fn evict_user(&mut self, user: UserId) {
        let seats: Vec<Seat> =
            self.room.seats().filter(|seat| seat.person.user == user).cloned().collect();
        for seat in seats {
            self.end_seat(&seat, SeatEnd::Evicted);
        }
        let members: Vec<_> =
            self.room.members.values().filter(|m| m.person.user == user).cloned().collect();
        for member in members {
            let how = Departure::Kicked { by: None, message: EVICTED.to_owned() };
            self.remove(&member, how);
        }
        self.mind_absent_operators();
    }

    pub(super) fn evict_all(&mut self) {
        let seats: Vec<Seat> = self.room.seats().cloned().collect();
        for seat in seats {
            self.end_seat(&seat, SeatEnd::Evicted);
        }
    }

    /// Ends a seat, and minds that it may have been an operator's.
    fn close_seat(&mut self, seat: &Seat, how: SeatEnd) {
        self.end_seat(seat, how);
        if seat.live.is_some() {
            self.mind_absent_operators();
        }
    }

    /// Ends a seat and whoever came in by it.
    fn end_seat(&mut self, seat: &Seat, how: SeatEnd) {
        let live = seat.live.as_ref().and_then(|live| self.room.members.get(&live.member));
        if let Some(member) = live.cloned() {
            let how = Departure::Kicked { by: None, message: EVICTED.to_owned() };
            self.remove_member(&member, how);
        }
        self.emit(Happening::SeatLeft { seat: Box::new(seat.clone()), how });
    }

    /// A member that came in by a seat is gone.
    pub(super) fn seat_is_dead(&mut self, member: &Member, turned_out: bool) {
        let seat = member.seat.as_ref().and_then(|id| self.room.seat(id)).cloned();
        let Some(seat) = seat else { return };
        let Some(live) = seat.live.as_ref().filter(|live| live.member == member.id) else { return };
        if turned_out {
            self.end_seat(&Seat { live: None, ..seat }, SeatEnd::Evicted);
        } else if seat.door() == Door::Callctl && live.number >= seat.current {
            self.end_seat(&Seat { live: None, ..seat }, SeatEnd::Disconnected);
        } else {
            self.emit(Happening::SeatLive {
                seat: seat.id,
                live: None,
                current: seat.current,
                connecting: seat.connecting,
            });
        }
    }

    /// Ends what has run out.
    pub(super) fn expire(&mut self, life: Duration) {
        let at = self.at;
        let over = |seat: &&Seat| seat.is_over(at);
        let seats: Vec<Seat> = self.room.seats().filter(over).cloned().collect();
        let first = seats.iter().filter_map(Seat::participant).map(|one| one.expires).min();
        let ends = self.room.term.map(|term| term.expires).filter(|ends| *ends <= at);
        // Whose time ran out after the room's could not prolong it any more.
        let ends = ends.filter(|ends| first.is_none_or(|first| *ends <= first));
        for seat in &seats {
            self.end_seat(seat, SeatEnd::Expired);
        }
        if ends.is_some() {
            self.end_lease();
        } else if !seats.is_empty() {
            self.prolong(life);
        }
        if seats.iter().any(|seat| seat.live.is_some()) && !self.room.gone {
            self.mind_absent_operators();
        }
    }
}

/// Whatever is kept of somebody has a size.
fn check_sizes(slot: &Slot, person: &Person, name: &str, terms: &Terms) -> Result<(), Refusal> {
    let slot = if let Slot::Client(client) = slot { client } else { "" };
    let connection = if let Terms::Rooms { connection, .. } = terms { connection } else { "" };
    let kik = person.kik.as_deref().unwrap_or("");
    let account = person.account.as_ref().map_or(0, String::len);
    let longest = [kik, slot, connection].map(str::len).into_iter().max();
    if longest > Some(NAME_BYTES_MAX)
        || account > ACCOUNT_BYTES_MAX
        || name.len() > SHOWN_NAME_BYTES_MAX
    {
        return Err(Refusal::TooLarge);
    }
    Ok(())
}

fn means(terms: &Terms, owner: bool) -> Means {
    match terms {
        Terms::Callctl { request } => Means::Callctl { request: *request },
        Terms::Rooms { connection, client_max, expires, .. } => Means::Rooms(Participant {
            connection: connection.clone(),
            client_max: u32::try_from(*client_max).unwrap_or(u32::MAX),
            owner,
            expires: *expires,
        }),
        Terms::Viewer => Means::Viewer,
        Terms::Elsewhere => Means::Elsewhere,
    }
}

impl Room {
    /// When something in the room is due by itself: a participant or the
    /// lease runs out.
    #[must_use]
    pub fn due(&self) -> Option<Wall> {
        let seats = self.seats().filter_map(Seat::participant).map(|p| p.expires);
        seats.chain(self.term.map(|term| term.expires)).min()
    }
}
