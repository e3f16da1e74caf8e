//! One room, entered through every door there is: what one door changes, every
//! other door reports, and all of them report the same at the same number.
#![allow(clippy::unwrap_used, reason = "what must be there fails the test if it is not")]
mod callctl;
mod common;
mod rooms;

use callctl::{ALICE, BOB, GROUP, Kik, people};
use common::*;
use parlour_base::storage::Write;
use parlour_base::{ConnId, Json, RoomId, Seq, UserId, Wall};
use parlour_directory::outside::Outside;
use parlour_node::Input;
use parlour_room::policy::{EntryRule, Grant, Policy, VISITOR};
use parlour_room::{Actor, Command, Door, Doors};
use parlour_session::{Call, Desk, Outcome, Reply, Step, Target};
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use rooms::{As, Rooms};
use std::collections::{BTreeMap, BTreeSet};

/// The group by which the room is known to the Galène door.
const GROUP_NAME: &str = "every";

/// Gives a room of the rooms door names at the others, and opens them.
#[derive(Debug)]
struct Join {
    room: RoomId,
    steps: Vec<Step>,
}

impl Join {
    fn doors(room: RoomId) -> Self {
        let name = |namespace: &str, name: &str| Write::BindName {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            room,
        };
        let policy = Policy {
            doors: Doors::of(&[Door::Galene, Door::Rooms, Door::Callctl]),
            entry: EntryRule::Open,
            ..Policy::default()
        };
        let command =
            |command| Step::Command { room, actor: Actor::House, command, along: Vec::new() };
        let steps = vec![
            command(Command::SetPolicy(Box::new(policy))),
            Step::Commit(vec![name("galene", GROUP_NAME), name("kik", GROUP)]),
            Step::Open(Target::Id(room)),
        ];
        Self { room, steps }
    }
}

impl Call for Join {
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        assert!(!matches!(outcome, Outcome::Fault(_) | Outcome::Refused(_)), "{outcome:?}");
        if matches!(outcome, Outcome::Begin) {
            let user = |name| Outside::kik(name).derived(desk.media_keys.outside());
            let grant = |name: &str| Grant {
                permissions: VISITOR,
                since: Wall(0),
                kik: Some(name.to_owned()),
            };
            let members: Vec<(UserId, Grant)> =
                [ALICE, BOB].map(|name| (user(name), grant(name))).into();
            self.steps.insert(
                0,
                Step::Command {
                    room: self.room,
                    actor: Actor::House,
                    command: Command::SetConversation(members),
                    along: Vec::new(),
                },
            );
        }
        self.steps.pop().unwrap_or_else(|| Step::Done(Reply::new(())))
    }
}

/// What each door says of who is there.
#[derive(Debug, Default, PartialEq, Eq)]
struct Views {
    galene: BTreeSet<String>,
    rooms: BTreeSet<String>,
    callctl: BTreeMap<String, i32>,
}

/// A room of the rooms door, open to all, and somebody at each door who looks.
struct House {
    rooms: Rooms,
    kik: Kik,
    owner: As,
    token: String,
    id: RoomId,
    /// A client of the Galène door, and the names it was told of.
    watcher: ConnId,
    seen: BTreeMap<String, String>,
}

impl House {
    fn new() -> Self {
        let mut rooms = Rooms::new();
        rooms.world.file(GROUP_NAME, LAB);
        let owner = rooms.device("http://127.0.0.1:9/p");
        let token = rooms.room(&owner, 5);
        let id: RoomId = token.parse().unwrap();
        let () = rooms.world.ask(Join::doors(id));
        let watcher = rooms.world.member_of(GROUP_NAME, "watcher");
        let kik = Kik::on(World::new());
        let seen = BTreeMap::from([("watcher".to_owned(), "watcher".to_owned())]);
        Self { rooms, kik, owner, token, id, watcher, seen }
    }

    /// Does something at the call control door.
    fn kik<T>(&mut self, act: impl FnOnce(&mut Kik) -> T) -> T {
        std::mem::swap(&mut self.rooms.world, &mut self.kik.world);
        let done = act(&mut self.kik);
        std::mem::swap(&mut self.rooms.world, &mut self.kik.world);
        done
    }

    fn world(&mut self) -> &mut World {
        &mut self.rooms.world
    }

    fn seq(&self) -> Seq {
        self.rooms.world.shard.room(self.id).unwrap().seq()
    }

    /// The views of all doors, taken without the room changing meanwhile.
    fn views(&mut self) -> Views {
        let before = self.seq();
        let watcher = self.watcher;
        for message in self.world().hears(watcher) {
            if message["type"] != "user" {
                continue;
            }
            let id = message["id"].as_str().unwrap().to_owned();
            match message["kind"].as_str() {
                Some("add") => {
                    let name = message["username"].as_str().unwrap_or_default().to_owned();
                    assert!(self.seen.insert(id, name).is_none(), "{message} twice");
                }
                Some("delete") => assert!(self.seen.remove(&id).is_some(), "{message} of nobody"),
                _ => {}
            }
        }
        let (owner, path) = (self.owner.clone(), format!("/rooms/{}", self.token));
        let told = self.rooms.get(&owner, &path);
        assert_eq!(told.status, 200, "{told:?}");
        let list = told.body["participants"].as_array().unwrap().clone();
        let names: Vec<String> =
            list.iter().map(|one| one["displayName"].as_str().unwrap().to_owned()).collect();
        let states = self.kik(|kik| people(&kik.query(BOB, &[GROUP])[0]));
        assert_eq!(self.seq(), before, "looking changed the room");
        let rooms: BTreeSet<String> = names.iter().cloned().collect();
        assert_eq!(rooms.len(), names.len(), "the rooms door lists somebody twice: {names:?}");
        Views {
            galene: self.seen.values().cloned().collect(),
            rooms,
            callctl: states.into_iter().map(|(name, state)| (name, state.into())).collect(),
        }
    }

    #[track_caller]
    fn shows(&mut self, galene: &[&str], rooms: &[&str], callctl: &[(&str, State)]) {
        let set = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect();
        let states = callctl.iter().map(|&(name, state)| (name.to_owned(), state.into()));
        let expected = Views { galene: set(galene), rooms: set(rooms), callctl: states.collect() };
        assert_eq!(self.views(), expected);
    }

    fn come(&mut self, id: &str, group: &str, token: &str) -> ConnId {
        let conn = self.world().shaken(id);
        let join = json!({"type": "join", "kind": "join", "group": group, "token": token});
        self.world().say(conn, join);
        let heard = self.world().hears(conn);
        assert_eq!(heard[0]["kind"], "join", "{heard:?}");
        conn
    }

    /// A guest of the rooms door, with its token.
    fn guest(&mut self) -> (As, String) {
        let guest = self.rooms.guest(&self.token.clone());
        let As::Basic(token) = &guest else { unreachable!("guests are anonymous") };
        let token = token.clone();
        (guest, token)
    }
}

#[test]
fn everybody_is_seen_through_every_door_by_the_same_rules() {
    let mut house = House::new();
    house.shows(&["watcher"], &["watcher"], &[]);

    // By the rooms door: there, but without media.
    let (guest, token) = house.guest();
    house.shows(&["watcher"], &["watcher", "x"], &[]);
    let media = house.come("guest", "", &token);
    house.shows(&["watcher", "x"], &["watcher", "x"], &[]);

    // By call control: admitted, then there.
    let ticket = house.kik(|kik| kik.join(ALICE, GROUP));
    house.shows(&["watcher", "x"], &["watcher", "x"], &[(ALICE, State::Connecting)]);
    let alice = house.come("alice", &ticket.conference, &ticket.token);
    let all = ["watcher", "x", ALICE];
    house.shows(&all, &all, &[(ALICE, State::Connected)]);

    // What one says at the media door, the others hear, however they came.
    house.world().say(alice, json!({"type": "chat", "value": "to all"}));
    for conn in [media, alice] {
        let heard = house.world().hears(conn);
        assert!(heard.iter().any(|m| m["type"] == "chat" && m["value"] == "to all"), "{heard:?}");
    }

    // The media of the guest ends, the guest stays; then it leaves.
    house.world().input(Input::Closed(media));
    house.shows(&["watcher", ALICE], &all, &[(ALICE, State::Connected)]);
    let room = house.token.clone();
    assert_eq!(house.rooms.act(&guest, &room, json!({"action": "leave"})).status, 204);
    let both = ["watcher", ALICE];
    house.shows(&both, &both, &[(ALICE, State::Connected)]);

    // Leaving by call control ends the connection at the media door.
    house.kik(|kik| kik.leave(ALICE, GROUP, Some(&ticket.token)));
    assert!(house.world().is_closed(alice).is_some());
    house.shows(&["watcher"], &["watcher"], &[]);
}

#[test]
fn an_operator_of_one_door_turns_out_who_came_by_another() {
    let mut house = House::new();
    let operator = house.world().shaken("op");
    house.world().ask_in(operator, GROUP_NAME, "ada", "secret");
    assert_eq!(gist(&house.world().hears(operator)[0]), "joined join");
    let (guest, token) = house.guest();
    let media = house.come("guest", "", &token);
    let ticket = house.kik(|kik| kik.join(ALICE, GROUP));
    let alice = house.come("alice", GROUP_NAME, &ticket.token);
    let all = ["watcher", "ada", "x", ALICE];
    house.shows(&all, &all, &[(ALICE, State::Connected)]);
    for id in ["guest", "alice"] {
        let kick = json!({"type": "useraction", "kind": "kick", "dest": id, "source": "op"});
        house.world().say(operator, kick);
    }
    assert!(house.world().is_closed(media).is_some() && house.world().is_closed(alice).is_some());
    house.shows(&["watcher", "ada"], &["watcher", "ada"], &[]);
    let room = house.token.clone();
    let told = house.rooms.act(&guest, &room, json!({"action": "refresh"}));
    assert_eq!(told.status, 401, "the seat is gone, and its token with it");
}

#[test]
fn a_room_that_one_door_deletes_is_gone_from_all() {
    let mut house = House::new();
    let ticket = house.kik(|kik| kik.join(ALICE, GROUP));
    let alice = house.come("alice", "", &ticket.token);
    let (owner, path) = (house.owner.clone(), format!("/rooms/{}", house.token));
    assert_eq!(house.rooms.ask(&owner, "DELETE", &path, Json::Null).status, 204);
    let watcher = house.watcher;
    assert!(house.world().is_closed(alice).is_some());
    assert!(house.world().is_closed(watcher).is_some());
    assert_eq!(house.rooms.get(&owner, &path).error(), (404, 105));
    let list = house.kik(|kik| kik.query(BOB, &[GROUP]).remove(0));
    assert!(people(&list).is_empty());
}

#[test]
fn a_room_that_is_full_is_full_at_every_door() {
    let mut house = House::new();
    let tokens: Vec<(As, String)> = (0..2).map(|_| house.guest()).collect();
    house.world().member_of(GROUP_NAME, "four");
    // Five at most, and one seat is the owner's.
    let room = house.token.clone();
    let told = house.rooms.join(&As::Nobody, &room, 5);
    assert_eq!(told.error(), (400, 202));
    let path = format!("/rooms/{room}");
    let owner = house.owner.clone();
    assert_eq!(house.rooms.join(&owner, &room, 5).status, 200);
    let list = house.rooms.get(&owner, &path).body["participants"].clone();
    assert_eq!(list.as_array().map(Vec::len), Some(5));
    assert_eq!(tokens.len(), 2);
}

#[test]
fn what_runs_out_while_the_store_is_full_ends_once_it_is_not() {
    let mut house = House::new();
    house.guest();
    let seen = |house: &House| {
        let room = house.rooms.world.shard.room(house.id).unwrap();
        room.participants().iter().map(|one| one.name.to_owned()).collect::<Vec<_>>()
    };
    house.world().mood = Mood::Fails;
    house.rooms.passes(320);
    // The one who looks has said nothing for too long, and is gone meanwhile.
    assert_eq!(seen(&house), ["x"], "nobody was told of what is not on disk");
    house.world().mood = Mood::Works;
    house.rooms.passes(1);
    assert!(seen(&house).is_empty());
}

#[test]
fn the_owner_at_the_rooms_door_is_told_of_visits_by_other_doors() {
    let mut house = House::new();
    house.rooms.pushes();
    let visitor = house.world().member_of(GROUP_NAME, "visitor");
    let seconds = house.rooms.seconds();
    assert_eq!(house.rooms.pushes(), [("http://127.0.0.1:9/p".to_owned(), seconds)]);
    house.rooms.passes(7);
    house.world().input(Input::Closed(visitor));
    let seconds = house.rooms.seconds();
    assert_eq!(house.rooms.pushes(), [("http://127.0.0.1:9/p".to_owned(), seconds)]);
    let (owner, token) = (house.owner.clone(), house.token.clone());
    let room = house.rooms.get(&owner, &format!("/rooms/{token}")).body;
    assert_eq!(room["ctime"], seconds);
}
