//! Rooms: their epochs, bodies, parts and due times.

use super::statements::{No, Place, all, body_of, fence, fenced, number, room_of, run};
use crate::body::encode;
use parlour_base::storage::StoreDone;
use parlour_base::{Epoch, Json, RoomId, Wall};
use rusqlite::{Connection, OptionalExtension as _, params};

pub(super) fn open(conn: &Connection, room: RoomId, create: bool) -> Result<StoreDone, No> {
    let id = number(room);
    let sql = if create {
        "INSERT INTO room (id, epoch, chat_count) VALUES (?1, 1, 0)
         ON CONFLICT (id) DO UPDATE SET epoch = epoch + 1, forgotten = 0 RETURNING epoch"
    } else {
        "UPDATE room SET epoch = epoch + 1 WHERE id = ?1 AND forgotten = 0 RETURNING epoch"
    };
    let epoch: Option<i64> =
        conn.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?;
    let Some(epoch) = epoch else { return Ok(StoreDone::NoRoom) };
    let sql = "SELECT body FROM room_body WHERE room = ?1";
    let body = all(conn, sql, [id], |row| body_of(row, 0))?.pop();
    let parts = all(
        conn,
        "SELECT kind, key, body FROM room_part WHERE room = ?1 ORDER BY kind, key",
        [id],
        |row| Ok((row.get(0)?, row.get(1)?, body_of(row, 2)?)),
    )?;
    let sql = "SELECT body FROM chat WHERE room = ?1 ORDER BY epoch, seq, key";
    let chat = all(conn, sql, [id], |row| body_of(row, 0))?;
    Ok(StoreDone::Room { epoch: Epoch(epoch.cast_unsigned()), body, parts, chat })
}

/// A page of the rooms that have a body. A room that is forgotten has none.
pub(super) fn list(conn: &Connection, after: Option<RoomId>, most: u32) -> Result<StoreDone, No> {
    /// Ids are ordered without a sign, so those that the database takes for
    /// negative come behind the others.
    const HALVES: [(u64, u64); 2] = [(0, u64::MAX >> 1), ((u64::MAX >> 1) + 1, u64::MAX)];
    let from = after.map_or(0, |room| room.bits().saturating_add(1));
    let mut page: Vec<RoomId> = Vec::new();
    for (first, last) in HALVES {
        let first = from.max(first);
        let rest = i64::from(most).saturating_sub(i64::try_from(page.len()).unwrap_or(i64::MAX));
        if first <= last && rest > 0 {
            page.extend(all(
                conn,
                "SELECT room FROM room_body WHERE room BETWEEN ?1 AND ?2 ORDER BY room LIMIT ?3",
                [first.cast_signed(), last.cast_signed(), rest],
                |row| room_of(row, 0),
            )?);
        }
    }
    Ok(StoreDone::Rooms(page))
}

/// The rooms that something is due in, the earliest first.
pub(super) fn due_rooms(conn: &Connection) -> Result<Vec<(Wall, RoomId)>, No> {
    let sql = "SELECT due, id FROM room WHERE due IS NOT NULL ORDER BY due";
    let mut due = all(conn, sql, (), |row| Ok((Wall(row.get(0)?), room_of(row, 1)?)))?;
    // Those of one moment too, and by ids without a sign.
    due.sort_unstable();
    Ok(due)
}

pub(super) fn keep(conn: &Connection, place: Place, body: &Json) -> Result<(), No> {
    let (room, epoch) = place.numbers();
    fenced(run(
        conn,
        "INSERT INTO room_body (room, body)
         SELECT id, ?3 FROM room WHERE id = ?1 AND epoch = ?2 AND forgotten = 0
         ON CONFLICT (room) DO UPDATE SET body = excluded.body",
        params![room, epoch, encode(body)?],
    )?)
}

pub(super) fn keep_part(
    conn: &Connection,
    place: Place,
    [kind, key]: [&str; 2],
    body: &Json,
) -> Result<(), No> {
    let (room, epoch) = place.numbers();
    fenced(run(
        conn,
        "INSERT INTO room_part (room, kind, key, body)
         SELECT id, ?3, ?4, ?5 FROM room WHERE id = ?1 AND epoch = ?2 AND forgotten = 0
         ON CONFLICT (room, kind, key) DO UPDATE SET body = excluded.body",
        params![room, epoch, kind, key, encode(body)?],
    )?)
}

pub(super) fn remove_part(
    conn: &Connection,
    place: Place,
    [kind, key]: [&str; 2],
) -> Result<(), No> {
    let (room, _) = fence(conn, place)?;
    let sql = "DELETE FROM room_part WHERE room = ?1 AND kind = ?2 AND key = ?3";
    run(conn, sql, params![room, kind, key])?;
    Ok(())
}

pub(super) fn due(conn: &Connection, place: Place, at: Option<Wall>) -> Result<(), No> {
    let (room, epoch) = place.numbers();
    let sql = "UPDATE room SET due = ?3 WHERE id = ?1 AND epoch = ?2 AND forgotten = 0";
    fenced(run(conn, sql, params![room, epoch, at.map(|at| at.0)])?)
}

/// Removes all that is kept of a room, except the row with its epoch: the
/// mark in it fences whoever still holds the room.
pub(super) fn forget(conn: &Connection, place: Place) -> Result<(), No> {
    let (room, epoch) = place.numbers();
    let sql = "UPDATE room SET forgotten = 1, due = NULL, chat_count = 0
         WHERE id = ?1 AND epoch = ?2 AND forgotten = 0";
    fenced(run(conn, sql, [room, epoch])?)?;
    for sql in [
        "DELETE FROM room_body WHERE room = ?1",
        "DELETE FROM room_part WHERE room = ?1",
        "DELETE FROM chat WHERE room = ?1",
        "DELETE FROM name WHERE room = ?1",
    ] {
        run(conn, sql, [room])?;
    }
    Ok(())
}
