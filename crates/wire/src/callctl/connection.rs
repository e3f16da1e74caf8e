//! Where a call is held, as the one line that old clients make of it:
//! `host:port/conference_id`.
//!
//! Source: docs/protocols/callctl.md §5 (REQ-27, REQ-31).

use super::check::{Check, Offence};
use super::pb::common::video::v1::ConferenceConnectionInfo;
use std::fmt;

/// Longest line that is looked at, in bytes: host, port and id at their longest.
pub const LINE_BYTES_MAX: usize = 1_024 + 1 + 5 + 1 + 32;

/// Host, port and conference id of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionText {
    /// Host name or IPv4 address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Conference id, not yet checked.
    pub conference_id: String,
}

impl ConnectionText {
    /// Reads `host:port/conference_id`; `None` if it is none.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        if line.len() > LINE_BYTES_MAX {
            return None;
        }
        let (host, rest) = line.split_once(':')?;
        let (port, conference_id) = rest.split_once('/')?;
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port: u16 = if digits { port.parse().ok()? } else { return None };
        let text = Self { host: host.to_owned(), port, conference_id: conference_id.to_owned() };
        text.to_pb().ok().map(|_| text)
    }

    /// The message that says the same.
    ///
    /// # Errors
    /// [`Offence`] if a part breaks a limit.
    pub fn to_pb(&self) -> Result<ConferenceConnectionInfo, Offence> {
        let info = ConferenceConnectionInfo {
            host: self.host.clone(),
            port: i32::from(self.port),
            conference_id: self.conference_id.clone(),
        };
        info.check()?;
        Ok(info)
    }
}

impl fmt::Display for ConnectionText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.host, self.port, self.conference_id)
    }
}
