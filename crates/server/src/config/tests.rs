//! What the configuration says about right and wrong input.

use super::*;

fn from_file(text: &str) -> Result<Loaded, ConfigError> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    let mut loader = Loader::default();
    loader.file(file.path())?;
    loader.finish()
}

fn complaint(text: &str) -> String {
    from_file(text).map_or_else(|error| error.to_string(), |_| "accepted".to_owned())
}

#[test]
fn nothing_said_means_the_defaults() {
    let config = Loader::default().finish().expect("defaults fit").config;
    let listen: Vec<String> = config.http.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["http://localhost:8080", "https://[::]:8443"]);
    assert_eq!(config.groups_folder(), Path::new("./parlour-data/groups"));
    assert!(config.server.lobby);
}

#[test]
fn every_default_passes_its_own_check() {
    for key in keys() {
        assert_eq!((key.check)((key.default)()), Ok(()), "{key:?}");
    }
}

#[test]
fn an_unknown_key_is_an_error_that_suggests_the_nearest() {
    assert!(complaint("[http]\nlisten_on = []").contains("did you mean `http.listen`"));
    assert!(complaint("[websocket]\nqueue_frame = 3").contains("`websocket.queue_frames`"));
    assert!(complaint("[zzz]\nqq = 1").contains("unknown key `zzz.qq`"));
    assert!(complaint("listen = 3").contains("unknown key `listen`"));
}

#[test]
fn a_value_beyond_the_hard_top_is_refused_with_both_ends_of_the_range() {
    let said = complaint("[websocket]\nmessage_bytes_max = \"2MiB\"");
    assert_eq!(said, "`websocket.message_bytes_max` (from file) must lie between 1KiB and 1MiB");
    assert!(complaint("[websocket]\nqueue_frames = 1").contains("between 16 and 65536"));
}

#[test]
fn a_value_of_the_wrong_kind_names_its_key() {
    assert!(complaint("[websocket]\nwrite_timeout = 5").contains("`websocket.write_timeout`"));
    assert!(complaint("[http]\nlisten = [\"ftp://x:1\"]").contains("`http.listen`"));
    assert!(complaint("[http]\nlisten = []").contains("at least one listener"));
    assert!(complaint("[http]\npublic_url = \"example\"").contains("scheme and host"));
    assert!(complaint("[log]\nformat = \"xml\"").contains("`log.format`"));
}

#[test]
fn the_environment_overrides_the_file_and_flags_override_both() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "[server]\ndata = \"a\"\nlobby = true\n[media]\nworkers = 3")
        .expect("written");
    let mut loader = Loader::default();
    loader.file(file.path()).expect("fits");
    let variables = [
        ("PARLOUR_SERVER_DATA", "b"),
        ("PARLOUR_SERVER_LOBBY", "false"),
        ("PARLOUR_HTTP_LISTEN", "localhost:1, 0.0.0.0:2"),
        ("PARLOUR_MEDIA_ANNOUNCE", "[\"192.0.2.1\"]"),
        ("PARLOUR_PORT", "tcp://10.0.0.1:80"),
        ("PARLOUR_TEST_DROP_MEDIA", "1"),
    ];
    loader.environment(variables.map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter());
    loader.flag("server.data", "c");
    let loaded = loader.finish().expect("fits");
    assert_eq!(loaded.config.server.data, Path::new("c"));
    assert!(!loaded.config.server.lobby);
    assert_eq!(loaded.config.http.listen.len(), 2);
    assert_eq!(loaded.config.media.announce.len(), 1);
    assert_eq!(loaded.strange_variables, ["PARLOUR_PORT"]);
    let printed = loaded.print();
    assert!(printed.contains("data = \"c\"  # flag"), "{printed}");
    assert!(printed.contains("lobby = false  # environment PARLOUR_SERVER_LOBBY"), "{printed}");
    assert!(printed.contains("workers = 3  # file"), "{printed}");
    assert!(printed.contains("queue = 64  # default"), "{printed}");
}

#[test]
fn a_wrong_variable_is_named_in_the_error() {
    let mut loader = Loader::default();
    let variables = [("PARLOUR_MEDIA_WORKERS".to_owned(), "many".to_owned())];
    loader.environment(variables.into_iter());
    let said = loader.finish().map(|_| ()).expect_err("no number").to_string();
    assert!(said.contains("environment PARLOUR_MEDIA_WORKERS"), "{said}");
}
