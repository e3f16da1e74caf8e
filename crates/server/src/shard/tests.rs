//! The shard's thread with a machine that does what the test says.

use super::*;
use crate::outgoing::{Order, Room, queue};
use crate::pool::Pool;
use parlour_base::storage::{StoreId, StoreOp};
use std::thread;

/// Answers each input with what `react` says.
struct Puppet<F> {
    react: F,
    out: VecDeque<Output>,
    seen: flume::Sender<String>,
}

impl<F: FnMut(&Input) -> Vec<Output>> Control for Puppet<F> {
    fn handle(&mut self, _now: Now, input: Input) {
        self.out.extend((self.react)(&input));
        let text = format!("{input:?}");
        self.seen.send(text).expect("the test listens");
    }

    fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    fn deadline(&self) -> Option<Mono> {
        None
    }
}

/// Runs a puppet with a store that is always busy, and a pool without a place,
/// until `talk` is done and it has seen so many inputs; tells what it saw.
fn play(
    react: impl FnMut(&Input) -> Vec<Output> + Send + 'static,
    inputs_min: usize,
    talk: impl FnOnce(&Mailbox),
) -> Vec<String> {
    let counters = Arc::<Counters>::default();
    let (post, letters) = mailbox(Arc::clone(&counters));
    let (seen, inputs) = flume::bounded(MAIL_MAX);
    // The thread is held by its first job, and the second fills the queue.
    let (hold, held) = flume::bounded::<()>(0);
    let (took, taken) = flume::bounded::<()>(1);
    let stuck = Pool::start("stuck", 1, 1, move |_: ReadJob| {
        took.send(()).ok();
        held.recv().ok();
    })
    .expect("a pool");
    let groups = stuck.sender();
    let idle = ReadJob { errand: ErrandId(0), name: String::new() };
    groups.give(idle).expect("room for one");
    taken.recv().expect("taken");
    while groups.give(ReadJob { errand: ErrandId(0), name: String::new() }).is_ok() {}
    let passwords = Pool::start("none", 1, 1, |_: CheckJob| {}).expect("a pool").sender();
    let hands = Hands {
        store: Box::new(Err),
        passwords,
        groups,
        workers: Vec::new(),
        notices: Box::new(|_| {}),
        fetches: Box::new(|id, _| Err(id)),
        keeper: Box::new(|id, _| Err(id)),
    };
    let (drained, _) = watch::channel(false);
    let desk = Desk { letters, hands, clock: Clock::start(), drained, counters };
    let body = move || run(&mut Puppet { react, out: VecDeque::new(), seen }, desk);
    let thread = thread::Builder::new().spawn(body).expect("a thread");
    talk(&post);
    let patience = Duration::from_secs(10);
    let next = || inputs.recv_timeout(patience).expect("an input in time");
    let mut all: Vec<String> = (0..inputs_min).map(|_| next()).collect();
    post.stop();
    thread.join().expect("no panic");
    drop(hold);
    all.extend(inputs.try_iter());
    all
}

#[test]
fn a_busy_store_and_a_full_pool_are_answered_in_the_same_step() {
    let react = |input: &Input| match input {
        Input::Shutdown => vec![
            Output::Store(StoreRequest {
                id: StoreId(7),
                op: StoreOp::LoadDirectory { kinds: Vec::new() },
            }),
            Output::ReadGroup { errand: ErrandId(8), name: "a".to_owned() },
        ],
        _ => Vec::new(),
    };
    let seen = play(react, 4, |post| post.post_blocking(Mail::Shutdown).expect("it listens"));
    let seen: Vec<&str> = seen.iter().map(|text| text.split('(').next().unwrap_or("")).collect();
    assert!(seen.starts_with(&["Tick", "Shutdown", "Stored", "GroupRead"]), "{seen:?}");
}

#[test]
fn a_connection_that_overflows_is_forgotten_and_others_are_not() {
    let react = |input: &Input| match input {
        Input::Shutdown => {
            let send = |conn| Output::Send { conn: ConnId(conn), text: "x".into() };
            vec![send(1), send(1), send(1), send(2)]
        }
        _ => Vec::new(),
    };
    let room = |frames| Room { frames, bytes: 100 };
    let (narrow, mut first) = queue(room(1), Arc::default());
    let (wide, mut second) = queue(room(10), Arc::default());
    play(react, 4, |post| {
        let remote = || Pii(SocketAddr::from(([127, 0, 0, 1], 1)));
        post.post_blocking(Mail::Opened(ConnId(1), remote(), narrow)).expect("it listens");
        post.post_blocking(Mail::Opened(ConnId(2), remote(), wide)).expect("it listens");
        post.post_blocking(Mail::Shutdown).expect("it listens");
    });
    let text = || Some(Order::Text("x".into()));
    assert_eq!((first.ready(), first.ready()), (text(), None));
    assert_eq!((second.ready(), second.ready()), (text(), None));
}

#[test]
fn the_end_waits_for_no_letter() {
    // The first letter takes until the mailbox behind it is full.
    let (go, gone) = flume::bounded::<()>(1);
    let (begin, begun) = flume::bounded::<()>(1);
    let react = move |input: &Input| {
        if matches!(input, Input::Closed(ConnId(0))) {
            begin.send(()).ok();
            gone.recv().ok();
        }
        Vec::new()
    };
    let seen = play(react, 2, |post| {
        post.post_blocking(Mail::Closed(ConnId(0))).expect("it listens");
        begun.recv().expect("it is opened");
        for conn in 1.. {
            if post.try_post(Mail::Closed(ConnId(conn))).is_err() {
                break;
            }
        }
        post.stop();
        go.send(()).ok();
    });
    assert_eq!(seen, ["Tick", "Closed(ConnId(0))"]);
}

#[tokio::test]
async fn a_question_gets_its_answer_and_a_dead_shard_none() {
    let react = |input: &Input| match input {
        Input::Query(id, Query::Gauges) => {
            vec![Output::Reply(
                *id,
                Reply::Gauges(crate::port::Gauges { rooms: 3, ..Default::default() }),
            )]
        }
        _ => Vec::new(),
    };
    let handle = tokio::runtime::Handle::current();
    let asked = tokio::task::spawn_blocking(move || {
        let mut answers = Vec::new();
        play(react, 2, |post| {
            answers.push(handle.block_on(post.ask(Query::Gauges)));
            post.stop();
            // The letter after the stop is never opened.
            answers.push(handle.block_on(post.ask(Query::Gauges)));
        });
        answers
    });
    let answers = asked.await.expect("no panic");
    assert!(matches!(answers.first(), Some(Some(Reply::Gauges(gauges))) if gauges.rooms == 3));
    assert!(matches!(answers.get(1), Some(None)));
}
