//! Joins and leaves, as many as there is time for.
//!
//! The callers speak HTTP/2 themselves, with heads and bodies that are written
//! once, in one thread: what they cost is not to be what is measured.

use super::{BRIDGE, Callctl};
use crate::clock::instant;
use crate::histogram::Histogram;
use crate::process::Process;
use crate::report::Report;
use crate::server::Server;
use anyhow::{Context as _, Result, bail, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header};
use parlour_wire::callctl::pb::common::XiBareUserJid;
use parlour_wire::callctl::pb::common::video::v1::ConvoId as ConvoIdPb;
use parlour_wire::callctl::pb::mobile::video::v1::{
    JoinConvoConferenceRequest, JoinConvoConferenceResponse, LeaveConvoConferenceNotification,
};
use parlour_wire::callctl::{ConvoId, Message, metadata};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

/// How long everything runs before anything is counted.
const WARM_UP: Duration = Duration::from_millis(500);

/// Windows that never stop an answer.
const WINDOW: u32 = 1 << 24;

/// What all callers share.
#[derive(Default)]
struct Shared {
    counting: Cell<bool>,
    over: Cell<bool>,
    warm: Cell<usize>,
    done: RefCell<Histogram>,
}

/// Measures it, on a runtime of its own.
pub(super) fn rate(size: Callctl, server: &Server, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, measure(size, server, report))
}

async fn measure(size: Callctl, server: &Server, report: &mut Report) -> Result<()> {
    let mut connections = Vec::new();
    for _ in 0..size.connections.max(1) {
        connections.push(connect(server).await?);
    }
    let shared = Rc::<Shared>::default();
    let callers = size.callers.max(1);
    let mut tasks = JoinSet::new();
    for index in 0..callers {
        let sender = connections.get(index % connections.len()).context("a connection")?.clone();
        let pairs = (index..size.conversations).step_by(callers);
        let pairs = pairs.map(|pair| Pair::new(server, pair)).collect::<Result<Vec<_>>>()?;
        tasks.spawn_local(call(sender, pairs, Rc::clone(&shared)));
    }
    while shared.warm.get() < callers {
        if let Some(ended) = tasks.try_join_next() {
            ended??;
            bail!("a caller ended too early");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(WARM_UP).await;
    let (cpu, own) = (server.process.map(Process::cpu).transpose()?, Process::own().cpu()?);
    let start = instant();
    shared.counting.set(true);
    tokio::time::sleep(size.time).await;
    shared.counting.set(false);
    let took = instant().saturating_duration_since(start);
    let after = server.process.map(Process::cpu).transpose()?;
    let own = Process::own().cpu()?.saturating_sub(own);
    shared.over.set(true);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let done = shared.done.borrow();
    let count = done.total() as f64;
    let seconds = took.as_secs_f64();
    report.add("calls_per_s", (count / seconds).round(), "1/s", "joins and leaves answered");
    report.add("call_p50_ms", done.percentile_ms(50.0), "ms", "from a call to its answer");
    report.add("call_p99_ms", done.percentile_ms(99.0), "ms", "from a call to its answer");
    let cpu = after.zip(cpu).map(|(after, before)| after.saturating_sub(before));
    let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / count.max(1.0);
    report.add("server_cpu_us_per_call", cpu.map(each), "µs", "of the whole server process");
    report.add("generator_cpu_us_per_call", each(own), "µs", "of the callers meanwhile");
    let both = cpu.map(|cpu| (cpu + own).as_secs_f64() / seconds);
    report.add("cores", both, "cores", "that server and callers had together");
    if done.total() == 0 {
        report.void("nothing was answered");
    }
    Ok(())
}

async fn connect(server: &Server) -> Result<SendRequest<Bytes>> {
    let stream = TcpStream::connect(server.http).await?;
    stream.set_nodelay(true)?;
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(WINDOW).initial_connection_window_size(WINDOW).enable_push(false);
    let (sender, connection) = builder.handshake(stream).await?;
    // It ends with the connection, which ends with the callers.
    tokio::task::spawn_local(async move { drop(connection.await) });
    Ok(sender)
}

/// One member of a pair, and what it sends.
struct Pair {
    headers: HeaderMap,
    join: (Uri, Bytes),
    leave: Uri,
    convo: ConvoIdPb,
}

impl Pair {
    fn new(server: &Server, index: usize) -> Result<Self> {
        let name = format!("ann_{index}");
        let convo = ConvoId::parse_key(&format!("ann_{index}:bob_{index}"))?.to_pb();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::AUTHORIZATION, format!("Bridge {BRIDGE}").parse()?);
        let user = metadata::write_header(&XiBareUserJid { local_part: name });
        headers.insert(metadata::USER, user.parse()?);
        let uri = |method: &str| -> Result<Uri> {
            Ok(format!("http://{}/mobile.video.v1.KikVideo/{method}", server.http).parse()?)
        };
        let join = framed(&JoinConvoConferenceRequest { convo_id: Some(convo.clone()) });
        let join = (uri("JoinConvoConference")?, join);
        Ok(Self { headers, join, leave: uri("OnLeaveConvoConference")?, convo })
    }

    /// A join and a leave; when each was done.
    async fn once(&self, sender: &mut SendRequest<Bytes>) -> Result<[Instant; 2]> {
        let (uri, body) = self.join.clone();
        let answer = self.send(sender, uri, body).await?;
        let answer = JoinConvoConferenceResponse::decode(answer)?;
        ensure!(answer.result == 0, "a join was answered {}", answer.result);
        let middle = instant();
        let body = framed(&LeaveConvoConferenceNotification {
            convo_id: Some(self.convo.clone()),
            connection_token: answer.connection_token,
        });
        self.send(sender, self.leave.clone(), body).await?;
        Ok([middle, instant()])
    }

    /// The message that a call is answered with.
    async fn send(&self, sender: &mut SendRequest<Bytes>, uri: Uri, body: Bytes) -> Result<Bytes> {
        std::future::poll_fn(|cx| sender.poll_ready(cx)).await?;
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        let (response, mut stream) = sender.send_request(request, false)?;
        stream.send_data(body, true)?;
        let response = response.await?;
        let is_ok = |headers: &HeaderMap| headers.get("grpc-status").map(|code| code == "0");
        ensure!(is_ok(response.headers()) != Some(false), "refused: {:?}", response.headers());
        let mut body = response.into_body();
        let mut message = Bytes::new();
        while let Some(part) = body.data().await {
            let part = part?;
            body.flow_control().release_capacity(part.len())?;
            ensure!(message.is_empty(), "an answer in parts");
            message = part;
        }
        let trailers = body.trailers().await?.context("an answer without trailers")?;
        ensure!(is_ok(&trailers) == Some(true), "refused: {trailers:?}");
        ensure!(message.len() >= 5, "an answer without a message");
        Ok(message.split_off(5))
    }
}

/// A message as gRPC sends it.
fn framed(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(length.saturating_add(5));
    frame.put_u8(0);
    frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    frame.put_slice(&message.encode_to_vec());
    frame.freeze()
}

async fn call(mut sender: SendRequest<Bytes>, pairs: Vec<Pair>, shared: Rc<Shared>) -> Result<()> {
    // Every conversation is made once before anything is counted.
    for pair in &pairs {
        pair.once(&mut sender).await?;
    }
    shared.warm.set(shared.warm.get() + 1);
    while !shared.over.get() {
        for pair in &pairs {
            let start = instant();
            let [middle, end] = pair.once(&mut sender).await?;
            if shared.counting.get() {
                let us = |from: Instant, to: Instant| {
                    let took = to.saturating_duration_since(from).as_micros();
                    u64::try_from(took).unwrap_or(u64::MAX)
                };
                let mut done = shared.done.borrow_mut();
                done.add(us(start, middle));
                done.add(us(middle, end));
            }
            if shared.over.get() {
                break;
            }
        }
    }
    Ok(())
}
