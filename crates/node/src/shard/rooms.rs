//! The shard's side of its rooms: commands in, events to everybody they
//! reach.

use super::{Shard, Timer};
use crate::asker::Asker;
use crate::hosted::Hosted;
use crate::media::RoomMedia;
use crate::opening::Name;
use crate::port::Output;
use crate::timeline::{Due, Proposal, Step, Timeline, Undone, Why, goes};
use crate::watch::Decision;
use parlour_base::storage::StoreOp;
use parlour_base::{Now, RoomId};
use parlour_room::{Actor, Command, Event, Happening, MemberId, Refusal, Room};
use parlour_session::galene::{self, News};
use parlour_session::{Cause, Outcome};
use parlour_sfu::plan::WorkerIndex;
use std::collections::BTreeMap;

impl Shard {
    /// Has a room do something, and whatever follows from it.
    pub(crate) fn command(
        &mut self,
        now: Now,
        asker: Asker,
        room: RoomId,
        actor: Actor,
        command: Command,
    ) {
        self.propose(now, room, Proposal { asker, actor, command, along: Vec::new() });
    }

    /// The same for the server itself.
    pub(crate) fn house(&mut self, now: Now, room: RoomId, command: Command) {
        self.propose(now, room, Proposal::quiet(Actor::House, command));
    }

    pub(crate) fn propose(&mut self, now: Now, room: RoomId, proposal: Proposal) {
        if self.telling {
            self.queued.push_back((room, proposal));
            return;
        }
        self.propose_now(now, room, proposal);
        self.catch_up(now);
    }

    fn propose_now(&mut self, now: Now, room: RoomId, proposal: Proposal) {
        let Some(hosted) = self.rooms.get_mut(&room) else {
            if let Asker::Call(id) = proposal.asker {
                self.call_ready(id, Outcome::NoRoom);
            }
            return;
        };
        let Proposal { asker, actor, command, .. } = &proposal;
        let crowded = hosted.timeline.waiting() >= self.config.limits.waiting_commands as usize;
        // Nobody could be told that leaving or ending a stream failed.
        let ends = matches!(command, Command::Leave | Command::Unpublish(_));
        if crowded && *actor != Actor::House && !ends {
            self.refused(now, *asker, room, command, &Refusal::StoreUnavailable);
            return;
        }
        if !hosted.is_its_own(&proposal) {
            let (asker, command) = (*asker, command.clone());
            if !self.goes_later(now, room, proposal) {
                self.refused(now, asker, room, &command, &Refusal::NotHere);
            }
            return;
        }
        match hosted.timeline.submit(now, proposal) {
            Ok(due) => self.due(now, room, due),
            Err(back) => {
                let (proposal, refusal) = *back;
                let Proposal { asker, actor, command, .. } = &proposal;
                let (asker, actor, command) = (*asker, actor.clone(), command.clone());
                if self.goes_later(now, room, proposal) {
                    return;
                }
                if let Some(hosted) = self.rooms.get(&room) {
                    let head = hosted.timeline.head();
                    if let Some(decisions) = &mut self.decisions {
                        decisions.push(Decision::Refused {
                            room: Box::new(head.clone()),
                            actor,
                            command: command.clone(),
                            refusal: refusal.clone(),
                        });
                    }
                }
                self.refused(now, asker, room, &command, &refusal);
            }
        }
    }

    /// Who or what is on the way out already goes by this, should the other
    /// way be undone.
    fn goes_later(&mut self, now: Now, room: RoomId, proposal: Proposal) -> bool {
        let Some(hosted) = self.rooms.get_mut(&room) else { return false };
        let waits = goes(&proposal.command)
            && !matches!(proposal.asker, Asker::Call(_))
            && !hosted.is_moot(now, &proposal);
        if waits {
            hosted.ask_again(now, proposal);
            self.arm_room(now, room);
        }
        waits
    }

    pub(super) fn due(&mut self, now: Now, room: RoomId, due: Due) {
        if !due.background.is_empty() {
            let id = self.store(StoreOp::Commit(due.background));
            self.background.insert(id, room);
        }
        if let Some(writes) = due.commit {
            let id = self.store(StoreOp::Commit(writes));
            self.flights.insert(id, room);
            if let Some(hosted) = self.rooms.get_mut(&room) {
                hosted.flight = Some(id);
            }
        }
        self.telling = true;
        while let Some(step) = self.rooms.get_mut(&room).and_then(|h| h.timeline.next_visible()) {
            self.publish(now, room, step);
        }
        for asker in due.idle {
            self.did(asker, room, Vec::new());
        }
        for undone in due.refuse {
            if undone.must_happen()
                && let Some(hosted) = self.rooms.get_mut(&room)
            {
                let Undone { asker, actor, command, .. } = undone;
                hosted.again.push(Proposal { asker, actor, command, along: Vec::new() });
                continue;
            }
            match (undone.why, undone.asker) {
                (Why::Store(fault), Asker::Call(id)) => {
                    self.call_at(id, room, Outcome::Fault(fault));
                }
                (Why::Store(_), asker) => {
                    let refusal = Refusal::StoreUnavailable;
                    self.refused(now, asker, room, &undone.command, &refusal);
                }
                (Why::Refusal(refusal), asker) => {
                    self.refused(now, asker, room, &undone.command, &refusal);
                }
            }
        }
        self.telling = false;
        if self.rooms.get(&room).is_some_and(|hosted| hosted.timeline.published().is_gone()) {
            self.forget_room(now, room);
        }
        self.arm_room(now, room);
    }

    /// Does what was asked while events were being told.
    pub(super) fn catch_up(&mut self, now: Now) {
        while let Some((room, proposal)) = self.queued.pop_front() {
            self.propose_now(now, room, proposal);
        }
    }

    fn did(&mut self, asker: Asker, room: RoomId, events: Vec<Event>) {
        if let Asker::Call(id) = asker {
            self.call_at(id, room, Outcome::Did(events));
        }
    }

    /// Shows everybody what happened.
    fn publish(&mut self, now: Now, room: RoomId, step: Step) {
        self.decided(|| Decision::Shown {
            room,
            actor: step.actor.clone(),
            command: step.command.clone(),
            events: step.events.clone(),
        });
        for event in &step.events {
            self.counts.events_total += 1;
            let Some(hosted) = self.rooms.get_mut(&room) else { return };
            if let (Happening::Joined(member), Asker::Conn(conn)) = (&event.what, step.asker) {
                hosted.connections.insert(member.id.clone(), conn);
            }
            self.tell_all(room, event);
            self.with_media(now, room, |media, means, room| media.event(means, room, event));
            self.follow(now, room, &event.what);
        }
        self.mind_idleness(now, room);
        if let Some(hosted) = self.rooms.get(&room) {
            let seen = hosted.timeline.published();
            let request = self.request_of(step.asker);
            let cause = Cause { actor: &step.actor, request };
            let observed = self.config.doors.observe(seen, &hosted.names, cause, &step.events);
            self.observed(observed);
        }
        self.did(step.asker, room, step.events);
    }

    /// What the shard itself does because of an event.
    fn follow(&mut self, now: Now, room: RoomId, what: &Happening) {
        match what {
            Happening::Left { member, .. } => self.part(room, &member.id),
            Happening::SeatTaken(seat) if seat.connecting => {
                let due = now.mono + self.config.limits.connecting.0;
                self.arm(Some(due), Timer::Seat(room, seat.id.clone(), seat.current));
            }
            Happening::Deleted => self.keep_floor(room),
            Happening::Configured(_) | Happening::PolicySet(_) | Happening::LeaseSet(_) => {
                if let Some(hosted) = self.rooms.get_mut(&room) {
                    hosted.blank = false;
                }
            }
            _ => {}
        }
    }

    /// A room is gone, and its names may come to mean another one, whose clock
    /// must not be behind this one's.
    pub(super) fn keep_floor(&mut self, room: RoomId) {
        let Some(hosted) = self.rooms.get(&room) else { return };
        let ceiling = hosted.timeline.head().clock().ceiling();
        if let Some(write) = self.directory.raise_floor(ceiling) {
            self.store_quietly(write);
        }
    }

    /// Notes since when nobody is in a room.
    fn mind_idleness(&mut self, now: Now, room: RoomId) {
        let Some(hosted) = self.rooms.get_mut(&room) else { return };
        if !hosted.timeline.published().is_empty() {
            hosted.idle_since = None;
        } else if hosted.idle_since.is_none() {
            hosted.idle_since = Some(now.mono);
        }
    }

    /// Tells everybody in a room of an event. Their sessions only speak: what
    /// they would ask in return, nothing, is not looked for.
    fn tell_all(&mut self, room: RoomId, event: &Event) {
        let Self { rooms, clients, config, out, ready, .. } = self;
        let Some(hosted) = rooms.get(&room) else { return };
        let mut news = News::new(&config.galene, hosted.timeline.published(), event);
        for &conn in hosted.connections.values() {
            let Some(client) = clients.get_mut(&conn) else { continue };
            let session = &mut client.session;
            session.event(&mut news);
            while let Some(output) = session.poll() {
                out.push_back(match output {
                    galene::Output::Send(text) => Output::Send { conn, text },
                    galene::Output::Close { code, reason } => Output::Close { conn, code, reason },
                    galene::Output::Ask(ask) => unreachable!("an event made a session ask {ask:?}"),
                });
            }
            if session.is_ready() {
                ready.push_back(conn);
            }
        }
    }

    fn part(&mut self, room: RoomId, member: &MemberId) {
        let Some(hosted) = self.rooms.get_mut(&room) else { return };
        if let Some(conn) = hosted.connections.remove(member)
            && let Some(client) = self.clients.get_mut(&conn)
        {
            client.place = None;
            self.departed(conn);
        }
    }

    pub(super) fn refused(
        &mut self,
        now: Now,
        asker: Asker,
        room: RoomId,
        command: &Command,
        refusal: &Refusal,
    ) {
        self.counts.refusals_total += 1;
        if *refusal == Refusal::StoreUnavailable {
            self.counts.store_refusals_total += 1;
        }
        let conn = match asker {
            Asker::Nobody => return,
            Asker::Call(id) => return self.call_at(id, room, Outcome::Refused(refusal.clone())),
            Asker::Conn(conn) => conn,
        };
        match command {
            Command::Join(_) => {
                if let Some(client) = self.clients.get_mut(&conn) {
                    client.place = None;
                }
                self.entry_refused(now, conn, refusal);
            }
            Command::Publish { stream, replaces, .. } => {
                self.with_media(now, room, |media, means, _| media.unprepare(means, stream));
                self.publish_refused(now, conn, stream, replaces.clone(), refusal);
            }
            other => self.with_session(now, conn, |session, _| session.refused(other, refusal)),
        }
    }

    /// Lets a room go in which nobody is and nothing waits, in good order.
    pub(super) fn forget_room(&mut self, now: Now, id: RoomId) {
        if self.is_quiet(id) {
            self.house(now, id, Command::Rest);
            self.drop_room(now, id);
        }
    }

    /// The same without a last word to the store.
    pub(super) fn drop_room(&mut self, now: Now, id: RoomId) {
        if !self.is_quiet(id) {
            return;
        }
        self.with_media(now, id, |media, means, _| media.close(means));
        let Some(hosted) = self.rooms.remove(&id) else { return };
        for name in &hosted.names {
            self.directory.unbind(id, name);
        }
        let head = hosted.timeline.head();
        if let Some(at) = head.due().filter(|_| !head.is_gone()) {
            self.due_later(now, at, id);
        }
        self.decided(|| Decision::Forgotten(id));
    }

    fn is_quiet(&self, id: RoomId) -> bool {
        self.rooms.get(&id).is_some_and(|hosted| {
            let head = hosted.timeline.head();
            (head.is_empty() || head.is_gone()) && hosted.timeline.waiting() == 0
        })
    }

    /// Takes a room into memory.
    pub(crate) fn host(&mut self, now: Now, room: Room, names: Vec<Name>, blank: bool) {
        let worker = WorkerIndex(self.next_worker);
        self.next_worker = (self.next_worker + 1) % self.config.media.workers.max(1);
        let id = room.id();
        self.decided(|| Decision::Hosted(Box::new(room.clone())));
        for name in &names {
            self.directory.bind(id, name);
        }
        let interrupted = room.was_interrupted();
        self.rooms.insert(
            id,
            Hosted {
                timeline: Timeline::new(room),
                names,
                blank,
                connections: BTreeMap::new(),
                media: RoomMedia::new(worker),
                access: None,
                idle_since: Some(now.mono),
                expire_after: now.mono,
                again: Vec::new(),
                flight: None,
                armed: None,
            },
        );
        if interrupted {
            self.house(now, id, Command::Wake);
        }
        self.mind_idleness(now, id);
        self.arm_room(now, id);
    }

    /// A room in memory has one more name.
    pub(crate) fn name_bound(&mut self, room: RoomId, name: Name) {
        let Some(hosted) = self.rooms.get_mut(&room) else { return };
        self.directory.bind(room, &name);
        if !hosted.names.contains(&name) {
            hosted.names.push(name);
            hosted.names.sort_unstable();
        }
    }

    /// A room in memory has one name less.
    pub(crate) fn name_unbound(&mut self, room: RoomId, name: &Name) {
        let Some(hosted) = self.rooms.get_mut(&room) else { return };
        self.directory.unbind(room, name);
        hosted.names.retain(|other| other != name);
    }
}
