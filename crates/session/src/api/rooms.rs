//! `/rooms`

use super::http::{Answer, Asked, Visit};
use super::page::page;
use super::policy::{closed, is_whole};
use super::port::{Done, TRIES, alone};
use super::repeat::undoing;
use super::show;
use crate::call::Line;
use crate::flow::Seen;
use crate::rooms::{owned, passed_on};
use parlour_base::RoomId;
use parlour_base::storage::{Found, Key, Write};
use parlour_room::command::Description;
use parlour_room::{Command, Rules};
use parlour_wire::api::{Change, Code, NameBody, PREFIX, Problem, RoomBody};
use serde_json::json;

impl Visit {
    pub(super) async fn list_rooms(&self, mut asked: Asked) -> Done<Answer> {
        let (after, most) = asked.query.page()?;
        let named = (asked.query.take("namespace"), asked.query.take("name"));
        std::mem::take(&mut asked.query).end()?;
        let (ids, most) = match named {
            (None, None) => {
                let wrong = |_| Problem::at(Code::BadQuery, "cursor", "it makes no sense");
                let after = after.map(|after| after.parse().map_err(wrong)).transpose()?;
                (self.port.rooms(after, most.saturating_add(1)).await?, most)
            }
            (Some(namespace), Some(name)) => {
                (self.port.named(&namespace, &name).await?.into_iter().collect(), 1)
            }
            _ => return Err(Problem::at(Code::BadQuery, "namespace", "it goes with `name`")),
        };
        let found = self.port.find(ids.iter().map(|id| Key::NamesOf(*id)).collect()).await?;
        let items = ids.iter().zip(found).map(|(id, found)| {
            let names = match found {
                Found::Names(names) => names,
                _ => Vec::new(),
            };
            let text = id.to_string();
            let item = json!({ "id": text, "names": show::names(&names) });
            (text, item)
        });
        Ok(page(items.collect(), most))
    }

    pub(super) async fn create_room(&self, mut asked: Asked) -> Done<Answer> {
        let body: RoomBody = asked.body()?;
        let RoomBody { display_name, names, policy, lease } = body;
        let names = names.unwrap_or_default();
        self.are_free(&names).await?;
        let policy = self.new_policy(policy).await?.over(&closed())?;
        is_whole(&policy, lease.is_some())?;
        let now = self.port.now().wall;
        let lease = match lease {
            Some(lease) => Some(self.new_lease(lease, now).await?),
            None => None,
        };
        let id = self.port.random(parlour_base::Entropy::room_id);
        let text = id.to_string();
        let display_name = display_name.set();
        let pairs: Vec<_> = names.iter().map(|n| (n.namespace.clone(), n.name.clone())).collect();
        let shown = show::described(
            &text,
            display_name.as_deref(),
            &pairs,
            &policy,
            lease.as_ref().map(|(lease, expires)| (lease, Some(*expires))),
        );
        let answer = Answer::made(shown, format!("{PREFIX}/rooms/{text}"));
        let mut along = names.iter().map(|name| bind(id, name)).collect::<Vec<_>>();
        along.extend(self.remembering(&answer));
        let undoing = undoing(&along);
        along.extend(lease.iter().filter_map(|(lease, _)| owned(lease, id)));
        let rules = display_name.is_some().then(|| Rules { display_name, ..Rules::default() });
        let description = Description {
            rules: rules.map(Box::new),
            policy: Some(Box::new(policy)),
            lease: lease.map(|(lease, expires)| (Box::new(lease), expires)),
        };
        match self.describe(id, description, along).await {
            Ok(()) => Ok(answer),
            Err(problem) => {
                // Nobody knows the room: without its names it is as good as
                // not made, and goes.
                let gone = self.port.command(id, Command::Delete, undoing).await;
                if gone.is_err_and(|problem| problem.code == Code::Conflict) {
                    drop(self.port.command(id, Command::Delete, Vec::new()).await);
                }
                self.are_free(&names).await?;
                Err(problem)
            }
        }
    }

    /// Says what a new room is, with everything that others can find it by,
    /// though it may have to be opened again.
    async fn describe(&self, id: RoomId, all: Description, along: Vec<Write>) -> Done<()> {
        for _ in 0..TRIES {
            self.port.make(id).await?;
            let command = Command::Describe(Box::new(all.clone()));
            if self.port.command(id, command, along.clone()).await?.is_some() {
                return Ok(());
            }
        }
        Err(Code::Busy.into())
    }

    /// Whether no room has one of these names.
    async fn are_free(&self, names: &[NameBody]) -> Done<()> {
        let key = |name: &NameBody| Key::Name {
            namespace: name.namespace.clone(),
            name: name.name.clone(),
        };
        let found = self.port.find(names.iter().map(key).collect()).await?;
        let taken = found.iter().position(|found| matches!(found, Found::Room(Some(_))));
        match taken {
            None => Ok(()),
            Some(_) => Err(Problem::at(Code::NameTaken, "names", "a room has one of them")),
        }
    }

    pub(super) async fn read_room(&self, mut asked: Asked) -> Done<Answer> {
        let seen = self.room(asked.id("room")?).await?;
        Ok(Answer::json(show::room(&seen)))
    }

    pub(super) async fn change_room(&self, mut asked: Asked) -> Done<Answer> {
        let id = asked.id("room")?;
        let body: RoomBody = asked.body()?;
        if body.names.is_some() {
            let detail = "names have paths of their own";
            return Err(Problem::at(Code::UnknownField, "names", detail));
        }
        let now = self.port.now().wall;
        let policy = self.new_policy(body.policy).await?;
        let lease = match body.lease {
            Some(lease) => Some(self.new_lease(lease, now).await?),
            None => None,
        };
        self.port.turn(Line::Room(id)).await?;
        let change = |seen: &Seen| {
            self.if_match(|| show::room(seen))?;
            let room = &seen.room;
            let new = policy.over(room.policy())?;
            is_whole(&new, lease.is_some() || room.lease().is_some())?;
            let display_name = match &body.display_name {
                Change::Keep => None,
                change => Some(change.clone().over(None)),
            };
            let rules = display_name
                .map(|display_name| Box::new(Rules { display_name, ..Rules::clone(room.rules()) }));
            let description = Description {
                rules: rules.filter(|new| **new != *room.rules()),
                policy: (new != *room.policy()).then(|| Box::new(new)),
                lease: lease.clone().map(|(lease, expires)| (Box::new(lease), expires)),
            };
            let along = match &lease {
                Some((lease, _)) => passed_on(room.lease(), lease, id),
                None => Vec::new(),
            };
            let idle = description == Description::default();
            Ok((!idle).then(|| (Command::Describe(Box::new(description)), along)))
        };
        let seen = self.port.changed(id, change).await?;
        Ok(Answer::json(show::room(&seen)))
    }

    pub(super) async fn delete_room(&self, mut asked: Asked) -> Done<Answer> {
        let id = asked.id("room")?;
        self.port.turn(Line::Room(id)).await?;
        let delete = |seen: &Seen| {
            self.if_match(|| show::room(seen))?;
            Ok(Some(alone(Command::Delete)))
        };
        self.port.change(id, delete).await?;
        Ok(Answer::nothing())
    }

    /// Refuses what is about a room that is not stored.
    pub(super) async fn exists(&self, id: RoomId) -> Done<()> {
        self.room(id).await.map(drop)
    }

    /// A stored room.
    pub(super) async fn room(&self, id: RoomId) -> Done<Seen> {
        self.port.open(id).await?.ok_or_else(|| Code::NotFound.into())
    }
}

/// Gives a room a name.
pub(super) fn bind(room: RoomId, name: &NameBody) -> Write {
    Write::BindName { namespace: name.namespace.clone(), name: name.name.clone(), room }
}
