//! What the server says of itself, and whether it is well.

use super::asks::Visit;
use super::http::{Answer, Payload};
use super::read::origin;
use super::records::{HEARTBEAT, keep};
use crate::call::Fetch;
use parlour_base::{Json, Secret};
use parlour_wire::rooms::path::PREFIX;
use parlour_wire::rooms::{ApiError, Errno, oauth};
use serde_json::json;
use std::time::Duration;

/// How long another service may take to say that it is well.
const STATUS_WITHIN: Duration = Duration::from_secs(2);

impl Visit {
    /// `GET /`
    pub(super) fn root(&self) -> Answer {
        let config = &self.door.config;
        let mut body = json!({
            "name": "parlour",
            "description": "A group-calling server: rooms by many protocols",
            "homepage": "https://example.org/parlour",
            "endpoint": origin(&self.request),
            "fakeTokBox": false,
            "fxaOAuth": config.oauth.is_some(),
            "i18n": { "defaultLang": "en-US" },
        });
        if let Some(version) = &config.version {
            body["version"] = json!(version);
        }
        if let Some(languages) = &self.request.headers.accept_language {
            let first = languages.split(',').next().unwrap_or("").trim();
            body["i18n"]["lang"] = json!(first);
        }
        Answer::json(body)
    }

    /// `GET /push-server-config`
    pub(super) fn push_server(&self) -> Answer {
        let servers = &self.door.config.push_servers;
        let count = u32::try_from(servers.len()).unwrap_or(u32::MAX);
        if count == 0 {
            return Answer::json(json!({}));
        }
        let at = self.port.random(|entropy| entropy.below(count));
        Answer::json(json!({ "pushServerURI": servers.get(at as usize) }))
    }

    /// `GET /__heartbeat__`
    pub(super) async fn heartbeat(&self) -> Result<Answer, ApiError> {
        let beat = keep(HEARTBEAT, "rooms".to_owned(), &self.seconds());
        let storage = self.port.commit(vec![beat]).await.is_ok();
        let mut push = true;
        for server in self.door.config.push_servers.clone() {
            push &= self.answers_status(&server).await;
        }
        let verifier = match self.door.config.verifier.as_ref().map(|one| one.url.clone()) {
            Some(url) => self.answers_status(&host_of(&url)).await,
            None => true,
        };
        // The media provider is this server: it is well when it answers.
        let body = json!({
            "storage": storage, "provider": true, "push": push, "fxaVerifier": verifier,
        });
        let status = if storage && push && verifier { 200 } else { 503 };
        Ok(Answer::new(status, Payload::Json(body)))
    }

    /// Whether a service answers `GET /status` with 200.
    async fn answers_status(&self, server: &str) -> bool {
        let server = match server.split_once("://") {
            Some(("wss", rest)) => format!("https://{rest}"),
            Some(("ws", rest)) => format!("http://{rest}"),
            _ => server.to_owned(),
        };
        let fetch = Fetch {
            method: "GET",
            url: format!("{}/status", server.trim_end_matches('/')),
            headers: Vec::new(),
            body: Secret::new(Vec::new()),
            within: Some(STATUS_WITHIN),
        };
        matches!(self.port.fetch(fetch).await, Some((200, _)))
    }

    /// `GET /api-specs`
    pub(super) fn api_specs(&self) -> Answer {
        let location = format!("{}{PREFIX}", origin(&self.request));
        let token = "[a-zA-Z0-9_-]+";
        let methods = |names: &[&str]| -> Json {
            names.iter().map(|name| ((*name).to_owned(), json!({}))).collect()
        };
        let limited = json!({ "POST": { "limits": { "rates": [{
            "seconds": 60, "hits": 60, "match": "header:Authorization AND header:User-Agent",
        }] } }, "GET": {} });
        Answer::json(json!({ "service": {
            "location": location,
            "version": self.door.config.version,
            "videur_version": "0.1",
            "resources": {
                "/": methods(&["GET"]),
                "/registration": methods(&["POST", "DELETE"]),
                "/session": methods(&["DELETE"]),
                "/account": methods(&["DELETE"]),
                "/call-url": limited,
                format!("regexp:/call-url/{token}"): methods(&["PUT", "DELETE"]),
                "/calls": methods(&["GET", "POST"]),
                format!("regexp:/calls/{token}"): methods(&["GET", "POST"]),
                "/rooms": methods(&["GET", "POST", "PATCH"]),
                format!("regexp:/rooms/{token}"): methods(&["GET", "POST", "PATCH", "DELETE"]),
                "/event": methods(&["POST"]),
                "/fxa-oauth/params": methods(&["POST"]),
                "/fxa-oauth/token": methods(&["GET", "POST"]),
                "/push-server-config": methods(&["GET"]),
                "/__heartbeat__": methods(&["GET"]),
                "/__lbheartbeat__": methods(&["GET"]),
            },
        } }))
    }

    /// `POST /event`
    pub(super) async fn usage_event(&mut self) -> Result<Answer, ApiError> {
        self.needs_json()?;
        oauth::read_event(&self.body)?;
        self.hawk().await?;
        if !self.door.config.analytics {
            let text = "Google Analytics events are not configured for this server.";
            return Err(ApiError::new(405, Errno::Undefined, text));
        }
        Ok(Answer::nothing())
    }
}

/// Scheme and host of an address.
fn host_of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let host = rest.split('/').next().unwrap_or("");
    format!("{scheme}://{host}")
}
