//! Logging in to an account by OAuth.

use super::asks::Visit;
use super::config::OauthConfig;
use super::credentials::Session;
use super::http::Answer;
use super::records::Secretive;
use super::registration::json_type;
use crate::call::Fetch;
use parlour_base::Secret;
use parlour_wire::rooms::identity::hex;
use parlour_wire::rooms::oauth::{Granted, Login, Profile};
use parlour_wire::rooms::{ApiError, Errno, hawk, seal};
use serde_json::json;

impl Visit {
    /// `POST /fxa-oauth/params`
    pub(super) async fn oauth_params(&mut self) -> Result<Answer, ApiError> {
        let config = self.oauth_config()?;
        let header = self.authorization();
        let attributes = header.as_ref().and_then(|header| hawk::scheme(header.expose()));
        let mut session = match attributes {
            Some((scheme, attributes)) if scheme.eq_ignore_ascii_case("hawk") => {
                let session = self.verified(attributes).await?;
                self.for_login(session)?
            }
            _ => self.new_session(true).await?,
        };
        let state = match session.record.state.clone() {
            Some(state) => state,
            None => self.new_state(&mut session).await?,
        };
        Ok(Answer::json(config.params.body(&state.0)))
    }

    /// `GET /fxa-oauth/token`
    pub(super) async fn oauth_token(&mut self) -> Result<Answer, ApiError> {
        let session = self.login_session().await?;
        let sealed = session.record.token.as_deref();
        let token = sealed.and_then(|sealed| seal::open(&session.hawk_id, sealed));
        Ok(Answer::json(match token {
            Some(token) => json!({ "access_token": token }),
            None => json!({}),
        }))
    }

    /// `POST /fxa-oauth/token`
    pub(super) async fn oauth_login(&mut self) -> Result<Answer, ApiError> {
        let config = self.oauth_config()?;
        let mut session = self.login_session().await?;
        self.needs_json()?;
        let login = Login::read(&self.body)?;
        let expected = session.record.state.clone();
        self.new_state(&mut session).await?;
        if !expected.is_some_and(|expected| login.state.matches(expected.0)) {
            let text = "Invalid OAuth state";
            return Err(ApiError::new(400, Errno::InvalidOauthState, text));
        }
        let granted = self.trade(&config, &login.code).await?;
        let account = self.profile(&config, &granted).await?;
        session.record.token = self.sealed(&session, granted.access_token.expose());
        self.link(&mut session, &account).await?;
        Ok(Answer::json(granted.body()))
    }

    fn oauth_config(&self) -> Result<OauthConfig, ApiError> {
        self.door.config.oauth.clone().ok_or_else(ApiError::no_route)
    }

    async fn login_session(&mut self) -> Result<Session, ApiError> {
        let session = self.hawk().await?;
        self.for_login(session)
    }

    /// A session that was not made for logins is unknown here.
    fn for_login(&mut self, session: Session) -> Result<Session, ApiError> {
        if !session.record.oauth {
            self.marks.server_authorization = None;
            return Err(hawk::unknown());
        }
        Ok(session)
    }

    async fn new_state(&self, session: &mut Session) -> Result<Secretive, ApiError> {
        let mut bytes = [0; 32];
        self.port.random(|entropy| entropy.fill(&mut bytes));
        let state = Secretive(hex(&bytes));
        session.record.state = Some(state.clone());
        self.keep_session(session).await?;
        Ok(state)
    }

    /// A code for a token.
    async fn trade(&self, config: &OauthConfig, code: &str) -> Result<Granted, ApiError> {
        let body = json!({
            "code": code,
            "client_id": config.params.client_id,
            "client_secret": config.client_secret.expose(),
        });
        let fetch = Fetch {
            method: "POST",
            url: format!("{}/token", config.params.oauth_uri),
            headers: vec![json_type()],
            body: Secret::new(body.to_string().into_bytes()),
            within: None,
        };
        match self.port.fetch(fetch).await {
            Some((200..=299, answer)) => Granted::read(&answer).ok_or_else(ApiError::unavailable),
            _ => Err(ApiError::unavailable()),
        }
    }

    /// Whose token it is.
    async fn profile(&self, config: &OauthConfig, granted: &Granted) -> Result<String, ApiError> {
        let bearer = Secret::new(format!("Bearer {}", granted.access_token.expose()));
        let fetch = Fetch {
            method: "GET",
            url: format!("{}/profile", config.params.profile_uri),
            headers: vec![("authorization".to_owned(), bearer)],
            body: Secret::new(Vec::new()),
            within: None,
        };
        let Some((200..=299, answer)) = self.port.fetch(fetch).await else {
            return Err(ApiError::unavailable());
        };
        match Profile::read(&answer) {
            Profile::Email(email) => Ok(email),
            Profile::Nobody => Err(ApiError::unavailable()),
            Profile::Unreadable => {
                Err(ApiError::new(503, Errno::BadJson, "the profile is not JSON"))
            }
        }
    }
}
