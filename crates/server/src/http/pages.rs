//! Pages, files, and what outsiders may know of groups.
//!
//! Source: docs/protocols/galene.md §§2.1, 2.2, 2.3.

use super::asked::Asked;
use super::assets::Found;
use super::paths::{self, GroupPath};
use super::{Site, gentle, reply};
use crate::port::{Query, Reply};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, Uri, header};
use axum::response::Response;
use parlour_wire::galene::GroupStatus;
use std::io;
use std::sync::Arc;

/// What is said when a page has no page of its own.
const NOT_FOUND: &str = "<!DOCTYPE html>\n<html lang=\"en\"><title>Not found</title>\
    <p>There is no such page here.</p></html>\n";

/// The page of a room of the rooms door, in our own client and in any other.
const INVITED: &str = "room.html";

const POLICY: HeaderName = header::CONTENT_SECURITY_POLICY;

/// The page of a group, its status, or another kind.
pub(super) async fn group(
    site: &Arc<Site>,
    asked: &Asked,
    request: &Parts,
    path: &str,
    group: GroupPath<'_>,
) -> Response {
    match (group.kind, group.rest) {
        (None, _) => gentle(&request.method, page(site, asked, request, path, group)).await,
        (Some(".status.json"), "") => {
            reply::redirect(&format!("/group/{}/.status", group.name), request.uri.query())
        }
        (Some(".status"), "") => gentle(&request.method, status(site, asked, group.name)).await,
        _ => not_found(site).await,
    }
}

async fn page(
    site: &Arc<Site>,
    asked: &Asked,
    request: &Parts,
    path: &str,
    group: GroupPath<'_>,
) -> Response {
    if let Some(elsewhere) = canonical(site, asked, request, path) {
        return elsewhere;
    }
    if !group.slash {
        return reply::redirect(&format!("/group/{}/", group.name), request.uri.query());
    }
    let question = Query::Group(group.name.to_owned());
    let Some(Reply::Group(found)) = site.shard.ask(question).await else { return reply::busy() };
    let Some(found) = found else { return not_found(site).await };
    if let Some(target) = &found.redirect {
        return reply::redirect_to(StatusCode::PERMANENT_REDIRECT, target);
    }
    let page = site.assets.group_page();
    let mut response = match find(site, page).await {
        Ok(Found::File(asset)) => asset.serve(&request.method, &request.headers),
        Ok(_) => return not_found(site).await,
        Err(error) => return broken(&error),
    };
    // Whether the group exists may change, so the page is asked for each time.
    reply::set(&mut response, header::CACHE_CONTROL, "no-cache");
    let policy = reply::policy(site.assets.is_own(), found.auth_server.as_deref());
    response.headers_mut().insert(POLICY, policy);
    response
}

/// `/r/TOKEN`: the page that leads into a room of the rooms door. What there is
/// to say of the room the page asks that door, so a room that has ended and one
/// that never was look alike.
pub(super) async fn invited(
    site: &Arc<Site>,
    asked: &Asked,
    request: &Parts,
    path: &str,
) -> Response {
    let token = path.strip_prefix("/r/").unwrap_or_default();
    if site.rooms.get().is_none() || token.is_empty() || token.contains('/') {
        return not_found(site).await;
    }
    gentle(&request.method, async {
        if let Some(elsewhere) = canonical(site, asked, request, path) {
            return elsewhere;
        }
        let mut response = match find(site, INVITED).await {
            Ok(Found::File(asset)) => asset.serve(&request.method, &request.headers),
            Ok(_) => return not_found(site).await,
            Err(error) => return broken(&error),
        };
        let policy = reply::policy(site.assets.is_own(), None);
        response.headers_mut().insert(POLICY, policy);
        response
    })
    .await
}

async fn status(site: &Arc<Site>, asked: &Asked, name: &str) -> Response {
    match site.shard.ask(Query::Group(name.to_owned())).await {
        Some(Reply::Group(Some(found))) => reply::json(outside(site, asked, found).to_text()),
        Some(Reply::Group(None)) => not_found(site).await,
        _ => reply::busy(),
    }
}

/// `/public-groups.json`.
pub(super) async fn public_groups(site: &Arc<Site>, asked: &Asked) -> Response {
    let names = match blocking(site, |site| site.groups.names()).await {
        Ok(names) => names,
        Err(error) => {
            tracing::warn!(%error, "the group folder cannot be listed");
            Vec::new()
        }
    };
    let Some(Reply::PublicGroups(found)) = site.shard.ask(Query::PublicGroups(names)).await else {
        return reply::busy();
    };
    let all: Vec<String> =
        found.into_iter().map(|status| outside(site, asked, status).to_text()).collect();
    reply::json(format!("[{}]", all.join(",")))
}

/// A status as it goes to outsiders, with the URLs under which they reach us.
fn outside(site: &Site, asked: &Asked, status: GroupStatus) -> GroupStatus {
    let public: Option<Uri> = site.config.http.public_url.parse().ok();
    let public = public.as_ref();
    let tls = public.and_then(Uri::scheme_str).map_or(asked.tls, |scheme| scheme == "https");
    let host = public.and_then(Uri::authority).map_or(asked.host.as_str(), |host| host.as_str());
    let prefix = public.map_or("", |url| url.path()).trim_end_matches('/');
    let (http, ws) = if tls { ("https", "wss") } else { ("http", "ws") };
    let name = paths::encode(&status.name);
    let location = format!("{http}://{host}{prefix}/group/{name}/");
    let endpoint = format!("{ws}://{host}{prefix}/ws");
    status.for_http(location, endpoint)
}

/// A file of the web client.
pub(super) async fn asset(
    site: &Arc<Site>,
    asked: &Asked,
    request: &Parts,
    path: &str,
) -> Response {
    gentle(&request.method, async {
        if let Some(elsewhere) = canonical(site, asked, request, path) {
            return elsewhere;
        }
        let name = path.trim_start_matches('/');
        let folder = name.is_empty() || name.ends_with('/');
        let index = format!("{name}index.html");
        match find(site, if folder { &index } else { name }).await {
            Ok(Found::File(asset)) => {
                let mut response = asset.serve(&request.method, &request.headers);
                let policy = reply::policy(site.assets.is_own(), None);
                response.headers_mut().insert(POLICY, policy);
                response
            }
            Ok(Found::Folder) if !folder => {
                reply::redirect(&format!("{path}/"), request.uri.query())
            }
            Ok(_) if folder => match find(site, name).await {
                Ok(Found::Folder) => reply::plain(StatusCode::FORBIDDEN, "Forbidden"),
                _ => not_found(site).await,
            },
            Ok(_) => not_found(site).await,
            Err(error) => broken(&error),
        }
    })
    .await
}

/// Sends requests for another host to the canonical one.
fn canonical(site: &Site, asked: &Asked, request: &Parts, path: &str) -> Option<Response> {
    let host = &site.config.http.canonical_host;
    if host.is_empty() || host.eq_ignore_ascii_case(&asked.host) {
        return None;
    }
    // The query holds the token of an invitation.
    let query = request.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("https://{host}{}{query}", paths::encode(path));
    Some(reply::redirect_to(StatusCode::MOVED_PERMANENTLY, &location))
}

/// The page that says that there is none.
pub(super) async fn not_found(site: &Arc<Site>) -> Response {
    let mut response = match find(site, "404.html").await {
        Ok(Found::File(asset)) => asset.page(StatusCode::NOT_FOUND),
        _ => reply::text(StatusCode::NOT_FOUND, "text/html; charset=utf-8", NOT_FOUND),
    };
    response.headers_mut().insert(POLICY, reply::policy(site.assets.is_own(), None));
    reply::set(&mut response, header::CACHE_CONTROL, "no-cache");
    response
}

fn broken(error: &io::Error) -> Response {
    tracing::warn!(%error, "a web file cannot be read");
    reply::plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
}

async fn find(site: &Arc<Site>, path: &str) -> io::Result<Found> {
    if site.assets.is_own() {
        return site.assets.find(path);
    }
    let path = path.to_owned();
    blocking(site, move |site| site.assets.find(&path)).await
}

/// Runs something that waits for the disk, on a thread for that; as many at
/// once as there are places.
async fn blocking<T: Send + 'static>(
    site: &Arc<Site>,
    work: impl FnOnce(&Site) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let _place = site.reads.acquire().await.map_err(io::Error::other)?;
    let site = Arc::clone(site);
    tokio::task::spawn_blocking(move || work(&site)).await.map_err(io::Error::other)?
}
