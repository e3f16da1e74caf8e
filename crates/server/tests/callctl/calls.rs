//! Joining, connecting, leaving, and being told.

use crate::client::{Client, GROUP, KIK, Secrets, coming, connect, on, people, server, start};
use crate::support::{Server, Wish, ask, closed};
use parlour_wire::callctl::Message as _;
use parlour_wire::callctl::metadata;
use parlour_wire::callctl::pb::mobile::video::v1::{
    JoinConvoConferenceRequest, JoinConvoConferenceResponse,
};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

const PAIR: &str = "alice_a1b:bob.b_z9z";

async fn group(server: &Server) -> [Client; 2] {
    let operator = Client::operator(server.http);
    operator.members(GROUP, &["alice_a1b", "bob.b_z9z"]).await.unwrap();
    ["alice_a1b", "bob.b_z9z"].map(|name| Client::user(server.http, name))
}

#[tokio::test]
async fn a_call_from_the_first_join_to_the_end_of_the_media_connection() {
    let server = server(&[]);
    let [alice, bob] = group(&server).await;
    let (mut hers, mut his) = (alice.watch().await, bob.watch().await);
    assert_eq!(people(&bob.query(&[GROUP]).await.unwrap()[0]), []);

    let joined = alice.join(GROUP).await.unwrap();
    assert_eq!(joined.result, 0);
    for watch in [&mut hers, &mut his] {
        assert_eq!(watch.change().await, coming("alice_a1b"));
    }
    let socket = connect(&server, &joined).await;
    for watch in [&mut hers, &mut his] {
        assert_eq!(watch.change().await, on("alice_a1b"), "REQ-49");
    }
    assert_eq!(people(&bob.query(&[GROUP]).await.unwrap()[0]), on("alice_a1b"));
    drop(socket);
    assert_eq!(his.change().await, []);

    // Who does not read in between is told the newest only, so he reads.
    let joined = alice.join(GROUP).await.unwrap();
    assert_eq!(his.change().await, coming("alice_a1b"));
    let mut socket = connect(&server, &joined).await;
    assert_eq!(his.change().await, on("alice_a1b"));
    alice.leave(GROUP, joined.connection_token.map(|token| token.payload)).await.unwrap();
    closed(&mut socket).await;
    assert_eq!(his.change().await, []);
}

#[tokio::test]
async fn a_pair_needs_no_entry_and_a_stranger_sees_nothing() {
    let server = server(&[]);
    let [alice, bob] = ["alice_a1b", "bob.b_z9z"].map(|name| Client::user(server.http, name));
    let mallory = Client::user(server.http, "mallory_1");
    let mut his = bob.watch().await;
    assert_eq!(alice.join(PAIR).await.unwrap().result, 0);
    assert_eq!(his.change().await, coming("alice_a1b"));
    assert_eq!(people(&mallory.query(&[PAIR]).await.unwrap()[0]), []);
    let refused = mallory.join(PAIR).await.unwrap();
    assert_eq!(refused.result, 2, "a result, not a status");
    let unknown = alice.join("9999999999999_g").await.unwrap();
    assert_eq!(unknown.result, 2);
}

#[tokio::test]
async fn full_is_a_result_and_carries_the_list() {
    let server = server(&[("PARLOUR_ROOM_CONFERENCE", "1")]);
    let [alice, bob] = group(&server).await;
    alice.join(GROUP).await.unwrap();
    let full = bob.join(GROUP).await.unwrap();
    assert_eq!(full.result, 1);
    assert_eq!(people(&full.latest_state.unwrap()), coming("alice_a1b"));
}

#[tokio::test]
async fn whoever_does_not_connect_in_time_is_gone_and_that_is_pushed() {
    let server = server(&[("PARLOUR_CONTROL_CONNECTING", "300ms")]);
    let [alice, bob] = group(&server).await;
    let mut his = bob.watch().await;
    alice.join(GROUP).await.unwrap();
    assert_eq!(his.change().await, coming("alice_a1b"));
    assert_eq!(his.change().await, []);
}

#[tokio::test]
async fn a_restart_empties_the_list_with_a_later_time_and_old_tokens_stay_old() {
    let secrets = Secrets::new();
    let server = start(&secrets, &[]);
    let [alice, _] = group(&server).await;
    let first = alice.join(GROUP).await.unwrap();
    let env = secrets.env();
    let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let wish = Wish { env: &env, ..Wish::default() };
    let server = server.restart(&wish);
    let [alice, bob] = ["alice_a1b", "bob.b_z9z"].map(|name| Client::user(server.http, name));
    let list = bob.query(&[GROUP]).await.unwrap().remove(0);
    assert_eq!(people(&list), []);
    let time = |list: &parlour_wire::callctl::pb::common::video::v1::ConvoVideoState| {
        parlour_wire::callctl::state::nanos(&list.timestamp.unwrap()).unwrap()
    };
    assert!(time(&list) > time(&first.latest_state.unwrap()), "REQ-24");
    let second = alice.join(GROUP).await.unwrap();
    assert!(time(&second.latest_state.unwrap()) > time(&list));
    let old = first.connection_token.map(|token| token.payload);
    alice.leave(GROUP, old).await.unwrap();
    assert_eq!(people(&bob.query(&[GROUP]).await.unwrap()[0]), coming("alice_a1b"));
}

/// One POST with a JSON body.
pub(crate) fn post(
    server: &Server,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, Value) {
    let mut stream = TcpStream::connect(server.http).unwrap();
    let mut head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(head.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let reply = crate::support::read(&text);
    (reply.status, serde_json::from_str(&reply.body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_bridge_can_call_over_plain_http() {
    let server = server(&[]);
    let [_, bob] = group(&server).await;
    let path = "/callctl/v1/call";
    let user = metadata::write_header(
        &parlour_wire::callctl::LocalPart::parse("alice_a1b").unwrap().to_pb(),
    );
    let convo_id = Some(parlour_wire::callctl::ConvoId::parse_key(GROUP).unwrap().to_pb());
    let body = metadata::write_base64(&JoinConvoConferenceRequest { convo_id }.encode_to_vec());
    let call = json!({
        "service": KIK, "method": "JoinConvoConference", "body": body,
        "headers": { "common.xibareuserjid-bin": user,
            "common.xirequestid-bin": "ChIJd2ZVRDMiEQAR_-7dzLuqmYg" },
    });
    let bridge = format!("Bridge {}", crate::client::BRIDGE);
    let shown = [("authorization", bridge.as_str())];
    let (status, answer) = post(&server, path, &shown, &call.to_string());
    assert_eq!(status, 200, "{answer}");
    assert_eq!((&answer["service"], &answer["method"]), (&call["service"], &call["method"]));
    let bytes = metadata::read_base64(answer["body"].as_str().unwrap(), 65_536).unwrap();
    let joined = JoinConvoConferenceResponse::decode(bytes.as_slice()).unwrap();
    assert_eq!(joined.result, 0);
    assert_eq!(people(&bob.query(&[GROUP]).await.unwrap()[0]), coming("alice_a1b"));

    let (status, answer) = post(&server, path, &[], &call.to_string());
    assert_eq!((status, &answer["code"]), (401, &json!(16)));
    assert_eq!(post(&server, path, &shown, "{").0, 400);
    for (timeout, status, code) in [("0n", 504, 4), ("soon", 400, 3)] {
        let with = [shown[0], ("grpc-timeout", timeout)];
        let (given, answer) = post(&server, path, &with, &call.to_string());
        assert_eq!((given, &answer["code"]), (status, &json!(code)), "{timeout}");
    }
    let mut other = call.clone();
    other["service"] = "selfhost.video.v1.ConvoDirectory".into();
    assert_eq!(post(&server, path, &shown, &other.to_string()).0, 404);
    let mut bad = call.clone();
    bad["body"] = "".into();
    let (status, answer) = post(&server, path, &shown, &bad.to_string());
    assert_eq!((status, &answer["code"]), (400, &json!(3)));
    assert_eq!(ask(server.http, "GET", path, &[]).status, 405);
    assert_eq!(post(&server, path, &shown, &"x".repeat(200_000)).0, 413);
}

/// A token for a user, signed with a key of 32 sevens.
fn signed(claims: &Value) -> String {
    let part = |value: &Value| metadata::write_base64(value.to_string().as_bytes());
    let text = format!("{}.{}", part(&json!({ "alg": "HS256", "typ": "JWT" })), part(claims));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &[7; 32]);
    let tag = aws_lc_rs::hmac::sign(&key, text.as_bytes());
    format!("{text}.{}", metadata::write_base64(tag.as_ref()))
}

#[tokio::test]
async fn a_client_may_show_a_signed_token_of_its_own() {
    let secrets = Secrets::new();
    let key = metadata::write_base64(&[7; 32]);
    let keys = json!({ "keys": [{ "kty": "oct", "alg": "HS256", "k": key }] });
    std::fs::write(secrets.path("keys"), keys.to_string()).unwrap();
    let path = secrets.path("keys").display().to_string();
    let server = start(&secrets, &[("PARLOUR_CALLCTL_KEYS", &path)]);
    let claims = json!({ "aud": "parlour", "sub": "ext:kik:alice_a1b", "exp": 4_000_000_000_u64 });
    let with = |name: &str, value: Value| {
        let mut changed = claims.clone();
        changed[name] = value;
        changed
    };
    let shows =
        |claims: &Value| Client::to(server.http).shows(&format!("Bearer {}", signed(claims)));
    let alice = shows(&with("doors", json!(["callctl"])));
    assert_eq!(alice.join(PAIR).await.unwrap().result, 0);
    assert_eq!(people(&alice.query(&[PAIR]).await.unwrap()[0]), coming("alice_a1b"));
    for bad in [
        shows(&with("exp", json!(1))),
        shows(&with("aud", json!("elsewhere"))),
        shows(&with("sub", json!("alice_a1b"))),
        shows(&with("sub", json!("ext:other:alice_a1b"))),
        shows(&with("doors", json!(["chat"]))),
        alice.says("bob.b_z9z"),
        Client::to(server.http).shows(&format!("Bearer {}x", signed(&claims))),
    ] {
        let refused = bad.query(&[PAIR]).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    }
}

#[tokio::test]
async fn the_same_services_answer_over_tls() {
    let secrets = Secrets::new();
    let env = secrets.env();
    let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let flags = ["--listen", "https://127.0.0.1:0"];
    let server = Server::with(Wish { env: &env, flags: &flags, ..Wish::default() });
    let [alice, bob] = ["alice_a1b", "bob.b_z9z"].map(|name| Client::secure(&server, name));
    let mut his = bob.watch().await;
    alice.join(PAIR).await.unwrap();
    assert_eq!(his.change().await, coming("alice_a1b"));
}
