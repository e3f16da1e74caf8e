//! The accept loops: TCP, TLS, then HTTP on each connection.
//!
//! A loop ends only on shutdown; an error of the system makes it pause.
//! A connection must show its first request within the head limit, TLS
//! handshake included.

use super::asked::Connection;
use super::gate::Place;
use super::linger::{Lingering, Unread, Watched};
use super::{Site, answer};
use crate::config::Listen;
use crate::tls::Certificates;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// Connections that may wait in the kernel to be accepted.
const BACKLOG: u32 = 1_024;

/// How long to wait after the system failed to accept, for example because
/// there are no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a peer may leave data unacknowledged, or its window closed, before
/// the system ends the connection.
const STALLED_MAX: Duration = Duration::from_secs(60);

/// Most header fields of a request.
const HEADERS_MAX: usize = 100;

/// A bound listener.
#[derive(Debug)]
pub struct Listening {
    /// The listener as configured.
    pub listen: Listen,
    /// Where it is bound.
    pub address: SocketAddr,
    socket: TcpListener,
}

/// Binds the sockets of one configured listener. A host with several addresses
/// needs one of them.
///
/// # Errors
/// The last error, if none could be bound.
pub fn bind(listen: &Listen) -> io::Result<Vec<Listening>> {
    let mut bound: Vec<Listening> = Vec::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for mut address in listen.resolve()? {
        // Both loopback addresses get the same port, also a chosen one.
        if let (0, Some(first)) = (address.port(), bound.first()) {
            address.set_port(first.address.port());
        }
        match bind_one(address).or_else(|error| without_v6(address, error)) {
            Ok(socket) => {
                let address = socket.local_addr()?;
                bound.push(Listening { listen: listen.clone(), address, socket });
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(error) => failure = error,
        }
    }
    if bound.is_empty() { Err(failure) } else { Ok(bound) }
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if address.ip().is_unspecified() && address.is_ipv6() {
        socket2::SockRef::from(&socket).set_only_v6(false)?;
    }
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// On a machine without IPv6, `[::]` means every IPv4 address.
fn without_v6(address: SocketAddr, error: io::Error) -> io::Result<TcpListener> {
    if address.is_ipv6()
        && address.ip().is_unspecified()
        && error.kind() != io::ErrorKind::AddrInUse
    {
        return bind_one(SocketAddr::from(([0, 0, 0, 0], address.port())));
    }
    Err(error)
}

/// Accepts connections until `stop` becomes true.
pub async fn serve(
    site: Arc<Site>,
    listening: Listening,
    certificates: Option<Arc<Certificates>>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        // Nothing is lost when either branch is dropped: accept is safe to
        // cancel, and the flag stays set.
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            accepted = listening.socket.accept() => accepted,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                site.counters.accept_errors.inc();
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        let Some(place) = site.gate.enter(remote.ip()) else { continue };
        site.counters.connections.inc();
        let tls = listening.listen.tls;
        let connection = Connection { remote, tls, refused: place.refused, bridge: false };
        let serving = Serving {
            connection,
            place: Arc::new(place),
            stop: stop.clone(),
            site: Arc::clone(&site),
        };
        let certificates = certificates.clone().filter(|_| tls);
        site.tasks.spawn(async move { serving.run(stream, certificates).await });
    }
}

/// Small packets leave at once; a peer that takes nothing is given up.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(STALLED_MAX))?;
    Ok(())
}

/// Keeps a place as long as the connection lives, also after an upgrade.
struct Serving {
    connection: Connection,
    place: Arc<Place>,
    stop: watch::Receiver<bool>,
    site: Arc<Site>,
}

impl Serving {
    async fn run(mut self, stream: TcpStream, certificates: Option<Arc<Certificates>>) {
        if let Err(error) = tune(&stream) {
            tracing::debug!(%error, "a socket keeps the system's settings");
        }
        let Some(certificates) = certificates else {
            return self.http(stream).await;
        };
        let limit = self.site.config.http.head_timeout.0;
        let acceptor = tokio_rustls::TlsAcceptor::from(certificates.current());
        match timeout(limit, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                // One that is not a bridge's has ended the handshake.
                self.connection.bridge = stream.get_ref().1.peer_certificates().is_some();
                self.http(stream).await;
            }
            _ => drop(self.site.counters.tls_failures.inc()),
        }
    }

    async fn http(mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let http = &self.site.config.http;
        let limit = http.head_timeout.0;
        let head_max = http.head_bytes_max.bytes();
        let callctl = &self.site.config.callctl;
        let resets_max = usize::try_from(callctl.resets_max).unwrap_or(usize::MAX);
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limit)
            // Who has said all it wants to say still wants to hear.
            .half_close(true)
            .max_buf_size(head_max)
            .max_headers(HEADERS_MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(head_max).unwrap_or(u32::MAX))
            .max_concurrent_streams(callctl.streams_per_connection)
            .max_pending_accept_reset_streams(resets_max)
            .max_local_error_reset_streams(resets_max)
            .max_send_buf_size(callctl.stream_buffer.bytes())
            .keep_alive_interval(callctl.ping.0)
            .keep_alive_timeout(callctl.ping.0);
        let asked = Arc::new(AtomicBool::new(false));
        let (site, connection) = (Arc::clone(&self.site), self.connection);
        let unread = Unread::default();
        let stream = Lingering::new(
            stream,
            unread.clone(),
            http.linger.0,
            self.site.counters.connections_lingered.clone(),
        );
        let (seen, place) = (Arc::clone(&asked), Arc::clone(&self.place));
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            seen.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(connection);
            // An upgraded connection takes its place along.
            request.extensions_mut().insert(Arc::clone(&place));
            let request = request.map(|body| Body::new(Watched::new(body, unread.clone())));
            // A connection that waits is not to be as large as an answer on its way.
            let answer = Box::pin(answer(Arc::clone(&site), connection, request));
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        tokio::pin!(serving);
        let first = tokio::time::sleep(limit);
        tokio::pin!(first);
        let (mut waiting, mut stopping) = (true, false);
        loop {
            // Dropping the branches that did not come first loses nothing:
            // they are timers, a flag, and a connection that stays pinned.
            tokio::select! {
                // How it ended concerns the client only.
                _ = &mut serving => return,
                () = &mut first, if waiting => {
                    if !asked.load(Ordering::Relaxed) {
                        return;
                    }
                    waiting = false;
                }
                _ = self.stop.wait_for(|stop| *stop), if !stopping => {
                    stopping = true;
                    serving.as_mut().graceful_shutdown();
                }
            }
        }
    }
}
