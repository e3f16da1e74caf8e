//! Front, keeper and media server that speak to one another with TLS, under an
//! authority of the operator's own.

use crate::certificates::Authority;
use crate::client::{GROUP, coming, on};
use crate::parts::{Parts, until};
use crate::support::closed;
use tonic::Code;

#[tokio::test]
async fn the_parts_speak_with_tls_under_an_authority_of_their_own() {
    let parts = Parts::secured(&Authority::new());
    let [alice, bob] = parts.people().await;
    let mut his = bob.watch().await;
    // Arrow 3 there and 4 back, and 6 by which the media server is known.
    let joined = parts.sent_there(&alice).await;
    assert_eq!(his.change().await, coming("alice_a1b"));
    let (mut socket, answer) = parts.connect(&joined).await;
    assert_eq!(answer["kind"], "join", "{answer}");
    assert_eq!(his.change().await, on("alice_a1b"));
    alice.leave(GROUP, joined.connection_token.map(|token| token.payload)).await.unwrap();
    closed(&mut socket).await;
    assert_eq!(his.change().await, []);
}

#[tokio::test]
async fn a_part_speaks_to_none_whose_certificate_another_authority_has_issued() {
    let (ours, other) = (Authority::new(), Authority::new());
    let mut parts = Parts::secured(&ours);
    let [alice, _] = parts.people().await;
    parts.sent_there(&alice).await;
    // The front trusts somebody else from now on.
    parts.kik.set("REMOTE_CA", &other.file.display().to_string());
    parts.restart_front();
    let [alice, bob] = parts.people().await;
    let code = |status: tonic::Status| status.code();
    assert_eq!(bob.query(&[GROUP]).await.map_err(code), Err(Code::Unavailable));
    assert_eq!(alice.join(GROUP).await.map_err(code), Err(Code::Unavailable));
    // And so does the media server, which is given up then.
    parts.kik.set("REMOTE_CA", &ours.file.display().to_string());
    parts.media.set("REMOTE_CA", &other.file.display().to_string());
    parts.restart_front();
    drop(parts.plane.take());
    parts.plane = Some(parts.media.start(None));
    let [alice, bob] = parts.people().await;
    until(&bob, &coming("alice_a1b")).await;
    let joined = alice.join(GROUP).await.unwrap();
    assert_ne!(joined.connection_info.unwrap().port, i32::from(parts.media.port));
}

#[tokio::test]
async fn a_name_that_is_not_in_the_certificate_is_not_spoken_to() {
    let authority = Authority::new();
    let mut parts = Parts::secured(&authority);
    let url = format!("https://127.0.0.1:{}", parts.vcs.port);
    parts.kik.set("VCS_URL", &url);
    parts.restart_front();
    let [alice, _] = parts.people().await;
    let refused = alice.join(GROUP).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
}

#[test]
fn what_of_the_settings_cannot_be_had_is_said_before_anything_answers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, "no certificate").unwrap();
    let path = file.display().to_string();
    for (name, value) in [
        ("PARLOUR_CALLCTL_REMOTE_CA", path.as_str()),
        ("PARLOUR_CALLCTL_CALLBACK_URL", "ftp://localhost:1"),
        ("PARLOUR_CALLCTL_CALLBACK_URL", "localhost"),
        // REQ-31: no old client could take it apart.
        ("PARLOUR_CALLCTL_MEDIA_HOST", "2001:db8::1"),
    ] {
        let mut command = crate::support::command(&[(name, value)]);
        command.args(["serve", "--listen", "http://127.0.0.1:0", "--data"]).arg(folder.path());
        let output = command.output().unwrap();
        assert!(!output.status.success(), "{name}");
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        let key = name.trim_start_matches("PARLOUR_CALLCTL_").to_lowercase();
        assert!(said.contains(&key), "{said}");
    }
}
