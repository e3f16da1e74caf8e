//! Visits: joins and questions about groups that have no definition, and joins
//! with a token of an application. The door finds out in a call of its own.

use super::{Admitted, GALENE, Wish};
use crate::opening::Waiter;
use crate::port::{CallId, Output, QueryId, Reply as Answer};
use crate::shard::Shard;
use parlour_base::{ConnId, Mono, Now};
use parlour_directory::Access;
use parlour_room::Rules;
use parlour_room::command::Pass;
use parlour_session::galene::visit::{self, Glimpse, Visitor, Welcome};
use parlour_session::galene::{EntryFailure, EntryRequest};
use parlour_session::{Reply, Target};
use parlour_wire::galene::GroupStatus;
use std::sync::Arc;

/// Who waits for what a call of the door finds out.
#[derive(Debug)]
pub(super) enum Visit {
    /// A client that wants in.
    Join { conn: ConnId, since: Mono, wish: Box<Wish> },
    /// The HTTP side, about this group.
    Question(QueryId, String),
}

impl Visit {
    /// Whether it is this client's.
    pub(super) fn is_of(&self, who: ConnId) -> bool {
        matches!(self, Self::Join { conn, .. } if *conn == who)
    }
}

impl Shard {
    /// Has the door find out about somebody who wants in.
    pub(super) fn visit(
        &mut self,
        now: Now,
        conn: ConnId,
        request: EntryRequest,
        definition: Option<(Rules, Arc<Access>)>,
    ) {
        let EntryRequest { id, group, username, password, token, attributes } = request;
        let name = String::new();
        let wish = Wish { id, group: group.clone(), name, attributes, definition };
        let call = self.own_call(visit::visit(Visitor { group, username, password, token }));
        let Some(call) = call else {
            self.entry_failed(now, conn, &EntryFailure::Internal);
            return;
        };
        let visit = Visit::Join { conn, since: now.mono, wish: Box::new(wish) };
        self.entries.visits.insert(call, visit);
    }

    /// Has the door look at a group that has no definition.
    pub(super) fn glimpse(&mut self, query: QueryId, group: String) {
        match self.own_call(visit::glimpse(group.clone())) {
            Some(call) => {
                self.entries.visits.insert(call, Visit::Question(query, group));
            }
            None => self.out.push_back(Output::Reply(query, Answer::Group(None))),
        }
    }

    /// The door has found out; gives the reply back if nobody waits for it.
    pub(crate) fn visited(&mut self, now: Now, call: CallId, reply: Reply) -> Option<Reply> {
        match self.entries.visits.remove(&call) {
            Some(Visit::Join { conn, since, wish }) => {
                let result: Option<Result<Welcome, EntryFailure>> = reply.open();
                match result.unwrap_or(Err(EntryFailure::Internal)) {
                    Ok(welcome) => self.welcome(now, (conn, since), *wish, welcome),
                    Err(EntryFailure::NotAuthorised) => {
                        self.hold_back(now, conn, EntryFailure::NotAuthorised);
                    }
                    Err(failure) => self.entry_failed(now, conn, &failure),
                }
                None
            }
            Some(Visit::Question(query, group)) => {
                let glimpse: Option<Glimpse> = reply.open().flatten();
                let status = glimpse.map(|glimpse| GroupStatus {
                    name: group,
                    display_name: glimpse.display_name,
                    locked: glimpse.locked,
                    ..GroupStatus::default()
                });
                self.out.push_back(Output::Reply(query, Answer::Group(status)));
                None
            }
            None => Some(reply),
        }
    }

    fn welcome(&mut self, now: Now, who: (ConnId, Mono), mut wish: Wish, welcome: Welcome) {
        let Welcome { name, person, proof, room } = welcome;
        let (conn, since) = who;
        let create = room.is_some();
        let (namespace, group) = room.unwrap_or_else(|| (GALENE.to_owned(), wish.group));
        wish.group = group.clone();
        let target = Target::Name { namespace, name: group, create };
        wish.name = name;
        let admitted = Admitted { conn, since, wish, pass: Pass::Shown { person, proof } };
        self.want(now, target, Waiter::Join(Box::new(admitted)));
    }
}
