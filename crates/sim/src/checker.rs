//! What must hold in every world, at every step and at the end.

use crate::client::Client;
use crate::disk::Disk;
use crate::model;
use crate::race::{self, Race};
use crate::secrets::Secrets;
use crate::token;
use crate::view::{Person, Stage};
use parlour_base::{Epoch, RoomId, Wall};
use parlour_node::watch::Decision;
use parlour_node::{Gauges, Shard};
use parlour_room::event::{ChatEntry, Happening};
use parlour_room::{Member, Room, Stream};
use std::collections::{BTreeMap, BTreeSet};

/// What the checkers remember.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// Each room as its shown events say.
    shadows: BTreeMap<RoomId, Room>,
    /// Each room's last epoch.
    epochs: BTreeMap<RoomId, Epoch>,
    /// Marks of everything that was shown.
    shown: BTreeSet<String>,
    race: Race,
    pub steps: u64,
}

impl Checker {
    /// After each input: order, replay, invariants, rights, durability. Returns
    /// whether anything was decided.
    pub(crate) fn step(
        &mut self,
        shard: &mut Shard,
        disk: &Disk,
        secrets: &Secrets,
        at: Wall,
    ) -> Result<bool, String> {
        if let Some(breach) = &disk.breach {
            return Err(breach.clone());
        }
        let before = self.steps;
        let mut touched = BTreeSet::new();
        for decision in shard.take_decisions() {
            self.steps += 1;
            if let Decision::Shown { command, .. } | Decision::Refused { command, .. } = &decision {
                secrets.absent("a log", format_args!("{command:?}"))?;
            }
            touched.extend(self.decision(decision, disk, at)?);
        }
        for id in touched {
            let (Some(shadow), Some(room)) = (self.shadows.get(&id), shard.room(id)) else {
                continue;
            };
            race::room_holds(shadow)?;
            if shadow != room {
                return Err(format!(
                    "replayed and shown room differ:\n{}\n{}",
                    shadow.digest(),
                    room.digest()
                ));
            }
            room.check();
        }
        Ok(self.steps > before)
    }

    fn decision(
        &mut self,
        decision: Decision,
        disk: &Disk,
        at: Wall,
    ) -> Result<Option<RoomId>, String> {
        match decision {
            Decision::Hosted(room) => {
                let last = self.epochs.insert(room.id(), room.epoch());
                if last.is_some_and(|last| last >= room.epoch()) {
                    return Err(format!("{:?} was opened again in an old epoch", room.id()));
                }
                let known = room.chat().flat_map(|entry| token::find_json(&entry.value));
                self.shown.extend(known);
                self.shown.extend(token::find(
                    &serde_json::to_string(&room.record()).unwrap_or_default(),
                ));
                self.shadows.insert(room.id(), *room);
                Ok(None)
            }
            Decision::Shown { room, actor, command, events } => {
                let shadow = self.shadows.get_mut(&room).ok_or("an event of an unknown room")?;
                // The model judges by the time at which the room decided.
                let decided = events.first().map_or(at, |event| event.at);
                model::judge(shadow, decided, &actor, &command, None)?;
                race::late_leave(shadow, &command, &events)?;
                for event in &events {
                    self.race.event(shadow, event)?;
                    if event.epoch != shadow.epoch() || event.seq != shadow.seq().next() {
                        return Err(format!("a gap before {:?} {:?}", event.epoch, event.seq));
                    }
                    shadow.evolve(event);
                    let marks = marks(&event.what);
                    let lost = marks.iter().find(|mark| !disk.kept.contains(*mark));
                    if let (Some(mark), true) = (lost, model::must_be_kept(&command)) {
                        return Err(format!("{mark} was shown and is not on disk"));
                    }
                    self.shown.extend(marks);
                }
                Ok(Some(room))
            }
            Decision::Refused { room, actor, command, refusal } => {
                model::judge(&room, at, &actor, &command, Some(&refusal))?;
                Ok(None)
            }
            Decision::Forgotten(room) => {
                let shadow = self.shadows.remove(&room);
                match shadow {
                    Some(shadow) if shadow.is_empty() => Ok(None),
                    _ => Err("a room with members was forgotten".to_owned()),
                }
            }
            _ => Err("a decision that no checker knows".to_owned()),
        }
    }

    /// What a crash leaves: everything shown, and nothing that was refused.
    pub(crate) fn survives(&self, disk: &Disk) -> Result<(), String> {
        let rooms: Vec<RoomId> = self.shadows.keys().copied().collect();
        for (shadow, (record, chat)) in self.shadows.values().zip(disk.found(&rooms)) {
            let mut marks = record.as_ref().map(token::find_json).unwrap_or_default();
            let found: Vec<ChatEntry> =
                chat.into_iter().filter_map(|body| serde_json::from_value(body).ok()).collect();
            marks.extend(found.iter().flat_map(|entry| token::find_json(&entry.value)));
            for mark in marks {
                if !self.shown.contains(&mark) && !disk.excused.contains(&mark) {
                    return Err(format!("{mark} was never shown and is on disk"));
                }
            }
            self.chat_survives(shadow, &found, disk)?;
        }
        Ok(())
    }

    fn chat_survives(&self, shadow: &Room, found: &[ChatEntry], disk: &Disk) -> Result<(), String> {
        let keys: BTreeSet<&str> = found.iter().map(|entry| entry.key.as_str()).collect();
        // Entries whose answer was lost take the place of the oldest ones, even
        // if they were forgotten soon after.
        let strange =
            found.iter().filter(|e| shadow.chat().all(|known| known.key != e.key)).count();
        let forgotten = disk.forgotten.iter().filter(|(room, _)| *room == shadow.id()).count();
        let strange = strange + forgotten;
        if disk.wiped.contains_key(&shadow.id()) {
            // All was forgotten once, perhaps by an order that was refused.
            return Ok(());
        }
        let missing = |entry: &&ChatEntry| {
            let forgotten = disk.forgotten.contains(&(shadow.id(), entry.key.clone()));
            !keys.contains(entry.key.as_str()) && !forgotten
        };
        match shadow.chat().skip(strange).find(missing) {
            Some(entry) => Err(format!("shown chat is lost: {}", entry.value)),
            None => Ok(()),
        }
    }

    /// The node is gone; what it had in memory with it.
    pub(crate) fn crash(&mut self) {
        self.shadows.clear();
    }

    /// Everything is quiet: each client's picture is the room.
    pub(crate) fn converged(&self, shard: &Shard, clients: &[Client]) -> Result<(), String> {
        for client in clients.iter().filter(|client| client.is_reachable()) {
            let view = &client.view;
            let room = shard
                .room_ids()
                .filter_map(|id| shard.room(id))
                .find(|room| room.members().any(|m| m.id.0 == client.id && m.via == view.group));
            match (view.stage, room) {
                (Stage::In, Some(room)) => same(client, room).map_err(|what| {
                    format!("client {} disagrees with its room: {what}", client.n)
                })?,
                (Stage::In, None) => return Err(format!("client {} is in no room", client.n)),
                (Stage::Arriving, _) => return Err(format!("client {} never arrived", client.n)),
                _ if client.waits_for_join() => {
                    return Err(format!("client {} was never answered", client.n));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Everybody is gone: nothing is left.
    pub(crate) fn nothing_left(gauges: Gauges, transports: usize) -> Result<(), String> {
        let Gauges { sessions, rooms, members, streams, legs, waiting_commands, .. } = gauges;
        let left = [sessions, rooms, members, streams, legs, waiting_commands];
        if left.iter().all(|count| *count == 0) && transports == 0 {
            return Ok(());
        }
        Err(format!("after everybody left: {gauges:?}, {transports} transports"))
    }
}

fn marks(what: &Happening) -> Vec<String> {
    match what {
        Happening::Chatted { entry, .. } => token::find_json(&entry.value),
        Happening::LockSet(Some(message)) => token::find(message),
        Happening::LeaseSet(Some(lease)) => {
            let context = lease.context.as_ref().map(token::find_json);
            [token::find(&lease.owner_name), context.unwrap_or_default()].concat()
        }
        Happening::Configured(rules) => {
            token::find(rules.display_name.as_deref().unwrap_or_default())
        }
        Happening::SeatTaken(seat) => token::find(&seat.name),
        Happening::AttributesSet(map) => token::find_map(map),
        _ => Vec::new(),
    }
}

/// Compares a client's picture with its room.
fn same(client: &Client, room: &Room) -> Result<(), String> {
    let view = &client.view;
    let me = room.members().find(|member| member.id.0 == client.id).ok_or("not a member")?;
    if view.permissions != view.told(me.permissions) {
        return Err(format!("permissions {:?} and {:?}", view.permissions, me.permissions));
    }
    let person = |member: &Member| Person {
        name: member.name.clone(),
        permissions: view.told(member.permissions),
        data: member.attributes.clone(),
    };
    let roster: BTreeMap<String, Person> =
        room.members().map(|member| (member.id.0.clone(), person(member))).collect();
    if view.roster != roster {
        return Err(format!("roster {:?}\nand room {roster:?}", view.roster));
    }
    let wanted = |stream: &&Stream| !stream.picks(me).is_empty();
    let downs: BTreeSet<String> =
        room.streams().filter(wanted).map(|stream| stream.id.0.clone()).collect();
    if view.downs != downs {
        return Err(format!("receives {:?} and should {downs:?}", view.downs));
    }
    let ups: BTreeSet<&str> =
        room.streams().filter(|s| s.owner == me.id).map(|s| s.id.0.as_str()).collect();
    let mine: BTreeSet<&str> = client.ups.keys().map(String::as_str).collect();
    if ups != mine {
        return Err(format!("publishes {mine:?}, and the room has {ups:?}"));
    }
    let mark = |entry: &ChatEntry| token::find_json(&entry.value).pop().unwrap_or_default();
    let kept: Vec<String> = room
        .chat()
        .map(mark)
        .filter(|mark| view.chat.iter().any(|line| line.mark == *mark))
        .collect();
    let seen: Vec<&String> =
        view.chat.iter().map(|line| &line.mark).filter(|mark| kept.contains(mark)).collect();
    if !kept.iter().eq(seen) {
        return Err(format!("chat {kept:?} in another order"));
    }
    let hidden = |entry: &&ChatEntry| {
        !kept.contains(&mark(entry)) && !client.unechoed.contains(&mark(entry))
    };
    match room.chat().find(hidden) {
        Some(entry) => Err(format!("never saw chat {}", entry.value)),
        None => Ok(()),
    }
}
