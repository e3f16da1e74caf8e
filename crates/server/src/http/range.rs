//! Which part of a file a client wants (RFC 9110 §14).

/// A part of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// Everything.
    Whole,
    /// From the first byte to the one after the last.
    Part(u64, u64),
    /// A range that begins after the end.
    Beyond,
}

/// Reads the value of a `Range` header for a file of `length` bytes. Several
/// ranges, other units and nonsense mean everything.
pub(super) fn read(text: &str, length: u64) -> Range {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|it| it.split_once('-')) else {
        return Range::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    let number = |text: &str| text.parse::<u64>().ok();
    match (number(first), number(last)) {
        (Some(first), _) if last.is_empty() && first < length => Range::Part(first, length),
        (Some(first), Some(last)) if first <= last && first < length => {
            Range::Part(first, last.saturating_add(1).min(length))
        }
        (None, Some(last)) if first.is_empty() && last > 0 && length > 0 => {
            Range::Part(length.saturating_sub(last), length)
        }
        (Some(first), _) if first >= length && (last.is_empty() || number(last) >= Some(first)) => {
            Range::Beyond
        }
        (None, Some(0)) if first.is_empty() => Range::Beyond,
        _ => Range::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (text, range) in [
            ("bytes=0-3", Range::Part(0, 4)),
            ("bytes=5-", Range::Part(5, 10)),
            ("bytes=-4", Range::Part(6, 10)),
            ("bytes=-40", Range::Part(0, 10)),
            ("bytes=3-99", Range::Part(3, 10)),
            ("bytes=10-", Range::Beyond),
            ("bytes=10-12", Range::Beyond),
            ("bytes=-0", Range::Beyond),
            ("bytes=4-3", Range::Whole),
            ("bytes=0-1,3-4", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("items=0-1", Range::Whole),
            ("bytes=0-18446744073709551615", Range::Part(0, 10)),
        ] {
            assert_eq!(read(text, 10), range, "{text}");
        }
    }
}
