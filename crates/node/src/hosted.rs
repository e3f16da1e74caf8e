//! A room in memory with those who are connected to it.

use crate::asker::Asker;
use crate::media::RoomMedia;
use crate::opening::Name;
use crate::timeline::{Proposal, Timeline};
use parlour_base::storage::StoreId;
use parlour_base::{ConnId, Mono, Now};
use parlour_directory::Access;
use parlour_room::MemberId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long after a failed write a room waits before it ends what has run out.
pub(crate) const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A room that this shard owns.
#[derive(Debug)]
pub(crate) struct Hosted {
    pub timeline: Timeline,
    /// Its names.
    pub names: Vec<Name>,
    /// Nobody has said yet what it is.
    pub blank: bool,
    /// The connection of each member that everybody sees.
    pub connections: BTreeMap<MemberId, ConnId>,
    pub media: RoomMedia,
    /// Who may enter by the Galène door, as the last to enter found it.
    pub access: Option<Arc<Access>>,
    /// Since when nobody is in it.
    pub idle_since: Option<Mono>,
    /// What has run out in it is not ended before, and what must happen is not
    /// tried again before.
    pub expire_after: Mono,
    /// What must happen and could not for want of the store, or was happening
    /// already and may be undone: at most what each member does last, and the
    /// end of each seat and stream.
    pub again: Vec<Proposal>,
    /// The write under way.
    pub flight: Option<StoreId>,
    /// When it is looked at next.
    pub armed: Option<Mono>,
}

impl Hosted {
    /// Whether the member that a connection takes itself for is its own: one
    /// that was put out may not have been told yet, and somebody else may have
    /// come in by the same id.
    pub(crate) fn is_its_own(&self, proposal: &Proposal) -> bool {
        let Some((conn, member)) = proposal.inside() else { return true };
        match self.timeline.let_in(member) {
            Some(asker) => asker == Asker::Conn(conn),
            None => self.connections.get(member) == Some(&conn),
        }
    }

    /// Whether a command has no effect on what everybody sees.
    pub(crate) fn is_moot(&self, now: Now, proposal: &Proposal) -> bool {
        let gone = |(conn, member)| self.connections.get(member) != Some(&conn);
        proposal.inside().is_some_and(gone) || self.timeline.is_moot(now, proposal)
    }

    /// Has something that must happen asked for once more, a little later.
    pub(crate) fn ask_again(&mut self, now: Now, proposal: Proposal) {
        self.expire_after = now.mono + TRY_AGAIN;
        let same =
            |other: &&Proposal| other.actor == proposal.actor && other.command == proposal.command;
        if self.again.iter().find(same).is_none() {
            self.again.push(proposal);
        }
    }
}
