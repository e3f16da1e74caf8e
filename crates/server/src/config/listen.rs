//! An address to listen on, as the command line and the file write it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// One TCP listener: scheme, host and port.
#[derive(Clone, PartialEq, Eq)]
pub struct Listen {
    /// HTTPS rather than plain HTTP.
    pub tls: bool,
    /// Host name or address, without brackets; empty never occurs.
    pub host: String,
    /// TCP port; 0 lets the system choose.
    pub port: u16,
}

/// Why a text names no listener.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// The scheme is neither of the two.
    #[error("expected http:// or https:// before the host")]
    Scheme,
    /// No port, or not a number below 65536.
    #[error("expected HOST:PORT such as \"[::]:8443\"")]
    Port,
    /// The host cannot be one.
    #[error("expected a host name or an address, IPv6 in brackets")]
    Host,
}

impl Listen {
    /// What `serve` listens on when told nothing.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        vec![
            Self { tls: false, host: "localhost".to_owned(), port: 8080 },
            Self { tls: true, host: "::".to_owned(), port: 8443 },
        ]
    }

    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// The socket addresses to bind. `localhost` means both loopback addresses.
    ///
    /// # Errors
    /// If the host name has no address.
    pub fn resolve(&self) -> std::io::Result<Vec<SocketAddr>> {
        if self.host.eq_ignore_ascii_case("localhost") {
            let both: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            return Ok(both.map(|ip| SocketAddr::new(ip, self.port)).to_vec());
        }
        let found = std::net::ToSocketAddrs::to_socket_addrs(&(self.host.as_str(), self.port))?;
        Ok(found.collect())
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some(false), rest),
            Some(("https", rest)) => (Some(true), rest),
            Some(_) => return Err(ListenError::Scheme),
            None => (None, text),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = rest.rsplit_once(':').ok_or(ListenError::Port)?;
        let port = port.parse().map_err(|_| ListenError::Port)?;
        let host = read_host(host)?;
        Ok(Self { tls: scheme.unwrap_or_else(|| !is_loopback(&host)), host, port })
    }
}

/// A host without its brackets; an empty one means every address.
fn read_host(host: &str) -> Result<String, ListenError> {
    if host.is_empty() || host == "*" {
        return Ok("::".to_owned());
    }
    if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let ip: Ipv6Addr = inner.parse().map_err(|_| ListenError::Host)?;
        return Ok(ip.to_string());
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.chars().all(fits) { Ok(host.to_owned()) } else { Err(ListenError::Host) }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        text.parse::<Listen>().map_or_else(|error| error.to_string(), |it| it.to_string())
    }

    #[test]
    fn a_bare_address_is_plain_on_loopback_and_https_elsewhere() {
        assert_eq!(read("localhost:8080"), "http://localhost:8080");
        assert_eq!(read("127.0.0.1:1"), "http://127.0.0.1:1");
        assert_eq!(read("[::1]:1"), "http://[::1]:1");
        assert_eq!(read("0.0.0.0:8443"), "https://0.0.0.0:8443");
        assert_eq!(read(":8443"), "https://[::]:8443");
        assert_eq!(read("parlour.example:443"), "https://parlour.example:443");
    }

    #[test]
    fn an_explicit_scheme_wins() {
        assert_eq!(read("http://0.0.0.0:80/"), "http://0.0.0.0:80");
        assert_eq!(read("https://localhost:1"), "https://localhost:1");
    }

    #[test]
    fn what_is_no_address_says_why() {
        assert!(read("ftp://x:1").contains("http://"));
        assert!(read("localhost").contains("HOST:PORT"));
        assert!(read("x:99999").contains("HOST:PORT"));
        assert!(read("::1:80").contains("brackets"));
        assert!(read("a/b:80").contains("host name"));
    }
}
