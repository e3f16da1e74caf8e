//! `/rooms/{room}/names`

use super::http::{Answer, Asked, Visit};
use super::port::Done;
use super::rooms::bind;
use super::show;
use crate::call::Line;
use parlour_base::RoomId;
use parlour_base::storage::Write;
use parlour_wire::api::{Code, NAMES_MAX, NameBody, NewNameBody, PREFIX, Problem};
use serde_json::json;

impl Visit {
    pub(super) async fn list_names(&self, mut asked: Asked) -> Done<Answer> {
        let seen = self.room(asked.id("room")?).await?;
        Ok(Answer::json(json!({ "items": show::names(&seen.names) })))
    }

    pub(super) async fn bind_name(&self, mut asked: Asked) -> Done<Answer> {
        let id: RoomId = asked.id("room")?;
        let name: NameBody = asked.body()?;
        self.port.turn(Line::Room(id)).await?;
        let seen = self.room(id).await?;
        let has = seen.names.iter().any(|(n, t)| *n == name.namespace && *t == name.name);
        if !has && seen.names.len() >= NAMES_MAX {
            return Err(Code::LimitReached.into());
        }
        let location = format!("{PREFIX}/rooms/{id}/names");
        let answer = Answer::made(show::name(&name.namespace, &name.name), location);
        let mut writes = vec![bind(id, &name)];
        writes.extend(self.remembering(&answer));
        self.port.commit(writes).await.map_err(|problem| at(problem, "name"))?;
        Ok(answer)
    }

    pub(super) async fn rename_room(&self, mut asked: Asked) -> Done<Answer> {
        let id: RoomId = asked.id("room")?;
        let (namespace, name) = (asked.value(), asked.value());
        let NewNameBody { name: new } = asked.body()?;
        let detail = "no room of that namespace can be called that";
        let wrong = || Problem::at(Code::BadField, "name", detail);
        let new = NameBody::checked(&namespace, &new).ok_or_else(wrong)?;
        self.port.turn(Line::Room(id)).await?;
        self.has_name(id, &namespace, &name).await?;
        if new.name != name {
            let unbind = Write::UnbindName { namespace, name, room: id };
            let writes = vec![unbind, bind(id, &new)];
            self.port.commit(writes).await.map_err(|problem| at(problem, "name"))?;
        }
        Ok(Answer::json(show::name(&new.namespace, &new.name)))
    }

    pub(super) async fn unbind_name(&self, mut asked: Asked) -> Done<Answer> {
        let id: RoomId = asked.id("room")?;
        let (namespace, name) = (asked.value(), asked.value());
        self.port.turn(Line::Room(id)).await?;
        self.has_name(id, &namespace, &name).await?;
        self.port.commit(vec![Write::UnbindName { namespace, name, room: id }]).await?;
        Ok(Answer::nothing())
    }

    async fn has_name(&self, id: RoomId, namespace: &str, name: &str) -> Done<()> {
        let seen = self.room(id).await?;
        let is_it = |(n, t): &(String, String)| n == namespace && t == name;
        if !seen.names.iter().any(is_it) {
            return Err(Code::NotFound.into());
        }
        self.if_match(|| show::name(namespace, name))
    }
}

/// Says where the taken name is.
fn at(problem: Problem, field: &'static str) -> Problem {
    match problem.code {
        Code::NameTaken => Problem::at(Code::NameTaken, field, "another room has it"),
        _ => problem,
    }
}
