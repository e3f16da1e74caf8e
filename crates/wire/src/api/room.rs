//! Rooms: their names, their entry policy, the life that the rooms door gives
//! them, and rights in them.

use super::fields::{Change, Fields, Read, is_shown, text};
use super::{CAPACITY_MAX, NAMES_MAX, NAMESPACE_BYTES_MAX, PASSWORD_BYTES_MAX, SHOWN_BYTES_MAX};
use crate::callctl::{ConvoId, LocalPart};
use crate::galene::name;
use parlour_base::limits::NAME_BYTES_MAX;
use parlour_base::{Json, Permissions, Secret, UserId};

/// Longest life of a room of the rooms door, in hours: a hundred years.
const LIFE_HOURS_MAX: u64 = 876_000;

/// `POST /rooms`, `PATCH /rooms/{room}`
#[derive(Debug, Default)]
pub struct RoomBody {
    /// The name others see.
    pub display_name: Change<String>,
    /// Its names; only when it is made.
    pub names: Option<Vec<NameBody>>,
    /// Who may enter.
    pub policy: PolicyChange,
    /// What the rooms door keeps.
    pub lease: Option<LeaseBody>,
}

/// What changes of an entry policy.
#[derive(Debug, Default)]
pub struct PolicyChange {
    /// The doors that are open, by name.
    pub doors: Option<Vec<String>>,
    /// `open`, `password` or `grant`.
    pub entry: Option<String>,
    /// Whether people without an account may come in.
    pub guests: Option<bool>,
    /// Most people at a time.
    pub capacity: Change<u32>,
    /// The room's own password.
    pub password: Change<Secret<String>>,
}

/// What the rooms door keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseBody {
    /// Who may change and delete it by that door.
    pub owner: Option<UserId>,
    /// The owner's name.
    pub owner_name: String,
    /// Most participants.
    pub max_size: u32,
    /// For how long, in hours.
    pub life_hours: u32,
}

/// `POST /rooms/{room}/names`: a name in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameBody {
    /// Such as `galene`.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// `PATCH /rooms/{room}/names/{namespace}/{name}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNameBody {
    /// What it is called from now on, in the same namespace.
    pub name: String,
}

/// `PUT /rooms/{room}/grants/{grantee}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantBody {
    /// What it gives.
    pub permissions: Permissions,
    /// Makes the grantee a member of the conversation under this name.
    pub kik: Option<String>,
}

impl NameBody {
    /// A name that a room can have; the namespaces of doors have rules of
    /// their own.
    #[must_use]
    pub fn checked(namespace: &str, name: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let starts = namespace.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        let sound = starts
            && namespace.len() <= NAMESPACE_BYTES_MAX
            && namespace.bytes().all(plain)
            && match namespace {
                "galene" => name::is_group_name(name),
                "kik" => ConvoId::parse_key(name).is_ok_and(|convo| convo.key() == name),
                _ => is_shown(name, NAME_BYTES_MAX),
            };
        sound.then(|| Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }

    fn inside(mut fields: Fields) -> Read<Self> {
        let namespace = fields.option("namespace", "a text is expected", text)?;
        let name = fields.option("name", "a text is expected", text)?;
        let namespace = namespace.ok_or_else(|| fields.missing("namespace"))?;
        let name = name.ok_or_else(|| fields.missing("name"))?;
        let checked = Self::checked(&namespace, &name);
        let checked = checked
            .ok_or_else(|| fields.wrong("name", "no room of that namespace can be called that"))?;
        fields.end()?;
        Ok(checked)
    }
}

impl TryFrom<Json> for NameBody {
    type Error = super::Problem;

    fn try_from(body: Json) -> Read<Self> {
        Self::inside(Fields::of(body)?)
    }
}

impl TryFrom<Json> for NewNameBody {
    type Error = super::Problem;

    fn try_from(body: Json) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let name = fields.option("name", "a text is expected", text)?;
        let name = name.ok_or_else(|| fields.missing("name"))?;
        fields.end()?;
        Ok(Self { name })
    }
}

impl TryFrom<Json> for RoomBody {
    type Error = super::Problem;

    fn try_from(body: Json) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let display_name = fields.shown("display_name", SHOWN_BYTES_MAX)?;
        let names = fields.objects("names", NAMES_MAX)?;
        let names = names.map(|list| list.into_iter().map(NameBody::inside).collect::<Read<_>>());
        let mut names: Option<Vec<NameBody>> = names.transpose()?;
        if let Some(names) = &mut names {
            names.sort_unstable();
            names.dedup();
        }
        let policy = fields.object("policy")?.map(policy).transpose()?.unwrap_or_default();
        let lease = fields.object("lease")?.map(lease).transpose()?;
        fields.end()?;
        Ok(Self { display_name, names, policy, lease })
    }
}

fn policy(mut fields: Fields) -> Read<PolicyChange> {
    let doors = fields.texts("doors", 16)?;
    let entry = fields.option("entry", "`open`, `password` or `grant`", |value| {
        text(value).filter(|entry| matches!(entry.as_str(), "open" | "password" | "grant"))
    })?;
    let guests = fields.flag("guests")?;
    let capacity = match fields.number("capacity", 1, CAPACITY_MAX.into())? {
        Change::Keep => Change::Keep,
        Change::Clear => Change::Clear,
        Change::Set(n) => Change::Set(u32::try_from(n).unwrap_or(CAPACITY_MAX)),
    };
    let password = fields.change("password", "a text that is not too long", |value| {
        let sound = |text: &String| (1..=PASSWORD_BYTES_MAX).contains(&text.len());
        text(value).filter(sound).map(Secret::new)
    })?;
    fields.end()?;
    Ok(PolicyChange { doors, entry, guests, capacity, password })
}

fn lease(mut fields: Fields) -> Read<LeaseBody> {
    let owner =
        fields.option("owner", "the handle of a user", |value| text(value)?.parse().ok())?;
    let owner_name = fields.shown("owner_name", SHOWN_BYTES_MAX)?.set();
    let owner_name = owner_name.ok_or_else(|| fields.missing("owner_name"))?;
    let max_size = fields.number("max_size", 2, CAPACITY_MAX.into())?.set();
    let max_size = max_size.ok_or_else(|| fields.missing("max_size"))?;
    let life = fields.number("life_hours", 1, LIFE_HOURS_MAX)?.set();
    let life = life.ok_or_else(|| fields.missing("life_hours"))?;
    fields.end()?;
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(LeaseBody { owner, owner_name, max_size: small(max_size), life_hours: small(life) })
}

impl TryFrom<Json> for GrantBody {
    type Error = super::Problem;

    fn try_from(body: Json) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let permissions = fields.permissions("permissions")?;
        let permissions = permissions.ok_or_else(|| fields.missing("permissions"))?;
        let kik = fields.option("kik", "a local part of call control", |value| {
            text(value).filter(|name| LocalPart::parse(name).is_ok())
        })?;
        fields.end()?;
        Ok(Self { permissions, kik })
    }
}
