//! Problems: what an application is told when its request is not done.
//!
//! Source: RFC 9457.

use parlour_base::Json;
use serde_json::json;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = ($code:literal, $status:literal, $title:literal),)*) => {
        /// The stable word for what is wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Code {
            /// All of them, in the order of the reference.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word in `code`.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The status of HTTP.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What `title` says.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// The body is no JSON object within the limits.
    BadJson = ("bad-json", 400, "the body is not a JSON object"),
    /// A member of the body that does not exist.
    UnknownField = ("unknown-field", 400, "the body has a member that does not exist"),
    /// A member is needed.
    MissingField = ("missing-field", 400, "a member of the body is missing"),
    /// A member has the wrong type, form, size or range.
    BadField = ("bad-field", 400, "a member of the body is wrong"),
    /// An id that is not written in its one canonical form.
    BadId = ("bad-id", 400, "an id is not in its canonical form"),
    /// A query that does not exist or makes no sense.
    BadQuery = ("bad-query", 400, "the query is wrong"),
    /// A header that makes no sense.
    BadHeader = ("bad-header", 400, "a header is wrong"),
    /// No key, or one that is unknown, wrong, ended or revoked.
    Unauthenticated = ("unauthenticated", 401, "a valid key is needed"),
    /// The key lacks the scope, or would give away more than it has.
    Forbidden = ("forbidden", 403, "this key may not do that"),
    /// There is nothing of that id.
    NotFound = ("not-found", 404, "there is no such thing"),
    /// There is no such path.
    UnknownPath = ("unknown-path", 404, "there is no such path"),
    /// The path exists, and this is not done there.
    MethodNotAllowed = ("method-not-allowed", 405, "this method is not for this path"),
    /// The body did not come in time.
    Timeout = ("timeout", 408, "the body did not come in time"),
    /// The name is bound to another room, or belongs to another user.
    NameTaken = ("name-taken", 409, "the name is taken"),
    /// Somebody else changed the same thing at the same time.
    Conflict = ("conflict", 409, "it was changed by somebody else meanwhile"),
    /// As many as there may be.
    LimitReached = ("limit-reached", 409, "there are as many as there may be"),
    /// `If-Match` names an older state.
    PreconditionFailed = ("precondition-failed", 412, "it has changed since"),
    /// The body is larger than the limit.
    TooLarge = ("too-large", 413, "the body is too large"),
    /// The body is not declared as JSON.
    UnsupportedMediaType = ("unsupported-media-type", 415, "the body has to be application/json"),
    /// A member names a user that is not stored.
    UnknownUser = ("unknown-user", 422, "a user that is named does not exist"),
    /// A member names a room that is not stored.
    UnknownRoom = ("unknown-room", 422, "a room that is named does not exist"),
    /// The `Idempotency-Key` was used with another request.
    IdempotencyMismatch = ("idempotency-mismatch", 422, "this idempotency key belongs to another request"),
    /// The room said no; `refusal` says which of its codes.
    Refused = ("refused", 422, "the room refused it"),
    /// The key made as many such requests today as it may.
    QuotaReached = ("quota-reached", 429, "this key has done that too often today"),
    /// The server made a mistake.
    Internal = ("internal", 500, "the server made a mistake"),
    /// The server has too much to do, or stops.
    Busy = ("busy", 503, "the server is busy"),
    /// The store cannot keep it; nothing has happened.
    StoreUnavailable = ("store-unavailable", 503, "the server cannot store this at the moment"),
}

/// Why a request was not done; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub code: Code,
    /// A sentence for people; never what was sent.
    pub detail: Option<&'static str>,
    /// The member, query or header it is about.
    pub field: Option<String>,
    /// The code of the room's refusal.
    pub refusal: Option<&'static str>,
}

impl Problem {
    /// One without details.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self { code, detail: None, field: None, refusal: None }
    }

    /// One about a member, query or header.
    #[must_use]
    pub fn at(code: Code, field: impl Into<String>, detail: &'static str) -> Self {
        Self { code, detail: Some(detail), field: Some(field.into()), refusal: None }
    }

    /// The same with a sentence.
    #[must_use]
    pub const fn because(mut self, detail: &'static str) -> Self {
        self.detail = Some(detail);
        self
    }

    /// The room said no.
    #[must_use]
    pub const fn refused(refusal: &'static str) -> Self {
        let mut problem = Self::new(Code::Refused);
        problem.refusal = Some(refusal);
        problem
    }

    /// The body of `application/problem+json`.
    #[must_use]
    pub fn body(&self) -> Json {
        let mut body = json!({
            "type": format!("urn:parlour:problem:{}", self.code.text()),
            "title": self.code.title(),
            "status": self.code.status(),
            "code": self.code.text(),
        });
        let more =
            [("detail", self.detail), ("field", self.field.as_deref()), ("refusal", self.refusal)];
        for (name, value) in more {
            if let Some(value) = value {
                body[name] = value.into();
            }
        }
        body
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_a_word_of_its_own_and_a_status_of_errors() {
        let words: BTreeSet<_> = Code::ALL.iter().map(|code| code.text()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| (400..600).contains(&code.status())));
    }

    #[test]
    fn a_problem_says_what_and_where() {
        let problem = Problem::at(Code::BadField, "policy.doors", "no such door");
        assert_eq!(
            problem.body(),
            json!({
                "type": "urn:parlour:problem:bad-field",
                "title": "a member of the body is wrong",
                "status": 400, "code": "bad-field",
                "detail": "no such door", "field": "policy.doors",
            })
        );
    }
}
