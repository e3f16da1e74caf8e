//! A media server apart, as a process of its own beside front and keeper: who
//! it lets in, and what becomes of everybody when one of them dies.

use crate::apart::{free_port, kik, part};
use crate::client::{Client, GROUP, Secrets, coming, on, people};
use crate::support::{PATIENCE, Server, Socket, Wish, closed, hear, say};
use parlour_wire::callctl::pb::common::video::v1::convo_video_state::user_state::State;
use parlour_wire::callctl::pb::mobile::video::v1::JoinConvoConferenceResponse;
use serde_json::{Value, json};
use std::net::SocketAddr;

struct Parts {
    secrets: Secrets,
    kik_port: u16,
    vcs_port: u16,
    media_port: u16,
    _kik: Server,
    vcs: Option<Server>,
    media: Option<Server>,
}

fn vcs(secrets: &Secrets, port: u16, kik_port: u16, grace: &str) -> Server {
    let url = format!("http://127.0.0.1:{kik_port}");
    let env = [
        ("PARLOUR_CALLCTL_ROLE", "vcs"),
        ("PARLOUR_CALLCTL_KIK_URL", &url),
        ("PARLOUR_CALLCTL_MEDIA_GRACE", grace),
    ];
    part(secrets, port, &env)
}

fn media(secrets: &Secrets, port: u16, vcs_port: u16, grace: &str) -> Server {
    let (url, own) = (format!("http://127.0.0.1:{vcs_port}"), port.to_string());
    let env = [
        ("PARLOUR_CALLCTL_ROLE", "media"),
        ("PARLOUR_CALLCTL_VCS_URL", url.as_str()),
        ("PARLOUR_CALLCTL_MEDIA_HOST", "127.0.0.1"),
        ("PARLOUR_CALLCTL_MEDIA_PORT", own.as_str()),
        ("PARLOUR_CALLCTL_MEDIA_GRACE", grace),
    ];
    part(secrets, port, &env)
}

impl Parts {
    /// The keeper waits so long for a media server, and a media server for it.
    fn new([keeper, plane]: [&str; 2]) -> Self {
        let secrets = Secrets::new();
        let [kik_port, vcs_port, media_port] = [free_port(), free_port(), free_port()];
        Self {
            _kik: kik(&secrets, kik_port, vcs_port),
            vcs: Some(vcs(&secrets, vcs_port, kik_port, keeper)),
            media: Some(media(&secrets, media_port, vcs_port, plane)),
            secrets,
            kik_port,
            vcs_port,
            media_port,
        }
    }

    async fn people(&self) -> [Client; 2] {
        let at = SocketAddr::from(([127, 0, 0, 1], self.kik_port));
        Client::operator(at).members(GROUP, &["alice_a1b", "bob.b_z9z"]).await.unwrap();
        ["alice_a1b", "bob.b_z9z"].map(|name| Client::user(at, name))
    }

    /// Joins until the keeper sends people to the media server apart.
    async fn sent_there(&self, who: &Client) -> JoinConvoConferenceResponse {
        let joining = async {
            loop {
                if let Ok(joined) = who.join(GROUP).await
                    && joined.connection_info.as_ref().unwrap().port == i32::from(self.media_port)
                {
                    return joined;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, joining).await.expect("the media server is known")
    }

    /// Goes there with what a join gave; what the media server says to it.
    async fn connect(&self, joined: &JoinConvoConferenceResponse) -> (Socket, Value) {
        let token = joined.connection_token.clone().unwrap().payload;
        let info = joined.connection_info.clone().unwrap();
        let group = format!("{}:{}/{}", info.host, info.port, info.conference_id);
        self.enter(json!({"type": "join", "kind": "join", "group": group,
            "token": String::from_utf8(token).unwrap()}))
            .await
    }

    async fn enter(&self, join: Value) -> (Socket, Value) {
        let mut socket = self.media.as_ref().unwrap().socket().await;
        // Each connection has an id of its own, as those of clients have.
        let id = id_of(&socket);
        say(&mut socket, json!({"type": "handshake", "version": ["2"], "id": id})).await;
        say(&mut socket, join).await;
        let answer = hear(&mut socket, |message| message["type"] == "joined").await;
        (socket, answer)
    }
}

fn id_of(socket: &Socket) -> String {
    match socket.get_ref() {
        tokio_tungstenite::MaybeTlsStream::Plain(tcp) => {
            format!("c{}", tcp.local_addr().unwrap().port())
        }
        other => panic!("{other:?} in a test without TLS"),
    }
}

/// Until somebody sees this list.
async fn until(who: &Client, wanted: &[(String, State)]) {
    let asking = async {
        loop {
            if let Ok(lists) = who.query(&[GROUP]).await
                && people(&lists[0]) == wanted
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("the list becomes so");
}

#[tokio::test]
async fn a_media_server_apart_lets_in_by_token_and_closes_what_the_keeper_closes() {
    let parts = Parts::new(["10s", "10s"]);
    let [alice, bob] = parts.people().await;
    let mut his = bob.watch().await;
    let joined = parts.sent_there(&alice).await;
    assert_eq!(his.change().await, coming("alice_a1b"));
    let (mut socket, answer) = parts.connect(&joined).await;
    assert_eq!(answer["kind"], "join", "{answer}");
    assert_eq!(answer["username"], "alice_a1b", "the keeper says who it is");
    assert_eq!(his.change().await, on("alice_a1b"));

    // Talk goes by the media server alone.
    let id = id_of(&socket);
    say(
        &mut socket,
        json!({"type": "chat", "kind": "", "dest": "", "value": "hello",
        "source": id, "username": "alice_a1b"}),
    )
    .await;
    let line = hear(&mut socket, |message| message["type"] == "chat").await;
    assert_eq!(line["value"], "hello");

    // A second connection takes the place of the first.
    let again = alice.join(GROUP).await.unwrap();
    let (mut second, answer) = parts.connect(&again).await;
    assert_eq!(answer["kind"], "join", "{answer}");
    closed(&mut socket).await;
    assert_eq!(people(&bob.query(&[GROUP]).await.unwrap()[0]), on("alice_a1b"));
    // The token of the first is dead.
    let (_socket, answer) = parts.connect(&joined).await;
    assert_eq!(answer["kind"], "fail", "{answer}");

    alice.leave(GROUP, again.connection_token.map(|token| token.payload)).await.unwrap();
    closed(&mut second).await;
    assert_eq!(his.change().await, []);
    // The end of a connection is reported.
    let joined = parts.sent_there(&alice).await;
    assert_eq!(his.change().await, coming("alice_a1b"));
    let (socket, _) = parts.connect(&joined).await;
    assert_eq!(his.change().await, on("alice_a1b"));
    drop(socket);
    assert_eq!(his.change().await, []);
}

#[tokio::test]
async fn nobody_enters_a_media_server_apart_without_a_token_of_the_keeper() {
    let parts = Parts::new(["10s", "10s"]);
    let groups = parts.media.as_ref().unwrap().data().join("groups");
    std::fs::write(
        groups.join("open.json"),
        r#"{"wildcard-user": {"password": {"type": "wildcard"}, "permissions": "present"}}"#,
    )
    .unwrap();
    let [alice, _] = parts.people().await;
    let joined = parts.sent_there(&alice).await;
    let conference = joined.connection_info.clone().unwrap().conference_id;
    for join in [
        json!({"type": "join", "kind": "join", "group": "lobby", "username": "eve"}),
        json!({"type": "join", "kind": "join", "group": "open", "username": "eve", "password": ""}),
        json!({"type": "join", "kind": "join", "group": conference, "username": "eve"}),
        json!({"type": "join", "kind": "join", "group": "open", "token": "made.up"}),
        json!({"type": "join", "kind": "join", "group": conference, "token": "made.up"}),
    ] {
        let (_socket, answer) = parts.enter(join.clone()).await;
        assert_eq!(answer["kind"], "fail", "{join} {answer}");
    }
    // Nothing else of the server is there either.
    let media = parts.media.as_ref().unwrap();
    assert_eq!(media.get("/api/v1/openapi.json").status, 404);
    let direct = Client::user(media.http, "alice_a1b");
    assert_eq!(direct.join(GROUP).await.unwrap_err().code(), tonic::Code::Unimplemented);
    let (_socket, answer) = parts.connect(&joined).await;
    assert_eq!(answer["kind"], "join", "{answer}");
}

#[tokio::test]
async fn a_media_server_that_dies_takes_its_connections_along_and_another_takes_over() {
    let mut parts = Parts::new(["300ms", "10s"]);
    let [alice, bob] = parts.people().await;
    let joined = parts.sent_there(&alice).await;
    let (_socket, _) = parts.connect(&joined).await;
    until(&bob, &on("alice_a1b")).await;
    // Killed, not asked to stop.
    drop(parts.media.take());
    until(&bob, &[]).await;
    parts.media = Some(media(&parts.secrets, parts.media_port, parts.vcs_port, "10s"));
    let joined = parts.sent_there(&alice).await;
    let (_socket, answer) = parts.connect(&joined).await;
    assert_eq!(answer["kind"], "join", "{answer}");
    until(&bob, &on("alice_a1b")).await;
}

#[tokio::test]
async fn a_media_server_whose_keeper_dies_lets_everybody_go_and_serves_the_next_one() {
    let mut parts = Parts::new(["10s", "300ms"]);
    let [alice, bob] = parts.people().await;
    let joined = parts.sent_there(&alice).await;
    let (mut socket, _) = parts.connect(&joined).await;
    until(&bob, &on("alice_a1b")).await;
    let keeper = parts.vcs.take().unwrap();
    let url = format!("http://127.0.0.1:{}", parts.kik_port);
    let env = parts.secrets.env();
    let env: Vec<(&str, &str)> = env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain([("PARLOUR_CALLCTL_ROLE", "vcs"), ("PARLOUR_CALLCTL_KIK_URL", url.as_str())])
        .collect();
    let listen = format!("http://127.0.0.1:{}", parts.vcs_port);
    let flags = ["--listen", listen.as_str()];
    // Killed, and started again on its own data.
    parts.vcs = Some(keeper.restart(&Wish { env: &env, flags: &flags, ..Wish::default() }));
    closed(&mut socket).await;
    until(&bob, &[]).await;
    let joined = parts.sent_there(&alice).await;
    let (_socket, answer) = parts.connect(&joined).await;
    assert_eq!(answer["kind"], "join", "{answer}");
    until(&bob, &on("alice_a1b")).await;
}

#[tokio::test]
async fn a_media_server_goes_on_while_the_front_is_away() {
    let mut parts = Parts::new(["10s", "10s"]);
    let [alice, bob] = parts.people().await;
    let joined = parts.sent_there(&alice).await;
    let (mut socket, _) = parts.connect(&joined).await;
    until(&bob, &on("alice_a1b")).await;
    let front = std::mem::replace(&mut parts._kik, crate::client::server(&[]));
    let url = format!("http://127.0.0.1:{}", parts.vcs_port);
    let env = parts.secrets.env();
    let env: Vec<(&str, &str)> = env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain([("PARLOUR_CALLCTL_ROLE", "kik"), ("PARLOUR_CALLCTL_VCS_URL", url.as_str())])
        .collect();
    let listen = format!("http://127.0.0.1:{}", parts.kik_port);
    let flags = ["--listen", listen.as_str()];
    parts._kik = front.restart(&Wish { env: &env, flags: &flags, ..Wish::default() });
    until(&bob, &on("alice_a1b")).await;
    say(&mut socket, json!({"type": "ping"})).await;
    hear(&mut socket, |message| message["type"] == "pong").await;
}
