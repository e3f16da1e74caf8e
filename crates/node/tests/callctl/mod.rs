//! The call-control door on a shard: people with tokens and media connections,
//! and everything that was pushed.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use crate::common::{Mood, World, config, json};
use parlour_base::{ConnId, Span};
use parlour_node::callctl::{
    Authority, Config, Force, Join, Leave, Query, Roster, SetMembers, Trouble,
};
use parlour_node::port::Input;
use parlour_session::call::Notice;
use parlour_wire::callctl::pb::common::VoidResponse;
use parlour_wire::callctl::pb::common::video::v1::ConvoVideoState;
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::pb::mobile::video::v1::{
    BatchedGetConvoStateResponse, JoinConvoConferenceResponse,
    join_convo_conference_response::Result as Joined,
};
use parlour_wire::callctl::{Check, ConvoId, GroupName, LocalPart, state};
use std::sync::Arc;
use std::time::Duration;

pub const GROUP: &str = "1234567890123_g";
pub const PAIR: &str = "alice_a1b:bob.b_z9z";
pub const ALICE: &str = "alice_a1b";
pub const BOB: &str = "bob.b_z9z";

pub fn rules() -> Arc<Config> {
    Arc::new(Config {
        app: "kik".to_owned(),
        media_host: "media.example.org".to_owned(),
        media_port: 8443,
        token_life: Span::secs(86_400),
        ask: None,
    })
}

pub fn convo(key: &str) -> ConvoId {
    ConvoId::parse_key(key).expect("a key")
}

pub fn name(text: &str) -> LocalPart {
    LocalPart::parse(text).expect("a name")
}

/// The world with a group of two, and what has been pushed.
pub struct Kik {
    pub world: World,
    pub rules: Arc<Config>,
    pub pushed: Vec<Roster>,
}

impl Kik {
    pub fn new() -> Self {
        let mut kik = Self::on(World::with(config(), Mood::Works));
        kik.members(GROUP, &[ALICE, BOB]);
        kik
    }

    pub fn on(world: World) -> Self {
        Self { world, rules: rules(), pushed: Vec::new() }
    }

    /// The same store, another process; nobody is connected any more.
    pub fn restarted(self) -> Self {
        let now = self.world.now;
        let mut world = World::on(self.world.disk, config(), Mood::Works);
        world.now = now;
        Self { world, rules: self.rules, pushed: self.pushed }
    }

    pub fn members(&mut self, group: &str, members: &[&str]) {
        let members = members.iter().map(|text| name(text)).collect();
        let group = GroupName::parse(group).expect("a group");
        let done: Result<VoidResponse, Trouble> = self.world.ask(SetMembers::new(group, members));
        assert_eq!(done, Ok(VoidResponse {}));
    }

    pub fn try_join(
        &mut self,
        who: &str,
        key: &str,
    ) -> Result<JoinConvoConferenceResponse, Trouble> {
        let join = Join::new(Arc::clone(&self.rules), name(who), convo(key), Authority::Here);
        let answer: Result<JoinConvoConferenceResponse, Trouble> = self.world.ask(join);
        if let Ok(answer) = &answer {
            assert_eq!(answer.check(), Ok(()), "no answer of ours breaks a limit");
        }
        answer
    }

    /// A join that succeeds.
    pub fn join(&mut self, who: &str, key: &str) -> Ticket {
        let answer = self.try_join(who, key).expect("an answer");
        assert_eq!(answer.result, i32::from(Joined::Ok));
        let info = answer.connection_info.expect("where to connect");
        let token = answer.connection_token.expect("a token").payload;
        let token = String::from_utf8(token).expect("REQ-30: a token is text");
        let state = answer.latest_state.expect("REQ-51: the list");
        Ticket { token, conference: info.conference_id, host: info.host, port: info.port, state }
    }

    pub fn leave(&mut self, who: &str, key: &str, token: Option<&str>) {
        let token = token.map(|token| token.as_bytes().to_vec());
        let leave = Leave::new(name(who), convo(key), token);
        let left: Result<VoidResponse, Trouble> = self.world.ask(leave);
        assert_eq!(left, Ok(VoidResponse {}));
    }

    pub fn force(&mut self, who: &str, key: &str) {
        let done: Result<VoidResponse, Trouble> = self.world.ask(Force::new(name(who), convo(key)));
        assert_eq!(done, Ok(VoidResponse {}));
    }

    pub fn query(&mut self, who: &str, keys: &[&str]) -> Vec<ConvoVideoState> {
        let convos = keys.iter().map(|key| convo(key)).collect();
        let query = Query::new(Arc::clone(&self.rules), name(who), convos);
        let answer: Result<BatchedGetConvoStateResponse, Trouble> = self.world.ask(query);
        let answer = answer.expect("an answer");
        assert_eq!(answer.check(), Ok(()), "no answer of ours breaks a limit");
        assert_eq!(answer.result, 0);
        answer.latest_states
    }

    /// A media connection with a token; `None` if it was refused.
    pub fn connect(&mut self, id: &str, group: &str, token: &str) -> Option<ConnId> {
        let conn = self.world.shaken(id);
        let join = json!({"type": "join", "kind": "join", "group": group, "token": token});
        self.world.say(conn, join);
        self.world.passes(Duration::from_millis(250));
        let heard = self.world.hears(conn);
        match heard[0]["kind"].as_str() {
            Some("join") => Some(conn),
            _ => {
                assert_eq!(heard[0]["value"], "not authorised", "{heard:?}");
                None
            }
        }
    }

    pub fn disconnect(&mut self, conn: ConnId) {
        self.world.input(Input::Closed(conn));
    }

    /// What was pushed since the last time.
    pub fn pushes(&mut self) -> Vec<Roster> {
        let notices = std::mem::take(&mut self.world.notices).into_iter();
        let rosters = notices.filter_map(|notice| match notice {
            Notice::Roster(roster) => Some(*roster),
            _ => None,
        });
        let new: Vec<Roster> = rosters.collect();
        self.pushed.extend(new.iter().cloned());
        new
    }

    /// What the list says of somebody, asked by a member.
    pub fn state(&mut self, who: &str, key: &str) -> Option<State> {
        let list = self.query(BOB, &[key]).remove(0);
        people(&list).into_iter().find(|(name, _)| name == who).map(|(_, state)| state)
    }
}

/// What a join gives.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub token: String,
    pub conference: String,
    pub host: String,
    pub port: i32,
    pub state: ConvoVideoState,
}

/// Whom a list names; nobody twice (REQ-11), and nobody without a state
/// (REQ-16).
pub fn people(list: &ConvoVideoState) -> Vec<(String, State)> {
    let entry =
        |entry: &parlour_wire::callctl::pb::common::video::v1::convo_video_state::UserState| {
            let state = State::try_from(entry.state).expect("a known state");
            assert_ne!(state, State::NotSet, "REQ-16");
            (entry.user.clone().expect("a user").local_part, state)
        };
    let all: Vec<_> = list.user_states.iter().map(entry).collect();
    for (at, (name, _)) in all.iter().enumerate() {
        assert!(!all.iter().skip(at + 1).any(|(other, _)| other == name), "REQ-11: {name} twice");
    }
    all
}

/// The time of a list.
pub fn stamp(list: &ConvoVideoState) -> u64 {
    list.timestamp.as_ref().and_then(state::nanos).expect("REQ-19: a time")
}

/// Pushes follow one another in time, and no two in a row say the same
/// (REQ-21).
pub fn follow(pushed: &[Roster]) {
    for two in pushed.windows(2) {
        if let [one, next] = two
            && one.convo == next.convo
        {
            assert!(one.stamp < next.stamp, "{two:?}");
        }
    }
    for roster in pushed {
        assert_eq!(roster.stamp, stamp(&roster.state));
        assert_eq!(roster.state.check(), Ok(()));
    }
}
