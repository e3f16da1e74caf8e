//! The doors without connections: requests in, replies out.

use super::{Coming, World};
use crate::dice::{MS, SEC};
use crate::doors::{Desk, Door};
use parlour_node::port::{CallId, Input};
use parlour_session::{Call, Reply};

/// The mark of calls in transcripts.
const CALL: u64 = 1 << 60;

impl World {
    /// The doors, and what their clients decide with.
    fn desk(&mut self) -> (Desk<'_>, &mut Vec<Box<dyn Door>>) {
        let desk = Desk {
            dice: &mut self.dice,
            swarm: &self.swarm,
            tally: &mut self.tally,
            marks: &mut self.marks,
            tokens: &mut self.tokens,
        };
        (desk, &mut self.doors)
    }

    /// Somebody asks for something.
    pub(super) fn errand(&mut self, door: usize) -> Result<(), String> {
        if self.swarm.over {
            return Ok(());
        }
        let after = self.dice.between(20 * MS, 2 * SEC);
        self.soon(after, Coming::Errand(door));
        let number = self.calls_made + 1;
        let (mut desk, doors) = self.desk();
        match doors[door].ask(number, &mut desk) {
            Some(call) => self.call(door, call),
            None => Ok(()),
        }
    }

    fn call(&mut self, door: usize, call: Box<dyn Call>) -> Result<(), String> {
        self.calls_made += 1;
        let number = self.calls_made;
        if self.plan.trace {
            self.trace(&format!("call {number}: {call:?}"));
        }
        if self.shard.is_none() {
            self.doors[door].unanswered(number);
            return Ok(());
        }
        self.calls.insert(number, door);
        self.input(Input::Call(CallId::new(number), call))
    }

    fn number(&self, id: CallId) -> Option<u64> {
        self.calls.keys().copied().find(|number| CallId::new(*number) == id)
    }

    /// The reply has come.
    pub(super) fn answered(&mut self, id: CallId, reply: Reply) -> Result<(), String> {
        let number = self.number(id).ok_or("a reply to a call that nobody made")?;
        let door = self.calls.remove(&number).ok_or("a second reply")?;
        self.note(CALL | number, "answered");
        self.trace(&format!("call {number} is answered"));
        let (mut desk, doors) = self.desk();
        doors[door].answered(number, reply, &mut desk)
    }

    /// There is no reply: too much to do.
    pub(super) fn busy(&mut self, id: CallId) -> Result<(), String> {
        let number = self.number(id).ok_or("nobody made the call that is too much")?;
        let door = self.calls.remove(&number).ok_or("it was answered before")?;
        self.note(CALL | number, "busy");
        self.doors[door].unanswered(number);
        Ok(())
    }

    /// The node has died, and every request with it.
    pub(super) fn calls_lost(&mut self) {
        for (number, door) in std::mem::take(&mut self.calls) {
            self.doors[door].unanswered(number);
        }
    }

    /// Faults are over for long: nobody waits for a reply any more.
    pub(super) fn all_answered(&self) -> Result<(), String> {
        match self.calls.first_key_value() {
            Some((number, _)) => Err(format!("call {number} was never answered")),
            None => Ok(()),
        }
    }

    /// The doors end what they began.
    pub(super) fn farewell(&mut self) -> Result<(), String> {
        for door in 0..self.doors.len() {
            let (mut desk, doors) = self.desk();
            for call in doors[door].farewell(&mut desk) {
                self.call(door, call)?;
            }
        }
        Ok(())
    }
}
