//! Arithmetic on sequence numbers that wrap at 2¹⁶ (RFC 3550 §A.1).

/// How far `a` is ahead of `b`: negative when it is behind.
#[must_use]
pub fn distance(a: u16, b: u16) -> i16 {
    a.wrapping_sub(b).cast_signed()
}

/// Whether `a` comes after `b`.
#[must_use]
pub fn is_newer(a: u16, b: u16) -> bool {
    distance(a, b) > 0
}

/// The full number closest to `near` whose low 16 bits are `sequence`.
///
/// Full numbers count roll-overs in their upper bits. Nothing comes before
/// number 0, so a `sequence` that would lie there is taken as ahead.
#[must_use]
pub fn extend(near: u64, sequence: u16) -> u64 {
    let [.., high, low] = near.to_be_bytes();
    let step = distance(sequence, u16::from_be_bytes([high, low]));
    near.checked_add_signed(i64::from(step)).unwrap_or_else(|| u64::from(sequence))
}
