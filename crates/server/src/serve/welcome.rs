//! What the operator is told at the start: where to go, and what is missing.

use super::machines::media_workers;
use crate::config::{Listen, Loaded};
use crate::http::Listening;
use crate::media::Announced;
use std::net::{IpAddr, SocketAddr};

/// Whether there is a room `lobby`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lobby {
    /// Made just now, open to everyone.
    New,
    /// From before, with whatever entry policy it has.
    Kept,
    /// There is none.
    None,
}

/// What the operator is told at the start.
pub(super) struct House<'a> {
    pub(super) listening: &'a [Listening],
    pub(super) announced: &'a Announced,
    pub(super) interfaces: &'a [IpAddr],
    pub(super) self_made: bool,
    pub(super) lobby: Lobby,
    pub(super) ops: Option<SocketAddr>,
}

impl House<'_> {
    /// Where to go.
    pub(super) fn welcome(&self) -> String {
        let mut addresses: Vec<String> = Vec::new();
        for it in self.listening {
            for url in urls(&it.listen, it.address, self.interfaces) {
                if !addresses.contains(&url) {
                    addresses.push(url);
                }
            }
        }
        let mut lines = vec![String::new(), "Parlour is ready. Open one of:".to_owned()];
        lines.extend(addresses.iter().map(|url| format!("  {url}")));
        if let Some(url) = addresses.first() {
            match self.lobby {
                Lobby::New => lines.push(format!(
                    "This store is new and has a room open to everyone: {url}group/lobby/ \
                     (--no-lobby removes it)"
                )),
                Lobby::Kept => lines.push(format!("The room `lobby`: {url}group/lobby/")),
                Lobby::None => {}
            }
        }
        if self.self_made {
            lines.push("The certificate is self-made: browsers warn once, then go on.".to_owned());
        }
        let media = self.announced.addresses.iter().map(ToString::to_string);
        lines.push(format!("Media addresses: {}", media.collect::<Vec<_>>().join(", ")));
        if let Some(address) = self.ops {
            lines.push(format!("Probes and metrics: http://{address}/metrics"));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

/// Says what will surprise the operator later.
pub(super) fn warn_of_gaps(loaded: &Loaded, announced: &Announced) {
    let config = &loaded.config;
    let outsiders = config.http.listen.iter().any(|listen| !listen.is_loopback());
    if outsiders && !announced.public {
        tracing::warn!(
            "only private addresses are announced for media, so calls work inside this network \
             only; set `media.announce` to the public address"
        );
    }
    for name in &loaded.strange_variables {
        tracing::warn!(%name, "this environment variable names no key of the configuration");
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        listeners = config.http.listen.len(),
        workers = media_workers(config.media.workers),
        "started"
    );
}

/// The addresses under which a listener can be opened.
fn urls(listen: &Listen, bound: SocketAddr, interfaces: &[IpAddr]) -> Vec<String> {
    let scheme = if listen.tls { "https" } else { "http" };
    let port = bound.port();
    if !bound.ip().is_unspecified() {
        let host = if listen.host.parse::<IpAddr>().is_ok() {
            SocketAddr::new(bound.ip(), port).to_string()
        } else {
            format!("{}:{port}", listen.host)
        };
        return vec![format!("{scheme}://{host}/")];
    }
    // IPv6 addresses of a network come and go, and nobody types them.
    let near = interfaces.iter().filter(|ip| ip.is_ipv4() && !ip.is_loopback());
    let mut urls: Vec<String> = near.map(|ip| format!("{scheme}://{ip}:{port}/")).collect();
    urls.push(format!("{scheme}://localhost:{port}/"));
    urls
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(listen: &str, bound: &str) -> Vec<String> {
        let near = ["127.0.0.1", "::1", "192.0.2.7", "2001:db8::7"];
        let near: Vec<IpAddr> = near.iter().map(|ip| ip.parse().expect("an address")).collect();
        urls(&listen.parse().expect("a listener"), bound.parse().expect("bound"), &near)
    }

    #[test]
    fn a_listener_on_every_address_is_shown_with_those_of_the_network() {
        assert_eq!(
            shown("https://[::]:8443", "[::]:8443"),
            ["https://192.0.2.7:8443/", "https://localhost:8443/"]
        );
    }

    #[test]
    fn other_listeners_are_shown_as_they_were_named() {
        assert_eq!(shown("localhost:0", "127.0.0.1:5"), ["http://localhost:5/"]);
        assert_eq!(shown("http://[::1]:5", "[::1]:5"), ["http://[::1]:5/"]);
    }
}
