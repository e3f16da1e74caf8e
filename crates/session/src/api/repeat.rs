//! Requests that are sent again: with the same `Idempotency-Key` they are done
//! once, and what came of the first is told again.

use super::http::{Answer, Visit};
use super::port::{Done, Port};
use crate::call::Line;
use parlour_base::storage::{Found, Write};
use parlour_base::{Json, Wall};
use parlour_directory::record::{self, EXPIRY};
use parlour_directory::repeats::{self, REPEAT, Repeat};
use parlour_wire::api::{Code, IDEMPOTENCY_BYTES_MAX, Problem};
use serde_json::json;

/// Most records that are over which one request removes: more than it adds.
const SWEEP_MAX: u32 = 4;

/// How to keep what comes of a request.
#[derive(Debug)]
pub(super) struct Repeatable {
    key: String,
    fingerprint: String,
    /// What is there already, and is over.
    stale: Option<Json>,
}

impl Visit {
    /// What came of this request when it was sent before.
    pub(super) async fn repeated(&mut self) -> Done<Option<Answer>> {
        let Some(name) = self.request.headers.idempotency_key.clone() else { return Ok(None) };
        let wrong = |detail| Err(Problem::at(Code::BadHeader, "idempotency-key", detail));
        let sound = (1..=IDEMPOTENCY_BYTES_MAX).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
        if !sound {
            return wrong("visible ASCII characters without a slash, and not too many");
        }
        if self.who.secret.is_none() {
            return wrong("only with a key");
        }
        let request = &self.request;
        let query = request.query.as_deref().unwrap_or_default();
        let parts = [request.path.as_bytes(), query.as_bytes(), request.body.expose()];
        let fingerprint = repeats::fingerprint(&parts);
        let key = format!("{}/{name}", self.who.key);
        self.port.turn(Line::Repeat(key.clone())).await?;
        let mut repeatable = Repeatable { key, fingerprint, stale: None };
        match self.look(&mut repeatable).await? {
            Some(answer) => Ok(Some(answer)),
            None => {
                let now = self.port.now().wall;
                let most = self.api.config.repeats_per_day;
                self.api.tally.count(&self.who.key, "repeats", now, most)?;
                self.repeatable = Some(repeatable);
                Ok(None)
            }
        }
    }

    async fn look(&self, repeatable: &mut Repeatable) -> Done<Option<Answer>> {
        let body = self.port.record(REPEAT, &repeatable.key).await?;
        let Some(kept) = record::from_json::<Repeat>(body.clone()) else { return Ok(None) };
        if kept.expires <= self.port.now().wall {
            repeatable.stale = body;
            return Ok(None);
        }
        if kept.fingerprint != repeatable.fingerprint {
            return Err(Code::IdempotencyMismatch.into());
        }
        let secret = self.who.secret.as_ref();
        let opened = secret.and_then(|secret| repeats::open(secret, &kept.answer));
        let answer = opened.and_then(|text| unpacked(&text));
        answer.map(Some).ok_or_else(|| Code::Internal.into())
    }

    /// What came of a twin that was faster, if that is why this one failed.
    pub(super) async fn overtaken(&mut self, problem: &Problem) -> Option<Answer> {
        let mine =
            matches!(problem.code, Code::Conflict | Code::NameTaken | Code::StoreUnavailable);
        let mut repeatable = self.repeatable.take().filter(|_| mine)?;
        self.look(&mut repeatable).await.ok().flatten()
    }

    /// The writes that keep this answer for a repetition; they belong into the
    /// commit that makes it true.
    pub(super) fn remembering(&self, answer: &Answer) -> Vec<Write> {
        let (Some(repeatable), Some(secret)) = (&self.repeatable, &self.who.secret) else {
            return Vec::new();
        };
        let sealed = self.port.random(|entropy| repeats::seal(secret, &packed(answer), entropy));
        let Some(sealed) = sealed else { return Vec::new() };
        let expires = after(self.port.now().wall, self.api.config.repeat_life.0);
        let fingerprint = repeatable.fingerprint.clone();
        let repeat = Repeat { fingerprint, answer: sealed, expires };
        vec![
            record::expect(REPEAT, &repeatable.key, repeatable.stale.clone()),
            record::keep(REPEAT, &repeatable.key, record::to_json(&repeat)),
            record::expires(expires, REPEAT, &repeatable.key),
        ]
    }
}

/// The writes that take back what these kept for a repetition, if it is there:
/// nobody may have answered, and all the same it was done.
pub(super) fn undoing(writes: &[Write]) -> Vec<Write> {
    let kept = writes.iter().filter_map(|write| match write {
        Write::Record { kind, key, body: Some(body) } if kind == REPEAT => Some((key, body)),
        _ => None,
    });
    let undone = kept.flat_map(|(key, body)| {
        [record::expect(REPEAT, key, Some(body.clone())), record::forget(REPEAT, key)]
    });
    undone.collect()
}

/// A time after another.
pub(super) fn after(at: Wall, life: std::time::Duration) -> Wall {
    Wall(at.0.saturating_add(i64::try_from(life.as_millis()).unwrap_or(i64::MAX)))
}

fn packed(answer: &Answer) -> String {
    json!({"status": answer.status, "body": answer.body, "location": answer.location}).to_string()
}

fn unpacked(text: &str) -> Option<Answer> {
    let mut packed: Json = serde_json::from_str(text).ok()?;
    let status = u16::try_from(packed.get("status")?.as_u64()?).ok()?;
    let location = packed.get("location")?.as_str().map(str::to_owned);
    let body = packed.get_mut("body").map(Json::take).filter(|body| !body.is_null());
    Some(Answer { status, body, location, replayed: true })
}

/// Removes a few records that are over. What cannot be removed now is removed
/// by the next request.
pub(super) async fn sweep(port: &Port) -> Done<()> {
    let now = port.now().wall;
    let listed = port.list(EXPIRY, "", None, SWEEP_MAX).await?;
    let over = listed.iter().filter_map(|(key, _)| record::ended(key));
    let over: Vec<_> = over.filter(|(at, ..)| *at <= now).collect();
    if over.is_empty() {
        return Ok(());
    }
    let keys = over.iter().map(|(_, kind, key)| record::key(kind, key)).collect();
    let found = port.find(keys).await?;
    let mut writes = Vec::new();
    for ((at, kind, key), found) in over.into_iter().zip(found) {
        let Found::Record(body) = found else { continue };
        // The same key may have been used again meanwhile, with a later end.
        let ends = body.as_ref().and_then(|body| body.get("expires")).and_then(Json::as_i64);
        if ends.is_some_and(|ends| Wall(ends) <= now) {
            writes.push(record::expect(kind, key, body));
            writes.push(record::forget(kind, key));
        }
        writes.push(record::forget(EXPIRY, &record::expiry_key(at, kind, key)));
    }
    // Whoever was faster has removed it.
    drop(port.commit(writes).await);
    Ok(())
}
