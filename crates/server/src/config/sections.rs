//! The tables of the configuration file.
//!
//! Owns names, sentences, defaults and hard tops; nothing here acts on them.

use super::listen::Listen;
use super::network::Network;
use super::schema::section;
use parlour_base::{ByteSize, Span, limits};
use std::net::IpAddr;
use std::path::PathBuf;

section! {
    /// Folders, and how the process starts and stops.
    "server" Server {
        /// The data folder: store, certificate, groups and recordings live here unless told otherwise.
        data: PathBuf = "./parlour-data".into();
        /// The folder of group files; empty means `groups` in the data folder.
        groups: PathBuf = PathBuf::new();
        /// The folder of recordings; empty means `recordings` in the data folder.
        recordings: PathBuf = PathBuf::new();
        /// Makes a room `lobby`, open to everyone, on a store that is new.
        lobby: bool = true;
        /// How long members and the store have to finish when the server stops.
        shutdown_timeout: Span = Span::secs(4), in Span::millis(100), Span::secs(60);
    }
}

section! {
    /// The TCP listeners and what they serve.
    "http" Http {
        /// Where clients connect: `http://HOST:PORT`, `https://HOST:PORT`, or `HOST:PORT` for plain HTTP on loopback and HTTPS elsewhere.
        listen: Vec<Listen> = Listen::defaults();
        /// A folder that replaces the built-in web client, such as the one of an unmodified Galène client; empty for the built-in one.
        static_dir: PathBuf = PathBuf::new();
        /// Addresses or networks (`10.0.0.0/8`) of reverse proxies whose `X-Forwarded-For`, `-Proto`, `-Host` and `-Port` are believed.
        proxies: Vec<Network> = Vec::new();
        /// The URL under which the outside reaches this server, if a proxy changes scheme, host or path.
        public_url: String = String::new();
        /// Requests for pages of another host are sent to this one; empty for any host.
        canonical_host: String = String::new();
        /// Further origins whose pages may open a WebSocket, such as `https://app.example.org`.
        allow_origin: Vec<String> = Vec::new();
        /// Longest request head.
        head_bytes_max: ByteSize = ByteSize::kib(16), in ByteSize::kib(8), ByteSize::kib(64);
        /// Time for the TLS handshake, for each request head and for the WebSocket upgrade.
        head_timeout: Span = Span::secs(30), in Span::millis(100), Span::secs(120);
        /// How long a client is heard that goes on sending after its request was answered, so that the answer reaches it.
        linger: Span = Span::secs(2), in Span::millis(0), Span::secs(60);
        /// TCP connections at once; further ones are answered 503 or closed.
        connections_max: u32 = 20_000, in 1, 1_000_000;
        /// TCP connections at once from one IPv4 address or IPv6 /64 network; listed proxies are not counted, loopback neither.
        connections_per_address: u32 = 1_024, in 1, 1_000_000;
    }
}

section! {
    /// The certificate of the HTTPS listeners, read again when the files change.
    "tls" Tls {
        /// Certificate chain in PEM; empty means `cert.pem` in the data folder, or a self-made certificate if that is absent.
        certificate: PathBuf = PathBuf::new();
        /// Private key in PEM; empty means `key.pem` in the data folder.
        key: PathBuf = PathBuf::new();
    }
}

section! {
    /// The WebSocket connections of the Galène door.
    "websocket" WebSocket {
        /// Longest message of a client; a longer one closes the connection with code 1009.
        message_bytes_max: ByteSize = ByteSize(limits::FRAME_BYTES_MAX as u64), in ByteSize::kib(1), ByteSize(limits::FRAME_BYTES_MAX as u64);
        /// Messages that may wait for one slow client; more close its connection.
        queue_frames: u32 = 8_192, in 16, 65_536;
        /// Bytes that may wait for one slow client; more close its connection.
        queue_bytes: ByteSize = ByteSize::mib(4), in ByteSize::kib(64), ByteSize::mib(64);
        /// Messages of one client that may wait for the control shard; the next is read when one is done.
        in_flight: u32 = 16, in 1, 1_024;
        /// Time for one message to leave; a client slower than that is dropped.
        write_timeout: Span = Span::millis(500), in Span::millis(50), Span::secs(60);
        /// Time for the client to answer a close.
        close_timeout: Span = Span::secs(2), in Span::millis(50), Span::secs(60);
    }
}

section! {
    /// The media plane: UDP sockets and worker threads.
    "media" Media {
        /// UDP port of all media; 0 means the number of the first TCP listener that others can reach, or else of the first.
        port: u16 = 0;
        /// Addresses told to clients as the way to the media port; empty means every address of the listening interfaces.
        announce: Vec<IpAddr> = Vec::new();
        /// Media worker threads; 0 means half as many as there are cores, at least one: datagrams that arrive at another worker than their own cost a detour.
        workers: u16 = 0, in 0, 64;
        /// Kernel receive buffer of each media socket.
        receive_buffer: ByteSize = ByteSize::mib(4), in ByteSize::kib(64), ByteSize::mib(256);
        /// Kernel send buffer of each media socket.
        send_buffer: ByteSize = ByteSize::mib(4), in ByteSize::kib(64), ByteSize::mib(256);
        /// Datagrams a worker reads before it sends what they caused.
        datagrams_per_turn: u32 = 256, in 16, 4_096;
    }
}

section! {
    /// Group files.
    "groups" Groups {
        /// Largest group file that is read.
        file_bytes_max: ByteSize = ByteSize::mib(1), in ByteSize::kib(1), ByteSize::mib(16);
        /// Most group files looked at for the list of public groups.
        files_max: u32 = 10_000, in 1, 1_000_000;
        /// Deepest nesting of group folders.
        depth_max: u32 = 16, in 1, 64;
    }
}

section! {
    /// Password checks, which are slow on purpose.
    "passwords" Passwords {
        /// Threads that hash; 0 means as many as there are cores.
        threads: u16 = 0, in 0, 64;
        /// Checks that may wait; further ones are refused as too busy.
        queue: u32 = 64, in 1, 1_024;
    }
}

section! {
    /// Requests of the server to other services: webhooks, and applications that are asked.
    "fetch" Fetch {
        /// Requests under way at once; a call that wants another one goes without answer, a push waits.
        places: u32 = 1_024, in 1, 100_000;
        /// How long a request may take, from the connection to the end of the answer.
        patience: Span = Span::secs(5), in Span::millis(10), Span::secs(120);
        /// Bytes of an answer that are read; a longer one is no answer.
        answer_bytes_max: ByteSize = ByteSize::kib(256), in ByteSize::kib(1), ByteSize::mib(16);
        /// How long a connection without a request is kept.
        idle: Span = Span::secs(30), in Span::millis(0), Span::secs(3_600);
        /// Such connections to one host.
        idle_max: u32 = 64, in 0, 10_000;
    }
}

section! {
    /// The listener for probes and metrics.
    "ops" Ops {
        /// Where `/live`, `/ready` and `/metrics` answer, plain HTTP; empty turns them off. If the default port is taken, a free one is used.
        listen: String = super::OPS_DEFAULT.to_owned();
    }
}

section! {
    /// What is written to standard error.
    "log" Log {
        /// `error`, `warn`, `info`, `debug` or `trace`, with exceptions per part such as `info,parlour_server=debug`. Libraries only ever write warnings, since in detail they write what people send.
        level: String = "info".to_owned();
        /// `text` or `json`.
        format: Format = Format::Text;
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
