//! The web client's files: built into the program, or another tree.
//!
//! Owns entity tags, caching, conditional and range requests. A tree is opened
//! as a capability, so no path and no link leads out of it.
//!
//! Source: docs/protocols/galene.md §2.2, RFC 9110 §§13, 14.

use super::range::{self, Range};
use super::reply;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File};
use std::borrow::Cow;
use std::io::{self, Read as _, Seek as _};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of a file that are in memory at once while it is sent.
const CHUNK_BYTES: usize = 64 << 10;

/// Web files that may be read at once; further ones wait.
pub(super) const READS_MAX: usize = 64;

#[derive(rust_embed::RustEmbed)]
#[folder = "../../web"]
#[exclude = "test/*"]
#[exclude = "node_modules/*"]
#[exclude = "package*.json"]
#[exclude = "tsconfig.json"]
#[exclude = "*.md"]
#[exclude = ".*"]
struct Embedded;

/// Where the files are.
#[derive(Debug, Clone)]
pub enum Assets {
    /// In the program.
    BuiltIn,
    /// In this folder.
    Tree(PathBuf),
}

/// What is at a path.
pub(super) enum Found {
    /// A file.
    File(Asset),
    /// A folder.
    Folder,
    /// Nothing.
    Nothing,
}

/// One file.
pub(super) struct Asset {
    content: Content,
    tag: String,
    modified: Option<SystemTime>,
    content_type: &'static str,
    pub(super) long_lived: bool,
}

enum Content {
    Memory(Bytes),
    File(File, u64),
}

impl Assets {
    /// Whether this is our own client.
    pub(super) const fn is_own(&self) -> bool {
        matches!(self, Self::BuiltIn)
    }

    /// The page of a group.
    pub(super) const fn group_page(&self) -> &'static str {
        match self {
            Self::BuiltIn => "room.html",
            Self::Tree(_) => "galene.html",
        }
    }

    /// Looks at a clean path without the leading slash. Components that begin
    /// with a dot do not exist. Blocks on the disk.
    pub(super) fn find(&self, path: &str) -> io::Result<Found> {
        let trimmed = path.trim_end_matches('/');
        if trimmed.split('/').any(|part| part.starts_with('.')) {
            return Ok(Found::Nothing);
        }
        match self {
            Self::BuiltIn => Ok(built_in(trimmed)),
            Self::Tree(folder) => in_tree(folder, trimmed),
        }
    }
}

fn built_in(path: &str) -> Found {
    if let Some(file) = Embedded::get(path) {
        let hash = file.metadata.sha256_hash();
        let short: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        let content = match file.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        return Found::File(Asset {
            tag: format!("\"{short}\""),
            modified: None,
            content_type: content_type(path),
            content: Content::Memory(content),
            long_lived: path.starts_with("third-party/"),
        });
    }
    let prefix = format!("{path}/");
    let folder = path.is_empty() || Embedded::iter().any(|name| name.starts_with(&prefix));
    if folder { Found::Folder } else { Found::Nothing }
}

fn in_tree(folder: &PathBuf, path: &str) -> io::Result<Found> {
    let dir = Dir::open_ambient_dir(folder, ambient_authority())?;
    if path.is_empty() {
        return Ok(Found::Folder);
    }
    let file = match dir.open(path) {
        Ok(file) => file,
        Err(error) => return absent(error),
    };
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Ok(Found::Folder);
    }
    if !metadata.is_file() {
        return Ok(Found::Nothing);
    }
    let modified = metadata.modified()?.into_std();
    let nanos = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Ok(Found::File(Asset {
        tag: format!("\"{}-{nanos}\"", metadata.len()),
        modified: Some(modified),
        content_type: content_type(path),
        content: Content::File(file, metadata.len()),
        long_lived: path.starts_with("third-party/"),
    }))
}

/// A path that leads nowhere, out of the tree, or through a file is nothing.
fn absent(error: io::Error) -> io::Result<Found> {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound, PermissionDenied};
    match error.kind() {
        NotFound | NotADirectory | InvalidFilename | PermissionDenied => Ok(Found::Nothing),
        _ => Err(error),
    }
}

impl Asset {
    /// The whole file under another status, such as the page for 404.
    pub(super) fn page(self, status: StatusCode) -> Response {
        let length = self.content.len();
        let mut response = reply::text(status, self.content_type, self.content.body(0, length));
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        response
    }

    /// The file as the request wants it.
    pub(super) fn serve(self, method: &Method, headers: &HeaderMap) -> Response {
        let length = self.content.len();
        if self.is_known(headers) {
            let mut response = reply::plain(StatusCode::NOT_MODIFIED, "");
            response.headers_mut().remove(header::CONTENT_TYPE);
            self.describe(&mut response);
            return response;
        }
        let range = self.range(method, headers, length);
        let (status, start, count) = match range {
            Range::Whole => (StatusCode::OK, 0, length),
            Range::Part(start, end) => (StatusCode::PARTIAL_CONTENT, start, end - start),
            Range::Beyond => {
                let mut response = reply::plain(StatusCode::RANGE_NOT_SATISFIABLE, "");
                insert(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
                return response;
            }
        };
        let mut response = reply::text(status, self.content_type, Body::empty());
        self.describe(&mut response);
        reply::set(&mut response, header::ACCEPT_RANGES, "bytes");
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(count));
        if status == StatusCode::PARTIAL_CONTENT {
            let range = format!("bytes {start}-{}/{length}", (start + count).saturating_sub(1));
            insert(&mut response, header::CONTENT_RANGE, &range);
        }
        if *method != Method::HEAD {
            *response.body_mut() = self.content.body(start, count);
        }
        response
    }

    fn describe(&self, response: &mut Response) {
        insert(response, header::ETAG, &self.tag);
        let cache = if self.long_lived { "max-age=86400" } else { "max-age=1800" };
        reply::set(response, header::CACHE_CONTROL, cache);
        if let Some(modified) = self.modified {
            insert(response, header::LAST_MODIFIED, &httpdate::fmt_http_date(modified));
        }
    }

    /// Whether the client has this state already (RFC 9110 §13.2.2, steps 3, 4).
    fn is_known(&self, headers: &HeaderMap) -> bool {
        if let Some(tags) = text_of(headers, &header::IF_NONE_MATCH) {
            let fits = |tag: &str| tag == "*" || tag.trim_start_matches("W/") == self.tag;
            return tags.split(',').map(str::trim).any(fits);
        }
        let since = text_of(headers, &header::IF_MODIFIED_SINCE);
        let since = since.and_then(|text| httpdate::parse_http_date(text).ok());
        matches!((self.modified, since), (Some(modified), Some(since)) if seconds(modified) <= seconds(since))
    }

    /// The one range asked for; several are answered with everything.
    fn range(&self, method: &Method, headers: &HeaderMap, length: u64) -> Range {
        let Some(text) = text_of(headers, &header::RANGE).filter(|_| *method == Method::GET) else {
            return Range::Whole;
        };
        // RFC 9110 §13.1.5: a range of another state is not wanted.
        if text_of(headers, &header::IF_RANGE).is_some_and(|tag| tag != self.tag) {
            return Range::Whole;
        }
        range::read(text, length)
    }
}

impl Content {
    const fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(_, length) => *length,
        }
    }

    fn body(self, start: u64, count: u64) -> Body {
        match self {
            Self::Memory(bytes) => {
                let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(bytes.len());
                Body::from(bytes.slice(at(start)..at(start.saturating_add(count))))
            }
            Self::File(file, _) => Body::from_stream(chunks(file, start, count)),
        }
    }
}

/// Reads a part of a file in pieces, on threads that may block.
fn chunks(
    file: File,
    start: u64,
    count: u64,
) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send {
    futures_util::stream::try_unfold((file, start, count), |(file, at, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || read_chunk(file, at, left));
        let (file, bytes) = read.await.map_err(io::Error::other)??;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let size = bytes.len() as u64;
        Ok(Some((bytes, (file, at.saturating_add(size), left.saturating_sub(size)))))
    })
}

fn read_chunk(mut file: File, at: u64, left: u64) -> io::Result<(File, Bytes)> {
    file.seek(io::SeekFrom::Start(at))?;
    let mut bytes = Vec::with_capacity(CHUNK_BYTES);
    (&mut file).take(left.min(CHUNK_BYTES as u64)).read_to_end(&mut bytes)?;
    Ok((file, bytes.into()))
}

fn text_of<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The media type of a file by its name; browsers are told not to guess.
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "wasm" => "application/wasm",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" => "audio/ogg",
        "wav" => "audio/wav",
        "webm" => "video/webm",
        "mp4" => "video/mp4",
        "txt" | "md" => "text/plain; charset=utf-8",
        "pdf" => "application/pdf",
        "tflite" => "application/octet-stream",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_components_and_ways_out_do_not_exist() {
        let dir = tempfile::tempdir().expect("a folder");
        let tree = dir.path().join("tree");
        std::fs::create_dir_all(tree.join("sub")).expect("made");
        std::fs::write(tree.join("sub/a.js"), "1").expect("written");
        std::fs::write(tree.join(".secret"), "1").expect("written");
        std::fs::write(dir.path().join("outside"), "1").expect("written");
        let assets = Assets::Tree(tree);
        let kind = |path| match assets.find(path).expect("readable") {
            Found::File(_) => "file",
            Found::Folder => "folder",
            Found::Nothing => "nothing",
        };
        assert_eq!(kind("sub/a.js"), "file");
        assert_eq!((kind(""), kind("sub/"), kind("sub")), ("folder", "folder", "folder"));
        for path in [".secret", "../outside", "sub/../../outside", "sub/a.js/b", "absent"] {
            assert_eq!(kind(path), "nothing", "{path}");
        }
    }
}
