//! Every path of the API, once: what is done there, what it takes, what comes
//! back. The door, the OpenAPI document and the tests read this table.

use super::PREFIX;
use super::key::Scope;
use percent::decode;

/// A method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes something with a new name.
    Post,
    /// Makes or replaces.
    Put,
    /// Changes parts.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// In capitals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// The method of that name; `HEAD` is a `GET` whose body is not sent.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = if name == "HEAD" { "GET" } else { name };
        [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete]
            .into_iter()
            .find(|method| method.name() == name)
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path behind the prefix, with its parameters in braces.
    pub path: &'static str,
    /// What is done.
    pub operation: Operation,
    /// What a key needs to be allowed; `None`: nothing at all.
    pub scope: Option<Scope>,
    /// What it does, as a sentence.
    pub about: &'static str,
    /// The schema of its body.
    pub takes: Option<&'static str>,
    /// The status of success, and the schema of what comes back.
    pub gives: (u16, Option<&'static str>),
    /// The values that its query may have.
    pub query: &'static [&'static str],
}

macro_rules! routes {
    ($($operation:ident: $method:ident $path:literal, $scope:expr, $takes:expr, $gives:expr, $query:expr, $about:literal;)*) => {
        /// What can be done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Operation {
            $(#[doc = $about] $operation,)*
        }

        impl Operation {
            /// Its name in the OpenAPI document.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$operation => stringify!($operation),)* }
            }
        }

        /// Every path and method.
        pub const ROUTES: &[Route] = &[$(Route {
            method: Method::$method,
            path: $path,
            operation: Operation::$operation,
            scope: $scope,
            about: $about,
            takes: $takes,
            gives: $gives,
            query: $query,
        },)*];
    };
}

const PAGE: &[&str] = &["cursor", "limit"];
const R: Option<Scope> = Some(Scope::RoomsRead);
const W: Option<Scope> = Some(Scope::RoomsWrite);
const UR: Option<Scope> = Some(Scope::UsersRead);
const UW: Option<Scope> = Some(Scope::UsersWrite);
const CR: Option<Scope> = Some(Scope::CallsRead);
const CW: Option<Scope> = Some(Scope::CallsWrite);
const T: Option<Scope> = Some(Scope::TokensWrite);
const K: Option<Scope> = Some(Scope::KeysWrite);

routes! {
    Document: Get "/openapi.json", None, None, (200, None), &[], "This document.";

    ListUsers: Get "/users", UR, None, (200, Some("UserPage")), &["cursor", "limit", "login", "kik", "account"], "Lists users by handle, or finds the one of a name.";
    CreateUser: Post "/users", UW, Some("UserBody"), (201, Some("User")), &[], "Makes a user.";
    ReadUser: Get "/users/{user}", UR, None, (200, Some("User")), &[], "Reads a user.";
    ChangeUser: Patch "/users/{user}", UW, Some("UserBody"), (200, Some("User")), &[], "Changes what is mentioned; null removes.";
    DeleteUser: Delete "/users/{user}", UW, None, (204, None), &[], "Deletes a user, its contacts, and frees its names.";

    ListContacts: Get "/users/{user}/contacts", UR, None, (200, Some("ContactPage")), PAGE, "Lists the contacts of a user.";
    ReadContact: Get "/users/{user}/contacts/{contact}", UR, None, (200, Some("Contact")), &[], "Reads a contact.";
    PutContact: Put "/users/{user}/contacts/{contact}", UW, Some("ContactBody"), (200, Some("Contact")), &[], "Makes or replaces a contact.";
    DeleteContact: Delete "/users/{user}/contacts/{contact}", UW, None, (204, None), &[], "Removes a contact.";

    ListRooms: Get "/rooms", R, None, (200, Some("RoomPage")), &["cursor", "limit", "namespace", "name"], "Lists rooms by id with their names, or finds the one of a name.";
    CreateRoom: Post "/rooms", W, Some("RoomBody"), (201, Some("Room")), &[], "Makes a room, with its names in one commit.";
    ReadRoom: Get "/rooms/{room}", R, None, (200, Some("Room")), &[], "Reads a room.";
    ChangeRoom: Patch "/rooms/{room}", W, Some("RoomChange"), (200, Some("Room")), &[], "Changes what is mentioned; null removes.";
    DeleteRoom: Delete "/rooms/{room}", W, None, (204, None), &[], "Deletes a room with its names, grants and chat; whoever is in is turned out.";

    ListNames: Get "/rooms/{room}/names", R, None, (200, Some("Names")), &[], "Lists the names of a room.";
    BindName: Post "/rooms/{room}/names", W, Some("Name"), (201, Some("Name")), &[], "Gives a room one more name.";
    RenameRoom: Patch "/rooms/{room}/names/{namespace}/{name}", W, Some("NewName"), (200, Some("Name")), &[], "Replaces a name by another of its namespace, in one commit.";
    UnbindName: Delete "/rooms/{room}/names/{namespace}/{name}", W, None, (204, None), &[], "Takes a name from a room.";

    ListGrants: Get "/rooms/{room}/grants", R, None, (200, Some("GrantPage")), PAGE, "Lists who has rights in a room.";
    ReadGrant: Get "/rooms/{room}/grants/{grantee}", R, None, (200, Some("Grant")), &[], "Reads a right.";
    PutGrant: Put "/rooms/{room}/grants/{grantee}", W, Some("GrantBody"), (200, Some("Grant")), &[], "Gives or replaces a right.";
    DeleteGrant: Delete "/rooms/{room}/grants/{grantee}", W, None, (204, None), &[], "Takes a right.";

    ReadCall: Get "/rooms/{room}/call", CR, None, (200, Some("Call")), &[], "Reads whether a call is going on.";
    EndCall: Delete "/rooms/{room}/call", CW, None, (204, None), &[], "Ends the call: everybody is turned out.";
    ListMembers: Get "/rooms/{room}/call/members", CR, None, (200, Some("MemberPage")), PAGE, "Lists who is in the call, by the order of coming.";
    RemoveUser: Delete "/rooms/{room}/call/members", CW, None, (204, None), &["user"], "Turns every client of a user out.";
    ReadMember: Get "/rooms/{room}/call/members/{member}", CR, None, (200, Some("Member")), &[], "Reads a member.";
    RemoveMember: Delete "/rooms/{room}/call/members/{member}", CW, None, (204, None), &[], "Turns a member out.";

    ListTokens: Get "/tokens", T, None, (200, Some("TokenPage")), PAGE, "Lists the tokens that are in force; never their texts.";
    MintToken: Post "/tokens", T, Some("TokenBody"), (201, Some("MintedToken")), &[], "Mints a signed token.";
    ReadToken: Get "/tokens/{token}", T, None, (200, Some("Token")), &[], "Reads what a token was minted for.";
    RevokeToken: Delete "/tokens/{token}", T, None, (204, None), &[], "Revokes a token.";

    ListKeys: Get "/keys", K, None, (200, Some("KeyPage")), PAGE, "Lists keys; never their secrets.";
    CreateKey: Post "/keys", K, Some("KeyBody"), (201, Some("NewKey")), &[], "Makes a key, or registers one that signs tokens.";
    ReadKey: Get "/keys/{key}", K, None, (200, Some("Key")), &[], "Reads a key.";
    RevokeKey: Delete "/keys/{key}", K, None, (204, None), &[], "Revokes a key, and with it the tokens it signed.";
}

/// Where a request goes.
#[derive(Debug)]
pub enum Routed {
    /// To this row, with the parameters of the path in their order.
    To(&'static Route, Vec<String>),
    /// The path exists, with these methods.
    NotAllowed(String),
    /// Nowhere.
    Nowhere,
}

/// Finds the row for a method and a path as it was sent.
#[must_use]
pub fn routed(method: &str, path: &str) -> Routed {
    let Some(rest) = path.strip_prefix(PREFIX) else { return Routed::Nowhere };
    let Some(parts) = parts(rest) else { return Routed::Nowhere };
    let here = || ROUTES.iter().filter(|route| fits(route.path, &parts));
    let method = Method::from_name(method);
    match here().find(|route| Some(route.method) == method) {
        Some(route) => {
            let is_parameter = |part: &&str| part.starts_with('{');
            let wanted = route.path.split('/').skip(1).map(|part| is_parameter(&part));
            let values = wanted.zip(parts).filter(|(wanted, _)| *wanted).map(|(_, value)| value);
            Routed::To(route, values.collect())
        }
        None => {
            let mut allow: Vec<&str> = here().map(|route| route.method.name()).collect();
            if allow.is_empty() {
                return Routed::Nowhere;
            }
            allow.sort_unstable();
            Routed::NotAllowed(allow.join(", "))
        }
    }
}

/// The parts of a path between its slashes, each decoded by itself; none of
/// them is empty.
fn parts(path: &str) -> Option<Vec<String>> {
    let parts: Option<Vec<String>> = path.strip_prefix('/')?.split('/').map(decode).collect();
    parts.filter(|parts| parts.iter().all(|part| !part.is_empty()))
}

fn fits(pattern: &str, parts: &[String]) -> bool {
    let mut pattern = pattern.split('/').skip(1);
    let same = |part: &String| pattern.next().is_some_and(|p| p.starts_with('{') || p == part);
    parts.iter().all(same) && pattern.next().is_none()
}

pub(super) use percent::decode as decoded;

mod percent {
    /// A text without its percent signs (RFC 3986 §2.1); `None` if what is
    /// left is no text, or has characters that no name has.
    pub(in super::super) fn decode(text: &str) -> Option<String> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((&first, more)) = rest.split_first() {
            rest = more;
            if first != b'%' {
                bytes.push(first);
                continue;
            }
            let (&[high, low], more) = rest.split_first_chunk()?;
            rest = more;
            bytes.push(digit(high)? << 4 | digit(low)?);
        }
        String::from_utf8(bytes).ok().filter(|text| !text.contains(['\0', '\r', '\n']))
    }

    fn digit(byte: u8) -> Option<u8> {
        char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn to(method: &str, path: &str) -> Option<(Operation, Vec<String>)> {
        match routed(method, path) {
            Routed::To(route, values) => Some((route.operation, values)),
            _ => None,
        }
    }

    #[test]
    fn every_row_is_found_by_its_own_path_and_no_two_are_one() {
        let mut seen = BTreeSet::new();
        for route in ROUTES {
            assert!(seen.insert((route.path, route.method)), "{} twice", route.path);
            let path = format!("{PREFIX}{}", route.path.replace(['{', '}'], ""));
            let (operation, _) = to(route.method.name(), &path).expect(route.path);
            assert_eq!(operation, route.operation, "{}", route.path);
        }
    }

    #[test]
    fn parameters_are_decoded_one_by_one() {
        let (operation, values) =
            to("DELETE", "/api/v1/rooms/x/names/galene/a%2Fb%20c").expect("there");
        assert_eq!(operation, Operation::UnbindName);
        assert_eq!(values, ["x", "galene", "a/b c"]);
        assert_eq!(to("HEAD", "/api/v1/users").map(|it| it.0), Some(Operation::ListUsers));
    }

    #[test]
    fn what_is_no_path_leads_nowhere() {
        for path in [
            "/api/v1",
            "/api/v1/",
            "/api/v1/users/",
            "/api/v1//users",
            "/api/v1/user",
            "/api/v2/users",
            "/api/v1/users/%ff",
            "/api/v1/users/%0a",
            "/api/v1/users/%2",
            "/api/v1users",
            "/api/v1/rooms/a/b",
        ] {
            assert!(matches!(routed("GET", path), Routed::Nowhere), "{path}");
        }
        let other = routed("TRACE", "/api/v1/users");
        assert!(matches!(&other, Routed::NotAllowed(allow) if allow == "GET, POST"), "{other:?}");
    }
}
