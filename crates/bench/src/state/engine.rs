//! The store's thread with its engine and nothing in front of them, given the
//! writes that a server makes of each kind.

use super::{Kind, WARM_UP, WORDS};
use crate::clock::now_ns;
use crate::histogram::Histogram;
use crate::signal::client_id;
use anyhow::{Context as _, Result, anyhow};
use parlour_base::storage::{StoreDone, StoreId, StoreOp, StoreRequest, Write};
use parlour_base::{Epoch, Json, RoomId, Seq, Wall};
use parlour_store::{DataFolder, SqliteEngine, Writer};
use serde_json::json;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Chat entries that a room keeps, as is the server's default.
const KEEP: u32 = 50;

/// A moment in the bodies.
const AT: i64 = 1_700_000_000_000;

/// Counts the writes of one kind; each room has one under way.
pub(super) fn alone(kind: Kind, rooms: usize, time: Duration, done: &mut Histogram) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let engine = SqliteEngine::open(DataFolder::open(folder.path())?)?;
    let (replies, heard) = flume::bounded(rooms.max(1));
    let queue = NonZeroUsize::new(rooms.max(1)).context("no rooms")?;
    let reply = move |reply| drop(replies.send(reply));
    let writer = Writer::spawn(engine, queue, reply)?;
    let submit = |room: usize, op: StoreOp| {
        let request = StoreRequest { id: StoreId(u64::try_from(room)?), op };
        writer.try_submit(request).map_err(|_| anyhow!("the store's queue is full"))
    };
    let room = |index: usize| {
        let bits = u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1);
        RoomId::new(bits).context("an impossible room")
    };
    let mut lines = Vec::new();
    for index in 0..rooms {
        let room = room(index)?;
        submit(index, StoreOp::OpenRoom { room, create: true })?;
        let kind = kind.of_writer(index);
        lines.push(Line { kind, room, index, epoch: Epoch(0), seq: 0, sent_ns: 0 });
    }
    let from = now_ns() + u64::try_from(WARM_UP.as_nanos())?;
    let until = from + u64::try_from(time.as_nanos())?;
    while now_ns() < until {
        let reply = heard.recv_timeout(Duration::from_secs(10))?;
        let index = usize::try_from(reply.id.0)?;
        let line = lines.get_mut(index).context("a reply to nothing")?;
        let now = now_ns();
        match reply.result? {
            StoreDone::Room { epoch, .. } => line.epoch = epoch,
            _ if line.sent_ns >= from && now < until => done.add((now - line.sent_ns) / 1_000),
            _ => {}
        }
        line.seq += 1;
        line.sent_ns = now;
        submit(index, StoreOp::Commit(line.writes()))?;
    }
    drop(writer);
    Ok(())
}

/// One room and what is written to it.
#[derive(Debug)]
struct Line {
    kind: Kind,
    room: RoomId,
    index: usize,
    epoch: Epoch,
    seq: u64,
    sent_ns: u64,
}

impl Line {
    /// The next write, as a room has it written.
    fn writes(&self) -> Vec<Write> {
        match self.kind {
            Kind::Grant => vec![self.grant()],
            Kind::Setting => vec![self.setting()],
            Kind::Name => vec![self.unbind(), self.bind()],
            Kind::Chat | Kind::All => vec![self.chat()],
        }
    }

    fn chat(&self) -> Write {
        let Self { room, epoch, seq, index, .. } = *self;
        let name = client_id(index);
        Write::Chat {
            room,
            epoch,
            seq: Seq(seq),
            key: format!("{index}-{seq}"),
            at: Wall(AT),
            body: json!({
                "id": format!("{index}-{seq}"), "key": format!("{index}-{seq}"), "kind": "",
                "at": AT, "source": name, "name": name, "privileged": false,
                "value": format!("{index}-{seq} {WORDS}"),
            }),
            keep: KEEP,
        }
    }

    fn grant(&self) -> Write {
        let rights: &[&str] = if self.seq.is_multiple_of(2) { &["present"] } else { &["message"] };
        Write::Part {
            room: self.room,
            epoch: self.epoch,
            kind: "grant".to_owned(),
            key: "AAAAAAAAAAE".to_owned(),
            body: Some(json!({ "permissions": rights, "since": AT, "kik": null })),
        }
    }

    fn setting(&self) -> Write {
        let body: Json = json!({
            "rules": {
                "display_name": format!("Room {}-{}", self.index, self.seq), "description": null,
                "public": false, "redirect": null, "capacity": null, "history_age_secs": 14_400,
                "not_before": null, "expires": null, "allow_recording": false, "autolock": false,
                "autokick": false, "codecs": ["vp8", "opus"], "auth_server": null,
                "auth_portal": null,
            },
            "policy": {
                "doors": ["galene", "whip", "whep"], "entry": "grant", "guests": false,
                "capacity": null, "password": null,
            },
            "lease": null, "lock": null, "attributes": {},
        });
        Write::Room { room: self.room, epoch: self.epoch, body }
    }

    fn name(&self, seq: u64) -> String {
        format!("room-{}-{seq}", self.index)
    }

    fn unbind(&self) -> Write {
        let (namespace, name) = ("bench".to_owned(), self.name(self.seq.saturating_sub(1)));
        Write::UnbindName { namespace, name, room: self.room }
    }

    fn bind(&self) -> Write {
        let (namespace, name) = ("bench".to_owned(), self.name(self.seq));
        Write::BindName { namespace, name, room: self.room }
    }
}
