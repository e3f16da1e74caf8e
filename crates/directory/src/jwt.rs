//! Tokens that others signed: JSON Web Tokens checked with the keys of a group
//! file.
//!
//! The algorithm is bound to the key, never chosen by the token. Times are
//! checked here against the time given, not by the library's own clock.
//!
//! Source: docs/protocols/galene.md §5.7; RFC 7515, RFC 7517, RFC 7519.

use crate::access::Admission;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use parlour_base::{Json, JsonMap, Permission, Secret, Wall};
use serde::Deserialize;
use url::Url;

/// How far clocks may be apart, in seconds.
const LEEWAY_SECS: f64 = 5.0;
/// Longest token that is looked at, in bytes.
const BYTES_MAX: usize = 8 << 10;
/// Most keys of one group that are tried.
const KEYS_MAX: usize = 32;

/// A key that signs tokens for a group.
#[derive(Clone)]
pub struct SigningKey {
    algorithm: Algorithm,
    id: Option<String>,
    key: DecodingKey,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({:?})", self.algorithm)
    }
}

/// What a token says about its bearer.
#[derive(Debug, Clone, PartialEq)]
pub struct Bearer {
    /// The bearer's name, if the token has one; it may be empty.
    pub name: Option<String>,
    /// What the bearer gets.
    pub admission: Admission,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    aud: Json,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    iat: Option<f64>,
    #[serde(default)]
    permissions: Vec<String>,
    #[serde(default, rename = "include-subgroups")]
    include_subgroups: bool,
    #[serde(default)]
    doors: Option<Vec<String>>,
    #[serde(default)]
    rooms: Vec<String>,
}

impl SigningKey {
    /// Reads a JWK; `None` if it is not one of the kinds that are accepted.
    #[must_use]
    pub fn from_jwk(jwk: &JsonMap) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Json::as_str);
        let algorithm = match (text("kty")?, text("alg")?) {
            ("oct", "HS256") => Algorithm::HS256,
            ("oct", "HS384") => Algorithm::HS384,
            ("oct", "HS512") => Algorithm::HS512,
            ("EC", "ES256") => Algorithm::ES256,
            ("RSA", "RS256") => Algorithm::RS256,
            _ => return None,
        };
        let bytes = match algorithm {
            Algorithm::HS256 => Some(32),
            Algorithm::HS384 => Some(48),
            Algorithm::HS512 => Some(64),
            _ => None,
        };
        if let Some(bytes) = bytes {
            use base64::Engine as _;
            let key = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text("k")?).ok()?;
            if key.len() != bytes {
                return None;
            }
        }
        let parsed: Jwk = serde_json::from_value(Json::Object(jwk.clone())).ok()?;
        let key = DecodingKey::from_jwk(&parsed).ok()?;
        Some(Self { algorithm, id: text("kid").map(str::to_owned), key })
    }
}

/// Whether a text is a JSON Web Token at all; one that is must verify.
#[must_use]
pub fn is_jwt(token: &Secret<String>) -> bool {
    let text = token.expose();
    text.len() <= BYTES_MAX && text.split('.').count() == 3 && looks_like_header(text)
}

/// Whether the first part is a JSON object, of whatever algorithm.
fn looks_like_header(text: &str) -> bool {
    use base64::Engine as _;
    let head = text.split('.').next().unwrap_or_default();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(head).unwrap_or_default();
    serde_json::from_slice::<JsonMap>(&bytes).is_ok()
}

/// Checks a token for a group; `host` is the server's canonical host, if it
/// has one.
#[must_use]
pub fn check(
    keys: &[SigningKey],
    token: &Secret<String>,
    now: Wall,
    group: &str,
    host: Option<&str>,
) -> Option<Bearer> {
    let claims = verified(keys, token, now)?;
    let meant = |url: &str| is_meant(url, group, host, claims.include_subgroups);
    if !audience(&claims.aud).into_iter().any(meant) {
        return None;
    }
    let permissions = claims.permissions.iter().filter_map(|name| Permission::from_name(name));
    let permissions = permissions.filter(|p| *p != Permission::System).collect();
    Some(Bearer { name: claims.sub, admission: Admission::of(permissions) })
}

/// Checks a token that says who somebody is, meant for `audience` and, if it
/// lists doors, for `door`; gives its subject. One that is good in some rooms
/// only says too little here.
#[must_use]
pub fn subject(
    keys: &[SigningKey],
    token: &Secret<String>,
    now: Wall,
    meant_for: &str,
    door: &str,
) -> Option<String> {
    let claims = verified(keys, token, now)?;
    let opens = claims.doors.is_none_or(|doors| doors.iter().any(|name| name == door));
    let is_meant = audience(&claims.aud).contains(&meant_for);
    let everywhere = claims.rooms.is_empty() || claims.rooms.iter().any(|room| room == "*");
    claims.sub.filter(|_| opens && is_meant && everywhere)
}

/// The claims of a token that one of the keys signed and whose time it is.
fn verified(keys: &[SigningKey], token: &Secret<String>, now: Wall) -> Option<Claims> {
    let text = token.expose();
    if text.len() > BYTES_MAX {
        return None;
    }
    let header = decode_header(text).ok()?;
    let fits = |key: &&SigningKey| {
        key.algorithm == header.alg && (header.kid.is_none() || header.kid == key.id)
    };
    let claims = keys.iter().take(KEYS_MAX).filter(fits).find_map(|key| {
        let mut validation = Validation::new(key.algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        decode::<Claims>(text, &key.key, &validation).ok()
    })?;
    let claims = claims.claims;
    let secs = now.0 as f64 / 1_000.0;
    let begun = |time: Option<f64>| time.is_none_or(|time| secs >= time - LEEWAY_SECS);
    let over = secs > claims.exp + LEEWAY_SECS;
    (!over && begun(claims.nbf) && begun(claims.iat)).then_some(claims)
}

/// Whom a token is meant for: one name or several.
fn audience(aud: &Json) -> Vec<&str> {
    match aud {
        Json::String(one) => vec![one.as_str()],
        Json::Array(list) => list.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether an audience names this group, or one that it is below.
fn is_meant(audience: &str, group: &str, host: Option<&str>, include_subgroups: bool) -> bool {
    let Ok(url) = Url::parse(audience) else { return false };
    if let Some(host) = host {
        let named = match (url.host_str(), url.port()) {
            (Some(name), Some(port)) => format!("{name}:{port}"),
            (Some(name), None) => name.to_owned(),
            (None, _) => return false,
        };
        if !named.eq_ignore_ascii_case(host) {
            return false;
        }
    }
    let path = percent_encoding::percent_decode_str(url.path()).decode_utf8_lossy().into_owned();
    let here = format!("/group/{group}/");
    let below = || path.starts_with("/group/") && path.ends_with('/') && here.starts_with(&path);
    path == here || (include_subgroups && below())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    const NOW: Wall = Wall(1_800_000_000_000);
    const GROUP: &str = "a b/lab";

    fn jwk(bytes: usize, alg: &str, kid: Option<&str>) -> (JsonMap, EncodingKey) {
        use base64::Engine as _;
        let secret = vec![7; bytes];
        let k = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&secret);
        let mut jwk = json!({ "kty": "oct", "alg": alg, "k": k });
        if let Some(kid) = kid {
            jwk["kid"] = kid.into();
        }
        (jwk.as_object().expect("an object").clone(), EncodingKey::from_secret(&secret))
    }

    fn claims() -> Json {
        json!({
            "sub": "ada",
            "aud": ["https://elsewhere.example/", "https://example.org/group/a%20b/lab/"],
            "permissions": ["present", "system", "nonsense"],
            "iat": 1_800_000_000, "exp": 1_800_000_060,
        })
    }

    fn with(name: &str, value: Json) -> Json {
        let mut all = claims();
        all[name] = value;
        all
    }

    fn outcome(claims: &Json, host: Option<&str>) -> Option<Bearer> {
        let (jwk, secret) = jwk(32, "HS256", None);
        let token = encode(&Header::new(Algorithm::HS256), claims, &secret).expect("signs");
        let keys = [SigningKey::from_jwk(&jwk).expect("a key")];
        let token = Secret::new(token);
        assert!(is_jwt(&token));
        check(&keys, &token, NOW, GROUP, host)
    }

    #[test]
    fn a_good_token_names_its_bearer_and_gives_what_it_lists() {
        let bearer = outcome(&claims(), None).expect("good");
        assert_eq!(bearer.name.as_deref(), Some("ada"));
        let permissions: Vec<_> = bearer.admission.permissions().iter().collect();
        assert_eq!(permissions, [Permission::Present]);
    }

    #[test]
    fn a_token_that_says_who_somebody_is_names_its_audience_and_may_name_doors() {
        let (jwk, secret) = jwk(32, "HS256", None);
        let keys = [SigningKey::from_jwk(&jwk).expect("a key")];
        let who = |claims: &Json, door: &str| {
            let token = encode(&Header::new(Algorithm::HS256), claims, &secret).expect("signs");
            subject(&keys, &Secret::new(token), NOW, "parlour", door)
        };
        let mut claims = with("aud", "parlour".into());
        assert_eq!(who(&claims, "callctl").as_deref(), Some("ada"));
        claims["doors"] = json!(["chat"]);
        assert_eq!(who(&claims, "callctl"), None);
        assert_eq!(who(&claims, "chat").as_deref(), Some("ada"));
        claims["aud"] = "elsewhere".into();
        assert_eq!(who(&claims, "chat"), None);
        assert_eq!(who(&with("exp", 1.into()), "chat"), None);
    }

    #[test]
    fn times_hold_with_five_seconds_of_leeway() {
        for (name, value, good) in [
            ("exp", 1_799_999_996, true),
            ("exp", 1_799_999_994, false),
            ("nbf", 1_800_000_004, true),
            ("nbf", 1_800_000_006, false),
            ("iat", 1_800_000_006, false),
        ] {
            assert_eq!(outcome(&with(name, value.into()), None).is_some(), good, "{name} {value}");
        }
        let mut endless = claims();
        endless.as_object_mut().expect("an object").remove("exp");
        assert!(outcome(&endless, None).is_none());
    }

    #[test]
    fn the_audience_must_be_this_group_on_this_host() {
        for (aud, good) in [
            (json!("https://example.org/group/a%20b/lab/"), true),
            (json!("https://example.org/group/a%20b/lab"), false),
            (json!("https://example.org/group/a%20b/"), false),
            (json!("/group/a%20b/lab/"), false),
            (json!([]), false),
            (Json::Null, false),
            (json!(7), false),
        ] {
            assert_eq!(outcome(&with("aud", aud.clone()), None).is_some(), good, "{aud}");
        }
        assert!(outcome(&claims(), Some("EXAMPLE.org")).is_some());
        assert!(outcome(&claims(), Some("example.org:8443")).is_none());
    }

    #[test]
    fn a_token_for_subgroups_holds_below_its_group() {
        let mut deep = with("aud", "https://example.org/group/a%20b/".into());
        assert!(outcome(&deep, None).is_none());
        deep["include-subgroups"] = true.into();
        assert!(outcome(&deep, None).is_some());
        deep["aud"] = "https://example.org/group/a%20b/la/".into();
        assert!(outcome(&deep, None).is_none(), "half a name is no group");
        deep["aud"] = "https://example.org/group/".into();
        assert!(outcome(&deep, None).is_some());
    }

    #[test]
    fn the_key_decides_the_algorithm_and_its_id_must_fit() {
        let (named, secret) = jwk(48, "HS384", Some("one"));
        let keys = [SigningKey::from_jwk(&named).expect("a key")];
        let sign = |alg, kid: Option<&str>| {
            let header = Header { kid: kid.map(str::to_owned), ..Header::new(alg) };
            Secret::new(encode(&header, &claims(), &secret).expect("signs"))
        };
        let good = |token: &Secret<String>| check(&keys, token, NOW, GROUP, None).is_some();
        assert!(good(&sign(Algorithm::HS384, None)));
        assert!(good(&sign(Algorithm::HS384, Some("one"))));
        assert!(!good(&sign(Algorithm::HS384, Some("two"))));
        assert!(!good(&sign(Algorithm::HS256, None)), "the token does not choose");
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", "e30");
        let unsigned = Secret::new(unsigned);
        assert!(is_jwt(&unsigned) && !good(&unsigned));
        let foreign = EncodingKey::from_secret(&[8; 48]);
        let header = Header::new(Algorithm::HS384);
        let forged = encode(&header, &claims(), &foreign).expect("signs");
        assert!(!good(&Secret::new(forged)));
    }

    #[test]
    fn keys_of_other_kinds_or_lengths_are_not_accepted() {
        for (bytes, alg) in [(31, "HS256"), (32, "HS384"), (32, "none"), (32, "RS256")] {
            assert!(SigningKey::from_jwk(&jwk(bytes, alg, None).0).is_none(), "{bytes} {alg}");
        }
        assert!(SigningKey::from_jwk(&JsonMap::new()).is_none());
        for text in ["", "abc", "a.b", "a.b.c", "....", "AAAAAAAAAAA"] {
            assert!(!is_jwt(&Secret::new(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_token_signed_on_an_elliptic_curve_is_checked() {
        let document = aws_lc_rs::signature::EcdsaKeyPair::generate(
            &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        )
        .expect("a key pair");
        use aws_lc_rs::signature::KeyPair as _;
        use base64::Engine as _;
        let point = document.public_key().as_ref().to_vec();
        let part = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({
            "kty": "EC", "alg": "ES256", "crv": "P-256",
            "x": part(&point[1..33]), "y": part(&point[33..65]),
        });
        let keys = [SigningKey::from_jwk(jwk.as_object().expect("an object")).expect("a key")];
        let der = document.to_pkcs8v1().expect("exports");
        let secret = EncodingKey::from_ec_der(der.as_ref());
        let token = encode(&Header::new(Algorithm::ES256), &claims(), &secret).expect("signs");
        let mut damaged = token.clone();
        damaged.pop();
        damaged.push(if token.ends_with('A') { 'B' } else { 'A' });
        assert!(check(&keys, &Secret::new(token), NOW, GROUP, None).is_some());
        assert!(check(&keys, &Secret::new(damaged), NOW, GROUP, None).is_none());
    }
}
