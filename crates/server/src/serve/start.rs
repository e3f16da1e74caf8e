//! Starting, in order: data folder, store, sockets, threads, listeners.
//!
//! Whatever cannot be had is said before anything answers.

use super::machines::{self, Alarm};
use super::stop::{Running, Signals, Threads};
use super::welcome::{House, Lobby, warn_of_gaps};
use crate::clock::Clock;
use crate::config::rooms::Rooms as RoomsSettings;
use crate::config::{Config, Loaded};
use crate::fetch::Fetcher;
use crate::groups::GroupFolder;
use crate::grpc;
use crate::http::{self, Listening, Site};
use crate::media::{Announced, MediaSockets, announced};
use crate::metrics::figures::StoreFigures;
use crate::metrics::{Counters, Metrics};
use crate::ops::{self, Ops, StoreView};
use crate::port::{Query, Reply};
use crate::shard::{Desk, Hands, Mail, Mailbox, mailbox};
use crate::tls::{Bridges, Certificates, Trust};
use crate::{control, ice, telemetry};
use anyhow::{Context as _, Result, anyhow};
use parlour_base::Entropy;
use parlour_node::call::{Fetch, Notice};
use parlour_node::{CallId, Shard, config as node, rooms};
use parlour_sfu::Identity;
use parlour_store::{DataFolder, SqliteEngine, Writer, gauges};
use parlour_wire::callctl::pb::selfhost::video::v1::ClientConnectedRequest;
use std::fs;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Starts everything.
pub(super) async fn start(loaded: &Loaded, drop_media: bool) -> Result<Running> {
    let config = &loaded.config;
    let signals = Signals::catch()?;
    let counters = Arc::<Counters>::default();
    telemetry::watch_panics(Arc::clone(&counters));
    // Only one provider is built in; a second call finds it installed.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    raise_file_limit();
    let clock = Clock::start();
    let (alarm, failed) = watch::channel(None);
    let (stop, stopped) = watch::channel(false);
    let (drained, drains) = watch::channel(false);

    let engine = open_store(config)?;
    let is_new = engine.was_created();
    let (listening, sockets) = bind_all(config)?;
    let ops_listener = bind_ops(config).await?;
    let interfaces = interfaces();
    let announced = announced(&config.media.announce, &config.http.listen, &interfaces);
    let certificates = certificates(config, &announced.addresses)?;
    let identity = Identity::generate(clock.zero()).context("cannot make a DTLS certificate")?;
    let mut entropy = seed()?;

    let (shard, letters) = mailbox(Arc::clone(&counters));
    let store = start_store(engine, config, &shard, &alarm)?;
    let groups = group_folder(config);
    let passwords = machines::start_passwords(config, &shard, &counters)?;
    let group_reads = machines::start_groups(groups.clone(), &shard, &counters)?;
    let media_port = sockets.first().map_or(0, MediaSockets::port);
    let things = (clock, &shard, &counters, &alarm, drop_media);
    let (workers, worker_threads) =
        machines::start_workers(config, sockets, &identity, &mut entropy, things)?;

    let secret = config.under_data(&config.rooms.account_secret, "rooms.secret");
    let secret = RoomsSettings::account_secret(&secret, &mut entropy)
        .with_context(|| format!("cannot read or make {}", secret.display()))?;
    let rooms_door = config.rooms.door(secret).context("cannot read `rooms.client_secret`")?;
    let rooms_door = Arc::new(rooms::Door::new(rooms_door));
    let rooms_edge = Arc::<OnceLock<Arc<http::Rooms>>>::default();
    let mut node = node_config(config, &identity, &announced, media_port, workers.len())?;
    node.room.leased_life = rooms_door.config.renewed_life;
    node.doors.rooms = Arc::clone(&rooms_door);
    let media_server = grpc::media_server(&config.callctl, &mut entropy);
    let is_media = media_server.is_some();
    node.lobby &= !is_media;
    node.media_server.clone_from(&media_server);
    let callctl = Arc::<OnceLock<Arc<grpc::Door>>>::default();
    let fetcher = Fetcher::new(&config.fetch);
    let fetcher = fetcher.context("cannot read the certificates this machine trusts")?;
    let ids = entropy.fork();
    let submitter = store.submitter();
    let hands = Hands {
        store: Box::new(move |request| submitter.try_submit(request)),
        passwords: passwords.sender(),
        groups: group_reads.sender(),
        workers: workers.clone(),
        notices: notices(&callctl, &rooms_edge),
        fetches: fetches(&fetcher, &shard),
        keeper: keeper(&callctl),
    };
    let desk = Desk { letters, hands, clock, drained, counters: Arc::clone(&counters) };
    let shard_thread = machines::start_shard(Shard::new(node, entropy), desk, alarm.clone())?;

    let site = Arc::new(Site::new(config.clone(), groups, shard.clone(), Arc::clone(&counters)));
    if config.rooms.enabled && !is_media {
        let edge = http::Rooms::open(rooms_door, config.rooms.clone(), clock, fetcher.clone());
        let edge = Arc::new(edge);
        site.tasks.spawn(http::rooms::sweep(Arc::clone(&site), Arc::clone(&edge), stopped.clone()));
        // Both are set once, here.
        drop(rooms_edge.set(Arc::clone(&edge)));
        drop(site.rooms.set(edge));
    }
    let door = grpc::open(grpc::Parts {
        config,
        shard: shard.clone(),
        counters: Arc::clone(&counters),
        clock,
        entropy: ids,
        fetcher: fetcher.clone(),
        media: media_address(config, &listening, &announced),
        media_server,
        tasks: &site.tasks,
        stop: stopped.clone(),
    })?;
    if let Some((door, routes)) = door {
        open_grpc(&site, routes, stopped.clone()).await;
        // It is set once, here.
        drop(callctl.set(door));
    }
    if config.api.enabled && !is_media {
        open_api(&site, &stopped);
    }
    let ops = Arc::new(Ops {
        site: Arc::clone(&site),
        workers: workers.clone(),
        passwords: passwords.sender(),
        groups: group_reads.sender(),
        fetcher: fetcher.clone(),
        store: probe(&store),
        metrics: Metrics::new(&counters),
        stop: stopped.clone(),
    });
    let ops_address = ops_listener.as_ref().map(TcpListener::local_addr).transpose()?;
    if let Some(listener) = ops_listener {
        site.tasks.spawn(ops::serve(ops, listener));
    }
    let house = House {
        listening: &listening,
        announced: &announced,
        interfaces: &interfaces,
        self_made: certificates.as_deref().is_some_and(Certificates::is_self_made),
        lobby: lobby(config, is_new, &shard).await,
        ops: ops_address,
    };
    if let Err(error) = writeln!(io::stdout(), "{}", house.welcome()) {
        tracing::debug!(%error, "nobody reads where the server is");
    }
    warn_of_gaps(loaded, &announced);
    for listening in listening {
        let serving =
            http::serve(Arc::clone(&site), listening, certificates.clone(), stopped.clone());
        site.tasks.spawn(serving);
    }
    let threads =
        Threads { shard: shard_thread, workers: worker_threads, passwords, group_reads, store };
    Ok(Running { site, shard, workers, stop, drains, failed, threads, signals })
}

/// Opens the integration API, and the socket of the operator in the data
/// folder.
fn open_api(site: &Site, stopped: &watch::Receiver<bool>) {
    let api = Arc::new(http::api::Api::new(site.config.api.clone(), site.shard.clone()));
    match control::bind(&site.config.server.data) {
        Ok(listener) => {
            let (tasks, stop) = (site.tasks.clone(), stopped.clone());
            site.tasks.spawn(control::serve(Arc::clone(&api), listener, tasks, stop));
        }
        Err(error) => {
            tracing::warn!(%error, "keys can be made while the server is stopped, not while it runs");
        }
    }
    // It is set once, here.
    drop(site.api.set(api));
}

/// Lets in calls by gRPC, until the server stops.
async fn open_grpc(site: &Site, routes: grpc::Routes, mut stop: watch::Receiver<bool>) {
    routes.serving().await;
    let ending = routes.clone();
    site.tasks.spawn(async move {
        // An error means that nobody can stop the server any more.
        drop(stop.wait_for(|stop| *stop).await);
        ending.stop().await;
    });
    // It is set once, here.
    drop(site.grpc.set(routes));
}

/// Tells those who are not connected as sessions; before the doors are open
/// there is nobody to tell.
fn notices(
    callctl: &Arc<OnceLock<Arc<grpc::Door>>>,
    rooms: &Arc<OnceLock<Arc<http::Rooms>>>,
) -> Box<dyn Fn(Notice) + Send> {
    let (callctl, rooms) = (Arc::clone(callctl), Arc::clone(rooms));
    Box::new(move |notice| {
        let notice = match rooms.get() {
            Some(rooms) => match rooms.tell(notice) {
                Ok(()) => return,
                Err(notice) => notice,
            },
            None => notice,
        };
        let rest = callctl.get().map_or(Some(()), |door| door.tell(notice).err().map(drop));
        if rest.is_some() {
            tracing::debug!("a notice that nobody takes");
        }
    })
}

/// Asks other services for calls.
fn fetches(
    fetcher: &Fetcher,
    shard: &Mailbox,
) -> Box<dyn Fn(CallId, Fetch) -> Result<(), CallId> + Send> {
    let (fetcher, shard) = (fetcher.clone(), shard.clone());
    Box::new(move |call, fetch| fetcher.for_call(&shard, call, fetch))
}

/// Asks the keeper of the calls about tokens; before the doors are open nobody
/// has shown one.
fn keeper(
    callctl: &Arc<OnceLock<Arc<grpc::Door>>>,
) -> Box<dyn Fn(CallId, ClientConnectedRequest) -> Result<(), CallId> + Send> {
    let callctl = Arc::clone(callctl);
    Box::new(move |call, request| match callctl.get() {
        Some(door) => door.present(call, request),
        None => Err(call),
    })
}

/// Where clients of call control are told to connect to, unless the
/// configuration says it: the public host, or the first announced address that
/// their form of it can hold.
fn media_address(config: &Config, listening: &[Listening], announced: &Announced) -> (String, u16) {
    let open = listening.iter().find(|it| !it.listen.is_loopback()).or_else(|| listening.first());
    let port = open.map_or(0, |it| it.address.port());
    let outside = config.http.public_url.parse::<axum::http::Uri>().ok();
    let public = outside.as_ref().and_then(|url| {
        let default = if url.scheme_str() == Some("http") { 80 } else { 443 };
        Some((url.host()?.to_owned(), url.port_u16().unwrap_or(default)))
    });
    let canonical = config.http.canonical_host.split(':').next().unwrap_or_default();
    let first = announced.addresses.iter().find(|ip| ip.is_ipv4()).map(IpAddr::to_string);
    public.unwrap_or_else(|| match canonical {
        "" => (first.unwrap_or_default(), port),
        host => (host.to_owned(), port),
    })
}

/// Whether there is a room `lobby`: on a new store the configuration says so.
async fn lobby(config: &Config, is_new: bool, shard: &Mailbox) -> Lobby {
    // Answered once the shard has its directory: before, it takes no requests.
    let known = shard.ask(Query::Group("lobby".to_owned())).await;
    if is_new {
        return if config.server.lobby { Lobby::New } else { Lobby::None };
    }
    match known {
        Some(Reply::Group(Some(_))) => Lobby::Kept,
        _ => Lobby::None,
    }
}

fn open_store(config: &Config) -> Result<SqliteEngine> {
    let folder = DataFolder::open(&config.server.data)?;
    let mut engine = SqliteEngine::open(folder)?;
    if config.store.size_max.0 > 0 {
        engine.set_size_limit(Some(config.store.size_max))?;
    }
    if engine.was_created() {
        tracing::info!("a new store was made");
    }
    Ok(engine)
}

/// The store thread. A store that dies takes the process down with it.
fn start_store(
    engine: SqliteEngine,
    config: &Config,
    shard: &Mailbox,
    alarm: &Alarm,
) -> Result<Writer<SqliteEngine>> {
    let queue = usize::try_from(config.store.queue).unwrap_or(usize::MAX);
    let queue = NonZeroUsize::new(queue).unwrap_or(NonZeroUsize::MIN);
    let shard = shard.clone();
    let guard = StoreGuard(alarm.clone());
    Writer::spawn_batched(engine, queue, move |replies| {
        let _alive = &guard;
        // A shard that is gone needs no answer.
        drop(shard.post_blocking(Mail::Stored(replies)));
    })
    .context("cannot start the store's thread")
}

/// Lives on the store's thread and raises the alarm if that dies in a panic.
struct StoreGuard(Alarm);

impl Drop for StoreGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.send_replace(Some(machines::Failure::Panicked("store".to_owned())));
        }
    }
}

/// Binds TCP and media together, so that they can have one port number.
fn bind_all(config: &Config) -> Result<(Vec<Listening>, Vec<MediaSockets>)> {
    let chosen = config.http.listen.iter().all(|listen| listen.port == 0);
    machines::try_ports(chosen, || {
        let mut all: Vec<Listening> = Vec::new();
        for listen in &config.http.listen {
            let bound = http::bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
            all.extend(bound);
        }
        let open = all.iter().find(|it| !it.listen.is_loopback()).or_else(|| all.first());
        let port = open.map(|it| it.address.port()).context("no listener")?;
        let sockets = machines::media_sockets(config, port)?;
        Ok((all, sockets))
    })
}

async fn bind_ops(config: &Config) -> Result<Option<TcpListener>> {
    let Some(listen) = config.ops.address() else { return Ok(None) };
    let bound = ops::bind(&listen).await;
    Ok(Some(bound.with_context(|| format!("cannot listen on {} for probes", config.ops.listen))?))
}

fn certificates(config: &Config, addresses: &[IpAddr]) -> Result<Option<Arc<Certificates>>> {
    if !config.http.listen.iter().any(|listen| listen.tls) {
        return Ok(None);
    }
    let named = (config.tls.certificate.as_path(), config.tls.key.as_path());
    let trust = Trust {
        authorities: &config.callctl.bridge_ca,
        names: &config.callctl.bridge_names,
        fingerprints: &config.callctl.bridge_fingerprints,
    };
    let bridges = Bridges::open(trust).context("cannot read the certificates of bridges")?;
    let opened = Certificates::open(&config.server.data, named, addresses, bridges)?;
    Ok(Some(Arc::new(opened)))
}

fn group_folder(config: &Config) -> GroupFolder {
    let small = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let path = config.groups_folder();
    // The operator finds the folder where the documentation says it is.
    if config.server.groups.as_os_str().is_empty()
        && let Err(error) = fs::create_dir_all(&path)
    {
        tracing::warn!(%error, "cannot make the folder of group files");
    }
    GroupFolder {
        path,
        file_bytes_max: config.groups.file_bytes_max.0,
        files_max: small(config.groups.files_max),
        depth_max: small(config.groups.depth_max),
    }
}

fn node_config(
    config: &Config,
    identity: &Identity,
    announced: &Announced,
    port: u16,
    workers: usize,
) -> Result<parlour_node::Config> {
    let candidates = announced.addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
    let mut node = parlour_node::Config {
        galene: Default::default(),
        doors: Default::default(),
        room: Default::default(),
        limits: node::Limits::default(),
        media: node::Media {
            workers: u8::try_from(workers).context("too many media workers")?,
            fingerprint: identity.fingerprint(),
            candidates,
        },
        canonical_host: Some(config.http.canonical_host.clone()).filter(|host| !host.is_empty()),
        lobby: config.server.lobby,
        media_server: None,
    };
    config.galene.apply(&mut node);
    config.room.apply(&mut node);
    config.control.apply(&mut node);
    node.galene.rtc_configuration = ice::read(&config.server.data)?;
    Ok(node)
}

/// A store that failed is not ready for this long after.
const FAULT_MEMORY: Duration = Duration::from_secs(10);

/// What the store shows at a look.
fn probe(store: &Writer<SqliteEngine>) -> ops::StoreProbe {
    let all: Arc<gauges::Gauges> = store.gauges();
    let last = Mutex::new((0, None::<Clock>));
    Box::new(move || {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let faults = get(&all.faults);
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 != faults {
            *last = (faults, Some(Clock::start()));
        }
        let ready = last.1.is_none_or(|since| since.elapsed() > FAULT_MEMORY);
        StoreView {
            ready,
            figures: StoreFigures {
                turned_away: get(&all.turned_away),
                batches: get(&all.batches),
                requests: get(&all.requests),
                writes: get(&all.writes),
                refusals: get(&all.refusals),
                faults,
                commit_us_sum: get(&all.commit_us_sum),
                commit_us_max: get(&all.commit_us_max),
            },
            queue: (get(&all.queue_depth), get(&all.queue_limit)),
        }
    })
}

fn interfaces() -> Vec<IpAddr> {
    match if_addrs::get_if_addrs() {
        Ok(all) => all.iter().map(if_addrs::Interface::ip).collect(),
        Err(error) => {
            tracing::warn!(%error, "cannot list the addresses of this machine");
            Vec::new()
        }
    }
}

/// A generator seeded by the operating system.
pub(crate) fn seed() -> Result<Entropy> {
    let mut bytes = [0; 32];
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| anyhow!("the system gives no randomness"))?;
    Ok(Entropy::from_seed(bytes))
}

/// Each connection needs a file descriptor: take as many as we may have.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
