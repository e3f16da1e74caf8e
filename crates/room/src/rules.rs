//! Entry policy and settings of a room, as its operator defined them.

use parlour_base::{Permission, Permissions, Wall};
use serde::{Deserialize, Serialize};

/// What a room's operator decided about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Shown instead of the name.
    pub display_name: Option<String>,
    /// Shown on the landing page.
    pub description: Option<String>,
    /// Whether it is listed.
    pub public: bool,
    /// Whoever wants in is sent there instead.
    pub redirect: Option<String>,
    /// Most members, operators not counted out; `None` = as many as the
    /// server allows.
    pub capacity: Option<u32>,
    /// How long chat stays, in seconds.
    pub history_age_secs: u64,
    /// Not open to others than operators before this time.
    pub not_before: Option<Wall>,
    /// Not open to others than operators from this time on.
    pub expires: Option<Wall>,
    /// Operators may record.
    pub allow_recording: bool,
    /// Lock the room whenever no operator is in it.
    pub autolock: bool,
    /// Turn everybody out whenever no operator is in it.
    pub autokick: bool,
    /// Names of the codecs that may be published.
    pub codecs: Vec<String>,
    /// Where clients get tokens from.
    pub auth_server: Option<String>,
    /// Where clients without a token are sent.
    pub auth_portal: Option<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            display_name: None,
            description: None,
            public: false,
            redirect: None,
            capacity: None,
            history_age_secs: 14_400,
            not_before: None,
            expires: None,
            allow_recording: false,
            autolock: false,
            autokick: false,
            codecs: vec!["vp8".into(), "opus".into()],
            auth_server: None,
            auth_portal: None,
        }
    }
}

impl Rules {
    /// The permissions of somebody who was made operator.
    #[must_use]
    pub const fn promoted(&self, before: Permissions) -> Permissions {
        let after = before.with(Permission::Op);
        if self.allow_recording { after.with(Permission::Record) } else { after }
    }
}
