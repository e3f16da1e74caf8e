//! Requests and answers as the edge hands them over; who asks, and whether
//! they may.

use super::Api;
use super::port::{Done, Port};
use super::repeat::{Repeatable, sweep};
use crate::call::Reply;
use parlour_base::{Json, Secret};
use parlour_directory::keys::{KEY, KeyRecord, KeyText};
use parlour_directory::record;
use parlour_wire::api::{self, Code, Method, Operation, Problem, Query, Routed, Scopes, Tag};
use std::sync::Arc;

/// A request.
#[derive(Debug, Default)]
pub struct Request {
    /// The method in capitals.
    pub method: String,
    /// The path as it was sent.
    pub path: String,
    /// What follows the question mark, as it was sent.
    pub query: Option<String>,
    /// The headers that are looked at.
    pub headers: Headers,
    /// The body.
    pub body: Secret<Vec<u8>>,
    /// It came by a way that only the operator of this machine has.
    pub house: bool,
}

/// The headers that are looked at.
#[derive(Debug, Default)]
pub struct Headers {
    /// `Authorization`
    pub authorization: Option<Secret<String>>,
    /// `Content-Type`
    pub content_type: Option<String>,
    /// `Idempotency-Key`
    pub idempotency_key: Option<String>,
    /// `If-Match`
    pub if_match: Option<String>,
    /// `If-None-Match`
    pub if_none_match: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// The status of HTTP.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body, which may hold a secret; not sent for `HEAD`.
    pub body: Secret<String>,
    /// What the log says of it.
    pub summary: Summary,
}

/// What the log says.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// What was done, by its name in the OpenAPI document.
    pub operation: Option<&'static str>,
    /// The id of the key.
    pub key: Option<String>,
    /// The code of the problem.
    pub code: Option<&'static str>,
}

/// The good end of a request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Option<Json>,
    pub(super) location: Option<String>,
    /// It was told before.
    pub(super) replayed: bool,
}

impl Answer {
    pub(super) const fn json(body: Json) -> Self {
        Self { status: 200, body: Some(body), location: None, replayed: false }
    }

    pub(super) const fn made(body: Json, location: String) -> Self {
        Self { status: 201, body: Some(body), location: Some(location), replayed: false }
    }

    /// 204.
    pub(super) const fn nothing() -> Self {
        Self { status: 204, body: None, location: None, replayed: false }
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    /// The id of the key.
    pub(super) key: String,
    pub(super) scopes: Scopes,
    /// The secret of the key; the house has none.
    pub(super) secret: Option<Secret<String>>,
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) api: Arc<Api>,
    pub(super) port: Port,
    pub(super) request: Request,
    pub(super) who: Authority,
    /// How to keep what comes of it for a repetition.
    pub(super) repeatable: Option<Repeatable>,
}

/// From request to reply.
pub(super) async fn visit(api: Arc<Api>, request: Request, port: Port) -> Reply {
    let mut summary = Summary::default();
    let if_none_match = request.headers.if_none_match.clone();
    let reading = matches!(request.method.as_str(), "GET" | "HEAD");
    let result = served(api, request, port, &mut summary).await;
    let response = match result {
        Ok(answer) => written(answer, if_none_match.as_deref().filter(|_| reading), summary),
        Err(Refused { problem, allow }) => refused(&problem, allow, summary),
    };
    Reply::new(response)
}

/// A problem, and the methods of the path if it is about those.
struct Refused {
    problem: Problem,
    allow: Option<String>,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { problem, allow: None }
    }
}

async fn served(
    api: Arc<Api>,
    request: Request,
    port: Port,
    summary: &mut Summary,
) -> Result<Answer, Refused> {
    let (route, values) = match api::routed(&request.method, &request.path) {
        Routed::To(route, values) => (route, values),
        Routed::NotAllowed(allow) => {
            let problem = Code::MethodNotAllowed.into();
            return Err(Refused { problem, allow: Some(allow) });
        }
        Routed::Nowhere => return Err(Problem::new(Code::UnknownPath).into()),
    };
    summary.operation = Some(route.operation.name());
    let Some(scope) = route.scope else { return Ok(Answer::json(api::document())) };
    let who = authority(&port, &request).await?;
    summary.key = Some(who.key.clone());
    if !who.scopes.allows(scope) {
        return Err(Problem::at(Code::Forbidden, "authorization", scope.about()).into());
    }
    let query = Query::of(request.query.as_deref())?;
    let mut visit = Visit { api, port, request, who, repeatable: None };
    if route.method == Method::Post {
        // Before anything is looked up that may be swept out.
        sweep(&visit.port).await?;
        if let Some(answer) = visit.repeated().await? {
            return Ok(answer);
        }
    }
    let body = match route.takes {
        Some(_) => {
            let kind = visit.request.headers.content_type.as_deref();
            api::body_of(kind, visit.request.body.expose())?
        }
        None => Json::Null,
    };
    let asked = Asked { operation: route.operation, values, query, body };
    match visit.serve(asked).await {
        Ok(answer) => Ok(answer),
        // A twin of this request may have been faster.
        Err(problem) => match visit.overtaken(&problem).await {
            Some(answer) => Ok(answer),
            None => Err(problem.into()),
        },
    }
}

/// What is asked.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) operation: Operation,
    pub(super) values: Vec<String>,
    pub(super) query: Query,
    pub(super) body: Json,
}

impl Asked {
    /// The next parameter of the path.
    pub(super) fn value(&mut self) -> String {
        if self.values.is_empty() { String::new() } else { self.values.remove(0) }
    }

    /// The next parameter, as an id.
    pub(super) fn id<T: std::str::FromStr>(&mut self, name: &'static str) -> Done<T> {
        let wrong = || Problem::at(Code::BadId, name, "11 characters of base64url");
        self.value().parse().map_err(|_| wrong())
    }

    /// The body, read.
    pub(super) fn body<T: TryFrom<Json, Error = Problem>>(&mut self) -> Done<T> {
        T::try_from(std::mem::take(&mut self.body))
    }
}

impl Visit {
    async fn serve(&self, mut asked: Asked) -> Done<Answer> {
        use Operation as Op;
        let takes_query = matches!(
            asked.operation,
            Op::ListUsers
                | Op::ListContacts
                | Op::ListRooms
                | Op::ListGrants
                | Op::ListMembers
                | Op::RemoveUser
                | Op::ListTokens
                | Op::ListKeys
        );
        if !takes_query {
            std::mem::take(&mut asked.query).end()?;
        }
        match asked.operation {
            Op::Document => Ok(Answer::json(api::document())),
            Op::ListUsers => self.list_users(asked).await,
            Op::CreateUser => self.create_user(asked).await,
            Op::ReadUser => self.read_user(asked).await,
            Op::ChangeUser => self.change_user(asked).await,
            Op::DeleteUser => self.delete_user(asked).await,
            Op::ListContacts => self.list_contacts(asked).await,
            Op::ReadContact => self.read_contact(asked).await,
            Op::PutContact => self.put_contact(asked).await,
            Op::DeleteContact => self.delete_contact(asked).await,
            Op::ListRooms => self.list_rooms(asked).await,
            Op::CreateRoom => self.create_room(asked).await,
            Op::ReadRoom => self.read_room(asked).await,
            Op::ChangeRoom => self.change_room(asked).await,
            Op::DeleteRoom => self.delete_room(asked).await,
            Op::ListNames => self.list_names(asked).await,
            Op::BindName => self.bind_name(asked).await,
            Op::RenameRoom => self.rename_room(asked).await,
            Op::UnbindName => self.unbind_name(asked).await,
            Op::ListGrants => self.list_grants(asked).await,
            Op::ReadGrant => self.read_grant(asked).await,
            Op::PutGrant => self.put_grant(asked).await,
            Op::DeleteGrant => self.delete_grant(asked).await,
            Op::ReadCall => self.read_call(asked).await,
            Op::EndCall => self.end_call(asked).await,
            Op::ListMembers => self.list_members(asked).await,
            Op::RemoveUser => self.remove_user(asked).await,
            Op::ReadMember => self.read_member(asked).await,
            Op::RemoveMember => self.remove_member(asked).await,
            Op::ListTokens => self.list_tokens(asked).await,
            Op::MintToken => self.mint_token(asked).await,
            Op::ReadToken => self.read_token(asked).await,
            Op::RevokeToken => self.revoke_token(asked).await,
            Op::ListKeys => self.list_keys(asked).await,
            Op::CreateKey => self.create_key(asked).await,
            Op::ReadKey => self.read_key(asked).await,
            Op::RevokeKey => self.revoke_key(asked).await,
        }
    }

    /// Refuses if the asker has seen another state than this.
    pub(super) fn if_match(&self, state: impl FnOnce() -> Json) -> Done<()> {
        self.if_match_any(|| Some(state()))
    }

    /// The same about what may not be there: then no state is the right one.
    pub(super) fn if_match_any(&self, state: impl FnOnce() -> Option<Json>) -> Done<()> {
        let wanted = self.request.headers.if_match.as_deref();
        let fits = |state: Json| api::accepts(wanted, &Tag::of(&state.to_string()));
        if wanted.is_none() || state().is_some_and(fits) {
            return Ok(());
        }
        Err(Problem::at(Code::PreconditionFailed, "if-match", "read it again"))
    }
}

/// Who asks, by the key that is shown.
async fn authority(port: &Port, request: &Request) -> Done<Authority> {
    if request.house {
        let key = "house".to_owned();
        return Ok(Authority { key, scopes: Scopes::OPERATOR, secret: None });
    }
    let no = || Problem::new(Code::Unauthenticated);
    let header = request.headers.authorization.as_ref().ok_or_else(no)?;
    let (scheme, text) = header.expose().split_once(' ').ok_or_else(no)?;
    let text = KeyText::of(text.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"));
    let text = text.ok_or_else(no)?;
    let kept: Option<KeyRecord> = record::from_json(port.record(KEY, &text.id).await?);
    let kept = kept.filter(|kept| text.opens(kept, port.now().wall)).ok_or_else(no)?;
    // A scope of a later version is none.
    let known = kept.scopes.iter().filter_map(|name| api::Scope::from_name(name));
    let scopes = known.fold(Scopes::default(), Scopes::with);
    Ok(Authority { key: text.id.clone(), scopes, secret: Some(text.secret().clone()) })
}

fn written(answer: Answer, if_none_match: Option<&str>, summary: Summary) -> Response {
    let Answer { mut status, body, location, replayed } = answer;
    let mut headers = vec![("cache-control", "no-store".to_owned())];
    let mut text = String::new();
    if let Some(body) = body {
        text = body.to_string();
        let tag = Tag::of(&text);
        if api::is_known(if_none_match, &tag) && status == 200 {
            status = 304;
            text.clear();
        } else {
            headers.push(("content-type", "application/json".to_owned()));
        }
        headers.push(("etag", tag.to_string()));
    }
    headers.extend(location.map(|text| ("location", text)));
    if replayed {
        headers.push(("idempotency-replayed", "true".to_owned()));
    }
    Response { status, headers, body: Secret::new(text), summary }
}

fn refused(problem: &Problem, allow: Option<String>, mut summary: Summary) -> Response {
    summary.code = Some(problem.code.text());
    let mut headers = vec![
        ("cache-control", "no-store".to_owned()),
        ("content-type", "application/problem+json".to_owned()),
    ];
    headers.extend(allow.map(|allow| ("allow", allow)));
    let status = problem.code.status();
    if status == 401 {
        headers.push(("www-authenticate", "Bearer".to_owned()));
    }
    if status == 503 {
        headers.push(("retry-after", "1".to_owned()));
    }
    Response { status, headers, body: Secret::new(problem.body().to_string()), summary }
}

impl Response {
    /// The answer to a request that the edge itself refuses.
    #[must_use]
    pub fn problem(code: Code) -> Self {
        refused(&code.into(), None, Summary::default())
    }
}
