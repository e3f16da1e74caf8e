//! An application that knows who belongs to a conversation, and is asked over
//! HTTP; and calls that have to wait for it.

use crate::client::{BRIDGE, Client, GROUP, KIK, Secrets, server, start};
use parlour_wire::callctl::ConvoId;
use parlour_wire::callctl::pb::mobile::video::v1::{
    JoinConvoConferenceRequest, JoinConvoConferenceResponse,
};
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tonic::Code;

/// What the application says now: a status and who the members are.
type Word = Arc<Mutex<(u16, Vec<&'static str>)>>;

/// An application, its URL, its word, and what it was asked.
struct App {
    url: String,
    word: Word,
    asked: Arc<Mutex<Vec<String>>>,
}

impl App {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/members", listener.local_addr().unwrap());
        let word = Word::new(Mutex::new((200, Vec::new())));
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (says, hears) = (Arc::clone(&word), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&says), Arc::clone(&hears)));
            }
        });
        Self { url, word, asked }
    }

    fn says(&self, status: u16, members: &[&'static str]) {
        *self.word.lock().unwrap() = (status, members.to_vec());
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

async fn answer(mut stream: TcpStream, word: Word, asked: Arc<Mutex<Vec<String>>>) {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 1_024];
        let Ok(count @ 1..) = stream.read(&mut part).await else { return };
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // The whole body is one short object.
        if !text.ends_with('}') {
            continue;
        }
        bytes.clear();
        asked.lock().unwrap().push(text);
        let (status, members) = word.lock().unwrap().clone();
        let body = json!({ "members": members }).to_string();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn the_application_is_asked_who_belongs_and_is_shown_the_secret() {
    let app = App::start().await;
    app.says(200, &["alice_a1b"]);
    let secrets = Secrets::new();
    let secret = secrets.path("node").display().to_string();
    let server = start(
        &secrets,
        &[
            ("PARLOUR_CALLCTL_ASK_URL", app.url.as_str()),
            ("PARLOUR_CALLCTL_ASK_SECRET", secret.as_str()),
            ("PARLOUR_CALLCTL_ASK_FRESH", "0ms"),
        ],
    );
    let [alice, bob] = ["alice_a1b", "bob.b_z9z"].map(|name| Client::user(server.http, name));
    assert_eq!(alice.join(GROUP).await.unwrap().result, 0);
    assert_eq!(bob.join(GROUP).await.unwrap().result, 2);
    let asked = app.asked();
    assert_eq!(asked.len(), 2, "its answer is good for no time at all");
    let wanted = format!("bearer {}", crate::client::NODE);
    assert!(asked[0].to_lowercase().contains(&wanted), "{}", asked[0]);
    assert!(asked[0].contains(&json!({ "conversation": GROUP }).to_string()), "{}", asked[0]);
    app.says(200, &["alice_a1b", "bob.b_z9z"]);
    assert_eq!(bob.join(GROUP).await.unwrap().result, 0, "he has come in meanwhile");
    app.says(404, &[]);
    assert_eq!(alice.join("alice_a1b:bob.b_z9z").await.unwrap().result, 2, "a block");
    // While it fails, what it said last stands in.
    app.says(200, &["alice_a1b", "bob.b_z9z"]);
    alice.query(&[GROUP]).await.unwrap();
    app.says(500, &[]);
    assert_eq!(bob.join(GROUP).await.unwrap().result, 0);
    let never = alice.join("9999999999999_g").await.unwrap_err();
    assert_eq!(never.code(), Code::Unavailable, "of this one it has said nothing yet");
}

#[tokio::test]
async fn when_its_last_word_is_too_old_queries_and_joins_fail_and_leaves_do_not() {
    let app = App::start().await;
    app.says(200, &["alice_a1b"]);
    let server = server(&[
        ("PARLOUR_CALLCTL_ASK_URL", app.url.as_str()),
        ("PARLOUR_CALLCTL_ASK_FRESH", "0ms"),
        ("PARLOUR_CALLCTL_ASK_STALE", "0ms"),
    ]);
    let alice = Client::user(server.http, "alice_a1b");
    let joined = alice.join(GROUP).await.unwrap();
    assert_eq!(joined.result, 0);
    app.says(503, &[]);
    let code = |status: tonic::Status| status.code();
    assert_eq!(alice.join(GROUP).await.map_err(code), Err(Code::Unavailable));
    assert_eq!(alice.query(&[GROUP]).await.map_err(code), Err(Code::Unavailable), "REQ-40");
    app.asked();
    alice.leave(GROUP, joined.connection_token.map(|token| token.payload)).await.unwrap();
    assert_eq!(app.asked().len(), 0, "leaving never asks");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_has_to_wait_ends_at_its_deadline_or_at_the_servers() {
    // It takes every connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let server = server(&[
        ("PARLOUR_CALLCTL_ASK_URL", url.as_str()),
        ("PARLOUR_CALLCTL_CALL_TIMEOUT", "400ms"),
    ]);
    let alice = Client::user(server.http, "alice_a1b");
    let convo_id = Some(ConvoId::parse_key(GROUP).unwrap().to_pb());
    let join = |timeout: Option<&str>| {
        let mut request = alice.request(JoinConvoConferenceRequest { convo_id: convo_id.clone() });
        if let Some(timeout) = timeout {
            request.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
        }
        let alice = alice.clone();
        async move {
            let answer: Result<JoinConvoConferenceResponse, _> =
                alice.send(KIK, "JoinConvoConference", request).await;
            answer.unwrap_err().code()
        }
    };
    // A client of this kind would not wait for the answer to a deadline.
    let bridge = format!("Bridge {BRIDGE}");
    let shown = [("authorization", bridge.as_str()), ("grpc-timeout", "50m")];
    let body = json!({
        "service": KIK,
        "method": "JoinConvoConference",
        "headers": {"common.xibareuserjid-bin": "CglhbGljZV9hMWI"},
        "body": "ChMSEQoPMTIzNDU2Nzg5MDEyM19n",
    });
    let (status, answer) = tokio::task::block_in_place(|| {
        crate::calls::post(&server, "/callctl/v1/call", &shown, &body.to_string())
    });
    assert_eq!((status, &answer["code"]), (504, &json!(4)), "{answer}");
    assert_eq!(join(Some("1H")).await, Code::Unavailable, "the server's own limit");
    assert_eq!(join(None).await, Code::Unavailable);
    assert_eq!(server.metric("parlour_grpc_too_long_total"), 2);
    drop(silent);
}
