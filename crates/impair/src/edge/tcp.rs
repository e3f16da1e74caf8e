//! Streams: one task for each connection, both directions in it.

use super::House;
use super::orders::Orders;
use crate::flow::{Flow, FlowInput, FlowOutput, READ_BYTES_MAX};
use crate::profile::Way;
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 256;

/// After an accept that failed, the next is tried so much later: the system is
/// out of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Binds the listener.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts connections until it is aborted.
pub(super) async fn serve(
    listener: TcpListener,
    upstream: SocketAddr,
    house: Arc<House>,
    connections_max: usize,
) {
    let places = Arc::new(Semaphore::new(connections_max));
    let mut tasks = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        while tasks.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((client, _)) => {
                let house = Arc::clone(&house);
                tasks.spawn(async move {
                    let _place = place;
                    connection(client, upstream, &house).await;
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Why a connection is over.
enum Over {
    /// The model or somebody ordered it, or an end went away: reset both.
    Reset,
}

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self::Reset
    }
}

/// Leaves the ledger when it goes, however that happens.
struct Entry<'a> {
    house: &'a House,
    number: u64,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.house.tcp.leave(self.number);
    }
}

async fn connection(mut client: TcpStream, upstream: SocketAddr, house: &House) {
    let Ok(mut server) = TcpStream::connect(upstream).await else {
        return reset(&client);
    };
    // Pieces must leave as they are, if the system can be moved to it.
    drop((client.set_nodelay(true), server.set_nodelay(true)));
    let entry = Entry { house, number: house.tcp.enter() };
    let over = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let up = Direction::new(&entry, Way::Up, from_client, to_server);
        let down = Direction::new(&entry, Way::Down, from_server, to_client);
        // Dropped at a reset in the middle of whatever they do.
        tokio::select! {
            both = async { tokio::try_join!(up.run(), down.run()) } => both.map(drop),
            () = ordered_reset(house) => Err(Over::Reset),
        }
    };
    if let Err(Over::Reset) = over {
        reset(&client);
        reset(&server);
    }
}

/// Lets the stream end in a reset when it is dropped.
fn reset(stream: &TcpStream) {
    drop(SockRef::from(stream).set_linger(Some(Duration::ZERO)));
}

async fn ordered_reset(house: &House) {
    let mut orders = house.orders.subscribe();
    let before = orders.borrow_and_update().resets;
    if orders.wait_for(|orders| orders.resets != before).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// One direction of a connection.
struct Direction<'a> {
    entry: &'a Entry<'a>,
    way: Way,
    reader: ReadHalf<'a>,
    writer: WriteHalf<'a>,
    flow: Flow,
    orders: watch::Receiver<Orders>,
    seen: Orders,
}

impl<'a> Direction<'a> {
    fn new(entry: &'a Entry<'a>, way: Way, reader: ReadHalf<'a>, writer: WriteHalf<'a>) -> Self {
        let house = entry.house;
        let mut orders = house.orders.subscribe();
        let seen = orders.borrow_and_update().clone();
        let seed = house.seed.wrapping_add(entry.number);
        let now = house.clock.now();
        let mut flow = Flow::new(seen.profile.course(way), way, seed, seen.since, now);
        let stall = FlowInput::Stall(seen.stalled_until.since(now));
        flow.handle(now, stall).expect("only bytes can be too many");
        Self { entry, way, reader, writer, flow, orders, seen }
    }

    async fn run(mut self) -> Result<(), Over> {
        let mut buffer = vec![0; READ_BYTES_MAX];
        let clock = self.entry.house.clock;
        let (mut reads, mut writes) = (true, true);
        while reads || writes {
            writes = self.carry_out().await? && writes;
            self.entry.house.tcp.post(self.entry.number, self.way, *self.flow.counts());
            let (until, room) = (self.flow.deadline(), self.flow.room().min(READ_BYTES_MAX));
            if !reads && until.is_none() {
                break;
            }
            let space = buffer.get_mut(..room).unwrap_or_default();
            // Each may be dropped: bytes not read yet stay in the kernel.
            let input = tokio::select! {
                length = self.reader.read(space), if reads && room > 0 => match length? {
                    0 => {
                        reads = false;
                        FlowInput::End
                    }
                    length => FlowInput::Bytes(buffer.get(..length).unwrap_or_default()),
                },
                changed = self.orders.changed() => {
                    changed.map_err(|_| Over::Reset)?;
                    self.obey();
                    FlowInput::Tick
                }
                () = clock.wait(until) => FlowInput::Tick,
            };
            self.flow.handle(clock.now(), input).expect("no more was read than there was room");
        }
        Ok(())
    }

    fn obey(&mut self) {
        let orders = self.orders.borrow_and_update().clone();
        let now = self.entry.house.clock.now();
        if orders.number != self.seen.number {
            let change = FlowInput::Change(orders.profile.course(self.way), orders.since);
            self.flow.handle(now, change).expect("only bytes can be too many");
        }
        let stall = FlowInput::Stall(orders.stalled_until.since(now));
        self.flow.handle(now, stall).expect("only bytes can be too many");
        self.seen = orders;
    }

    /// Does what the flow wants done; says whether there can be more.
    async fn carry_out(&mut self) -> Result<bool, Over> {
        while let Some(output) = self.flow.poll() {
            match output {
                FlowOutput::Bytes(bytes) => self.writer.write_all(&bytes).await?,
                FlowOutput::End => {
                    self.writer.shutdown().await?;
                    return Ok(false);
                }
                FlowOutput::Reset => {
                    let number = self.entry.number;
                    self.entry.house.tcp.post(number, self.way, *self.flow.counts());
                    return Err(Over::Reset);
                }
            }
        }
        Ok(true)
    }
}
