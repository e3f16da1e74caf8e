//! `/users`

use super::http::{Answer, Asked, Visit};
use super::page::page;
use super::port::Done;
use parlour_base::storage::Found;
use parlour_base::{Json, UserId};
use parlour_directory::outside::Outside;
use parlour_directory::users::{self, Part, USER, User};
use parlour_directory::{contacts, record};
use parlour_wire::api::{Change, Code, PREFIX, Problem, Query, UserBody};
use serde_json::json;
use std::collections::BTreeSet;

/// Most contacts that are forgotten in one commit.
const FORGET_MAX: u32 = 500;

pub(super) fn shown(id: &str, user: &User) -> Json {
    let galene = user.galene.iter();
    let galene: Vec<Json> =
        galene.map(|(group, name)| json!({ "group": group, "name": name })).collect();
    json!({
        "id": id,
        "login": user.login,
        "display_name": user.display_name,
        "kik": user.kik,
        "galene": galene,
        "accounts": user.accounts,
        "created": user.created,
        "changed": user.changed,
    })
}

impl Visit {
    pub(super) async fn list_users(&self, mut asked: Asked) -> Done<Answer> {
        let (after, most) = asked.query.page()?;
        let named = named(&mut asked.query)?;
        std::mem::take(&mut asked.query).end()?;
        if let Some(outside) = named {
            return self.user_named(&outside).await;
        }
        let listed = self.port.list(USER, "", after, most.saturating_add(1)).await?;
        let items = listed.into_iter().filter_map(|(id, body)| {
            let user: User = record::from_json(Some(body))?;
            let shown = shown(&id, &user);
            Some((id, shown))
        });
        Ok(page(items.collect(), most))
    }

    async fn user_named(&self, outside: &Outside) -> Done<Answer> {
        let link = self.port.find(vec![outside.lookup()]).await?.pop();
        let Some(Found::Record(Some(Json::String(id)))) = link else {
            return Ok(page(Vec::new(), 1));
        };
        let user: Option<User> = record::from_json(self.port.record(USER, &id).await?);
        let item = user.map(|user| (id.clone(), shown(&id, &user)));
        Ok(page(item.into_iter().collect(), 1))
    }

    pub(super) async fn create_user(&self, mut asked: Asked) -> Done<Answer> {
        let body: UserBody = asked.body()?;
        let id = self.port.random(parlour_base::Entropy::user_id);
        let now = self.port.now().wall;
        let nobody = User {
            login: None,
            display_name: None,
            kik: None,
            galene: Vec::new(),
            accounts: Vec::new(),
            created: now,
            changed: now,
        };
        let user = changed(nobody, body);
        let text = id.to_string();
        let answer = Answer::made(shown(&text, &user), format!("{PREFIX}/users/{text}"));
        let mut writes = users::change(id, None, Some(&user));
        writes.extend(self.remembering(&answer));
        self.commit_user(id, &user, writes).await?;
        Ok(answer)
    }

    pub(super) async fn read_user(&self, mut asked: Asked) -> Done<Answer> {
        let (id, body) = self.user(asked.id("user")?).await?;
        Ok(Answer::json(shown(&id.to_string(), &body.1)))
    }

    pub(super) async fn change_user(&self, mut asked: Asked) -> Done<Answer> {
        let (id, (was, user)) = self.user(asked.id("user")?).await?;
        let body: UserBody = asked.body()?;
        let text = id.to_string();
        self.if_match(|| shown(&text, &user))?;
        let mut new = changed(user.clone(), body);
        if new == user {
            return Ok(Answer::json(shown(&text, &user)));
        }
        new.changed = self.port.now().wall;
        let writes = users::change(id, Some(&was), Some(&new));
        self.commit_user(id, &new, writes).await?;
        Ok(Answer::json(shown(&text, &new)))
    }

    pub(super) async fn delete_user(&self, mut asked: Asked) -> Done<Answer> {
        let (id, (was, user)) = self.user(asked.id("user")?).await?;
        self.if_match(|| shown(&id.to_string(), &user))?;
        // The user first: what is left of a crash in between is found by
        // nobody, and a contact cannot be added to a user who is gone.
        self.port.commit(users::change(id, Some(&was), None)).await?;
        for (kind, of_user) in [(contacts::CONTACT, true), (contacts::CONTACT_OF, false)] {
            self.forget_contacts(kind, id, of_user).await?;
        }
        Ok(Answer::nothing())
    }

    async fn forget_contacts(&self, kind: &str, id: UserId, of_user: bool) -> Done<()> {
        loop {
            let listed = self.port.list(kind, &contacts::prefix(id), None, FORGET_MAX).await?;
            let pairs = listed.iter().filter_map(|(key, _)| contacts::both(key));
            let writes = pairs.flat_map(|(one, other)| match of_user {
                true => contacts::forget(one, other),
                false => contacts::forget(other, one),
            });
            let writes: Vec<_> = writes.collect();
            if writes.is_empty() {
                return Ok(());
            }
            self.port.commit(writes).await?;
        }
    }

    /// A stored user: its id, its record as it is kept, and as it is read.
    pub(super) async fn user(&self, id: UserId) -> Done<(UserId, (Json, User))> {
        let body = self.port.record(USER, &id.to_string()).await?;
        let user = record::from_json(body.clone());
        match body.zip(user) {
            Some(both) => Ok((id, both)),
            None => Err(Code::NotFound.into()),
        }
    }

    /// Whether users that a body names are stored.
    pub(super) async fn is_user(&self, id: UserId) -> Done<bool> {
        Ok(self.port.record(USER, &id.to_string()).await?.is_some())
    }

    /// Says which name is taken.
    async fn commit_user(
        &self,
        id: UserId,
        user: &User,
        writes: Vec<parlour_base::storage::Write>,
    ) -> Done<()> {
        let Err(problem) = self.port.commit(writes).await else { return Ok(()) };
        if problem.code != Code::NameTaken {
            return Err(problem);
        }
        let names: BTreeSet<(Part, Outside)> = user.outside();
        let found = self.port.find(names.iter().map(|(_, name)| name.lookup()).collect()).await?;
        let id = Json::from(id.to_string());
        let others = |found: &Found| matches!(found, Found::Record(Some(owner)) if *owner != id);
        let taken = names.iter().zip(&found).find(|(_, found)| others(found));
        Err(match taken {
            Some(((part, _), _)) => {
                Problem::at(Code::NameTaken, field(*part), "it belongs to another user")
            }
            None => problem,
        })
    }
}

const fn field(part: Part) -> &'static str {
    match part {
        Part::Login => "login",
        Part::Kik => "kik",
        Part::Galene => "galene",
        Part::Account => "accounts",
    }
}

fn changed(user: User, body: UserBody) -> User {
    let UserBody { login, display_name, kik, galene, accounts } = body;
    let pairs = match galene {
        Change::Keep => user.galene,
        Change::Clear => Vec::new(),
        Change::Set(list) => list.into_iter().map(|one| (one.group, one.name)).collect(),
    };
    User {
        login: login.over(user.login),
        display_name: display_name.over(user.display_name),
        kik: kik.over(user.kik),
        galene: pairs,
        accounts: accounts.over(Some(user.accounts)).unwrap_or_default(),
        ..user
    }
}

/// The one name that is asked for, if any.
fn named(query: &mut Query) -> Done<Option<Outside>> {
    let login = query.take("login").map(|name| Outside::login(&name));
    let kik = query.take("kik").map(|name| Outside::kik(&name));
    let account = query.take("account").map(|name| Outside::account(&name.to_lowercase()));
    let mut names = login.into_iter().chain(kik).chain(account);
    let first = names.next();
    if names.next().is_some() {
        return Err(Problem::at(Code::BadQuery, "login", "one name at a time"));
    }
    Ok(first)
}
