//! Who is calling.
//!
//! The scheme of `authorization` says what kind of caller it is: a bridge that
//! states the user in a header of its own, a client with a signed token, an
//! operator, or another process of this server. Without one, the certificate of
//! a bridge does. Nobody else's header about a
//! user is believed: it is refused (docs/protocols/callctl.md §2).

use crate::clock::Clock;
use axum::http::HeaderMap;
use parlour_base::Secret;
use parlour_node::callctl::BearerKeys;
use parlour_wire::callctl::LocalPart;
use parlour_wire::callctl::metadata::{self, Header};
use parlour_wire::callctl::pb::common::{XiBareUserJid, XiRequestId};
use tonic::Status;
use tonic::metadata::MetadataMap;

/// What callers show.
#[derive(Debug, Default)]
pub struct Credentials {
    /// Of a trusted bridge.
    pub bridge: Option<Secret<String>>,
    /// Of an operator.
    pub operator: Option<Secret<String>>,
    /// Of the other processes of this server.
    pub node: Option<Secret<String>>,
    /// That sign tokens of clients.
    pub keys: BearerKeys,
}

/// Who has proved to be what.
#[derive(Debug)]
enum Kind {
    Bridge,
    Client(User),
    Operator,
    Node,
}

/// A user, as far as the headers say.
#[derive(Debug)]
pub(super) enum User {
    /// Known.
    Named(LocalPart),
    /// Known to whoever can look the token up.
    Bearer(Secret<String>),
}

pub(super) fn nobody() -> Status {
    Status::unauthenticated("a valid credential is needed")
}

fn not_for_clients() -> Status {
    Status::permission_denied("this service is not for clients")
}

impl Credentials {
    fn kind(&self, headers: &MetadataMap, bridge: bool, clock: &Clock) -> Result<Kind, Status> {
        let Some(value) = headers.get("authorization") else {
            return if bridge { Ok(Kind::Bridge) } else { Err(nobody()) };
        };
        let text = value.to_str().map_err(|_| nobody())?;
        let (scheme, shown) = text.split_once(' ').ok_or_else(nobody)?;
        let fits = |secret: &Option<Secret<String>>| {
            secret.as_ref().is_some_and(|secret| secret.matches(shown.trim()))
        };
        match scheme.to_ascii_lowercase().as_str() {
            "bridge" if fits(&self.bridge) => Ok(Kind::Bridge),
            "operator" if fits(&self.operator) => Ok(Kind::Operator),
            "node" if fits(&self.node) => Ok(Kind::Node),
            "bearer" => {
                let token = Secret::new(shown.trim().to_owned());
                let name = self.keys.name(&token, clock.now().wall);
                Ok(Kind::Client(name.map_or_else(|| User::Bearer(token), User::Named)))
            }
            _ => Err(nobody()),
        }
    }

    /// The user that calls a service for clients, or the token that says who
    /// it is.
    ///
    /// # Errors
    /// The status that the caller is answered.
    pub(super) fn user(
        &self,
        headers: &MetadataMap,
        bridge: bool,
        clock: &Clock,
    ) -> Result<User, Status> {
        let kind = self.kind(headers, bridge, clock)?;
        let stated = header::<XiBareUserJid>(headers)?;
        match (kind, stated) {
            (Kind::Bridge, Some(user)) => LocalPart::try_from(user)
                .map(User::Named)
                .map_err(|offence| Status::invalid_argument(offence.to_string())),
            (Kind::Bridge, None) => Err(Status::unauthenticated("the bridge names no user")),
            (Kind::Client(user), None) => Ok(user),
            (Kind::Client(_) | Kind::Operator | Kind::Node, Some(_)) => {
                Err(Status::unauthenticated("only a bridge may name the user"))
            }
            (Kind::Operator | Kind::Node, None) => {
                Err(Status::unauthenticated("no user calls here"))
            }
        }
    }

    /// Refuses whoever plainly may not call a service, before anything of the
    /// message is looked at; whose token it is may still have to be found out.
    ///
    /// # Errors
    /// The status that the caller is answered.
    pub(super) fn knock(
        &self,
        headers: &HeaderMap,
        bridge: bool,
        inner: bool,
    ) -> Result<(), Status> {
        let Some(value) = headers.get("authorization") else {
            return match (bridge, inner) {
                (false, _) => Err(nobody()),
                (true, true) => Err(not_for_clients()),
                (true, false) => Ok(()),
            };
        };
        let shown = value.to_str().ok().and_then(|text| text.split_once(' '));
        let (scheme, shown) = shown.ok_or_else(nobody)?;
        let (bridge, operator, node) = (&self.bridge, &self.operator, &self.node);
        let fits = |secret: &Option<Secret<String>>| {
            secret.as_ref().is_some_and(|secret| secret.matches(shown.trim()))
        };
        let is = |name: &str| scheme.eq_ignore_ascii_case(name);
        match inner {
            _ if is("operator") && fits(operator) || is("node") && fits(node) => Ok(()),
            true if is("bearer") || is("bridge") && fits(bridge) => Err(not_for_clients()),
            false if is("bearer") || is("bridge") && fits(bridge) => Ok(()),
            _ => Err(nobody()),
        }
    }

    /// Lets an operator or another process of this server in, and nobody else.
    ///
    /// # Errors
    /// The status that the caller is answered.
    pub(super) fn inner(
        &self,
        headers: &MetadataMap,
        bridge: bool,
        clock: &Clock,
    ) -> Result<(), Status> {
        match self.kind(headers, bridge, clock)? {
            Kind::Operator | Kind::Node => Ok(()),
            Kind::Bridge | Kind::Client(_) => Err(not_for_clients()),
        }
    }
}

/// A header whose value is a message, if it is there. The library has undone
/// the base64 of such headers where it reads them as binary; bridges that copy
/// the text of either alphabet are read as they are.
pub(super) fn header<H: Header>(headers: &MetadataMap) -> Result<Option<H>, Status> {
    let mut all = headers.get_all_bin(H::KEY).iter();
    let Some(value) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(Status::invalid_argument(format!("{} twice", H::KEY)));
    }
    let wrong = || Status::invalid_argument(format!("{} is not what it should be", H::KEY));
    let text = std::str::from_utf8(value.as_encoded_bytes()).map_err(|_| wrong())?;
    metadata::read_header(text).map(Some).map_err(|_| wrong())
}

/// The request id, if there is one.
pub(super) fn request_id(headers: &MetadataMap) -> Result<Option<XiRequestId>, Status> {
    header::<XiRequestId>(headers)
}
