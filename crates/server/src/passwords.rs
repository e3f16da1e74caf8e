//! Whether a password fits its stored form; slow on purpose.
//!
//! One function decides for every form (docs/protocols/galene.md §5.5).

use parlour_base::{Secret, Verifier};
use sha2::Sha256;

/// Most PBKDF2 rounds that are run; a stored form with more fits nothing.
pub const ROUNDS_MAX: u32 = 10_000_000;

/// Longest derived key, in bytes.
const KEY_BYTES_MAX: usize = 1_024;

/// Longest password that is looked at, in bytes.
const PASSWORD_BYTES_MAX: usize = 4_096;

/// Whether `password` fits `verifier`. What cannot be checked does not fit.
#[must_use]
pub fn fits(verifier: &Verifier, password: &Secret<String>) -> bool {
    let password = password.expose();
    if password.len() > PASSWORD_BYTES_MAX {
        return matches!(verifier, Verifier::Wildcard);
    }
    match verifier {
        Verifier::Wildcard => true,
        Verifier::Plain(stored) => stored.matches(password),
        Verifier::Bcrypt(hash) => bcrypt::verify(password, hash.expose()).unwrap_or(false),
        Verifier::Pbkdf2 { key, salt, iterations } => pbkdf2(key, salt, *iterations, password),
        _ => false,
    }
}

fn pbkdf2(key: &Secret<Vec<u8>>, salt: &[u8], rounds: u32, password: &str) -> bool {
    let length = key.expose().len();
    if !(1..=ROUNDS_MAX).contains(&rounds) || !(1..=KEY_BYTES_MAX).contains(&length) {
        return false;
    }
    let mut derived = vec![0; length];
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, rounds, &mut derived);
    key.matches(&derived)
}

/// What is kept of a password: PBKDF2 in the form of a group file.
#[must_use]
pub fn hashed(password: &Secret<String>, salt: &[u8], rounds: u32) -> Secret<String> {
    let mut key = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(password.expose().as_bytes(), salt, rounds.max(1), &mut key);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let form = serde_json::json!({
        "type": "pbkdf2",
        "hash": "sha-256",
        "key": hex(&key),
        "salt": hex(salt),
        "iterations": rounds.max(1),
    });
    Secret::new(form.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(verifier: &Verifier, password: &str) -> bool {
        fits(verifier, &Secret::new(password.to_owned()))
    }

    #[test]
    fn a_plain_password_fits_only_itself() {
        let verifier = Verifier::Plain(Secret::new("secret".to_owned()));
        assert!(checks(&verifier, "secret"));
        assert!(!checks(&verifier, "secret "));
        assert!(!checks(&verifier, ""));
    }

    #[test]
    fn pbkdf2_fits_the_vector_of_the_sha_256_test_set() {
        // PBKDF2-HMAC-SHA256, "password", "salt", 4096 rounds, 32 bytes.
        let hex = "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a";
        let byte = |at: &[u8]| std::str::from_utf8(at).map(|at| u8::from_str_radix(at, 16));
        let key: Vec<u8> =
            hex.as_bytes().chunks(2).map(|at| byte(at).expect("text").expect("hex")).collect();
        let verifier = |iterations| Verifier::Pbkdf2 {
            key: Secret::new(key.clone()),
            salt: b"salt".to_vec(),
            iterations,
        };
        assert!(checks(&verifier(4_096), "password"));
        assert!(!checks(&verifier(4_096), "passwore"));
        assert!(!checks(&verifier(4_095), "password"));
        assert!(!checks(&verifier(u32::MAX), "password"));
    }

    #[test]
    fn an_empty_derived_key_fits_nothing() {
        let verifier =
            Verifier::Pbkdf2 { key: Secret::new(Vec::new()), salt: Vec::new(), iterations: 1 };
        assert!(!checks(&verifier, ""));
    }

    #[test]
    fn bcrypt_fits_and_broken_hashes_fit_nothing() {
        let hash = bcrypt::hash("hunter2", 4).expect("hashed");
        assert!(checks(&Verifier::Bcrypt(Secret::new(hash.clone())), "hunter2"));
        assert!(!checks(&Verifier::Bcrypt(Secret::new(hash)), "hunter3"));
        assert!(!checks(&Verifier::Bcrypt(Secret::new("$2a$nonsense".to_owned())), "x"));
    }

    #[test]
    fn never_and_wildcard_do_what_they_say() {
        assert!(!checks(&Verifier::Never, ""));
        assert!(checks(&Verifier::Wildcard, "anything"));
    }
}
