//! Between the node and the media workers, and between both and the clients.

use super::{Coming, World};
use crate::dice::MS;
use crate::media::Pace;
use parlour_sfu::plan::{Command, WorkerIndex};

impl World {
    /// An order leaves the node: to the shipped workers it takes a while.
    pub(super) fn ordered(&mut self, worker: WorkerIndex, command: Command) -> Result<(), String> {
        if self.media.is_some() {
            let at = self.queued(worker);
            self.at(at, Coming::Order(self.life, worker, Box::new(command)));
            return Ok(());
        }
        let soon = self.workers.order(command, &mut self.dice, &self.swarm, &mut self.tally)?;
        for (after, notice) in soon {
            self.soon(after, Coming::Notice(self.life, worker, notice));
        }
        Ok(())
    }

    /// When something that is queued now comes out of a worker's queue.
    fn queued(&mut self, worker: WorkerIndex) -> u64 {
        let soon = self.now + self.dice.between(5, 3 * MS);
        let until = &mut self.orders_until[usize::from(worker.0)];
        *until = soon.max(*until).max(self.media_paused_until);
        *until
    }

    /// An order reaches a shipped worker.
    pub(super) fn order(&mut self, worker: WorkerIndex, command: Command) -> Result<(), String> {
        self.trace(format_args!("worker {} is told {command:?}", worker.0));
        if let Some(media) = &mut self.media {
            media.order(self.now, worker, command)?;
        }
        self.review();
        self.media_speaks();
        Ok(())
    }

    /// Lets media do what is due.
    pub(super) fn media_goes_on(&mut self) -> Result<(), String> {
        if let Some(media) = &mut self.media {
            media.advance(self.now)?;
        }
        self.media_speaks();
        Ok(())
    }

    /// Carries what media wants said: by workers to the node, by clients too.
    fn media_speaks(&mut self) {
        let Some(media) = &mut self.media else { return };
        let notices = std::mem::take(&mut media.notices);
        let lost = std::mem::take(&mut media.lost);
        for (worker, notice) in notices {
            self.trace(format_args!("{notice:?}"));
            let at = self.queued(worker);
            self.at(at, Coming::Notice(self.life, worker, notice));
        }
        for (n, stream, own) in lost {
            let (mut turn, clients) = self.turn();
            let speech = clients[n].lost(&stream, own, &mut turn);
            self.utter(n, speech);
        }
    }

    /// The rooms may have changed, and with them who receives what.
    pub(super) fn review(&mut self) {
        let (Some(media), Some(shard)) = (&mut self.media, &self.shard) else { return };
        let rooms: Vec<_> = shard.room_ids().filter_map(|id| shard.room(id)).collect();
        media.review(self.now, |member, stream| {
            rooms.iter().any(|room| {
                let member = room.members().find(|known| known.id.0 == *member);
                let stream = room.streams().find(|known| known.id.0 == *stream);
                member.zip(stream).is_some_and(|(member, stream)| !stream.picks(member).is_empty())
            })
        });
    }

    pub(super) fn pace(&mut self, pace: Pace) {
        if let Some(media) = &mut self.media {
            media.pace = pace;
        }
    }

    /// After all has been well for long: every stream that is wanted flows.
    pub(super) fn media_flows(&self) -> Result<(), String> {
        let (Some(media), Some(shard)) = (&self.media, &self.shard) else { return Ok(()) };
        for client in self.clients.iter().filter(|client| client.is_reachable()) {
            for stream in client.ups.keys() {
                if !media.publishes(self.now, client.n, stream) {
                    return Err(format!("client {}: {stream} is not on its way", client.n));
                }
            }
            for stream in &client.view.downs {
                media.receives(self.now, client.n, stream).map_err(|what| {
                    format!("client {} does not receive {stream}: {what}", client.n)
                })?;
            }
        }
        match media.dropped() {
            0 => Ok(()),
            some => {
                Err(format!("{some} datagrams found no room; {} rooms", shard.room_ids().count()))
            }
        }
    }
}
