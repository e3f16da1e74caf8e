//! Does this password fit that verifier? The costly part of entering, meant
//! for a pool of as many threads as there are cores.

use aws_lc_rs::pbkdf2;
use parlour_base::{Secret, Verifier};
use std::num::NonZeroU32;

/// Whether `password` fits; a verifier that makes no sense fits nothing.
#[must_use]
pub fn verify(verifier: &Verifier, password: &Secret<String>) -> bool {
    match verifier {
        Verifier::Bcrypt(hash) => bcrypt::verify(password.expose(), hash.expose()).unwrap_or(false),
        Verifier::Pbkdf2 { key, salt, iterations } => {
            let Some(iterations) = NonZeroU32::new(*iterations) else { return false };
            let (password, key) = (password.expose().as_bytes(), key.expose());
            !key.is_empty()
                && pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, password, key)
                    .is_ok()
        }
        Verifier::Plain(secret) => secret.matches(password.expose()),
        Verifier::Wildcard => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn pbkdf2_with_sha256_fits_its_password_only() {
        // RFC 7914 §11: P = "passwd", S = "salt", c = 1, dkLen = 64; its first half.
        let key = [
            0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f, 0xec, 0x16, 0x91, 0xc2, 0x25, 0x44,
            0xb6, 0x05, 0xf9, 0x41, 0x85, 0x21, 0x6d, 0xde, 0x04, 0x65, 0xe6, 0x8b, 0x9d, 0x57,
            0xc2, 0x0d, 0xac, 0xbc,
        ];
        let verifier = Verifier::Pbkdf2 {
            key: Secret::new(key.to_vec()),
            salt: b"salt".to_vec(),
            iterations: 1,
        };
        assert!(verify(&verifier, &secret("passwd")));
        assert!(!verify(&verifier, &secret("passwe")));
        let empty =
            Verifier::Pbkdf2 { key: Secret::new(Vec::new()), salt: Vec::new(), iterations: 1 };
        assert!(!verify(&empty, &secret("")));
    }

    #[test]
    fn bcrypt_fits_its_password_only() {
        let hash = bcrypt::hash("pässword", 4).expect("a valid cost");
        let verifier = Verifier::Bcrypt(Secret::new(hash));
        assert!(verify(&verifier, &secret("pässword")));
        assert!(!verify(&verifier, &secret("password")));
        assert!(!verify(&Verifier::Bcrypt(secret("nonsense")), &secret("")));
    }

    #[test]
    fn never_fits_nothing_and_wildcard_everything() {
        assert!(!verify(&Verifier::Never, &secret("")));
        assert!(verify(&Verifier::Wildcard, &secret("x")));
        assert!(verify(&Verifier::Plain(secret("x")), &secret("x")));
        assert!(!verify(&Verifier::Plain(secret("x")), &secret("")));
    }
}
