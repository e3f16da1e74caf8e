//! What each request does to the database, inside a transaction that the
//! caller holds. Every rule is decided by what the transaction sees; nothing
//! is remembered beside it, so a rollback takes everything back.

use crate::body::{check_seq, decode, encode, failed};
use parlour_base::storage::{StoreDone, StoreFault, StoreOp, Write};
use parlour_base::{Epoch, Json, RoomId, Seq, Wall};
use rusqlite::{Connection, OptionalExtension as _, params};

/// Why a request cannot be done.
#[derive(Debug)]
pub(super) enum No {
    /// A rule, or a body that cannot be kept.
    Rule(StoreFault),
    /// The database.
    Sql(rusqlite::Error),
}

impl From<StoreFault> for No {
    fn from(fault: StoreFault) -> Self {
        Self::Rule(fault)
    }
}

impl From<rusqlite::Error> for No {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Sql(cause)
    }
}

impl From<No> for StoreFault {
    fn from(no: No) -> Self {
        match no {
            No::Rule(fault) => fault,
            No::Sql(cause) => failed(cause),
        }
    }
}

/// Does one request.
pub(super) fn request(conn: &Connection, op: StoreOp) -> Result<StoreDone, No> {
    match op {
        StoreOp::LoadDirectory => load_directory(conn),
        StoreOp::OpenRoom(room) => open_room(conn, room),
        StoreOp::Commit(writes) => {
            writes.into_iter().try_for_each(|one| write(conn, one))?;
            Ok(StoreDone::Committed)
        }
        _ => Err(failed("this engine does not know the request").into()),
    }
}

fn load_directory(conn: &Connection) -> Result<StoreDone, No> {
    let mut names = Vec::new();
    let mut query =
        conn.prepare_cached("SELECT namespace, name, room FROM name ORDER BY namespace, name")?;
    let mut rows = query.query(())?;
    while let Some(row) = rows.next()? {
        let bits: i64 = row.get(2)?;
        let room = RoomId::new(bits.cast_unsigned())
            .ok_or_else(|| failed("a stored room id is reserved"))?;
        names.push((row.get(0)?, row.get(1)?, room));
    }
    let mut records = Vec::new();
    let mut query = conn.prepare_cached("SELECT kind, key, body FROM record ORDER BY kind, key")?;
    let mut rows = query.query(())?;
    while let Some(row) = rows.next()? {
        records.push((row.get(0)?, row.get(1)?, body_of(row, 2)?));
    }
    Ok(StoreDone::Directory { names, records })
}

fn open_room(conn: &Connection, room: RoomId) -> Result<StoreDone, No> {
    let id = number(room);
    let epoch: i64 = conn
        .prepare_cached(
            "INSERT INTO room (id, epoch, chat_count) VALUES (?1, 1, 0)
             ON CONFLICT (id) DO UPDATE SET epoch = epoch + 1 RETURNING epoch",
        )?
        .query_one([id], |row| row.get(0))?;
    let body: Option<String> = conn
        .prepare_cached("SELECT body FROM room_body WHERE room = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let mut chat = Vec::new();
    let mut query =
        conn.prepare_cached("SELECT body FROM chat WHERE room = ?1 ORDER BY epoch, seq, key")?;
    let mut rows = query.query([id])?;
    while let Some(row) = rows.next()? {
        chat.push(body_of(row, 0)?);
    }
    let body = body.map(|text| decode(&text)).transpose()?;
    Ok(StoreDone::Room { epoch: Epoch(epoch.cast_unsigned()), body, chat })
}

fn write(conn: &Connection, write: Write) -> Result<(), No> {
    match write {
        Write::BindName { namespace, name, room } => bind_name(conn, &namespace, &name, room),
        Write::UnbindName { namespace, name } => {
            run(conn, "DELETE FROM name WHERE namespace = ?1 AND name = ?2", [&namespace, &name])
        }
        Write::Record { kind, key, body: Some(body) } => run(
            conn,
            "INSERT INTO record (kind, key, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
            [&kind, &key, &encode(&body)?],
        ),
        Write::Record { kind, key, body: None } => {
            run(conn, "DELETE FROM record WHERE kind = ?1 AND key = ?2", [&kind, &key])
        }
        Write::Room { room, epoch, body } => {
            fence(conn, room, epoch)?;
            run(
                conn,
                "INSERT INTO room_body (room, body) VALUES (?1, ?2)
                 ON CONFLICT (room) DO UPDATE SET body = excluded.body",
                params![number(room), encode(&body)?],
            )
        }
        Write::Chat { room, epoch, seq, key, at, body, keep } => {
            let place = fence(conn, room, epoch)?;
            say(conn, place, &Entry { seq, key, at, body }, keep)
        }
        Write::ForgetChat { room, epoch, keys } => {
            let place = fence(conn, room, epoch)?;
            forget(conn, place.room, keys)
        }
        _ => Err(failed("this engine does not know the write").into()),
    }
}

fn bind_name(conn: &Connection, namespace: &str, name: &str, room: RoomId) -> Result<(), No> {
    // Only ever changes a binding into itself, so that a conflicting one
    // comes back as it is.
    let bound: i64 = conn
        .prepare_cached(
            "INSERT INTO name (namespace, name, room) VALUES (?1, ?2, ?3)
             ON CONFLICT (namespace, name) DO UPDATE SET room = room RETURNING room",
        )?
        .query_one(params![namespace, name, number(room)], |row| row.get(0))?;
    if bound == number(room) { Ok(()) } else { Err(StoreFault::NameTaken.into()) }
}

/// A room and an epoch that passed the fence, as database numbers.
#[derive(Clone, Copy)]
struct Place {
    room: i64,
    epoch: i64,
}

/// Lets only the epoch pass that the room was opened with last.
fn fence(conn: &Connection, room: RoomId, epoch: Epoch) -> Result<Place, No> {
    let owner: Option<i64> = conn
        .prepare_cached("SELECT epoch FROM room WHERE id = ?1")?
        .query_row([number(room)], |row| row.get(0))
        .optional()?;
    match owner {
        Some(owner) if owner.cast_unsigned() == epoch.0 => {
            Ok(Place { room: number(room), epoch: owner })
        }
        _ => Err(StoreFault::Fenced.into()),
    }
}

struct Entry {
    seq: Seq,
    key: String,
    at: Wall,
    body: Json,
}

fn say(conn: &Connection, place: Place, entry: &Entry, keep: u32) -> Result<(), No> {
    check_seq(entry.seq)?;
    let text = encode(&entry.body)?;
    let replaced = forget_key(conn, place.room, &entry.key)?;
    run(
        conn,
        "INSERT INTO chat (room, epoch, seq, key, at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![place.room, place.epoch, entry.seq.0.cast_signed(), entry.key, entry.at.0, text],
    )?;
    let count = recount(conn, place.room, 1 - replaced)?;
    let excess = count - i64::from(keep);
    if excess > 0 {
        run(
            conn,
            "DELETE FROM chat WHERE (room, epoch, seq, key) IN (
                 SELECT room, epoch, seq, key FROM chat WHERE room = ?1
                 ORDER BY epoch, seq, key LIMIT ?2)",
            [place.room, excess],
        )?;
        recount(conn, place.room, -excess)?;
    }
    Ok(())
}

fn forget(conn: &Connection, room: i64, keys: Option<Vec<String>>) -> Result<(), No> {
    let Some(keys) = keys else {
        run(conn, "DELETE FROM chat WHERE room = ?1", [room])?;
        return run(conn, "UPDATE room SET chat_count = 0 WHERE id = ?1", [room]);
    };
    let mut gone = 0;
    for key in keys {
        gone += forget_key(conn, room, &key)?;
    }
    recount(conn, room, -gone)?;
    Ok(())
}

/// Removes one entry and says whether there was one: 0 or 1.
fn forget_key(conn: &Connection, room: i64, key: &str) -> Result<i64, No> {
    let gone = conn
        .prepare_cached("DELETE FROM chat WHERE room = ?1 AND key = ?2")?
        .execute(params![room, key])?;
    Ok(i64::from(gone != 0))
}

/// Moves the room's count of chat entries, and returns it.
fn recount(conn: &Connection, room: i64, by: i64) -> Result<i64, No> {
    let mut update = conn.prepare_cached(
        "UPDATE room SET chat_count = chat_count + ?2 WHERE id = ?1 RETURNING chat_count",
    )?;
    Ok(update.query_one([room, by], |row| row.get(0))?)
}

fn run(conn: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<(), No> {
    conn.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn body_of(row: &rusqlite::Row<'_>, column: usize) -> Result<Json, No> {
    let text: String = row.get(column)?;
    Ok(decode(&text)?)
}

fn number(room: RoomId) -> i64 {
    room.bits().cast_signed()
}
