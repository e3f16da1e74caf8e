//! `/users/{user}/contacts`

use super::http::{Answer, Asked, Visit};
use super::page::page;
use super::port::Done;
use parlour_base::{Json, UserId};
use parlour_directory::contacts::{self, CONTACT, Contact};
use parlour_directory::record;
use parlour_directory::users::USER;
use parlour_wire::api::{Code, ContactBody, Problem};
use serde_json::json;

fn shown(id: &str, contact: &Contact) -> Json {
    json!({ "id": id, "name": contact.name, "since": contact.since })
}

impl Visit {
    pub(super) async fn list_contacts(&self, mut asked: Asked) -> Done<Answer> {
        let (user, _) = self.user(asked.id("user")?).await?;
        let (after, most) = asked.query.page()?;
        std::mem::take(&mut asked.query).end()?;
        let prefix = contacts::prefix(user);
        let after = after.map(|after| format!("{prefix}{after}"));
        let listed = self.port.list(CONTACT, &prefix, after, most.saturating_add(1)).await?;
        let items = listed.into_iter().filter_map(|(key, body)| {
            let (_, id) = key.split_once('/')?;
            let contact: Contact = record::from_json(Some(body))?;
            Some((id.to_owned(), shown(id, &contact)))
        });
        Ok(page(items.collect(), most))
    }

    pub(super) async fn read_contact(&self, mut asked: Asked) -> Done<Answer> {
        let (user, contact) = (asked.id("user")?, asked.id("contact")?);
        let (_, kept) = self.contact(user, contact).await?.ok_or_else(gone)?;
        Ok(Answer::json(shown(&contact.to_string(), &kept)))
    }

    pub(super) async fn put_contact(&self, mut asked: Asked) -> Done<Answer> {
        let (user, contact): (UserId, UserId) = (asked.id("user")?, asked.id("contact")?);
        let (_, (user_record, _)) = self.user(user).await?;
        let body: ContactBody = asked.body()?;
        if user == contact {
            return Err(Problem::at(Code::BadId, "contact", "nobody is a contact of their own"));
        }
        let other = self.port.record(USER, &contact.to_string()).await?;
        let unknown = || Problem::at(Code::UnknownUser, "contact", "there is no such user");
        let other = other.ok_or_else(unknown)?;
        let text = contact.to_string();
        let old = self.contact(user, contact).await?;
        match &old {
            Some((_, old)) => self.if_match(|| shown(&text, old))?,
            None => {
                self.if_match_any(|| None)?;
                let most = self.api.config.contacts_max;
                let listed = self.port.list(CONTACT, &contacts::prefix(user), None, most).await?;
                if listed.len() >= most as usize {
                    return Err(Code::LimitReached.into());
                }
            }
        }
        let since = old.as_ref().map_or_else(|| self.port.now().wall, |(_, old)| old.since);
        let new = Contact { name: body.name, since };
        // Both are still there, and nobody changed the contact meanwhile.
        let mut writes = vec![
            record::expect(USER, &user.to_string(), Some(user_record)),
            record::expect(USER, &text, Some(other)),
            record::expect(CONTACT, &contacts::pair(user, contact), old.map(|(body, _)| body)),
        ];
        writes.extend(contacts::keep(user, contact, &new));
        self.port.commit(writes).await?;
        Ok(Answer::json(shown(&text, &new)))
    }

    pub(super) async fn delete_contact(&self, mut asked: Asked) -> Done<Answer> {
        let (user, contact) = (asked.id("user")?, asked.id("contact")?);
        let (body, kept) = self.contact(user, contact).await?.ok_or_else(gone)?;
        self.if_match(|| shown(&contact.to_string(), &kept))?;
        let mut writes = vec![record::expect(CONTACT, &contacts::pair(user, contact), Some(body))];
        writes.extend(contacts::forget(user, contact));
        self.port.commit(writes).await?;
        Ok(Answer::nothing())
    }

    async fn contact(&self, user: UserId, contact: UserId) -> Done<Option<(Json, Contact)>> {
        let body = self.port.record(CONTACT, &contacts::pair(user, contact)).await?;
        let kept = record::from_json(body.clone());
        Ok(body.zip(kept))
    }
}

fn gone() -> Problem {
    Code::NotFound.into()
}
