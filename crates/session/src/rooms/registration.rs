//! Registering a device: its session, and where it wants to be told.

use super::asks::Visit;
use super::credentials::Session;
use super::http::{Answer, Payload};
use super::records::{PUSH, PushRecord, device_key, forget, keep, read};
use crate::call::Fetch;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use parlour_base::{Json, Secret};
use parlour_wire::json;
use parlour_wire::rooms::registration::PushUrls;
use parlour_wire::rooms::{ApiError, hawk};

impl Visit {
    /// `POST /registration`
    pub(super) async fn register(&mut self) -> Result<Answer, ApiError> {
        let session = self.registrant().await?;
        self.needs_json()?;
        let query = self.request.query.as_deref().unwrap_or("");
        let urls = PushUrls::read(&self.body, query)?;
        if urls != PushUrls::default() {
            let key = device_key(session.record.user, &session.device);
            let before: Option<PushRecord> = read(self.port.record(PUSH, &key).await?);
            let record = before.unwrap_or_default().with(urls);
            self.port.commit(vec![keep(PUSH, key, &record)]).await?;
        }
        Ok(Answer::new(200, Payload::EmptyJson))
    }

    /// The session that registers: a new one without credentials.
    async fn registrant(&mut self) -> Result<Session, ApiError> {
        let Some(header) = self.authorization() else { return self.new_session(false).await };
        match hawk::scheme(header.expose()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("hawk") => {
                self.verified(rest).await
            }
            Some((scheme, assertion))
                if scheme.eq_ignore_ascii_case("browserid")
                    && self.door.config.verifier.is_some() =>
            {
                self.asserted(assertion).await
            }
            _ => Err(ApiError::unsupported_scheme("BrowserID,Hawk")),
        }
    }

    /// A new session for whom an assertion is about.
    async fn asserted(&mut self, assertion: &str) -> Result<Session, ApiError> {
        let Some(verifier) = self.door.config.verifier.clone() else {
            return Err(ApiError::unsupported_scheme("BrowserID,Hawk"));
        };
        let audience = audience(assertion).ok_or_else(|| refused("Malformed audience"))?;
        if !verifier.audiences.contains(&audience) {
            return Err(refused("Invalid audience"));
        }
        let body = serde_json::json!({ "audience": audience, "assertion": assertion });
        let fetch = Fetch {
            method: "POST",
            url: verifier.url,
            headers: vec![json_type()],
            body: Secret::new(body.to_string().into_bytes()),
            within: None,
        };
        let Some((_, answer)) = self.port.fetch(fetch).await else {
            return Err(ApiError::unavailable());
        };
        let account = verified_account(&answer, &verifier.issuers)?;
        let mut session = self.new_session(false).await?;
        self.link(&mut session, &account).await?;
        Ok(session)
    }

    /// `DELETE /registration`
    pub(super) async fn unregister(&mut self) -> Result<Answer, ApiError> {
        let session = self.hawk().await?;
        let key = device_key(session.record.user, &session.device);
        self.port.commit(vec![forget(PUSH, key)]).await?;
        Ok(Answer::nothing())
    }
}

/// The content type of what is sent to other services.
pub(super) fn json_type() -> (String, Secret<String>) {
    ("content-type".to_owned(), Secret::new("application/json".to_owned()))
}

fn refused(text: &str) -> ApiError {
    ApiError::unauthorized(text, format!("BrowserID error=\"{text}\""))
}

/// Whom an assertion is for: a member of its fourth part.
fn audience(assertion: &str) -> Option<String> {
    let part = assertion.split('.').nth(3)?.trim_end_matches('=');
    let bytes = URL_SAFE_NO_PAD.decode(part).or_else(|_| STANDARD_NO_PAD.decode(part)).ok()?;
    let claims = json::parse_bytes(&bytes).ok()?;
    claims.get("aud")?.as_str().map(str::to_owned)
}

/// Whom the verifier says the assertion is about.
fn verified_account(answer: &[u8], issuers: &[String]) -> Result<String, ApiError> {
    let answer = json::parse_bytes(answer).map_err(|_| ApiError::unavailable())?;
    let text = |name: &str| answer.get(name).and_then(Json::as_str);
    if text("status") != Some("okay") {
        return Err(refused("Invalid assertion"));
    }
    if !text("issuer").is_some_and(|issuer| issuers.iter().any(|one| one == issuer)) {
        return Err(refused("Issuer is not trusted"));
    }
    let claims = answer.get("idpClaims");
    let claim = |name: &str| claims.and_then(|claims| claims.get(name)).and_then(Json::as_str);
    let account = claim("fxa-verifiedEmail").or_else(|| claim("verifiedMSISDN"));
    account.map(str::to_owned).ok_or_else(|| refused("No verified account"))
}
