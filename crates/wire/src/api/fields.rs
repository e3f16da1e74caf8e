//! The members of a body, each taken once; what is left over does not exist.

use super::problem::{Code, Problem};
use parlour_base::{Json, JsonMap, Permission, Permissions};

/// What is to become of something that is there already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It was not mentioned.
    #[default]
    Keep,
    /// It was `null`.
    Clear,
    /// It has this value from now on.
    Set(T),
}

impl<T> Change<T> {
    /// The value after the change.
    #[must_use]
    pub fn over(self, old: Option<T>) -> Option<T> {
        match self {
            Self::Keep => old,
            Self::Clear => None,
            Self::Set(new) => Some(new),
        }
    }

    /// The value, if there is a new one.
    #[must_use]
    pub fn set(self) -> Option<T> {
        match self {
            Self::Set(new) => Some(new),
            Self::Keep | Self::Clear => None,
        }
    }
}

/// An object of a body whose members are still to be looked at.
#[derive(Debug)]
pub(super) struct Fields {
    map: JsonMap,
    /// Where it is in the body, with a full stop behind it.
    path: String,
}

/// The result of reading.
pub(super) type Read<T> = Result<T, Problem>;

impl Fields {
    /// The members of a whole body.
    pub(super) fn of(body: Json) -> Read<Self> {
        Self::inside(body, String::new())
    }

    fn inside(value: Json, path: String) -> Read<Self> {
        match value {
            Json::Object(map) => Ok(Self { map, path }),
            _ if path.is_empty() => Err(Code::BadJson.into()),
            _ => {
                let field = path.trim_end_matches('.');
                Err(Problem::at(Code::BadField, field, "an object is expected"))
            }
        }
    }

    /// What is wrong with a member.
    pub(super) fn wrong(&self, name: &str, detail: &'static str) -> Problem {
        Problem::at(Code::BadField, format!("{}{name}", self.path), detail)
    }

    /// A member is not there.
    pub(super) fn missing(&self, name: &str) -> Problem {
        Problem::at(Code::MissingField, format!("{}{name}", self.path), "it is needed")
    }

    /// Takes a member.
    pub(super) fn take(&mut self, name: &str) -> Change<Json> {
        match self.map.remove(name) {
            None => Change::Keep,
            Some(Json::Null) => Change::Clear,
            Some(value) => Change::Set(value),
        }
    }

    /// Takes a member and reads it.
    pub(super) fn change<T>(
        &mut self,
        name: &str,
        expected: &'static str,
        read: impl FnOnce(Json) -> Option<T>,
    ) -> Read<Change<T>> {
        Ok(match self.take(name) {
            Change::Keep => Change::Keep,
            Change::Clear => Change::Clear,
            Change::Set(value) => {
                Change::Set(read(value).ok_or_else(|| self.wrong(name, expected))?)
            }
        })
    }

    /// The same where `null` means as much as absence.
    pub(super) fn option<T>(
        &mut self,
        name: &str,
        expected: &'static str,
        read: impl FnOnce(Json) -> Option<T>,
    ) -> Read<Option<T>> {
        self.change(name, expected, read).map(Change::set)
    }

    /// A text that people read.
    pub(super) fn shown(&mut self, name: &str, most: usize) -> Read<Change<String>> {
        self.change(name, "a text without control characters, and not too long", |value| {
            text(value).filter(|text| is_shown(text, most))
        })
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, name: &str) -> Read<Option<bool>> {
        self.option(name, "true or false are expected", |value| value.as_bool())
    }

    /// A whole number.
    pub(super) fn number(&mut self, name: &str, low: u64, high: u64) -> Read<Change<u64>> {
        self.change(name, "a whole number in range is expected", |value| {
            value.as_u64().filter(|n| (low..=high).contains(n))
        })
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, name: &str, most: usize) -> Read<Option<Vec<String>>> {
        self.option(name, "a list of texts is expected, and not too many", |value| {
            let list = list(value).filter(|list| list.len() <= most)?;
            list.into_iter().map(text).collect()
        })
    }

    /// A list of permissions that people may have.
    pub(super) fn permissions(&mut self, name: &str) -> Read<Option<Permissions>> {
        let Some(names) = self.texts(name, Permission::ALL.len())? else { return Ok(None) };
        let known = |name: &String| {
            Permission::from_name(name).filter(|permission| *permission != Permission::System)
        };
        let all: Option<Permissions> = names.iter().map(known).collect();
        all.map(Some).ok_or_else(|| self.wrong(name, "no such permission"))
    }

    /// An object within this one.
    pub(super) fn object(&mut self, name: &str) -> Read<Option<Self>> {
        let path = format!("{}{name}.", self.path);
        self.take(name).set().map(|value| Self::inside(value, path)).transpose()
    }

    /// A list of objects.
    pub(super) fn objects(&mut self, name: &str, most: usize) -> Read<Option<Vec<Self>>> {
        let Some(value) = self.take(name).set() else { return Ok(None) };
        let list = list(value).filter(|list| list.len() <= most);
        let list = list.ok_or_else(|| self.wrong(name, "a list is expected, and not too long"))?;
        let inside = |(at, value)| Self::inside(value, format!("{}{name}.{at}.", self.path));
        list.into_iter().enumerate().map(inside).collect::<Read<_>>().map(Some)
    }

    /// Nothing else may be there.
    pub(super) fn end(self) -> Read<()> {
        match self.map.keys().next() {
            None => Ok(()),
            // The name is the sender's own; a long one is cut.
            Some(name) => {
                let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
                let field = format!("{}{name}", self.path);
                Err(Problem::at(Code::UnknownField, field, "there is no such member"))
            }
        }
    }
}

/// A text.
pub(super) fn text(value: Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text),
        _ => None,
    }
}

fn list(value: Json) -> Option<Vec<Json>> {
    match value {
        Json::Array(list) => Some(list),
        _ => None,
    }
}

/// Whether a text can be shown to people as it is.
pub(super) fn is_shown(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && !text.chars().any(is_hidden)
}

/// Control characters, and those that turn the direction of writing around.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
