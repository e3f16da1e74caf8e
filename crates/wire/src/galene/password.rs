//! Passwords as they stand in files: what a [`Verifier`] is read from.
//!
//! Source: docs/protocols/galene.md §5.5.

use parlour_base::{Json, JsonMap, Secret, Verifier};

/// Most rounds of PBKDF2 that a file may ask for; some seconds of work.
pub const PBKDF2_ITERATIONS_MAX: u32 = 10_000_000;

/// Longest derived key or salt, in bytes.
pub const PBKDF2_BYTES_MAX: usize = 1_024;

/// Reads a password; an empty object fits nothing.
///
/// `None` if it has a form that cannot be checked: an unknown type or hash, a
/// part missing or out of range.
pub(super) fn read(password: &Json) -> Option<Verifier> {
    let map = match password {
        Json::String(text) => return Some(Verifier::Plain(Secret::new(text.clone()))),
        Json::Object(map) => map,
        _ => return None,
    };
    match text(map, "type") {
        None if map.values().all(Json::is_null) => Some(Verifier::Never),
        Some("plain") => Some(Verifier::Plain(Secret::new(text(map, "key")?.to_owned()))),
        Some("pbkdf2") => pbkdf2(map),
        Some("bcrypt") => Some(Verifier::Bcrypt(Secret::new(text(map, "key")?.to_owned()))),
        Some("wildcard") => Some(Verifier::Wildcard),
        _ => None,
    }
}

/// The members that a password may have.
pub(super) const MEMBERS: [&str; 5] = ["type", "hash", "key", "salt", "iterations"];

fn text<'a>(map: &'a JsonMap, name: &str) -> Option<&'a str> {
    map.get(name).and_then(Json::as_str)
}

/// A key of no bytes would fit every password, so it is none.
fn pbkdf2(map: &JsonMap) -> Option<Verifier> {
    let (key, salt) = (hex(text(map, "key")?)?, hex(text(map, "salt")?)?);
    let iterations = u32::try_from(map.get("iterations")?.as_u64()?).ok()?;
    let sound = text(map, "hash") == Some("sha-256")
        && (1..=PBKDF2_BYTES_MAX).contains(&key.len())
        && salt.len() <= PBKDF2_BYTES_MAX
        && (1..=PBKDF2_ITERATIONS_MAX).contains(&iterations);
    sound.then(|| Verifier::Pbkdf2 { key: Secret::new(key), salt, iterations })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_form_of_the_sheet_is_read() {
        assert!(matches!(read(&json!("pw")), Some(Verifier::Plain(p)) if p.expose() == "pw"));
        assert!(matches!(read(&json!({"type": "plain", "key": "pw"})), Some(Verifier::Plain(_))));
        assert!(matches!(read(&json!({"type": "wildcard"})), Some(Verifier::Wildcard)));
        assert!(matches!(read(&json!({})), Some(Verifier::Never)));
        let bcrypt = json!({"type": "bcrypt", "key": "$2a$10$abc"});
        assert!(matches!(read(&bcrypt), Some(Verifier::Bcrypt(_))));
        let pbkdf2 = json!({"type": "pbkdf2", "hash": "sha-256", "key": "00fF", "salt": "a1",
            "iterations": 4096});
        let Some(Verifier::Pbkdf2 { key, salt, iterations: 4096 }) = read(&pbkdf2) else {
            panic!("not read");
        };
        assert_eq!((key.expose().as_slice(), salt.as_slice()), (&[0, 255][..], &[0xa1][..]));
    }

    #[test]
    fn what_cannot_be_checked_is_not_read() {
        for bad in [
            json!({"type": "md5", "key": "x"}),
            json!({"key": "x"}),
            json!({"type": "plain"}),
            json!({"type": "bcrypt"}),
            json!({"type": "pbkdf2", "hash": "sha-1", "key": "00", "salt": "00", "iterations": 1}),
            json!({"type": "pbkdf2", "hash": "sha-256", "key": "", "salt": "00", "iterations": 1}),
            json!({"type": "pbkdf2", "hash": "sha-256", "key": "0", "salt": "00", "iterations": 1}),
            json!({"type": "pbkdf2", "hash": "sha-256", "key": "0g", "salt": "", "iterations": 1}),
            json!({"type": "pbkdf2", "hash": "sha-256", "key": "00", "salt": "", "iterations": 0}),
            json!({"type": "pbkdf2", "hash": "sha-256", "key": "00", "salt": "", "iterations": 1e12}),
        ] {
            assert!(read(&bad).is_none(), "{bad}");
        }
    }
}
