//! The data folder and the file in it: private, ours alone, and recognised.

mod support;

use parlour_store::folder::{DATABASE_FILE, FolderError, LOCK_FILE};
use parlour_store::sqlite::OpenError;
use parlour_store::sqlite::schema::SchemaError;
use parlour_store::{DataFolder, SqliteEngine};
use rusqlite::Connection;
use serde_json::json;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::{Disk, commit, load, record};

/// Names the data folder that the child is to hold.
const CHILD_FOLDER: &str = "PARLOUR_TEST_HOLD_FOLDER";

fn open(path: &Path) -> Result<SqliteEngine, OpenError> {
    SqliteEngine::open(DataFolder::open(path)?)
}

fn schema_error(path: &Path) -> SchemaError {
    match open(path) {
        Err(OpenError::Schema { cause, .. }) => cause,
        other => panic!("a refusal of the file, not {other:?}"),
    }
}

#[cfg(unix)]
#[test]
fn the_folder_and_all_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o7777;
    let wide = |path: PathBuf, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    };
    let disk = Disk::new();
    for _ in 0..2 {
        let mut engine = disk.engine();
        assert_eq!(commit(&mut engine, vec![record("k", "a", Some(json!(1)))]), Ok(()));
        assert_eq!(mode(disk.folder()), 0o700);
        for name in [DATABASE_FILE, "parlour.db-wal", "parlour.db-shm", LOCK_FILE] {
            assert_eq!(mode(disk.folder().join(name)), 0o600, "{name}");
        }
        drop(engine);
        // The second round begins with what someone opened up.
        wide(disk.folder().join(DATABASE_FILE), 0o644);
        wide(disk.folder(), 0o755);
    }
    wide(disk.folder(), 0o1777);
    assert!(matches!(DataFolder::open(&disk.folder()), Err(FolderError::Shared(_))));
}

#[test]
fn a_store_is_new_once() {
    let disk = Disk::new();
    assert!(disk.engine().was_created());
    assert!(!disk.engine().was_created());
}

#[test]
fn a_folder_that_cannot_be_made_is_a_clear_error() {
    let disk = Disk::new();
    fs::write(disk.folder(), "a file").expect("written");
    let refused = DataFolder::open(&disk.folder()).expect_err("no folder");
    assert!(refused.to_string().contains("data"), "{refused}");
}

#[test]
fn the_same_folder_is_not_opened_twice() {
    let disk = Disk::new();
    let first = disk.engine();
    let refused = open(&disk.folder()).expect_err("held");
    let said = format!("is in use by process {}", std::process::id());
    assert!(refused.to_string().contains(&said), "{refused}");
    drop(first);
    drop(disk.engine());
}

#[test]
fn a_second_process_is_refused_and_told_who_is_first() {
    let disk = Disk::new();
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "the_child_holds_a_folder", "--ignored", "--nocapture"])
        .env(CHILD_FOLDER, disk.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line.ends_with("held"))), "the child is ready");
    match DataFolder::open(&disk.folder()) {
        Err(FolderError::InUse { pid, .. }) => assert_eq!(pid, Some(child.id())),
        other => panic!("in use, not {other:?}"),
    }
    child.kill().expect("running");
    child.wait().expect("ended");
    drop(disk.engine());
}

#[test]
#[ignore = "run by another test as its child"]
fn the_child_holds_a_folder() {
    let Some(path) = std::env::var_os(CHILD_FOLDER) else { return };
    let engine = open(Path::new(&path)).expect("free");
    println!("\nheld");
    // Until the parent kills us or goes away.
    drop(std::io::stdin().lines().next());
    drop(engine);
}

#[test]
fn files_of_others_are_refused_and_left_as_they_are() {
    let contents: [&[u8]; 3] = [b"hello", &[0x7f; 10_000], b"SQLite format 3\0 and no more"];
    for content in contents {
        let disk = Disk::new();
        fs::create_dir(disk.folder()).expect("made");
        let file = disk.folder().join(DATABASE_FILE);
        fs::write(&file, content).expect("written");
        let refused = schema_error(&disk.folder());
        assert!(matches!(refused, SchemaError::Foreign | SchemaError::Damaged(_)), "{refused}");
        assert_eq!(fs::read(&file).expect("there"), content);
    }
}

#[test]
fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    let disk = Disk::new();
    fs::create_dir(disk.folder()).expect("made");
    let file = disk.folder().join(DATABASE_FILE);
    let conn = Connection::open(&file).expect("a database");
    conn.execute_batch("CREATE TABLE theirs (x); PRAGMA user_version = 1").expect("sound");
    drop(conn);
    let before = fs::read(&file).expect("there");
    assert!(matches!(schema_error(&disk.folder()), SchemaError::Foreign));
    assert_eq!(fs::read(&file).expect("there"), before);
}

#[test]
fn a_newer_store_is_refused_and_left_as_it_is() {
    let disk = Disk::new();
    drop(disk.engine());
    let file = disk.folder().join(DATABASE_FILE);
    let conn = Connection::open(&file).expect("a database");
    conn.pragma_update(None, "user_version", 1_000).expect("sound");
    drop(conn);
    let before = fs::read(&file).expect("there");
    let refused = schema_error(&disk.folder());
    assert!(matches!(refused, SchemaError::Newer { found: 1_000, .. }), "{refused}");
    assert_eq!(fs::read(&file).expect("there"), before);
}

#[test]
fn an_empty_file_becomes_a_store() {
    let disk = Disk::new();
    fs::create_dir(disk.folder()).expect("made");
    fs::write(disk.folder().join(DATABASE_FILE), "").expect("written");
    assert!(load(&mut disk.engine(), &[]).new);
}
