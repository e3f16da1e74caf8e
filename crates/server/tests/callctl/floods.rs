//! Floods of HTTP/2 frames and readers who take nothing: whoever sends them is
//! bounded or sent away, and nobody else notices.

use crate::client::{BRIDGE, Client, GROUP, KIK, coming, people, server};
use crate::support::{PATIENCE, Server};
use parlour_wire::callctl::pb::common::XiBareUserJid;
use parlour_wire::callctl::pb::mobile::video::v1::BatchedGetConvoStateRequest;
use parlour_wire::callctl::pb::selfhost::video::v1::watch_event::Kind;
use parlour_wire::callctl::pb::selfhost::video::v1::{WatchEvent, WatchRequest};
use parlour_wire::callctl::{ConvoId, Message, metadata};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Types of frames (RFC 9113 §6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What a flood may cost the server, in KiB.
const GROWTH_MAX: u64 = 32 << 10;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A head whose fields are literals that nobody remembers (RFC 7541 §6.2.2).
fn head(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            assert!(text.len() < 127, "one byte is enough for its length");
            bytes.push(u8::try_from(text.len()).unwrap());
            bytes.extend(text.as_bytes());
        }
    }
    bytes
}

/// A connection on which every byte is the test's own.
struct Raw(TcpStream);

/// One frame that came: type, stream, payload.
type Came = (u8, u32, Vec<u8>);

impl Raw {
    fn new(server: &Server, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(server.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut payload = Vec::new();
        for (key, value) in settings {
            payload.extend(key.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        let mut raw = Self(stream);
        raw.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        raw.0.write_all(&frame(SETTINGS, 0, 0, &payload)).unwrap();
        raw
    }

    fn next(&mut self) -> Option<Came> {
        let mut start = [0; 9];
        self.0.read_exact(&mut start).ok()?;
        let [l0, l1, l2, kind, _flags, s0, s1, s2, s3] = start;
        let mut payload = vec![0; u32::from_be_bytes([0, l0, l1, l2]) as usize];
        self.0.read_exact(&mut payload).ok()?;
        Some((kind, u32::from_be_bytes([s0, s1, s2, s3]), payload))
    }

    /// Sends this again and again; how many bytes were taken before the server
    /// took no more.
    fn flood(&mut self, bytes: &[u8], most: usize) -> usize {
        let chunk = bytes.repeat((64 << 10) / bytes.len());
        let mut taken = 0;
        while taken < most {
            match self.0.write(&chunk) {
                Ok(count) => taken += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        taken
    }

    /// Whether the server sends this connection away.
    fn is_sent_away(&mut self) -> bool {
        loop {
            match self.next() {
                None => return true,
                Some((GOAWAY, ..)) => return true,
                Some(_) => {}
            }
        }
    }

    fn call(&mut self, stream: u32, path: &str, user: &str, message: &impl Message) {
        let user = metadata::write_header(&XiBareUserJid { local_part: user.to_owned() });
        let shown = format!("Bridge {BRIDGE}");
        let fields = head(&[
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "x"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("authorization", &shown),
            (metadata::USER, &user),
        ]);
        self.0.write_all(&frame(HEADERS, END_HEADERS, stream, &fields)).unwrap();
        let message = message.encode_to_vec();
        let mut body = vec![0];
        body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        body.extend(message);
        self.0.write_all(&frame(DATA, END_STREAM, stream, &body)).unwrap();
    }
}

impl Raw {
    /// Opens its window and reads the events of stream 1 until one is the last.
    fn reads(&mut self, mut is_last: impl FnMut(Kind) -> bool) {
        for stream in [0, 1] {
            let window = (1_u32 << 20).to_be_bytes();
            self.0.write_all(&frame(WINDOW_UPDATE, 0, stream, &window)).unwrap();
        }
        let mut bytes = Vec::new();
        loop {
            let (kind, _, payload) = self.next().expect("the newest comes");
            if kind == DATA {
                bytes.extend(payload);
            }
            while let Some(&[_, l0, l1, l2, l3]) = bytes.first_chunk::<5>() {
                let end = 5 + u32::from_be_bytes([l0, l1, l2, l3]) as usize;
                if bytes.len() < end {
                    break;
                }
                let event = WatchEvent::decode(&bytes[5..end]).unwrap();
                bytes.drain(..end);
                if is_last(event.kind.unwrap()) {
                    return;
                }
            }
        }
    }
}

/// Resident memory of the server, in KiB.
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

async fn is_served(server: &Server) {
    let bob = Client::user(server.http, "bob.b_z9z");
    let asked = tokio::time::timeout(PATIENCE, bob.query(&[GROUP]));
    assert!(asked.await.expect("in time").is_ok(), "nobody else notices");
}

fn query() -> BatchedGetConvoStateRequest {
    let convo_ids = vec![ConvoId::parse_key(GROUP).unwrap().to_pb()];
    BatchedGetConvoStateRequest { convo_ids }
}

#[tokio::test]
async fn a_head_without_end_ends_its_connection() {
    let server = server(&[]);
    is_served(&server).await;
    let before = resident(&server);
    let mut raw = Raw::new(&server, &[]);
    let start = head(&[(":method", "POST"), (":scheme", "http"), (":path", "/x")]);
    raw.0.write_all(&frame(HEADERS, 0, 1, &start)).unwrap();
    let more = frame(CONTINUATION, 0, 1, &head(&[("x-more", "yes")]));
    let taken = raw.flood(&more, 256 << 20);
    assert!(taken < 256 << 20, "nobody minded");
    assert!(raw.is_sent_away());
    assert!(resident(&server).saturating_sub(before) < GROWTH_MAX);
    is_served(&server).await;
}

#[tokio::test]
async fn empty_continuations_end_their_connection_too() {
    let server = server(&[]);
    let mut raw = Raw::new(&server, &[]);
    raw.0.write_all(&frame(HEADERS, 0, 1, &head(&[(":method", "POST")]))).unwrap();
    let taken = raw.flood(&frame(CONTINUATION, 0, 1, &[]), 256 << 20);
    assert!(taken < 256 << 20, "nobody minded");
    assert!(raw.is_sent_away());
    is_served(&server).await;
}

#[tokio::test]
async fn who_sends_pings_or_settings_and_reads_no_answer_is_read_no_more() {
    let server = server(&[]);
    is_served(&server).await;
    let before = resident(&server);
    let ping = frame(PING, 0, 0, &[7; 8]);
    let settings = frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100]);
    let mut held = Vec::new();
    for flood in [ping, settings] {
        let mut raw = Raw::new(&server, &[]);
        // What the kernel holds for both ends is taken; no more.
        let taken = raw.flood(&flood, 256 << 20);
        assert!(taken < 256 << 20, "everything was taken: {taken}");
        held.push(raw);
        is_served(&server).await;
    }
    assert!(resident(&server).saturating_sub(before) < GROWTH_MAX);
}

#[tokio::test]
async fn streams_cancelled_by_the_handful_end_their_connection() {
    let server = server(&[]);
    let mut raw = Raw::new(&server, &[]);
    let fields = head(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/mobile.video.v1.KikVideo/JoinConvoConference"),
        (":authority", "x"),
        ("content-type", "application/grpc"),
    ]);
    // So many at once that a server which keeps up still sees more ends with
    // their beginnings than it clears away between two looks.
    let mut sent = 0;
    for round in 0..200_u32 {
        let mut burst = Vec::new();
        for n in 0..500 {
            let stream = (round * 500 + n) * 2 + 1;
            burst.extend(frame(HEADERS, END_HEADERS, stream, &fields));
            burst.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        }
        if raw.0.write_all(&burst).is_err() {
            break;
        }
        sent += 500;
    }
    assert!(sent < 100_000, "nobody minded");
    assert!(raw.is_sent_away());
    is_served(&server).await;
}

#[tokio::test]
async fn who_takes_no_answers_holds_only_so_many_streams() {
    let env = [("PARLOUR_CALLCTL_STREAMS_PER_CONNECTION", "16")];
    let server = server(&env);
    is_served(&server).await;
    let before = resident(&server);
    // No window for anything.
    let mut raw = Raw::new(&server, &[(4, 0)]);
    for n in 0..64 {
        raw.call(n * 2 + 1, &format!("/{KIK}/BatchedGetConvoState"), "alice_a1b", &query());
    }
    let mut refused = 0;
    while refused < 48 {
        match raw.next() {
            // REFUSED_STREAM; what follows on such a stream is for a closed one.
            Some((RST_STREAM, _, why)) if why == 7_u32.to_be_bytes() => refused += 1,
            Some((RST_STREAM, _, why)) => assert_eq!(why, 5_u32.to_be_bytes()),
            Some((DATA, _, payload)) => assert!(payload.is_empty(), "there is no window"),
            Some(_) => {}
            // Or it was too much altogether.
            None => break,
        }
    }
    assert!(refused > 0, "all were held");
    is_served(&server).await;
    assert!(resident(&server).saturating_sub(before) < GROWTH_MAX);
}

#[tokio::test]
async fn a_slow_reader_is_given_the_newest_list_and_nothing_else() {
    let env =
        [("PARLOUR_CALLCTL_CALLS_PER_SECOND", "1000"), ("PARLOUR_CALLCTL_CALL_BURST", "1000")];
    let server = server(&env);
    let operator = Client::operator(server.http);
    operator.members(GROUP, &["alice_a1b", "bob.b_z9z"]).await.unwrap();
    let alice = Client::user(server.http, "alice_a1b");
    let mut raw = Raw::new(&server, &[(4, 0)]);
    let path = "/selfhost.video.v1.ConvoStateStream/Watch";
    raw.call(1, path, "bob.b_z9z", &WatchRequest::default());
    // The head of the answer needs no window: he watches.
    while !matches!(raw.next().expect("an answer"), (HEADERS, 1, _)) {}
    let before = resident(&server);
    for _ in 0..100 {
        let joined = alice.join(GROUP).await.unwrap();
        alice.leave(GROUP, joined.connection_token.map(|token| token.payload)).await.unwrap();
    }
    let last = alice.join(GROUP).await.unwrap();
    assert!(resident(&server).saturating_sub(before) < GROWTH_MAX);
    let mut lists = Vec::new();
    raw.reads(|event| {
        if let Kind::Changed(notice) = event {
            lists.push(notice.convo_video_state.unwrap());
        }
        lists.last() == last.latest_state.as_ref()
    });
    assert!(lists.len() < 20, "of 201 changes he was told {}", lists.len());
    assert_eq!(people(lists.last().unwrap()), coming("alice_a1b"));
    let stamps: Vec<_> = lists.iter().map(|list| list.timestamp.unwrap()).collect();
    assert!(stamps.is_sorted_by_key(|time| (time.seconds, time.nanos)), "REQ-76");
}

#[tokio::test]
async fn a_slow_reader_for_whom_too_much_waits_is_told_to_ask_again() {
    let server = server(&[("PARLOUR_CALLCTL_WATCH_PENDING", "1")]);
    let mut raw = Raw::new(&server, &[(4, 0)]);
    let path = "/selfhost.video.v1.ConvoStateStream/Watch";
    raw.call(1, path, "bob.b_z9z", &WatchRequest::default());
    while !matches!(raw.next().expect("an answer"), (HEADERS, 1, _)) {}
    // Two of these may have left before the server saw that he reads nothing.
    for name in ["aa", "ab", "ac", "ad", "ae", "af"] {
        let one = Client::user(server.http, name);
        one.join(&format!("{name}:bob.b_z9z")).await.unwrap();
    }
    let mut changes = 0;
    raw.reads(|event| {
        changes += u32::from(matches!(event, Kind::Changed(_)));
        matches!(event, Kind::Lagged(_))
    });
    assert!(changes < 6, "what was left out is not told: {changes}");
    assert_eq!(server.metric("parlour_callctl_watches_lagged_total"), 1);
}
