//! The list of who is in a call, and its time.
//!
//! Source: docs/protocols/callctl.md §4 (REQ-8 to REQ-24).

use super::convo::{ConvoId, LocalPart};
use super::pb::common::video::v1::ConvoVideoState;
use super::pb::common::video::v1::convo_video_state::UserState;
use super::pb::common::video::v1::convo_video_state::user_state::State;
use prost_types::Timestamp;

/// Most people a list may name (REQ-13).
pub const USERS_MAX: usize = 100;

/// Nanoseconds of a second.
const NANOS: u64 = 1_000_000_000;

/// Writes a list. People beyond the first hundred are left out.
#[must_use]
pub fn write(
    convo: &ConvoId,
    people: impl IntoIterator<Item = (LocalPart, State)>,
    nanos: u64,
) -> ConvoVideoState {
    let user_state = |(user, state): (LocalPart, State)| UserState {
        user: Some(user.to_pb()),
        state: state.into(),
    };
    ConvoVideoState {
        convo_id: Some(convo.to_pb()),
        user_states: people.into_iter().take(USERS_MAX).map(user_state).collect(),
        timestamp: Some(timestamp(nanos)),
    }
}

/// Leaves out whoever has no state: the mistake of whoever made the list, which
/// is not handed on (REQ-16). How many those were.
pub fn mend(list: &mut ConvoVideoState) -> usize {
    let before = list.user_states.len();
    list.user_states.retain(|entry| entry.state != i32::from(State::NotSet));
    before - list.user_states.len()
}

/// Nanoseconds since 1970 as a message.
#[must_use]
pub fn timestamp(nanos: u64) -> Timestamp {
    let seconds = i64::try_from(nanos / NANOS).unwrap_or(i64::MAX);
    let nanos = i32::try_from(nanos % NANOS).unwrap_or(0);
    Timestamp { seconds, nanos }
}

/// A message as nanoseconds since 1970; `None` if it is before that, beyond
/// what fits, or not a time at all.
#[must_use]
pub fn nanos(timestamp: &Timestamp) -> Option<u64> {
    let below = u64::try_from(timestamp.nanos).ok().filter(|nanos| *nanos < NANOS)?;
    u64::try_from(timestamp.seconds).ok()?.checked_mul(NANOS)?.checked_add(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_the_way_there_and_back() {
        for at in [0, 1, 999_999_999, 1_000_000_000, 1_700_000_000_000_000_001, u64::MAX] {
            assert_eq!(nanos(&timestamp(at)), Some(at));
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for (seconds, part) in [(-1, 0), (0, -1), (0, 1_000_000_000), (i64::MAX, 0)] {
            assert_eq!(nanos(&Timestamp { seconds, nanos: part }), None);
        }
    }

    #[test]
    fn req_13_a_list_names_a_hundred_people_at_most() {
        let convo = ConvoId::parse_key("1234567890123_g").expect("a key");
        let people = (0..150).map(|n| {
            let name = LocalPart::parse(&format!("user_{n:03}")).expect("a name");
            (name, State::Connected)
        });
        assert_eq!(write(&convo, people, 1).user_states.len(), 100);
    }
}
