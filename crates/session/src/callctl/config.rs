//! What the door is told by its operator.

use parlour_base::{Secret, Span};

/// How the door behaves; made by the edge from its configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// What conference ids begin with.
    pub app: String,
    /// The host that clients connect to for media.
    pub media_host: String,
    /// Its port.
    pub media_port: u16,
    /// How long a media token opens a call that is still the same.
    pub token_life: Span,
    /// Whom to ask who belongs to a conversation; without, the server itself
    /// knows.
    pub ask: Option<Ask>,
}

/// An application that knows who belongs to a conversation.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Where.
    pub url: String,
    /// Shown to the application as bearer token.
    pub secret: Option<Secret<String>>,
    /// For how long an answer is good.
    pub fresh: Span,
    /// For how long the last answer stands in while there is no other.
    pub stale: Span,
}
