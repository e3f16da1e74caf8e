//! `parlour key`: keys of the integration API, made, listed and revoked by
//! whoever owns the data folder, whether a server runs on it or not.

use crate::{control, serve};
use anyhow::{Context as _, Result, anyhow, bail};
use clap::Subcommand;
use parlour_base::storage::{StoreDone, StoreId, StoreOp, StoreRequest, Write};
use parlour_base::{Json, Span};
use parlour_node::api;
use parlour_store::folder::FolderError;
use parlour_store::{DataFolder, Engine as _, SqliteEngine};
use parlour_wire::api::{Scope, Scopes};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The kind of record that a key is.
const KEY: &str = "key";
/// Keys listed at a time.
const PAGE: u32 = 100;

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a key and print it; it is shown this once.
    Create {
        /// What it may do, such as `rooms:write`; may be given again.
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<String>,
        /// What it is for.
        #[arg(long, default_value = "command line")]
        label: String,
        /// How long it is good, such as `30d`.
        #[arg(long, value_name = "TIME")]
        expires: Option<Span>,
        /// The data folder.
        #[arg(long, value_name = "DIR", default_value = "./parlour-data")]
        data: PathBuf,
    },
    /// List keys: id, label, scopes, end.
    List {
        /// The data folder.
        #[arg(long, value_name = "DIR", default_value = "./parlour-data")]
        data: PathBuf,
    },
    /// Revoke a key.
    Revoke {
        /// Its id: what follows `pk_`.
        id: String,
        /// The data folder.
        #[arg(long, value_name = "DIR", default_value = "./parlour-data")]
        data: PathBuf,
    },
}

impl Key {
    pub(super) fn run(self) -> Result<()> {
        match self {
            Self::Create { scopes, label, expires, data } => {
                println!("{}", create(&scopes, &label, expires, &data)?);
            }
            Self::List { data } => {
                for key in list(&data)? {
                    println!("{key}");
                }
            }
            Self::Revoke { id, data } => revoke(&id, &data)?,
        }
        Ok(())
    }
}

/// The store of a data folder, or the server that holds it.
enum Way {
    Store(Box<SqliteEngine>),
    Server,
}

fn way(data: &Path) -> Result<Way> {
    match DataFolder::open(data) {
        Ok(folder) => Ok(Way::Store(Box::new(SqliteEngine::open(folder)?))),
        Err(FolderError::InUse { .. }) => Ok(Way::Server),
        Err(other) => Err(other.into()),
    }
}

fn create(names: &[String], label: &str, expires: Option<Span>, data: &Path) -> Result<String> {
    let known = || Scope::ALL.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ");
    let scopes = Scopes::of_names(names).with_context(|| format!("scopes are: {}", known()))?;
    match way(data)? {
        Way::Store(mut engine) => {
            let mut entropy = serve::seed()?;
            let now = crate::clock::Clock::start().now().wall;
            let life = expires.map(|span| span.0);
            let (text, write) = api::first_key(&mut entropy, now, label, scopes, life);
            let mut writes = vec![write];
            if engine.was_created() {
                // The store is not new any more when the server first sees it.
                writes.push(parlour_node::lobby());
            }
            commit(&mut engine, writes)?;
            Ok(text.expose().clone())
        }
        Way::Server => {
            let mut body = json!({ "label": label, "scopes": names });
            if let Some(span) = expires {
                body["expires_in"] = span.0.as_secs().max(1).into();
            }
            let made = asked(data, "POST", "/keys", Some(&body.to_string()))?;
            let text = made.get("key").and_then(Json::as_str);
            Ok(text.context("the server made no key")?.to_owned())
        }
    }
}

fn list(data: &Path) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    match way(data)? {
        Way::Store(mut engine) => {
            let mut after = None;
            loop {
                let op = StoreOp::List {
                    kind: KEY.to_owned(),
                    prefix: String::new(),
                    after: after.take(),
                    most: PAGE,
                };
                let StoreDone::Listed(page) = execute(&mut engine, op)? else { break };
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                lines.extend(page.iter().map(|(id, key)| line(id, key)));
            }
        }
        Way::Server => {
            let mut query = String::new();
            loop {
                let page = asked(data, "GET", &format!("/keys?limit={PAGE}{query}"), None)?;
                let items = page.get("items").and_then(Json::as_array);
                for key in items.into_iter().flatten() {
                    let id = key.get("id").and_then(Json::as_str).unwrap_or_default();
                    lines.push(line(id, key));
                }
                let Some(cursor) = page.get("cursor").and_then(Json::as_str) else { break };
                query = format!("&cursor={cursor}");
            }
        }
    }
    Ok(lines)
}

fn line(id: &str, key: &Json) -> String {
    let text = |name: &str| key.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let scopes = key.get("scopes").and_then(Json::as_array);
    let scopes: Vec<&str> = scopes.into_iter().flatten().filter_map(Json::as_str).collect();
    let scopes = if scopes.is_empty() { "signs tokens".to_owned() } else { scopes.join(",") };
    let end = key.get("expires").and_then(Json::as_i64).map(|at| parlour_base::Wall(at).rfc3339());
    format!("{id}\t{}\t{scopes}\t{}", text("label"), end.unwrap_or_else(|| "no end".to_owned()))
}

fn revoke(id: &str, data: &Path) -> Result<()> {
    let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric());
    if !plain {
        bail!("{id} is no id of a key");
    }
    match way(data)? {
        Way::Store(mut engine) => {
            if !list_has(&mut engine, id)? {
                bail!("there is no key {id}");
            }
            let (kind, key) = (KEY.to_owned(), id.to_owned());
            commit(&mut engine, vec![Write::Record { kind, key, body: None }])
        }
        Way::Server => asked(data, "DELETE", &format!("/keys/{id}"), None).map(drop),
    }
}

fn list_has(engine: &mut SqliteEngine, id: &str) -> Result<bool> {
    use parlour_base::storage::{Found, Key};
    let key = Key::Record { kind: KEY.to_owned(), key: id.to_owned() };
    match execute(engine, StoreOp::Find(vec![key]))? {
        StoreDone::Found(found) => Ok(matches!(found.first(), Some(Found::Record(Some(_))))),
        _ => Ok(false),
    }
}

fn execute(engine: &mut SqliteEngine, op: StoreOp) -> Result<StoreDone> {
    let reply = engine.execute(vec![StoreRequest { id: StoreId(1), op }]).pop();
    Ok(reply.context("the store did not answer")?.result?)
}

fn commit(engine: &mut SqliteEngine, writes: Vec<Write>) -> Result<()> {
    execute(engine, StoreOp::Commit(writes)).map(drop)
}

fn asked(data: &Path, method: &str, path: &str, body: Option<&str>) -> Result<Json> {
    let path = format!("{}{path}", parlour_wire::api::PREFIX);
    let (status, text) = control::ask(data, method, &path, body)?;
    let answer: Json = serde_json::from_str(&text).unwrap_or_default();
    if (200..300).contains(&status) {
        return Ok(answer);
    }
    let word = |name: &str| answer.get(name).and_then(Json::as_str).map(str::to_owned);
    let why = word("detail").or_else(|| word("title"));
    Err(anyhow!("the server says no: {}", why.unwrap_or_else(|| status.to_string())))
}
