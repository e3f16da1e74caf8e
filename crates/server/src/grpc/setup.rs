//! Opening the door: what the configuration names is read and connected.

use super::caller::Credentials;
use super::change::Ids;
use super::hub::{Hub, HubLimits};
use super::keeper::{Keeper, There};
use super::plane::{self, Plane};
use super::push::{Pushes, Receiver};
use super::rate::Rate;
use super::remote::Reach;
use super::seen::Seen;
use super::servers::{MediaServers, ServersLimits};
use super::webhook::Webhook;
use super::{Door, Routes};
use crate::clock::Clock;
use crate::config::Config;
use crate::config::callctl::{Callctl, Role};
use crate::fetch::Fetcher;
use crate::metrics::Counters;
use crate::shard::Mailbox;
use anyhow::{Context as _, Result, bail};
use aws_lc_rs::hmac;
use parlour_base::{Entropy, Secret};
use parlour_node::callctl::{Ask, BearerKeys, Config as Rules};
use parlour_wire::callctl::ConferenceKey;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// Largest secret or set of keys that is read, in bytes.
const FILE_BYTES_MAX: u64 = 256 << 10;

/// Shortest secret, in bytes.
const SECRET_BYTES_MIN: usize = 16;

/// What the door is opened with.
#[derive(Debug)]
pub struct Parts<'p> {
    /// The configuration.
    pub config: &'p Config,
    /// The way to the shard.
    pub shard: Mailbox,
    /// Counters of the process.
    pub counters: Arc<Counters>,
    /// The clocks.
    pub clock: Clock,
    /// Randomness for the ids of changes.
    pub entropy: Entropy,
    /// Asks other services.
    pub fetcher: Fetcher,
    /// Host and port of media, where the configuration does not say.
    pub media: (String, u16),
    /// What the keeper calls this media server apart, if it is one.
    pub media_server: Option<String>,
    /// The tasks of the process.
    pub tasks: &'p TaskTracker,
    /// Becomes true when the server stops.
    pub stop: watch::Receiver<bool>,
}

/// Opens the door; `None` if it is configured shut.
///
/// # Errors
/// What of the configuration cannot be had.
pub fn open(parts: Parts<'_>) -> Result<Option<(Arc<Door>, Routes)>> {
    let config = parts.config.callctl.clone();
    if !config.enabled {
        return Ok(None);
    }
    let secrets = Secrets::read(parts.config)?;
    let reach = Reach::new(&config, secrets.node.clone())?;
    let keeper = match (config.role, config.vcs_url.as_str()) {
        (Role::Kik | Role::Media, "") => {
            bail!("`callctl.vcs_url` must say where the calls are kept")
        }
        (Role::Kik, url) => Keeper::There(There::new(reach.to(url, "callctl.vcs_url")?, &config)),
        _ => Keeper::Here,
    };
    let pushes = receivers(&parts, &reach)?;
    for one in &pushes {
        one.start(parts.tasks, &parts.stop);
    }
    let small = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let limits = HubLimits {
        streams: small(config.watches),
        per_user: small(config.watches_per_user),
        pending: small(config.watch_pending),
    };
    let rules = rules(parts.config, parts.media)?;
    let plane = parts.media_server.map(|name| -> Result<_> {
        Ok(Arc::new(Plane::new(plane::Parts {
            remote: reach.to(&config.vcs_url, "callctl.vcs_url")?,
            name,
            address: format!("{}:{}", rules.media_host, rules.media_port),
            config: &config,
            shard: parts.shard.clone(),
            counters: Arc::clone(&parts.counters),
            stop: parts.stop.clone(),
        })))
    });
    let plane = plane.transpose()?;
    if let Some(plane) = &plane {
        plane.start(parts.tasks);
    }
    let mut entropy = parts.entropy;
    let start = entropy.uuid();
    let door = Arc::new(Door {
        rules: Arc::new(rules),
        shard: parts.shard,
        counters: parts.counters,
        clock: parts.clock,
        credentials: Credentials {
            bridge: secrets.bridge,
            operator: secrets.operator,
            node: secrets.node,
            keys: secrets.keys,
        },
        rate: Rate::new(config.calls_per_second, config.call_burst, small(config.paced_users)),
        hub: Arc::new(Hub::new(limits)),
        pushes,
        media: MediaServers::new(ServersLimits {
            servers: small(config.media_servers),
            connections: small(config.media_connections),
            evictions: small(config.evictions_pending),
            places: small(config.media_places),
        }),
        seen: Seen::new(small(config.seen_convos)),
        ids: Ids::new(entropy),
        keeper,
        plane,
        start,
        config,
    });
    let routes = Routes::new(Arc::clone(&door)).context("cannot describe the gRPC services")?;
    Ok(Some((door, routes)))
}

/// What the keeper calls this process, if it is a media server apart: the
/// configured name and a part that is new at each start, so that nobody takes
/// the connections of an earlier start for its own.
#[must_use]
pub fn media_server(config: &Callctl, entropy: &mut Entropy) -> Option<String> {
    let id = || format!("{}-{}", config.media_name, entropy.fork().uuid().split_off(24));
    (config.enabled && config.role == Role::Media).then(id)
}

fn rules(config: &Config, (host, port): (String, u16)) -> Result<Rules> {
    let callctl = &config.callctl;
    if ConferenceKey::new(&callctl.app, b"only looked at").is_none() {
        bail!("`callctl.app` must be 1 to 10 small letters, digits or dashes");
    }
    let chosen = [callctl.media_host.clone(), host].into_iter().find(|host| !host.is_empty());
    let media_host = chosen.unwrap_or_else(|| "localhost".to_owned());
    if media_host.contains(':') || media_host.len() > 1_024 {
        bail!("`callctl.media_host` must be a name or an IPv4 address");
    }
    let name = &callctl.media_name;
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-');
    if !(1..=40).contains(&name.len()) || !name.bytes().all(plain) {
        bail!("`callctl.media_name` must be 1 to 40 letters, digits, points or dashes");
    }
    let ask = (!callctl.ask_url.is_empty()).then(|| -> Result<Ask> {
        Ok(Ask {
            url: callctl.ask_url.clone(),
            secret: named_secret(&callctl.ask_secret)?,
            fresh: callctl.ask_fresh,
            stale: callctl.ask_stale,
        })
    });
    Ok(Rules {
        app: callctl.app.clone(),
        media_host,
        media_port: if callctl.media_port == 0 { port } else { callctl.media_port },
        token_life: callctl.token_life,
        ask: ask.transpose()?,
    })
}

fn receivers(parts: &Parts<'_>, reach: &Reach) -> Result<Vec<Pushes>> {
    let config = &parts.config.callctl;
    let mut receivers = Vec::new();
    if config.role == Role::Media {
        return Ok(Vec::new());
    }
    if config.role == Role::Vcs {
        if !config.kik_url.is_empty() {
            receivers.push(Receiver::Front(reach.to(&config.kik_url, "callctl.kik_url")?));
        }
    } else {
        if !config.callback_url.is_empty() {
            let callback = reach.to(&config.callback_url, "callctl.callback_url")?;
            receivers.push(Receiver::Callback(callback));
        }
        if !config.webhook_url.is_empty() {
            let secret = named_secret(&config.webhook_secret)?;
            let key =
                secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()));
            receivers.push(Receiver::Webhook(Arc::new(Webhook {
                url: config.webhook_url.clone(),
                key,
                json: config.webhook_json,
                fetcher: parts.fetcher.clone(),
                clock: parts.clock,
            })));
        }
    }
    let pushes = |receiver| Pushes::new(receiver, config, Arc::clone(&parts.counters));
    Ok(receivers.into_iter().map(pushes).collect())
}

/// What callers show, as the operator has put it.
struct Secrets {
    bridge: Option<Secret<String>>,
    operator: Option<Secret<String>>,
    node: Option<Secret<String>>,
    keys: BearerKeys,
}

impl Secrets {
    fn read(config: &Config) -> Result<Self> {
        let callctl = &config.callctl;
        let secret = |path: &Path, name: &str| -> Result<_> {
            let default = config.server.data.join("callctl").join(name);
            match path.as_os_str().is_empty() {
                true if default.exists() => named_secret(&default),
                true => Ok(None),
                false => named_secret(path),
            }
        };
        let keys = config.under_data(&callctl.keys, "callctl/keys.json");
        let keys = if callctl.keys.as_os_str().is_empty() && !keys.exists() {
            BearerKeys::default()
        } else {
            let text = read(&keys)?;
            BearerKeys::parse(text.as_bytes())
                .with_context(|| format!("{} is not a set of keys", keys.display()))?
        };
        Ok(Self {
            bridge: secret(&callctl.bridge_secret, "bridge.secret")?,
            operator: secret(&callctl.operator_secret, "operator.secret")?,
            node: secret(&callctl.node_secret, "node.secret")?,
            keys,
        })
    }
}

/// The secret in a file, without the line feed at its end; none if no file is
/// named.
fn named_secret(path: &Path) -> Result<Option<Secret<String>>> {
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let text = read(path)?;
    let secret = text.trim();
    if secret.len() < SECRET_BYTES_MIN {
        bail!("{} holds fewer than {SECRET_BYTES_MIN} characters", path.display());
    }
    Ok(Some(Secret::new(secret.to_owned())))
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()));
    file?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}
