//! A room on its way to disk.
//!
//! An event leaves the room only when every event before it that had to be
//! durable is on disk, so nobody ever sees what a crash could undo. Commands
//! are decided at once on the newest state (the *head*), so writes of many
//! commands go to disk together. While a write is under way the timeline keeps
//! a second room (the *published* one) that stands where everybody's view
//! stands. If the write fails, the head is thrown away: the commands that had
//! to be durable are refused, the others are done again from the published
//! state. Nothing was seen of what is undone. When the store itself said no to
//! one of them (a name is taken), they are written one by one, so that only
//! that one is refused.
//!
//! A write that was not answered may still be done, and then the store has what
//! the room has not. Until a later write is on disk, each one sets right first
//! what such a write may have left behind.

use crate::asker::Asker;
use parlour_base::storage::{StoreFault, Write};
use parlour_base::{ConnId, Mono, Now};
use parlour_room::{Actor, Command, Event, Happening, MemberId, Refusal, Room};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many places are remembered that an unanswered write may have changed.
/// Beyond that only chat is not minded, of which there may be any amount.
const DOUBTS_MAX: usize = 1_000;

/// A command that was decided.
#[derive(Debug)]
pub(crate) struct Step {
    /// Who is told what came of it.
    pub asker: Asker,
    pub actor: Actor,
    pub command: Command,
    /// Writes to the directory that belong to it.
    along: Vec<Write>,
    /// What happened.
    pub events: Vec<Event>,
    /// Nobody may see it before it is on disk.
    waits: bool,
    /// What must be written because of it: made when the head stood right
    /// after it, so that no later decision is written along with it.
    writes: Vec<Write>,
}

impl Step {
    /// The connection that comes in by it.
    const fn lets_in(&self) -> Option<ConnId> {
        match (self.asker, &self.command) {
            (Asker::Conn(conn), Command::Join(_)) => Some(conn),
            _ => None,
        }
    }

    /// Whether one of these asked for it, being inside.
    fn is_by_one_of(&self, outside: &BTreeSet<ConnId>) -> bool {
        let by = |conn| outside.contains(&conn) && !matches!(self.command, Command::Join(_));
        matches!(self.asker, Asker::Conn(conn) if by(conn))
    }
}

/// A command that is to be decided.
#[derive(Debug)]
pub(crate) struct Proposal {
    /// Who is told what came of it.
    pub asker: Asker,
    pub actor: Actor,
    pub command: Command,
    /// Writes to the directory that belong to it.
    pub along: Vec<Write>,
}

impl Proposal {
    /// The connection that asks or goes, and the member that it takes itself
    /// for.
    pub(crate) const fn inside(&self) -> Option<(ConnId, &MemberId)> {
        match (self.asker, &self.actor, &self.command) {
            (Asker::Conn(conn), _, Command::Expel(member))
            | (Asker::Conn(conn), Actor::Member(member), _) => Some((conn, member)),
            _ => None,
        }
    }

    /// One that nobody waits for.
    pub(crate) const fn quiet(actor: Actor, command: Command) -> Self {
        Self { asker: Asker::Nobody, actor, command, along: Vec::new() }
    }
}

/// A command that was refused after it had been decided.
#[derive(Debug)]
pub(crate) struct Undone {
    pub asker: Asker,
    pub actor: Actor,
    pub command: Command,
    pub why: Why,
}

/// Why a decided command was refused after all.
#[derive(Debug)]
pub(crate) enum Why {
    /// By the room, or for want of the store.
    Refusal(Refusal),
    /// The store said no to what it writes along.
    Store(StoreFault),
}

impl Undone {
    /// Somebody goes, and only the store was in the way: nobody could be told
    /// that leaving failed, so it is asked for again.
    pub(crate) const fn must_happen(&self) -> bool {
        goes(&self.command) && matches!(self.why, Why::Refusal(Refusal::StoreUnavailable))
    }
}

/// Whether somebody or something goes by it, and will not ask twice.
pub(crate) const fn goes(command: &Command) -> bool {
    matches!(
        command,
        Command::Leave | Command::Expel(_) | Command::Lapse { .. } | Command::Unpublish(_)
    )
}

/// What is to be done after a change of the timeline; afterwards the steps of
/// [`Timeline::next_visible`] are.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// Commands whose askers are to be told no.
    pub refuse: Vec<Undone>,
    /// Whose commands had no effect.
    pub idle: Vec<Asker>,
    /// Writes nobody waits for.
    pub background: Vec<Write>,
    /// Writes that the next steps wait for.
    pub commit: Option<Vec<Write>>,
}

/// A room, and what of it still waits for the store.
#[derive(Debug)]
pub(crate) struct Timeline {
    head: Room,
    /// A step that everybody may see, the head being the room after it.
    direct: Option<Step>,
    behind: Option<Behind>,
    /// Writes that may or may not have been done, the last of each place.
    doubts: BTreeMap<(&'static str, String), Write>,
}

/// The distance between what is decided and what is seen.
#[derive(Debug)]
struct Behind {
    /// The room after the last step that was taken as visible.
    published: Room,
    /// Steps that everybody may see.
    visible: VecDeque<Step>,
    /// Steps that wait for the store, or behind one that does.
    waiting: VecDeque<Step>,
    /// How many of these the write under way covers.
    flight: usize,
    /// How many of the waiting steps are written each by itself.
    alone: usize,
    /// Since when it is under way.
    since: Mono,
}

impl Timeline {
    pub(crate) const fn new(room: Room) -> Self {
        Self { head: room, direct: None, behind: None, doubts: BTreeMap::new() }
    }

    /// The room as it is decided.
    pub(crate) const fn head(&self) -> &Room {
        &self.head
    }

    /// The room as it is seen: after the step that was last taken.
    pub(crate) fn published(&self) -> &Room {
        self.behind.as_ref().map_or(&self.head, |behind| &behind.published)
    }

    /// By whose wish the newest decision let somebody of this id in; `None` if
    /// none of those that nobody sees yet did.
    pub(crate) fn let_in(&self, member: &MemberId) -> Option<Asker> {
        let behind = self.behind.as_ref()?;
        let comes = |event: &Event| matches!(&event.what, Happening::Joined(m) if m.id == *member);
        let mut steps = behind.visible.iter().chain(&behind.waiting).rev();
        steps.find(|step| step.events.iter().any(comes)).map(|step| step.asker)
    }

    /// Whether a command would be refused, or have no effect, on what is seen:
    /// then it will not have any, whatever of what is decided is undone.
    pub(crate) fn is_moot(&self, now: Now, proposal: &Proposal) -> bool {
        let mut seen = self.published().clone();
        let events = seen.apply(now, &proposal.actor, proposal.command.clone());
        events.is_err() || events.is_ok_and(|events| events.is_empty())
    }

    /// How many decided commands wait.
    pub(crate) fn waiting(&self) -> usize {
        self.behind.as_ref().map_or(0, |behind| behind.waiting.len())
    }

    /// When the write under way was begun.
    pub(crate) fn in_flight_since(&self) -> Option<Mono> {
        self.behind.as_ref().filter(|behind| behind.flight > 0).map(|behind| behind.since)
    }

    /// Whether the write under way forgets the room.
    pub(crate) fn is_forgetting(&self) -> bool {
        let flight = self.behind.iter().flat_map(|b| b.waiting.iter().take(b.flight));
        flight.flat_map(|step| &step.writes).any(|write| matches!(write, Write::ForgetRoom { .. }))
    }

    /// Decides a command, or gives it back with the reason against it. Visible
    /// steps must have been taken before.
    pub(crate) fn submit(
        &mut self,
        now: Now,
        proposal: Proposal,
    ) -> Result<Due, Box<(Proposal, Refusal)>> {
        assert!(self.direct.is_none(), "a visible step was not taken");
        let waits = self.waits(now, &proposal);
        let before = (waits && self.behind.is_none()).then(|| self.head.clone());
        let events = match self.head.apply(now, &proposal.actor, proposal.command.clone()) {
            Ok(events) => events,
            Err(refusal) => return Err(Box::new((proposal, refusal))),
        };
        let mut due = Due::default();
        let waits = match self.waits_without_effect(waits) {
            Some(waits) if events.is_empty() => waits,
            None if events.is_empty() => {
                due.idle.push(proposal.asker);
                return Ok(due);
            }
            _ => waits,
        };
        let mut step = self.step(proposal, events, waits);
        if let Some(published) = before {
            self.behind = Some(Behind {
                published,
                visible: VecDeque::new(),
                waiting: VecDeque::new(),
                flight: 0,
                alone: 0,
                since: now.mono,
            });
        }
        match &mut self.behind {
            Some(behind) => behind.waiting.push_back(step),
            None => {
                due.background = std::mem::take(&mut step.writes);
                self.direct = Some(step);
            }
        }
        self.launch(now.mono, &mut due);
        Ok(due)
    }

    fn waits(&self, now: Now, proposal: &Proposal) -> bool {
        !proposal.along.is_empty() || self.head.waits_for_store(now, &proposal.command)
    }

    /// What is so already, but perhaps not on disk, waits all the same: for a
    /// write of its own, or for those before it. `None` if it is on disk.
    ///
    /// Whether the command itself would wait does not matter behind others:
    /// that was asked of a room in which what they want has happened already.
    fn waits_without_effect(&self, waits: bool) -> Option<bool> {
        let others = self.behind.as_ref().is_some_and(|behind| !behind.waiting.is_empty());
        match (waits, self.doubts.is_empty()) {
            (true, false) => Some(true),
            _ if others => Some(false),
            _ => None,
        }
    }

    /// The step that a decided command is, the head being the room after it.
    fn step(&self, proposal: Proposal, events: Vec<Event>, waits: bool) -> Step {
        let Proposal { asker, actor, command, along } = proposal;
        let mut writes = writes(&self.head, &events);
        if !events.is_empty() {
            writes.extend(along.iter().cloned());
        }
        Step { asker, actor, command, along, events, waits, writes }
    }

    /// The next step that everybody may see; [`Timeline::published`] is then
    /// the room right after it.
    pub(crate) fn next_visible(&mut self) -> Option<Step> {
        let Some(behind) = &mut self.behind else { return self.direct.take() };
        if let Some(step) = behind.visible.pop_front() {
            for event in &step.events {
                behind.published.evolve(event);
            }
            return Some(step);
        }
        if behind.waiting.is_empty() {
            debug_assert_eq!(behind.published, self.head, "nothing is between them");
            self.behind = None;
        }
        None
    }

    /// Begins the next write, unless one is under way or none is needed.
    fn launch(&mut self, now: Mono, due: &mut Due) {
        let Some(behind) = &mut self.behind else { return };
        if behind.flight > 0 {
            return;
        }
        while behind.waiting.front().is_some_and(|step| !step.waits) {
            let mut step = behind.waiting.pop_front().expect("it was just looked at");
            due.background.append(&mut step.writes);
            behind.visible.push_back(step);
            behind.alone = behind.alone.saturating_sub(1);
        }
        let mut steps = behind.waiting.iter();
        let last = match behind.alone {
            0 => steps.rposition(|step| step.waits),
            // Those behind the first wait for their turn.
            _ => steps.position(|step| step.waits),
        };
        if let Some(last) = last {
            behind.flight = last + 1;
            behind.since = now;
            // They are kept: if one of them is refused, each is written by itself.
            let covered = behind.waiting.iter().take(behind.flight);
            let covered = covered.flat_map(|step| step.writes.iter().cloned());
            let mut writes = behind.set_right(self.doubts.values());
            writes.extend(covered);
            due.commit = Some(writes);
        }
    }

    /// The write under way is on disk.
    pub(crate) fn committed(&mut self, now: Mono) -> Due {
        let mut due = Due::default();
        if let Some(behind) = &mut self.behind {
            let covered = std::mem::take(&mut behind.flight);
            // What was in doubt was set right by it.
            self.doubts.clear();
            behind.alone = behind.alone.saturating_sub(covered);
            behind.visible.extend(behind.waiting.drain(..covered));
        }
        self.launch(now, &mut due);
        due
    }

    /// The store said no to the write under way, to one of its steps.
    pub(crate) fn refused(&mut self, now: Now, fault: &StoreFault) -> Due {
        let Some(behind) = &mut self.behind else { return Due::default() };
        let covered = behind.waiting.iter().take(behind.flight);
        if covered.filter(|step| step.waits).count() < 2 {
            return self.undo(now, || Why::Store(fault.clone()));
        }
        behind.alone = std::mem::take(&mut behind.flight);
        let mut due = Due::default();
        self.launch(now.mono, &mut due);
        due
    }

    /// The write under way has failed: what waited for it is refused, the rest
    /// is decided again as if that had never been asked.
    pub(crate) fn failed(&mut self, now: Now) -> Due {
        self.undo(now, || Why::Refusal(Refusal::StoreUnavailable))
    }

    /// The same when the store has not answered: it may be done all the same.
    pub(crate) fn unanswered(&mut self, now: Now) -> Due {
        let flight = self.behind.iter().flat_map(|b| b.waiting.iter().take(b.flight));
        for write in flight.flat_map(|step| &step.writes) {
            let room = self.doubts.len() < DOUBTS_MAX || !matches!(write, Write::Chat { .. });
            self.doubts.extend(place(write).filter(|_| room).map(|at| (at, write.clone())));
        }
        let mut due = self.undo(now, || Why::Refusal(Refusal::StoreUnavailable));
        if due.commit.is_none()
            && let Some(behind) = self.behind.as_ref().filter(|b| !b.published.is_empty())
        {
            // As soon as may be; what comes of this nobody will know either.
            due.background.extend(behind.set_right(self.doubts.values()));
        }
        due
    }

    fn undo(&mut self, now: Now, why: impl Fn() -> Why) -> Due {
        let mut due = Due::default();
        let Some(behind) = &mut self.behind else { return due };
        assert!(behind.visible.is_empty(), "a visible step was not taken");
        let covered = std::mem::take(&mut behind.flight);
        behind.alone = 0;
        let steps = std::mem::take(&mut behind.waiting);
        self.head = behind.published.clone();
        let mut again = VecDeque::new();
        // Who was let in by what is undone: what they asked for inside is not
        // for somebody else of that id.
        let mut outside = BTreeSet::new();
        for (n, step) in steps.into_iter().enumerate() {
            if n < covered && step.waits {
                outside.extend(step.lets_in());
                due.refuse.push(undone(step, why()));
                continue;
            }
            if step.is_by_one_of(&outside) {
                due.refuse.push(undone(step, Why::Refusal(Refusal::NotHere)));
                continue;
            }
            let comes = step.lets_in();
            let Step { asker, actor, command, along, .. } = step;
            let proposal = Proposal { asker, actor, command, along };
            let waits = self.waits(now, &proposal);
            match self.head.apply(now, &proposal.actor, proposal.command.clone()) {
                Ok(events)
                    if events.is_empty()
                        && again.is_empty()
                        && (!waits || self.doubts.is_empty()) =>
                {
                    due.idle.push(asker);
                }
                Ok(events) => again.push_back(self.step(proposal, events, waits)),
                Err(refusal) => {
                    outside.extend(comes);
                    let Proposal { actor, command, .. } = proposal;
                    let why = Why::Refusal(refusal);
                    due.refuse.push(Undone { asker, actor, command, why });
                }
            }
        }
        if let Some(behind) = &mut self.behind {
            behind.waiting = again;
        }
        self.launch(now.mono, &mut due);
        due
    }
}

impl Behind {
    /// What makes the store have what the room is before the next write,
    /// whatever of these writes was done.
    fn set_right<'w>(&self, doubts: impl ExactSizeIterator<Item = &'w Write>) -> Vec<Write> {
        if doubts.len() == 0 {
            return Vec::new();
        }
        let seen = self.visible.iter().flat_map(|step| &step.events);
        let room = self.published.clone().replay(seen);
        doubts.filter_map(|write| room.instead_of(write)).collect()
    }
}

/// What of a room a write changes.
fn place(write: &Write) -> Option<(&'static str, String)> {
    match write {
        Write::Room { .. } => Some(("body", String::new())),
        Write::Part { kind, key, .. } => Some(("part", format!("{kind}/{key}"))),
        Write::Due { .. } => Some(("due", String::new())),
        Write::Chat { key, .. } => Some(("chat", key.clone())),
        _ => None,
    }
}

fn undone(step: Step, why: Why) -> Undone {
    Undone { asker: step.asker, actor: step.actor, command: step.command, why }
}

/// What must be written because of these events, the room being right after:
/// of its body, which several may want, one is enough.
fn writes(room: &Room, events: &[Event]) -> Vec<Write> {
    let mut writes: Vec<Write> = events.iter().flat_map(|event| room.writes_for(event)).collect();
    let is_body = |write: &Write| matches!(write, Write::Room { .. });
    if let Some(last) = writes.iter().rposition(is_body) {
        let mut at = 0..;
        writes.retain(|write| at.next() == Some(last) || !is_body(write));
    }
    writes
}
