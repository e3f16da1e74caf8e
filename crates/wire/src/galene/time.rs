//! RFC 3339 times as they stand in messages, tokens and group files.

use parlour_base::Wall;

/// Reads an RFC 3339 time; fractions finer than a millisecond are cut off, and
/// a leap second counts as the second after it.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Wall> {
    let mut rest = text.as_bytes();
    let year = digits(&mut rest, 4)?;
    byte(&mut rest, b"-")?;
    let month = digits(&mut rest, 2)?;
    byte(&mut rest, b"-")?;
    let day = digits(&mut rest, 2)?;
    byte(&mut rest, b"Tt ")?;
    let hour = digits(&mut rest, 2)?;
    byte(&mut rest, b":")?;
    let minute = digits(&mut rest, 2)?;
    byte(&mut rest, b":")?;
    let second = digits(&mut rest, 2)?;
    let millis = fraction(&mut rest)?;
    let offset = zone(&mut rest)?;
    let sound = rest.is_empty()
        && (1..=12).contains(&month)
        && (1..=month_length(year, month)).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 60;
    // All parts have at most four digits, so the sums below stay far from i64's ends.
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    sound.then_some(Wall(seconds * 1_000 + millis))
}

fn byte(rest: &mut &[u8], allowed: &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    allowed.contains(first).then_some(*first)
}

/// A number of exactly `count` decimal digits.
fn digits(rest: &mut &[u8], count: usize) -> Option<i64> {
    (0..count).try_fold(0_i64, |n, _| {
        let digit = byte(rest, b"0123456789")?.wrapping_sub(b'0');
        n.checked_mul(10)?.checked_add(i64::from(digit))
    })
}

/// Milliseconds of an optional fraction with any number of digits.
fn fraction(rest: &mut &[u8]) -> Option<i64> {
    let Some((b'.', after)) = rest.split_first() else { return Some(0) };
    *rest = after;
    let (mut millis, mut scale, mut seen) = (0_i64, 100_i64, false);
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        *rest = after;
        seen = true;
        millis = millis.saturating_add(i64::from(digit.wrapping_sub(b'0')).saturating_mul(scale));
        scale /= 10;
    }
    seen.then_some(millis)
}

/// Seconds east of Greenwich.
fn zone(rest: &mut &[u8]) -> Option<i64> {
    let sign = match byte(rest, b"Zz+-")? {
        b'+' => 1,
        b'-' => -1,
        _ => return Some(0),
    };
    let hours = digits(rest, 2)?;
    byte(rest, b":")?;
    let minutes = digits(rest, 2)?;
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

const fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Day number of a date, counted from 1970-01-01 (proleptic Gregorian).
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted = (month + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_undoes_printing() {
        for secs in [0_i64, 1, 951_782_400, 1_782_900_000, -1, -62_135_596_800, 253_402_300_799] {
            let wall = Wall(secs * 1_000);
            assert_eq!(parse_rfc3339(&wall.rfc3339()), Some(wall), "{}", wall.rfc3339());
        }
    }

    #[test]
    fn zones_and_fractions_are_understood() {
        let noon = Some(Wall(1_782_900_000_000));
        assert_eq!(parse_rfc3339("2026-07-01T12:00:00+02:00"), noon);
        assert_eq!(parse_rfc3339("2026-07-01t04:30:00-05:30"), noon);
        assert_eq!(parse_rfc3339("2026-07-01 10:00:00z"), noon);
        assert_eq!(parse_rfc3339("2026-07-01T10:00:00.1239999Z"), Some(Wall(1_782_900_000_123)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026-07-01",
            "2026-07-01T10:00:00",
            "2026-13-01T10:00:00Z",
            "2026-02-29T10:00:00Z",
            "2026-07-01T24:00:00Z",
            "2026-07-01T10:60:00Z",
            "2026-07-01T10:00:00.Z",
            "2026-07-01T10:00:00+2:00",
            "2026-07-01T10:00:00+24:00",
            "2026-07-01T10:00:00Zx",
            "-026-07-01T10:00:00Z",
            "2026-07-00T10:00:00Z",
            "２026-07-01T10:00:00Z",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }
}
