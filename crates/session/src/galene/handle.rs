//! What the client says, step by step: envelope, handshake, then each message
//! as a command or a request to the node.

use super::port::{Ask, Config, EntryFailure, EntryRequest};
use super::session::{Phase, Session};
use super::translate;
use parlour_base::{Entropy, Json, Mono, Permission};
use parlour_directory::media_token::is_media_token;
use parlour_room::{Command, MemberId, StreamId};
use parlour_wire::galene::{
    ClientMessage, Dialect, Envelope, Join, Offer, ServerMessage, name, text,
};

/// The client sends more than it may; then the connection ends.
const TOO_FAST: &str = "too many messages";
/// The protocol has only text frames.
const BINARY: &str = "binary frames are not part of the protocol";
/// Recording is still to come.
const NOT_HERE_YET: &str = "this server cannot do that yet";
/// What a client of an unknown version is told; it is served all the same.
const OTHER_VERSION: &str = "this client speaks another version of the protocol";

impl Session {
    /// Takes one text frame.
    pub fn text(&mut self, now: Mono, config: &Config, entropy: &mut Entropy, frame: &str) {
        if self.phase == Phase::Closing {
            return;
        }
        if !self.read(now, config) {
            self.fail(text::CLOSE_NORMAL, TOO_FAST);
            return;
        }
        if !self.must_wait() {
            self.frame(entropy, frame);
        } else if !self.defer(frame) {
            self.fail(text::CLOSE_NORMAL, TOO_FAST);
        }
    }

    /// Goes on with the first frame that came while the room was deciding.
    pub fn proceed(&mut self, entropy: &mut Entropy) {
        if let Some(frame) = self.next_deferred() {
            self.frame(entropy, &frame);
        }
    }

    fn frame(&mut self, entropy: &mut Entropy, frame: &str) {
        match Envelope::parse(frame) {
            Ok(envelope) => self.envelope(entropy, envelope),
            Err(_) => self.close(text::CLOSE_INTERNAL, ""),
        }
    }

    /// Takes a binary frame, which the protocol does not have.
    pub fn binary(&mut self) {
        self.fail(text::CLOSE_PROTOCOL, BINARY);
    }

    fn envelope(&mut self, entropy: &mut Entropy, envelope: Envelope) {
        let Envelope { source, username, message } = envelope;
        if self.phase == Phase::Opened {
            match message {
                ClientMessage::Handshake { version, id } => self.handshake(version, id),
                _ => self.close(text::CLOSE_PROTOCOL, text::fatal::NO_HANDSHAKE),
            }
            return;
        }
        let me = self.id().map_or("", |id| id.0.as_str());
        if source.is_some_and(|source| source != me) {
            self.fail(text::CLOSE_PROTOCOL, text::fatal::SPOOFED_CLIENT_ID);
            return;
        }
        let my_name = match &self.phase {
            Phase::Joined { name, .. } => name.as_str(),
            _ => "",
        };
        if username.is_some_and(|username| username != my_name) {
            self.fail(text::CLOSE_PROTOCOL, text::fatal::SPOOFED_USERNAME);
            return;
        }
        self.message(entropy, message);
    }

    fn handshake(&mut self, version: Option<Vec<String>>, id: String) {
        self.dialect = Dialect::of(version.as_deref());
        self.phase = Phase::Shaken { id: MemberId(id) };
        self.send(&ServerMessage::Handshake);
        if Dialect::is_mismatch(version.as_deref()) {
            self.warn(OTHER_VERSION);
        }
    }

    fn message(&mut self, entropy: &mut Entropy, message: ClientMessage) {
        match message {
            ClientMessage::Join(join) => self.join(join),
            ClientMessage::Offer(offer) => self.offer(offer),
            ClientMessage::Answer { id, sdp } => {
                self.ask(Ask::Answer { stream: StreamId(id), sdp });
            }
            ClientMessage::Ice { candidate: Some(_), .. } => {
                // With ICE-lite the client's candidates are not needed: its
                // checks tell where it is.
            }
            ClientMessage::Ice { candidate: None, .. } => {
                self.fail(text::CLOSE_PROTOCOL, text::fatal::NULL_CANDIDATE);
            }
            ClientMessage::Renegotiate { id } => self.ask(Ask::Renegotiate(StreamId(id))),
            ClientMessage::Close { id } => self.ask(Ask::Close(StreamId(id))),
            ClientMessage::Abort { id } => self.ask(Ask::Abort(StreamId(id))),
            ClientMessage::Request(table) => {
                self.request(Command::Request(translate::wishes(table)))
            }
            ClientMessage::RequestStream { id, request } => {
                let wish = request.map(translate::wish);
                self.in_room(Command::RequestStream { stream: StreamId(id), wish });
            }
            ClientMessage::Chat { kind, dest, id, value, noecho } => {
                let id = if id.is_empty() && dest.is_empty() { entropy.text::<8>() } else { id };
                let speech = translate::speech(id, kind, dest, value, noecho);
                self.in_room(Command::Chat(speech));
            }
            ClientMessage::UserMessage { kind, dest, id, value, noecho } => {
                let speech = translate::speech(id, kind, dest, value, noecho);
                self.in_room(Command::Tell(speech));
            }
            ClientMessage::UserAction { kind, dest, value } => {
                self.user_action(&kind, MemberId(dest), value);
            }
            ClientMessage::GroupAction { kind, value } => self.group_action(&kind, value),
            ClientMessage::Ping => self.send(&ServerMessage::Pong),
            ClientMessage::Pong => {}
            _ => self.fail(text::CLOSE_PROTOCOL, text::fatal::UNEXPECTED_MESSAGE),
        }
    }

    fn join(&mut self, join: Join) {
        match (join.kind.as_str(), &self.phase) {
            ("join", Phase::Shaken { id }) => {
                let id = id.clone();
                self.enter(id, join);
            }
            ("join", _) => self.fail(text::CLOSE_PROTOCOL, text::fatal::MULTIPLE_GROUPS),
            ("leave", Phase::Joined { id, group, .. }) if *group == join.group => {
                let id = id.clone();
                self.ask(Ask::Command(Command::Leave));
                self.phase = Phase::Leaving { id };
            }
            ("leave", _) => self.fail(text::CLOSE_NORMAL, text::fatal::NOT_JOINED),
            _ => self.fail(text::CLOSE_PROTOCOL, text::fatal::UNKNOWN_KIND),
        }
    }

    fn enter(&mut self, id: MemberId, join: Join) {
        #[cfg(feature = "planted")]
        let join = {
            let mut join = join;
            if parlour_room::planted::is(parlour_room::planted::Bug::SecretInAttributes) {
                let password = join.password.expose().as_str().into();
                join.data.insert("password".to_owned(), password);
            }
            join
        };
        // A client of 2021 takes its group from the path of its page, which
        // may have got a slash at its end (docs/protocols/galene.md §1.5).
        let group = match self.dialect {
            Dialect::Legacy => join.group.trim_end_matches('/').to_owned(),
            _ => join.group,
        };
        self.phase = Phase::Entering { id: id.clone(), group: group.clone() };
        let by_token = join.token.as_ref().is_some_and(|token| is_media_token(token.expose()));
        if !by_token && !name::is_group_name(&group) {
            self.entry_failed(&EntryFailure::IllegalGroup);
            return;
        }
        self.ask(Ask::Enter(Box::new(EntryRequest {
            id,
            group,
            username: join.username,
            password: join.password,
            token: join.token,
            attributes: join.data,
        })));
    }

    fn offer(&mut self, offer: Offer) {
        if offer.id.is_empty() {
            self.fail(text::CLOSE_PROTOCOL, text::fatal::EMPTY_ID);
            return;
        }
        let label = offer.stream_label().to_owned();
        let replaces = Some(offer.replace).filter(|old| !old.is_empty()).map(StreamId);
        self.ask(Ask::Offer { stream: StreamId(offer.id), label, replaces, sdp: offer.sdp });
    }

    const fn is_in_room(&self) -> bool {
        matches!(self.phase, Phase::Joined { .. })
    }

    /// A request for media needs a group, and ends the session without one.
    fn request(&mut self, command: Command) {
        if self.is_in_room() {
            self.ask(Ask::Command(command));
        } else {
            self.close(text::CLOSE_INTERNAL, "");
        }
    }

    /// What needs a group and is refused without one.
    fn in_room(&mut self, command: Command) {
        if self.is_in_room() {
            self.ask(Ask::Command(command));
        } else {
            self.error(text::soft::JOIN_FIRST);
        }
    }

    /// Says what is wrong to those who may ask at all.
    fn decline(&mut self, needs: Permission, words: &'static str) {
        self.ask(Ask::Decline { needs, words });
    }

    fn user_action(&mut self, kind: &str, target: MemberId, value: Json) {
        if !self.is_in_room() {
            self.error(text::soft::JOIN_FIRST);
            return;
        }
        let set = |permission, grant| Command::SetPermission {
            target: target.clone(),
            permission,
            grant,
        };
        let command = match kind {
            "op" => set(Permission::Op, true),
            "unop" => set(Permission::Op, false),
            "present" => set(Permission::Present, true),
            "unpresent" => set(Permission::Present, false),
            "shutup" => set(Permission::Message, false),
            "unshutup" => set(Permission::Message, true),
            "kick" => {
                let message = value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
                Command::Kick { target, message }
            }
            "identify" => {
                self.ask(Ask::Identify(target));
                return;
            }
            "setdata" | "setstatus" => match value {
                _ if self.id() != Some(&target) => {
                    self.error(text::soft::NOT_AUTHORISED);
                    return;
                }
                Json::Object(change) => Command::SetAttributes(change),
                _ => {
                    self.error(text::soft::BAD_SETDATA);
                    return;
                }
            },
            _ => {
                self.fail(text::CLOSE_NORMAL, text::fatal::UNKNOWN_USER_ACTION);
                return;
            }
        };
        self.ask(Ask::Command(command));
    }

    fn group_action(&mut self, kind: &str, value: Json) {
        if !self.is_in_room() {
            self.error(text::soft::JOIN_FIRST);
            return;
        }
        let command = match (kind, value) {
            ("lock", value) => Command::Lock(value.as_str().unwrap_or_default().to_owned()),
            ("unlock", _) => Command::Unlock,
            ("clearchat", value) => match translate::read_clearing(&value) {
                Some(clearing) => Command::ClearChat(clearing),
                None => return self.decline(Permission::Op, text::soft::BAD_CLEARCHAT),
            },
            ("setdata", Json::Object(change)) => Command::SetRoomAttributes(change),
            ("setdata", _) => return self.decline(Permission::Op, text::soft::BAD_SETDATA),
            ("maketoken", value) => return self.ask(Ask::MakeToken(value)),
            ("edittoken", value) => return self.ask(Ask::EditToken(value)),
            ("listtokens", _) => return self.ask(Ask::ListTokens),
            ("subgroups", _) => return self.ask(Ask::Subgroups),
            ("record" | "unrecord", _) => return self.decline(Permission::Record, NOT_HERE_YET),
            _ => {
                self.fail(text::CLOSE_NORMAL, text::fatal::UNKNOWN_GROUP_ACTION);
                return;
            }
        };
        self.ask(Ask::Command(command));
    }
}
