//! How events change a room: the only code that writes its state.

use crate::event::{Event, Happening, StreamEnd};
use crate::member::{Member, MemberId};
use crate::room::{Call, Room};
use crate::seat::{Means, Seat};
use parlour_base::Wall;
use std::sync::Arc;

impl Room {
    /// Lets `event` have happened.
    ///
    /// # Panics
    /// If it is not the next event of this room's epoch.
    pub fn evolve(&mut self, event: &Event) {
        assert_eq!(event.epoch, self.epoch, "an event of another epoch");
        assert_eq!(event.seq, self.seq.next(), "an event out of order");
        self.seq = event.seq;
        match &event.what {
            Happening::AttributesSet(attributes) => self.attributes = Arc::new(attributes.clone()),
            Happening::CeilingRaised(ceiling) => self.clock.raise(*ceiling),
            Happening::Chatted { entry, .. } => self.chat.push_back(Arc::clone(entry)),
            Happening::ChatCleared { keys, .. } => {
                self.chat.retain(|entry| !keys.contains(&entry.key));
            }
            Happening::ChatExpired(count) => {
                self.chat.drain(..(*count as usize).min(self.chat.len()));
            }
            Happening::Configured(rules) => self.rules = Arc::new(rules.as_ref().clone()),
            Happening::Deleted => self.gone = true,
            Happening::DueNoted(due) => self.due = *due,
            Happening::Granted(grantee, Some(grant)) => {
                Arc::make_mut(&mut self.grants).insert(*grantee, grant.clone());
            }
            Happening::Granted(grantee, None) => {
                Arc::make_mut(&mut self.grants).remove(grantee);
            }
            Happening::Joined(member) => {
                self.arrivals = member.order;
                self.begin_call(event.at);
                let members = Arc::make_mut(&mut self.members);
                members.insert(member.id.clone(), Arc::new(Member::clone(member)));
            }
            Happening::LeaseSet(lease) => {
                self.lease = lease.as_deref().cloned().map(Arc::new);
                if lease.is_none() {
                    self.term = None;
                }
            }
            Happening::Left { member, .. } => {
                Arc::make_mut(&mut self.members).remove(&member.id);
                self.mind_end_of_call();
            }
            Happening::LockSet(lock) => self.lock = lock.as_deref().map(Into::into),
            Happening::MemberChanged { member, permissions, attributes, .. } => {
                self.change_member(member, |member| {
                    member.permissions = *permissions;
                    member.attributes = attributes.clone();
                });
            }
            Happening::PolicySet(policy) => self.policy = Arc::new(policy.as_ref().clone()),
            Happening::Requested { member, wishes } => {
                self.change_member(member, |member| member.wishes = wishes.clone());
            }
            Happening::RequestedStream { member, stream, wish } => {
                self.change_member(member, |member| {
                    match wish {
                        Some(wish) => member.overrides.insert(stream.clone(), *wish),
                        None => member.overrides.remove(stream),
                    };
                });
            }
            Happening::Said(_) => {}
            Happening::SeatLeft { seat, .. } => {
                Arc::make_mut(&mut self.seats).remove(&seat.id);
                self.mind_end_of_call();
            }
            Happening::SeatLive { seat, live, current, connecting } => {
                self.change_seat(seat, |seat| {
                    seat.live.clone_from(live);
                    seat.current = *current;
                    seat.connecting = *connecting;
                });
            }
            Happening::SeatRenewed { seat, expires } => self.change_seat(seat, |seat| {
                if let Means::Rooms(participant) = &mut seat.means {
                    participant.expires = *expires;
                }
            }),
            Happening::SeatReported { seat, report } => {
                self.change_seat(seat, |seat| seat.report = Some(report.clone()));
            }
            Happening::SeatTaken(seat) => {
                self.arrivals = self.arrivals.max(seat.order);
                if seat.takes_part() {
                    self.begin_call(event.at);
                }
                self.clock.advance(seat.current.0);
                let seats = Arc::make_mut(&mut self.seats);
                seats.insert(seat.id.clone(), Arc::new(Seat::clone(seat)));
            }
            Happening::Stamped(stamp) => {
                self.clock.advance(*stamp);
                self.stamp = *stamp;
            }
            Happening::StreamAnnounced { stream, tracks } => {
                if let Some(stream) = Arc::make_mut(&mut self.streams).get_mut(stream) {
                    stream.tracks = tracks.clone();
                }
            }
            Happening::StreamEnded { stream, how } => {
                Arc::make_mut(&mut self.streams).remove(&stream.id);
                let with_wish = |m: &&Arc<Member>| m.overrides.contains_key(&stream.id);
                let with_wish = self.members.values().filter(with_wish).map(|m| m.id.clone());
                for member in with_wish.collect::<Vec<_>>() {
                    self.change_member(&member, |member| {
                        let wish = member.overrides.remove(&stream.id);
                        // What was wanted of the old one goes for the new one.
                        if let (Some(wish), StreamEnd::Replaced { by }) = (wish, how) {
                            member.overrides.insert(by.clone(), wish);
                        }
                    });
                }
            }
            Happening::StreamPublished(stream) => {
                Arc::make_mut(&mut self.streams).insert(stream.id.clone(), stream.clone());
            }
            Happening::TermSet(term) => self.term = Some(*term),
        }
    }

    fn change_member(&mut self, id: &MemberId, change: impl FnOnce(&mut Member)) {
        if let Some(member) = Arc::make_mut(&mut self.members).get_mut(id) {
            change(Arc::make_mut(member));
        }
    }

    fn change_seat(&mut self, id: &crate::seat::SeatId, change: impl FnOnce(&mut Seat)) {
        if let Some(seat) = Arc::make_mut(&mut self.seats).get_mut(id) {
            change(Arc::make_mut(seat));
        }
    }

    /// A call begins with the first who comes.
    pub(crate) fn begin_call(&mut self, since: Wall) {
        if self.call.is_some() {
            return;
        }
        self.calls = self.calls.wrapping_add(1);
        // Twenty bits of the epoch and twelve of the count name a call among
        // those of the room that a token could still be alive of.
        let epoch = u32::try_from(self.epoch.0 & 0xf_ffff).expect("it has twenty bits");
        let incarnation = epoch << 12 | self.calls & 0xfff;
        self.call = Some(Call { incarnation, since });
    }

    /// A call ends with the last who goes.
    fn mind_end_of_call(&mut self) {
        if self.members.is_empty() && !self.seats().any(Seat::takes_part) {
            self.call = None;
        }
    }
}
