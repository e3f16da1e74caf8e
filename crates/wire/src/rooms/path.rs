//! The paths of the API, with and without their prefix.
//!
//! Source: docs/protocols/rooms.md §1.

use super::form::percent;

/// What every path begins with; it may also be left out.
pub const PREFIX: &str = "/v0";

/// A method of HTTP that some route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// `GET`, and `HEAD`, which is answered without the body.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// The method of this name; `None` for those no route takes.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "GET" | "HEAD" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "PATCH" => Some(Self::Patch),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    /// How it is listed in `Allow`.
    const fn listed(self) -> &'static str {
        match self {
            Self::Get => "GET,HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `/`
    Root,
    /// `/push-server-config`
    PushServerConfig,
    /// `/__lbheartbeat__`
    LbHeartbeat,
    /// `/__heartbeat__`
    Heartbeat,
    /// `/api-specs`
    ApiSpecs,
    /// `/registration`
    Registration,
    /// `/session`
    Session,
    /// `/account`
    Account,
    /// `/rooms`
    Rooms,
    /// `/rooms/:token`
    Room(String),
    /// `/event`
    Event,
    /// `/fxa-oauth/params`
    OauthParams,
    /// `/fxa-oauth/token`
    OauthToken,
    /// `/call-url`
    CallUrls,
    /// `/call-url/:token`
    CallUrl(String),
    /// `/calls`
    Calls,
    /// `/calls/:token`
    CallsToken(String),
}

impl Place {
    /// The methods it takes, in the order they are listed.
    #[must_use]
    pub const fn methods(&self) -> &'static [Method] {
        use Method::{Delete, Get, Patch, Post, Put};
        match self {
            Self::Root
            | Self::PushServerConfig
            | Self::LbHeartbeat
            | Self::Heartbeat
            | Self::ApiSpecs => &[Get],
            Self::Registration => &[Post, Delete],
            Self::Session | Self::Account => &[Delete],
            Self::Rooms => &[Post, Get, Patch],
            Self::Room(_) => &[Get, Patch, Delete, Post],
            Self::Event | Self::OauthParams => &[Post],
            Self::OauthToken => &[Post, Get],
            Self::CallUrls => &[Post, Get],
            Self::CallUrl(_) => &[Put, Delete],
            Self::Calls | Self::CallsToken(_) => &[Get, Post],
        }
    }

    /// The value of `Allow`.
    #[must_use]
    pub fn allow(&self) -> String {
        let names: Vec<&str> = self.methods().iter().map(|method| method.listed()).collect();
        names.join(",")
    }
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To something that takes the method.
    To(Place, Method),
    /// Nowhere, though the path may be known: 404.
    Nowhere,
    /// A path without the prefix that nobody knows: 307 to this one.
    Elsewhere(String),
}

/// Finds what a path names. The query does not belong to it.
#[must_use]
pub fn place(path: &str) -> Option<Place> {
    let path = inside_prefix(path).unwrap_or(path);
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let mut segments = trimmed.split('/').skip(1);
    let first = segments.next().unwrap_or("").to_ascii_lowercase();
    let second = segments.next();
    if segments.next().is_some() {
        return None;
    }
    match second {
        None => whole(&first, trimmed.is_empty()),
        Some("") => None,
        Some(token) => below(&first, token),
    }
}

fn whole(first: &str, is_root: bool) -> Option<Place> {
    Some(match first {
        "" if is_root => Place::Root,
        "push-server-config" => Place::PushServerConfig,
        "__lbheartbeat__" => Place::LbHeartbeat,
        "__heartbeat__" => Place::Heartbeat,
        "api-specs" => Place::ApiSpecs,
        "registration" => Place::Registration,
        "session" => Place::Session,
        "account" => Place::Account,
        "rooms" => Place::Rooms,
        "event" => Place::Event,
        "call-url" => Place::CallUrls,
        "calls" => Place::Calls,
        _ => return None,
    })
}

fn below(first: &str, second: &str) -> Option<Place> {
    let token = || String::from_utf8_lossy(&percent(second.as_bytes())).into_owned();
    match first {
        "rooms" => Some(Place::Room(token())),
        "call-url" => Some(Place::CallUrl(token())),
        "calls" => Some(Place::CallsToken(token())),
        "fxa-oauth" if second.eq_ignore_ascii_case("params") => Some(Place::OauthParams),
        "fxa-oauth" if second.eq_ignore_ascii_case("token") => Some(Place::OauthToken),
        _ => None,
    }
}

/// The route of a request.
#[must_use]
pub fn route(method: &str, path: &str) -> Route {
    match place(path) {
        Some(place) => match Method::of(method) {
            Some(method) if place.methods().contains(&method) => Route::To(place, method),
            _ => Route::Nowhere,
        },
        None if has_prefix(path) => Route::Nowhere,
        None => Route::Elsewhere(format!("{PREFIX}{path}")),
    }
}

/// What follows the prefix, in any case; `None` without it.
fn inside_prefix(path: &str) -> Option<&str> {
    let (head, rest) = path.split_at_checked(PREFIX.len())?;
    let is_whole = rest.is_empty() || rest.starts_with('/');
    (is_whole && head.eq_ignore_ascii_case(PREFIX)).then_some(rest)
}

/// Whether a path lies below the prefix as it is written.
fn has_prefix(path: &str) -> bool {
    path.starts_with(PREFIX) && inside_prefix(path).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_with_and_without_prefix_in_any_case_and_with_one_slash() {
        let room = Place::Room("QzBbvGmIZWU".to_owned());
        for path in ["/rooms/QzBbvGmIZWU", "/v0/Rooms/QzBbvGmIZWU/", "/V0/rooms/Qz%42bvGmIZWU"] {
            assert_eq!(place(path), Some(room.clone()), "{path}");
        }
        for path in ["/", "/v0", "/v0/", "/V0/"] {
            assert_eq!(place(path), Some(Place::Root), "{path}");
        }
        assert_eq!(place("/V0/Fxa-OAuth/Token/"), Some(Place::OauthToken));
        for path in ["", "//", "/rooms//", "/rooms/a/b", "/v0x/rooms", "/v0/v0/rooms", "/room"] {
            assert_ne!(place(path), Some(Place::Rooms), "{path}");
        }
        assert_eq!(place("/rooms//"), None);
        assert_eq!(place("//rooms"), None);
    }

    #[test]
    fn unknown_paths_go_below_the_prefix_or_nowhere() {
        assert_eq!(route("GET", "/config"), Route::Elsewhere("/v0/config".to_owned()));
        assert_eq!(route("GET", "/V0/config"), Route::Elsewhere("/v0/V0/config".to_owned()));
        assert_eq!(route("GET", "/v0/config"), Route::Nowhere);
        assert_eq!(route("PUT", "/rooms"), Route::Nowhere);
        assert_eq!(route("TRACE", "/rooms"), Route::Nowhere);
        assert_eq!(route("HEAD", "/rooms"), Route::To(Place::Rooms, Method::Get));
    }

    #[test]
    fn the_methods_of_a_place_are_listed() {
        assert_eq!(Place::Rooms.allow(), "POST,GET,HEAD,PATCH");
    }
}
