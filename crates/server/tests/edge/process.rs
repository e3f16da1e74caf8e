//! How the process starts, stops and comes back.

use crate::support::{Server, Wish, command, hear};
use parlour_server::clock::Clock;
use std::time::Duration;

#[tokio::test]
async fn sigterm_tells_members_and_ends_with_success_in_time() {
    let mut server = Server::start();
    let mut member = server.member("member").await;
    let _idle = server.socket().await;
    // One that never reads must not hold the others up.
    let _deaf = server.member("deaf").await;
    let clock = Clock::start();
    server.signal();
    let last = hear(&mut member, |message| message["type"] == "usermessage").await;
    assert!(last.to_string().contains("server is shutting down"), "{last}");
    let status = server.wait();
    assert!(status.success(), "{status}");
    assert!(clock.elapsed() < Duration::from_secs(5), "{:?}", clock.elapsed());
}

#[test]
fn sigterm_without_clients_is_quick() {
    let mut server = Server::start();
    let (status, took) = server.terminate();
    assert!(status.success() && took < Duration::from_secs(3), "{status} {took:?}");
}

#[tokio::test]
async fn after_kill_9_it_comes_back_on_the_same_data() {
    let server = Server::start();
    let _member = server.member("member").await;
    let server = server.restart(&Wish::default());
    server.member("again").await;
}

#[test]
fn a_second_process_on_the_same_data_is_refused_with_a_reason() {
    let server = Server::start();
    let output = command(&[])
        .args(["serve", "--listen", "http://127.0.0.1:0", "--data"])
        .arg(server.data())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("in use"), "{said}");
}

#[test]
fn a_taken_port_is_named() {
    let server = Server::start();
    let other = tempfile::tempdir().unwrap();
    let output = command(&[])
        .args(["serve", "--listen", &format!("http://{}", server.http), "--data"])
        .arg(other.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(&server.http.to_string()), "{said}");
}

#[test]
fn the_lobby_is_there_unless_told_otherwise() {
    assert_eq!(Server::start().get("/group/lobby/").status, 200);
    let flags = ["--no-lobby"];
    let server = Server::with(Wish { flags: &flags, ..Wish::default() });
    assert_eq!(server.get("/group/lobby/").status, 404);
}

#[test]
fn check_config_prints_values_and_origins() {
    let output = command(&[("PARLOUR_MEDIA_WORKERS", "3")])
        .args(["check-config", "--listen", "localhost:1"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success());
    assert!(said.contains("listen = [\"http://localhost:1\"]  # flag"), "{said}");
    assert!(said.contains("workers = 3  # environment PARLOUR_MEDIA_WORKERS"), "{said}");
    assert!(said.contains("lobby = true  # default"), "{said}");
}

#[test]
fn an_unknown_key_ends_the_start_with_a_suggestion() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[media]\nworker = 2\n").unwrap();
    let output = command(&[]).arg("serve").arg("--config").arg(file.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78));
    assert!(said.contains("did you mean `media.workers`"), "{said}");
}

#[test]
fn a_backup_of_a_running_server_restores() {
    let server = Server::start();
    let other = tempfile::tempdir().unwrap();
    let file = other.path().join("copy.db");
    let run = |word: &str, data: &std::path::Path| {
        let output = command(&[]).arg(word).arg("--data").arg(data).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run("backup", server.data());
    run("restore", &other.path().join("data"));
}
