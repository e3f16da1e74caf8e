//! The child's half: reads an order, sends, tells what it cost.

use super::sealer::{Sealer, TAG};
use super::{Order, Receiver, Sent};
use crate::clock::{now_ns, sleep_until};
use crate::mark::{self, Mark, Picture};
use crate::process::Process;
use crate::shape::{Kind, Planned, Schedule};
use anyhow::{Context as _, Result};
use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use std::io::Read as _;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// Header with mid and abs-send-time, as the server writes it.
const HEADER: usize = 24;

/// Most padding that makes packets equal.
const PADDING_MAX: usize = 4;

/// Largest send: the kernel takes at most 64 KiB.
const ARENA: usize = 65_000;

/// Longest order that is read.
const ORDER_BYTES_MAX: u64 = 64 << 20;

/// Does what the order on standard input says.
///
/// # Errors
/// If the order is none or the system refuses.
pub fn run() -> Result<()> {
    let mut text = Vec::new();
    std::io::stdin().take(ORDER_BYTES_MAX).read_to_end(&mut text)?;
    let order: Order = serde_json::from_slice(&text)?;
    let mut sender = Sender::new(&order)?;
    let paced = sender.send(Duration::from_millis(order.paced_ms), true)?;
    println!("{}", serde_json::to_string(&paced)?);
    let flat = sender.send(Duration::from_millis(order.flat_ms), false)?;
    println!("{}", serde_json::to_string(&flat)?);
    Ok(())
}

struct Sender {
    publishers: Vec<Publisher>,
    receivers: Vec<Vec<Target>>,
    socket: UdpSocket,
    state: UdpSocketState,
    arena: Vec<u8>,
    base_ns: u64,
    done: Sent,
}

struct Publisher {
    schedule: Schedule,
    number: u32,
    picture: u16,
    /// Packets of a frame whose last one is still to come.
    frame: Vec<Planned>,
}

struct Target {
    address: SocketAddr,
    sealer: Sealer,
    sources: Vec<Source>,
}

struct Source {
    kind: Kind,
    ssrc: u32,
    payload_type: u8,
    next: u64,
    rtp_time: u32,
}

impl Target {
    fn new(order: &Receiver) -> Result<Self> {
        let sealer = Sealer::new(order.wide, &order.key, &order.salt)?;
        let sources = order.sources.iter().map(|source| Source {
            kind: source.kind,
            ssrc: source.ssrc,
            payload_type: source.payload_type,
            next: source.next,
            rtp_time: source.rtp_time,
        });
        Ok(Self { address: order.address, sealer, sources: sources.collect() })
    }
}

impl Sender {
    fn new(order: &Order) -> Result<Self> {
        let first = order.receivers.first().context("nobody to send to")?;
        let socket = UdpSocket::bind(if first.address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        drop(socket2::SockRef::from(&socket).set_send_buffer_size(4 << 20));
        let mut receivers: Vec<Vec<Target>> = (0..order.publishers).map(|_| Vec::new()).collect();
        for receiver in &order.receivers {
            let all = receivers.get_mut(receiver.publisher).context("an unknown publisher")?;
            all.push(Target::new(receiver)?);
        }
        let publishers = (0..order.publishers).map(|index| Publisher {
            schedule: {
                let index = u64::try_from(index).unwrap_or(u64::MAX);
                Schedule::new(order.shape, order.media, order.seed, index)
            },
            number: u32::try_from(index).unwrap_or(u32::MAX),
            picture: 0,
            frame: Vec::new(),
        });
        Ok(Self {
            publishers: publishers.collect(),
            receivers,
            socket,
            state,
            arena: vec![0; ARENA],
            base_ns: now_ns(),
            done: Sent::default(),
        })
    }

    /// Sends for a time, keeping to the schedule or not.
    fn send(&mut self, time: Duration, paced: bool) -> Result<Sent> {
        let nanoseconds = u64::try_from(time.as_nanos())?;
        self.done = Sent { by_publisher: vec![0; self.publishers.len()], ..Sent::default() };
        let before = Process::own().cpu()?;
        let end = now_ns() + nanoseconds;
        while let Some((at_us, index)) = self.next() {
            let due = self.base_ns + at_us * 1_000;
            if now_ns().max(if paced { due } else { 0 }) >= end {
                break;
            }
            if paced {
                sleep_until(due);
            }
            self.take(index);
        }
        let cpu = Process::own().cpu()?.saturating_sub(before);
        self.done.cpu_us = cpu.as_secs_f64() * 1e6;
        Ok(std::mem::take(&mut self.done))
    }

    /// The publisher whose packet is due first, and when.
    fn next(&mut self) -> Option<(u64, usize)> {
        let all = self.publishers.iter_mut().enumerate();
        all.filter_map(|(at, it)| Some((it.schedule.peek()?.at_us, at))).min()
    }

    /// Takes a publisher's next packet; a frame goes out with its last one.
    fn take(&mut self, index: usize) {
        let Some(publisher) = self.publishers.get_mut(index) else { return };
        let Some(planned) = publisher.schedule.peek() else { return };
        publisher.schedule.advance(&planned);
        let mark = Mark { publisher: publisher.number, sent_ns: now_ns() };
        let bodies = match planned.kind {
            Kind::Audio => vec![mark::audio(mark, planned.bytes)],
            Kind::Video => {
                publisher.frame.push(planned);
                if !planned.last {
                    return;
                }
                publisher.picture = publisher.picture.wrapping_add(1) & 0x7FFF;
                let frame = publisher.picture;
                let body = |it: &Planned| {
                    mark::video(mark, Picture { frame, first: it.first, key: it.key }, it.bytes)
                };
                publisher.frame.drain(..).map(|it| body(&it)).collect()
            }
        };
        let out = Out {
            socket: &self.socket,
            state: &self.state,
            arena: &mut self.arena,
            done: &mut self.done,
        };
        let elapsed_us = planned.frame_us;
        let Some(targets) = self.receivers.get_mut(index) else { return };
        out.send_to_all(targets, planned.kind, elapsed_us, &bodies);
        if let Some(count) = self.done.by_publisher.get_mut(index) {
            *count += u64::try_from(bodies.len()).unwrap_or(0);
        }
    }
}

struct Out<'a> {
    socket: &'a UdpSocket,
    state: &'a UdpSocketState,
    arena: &'a mut [u8],
    done: &'a mut Sent,
}

impl Out<'_> {
    fn send_to_all(mut self, targets: &mut [Target], kind: Kind, us: u64, bodies: &[Vec<u8>]) {
        let ticks = us.wrapping_mul(if kind == Kind::Audio { 48 } else { 90 }) / 1_000;
        #[expect(clippy::cast_possible_truncation, reason = "RTP times begin again")]
        let ticks = ticks as u32;
        for target in targets {
            let Target { address, sealer, sources } = target;
            if let Some(source) = sources.iter_mut().find(|source| source.kind == kind) {
                self.send(*address, sealer, source, ticks, bodies);
            }
        }
    }

    /// One frame to one receiver: one call, unless sizes differ too much.
    fn send(
        &mut self,
        to: SocketAddr,
        sealer: &Sealer,
        source: &mut Source,
        ticks: u32,
        bodies: &[Vec<u8>],
    ) {
        let largest = bodies.iter().map(Vec::len).max().unwrap_or(0);
        let (mut used, mut segment) = (0, 0);
        for (at, body) in bodies.iter().enumerate() {
            let last = at + 1 == bodies.len();
            let short = largest - body.len();
            let pad = if last || short > PADDING_MAX { 0 } else { short };
            let size = HEADER + body.len() + pad + TAG;
            // A longer packet, or one behind a shorter one, begins a new run.
            if used > 0 && (size > segment || used % segment != 0 || used + size > ARENA) {
                self.flush(to, used, segment);
                used = 0;
            }
            if used == 0 {
                segment = size;
            }
            let room = self.arena.get_mut(used..).unwrap_or(&mut []);
            if write(room, sealer, source, (ticks, last), body, pad) {
                used += size;
                self.done.packets += 1;
            }
        }
        self.flush(to, used, segment);
    }

    fn flush(&mut self, destination: SocketAddr, used: usize, segment: usize) {
        let contents = self.arena.get(..used).unwrap_or(&[]);
        let segment_size = (segment < used).then_some(segment);
        let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
        self.done.sends += 1;
        if self.state.try_send(UdpSockRef::from(self.socket), &transmit).is_err() {
            self.done.failed += 1;
        }
    }
}

/// Writes one protected packet; false if it does not fit.
fn write(
    room: &mut [u8],
    sealer: &Sealer,
    source: &mut Source,
    (ticks, marker): (u32, bool),
    body: &[u8],
    pad: usize,
) -> bool {
    let Some((header, rest)) = room.split_at_mut_checked(HEADER) else { return false };
    let Some((out, rest)) = rest.split_at_mut_checked(body.len()) else { return false };
    let Some(tail_and_tag) = rest.get_mut(..pad + TAG) else { return false };
    let index = source.next;
    source.next += 1;
    let [.., n1, n0] = index.to_be_bytes();
    let [t3, t2, t1, t0] = source.rtp_time.wrapping_add(ticks).to_be_bytes();
    let [s3, s2, s1, s0] = source.ssrc.to_be_bytes();
    let first = 0x90 | if pad > 0 { 0x20 } else { 0 };
    let second = source.payload_type | if marker { 0x80 } else { 0 };
    let mid = if source.kind == Kind::Audio { b'0' } else { b'1' };
    // mid (4) and abs-send-time (2) in one-byte form (RFC 8285 §4.2).
    header.copy_from_slice(&[
        first, second, n1, n0, t3, t2, t1, t0, s3, s2, s1, s0, 0xBE, 0xDE, 0, 2, 0x40, mid, 0x22,
        t2, t1, t0, 0, 0,
    ]);
    let tail: &[u8] = match pad {
        0 => &[],
        1 => &[1],
        2 => &[0, 2],
        3 => &[0, 0, 3],
        _ => &[0, 0, 0, 4],
    };
    sealer.seal((source.ssrc, index), header, body, out, tail, tail_and_tag)
}
