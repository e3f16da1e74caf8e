//! Basic credentials of anonymous participants: the session token as user
//! name, no password, with or without the colon between them.
//!
//! Source: RFC 7617; docs/protocols/rooms.md §3.

use super::error::ApiError;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use parlour_base::Secret;

/// What a token that is wrong or over is told.
const WRONG: &str = "Invalid token; it may have expired.";

/// Some clients forget the padding, others the last bits of it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Why Basic credentials cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BasicError {
    /// Not exactly two words.
    #[error("not two words")]
    Syntax,
    /// A token nobody has, or no token at all.
    #[error("wrong token")]
    Wrong,
}

impl BasicError {
    /// The answer to the client.
    #[must_use]
    pub fn answer(self) -> ApiError {
        match self {
            Self::Syntax => ApiError::unauthorized("Unauthorized", "Basic"),
            Self::Wrong => ApiError::unauthorized(WRONG, format!("Basic error=\"{WRONG}\"")),
        }
    }
}

/// Reads the token of a whole `Authorization` header whose scheme is Basic.
///
/// # Errors
/// [`BasicError`]; one for every header no token can be taken from.
pub fn read_token(header: &str) -> Result<Secret<String>, BasicError> {
    let mut words = header.split(' ');
    let (Some(_), Some(encoded), None) = (words.next(), words.next(), words.next()) else {
        return Err(BasicError::Syntax);
    };
    let bytes = LENIENT.decode(encoded).map_err(|_| BasicError::Wrong)?;
    let text = String::from_utf8(bytes).map_err(|_| BasicError::Wrong)?;
    let token = text.strip_suffix(':').unwrap_or(&text);
    if token.is_empty() {
        return Err(BasicError::Wrong);
    }
    Ok(Secret::new(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_with_and_without_its_colon() {
        for encoded in ["VDE9PVpYaGhiWEJzWlE9PTo=", "VDE9PVpYaGhiWEJzWlE9PQ=="] {
            let token = read_token(&format!("Basic {encoded}")).expect("a token");
            assert_eq!(token.expose(), "T1==ZXhhbXBsZQ==");
        }
    }

    #[test]
    fn a_password_makes_another_token() {
        // "token:password"
        let token = read_token("basic dG9rZW46cGFzc3dvcmQ=").expect("text");
        assert_eq!(token.expose(), "token:password");
    }

    #[test]
    fn headers_without_a_token_are_told_apart() {
        for header in ["Basic", "Basic a b", "Basic  a"] {
            assert_eq!(read_token(header).expect_err("not two words"), BasicError::Syntax);
        }
        for header in ["Basic !", "Basic ", "Basic Og==", "Basic /w=="] {
            assert_eq!(read_token(header).expect_err("no token"), BasicError::Wrong, "{header}");
        }
    }
}
