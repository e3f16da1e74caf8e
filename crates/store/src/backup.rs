//! A store's copy, and a store from a copy.
//!
//! A backup is taken while the server runs: it reads one consistent state and
//! holds nobody up. It is one file without a log beside it. Restoring puts a
//! verified copy into a data folder that has no store, and raises every room's
//! epoch, so that numbers handed out after the backup are not handed out
//! again.

use crate::folder::{DATABASE_FILE, DataFolder, FolderError, open_private, sync_folder};
use crate::sqlite::beside;
use crate::sqlite::schema::{self, SchemaError};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How far restoring raises each room's epoch: more openings than a room has
/// between a backup and the day it is needed.
pub const EPOCH_GAP: u32 = 1 << 20;

/// The name a copy has in the data folder until it is verified.
const RESTORING_FILE: &str = "parlour.db.restoring";

/// How often and how long to wait for a source that is locked for a moment.
const BUSY_TRIES: u32 = 50;
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// Why there is no backup, or no store from it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// There is something where the copy should go.
    #[error("{} exists already and is not overwritten", .0.display())]
    Exists(PathBuf),
    /// A copied database without its log is not whole.
    #[error("{} lies beside the file: it was copied from a running store", .0.display())]
    LogBeside(PathBuf),
    /// The source stayed locked.
    #[error("the store stayed locked")]
    Busy,
    /// The file is not a whole store.
    #[error("{}: {cause}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: SchemaError,
    },
    /// The system said no.
    #[error("{}: {cause}", path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// The system's reason.
        #[source]
        cause: io::Error,
    },
}

/// Copies the store of the data folder `from` into the new file `to`
/// (mode 0600), also while a server runs on it, and verifies the copy.
///
/// # Errors
/// [`BackupError`]; `to` does not exist then, unless it did before.
pub fn backup(from: &Path, to: &Path) -> Result<(), BackupError> {
    let source = from.join(DATABASE_FILE);
    let conn = open(&source)?;
    store_version(&conn).map_err(in_file(&source))?;
    match open_private(to, false) {
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            return Err(BackupError::Exists(to.to_owned()));
        }
        Err(cause) => return Err(BackupError::Io { path: to.to_owned(), cause }),
    }
    let result = copy(&conn, to).and_then(|()| durable(to));
    if result.is_err() {
        remove_all(to);
    }
    result
}

/// Reads a file made by [`backup`] and tells its version.
///
/// # Errors
/// [`BackupError`] if it is not a store, is newer than this program, or is
/// damaged.
pub fn verify(file: &Path) -> Result<u32, BackupError> {
    no_log_beside(file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let look = || {
        let conn = Connection::open_with_flags(file, flags)?;
        let version = store_version(&conn)?;
        schema::integrity(&conn)?;
        Ok(version)
    };
    look().map_err(in_file(file))
}

/// Makes the store of the data folder `to` from a file made by [`backup`].
/// The folder may be missing; other files in it stay as they are.
///
/// # Errors
/// [`BackupError`]; the folder has no store then, unless it had one before.
pub fn restore(file: &Path, to: &Path) -> Result<(), BackupError> {
    no_log_beside(file)?;
    // Before the folder is made, so that a wrong file name leaves no trace.
    let mut source = File::open(file).map_err(at_path(file))?;
    let folder = DataFolder::open(to)?;
    let database = folder.database();
    for path in [database.clone(), beside(&database, "-wal"), beside(&database, "-shm")] {
        if path.try_exists().map_err(at_path(&path))? {
            return Err(BackupError::Exists(path));
        }
    }
    let fresh = to.join(RESTORING_FILE);
    remove_all(&fresh);
    let result = fill(&mut source, &fresh)
        .and_then(|()| raise_epochs(&fresh).map_err(in_file(file)))
        .and_then(|()| durable(&fresh))
        .and_then(|()| fs::rename(&fresh, &database).map_err(at_path(&database)));
    if result.is_err() {
        remove_all(&fresh);
    }
    result?;
    sync_folder(to).map_err(at_path(to))
}

fn open(path: &Path) -> Result<Connection, BackupError> {
    // Writable, because reading a log may mean to recover it first.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    fs::metadata(path).map_err(at_path(path))?;
    Connection::open_with_flags(path, flags).map_err(|e| in_file(path)(e.into()))
}

fn store_version(conn: &Connection) -> Result<u32, SchemaError> {
    match schema::version(conn)? {
        0 => Err(SchemaError::Empty),
        version => Ok(version),
    }
}

#[allow(clippy::disallowed_methods, reason = "SQLite has no event for a lock let go")]
fn copy(from: &Connection, to: &Path) -> Result<(), BackupError> {
    let mut target = open(to)?;
    {
        let backup = Backup::new(from, &mut target).map_err(|e| in_file(to)(e.into()))?;
        let mut tries = 0;
        // All pages in one step: one state of the source. It is a reader of
        // the log meanwhile, which does not hold the server's writer up.
        while backup.step(-1).map_err(|e| in_file(to)(e.into()))? != StepResult::Done {
            tries += 1;
            if tries == BUSY_TRIES {
                return Err(BackupError::Busy);
            }
            thread::sleep(BUSY_PAUSE);
        }
    }
    without_log(&target).map_err(in_file(to))
}

/// Makes it one file that needs no log to be read, and looks for damage.
fn without_log(conn: &Connection) -> Result<(), SchemaError> {
    let mode: String = conn.query_row("PRAGMA journal_mode = DELETE", (), |row| row.get(0))?;
    if mode != "delete" {
        return Err(SchemaError::Damaged(format!("the log could not be closed: {mode}")));
    }
    schema::integrity(conn)
}

fn fill(source: &mut File, fresh: &Path) -> Result<(), BackupError> {
    let mut target = open_private(fresh, false).map_err(at_path(fresh))?;
    io::copy(source, &mut target).map_err(at_path(fresh))?;
    Ok(())
}

fn raise_epochs(fresh: &Path) -> Result<(), SchemaError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(fresh, flags)?;
    store_version(&conn)?;
    without_log(&conn)?;
    conn.execute("UPDATE room SET epoch = epoch + ?1", [EPOCH_GAP])?;
    Ok(())
}

fn no_log_beside(file: &Path) -> Result<(), BackupError> {
    let log = beside(file, "-wal");
    match fs::metadata(&log) {
        Ok(there) if there.len() > 0 => Err(BackupError::LogBeside(log)),
        _ => Ok(()),
    }
}

fn durable(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(at_path(path))?;
    let parent =
        path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    sync_folder(parent).map_err(at_path(parent))
}

/// Removes a copy that came to nothing; what remains is only clutter.
fn remove_all(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        drop(fs::remove_file(beside(path, suffix)));
    }
}

fn at_path(path: &Path) -> impl Fn(io::Error) -> BackupError + '_ {
    |cause| BackupError::Io { path: path.to_owned(), cause }
}

fn in_file(path: &Path) -> impl Fn(SchemaError) -> BackupError + '_ {
    |cause| BackupError::Schema { path: path.to_owned(), cause }
}
