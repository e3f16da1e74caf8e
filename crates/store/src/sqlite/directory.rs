//! Names and records: looked up piece by piece, listed by pages.

use super::rooms;
use super::statements::{No, all, body_of, number, room_of, run};
use crate::body::{decode, encode};
use parlour_base::storage::{Found, Key, StoreDone, StoreFault};
use parlour_base::{Json, RoomId};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::BTreeSet;

/// What a shard keeps in memory: reads records of the named kinds and the
/// rooms that something is due in, however much else is stored.
pub(super) fn load(conn: &Connection, kinds: Vec<String>) -> Result<StoreDone, No> {
    let mut records = Vec::new();
    for kind in kinds.into_iter().collect::<BTreeSet<_>>() {
        records.extend(all(
            conn,
            "SELECT key, body FROM record WHERE kind = ?1 ORDER BY key",
            [&kind],
            |row| Ok((kind.clone(), row.get(0)?, body_of(row, 1)?)),
        )?);
    }
    Ok(StoreDone::Directory { new: is_new(conn)?, records, due: rooms::due_rooms(conn)? })
}

/// Whether nothing was ever stored. Looks at one row of each table at most.
fn is_new(conn: &Connection) -> Result<bool, No> {
    let mut query = conn.prepare_cached(
        "SELECT NOT (EXISTS (SELECT 1 FROM emptied) OR EXISTS (SELECT 1 FROM room)
             OR EXISTS (SELECT 1 FROM name) OR EXISTS (SELECT 1 FROM record))",
    )?;
    Ok(query.query_one((), |row| row.get(0))?)
}

/// Notes that a store which looks empty may be one that was emptied.
fn emptied(conn: &Connection, removed: usize) -> Result<(), No> {
    if removed != 0 {
        run(conn, "INSERT OR IGNORE INTO emptied (id) VALUES (1)", ())?;
    }
    Ok(())
}

pub(super) fn find(conn: &Connection, key: &Key) -> Result<Found, No> {
    match key {
        Key::Name { namespace, name } => {
            let sql = "SELECT room FROM name WHERE namespace = ?1 AND name = ?2";
            Ok(Found::Room(all(conn, sql, [namespace, name], |row| room_of(row, 0))?.pop()))
        }
        Key::NamesOf(room) => {
            let sql = "SELECT namespace, name FROM name WHERE room = ?1 ORDER BY namespace, name";
            let names = all(conn, sql, [number(*room)], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(Found::Names(names))
        }
        Key::Record { kind, key } => Ok(Found::Record(record(conn, kind, key)?)),
        _ => Err(crate::body::failed("this engine does not know the key").into()),
    }
}

fn record(conn: &Connection, kind: &str, key: &str) -> Result<Option<Json>, No> {
    let text: Option<String> = conn
        .prepare_cached("SELECT body FROM record WHERE kind = ?1 AND key = ?2")?
        .query_row([kind, key], |row| row.get(0))
        .optional()?;
    Ok(text.map(|text| decode(&text)).transpose()?)
}

/// A page of records, as one range of the primary key.
pub(super) fn list(
    conn: &Connection,
    kind: &str,
    prefix: &str,
    after: Option<&str>,
    most: u32,
) -> Result<StoreDone, No> {
    // The first text behind `after` is that with a zero character added.
    let from = after.map(|after| format!("{after}\0")).unwrap_or_default();
    let from = from.as_str().max(prefix);
    let each = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, body_of(row, 1)?));
    let page = match successor(prefix) {
        Some(end) => all(
            conn,
            "SELECT key, body FROM record WHERE kind = ?1 AND key >= ?2 AND key < ?3
             ORDER BY key LIMIT ?4",
            params![kind, from, end, most],
            each,
        )?,
        None => all(
            conn,
            "SELECT key, body FROM record WHERE kind = ?1 AND key >= ?2 ORDER BY key LIMIT ?3",
            params![kind, from, most],
            each,
        )?,
    };
    Ok(StoreDone::Listed(page))
}

/// The first text behind all that begin with `prefix`; `None` if there is no
/// text behind them. Texts are ordered by their bytes, which in UTF-8 is the
/// order of their characters.
fn successor(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // The range steps over the surrogates, which are no characters.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

pub(super) fn bind(conn: &Connection, namespace: &str, name: &str, room: RoomId) -> Result<(), No> {
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

pub(super) fn unbind(
    conn: &Connection,
    namespace: &str,
    name: &str,
    room: RoomId,
) -> Result<(), No> {
    let sql = "DELETE FROM name WHERE namespace = ?1 AND name = ?2 AND room = ?3";
    emptied(conn, run(conn, sql, params![namespace, name, number(room)])?)
}

/// Keeps a record unless another one has its key. Bodies are compared as
/// values: their text may differ in the order of members.
pub(super) fn claim(conn: &Connection, kind: &str, key: &str, body: &Json) -> Result<(), No> {
    let added = run(
        conn,
        "INSERT INTO record (kind, key, body) VALUES (?1, ?2, ?3)
         ON CONFLICT (kind, key) DO NOTHING",
        params![kind, key, encode(body)?],
    )?;
    if added != 0 || record(conn, kind, key)?.as_ref() == Some(body) {
        Ok(())
    } else {
        Err(StoreFault::NameTaken.into())
    }
}

/// Lets a commit go on only if this is what is kept.
pub(super) fn expect(
    conn: &Connection,
    kind: &str,
    key: &str,
    body: Option<&Json>,
) -> Result<(), No> {
    let kept = record(conn, kind, key)?;
    if kept.as_ref() == body { Ok(()) } else { Err(StoreFault::Changed.into()) }
}

pub(super) fn keep(conn: &Connection, kind: &str, key: &str, body: &Json) -> Result<(), No> {
    run(
        conn,
        "INSERT INTO record (kind, key, body) VALUES (?1, ?2, ?3)
         ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
        params![kind, key, encode(body)?],
    )?;
    Ok(())
}

pub(super) fn remove(conn: &Connection, kind: &str, key: &str) -> Result<(), No> {
    emptied(conn, run(conn, "DELETE FROM record WHERE kind = ?1 AND key = ?2", [kind, key])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_is_behind_every_text_with_the_prefix() {
        let last = char::MAX;
        for (prefix, end) in [
            ("a", "b".to_owned()),
            ("a\u{7f}", "a\u{80}".to_owned()),
            ("%_", "%`".to_owned()),
            ("\u{d7ff}", "\u{e000}".to_owned()),
            ("\u{ffff}", "\u{10000}".to_owned()),
            ("a\0", "a\u{1}".to_owned()),
            (&format!("a{last}{last}"), "b".to_owned()),
        ] {
            assert_eq!(successor(prefix).as_ref(), Some(&end), "{prefix:?}");
            assert!(format!("{prefix}{last}{last}") < end, "{prefix:?}");
        }
        assert_eq!(successor(""), None);
        assert_eq!(successor(&format!("{last}{last}")), None);
    }
}
