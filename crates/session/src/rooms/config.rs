//! What the door is told at the start.

use parlour_base::{Secret, Span};
use parlour_wire::rooms::Bounds;
use parlour_wire::rooms::oauth::Params;

/// The settings of the door.
#[derive(Debug, Clone)]
pub struct Config {
    /// Origins whose pages may ask; `*` admits all.
    pub origins: Vec<String>,
    /// The page that leads into a room: `{token}` is its token, `{origin}` the
    /// address the request came to.
    pub room_url: String,
    /// How large the fields of a room may be.
    pub bounds: Bounds,
    /// Life of a room whose maker did not say, in hours.
    pub default_life_hours: u32,
    /// Life of a room after somebody came or went.
    pub renewed_life: Span,
    /// Life of a participant who does not refresh.
    pub participant_life: Span,
    /// How long deletions are told.
    pub deletion_memory: Span,
    /// Life of a session that is not used.
    pub session_life: Span,
    /// Life of a media token.
    pub token_life: Span,
    /// Most tokens of one bulk deletion.
    pub bulk_max: u32,
    /// Most rooms in one list.
    pub listed_max: u32,
    /// Most devices of one user that are told.
    pub devices_max: u32,
    /// What `Retry-After` says, in seconds.
    pub retry_after: u32,
    /// The name of this media service, told as `apiKey`.
    pub api_key: String,
    /// Where clients find their push server; one of them at random.
    pub push_servers: Vec<String>,
    /// The program's version; `None` hides it.
    pub version: Option<String>,
    /// Whether usage events are taken.
    pub analytics: bool,
    /// How many nonces of Hawk are remembered, so that a request is not taken
    /// twice; 0 takes it as often as it comes.
    pub nonces: u32,
    /// What the accounts of those inside rooms are sealed with.
    pub account_secret: Secret<Vec<u8>>,
    /// Login by OAuth, if there is a service for it.
    pub oauth: Option<OauthConfig>,
    /// Login by assertion, if there is a service for it.
    pub verifier: Option<VerifierConfig>,
}

/// The service people log in at.
#[derive(Debug, Clone)]
pub struct OauthConfig {
    /// What clients are told.
    pub params: Params,
    /// What this server shows when it trades a code.
    pub client_secret: Secret<String>,
}

/// The service that checks assertions.
#[derive(Debug, Clone)]
pub struct VerifierConfig {
    /// Where assertions go.
    pub url: String,
    /// Whom an assertion may be for.
    pub audiences: Vec<String>,
    /// Whose assertions are believed.
    pub issuers: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        let bounds = Bounds::default();
        Self {
            origins: vec!["http://localhost:3000".to_owned()],
            room_url: "{origin}/r/{token}".to_owned(),
            default_life_hours: bounds.life_hours,
            renewed_life: Span::secs(u64::from(bounds.life_hours) * 3_600),
            bounds,
            participant_life: Span::secs(300),
            deletion_memory: Span::secs(1_620),
            session_life: Span::secs(30 * 86_400),
            token_life: Span::secs(86_400),
            bulk_max: 7_000,
            listed_max: 10_000,
            devices_max: 100,
            retry_after: 30,
            api_key: "parlour".to_owned(),
            push_servers: Vec::new(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            analytics: false,
            nonces: 0,
            account_secret: Secret::new(Vec::new()),
            oauth: None,
            verifier: None,
        }
    }
}
