//! `/rooms/{room}/call`

use super::http::{Answer, Asked, Visit};
use super::page::page;
use super::port::{Done, alone};
use super::show;
use crate::flow::Seen;
use parlour_base::{RoomId, UserId};
use parlour_room::{Command, MemberId, SeatId};
use parlour_wire::api::{Code, Problem};

/// What people are told whose call is ended.
const ENDED: &str = "this call was ended";
/// What somebody is told who is turned out.
const REMOVED: &str = "you were removed";

impl Visit {
    pub(super) async fn read_call(&self, mut asked: Asked) -> Done<Answer> {
        let seen = self.room(asked.id("room")?).await?;
        Ok(Answer::json(show::call(&seen.room)))
    }

    pub(super) async fn end_call(&self, mut asked: Asked) -> Done<Answer> {
        let id = asked.id("room")?;
        let end = |seen: &Seen| {
            self.if_match(|| show::call(&seen.room))?;
            let anybody = !seen.room.is_empty();
            Ok(anybody.then(|| alone(Command::Disband { message: ENDED.to_owned() })))
        };
        self.port.change(id, end).await?;
        Ok(Answer::nothing())
    }

    pub(super) async fn list_members(&self, mut asked: Asked) -> Done<Answer> {
        let seen = self.room(asked.id("room")?).await?;
        let (after, most) = asked.query.page()?;
        std::mem::take(&mut asked.query).end()?;
        let wrong = |_| Problem::at(Code::BadQuery, "cursor", "it makes no sense");
        let after: Option<u64> = after.map(|after| after.parse().map_err(wrong)).transpose()?;
        let all = seen.room.presences();
        let items = all.iter().filter(|one| after.is_none_or(|after| show::order(one) > after));
        let items = items.map(|one| (show::order(one).to_string(), show::member(one)));
        Ok(page(items.take(most as usize + 1).collect(), most))
    }

    pub(super) async fn read_member(&self, mut asked: Asked) -> Done<Answer> {
        let seen = self.room(asked.id("room")?).await?;
        let wanted = asked.value();
        let all = seen.room.presences();
        let member = all.iter().find(|one| show::member_id(one) == wanted);
        let member = member.ok_or_else(|| Problem::new(Code::NotFound))?;
        Ok(Answer::json(show::member(member)))
    }

    pub(super) async fn remove_member(&self, mut asked: Asked) -> Done<Answer> {
        let id = asked.id("room")?;
        let wanted = asked.value();
        let remove = |seen: &Seen| {
            let all = seen.room.presences();
            let one = all.iter().find(|one| show::member_id(one) == wanted);
            let one = one.ok_or_else(|| Problem::new(Code::NotFound))?;
            self.if_match(|| show::member(one))?;
            let seat: Option<SeatId> = one.seat.map(|seat| seat.id.clone());
            let member: Option<MemberId> = one.member.map(|member| member.id.clone());
            Ok(match (seat, member) {
                (Some(seat), _) => Some(alone(Command::Evict(seat))),
                (None, Some(target)) => {
                    Some(alone(Command::Kick { target, message: Some(REMOVED.to_owned()) }))
                }
                (None, None) => None,
            })
        };
        self.port.change(id, remove).await?;
        Ok(Answer::nothing())
    }

    pub(super) async fn remove_user(&self, mut asked: Asked) -> Done<Answer> {
        let id: RoomId = asked.id("room")?;
        let user = asked.query.take("user");
        std::mem::take(&mut asked.query).end()?;
        let missing = || Problem::at(Code::BadQuery, "user", "it is needed");
        let wrong = |_| Problem::at(Code::BadId, "user", "11 characters of base64url");
        let user: UserId = user.ok_or_else(missing)?.parse().map_err(wrong)?;
        let remove = |seen: &Seen| {
            let its = |one: &parlour_room::view::Presence<'_>| {
                let seat = one.seat.map(|seat| seat.person.user);
                seat.or_else(|| one.member.map(|member| member.person.user)) == Some(user)
            };
            if !seen.room.presences().iter().any(its) {
                return Err(Code::NotFound.into());
            }
            Ok(Some(alone(Command::EvictUser(user))))
        };
        self.port.change(id, remove).await?;
        Ok(Answer::nothing())
    }
}
