//! Records as writes: kept, forgotten, expected, and those with an end.
//!
//! A record with an end has a second one, of the kind [`EXPIRY`], whose key
//! begins with the end: the first page of that kind is what ended first.
//! Nobody watches the clock for it; whoever adds such a record removes a few
//! that are over.

use parlour_base::storage::{Key, Write};
use parlour_base::{Json, Wall};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The kind that lists what ends, by its end.
pub const EXPIRY: &str = "expiry";

/// The JSON form of a record.
#[must_use]
pub fn to_json(record: &impl Serialize) -> Json {
    serde_json::to_value(record).expect("every record has a JSON form")
}

/// A record; what cannot be read is as good as absent.
#[must_use]
pub fn from_json<T: DeserializeOwned>(body: Option<Json>) -> Option<T> {
    serde_json::from_value(body?).ok()
}

/// Where a record is.
#[must_use]
pub fn key(kind: &str, key: &str) -> Key {
    Key::Record { kind: kind.to_owned(), key: key.to_owned() }
}

/// Keeps a record.
#[must_use]
pub fn keep(kind: &str, key: &str, body: Json) -> Write {
    Write::Record { kind: kind.to_owned(), key: key.to_owned(), body: Some(body) }
}

/// Forgets a record.
#[must_use]
pub fn forget(kind: &str, key: &str) -> Write {
    Write::Record { kind: kind.to_owned(), key: key.to_owned(), body: None }
}

/// Lets a commit pass only if this is what is kept.
#[must_use]
pub fn expect(kind: &str, key: &str, body: Option<Json>) -> Write {
    Write::Expect { kind: kind.to_owned(), key: key.to_owned(), body }
}

/// The key that lists a record among what ends.
#[must_use]
pub fn expiry_key(at: Wall, kind: &str, key: &str) -> String {
    let at = u64::try_from(at.0).unwrap_or(0);
    format!("{at:016x}/{kind}/{key}")
}

/// Lists a record among what ends.
#[must_use]
pub fn expires(at: Wall, kind: &str, key: &str) -> Write {
    keep(EXPIRY, &expiry_key(at, kind, key), Json::Bool(true))
}

/// When something listed there ends, and what: (end, kind, key).
#[must_use]
pub fn ended(listed: &str) -> Option<(Wall, &str, &str)> {
    let (at, rest) = listed.split_once('/')?;
    let (kind, key) = rest.split_once('/')?;
    let at = i64::try_from(u64::from_str_radix(at, 16).ok()?).ok()?;
    Some((Wall(at), kind, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_first_is_listed_first() {
        let (early, late) = (Wall(9), Wall(1_800_000_000_000));
        let (first, second) = (expiry_key(early, "token", "b"), expiry_key(late, "token", "a/c"));
        assert!(first < second);
        assert_eq!(ended(&second), Some((late, "token", "a/c")));
        assert_eq!(ended("x"), None);
    }
}
