//! The bench from its command line to a server's sockets and back.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// The server's program: beside ours when the whole workspace is tested, built
/// for the occasion otherwise.
fn server() -> PathBuf {
    let ours = PathBuf::from(env!("CARGO_BIN_EXE_parlour-bench"));
    let program = ours.with_file_name("parlour");
    if !program.exists() {
        let target = ours.parent().and_then(|folder| folder.parent()).unwrap();
        let build = ["build", "--package", "parlour-server", "--bin", "parlour", "--target-dir"];
        let status = Command::new(env!("CARGO")).args(build).arg(target).status();
        assert!(status.unwrap().success());
    }
    program
}

fn bench(words: &[&str]) -> (Option<i32>, Value) {
    bench_with(words, &[])
}

fn bench_with(words: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_parlour-bench"))
        .envs(environment.iter().copied())
        .args(words)
        .arg("--json")
        .arg("--program")
        .arg(server())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let json = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text} {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), json)
}

#[test]
fn a_short_call_is_measured_beside_its_limit() {
    let (code, figures) =
        bench(&["call", "--publishers", "1", "--subscribers", "2", "--seconds", "2"]);
    for key in [
        "server_cpu_us_per_packet",
        "packets_per_s",
        "loss",
        "latency_p50_ms",
        "latency_p99_ms",
        "limit_us_per_packet",
        "ratio_to_limit_paced",
        "ratio_to_limit_flat",
        "bytes_per_peer",
        "generator_cpu_share",
    ] {
        assert!(figures[key].is_number(), "{key} in {figures}");
    }
    for key in ["publish", "subscribe"] {
        assert!(figures["setup_cpu_us"][key].is_number(), "{key} in {figures}");
    }
    assert!(figures["burst_histogram"]["1"].is_number(), "{figures}");
    // Sound and picture for two receivers; a busy machine may make it less.
    assert!(figures["packets_per_s"].as_f64().unwrap() > 200.0, "{figures}");
    assert_eq!(figures["unauthenticated"], 0, "{figures}");
    let void = !figures["void"].as_array().unwrap().is_empty();
    assert_eq!(code, Some(if void { 3 } else { 0 }), "{figures}");
}

#[test]
fn a_server_that_loses_media_makes_the_run_void() {
    let words = ["call", "--publishers", "1", "--subscribers", "1", "--seconds", "1"];
    let (code, figures) = bench_with(&words, &[("PARLOUR_TEST_DROP_MEDIA", "1")]);
    assert_eq!((code, &figures["loss"]), (Some(3), &Value::from(1.0)), "{figures}");
    assert!(figures["ratio_to_limit_paced"].is_null(), "{figures}");
}

#[test]
fn what_a_bad_network_loses_is_shown_beside_what_was_repaired() {
    let words = "call --publishers 1 --subscribers 2 --seconds 3 --impair lossy --seed 2";
    let (code, figures) = bench(&words.split(' ').collect::<Vec<_>>());
    let figure = |key: &str| figures[key].as_f64().unwrap_or_else(|| panic!("{key} in {figures}"));
    assert_eq!(code, Some(0), "{figures}");
    assert!((0.02..0.2).contains(&figure("network_loss")), "{figures}");
    // Nobody sends sound again, so it shows what there was to repair.
    assert!(figure("loss_audio") > 0.02, "{figures}");
    assert!(figure("loss_video") < figure("network_loss") / 4.0, "{figures}");
    // No packet can be quicker than the delay of both ways.
    assert!(figure("latency_p50_ms") >= 40.0, "{figures}");
}

#[test]
fn connections_and_durable_writes_are_counted() {
    let (code, figures) = bench(&["connect", "--connections", "20", "--seconds", "1"]);
    assert_eq!((code, &figures["refused"]), (Some(0), &Value::from(0)), "{figures}");
    assert!(figures["bytes_per_connection"].is_number(), "{figures}");
    let (code, figures) = bench(&["state", "--rooms", "4", "--seconds", "1"]);
    assert_eq!(code, Some(0), "{figures}");
    for key in ["writes_per_s", "engine_writes_per_s", "ratio_to_engine", "p99_ratio"] {
        for kind in ["chat", "grant", "setting", "name", "all"] {
            let figure = figures[key][kind].as_f64().unwrap_or_default();
            assert!(figure > 0.0, "{key} of {kind} in {figures}");
        }
    }
}
