//! The session's own state: who the client is, and since when it is silent.

use super::port::{Ask, Config, EntryFailure, Output};
use crate::note::StreamNote;
use parlour_base::{Json, JsonMap, Mono, Permissions};
use parlour_room::{Member, MemberId, Refusal, Room, TrackKind};
use parlour_wire::galene::{Chat, Dialect, JoinedKind, ServerMessage, text};
use std::collections::VecDeque;
use std::sync::Arc;

/// One client of the door.
#[derive(Debug)]
pub struct Session {
    pub(super) dialect: Dialect,
    pub(super) phase: Phase,
    opened: Mono,
    last_read: Mono,
    pinged: bool,
    budget: Budget,
    /// Frames that came while the client was being let in.
    deferred: VecDeque<String>,
    out: VecDeque<Output>,
}

/// Most frames, and most bytes of them, that wait while a client is let in; a
/// client that sends more is closed.
const DEFERRED_FRAMES_MAX: usize = 256;
const DEFERRED_BYTES_MAX: usize = 2 << 20;

/// How far the client has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has said nothing.
    Opened,
    /// It has an id.
    Shaken { id: MemberId },
    /// It asked to enter a group.
    Entering { id: MemberId, group: String },
    /// It is in a room, which it knows by this name, under this name.
    Joined { id: MemberId, group: String, name: String },
    /// It asked to leave its room.
    Leaving { id: MemberId },
    /// It was told to go; what it says no longer counts.
    Closing,
}

/// How many more messages the client may send.
#[derive(Debug, Clone, Copy)]
struct Budget {
    /// Thousandths of a message.
    left: u64,
    filled: Mono,
}

impl Phase {
    /// Whether the room has still to say what the client is.
    const fn is_undecided(&self) -> bool {
        matches!(self, Self::Entering { .. } | Self::Leaving { .. })
    }

    /// The phase of somebody who is in a room.
    pub(super) fn joined(member: &Member) -> Self {
        Self::Joined { id: member.id.clone(), group: member.via.clone(), name: member.name.clone() }
    }
}

impl Session {
    /// A connection that was just opened.
    #[must_use]
    pub fn new(now: Mono, config: &Config) -> Self {
        Self {
            dialect: Dialect::V2,
            phase: Phase::Opened,
            opened: now,
            last_read: now,
            pinged: false,
            budget: Budget { left: u64::from(config.message_burst) * 1_000, filled: now },
            deferred: VecDeque::new(),
            out: VecDeque::new(),
        }
    }

    /// The session of somebody who is in a room, rebuilt from nothing but the
    /// room and its dialect.
    #[must_use]
    pub fn resume(now: Mono, config: &Config, dialect: Dialect, member: &Member) -> Self {
        let phase = Phase::joined(member);
        Self { dialect, phase, ..Self::new(now, config) }
    }

    /// The next order; `None` when there is no more.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// The id by which the client is known, once it has said it.
    #[must_use]
    pub const fn id(&self) -> Option<&MemberId> {
        match &self.phase {
            Phase::Shaken { id }
            | Phase::Entering { id, .. }
            | Phase::Joined { id, .. }
            | Phase::Leaving { id } => Some(id),
            Phase::Opened | Phase::Closing => None,
        }
    }

    /// The dialect it is spoken to in.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// When [`Session::tick`] is due.
    #[must_use]
    pub fn deadline(&self, config: &Config) -> Option<Mono> {
        match self.phase {
            Phase::Closing => None,
            Phase::Opened => Some(self.opened + config.first_message.0),
            _ if self.pinged => Some(self.last_read + config.dead_after.0),
            _ => Some(self.last_read + config.ping_after.0),
        }
    }

    /// Does what time demands: a ping, or the end.
    pub fn tick(&mut self, now: Mono, config: &Config) {
        if self.deadline(config).is_none_or(|due| now < due) {
            return;
        }
        let silent = now.since(self.last_read);
        if self.phase == Phase::Opened || silent >= config.dead_after.0 {
            self.close(text::CLOSE_INTERNAL, "");
        } else {
            self.pinged = true;
            self.send(&ServerMessage::Ping);
        }
    }

    /// Notes that something was read; false if the client sends too much.
    pub(super) fn read(&mut self, now: Mono, config: &Config) -> bool {
        self.last_read = now;
        self.pinged = false;
        let elapsed = u64::try_from(now.since(self.budget.filled).as_millis()).unwrap_or(u64::MAX);
        let gained = elapsed.saturating_mul(u64::from(config.messages_per_second));
        if gained > 0 {
            let most = u64::from(config.message_burst) * 1_000;
            self.budget.left = self.budget.left.saturating_add(gained).min(most);
            self.budget.filled = now;
        }
        match self.budget.left.checked_sub(1_000) {
            Some(left) => {
                self.budget.left = left;
                true
            }
            None => false,
        }
    }

    /// Keeps a frame for later; false if too many are kept.
    pub(super) fn defer(&mut self, frame: &str) -> bool {
        let bytes: usize = self.deferred.iter().map(String::len).sum();
        if self.deferred.len() >= DEFERRED_FRAMES_MAX || bytes + frame.len() > DEFERRED_BYTES_MAX {
            return false;
        }
        self.deferred.push_back(frame.to_owned());
        true
    }

    /// Whether a frame has to wait: for the decision about the client, or for
    /// frames before it.
    pub(super) fn must_wait(&self) -> bool {
        self.phase.is_undecided() || !self.deferred.is_empty()
    }

    /// Whether frames that waited can now be looked at.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.deferred.is_empty() && !self.phase.is_undecided()
    }

    /// The next frame that waited.
    pub(super) fn next_deferred(&mut self) -> Option<String> {
        if self.is_ready() { self.deferred.pop_front() } else { None }
    }

    pub(super) fn send(&mut self, message: &ServerMessage) {
        if let Some(text) = message.write(self.dialect) {
            self.say_frame(text.into());
        }
    }

    /// Sends a frame that is written already.
    pub(super) fn say_frame(&mut self, frame: Arc<str>) {
        if self.phase != Phase::Closing {
            self.out.push_back(Output::Send(frame));
        }
    }

    pub(super) fn ask(&mut self, ask: Ask) {
        #[cfg(feature = "planted")]
        if parlour_room::planted::is(parlour_room::planted::Bug::PermissionInSession)
            && let (Ask::Command(command), Some(me)) = (&ask, self.id())
            && parlour_room::planted::is_for_operators(command)
            && !parlour_room::planted::last_told(me).has(parlour_base::Permission::Op)
        {
            return;
        }
        self.out.push_back(Output::Ask(Box::new(ask)));
    }

    /// Ends the connection; the reason is cut to what a close frame holds.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        if self.phase == Phase::Closing {
            return;
        }
        let mut end = reason.len().min(text::CLOSE_REASON_BYTES_MAX);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let reason = reason.get(..end).unwrap_or_default().to_owned();
        self.out.push_back(Output::Close { code, reason });
        self.deferred.clear();
        self.phase = Phase::Closing;
    }

    /// Tells the client why, then ends the connection.
    pub(super) fn fail(&mut self, code: u16, why: &str) {
        self.error(why);
        self.close(code, why);
    }

    /// Tells the client that something it asked for did not work.
    pub fn error(&mut self, why: &str) {
        let dest = self.id().map_or_else(String::new, |id| id.0.clone());
        self.send(&ServerMessage::notice(text::ERROR, &dest, why));
    }

    /// Tells the client something it should know.
    pub fn warn(&mut self, what: &str) {
        let dest = self.id().map_or_else(String::new, |id| id.0.clone());
        self.send(&ServerMessage::notice(text::WARNING, &dest, what));
    }

    /// Tells the client about a stream.
    pub fn stream(&mut self, note: StreamNote) {
        let message = match note {
            StreamNote::Abort(stream) => ServerMessage::Abort { id: stream.0 },
            StreamNote::Answer { stream, sdp } => ServerMessage::Answer { id: stream.0, sdp },
            StreamNote::Close(stream) => ServerMessage::Close { id: stream.0 },
            StreamNote::Error(why) => return self.error(&why),
            StreamNote::Offer(offer) => ServerMessage::Offer {
                id: offer.stream.0,
                label: offer.label,
                tracks: offer.tracks.into_iter().map(|(mid, kind)| (mid, track(kind))).collect(),
                replace: offer.replaces.map(|old| old.0),
                source: offer.source.0,
                username: offer.name,
                sdp: offer.sdp,
            },
            StreamNote::Renegotiate(stream) => ServerMessage::Renegotiate { id: stream.0 },
        };
        self.send(&message);
    }

    /// The client was not let in; it may try again on the same connection.
    pub fn entry_failed(&mut self, failure: &EntryFailure) {
        let error = match failure {
            EntryFailure::NeedUsername => Some(text::error_id::NEED_USERNAME.to_owned()),
            EntryFailure::UsernameTaken => Some(text::error_id::DUPLICATE_USERNAME.to_owned()),
            _ => None,
        };
        let (kind, value) = match failure {
            EntryFailure::NeedUsername => {
                (JoinedKind::Fail, text::join_failure::USERNAME_REQUIRED.to_owned())
            }
            EntryFailure::UsernameTaken => {
                (JoinedKind::Fail, text::join_failure::USERNAME_TAKEN.to_owned())
            }
            EntryFailure::NotAuthorised => {
                (JoinedKind::Fail, text::join_failure::NOT_AUTHORISED.to_owned())
            }
            EntryFailure::NoGroup => (JoinedKind::Fail, text::join_failure::NO_GROUP.to_owned()),
            EntryFailure::IllegalGroup => {
                (JoinedKind::Fail, text::join_failure::ILLEGAL_GROUP.to_owned())
            }
            EntryFailure::Refused(Refusal::Moved(url)) => (JoinedKind::Redirect, url.clone()),
            EntryFailure::Refused(
                refusal @ (Refusal::Closed
                | Refusal::Full
                | Refusal::Locked(_)
                | Refusal::NotYetOpen
                | Refusal::NoOperators),
            ) => (JoinedKind::Fail, refusal.to_string()),
            EntryFailure::Refused(_) | EntryFailure::Internal => {
                (JoinedKind::Fail, text::join_failure::INTERNAL.to_owned())
            }
        };
        let Phase::Entering { id, group } = &self.phase else { return };
        let (group, id) = (group.clone(), id.clone());
        self.phase = Phase::Shaken { id };
        self.send(&ServerMessage::Joined {
            kind,
            group,
            username: Some(String::new()),
            permissions: Permissions::NONE,
            status: None,
            data: JsonMap::new(),
            rtc_configuration: None,
            error,
            value: Some(value),
        });
    }

    /// What became of an action on invitations: the invitation or the list of
    /// them, or an identifier and a text of what was wrong.
    pub fn tokens(&mut self, kind: &str, outcome: Result<Json, (&str, String)>) {
        let dest = self.id().map(|id| id.0.clone());
        let (error, value) = match outcome {
            Ok(value) => (None, value),
            Err((error, why)) => (Some(error.to_owned()), why.into()),
        };
        self.send(&ServerMessage::UserMessage {
            kind: kind.to_owned(),
            id: None,
            dest,
            source: None,
            username: None,
            privileged: true,
            error,
            time: None,
            noecho: false,
            value,
        });
    }

    /// Tells the client something in the chat, as the server.
    pub fn say(&mut self, at: parlour_base::Wall, words: &str) {
        let dest = self.id().map(|id| id.0.clone());
        self.send(&ServerMessage::Chat(Chat {
            dest,
            username: Some("Server".to_owned()),
            time: Some(at),
            value: words.into(),
            ..Chat::default()
        }));
    }

    /// The server stops.
    pub fn stop(&mut self, why: &str) {
        let dest = self.id().map_or_else(String::new, |id| id.0.clone());
        if !dest.is_empty() {
            self.send(&ServerMessage::notice(text::KICKED, &dest, why));
        }
        self.close(text::CLOSE_NORMAL, &format!("{} ({why})", text::kick::REASON));
    }

    /// Whether the client was told to go.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Closing
    }

    /// Where a member is, as an operator asked.
    pub fn identified(&mut self, member: &Member, remote: std::net::SocketAddr) {
        let mut value = JsonMap::new();
        value.insert("id".to_owned(), member.id.0.as_str().into());
        if !member.name.is_empty() {
            value.insert("username".to_owned(), member.name.as_str().into());
        }
        value.insert("address".to_owned(), remote.to_string().into());
        let dest = self.id().map(|id| id.0.clone());
        self.send(&ServerMessage::UserMessage {
            kind: text::USER_INFO.to_owned(),
            id: None,
            dest,
            source: None,
            username: None,
            privileged: true,
            error: None,
            time: None,
            noecho: false,
            value: value.into(),
        });
    }

    /// A command of the client was refused by its room.
    pub fn refused(&mut self, what: &parlour_room::Command, refusal: &Refusal) {
        if let Some(words) = super::translate::refusal(what, refusal) {
            self.error(&words);
        }
    }

    /// The client's own state as the room has it.
    pub(super) fn me<'r>(&self, room: &'r Room) -> Option<&'r Member> {
        match &self.phase {
            Phase::Joined { id, .. } | Phase::Leaving { id } => room.member(id),
            _ => None,
        }
    }
}

const fn track(kind: TrackKind) -> parlour_wire::galene::TrackKind {
    match kind {
        TrackKind::Audio => parlour_wire::galene::TrackKind::Audio,
        TrackKind::Video => parlour_wire::galene::TrackKind::Video,
    }
}
