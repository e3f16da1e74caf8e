//! Who asks: sessions shown by Hawk, participants shown by Basic or by the
//! token in the body, or nobody.

use super::asks::{Visit, later};
use super::http::UserKind;
use super::records::{HAWK, HawkRecord, Secretive, keep, read};
use parlour_base::{RoomId, Secret, UserId, Wall};
use parlour_directory::MediaKeys;
use parlour_directory::outside::Outside;
use parlour_room::{Person, Room, SeatId, Slot};
use parlour_wire::rooms::hawk::{self, SessionToken, Target};
use parlour_wire::rooms::identity::NameKey;
use parlour_wire::rooms::{ApiError, BasicError, action, basic, seal};

/// A session, shown by Hawk.
#[derive(Debug)]
pub(super) struct Session {
    /// What the client calls it.
    pub(super) hawk_id: String,
    /// What it is called here.
    pub(super) device: String,
    /// The account, if it is logged in to one.
    pub(super) account: Option<String>,
    pub(super) record: HawkRecord,
}

/// Who asks something of a room.
#[derive(Debug)]
pub(super) enum Caller {
    /// Nobody in particular.
    Nobody,
    /// A session.
    Hawk(Box<Session>),
    /// A participant without a session.
    Guest(SeatId),
}

impl Session {
    /// Who it is, to rooms; they are told the account sealed.
    pub(super) fn person(&self, account: Option<String>) -> Person {
        Person { account, ..Person::known(self.record.user) }
    }

    /// The seat it has or would have in any room.
    pub(super) fn seat(&self) -> SeatId {
        SeatId { user: self.record.user, slot: Slot::Client(self.device.clone()) }
    }
}

/// What the media session of a room is called, here and where media is opened.
#[must_use]
pub fn media_session(keys: &MediaKeys, room: RoomId) -> String {
    name_key(keys).session(&room.to_string())
}

fn name_key(keys: &MediaKeys) -> NameKey {
    NameKey::new(keys.outside().expose().clone())
}

impl Caller {
    /// The seat it has or would have.
    pub(super) fn seat(&self) -> Option<SeatId> {
        match self {
            Self::Nobody => None,
            Self::Hawk(session) => Some(session.seat()),
            Self::Guest(seat) => Some(seat.clone()),
        }
    }

    /// Whether the room is its own.
    pub(super) fn owns(&self, room: &Room) -> bool {
        let owner = room.lease().and_then(|lease| lease.owner);
        matches!(self, Self::Hawk(session) if owner == Some(session.record.user))
    }
}

/// Whether this seat is a participant's whose time has not passed.
pub(super) fn is_inside(room: &Room, seat: &SeatId, now: Wall) -> bool {
    let participant = room.seat(seat).and_then(|seat| seat.participant());
    participant.is_some_and(|participant| participant.expires > now)
}

impl Visit {
    /// The session of a route that takes nothing but Hawk.
    pub(super) async fn hawk(&mut self) -> Result<Session, ApiError> {
        let header = self.authorization();
        let attributes = header.as_ref().and_then(|header| hawk::scheme(header.expose()));
        match attributes {
            Some((scheme, attributes)) if scheme.eq_ignore_ascii_case("hawk") => {
                self.verified(attributes).await
            }
            // A header that begins with no word is badly written.
            None if header.as_ref().is_some_and(|h| !h.expose().is_empty()) => {
                Err(hawk::read_header("").err().unwrap_or_else(hawk::needed))
            }
            _ => Err(hawk::needed()),
        }
    }

    /// The session of a route that only those with an account may use.
    pub(super) async fn hawk_with_account(&mut self) -> Result<Session, ApiError> {
        let session = self.hawk().await?;
        if session.account.is_none() {
            return Err(ApiError::needs_account());
        }
        Ok(session)
    }

    /// Who asks something of this room.
    pub(super) async fn caller(&mut self, room: &Room) -> Result<Caller, ApiError> {
        let Some(header) = self.authorization() else { return Ok(Caller::Nobody) };
        let header = header.expose();
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("hawk") {
            let session = Box::pin(self.verified(rest.trim_start())).await?;
            Ok(Caller::Hawk(Box::new(session)))
        } else if scheme.eq_ignore_ascii_case("basic") {
            let token = basic::read_token(header).map_err(BasicError::answer)?;
            self.guest(room, &token)
        } else {
            Err(ApiError::unsupported_scheme("Basic,Hawk"))
        }
    }

    /// Who asks without a header: the token may stand in the body.
    pub(super) fn by_token(&self, room: &Room) -> Result<Caller, ApiError> {
        match action::session_token(&self.body) {
            Some(token) => self.guest(room, &token),
            None => Err(ApiError::needs_credentials()),
        }
    }

    /// The participant whose token this is, as long as the room has it.
    pub(super) fn guest(&self, room: &Room, token: &Secret<String>) -> Result<Caller, ApiError> {
        // The seat says whether it is over, so the token's own end is not asked.
        let claims = self.port.with_keys(|keys| keys.check(Wall(i64::MIN), token.expose()));
        let claims = claims.filter(|claims| claims.room == room.id());
        let seat = claims.and_then(|claims| {
            let slot = Slot::Client(claims.slot?);
            Some(SeatId { user: claims.user, slot })
        });
        let now = self.port.now().wall;
        let is_guest = |seat: &SeatId| room.seat(seat).is_some_and(|seat| seat.person.guest);
        match seat {
            Some(seat) if is_guest(&seat) && is_inside(room, &seat, now) => Ok(Caller::Guest(seat)),
            _ => Err(BasicError::Wrong.answer()),
        }
    }

    pub(super) fn authorization(&self) -> Option<Secret<String>> {
        self.request.headers.authorization.clone()
    }

    /// Checks Hawk: syntax, then who, then signature, then clock.
    pub(super) async fn verified(&mut self, attributes: &str) -> Result<Session, ApiError> {
        let header = hawk::read_header(attributes)?;
        let device = self.device(&header.id);
        let record: Option<HawkRecord> = read(self.port.record(HAWK, &device).await?);
        let now = self.port.now().wall;
        let record = record.filter(|record| record.expires > now).ok_or_else(hawk::unknown)?;
        let path = match &self.request.query {
            Some(query) => format!("{}?{query}", self.request.path),
            None => self.request.path.clone(),
        };
        let (method, host) = (&self.request.method, &self.request.host);
        let target = Target { method, path: &path, host, port: self.request.port };
        let verified = hawk::check(&header, target, &record.key.0, now)?;
        if !self.door.is_new(&device, &header, now) {
            return Err(hawk::repeated());
        }
        self.marks.server_authorization = Some(verified.server_authorization);
        let account = record.account.as_deref().and_then(|text| seal::open(&header.id, text));
        let summary = &mut self.marks.summary;
        summary.user = Some(record.user.to_string());
        summary.user_kind = match &account {
            Some(_) => UserKind::Registered,
            None => UserKind::Unregistered,
        };
        let mut session = Session { hawk_id: header.id, device, account, record };
        self.renew(&mut session).await?;
        Ok(session)
    }

    /// A used session lives on.
    async fn renew(&self, session: &mut Session) -> Result<(), ApiError> {
        let (now, life) = (self.port.now().wall, self.door.config.session_life.0);
        if !session.record.is_worn(now, life) {
            return Ok(());
        }
        session.record.expires = later(now, life);
        self.keep_session(session).await
    }

    pub(super) async fn keep_session(&self, session: &Session) -> Result<(), ApiError> {
        self.port.commit(vec![keep(HAWK, session.device.clone(), &session.record)]).await
    }

    /// Makes a session; its token goes out with the answer.
    pub(super) async fn new_session(&mut self, oauth: bool) -> Result<Session, ApiError> {
        let mut bytes = [0; 32];
        self.port.random(|entropy| entropy.fill(&mut bytes));
        let token = SessionToken::new(bytes);
        let credentials = token.credentials();
        let device = self.device(&credentials.id);
        let record = HawkRecord {
            key: Secretive::from(&credentials.key),
            user: self.outside_user("loop", &device),
            expires: later(self.port.now().wall, self.door.config.session_life.0),
            account: None,
            oauth,
            state: None,
            token: None,
        };
        let session = Session { hawk_id: credentials.id, device, account: None, record };
        self.keep_session(&session).await?;
        self.marks.session_token = Some(Secret::new(token.text()));
        self.marks.summary.activated = true;
        Ok(session)
    }

    /// What a device is called here.
    fn device(&self, hawk_id: &str) -> String {
        self.port.with_keys(|keys| name_key(keys).device(hawk_id))
    }

    /// What the media session of a room is called.
    pub(super) fn media_session(&self, room: RoomId) -> String {
        self.port.with_keys(|keys| media_session(keys, room))
    }

    /// The user of a name that nobody linked to another.
    pub(super) fn outside_user(&self, namespace: &str, name: &str) -> UserId {
        let outside = Outside { namespace: namespace.to_owned(), name: name.to_owned() };
        self.port.with_keys(|keys| outside.derived(keys.outside()))
    }

    /// The user of an account: the linked one, or the one that follows from
    /// the e-mail, whatever its case.
    pub(super) async fn account_user(&self, account: &str) -> Result<UserId, ApiError> {
        let name = account.to_lowercase();
        let outside = Outside { namespace: "account".to_owned(), name: name.clone() };
        let linked = self.port.record(parlour_directory::outside::LINK, &outside.key()).await?;
        let linked: Option<UserId> = read(linked);
        Ok(linked.unwrap_or_else(|| self.outside_user("account", &name)))
    }
}
