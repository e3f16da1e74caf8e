//! Who asks, and under which name: the client's address, the scheme and the
//! host of a request, from the connection or from a listed proxy.

use crate::config::network::Network;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use std::net::{IpAddr, SocketAddr};

/// What a connection says about all its requests.
#[derive(Debug, Clone, Copy)]
pub struct Connection {
    /// Its other end.
    pub remote: SocketAddr,
    /// Whether it is TLS.
    pub tls: bool,
    /// Whether there are too many already, so that it only gets a refusal.
    pub refused: bool,
    /// Whether its other end has shown the certificate of a trusted bridge.
    pub bridge: bool,
}

/// Where a request came from and went to.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The client.
    pub(super) remote: SocketAddr,
    /// Whether a listed proxy says so.
    pub(super) forwarded: bool,
    /// Whether the client speaks TLS.
    pub(super) tls: bool,
    /// Host and port as the client wrote them.
    pub(super) host: String,
}

impl Asked {
    /// Reads the head of a request. Headers of a proxy count only if the
    /// connection comes from a listed one, and of a chain the last unlisted.
    pub(super) fn read(parts: &Parts, connection: Connection, proxies: &[Network]) -> Self {
        let direct = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = direct.or_else(|| parts.uri.authority().map(|host| host.as_str()));
        let host = host.unwrap_or_default().to_owned();
        let Connection { remote, tls, .. } = connection;
        let asked = Self { remote, forwarded: false, tls, host };
        if is_listed(proxies, connection.remote.ip()) {
            asked.through_proxy(&parts.headers, proxies)
        } else {
            asked
        }
    }

    fn through_proxy(mut self, headers: &HeaderMap, proxies: &[Network]) -> Self {
        let client = values(headers, "x-forwarded-for")
            .rev()
            .map_while(|text| text.parse::<IpAddr>().ok())
            .find(|ip| !is_listed(proxies, *ip));
        if let Some(ip) = client {
            self.remote = SocketAddr::new(ip, 0);
            self.forwarded = true;
        }
        // The nearest proxy writes last.
        if let Some(scheme) = values(headers, "x-forwarded-proto").next_back() {
            self.tls = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("wss");
        }
        if let Some(host) = values(headers, "x-forwarded-host").next_back() {
            host.clone_into(&mut self.host);
        }
        let port = values(headers, "x-forwarded-port").next_back();
        if let Some(port) = port.and_then(|port| port.parse::<u16>().ok()) {
            self.set_port(port);
        }
        self
    }

    /// Takes a port that stands apart from the host. One beside the host is what
    /// the client wrote, and stays; the usual one is never written.
    fn set_port(&mut self, port: u16) {
        let usual = if self.tls { 443 } else { 80 };
        if port != usual && split_port(&self.host).1.is_none() {
            self.host.push_str(&format!(":{port}"));
        }
    }
}

/// A host, and the port written beside it.
pub(super) fn split_port(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':') {
        // An IPv6 address has colons of its own, inside brackets.
        Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
        _ => (host, None),
    }
}

/// Whether an address is a listed proxy.
pub(super) fn is_listed(proxies: &[Network], ip: IpAddr) -> bool {
    proxies.iter().any(|network| network.contains(ip))
}

/// The elements of a list header, in order.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl DoubleEndedIterator<Item = &'a str> {
    let all = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let parts = all.flat_map(|value| value.split(',')).map(str::trim);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn asked(from: &str, headers: &[(&str, &str)]) -> (String, bool, String) {
        let mut request = Request::builder().uri("/").header("host", "inner:1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let remote = SocketAddr::new(from.parse().expect("an address"), 9);
        let proxies = ["10.0.0.0/8".parse().expect("a network")];
        let connection = Connection { remote, tls: false, refused: false, bridge: false };
        let it = Asked::read(&parts, connection, &proxies);
        (it.remote.ip().to_string(), it.tls, it.host)
    }

    const FORWARDED: [(&str, &str); 3] = [
        ("x-forwarded-for", "192.0.2.9, 203.0.113.5, 10.1.1.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "outer"),
    ];

    #[test]
    fn a_listed_proxy_is_believed_up_to_the_last_unlisted_address() {
        assert_eq!(asked("10.2.3.4", &FORWARDED), ("203.0.113.5".into(), true, "outer".into()));
    }

    #[test]
    fn a_port_apart_from_the_host_counts_unless_it_is_the_usual_one_or_there_is_one() {
        for (proto, host, port, expected) in [
            ("https", "outer", "8443", "outer:8443"),
            ("https", "outer", "443", "outer"),
            ("http", "outer", "443", "outer:443"),
            ("https", "outer:9000", "8443", "outer:9000"),
            ("https", "[2001:db8::1]", "8443", "[2001:db8::1]:8443"),
            ("https", "outer", "rubbish", "outer"),
        ] {
            let headers = [
                ("x-forwarded-proto", proto),
                ("x-forwarded-host", host),
                ("x-forwarded-port", port),
            ];
            assert_eq!(asked("10.2.3.4", &headers).2, expected);
        }
    }

    #[test]
    fn anybody_else_is_not_believed() {
        assert_eq!(asked("192.0.2.1", &FORWARDED), ("192.0.2.1".into(), false, "inner:1".into()));
    }

    #[test]
    fn rubbish_from_a_proxy_leaves_the_connection_as_it_is() {
        let rubbish = [("x-forwarded-for", "203.0.113.5, unknown")];
        assert_eq!(asked("10.2.3.4", &rubbish), ("10.2.3.4".into(), false, "inner:1".into()));
    }
}
