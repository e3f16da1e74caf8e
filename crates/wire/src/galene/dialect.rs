//! Which of the protocol's dialects a client speaks.
//!
//! Source: docs/protocols/galene.md §§1.1, 1.5, 1.6.

use parlour_base::Json;
use std::fmt;

/// The version that the server announces, and the only one it prefers.
///
/// Source: docs/protocols/galene.md §1.1.
pub const VERSION: &str = "2";

/// How messages to one client are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// The client of April 2021: no version, permissions as an object.
    Legacy,
    /// As [`Dialect::V2`], with times as integers.
    V1,
    /// Today's.
    V2,
}

impl Dialect {
    /// The dialect of a client whose handshake holds this `version`. A client
    /// that lists nothing we know is spoken to in today's dialect.
    #[must_use]
    pub fn of(version: Option<&[String]>) -> Self {
        match version {
            None | Some([]) => Self::Legacy,
            Some(list) if list.iter().any(|v| v == VERSION) => Self::V2,
            Some(list) if list.iter().any(|v| v == "1") => Self::V1,
            Some(_) => Self::V2,
        }
    }

    /// Whether a client with this `version` is to be warned that it does not
    /// speak ours; one that names no version at all is not.
    #[must_use]
    pub fn is_mismatch(version: Option<&[String]>) -> bool {
        version.is_some_and(|list| !list.is_empty() && !list.iter().any(|v| v == VERSION))
    }
}

/// The browser's RTCConfiguration, which holds TURN credentials and therefore
/// does not print.
#[derive(Clone, PartialEq, Default)]
pub struct RtcConfiguration(pub Json);

impl fmt::Debug for RtcConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl From<Json> for RtcConfiguration {
    fn from(json: Json) -> Self {
        Self(json)
    }
}
