//! `/tokens`

use super::http::{Answer, Asked, Visit};
use super::page::page;
use super::port::Done;
use super::repeat::{after, sweep};
use parlour_base::{Json, RoomId, Wall};
use parlour_directory::keys;
use parlour_directory::record;
use parlour_directory::tokens::{
    self, EVERY_ROOM, SIGNED_LIFE_MAX, Signer, Subject, TOKEN, TOKEN_ID_BYTES_MAX, TokenRecord,
};
use parlour_wire::api::{Code, PREFIX, Problem, TokenBody};
use serde_json::json;
use std::time::Duration;

/// The doors that tokens can be for.
const DOORS: [&str; 6] = ["galene", "rooms", "callctl", "chat", "presence", "whip"];

fn shown(id: &str, token: &TokenRecord) -> Json {
    json!({
        "id": id,
        "sub": token.sub,
        "rooms": token.rooms,
        "doors": token.doors,
        "rights": token.rights,
        "name": token.name,
        "issued": token.issued,
        "not_before": token.not_before,
        "expires": token.expires,
    })
}

impl Visit {
    pub(super) async fn list_tokens(&self, mut asked: Asked) -> Done<Answer> {
        let (from, most) = asked.query.page()?;
        std::mem::take(&mut asked.query).end()?;
        let now = self.port.now().wall;
        let mut items = Vec::new();
        let mut after = from;
        // Those that are over or revoked are skipped, a few pages at most.
        for _ in 0..8 {
            let wanted = most.saturating_add(1);
            let listed = self.port.list(TOKEN, "", after.clone(), wanted).await?;
            let last = listed.len() < wanted as usize;
            for (id, body) in listed {
                after = Some(id.clone());
                if items.len() > most as usize {
                    break;
                }
                let token: Option<TokenRecord> = record::from_json(Some(body));
                let good = token.filter(|token| !token.revoked && token.expires > now);
                items.extend(good.map(|token| (id.clone(), shown(&id, &token))));
            }
            if last || items.len() > most as usize {
                return Ok(page(items, most));
            }
        }
        // The page may be short, and says where to go on.
        let place = after.unwrap_or_default();
        let items: Vec<Json> = items.into_iter().map(|(_, item)| item).collect();
        let cursor = parlour_wire::api::Query::cursor(&place);
        Ok(Answer::json(json!({ "items": items, "cursor": cursor })))
    }

    pub(super) async fn mint_token(&self, mut asked: Asked) -> Done<Answer> {
        let body: TokenBody = asked.body()?;
        let now = self.port.now().wall;
        let token = self.token(body, now).await?;
        self.api.tally.count(&self.who.key, "tokens", now, self.api.config.tokens_per_day)?;
        let signer = self.signer().await?;
        let id = self.port.random(parlour_base::Entropy::text::<16>);
        let signed = signer.sign(&id, &token).ok_or_else(|| Problem::new(Code::Internal))?;
        let mut body = shown(&id, &token);
        body["token"] = signed.expose().as_str().into();
        let answer = Answer::made(body, format!("{PREFIX}/tokens/{id}"));
        let mut writes = vec![
            record::keep(TOKEN, &id, record::to_json(&token)),
            record::expires(token.expires, TOKEN, &id),
        ];
        writes.extend(self.remembering(&answer));
        self.port.commit(writes).await?;
        Ok(answer)
    }

    pub(super) async fn read_token(&self, mut asked: Asked) -> Done<Answer> {
        let id = asked.value();
        let (_, token) = self.kept_token(&id).await?;
        Ok(Answer::json(shown(&id, &token)))
    }

    pub(super) async fn revoke_token(&self, mut asked: Asked) -> Done<Answer> {
        let id = asked.value();
        if let Some((key, token)) = id.split_once(':') {
            return self.revoke_signed(key, token).await;
        }
        let (body, token) = self.kept_token(&id).await?;
        self.if_match(|| shown(&id, &token))?;
        let revoked = TokenRecord { revoked: true, ..token };
        let writes = vec![
            record::expect(TOKEN, &id, Some(body)),
            record::keep(TOKEN, &id, record::to_json(&revoked)),
        ];
        self.port.commit(writes).await?;
        Ok(Answer::nothing())
    }

    /// Revokes a token that a registered key signed: it is noted until no such
    /// token can be good any more.
    async fn revoke_signed(&self, key: &str, token: &str) -> Done<Answer> {
        let known = keys::is_id(key) && self.port.record(keys::KEY, key).await?.is_some();
        if !known || token.is_empty() || token.len() > TOKEN_ID_BYTES_MAX {
            return Err(Code::NotFound.into());
        }
        let now = self.port.now().wall;
        self.api.tally.count(&self.who.key, "tokens", now, self.api.config.tokens_per_day)?;
        sweep(&self.port).await?;
        let id = tokens::revocation(key, token);
        let expires = after(now, SIGNED_LIFE_MAX + Duration::from_secs(60));
        let writes = vec![
            record::keep(TOKEN, &id, json!({ "expires": expires })),
            record::expires(expires, TOKEN, &id),
        ];
        self.port.commit(writes).await?;
        Ok(Answer::nothing())
    }

    async fn kept_token(&self, id: &str) -> Done<(Json, TokenRecord)> {
        let gone = || Problem::new(Code::NotFound);
        if id.len() > TOKEN_ID_BYTES_MAX {
            return Err(gone());
        }
        let body = self.port.record(TOKEN, id).await?;
        let token: Option<TokenRecord> = record::from_json(body.clone());
        let now = self.port.now().wall;
        let both = body.zip(token).filter(|(_, token)| !token.revoked && token.expires > now);
        both.ok_or_else(gone)
    }

    /// What this server signs with; made when it is first needed.
    async fn signer(&self) -> Done<Signer> {
        for _ in 0..2 {
            let found = self.port.find(vec![Signer::lookup()]).await?.pop();
            if let Some(parlour_base::storage::Found::Record(body)) = found
                && let Some(signer) = Signer::of(body)
            {
                return Ok(signer);
            }
            let (signer, write) = self.port.random(Signer::generate);
            match self.port.commit(vec![write]).await {
                Ok(()) => return Ok(signer),
                // Somebody else has made one meanwhile.
                Err(problem) if problem.code == Code::NameTaken => {}
                Err(problem) => return Err(problem),
            }
        }
        Err(Code::Conflict.into())
    }

    /// Checks what a token is to be for.
    async fn token(&self, body: TokenBody, now: Wall) -> Done<TokenRecord> {
        let wrong = |field: &'static str, detail| Problem::at(Code::BadField, field, detail);
        let subject = Subject::of(&body.subject);
        let subject = subject.ok_or_else(|| wrong("sub", "a handle or `ext:NAMESPACE:NAME`"))?;
        if let Subject::User(user) = subject
            && !self.is_user(user).await?
        {
            return Err(Problem::at(Code::UnknownUser, "sub", "there is no such user"));
        }
        for room in body.rooms.iter().filter(|room| *room != EVERY_ROOM) {
            let id: Result<RoomId, _> = room.parse();
            let id = id.map_err(|_| wrong("rooms", "ids of rooms, or `*`"))?;
            if !self.port.is_room(id).await? {
                return Err(Problem::at(Code::UnknownRoom, "rooms", "there is no such room"));
            }
        }
        let named = body.doors.iter().flatten();
        if named.into_iter().any(|door| !DOORS.contains(&door.as_str())) {
            return Err(wrong("doors", "no such door"));
        }
        let config = &self.api.config;
        let (life, most) = (config.token_life.0, config.token_life_max.0);
        let life = body.expires_in.map_or_else(|| life.min(most), Duration::from_secs);
        let wait = Duration::from_secs(body.begins_in.unwrap_or(0));
        if life > most {
            return Err(wrong("expires_in", "longer than tokens may last"));
        }
        if wait >= life {
            return Err(wrong("begins_in", "it would end before it begins"));
        }
        Ok(TokenRecord {
            sub: body.subject,
            rooms: body.rooms,
            doors: body.doors,
            rights: body.rights,
            name: body.name,
            issued: now,
            not_before: after(now, wait),
            expires: after(now, life),
            revoked: false,
        })
    }
}
