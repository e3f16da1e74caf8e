//! Copies of a running store, and stores from copies.

mod support;

use parlour_base::Epoch;
use parlour_store::backup::{BackupError, EPOCH_GAP};
use parlour_store::folder::{DATABASE_FILE, FolderError};
use parlour_store::sqlite::schema::{SchemaError, VERSION};
use parlour_store::{backup, restore, verify};
use rusqlite::Connection;
use serde_json::json;
use std::fs;
use support::{
    Disk, bind, chat, commit, due, kept, load, meant, note, open, part, parts, record, room,
    settings,
};

/// A store with something of each kind, still open.
fn filled(disk: &Disk) -> parlour_store::SqliteEngine {
    let mut engine = disk.engine();
    let epoch = open(&mut engine, 1).0;
    let writes = vec![
        bind("galene", "lobby", 1),
        record("user", "ada", Some(json!({"name": "Ada"}))),
        settings(1, epoch, json!({"locked": true})),
        part(1, epoch, "grant", "ada", Some(json!("op"))),
        due(1, epoch, Some(7)),
        chat(1, epoch, 1, "a", 10),
    ];
    assert_eq!(commit(&mut engine, writes), Ok(()));
    engine
}

#[test]
fn a_backup_of_a_running_store_restores_to_the_same() {
    let (old, new) = (Disk::new(), Disk::new());
    let mut running = filled(&old);
    let file = old.path("copy");
    backup(&old.folder(), &file).expect("copied");
    assert_eq!(commit(&mut running, vec![record("user", "later", Some(json!(1)))]), Ok(()));
    assert_eq!(verify(&file).expect("whole"), VERSION);
    restore(&file, &new.folder()).expect("restored");
    let mut restored = new.engine();
    assert!(!restored.was_created());
    assert_eq!(meant(&mut restored, "galene", "lobby"), Some(room(1)));
    let directory = load(&mut restored, &["user"]);
    assert_eq!(directory.records, [kept("user", "ada", json!({"name": "Ada"}))]);
    assert_eq!((directory.new, directory.due), (false, vec![(parlour_base::Wall(7), room(1))]));
    let (epoch, body, said) = open(&mut restored, 1);
    assert_eq!((body, said), (Some(json!({"locked": true})), vec![note("a")]));
    assert_eq!(epoch, Epoch(1 + u64::from(EPOCH_GAP) + 1), "above whatever was handed out");
    assert_eq!(commit(&mut restored, vec![chat(1, epoch, 1, "b", 10)]), Ok(()));
    assert_eq!(open(&mut restored, 1).2, [note("a"), note("b")]);
    assert_eq!(parts(&mut restored, 1), [kept("grant", "ada", json!("op"))]);
}

#[test]
fn a_backup_is_one_private_file() {
    let disk = Disk::new();
    let engine = filled(&disk);
    let file = disk.path("copy");
    backup(&disk.folder(), &file).expect("copied");
    drop(engine);
    let beside = |suffix: &str| disk.path(&format!("copy{suffix}")).exists();
    assert!(!beside("-wal") && !beside("-shm") && !beside("-journal"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }
}

#[test]
fn a_store_that_no_one_runs_can_be_copied_too() {
    let disk = Disk::new();
    drop(filled(&disk));
    backup(&disk.folder(), &disk.path("copy")).expect("copied");
    verify(&disk.path("copy")).expect("whole");
}

#[test]
fn nothing_is_overwritten() {
    let (disk, other) = (Disk::new(), Disk::new());
    drop(filled(&disk));
    let file = disk.path("copy");
    fs::write(&file, "precious").expect("written");
    assert!(matches!(backup(&disk.folder(), &file), Err(BackupError::Exists(_))));
    assert_eq!(fs::read(&file).expect("there"), b"precious");
    let good = disk.path("good");
    backup(&disk.folder(), &good).expect("copied");
    drop(other.engine());
    assert!(matches!(restore(&good, &other.folder()), Err(BackupError::Exists(_))));
    assert!(load(&mut other.engine(), &[]).new);
}

#[test]
fn a_folder_in_use_is_not_restored_into() {
    let disk = Disk::new();
    let running = filled(&disk);
    backup(&disk.folder(), &disk.path("copy")).expect("copied");
    let refused = restore(&disk.path("copy"), &disk.folder());
    assert!(matches!(refused, Err(BackupError::Folder(FolderError::InUse { .. }))), "{refused:?}");
    drop(running);
}

#[test]
fn other_files_of_the_folder_stay() {
    let (disk, new) = (Disk::new(), Disk::new());
    drop(filled(&disk));
    backup(&disk.folder(), &disk.path("copy")).expect("copied");
    fs::create_dir_all(new.folder().join("groups")).expect("made");
    restore(&disk.path("copy"), &new.folder()).expect("restored");
    assert!(new.folder().join("groups").is_dir());
}

#[test]
fn a_file_that_is_missing_foreign_cut_or_empty_restores_nothing() {
    let disk = Disk::new();
    drop(filled(&disk));
    let good = disk.path("good");
    backup(&disk.folder(), &good).expect("copied");
    let bytes = fs::read(&good).expect("there");
    let mut torn = bytes.clone();
    torn.get_mut(8_192..12_288).expect("several pages").fill(0xff);
    let cut = bytes.get(..bytes.len() - 4_096).expect("several pages");
    for (name, content) in
        [("foreign", &b"hello"[..]), ("empty", b""), ("cut", cut), ("torn", &torn)]
    {
        let (file, new) = (disk.path(name), Disk::new());
        fs::write(&file, content).expect("written");
        assert!(verify(&file).is_err(), "{name}");
        let refused = restore(&file, &new.folder());
        assert!(matches!(refused, Err(BackupError::Schema { .. })), "{name}: {refused:?}");
        let left: Vec<_> = fs::read_dir(new.folder()).expect("there").collect();
        assert_eq!(left.len(), 1, "only the lock: {left:?}");
        assert_eq!(fs::read(&file).expect("there"), content, "{name} is untouched");
        assert!(new.engine().was_created());
    }
    let new = Disk::new();
    assert!(matches!(restore(&disk.path("none"), &new.folder()), Err(BackupError::Io { .. })));
    assert!(!new.folder().exists());
}

#[test]
fn a_newer_backup_is_refused_by_its_number() {
    let (disk, new) = (Disk::new(), Disk::new());
    drop(filled(&disk));
    let file = disk.path("copy");
    backup(&disk.folder(), &file).expect("copied");
    let conn = Connection::open(&file).expect("a database");
    conn.pragma_update(None, "user_version", VERSION + 1).expect("sound");
    drop(conn);
    for refused in [verify(&file).map(drop), restore(&file, &new.folder())] {
        let Err(BackupError::Schema { cause: SchemaError::Newer { .. }, .. }) = refused else {
            panic!("too new, not {refused:?}");
        };
    }
}

#[test]
fn a_raw_copy_whose_log_lies_beside_is_refused() {
    let disk = Disk::new();
    let running = filled(&disk);
    for suffix in ["", "-wal"] {
        let from = disk.folder().join(format!("{DATABASE_FILE}{suffix}"));
        fs::copy(from, disk.path(&format!("raw{suffix}"))).expect("copied");
    }
    assert!(matches!(verify(&disk.path("raw")), Err(BackupError::LogBeside(_))));
    let new = Disk::new();
    let refused = restore(&disk.path("raw"), &new.folder());
    assert!(matches!(refused, Err(BackupError::LogBeside(_))));
    drop(running);
}

#[test]
fn a_folder_without_a_store_gives_no_backup() {
    let disk = Disk::new();
    assert!(matches!(backup(&disk.folder(), &disk.path("copy")), Err(BackupError::Io { .. })));
    assert!(!disk.path("copy").exists() && !disk.folder().exists());
}
