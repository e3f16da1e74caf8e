//! The socket of the operator: a file in the data folder by which the program
//! on the command line asks the server that runs.
//!
//! It speaks the integration API without a key: whoever may open the file, which
//! is the user that runs the server and nobody else, may do everything.

use crate::http::api::Api;
use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::any;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

/// The socket's name in the data folder.
pub const SOCKET_FILE: &str = "parlour.sock";
/// Its name until it may be opened by its owner only.
const NEW_FILE: &str = "parlour.sock.new";

/// Connections at once; further ones are closed.
const CONNECTIONS_MAX: usize = 16;
/// Time for a request head, and for a connection to stay.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);
/// How long to wait after the system failed to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Longest answer that the command line reads, in bytes.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// A folder, by a path short enough for the name of a socket however long its
/// own is.
#[derive(Debug)]
struct Short {
    folder: fs::File,
    path: PathBuf,
}

impl Short {
    fn of(folder: &Path) -> io::Result<Self> {
        let folder = fs::File::open(folder)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
        Ok(Self { folder, path })
    }

    fn join(&self, name: &str) -> PathBuf {
        // The number is good as long as the folder is open.
        debug_assert!(self.folder.as_raw_fd() >= 0);
        self.path.join(name)
    }
}

/// Binds the socket in a data folder that this process holds.
///
/// # Errors
/// The system's.
pub fn bind(data: &Path) -> io::Result<UnixListener> {
    let short = Short::of(data)?;
    let (new, name) = (short.join(NEW_FILE), short.join(SOCKET_FILE));
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600))?;
    fs::rename(&new, &name)?;
    Ok(listener)
}

/// Answers until the process stops.
pub async fn serve(
    api: Arc<Api>,
    listener: UnixListener,
    tasks: TaskTracker,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let router = Router::new().fallback(any(move |request: Request<Body>| {
        let api = Arc::clone(&api);
        async move { api.answer(request, true).await }
    }));
    loop {
        // Accept is safe to cancel, and the flag stays set.
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (router, mut stop) = (router.clone(), stop.clone());
        tasks.spawn(async move {
            let _place = place;
            let service = TowerToHyperService::new(router);
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
            let serving = builder.serve_connection(TokioIo::new(stream), service);
            // Whoever is cut off asks again.
            tokio::select! {
                _ = serving => {}
                () = tokio::time::sleep(CONNECTION_TIMEOUT) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }
}

/// Asks the server that holds a data folder: status and body of its answer.
///
/// # Errors
/// If it cannot be reached or does not answer.
pub fn ask(data: &Path, method: &str, path: &str, body: Option<&str>) -> Result<(u16, String)> {
    let short = Short::of(data).context("cannot open the data folder")?;
    let mut stream = UnixStream::connect(short.join(SOCKET_FILE))
        .context("a server holds the data folder and cannot be asked")?;
    stream.set_read_timeout(Some(CONNECTION_TIMEOUT))?;
    let body = body.unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut text = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut text)?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        bail!("the server did not answer")
    };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.context("the server did not answer")?, body.to_owned()))
}
