//! What the documentation shows: the example clients, and the lines for a
//! generic gRPC client on the command line.

use crate::client::{BRIDGE, Client, GROUP, OPERATOR, coming, people, server};
use crate::support::{PATIENCE, Server};
use parlour_wire::callctl::Message as _;
use parlour_wire::callctl::pb::common::XiBareUserJid;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tonic::metadata::{BinaryMetadataKey, MetadataValue};
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

/// A program that runs, its lines and its standard input.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    input: ChildStdin,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let command = command.env("BRIDGE", BRIDGE).kill_on_drop(true);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let input = child.stdin.take().unwrap();
        Self { child, lines, input }
    }

    /// The rest of the next line that begins so.
    async fn says(&mut self, start: &str) -> String {
        let search = async {
            loop {
                let line = self.lines.next_line().await.unwrap().expect("it goes on");
                if let Some(rest) = line.strip_prefix(start) {
                    return rest.to_owned();
                }
            }
        };
        timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("no line {start}"))
    }

    async fn ends_well(mut self) {
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap();
        assert!(status.success(), "{status}");
    }
}

async fn group(server: &Server) -> Client {
    let operator = Client::operator(server.http);
    operator.members(GROUP, &["alice_a1b", "bob.b_z9z"]).await.unwrap();
    Client::user(server.http, "bob.b_z9z")
}

/// Joins, is seen, and leaves with the token of the join.
async fn joins_and_leaves(example: Command, bob: &Client) {
    let mut his = bob.watch().await;
    let mut example = Running::start(example);
    let info = example.says("connect to ").await;
    assert!(parlour_wire::callctl::ConnectionText::parse(&info).is_some(), "{info}");
    assert!(!example.says("with the token ").await.is_empty());
    assert_eq!(his.change().await, coming("alice_a1b"));
    // One of them waits for a line; the other leaves after a moment.
    drop(example.input.write_all(b"\n").await);
    assert_eq!(his.change().await, []);
    assert_eq!(people(&bob.query(&[GROUP]).await.unwrap()[0]), []);
    example.ends_well().await;
}

#[tokio::test]
async fn req_62_the_rust_client_keeps_the_token_of_its_join_and_leaves_with_it() {
    let program = Path::new(env!("CARGO_BIN_EXE_parlour"));
    let program = program.parent().unwrap().join("examples").join("callctl");
    if !program.exists() {
        println!("skipped: {} is not built (cargo build --examples)", program.display());
        return;
    }
    let server = server(&[]);
    let bob = group(&server).await;
    let mut command = Command::new(program);
    command.arg(format!("http://{}", server.http)).args(["alice_a1b", GROUP]);
    joins_and_leaves(command, &bob).await;
}

#[tokio::test]
async fn req_62_the_python_client_keeps_the_token_of_its_join_and_leaves_with_it() {
    let python = std::env::var("PARLOUR_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let grpc = Command::new(&python).args(["-c", "import grpc"]).stderr(Stdio::null()).status();
    if !grpc.await.is_ok_and(|status| status.success()) {
        println!("skipped: {python} has no package grpcio (PARLOUR_TEST_PYTHON names another)");
        return;
    }
    let server = server(&[]);
    let bob = group(&server).await;
    let mut command = Command::new(python);
    command.arg("-u").arg(top().join("examples/callctl/client.py"));
    command.arg(server.http.to_string()).args(["alice_a1b", GROUP]);
    joins_and_leaves(command, &bob).await;
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The definitions as a generic client learns them: by reflection, file by
/// file.
async fn reflected(server: &Server, symbol: &str) -> DescriptorPool {
    let nobody = Client::to(server.http);
    let answer = nobody.reflect(MessageRequest::FileContainingSymbol(symbol.to_owned())).await;
    let MessageResponse::FileDescriptorResponse(files) = answer else { panic!("{answer:?}") };
    let mut pool = DescriptorPool::new();
    for file in files.file_descriptor_proto {
        // What it imports is asked for by name.
        add(server, &mut pool, &file).await;
    }
    pool
}

async fn add(server: &Server, pool: &mut DescriptorPool, file: &[u8]) {
    let parsed = prost_types::FileDescriptorProto::decode(file).unwrap();
    if pool.get_file_by_name(parsed.name()).is_some() {
        return;
    }
    for import in &parsed.dependency {
        let nobody = Client::to(server.http);
        let answer = nobody.reflect(MessageRequest::FileByFilename(import.clone())).await;
        let MessageResponse::FileDescriptorResponse(files) = answer else { panic!("{answer:?}") };
        for file in files.file_descriptor_proto {
            Box::pin(add(server, pool, &file)).await;
        }
    }
    pool.decode_file_descriptor_proto(file).unwrap();
}

/// One line for the generic client: what it shows, sends and calls.
#[derive(Debug, Default)]
struct Line {
    headers: Vec<(String, String)>,
    body: String,
    method: String,
}

/// The lines of the page, put together where they are continued, and taken
/// apart as a shell does.
fn lines() -> Vec<Line> {
    let page = std::fs::read_to_string(top().join("docs/protocols/callctl.md")).unwrap();
    let page = page.replace("\\\n", " ").replace("$OPERATOR", OPERATOR).replace("$BRIDGE", BRIDGE);
    let calls = page.lines().filter_map(|line| line.strip_prefix("grpcurl -plaintext "));
    let line = |text: &str| {
        let mut words = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (word, after) = match rest.split_at(1) {
                (quote @ ("'" | "\""), inner) => inner.split_once(quote).unwrap(),
                _ => rest.split_once(' ').unwrap_or((rest, "")),
            };
            words.push(word.to_owned());
            rest = after.trim_start();
        }
        let (mut line, mut words) = (Line::default(), words.into_iter());
        while let Some(word) = words.next() {
            match word.as_str() {
                "-H" => {
                    let header = words.next().unwrap();
                    let (name, value) = header.split_once(": ").unwrap();
                    line.headers.push((name.to_owned(), value.to_owned()));
                }
                "-d" => line.body = words.next().unwrap(),
                "localhost:8080" => line.method = words.next().unwrap(),
                other => panic!("{other} in {text}"),
            }
        }
        line
    };
    calls.map(line).collect()
}

fn request(line: &Line, method: &MethodDescriptor) -> tonic::Request<Raw> {
    let mut json = serde_json::Deserializer::from_str(&line.body);
    let message = DynamicMessage::deserialize(method.input(), &mut json).unwrap();
    let mut request = tonic::Request::new(Raw(message.encode_to_vec()));
    for (name, value) in &line.headers {
        match name.strip_suffix("-bin") {
            // Such a client takes the base64 of binary headers apart itself.
            Some(_) => {
                let key = BinaryMetadataKey::from_bytes(name.as_bytes()).unwrap();
                let bytes = parlour_wire::callctl::metadata::read_base64(value, 1_024).unwrap();
                XiBareUserJid::decode(bytes.as_slice()).unwrap();
                request.metadata_mut().insert_bin(key, MetadataValue::from_bytes(&bytes));
            }
            None => {
                let key: tonic::metadata::AsciiMetadataKey = name.parse().unwrap();
                request.metadata_mut().insert(key, value.parse().unwrap());
            }
        }
    }
    request
}

#[tokio::test]
async fn every_line_for_a_generic_client_in_the_docs_does_what_it_says() {
    let server = server(&[]);
    let lines = lines();
    assert!(lines.len() >= 4, "{lines:?}");
    let mut called = Vec::new();
    for line in &lines {
        if line.method == "list" {
            continue;
        }
        let (service, name) = line.method.split_once('/').unwrap();
        let pool = reflected(&server, service).await;
        let service_of = pool.get_service_by_name(service).unwrap();
        let method = service_of.methods().find(|method| method.name() == name).unwrap();
        let client = Client::to(server.http);
        let request = request(line, &method);
        if method.is_server_streaming() {
            let mut events: tonic::Streaming<Raw> =
                client.stream(service, name, request).await.unwrap();
            events.message().await.unwrap().expect("the first event");
        } else {
            let answer: Raw = client.send(service, name, request).await.unwrap();
            let answer = DynamicMessage::decode(method.output(), answer.0.as_slice()).unwrap();
            let text = serde_json::to_value(&answer).unwrap();
            assert!(text.get("result").is_none(), "{text}: OK is the default and left out");
        }
        called.push(name.to_owned());
    }
    for wanted in ["SetGroupMembers", "JoinConvoConference", "BatchedGetConvoState", "Watch"] {
        assert!(called.iter().any(|name| name == wanted), "no line calls {wanted}");
    }
}

/// A message that is serialised already.
#[derive(Debug, Default, Clone)]
struct Raw(Vec<u8>);

impl prost::Message for Raw {
    fn encode_raw(&self, to: &mut impl bytes::BufMut) {
        to.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: prost::encoding::wire_type::WireType,
        from: &mut impl bytes::Buf,
        _: prost::encoding::DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        // The head of the field has been read; it is written anew.
        prost::encoding::encode_key(tag, wire_type, &mut self.0);
        match wire_type {
            prost::encoding::wire_type::WireType::LengthDelimited => {
                let length = prost::encoding::decode_varint(from)?;
                prost::encoding::encode_varint(length, &mut self.0);
                let mut rest = from.copy_to_bytes(usize::try_from(length).unwrap());
                bytes::BufMut::put(&mut self.0, &mut rest);
            }
            _ => {
                let value = prost::encoding::decode_varint(from)?;
                prost::encoding::encode_varint(value, &mut self.0);
            }
        }
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}
