//! Which service answers a request, and until when.

use super::inner::Services;
use super::kik::Kik;
use super::media::Media;
use super::stream::{Stream, Until};
use super::stubs::internal::video::v1::internal_kik_video_server::InternalKikVideoServer;
use super::stubs::internal::video::v1::rounds_video_conference_server::RoundsVideoConferenceServer;
use super::stubs::mobile::video::v1::kik_video_server::KikVideoServer;
use super::stubs::selfhost::video::v1::convo_directory_server::ConvoDirectoryServer;
use super::stubs::selfhost::video::v1::convo_state_stream_server::ConvoStateStreamServer;
use super::stubs::selfhost::video::v1::media_plane_server::MediaPlaneServer;
use super::{Door, bridge};
use crate::config::callctl::Role;
use crate::http::Connection;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use parlour_wire::callctl::DESCRIPTORS;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tonic::Status;
use tonic::service::RoutesBuilder;
use tower::ServiceExt as _;

/// All services on one listener.
#[derive(Debug, Clone)]
pub struct Routes {
    door: Arc<Door>,
    services: axum::Router,
    kik: Option<KikVideoServer<Kik>>,
    health: tonic_health::server::HealthReporter,
}

impl Routes {
    /// The services of the door's role.
    ///
    /// # Errors
    /// If reflection cannot read the definitions.
    pub fn new(door: Arc<Door>) -> Result<Self, tonic_reflection::server::Error> {
        let (health, health_service) = tonic_health::server::health_reporter();
        let mut all = RoutesBuilder::default();
        all.add_service(health_service);
        let role = door.config.role;
        // What is longer is refused before it is looked at.
        let read_max = door.config.read_bytes_max.bytes();
        let mut served = None;
        if matches!(role, Role::All | Role::Kik) {
            let (kik, stream) = (Kik(Arc::clone(&door)), Stream(Arc::clone(&door)));
            let kik = KikVideoServer::new(kik).max_decoding_message_size(read_max);
            all.add_service(kik.clone());
            served = Some(kik);
            all.add_service(
                ConvoStateStreamServer::new(stream).max_decoding_message_size(read_max),
            );
            let inner = Services(Arc::clone(&door));
            all.add_service(
                InternalKikVideoServer::new(inner.clone()).max_decoding_message_size(read_max),
            );
            all.add_service(ConvoDirectoryServer::new(inner).max_decoding_message_size(read_max));
        }
        if matches!(role, Role::All | Role::Vcs) {
            let inner = Services(Arc::clone(&door));
            all.add_service(
                RoundsVideoConferenceServer::new(inner).max_decoding_message_size(read_max),
            );
            let media = MediaPlaneServer::new(Media(Arc::clone(&door)));
            all.add_service(media.max_decoding_message_size(read_max));
        }
        if door.config.reflection {
            let describe = || {
                tonic_reflection::server::Builder::configure()
                    .register_encoded_file_descriptor_set(DESCRIPTORS)
                    .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            };
            all.add_service(describe().build_v1()?);
            all.add_service(describe().build_v1alpha()?);
        }
        let services = all.routes().prepare().into_axum_router();
        Ok(Self { door, services, kik: served, health })
    }

    /// Says to whoever asks for health that everything is served.
    pub async fn serving(&self) {
        let serving = tonic_health::ServingStatus::Serving;
        for service in services(self.door.config.role) {
            self.health.set_service_status(*service, serving).await;
        }
    }

    /// Says that the server stops, and ends what is open.
    pub async fn stop(&self) {
        for service in services(self.door.config.role) {
            let not = tonic_health::ServingStatus::NotServing;
            self.health.set_service_status(*service, not).await;
        }
        self.door.close();
    }

    /// How full the door's limits are, in the order of [`LIMITS`](super::LIMITS).
    #[must_use]
    pub fn fill(&self) -> [(u64, u64); super::LIMITS.len()] {
        self.door.fill()
    }

    /// Whether a request is for this door.
    #[must_use]
    pub fn is_for(&self, request: &Request<Body>) -> bool {
        let kind = request.headers().get("content-type").map(|kind| kind.as_bytes());
        kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
            || self.is_bridge(request.uri().path())
    }

    /// Longest request of a bridge by plain HTTP, in bytes.
    pub(super) fn bridge_bytes_max(&self) -> usize {
        self.door.config.bridge_bytes_max.bytes()
    }

    fn is_bridge(&self, path: &str) -> bool {
        let configured = &self.door.config.bridge_path;
        !configured.is_empty() && path == configured
    }

    /// Answers a request.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        if self.is_bridge(request.uri().path()) {
            return bridge::answer(self, request).await;
        }
        self.call(request).await
    }

    /// A gRPC call, which ends at its deadline at the latest.
    pub(super) async fn call(&self, mut request: Request<Body>) -> Response<Body> {
        self.door.counters.grpc_calls.inc();
        let asked = match asked_for(request.headers()) {
            Ok(asked) => asked,
            Err(status) => return status.into_http(),
        };
        if let Err(status) = self.knock(&request) {
            self.door.counters.grpc_unauthenticated.inc();
            return status.into_http();
        }
        let now = Instant::now();
        let longest = self.door.config.call_timeout.0;
        if let Some(until) = asked.and_then(|asked| now.checked_add(asked)) {
            request.extensions_mut().insert(Until(until));
        }
        let wait = asked.map_or(longest, |asked| asked.min(longest));
        if wait.is_zero() {
            return Status::deadline_exceeded("the deadline has passed").into_http();
        }
        match timeout_at(now + wait, self.service(request)).await {
            Ok(response) => response,
            Err(_) if asked.is_some_and(|asked| asked <= longest) => {
                Status::deadline_exceeded("the deadline has passed").into_http()
            }
            Err(_) => {
                self.door.counters.grpc_too_long.inc();
                Status::unavailable("it takes too long").into_http()
            }
        }
    }
}

impl Routes {
    /// Who plainly may not call is refused before the message is read.
    fn knock(&self, request: &Request<Body>) -> Result<(), Status> {
        let path = request.uri().path();
        let called = path.strip_prefix('/').and_then(|path| path.split_once('/'));
        let service = called.map_or("", |(service, _)| service);
        let inner = INNER.contains(&service);
        if !inner && !CLIENTS.contains(&service) {
            return Ok(());
        }
        let connection = request.extensions().get::<Connection>();
        let bridge = connection.is_some_and(|connection| connection.bridge);
        self.door.credentials.knock(request.headers(), bridge, inner)
    }

    /// What clients call most takes the short way.
    async fn service(&self, request: Request<Body>) -> Response<Body> {
        let mut kik = match &self.kik {
            Some(kik) if request.uri().path().starts_with(KIK) => kik.clone(),
            _ => {
                return match self.services.clone().oneshot(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                };
            }
        };
        match tower::Service::call(&mut kik, request).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        }
    }
}

/// What the paths of the service for clients begin with.
const KIK: &str = "/mobile.video.v1.KikVideo/";

/// Services that are closed to clients (REQ-81).
const INNER: &[&str] = &[
    "internal.video.v1.InternalKikVideo",
    "internal.video.v1.RoundsVideoConference",
    "selfhost.video.v1.ConvoDirectory",
    "selfhost.video.v1.MediaPlane",
];

/// Services for clients.
const CLIENTS: &[&str] = &["mobile.video.v1.KikVideo", "selfhost.video.v1.ConvoStateStream"];

/// The services of a role, whose health can be asked; the empty name is the
/// whole server.
fn services(role: Role) -> impl Iterator<Item = &'static &'static str> {
    const FRONT: &[&str] = &[
        "internal.video.v1.InternalKikVideo",
        "mobile.video.v1.KikVideo",
        "selfhost.video.v1.ConvoDirectory",
        "selfhost.video.v1.ConvoStateStream",
    ];
    const KEEPER: &[&str] =
        &["internal.video.v1.RoundsVideoConference", "selfhost.video.v1.MediaPlane"];
    let (front, keeper): (&[&str], &[&str]) = match role {
        Role::All => (FRONT, KEEPER),
        Role::Kik => (FRONT, &[]),
        Role::Vcs => (&[], KEEPER),
        Role::Media => (&[], &[]),
    };
    [""].iter().chain(front).chain(keeper)
}

/// How long the caller waits: `grpc-timeout`, up to eight digits and a unit.
fn asked_for(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    let wrong = || Status::invalid_argument("grpc-timeout is not a time");
    let text = value.to_str().map_err(|_| wrong())?;
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    let wait = match unit {
        "H" => Duration::from_secs(count.saturating_mul(3_600)),
        "M" => Duration::from_secs(count.saturating_mul(60)),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return Err(wrong()),
    };
    Ok(Some(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_as_grpc_writes_them() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().expect("a value"));
            asked_for(&headers).ok().flatten()
        };
        assert_eq!(read("1H"), Some(Duration::from_secs(3_600)));
        assert_eq!(read("99999999m"), Some(Duration::from_millis(99_999_999)));
        assert_eq!(read("5n"), Some(Duration::from_nanos(5)));
        for bad in ["", "S", "1", "1s", "-1S", "100000000S", "1 S", "1.5S"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert!(asked_for(&HeaderMap::new()).is_ok_and(|none| none.is_none()));
    }
}
