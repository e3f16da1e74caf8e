//! The program, driven by lines of JSON as the browser tests drive it; and the
//! page that is written from its presets.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::UdpSocket;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<std::process::ChildStdout>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_parlour-impair"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("an output"));
        Self { child, input, output }
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).expect("JSON")
    }

    fn ask(&mut self, order: &Value) -> Value {
        writeln!(self.input.as_ref().expect("an input"), "{order}").expect("it listens");
        self.hear()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn address(value: &Value) -> &str {
    value.as_str().expect("an address")
}

#[test]
fn orders_are_lines_and_so_are_answers() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("bound");
    server.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let upstream = server.local_addr().expect("bound").to_string();
    let mut program = Program::start(&[
        "--udp",
        "127.0.0.1:0",
        "--udp-to",
        &upstream,
        "--tcp",
        "127.0.0.1:0",
        "--tcp-to",
        &upstream,
        "--profile",
        "lossy",
        "--seed",
        "9",
    ]);
    let listening = program.hear();
    assert_eq!(listening["event"], "listening");
    assert!(address(&listening["tcp"]).starts_with("127.0.0.1:"));

    let lossless = json!({"do": "profile", "profile": {"up": {"delay": "1ms"}}});
    assert_eq!(program.ask(&lossless), json!({"event": "done", "do": "profile"}));
    let client = UdpSocket::bind("127.0.0.1:0").expect("bound");
    client.send_to(b"hello", address(&listening["udp"])).expect("sent");
    let mut buffer = [0; 16];
    let (length, old) = server.recv_from(&mut buffer).expect("heard");
    assert_eq!(&buffer[..length], b"hello");

    for order in [
        json!({"do": "blackout", "ms": 0}),
        json!({"do": "stall", "ms": 0}),
        json!({"do": "reset"}),
        json!({"do": "profile", "preset": "clean"}),
        json!({"do": "rebind"}),
    ] {
        assert_eq!(program.ask(&order)["event"], "done", "{order}");
    }
    let mut rebinds = 0;
    while rebinds == 0 {
        rebinds = program.ask(&json!({"do": "stats"}))["udp"]["rebinds"].as_u64().expect("one");
    }
    client.send_to(b"again", address(&listening["udp"])).expect("sent");
    assert_ne!(server.recv_from(&mut buffer).expect("heard").1, old);
    let stats = program.ask(&json!({"do": "stats"}));
    assert_eq!((&stats["event"], &stats["udp"]["up"]["offered"]), (&json!("stats"), &json!(2)));

    for wrong in [
        json!({"do": "dance"}),
        json!({"do": "blackout"}),
        json!({"do": "stall", "ms": 3_600_001}),
        json!({"do": "profile"}),
        json!({"do": "profile", "preset": "moon"}),
        json!({"do": "profile", "profile": {"up": {"loss": 7}}}),
        json!({"do": "profile", "profile": {"up": {"delay": "2m"}}}),
        json!([]),
    ] {
        let answer = program.ask(&wrong);
        assert_eq!(answer["event"], "error", "{wrong}: {answer}");
    }
    writeln!(program.input.as_ref().expect("an input"), "{}", json!({"do": "stop"})).expect("told");
    assert!(program.child.wait().expect("it ends").success());
}

#[test]
fn it_ends_with_its_input() {
    let mut program = Program::start(&["--udp", "127.0.0.1:0", "--udp-to", "127.0.0.1:9"]);
    assert_eq!(program.hear()["tcp"], Value::Null);
    drop(program.input.take());
    assert!(program.child.wait().expect("it ends").success());
}

#[test]
fn what_is_no_network_is_refused_at_the_start() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_parlour-impair")).args(arguments).output();
        output.expect("it starts")
    };
    let refused = run(&["--profile", "moon"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("neither a preset nor a file"));
    assert!(!run(&["--udp", "127.0.0.1:0"]).status.success());
}

#[test]
fn the_page_about_the_presets_is_as_the_presets_are() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/impairments.md");
    let page = std::fs::read_to_string(page).expect("the page");
    assert_eq!(page, parlour_impair::preset::page(), "run `cargo xtask reference`");
}
