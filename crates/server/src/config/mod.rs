//! The configuration: one TOML file, the environment over it, flags over both.
//!
//! Owns where each value came from and what is said about wrong ones. The
//! tables themselves are in [`sections`], their machinery in [`schema`].

pub mod api;
pub mod callctl;
pub mod listen;
pub mod machines;
pub mod network;
pub mod reference;
pub mod rooms;
pub mod schema;
pub mod sections;

use api::Api;
use callctl::Callctl;
use machines::{Control, Galene, Room, Sfu, Store};
use rooms::Rooms;
use schema::Key;
use sections::{Fetch, Format, Groups, Http, Log, Media, Ops, Passwords, Server, Tls, WebSocket};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

pub use listen::Listen;

/// The default of `ops.listen`; only there a taken port is not an error.
pub const OPS_DEFAULT: &str = "127.0.0.1:9090";

/// Largest configuration file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

macro_rules! config {
    ($($(#[doc = $doc:literal])+ $field:ident: $section:ident,)*) => {
        /// Everything that can be configured.
        #[derive(Debug, Clone, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $field: $section,)*
        }

        /// Every table: name, what it is about, its keys.
        pub const SECTIONS: &[(&str, &str, &[Key])] = &[
            $(($section::SECTION, $section::ABOUT, $section::KEYS),)*
        ];
    };
}

config! {
    /// Folders, start and stop.
    server: Server,
    /// TCP listeners.
    http: Http,
    /// Certificate.
    tls: Tls,
    /// WebSocket connections.
    websocket: WebSocket,
    /// Media plane.
    media: Media,
    /// Group files.
    groups: Groups,
    /// Password pool.
    passwords: Passwords,
    /// Probes and metrics.
    ops: Ops,
    /// Requests to other services.
    fetch: Fetch,
    /// Log lines.
    log: Log,
    /// Galène door.
    galene: Galene,
    /// Call-control door.
    callctl: Callctl,
    /// Rooms door.
    rooms: Rooms,
    /// Integration API.
    api: Api,
    /// Each room.
    room: Room,
    /// Control side.
    control: Control,
    /// Media workers.
    sfu: Sfu,
    /// Store thread.
    store: Store,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything else.
    Default,
    /// The configuration file.
    File,
    /// This environment variable.
    Environment(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File => f.write_str("file"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("{} is not valid TOML: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// A key that does not exist.
    #[error("unknown key `{key}`{}", hint.as_ref().map(|hint| format!(", did you mean `{hint}`?")).unwrap_or_default())]
    Unknown {
        /// The key as written.
        key: String,
        /// The existing key most like it.
        hint: Option<String>,
    },
    /// A value that does not fit its key.
    #[error("`{key}` (from {origin}) {message}")]
    Wrong {
        /// The key.
        key: String,
        /// Who set it.
        origin: Origin,
        /// Continues the sentence.
        message: String,
    },
}

/// A configuration that passed every check, with the origin of each value.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// By `section.name`, only for what is not a default.
    origins: BTreeMap<String, Origin>,
    /// Variables that begin like ours but name no key; worth a warning.
    pub strange_variables: Vec<String>,
}

/// Values collected from all sides, not yet checked as a whole.
#[derive(Debug, Default)]
pub struct Loader {
    tables: Table,
    origins: BTreeMap<String, Origin>,
    strange_variables: Vec<String>,
}

impl Loader {
    /// Takes the values of a file.
    ///
    /// # Errors
    /// If it is unreadable, no TOML, or has an unknown key.
    pub fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = read_bounded(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax {
            path: path.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })?;
        for (section, value) in table {
            let Value::Table(values) = value else { return Err(unknown(&section)) };
            for (name, value) in values {
                let path = format!("{section}.{name}");
                let key = find(&path).ok_or_else(|| unknown(&path))?;
                self.set(key, value, Origin::File);
            }
        }
        Ok(())
    }

    /// Takes the variables that name a key. Others that begin with `PARLOUR_`
    /// are kept for a warning only: orchestrators make some of their own.
    pub fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) {
        for (name, text) in variables.filter(|(name, _)| name.starts_with("PARLOUR_")) {
            match keys().find(|key| key.variable() == name) {
                Some(key) => {
                    let value = key.read(&text);
                    self.set(key, value, Origin::Environment(name));
                }
                None if name.starts_with("PARLOUR_TEST_") => {}
                None => self.strange_variables.push(name),
            }
        }
    }

    /// Takes a value of the command line; `path` must be an existing key.
    pub fn flag(&mut self, path: &str, value: impl Into<Value>) {
        let key =
            find(path).expect("flags name keys that exist, see the tests of the command line");
        self.set(key, value.into(), Origin::Flag);
    }

    fn set(&mut self, key: &Key, value: Value, origin: Origin) {
        let table = self.tables.entry(key.section).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(table) = table {
            table.insert(key.name.to_owned(), value);
        }
        self.origins.insert(key.path(), origin);
    }

    /// Checks every value and puts the configuration together.
    ///
    /// # Errors
    /// The first value that does not fit.
    pub fn finish(self) -> Result<Loaded, ConfigError> {
        let wrong = |path: String, message| ConfigError::Wrong {
            origin: self.origins.get(&path).cloned().unwrap_or(Origin::Default),
            key: path,
            message,
        };
        for key in keys() {
            let value = self.tables.get(key.section).and_then(|table| table.get(key.name));
            if let Some(value) = value {
                (key.check)(value.clone()).map_err(|message| wrong(key.path(), message))?;
            }
        }
        let config: Config = self
            .tables
            .clone()
            .try_into()
            .map_err(|error| wrong("configuration".to_owned(), error.to_string()))?;
        config.agrees().map_err(|(path, message)| wrong(path.to_owned(), message))?;
        Ok(Loaded {
            config,
            origins: self.origins.clone(),
            strange_variables: self.strange_variables,
        })
    }
}

impl Loaded {
    /// The effective configuration as TOML, each line with its origin.
    #[must_use]
    pub fn print(&self) -> String {
        let all = schema::to_toml(&self.config);
        let mut text = String::new();
        for (section, _, keys) in SECTIONS {
            text.push_str(&format!("[{section}]\n"));
            for key in *keys {
                let value = all.get(section).and_then(|table| table.get(key.name));
                let value = value.map(ToString::to_string).unwrap_or_default();
                let origin = self.origins.get(&key.path()).unwrap_or(&Origin::Default);
                text.push_str(&format!("{} = {value}  # {origin}\n", key.name));
            }
            text.push('\n');
        }
        text
    }

    /// Whether anybody set this key.
    #[must_use]
    pub fn is_set(&self, path: &str) -> bool {
        self.origins.contains_key(path)
    }
}

impl Config {
    /// What single values cannot show: rules between keys.
    fn agrees(&self) -> Result<(), (&'static str, String)> {
        if self.http.listen.is_empty() {
            return Err(("http.listen", "must name at least one listener".to_owned()));
        }
        if !self.http.public_url.is_empty() {
            let url: Result<axum::http::Uri, _> = self.http.public_url.parse();
            if !url.is_ok_and(|url| url.scheme().is_some() && url.host().is_some()) {
                return Err(("http.public_url", "must be a URL with scheme and host".to_owned()));
            }
        }
        if self.tls.certificate.as_os_str().is_empty() != self.tls.key.as_os_str().is_empty() {
            return Err(("tls.key", "and `tls.certificate` go together".to_owned()));
        }
        if tracing_subscriber::EnvFilter::try_new(&self.log.level).is_err() {
            return Err(("log.level", "must be a level such as \"info\"".to_owned()));
        }
        if !self.ops.listen.is_empty() && self.ops.address().is_none() {
            return Err(("ops.listen", "must be HOST:PORT or empty".to_owned()));
        }
        Ok(())
    }

    /// The folder of group files.
    #[must_use]
    pub fn groups_folder(&self) -> PathBuf {
        self.under_data(&self.server.groups, "groups")
    }

    /// The folder of recordings.
    #[must_use]
    pub fn recordings_folder(&self) -> PathBuf {
        self.under_data(&self.server.recordings, "recordings")
    }

    /// `path`, or `name` in the data folder if that is empty.
    #[must_use]
    pub fn under_data(&self, path: &Path, name: &str) -> PathBuf {
        if path.as_os_str().is_empty() { self.server.data.join(name) } else { path.to_owned() }
    }
}

impl Ops {
    /// The listener's host and port, `None` when it is off or wrong. `https`
    /// is not spoken here.
    #[must_use]
    pub fn address(&self) -> Option<Listen> {
        let text = self.listen.strip_prefix("http://").unwrap_or(&self.listen);
        let listen: Listen = text.parse().ok()?;
        (!text.contains("://")).then_some(Listen { tls: false, ..listen })
    }
}

/// Every key there is.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|(_, _, keys)| keys.iter())
}

fn find(path: &str) -> Option<&'static Key> {
    keys().find(|key| key.path() == path)
}

/// Names the key that a mistyped one most resembles.
fn unknown(path: &str) -> ConfigError {
    let near = |candidate: String| (strsim::jaro_winkler(path, &candidate), candidate);
    let last = path.rsplit('.').next().unwrap_or(path);
    let same_name = keys().find(|key| key.name == last).map(Key::path);
    let best = keys().map(|key| near(key.path())).max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = same_name.or_else(|| best.filter(|(score, _)| *score > 0.8).map(|(_, name)| name));
    ConfigError::Unknown { key: path.to_owned(), hint }
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// Keeps [`Format`] reachable next to the configuration it belongs to.
pub type LogFormat = Format;

#[cfg(test)]
mod tests;
