//! The ICE servers that browsers are told about: `ice-servers.json` in the data
//! folder (docs/protocols/galene.md §5.5).
//!
//! Read once at the start. Entries whose credential would have to be made for
//! each client are left out with a warning.

use anyhow::{Context as _, Result, ensure};
use parlour_base::Json;
use parlour_wire::galene::RtcConfiguration;
use serde_json::json;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

/// The file's name in the data folder.
const FILE: &str = "ice-servers.json";

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Most entries that are passed on.
const SERVERS_MAX: usize = 32;

/// What browsers are told, which is no server at all without the file.
pub(crate) fn read(data: &Path) -> Result<RtcConfiguration> {
    let path = data.join(FILE);
    let file = match fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(RtcConfiguration(json!({ "iceServers": [] })));
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    parse(&text).with_context(|| format!("{} is wrong", path.display()))
}

fn parse(text: &str) -> Result<RtcConfiguration> {
    let entries: Vec<serde_json::Map<String, Json>> =
        serde_json::from_str(text).context("expected an array of objects")?;
    ensure!(entries.len() <= SERVERS_MAX, "more than {SERVERS_MAX} servers");
    let mut servers = Vec::new();
    for entry in entries {
        let mut server = serde_json::Map::new();
        for (name, value) in entry {
            // Old documentation capitalises some names.
            let known = ["urls", "username", "credential", "credentialType"];
            let known = known.into_iter().find(|known| known.eq_ignore_ascii_case(&name));
            server.insert(known.context("unknown member in a server")?.to_owned(), value);
        }
        ensure!(server.contains_key("urls"), "a server without urls");
        if server.get("credentialType").and_then(Json::as_str) == Some("hmac-sha1") {
            tracing::warn!("an ICE server with credentials of type hmac-sha1 is left out");
            continue;
        }
        server.entry("credentialType").or_insert_with(|| json!("password"));
        servers.push(Json::Object(server));
    }
    Ok(RtcConfiguration(json!({ "iceServers": servers })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_file_there_are_no_servers() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(read(dir.path()).expect("fine").0, json!({ "iceServers": [] }));
    }

    #[test]
    fn servers_pass_with_their_names_as_browsers_want_them() {
        let text = r#"[{"Urls":["turn:t.example"],"username":"u","credential":"c"},
            {"urls":["turn:h.example"],"credential":"s","credentialType":"hmac-sha1"}]"#;
        let found = parse(text).expect("fine").0;
        let expected = json!([{ "urls": ["turn:t.example"], "username": "u", "credential": "c",
            "credentialType": "password" }]);
        assert_eq!(found, json!({ "iceServers": expected }));
    }

    #[test]
    fn a_wrong_file_is_an_error() {
        for text in ["{}", "[1]", "[{}]", r#"[{"urls":[],"url":1}]"#, "nonsense"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
