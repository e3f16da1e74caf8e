//! What one client knows, from nothing but what it was sent, and the rules of
//! order that every client may count on (docs/protocols/galene.md §§3.4, 3.8).

use crate::token;
use parlour_base::{Json, JsonMap, Permission, Permissions};
use parlour_wire::galene::{Chat, Dialect, JoinedKind, ServerMessage, UserKind};
use std::collections::{BTreeMap, BTreeSet};

/// How far the client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing was said.
    Fresh,
    /// The server greeted.
    Shaken,
    /// It is in a group; history comes before its own `user`.
    Arriving,
    /// It is in a group.
    In,
}

/// Somebody in the group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Person {
    pub name: String,
    pub permissions: Permissions,
    pub data: JsonMap,
}

/// A line of chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub source: String,
    pub id: Option<String>,
    pub mark: String,
}

/// One client's picture of the world.
#[derive(Debug)]
pub(crate) struct View {
    me: String,
    pub dialect: Dialect,
    pub stage: Stage,
    pub group: String,
    pub permissions: Permissions,
    pub roster: BTreeMap<String, Person>,
    /// Streams that it receives.
    pub downs: BTreeSet<String>,
    /// Streams that it ever offered.
    pub mine: BTreeSet<String>,
    /// Answers it sent for streams that may have ended meanwhile.
    pub answers: BTreeMap<String, u32>,
    pub chat: Vec<Line>,
}

impl View {
    pub(crate) fn new(me: &str, dialect: Dialect) -> Self {
        Self {
            me: me.to_owned(),
            dialect,
            stage: Stage::Fresh,
            group: String::new(),
            permissions: Permissions::NONE,
            roster: BTreeMap::new(),
            downs: BTreeSet::new(),
            mine: BTreeSet::new(),
            answers: BTreeMap::new(),
            chat: Vec::new(),
        }
    }

    /// What of these permissions the client is told.
    pub(crate) fn told(&self, held: Permissions) -> Permissions {
        let shown = |p: &Permission| {
            matches!(p, Permission::Op | Permission::Present | Permission::Record)
                || self.dialect != Dialect::Legacy
        };
        held.iter().filter(shown).collect()
    }

    /// Takes a message; says which rule it breaks.
    pub(crate) fn take(&mut self, message: &ServerMessage) -> Result<(), String> {
        let inside = matches!(self.stage, Stage::Arriving | Stage::In);
        match message {
            ServerMessage::Handshake => {
                ensure(self.stage == Stage::Fresh, "a second handshake")?;
                self.stage = Stage::Shaken;
            }
            _ if self.stage == Stage::Fresh => return Err("something before the handshake".into()),
            ServerMessage::Joined { kind, group, permissions, .. } => {
                self.joined(*kind, group, *permissions)?;
            }
            ServerMessage::ChatHistory(chat) => {
                ensure(self.stage == Stage::Arriving, "history after the first user")?;
                self.line(chat);
            }
            ServerMessage::Chat(chat) => {
                let legacy = self.dialect == Dialect::Legacy;
                ensure(inside, "chat outside a group")?;
                ensure(legacy || self.stage == Stage::In, "live chat before history")?;
                if chat.dest.is_none() && chat.kind != "caption" {
                    self.line(chat);
                }
            }
            ServerMessage::User { kind, id, username, permissions, data } => {
                ensure(inside, "a user outside a group")?;
                let (name, data) = (username.clone(), data.clone());
                self.user(*kind, id, Person { name, permissions: *permissions, data })?;
            }
            ServerMessage::Offer { id, replace, source, .. } => {
                ensure(self.stage == Stage::In, "an offer outside a group")?;
                ensure(*source != self.me, "an own stream came back")?;
                ensure(self.roster.contains_key(source), "an offer of somebody unknown")?;
                if let Some(old) = replace {
                    ensure(self.downs.remove(old), "an unknown stream was replaced")?;
                }
                self.downs.insert(id.clone());
            }
            ServerMessage::Close { id } => self.closed(id)?,
            ServerMessage::Answer { id, .. }
            | ServerMessage::Abort { id }
            | ServerMessage::Renegotiate { id } => {
                ensure(self.mine.contains(id), "about a stream that it never offered")?;
            }
            ServerMessage::UserMessage { kind, value, .. } if kind == "clearchat" => {
                ensure(inside, "clearchat outside a group")?;
                self.clear(value);
            }
            _ => {}
        }
        Ok(())
    }

    fn joined(
        &mut self,
        kind: JoinedKind,
        group: &str,
        permissions: Permissions,
    ) -> Result<(), String> {
        match kind {
            JoinedKind::Join => {
                ensure(self.stage == Stage::Shaken, "joined twice")?;
                self.stage = Stage::Arriving;
                self.group = group.to_owned();
                self.permissions = permissions;
            }
            JoinedKind::Change => {
                ensure(self.stage == Stage::In, "a change outside a group")?;
                ensure(self.group == group, "a change of another group")?;
                self.permissions = permissions;
            }
            JoinedKind::Leave => {
                ensure(self.stage == Stage::In, "left without being in")?;
                self.stage = Stage::Shaken;
                self.roster.clear();
                self.downs.clear();
                self.chat.clear();
            }
            JoinedKind::Fail | JoinedKind::Redirect => {
                ensure(self.stage == Stage::Shaken, "a failed join of somebody inside")?;
            }
        }
        Ok(())
    }

    fn user(&mut self, kind: UserKind, id: &str, person: Person) -> Result<(), String> {
        let known = self.roster.contains_key(id);
        match kind {
            UserKind::Add => {
                ensure(!known, "somebody came twice")?;
                let first = self.stage == Stage::Arriving;
                ensure(!first || id == self.me, "somebody else before oneself")?;
                self.stage = Stage::In;
                self.roster.insert(id.to_owned(), person);
            }
            UserKind::Change => {
                ensure(known, "somebody unknown changed")?;
                self.roster.insert(id.to_owned(), person);
            }
            UserKind::Delete => {
                ensure(id != self.me, "told of its own going")?;
                ensure(self.roster.remove(id).is_some(), "somebody unknown left")?;
            }
        }
        Ok(())
    }

    fn closed(&mut self, id: &str) -> Result<(), String> {
        if self.downs.remove(id) {
            return Ok(());
        }
        // The answer to a stream that is gone is answered by one more close.
        match self.answers.get_mut(id) {
            Some(left) if *left > 0 => *left -= 1,
            _ => return Err(format!("a close of {id}, which it does not receive")),
        }
        Ok(())
    }

    fn line(&mut self, chat: &Chat) {
        let mark = token::find(&chat.value.to_string()).pop().unwrap_or_default();
        let source = chat.source.clone().unwrap_or_default();
        self.chat.push(Line { source, id: chat.id.clone(), mark });
    }

    fn clear(&mut self, value: &Json) {
        let of = |key| value.get(key).and_then(Json::as_str);
        match (of("userId"), of("id")) {
            (Some(user), Some(id)) => {
                self.chat.retain(|l| l.source != user || l.id.as_deref() != Some(id));
            }
            (Some(user), None) => self.chat.retain(|line| line.source != user),
            _ => self.chat.clear(),
        }
    }
}

fn ensure(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}
