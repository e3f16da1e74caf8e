//! The doors without connections: requests in, replies and notices out.

use super::{Coming, LOOKING, World};
use crate::dice::{MS, SEC};
use crate::doors::{Desk, Door, Truth};
use crate::fault::{Fault, OF_THE_SERVER};
use parlour_base::{RoomId, Seq};
use parlour_node::port::{CallId, Input};
use parlour_session::call::Notice;
use parlour_session::{Call, Reply};
use std::collections::BTreeMap;

/// The mark of calls in transcripts.
const CALL: u64 = 1 << 60;
/// How long something that failed may have consequences.
const AFTERMATH: u64 = 30 * SEC;

impl World {
    /// The doors, and what their clients decide with.
    fn desk(&mut self) -> (Desk<'_>, &mut Vec<Box<dyn Door>>) {
        let now = self.clock();
        let count = OF_THE_SERVER.iter().map(|fault| self.tally.count(*fault)).sum();
        if count != self.trouble.count {
            (self.trouble.count, self.troubled_at) = (count, self.now + AFTERMATH);
        }
        // What came late is worked off later.
        if self.disk.backlog(self.now) > SEC {
            self.troubled_at = self.now + AFTERMATH;
        }
        self.trouble.recent = self.now < self.troubled_at;
        self.trouble.jumps = self.tally.count(Fault::WallJump);
        let desk = Desk {
            dice: &mut self.dice,
            swarm: &self.swarm,
            tally: &mut self.tally,
            marks: &mut self.marks,
            tokens: &mut self.tokens,
            secrets: &mut self.secrets,
            now,
            trouble: self.trouble,
            hall: &mut self.hall,
        };
        (desk, &mut self.doors)
    }

    /// Somebody asks for something.
    pub(super) fn errand(&mut self, door: usize) -> Result<(), String> {
        if self.quiet {
            return Ok(());
        }
        let pause = if self.swarm.over { 6 * SEC } else { 2 * SEC };
        let after = self.dice.between(20 * MS, pause);
        self.soon(after, Coming::Errand(door));
        self.next(door, |door, number, desk| door.ask(number, desk)).map(|_| ())
    }

    /// Has a door's clients ask for what they want next; false if for nothing.
    fn next(
        &mut self,
        door: usize,
        ask: impl FnOnce(&mut dyn Door, u64, &mut Desk<'_>) -> crate::doors::Asked,
    ) -> Result<bool, String> {
        let number = self.calls_made + 1;
        let (mut desk, doors) = self.desk();
        match ask(&mut *doors[door], number, &mut desk)? {
            Some(call) => self.call(door, call).map(|()| true),
            None => Ok(false),
        }
    }

    fn call(&mut self, door: usize, call: Box<dyn Call>) -> Result<(), String> {
        self.calls_made += 1;
        let number = self.calls_made;
        if self.plan.trace {
            self.trace(format_args!("call {number}: {}", self.doors[door].says(number, &*call)));
        }
        if self.shard.is_none() {
            self.unanswered(door, number);
            return Ok(());
        }
        let id = CallId::new(number);
        self.calls.insert(id, (door, number));
        self.input(Input::Call(id, call))
    }

    fn unanswered(&mut self, door: usize, number: u64) {
        let (mut desk, doors) = self.desk();
        doors[door].unanswered(number, &mut desk);
    }

    /// The reply has come.
    pub(super) fn answered(&mut self, id: CallId, reply: Reply) -> Result<(), String> {
        let (door, number) = self.calls.remove(&id).ok_or("a reply that nobody waits for")?;
        self.note(CALL | number, "answered");
        self.trace(format_args!("call {number} is answered"));
        let (mut desk, doors) = self.desk();
        doors[door].answered(number, reply, &mut desk)
    }

    /// There is no reply: too much to do.
    pub(super) fn busy(&mut self, id: CallId) -> Result<(), String> {
        let (door, number) =
            self.calls.remove(&id).ok_or("nobody made the call that is too much")?;
        self.note(CALL | number, "busy");
        self.unanswered(door, number);
        Ok(())
    }

    /// Somebody who is not connected is told something.
    pub(super) fn told(&mut self, notice: &Notice) -> Result<(), String> {
        self.note(self.calls_made, &format!("{notice:?}"));
        let (mut desk, doors) = self.desk();
        doors.iter_mut().try_for_each(|door| door.told(notice, &mut desk))
    }

    /// The node has died, and every request with it.
    pub(super) fn calls_lost(&mut self) {
        for (door, number) in std::mem::take(&mut self.calls).into_values() {
            self.tally.add(Fault::RequestLost);
            self.unanswered(door, number);
        }
    }

    /// Faults are over for long: nobody waits for a reply any more.
    pub(super) fn all_answered(&self) -> Result<(), String> {
        match self.calls.first_key_value() {
            Some((_, (_, number))) => Err(format!("call {number} was never answered")),
            None => Ok(()),
        }
    }

    /// All is quiet: every door says how things are, and they are so.
    pub(super) fn views_agree(&mut self) -> Result<(), String> {
        self.pass(LOOKING)?;
        let Some(shard) = &self.shard else { return Ok(()) };
        let rooms = shard.room_ids().filter_map(|id| shard.room(id));
        let before: BTreeMap<RoomId, Seq> = rooms.map(|room| (room.id(), room.seq())).collect();
        for door in 0..self.doors.len() {
            while self.next(door, |door, number, desk| door.look(number, desk))? {}
        }
        self.pass(LOOKING)?;
        self.all_answered()?;
        let Some(shard) = &self.shard else { return Ok(()) };
        let same = |id: RoomId| shard.room(id).filter(|room| before.get(&id) == Some(&room.seq()));
        for door in &self.doors {
            self.views += door.agrees(&Truth { room: &same })?;
        }
        Ok(())
    }

    /// The doors end what they began.
    pub(super) fn farewell(&mut self) -> Result<(), String> {
        for door in 0..self.doors.len() {
            while self.next(door, |door, number, desk| door.farewell(number, desk))? {}
        }
        Ok(())
    }
}
