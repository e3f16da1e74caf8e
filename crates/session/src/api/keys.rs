//! `/keys`

use super::http::{Answer, Asked, Visit};
use super::page::page;
use super::port::Done;
use super::repeat::after;
use parlour_base::storage::Write;
use parlour_base::{Entropy, Json, Secret, Wall};
use parlour_directory::keys::{self, KEY, KeyRecord, KeyText};
use parlour_directory::{record, tokens};
use parlour_wire::api::{Code, KeyBody, PREFIX, Problem, Scope, Scopes};
use serde_json::json;
use std::time::Duration;

fn shown(id: &str, key: &KeyRecord) -> Json {
    json!({
        "id": id,
        "label": key.label,
        "scopes": key.scopes,
        "signs": key.jwk.is_some(),
        "namespace": key.namespace,
        "created": key.created,
        "expires": key.expires,
    })
}

/// A key that is made while no server runs: its text, and what keeps it.
#[must_use]
pub fn first_key(
    entropy: &mut Entropy,
    now: Wall,
    label: &str,
    scopes: Scopes,
    life: Option<Duration>,
) -> (Secret<String>, Write) {
    let text = KeyText::generate(entropy);
    let kept = asking(&text, now, label.to_owned(), scopes, life);
    (text.text(), record::keep(KEY, &text.id, record::to_json(&kept)))
}

fn asking(
    text: &KeyText,
    now: Wall,
    label: String,
    scopes: Scopes,
    life: Option<Duration>,
) -> KeyRecord {
    KeyRecord {
        label,
        scopes: scopes.iter().map(|scope| scope.name().to_owned()).collect(),
        digest: Some(text.digest()),
        jwk: None,
        namespace: None,
        created: now,
        expires: life.map(|life| after(now, life)),
    }
}

impl Visit {
    pub(super) async fn list_keys(&self, mut asked: Asked) -> Done<Answer> {
        let (from, most) = asked.query.page()?;
        std::mem::take(&mut asked.query).end()?;
        let listed = self.port.list(KEY, "", from, most.saturating_add(1)).await?;
        let items = listed.into_iter().filter_map(|(id, body)| {
            let key: KeyRecord = record::from_json(Some(body))?;
            let shown = shown(&id, &key);
            Some((id, shown))
        });
        Ok(page(items.collect(), most))
    }

    pub(super) async fn create_key(&self, mut asked: Asked) -> Done<Answer> {
        let body: KeyBody = asked.body()?;
        let beyond = |field: &'static str| {
            Problem::at(Code::Forbidden, field, "more than this key may do itself")
        };
        if !self.who.scopes.covers(body.scopes) {
            return Err(beyond("scopes"));
        }
        // Whoever signs tokens can be anybody.
        if body.jwk.is_some() && !self.who.scopes.allows(Scope::TokensWrite) {
            return Err(beyond("jwk"));
        }
        let most = self.api.config.keys_max;
        if self.port.list(KEY, "", None, most).await?.len() >= most as usize {
            return Err(Code::LimitReached.into());
        }
        let now = self.port.now().wall;
        let life = body.expires_in.map(Duration::from_secs);
        let (id, kept, text) = match body.jwk {
            Some(jwk) => {
                if !tokens::is_public_key(&jwk) {
                    let detail = "a public key: EC P-256, Ed25519 or RSA from 2,048 bits";
                    return Err(Problem::at(Code::BadField, "jwk", detail));
                }
                let kept = KeyRecord {
                    label: body.label,
                    scopes: Vec::new(),
                    digest: None,
                    jwk: Some(jwk),
                    namespace: body.namespace,
                    created: now,
                    expires: life.map(|life| after(now, life)),
                };
                (self.port.random(keys::new_id), kept, None)
            }
            None => {
                let text = self.port.random(KeyText::generate);
                let kept = asking(&text, now, body.label, body.scopes, life);
                (text.id.clone(), kept, Some(text.text()))
            }
        };
        let mut body = shown(&id, &kept);
        if let Some(text) = text {
            body["key"] = text.expose().as_str().into();
        }
        let answer = Answer::made(body, format!("{PREFIX}/keys/{id}"));
        let mut writes = vec![record::expect(KEY, &id, None)];
        writes.push(record::keep(KEY, &id, record::to_json(&kept)));
        writes.extend(self.remembering(&answer));
        self.port.commit(writes).await?;
        Ok(answer)
    }

    pub(super) async fn read_key(&self, mut asked: Asked) -> Done<Answer> {
        let id = asked.value();
        let (_, key) = self.key(&id).await?;
        Ok(Answer::json(shown(&id, &key)))
    }

    pub(super) async fn revoke_key(&self, mut asked: Asked) -> Done<Answer> {
        let id = asked.value();
        let (body, key) = self.key(&id).await?;
        self.if_match(|| shown(&id, &key))?;
        let theirs = Scopes::of_names(&key.scopes).unwrap_or(Scopes::OPERATOR);
        if !self.who.scopes.covers(theirs) {
            let detail = "the key may do more than this one";
            return Err(Problem::at(Code::Forbidden, "key", detail));
        }
        let writes = vec![record::expect(KEY, &id, Some(body)), record::forget(KEY, &id)];
        self.port.commit(writes).await?;
        Ok(Answer::nothing())
    }

    async fn key(&self, id: &str) -> Done<(Json, KeyRecord)> {
        let gone = || Problem::new(Code::NotFound);
        if !keys::is_id(id) {
            return Err(gone());
        }
        let body = self.port.record(KEY, id).await?;
        let key = record::from_json(body.clone());
        body.zip(key).ok_or_else(gone)
    }
}
