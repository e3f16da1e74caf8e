//! A disk that is really full: a small file system of memory, in a mount
//! namespace of its own, so that nothing is left behind. Where the system does
//! not give such namespaces the test says so and ends; the faults that SQLite
//! can make by itself are tested beside the engine on every machine.

#![cfg(target_os = "linux")]

mod support;

use parlour_base::storage::StoreFault;
use parlour_store::{DataFolder, Engine, MemoryEngine, SqliteEngine, backup, verify};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::{Disk, Records, chat, commit, forget, open, record, records};

const CHILD_MOUNT: &str = "PARLOUR_TEST_SMALL_DISK";

#[test]
fn a_full_disk_loses_nothing_and_is_over_when_there_is_room() {
    let namespace = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-ec", script, "sh"]);
        command
    };
    let disk = Disk::new();
    let mount = disk.path("small");
    fs::create_dir(&mount).expect("made");
    let try_out = namespace("mount -t tmpfs -o size=1m tmpfs \"$1\"").arg(&mount).output();
    if !try_out.is_ok_and(|out| out.status.success()) {
        println!("skipped: this system gives no mount namespace");
        return;
    }
    let script = "mount -t tmpfs -o size=2m tmpfs \"$1\"
        exec \"$2\" --exact the_child_fills_its_disk --ignored --nocapture";
    let output = namespace(script)
        .arg(&mount)
        .arg(std::env::current_exe().expect("this test"))
        .env(CHILD_MOUNT, &mount)
        .output()
        .expect("tried out above");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("\nall is well"), "{said}\n{problems}");
}

#[test]
#[ignore = "run by another test as its child"]
fn the_child_fills_its_disk() {
    let Some(mount) = std::env::var_os(CHILD_MOUNT) else { return };
    let mount = Path::new(&mount);
    let ballast = mount.join("ballast");
    fs::write(&ballast, vec![1; 900 << 10]).expect("fits");
    let data = mount.join("data");
    let mut engine = reopen(&data);
    let mut model = MemoryEngine::default();
    let mut refused = fill(&mut engine, &mut model);
    assert!(refused > 10, "only {refused} refused on a full disk");
    assert_eq!(all(&mut engine), all(&mut model), "while it is full");

    fs::remove_file(&ballast).expect("there");
    let before = all(&mut model).len();
    refused = fill(&mut engine, &mut model);
    assert!(all(&mut model).len() > before, "works again by itself");
    assert!(refused > 10, "only {refused} refused when full again");

    // Killed and started on a full disk: all that was acknowledged is there.
    drop(engine);
    let mut engine = reopen(&data);
    assert_eq!(all(&mut engine), all(&mut model));
    let copy = mount.join("copy");
    assert!(backup(&data, &copy).is_err(), "no room for a copy");
    assert!(!copy.exists());

    // Forgetting makes room within the file.
    let doomed = all(&mut model).into_iter().map(|(kind, key, _)| record(&kind, &key, None));
    for write in doomed.collect::<Vec<_>>() {
        let both = commit(&mut engine, vec![write.clone()]);
        if both.is_ok() {
            assert_eq!(commit(&mut model, vec![write]), Ok(()));
        }
    }
    assert_eq!(all(&mut engine), all(&mut model));
    drop(engine);
    let elsewhere = Disk::new();
    backup(&data, &elsewhere.path("copy")).expect("copied");
    verify(&elsewhere.path("copy")).expect("undamaged");
    println!("\nall is well");
}

fn all(engine: &mut dyn Engine) -> Records {
    records(engine, &["a", "b"])
}

fn reopen(data: &Path) -> SqliteEngine {
    SqliteEngine::open(DataFolder::open(data).expect("free")).expect("a good store")
}

/// Writes until a good number was refused; tells the model what was
/// acknowledged, and returns how many were not.
fn fill(engine: &mut SqliteEngine, model: &mut MemoryEngine) -> usize {
    let mut refused = 0;
    let from = all(model).len();
    let mut both = |writes: Vec<_>| match commit(engine, writes.clone()) {
        Ok(()) => {
            assert_eq!(commit(model, writes), Ok(()));
            true
        }
        Err(StoreFault::Failed(_)) => false,
        Err(other) => panic!("not {other:?}"),
    };
    for n in from..from + 400 {
        let body = json!("x".repeat(100 + n * 631 % 9_000));
        let writes =
            vec![record("a", &n.to_string(), Some(body)), record("b", "n", Some(json!(n)))];
        refused += usize::from(!both(writes));
    }
    refused
}

#[test]
fn forgetting_works_when_nothing_more_fits() {
    let disk = Disk::new();
    let mut engine = disk.engine();
    let epoch = open(&mut engine, 1).0;
    engine.set_size_limit(Some(parlour_base::ByteSize::kib(128))).expect("told");
    let long = |n: u64| chat(1, epoch, n, &format!("{n} {}", "x".repeat(4_000)), u32::MAX);
    let full = (1..1_000).find(|&n| commit(&mut engine, vec![long(n)]).is_err());
    assert!(full.is_some_and(|n| n > 3), "{full:?}");
    let whole: &mut dyn Engine = &mut engine;
    assert_eq!(commit(whole, vec![forget(1, epoch, None)]), Ok(()));
    assert_eq!(commit(whole, vec![long(1)]), Ok(()));
}
