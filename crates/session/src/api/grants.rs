//! `/rooms/{room}/grants`

use super::http::{Answer, Asked, Visit};
use super::page::page;
use super::port::{Done, alone};
use super::show;
use crate::call::Line;
use crate::flow::Seen;
use parlour_base::RoomId;
use parlour_directory::tokens::Subject;
use parlour_room::Command;
use parlour_room::policy::{Grant, Grantee};
use parlour_wire::api::{Code, GrantBody, Problem};

/// Who is meant if everybody is.
const EVERYONE: &str = "everyone";

impl Visit {
    pub(super) async fn list_grants(&self, mut asked: Asked) -> Done<Answer> {
        let seen = self.room(asked.id("room")?).await?;
        let (after, most) = asked.query.page()?;
        std::mem::take(&mut asked.query).end()?;
        let wrong = |_| Problem::at(Code::BadQuery, "cursor", "it makes no sense");
        let after = after.map(|after| after.parse::<Grantee>().map_err(wrong)).transpose()?;
        let behind = |who: &Grantee| after.is_none_or(|after| *who > after);
        let items = seen.room.grants().filter(|(who, _)| behind(who));
        let items = items.map(|(who, grant)| (who.to_string(), show::grant(who, grant)));
        Ok(page(items.take(most as usize + 1).collect(), most))
    }

    pub(super) async fn read_grant(&self, mut asked: Asked) -> Done<Answer> {
        let id = asked.id("room")?;
        let who = self.grantee(&asked.value(), false).await?;
        let seen = self.room(id).await?;
        let grant = seen.room.grant(&who).ok_or_else(|| Problem::new(Code::NotFound))?;
        Ok(Answer::json(show::grant(&who, grant)))
    }

    pub(super) async fn put_grant(&self, mut asked: Asked) -> Done<Answer> {
        let id: RoomId = asked.id("room")?;
        let who = asked.value();
        let GrantBody { permissions, kik } = asked.body()?;
        self.exists(id).await?;
        let who = self.grantee(&who, true).await?;
        if who == Grantee::Everyone && kik.is_some() {
            let detail = "a name in call control is somebody's";
            return Err(Problem::at(Code::BadField, "kik", detail));
        }
        let now = self.port.now().wall;
        self.port.turn(Line::Room(id)).await?;
        let give = |seen: &Seen| {
            let old = seen.room.grant(&who);
            self.if_match_any(|| old.map(|old| show::grant(&who, old)))?;
            let since = old.map_or(now, |old| old.since);
            let grant = Grant { permissions, since, kik: kik.clone() };
            Ok((old != Some(&grant)).then(|| alone(Command::Grant(who, Some(grant)))))
        };
        let seen = self.port.changed(id, give).await?;
        let grant = seen.room.grant(&who);
        let grant = grant.ok_or_else(|| Problem::new(Code::Conflict))?;
        Ok(Answer::json(show::grant(&who, grant)))
    }

    pub(super) async fn delete_grant(&self, mut asked: Asked) -> Done<Answer> {
        let id = asked.id("room")?;
        let who = self.grantee(&asked.value(), false).await?;
        self.port.turn(Line::Room(id)).await?;
        let take = |seen: &Seen| {
            let old = seen.room.grant(&who).ok_or_else(|| Problem::new(Code::NotFound))?;
            self.if_match(|| show::grant(&who, old))?;
            Ok(Some(alone(Command::Grant(who, None))))
        };
        self.port.change(id, take).await?;
        Ok(Answer::nothing())
    }

    /// Who is meant: everyone, a handle, or a name elsewhere. Somebody who is
    /// given something must be known.
    async fn grantee(&self, text: &str, known: bool) -> Done<Grantee> {
        if text == EVERYONE {
            return Ok(Grantee::Everyone);
        }
        let wrong = || Problem::at(Code::BadId, "grantee", "a handle, `everyone` or `ext:…`");
        let subject = Subject::of(text).ok_or_else(wrong)?;
        if let (Subject::User(user), false) = (&subject, known) {
            return Ok(Grantee::User(*user));
        }
        let found = self.port.find(vec![subject.lookup()]).await?;
        let user = subject.user(found.first(), &self.port.outside());
        let unknown = || Problem::at(Code::UnknownUser, "grantee", "there is no such user");
        user.map(Grantee::User).ok_or_else(unknown)
    }
}
