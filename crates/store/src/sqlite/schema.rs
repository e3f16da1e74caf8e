//! The database's schema: how a file is recognised as ours, its version, and
//! the steps from each version to the next.
//!
//! The version is SQLite's `user_version`, the mark its `application_id`; both
//! sit in the file's header and change in the transaction of the step that
//! earns them. Source: the SQLite documentation of PRAGMA and file format §1.3.

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

/// Marks a file as a Parlour store: `PRLR`.
pub const APPLICATION_ID: i32 = 0x5052_4C52;

/// Step *n* (from 0) takes a file of version *n* to version *n* + 1. A step
/// that was part of a release is never edited.
const STEPS: &[&str] = &[include_str!("schema_1.sql"), include_str!("schema_2.sql")];

/// The version that this program writes.
pub const VERSION: u32 = 2;

const _: () = assert!(STEPS.len() == VERSION as usize, "one step for each version");

/// Why a file cannot be used as a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Not made by Parlour.
    #[error("the file is not a Parlour store")]
    Foreign,
    /// Made by a newer Parlour.
    #[error("the store has version {found}, this program knows versions up to {known}")]
    Newer {
        /// The file's version.
        found: i64,
        /// Ours.
        known: u32,
    },
    /// Parts of the file are damaged.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The file holds nothing yet where a store was expected.
    #[error("the file is empty")]
    Empty,
    /// The engine could not do its work.
    #[error("the storage engine failed: {0}")]
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for SchemaError {
    fn from(cause: rusqlite::Error) -> Self {
        match cause.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(cause.to_string()),
            _ => Self::Sql(cause),
        }
    }
}

/// Reads the version of a file, 0 for an empty one, and changes nothing.
///
/// # Errors
/// [`SchemaError::Foreign`], [`SchemaError::Newer`].
pub(crate) fn version(conn: &Connection) -> Result<u32, SchemaError> {
    known_version(conn, VERSION)
}

fn known_version(conn: &Connection, known: u32) -> Result<u32, SchemaError> {
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (mark, found) = (pragma("application_id")?, pragma("user_version")?);
    let things: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", (), |r| r.get(0))?;
    if (mark, found, things) == (0, 0, 0) {
        return Ok(0);
    }
    if mark != i64::from(APPLICATION_ID) || found < 1 {
        return Err(SchemaError::Foreign);
    }
    match u32::try_from(found) {
        Ok(version) if version <= known => Ok(version),
        _ => Err(SchemaError::Newer { found, known }),
    }
}

/// Takes a file from `version` to [`VERSION`], each step a transaction.
pub(crate) fn migrate(conn: &mut Connection, version: u32) -> Result<(), SchemaError> {
    steps(conn, version, STEPS)
}

fn steps(conn: &mut Connection, version: u32, steps: &[&str]) -> Result<(), SchemaError> {
    for (to, step) in (1_u32..).zip(steps).filter(|(to, _)| *to > version) {
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", to)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Reads the whole file and looks for damage.
///
/// # Errors
/// [`SchemaError::Damaged`] with the first thing found.
pub(crate) fn integrity(conn: &Connection) -> Result<(), SchemaError> {
    let found: String = conn.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(SchemaError::Damaged(found)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MORE: &[&str] =
        &["CREATE TABLE a (x INTEGER) STRICT", "CREATE TABLE b (y INTEGER) STRICT"];

    fn memory() -> Connection {
        Connection::open_in_memory().expect("needs no disk")
    }

    #[test]
    fn an_empty_file_goes_through_every_step() {
        let mut conn = memory();
        assert_eq!(known_version(&conn, 2).expect("empty"), 0);
        steps(&mut conn, 0, MORE).expect("both steps");
        assert_eq!(known_version(&conn, 2).expect("ours"), 2);
    }

    #[test]
    fn an_older_file_goes_through_the_missing_steps_only() {
        let mut conn = memory();
        steps(&mut conn, 0, &MORE[..1]).expect("first step");
        conn.execute("INSERT INTO a VALUES (7)", ()).expect("table a");
        steps(&mut conn, 1, MORE).expect("second step");
        let kept: i64 = conn.query_row("SELECT x FROM a, (SELECT 1)", (), |r| r.get(0)).expect("a");
        assert_eq!((kept, known_version(&conn, 2).expect("ours")), (7, 2));
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before_it() {
        let mut conn = memory();
        let broken = &[MORE[0], "CREATE TABLE c (z INTEGER) STRICT; nonsense"];
        assert!(steps(&mut conn, 0, broken).is_err());
        assert_eq!(known_version(&conn, 2).expect("ours"), 1);
        steps(&mut conn, 1, &[MORE[0], "CREATE TABLE c (z INTEGER) STRICT"]).expect("c is free");
    }

    #[test]
    fn a_newer_file_is_refused_by_its_number() {
        let mut conn = memory();
        steps(&mut conn, 0, MORE).expect("both steps");
        let refused = known_version(&conn, 1).expect_err("too new");
        assert_eq!(
            refused.to_string(),
            "the store has version 2, this program knows versions up to 1"
        );
    }

    #[test]
    fn a_database_of_someone_else_is_refused() {
        let conn = memory();
        conn.execute_batch("CREATE TABLE theirs (x)").expect("their table");
        assert!(matches!(version(&conn), Err(SchemaError::Foreign)));
        let conn = memory();
        conn.pragma_update(None, "user_version", 1).expect("their version");
        assert!(matches!(version(&conn), Err(SchemaError::Foreign)));
    }
}
