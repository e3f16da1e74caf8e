//! Keys of applications, and what each may do.

use super::fields::{Fields, Read};
use super::{LABEL_BYTES_MAX, NAMESPACE_BYTES_MAX};
use parlour_base::{Json, JsonMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Longest life of a key or token, in seconds: ten years.
const LIFE_SECS_MAX: u64 = 315_360_000;

macro_rules! scopes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)*) => {
        /// Something that a key may do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Scope {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Scope {
            /// All of them, in the order in which they are written.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it lets a key do, as a sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+),)* }
            }
        }
    };
}

scopes! {
    /// Everything, the doors' own requests of an operator included.
    Operator = "operator",
    /// Read rooms, their names and grants.
    RoomsRead = "rooms:read",
    /// Make, change and delete rooms, their names and grants.
    RoomsWrite = "rooms:write",
    /// Read users and their contacts.
    UsersRead = "users:read",
    /// Make, change and delete users and their contacts.
    UsersWrite = "users:write",
    /// Read who is in the call of a room.
    CallsRead = "calls:read",
    /// End the call of a room, and take people out of it.
    CallsWrite = "calls:write",
    /// List, mint and revoke tokens.
    TokensWrite = "tokens:write",
    /// List, make and revoke keys with scopes that the maker has.
    KeysWrite = "keys:write",
}

impl Scope {
    /// The scope of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.name() == name)
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes(u16);

impl Scopes {
    /// Everything.
    pub const OPERATOR: Self = Self(1 << Scope::Operator as u16);

    /// The set and this one.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | 1 << scope as u16)
    }

    /// Whether a key with this set may do it.
    #[must_use]
    pub const fn allows(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u16 | Self::OPERATOR.0) != 0
    }

    /// Whether a key with this set may give another one that set.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        other.iter().all(|scope| self.allows(scope))
    }

    /// The scopes in it.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.0 & (1 << *scope as u16) != 0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set of these names; `None` if one does not exist.
    #[must_use]
    pub fn of_names<S: AsRef<str>>(names: &[S]) -> Option<Self> {
        let add = |set: Self, name: &S| Scope::from_name(name.as_ref()).map(|one| set.with(one));
        names.iter().try_fold(Self::default(), add)
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Scope::name)).finish()
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter().map(Scope::name))
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(d)?;
        Self::of_names(&names).ok_or_else(|| serde::de::Error::custom("no such scope"))
    }
}

/// `POST /keys`: a key to ask with, or one that signs tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyBody {
    /// What it is for, in its maker's words.
    pub label: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The public key of an application that signs tokens.
    pub jwk: Option<JsonMap>,
    /// The only namespace whose names such tokens may speak for.
    pub namespace: Option<String>,
    /// After how many seconds it ends.
    pub expires_in: Option<u64>,
}

impl TryFrom<Json> for KeyBody {
    type Error = super::Problem;

    fn try_from(body: Json) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let label = fields.shown("label", LABEL_BYTES_MAX)?.set();
        let label = label.ok_or_else(|| fields.missing("label"))?;
        let scopes = fields.texts("scopes", Scope::ALL.len())?;
        let jwk = fields.option("jwk", "a public JWK is expected", |value| match value {
            Json::Object(map) => Some(map),
            _ => None,
        })?;
        let namespace = fields.option("namespace", "a namespace is expected", |value| {
            let plain = |text: &String| {
                (1..=NAMESPACE_BYTES_MAX).contains(&text.len())
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            };
            super::fields::text(value).filter(plain)
        })?;
        let expires_in = fields.number("expires_in", 1, LIFE_SECS_MAX)?.set();
        let scopes = match (scopes, &jwk) {
            (Some(_), Some(_)) => {
                return Err(fields.wrong("scopes", "a key that signs tokens has none"));
            }
            (None, None) => return Err(fields.missing("scopes")),
            (None, Some(_)) => Scopes::default(),
            (Some(names), None) => Scopes::of_names(&names)
                .filter(|scopes| !scopes.is_empty())
                .ok_or_else(|| fields.wrong("scopes", "scopes are expected"))?,
        };
        if namespace.is_some() && jwk.is_none() {
            return Err(fields.wrong("namespace", "only for a key that signs tokens"));
        }
        fields.end()?;
        Ok(Self { label, scopes, jwk, namespace, expires_in })
    }
}
