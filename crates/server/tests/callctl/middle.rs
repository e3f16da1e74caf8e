//! Restarts in the middle of everything: whatever a client was told stays so,
//! and nothing goes back in time.

use crate::client::{Client, GROUP, Secrets, people, start};
use crate::parts::free_port;
use crate::support::{Server, Wish};
use parlour_wire::callctl::pb::common::video::v1::ConvoVideoState;
use parlour_wire::callctl::state;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// How often the server is killed.
const KILLS: usize = 4;

fn time(list: &ConvoVideoState) -> u64 {
    state::nanos(&list.timestamp.unwrap()).unwrap()
}

/// Every list that anybody was given, with its time: one time never names two
/// lists (REQ-21), and what one caller is told never goes back (REQ-24).
#[derive(Default)]
struct Told(Mutex<std::collections::BTreeMap<(String, u64), String>>);

impl Told {
    fn note(&self, key: &str, list: &ConvoVideoState) {
        let (at, is) = (time(list), format!("{:?}", people(list)));
        let mut all = self.0.lock().unwrap();
        let known = all.entry((key.to_owned(), at)).or_insert_with(|| is.clone());
        assert_eq!(*known, is, "two lists of {key} at {at}");
    }
}

/// Joins, leaves with what the last join gave, and asks, until told to stop.
async fn comes_and_goes(at: SocketAddr, name: &str, told: Arc<Told>, stop: Arc<AtomicBool>) -> u32 {
    let (mut last, mut tokens, mut count) = (0, Vec::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        let caller = Client::user(at, name);
        let Ok(joined) = caller.join(GROUP).await else { continue };
        let Some(list) = joined.latest_state else { continue };
        told.note(GROUP, &list);
        assert!(time(&list) >= last, "{name} is told of {} after {last}", time(&list));
        last = time(&list);
        let token = joined.connection_token.unwrap().payload;
        assert!(!tokens.contains(&token), "REQ-48: a token for the second time");
        // One of an earlier join, perhaps of an earlier start, removes nobody.
        if let Some(old) = tokens.last()
            && caller.leave(GROUP, Some(Vec::clone(old))).await.is_ok()
            && let Ok(mut lists) = caller.query(&[GROUP]).await
        {
            let list = lists.remove(0);
            told.note(GROUP, &list);
            assert!(time(&list) >= last);
            last = time(&list);
        }
        tokens.push(token.clone());
        if count % 2 == 0 {
            // Whether it was heard before the end does not matter here.
            drop(caller.leave(GROUP, Some(token)).await);
        }
        count += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn req_21_24_and_48_a_server_killed_again_and_again_never_goes_back_in_time() {
    let secrets = Secrets::new();
    let port = free_port();
    let listen = format!("http://127.0.0.1:{port}");
    let env = secrets.env();
    let env: Vec<(&str, &str)> = env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain([
            ("PARLOUR_CALLCTL_CALLS_PER_SECOND", "100000"),
            ("PARLOUR_CALLCTL_CALL_BURST", "100000"),
        ])
        .collect();
    let flags = ["--listen", listen.as_str()];
    let wish = || Wish { env: &env, flags: &flags, ..Wish::default() };
    let mut server = Server::with(wish());
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    let names = ["alice_a1b", "bob.b_z9z", "carol"];
    Client::operator(at).members(GROUP, &names).await.unwrap();
    let (told, stop) = (Arc::<Told>::default(), Arc::<AtomicBool>::default());
    let callers: Vec<_> = names
        .iter()
        .map(|name| tokio::spawn(comes_and_goes(at, name, Arc::clone(&told), Arc::clone(&stop))))
        .collect();
    for kill in 0..KILLS {
        // Each time somewhere else in the middle: after so many lists more.
        let before = told.0.lock().unwrap().len();
        while told.0.lock().unwrap().len() < before + 20 + 7 * kill {
            tokio::task::yield_now().await;
            assert!(!callers.iter().any(tokio::task::JoinHandle::is_finished), "a caller failed");
        }
        server = tokio::task::block_in_place(|| server.restart(&wish()));
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        assert!(caller.await.unwrap() > 0, "nobody was shut out");
    }
    let members = Client::user(at, "alice_a1b").join(GROUP).await.unwrap();
    assert_eq!(members.result, 0, "the group is still there");
    drop(server);
}

#[tokio::test]
async fn req_72_nothing_is_kept_for_those_who_are_away() {
    let secrets = Secrets::new();
    let server = start(&secrets, &[("PARLOUR_CALLCTL_HEARTBEAT", "50ms")]);
    Client::operator(server.http).members(GROUP, &["alice_a1b", "bob.b_z9z"]).await.unwrap();
    let [alice, bob] = ["alice_a1b", "bob.b_z9z"].map(|name| Client::user(server.http, name));
    let joined = alice.join(GROUP).await.unwrap();
    // He opens his stream only now: it says nothing of what was before.
    let mut his = bob.watch().await;
    for _ in 0..3 {
        use parlour_wire::callctl::pb::selfhost::video::v1::watch_event::Kind;
        assert!(matches!(his.next().await, Kind::Heartbeat(_)));
    }
    assert_eq!(people(&bob.query(&[GROUP]).await.unwrap()[0]).len(), 1, "he asks");
    alice.leave(GROUP, joined.connection_token.map(|token| token.payload)).await.unwrap();
    assert_eq!(his.change().await, []);
}
