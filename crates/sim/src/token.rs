//! Marks that clients put into what they say and set, each used once, so that
//! it can be found again wherever it went.

use parlour_base::{Json, JsonMap};

/// How a mark begins.
const PREFIX: &str = "mark";
/// How many digits follow.
const DIGITS: usize = 6;

/// The mark of this number.
pub(crate) fn mark(number: u32) -> String {
    format!("{PREFIX}{number:06}")
}

/// All marks in a text, in their order.
pub(crate) fn find(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    find_in(text, &mut found);
    found
}

fn find_in(text: &str, found: &mut Vec<String>) {
    let ends = |at: usize| text.get(at..at + PREFIX.len() + DIGITS);
    found.extend(text.match_indices(PREFIX).filter_map(|(at, _)| ends(at)).map(str::to_owned));
}

/// All marks in a value, in the order of its text, without writing it.
pub(crate) fn find_json(value: &Json) -> Vec<String> {
    let mut found = Vec::new();
    walk(value, &mut found);
    found
}

/// The same in an object.
pub(crate) fn find_map(map: &JsonMap) -> Vec<String> {
    let mut found = Vec::new();
    walk_map(map, &mut found);
    found
}

fn walk(value: &Json, found: &mut Vec<String>) {
    match value {
        Json::String(text) => find_in(text, found),
        Json::Array(list) => list.iter().for_each(|value| walk(value, found)),
        Json::Object(map) => walk_map(map, found),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn walk_map(map: &JsonMap, found: &mut Vec<String>) {
    for (key, value) in map {
        find_in(key, found);
        walk(value, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_where_they_were_put() {
        let text = format!("{{\"a\":\"{}\",\"b\":[\"{}\"]}}", mark(7), mark(123_456));
        assert_eq!(find(&text), [mark(7), mark(123_456)]);
        let value = serde_json::from_str(&text).expect("a value");
        assert_eq!(find_json(&value), find(&text));
        assert!(find("nothing of the kind, but a mark").is_empty());
    }
}
