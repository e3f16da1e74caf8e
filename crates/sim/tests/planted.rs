//! Bugs that were made on purpose are found, and are not in what is shipped.

use parlour_room::planted;
use parlour_sim::{Bug, Plan, run};
use std::fs;
use std::path::Path;

/// A bug has to be found in so many worlds.
const SEEDS: u64 = 1_000;

fn switch(on: bool, bug: planted::Bug) {
    planted::plant(on.then_some(bug));
}

/// The first seed that finds a bug, with what it says.
fn found(bug: Bug) -> (u64, String) {
    let look = |seed| {
        let outcome = run(Plan { seed, bug: Some(bug), ..Plan::default() });
        outcome.failure.map(|what| (seed, what))
    };
    (0..SEEDS).find_map(look).unwrap_or_else(|| panic!("{bug:?} went unnoticed"))
}

#[test]
fn a_store_that_lies_is_found_out() {
    let (_, what) = found(Bug::LyingStore);
    assert!(what.contains("not on disk"), "{what}");
}

#[test]
fn a_store_without_fences_is_found_out() {
    let (_, what) = found(Bug::MissingFence);
    assert!(what.contains("wrote to it"), "{what}");
}

#[test]
fn what_is_shown_before_it_is_on_disk_is_found_out() {
    let (_, what) = found(Bug::Product(|on| switch(on, planted::Bug::AcknowledgedEarly)));
    assert!(what.contains("not on disk"), "{what}");
}

#[test]
fn a_gap_after_a_snapshot_is_found_out() {
    let (_, what) = found(Bug::Product(|on| switch(on, planted::Bug::GapAfterSnapshot)));
    assert!(what.contains("client"), "{what}");
}

#[test]
fn a_permission_that_is_checked_in_a_session_is_found_out() {
    let (_, what) = found(Bug::Product(|on| switch(on, planted::Bug::PermissionInSession)));
    assert!(what.contains("has the right: false"), "{what}");
}

#[test]
fn a_late_leave_that_evicts_is_found_out() {
    let (_, what) = found(Bug::Product(|on| switch(on, planted::Bug::LateLeaveEvicts)));
    assert!(what.contains("late leave"), "{what}");
}

#[test]
fn a_secret_that_is_shown_to_others_is_found_out() {
    let (_, what) = found(Bug::Product(|on| switch(on, planted::Bug::SecretInAttributes)));
    assert!(what.contains("reads a secret of"), "{what}");
}

/// The switch is in the simulator's manifest alone, and there for tests alone;
/// `compile_error!` in `room/src/planted.rs` keeps it out of release builds.
#[test]
fn nobody_but_the_tests_of_the_simulator_can_plant_a_bug() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let crates = fs::read_dir(root.join("crates")).expect("the crates are there");
    for entry in crates {
        let folder = entry.expect("a readable folder").path();
        let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        let name = folder.file_name().expect("a crate has a name").to_string_lossy().into_owned();
        let mentions = manifest.lines().filter(|line| !line.trim_start().starts_with('#'));
        let mentions: Vec<&str> = mentions.filter(|line| line.contains("planted")).collect();
        let expected: &[&str] = match name.as_str() {
            "room" => &["planted = []"],
            "session" => &["planted = [\"parlour-room/planted\"]"],
            "sim" => &[
                "parlour-room = { workspace = true, features = [\"planted\"] }",
                "parlour-session = { workspace = true, features = [\"planted\"] }",
            ],
            _ => &[],
        };
        assert_eq!(mentions, expected, "{name}");
    }
    let sim = fs::read_to_string(root.join("crates/sim/Cargo.toml")).expect("our manifest");
    let (shipped, tests) = sim.split_once("[dev-dependencies]").expect("tests need more");
    assert!(!shipped.contains("planted") && tests.contains("planted"));
    let whole = fs::read_to_string(root.join("Cargo.toml")).expect("the workspace's manifest");
    assert!(!whole.contains("planted"));
    assert!(whole.contains("default-members = [\"crates/server\"]"));
}
