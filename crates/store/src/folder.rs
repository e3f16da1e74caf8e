//! The data folder: private to its user, and held by one process at a time.
//!
//! Owns the folder's permissions, the lock file and the name of the database.
//! Refuses to know what else is kept in the folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// The database's name in the data folder.
pub const DATABASE_FILE: &str = "parlour.db";

/// The lock's name in the data folder; holds the number of the process that
/// has it, for people to read.
pub const LOCK_FILE: &str = "parlour.lock";

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Another process works in it.
    #[error("the data folder {} is in use by {}", path.display(), holder(*pid))]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Whoever holds it, if it said so.
        pid: Option<u32>,
    },
    /// A folder such as `/tmp` that everybody may write to.
    #[error("{} is shared with other users and cannot be a data folder", .0.display())]
    Shared(PathBuf),
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

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// A data folder that this process holds until the value is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// Locked as long as it is open; the system unlocks it when we die.
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if need be (mode 0700), and takes it for this process.
    ///
    /// # Errors
    /// [`FolderError::InUse`] while another process, or another value of this
    /// one, holds it.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let at = |cause| FolderError::Io { path: path.to_owned(), cause };
        make_private_folder(path)?;
        let lock_path = path.join(LOCK_FILE);
        let lock_at = |cause| FolderError::Io { path: lock_path.clone(), cause };
        let mut lock = open_private(&lock_path, true).map_err(lock_at)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = read_pid(&mut lock);
                return Err(FolderError::InUse { path: path.to_owned(), pid });
            }
            Err(TryLockError::Error(cause)) => return Err(lock_at(cause)),
        }
        write_pid(&mut lock).map_err(lock_at)?;
        sync_folder(path).map_err(at)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the database is, or will be.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FILE)
    }
}

fn read_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

/// Makes a file only its user may read, or makes an existing one so.
/// `keep` opens an existing one; otherwise there must be none.
pub(crate) fn open_private(path: &Path, keep: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    if keep {
        options.create(true).truncate(false);
    } else {
        options.create_new(true);
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    make_private(path)?;
    Ok(file)
}

/// Takes others' rights on an existing file away.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    fs::metadata(path)?;
    Ok(())
}

fn make_private_folder(path: &Path) -> Result<(), FolderError> {
    let at = |cause| FolderError::Io { path: path.to_owned(), cause };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(at)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        /// Set on folders such as `/tmp` in which everybody keeps files.
        const STICKY: u32 = 0o1000;
        let mode = fs::metadata(path).map_err(at)?.permissions().mode();
        if mode & STICKY != 0 {
            return Err(FolderError::Shared(path.to_owned()));
        }
        if mode & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(at)?;
        }
    }
    Ok(())
}

/// Makes the folder's entries durable: files made, renamed or removed in it.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    fs::metadata(path)?;
    Ok(())
}
