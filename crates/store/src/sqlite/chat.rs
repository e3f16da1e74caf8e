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
    let replaced = forget_key(conn, room, &entry.key)?;
    run(
        conn,
        "INSERT INTO chat (room, epoch, seq, key, at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![room, epoch, entry.seq.0.cast_signed(), entry.key, entry.at.0, text],
    )?;
    let count = recount(conn, room, 1 - replaced)?;
    let excess = count - i64::from(keep);
    if excess > 0 {
        run(
            conn,
            "DELETE FROM chat WHERE (room, epoch, seq, key) IN (
                 SELECT room, epoch, seq, key FROM chat WHERE room = ?1
                 ORDER BY epoch, seq, key LIMIT ?2)",
            [room, excess],
        )?;
        recount(conn, room, -excess)?;
    }
    Ok(())
}

/// Forgets the entries with these keys, or all.
pub(super) fn forget(conn: &Connection, place: Place, keys: Option<Vec<String>>) -> Result<(), No> {
    let (room, _) = fence(conn, place)?;
    let Some(keys) = keys else {
        run(conn, "DELETE FROM chat WHERE room = ?1", [room])?;
        run(conn, "UPDATE room SET chat_count = 0 WHERE id = ?1", [room])?;
        return Ok(());
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
    let gone = run(conn, "DELETE FROM chat WHERE room = ?1 AND key = ?2", params![room, key])?;
    Ok(i64::from(gone != 0))
}

/// Moves the room's count of chat entries, and returns it.
fn recount(conn: &Connection, room: i64, by: i64) -> Result<i64, No> {
    let mut update = conn.prepare_cached(
        "UPDATE room SET chat_count = chat_count + ?2 WHERE id = ?1 RETURNING chat_count",
    )?;
    Ok(update.query_one([room, by], |row| row.get(0))?)
}
