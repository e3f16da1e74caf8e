//! Calls under way: each is resumed with what came of its step, and its next
//! step is done.

use crate::asker::Asker;
use crate::lines::{Lines, Place};
use crate::opening::Waiter;
use crate::port::{CallId, ErrandId, Output};
use crate::shard::{Shard, Timer};
use crate::timeline::Proposal;
use parlour_base::storage::{StoreDone, StoreFault, StoreId, StoreOp};
use parlour_base::{Mono, Now, RoomId, Secret};
use parlour_room::RequestId;
use parlour_session::call::Fetched;
use parlour_session::{Call, Desk, Notices, Observed, Outcome, Reply, Step};
use parlour_wire::callctl::pb::selfhost::video::v1::ClientConnectedResponse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The calls under way.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    running: BTreeMap<CallId, Running>,
    /// Which call waits for which answer of the store, and until when.
    requests: BTreeMap<StoreId, (CallId, Mono)>,
    /// When the store's answer is given up.
    deadlines: BTreeSet<(Mono, StoreId)>,
    /// Which call waits for which password.
    errands: BTreeMap<ErrandId, CallId>,
    /// Those that wait for each other.
    lines: Lines,
    /// What came of steps.
    ready: VecDeque<(CallId, Outcome)>,
    next_own: u64,
}

/// A call that waits for its step.
#[derive(Debug)]
struct Running {
    /// Taken out while it thinks.
    call: Option<Box<dyn Call>>,
    /// The room its last step was about.
    room: Option<RoomId>,
}

impl Calls {
    /// How many are under way.
    pub(crate) fn len(&self) -> usize {
        self.running.len()
    }

    /// How many wait for others.
    pub(crate) fn in_line(&self) -> usize {
        self.lines.waiting()
    }
}

impl Shard {
    /// A request of the edge.
    pub(crate) fn call(&mut self, id: CallId, call: Box<dyn Call>) {
        let full = self.calls.len() >= self.config.limits.calls as usize;
        if full || self.entries.loading.is_some() || self.stopping {
            self.counts.calls_refused_total += 1;
            self.out.push_back(Output::Busy(id));
            return;
        }
        self.begin_call(id, call);
    }

    /// A call of a door's own, made because of something that happened.
    pub(crate) fn own_call(&mut self, call: Box<dyn Call>) -> Option<CallId> {
        if self.calls.len() >= self.config.limits.calls as usize {
            self.counts.calls_refused_total += 1;
            return None;
        }
        self.calls.next_own += 1;
        let id = CallId::own(self.calls.next_own);
        self.begin_call(id, call);
        Some(id)
    }

    fn begin_call(&mut self, id: CallId, call: Box<dyn Call>) {
        self.calls.running.insert(id, Running { call: Some(call), room: None });
        self.calls.ready.push_back((id, Outcome::Begin));
    }

    /// The client's name for what is being done, if there is one.
    pub(crate) fn request_of(&self, asker: Asker) -> Option<RequestId> {
        let Asker::Call(id) = asker else { return None };
        self.calls.running.get(&id)?.call.as_ref()?.request()
    }

    /// Something came of a call's step.
    pub(crate) fn call_ready(&mut self, id: CallId, outcome: Outcome) {
        self.calls.ready.push_back((id, outcome));
    }

    /// The same, with a room on its desk.
    pub(crate) fn call_at(&mut self, id: CallId, room: RoomId, outcome: Outcome) {
        if let Some(running) = self.calls.running.get_mut(&id) {
            running.room = Some(room);
        }
        self.call_ready(id, outcome);
    }

    /// Resumes every call that can go on; true if there was one.
    pub(crate) fn run_calls(&mut self, now: Now) -> bool {
        let some = !self.calls.ready.is_empty();
        while let Some((id, outcome)) = self.calls.ready.pop_front() {
            self.resume(now, id, outcome);
        }
        some
    }

    fn resume(&mut self, now: Now, id: CallId, outcome: Outcome) {
        let Some(running) = self.calls.running.get_mut(&id) else { return };
        let Some(mut call) = running.call.take() else { return };
        let room = running.room;
        let hosted = room.and_then(|room| self.rooms.get(&room));
        let mut desk = Desk {
            now,
            entropy: &mut self.entropy,
            media_keys: self.directory.media_keys(),
            room: hosted.map(|hosted| hosted.timeline.published()),
            names: hosted.map_or(&[], |hosted| &hosted.names),
        };
        let step = call.resume(&mut desk, outcome);
        if let Step::Done(reply) = step {
            self.calls.running.remove(&id);
            for next in self.calls.lines.leave(id) {
                self.call_ready(next, Outcome::Turn);
            }
            self.call_done(now, id, reply);
            return;
        }
        if let Some(running) = self.calls.running.get_mut(&id) {
            running.call = Some(call);
        }
        self.step(now, id, step);
    }

    fn call_done(&mut self, now: Now, id: CallId, reply: Reply) {
        if !id.is_own() {
            self.out.push_back(Output::Answer(id, reply));
        } else if let Some(Notices(notices)) = self.visited(now, id, reply).and_then(Reply::open) {
            self.out.extend(notices.into_iter().map(Output::Notice));
        }
    }

    fn step(&mut self, now: Now, id: CallId, step: Step) {
        match step {
            Step::Turn(line) => {
                match self.calls.lines.join(line, id, self.config.limits.line_calls) {
                    Place::First => self.call_ready(id, Outcome::Turn),
                    Place::Behind => {}
                    Place::None => self.call_ready(id, Outcome::Fault(StoreFault::Busy)),
                }
            }
            Step::Find(keys) => self.ask_store(now, id, StoreOp::Find(keys)),
            Step::List { kind, prefix, after, most } => {
                self.ask_store(now, id, StoreOp::List { kind, prefix, after, most });
            }
            Step::ListRooms { after, most } => {
                self.ask_store(now, id, StoreOp::ListRooms { after, most });
            }
            Step::Commit(writes) => self.ask_store(now, id, StoreOp::Commit(writes)),
            Step::Open(target) => self.want(now, target, Waiter::Call(id)),
            Step::Command { room, actor, command, along } => {
                if !self.rooms.contains_key(&room) {
                    self.call_ready(id, Outcome::NoRoom);
                    return;
                }
                if let Some(running) = self.calls.running.get_mut(&id) {
                    running.room = Some(room);
                }
                let asker = Asker::Call(id);
                self.propose(now, room, Proposal { asker, actor, command, along });
            }
            Step::Check { verifier, password } => {
                let errand = self.new_errand();
                self.calls.errands.insert(errand, id);
                self.out.push_back(Output::Check { errand, verifier, password });
            }
            Step::Hash { password, salt, rounds } => {
                let errand = self.new_errand();
                self.calls.errands.insert(errand, id);
                self.out.push_back(Output::Hash { errand, password, salt, rounds });
            }
            Step::Fetch(fetch) => self.out.push_back(Output::Fetch(id, fetch)),
            Step::Present(request) => self.out.push_back(Output::Present(id, request)),
            Step::Done(_) => unreachable!("a call that is done has no next step"),
        }
    }

    fn ask_store(&mut self, now: Now, id: CallId, op: StoreOp) {
        if let Some(done) = self.recent.answer(&op) {
            self.call_ready(id, outcome(Ok(done)));
            return;
        }
        let request = self.store(op);
        let due = now.mono + self.config.limits.store_patience.0;
        self.calls.requests.insert(request, (id, due));
        if self.calls.deadlines.is_empty() {
            self.arm(Some(due), Timer::Calls);
        }
        self.calls.deadlines.insert((due, request));
    }

    /// The store has answered; gives the answer back if it is not a call's.
    pub(crate) fn call_stored(
        &mut self,
        request: StoreId,
        result: Result<StoreDone, StoreFault>,
    ) -> Result<(), Result<StoreDone, StoreFault>> {
        let Some((id, due)) = self.calls.requests.remove(&request) else { return Err(result) };
        self.calls.deadlines.remove(&(due, request));
        self.call_ready(id, outcome(result));
        Ok(())
    }

    /// A password was checked; false if it was not for a call.
    pub(crate) fn call_checked(&mut self, errand: ErrandId, fits: Option<bool>) -> bool {
        let Some(id) = self.calls.errands.remove(&errand) else { return false };
        let outcome = fits.map_or(Outcome::Fault(StoreFault::Busy), Outcome::Checked);
        self.call_ready(id, outcome);
        true
    }

    /// A password was hashed; `None` when the pool is too busy.
    pub(crate) fn call_hashed(&mut self, errand: ErrandId, hash: Option<Secret<String>>) {
        let Some(id) = self.calls.errands.remove(&errand) else { return };
        let outcome = hash.map_or(Outcome::Fault(StoreFault::Busy), Outcome::Hashed);
        self.call_ready(id, outcome);
    }

    /// Another service has answered.
    pub(crate) fn call_fetched(&mut self, id: CallId, fetched: Fetched) {
        self.call_ready(id, Outcome::Fetched(fetched));
    }

    /// The keeper of the calls has answered, or does not.
    pub(crate) fn call_presented(&mut self, id: CallId, said: Option<ClientConnectedResponse>) {
        self.call_ready(id, Outcome::Presented(said));
    }

    /// Gives up on what the store has not answered for too long.
    pub(crate) fn calls_tick(&mut self, now: Now) {
        while let Some((due, request)) = self.calls.deadlines.first().copied() {
            if due > now.mono {
                self.arm(Some(due), Timer::Calls);
                return;
            }
            self.calls.deadlines.pop_first();
            self.recent.told(request, None);
            if let Some((id, _)) = self.calls.requests.remove(&request) {
                self.call_ready(id, Outcome::Fault(StoreFault::Busy));
            }
        }
    }

    /// What doors make of what happened in a room.
    pub(crate) fn observed(&mut self, observed: Vec<Observed>) {
        for one in observed {
            match one {
                Observed::Call(call) => {
                    self.own_call(call);
                }
                Observed::Notice(notice) => self.out.push_back(Output::Notice(notice)),
            }
        }
    }
}

/// What the store's answer is to a call.
fn outcome(result: Result<StoreDone, StoreFault>) -> Outcome {
    match result {
        Ok(StoreDone::Found(found)) => Outcome::Found(found),
        Ok(StoreDone::Listed(list)) => Outcome::Listed(list),
        Ok(StoreDone::Rooms(rooms)) => Outcome::Rooms(rooms),
        Ok(StoreDone::Committed) => Outcome::Committed,
        Ok(_) => Outcome::Fault(StoreFault::Failed("an answer to something else".to_owned())),
        Err(fault) => Outcome::Fault(fault),
    }
}
