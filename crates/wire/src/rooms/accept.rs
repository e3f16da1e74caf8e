//! Whether a client accepts JSON.
//!
//! Source: RFC 9110 §12.5.1.

/// Whether an `Accept` header leaves room for JSON. None, or an empty one,
/// does; so does one that cannot be read at all.
#[must_use]
pub fn takes_json(accept: Option<&str>) -> bool {
    let Some(accept) = accept.filter(|text| !text.trim().is_empty()) else { return true };
    let ranges = accept.split(',').filter_map(range);
    // The most specific range decides, whatever its place.
    let best = ranges.max_by_key(|(specific, _)| *specific);
    best.is_some_and(|(_, wanted)| wanted)
}

/// Whether an `Accept` header names HTML: a browser that wants a page.
#[must_use]
pub fn names_html(accept: Option<&str>) -> bool {
    accept.is_some_and(|accept| {
        accept.split(',').any(|range| {
            let media = range.split(';').next().unwrap_or("").trim();
            media.eq_ignore_ascii_case("text/html")
        })
    })
}

/// How specific a range that covers JSON is, and whether it is wanted.
fn range(text: &str) -> Option<(u8, bool)> {
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next()?.to_ascii_lowercase();
    let specific = match media.as_str() {
        "application/json" => 2,
        "application/*" => 1,
        "*/*" | "*" => 0,
        _ => return None,
    };
    let quality =
        parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let refused = quality.is_some_and(|q| q.trim().parse::<f64>().is_ok_and(|q| q <= 0.0));
    Some((specific, !refused))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_taken_unless_it_is_ruled_out() {
        for accept in [
            "",
            "*/*",
            "application/json",
            "text/html, application/JSON;q=0.1",
            "text/html, */*;q=0.8",
            "application/*",
        ] {
            assert!(takes_json(Some(accept)), "{accept}");
        }
        assert!(takes_json(None));
        for accept in ["text/html", "text/*", "application/xml", "application/json;q=0, */*"] {
            assert!(!takes_json(Some(accept)), "{accept}");
        }
    }

    #[test]
    fn only_a_browser_names_html() {
        assert!(names_html(Some("text/html,application/xhtml+xml,*/*;q=0.8")));
        for accept in [None, Some("*/*"), Some("application/json")] {
            assert!(!names_html(accept));
        }
    }
}
