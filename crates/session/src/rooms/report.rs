//! The media sessions of participants as they report them: how they moved,
//! how long it took, and whether the media server sees the same.
//!
//! The reports are kept per room, for operators; the room itself keeps only
//! what each participant said last.

use parlour_base::{Json, RoomId, Wall};
use parlour_room::seat::Report;
use parlour_room::seat::SeatEnd;
use parlour_room::{Room, Seat, SeatId};
use parlour_wire::rooms::{Counters, SessionState};
use serde_json::json;
use std::collections::BTreeMap;

/// Most rooms that reports are kept of; the one that was quiet longest goes.
pub const ROOMS_MAX: usize = 10_000;

/// What a participant's client said, beside what it said before and what the
/// media server sees.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// Where.
    pub room: RoomId,
    /// Whose.
    pub connection: String,
    /// What happened, in the client's words.
    pub event: String,
    /// The state before; `init` at first.
    pub from: String,
    /// The state after, in the client's words.
    pub to: String,
    /// The counters after.
    pub counters: Counters,
    /// Since it joined, in milliseconds.
    pub since_join_ms: u64,
    /// Since it said something before, or joined, in milliseconds.
    pub since_last_ms: u64,
    /// Whether the counters allow the state.
    pub is_consistent: bool,
    /// Whether the media server sees the same.
    pub is_seen: bool,
}

/// How a participant's media session ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Where.
    pub room: RoomId,
    /// Whose.
    pub connection: String,
    /// The state it was last in.
    pub state: String,
    /// Whether it had run out instead of leaving.
    pub is_expired: bool,
    /// Since it joined, in milliseconds.
    pub lasted_ms: u64,
    /// How much later than due it ran out, in milliseconds.
    pub late_ms: u64,
}

/// What a status means beside what is known.
pub(crate) fn moved(room: &Room, id: &SeatId, report: &Report) -> Option<Move> {
    let seat = room.seat(id)?;
    let connection = seat.participant()?.connection.clone();
    let before = seat.report.as_ref();
    let counters = Counters {
        connections: report.connections,
        send_streams: report.sends,
        recv_streams: report.receives,
    };
    let millis =
        |since: Wall| u64::try_from(report.at.since(since).as_millis()).unwrap_or(u64::MAX);
    let is_consistent = SessionState::of(&report.state).is_some_and(|state| counters.allow(state));
    Some(Move {
        room: room.id(),
        connection,
        event: report.event.clone(),
        from: before.map_or_else(|| SessionState::Init.text().to_owned(), |one| one.state.clone()),
        to: report.state.clone(),
        counters,
        since_join_ms: millis(seat.since),
        since_last_ms: millis(before.map_or(seat.since, |one| one.at)),
        is_consistent,
        is_seen: is_seen(room, seat, report),
    })
}

/// Whether the media server sees a session like the reported one: connected
/// or not, sending or not. A word that nobody knows says neither.
#[must_use]
pub fn is_seen(room: &Room, seat: &Seat, report: &Report) -> bool {
    let member = seat.live.as_ref().map(|live| &live.member);
    let sends = room.streams().any(|stream| Some(&stream.owner) == member);
    let Some(state) = SessionState::of(&report.state) else { return true };
    let says_sends = matches!(state, SessionState::Sending | SessionState::Sendrecv);
    let says_inside = state != SessionState::Init;
    says_sends == sends && says_inside == member.is_some()
}

/// The end of a participant, if the seat is one's.
pub(crate) fn ended(room: &Room, seat: &Seat, how: SeatEnd, at: Wall) -> Option<Ended> {
    let participant = seat.participant()?;
    let state = seat.report.as_ref().map(|report| report.state.clone());
    Some(Ended {
        room: room.id(),
        connection: participant.connection.clone(),
        state: state.unwrap_or_else(|| SessionState::Init.text().to_owned()),
        is_expired: how == SeatEnd::Expired,
        lasted_ms: u64::try_from(at.since(seat.since).as_millis()).unwrap_or(u64::MAX),
        late_ms: u64::try_from(at.since(participant.expires).as_millis()).unwrap_or(u64::MAX),
    })
}

/// The word of a state for metrics: one of the seven, or `other`.
#[must_use]
pub fn closed_word(state: &str) -> &'static str {
    SessionState::of(state).map_or("other", SessionState::text)
}

/// Whether a session that ends in this state failed: it wanted to talk and
/// could not, or talked and was cut off.
#[must_use]
pub fn is_failure(ended: &Ended) -> bool {
    let state = SessionState::of(&ended.state);
    let trying = matches!(
        state,
        Some(SessionState::Starting | SessionState::Sending | SessionState::Receiving)
    );
    trying || (ended.is_expired && state == Some(SessionState::Sendrecv))
}

/// What was reported in one room.
#[derive(Debug, Clone, Default)]
struct RoomReport {
    sessions: u64,
    moves: BTreeMap<(&'static str, &'static str), u64>,
    sendrecv: u64,
    sendrecv_ms_sum: u64,
    sendrecv_ms_max: u64,
    failures: BTreeMap<&'static str, u64>,
    inconsistent: u64,
    unseen: u64,
    /// Its place among the rooms, by when something was said of it last.
    order: u64,
}

/// The reports of all rooms.
#[derive(Debug, Default)]
pub struct Reports {
    rooms: BTreeMap<RoomId, RoomReport>,
    order: BTreeMap<u64, RoomId>,
    next: u64,
}

impl Reports {
    /// Takes in what a client said.
    pub fn moved(&mut self, one: &Move) {
        let report = self.of(one.room);
        let (from, to) = (closed_word(&one.from), closed_word(&one.to));
        let count = report.moves.entry((from, to)).or_default();
        *count = count.saturating_add(1);
        report.inconsistent = report.inconsistent.saturating_add(u64::from(!one.is_consistent));
        report.unseen = report.unseen.saturating_add(u64::from(!one.is_seen));
        if to == "sendrecv" && from != to {
            report.sendrecv = report.sendrecv.saturating_add(1);
            report.sendrecv_ms_sum = report.sendrecv_ms_sum.saturating_add(one.since_join_ms);
            report.sendrecv_ms_max = report.sendrecv_ms_max.max(one.since_join_ms);
        }
    }

    /// Takes in that a session ended.
    pub fn ended(&mut self, one: &Ended) {
        let report = self.of(one.room);
        report.sessions = report.sessions.saturating_add(1);
        if is_failure(one) {
            let count = report.failures.entry(closed_word(&one.state)).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// What is known of a room; `None` if nothing was reported.
    #[must_use]
    pub fn of_room(&self, room: RoomId) -> Option<Json> {
        let report = self.rooms.get(&room)?;
        let moves = report.moves.iter();
        let moves =
            moves.map(|((from, to), count)| json!({ "from": from, "to": to, "count": count }));
        Some(json!({
            "roomToken": room.to_string(),
            "sessionsEnded": report.sessions,
            "transitions": moves.collect::<Vec<_>>(),
            "sendrecv": {
                "count": report.sendrecv,
                "meanMs": report.sendrecv_ms_sum.checked_div(report.sendrecv),
                "maxMs": report.sendrecv_ms_max,
            },
            "failures": report.failures,
            "inconsistent": report.inconsistent,
            "notSeenByMedia": report.unseen,
        }))
    }

    fn of(&mut self, room: RoomId) -> &mut RoomReport {
        match self.rooms.get(&room) {
            Some(report) => {
                self.order.remove(&report.order);
            }
            None if self.rooms.len() >= ROOMS_MAX => {
                if let Some((_, quiet)) = self.order.pop_first() {
                    self.rooms.remove(&quiet);
                }
            }
            None => {}
        }
        self.next = self.next.saturating_add(1);
        self.order.insert(self.next, room);
        let report = self.rooms.entry(room).or_default();
        report.order = self.next;
        report
    }
}
