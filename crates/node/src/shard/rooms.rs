//! The shard's side of its rooms: commands in, events to everybody they
//! reach.

use super::{Queued, Shard};
use crate::hosted::Hosted;
use crate::media::RoomMedia;
use crate::port::Output;
use crate::timeline::{Due, Step, Timeline};
use crate::watch::Decision;
use parlour_base::storage::StoreOp;
use parlour_base::{ConnId, Now, RoomId};
use parlour_room::{Actor, Command, Happening, MemberId, Refusal, Room};
use parlour_session::galene;
use parlour_session::galene::EntryFailure;
use parlour_sfu::plan::WorkerIndex;
use std::collections::BTreeMap;

impl Shard {
    /// Has a room do something, and whatever follows from it.
    pub(crate) fn command(
        &mut self,
        now: Now,
        asker: Option<ConnId>,
        room: RoomId,
        actor: Actor,
        command: Command,
    ) {
        if self.telling {
            self.queued.push_back(Queued { asker, room, actor, command });
            return;
        }
        self.command_now(now, asker, room, actor, command);
        self.catch_up(now);
    }

    pub(super) fn command_now(
        &mut self,
        now: Now,
        asker: Option<ConnId>,
        room: RoomId,
        actor: Actor,
        command: Command,
    ) {
        let Some(hosted) = self.rooms.get_mut(&room) else { return };
        let crowded = hosted.timeline.waiting() >= self.config.limits.waiting_commands as usize;
        // Nobody could be told that leaving or ending a stream failed.
        let ends = matches!(command, Command::Leave | Command::Unpublish(_));
        if crowded && matches!(actor, Actor::Member(_)) && !ends {
            self.refused(now, asker, room, &command, &Refusal::StoreUnavailable);
            return;
        }
        match hosted.timeline.submit(now, asker, actor.clone(), command.clone()) {
            Ok(due) => self.due(now, room, due),
            Err(refusal) => {
                if let (Some(decisions), Some(hosted)) =
                    (&mut self.decisions, self.rooms.get(&room))
                {
                    decisions.push(Decision::Refused {
                        room: Box::new(hosted.timeline.head().clone()),
                        actor,
                        command: command.clone(),
                        refusal: refusal.clone(),
                    });
                }
                self.refused(now, asker, room, &command, &refusal);
            }
        }
    }

    pub(super) fn due(&mut self, now: Now, room: RoomId, due: Due) {
        if !due.background.is_empty() {
            self.store(StoreOp::Commit(due.background));
        }
        if let Some(writes) = due.commit {
            let id = self.store(StoreOp::Commit(writes));
            self.flights.insert(id, room);
        }
        self.telling = true;
        while let Some(step) = self.rooms.get_mut(&room).and_then(|h| h.timeline.next_visible()) {
            self.publish(now, room, &step);
        }
        for undone in due.refuse {
            self.refused(now, undone.asker, room, &undone.command, &undone.refusal);
        }
        self.telling = false;
        self.arm_room(room);
    }

    /// Does what was asked while events were being told.
    pub(super) fn catch_up(&mut self, now: Now) {
        while let Some(Queued { asker, room, actor, command }) = self.queued.pop_front() {
            self.command_now(now, asker, room, actor, command);
        }
    }

    /// Shows everybody what happened.
    pub(super) fn publish(&mut self, now: Now, room: RoomId, step: &Step) {
        self.decided(|| Decision::Shown {
            room,
            actor: step.actor.clone(),
            command: step.command.clone(),
            events: step.events.clone(),
        });
        for event in &step.events {
            self.counts.events_total += 1;
            let Some(hosted) = self.rooms.get_mut(&room) else { return };
            if let (Happening::Joined(member), Some(conn)) = (&event.what, step.asker) {
                hosted.connections.insert(member.id.clone(), conn);
                hosted.idle_since = None;
            }
            let audience: Vec<ConnId> = hosted.connections.values().copied().collect();
            for conn in audience {
                self.tell(conn, room, event);
            }
            self.with_media(now, room, |media, means, room| media.event(means, room, event));
            if let Happening::Left { member, .. } = &event.what {
                self.part(now, room, &member.id);
            }
        }
    }

    /// Tells one session of an event. It only speaks: what it would ask in
    /// return, nothing, is not looked for.
    pub(super) fn tell(&mut self, conn: ConnId, room: RoomId, event: &parlour_room::Event) {
        let (Some(client), Some(hosted)) = (self.clients.get_mut(&conn), self.rooms.get(&room))
        else {
            return;
        };
        client.session.event(&self.config.galene, hosted.timeline.published(), event);
        while let Some(output) = client.session.poll() {
            match output {
                galene::Output::Send(text) => self.out.push_back(Output::Send { conn, text }),
                galene::Output::Close { code, reason } => {
                    self.out.push_back(Output::Close { conn, code, reason });
                }
                galene::Output::Ask(ask) => unreachable!("an event made a session ask {ask:?}"),
            }
        }
        if client.session.is_ready() {
            self.ready.push_back(conn);
        }
    }

    pub(super) fn part(&mut self, now: Now, room: RoomId, member: &MemberId) {
        let Some(hosted) = self.rooms.get_mut(&room) else { return };
        if let Some(conn) = hosted.connections.remove(member)
            && let Some(client) = self.clients.get_mut(&conn)
        {
            client.place = None;
        }
        if hosted.connections.is_empty() {
            hosted.idle_since = Some(now.mono);
        }
    }

    pub(super) fn refused(
        &mut self,
        now: Now,
        asker: Option<ConnId>,
        room: RoomId,
        command: &Command,
        refusal: &Refusal,
    ) {
        self.counts.refusals_total += 1;
        if *refusal == Refusal::StoreUnavailable {
            self.counts.store_refusals_total += 1;
        }
        let Some(conn) = asker else { return };
        match command {
            Command::Join(_) => {
                if let Some(client) = self.clients.get_mut(&conn) {
                    client.place = None;
                }
                let failure = EntryFailure::Refused(refusal.clone());
                self.with_session(now, conn, |session, _| session.entry_failed(&failure));
            }
            Command::Publish { stream, replaces, .. } => {
                self.with_media(now, room, |media, means, _| media.unprepare(means, stream));
                self.publish_refused(now, conn, stream, replaces.clone(), refusal);
            }
            other => self.with_session(now, conn, |session, _| session.refused(other, refusal)),
        }
    }

    pub(super) fn forget_room(&mut self, now: Now, id: RoomId) {
        let quiet = self.rooms.get(&id).is_some_and(|hosted| {
            hosted.timeline.head().is_empty() && hosted.timeline.waiting() == 0
        });
        if quiet {
            self.with_media(now, id, |media, means, _| media.close(means));
            self.rooms.remove(&id);
            self.decided(|| Decision::Forgotten(id));
        }
    }

    /// Takes a room into memory.
    pub(crate) fn host(&mut self, now: Now, room: Room) {
        let worker = WorkerIndex(self.next_worker);
        self.next_worker = (self.next_worker + 1) % self.config.media.workers.max(1);
        let id = room.id();
        self.decided(|| Decision::Hosted(Box::new(room.clone())));
        self.rooms.insert(
            id,
            Hosted {
                timeline: Timeline::new(room),
                connections: BTreeMap::new(),
                media: RoomMedia::new(worker),
                access: None,
                idle_since: Some(now.mono),
            },
        );
        self.arm_room(id);
    }
}
