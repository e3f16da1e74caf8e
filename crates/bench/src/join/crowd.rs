//! Those who listen, on one thread that does nothing else.
//!
//! A thousand frames arrive at the same moment, so the reader's own queue is
//! in every time: a socket costs one read, the time is taken before it, and
//! frames are not parsed but looked through.

use crate::clock::now_ns;
use crate::histogram::Histogram;
use crate::signal::Socket;
use anyhow::{Context as _, Result, anyhow, bail};
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio_tungstenite::MaybeTlsStream;

/// What names of newcomers begin with.
pub(super) const NEWCOMER: &str = "newcomer";

/// Sockets that are looked at in one turn.
const READY_MAX: usize = 256;

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;

/// Longest wait, so that the end is noticed.
const WAIT: Duration = Duration::from_millis(20);

/// `{"type":"pong"}` in a frame of a client, whose mask changes nothing.
const PONG: &[u8] = b"\x81\x8f\0\0\0\0{\"type\":\"pong\"}";

/// What passes between the newcomers and the crowd.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// When the present newcomer asked to join.
    sent_ns: AtomicU64,
    /// How many have seen it.
    seen: AtomicU64,
    over: AtomicBool,
}

impl Board {
    /// A newcomer asks now.
    pub(super) fn expect(&self, sent_ns: u64) {
        self.seen.store(0, Ordering::Relaxed);
        self.sent_ns.store(sent_ns, Ordering::Relaxed);
    }

    /// How many have seen the present newcomer.
    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }
}

/// How long it took.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// Everybody, every newcomer.
    pub(super) all: Histogram,
    /// The first who saw a newcomer.
    pub(super) first: Histogram,
}

/// The thread of those who listen.
#[derive(Debug)]
pub(super) struct Crowd {
    board: Arc<Board>,
    thread: JoinHandle<Result<Times>>,
}

impl Crowd {
    /// Listens at these sockets, whose frames of before have been read.
    pub(super) fn listen(sockets: Vec<Socket>) -> Result<Self> {
        let board = Arc::<Board>::default();
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut ears = Vec::new();
        for socket in sockets {
            let ear = Ear::of(socket)?;
            let data = epoll::EventData::new_u64(u64::try_from(ears.len())?);
            epoll::add(&epoll, &ear.stream, data, epoll::EventFlags::IN)?;
            ears.push(ear);
        }
        let shared = Arc::clone(&board);
        let thread = std::thread::Builder::new().name("crowd".to_owned());
        let thread = thread.spawn(move || hear(&epoll, &mut ears, &shared))?;
        Ok(Self { board, thread })
    }

    pub(super) fn board(&self) -> &Board {
        &self.board
    }

    /// Ends the listening; what was counted.
    pub(super) fn end(self) -> Result<Times> {
        self.board.over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the crowd fell over"))?
    }
}

/// One subscriber.
#[derive(Debug)]
struct Ear {
    stream: TcpStream,
    /// A frame of which a part is still to come.
    rest: Vec<u8>,
}

impl Ear {
    /// The socket without what made it: the server's frames are not masked.
    fn of(socket: Socket) -> Result<Self> {
        let MaybeTlsStream::Plain(stream) = socket.into_inner() else {
            bail!("the crowd only listens without TLS")
        };
        Ok(Self { stream: stream.into_std()?, rest: Vec::new() })
    }
}

fn hear(epoll: &OwnedFd, ears: &mut [Ear], board: &Board) -> Result<Times> {
    let mut times = Times::default();
    let mut ready = Vec::with_capacity(READY_MAX);
    let mut buffer = vec![0; READ_BYTES];
    let wait = Timespec::try_from(WAIT)?;
    while !board.over.load(Ordering::Relaxed) {
        ready.clear();
        match epoll::wait(epoll, rustix::buffer::spare_capacity(&mut ready), Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &ready {
            let ear = ears.get_mut(usize::try_from(event.data.u64())?).context("no such ear")?;
            let at = now_ns();
            let length = match ear.stream.read(&mut buffer) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            ear.take(buffer.get(..length).unwrap_or(&[]), at, board, &mut times)?;
        }
    }
    Ok(times)
}

impl Ear {
    fn take(&mut self, bytes: &[u8], at: u64, board: &Board, times: &mut Times) -> Result<()> {
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(bytes);
        let mut left = rest.as_slice();
        while let Some((payload, after)) = frame(left) {
            left = after;
            if has(payload, br#""type":"ping""#) {
                self.stream.write_all(PONG)?;
            } else if has(payload, br#""kind":"add""#) && has(payload, NEWCOMER.as_bytes()) {
                let us = at.saturating_sub(board.sent_ns.load(Ordering::Relaxed)) / 1_000;
                times.all.add(us);
                if board.seen.fetch_add(1, Ordering::Relaxed) == 0 {
                    times.first.add(us);
                }
            }
        }
        if !left.is_empty() {
            self.rest = left.to_vec();
        }
        Ok(())
    }
}

/// The payload of the frame that begins here, if all of it is there, and what
/// follows it.
///
/// Source: RFC 6455 §5.2.
fn frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, body) = match bytes {
        [_, 126, a, b, body @ ..] => (usize::from(u16::from_be_bytes([*a, *b])), body),
        [_, 127, rest @ ..] => {
            let (length, body) = rest.split_first_chunk::<8>()?;
            (usize::try_from(u64::from_be_bytes(*length)).ok()?, body)
        }
        [_, length @ ..=125, body @ ..] => (usize::from(*length), body),
        _ => return None,
    };
    body.split_at_checked(length)
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_one_after_the_other_and_half_a_frame_is_none() {
        let long = [&[0x81, 126, 0, 200][..], &[b'x'; 200]].concat();
        let both = [&[0x81, 2, b'h', b'i'][..], &long].concat();
        let (first, rest) = frame(&both).expect("all of it");
        assert_eq!(first, b"hi");
        let (second, rest) = frame(rest).expect("all of it");
        assert_eq!((second.len(), rest), (200, &[][..]));
        assert_eq!(frame(&both[..3]), None);
        assert_eq!(frame(&long[..100]), None);
        assert_eq!(frame(b""), None);
    }

    #[test]
    fn a_pong_is_a_frame_of_a_client() {
        let text = br#"{"type":"pong"}"#;
        assert_eq!(PONG.get(1), Some(&(0x80 | u8::try_from(text.len()).unwrap())));
        assert!(PONG.ends_with(text) && PONG.len() == text.len() + 6);
    }
}
