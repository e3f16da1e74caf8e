//! Which addresses clients are told to reach the media port at.

use crate::config::Listen;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most addresses that are announced: each costs every client checks.
const ADDRESSES_MAX: usize = 16;

/// The addresses to announce.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Announced {
    /// IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// Whether somebody from the internet could use one of them.
    pub public: bool,
}

/// Chooses among `interfaces`. What the operator says wins; else every
/// address of the listening interfaces, loopback only if a listener is there
/// or nothing else is.
#[must_use]
pub fn announced(chosen: &[IpAddr], listeners: &[Listen], interfaces: &[IpAddr]) -> Announced {
    let mut addresses = chosen.to_vec();
    if addresses.is_empty() {
        let fits = |ip: &IpAddr| !is_link_local(*ip) && !ip.is_unspecified() && !ip.is_multicast();
        let all: Vec<IpAddr> = interfaces.iter().copied().filter(fits).collect();
        let reached = |ip: &IpAddr| listeners.iter().any(|listener| reaches(listener, *ip));
        addresses.extend(all.iter().filter(|ip| !ip.is_loopback() && reached(ip)));
        if addresses.is_empty() || listeners.iter().any(Listen::is_loopback) {
            addresses.extend(all.iter().filter(|ip| ip.is_loopback()));
        }
        if addresses.is_empty() {
            addresses.push(Ipv4Addr::LOCALHOST.into());
        }
        addresses.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
        addresses.dedup();
        addresses.truncate(ADDRESSES_MAX);
    }
    let public = addresses.iter().any(|ip| is_public(*ip));
    Announced { addresses, public }
}

/// Whether a listener can be reached at `ip`. A browser on this machine takes
/// any of its addresses, so loopback listeners reach all: some browsers pair
/// no loopback address with another.
fn reaches(listener: &Listen, ip: IpAddr) -> bool {
    match listener.host.parse::<IpAddr>() {
        Ok(host) if host.is_loopback() => true,
        Ok(IpAddr::V6(host)) if host.is_unspecified() => true,
        Ok(host) if host.is_unspecified() => ip.is_ipv4(),
        Ok(host) => host.to_canonical() == ip,
        Err(_) => true,
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Whether an address is none of those that only have a meaning nearby.
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            let nearby = ip.is_private() || ip.is_loopback() || ip.is_link_local();
            !(nearby || shared || ip.is_unspecified())
        }
        IpAddr::V6(ip) => !is_nearby(ip),
    }
}

fn is_nearby(ip: Ipv6Addr) -> bool {
    ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local() || ip.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(listeners: &[&str], interfaces: &[&str]) -> Vec<String> {
        let listeners: Vec<Listen> =
            listeners.iter().map(|text| text.parse().expect("a listener")).collect();
        let interfaces: Vec<IpAddr> =
            interfaces.iter().map(|text| text.parse().expect("an address")).collect();
        let found = announced(&[], &listeners, &interfaces);
        found.addresses.iter().map(ToString::to_string).collect()
    }

    const HERE: [&str; 5] = ["127.0.0.1", "::1", "fe80::1", "192.168.1.5", "2001:db8::5"];

    #[test]
    fn the_usual_listeners_announce_the_lan_and_loopback() {
        assert_eq!(
            choose(&["http://localhost:8080", "https://[::]:8443"], &HERE),
            ["192.168.1.5", "2001:db8::5", "127.0.0.1", "::1"]
        );
    }

    #[test]
    fn loopback_stays_out_when_no_listener_is_there() {
        assert_eq!(choose(&["https://[::]:8443"], &HERE), ["192.168.1.5", "2001:db8::5"]);
        assert_eq!(choose(&["https://0.0.0.0:8443"], &HERE), ["192.168.1.5"]);
        assert_eq!(choose(&["https://192.168.1.5:1"], &HERE), ["192.168.1.5"]);
    }

    #[test]
    fn a_machine_with_loopback_only_announces_that() {
        assert_eq!(choose(&["https://[::]:8443"], &["127.0.0.1", "::1"]), ["127.0.0.1", "::1"]);
        assert_eq!(choose(&["https://[::]:8443"], &[]), ["127.0.0.1"]);
    }

    #[test]
    fn loopback_listeners_announce_the_lan_too() {
        assert_eq!(
            choose(&["http://127.0.0.1:1"], &["127.0.0.1", "10.0.0.2"]),
            ["10.0.0.2", "127.0.0.1"]
        );
    }

    #[test]
    fn what_the_operator_says_is_all_that_is_announced() {
        let chosen: Vec<IpAddr> = vec!["203.0.113.7".parse().expect("an address")];
        let found = announced(&chosen, &Listen::defaults(), &["10.0.0.1".parse().expect("one")]);
        assert_eq!(found, Announced { addresses: chosen, public: true });
    }

    #[test]
    fn only_private_addresses_are_not_public() {
        let public = |text: &str| is_public(text.parse().expect("an address"));
        assert!(!public("10.1.2.3") && !public("100.64.0.1") && !public("fd00::1"));
        assert!(public("198.51.100.1") && public("2001:db8::1") && public("100.128.0.1"));
    }
}
