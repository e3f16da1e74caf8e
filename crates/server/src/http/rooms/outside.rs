//! The name of this server as the client of a request knows it: what Hawk
//! signs, and what addresses in answers are made of.

use crate::config::sections::Http;
use crate::http::Connection;
use crate::http::asked::{Asked, is_listed, split_port};
use axum::http::Uri;

/// Scheme, host and port.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outside {
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Outside {
    /// Those of the request, unless it came by a listed proxy and the
    /// configuration says them.
    pub(super) fn of(http: &Http, asked: &Asked, connection: Connection) -> Self {
        let by_proxy = is_listed(&http.proxies, connection.remote.ip());
        let said = http.public_url.parse::<Uri>().ok().filter(|_| by_proxy);
        said.and_then(|url| Self::said(&url)).unwrap_or_else(|| Self::asked(asked))
    }

    fn said(url: &Uri) -> Option<Self> {
        let secure = url.scheme_str() != Some("http");
        let port = url.port_u16().unwrap_or_else(|| usual(secure));
        Some(Self { secure, host: url.host()?.to_owned(), port })
    }

    fn asked(asked: &Asked) -> Self {
        let (host, port) = split_port(&asked.host);
        let port = port.unwrap_or_else(|| usual(asked.tls));
        Self { secure: asked.tls, host: host.to_owned(), port }
    }
}

const fn usual(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}
