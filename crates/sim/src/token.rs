//! Marks that clients put into what they say and set, each used once, so that
//! it can be found again wherever it went.

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
    let ends = |at: usize| text.get(at..at + PREFIX.len() + DIGITS);
    text.match_indices(PREFIX).filter_map(|(at, _)| ends(at)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_where_they_were_put() {
        let text = format!("{{\"a\":\"{}\",\"b\":[\"{}\"]}}", mark(7), mark(123_456));
        assert_eq!(find(&text), [mark(7), mark(123_456)]);
        assert!(find("nothing of the kind, but a mark").is_empty());
    }
}
