//! Streams through real sockets.

use parlour_base::{ByteSize, Span};
use parlour_impair::edge::{Front, Proxy, Setting};
use parlour_impair::{Course, Profile, Tcp};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("in time")
}

/// A proxy and a connection through it: the client's end and the server's.
async fn connected(tcp: Tcp) -> (Proxy, TcpStream, TcpStream) {
    let listener = TcpListener::bind(local()).await.expect("bound");
    let upstream = listener.local_addr().expect("bound");
    let profile = Profile { tcp, ..Profile::default() };
    let front = Some(Front { listen: local(), upstream });
    let proxy = Proxy::start(&Setting { tcp: front, profile, ..Setting::default() });
    let proxy = proxy.expect("a proxy");
    let client = TcpStream::connect(proxy.tcp().expect("listening")).await.expect("connected");
    let (server, _) = in_time(listener.accept()).await.expect("accepted");
    (proxy, client, server)
}

fn both(course: Course) -> Tcp {
    Tcp { up: course.clone(), down: course }
}

#[tokio::test]
async fn a_stream_in_pieces_of_one_byte_is_the_same_stream() {
    let course = Course { piece_max: 1, ..Course::default() };
    let (proxy, mut client, mut server) = connected(both(course)).await;
    let sent: Vec<u8> = (0..20_000_u32).map(|at| at.to_be_bytes()[3]).collect();
    let writing = async {
        client.write_all(&sent).await.expect("written");
        client.shutdown().await.expect("ended");
    };
    let mut received = Vec::new();
    let reading = async { server.read_to_end(&mut received).await.expect("read") };
    in_time(async { tokio::join!(writing, reading) }).await;
    assert_eq!(received, sent);
    server.write_all(b"answer").await.expect("the other direction is still open");
    drop(server);
    let mut answer = Vec::new();
    in_time(client.read_to_end(&mut answer)).await.expect("read");
    assert_eq!(answer, b"answer");
    let stats = proxy.stats();
    assert_eq!(stats["tcp"]["up"]["pieces"], 20_000);
    assert_eq!(stats["tcp"]["down"]["pieces"], 6);
}

#[tokio::test]
async fn a_half_close_ends_one_direction_at_its_byte() {
    let up = Course { half_close_after: Some(ByteSize(5)), ..Course::default() };
    let (_proxy, mut client, mut server) = connected(Tcp { up, down: Course::default() }).await;
    client.write_all(b"hello world").await.expect("written");
    let mut received = Vec::new();
    in_time(server.read_to_end(&mut received)).await.expect("an end");
    assert_eq!(received, b"hello");
    server.write_all(b"still here").await.expect("written");
    let mut answer = [0; 10];
    in_time(client.read_exact(&mut answer)).await.expect("read");
    assert_eq!(&answer, b"still here");
}

#[tokio::test]
async fn a_reset_comes_in_the_middle_and_to_both_ends() {
    let up = Course { reset_after: Some(ByteSize(5)), ..Course::default() };
    let (_proxy, mut client, mut server) = connected(Tcp { up, down: Course::default() }).await;
    client.write_all(b"hello world").await.expect("written");
    for end in [&mut client, &mut server] {
        let mut received = Vec::new();
        let error = in_time(end.read_to_end(&mut received)).await.expect_err("a reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(b"hello".starts_with(&received));
    }
}

#[tokio::test]
async fn an_ordered_reset_ends_every_connection() {
    let (proxy, mut client, mut server) = connected(Tcp::default()).await;
    client.write_all(b"a").await.expect("written");
    in_time(server.read_u8()).await.expect("it passed");
    proxy.reset();
    assert!(in_time(client.read_u8()).await.is_err());
    assert!(in_time(server.read_u8()).await.is_err());
}

#[tokio::test]
async fn a_stall_ends_by_itself_and_nothing_is_lost() {
    let (proxy, mut client, mut server) = connected(Tcp::default()).await;
    client.write_all(b"a").await.expect("written");
    in_time(server.read_u8()).await.expect("it passed");
    proxy.stall(Duration::from_millis(300));
    client.write_all(b"bcd").await.expect("written");
    let mut received = [0; 3];
    in_time(server.read_exact(&mut received)).await.expect("it goes on");
    assert_eq!(&received, b"bcd");
}

#[tokio::test]
async fn nothing_arrives_in_a_stall() {
    let (proxy, client, server) = connected(Tcp::default()).await;
    proxy.stall(Duration::from_secs(3_600));
    // A direction that waits for bytes may pass on the first before it looks
    // at the order; it keeps the rest.
    in_time(async {
        let mut sent = 0_u64;
        loop {
            if client.try_write(b"x").is_ok() {
                sent += 1;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
            let stats = proxy.stats();
            let up = |key: &str| stats["tcp"]["up"][key].as_u64().expect("a number");
            if sent > 20 && up("taken_bytes") == sent {
                assert!(up("delivered_bytes") < sent, "{stats}");
                return;
            }
        }
    })
    .await;
    let mut received = [0; 64];
    let arrived = server.try_read(&mut received).unwrap_or(0);
    assert!(arrived < 20, "{arrived} bytes came through");
}

#[tokio::test]
async fn a_rate_slows_a_stream_down_and_its_sender_waits() {
    let up = Course {
        rate_bps: 800_000,
        buffer: ByteSize(1_000),
        delay: Span::millis(5),
        ..Course::default()
    };
    let (proxy, mut client, mut server) = connected(Tcp { up, down: Course::default() }).await;
    let sent = vec![7; 30_000];
    let writing = async {
        client.write_all(&sent).await.expect("written");
        client.shutdown().await.expect("ended");
    };
    let reading = async {
        let (mut buffer, mut all) = (vec![0; 4_096], 0);
        loop {
            let length = server.read(&mut buffer).await.expect("read");
            all += length;
            let stats = proxy.stats();
            let count = |key: &str| stats["tcp"]["up"][key].as_u64().expect("a number");
            assert!(count("taken_bytes") - count("delivered_bytes") <= 1_000);
            if length == 0 {
                return all;
            }
        }
    };
    let ((), all) = in_time(async { tokio::join!(writing, reading) }).await;
    assert_eq!(all, 30_000);
}

#[tokio::test]
async fn without_a_server_the_client_is_told() {
    let gone = TcpListener::bind(local()).await.expect("bound");
    let upstream = gone.local_addr().expect("bound");
    drop(gone);
    let tcp = Some(Front { listen: local(), upstream });
    let proxy = Proxy::start(&Setting { tcp, ..Setting::default() }).expect("a proxy");
    let mut client = TcpStream::connect(proxy.tcp().expect("listening")).await.expect("taken");
    assert!(in_time(client.read_u8()).await.is_err());
}

#[tokio::test]
async fn connections_beyond_the_most_wait_until_there_is_a_place() {
    let listener = TcpListener::bind(local()).await.expect("bound");
    let upstream = listener.local_addr().expect("bound");
    let tcp = Some(Front { listen: local(), upstream });
    let proxy = Proxy::start(&Setting { tcp, connections_max: 1, ..Setting::default() });
    let proxy = proxy.expect("a proxy");
    let address = proxy.tcp().expect("listening");
    let first = TcpStream::connect(address).await.expect("connected");
    let (server, _) = in_time(listener.accept()).await.expect("accepted");
    let mut second = TcpStream::connect(address).await.expect("queued");
    second.write_all(b"later").await.expect("kept by the system");
    assert_eq!(proxy.stats()["tcp"]["connections_ever"], 1);
    drop((first, server));
    let (mut server, _) = in_time(listener.accept()).await.expect("accepted");
    let mut received = [0; 5];
    in_time(server.read_exact(&mut received)).await.expect("read");
    assert_eq!(&received, b"later");
    assert_eq!(proxy.stats()["tcp"]["connections_ever"], 2);
}
