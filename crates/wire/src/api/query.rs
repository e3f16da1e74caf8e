//! The part of a path behind the question mark.

use super::problem::{Code, Problem};
use super::{CURSOR_BYTES_MAX, PAGE_DEFAULT, PAGE_MAX};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeMap;

/// Most values of one query.
const PAIRS_MAX: usize = 16;

/// The values of a query, each taken once.
#[derive(Debug, Default)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Takes a query apart.
    ///
    /// # Errors
    /// [`Code::BadQuery`] if a name comes twice, there are too many, or a text
    /// is not UTF-8.
    pub fn of(text: Option<&str>) -> Result<Self, Problem> {
        let mut pairs = BTreeMap::new();
        for pair in text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let both = super::route::decoded(&name.replace('+', " "))
                .zip(super::route::decoded(&value.replace('+', " ")));
            let (name, value) = both.ok_or_else(|| Problem::new(Code::BadQuery))?;
            if pairs.len() >= PAIRS_MAX || pairs.insert(name, value).is_some() {
                return Err(Code::BadQuery.into());
            }
        }
        Ok(Self(pairs))
    }

    /// Takes a value.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Which page: behind what, and how many.
    ///
    /// # Errors
    /// [`Code::BadQuery`] if `limit` is out of range or `cursor` is none of ours.
    pub fn page(&mut self) -> Result<(Option<String>, u32), Problem> {
        let wrong = |name| Problem::at(Code::BadQuery, name, "it makes no sense");
        let after = match self.take("cursor") {
            None => None,
            Some(text) => Some(uncursor(&text).ok_or_else(|| wrong("cursor"))?),
        };
        let most = match self.take("limit") {
            None => PAGE_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|n| (1..=PAGE_MAX).contains(n))
                .ok_or_else(|| wrong("limit"))?,
        };
        Ok((after, most))
    }

    /// Nothing else may be there.
    ///
    /// # Errors
    /// [`Code::BadQuery`]
    pub fn end(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Code::BadQuery.into()) }
    }

    /// How a place in a list is told to clients.
    #[must_use]
    pub fn cursor(after: &str) -> String {
        URL_SAFE_NO_PAD.encode(after)
    }
}

fn uncursor(text: &str) -> Option<String> {
    if text.is_empty() || text.len() > CURSOR_BYTES_MAX {
        return None;
    }
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_given() {
        let text = format!("limit=7&cursor={}&x=a%20b+c", Query::cursor("a/b\u{e9}"));
        let mut query = Query::of(Some(&text)).expect("sound");
        assert_eq!(query.page(), Ok((Some("a/b\u{e9}".to_owned()), 7)));
        assert_eq!(query.take("x").as_deref(), Some("a b c"));
        assert_eq!(query.end(), Ok(()));
    }

    #[test]
    fn queries_that_make_no_sense_are_refused() {
        for text in ["a=1&a=2", "a=%ff", "a=%0", "limit=0", "limit=101", "limit=x", "cursor=%20"] {
            let page = Query::of(Some(text)).and_then(|mut query| query.page());
            assert_eq!(page.err().map(|p| p.code), Some(Code::BadQuery), "{text}");
        }
        let long = format!("cursor={}", "A".repeat(CURSOR_BYTES_MAX + 1));
        assert!(Query::of(Some(&long)).and_then(|mut query| query.page()).is_err());
        let many: String = (0..17).map(|n| format!("&k{n}=1")).collect();
        assert!(Query::of(Some(&many)).is_err());
        assert!(Query::of(Some("x=1")).and_then(Query::end).is_err());
        assert!(Query::of(None).and_then(Query::end).is_ok());
    }
}
