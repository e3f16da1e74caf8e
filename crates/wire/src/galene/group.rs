//! Group files: today's form and the three lists of 2021.
//!
//! Owns what a file says, unknown members refused. Refuses to know where the
//! file lies, whether a password fits, and what becomes of a joining user.
//!
//! Source: docs/protocols/galene.md §§4, 5.4, 5.5.

use super::password;
use super::time::parse_rfc3339;
use crate::json::{self, JsonError, Limits};
use parlour_base::{Json, JsonMap, Permission, Permissions, Secret, Verifier, Wall};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long chat is kept unless the file says otherwise.
///
/// Source: docs/protocols/galene.md §5.4.
pub const HISTORY_AGE_DEFAULT: Duration = Duration::from_secs(14_400);

/// Codecs of a group whose file names none.
///
/// Source: docs/protocols/galene.md §5.4.
pub const CODECS_DEFAULT: [&str; 2] = ["vp8", "opus"];

/// Why a file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupFileError {
    /// Not acceptable JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// JSON, but not an object.
    #[error("a group file is a json object")]
    NotAnObject,
    /// A permission set of a name nobody knows.
    #[error("unknown permission")]
    UnknownPermission,
    /// A time that is not RFC 3339.
    #[error("member {0} is not an RFC 3339 time")]
    Time(&'static str),
    /// A member nobody knows; the first 64 characters of its name.
    #[error("unknown member {0:?}")]
    UnknownMember(String),
    /// This member has the wrong JSON type or is out of range.
    #[error("member {0} has the wrong type")]
    WrongType(&'static str),
}

/// A group as its file describes it.
#[derive(Debug, Clone, Default)]
pub struct GroupFile {
    /// The page's title.
    pub display_name: Option<String>,
    /// The text on the landing page.
    pub description: Option<String>,
    /// Whom to ask; for people only.
    pub contact: Option<String>,
    /// A note; for people only.
    pub comment: Option<String>,
    /// Whether it is listed on the landing page.
    pub public: bool,
    /// Where its page sends visitors instead; then nothing else matters.
    pub redirect: Option<String>,
    /// Most participants; `None` means any number.
    pub max_clients: Option<u32>,
    /// How long chat is kept, and an empty group in memory; `None` means
    /// [`HISTORY_AGE_DEFAULT`].
    pub max_history_age: Option<Duration>,
    /// When it opens for those who are not operators.
    pub not_before: Option<Wall>,
    /// When it closes for those who are not operators.
    pub expires: Option<Wall>,
    /// Whether operators may record.
    pub allow_recording: bool,
    /// Whether everybody who may publish may also make invitations.
    pub unrestricted_tokens: bool,
    /// Whether subgroups come to be on demand (`auto-subgroups`, or
    /// `allow-subgroups` as of 2021).
    pub auto_subgroups: bool,
    /// Whether names may be empty; of meaning in files of 2021 only.
    pub allow_anonymous: bool,
    /// Whether it locks when the last operator goes.
    pub autolock: bool,
    /// Whether everybody is kicked when the last operator goes.
    pub autokick: bool,
    /// The codecs it allows; empty means [`CODECS_DEFAULT`].
    pub codecs: Vec<String>,
    /// Named users.
    pub users: BTreeMap<String, UserDescription>,
    /// Everybody else.
    pub wildcard_user: Option<UserDescription>,
    /// Keys (JWK) that verify tokens of others; may hold shared secrets.
    pub auth_keys: Vec<Secret<JsonMap>>,
    /// Where clients exchange a password for a token.
    pub auth_server: Option<String>,
    /// Where visitors without a token are sent.
    pub auth_portal: Option<String>,
    /// The list of operators as of 2021.
    pub op: Vec<ListEntry>,
    /// The list of presenters as of 2021.
    pub presenter: Vec<ListEntry>,
    /// The list of everybody else as of 2021.
    pub other: Vec<ListEntry>,
    /// How many passwords have a form that cannot be checked; they fit
    /// nothing, and the operator should be told.
    pub unusable_passwords: usize,
}

/// What a file says of one user.
#[derive(Debug, Clone)]
pub struct UserDescription {
    /// What the user's password must fit; nothing does unless one is given.
    pub password: Verifier,
    /// What the user may do.
    pub permissions: PermissionSet,
}

/// An entry of the lists of 2021.
#[derive(Debug, Clone)]
pub struct ListEntry {
    /// Whom it is about; `None` means anybody.
    pub username: Option<String>,
    /// What the password must fit; everything does unless one is given.
    pub password: Verifier,
}

/// Permissions as a file gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PermissionSet {
    /// A named set, whose meaning depends on the group.
    Named(NamedSet),
    /// Just these.
    List(Permissions),
}

/// A named set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NamedSet {
    /// Moderators.
    Op,
    /// Those who may publish and talk.
    Present,
    /// Those who may talk.
    Message,
    /// Those who may only look on.
    Observe,
    /// Those who write captions.
    Caption,
    /// Those who administer the group over HTTP.
    Admin,
}

impl NamedSet {
    /// The set of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "op" => Self::Op,
            "present" => Self::Present,
            "message" => Self::Message,
            "observe" => Self::Observe,
            "caption" => Self::Caption,
            "admin" => Self::Admin,
            _ => return None,
        })
    }

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Op => "op",
            Self::Present => "present",
            Self::Message => "message",
            Self::Observe => "observe",
            Self::Caption => "caption",
            Self::Admin => "admin",
        }
    }
}

/// What `set` amounts to in the group of `file`.
///
/// Source: docs/protocols/galene.md §4.
#[must_use]
pub fn expand(set: PermissionSet, file: &GroupFile) -> Permissions {
    use Permission::{Admin, Caption, Message, Op, Present, Record, Token};
    let optional = |held: Permissions, right, wanted| if wanted { held.with(right) } else { held };
    match set {
        PermissionSet::List(list) => list,
        PermissionSet::Named(NamedSet::Op) => {
            let held = Permissions::of(&[Op, Present, Message, Caption, Token]);
            optional(held, Record, file.allow_recording)
        }
        PermissionSet::Named(NamedSet::Present) => {
            let held = Permissions::of(&[Present, Message]);
            optional(held, Token, file.unrestricted_tokens)
        }
        PermissionSet::Named(NamedSet::Message) => Permissions::of(&[Message]),
        PermissionSet::Named(NamedSet::Observe) => Permissions::NONE,
        PermissionSet::Named(NamedSet::Caption) => Permissions::of(&[Caption]),
        PermissionSet::Named(NamedSet::Admin) => Permissions::of(&[Admin]),
    }
}

impl GroupFile {
    /// Reads a group file.
    ///
    /// # Errors
    /// [`GroupFileError`] for the first member that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, GroupFileError> {
        let Json::Object(map) = json::parse_bytes_within(bytes, Limits::FILE)? else {
            return Err(GroupFileError::NotAnObject);
        };
        let mut file = Self::default();
        for (name, value) in map {
            file.take(&name, value)?;
        }
        Ok(file)
    }

    /// What `set` amounts to in this group.
    #[must_use]
    pub fn expand(&self, set: PermissionSet) -> Permissions {
        expand(set, self)
    }

    /// Whether it is in the form of 2021: it has one of the three lists.
    #[must_use]
    pub const fn is_of_2021(&self) -> bool {
        !(self.op.is_empty() && self.presenter.is_empty() && self.other.is_empty())
    }

    /// How long chat is kept, and an empty group in memory.
    #[must_use]
    pub fn history_age(&self) -> Duration {
        self.max_history_age.unwrap_or(HISTORY_AGE_DEFAULT)
    }

    /// The codecs it allows.
    pub fn codecs(&self) -> impl Iterator<Item = &str> {
        let default = CODECS_DEFAULT.iter().copied().filter(|_| self.codecs.is_empty());
        self.codecs.iter().map(String::as_str).chain(default)
    }

    fn take(&mut self, name: &str, value: Json) -> Result<(), GroupFileError> {
        match name {
            "displayName" => self.display_name = text("displayName", value)?,
            "description" => self.description = text("description", value)?,
            "contact" => self.contact = text("contact", value)?,
            "comment" => self.comment = text("comment", value)?,
            "public" => self.public = flag("public", &value)?,
            "redirect" => self.redirect = text("redirect", value)?,
            "max-clients" => self.max_clients = count("max-clients", &value)?.filter(|n| *n > 0),
            "max-history-age" => {
                let seconds = count("max-history-age", &value)?.filter(|n| *n > 0);
                self.max_history_age = seconds.map(|n| Duration::from_secs(n.into()));
            }
            "not-before" => self.not_before = time("not-before", value)?,
            "expires" => self.expires = time("expires", value)?,
            "allow-recording" => self.allow_recording = flag("allow-recording", &value)?,
            "unrestricted-tokens" => {
                self.unrestricted_tokens = flag("unrestricted-tokens", &value)?;
            }
            "auto-subgroups" => self.auto_subgroups |= flag("auto-subgroups", &value)?,
            "allow-subgroups" => self.auto_subgroups |= flag("allow-subgroups", &value)?,
            "allow-anonymous" => self.allow_anonymous = flag("allow-anonymous", &value)?,
            "autolock" => self.autolock = flag("autolock", &value)?,
            "autokick" => self.autokick = flag("autokick", &value)?,
            "codecs" => {
                let texts = list("codecs", value)?.into_iter().map(|item| text("codecs", item));
                self.codecs = texts.filter_map(Result::transpose).collect::<Result<_, _>>()?;
            }
            "users" => {
                for (name, user) in object("users", value)? {
                    let user = self.user("users", user)?;
                    self.users.insert(name, user);
                }
            }
            "wildcard-user" if value.is_null() => {}
            "wildcard-user" => self.wildcard_user = Some(self.user("wildcard-user", value)?),
            "authKeys" => {
                let keys = list("authKeys", value)?.into_iter();
                let keys = keys.map(|key| present("authKeys", key).map(Secret::new));
                self.auth_keys = keys.collect::<Result<_, _>>()?;
            }
            "authServer" => self.auth_server = text("authServer", value)?,
            "authPortal" => self.auth_portal = text("authPortal", value)?,
            "op" => self.op = self.entries("op", value)?,
            "presenter" => self.presenter = self.entries("presenter", value)?,
            "other" => self.other = self.entries("other", value)?,
            other => return Err(unknown(other)),
        }
        Ok(())
    }

    fn user(&mut self, what: &'static str, value: Json) -> Result<UserDescription, GroupFileError> {
        let mut user = UserDescription {
            password: Verifier::Never,
            permissions: PermissionSet::List(Permissions::NONE),
        };
        for (name, value) in object(what, value)? {
            match name.as_str() {
                _ if value.is_null() => {}
                "password" => user.password = self.password(value)?,
                "permissions" => user.permissions = permissions(value)?,
                other => return Err(unknown(other)),
            }
        }
        Ok(user)
    }

    fn entries(
        &mut self,
        what: &'static str,
        value: Json,
    ) -> Result<Vec<ListEntry>, GroupFileError> {
        list(what, value)?.into_iter().map(|item| self.entry(what, item)).collect()
    }

    fn entry(&mut self, what: &'static str, value: Json) -> Result<ListEntry, GroupFileError> {
        let mut entry = ListEntry { username: None, password: Verifier::Wildcard };
        for (name, value) in present(what, value)? {
            match name.as_str() {
                _ if value.is_null() => {}
                "username" => entry.username = text("username", value)?,
                "password" => entry.password = self.password(value)?,
                other => return Err(unknown(other)),
            }
        }
        Ok(entry)
    }

    fn password(&mut self, value: Json) -> Result<Verifier, GroupFileError> {
        match &value {
            Json::String(_) => {}
            Json::Object(map) => {
                let strange = map.keys().find(|name| !password::MEMBERS.contains(&name.as_str()));
                if let Some(name) = strange {
                    return Err(unknown(name));
                }
            }
            _ => return Err(GroupFileError::WrongType("password")),
        }
        Ok(password::read(&value).unwrap_or_else(|| {
            self.unusable_passwords = self.unusable_passwords.saturating_add(1);
            Verifier::Never
        }))
    }
}

fn unknown(name: &str) -> GroupFileError {
    GroupFileError::UnknownMember(name.chars().take(64).collect())
}

/// A text; `null` and the empty one count as absent.
fn text(name: &'static str, value: Json) -> Result<Option<String>, GroupFileError> {
    match value {
        Json::Null => Ok(None),
        Json::String(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        _ => Err(GroupFileError::WrongType(name)),
    }
}

fn flag(name: &'static str, value: &Json) -> Result<bool, GroupFileError> {
    match value {
        Json::Null => Ok(false),
        Json::Bool(flag) => Ok(*flag),
        _ => Err(GroupFileError::WrongType(name)),
    }
}

fn count(name: &'static str, value: &Json) -> Result<Option<u32>, GroupFileError> {
    if value.is_null() {
        return Ok(None);
    }
    let number = value.as_u64().and_then(|n| u32::try_from(n).ok());
    number.map(Some).ok_or(GroupFileError::WrongType(name))
}

fn time(name: &'static str, value: Json) -> Result<Option<Wall>, GroupFileError> {
    let Some(text) = text(name, value)? else { return Ok(None) };
    parse_rfc3339(&text).map(Some).ok_or(GroupFileError::Time(name))
}

fn object(name: &'static str, value: Json) -> Result<JsonMap, GroupFileError> {
    match value {
        Json::Null => Ok(JsonMap::new()),
        Json::Object(map) => Ok(map),
        _ => Err(GroupFileError::WrongType(name)),
    }
}

/// An object that must be there: a `null` among the operators would otherwise
/// let everybody in as one.
fn present(name: &'static str, value: Json) -> Result<JsonMap, GroupFileError> {
    if value.is_null() { Err(GroupFileError::WrongType(name)) } else { object(name, value) }
}

fn list(name: &'static str, value: Json) -> Result<Vec<Json>, GroupFileError> {
    match value {
        Json::Null => Ok(Vec::new()),
        Json::Array(list) => Ok(list),
        _ => Err(GroupFileError::WrongType(name)),
    }
}

/// A named set or a list. Names in a list that nobody knows grant nothing,
/// and neither does `system`, which is not for people.
fn permissions(value: Json) -> Result<PermissionSet, GroupFileError> {
    const NAME: &str = "permissions";
    if let Json::String(name) = value {
        let set = NamedSet::from_name(&name).ok_or(GroupFileError::UnknownPermission)?;
        return Ok(PermissionSet::Named(set));
    }
    let mut held = Permissions::NONE;
    for item in list(NAME, value)? {
        let name = item.as_str().ok_or(GroupFileError::WrongType(NAME))?;
        held = Permission::from_name(name).map_or(held, |right| held.with(right));
    }
    Ok(PermissionSet::List(held.without(Permission::System)))
}
