//! Which statements a request means, inside a transaction that the caller
//! holds, and what the files beside this one share. Every rule is decided by
//! what the transaction sees; nothing is remembered beside it, so a rollback
//! takes everything back.

use super::{chat, directory, rooms};
use crate::body::{decode, failed};
use parlour_base::storage::{StoreDone, StoreFault, StoreOp, Write};
use parlour_base::{Epoch, Json, RoomId};
use rusqlite::{Connection, OptionalExtension as _, Row};

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
        StoreOp::LoadDirectory { kinds } => directory::load(conn, kinds),
        StoreOp::OpenRoom { room, create } => rooms::open(conn, room, create),
        StoreOp::Find(keys) => {
            let found = keys.into_iter().map(|key| directory::find(conn, &key));
            Ok(StoreDone::Found(found.collect::<Result<_, _>>()?))
        }
        StoreOp::List { kind, prefix, after, most } => {
            directory::list(conn, &kind, &prefix, after.as_deref(), most)
        }
        StoreOp::ListRooms { after, most } => rooms::list(conn, after, most),
        StoreOp::Commit(writes) => {
            writes.into_iter().try_for_each(|one| write(conn, one))?;
            Ok(StoreDone::Committed)
        }
        _ => Err(failed("this engine does not know the request").into()),
    }
}

fn write(conn: &Connection, write: Write) -> Result<(), No> {
    match write {
        Write::BindName { namespace, name, room } => directory::bind(conn, &namespace, &name, room),
        Write::UnbindName { namespace, name, room } => {
            directory::unbind(conn, &namespace, &name, room)
        }
        Write::Claim { kind, key, body } => directory::claim(conn, &kind, &key, &body),
        Write::Expect { kind, key, body } => directory::expect(conn, &kind, &key, body.as_ref()),
        Write::Record { kind, key, body: Some(body) } => directory::keep(conn, &kind, &key, &body),
        Write::Record { kind, key, body: None } => directory::remove(conn, &kind, &key),
        Write::Room { room, epoch, body } => rooms::keep(conn, Place { room, epoch }, &body),
        Write::Part { room, epoch, kind, key, body: Some(body) } => {
            rooms::keep_part(conn, Place { room, epoch }, [&kind, &key], &body)
        }
        Write::Part { room, epoch, kind, key, body: None } => {
            rooms::remove_part(conn, Place { room, epoch }, [&kind, &key])
        }
        Write::Due { room, epoch, at } => rooms::due(conn, Place { room, epoch }, at),
        Write::ForgetRoom { room, epoch } => rooms::forget(conn, Place { room, epoch }),
        Write::Chat { room, epoch, seq, key, at, body, keep } => {
            chat::say(conn, Place { room, epoch }, &chat::Entry { seq, key, at, body }, keep)
        }
        Write::ForgetChat { room, epoch, keys } => chat::forget(conn, Place { room, epoch }, keys),
        _ => Err(failed("this engine does not know the write").into()),
    }
}

/// A room and the epoch that a write to it carries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) room: RoomId,
    pub(super) epoch: Epoch,
}

impl Place {
    /// Both as database numbers.
    pub(super) fn numbers(self) -> (i64, i64) {
        (number(self.room), self.epoch.0.cast_signed())
    }
}

/// Lets only the epoch pass that the room was opened with last, and none once
/// it is forgotten. Gives the room and the epoch as database numbers.
///
/// Statements that write one row ask the same of the row of the room in their
/// `WHERE`, and answer with [`fenced`].
pub(super) fn fence(conn: &Connection, place: Place) -> Result<(i64, i64), No> {
    let (room, epoch) = place.numbers();
    let owner: Option<i64> = conn
        .prepare_cached("SELECT epoch FROM room WHERE id = ?1 AND forgotten = 0")?
        .query_row([room], |row| row.get(0))
        .optional()?;
    if owner == Some(epoch) { Ok((room, epoch)) } else { Err(StoreFault::Fenced.into()) }
}

/// For a statement that changes a row exactly if the fence lets it.
pub(super) fn fenced(changed: usize) -> Result<(), No> {
    if changed == 0 { Err(StoreFault::Fenced.into()) } else { Ok(()) }
}

/// Executes a statement and says how many rows it changed.
pub(super) fn run(
    conn: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<usize, No> {
    Ok(conn.prepare_cached(sql)?.execute(values)?)
}

/// Executes a query and collects what is made of each row.
pub(super) fn all<T>(
    conn: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    each: impl Fn(&Row<'_>) -> Result<T, No>,
) -> Result<Vec<T>, No> {
    let mut query = conn.prepare_cached(sql)?;
    let mut rows = query.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(each(row)?);
    }
    Ok(found)
}

/// A column that holds a body.
pub(super) fn body_of(row: &Row<'_>, column: usize) -> Result<Json, No> {
    Ok(decode(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?)?)
}

/// A column that holds a room.
pub(super) fn room_of(row: &Row<'_>, column: usize) -> Result<RoomId, No> {
    let bits: i64 = row.get(column)?;
    let room = RoomId::new(bits.cast_unsigned());
    room.ok_or_else(|| failed("a stored room id is reserved").into())
}

/// The room's bits as a database number, which is signed.
pub(super) fn number(room: RoomId) -> i64 {
    room.bits().cast_signed()
}
