//! The SQLite engine: one file, one connection, one writer, group commit.
//!
//! Owns the connection and its settings. Write-ahead log with
//! `synchronous=FULL`: a commit has returned only after the log was synced, so
//! what was acknowledged survives a crash and the loss of power. Each batch is
//! one transaction and each request in it a savepoint. Sources: the SQLite
//! documentation of WAL, PRAGMA and "Response To Errors Within A Transaction".
//!
//! When a sync fails the batch is answered as failed and later readers do not
//! see it. If the machine dies right then, before the next commit, the log may
//! hold it nevertheless; repeating a request is harmless for that reason.

mod chat;
mod directory;
mod rooms;
pub mod schema;
mod statements;

use crate::body::failed;
use crate::folder::{DataFolder, FolderError, make_private, open_private, sync_folder};
use crate::{Engine, only_reads};
use parlour_base::ByteSize;
use parlour_base::storage::{
    StoreDone, StoreFault, StoreId, StoreOp, StoreReply, StoreRequest, Write,
};
use rusqlite::{Connection, OpenFlags};
use schema::SchemaError;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for another process that holds the file, such as a
/// backup that is just starting.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Size to which the log is cut back after a checkpoint, in bytes.
const LOG_BYTES_KEPT: i64 = 16 << 20;

/// Prepared statements kept; there are fewer kinds.
const STATEMENTS_KEPT: usize = 64;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The file cannot be used.
    #[error("{}: {cause}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: SchemaError,
    },
}

/// The engine that keeps everything in one file of the data folder.
#[derive(Debug)]
pub struct SqliteEngine {
    /// Missing after a fault that it did not survive; opened again by the
    /// next batch.
    conn: Option<Connection>,
    folder: DataFolder,
    size_limit: Option<ByteSize>,
    created: bool,
}

impl SqliteEngine {
    /// Opens the store of a data folder; makes it if there is none, and
    /// brings an older one up to date.
    ///
    /// # Errors
    /// [`OpenError`] if the file is not a store, is newer than this program,
    /// is damaged, or cannot be read and written.
    pub fn open(folder: DataFolder) -> Result<Self, OpenError> {
        let path = folder.database();
        let at = |cause| FolderError::Io { path: path.clone(), cause };
        drop(open_private(&path, true).map_err(at)?);
        for suffix in ["-wal", "-shm"] {
            private_if_there(&beside(&path, suffix)).map_err(at)?;
        }
        sync_folder(folder.path()).map_err(at)?;
        let (conn, created) =
            connect(&path).map_err(|cause| OpenError::Schema { path: path.clone(), cause })?;
        Ok(Self { conn: Some(conn), folder, size_limit: None, created })
    }

    /// Whether there was no store before this one was opened.
    #[must_use]
    pub fn was_created(&self) -> bool {
        self.created
    }

    /// The folder it works in.
    #[must_use]
    pub fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// Lets the database file grow to `limit` (`None`: without limit); writes
    /// beyond it fail as they do on a full disk. A file that is larger already
    /// just stops growing.
    ///
    /// # Errors
    /// [`StoreFault::Failed`] if the engine could not be told.
    pub fn set_size_limit(&mut self, limit: Option<ByteSize>) -> Result<(), StoreFault> {
        self.size_limit = limit;
        if let Some(conn) = &self.conn {
            limit_pages(conn, limit).map_err(failed)?;
        }
        Ok(())
    }

    /// The connection, opened again if it was lost.
    fn connection(&mut self) -> Result<&Connection, String> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => {
                let (conn, _) = connect(&self.folder.database()).map_err(|e| e.to_string())?;
                limit_pages(&conn, self.size_limit).map_err(|e| e.to_string())?;
                conn
            }
        };
        Ok(self.conn.insert(conn))
    }

    /// One transaction for the whole batch; an error means that all of it is
    /// lost.
    fn transact(&mut self, batch: Vec<StoreRequest>) -> Result<Vec<StoreReply>, String> {
        let reads_only = batch.iter().all(|request| only_reads(&request.op));
        let conn = self.connection()?;
        let text = |cause: rusqlite::Error| cause.to_string();
        conn.execute_batch(if reads_only { "BEGIN" } else { "BEGIN IMMEDIATE" }).map_err(text)?;
        let mut replies = Vec::with_capacity(batch.len());
        for StoreRequest { id, op } in batch {
            replies.push(StoreReply { id, result: guarded(conn, op)? });
        }
        conn.execute_batch("COMMIT").map_err(text)?;
        Ok(replies)
    }

    /// After a lost batch: ends the transaction, with the connection if it
    /// must be.
    fn heal(&mut self) {
        let Some(conn) = &self.conn else { return };
        let idle = conn.is_autocommit() || conn.execute_batch("ROLLBACK").is_ok();
        if !idle || !conn.is_autocommit() {
            self.conn = None;
        }
    }
}

impl Engine for SqliteEngine {
    fn execute(&mut self, batch: Vec<StoreRequest>) -> Vec<StoreReply> {
        let ids: Vec<StoreId> = batch.iter().map(|request| request.id).collect();
        match self.transact(batch) {
            Ok(replies) => replies,
            Err(cause) => {
                self.heal();
                let lost = |id| StoreReply { id, result: Err(failed(&cause)) };
                ids.into_iter().map(lost).collect()
            }
        }
    }
}

/// One request in its savepoint. The outer error says that the transaction
/// itself is gone: SQLite ends it on its own after some faults.
fn guarded(conn: &Connection, op: StoreOp) -> Result<Result<StoreDone, StoreFault>, String> {
    let text = |cause: rusqlite::Error| cause.to_string();
    let alone = is_one_statement(&op);
    if !alone {
        conn.prepare_cached("SAVEPOINT request").and_then(|mut s| s.execute(())).map_err(text)?;
    }
    let result = statements::request(conn, op).map_err(StoreFault::from);
    if conn.is_autocommit() {
        return Err(result.err().map_or_else(
            || "the transaction ended unasked".to_owned(),
            |fault| fault.to_string(),
        ));
    }
    if alone {
        return Ok(result);
    }
    if result.is_err() {
        conn.execute_batch("ROLLBACK TO request").map_err(text)?;
    }
    conn.prepare_cached("RELEASE request").and_then(|mut s| s.execute(())).map_err(text)?;
    Ok(result)
}

/// Whether a request is a single statement, or only reads: that leaves nothing
/// behind when it fails, and needs no savepoint.
fn is_one_statement(op: &StoreOp) -> bool {
    let writes = match op {
        StoreOp::Commit(writes) => writes.as_slice(),
        op => return only_reads(op),
    };
    matches!(
        writes,
        [Write::Part { body: Some(_), .. }
            | Write::Room { .. }
            | Write::Due { .. }
            | Write::Record { body: Some(_), .. }]
    )
}

/// Opens an existing file, empty or ours; says whether it was empty.
fn connect(path: &Path) -> Result<(Connection, bool), SchemaError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_WAIT)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Before anything is changed: the file may be someone else's.
    let version = schema::version(&conn)?;
    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0))?;
    if mode != "wal" {
        return Err(SchemaError::Damaged(format!("no write-ahead log here, only {mode}")));
    }
    conn.execute_batch(&format!(
        "PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA journal_size_limit = {LOG_BYTES_KEPT};
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA secure_delete = FAST;"
    ))?;
    schema::migrate(&mut conn, version)?;
    Ok((conn, version == 0))
}

fn limit_pages(conn: &Connection, limit: Option<ByteSize>) -> rusqlite::Result<()> {
    /// SQLite's own top.
    const PAGES_MAX: u64 = 4_294_967_294;
    let page: u32 = conn.query_row("PRAGMA page_size", (), |row| row.get(0))?;
    let pages =
        limit.map_or(PAGES_MAX, |limit| limit.0 / u64::from(page.max(1))).clamp(1, PAGES_MAX);
    conn.query_row(&format!("PRAGMA max_page_count = {pages}"), (), |_| Ok(()))
}

/// The path of one of the files that SQLite keeps beside its database.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn private_if_there(path: &Path) -> io::Result<()> {
    match make_private(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
