//! The order in which a Hawk request is checked, and what each failure says.

use super::header::HawkHeader;
use super::sign::{Artifacts, Target, clock_mac};
use crate::rooms::error::{ApiError, Errno};
use parlour_base::{Json, Wall};
use serde_json::json;

/// How far the clocks of client and server may differ, in milliseconds.
pub const SKEW_MS_MAX: i64 = 60_000;

/// A request whose signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The `Server-Authorization` header of whatever is answered.
    pub server_authorization: String,
}

/// Checks signature and clock of a request whose key is known.
///
/// # Errors
/// 401: a wrong signature before a wrong clock.
pub fn check(
    header: &HawkHeader,
    target: Target<'_>,
    key: &str,
    now: Wall,
) -> Result<Verified, ApiError> {
    let artifacts = Artifacts { target, header };
    if !artifacts.is_signed_with(key) {
        return Err(refused("Bad mac"));
    }
    if !is_fresh(&header.ts, now) {
        return Err(stale(key, now));
    }
    Ok(Verified { server_authorization: artifacts.server_authorization(key) })
}

/// 401: there are no Hawk credentials where there must be.
#[must_use]
pub fn needed() -> ApiError {
    let error = json!({ "statusCode": 401, "error": "Unauthorized" });
    with(error, "Hawk".to_owned())
}

/// 401: nobody has this id.
#[must_use]
pub fn unknown() -> ApiError {
    refused("Unknown credentials")
}

/// 401: the very same request was here before.
#[must_use]
pub fn repeated() -> ApiError {
    refused("Invalid nonce")
}

/// 401: the client's clock is wrong; says what ours shows, signed.
#[must_use]
pub fn stale(key: &str, now: Wall) -> ApiError {
    let seconds = now.0.div_euclid(1_000);
    let tsm = clock_mac(key, seconds);
    let message = "Stale timestamp";
    let attributes = json!({ "ts": seconds, "tsm": tsm, "error": message });
    let challenge = format!("Hawk ts=\"{seconds}\", tsm=\"{tsm}\", error=\"{message}\"");
    with(described(message, &attributes), challenge)
}

fn refused(message: &str) -> ApiError {
    let attributes = json!({ "error": message });
    with(described(message, &attributes), format!("Hawk error=\"{message}\""))
}

fn described(message: &str, attributes: &Json) -> Json {
    json!({
        "statusCode": 401, "error": "Unauthorized", "message": message, "attributes": attributes,
    })
}

fn with(error: Json, challenge: String) -> ApiError {
    let plain = ApiError { error, ..ApiError::new(401, Errno::InvalidAuthToken, "") };
    plain.challenged(challenge)
}

/// Whether the client's time, whole seconds with or without a fraction, is
/// near enough; what is no time is not.
fn is_fresh(ts: &str, now: Wall) -> bool {
    let Ok(seconds) = ts.trim().parse::<f64>() else { return false };
    let apart = (seconds * 1_000.0 - now.0 as f64).abs();
    apart <= SKEW_MS_MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_either_way_is_fresh_and_more_is_not() {
        let now = Wall(1_000_000_000);
        for (ts, fresh) in [
            ("1000000", true),
            ("1000060", true),
            ("999940", true),
            ("1000061", false),
            ("999939", false),
            ("1000060.5", false),
            ("x", false),
            ("NaN", false),
            ("inf", false),
            ("-1", false),
            ("999999999999999999999", false),
        ] {
            assert_eq!(is_fresh(ts, now), fresh, "{ts}");
        }
    }
}
