//! What an engine accepts as a body or a number, the same for all engines.
//!
//! Whatever is accepted here can be read back; what could not be is refused
//! when it is written, not found out at the next start.

use parlour_base::storage::StoreFault;
use parlour_base::{Json, Seq};

/// Longest body as JSON text, in bytes.
pub const BODY_BYTES_MAX: usize = 16 << 20;

/// Deepest nesting of arrays and objects in a body. Callers stay far below;
/// the JSON reader would refuse anything beyond 127.
pub const BODY_DEPTH_MAX: usize = 64;

/// Largest [`Seq`] that can be kept; SQLite's integers are signed.
pub const SEQ_MAX: Seq = Seq(i64::MAX as u64);

/// The body as text.
pub(crate) fn encode(body: &Json) -> Result<String, StoreFault> {
    if !shallow(body, BODY_DEPTH_MAX) {
        return Err(failed("a body is nested too deeply"));
    }
    let text = serde_json::to_string(body).map_err(failed)?;
    if text.len() > BODY_BYTES_MAX {
        return Err(failed("a body is too long"));
    }
    Ok(text)
}

/// The body that was encoded as `text`.
pub(crate) fn decode(text: &str) -> Result<Json, StoreFault> {
    serde_json::from_str(text).map_err(|e| failed(format!("a stored body is damaged: {e}")))
}

/// Refuses a number that a database integer cannot hold.
pub(crate) fn check_seq(seq: Seq) -> Result<(), StoreFault> {
    if seq > SEQ_MAX { Err(failed("a sequence number is too large")) } else { Ok(()) }
}

/// The fault of our own side, with its cause for the log.
pub(crate) fn failed(cause: impl ToString) -> StoreFault {
    StoreFault::Failed(cause.to_string())
}

/// Whether `body` nests at most `levels` deep; looks no deeper than that.
fn shallow(body: &Json, levels: usize) -> bool {
    match (body, levels.checked_sub(1)) {
        (Json::Array(items), Some(rest)) => items.iter().all(|item| shallow(item, rest)),
        (Json::Object(members), Some(rest)) => members.values().all(|part| shallow(part, rest)),
        (Json::Array(_) | Json::Object(_), None) => false,
        (Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_), _) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> Json {
        (0..levels).fold(Json::Null, |inner, _| Json::Array(vec![inner]))
    }

    #[test]
    fn what_is_accepted_reads_back() {
        let deepest = nested(BODY_DEPTH_MAX);
        let text = encode(&deepest).expect("within the limit");
        assert_eq!(decode(&text), Ok(deepest));
        let text = encode(&serde_json::json!({"a": [1.5e300, -0.0, u64::MAX, "\u{0}é"]}));
        let text = text.expect("an ordinary body");
        assert_eq!(encode(&decode(&text).expect("just written")), Ok(text));
    }

    #[test]
    fn a_body_too_deep_or_too_long_is_refused() {
        assert!(encode(&nested(BODY_DEPTH_MAX + 1)).is_err());
        assert!(encode(&nested(2_000)).is_err());
        assert!(encode(&Json::String("x".repeat(BODY_BYTES_MAX - 2))).is_ok());
        assert!(encode(&Json::String("x".repeat(BODY_BYTES_MAX - 1))).is_err());
    }

    #[test]
    fn a_number_beyond_the_database_is_refused() {
        assert_eq!(check_seq(SEQ_MAX), Ok(()));
        assert!(check_seq(Seq(u64::MAX)).is_err());
    }
}
