//! Chat: entries ordered by (epoch, seq), as many as each write lets stay.

use super::statements::{No, Place, fence, run};
use crate::body::{check_seq, encode};
use parlour_base::{Json, Seq, Wall};
use rusqlite::{Connection, params};

pub(super) struct Entry {
    pub(super) seq: Seq,
    pub(super) key: String,
    pub(super) at: Wall,
    pub(super) body: Json,
}

/// Adds an entry in the place of one with the same key, and forgets the
/// oldest ones beyond `keep`.
pub(super) fn say(conn: &Connection, place: Place, entry: &Entry, keep: u32) -> Result<(), No> {
    check_seq(entry.seq)?;
    let text = encode(&entry.body)?;
    let (room, epoch) = fence(conn, place)?;
    let before = count(conn, room)?;
    let replaced = forget_key(conn, room, &entry.key)?;
    run(
        conn,
        "INSERT INTO chat (room, epoch, seq, key, at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![room, epoch, entry.seq.0.cast_signed(), entry.key, entry.at.0, text],
    )?;
    let now = before - replaced + 1;
    let excess = now - i64::from(keep);
    if excess > 0 {
        run(
            conn,
            "DELETE FROM chat WHERE (room, epoch, seq, key) IN (
                 SELECT room, epoch, seq, key FROM chat WHERE room = ?1
                 ORDER BY epoch, seq, key LIMIT ?2)",
            [room, excess],
        )?;
    }
    recount(conn, room, before, now - excess.max(0))
}

/// Forgets the entries with these keys, or all.
pub(super) fn forget(conn: &Connection, place: Place, keys: Option<Vec<String>>) -> Result<(), No> {
    let (room, _) = fence(conn, place)?;
    let before = count(conn, room)?;
    let Some(keys) = keys else {
        run(conn, "DELETE FROM chat WHERE room = ?1", [room])?;
        return recount(conn, room, before, 0);
    };
    let mut now = before;
    for key in keys {
        now -= forget_key(conn, room, &key)?;
    }
    recount(conn, room, before, now)
}

/// Removes one entry and says whether there was one: 0 or 1.
fn forget_key(conn: &Connection, room: i64, key: &str) -> Result<i64, No> {
    let gone = run(conn, "DELETE FROM chat WHERE room = ?1 AND key = ?2", params![room, key])?;
    Ok(i64::from(gone != 0))
}

/// How many entries a room has that passed the fence.
fn count(conn: &Connection, room: i64) -> Result<i64, No> {
    let mut query = conn.prepare_cached("SELECT chat_count FROM room WHERE id = ?1")?;
    Ok(query.query_one([room], |row| row.get(0))?)
}

/// Writes the room's count of entries down if it changed; in a room that keeps
/// as many as it may, it seldom does.
fn recount(conn: &Connection, room: i64, before: i64, now: i64) -> Result<(), No> {
    if now != before {
        run(conn, "UPDATE room SET chat_count = ?2 WHERE id = ?1", [room, now])?;
    }
    Ok(())
}
