//! The public description of a group, over HTTP and inside `joined`.
//!
//! Source: docs/protocols/galene.md §2.3.

use parlour_base::{Json, JsonMap};
use serde::{Deserialize, Serialize};

/// A group's status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupStatus {
    /// The group's name.
    pub name: String,
    /// Where its page sends visitors instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    /// The absolute URL of its page, ending in `/`; over HTTP only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The WebSocket's URL; over HTTP only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The title of its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The text on the landing page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where clients exchange a password for a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_server: Option<String>,
    /// Where visitors without a token are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_portal: Option<String>,
    /// Whether newcomers are refused; told of public groups and to members.
    #[serde(skip_serializing_if = "is_false")]
    pub locked: bool,
    /// How many are in it; told of public groups and to members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_count: Option<u32>,
    /// Whether members may change their passwords; told to members only.
    #[serde(skip_serializing_if = "is_false")]
    pub can_change_password: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde prescribes the signature")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl GroupStatus {
    /// The status as an outsider gets it: a group that redirects tells
    /// nothing but its name and texts, and none tells about passwords.
    #[must_use]
    pub fn for_http(self, location: String, endpoint: String) -> Self {
        let Self { name, redirect, display_name, description, .. } = self;
        if redirect.is_some() {
            return Self { name, redirect, display_name, description, ..Self::default() };
        }
        Self {
            name,
            display_name,
            description,
            location: Some(location),
            endpoint: Some(endpoint),
            can_change_password: false,
            redirect: None,
            auth_server: self.auth_server,
            auth_portal: self.auth_portal,
            locked: self.locked,
            client_count: self.client_count,
        }
    }

    /// The status as JSON.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Writing a struct of texts, flags and numbers to memory cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a status; members nobody knows are ignored.
    pub(super) fn read(map: JsonMap) -> Option<Self> {
        serde_json::from_value(Json::Object(map)).ok()
    }
}
