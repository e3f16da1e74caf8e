//! The shard's side of the store: requests out, replies to whom they concern.

use super::Shard;
use crate::hosted::TRY_AGAIN;
use crate::port::Output;
use crate::timeline::{Due, Timeline};
use parlour_base::storage::{
    StoreDone, StoreFault, StoreId, StoreOp, StoreReply, StoreRequest, Write,
};
use parlour_base::{Now, RoomId};
use parlour_room::Command;

/// What members of a room are told that another node has opened.
const MOVED: &str = "this group moved to another server";

impl Shard {
    pub(crate) fn store(&mut self, op: StoreOp) -> StoreId {
        self.next_store += 1;
        let id = StoreId(self.next_store);
        self.recent.asks(id, &op);
        if let StoreOp::Commit(writes) = &op {
            let names =
                |write: &&Write| matches!(write, Write::BindName { .. } | Write::UnbindName { .. });
            let naming: Vec<Write> = writes.iter().filter(names).cloned().collect();
            if !naming.is_empty() {
                self.naming.insert(id, naming);
            }
        }
        self.out.push_back(Output::Store(StoreRequest { id, op }));
        id
    }

    /// Writes what nobody waits for.
    pub(crate) fn store_quietly(&mut self, write: Write) {
        self.store(StoreOp::Commit(vec![write]));
    }

    pub(super) fn stored(&mut self, now: Now, reply: StoreReply) {
        let StoreReply { id, result } = reply;
        self.recent.told(id, result.as_ref().ok());
        // Whoever asked for it may have given up.
        if let Some(naming) = self.naming.remove(&id).filter(|_| result.is_ok()) {
            self.mind_names(&naming);
        }
        if let Some(room) = self.background.remove(&id) {
            if result == Err(StoreFault::Fenced) {
                // What nobody waits for was not ours to write either.
                self.let_go(now, room, MOVED);
            }
            return;
        }
        let Some(room) = self.flights.remove(&id) else {
            let rest = self.call_stored(id, result);
            let rest = rest.or_else(|result| self.opening_stored(now, id, result));
            if let Err(result) = rest
                && !self.invitation_stored(now, id, result.is_ok())
            {
                self.entry_stored(now, id, result);
            }
            return;
        };
        match result {
            Ok(StoreDone::Committed) => {
                let due = self.rooms.get_mut(&room).map(|h| h.timeline.committed(now.mono));
                self.due(now, room, due.unwrap_or_default());
                self.catch_up(now);
            }
            Err(StoreFault::Fenced) => {
                self.flight_failed(now, room, Timeline::failed);
                self.let_go(now, room, MOVED);
            }
            Err(fault @ (StoreFault::NameTaken | StoreFault::Changed)) => {
                let refused = self.rooms.get_mut(&room).map(|h| h.timeline.refused(now, &fault));
                self.due(now, room, refused.unwrap_or_default());
                self.catch_up(now);
            }
            Ok(_) | Err(_) => self.flight_failed(now, room, Timeline::failed),
        }
    }

    /// Lets a room go that is not ours to write to.
    pub(super) fn let_go(&mut self, now: Now, room: RoomId, message: &str) {
        self.house(now, room, Command::Abandon { message: message.to_owned() });
        self.drop_room(now, room);
    }

    pub(super) fn flight_failed(
        &mut self,
        now: Now,
        room: RoomId,
        how: fn(&mut Timeline, Now) -> Due,
    ) {
        let due = self.rooms.get_mut(&room).map(|hosted| {
            // What runs out in it is tried again, but not at once: the store
            // may be full for longer.
            hosted.expire_after = now.mono + TRY_AGAIN;
            how(&mut hosted.timeline, now)
        });
        self.due(now, room, due.unwrap_or_default());
        self.catch_up(now);
    }

    /// Names were bound or unbound: rooms in memory are known by the new ones.
    fn mind_names(&mut self, writes: &[Write]) {
        for write in writes {
            match write {
                Write::BindName { namespace, name, room } => {
                    self.name_bound(*room, (namespace.clone(), name.clone()));
                }
                Write::UnbindName { namespace, name, room } => {
                    self.name_unbound(*room, &(namespace.clone(), name.clone()));
                }
                _ => {}
            }
        }
    }
}
