//! Somebody who writes to a server: to one room each, one write after the
//! other, each acknowledged before the next.

use super::{Kind, Span, WORDS};
use crate::clock::instant;
use crate::http::{Http, text};
use crate::server::Server;
use crate::signal::{Socket, client_id, enter, hear, say};
use anyhow::{Result, bail, ensure};
use parlour_base::{Json, Secret};
use parlour_wire::galene::{ClientMessage, ServerMessage};
use serde_json::json;
use tokio::task::JoinSet;

/// The namespace of the names that are changed.
const NAMESPACE: &str = "bench";

/// One writer with its ways to the server.
#[derive(Debug)]
pub(super) struct Writer {
    index: usize,
    socket: Socket,
    /// Only with a server of our own.
    api: Option<Api>,
    /// Numbers what is written.
    number: u64,
}

/// A room made by the API.
#[derive(Debug)]
struct Api {
    http: Http,
    key: Secret<String>,
    room: String,
    user: String,
    /// What the room is called at the moment.
    name: String,
}

/// As many writers as rooms.
pub(super) async fn all(rooms: usize, server: &Server) -> Result<Vec<Writer>> {
    let key = if server.is_own() { Some(server.key()?) } else { None };
    let user = match &key {
        Some(key) => Some(user(server, key).await?),
        None => None,
    };
    let mut tasks = JoinSet::new();
    for index in 0..rooms {
        let (url, group) = (server.websocket(), format!("{}/room-{index}", server.group));
        tasks.spawn(
            async move { anyhow::Ok((index, enter(&url, &client_id(index), &group).await?)) },
        );
    }
    let mut writers = Vec::new();
    while let Some(entered) = tasks.join_next().await {
        let (index, socket) = entered??;
        let api = match key.as_ref().zip(user.as_ref()) {
            Some((key, user)) => Some(Api::make(index, server, key, user).await?),
            None => None,
        };
        writers.push(Writer { index, socket, api, number: 0 });
    }
    Ok(writers)
}

/// The user who is given rights.
async fn user(server: &Server, key: &Secret<String>) -> Result<String> {
    let mut http = Http::connect(server).await?;
    let body = json!({ "login": "ada", "display_name": "Ada" });
    text(ask(&mut http, key, "POST", "/users", &body).await?, "id")
}

/// Asks the integration API for something and waits until it is done; the body
/// of the answer.
async fn ask<'h>(
    http: &'h mut Http,
    key: &Secret<String>,
    method: &str,
    path: &str,
    body: &Json,
) -> Result<&'h str> {
    let line = format!("authorization: Bearer {}\r\n", key.expose());
    let (path, body) = (format!("/api/v1{path}"), body.to_string());
    let answer = http.ask(method, &path, &line, &body).await?;
    ensure!(
        (200..300).contains(&answer.status),
        "{method} {path} is answered {}: {}",
        answer.status,
        answer.body
    );
    Ok(answer.body)
}

impl Api {
    async fn make(index: usize, server: &Server, key: &Secret<String>, user: &str) -> Result<Self> {
        let mut http = Http::connect(server).await?;
        let name = format!("room-{index}-0");
        let names = json!([{ "namespace": NAMESPACE, "name": name }]);
        let names = json!({ "names": names });
        let room = text(ask(&mut http, key, "POST", "/rooms", &names).await?, "id")?;
        Ok(Self { http, key: key.clone(), room, user: user.to_owned(), name })
    }

    /// Writes, and waits until it is acknowledged.
    async fn write(&mut self, kind: Kind, index: usize, number: u64) -> Result<()> {
        let Self { http, key, room, user, name } = self;
        match kind {
            Kind::Grant => {
                let right = if number.is_multiple_of(2) { "present" } else { "message" };
                let body = json!({ "permissions": [right] });
                ask(http, key, "PUT", &format!("/rooms/{room}/grants/{user}"), &body).await?;
            }
            Kind::Setting => {
                let body = json!({ "display_name": format!("Room {index}-{number}") });
                ask(http, key, "PATCH", &format!("/rooms/{room}"), &body).await?;
            }
            Kind::Name => {
                let new = format!("room-{index}-{number}");
                let path = format!("/rooms/{room}/names/{NAMESPACE}/{name}");
                ask(http, key, "PATCH", &path, &json!({ "name": new })).await?;
                *name = new;
            }
            Kind::Chat | Kind::All => bail!("this is not written by the API"),
        }
        Ok(())
    }
}

impl Writer {
    /// Connects to the API anew: the server does not keep a connection on which
    /// nothing was asked while another kind had its turn.
    pub(super) async fn reconnect(&mut self, server: &Server) -> Result<()> {
        if let Some(api) = &mut self.api {
            api.http = Http::connect(server).await?;
        }
        Ok(())
    }

    /// Writes until the span is over; the times of what was begun in it.
    pub(super) async fn run(&mut self, kind: Kind, span: Span) -> Result<Vec<u64>> {
        let kind = kind.of_writer(self.index);
        let mut times = Vec::new();
        loop {
            let at = instant();
            if at >= span.until {
                return Ok(times);
            }
            self.number += 1;
            match (&mut self.api, kind) {
                (Some(api), Kind::Grant | Kind::Setting | Kind::Name) => {
                    api.write(kind, self.index, self.number).await?;
                }
                _ => self.chat().await?,
            }
            let now = instant();
            if at >= span.from && now < span.until {
                times.push(u64::try_from(now.duration_since(at).as_micros()).unwrap_or(u64::MAX));
            }
        }
    }

    /// Says a line and waits for its echo.
    async fn chat(&mut self) -> Result<()> {
        let id = format!("{}-{}", self.index, self.number);
        let line = Json::from(format!("{id} {WORDS}"));
        let (kind, dest, value) = (String::new(), String::new(), line.clone());
        let said = ClientMessage::Chat { kind, dest, id, value, noecho: false };
        say(&mut self.socket, said).await?;
        loop {
            match hear(&mut self.socket).await? {
                ServerMessage::Chat(chat) if chat.value == line => return Ok(()),
                ServerMessage::UserMessage { kind, value, .. } if kind == "error" => {
                    bail!("the server refused a line: {value}")
                }
                _ => {}
            }
        }
    }
}
