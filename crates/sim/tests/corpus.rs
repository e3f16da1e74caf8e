//! Replays what the fuzzers are fed with: every kept input of each target, the
//! examples of the protocols, every prefix of them, and each with one byte
//! changed. A find of a fuzzer stays here as a file.

#[allow(
    unreachable_pub,
    clippy::let_underscore_must_use,
    reason = "public for the fuzzer, which only wants to see no panic"
)]
#[path = "../../../fuzz/src/lib.rs"]
mod targets;

use std::path::{Path, PathBuf};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

/// All files below a folder, in a fixed order; none if it is not there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("a readable folder").path()).collect();
    paths.sort();
    paths
        .iter()
        .flat_map(|path| if path.is_dir() { files(path) } else { vec![path.clone()] })
        .collect()
}

/// Where else a target finds examples.
fn examples(target: &str) -> Option<&'static str> {
    match target {
        "galene_client" => Some("galene/client"),
        "galene_group" => Some("galene/group"),
        "galene_server" => Some("galene/server"),
        "galene_token" => Some("galene/token"),
        "json_text" => Some("galene"),
        "sdp_answer" | "sdp_offer" => Some("sdp"),
        _ => None,
    }
}

#[test]
fn every_kept_input_and_its_neighbours_do_no_harm() {
    for (name, body) in targets::TARGETS {
        let mut inputs = files(&testdata().join("fuzz").join(name));
        inputs.extend(
            examples(name).map(|folder| files(&testdata().join(folder))).unwrap_or_default(),
        );
        for path in inputs {
            let bytes = std::fs::read(&path).expect("a readable file");
            body(&bytes);
            let step = (bytes.len() / 64).max(1);
            for at in (0..bytes.len()).step_by(step) {
                body(&bytes[..at]);
                let mut changed = bytes.clone();
                changed[at] ^= 1 << (at % 8);
                body(&changed);
            }
        }
    }
}

#[test]
fn every_target_has_a_program_for_the_fuzzer() {
    let folder = testdata().join("../fuzz/fuzz_targets");
    let mut programs: Vec<String> = files(&folder)
        .iter()
        .filter_map(|path| path.file_stem())
        .map(|stem| stem.to_string_lossy().into_owned())
        .collect();
    programs.sort();
    let mut names: Vec<String> = targets::TARGETS.iter().map(|(n, _)| (*n).to_owned()).collect();
    names.sort();
    assert_eq!(programs, names);
    targets::run("json_text", b"{}");
}
