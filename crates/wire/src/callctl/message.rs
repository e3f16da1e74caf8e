//! Reading and writing a whole message.

use super::check::{Check, Offence};
use prost::Message;

/// Longest message that is read, in bytes: a group of a thousand people with
/// the longest names takes less.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Why bytes are not the message they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// More than [`MESSAGE_BYTES_MAX`].
    #[error("message too long")]
    TooLong,
    /// Not a message of this type.
    #[error("not such a message")]
    Malformed,
    /// A field breaks its limit.
    #[error(transparent)]
    Limit(#[from] Offence),
}

/// Reads a message and looks at all its limits; unknown fields are ignored
/// (REQ-5, REQ-7).
///
/// # Errors
/// [`MessageError`] for the first thing wrong with it.
pub fn read<M: Message + Default + Check>(bytes: &[u8]) -> Result<M, MessageError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(MessageError::TooLong);
    }
    let message = M::decode(bytes).map_err(|_| MessageError::Malformed)?;
    message.check()?;
    Ok(message)
}
