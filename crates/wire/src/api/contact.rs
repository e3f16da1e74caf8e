//! Contacts of a user.

use super::SHOWN_BYTES_MAX;
use super::fields::{Fields, Read};
use parlour_base::Json;

/// `PUT /users/{user}/contacts/{contact}`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactBody {
    /// What the user calls the contact.
    pub name: Option<String>,
}

impl TryFrom<Json> for ContactBody {
    type Error = super::Problem;

    fn try_from(body: Json) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let name = fields.shown("name", SHOWN_BYTES_MAX)?.set();
        fields.end()?;
        Ok(Self { name })
    }
}
