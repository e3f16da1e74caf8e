//! How many connections there may be, in all and from one address.

use super::asked::is_listed;
use crate::config::network::Network;
use crate::config::sections::Http;
use crate::metrics::Counters;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections beyond the limit that are still told so with a 503.
const REFUSALS_MAX: u32 = 64;

#[derive(Debug, Default)]
struct Inside {
    all: u32,
    /// No more entries than connections.
    by_address: HashMap<IpAddr, u32>,
}

/// Counts who is in.
#[derive(Debug, Clone)]
pub struct Gate {
    inside: Arc<Mutex<Inside>>,
    all_max: u32,
    address_max: u32,
    proxies: Arc<[Network]>,
    counters: Arc<Counters>,
}

/// A place inside; gives itself back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    inside: Arc<Mutex<Inside>>,
    address: Option<IpAddr>,
    /// Whether it counts towards all; a client behind a proxy shares the
    /// proxy's connection.
    whole: bool,
    /// The connection is one too many and is only to be told so.
    pub(super) refused: bool,
}

impl Gate {
    /// An empty house.
    pub(super) fn new(http: &Http, counters: Arc<Counters>) -> Self {
        Self {
            inside: Arc::default(),
            all_max: http.connections_max,
            address_max: http.connections_per_address,
            proxies: http.proxies.clone().into(),
            counters,
        }
    }

    /// Lets a connection in; `None` closes it at once.
    pub(super) fn enter(&self, remote: IpAddr) -> Option<Place> {
        let remote = remote.to_canonical();
        let counted = !remote.is_loopback() && !is_listed(&self.proxies, remote);
        let address = counted.then(|| network_of(remote));
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = address {
            let there = inside.by_address.entry(address).or_default();
            if *there >= self.address_max {
                self.counters.connections_refused_address.inc();
                return None;
            }
        }
        let refused = inside.all >= self.all_max;
        if refused {
            self.counters.connections_refused.inc();
            if inside.all >= self.all_max.saturating_add(REFUSALS_MAX) {
                if let Some(address) = address {
                    inside.leave(address);
                }
                return None;
            }
        }
        inside.all += 1;
        if let Some(address) = address {
            *inside.by_address.entry(address).or_default() += 1;
        }
        Some(Place { inside: Arc::clone(&self.inside), address, whole: true, refused })
    }

    /// Lets a client in whose connection a listed proxy made; `None` refuses
    /// it because its address has too many.
    pub(super) fn enter_behind(&self, client: IpAddr) -> Option<Place> {
        let address = network_of(client.to_canonical());
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let there = inside.by_address.entry(address).or_default();
        if *there >= self.address_max {
            self.counters.connections_refused_address.inc();
            return None;
        }
        *there += 1;
        let inside = Arc::clone(&self.inside);
        Some(Place { inside, address: Some(address), whole: false, refused: false })
    }

    /// How many are in, and how many may be.
    #[must_use]
    pub fn fill(&self) -> (u32, u32) {
        (self.inside.lock().unwrap_or_else(PoisonError::into_inner).all, self.all_max)
    }

    /// The most that one address holds, and how many it may.
    #[must_use]
    pub fn fill_of_fullest(&self) -> (u32, u32) {
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        (inside.by_address.values().copied().max().unwrap_or(0), self.address_max)
    }
}

impl Inside {
    /// Takes an entry away that counts nobody.
    fn leave(&mut self, address: IpAddr) {
        if self.by_address.get(&address) == Some(&0) {
            self.by_address.remove(&address);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.all = inside.all.saturating_sub(u32::from(self.whole));
        if let Some(address) = self.address {
            if let Some(count) = inside.by_address.get_mut(&address) {
                *count = count.saturating_sub(1);
            }
            inside.leave(address);
        }
    }
}

/// One household has one IPv4 address, or one IPv6 network of 64 bits.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(all: u32, each: u32) -> Gate {
        let http = Http {
            connections_max: all,
            connections_per_address: each,
            proxies: vec!["10.0.0.1".parse().expect("a network")],
            ..Http::default()
        };
        Gate::new(&http, Arc::default())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_has_a_limit_and_gets_its_place_back() {
        let gate = gate(10, 2);
        let first = gate.enter(ip("192.0.2.1"));
        let second = gate.enter(ip("192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(gate.enter(ip("192.0.2.1")).is_none());
        assert!(gate.enter(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(gate.enter(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn a_network_of_64_bits_counts_as_one_and_loopback_and_proxies_do_not_count() {
        let gate = gate(10, 1);
        let _first = gate.enter(ip("2001:db8::1"));
        assert!(gate.enter(ip("2001:db8::2")).is_none());
        assert!(gate.enter(ip("2001:db8:0:1::2")).is_some());
        let loopback = [gate.enter(ip("127.0.0.1")), gate.enter(ip("::1")), gate.enter(ip("::1"))];
        let proxy = [gate.enter(ip("10.0.0.1")), gate.enter(ip("::ffff:10.0.0.1"))];
        assert!(loopback.iter().chain(&proxy).all(Option::is_some));
    }

    #[test]
    fn clients_behind_a_proxy_are_counted_by_their_own_address() {
        let gate = gate(10, 1);
        let first = gate.enter_behind(ip("192.0.2.1"));
        assert!(first.is_some() && gate.enter_behind(ip("192.0.2.1")).is_none());
        assert!(gate.enter_behind(ip("192.0.2.2")).is_some());
        assert_eq!(gate.fill().0, 0);
        drop(first);
        assert!(gate.enter_behind(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn beyond_the_limit_a_few_are_told_and_the_rest_closed() {
        let gate = gate(1, 1_000);
        let mut places = Vec::new();
        while let Some(place) = gate.enter(ip("192.0.2.1")) {
            places.push(place);
        }
        assert_eq!(places.iter().filter(|place| place.refused).count(), 64);
        places.clear();
        assert_eq!(gate.fill(), (0, 1));
        assert!(gate.inside.lock().expect("whole").by_address.is_empty());
    }
}
