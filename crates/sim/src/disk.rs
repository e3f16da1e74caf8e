//! The store behind a queue that is slow, fails, loses answers and is full,
//! and a ledger of what reached it.

use crate::bug::Bug;
use crate::dice::{Dice, MS, SEC};
use crate::fault::{Fault, Swarm, Tally};
use crate::token;
use parlour_base::storage::{
    StoreDone, StoreFault, StoreId, StoreOp, StoreReply, StoreRequest, Write,
};
use parlour_base::{Epoch, Json, RoomId};
use parlour_store::{Engine as _, MemoryEngine};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many requests wait at most where the queue may be full.
const QUEUE_MAX: usize = 4;

/// One request on its way.
#[derive(Debug)]
struct Pending {
    life: u32,
    request: StoreRequest,
    since: u64,
}

/// What comes of a request.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub life: u32,
    pub reply: StoreReply,
    pub since: u64,
}

/// The simulated store.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    engine: MemoryEngine,
    queue: VecDeque<Pending>,
    free_at: u64,
    /// Until when nothing can be written.
    full_until: u64,
    /// A planted bug.
    bug: Option<Bug>,
    /// Writes of a node that died, still on their way.
    late: VecDeque<Pending>,
    /// The newest epoch of each room, and which life of the node it is of.
    owners: BTreeMap<RoomId, (Epoch, u32)>,
    /// A write was done that was not its writer's to do.
    pub breach: Option<String>,
    /// Tokens of every write that was done.
    pub kept: BTreeSet<String>,
    /// Tokens of writes of which the node may not know that they were done.
    pub excused: BTreeSet<String>,
    /// Tokens of writes that were done and whose answers are on their way.
    unanswered: BTreeMap<(u32, StoreId), Vec<String>>,
    /// Keys that a done write removed.
    pub forgotten: BTreeSet<(RoomId, String)>,
    /// Rooms of which a done write removed all chat the node may not know of.
    pub wiped: BTreeMap<RoomId, u64>,
}

impl Disk {
    pub(crate) fn new(bug: Option<Bug>) -> Self {
        Self { bug, ..Self::default() }
    }

    /// What is there before anybody comes.
    pub(crate) fn first(&mut self, writes: Vec<Write>) {
        let request = StoreRequest { id: StoreId(0), op: StoreOp::Commit(writes) };
        drop(self.engine.execute(vec![request]));
    }

    /// Takes a request. Gives the time at which it will be done, or the answer
    /// if the queue is full.
    pub(crate) fn submit(
        &mut self,
        now: u64,
        life: u32,
        request: StoreRequest,
        dice: &mut Dice,
        swarm: &Swarm,
        tally: &mut Tally,
    ) -> Result<u64, Answer> {
        let likely = if self.queue.len() >= QUEUE_MAX { 300 } else { 15 };
        if swarm.strikes(Fault::StoreFull, likely, dice, tally) {
            let reply = StoreReply { id: request.id, result: Err(StoreFault::Busy) };
            return Err(Answer { life, reply, since: now });
        }
        let mut delay = dice.between(100, 5 * MS);
        if swarm.strikes(Fault::StoreSlow, 60, dice, tally) {
            delay = dice.between(100 * MS, 7 * SEC);
        }
        self.free_at = self.free_at.max(now) + delay;
        self.queue.push_back(Pending { life, request, since: now });
        Ok(self.free_at)
    }

    /// How long what is asked for now would have to wait.
    pub(crate) const fn backlog(&self, now: u64) -> u64 {
        self.free_at.saturating_sub(now)
    }

    /// Nothing can be written until then.
    pub(crate) fn fill(&mut self, until: u64) {
        self.full_until = until;
    }

    /// Does the oldest request; `None` if its answer is lost.
    pub(crate) fn work(
        &mut self,
        now: u64,
        dice: &mut Dice,
        swarm: &Swarm,
        tally: &mut Tally,
    ) -> Option<Answer> {
        let Pending { life, request, since } = self.queue.pop_front()?;
        let id = request.id;
        let answer = |result| Answer { life, reply: StoreReply { id, result }, since };
        if swarm.strikes(Fault::StoreError, 50, dice, tally) {
            return Some(answer(Err(StoreFault::Failed("an error of the disk".to_owned()))));
        }
        let writes = matches!(request.op, StoreOp::Commit(_) | StoreOp::OpenRoom { .. });
        if writes && !swarm.over && now < self.full_until {
            tally.add(Fault::StoreNoSpace);
            return Some(answer(Err(StoreFault::Failed("the disk is full".to_owned()))));
        }
        let lies = matches!(self.bug, Some(Bug::LyingStore));
        if lies && matches!(request.op, StoreOp::Commit(_)) && dice.chance(100) {
            return Some(answer(Ok(StoreDone::Committed)));
        }
        let result = self.execute(life, request);
        if swarm.strikes(Fault::StoreLostReply, 40, dice, tally) {
            self.excuse(life, id);
            return None;
        }
        Some(answer(result))
    }

    fn execute(&mut self, life: u32, request: StoreRequest) -> Result<StoreDone, StoreFault> {
        let id = request.id;
        // What is remembered of the writes if they are done.
        let (mut marks, mut lost) = (Vec::new(), Vec::new());
        if let StoreOp::Commit(writes) = &request.op {
            marks = writes.iter().flat_map(tokens).collect();
            let forgets = |write: &&Write| {
                matches!(write, Write::ForgetChat { .. } | Write::ForgetRoom { .. })
            };
            lost = writes.iter().filter(forgets).cloned().collect();
        }
        let rooms = match &request.op {
            StoreOp::Commit(writes) => writes.iter().filter_map(room_of).collect(),
            _ => BTreeSet::new(),
        };
        let opened = match &request.op {
            StoreOp::OpenRoom { room, .. } => Some(*room),
            _ => None,
        };
        let reply = self.engine.execute(vec![request]).remove(0);
        if let (Some(room), Ok(StoreDone::Room { epoch, .. })) = (opened, &reply.result) {
            self.owners.insert(room, (*epoch, life));
        }
        if reply.result.is_ok() {
            let owner = |room: &RoomId| self.owners.get(room).map(|(_, owner)| *owner);
            if let Some(room) = rooms.into_iter().find(|room| owner(room) != Some(life)) {
                let owner = owner(&room);
                self.breach = Some(format!("{room:?} is of {owner:?}, and {life} wrote to it"));
            }
            self.kept.extend(marks.iter().cloned());
            self.unanswered.insert((life, id), marks);
            for write in lost {
                match write {
                    Write::ForgetChat { room, keys: Some(keys), .. } => {
                        self.forgotten.extend(keys.into_iter().map(|key| (room, key)));
                    }
                    Write::ForgetChat { room, keys: None, .. } | Write::ForgetRoom { room, .. } => {
                        *self.wiped.entry(room).or_default() += 1;
                    }
                    _ => {}
                }
            }
        }
        reply.result
    }

    /// The node was told.
    pub(crate) fn answered(&mut self, answer: &Answer, late: bool) {
        if late {
            self.excuse(answer.life, answer.reply.id);
        }
        self.unanswered.remove(&(answer.life, answer.reply.id));
    }

    fn excuse(&mut self, life: u32, id: StoreId) {
        self.excused.extend(self.unanswered.remove(&(life, id)).unwrap_or_default());
    }

    /// The node dies: some of what it asked for is still done, some much later,
    /// as a store elsewhere may do it, and the rest never. Returns how many
    /// writes come late.
    pub(crate) fn crash(&mut self, dice: &mut Dice, swarm: &Swarm, tally: &mut Tally) -> usize {
        let done = dice.below(self.queue.len() + 1);
        for (at, pending) in std::mem::take(&mut self.queue).into_iter().enumerate() {
            if at < done {
                // Whatever came of it, nobody will know.
                drop(self.execute(pending.life, pending.request));
            } else if is_of_a_room(&pending.request)
                && swarm.strikes(Fault::StoreLateWrite, 800, dice, tally)
            {
                self.late.push_back(pending);
            }
        }
        let unanswered = std::mem::take(&mut self.unanswered);
        self.excused.extend(unanswered.into_values().flatten());
        self.late.len()
    }

    /// A write of a node that died arrives: rooms that were opened since are
    /// fenced off.
    pub(crate) fn arrive_late(&mut self) {
        let Some(Pending { life, mut request, .. }) = self.late.pop_front() else { return };
        self.unfence(&mut request);
        drop(self.execute(life, request));
    }

    /// A node that another one has replaced asks for something. Gives the
    /// answer at once: it writes to what is still its own, and reads nothing.
    pub(crate) fn ask_of_old(&mut self, life: u32, mut request: StoreRequest) -> StoreReply {
        let id = request.id;
        self.unfence(&mut request);
        if !is_of_a_room(&request) {
            return StoreReply { id, result: Err(StoreFault::Busy) };
        }
        let result = self.execute(life, request);
        self.excuse(life, id);
        StoreReply { id, result }
    }

    /// A planted bug lets writes pass for those of the room's present owner.
    fn unfence(&self, request: &mut StoreRequest) {
        let StoreOp::Commit(writes) = &mut request.op else { return };
        for write in writes.iter_mut().filter(|_| matches!(self.bug, Some(Bug::MissingFence))) {
            let newest = room_of(write).and_then(|room| self.owners.get(&room));
            if let Write::Room { epoch, .. }
            | Write::Part { epoch, .. }
            | Write::Due { epoch, .. }
            | Write::ForgetRoom { epoch, .. }
            | Write::Chat { epoch, .. }
            | Write::ForgetChat { epoch, .. } = write
                && let Some((newest, _)) = newest
            {
                *epoch = *newest;
            }
        }
    }

    /// What a node that opened these rooms now would find of each.
    pub(crate) fn found(&self, rooms: &[RoomId]) -> Vec<(Option<Json>, Vec<Json>)> {
        let request = |room: &RoomId| {
            let op = StoreOp::OpenRoom { room: *room, create: false };
            StoreRequest { id: StoreId(0), op }
        };
        let replies = self.engine.clone().execute(rooms.iter().map(request).collect());
        let found = replies.into_iter().map(|reply| match reply.result {
            Ok(StoreDone::Room { body, chat, .. }) => (body, chat),
            Ok(StoreDone::NoRoom) => (None, Vec::new()),
            other => panic!("the memory engine opens every room, and said {other:?}"),
        });
        found.collect()
    }
}

/// Whether a request writes to rooms, and to nothing else.
fn is_of_a_room(request: &StoreRequest) -> bool {
    let StoreOp::Commit(writes) = &request.op else { return false };
    writes.iter().all(|write| room_of(write).is_some())
}

/// The room that a write is for, if it has to be its owner's.
pub(crate) const fn room_of(write: &Write) -> Option<RoomId> {
    match write {
        Write::Room { room, .. }
        | Write::Part { room, .. }
        | Write::Due { room, .. }
        | Write::ForgetRoom { room, .. }
        | Write::Chat { room, .. }
        | Write::ForgetChat { room, .. } => Some(*room),
        _ => None,
    }
}

fn tokens(write: &Write) -> Vec<String> {
    match write {
        Write::Chat { body, .. }
        | Write::Room { body, .. }
        | Write::Part { body: Some(body), .. } => token::find_json(body),
        _ => Vec::new(),
    }
}
