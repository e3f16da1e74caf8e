//! Users: who they are here, and what they are called elsewhere.

use super::fields::{Change, Fields, Read, is_shown, text};
use super::{ACCOUNT_BYTES_MAX, LOGIN_BYTES_MAX, OUTSIDE_MAX, SHOWN_BYTES_MAX};
use crate::callctl::LocalPart;
use crate::galene::name;
use parlour_base::Json;

/// `POST /users`, `PATCH /users/{user}`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserBody {
    /// The name to log in with.
    pub login: Change<String>,
    /// The name others see.
    pub display_name: Change<String>,
    /// The name in call control.
    pub kik: Change<String>,
    /// Names in definitions of groups.
    pub galene: Change<Vec<OutsideName>>,
    /// Accounts of the rooms door, by e-mail, in lower case.
    pub accounts: Change<Vec<String>>,
}

/// A user of one group's definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutsideName {
    /// The group.
    pub group: String,
    /// The name in it.
    pub name: String,
}

impl TryFrom<Json> for UserBody {
    type Error = super::Problem;

    fn try_from(body: Json) -> Read<Self> {
        let mut fields = Fields::of(body)?;
        let login =
            fields.change("login", "lower-case letters, digits, `.`, `_`, `-`", |value| {
                text(value).filter(|login| is_login(login))
            })?;
        let display_name = fields.shown("display_name", SHOWN_BYTES_MAX)?;
        let kik = fields.change("kik", "a local part of call control", |value| {
            text(value).filter(|name| LocalPart::parse(name).is_ok())
        })?;
        let galene = names(&mut fields)?;
        let accounts = fields.change("accounts", "a list of e-mail addresses", accounts)?;
        fields.end()?;
        Ok(Self { login, display_name, kik, galene, accounts })
    }
}

/// One form for each name, so that none looks like another.
fn is_login(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    let starts = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    starts && text.len() <= LOGIN_BYTES_MAX && text.bytes().all(plain)
}

fn names(fields: &mut Fields) -> Read<Change<Vec<OutsideName>>> {
    let Some(list) = fields.objects("galene", OUTSIDE_MAX)? else { return Ok(Change::Keep) };
    let mut names: Vec<OutsideName> = list.into_iter().map(one_name).collect::<Read<_>>()?;
    names.sort_unstable();
    names.dedup();
    Ok(Change::Set(names))
}

fn one_name(mut fields: Fields) -> Read<OutsideName> {
    let group = fields.option("group", "a name that a group can have", |value| {
        text(value).filter(|group| name::is_group_name(group))
    })?;
    let name = fields.option("name", "a name that a user of a group can have", |value| {
        text(value).filter(|name| !name.is_empty() && name::is_user_name(name))
    })?;
    let group = group.ok_or_else(|| fields.missing("group"))?;
    let name = name.ok_or_else(|| fields.missing("name"))?;
    fields.end()?;
    Ok(OutsideName { group, name })
}

fn accounts(value: Json) -> Option<Vec<String>> {
    let Json::Array(list) = value else { return None };
    if list.len() > OUTSIDE_MAX {
        return None;
    }
    let account = |value: Json| {
        let account = text(value)?.to_lowercase();
        let sound = is_shown(&account, ACCOUNT_BYTES_MAX) && !account.contains(char::is_whitespace);
        let (local, host) = account.rsplit_once('@')?;
        (sound && !local.is_empty() && !host.is_empty()).then_some(account)
    };
    let mut accounts: Vec<String> = list.into_iter().map(account).collect::<Option<_>>()?;
    accounts.sort_unstable();
    accounts.dedup();
    Some(accounts)
}
