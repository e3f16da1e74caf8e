//! The media servers apart, as their keeper knows them: what came in by each,
//! what each has to close, and which conversation is sent to which.
//!
//! An order to close a connection stands until the media server has reported
//! its end: when it opens its stream again, it is given again what it may have
//! missed.

use parlour_base::RoomId;
use parlour_node::callctl::{Eviction as Evicted, EvictionReason};
use parlour_wire::callctl::ConnectionText;
use parlour_wire::callctl::pb::selfhost::video::v1::eviction::Reason;
use parlour_wire::callctl::pb::selfhost::video::v1::{ClientConnectedRequest, Eviction};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;
use tonic::Status;

/// Evictions that wait for one media server; when there are more, its stream
/// ends, and what it does not report again is over.
const EVICTIONS_MAX: usize = 4_096;

/// Media servers that are known at once.
const SERVERS_MAX: usize = 1_024;

/// Connections of one media server.
const CONNECTIONS_MAX: usize = 1 << 20;

/// Conversations whose media server is remembered; what is beyond is sent to
/// the one that has least to do at each join.
const PLACES_MAX: usize = 1 << 20;

/// The media servers that have asked.
#[derive(Debug, Default)]
pub(super) struct MediaServers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    servers: BTreeMap<String, Server>,
    /// Numbers the streams, so that the end of an old one says nothing.
    streams: u64,
    /// Where the call of a conversation is.
    places: HashMap<String, String>,
}

#[derive(Debug, Default)]
struct Server {
    /// The conference id by which each connection came in, and its room.
    connections: BTreeMap<String, (String, RoomId)>,
    /// What it was told to close and has not reported yet.
    closing: BTreeMap<String, Eviction>,
    evictions: Option<mpsc::Sender<Result<Eviction, Status>>>,
    /// The number of its newest stream.
    stream: u64,
    /// Where clients reach it, if it said so.
    address: Option<(String, u16)>,
}

/// A media server's stream of evictions.
pub(super) type Orders = mpsc::Receiver<Result<Eviction, Status>>;

fn lock(servers: &MediaServers) -> MutexGuard<'_, Known> {
    servers.0.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    fn is_there(&self) -> bool {
        self.evictions.as_ref().is_some_and(|to| !to.is_closed())
    }
}

impl MediaServers {
    /// Tells a media server to close a connection.
    pub(super) fn evict(&self, evicted: &Evicted) {
        let servers = &mut lock(self).servers;
        let Some(server) = servers.get_mut(&evicted.media_server) else { return };
        let Some((conference_id, _)) = server.connections.remove(&evicted.connection) else {
            return;
        };
        let reason = match evicted.reason {
            EvictionReason::Left => Reason::Left,
            EvictionReason::Replaced => Reason::Replaced,
            EvictionReason::Forced => Reason::Forced,
        };
        let connection_id = evicted.connection.clone();
        let eviction = Eviction { conference_id, connection_id, reason: reason.into() };
        let sent = server.evictions.as_ref().map(|to| to.try_send(Ok(eviction.clone())));
        server.closing.insert(evicted.connection.clone(), eviction);
        if sent.is_some_and(|sent| sent.is_err()) || server.closing.len() > EVICTIONS_MAX {
            server.evictions = None;
        }
    }

    /// Notes a connection that is about to ask.
    pub(super) fn note(
        &self,
        request: &ClientConnectedRequest,
        room: RoomId,
    ) -> Result<(), Status> {
        let servers = &mut lock(self).servers;
        let server = servers.get_mut(&request.media_server_id);
        let Some(server) = server else {
            return Err(Status::failed_precondition("open the stream of evictions first"));
        };
        if server.connections.len() >= CONNECTIONS_MAX {
            return Err(Status::resource_exhausted("too many media connections"));
        }
        let place = (request.conference_id.clone(), room);
        server.connections.insert(request.connection_id.clone(), place);
        Ok(())
    }

    /// A connection is over, as the media server says.
    pub(super) fn forget(&self, server: &str, connection: &str) {
        if let Some(known) = lock(self).servers.get_mut(server) {
            known.connections.remove(connection);
            known.closing.remove(connection);
        }
    }

    /// A media server begins, or goes on after a break; `None` if there are
    /// too many.
    pub(super) fn open(
        &self,
        server: &str,
        address: Option<(String, u16)>,
    ) -> Option<(u64, Orders)> {
        let mut known = lock(self);
        if known.servers.len() >= SERVERS_MAX && !known.servers.contains_key(server) {
            return None;
        }
        known.streams += 1;
        let stream = known.streams;
        let entry = known.servers.entry(server.to_owned()).or_default();
        let (sender, receiver) = mpsc::channel(EVICTIONS_MAX);
        for missed in entry.closing.values() {
            // There is room: no more are kept than a stream takes, save one.
            drop(sender.try_send(Ok(missed.clone())));
        }
        entry.evictions = Some(sender);
        entry.stream = stream;
        entry.address = address;
        Some((stream, receiver))
    }

    /// What is lost if the media server has opened no other stream since.
    pub(super) fn lost(&self, server: &str, stream: u64) -> Vec<(String, RoomId)> {
        let known = &mut *lock(self);
        if known.servers.get(server).is_none_or(|known| known.stream != stream) {
            return Vec::new();
        }
        let lost = known.servers.remove(server).unwrap_or_default();
        known.places.retain(|_, place| place != server);
        lost.connections.into_iter().map(|(connection, (_, room))| (connection, room)).collect()
    }

    /// Where the call of a conversation is to be held: where it is already, or
    /// at the media server that has least to do; `None` if no media server has
    /// said where it is.
    pub(super) fn place(&self, convo: &str) -> Option<(String, u16)> {
        let known = &mut *lock(self);
        let there = |server: &Server| server.address.clone().filter(|_| server.is_there());
        let kept = known.places.get(convo).and_then(|name| known.servers.get(name));
        if let Some(address) = kept.and_then(there) {
            return Some(address);
        }
        let open = known.servers.iter().filter(|(_, server)| there(server).is_some());
        let (name, server) = open.min_by_key(|(_, server)| server.connections.len())?;
        let address = there(server)?;
        if known.places.len() < PLACES_MAX {
            known.places.insert(convo.to_owned(), name.clone());
        }
        Some(address)
    }

    /// The call of a conversation is over.
    pub(super) fn leave_place(&self, convo: &str) {
        lock(self).places.remove(convo);
    }

    /// Ends all streams.
    pub(super) fn close(&self) {
        for server in lock(self).servers.values_mut() {
            server.evictions = None;
        }
    }
}

/// Host and port, as a media server says where it is; no old client could take
/// another form apart.
pub(super) fn address(text: &str) -> Option<(String, u16)> {
    let line = ConnectionText::parse(&format!("{text}/a.b.c"))?;
    Some((line.host, line.port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(server: &str, connection: &str) -> ClientConnectedRequest {
        ClientConnectedRequest {
            conference_id: "kik.b.c".to_owned(),
            media_server_id: server.to_owned(),
            connection_id: connection.to_owned(),
            ..ClientConnectedRequest::default()
        }
    }

    fn evicted(connection: &str, room: RoomId) -> Evicted {
        Evicted {
            media_server: "m1".to_owned(),
            connection: connection.to_owned(),
            room,
            incarnation: 1,
            reason: EvictionReason::Left,
        }
    }

    #[test]
    fn what_a_media_server_missed_it_is_told_again_until_it_reports_the_end() {
        let (servers, room) = (MediaServers::default(), RoomId::new(7).expect("not reserved"));
        let (_, first) = servers.open("m1", None).expect("a place");
        servers.note(&request("m1", "1"), room).expect("known");
        drop(first);
        servers.evict(&evicted("1", room));
        let (_, mut second) = servers.open("m1", None).expect("a place");
        let order = second.try_recv().expect("an order").expect("no fault");
        assert_eq!(order.connection_id, "1");
        let (_, mut third) = servers.open("m1", None).expect("a place");
        assert!(third.try_recv().is_ok(), "nobody has said that it was heard");
        servers.forget("m1", "1");
        let (_, mut fourth) = servers.open("m1", None).expect("a place");
        assert!(fourth.try_recv().is_err());
    }

    #[test]
    fn a_call_stays_at_its_media_server_for_as_long_as_that_is_there() {
        let servers = MediaServers::default();
        assert_eq!(servers.place("a"), None);
        let at = |port| Some(("media.example".to_owned(), port));
        let (_, one) = servers.open("m1", at(1)).expect("a place");
        assert_eq!(servers.place("a"), at(1));
        let (_, _other) = servers.open("m2", at(2)).expect("a place");
        let room = RoomId::new(7).expect("not reserved");
        servers.note(&request("m1", "1"), room).expect("known");
        assert_eq!((servers.place("a"), servers.place("b")), (at(1), at(2)));
        drop(one);
        assert_eq!(servers.place("a"), at(2));
        servers.leave_place("a");
        servers.close();
        assert_eq!(servers.place("a"), None);
    }

    #[test]
    fn an_address_is_a_name_or_an_ipv4_address_with_a_port() {
        assert_eq!(address("media.example:8443"), Some(("media.example".to_owned(), 8_443)));
        for bad in ["media.example", "[::1]:8443", "media.example:0", ":1", "a:99999", ""] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }
}
