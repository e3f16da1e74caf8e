//! The UDP sockets of one worker: IPv4 and IPv6, many datagrams a call.
//!
//! Owns receive buffers and the ways in which a send can fail. Refuses to know
//! what it carries, except that a test may ask it to lose media.

use crate::metrics::Counters;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::fd::{AsFd as _, BorrowedFd};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

/// Most bytes that the kernel hands over as one.
const COALESCED_BYTES_MAX: usize = 65_536;

/// How the sockets of a worker are bound.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// Whether other workers bind the same port.
    pub shared: bool,
    /// Kernel receive buffer, in bytes.
    pub receive_buffer: usize,
    /// Kernel send buffer, in bytes.
    pub send_buffer: usize,
}

#[derive(Debug)]
struct Half {
    socket: UdpSocket,
    state: UdpSocketState,
}

/// Both sockets of a worker. IPv6 may be missing on the machine.
#[derive(Debug)]
pub struct MediaSockets {
    v4: Half,
    v6: Option<Half>,
    port: u16,
}

impl MediaSockets {
    /// Binds both.
    ///
    /// # Errors
    /// The system's; a missing IPv6 is none.
    pub fn bind(binding: Binding) -> io::Result<Self> {
        let v4 = Half::bind(Ipv4Addr::UNSPECIFIED.into(), binding)?;
        let port = v4.socket.local_addr()?.port();
        let v6 = match Half::bind(Ipv6Addr::UNSPECIFIED.into(), Binding { port, ..binding }) {
            Ok(half) => Some(half),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "no IPv6 for media");
                None
            }
        };
        Ok(Self { v4, v6, port })
    }

    /// The port of both.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What to wait for.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.halves().map(|half| half.socket.as_fd())
    }

    fn halves(&self) -> impl Iterator<Item = &Half> {
        std::iter::once(&self.v4).chain(&self.v6)
    }
}

impl Half {
    fn bind(ip: IpAddr, binding: Binding) -> io::Result<Self> {
        let address = SocketAddr::new(ip, binding.port);
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if ip.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        if binding.shared {
            socket.set_reuse_port(true)?;
        }
        // The system may grant less; that is seen in drops, not fatal.
        if let Err(error) = socket
            .set_recv_buffer_size(binding.receive_buffer)
            .and_then(|()| socket.set_send_buffer_size(binding.send_buffer))
        {
            tracing::debug!(%error, "socket buffers stay as they are");
        }
        socket.bind(&address.into())?;
        let socket = UdpSocket::from(socket);
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        Ok(Self { socket, state })
    }

    fn send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.state.try_send(UdpSockRef::from(&self.socket), transmit)
    }
}

/// Room for one call's worth of datagrams.
#[derive(Debug)]
pub(super) struct Reader {
    memory: Vec<u8>,
    each: usize,
    meta: [RecvMeta; BATCH_SIZE],
}

impl Reader {
    pub(super) fn new() -> Self {
        let each = COALESCED_BYTES_MAX;
        Self { memory: vec![0; each * BATCH_SIZE], each, meta: [RecvMeta::default(); BATCH_SIZE] }
    }

    /// Hands over what waits on the sockets that are `ready` (in the order of
    /// [`MediaSockets::fds`]), until they are empty or about `most` datagrams
    /// were taken from each. Says whether there may be more.
    pub(super) fn read(
        &mut self,
        sockets: &MediaSockets,
        ready: [bool; 2],
        most: usize,
        mut take: impl FnMut(SocketAddr, Option<IpAddr>, &[u8]),
    ) -> io::Result<bool> {
        let mut more = false;
        let halves = sockets.halves().zip(ready).filter(|(_, ready)| *ready);
        for (half, _) in halves {
            let mut taken = 0;
            while taken < most {
                match self.read_once(half, &mut take) {
                    Ok((calls, count)) => {
                        taken += count;
                        if calls < BATCH_SIZE {
                            // Less than asked for: the rest is still to come.
                            break;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // Somebody's port is closed: nothing is wrong with ours.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            more |= taken >= most;
        }
        Ok(more)
    }

    /// One call: how many messages the system gave, and how many datagrams
    /// they were.
    fn read_once(
        &mut self,
        half: &Half,
        take: &mut impl FnMut(SocketAddr, Option<IpAddr>, &[u8]),
    ) -> io::Result<(usize, usize)> {
        let mut chunks = self.memory.chunks_mut(self.each);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let count = half.state.recv(UdpSockRef::from(&half.socket), &mut slices, &mut self.meta)?;
        let mut datagrams = 0;
        for (meta, bytes) in self.meta.iter().zip(self.memory.chunks(self.each)).take(count) {
            let received = bytes.get(..meta.len).unwrap_or(bytes);
            for datagram in received.chunks(meta.stride.max(1)) {
                datagrams += 1;
                take(meta.addr, meta.dst_ip, datagram);
            }
        }
        // An empty datagram counts too, or a flood of them would never end.
        Ok((count, datagrams.max(1)))
    }
}

/// One send as the worker orders it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Burst<'a> {
    pub(super) to: SocketAddr,
    pub(super) from: Option<IpAddr>,
    pub(super) segment: Option<usize>,
    pub(super) bytes: &'a [u8],
}

/// Sends bursts, as one if the system can.
#[derive(Debug)]
pub(super) struct Sender {
    counters: Arc<Counters>,
    drop_media: bool,
}

impl Sender {
    pub(super) const fn new(counters: Arc<Counters>, drop_media: bool) -> Self {
        Self { counters, drop_media }
    }

    pub(super) fn send(&self, sockets: &MediaSockets, burst: Burst<'_>) {
        let half = if burst.to.is_ipv4() { Some(&sockets.v4) } else { sockets.v6.as_ref() };
        let Some(half) = half else {
            self.counters.udp_send_errors.inc();
            return;
        };
        let whole = burst.segment.is_none_or(|_| half.state.max_gso_segments() > 1);
        if self.drop_media || !whole {
            self.send_each(half, burst);
        } else if let Err(error) = half.send(&transmit(burst, burst.segment, burst.bytes)) {
            // A device without segmentation says so at the first attempt.
            if burst.segment.is_some() && error.kind() != io::ErrorKind::WouldBlock {
                self.send_each(half, burst);
            } else {
                self.counters.udp_send_errors.inc();
            }
        }
    }

    fn send_each(&self, half: &Half, burst: Burst<'_>) {
        let size = burst.segment.unwrap_or(burst.bytes.len()).max(1);
        for datagram in burst.bytes.chunks(size) {
            if self.drop_media && is_media(datagram) {
                continue;
            }
            if half.send(&transmit(burst, None, datagram)).is_err() {
                self.counters.udp_send_errors.inc();
            }
        }
    }
}

fn transmit<'a>(burst: Burst<'_>, segment_size: Option<usize>, contents: &'a [u8]) -> Transmit<'a> {
    Transmit { destination: burst.to, ecn: None, contents, segment_size, src_ip: burst.from }
}

/// Whether a datagram is RTP rather than RTCP, STUN or DTLS (RFC 7983 §7,
/// RFC 5761 §4).
fn is_media(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, kind, ..] if !(64..=95).contains(&(kind & 0x7f)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use std::time::Duration;

    const SMALL: Binding =
        Binding { port: 0, shared: false, receive_buffer: 1 << 18, send_buffer: 1 << 18 };

    fn receive(sockets: &MediaSockets, want: usize) -> Vec<(SocketAddr, Option<IpAddr>, Vec<u8>)> {
        let mut reader = Reader::new();
        let mut found = Vec::new();
        let clock = Clock::start();
        while found.len() < want && clock.elapsed() < Duration::from_secs(5) {
            reader
                .read(sockets, [true; 2], 64, |from, to, bytes| {
                    found.push((from, to, bytes.to_vec()))
                })
                .expect("readable");
            std::thread::yield_now();
        }
        found
    }

    #[test]
    fn a_datagram_tells_both_of_its_addresses_and_the_answer_comes_from_there() {
        let sockets = MediaSockets::bind(SMALL).expect("bound");
        let peer = UdpSocket::bind("127.0.0.1:0").expect("bound");
        peer.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
        // Another loopback address than the default one.
        let ours = SocketAddr::from(([127, 0, 0, 2], sockets.port()));
        peer.send_to(b"ask", ours).expect("sent");
        let found = receive(&sockets, 1);
        let (from, to, bytes) = found.first().expect("one");
        assert_eq!((*to, bytes.as_slice()), (Some(ours.ip()), b"ask".as_slice()));
        let burst = Burst { to: *from, from: *to, segment: None, bytes: b"answer" };
        Sender::new(Arc::default(), false).send(&sockets, burst);
        let mut buffer = [0; 16];
        let (count, source) = peer.recv_from(&mut buffer).expect("answered");
        assert_eq!((&buffer[..count], source), (b"answer".as_slice(), ours));
    }

    #[test]
    fn a_burst_arrives_as_its_datagrams() {
        let sockets = MediaSockets::bind(SMALL).expect("bound");
        let peer = UdpSocket::bind("127.0.0.1:0").expect("bound");
        peer.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
        let to = peer.local_addr().expect("bound");
        let bytes: Vec<u8> = (0..25).collect();
        let burst = Burst { to, from: None, segment: Some(10), bytes: &bytes };
        let counters = Arc::<Counters>::default();
        Sender::new(Arc::clone(&counters), false).send(&sockets, burst);
        let mut sizes = Vec::new();
        for _ in 0..3 {
            let mut buffer = [0; 64];
            sizes.push(peer.recv_from(&mut buffer).expect("a datagram").0);
        }
        assert_eq!(sizes, [10, 10, 5]);
        assert_eq!(counters.udp_send_errors.get(), 0);
    }

    #[test]
    fn the_test_switch_loses_rtp_and_nothing_else() {
        let sockets = MediaSockets::bind(SMALL).expect("bound");
        let peer = UdpSocket::bind("127.0.0.1:0").expect("bound");
        peer.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
        let to = peer.local_addr().expect("bound");
        let sender = Sender::new(Arc::default(), true);
        // RTP, RTCP (PT 201), STUN, DTLS.
        for bytes in [[128, 96], [128, 201], [0, 1], [22, 254]] {
            sender.send(&sockets, Burst { to, from: None, segment: None, bytes: &bytes });
        }
        let mut seen = Vec::new();
        for _ in 0..3 {
            let mut buffer = [0; 2];
            peer.recv_from(&mut buffer).expect("a datagram");
            seen.push(buffer);
        }
        assert_eq!(seen, [[128, 201], [0, 1], [22, 254]]);
    }

    #[test]
    fn two_workers_can_share_a_port() {
        let shared = Binding { shared: true, ..SMALL };
        let first = MediaSockets::bind(shared).expect("bound");
        let second = MediaSockets::bind(Binding { port: first.port(), ..shared }).expect("bound");
        assert_eq!(first.port(), second.port());
        assert!(MediaSockets::bind(Binding { port: first.port(), ..SMALL }).is_err());
    }
}
