//! Replays `testdata/galene`: what is good is read, what is bad is refused,
//! and every damaged form of either is one or the other.

use parlour_wire::galene::{
    Dialect, Envelope, GroupFile, ServerMessage, Token, TokenEdit, TokenRequest,
};
use parlour_wire::json;
use std::path::PathBuf;

fn files(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/galene").join(folder);
    let entries = std::fs::read_dir(root).expect("the folder exists");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let files: Vec<_> = paths
        .map(|path| {
            let bytes = std::fs::read(&path).expect("a readable file");
            (path, bytes)
        })
        .collect();
    assert!(!files.is_empty(), "{folder} is empty");
    files
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[test]
fn messages_of_clients_are_judged_rightly() {
    for (path, bytes) in files("client/good") {
        let read = text(&bytes).map(Envelope::parse);
        let Some(Ok(envelope)) = read else { panic!("{}: {read:?}", path.display()) };
        assert_eq!(Envelope::parse(&envelope.to_text()), Ok(envelope), "{}", path.display());
    }
    for (path, bytes) in files("client/bad") {
        let read = text(&bytes).map(Envelope::parse);
        assert!(!matches!(read, Some(Ok(_))), "{}: {read:?}", path.display());
    }
}

#[test]
fn messages_of_servers_are_judged_rightly() {
    for (path, bytes) in files("server/good") {
        let read = text(&bytes).map(ServerMessage::parse);
        let Some(Ok(message)) = read else { panic!("{}: {read:?}", path.display()) };
        let written = message.write(Dialect::V2).expect("today's dialect says everything");
        assert_eq!(ServerMessage::parse(&written), Ok(message), "{}", path.display());
    }
    for (path, bytes) in files("server/bad") {
        let read = text(&bytes).map(ServerMessage::parse);
        assert!(!matches!(read, Some(Ok(_))), "{}: {read:?}", path.display());
    }
}

#[test]
fn group_files_are_judged_rightly() {
    for (path, bytes) in files("group/good") {
        let read = GroupFile::parse(&bytes);
        assert!(read.is_ok(), "{}: {read:?}", path.display());
    }
    for (path, bytes) in files("group/bad") {
        let read = GroupFile::parse(&bytes);
        assert!(read.is_err(), "{}: {read:?}", path.display());
    }
}

#[test]
fn tokens_are_judged_rightly() {
    for (path, bytes) in files("token/good") {
        let read = text(&bytes).map(Token::parse);
        let Some(Ok(token)) = read else { panic!("{}: {read:?}", path.display()) };
        let again = Token::parse(&token.to_json().to_string()).expect("what we write");
        assert_eq!(again.to_json(), token.to_json(), "{}", path.display());
    }
    for (path, bytes) in files("token/bad") {
        let read = text(&bytes).map(Token::parse);
        assert!(!matches!(read, Some(Ok(_))), "{}: {read:?}", path.display());
    }
}

/// The input cut off everywhere, and with one byte replaced everywhere.
fn damaged(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let cut = (0..bytes.len()).map(|at| bytes[..at].to_vec());
    let replaced = (0..bytes.len()).flat_map(|at| {
        [b'"', b'{', b'[', b'0', b'\\', 0xff].map(|with| {
            let mut bytes = bytes.to_vec();
            bytes[at] = with;
            bytes
        })
    });
    cut.chain(replaced)
}

#[test]
fn damaged_input_is_read_or_refused() {
    for folder in [
        "client/good",
        "client/bad",
        "server/good",
        "server/bad",
        "group/good",
        "group/bad",
        "token/good",
        "token/bad",
    ] {
        for (_, bytes) in files(folder) {
            for bytes in damaged(&bytes) {
                if let Ok(json) = json::parse_bytes(&bytes) {
                    drop((TokenRequest::read(&json), TokenEdit::read(&json)));
                    assert_eq!(json::parse(&json.to_string()), Ok(json));
                }
                if let Some(Ok(message)) = text(&bytes).map(Envelope::parse) {
                    assert_eq!(Envelope::parse(&message.to_text()), Ok(message));
                }
                if let Some(Ok(message)) = text(&bytes).map(ServerMessage::parse) {
                    for dialect in [Dialect::Legacy, Dialect::V1, Dialect::V2] {
                        drop(message.write(dialect));
                    }
                }
                drop((GroupFile::parse(&bytes), text(&bytes).map(Token::parse)));
            }
        }
    }
}
