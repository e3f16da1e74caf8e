//! What people at the call-control door know, from nothing but what they were
//! told, and what they may count on (docs/protocols/callctl.md §§4, 6, 8):
//! times of lists grow, one time never names two lists, a media token is newer
//! than every one before it, and nobody is turned away who belongs here.

use super::super::views::Views;
use super::super::{Truth, hall};
use super::{CONVOS, PEOPLE, Under, What};
use parlour_base::{RoomId, Wall};
use parlour_directory::{MediaKeys, MediaToken};
use parlour_node::callctl::Roster;
use parlour_session::{Call, Desk as Means, Outcome, Step};
use parlour_wire::callctl::pb::common::video::v1::ConvoVideoState;
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::pb::mobile::video::v1::{
    BatchedGetConvoStateResponse, JoinConvoConferenceResponse,
    join_convo_conference_response::Result as Joined,
};
use parlour_wire::callctl::{ConvoId, state};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Who is in a call, and whether there already.
type List = BTreeMap<String, bool>;

/// Learns the keys of the server from a request, to read what is closed to
/// clients.
#[derive(Debug, Clone, Default)]
pub(super) struct Spy(Arc<Mutex<Option<MediaKeys>>>);

#[derive(Debug)]
struct Spied(Spy, Box<dyn Call>);

impl Spy {
    pub(super) fn around(self, call: Box<dyn Call>) -> Box<dyn Call> {
        Box::new(Spied(self, call))
    }

    fn read(&self, token: &str) -> Option<MediaToken> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.as_ref()?.check(Wall(i64::MIN), token)
    }
}

impl Call for Spied {
    fn resume(&mut self, desk: &mut Means<'_>, outcome: Outcome) -> Step {
        let mut keys = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get_or_insert_with(|| desk.media_keys.clone());
        drop(keys);
        self.1.resume(desk, outcome)
    }
}

/// What is known of a conversation.
#[derive(Debug, Default)]
struct Known {
    room: Option<RoomId>,
    /// Who belongs to it; `None` if it is not certain.
    members: Option<Vec<usize>>,
    version: u64,
    /// Every list that anybody was shown, by its time.
    lists: BTreeMap<u64, List>,
    /// The time of the latest list that was pushed.
    pushed: u64,
    /// Whoever watches, reads again then; what it will find is the newest.
    reads_at: u64,
    unread: Option<(u64, List)>,
    seen: u64,
    /// Tokens of each person, by their numbers.
    tokens: BTreeMap<usize, BTreeMap<u64, String>>,
    /// When a request about it was answered last.
    answered: u64,
    /// What was told last, when all is quiet.
    last: Option<List>,
}

/// All conversations.
#[derive(Debug, Default)]
pub(super) struct Book(BTreeMap<String, Known>);

/// The conversation of a list.
pub(super) fn key_of(list: &ConvoVideoState) -> Result<String, String> {
    let convo = ConvoId::try_from(list.convo_id.clone().unwrap_or_default());
    convo.map(|convo| convo.key()).map_err(|offence| offence.to_string())
}

/// Time and people of a list; nobody is in it twice.
fn read(list: &ConvoVideoState) -> Result<(u64, List), String> {
    let stamp = list.timestamp.as_ref().and_then(state::nanos).ok_or("a list without a time")?;
    let mut people = List::new();
    for entry in &list.user_states {
        let name = entry.user.clone().ok_or("a list with nobody in it")?.local_part;
        let there = match State::try_from(entry.state) {
            Ok(State::Connected) => true,
            Ok(State::Connecting) => false,
            _ => return Err(format!("{name} is in no state (REQ-16)")),
        };
        if people.insert(name.clone(), there).is_some() {
            return Err(format!("{name} is listed twice (REQ-11)"));
        }
    }
    Ok((stamp, people))
}

impl Known {
    /// Somebody was shown a list. One time never names two lists.
    fn shown(&mut self, stamp: u64, list: &List) -> Result<(), String> {
        if stamp == 0 {
            // Of a conversation that has never had a call, or not for one who
            // does not belong to it.
            return if list.is_empty() { Ok(()) } else { Err("people at time 0".to_owned()) };
        }
        let known = self.lists.entry(stamp).or_insert_with(|| list.clone());
        match known == list {
            true => Ok(()),
            false => Err(format!("{stamp} names {known:?} and {list:?}")),
        }
    }
}

impl Book {
    fn known(&mut self, convo: &str) -> &mut Known {
        self.0.entry(convo.to_owned()).or_default()
    }

    pub(super) fn version(&mut self, convo: &str) -> u64 {
        self.known(convo).version
    }

    pub(super) fn pushed(&mut self, convo: &str) -> u64 {
        self.known(convo).pushed
    }

    pub(super) fn is_described(&mut self, convo: &str) -> bool {
        self.known(convo).members.is_some()
    }

    /// Its members are about to change: until it is done nobody knows.
    pub(super) fn members_change(&mut self, convo: &str) {
        let known = self.known(convo);
        known.version += 1;
        known.members = None;
    }

    /// Something without an answer of its own is done, or nobody knows.
    pub(super) fn done(&mut self, under: &Under, fine: bool) {
        let known = self.known(&under.convo);
        if let What::Members(list) = &under.what {
            // Of several at once nobody knows which was the last.
            known.members = (fine && known.version == under.version).then(|| list.clone());
            known.version += 1;
        }
    }

    /// Whether nobody else has asked for anything of this conversation
    /// meanwhile.
    pub(super) fn was_alone(&mut self, under: &Under, alone: bool, at: u64) -> bool {
        let known = self.known(&under.convo);
        std::mem::replace(&mut known.answered, at) < under.at && alone
    }

    /// The answer to a join; the token, if there is one.
    pub(super) fn joined(
        &mut self,
        under: &Under,
        answer: JoinConvoConferenceResponse,
        alone: bool,
    ) -> Result<Option<String>, String> {
        let result = Joined::try_from(answer.result).map_err(|_| "no known result")?;
        let pair = ConvoId::parse_key(&under.convo).map_err(|o| o.to_string())?;
        let me = PEOPLE[under.who];
        let known = self.known(&under.convo);
        // Only where nobody has set the members meanwhile.
        let belongs = match pair {
            ConvoId::Pair(one, other) => Some(one.as_str() == me || other.as_str() == me),
            ConvoId::Group(_) if under.convo == hall::CONVO => None,
            ConvoId::Group(_) => {
                let sure = known.version == under.version;
                known.members.as_ref().filter(|_| sure).map(|list| list.contains(&under.who))
            }
        };
        if belongs.is_some_and(|belongs| belongs == (result == Joined::NotAllowed)) {
            return Err(format!(
                "{me} belongs to {}: {belongs:?}, was told {result:?}",
                under.convo
            ));
        }
        if result != Joined::Ok {
            let bare = answer.connection_info.is_none() && answer.connection_token.is_none();
            return if bare { Ok(None) } else { Err(format!("{result:?} with a way in")) };
        }
        let list = answer.latest_state.ok_or("REQ-51: a join without a list")?;
        answer.connection_info.ok_or("a join without an address")?;
        self.list(under, &list)?;
        let (_, people) = read(&list)?;
        // Somebody may have been taken out again at once.
        if alone && under.convo != hall::CONVO && !people.contains_key(me) {
            return Err(format!("{me} is admitted and not listed: {people:?}"));
        }
        let payload = answer.connection_token.ok_or("a join without a token")?.payload;
        let token = String::from_utf8(payload).map_err(|_| "REQ-30: a token is text")?;
        let claims = under.keys.read(&token).ok_or("a token that is not ours")?;
        let known = self.known(&under.convo);
        let newest =
            known.tokens.values().filter_map(|list| list.last_key_value()).map(|(n, _)| *n);
        // A conversation may have become another room, with a later clock.
        if newest.max().is_some_and(|newest| newest >= claims.number) {
            return Err(format!("{me}: token {} is not the newest", claims.number));
        }
        known.tokens.entry(under.who).or_default().insert(claims.number, token.clone());
        known.room = Some(claims.room);
        Ok(Some(token))
    }

    /// The answer to a query.
    pub(super) fn queried(
        &mut self,
        under: &Under,
        answer: &BatchedGetConvoStateResponse,
    ) -> Result<(), String> {
        for list in &answer.latest_states {
            self.list(under, list)?;
        }
        Ok(())
    }

    fn list(&mut self, under: &Under, list: &ConvoVideoState) -> Result<(), String> {
        let convo = key_of(list)?;
        let (stamp, people) = read(list)?;
        let known = self.known(&convo);
        known.shown(stamp, &people)?;
        // Whoever asks sees what was pushed before it asked.
        if convo == under.convo && stamp != 0 && stamp < under.stamp {
            return Err(format!("{convo}: {stamp} was told, and {} before", under.stamp));
        }
        known.last = (stamp != 0).then_some(people);
        Ok(())
    }

    /// A list is pushed to whoever watches.
    pub(super) fn push(&mut self, convo: String, roster: &Roster, at: u64) -> Result<(), String> {
        let (stamp, people) = read(&roster.state)?;
        let known = self.known(&convo);
        if stamp != roster.stamp || stamp <= known.pushed {
            return Err(format!("{convo}: pushed {stamp} after {}", known.pushed));
        }
        known.shown(stamp, &people)?;
        known.pushed = stamp;
        known.unread = Some((stamp, people));
        known.wake(at)
    }

    /// Whoever watches this conversation reads nothing before then.
    pub(super) fn reads_later(&mut self, convo: usize, until: u64) {
        self.known(CONVOS[convo]).reads_at = until;
    }

    /// Whoever watches, and has not read for a while, reads the newest.
    pub(super) fn read(&mut self, now: u64) -> Result<(), String> {
        self.0.values_mut().try_for_each(|known| known.wake(now))
    }

    pub(super) fn token(&mut self, who: usize, convo: &str) -> Option<String> {
        let tokens = self.known(convo).tokens.get(&who)?;
        tokens.last_key_value().map(|(_, token)| token.clone())
    }

    /// One that was replaced.
    pub(super) fn old_token(&mut self, who: usize, convo: &str) -> Option<String> {
        let tokens = self.known(convo).tokens.get(&who)?;
        tokens.values().rev().nth(1).or_else(|| tokens.values().next()).cloned()
    }

    /// One of somebody else, or for another conversation.
    pub(super) fn foreign_token(&self, who: usize, convo: &str) -> Option<String> {
        let others = self.0.iter().flat_map(|(of, known)| {
            known.tokens.iter().filter(move |(user, _)| **user != who || of != convo)
        });
        others.filter_map(|(_, tokens)| tokens.values().next_back()).next().cloned()
    }

    /// Somebody who belongs to a conversation that has a room.
    pub(super) fn insider(&mut self, convo: &str) -> Option<usize> {
        let known = self.known(convo);
        known.room?;
        known.last = None;
        match convo {
            hall::CONVO => Some(0),
            pair if pair.contains(':') => Some(0),
            _ => known.members.as_ref()?.first().copied(),
        }
    }

    /// What was told last is how things are.
    pub(super) fn agrees(&self, truth: &Truth<'_>) -> Result<u64, String> {
        let mut compared = 0;
        for (convo, known) in &self.0 {
            let Some((told, room)) = known.last.as_ref().zip(known.room.and_then(truth.room))
            else {
                continue;
            };
            let is = Views::of(room).callctl;
            if *told != is {
                return Err(format!("{convo}: call control tells {told:?}, and there are {is:?}"));
            }
            compared += 1;
        }
        Ok(compared)
    }
}

impl Known {
    fn wake(&mut self, now: u64) -> Result<(), String> {
        if now < self.reads_at {
            return Ok(());
        }
        let Some((stamp, _)) = self.unread.take() else { return Ok(()) };
        if stamp <= self.seen {
            return Err(format!("a watcher reads {stamp} after {}", self.seen));
        }
        self.seen = stamp;
        Ok(())
    }
}
