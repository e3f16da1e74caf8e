//! A media server apart: whoever wants in has a token, and the keeper of the
//! calls is asked about it. What it let in is told to it when it is over.

use super::visit::Visit;
use super::{Shard, Wish};
use crate::client::Place;
use crate::port::Output;
use parlour_base::{ConnId, Now};
use parlour_room::{Command, Refusal};
use parlour_session::Notice;
use parlour_session::galene::present::{Bearer, present};
use parlour_session::galene::{EntryFailure, EntryRequest};
use std::collections::BTreeMap;

/// Said to whom the keeper has taken out.
const TAKEN_OUT: &str = "you have left the call";

/// The connections for which a token was presented, by what the keeper calls
/// them.
#[derive(Debug, Default)]
pub(super) struct Connections {
    last: u64,
    by_number: BTreeMap<u64, ConnId>,
    numbers: BTreeMap<ConnId, u64>,
}

impl Connections {
    fn begin(&mut self, conn: ConnId) -> u64 {
        self.last += 1;
        self.by_number.insert(self.last, conn);
        self.numbers.insert(conn, self.last);
        self.last
    }

    fn end(&mut self, conn: ConnId) -> Option<u64> {
        let number = self.numbers.remove(&conn)?;
        self.by_number.remove(&number);
        Some(number)
    }
}

impl Shard {
    /// Has the keeper asked about somebody who wants in.
    pub(super) fn present(
        &mut self,
        now: Now,
        conn: ConnId,
        request: EntryRequest,
        server: String,
    ) {
        let EntryRequest { id, group, token, attributes, .. } = request;
        let Some(token) = token else {
            self.hold_back(now, conn, EntryFailure::NotAuthorised);
            return;
        };
        self.departed(conn);
        let connection = self.entries.presented.begin(conn);
        let bearer = Bearer { group: group.clone(), token, server, connection };
        let Some(call) = self.own_call(present(bearer)) else {
            self.entry_failed(now, conn, &EntryFailure::Internal);
            return;
        };
        let wish = Wish { id, group, name: String::new(), attributes, definition: None };
        let visit = Visit::Join { conn, since: now.mono, wish: Box::new(wish) };
        self.entries.visits.insert(call, visit);
    }

    /// A connection is over; the keeper hears of it if it was presented.
    pub(crate) fn departed(&mut self, conn: ConnId) {
        if let Some(number) = self.entries.presented.end(conn) {
            self.out.push_back(Output::Notice(Notice::Departed(number)));
        }
    }

    /// The keeper has a connection closed.
    pub(crate) fn evict_connection(&mut self, now: Now, number: u64) {
        let Some(conn) = self.entries.presented.by_number.get(&number).copied() else { return };
        let place = self.clients.get(&conn).and_then(|client| client.place.clone());
        match place {
            Some(Place { room, member }) => {
                let message = Some(TAKEN_OUT.to_owned());
                self.house(now, room, Command::Kick { target: member, message });
            }
            // It is still on its way in.
            None => {
                self.entries.forget(conn);
                self.openings.forget(conn);
                let dead = EntryFailure::Refused(Refusal::TokenDead);
                self.entry_failed(now, conn, &dead);
            }
        }
    }
}
