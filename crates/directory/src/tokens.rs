//! Tokens for the people of an application: signed by this server or by a key
//! that the application registered, checked in one place for every door.
//!
//! Checking takes two steps, because keys and revocations are looked up:
//! [`Presented::of`] takes a token apart without believing it and says what to
//! look up; [`Presented::check`] believes it or not. The algorithm is bound to
//! the key, never chosen by the token.
//!
//! Source: docs/reference/api.md "Tokens"; RFC 7515, RFC 7517, RFC 7519,
//! RFC 8037.

use crate::keys::{self, KEY, KeyRecord};
use crate::outside::Outside;
use crate::record;
use crate::users::USER;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use parlour_base::storage::{Found, Key};
use parlour_base::{Entropy, Json, JsonMap, Permission, Permissions, RoomId, Secret, UserId, Wall};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Whom tokens are meant for.
pub const AUDIENCE: &str = "parlour";
/// The kind of record that keeps a minted token, and one that was revoked.
pub const TOKEN: &str = "token";
/// In `rooms`: every room.
pub const EVERY_ROOM: &str = "*";
/// How long a token that an application signed may be good for at most.
pub const SIGNED_LIFE_MAX: Duration = Duration::from_secs(86_400);
/// Longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;
/// Longest id of a token, in bytes.
pub const TOKEN_ID_BYTES_MAX: usize = 128;

/// How far clocks may be apart, in seconds.
const LEEWAY_SECS: i64 = 5;
/// The kind under which secrets of the server are kept.
const SECRET: &str = "secret";
/// The key of what this server signs tokens with.
const TOKENS: &str = "tokens";

/// What this server signs tokens with.
#[derive(Debug, Clone)]
pub struct Signer {
    id: String,
    secret: Secret<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct StoredSigner {
    id: String,
    key: String,
}

impl Signer {
    /// Where it is kept.
    #[must_use]
    pub fn lookup() -> Key {
        record::key(SECRET, TOKENS)
    }

    /// A new one, and what keeps it unless there is one already.
    #[must_use]
    pub fn generate(entropy: &mut Entropy) -> (Self, parlour_base::storage::Write) {
        let mut secret = [0; 32];
        entropy.fill(&mut secret);
        let signer = Self { id: keys::new_id(entropy), secret: Secret::new(secret.to_vec()) };
        let key = URL_SAFE_NO_PAD.encode(secret);
        let body = record::to_json(&StoredSigner { id: signer.id.clone(), key });
        let write = parlour_base::storage::Write::Claim {
            kind: SECRET.to_owned(),
            key: TOKENS.to_owned(),
            body,
        };
        (signer, write)
    }

    /// Reads the stored form.
    #[must_use]
    pub fn of(body: Option<Json>) -> Option<Self> {
        let StoredSigner { id, key } = record::from_json(body)?;
        let secret = URL_SAFE_NO_PAD.decode(key).ok().filter(|key| key.len() == 32)?;
        Some(Self { id, secret: Secret::new(secret) })
    }

    /// Signs a token.
    #[must_use]
    pub fn sign(&self, id: &str, token: &TokenRecord) -> Option<Secret<String>> {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(Algorithm::HS256) };
        let secs = |at: Wall| at.0.div_euclid(1_000);
        let claims = Claims {
            iss: Some("parlour".to_owned()),
            aud: Json::from(AUDIENCE),
            sub: token.sub.clone(),
            exp: secs(token.expires),
            nbf: Some(secs(token.not_before)),
            iat: Some(secs(token.issued)),
            jti: Some(id.to_owned()),
            rooms: token.rooms.clone(),
            doors: token.doors.clone(),
            rights: token.rights.iter().map(|right| right.name().to_owned()).collect(),
            name: token.name.clone(),
        };
        let key = EncodingKey::from_secret(self.secret.expose());
        encode(&header, &claims, &key).ok().map(Secret::new)
    }
}

/// What a token was minted for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// Who the bearer is.
    pub sub: String,
    /// The rooms it opens.
    #[serde(default)]
    pub rooms: Vec<String>,
    /// The doors it is good at; `None`: all.
    #[serde(default)]
    pub doors: Option<Vec<String>>,
    /// What the bearer may do.
    pub rights: Permissions,
    /// The name others see.
    #[serde(default)]
    pub name: Option<String>,
    /// When it was made.
    pub issued: Wall,
    /// When it begins.
    pub not_before: Wall,
    /// When it ends.
    pub expires: Wall,
    /// It was taken back.
    #[serde(default)]
    pub revoked: bool,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(default)]
    iss: Option<String>,
    aud: Json,
    sub: String,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    iat: Option<i64>,
    #[serde(default)]
    jti: Option<String>,
    #[serde(default)]
    rooms: Vec<String>,
    #[serde(default)]
    doors: Option<Vec<String>>,
    #[serde(default)]
    rights: Vec<String>,
    #[serde(default)]
    name: Option<String>,
}

/// Who a bearer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A stored user.
    User(UserId),
    /// Somebody by a name elsewhere.
    Outside(Outside),
}

impl Subject {
    /// Reads a handle or `ext:NAMESPACE:NAME`.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let Some(rest) = text.strip_prefix("ext:") else {
            return text.parse().ok().map(Self::User);
        };
        let (namespace, name) = rest.split_once(':')?;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let sound = (1..=32).contains(&namespace.len())
            && namespace.bytes().all(plain)
            && (1..=256).contains(&name.len())
            && !name.chars().any(char::is_control);
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        sound.then_some(Self::Outside(Outside { namespace, name }))
    }

    /// What has to be looked up to know the user.
    #[must_use]
    pub fn lookup(&self) -> Key {
        match self {
            Self::User(user) => record::key(USER, &user.to_string()),
            Self::Outside(outside) => outside.lookup(),
        }
    }

    /// The user, given what was found; `None` if there is no such user.
    #[must_use]
    pub fn user(&self, found: Option<&Found>, secret: &Secret<Vec<u8>>) -> Option<UserId> {
        let body = match found? {
            Found::Record(body) => body.as_ref(),
            _ => return None,
        };
        match self {
            Self::User(user) => body.map(|_| *user),
            Self::Outside(outside) => {
                let linked = body.and_then(Json::as_str).and_then(|text| text.parse().ok());
                Some(linked.unwrap_or_else(|| outside.derived(secret)))
            }
        }
    }
}

/// Why a token is not believed. Outside all are one; the word is for tests and
/// counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFault {
    /// Its time has not come.
    #[error("the token is not good yet")]
    Early,
    /// The signature does not fit, or not this key's algorithm.
    #[error("the token is forged")]
    Forged,
    /// It speaks for a namespace that is not its key's, or is good for longer
    /// than it may.
    #[error("the token claims too much")]
    Overreaching,
    /// Its time is over.
    #[error("the token has ended")]
    Over,
    /// It was taken back, or its key was.
    #[error("the token was revoked")]
    Revoked,
    /// Nobody knows its key.
    #[error("the token is signed by nobody known")]
    UnknownKey,
}

/// The bearer of a token that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// Who it is.
    pub subject: Subject,
    /// The name others see, if the token says.
    pub name: Option<String>,
    /// When the token ends.
    pub expires: Wall,
    rooms: Vec<String>,
    doors: Option<Vec<String>>,
    rights: Permissions,
}

impl Bearer {
    /// Whether the token is good at this door.
    #[must_use]
    pub fn passes(&self, door: &str) -> bool {
        self.doors.as_ref().is_none_or(|doors| doors.iter().any(|name| name == door))
    }

    /// Whether the token is good in some rooms only.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        !self.rooms.is_empty() && !self.rooms.iter().any(|one| one == EVERY_ROOM)
    }

    /// What the token gives in a room that it opens.
    #[must_use]
    pub fn rights_in(&self, room: RoomId) -> Option<Permissions> {
        let id = room.to_string();
        self.rooms.iter().any(|one| *one == id || one == EVERY_ROOM).then_some(self.rights)
    }
}

/// A token that somebody shows, taken apart and not believed yet.
#[derive(Debug, Clone)]
pub struct Presented {
    text: Secret<String>,
    key: String,
    id: Option<String>,
}

impl Presented {
    /// Takes a token apart; `None` if it is not meant to be one of these.
    #[must_use]
    pub fn of(token: &Secret<String>) -> Option<Self> {
        let text = token.expose();
        if text.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let mut parts = text.split('.');
        let (Some(head), Some(body), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let object = |part: &str| -> Option<JsonMap> {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        let (head, body) = (object(head)?, object(body)?);
        let ours = match body.get("aud")? {
            Json::String(one) => one == AUDIENCE,
            Json::Array(list) => list.iter().any(|one| one == AUDIENCE),
            _ => false,
        };
        let key = head.get("kid")?.as_str().filter(|id| keys::is_id(id))?.to_owned();
        let id = body.get("jti").and_then(Json::as_str).map(str::to_owned);
        ours.then(|| Self { text: Secret::new(text.clone()), key, id })
    }

    /// What has to be looked up to believe it.
    #[must_use]
    pub fn lookups(&self) -> Vec<Key> {
        let id = self.id.as_deref().filter(|id| id.len() <= TOKEN_ID_BYTES_MAX);
        let revoked = record::key(TOKEN, &revocation(&self.key, id.unwrap_or_default()));
        let minted = record::key(TOKEN, id.unwrap_or_default());
        vec![Signer::lookup(), record::key(KEY, &self.key), minted, revoked]
    }

    /// Whether it is believed, given what was found.
    ///
    /// # Errors
    /// [`TokenFault`]
    pub fn check(&self, found: Vec<Found>, now: Wall) -> Result<Bearer, TokenFault> {
        let mut found = found.into_iter().map(|one| match one {
            Found::Record(body) => body,
            _ => None,
        });
        let mut next = || found.next().flatten();
        let (signer, key, minted, revoked) = (next(), next(), next(), next());
        match Signer::of(signer).filter(|signer| signer.id == self.key) {
            Some(signer) => self.minted(&signer, minted, now),
            None => self.signed(record::from_json(key), revoked.is_some(), now),
        }
    }

    fn minted(&self, signer: &Signer, kept: Option<Json>, now: Wall) -> Result<Bearer, TokenFault> {
        let key = DecodingKey::from_secret(signer.secret.expose());
        let claims = self.claims(&key, Algorithm::HS256, now)?;
        let kept: Option<TokenRecord> = record::from_json(kept);
        if kept.is_none_or(|kept| kept.revoked) {
            return Err(TokenFault::Revoked);
        }
        bearer(claims)
    }

    fn signed(
        &self,
        key: Option<KeyRecord>,
        revoked: bool,
        now: Wall,
    ) -> Result<Bearer, TokenFault> {
        let record = key.ok_or(TokenFault::UnknownKey)?;
        let (algorithm, key) =
            record.jwk.as_ref().and_then(public_key).ok_or(TokenFault::UnknownKey)?;
        let claims = self.claims(&key, algorithm, now)?;
        if revoked || !record.is_in_force(now) {
            return Err(TokenFault::Revoked);
        }
        let longest = i64::try_from(SIGNED_LIFE_MAX.as_secs()).unwrap_or(i64::MAX);
        let left = claims.exp.saturating_sub(now.0.div_euclid(1_000));
        if left > longest.saturating_add(LEEWAY_SECS) {
            return Err(TokenFault::Overreaching);
        }
        let bearer = bearer(claims)?;
        let speaks = match (&record.namespace, &bearer.subject) {
            (None, _) => true,
            (Some(own), Subject::Outside(outside)) => *own == outside.namespace,
            (Some(_), Subject::User(_)) => false,
        };
        if speaks { Ok(bearer) } else { Err(TokenFault::Overreaching) }
    }

    fn claims(
        &self,
        key: &DecodingKey,
        algorithm: Algorithm,
        now: Wall,
    ) -> Result<Claims, TokenFault> {
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let claims = decode::<Claims>(self.text.expose(), key, &validation);
        let claims = claims.map_err(|_| TokenFault::Forged)?.claims;
        let now = now.0.div_euclid(1_000);
        let begun = |at: Option<i64>| at.is_none_or(|at| now >= at.saturating_sub(LEEWAY_SECS));
        if now >= claims.exp.saturating_add(LEEWAY_SECS) {
            return Err(TokenFault::Over);
        }
        if begun(claims.nbf) && begun(claims.iat) { Ok(claims) } else { Err(TokenFault::Early) }
    }
}

fn bearer(claims: Claims) -> Result<Bearer, TokenFault> {
    let Claims { sub, exp, rooms, doors, rights, name, .. } = claims;
    let subject = Subject::of(&sub).ok_or(TokenFault::Forged)?;
    let rights = rights.iter().filter_map(|right| Permission::from_name(right));
    let rights = rights.filter(|right| *right != Permission::System).collect();
    let expires = Wall(exp.saturating_mul(1_000));
    Ok(Bearer { subject, name, expires, rooms, doors, rights })
}

/// The key under which it is noted that a token of a registered key was taken
/// back.
#[must_use]
pub fn revocation(key: &str, id: &str) -> String {
    format!("{key}:{id}")
}

/// Whether a public key is of a kind that may sign tokens, and holds nothing
/// private.
#[must_use]
pub fn is_public_key(jwk: &JsonMap) -> bool {
    let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    private.iter().all(|name| !jwk.contains_key(*name)) && public_key(jwk).is_some()
}

fn public_key(jwk: &JsonMap) -> Option<(Algorithm, DecodingKey)> {
    let text = |name: &str| jwk.get(name).and_then(Json::as_str);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok().map(|bytes| bytes.len());
    let (algorithm, sound) = match (text("kty")?, text("crv")) {
        ("EC", Some("P-256")) => {
            (Algorithm::ES256, bytes("x") == Some(32) && bytes("y") == Some(32))
        }
        ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, bytes("x") == Some(32)),
        ("RSA", _) => (Algorithm::RS256, bytes("n").is_some_and(|n| (256..=512).contains(&n))),
        _ => return None,
    };
    if !sound {
        return None;
    }
    let parsed: Jwk = serde_json::from_value(Json::Object(jwk.clone())).ok()?;
    Some((algorithm, DecodingKey::from_jwk(&parsed).ok()?))
}

#[cfg(test)]
mod tests;
