//! Forms and query strings: `a=1&b=two`, with `a[b]=c` for a member of a
//! member and `a[]=c` for an element of a list.
//!
//! Source: WHATWG URL §5 (application/x-www-form-urlencoded).

use parlour_base::{Json, JsonMap};

/// Most pairs of a form that are read; the rest is not looked at.
pub const PAIRS_MAX: usize = 1_000;

/// The pairs of a form in their order, decoded.
pub fn pairs(bytes: &[u8]) -> impl Iterator<Item = (String, String)> {
    bytes.split(|b| *b == b'&').filter(|pair| !pair.is_empty()).take(PAIRS_MAX).map(|pair| {
        let mut halves = pair.splitn(2, |b| *b == b'=');
        let name = decode(halves.next().unwrap_or_default());
        (name, decode(halves.next().unwrap_or_default()))
    })
}

/// The last value of a name in a query string.
#[must_use]
pub fn query_value(query: &str, name: &str) -> Option<String> {
    pairs(query.as_bytes()).filter(|(n, _)| n == name).map(|(_, value)| value).last()
}

/// Reads a form into members, all of them text.
#[must_use]
pub fn read_form(bytes: &[u8]) -> JsonMap {
    let mut members = JsonMap::new();
    for (name, value) in pairs(bytes) {
        let value = Json::String(value);
        match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((outer, "")) => push(&mut members, outer, value),
            Some((outer, inner)) => {
                let slot = members.entry(outer).or_insert_with(|| Json::Object(JsonMap::new()));
                if let Json::Object(object) = slot {
                    object.insert(inner.to_owned(), value);
                }
            }
            None => repeat(&mut members, name, value),
        }
    }
    members
}

/// Adds to a list, which begins here if there is none.
fn push(members: &mut JsonMap, name: &str, value: Json) {
    if let Json::Array(list) = members.entry(name).or_insert_with(|| Json::Array(Vec::new())) {
        list.push(value);
    }
}

/// A name that comes again makes a list of what it had.
fn repeat(members: &mut JsonMap, name: String, value: Json) {
    match members.get_mut(&name) {
        None => {
            members.insert(name, value);
        }
        Some(Json::Array(list)) => list.push(value),
        Some(earlier) => *earlier = Json::Array(vec![earlier.take(), value]),
    }
}

/// Undoes `+` and `%xx`; what is not UTF-8 afterwards is replaced.
fn decode(bytes: &[u8]) -> String {
    let spaced: Vec<u8> = bytes.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    String::from_utf8_lossy(&percent(&spaced)).into_owned()
}

/// Undoes `%xx`; a `%` that two digits do not follow stays.
#[must_use]
pub fn percent(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                _ => out.push(b'%'),
            },
            _ => out.push(*first),
        }
    }
    out
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_reads_as_members_lists_and_members_of_members() {
        let form =
            b"action=join&displayName=A+B%20%c3%a9&x[rooms]=http%3A%2F%2Fp&t[]=1&t[]=2&d=1&d=2";
        assert_eq!(
            Json::Object(read_form(form)),
            json!({
                "action": "join", "displayName": "A B é", "x": { "rooms": "http://p" },
                "t": ["1", "2"], "d": ["1", "2"],
            })
        );
    }

    #[test]
    fn odd_forms_do_no_harm() {
        assert_eq!(
            Json::Object(read_form(b"&&=&a&b=%&c=%4&a[b]=1&[]=x")),
            json!({
                "": "", "a": "", "b": "%", "c": "%4",
            })
        );
        assert_eq!(pairs(&b"a&".repeat(PAIRS_MAX * 2)).count(), PAIRS_MAX);
    }

    #[test]
    fn the_last_value_of_a_query_counts() {
        assert_eq!(query_value("version=1&x&version=2", "version").as_deref(), Some("2"));
        assert_eq!(query_value("", "version"), None);
    }
}
