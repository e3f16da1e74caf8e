//! `kill -9` under write load, again and again on one file: what was
//! acknowledged is there, what was not is there whole or not at all, and
//! epochs only grow.
//!
//! The child is this test binary again. It prints a line for each reply on
//! the store thread, so a line exists only for what was acknowledged.

mod support;

use parlour_base::storage::{StoreDone, StoreId, StoreOp, StoreReply, StoreRequest, Write};
use parlour_base::{Entropy, Epoch, Seq, Wall};
use parlour_store::{DataFolder, Engine, SqliteEngine, Writer, backup, verify};
use serde_json::json;
use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{TrySendError, sync_channel};
use std::time::{Duration, Instant};
use support::{
    Directory, Disk, claim, commit, due, forget_room, load, one, open, opening, part, record, room,
    settings,
};

/// How often the child is killed; more by `PARLOUR_TEST_KILLS`.
const KILLS: u64 = 40;

/// The longest a store may take to start (docs: reliability figures).
const START_MAX: Duration = Duration::from_secs(2);

/// After so many rounds the file is emptied, so that long runs do not spend
/// their time on reading what is known to be there.
const ROUNDS_KEPT: u64 = 15;

const CHILD_FOLDER: &str = "PARLOUR_TEST_KILL_FOLDER";
const CHILD_ROUND: &str = "PARLOUR_TEST_KILL_ROUND";
const CHILD_HONEST: &str = "PARLOUR_TEST_KILL_HONEST";
const ROOM: u64 = 77;
const NO_LIMIT: u32 = u32::MAX;

#[test]
fn what_was_acknowledged_survives_kill_nine() {
    let kills = std::env::var("PARLOUR_TEST_KILLS").ok().and_then(|n| n.parse().ok());
    let mut entropy = seeded();
    let disk = Disk::new();
    let mut known = Known::default();
    for round in 1..=kills.unwrap_or(KILLS) {
        let lines = run_and_kill(&disk.folder(), round, Honest::Yes, &mut entropy);
        known.note(&lines);
        let lost = known.check(&disk, round);
        assert_eq!(lost, [""; 0], "round {round}: acknowledged and lost");
    }
    assert!(known.acknowledged > 100, "only {} writes seen", known.acknowledged);
}

/// The canary: this test would notice.
#[test]
fn an_engine_that_acknowledges_too_early_is_found_out() {
    let mut entropy = seeded();
    let disk = Disk::new();
    let mut known = Known::default();
    let found = (1..=KILLS).any(|round| {
        known.note(&run_and_kill(&disk.folder(), round, Honest::No, &mut entropy));
        !known.check(&disk, round).is_empty()
    });
    assert!(found, "{KILLS} kills and nothing lost");
}

fn seeded() -> Entropy {
    let seed = std::env::var("PARLOUR_TEST_SEED").ok().and_then(|n| n.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("PARLOUR_TEST_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    Entropy::from_seed(bytes)
}

/// Whether the child's engine answers when it has done what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Honest {
    Yes,
    No,
}

/// Answers first, and does it when the next group comes.
struct Eager {
    inner: SqliteEngine,
    owed: Vec<StoreRequest>,
}

impl Engine for Eager {
    fn execute(&mut self, batch: Vec<StoreRequest>) -> Vec<StoreReply> {
        let promise = |r: &StoreRequest| StoreReply { id: r.id, result: Ok(StoreDone::Committed) };
        let promises = batch.iter().map(promise).collect();
        self.inner.execute(std::mem::replace(&mut self.owed, batch));
        promises
    }
}

/// What the children told, over all rounds.
#[derive(Default)]
struct Known {
    keys: BTreeSet<String>,
    epoch: u64,
    /// Acknowledged writes looked for, each as often as it was.
    acknowledged: usize,
}

impl Known {
    fn note(&mut self, lines: &[String]) {
        for line in lines {
            if let Some(key) = line.strip_prefix("ack ") {
                assert!(self.keys.insert(key.to_owned()), "{key} is acknowledged once");
            } else if let Some(epoch) = line.strip_prefix("epoch ") {
                let epoch = epoch.parse().expect("a whole line");
                assert!(epoch > self.epoch, "{epoch} is above {}", self.epoch);
                self.epoch = epoch;
            }
        }
    }

    /// Opens the file as the next server would, and returns what was
    /// acknowledged and is not there.
    #[allow(clippy::disallowed_methods, reason = "the start is measured")]
    fn check(&mut self, disk: &Disk, round: u64) -> Vec<String> {
        let start = Instant::now();
        let mut engine = disk.engine();
        assert!(start.elapsed() < START_MAX, "round {round}: started in {:?}", start.elapsed());
        let Directory { records, due, .. } = load(&mut engine, &["left", "right"]);
        let Ok(StoreDone::Room { epoch, body, parts, chat }) = one(&mut engine, opening(ROOM))
        else {
            panic!("round {round}: the room opens")
        };
        assert!(epoch.0 > self.epoch, "round {round}: {} is above {}", epoch.0, self.epoch);
        self.epoch = epoch.0;
        let of = |kind: &str| -> BTreeSet<String> {
            records.iter().filter(|(k, _, _)| k == kind).map(|(_, key, _)| key.clone()).collect()
        };
        let (left, right) = (of("left"), of("right"));
        let said: BTreeSet<String> =
            chat.iter().filter_map(|body| body.as_str().map(str::to_owned)).collect();
        assert_eq!(said.len(), chat.len(), "round {round}: no entry twice");
        let lost = self.keys.difference(&left).cloned().collect();
        assert_eq!(left, right, "round {round}: a commit is whole or absent");
        assert_eq!(left, said, "round {round}: a commit is whole or absent");
        let parted: BTreeSet<String> = parts.into_iter().map(|(_, key, _)| key).collect();
        assert_eq!(left, parted, "round {round}: a commit is whole or absent");
        let at = due.first().map(|(at, _)| json!(at.0));
        assert_eq!(body, at, "round {round}: a commit is whole or absent");
        let copy = disk.path("copy");
        backup(&disk.folder(), &copy).expect("copied");
        verify(&copy).expect("undamaged");
        std::fs::remove_file(copy).expect("removed");
        // What no one was told of may be there; from now on it must stay.
        self.acknowledged += self.keys.len();
        self.keys = left;
        if round.is_multiple_of(ROUNDS_KEPT) {
            let keys = std::mem::take(&mut self.keys);
            let gone =
                keys.iter().flat_map(|k| [record("left", k, None), record("right", k, None)]);
            let all = gone.chain([forget_room(ROOM, epoch)]).collect();
            assert_eq!(commit(&mut engine, all), Ok(()), "round {round}: emptied");
        }
        lost
    }
}

/// Starts a child, kills it after some of its lines and a moment, and returns
/// every whole line it printed.
#[allow(clippy::disallowed_methods, reason = "to strike at an arbitrary moment")]
fn run_and_kill(folder: &Path, round: u64, honest: Honest, entropy: &mut Entropy) -> Vec<String> {
    let mut child: Child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "the_child_writes_until_it_is_killed", "--ignored", "--nocapture"])
        .env(CHILD_FOLDER, folder)
        .env(CHILD_ROUND, round.to_string())
        .env(CHILD_HONEST, format!("{honest:?}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    // Some are killed while they start, most in the middle of it.
    let wanted = if entropy.bits().is_multiple_of(5) { 0 } else { entropy.bits() % 600 };
    let mut lines = Vec::new();
    let mut line = String::new();
    while (lines.len() as u64) < wanted && out.read_line(&mut line).expect("text") > 0 {
        lines.push(std::mem::take(&mut line));
    }
    // Not to wait for something, but to strike at an arbitrary moment.
    std::thread::sleep(Duration::from_micros(entropy.bits() % 12_000));
    child.kill().expect("running");
    let status = child.wait().expect("ended");
    #[cfg(unix)]
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
    assert!(!status.success(), "it was killed, it did not end");
    while out.read_line(&mut line).expect("text") > 0 {
        lines.push(std::mem::take(&mut line));
    }
    let whole = lines.into_iter().filter_map(|l| l.strip_suffix('\n').map(str::to_owned));
    whole.collect()
}

#[test]
#[ignore = "run by another test as its child"]
fn the_child_writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let round = std::env::var(CHILD_ROUND).expect("set with the folder");
    let folder = DataFolder::open(Path::new(&folder)).expect("free");
    let mut engine = SqliteEngine::open(folder).expect("a good store");
    println!();
    let epoch = open_room(&mut engine);
    let (replies, answers) = sync_channel(1);
    let mut out = std::io::stdout();
    let reply = move |reply: StoreReply| {
        assert_eq!(reply.result, Ok(StoreDone::Committed));
        writeln!(out, "ack {round}-{}", reply.id.0).expect("the parent reads");
        // Wakes the submitter; if a wake-up waits already, one is enough.
        if let Err(TrySendError::Disconnected(())) = replies.try_send(()) {
            panic!("the submitter is gone");
        }
    };
    let honest = std::env::var(CHILD_HONEST).is_ok_and(|word| word == "Yes");
    let engine: Box<dyn Engine> =
        if honest { Box::new(engine) } else { Box::new(Eager { inner: engine, owed: vec![] }) };
    let queue = NonZeroUsize::new(64).expect("not zero");
    let writer = Writer::spawn(engine, queue, reply).expect("a thread");
    let round = std::env::var(CHILD_ROUND).expect("set with the folder");
    for n in 1.. {
        let mut request = together(&round, n, epoch);
        while let Err(back) = writer.try_submit(request) {
            request = back;
            answers.recv().expect("the store thread lives");
        }
    }
}

/// A write of each kind, which belong together.
fn together(round: &str, n: u64, epoch: Epoch) -> StoreRequest {
    let key = format!("{round}-{n}");
    let chat = Write::Chat {
        room: room(ROOM),
        epoch,
        seq: Seq(n),
        key: key.clone(),
        at: Wall(0),
        body: json!(key),
        keep: NO_LIMIT,
    };
    // Of different lengths, so that pages split and overflow.
    let body = json!("x".repeat(usize::try_from(n * 37 % 1_500).expect("small")));
    let writes = vec![
        record("left", &key, Some(body)),
        settings(ROOM, epoch, json!(n)),
        chat,
        part(ROOM, epoch, "part", &key, Some(json!(n))),
        due(ROOM, epoch, Some(i64::try_from(n).expect("small"))),
        claim("right", &key, json!(n)),
    ];
    StoreRequest { id: StoreId(n), op: StoreOp::Commit(writes) }
}

fn open_room(engine: &mut dyn Engine) -> Epoch {
    let (epoch, _, _) = open(engine, ROOM);
    println!("epoch {}", epoch.0);
    epoch
}
