//! The proxy: the model between real clients and a real server.
//!
//! Above the line: it owns sockets, tasks and a clock. What happens to the
//! traffic is decided by the model alone; what is lost here besides (full
//! queues between tasks, sends that fail) is counted as `overrun` or
//! `send_errors`, and is zero in a run that means something.

mod clock;
mod control;
mod ledger;
mod orders;
mod tcp;
mod udp;

pub use control::{Word, answer, converse};
pub use orders::Orders;

use crate::flow::FlowCounts;
use crate::pipe::Counts;
use crate::profile::Profile;
use anyhow::{Context as _, Result};
use clock::Clock;
use ledger::Ledger;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Where one listener is, and what it stands in front of.
#[derive(Debug, Clone, Copy)]
pub struct Front {
    /// Where clients come to; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The server.
    pub upstream: SocketAddr,
}

/// How a proxy is set up.
#[derive(Debug, Clone)]
pub struct Setting {
    /// For datagrams.
    pub udp: Option<Front>,
    /// For streams.
    pub tcp: Option<Front>,
    /// Whether another process has the same UDP port on every address, and
    /// shares it; the more specific address gets the datagrams.
    pub share_port: bool,
    /// The network at the start.
    pub profile: Profile,
    /// Seed of all luck; the n-th client has the n-th luck of it.
    pub seed: u64,
    /// Most UDP clients at a time; datagrams of more are dropped and counted.
    pub clients_max: usize,
    /// Most TCP connections at a time; more wait to be accepted.
    pub connections_max: usize,
    /// After so long without a datagram a client is forgotten.
    pub idle: Duration,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            udp: None,
            tcp: None,
            share_port: false,
            profile: Profile::default(),
            seed: 1,
            clients_max: 256,
            connections_max: 256,
            idle: Duration::from_secs(120),
        }
    }
}

/// What all tasks of a proxy share.
#[derive(Debug)]
struct House {
    clock: Clock,
    seed: u64,
    orders: watch::Sender<Orders>,
    udp: Ledger<Counts>,
    tcp: Ledger<FlowCounts>,
    /// Datagrams that a client's task had no time for.
    overrun: AtomicU64,
    /// Datagrams of clients beyond the most.
    refused: AtomicU64,
    /// Datagrams that the system did not send.
    send_errors: AtomicU64,
    /// How often a client's datagrams began to come from another port.
    rebinds: AtomicU64,
}

/// A proxy that runs. Dropping it ends its tasks.
#[derive(Debug)]
pub struct Proxy {
    house: Arc<House>,
    udp: Option<SocketAddr>,
    tcp: Option<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

impl Proxy {
    /// Starts listening. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If an address cannot be bound.
    pub fn start(setting: &Setting) -> Result<Self> {
        let clock = Clock::start();
        let (orders, _) = watch::channel(Orders::new(setting.profile.clone(), clock.now()));
        let house = Arc::new(House {
            clock,
            seed: setting.seed,
            orders,
            udp: Ledger::default(),
            tcp: Ledger::default(),
            overrun: AtomicU64::default(),
            refused: AtomicU64::default(),
            send_errors: AtomicU64::default(),
            rebinds: AtomicU64::default(),
        });
        let mut proxy = Self { house, udp: None, tcp: None, tasks: Vec::new() };
        if let Some(front) = setting.udp {
            let socket = udp::bind(front.listen, setting.share_port)
                .with_context(|| format!("cannot listen on udp {}", front.listen))?;
            proxy.udp = Some(socket.local_addr()?);
            let limits = udp::Limits { clients: setting.clients_max, idle: setting.idle };
            let serving = udp::serve(socket, front.upstream, Arc::clone(&proxy.house), limits);
            proxy.tasks.push(tokio::spawn(serving));
        }
        if let Some(front) = setting.tcp {
            let listener = tcp::bind(front.listen)
                .with_context(|| format!("cannot listen on tcp {}", front.listen))?;
            proxy.tcp = Some(listener.local_addr()?);
            let house = Arc::clone(&proxy.house);
            let serving = tcp::serve(listener, front.upstream, house, setting.connections_max);
            proxy.tasks.push(tokio::spawn(serving));
        }
        Ok(proxy)
    }

    /// Where datagrams go to.
    #[must_use]
    pub const fn udp(&self) -> Option<SocketAddr> {
        self.udp
    }

    /// Where streams go to.
    #[must_use]
    pub const fn tcp(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// Changes the network for everybody; its times begin now.
    pub fn change(&self, profile: Profile) {
        let now = self.house.clock.now();
        self.house.orders.send_modify(|orders| orders.change(profile, now));
    }

    /// Lets no datagram through for so long.
    pub fn black_out(&self, time: Duration) {
        let until = self.house.clock.now() + time;
        self.house.orders.send_modify(|orders| orders.dark_until = until);
    }

    /// Lets no byte of a stream arrive for so long.
    pub fn stall(&self, time: Duration) {
        let until = self.house.clock.now() + time;
        self.house.orders.send_modify(|orders| orders.stalled_until = until);
    }

    /// Lets every UDP client come from another port.
    pub fn rebind(&self) {
        self.house.orders.send_modify(|orders| orders.rebinds += 1);
    }

    /// Resets every TCP connection.
    pub fn reset(&self) {
        self.house.orders.send_modify(|orders| orders.resets += 1);
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> Value {
        let house = &self.house;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (clients, [up, down]) = house.udp.read();
        let (connections, [sent, received]) = house.tcp.read();
        json!({
            "udp": {
                "clients": clients.now,
                "clients_ever": clients.ever,
                "up": up,
                "down": down,
                "dropped": up.dropped() + down.dropped(),
                "rebinds": get(&house.rebinds),
                "overrun": get(&house.overrun),
                "refused": get(&house.refused),
                "send_errors": get(&house.send_errors),
            },
            "tcp": {
                "connections": connections.now,
                "connections_ever": connections.ever,
                "up": sent,
                "down": received,
            },
        })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // A listener's task holds the tasks of its clients.
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
