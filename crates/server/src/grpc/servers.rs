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

/// How much is known of media servers.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServersLimits {
    /// Media servers at once.
    pub servers: usize,
    /// Connections of one media server.
    pub connections: usize,
    /// Connections that one has to close; when there are more, its stream ends.
    pub evictions: usize,
    /// Conversations whose media server is remembered.
    pub places: usize,
}

/// The media servers that have asked.
#[derive(Debug)]
pub(super) struct MediaServers {
    known: Mutex<Known>,
    limits: ServersLimits,
}

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
    /// The number of the stream by which it became known: another one if it was
    /// given up in between.
    since: u64,
    /// Where clients reach it, if it said so.
    address: Option<(String, u16)>,
}

/// A stream of evictions that a media server has opened.
#[derive(Debug)]
pub(super) struct Open {
    /// Its number.
    pub stream: u64,
    /// Since which stream the media server has not been given up.
    pub since: u64,
    /// What is to be closed.
    pub orders: Orders,
}

/// A media server's stream of evictions.
pub(super) type Orders = mpsc::Receiver<Result<Eviction, Status>>;

fn lock(servers: &MediaServers) -> MutexGuard<'_, Known> {
    servers.known.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    fn is_there(&self) -> bool {
        self.evictions.as_ref().is_some_and(|to| !to.is_closed())
    }
}

impl MediaServers {
    pub(super) fn new(limits: ServersLimits) -> Self {
        Self { known: Mutex::default(), limits }
    }

    /// Tells a media server to close a connection; false if its stream had to
    /// end because too much waits.
    pub(super) fn evict(&self, evicted: &Evicted) -> bool {
        let servers = &mut lock(self).servers;
        let Some(server) = servers.get_mut(&evicted.media_server) else { return true };
        let Some((conference_id, _)) = server.connections.remove(&evicted.connection) else {
            return true;
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
        let is_full = server.closing.len() > self.limits.evictions
            || sent.is_some_and(|sent| matches!(sent, Err(mpsc::error::TrySendError::Full(_))));
        if is_full {
            server.evictions = None;
        }
        !is_full
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
        if server.connections.len() >= self.limits.connections {
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
    pub(super) fn open(&self, server: &str, address: Option<(String, u16)>) -> Option<Open> {
        let mut known = lock(self);
        if known.servers.len() >= self.limits.servers && !known.servers.contains_key(server) {
            return None;
        }
        known.streams += 1;
        let stream = known.streams;
        let entry = known.servers.entry(server.to_owned());
        let entry = entry.or_insert_with(|| Server { since: stream, ..Server::default() });
        // What it has missed finds room, however much that is.
        let room = self.limits.evictions.max(entry.closing.len()).max(1);
        let (sender, receiver) = mpsc::channel(room);
        for missed in entry.closing.values() {
            drop(sender.try_send(Ok(missed.clone())));
        }
        entry.evictions = Some(sender);
        entry.stream = stream;
        entry.address = address;
        Some(Open { stream, since: entry.since, orders: receiver })
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
        if known.places.len() < self.limits.places {
            known.places.insert(convo.to_owned(), name.clone());
        }
        Some(address)
    }

    /// The call of a conversation is over.
    pub(super) fn leave_place(&self, convo: &str) {
        lock(self).places.remove(convo);
    }

    /// How many media servers there are, the most connections and the most
    /// evictions of one of them, and how many conversations are placed; each
    /// with its limit.
    pub(super) fn fill(&self) -> [(usize, usize); 4] {
        let known = lock(self);
        let most = |of: fn(&Server) -> usize| known.servers.values().map(of).max().unwrap_or(0);
        [
            (known.servers.len(), self.limits.servers),
            (most(|server| server.connections.len()), self.limits.connections),
            (most(|server| server.closing.len()), self.limits.evictions),
            (known.places.len(), self.limits.places),
        ]
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

    fn known(evictions: usize) -> MediaServers {
        MediaServers::new(ServersLimits { servers: 2, connections: 3, evictions, places: 2 })
    }

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
        let (servers, room) = (known(9), RoomId::new(7).expect("not reserved"));
        let first = servers.open("m1", None).expect("a place");
        servers.note(&request("m1", "1"), room).expect("known");
        drop(first);
        servers.evict(&evicted("1", room));
        let mut second = servers.open("m1", None).expect("a place").orders;
        let order = second.try_recv().expect("an order").expect("no fault");
        assert_eq!(order.connection_id, "1");
        let mut third = servers.open("m1", None).expect("a place").orders;
        assert!(third.try_recv().is_ok(), "nobody has said that it was heard");
        servers.forget("m1", "1");
        let mut fourth = servers.open("m1", None).expect("a place");
        assert!(fourth.orders.try_recv().is_err());
        assert_eq!((fourth.since, fourth.stream), (1, 4));
        assert_eq!(servers.lost("m1", 4).len(), 0);
        let known_anew = servers.open("m1", None).expect("a place");
        assert_eq!(known_anew.since, 5, "it was given up");
    }

    #[test]
    fn a_call_stays_at_its_media_server_for_as_long_as_that_is_there() {
        let servers = known(9);
        assert_eq!(servers.place("a"), None);
        let at = |port| Some(("media.example".to_owned(), port));
        let one = servers.open("m1", at(1)).expect("a place");
        assert_eq!(servers.place("a"), at(1));
        let _other = servers.open("m2", at(2)).expect("a place");
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
    fn of_everything_there_is_only_so_much() {
        let (servers, room) = (known(1), RoomId::new(7).expect("not reserved"));
        let at = |port| Some(("media.example".to_owned(), port));
        let mut orders = servers.open("m1", at(1)).expect("a place").orders;
        let _other = servers.open("m2", None).expect("a place");
        assert!(servers.open("m3", None).is_none());
        for connection in ["1", "2", "3"] {
            servers.note(&request("m1", connection), room).expect("a place");
        }
        assert!(servers.note(&request("m1", "4"), room).is_err());
        assert!(["a", "b", "c"].iter().all(|convo| servers.place(convo) == at(1)));
        assert_eq!(servers.fill(), [(2, 2), (3, 3), (0, 1), (2, 2)]);
        // What it has not closed yet is told once more when it comes back.
        assert!(servers.evict(&evicted("1", room)));
        assert!(!servers.evict(&evicted("2", room)), "its stream ends");
        assert!(orders.try_recv().is_ok() && servers.place("a").is_none());
        let mut orders = servers.open("m1", at(1)).expect("a place").orders;
        assert!(orders.try_recv().is_ok() && orders.try_recv().is_ok());
        assert_eq!(servers.fill().map(|(used, _)| used), [2, 1, 2, 2]);
    }

    #[test]
    fn an_address_is_a_name_or_an_ipv4_address_with_a_port() {
        assert_eq!(address("media.example:8443"), Some(("media.example".to_owned(), 8_443)));
        for bad in ["media.example", "[::1]:8443", "media.example:0", ":1", "a:99999", ""] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }
}
