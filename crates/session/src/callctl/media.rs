//! Media servers apart from this process: a client presents its token to one
//! of them, and it asks here (arrow 6).
//!
//! A connection of another media server is a member like any other; its id
//! says which server and which connection.

use super::config::Config;
use super::join::conference_number;
use super::{Trouble, conference_key, convo_of};
use crate::call::{Call, Desk, Outcome, Reply, Step, Target};
use parlour_base::{JsonMap, RoomId, Wall};
use parlour_directory::MediaToken;
use parlour_room::command::{Command, Entry, Pass};
use parlour_room::member::MemberKind;
use parlour_room::{
    Actor, Door, Event, Happening, MemberId, Refusal, SeatId, Slot, Ticket, TokenNumber,
};
use parlour_wire::callctl::pb::common::{VoidResponse, XiBareUserJid};
use parlour_wire::callctl::pb::selfhost::video::v1::{
    ClientConnectedRequest, ClientConnectedResponse, ClientDisconnectedNotification,
    client_connected_response::Result as Connected,
};
use parlour_wire::callctl::{ConferenceId, ConvoId};
use std::sync::Arc;

/// What ids of such members begin with. A client of another door that chose
/// such an id would gain nothing: only who may speak for media servers can end
/// such a member, and closing a connection that is none has no effect.
const REMOTE: &str = "\u{1}media";
/// Stands between the parts of such an id.
const BETWEEN: char = '\u{1}';

/// The member that a connection of another media server is.
pub(super) fn member_id(server: &str, connection: &str) -> MemberId {
    MemberId(format!("{REMOTE}{BETWEEN}{server}{BETWEEN}{connection}"))
}

/// Media server and connection of a member, if it is such a one.
pub(super) fn remote(member: &MemberId) -> Option<(&str, &str)> {
    member.0.strip_prefix(REMOTE)?.strip_prefix(BETWEEN)?.split_once(BETWEEN)
}

/// May this token in? Reply: `Result<ClientConnectedResponse, Trouble>`.
#[derive(Debug)]
pub struct MediaConnected {
    config: Arc<Config>,
    request: ClientConnectedRequest,
    asked: Option<(Asked, MediaToken)>,
    convo: Option<ConvoId>,
}

impl MediaConnected {
    /// A client has presented a token; the request is within its limits.
    #[must_use]
    pub const fn new(config: Arc<Config>, request: ClientConnectedRequest) -> Self {
        Self { config, request, asked: None, convo: None }
    }

    fn begin(&mut self, desk: &Desk<'_>) -> Step {
        let named = Asked::read(&self.config, desk, &self.request.conference_id);
        let Some(named) = named else { return no(Connected::UnknownConference) };
        let payload = self.request.connection_token.take().unwrap_or_default().payload;
        let text = String::from_utf8(payload).unwrap_or_default();
        let Some(token) = desk.media_keys.check(Wall(i64::MIN), &text) else {
            return no(Connected::BadToken);
        };
        if token.room != named.room() || token.slot.is_some() {
            return no(Connected::BadToken);
        }
        if token.expires <= desk.now.wall {
            return no(Connected::ExpiredToken);
        }
        let room = named.room();
        self.asked = Some((named, token));
        Step::Open(Target::Id(room))
    }

    fn come_in(&mut self, desk: &Desk<'_>) -> Step {
        let (Some((named, token)), Some(room)) = (&self.asked, desk.room) else {
            return no(Connected::UnknownConference);
        };
        // Who names only the room means the call that the token is for.
        if let Asked::Conference(id) = named
            && conference_number(room).is_some_and(|number| number != id.incarnation)
        {
            return no(Connected::UnknownConference);
        }
        self.convo = convo_of(desk.names).next();
        let seat = SeatId { user: token.user, slot: Slot::User };
        let ticket = Ticket { seat, number: TokenNumber(token.number) };
        let entry = Entry {
            name: String::new(),
            via: self.convo.as_ref().map(ConvoId::key).unwrap_or_default(),
            door: Door::Galene,
            pass: Pass::Ticket(ticket),
            kind: MemberKind::Client,
            attributes: JsonMap::new(),
        };
        let member = member_id(&self.request.media_server_id, &self.request.connection_id);
        Step::Command {
            room: room.id(),
            actor: Actor::Entrant(member),
            command: Command::Join(entry),
            along: Vec::new(),
        }
    }

    fn is_in(&self, events: &[Event]) -> Step {
        let user = events.iter().find_map(|event| match &event.what {
            Happening::Joined(member) => member.person.kik.clone(),
            _ => None,
        });
        answer(ClientConnectedResponse {
            result: Connected::Ok.into(),
            user: user.map(|local_part| XiBareUserJid { local_part }),
            convo_id: self.convo.as_ref().map(ConvoId::to_pb),
        })
    }
}

/// What a media server calls a conference: by its id, or by its room where the
/// client has shown nothing but its token.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Conference(ConferenceId),
    Room(RoomId),
}

impl Asked {
    fn read(config: &Config, desk: &Desk<'_>, text: &str) -> Option<Self> {
        let room = || text.parse().ok().map(Self::Room);
        let id = conference_key(config, desk).and_then(|key| key.parse(text).ok());
        id.map(Self::Conference).or_else(room)
    }

    const fn room(&self) -> RoomId {
        match self {
            Self::Conference(id) => id.room,
            Self::Room(room) => *room,
        }
    }
}

fn answer(response: ClientConnectedResponse) -> Step {
    Step::Done(Reply::new(Ok::<_, Trouble>(response)))
}

fn no(result: Connected) -> Step {
    answer(ClientConnectedResponse { result: result.into(), ..ClientConnectedResponse::default() })
}

impl Call for MediaConnected {
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        match outcome {
            Outcome::Begin => self.begin(desk),
            Outcome::Room { .. } => self.come_in(desk),
            Outcome::Did(events) => self.is_in(&events),
            Outcome::NoRoom | Outcome::Refused(Refusal::RoomGone) => {
                no(Connected::UnknownConference)
            }
            Outcome::Refused(Refusal::StoreUnavailable) | Outcome::Fault(_) => {
                let trouble: Result<ClientConnectedResponse, _> = Err(Trouble::Unavailable);
                Step::Done(Reply::new(trouble))
            }
            _ => no(Connected::StaleToken),
        }
    }
}

/// The room that a conference id is about, without a look at its check value,
/// or that is named itself; `None` if it is neither.
#[must_use]
pub fn conference_text(text: &str) -> Option<RoomId> {
    parlour_wire::callctl::conference::room_in(text).or_else(|| text.parse().ok())
}

/// A connection is over. Reply: `Result<VoidResponse, Trouble>`.
#[derive(Debug)]
pub struct MediaDisconnected {
    config: Arc<Config>,
    notice: ClientDisconnectedNotification,
}

impl MediaDisconnected {
    /// As the media server reports it.
    #[must_use]
    pub const fn new(config: Arc<Config>, notice: ClientDisconnectedNotification) -> Self {
        Self { config, notice }
    }
}

impl Call for MediaDisconnected {
    fn resume(&mut self, desk: &mut Desk<'_>, outcome: Outcome) -> Step {
        match outcome {
            Outcome::Begin => {
                let named = Asked::read(&self.config, desk, &self.notice.conference_id);
                named.map_or_else(over, |named| Step::Open(Target::Id(named.room())))
            }
            Outcome::Room { .. } => desk.room.map_or_else(over, |room| {
                let notice = &self.notice;
                let member = member_id(&notice.media_server_id, &notice.connection_id);
                expel(room.id(), member)
            }),
            // It is retried until it has been heard.
            Outcome::Fault(_) | Outcome::Refused(Refusal::StoreUnavailable) => {
                Step::Done(Reply::new(Err::<VoidResponse, _>(Trouble::Unavailable)))
            }
            _ => over(),
        }
    }
}

/// A media server gives no sign of life: this connection of it is over. Reply:
/// `Result<VoidResponse, Trouble>`.
#[derive(Debug)]
pub struct MediaLost {
    room: RoomId,
    member: MemberId,
}

impl MediaLost {
    /// The connection that was let in with this conference id; `None` if that
    /// is none.
    #[must_use]
    pub fn new(room: RoomId, server: &str, connection: &str) -> Self {
        Self { room, member: member_id(server, connection) }
    }
}

impl Call for MediaLost {
    fn resume(&mut self, _: &mut Desk<'_>, outcome: Outcome) -> Step {
        match outcome {
            Outcome::Begin => Step::Open(Target::Id(self.room)),
            Outcome::Room { .. } => expel(self.room, self.member.clone()),
            _ => over(),
        }
    }
}

const fn expel(room: RoomId, member: MemberId) -> Step {
    super::describe::house(room, Command::Expel(member))
}

fn over() -> Step {
    Step::Done(Reply::new(Ok::<_, Trouble>(VoidResponse {})))
}
