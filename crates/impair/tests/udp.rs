//! Datagrams through real sockets.

use parlour_base::Span;
use parlour_impair::edge::{Front, Proxy, Setting};
use parlour_impair::{Path, Profile, Share, Window};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

struct Stage {
    proxy: Proxy,
    server: UdpSocket,
    client: UdpSocket,
}

async fn stage(setting: Setting) -> Stage {
    let server = UdpSocket::bind(local()).await.expect("bound");
    let upstream = server.local_addr().expect("bound");
    let udp = Some(Front { listen: local(), upstream });
    let proxy = Proxy::start(&Setting { udp, ..setting }).expect("a proxy");
    let client = UdpSocket::bind(local()).await.expect("bound");
    client.connect(proxy.udp().expect("listening")).await.expect("connected");
    Stage { proxy, server, client }
}

async fn hear(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2_048];
    let received = timeout(PATIENCE, socket.recv_from(&mut buffer)).await.expect("in time");
    let (length, from) = received.expect("a datagram");
    (buffer[..length].to_vec(), from)
}

/// Waits until a figure of the statistics is as wanted.
async fn until(proxy: &Proxy, pointer: &str, wanted: u64) {
    let look = async {
        while proxy.stats().pointer(pointer).and_then(|value| value.as_u64()) != Some(wanted) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let seen = timeout(PATIENCE, look).await;
    assert!(seen.is_ok(), "{pointer} is not {wanted}: {}", proxy.stats());
}

fn losing_all() -> Profile {
    Profile::both_ways(&Path { loss: Share::ALL, ..Path::default() })
}

#[tokio::test]
async fn datagrams_pass_both_ways_and_are_counted() {
    let Stage { proxy, server, client } = stage(Setting::default()).await;
    for number in 0..50_u8 {
        client.send(&[number; 100]).await.expect("sent");
        let (bytes, from) = hear(&server).await;
        assert_eq!(bytes, [number; 100]);
        server.send_to(&[number], from).await.expect("sent");
        assert_eq!(hear(&client).await.0, [number]);
    }
    until(&proxy, "/udp/up/delivered", 50).await;
    until(&proxy, "/udp/down/delivered_bytes", 50).await;
    until(&proxy, "/udp/dropped", 0).await;
}

#[tokio::test]
async fn each_client_has_a_port_of_its_own_at_the_server() {
    let Stage { proxy, server, client } = stage(Setting::default()).await;
    let other = UdpSocket::bind(local()).await.expect("bound");
    other.connect(proxy.udp().expect("listening")).await.expect("connected");
    client.send(b"one").await.expect("sent");
    let (_, first) = hear(&server).await;
    other.send(b"two").await.expect("sent");
    let (_, second) = hear(&server).await;
    assert_ne!(first, second);
    server.send_to(b"to two", second).await.expect("sent");
    server.send_to(b"to one", first).await.expect("sent");
    assert_eq!(hear(&other).await.0, b"to two");
    assert_eq!(hear(&client).await.0, b"to one");
}

#[tokio::test]
async fn a_network_that_loses_everything_says_so_and_can_be_changed() {
    let Stage { proxy, server, client } =
        stage(Setting { profile: losing_all(), ..Setting::default() }).await;
    for _ in 0..20 {
        client.send(b"lost").await.expect("sent");
    }
    until(&proxy, "/udp/up/loss", 20).await;
    proxy.change(Profile::default());
    client.send(b"heard").await.expect("sent");
    // The order and the datagram race: whichever is first, one gets through.
    let heard = async {
        loop {
            match timeout(Duration::from_millis(50), hear(&server)).await {
                Ok((bytes, _)) => return bytes,
                Err(_) => client.send(b"heard").await.expect("sent"),
            };
        }
    };
    assert_eq!(timeout(PATIENCE, heard).await.expect("in time"), b"heard");
}

#[tokio::test]
async fn after_a_rebind_the_client_comes_from_another_port_and_the_old_one_is_deaf() {
    let Stage { proxy, server, client } = stage(Setting::default()).await;
    client.send(b"before").await.expect("sent");
    let (_, old) = hear(&server).await;
    proxy.rebind();
    until(&proxy, "/udp/rebinds", 1).await;
    client.send(b"after").await.expect("sent");
    let (bytes, new) = hear(&server).await;
    assert_eq!(bytes, b"after");
    assert_ne!(old, new);
    server.send_to(b"to the old", old).await.expect("sent");
    server.send_to(b"to the new", new).await.expect("sent");
    assert_eq!(hear(&client).await.0, b"to the new");
}

#[tokio::test]
async fn a_blackout_ends_by_itself() {
    let Stage { proxy, server, client } = stage(Setting::default()).await;
    client.send(b"a").await.expect("sent");
    hear(&server).await;
    proxy.black_out(Duration::from_millis(300));
    let mut sent = 0_u64;
    let heard = async {
        loop {
            client.send(b"b").await.expect("sent");
            sent += 1;
            if let Ok(heard) = timeout(Duration::from_millis(10), hear(&server)).await {
                let dark = proxy.stats()["udp"]["up"]["blackout"].as_u64().expect("a number");
                // The first may have been quicker than the order.
                if dark > 0 {
                    return (heard.0, dark);
                }
            }
        }
    };
    let (bytes, dark) = timeout(PATIENCE, heard).await.expect("it ends");
    assert_eq!(bytes, b"b");
    assert!(dark < sent);
}

#[tokio::test]
async fn a_scheduled_blackout_counts_from_the_profile_not_from_the_client() {
    let window = Window { at: Span::millis(0), lasting: Span::secs(3_600), every: None };
    let profile = Profile { blackouts: vec![window], ..Profile::default() };
    let Stage { proxy, client, .. } = stage(Setting { profile, ..Setting::default() }).await;
    client.send(b"a").await.expect("sent");
    until(&proxy, "/udp/up/blackout", 1).await;
}

#[tokio::test]
async fn clients_beyond_the_most_are_refused_and_counted() {
    let Stage { proxy, server, client } =
        stage(Setting { clients_max: 1, ..Setting::default() }).await;
    client.send(b"one").await.expect("sent");
    hear(&server).await;
    let other = UdpSocket::bind(local()).await.expect("bound");
    other.send_to(b"two", proxy.udp().expect("listening")).await.expect("sent");
    until(&proxy, "/udp/refused", 1).await;
}

#[tokio::test]
async fn a_silent_client_is_forgotten_and_its_counts_are_not() {
    let idle = Duration::from_millis(50);
    let Stage { proxy, server, client } = stage(Setting { idle, ..Setting::default() }).await;
    client.send(b"one").await.expect("sent");
    let (_, first) = hear(&server).await;
    until(&proxy, "/udp/clients", 0).await;
    until(&proxy, "/udp/up/delivered", 1).await;
    client.send(b"two").await.expect("sent");
    let (bytes, second) = hear(&server).await;
    assert_eq!(bytes, b"two");
    assert_ne!(first, second);
    until(&proxy, "/udp/clients_ever", 2).await;
}

#[tokio::test]
async fn broken_datagrams_arrive_with_one_bit_turned_over() {
    let path = Path { corrupt: Share::ALL, ..Path::default() };
    let profile = Profile { up: path, ..Profile::default() };
    let Stage { proxy, server, client } = stage(Setting { profile, ..Setting::default() }).await;
    client.send(&[0; 64]).await.expect("sent");
    let (bytes, _) = hear(&server).await;
    assert_eq!(bytes.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
    until(&proxy, "/udp/up/corrupted", 1).await;
}

#[tokio::test]
async fn the_proxy_shares_a_port_number_with_a_server_on_every_address() {
    let server = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None);
    let server = server.expect("a socket");
    server.set_reuse_port(true).expect("set");
    server.set_nonblocking(true).expect("set");
    server.bind(&SocketAddr::from(([0, 0, 0, 0], 0)).into()).expect("bound");
    let server = UdpSocket::from_std(server.into()).expect("a socket");
    let port = server.local_addr().expect("bound").port();
    let listen = SocketAddr::from(([127, 0, 0, 2], port));
    let upstream = SocketAddr::from(([127, 0, 0, 1], port));
    let udp = Some(Front { listen, upstream });
    let proxy = Proxy::start(&Setting { udp, share_port: true, ..Setting::default() });
    let proxy = proxy.expect("a proxy");
    let client = UdpSocket::bind(local()).await.expect("bound");
    client.send_to(b"through", listen).await.expect("sent");
    let (bytes, from) = hear(&server).await;
    assert_eq!(bytes, b"through");
    assert_ne!(from, client.local_addr().expect("bound"));
    until(&proxy, "/udp/up/delivered", 1).await;
}
