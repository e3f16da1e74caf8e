//! Which endpoint a request goes to.

use super::asks::Visit;
use super::http::{Answer, Door, Payload, Request, Unread};
use parlour_wire::rooms::path::{self, Method, Place, Route};
use parlour_wire::rooms::{ApiError, cors};
use serde_json::json;

/// The answer to what needs nothing looked up, `None` for everything else.
pub(super) fn at_once(door: &Door, request: &Request) -> Option<Result<Answer, ApiError>> {
    let origin = request.headers.origin.as_deref().unwrap_or("");
    let place = known(door, &request.path);
    if request.method == "OPTIONS" {
        if cors::is_allowed(&door.config.origins, origin) {
            return Some(Ok(Answer::nothing()));
        }
        if let Some(place) = place {
            let answer = Answer::new(200, Payload::Nothing);
            return Some(Ok(Answer { allow: Some(place.allow()), ..answer }));
        }
    }
    match request.unread {
        Some(Unread::TooLarge) => return Some(Err(ApiError::too_large())),
        Some(Unread::Broken) => return Some(Err(ApiError::bad_json())),
        None => {}
    }
    match routed(door, request) {
        Route::To(Place::LbHeartbeat, _) => Some(Ok(Answer::json(json!({})))),
        Route::To(..) => None,
        Route::Nowhere => Some(Err(ApiError::no_route())),
        Route::Elsewhere(to) => {
            let answer = Answer::new(307, Payload::Nothing);
            Some(Ok(Answer { location: Some(to), ..answer }))
        }
    }
}

/// What a path names, as far as this server has it.
fn known(door: &Door, path: &str) -> Option<Place> {
    path::place(path).filter(|place| {
        let is_login = matches!(place, Place::OauthParams | Place::OauthToken);
        !is_login || door.config.oauth.is_some()
    })
}

fn routed(door: &Door, request: &Request) -> Route {
    match path::place(&request.path) {
        // Without a service for it, the login is as unknown as any other path.
        Some(Place::OauthParams | Place::OauthToken) if door.config.oauth.is_none() => {
            match request.path.starts_with(path::PREFIX) {
                true => Route::Nowhere,
                false => Route::Elsewhere(format!("{}{}", path::PREFIX, request.path)),
            }
        }
        _ => path::route(&request.method, &request.path),
    }
}

/// Does what is asked.
pub(super) async fn serve(visit: &mut Visit) -> Result<Answer, ApiError> {
    let Route::To(place, method) = routed(&visit.door, &visit.request) else {
        return Err(ApiError::no_route());
    };
    // What is asked for most has its place in the future; the rest gets one of
    // its own when it is asked for, or every request would carry the largest.
    match (place, method) {
        (Place::Room(token), Method::Post | Method::Put) => {
            visit.marks.summary.room = Some(token.clone());
            visit.act(&token).await
        }
        (place, method) => Box::pin(seldom(visit, place, method)).await,
    }
}

async fn seldom(visit: &mut Visit, place: Place, method: Method) -> Result<Answer, ApiError> {
    match (place, method) {
        (Place::Root, _) => Ok(visit.root()),
        (Place::PushServerConfig, _) => Ok(visit.push_server()),
        (Place::LbHeartbeat, _) => Ok(Answer::json(json!({}))),
        (Place::Heartbeat, _) => visit.heartbeat().await,
        (Place::ApiSpecs, _) => Ok(visit.api_specs()),
        (Place::Registration, Method::Delete) => visit.unregister().await,
        (Place::Registration, _) => visit.register().await,
        (Place::Session, _) => visit.end_session().await,
        (Place::Account, _) => visit.end_account().await,
        (Place::Rooms, Method::Get) => visit.list().await,
        (Place::Rooms, Method::Patch) => visit.delete_many().await,
        (Place::Rooms, _) => visit.create().await,
        (Place::Room(token), method) => room(visit, token, method).await,
        (Place::Event, _) => visit.usage_event().await,
        (Place::OauthParams, _) => visit.oauth_params().await,
        (Place::OauthToken, Method::Get) => visit.oauth_token().await,
        (Place::OauthToken, _) => visit.oauth_login().await,
        (Place::CallUrls, Method::Get) => visit.call_urls().await,
        (Place::CallUrls, _) => visit.new_call_url().await,
        (Place::CallUrl(token), Method::Delete) => visit.delete_call_url(&token).await,
        (Place::CallUrl(token), _) => visit.change_call_url(&token).await,
        (Place::Calls, Method::Get) => visit.calls().await,
        (Place::Calls, _) => visit.call_people().await,
        (Place::CallsToken(token), Method::Get) => visit.read_call_url(&token).await,
        (Place::CallsToken(token), _) => visit.call_by_url(&token).await,
    }
}

async fn room(visit: &mut Visit, token: String, method: Method) -> Result<Answer, ApiError> {
    visit.marks.summary.room = Some(token.clone());
    match method {
        Method::Get => visit.read(&token).await,
        Method::Patch => visit.change(&token).await,
        Method::Delete => visit.delete(&token).await,
        Method::Post | Method::Put => visit.act(&token).await,
    }
}
