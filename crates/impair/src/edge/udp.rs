//! Datagrams: one task and one socket towards the server for each client, as a
//! translating router has one port for each.

use super::House;
use super::orders::Orders;
use crate::link::{Input, Link, Output};
use crate::profile::Way;
use parlour_base::Mono;
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Datagrams that may wait for one client's task; more are dropped and counted
/// as overrun.
const WAITING_MAX: usize = 1_024;

/// Largest datagram there is.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// Kernel buffers asked for, so that bursts are lost by the model only.
const BUFFER_BYTES: usize = 4 << 20;

/// What bounds the clients.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) clients: usize,
    pub(super) idle: Duration,
}

/// Binds the listening socket.
pub(super) fn bind(address: SocketAddr, share_port: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if share_port {
        socket.set_reuse_port(true)?;
    }
    enlarge(&socket);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// A socket towards the server.
async fn towards(upstream: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match upstream {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    enlarge(&socket2::SockRef::from(&socket));
    socket.connect(upstream).await?;
    Ok(socket)
}

/// The system may grant less; then a burst may be lost beside the model.
fn enlarge(socket: &Socket) {
    drop(socket.set_recv_buffer_size(BUFFER_BYTES));
    drop(socket.set_send_buffer_size(BUFFER_BYTES));
}

/// Takes datagrams of clients to their tasks, until it is aborted.
pub(super) async fn serve(
    listener: UdpSocket,
    upstream: SocketAddr,
    house: Arc<House>,
    limits: Limits,
) {
    let listener = Arc::new(listener);
    let mut clients: BTreeMap<SocketAddr, mpsc::Sender<Box<[u8]>>> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        // Both may be dropped: a datagram not yet received stays in the
        // kernel, a task that ended stays in the set.
        let (length, client) = tokio::select! {
            Some(ended) = tasks.join_next() => {
                if let Ok(client) = ended {
                    clients.remove(&client);
                }
                continue;
            }
            received = listener.recv_from(&mut buffer) => match received {
                Ok(received) => received,
                // Some client's port is closed; it will notice.
                Err(_) => continue,
            },
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        if !clients.contains_key(&client) {
            if clients.len() >= limits.clients {
                house.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let Ok(socket) = towards(upstream).await else {
                house.send_errors.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let (sender, waiting) = mpsc::channel(WAITING_MAX);
            let ends = Ends { client, upstream, listener: Arc::clone(&listener), socket };
            let session = Session::new(ends, Arc::clone(&house), limits.idle);
            tasks.spawn(session.run(waiting));
            clients.insert(client, sender);
        }
        let sender = clients.get(&client);
        if sender.is_none_or(|sender| sender.try_send(bytes.into()).is_err()) {
            house.overrun.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The two ends of a client's network.
struct Ends {
    client: SocketAddr,
    upstream: SocketAddr,
    listener: Arc<UdpSocket>,
    socket: UdpSocket,
}

/// One client.
struct Session {
    ends: Ends,
    /// The former socket stays open, so that the server is told nothing when
    /// it still sends there.
    retired: Option<UdpSocket>,
    house: Arc<House>,
    number: u64,
    link: Link<Box<[u8]>>,
    orders: watch::Receiver<Orders>,
    seen: Orders,
    idle: Duration,
}

impl Session {
    fn new(ends: Ends, house: Arc<House>, idle: Duration) -> Self {
        let mut orders = house.orders.subscribe();
        let seen = orders.borrow_and_update().clone();
        let number = house.udp.enter();
        let now = house.clock.now();
        let seed = house.seed.wrapping_add(number);
        let mut link = Link::new(&seen.profile, seed, seen.since, now);
        link.handle(now, Input::Blackout(seen.dark_until.since(now)));
        Self { ends, retired: None, house, number, link, orders, seen, idle }
    }

    async fn run(mut self, mut waiting: mpsc::Receiver<Box<[u8]>>) -> SocketAddr {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        let mut heard = self.house.clock.now();
        loop {
            self.carry_out().await;
            let until = self.link.deadline();
            // Each may be dropped: what was not received yet waits on.
            tokio::select! {
                bytes = waiting.recv() => {
                    let Some(bytes) = bytes else { break };
                    heard = self.take(Way::Up, bytes);
                }
                received = self.ends.socket.recv(&mut buffer) => {
                    // An error says that nobody is at the server's port.
                    if let Ok(length) = received {
                        let bytes = buffer.get(..length).unwrap_or_default();
                        heard = self.take(Way::Down, bytes.into());
                    }
                }
                changed = self.orders.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    self.obey();
                }
                () = self.house.clock.wait(until) => {
                    self.link.handle(self.house.clock.now(), Input::Tick);
                }
                () = self.house.clock.wait(Some(heard + self.idle)) => break,
            }
        }
        self.ends.client
    }

    fn take(&mut self, way: Way, body: Box<[u8]>) -> Mono {
        let now = self.house.clock.now();
        self.link.handle(now, Input::Packet { way, length: body.len(), body });
        now
    }

    /// Compares the orders with those it has seen.
    fn obey(&mut self) {
        let orders = self.orders.borrow_and_update().clone();
        let now = self.house.clock.now();
        if orders.number != self.seen.number {
            let profile = Box::new((*orders.profile).clone());
            self.link.handle(now, Input::Change(profile, orders.since));
        }
        if orders.dark_until > now {
            self.link.handle(now, Input::Blackout(orders.dark_until.since(now)));
        }
        if orders.rebinds != self.seen.rebinds {
            self.link.handle(now, Input::Rebind);
        }
        self.seen = orders;
    }

    /// Does what the link wants done.
    async fn carry_out(&mut self) {
        while let Some(output) = self.link.poll() {
            let sent = match output {
                Output::Rebind => self.rebind().await,
                Output::Packet { way, mut body, flip, .. } => {
                    if let Some(flip) = flip {
                        flip.apply(&mut body);
                    }
                    self.send(way, &body).await
                }
            };
            if sent.is_err() {
                self.house.send_errors.fetch_add(1, Ordering::Relaxed);
            }
        }
        for way in Way::BOTH {
            self.house.udp.post(self.number, way, *self.link.counts(way));
        }
    }

    async fn send(&self, way: Way, bytes: &[u8]) -> io::Result<()> {
        let ends = &self.ends;
        let sent = match way {
            Way::Up => ends.socket.send(bytes).await,
            Way::Down => ends.listener.send_to(bytes, ends.client).await,
        };
        match sent {
            // This tells of an earlier one: nobody is at the server's port.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            other => other.map(drop),
        }
    }

    async fn rebind(&mut self) -> io::Result<()> {
        let socket = towards(self.ends.upstream).await?;
        self.retired = Some(std::mem::replace(&mut self.ends.socket, socket));
        self.house.rebinds.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.house.udp.leave(self.number);
    }
}
