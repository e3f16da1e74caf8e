//! The table that configures the call-control door.

use super::schema::section;
use parlour_base::{ByteSize, Span};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which part of call control this process is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// All of them.
    #[default]
    All,
    /// The front: callers, members, pushes. The calls are kept elsewhere.
    Kik,
    /// The keeper of the calls: lists, tokens, times.
    Vcs,
    /// A media server: admits whom the keeper admits.
    Media,
}

section! {
    /// The call-control door: gRPC on every listener, by service name.
    "callctl" Callctl {
        /// Whether the door is open.
        enabled: bool = true;
        /// `all` in one process; or `kik`, the front with callers, members and pushes; or `vcs`, which keeps the calls; or `media`, a media server that the keeper tells whom to let in.
        role: Role = Role::All;
        /// What conference ids begin with: 1 to 10 small letters, digits or dashes.
        app: String = "kik".to_owned();
        /// Host that clients are told to connect to for media; empty for the host of `http.public_url`, or else `http.canonical_host`, or else the first announced address.
        media_host: String = String::new();
        /// Port that clients are told to connect to for media; 0 for that of the first listener that others can reach.
        media_port: u16 = 0;
        /// How long a media token lets in; whether it is the current one is decided anew each time.
        token_life: Span = Span::secs(86_400), in Span::secs(1), Span::secs(2_592_000);
        /// File with the secret of trusted bridges (`authorization: Bridge SECRET`); empty means `callctl/bridge.secret` in the data folder, if it is there.
        bridge_secret: PathBuf = PathBuf::new();
        /// File with the certificates of authorities (PEM): who shows a certificate of theirs at an HTTPS listener is a trusted bridge; empty for none.
        bridge_ca: PathBuf = PathBuf::new();
        /// Names of which such a certificate must bear one; empty for any.
        bridge_names: Vec<String> = Vec::new();
        /// SHA-256 of certificates of trusted bridges, in hexadecimal, whoever issued them; their dates count.
        bridge_fingerprints: Vec<String> = Vec::new();
        /// File with the secret of operators (`authorization: Operator SECRET`); empty means `callctl/operator.secret` in the data folder, if it is there.
        operator_secret: PathBuf = PathBuf::new();
        /// File with the secret that the processes of one server share (`authorization: Node SECRET`); empty means `callctl/node.secret` in the data folder, if it is there.
        node_secret: PathBuf = PathBuf::new();
        /// File with the keys (a JWK set) that sign bearer tokens of clients; empty means `callctl/keys.json` in the data folder, if it is there.
        keys: PathBuf = PathBuf::new();
        /// URL of the application that knows who belongs to a conversation; empty when the server itself knows.
        ask_url: String = String::new();
        /// File with the secret shown to that application; empty for none.
        ask_secret: PathBuf = PathBuf::new();
        /// How long its answer is good.
        ask_fresh: Span = Span::secs(60), in Span::millis(0), Span::secs(86_400);
        /// How long its last answer stands in while it does not answer; after that queries and joins fail.
        ask_stale: Span = Span::secs(600), in Span::millis(0), Span::secs(604_800);
        /// URL of a gRPC service `MobileVideo` that is called for each member of a changed conversation; empty for none.
        callback_url: String = String::new();
        /// URL to which changes are posted for each member of a changed conversation; empty for none.
        webhook_url: String = String::new();
        /// File with the secret that signs what is posted; empty for no signature.
        webhook_secret: PathBuf = PathBuf::new();
        /// Post JSON instead of serialised messages.
        webhook_json: bool = false;
        /// URL of the process with the role `vcs`, for the roles `kik` and `media`.
        vcs_url: String = String::new();
        /// URL of the process with the role `kik`, for the role `vcs`.
        kik_url: String = String::new();
        /// File with the certificates of authorities (PEM) that must have issued those of `vcs_url`, `kik_url` and `callback_url`, where these begin with `https`; empty for the authorities that this machine trusts.
        remote_ca: PathBuf = PathBuf::new();
        /// How long a connection to one of them may take to be made.
        remote_connect: Span = Span::secs(3), in Span::millis(10), Span::secs(60);
        /// How long one of them may take to answer.
        remote_answer: Span = Span::secs(5), in Span::millis(10), Span::secs(60);
        /// How long one of them may be silent before it is asked whether it is alive, and how long that may take.
        remote_ping: Span = Span::secs(10), in Span::millis(10), Span::secs(3_600);
        /// How long to wait before one of them is tried again; twice as long after each further failure.
        retry_pause: Span = Span::millis(250), in Span::millis(10), Span::secs(60);
        /// The longest of these pauses.
        retry_pause_max: Span = Span::secs(2), in Span::millis(10), Span::secs(600);
        /// What the role `media` is called by the keeper; a part that is new at each start follows it. 1 to 40 letters, digits, points or dashes.
        media_name: String = "media".to_owned();
        /// How often an idle stream of changes is sent a sign of life.
        heartbeat: Span = Span::secs(30), in Span::millis(10), Span::secs(3_600);
        /// Streams of changes at once; a further one is refused.
        watches: u32 = 100_000, in 1, 10_000_000;
        /// Streams of changes of one user at once; a further one is refused.
        watches_per_user: u32 = 16, in 1, 100_000;
        /// Conversations with a change that may wait for one slow stream; what is beyond is dropped, and the client told to ask again.
        watch_pending: u32 = 1_000, in 1, 100_000;
        /// Conversations with a change that may wait for a callback, a webhook or the front; the one that waited longest is dropped.
        push_pending: u32 = 65_536, in 16, 10_000_000;
        /// Changes of different conversations that are told to one receiver at once.
        push_lanes: u16 = 16, in 1, 1_024;
        /// Members that are told of one change at once.
        push_at_once: u16 = 8, in 1, 1_024;
        /// How often a member's push is tried.
        push_tries: u16 = 3, in 1, 100;
        /// How often a front tries a leave while the keeper is not there.
        leave_tries: u16 = 5, in 1, 100;
        /// Leaves that a front is trying at once; a further one is not tried.
        leaves_pending: u32 = 4_096, in 1, 1_000_000;
        /// Conversations whose last change a front remembers; beyond that the one that changed longest ago is forgotten.
        seen_convos: u32 = 262_144, in 1, 100_000_000;
        /// Calls a user may make per second in the long run; further ones are refused.
        calls_per_second: u32 = 20, in 1, 1_000_000;
        /// Calls a user may make at once before the rate counts.
        call_burst: u32 = 100, in 1, 1_000_000;
        /// Users whose rate is remembered at once; when all of them are ahead of theirs, another one is refused.
        paced_users: u32 = 1_048_576, in 1, 100_000_000;
        /// Longest time a call may take, whatever its deadline says.
        call_timeout: Span = Span::secs(10), in Span::millis(10), Span::secs(300);
        /// How long a media server apart, or for it the keeper, may be away before all its connections are over.
        media_grace: Span = Span::secs(10), in Span::millis(10), Span::secs(3_600);
        /// Media servers apart at once; a further one is refused.
        media_servers: u32 = 1_024, in 1, 100_000;
        /// Connections of one media server apart; a further one is refused.
        media_connections: u32 = 1_048_576, in 1, 100_000_000;
        /// Conversations whose media server is remembered; what is beyond is sent to the one that has least to do at each join.
        media_places: u32 = 1_048_576, in 1, 100_000_000;
        /// Connections that one media server apart has still to close; when there are more its stream ends, and it is told all of them when it comes back.
        evictions_pending: u32 = 4_096, in 1, 1_000_000;
        /// Ends of connections that a media server apart has still to report; the oldest is dropped for one more.
        reports_pending: u32 = 65_536, in 1, 10_000_000;
        /// Ends of connections that a media server apart reports at once.
        reports_at_once: u16 = 8, in 1, 1_024;
        /// How long a media server apart that stops waits until the keeper has heard that its connections are over.
        farewell: Span = Span::secs(2), in Span::millis(0), Span::secs(60);
        /// How long an HTTP/2 connection may be silent before it is asked whether it is alive, and how long that may take.
        ping: Span = Span::secs(20), in Span::millis(10), Span::secs(3_600);
        /// HTTP/2 streams at once on one connection.
        streams_per_connection: u32 = 128, in 1, 10_000;
        /// HTTP/2 streams that a peer may have cancelled and that are still being cleared away; more end the connection.
        resets_max: u32 = 64, in 1, 10_000;
        /// Send buffer of one HTTP/2 stream.
        stream_buffer: ByteSize = ByteSize::kib(64), in ByteSize::kib(1), ByteSize::mib(4);
        /// Bytes of one message that are read; what is longer than 64 KiB is refused in any case.
        read_bytes_max: ByteSize = ByteSize::kib(256), in ByteSize::kib(64), ByteSize::mib(4);
        /// Bytes of one request to the HTTP adapter for bridges.
        bridge_bytes_max: ByteSize = ByteSize::kib(128), in ByteSize::kib(1), ByteSize::mib(4);
        /// Whether reflection shows the services.
        reflection: bool = true;
        /// The path of the HTTP adapter for bridges; empty turns it off.
        bridge_path: String = "/callctl/v1/call".to_owned();
    }
}
