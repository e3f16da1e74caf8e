//! Numbers as the API reads them: what JavaScript's `parseInt(x, 10)` makes of
//! a value. Clients send numbers and strings, so both keep working.
//!
//! Source: ECMA-262 (parseInt, Number::toString); docs/protocols/rooms.md §1.

use parlour_base::Json;

/// Reads a number; `None` is JavaScript's "not a number". Numbers beyond 64
/// bits end at the last one that fits.
#[must_use]
pub fn parse_int(value: &Json) -> Option<i64> {
    match value {
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Some(whole),
            (None, Some(double)) => of_double(double),
            (None, None) => None,
        },
        Json::String(text) => parse_text(text),
        // A list prints as its elements with commas between, so the first one counts.
        Json::Array(items) => match items.first() {
            Some(Json::Null | Json::Bool(_)) | None => None,
            Some(first) => parse_int(first),
        },
        Json::Null | Json::Bool(_) | Json::Object(_) => None,
    }
}

/// Reads the number a text begins with: white space, a sign, digits; what
/// follows does not matter.
#[must_use]
pub fn parse_text(text: &str) -> Option<i64> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut value: Option<i64> = None;
    for c in digits.chars() {
        let Some(digit) = c.to_digit(10) else { break };
        let digit = i64::from(digit);
        let signed = if negative { -digit } else { digit };
        value = Some(value.unwrap_or(0).saturating_mul(10).saturating_add(signed));
    }
    value
}

/// A fraction is cut; what JavaScript prints with an exponent is read up to
/// its point, as `parseInt` does with that text.
fn of_double(value: f64) -> Option<i64> {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        return parse_text(&format!("{value:e}"));
    }
    // Saturates, which is what is promised.
    Some(value.trunc() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_texts_read_as_parse_int_reads_them() {
        for (value, number) in [
            (json!(3), 3),
            (json!(1.9), 1),
            (json!(-1.9), -1),
            (json!("3x"), 3),
            (json!("  +7"), 7),
            (json!("-2"), -2),
            (json!("0x10"), 0),
            (json!("1e3"), 1),
            (json!(1e3), 1000),
            (json!(1e30), 1),
            (json!(5e-7), 5),
            (json!([4, 5]), 4),
            (json!(["6"]), 6),
            (json!("99999999999999999999999"), i64::MAX),
            (json!(u64::MAX), i64::MAX),
        ] {
            assert_eq!(parse_int(&value), Some(number), "{value}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_none() {
        for value in [
            json!(null),
            json!(true),
            json!({}),
            json!([]),
            json!([null]),
            json!(""),
            json!("x3"),
            json!("- 3"),
            json!("NaN"),
        ] {
            assert_eq!(parse_int(&value), None, "{value}");
        }
    }
}
