//! Stores that earlier versions wrote: opened, brought up to date, and nothing
//! is missing. The files are those of `testdata/store`.

mod support;

use parlour_base::storage::{StoreDone, StoreFault};
use parlour_base::{Epoch, Json, Wall};
use parlour_store::backup::EPOCH_GAP;
use parlour_store::folder::DATABASE_FILE;
use parlour_store::sqlite::schema::VERSION;
use parlour_store::{Engine, backup, restore, verify};
use rusqlite::Connection;
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use support::{
    Disk, bind, chat, commit, due, forget_room, kept, list, list_rooms, load, meant, name,
    names_of, one, open_known, part, room, unbind,
};

/// A room with an id beyond a signed number.
const FAR: u64 = u64::MAX - 5;

fn version_1() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/store/version-1.db"))
}

/// A data folder as the earlier program left it.
fn left_by_version_1() -> Disk {
    let disk = Disk::new();
    fs::create_dir(disk.folder()).expect("made");
    fs::copy(version_1(), disk.folder().join(DATABASE_FILE)).expect("copied");
    disk
}

fn said(texts: &[&str]) -> Vec<Json> {
    texts.iter().map(|text| json!({ "value": text })).collect()
}

/// Looks for all that is in the file of version 1, whose epochs were raised
/// by `raised` since; opens every room once.
fn assert_whole(e: &mut dyn Engine, raised: u64) {
    let directory = load(e, &["invitation", "group"]);
    assert_eq!(
        directory.records,
        [
            kept("group", "far/away", json!({})),
            kept("group", "lobby", json!({"public": true, "description": "öffen"})),
            kept("invitation", "t-1", json!({"group": "lobby", "expires": 1_790_000_000_000_i64})),
        ]
    );
    assert_eq!((directory.new, directory.due), (false, vec![]));
    assert_eq!(list(e, "group", "lob", None, 9), ["lobby"]);
    assert_eq!(meant(e, "galene", "lobby"), Some(room(1)));
    assert_eq!(meant(e, "galene", "unopened"), Some(room(99)));
    assert_eq!(names_of(e, 1), [name("galene", "lobby"), name("kik", "group-1")]);
    assert_eq!(names_of(e, FAR), [name("galene", "far/away")]);
    assert_eq!(list_rooms(e, None, 9), [1, FAR]);
    let mut is = |n: u64, epoch: u64, body: Option<Json>, chat: &[&str]| {
        let (epoch, chat) = (Epoch(raised + epoch + 1), said(chat));
        let whole = StoreDone::Room { epoch, body, parts: vec![], chat };
        assert_eq!(one(e, open_known(n)), Ok(whole), "room {n}");
    };
    is(1, 2, Some(json!({"locked": "be back soon"})), &["two", "three", "four"]);
    is(2, 1, None, &[]);
    is(7, 1, None, &["seven"]);
    is(FAR, 1, Some(json!({"locked": null})), &[]);
    assert_eq!(one(e, open_known(99)), Ok(StoreDone::NoRoom), "it never was");
}

#[test]
fn a_store_of_version_1_is_brought_up_to_date_with_all_that_is_in_it() {
    let disk = left_by_version_1();
    let mut engine = disk.engine();
    assert!(!engine.was_created());
    assert_whole(&mut engine, 0);
    drop(engine);
    backup(&disk.folder(), &disk.path("copy")).expect("copied");
    assert_eq!(verify(&disk.path("copy")).expect("whole"), VERSION);
    assert_whole(&mut disk.engine(), 1);
}

#[test]
fn what_version_1_did_not_know_works_on_its_rooms() {
    let disk = left_by_version_1();
    let mut engine = disk.engine();
    assert_whole(&mut engine, 0);
    let writes = vec![
        part(1, Epoch(3), "grant", "ada", Some(json!("op"))),
        due(1, Epoch(3), Some(5)),
        chat(1, Epoch(3), 1, "e", 2),
        unbind("kik", "group-1", 1),
        bind("kik", "group-1", FAR),
        forget_room(7, Epoch(2)),
    ];
    assert_eq!(commit(&mut engine, writes), Ok(()));
    drop(engine);
    let mut engine = disk.engine();
    assert_eq!(load(&mut engine, &[]).due, [(Wall(5), room(1))]);
    assert_eq!(names_of(&mut engine, FAR), [name("galene", "far/away"), name("kik", "group-1")]);
    let Ok(StoreDone::Room { parts, chat, .. }) = one(&mut engine, open_known(1)) else {
        panic!("room 1 opens");
    };
    assert_eq!(parts, [kept("grant", "ada", json!("op"))]);
    assert_eq!((chat.len(), chat.first()), (2, said(&["four"]).first()));
    assert_eq!(one(&mut engine, open_known(7)), Ok(StoreDone::NoRoom));
    let refused = commit(&mut engine, vec![chat_of_7()]);
    assert_eq!(refused, Err(StoreFault::Fenced));
}

fn chat_of_7() -> parlour_base::storage::Write {
    chat(7, Epoch(2), 1, "y", 9)
}

#[test]
fn a_backup_of_version_1_is_read_and_restored() {
    assert_eq!(verify(&version_1()).expect("whole"), 1);
    let before = fs::read(version_1()).expect("there");
    let new = Disk::new();
    restore(&version_1(), &new.folder()).expect("restored");
    assert_whole(&mut new.engine(), u64::from(EPOCH_GAP));
    assert_eq!(fs::read(version_1()).expect("there"), before, "untouched");
}

#[test]
fn a_folder_that_version_1_left_can_be_backed_up_as_it_is() {
    let (disk, new) = (left_by_version_1(), Disk::new());
    backup(&disk.folder(), &disk.path("copy")).expect("copied");
    assert_eq!(verify(&disk.path("copy")).expect("whole"), 1, "copying changes no version");
    restore(&disk.path("copy"), &new.folder()).expect("restored");
    assert_whole(&mut new.engine(), u64::from(EPOCH_GAP));
    assert_whole(&mut disk.engine(), 0);
}

#[test]
fn an_upgrade_that_is_cut_short_is_made_up_for_at_the_next_start() {
    let disk = left_by_version_1();
    let path = disk.folder().join(DATABASE_FILE);
    // Something stands where the step wants to put a table.
    let conn = Connection::open(&path).expect("a database");
    conn.execute_batch("CREATE TABLE emptied (x)").expect("sound");
    drop(conn);
    let folder = parlour_store::DataFolder::open(&disk.folder()).expect("free");
    parlour_store::SqliteEngine::open(folder).expect_err("the step fails");
    let conn = Connection::open(&path).expect("a database");
    let version: u32 =
        conn.query_row("PRAGMA user_version", (), |row| row.get(0)).expect("a known pragma");
    assert_eq!(version, 1, "the step left nothing");
    conn.execute_batch("DROP TABLE emptied").expect("sound");
    drop(conn);
    assert_whole(&mut disk.engine(), 0);
}
