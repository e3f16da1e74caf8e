use super::*;
use crate::window::Window;
use parlour_base::{ByteSize, Span};
use proptest::prelude::*;

fn flow(course: &Course) -> Flow {
    Flow::new(course, Way::Up, 7, Mono(0), Mono(0))
}

/// Everything it does until then, each deadline in turn.
fn drain(flow: &mut Flow, until: Mono) -> Vec<(Mono, FlowOutput)> {
    let mut all = Vec::new();
    while let Some(at) = flow.deadline().filter(|at| *at <= until) {
        flow.handle(at, FlowInput::Tick).expect("a tick fits");
        let before = all.len();
        while let Some(output) = flow.poll() {
            all.push((flow.now, output));
        }
        assert!(all.len() > before, "a deadline without a deed");
    }
    all
}

fn bytes(all: &[(Mono, FlowOutput)]) -> Vec<u8> {
    let of = |(_, output): &(Mono, FlowOutput)| match output {
        FlowOutput::Bytes(bytes) => bytes.clone(),
        _ => Vec::new(),
    };
    all.iter().flat_map(of).collect()
}

const LATE: Mono = Mono(u64::MAX);

#[test]
fn bytes_come_one_by_one_if_asked_for() {
    let mut flow = flow(&Course { piece_max: 1, ..Course::default() });
    flow.handle(Mono(0), FlowInput::Bytes(b"hello")).expect("fits");
    let all = drain(&mut flow, LATE);
    assert_eq!((all.len(), bytes(&all)), (5, b"hello".to_vec()));
}

#[test]
fn the_end_comes_after_the_last_byte() {
    let mut flow = flow(&Course { delay: Span::millis(20), rate_bps: 8_000, ..Course::default() });
    flow.handle(Mono(0), FlowInput::Bytes(b"hello")).expect("fits");
    flow.handle(Mono(0), FlowInput::End).expect("fits");
    let all = drain(&mut flow, LATE);
    assert_eq!(
        all,
        [(Mono(25_000), FlowOutput::Bytes(b"hello".to_vec())), (Mono(25_000), FlowOutput::End),]
    );
    flow.handle(Mono(30_000), FlowInput::Bytes(b"more")).expect("cut off");
    assert_eq!((flow.poll(), flow.counts().cut_bytes), (None, 4));
}

#[test]
fn a_full_buffer_takes_nothing_and_has_room_again() {
    let buffer = ByteSize(4);
    let mut flow = flow(&Course { buffer, delay: Span::secs(1), ..Course::default() });
    assert_eq!(flow.handle(Mono(0), FlowInput::Bytes(b"hello")), Err(Overflow));
    assert_eq!((flow.room(), flow.deadline()), (4, None));
    flow.handle(Mono(0), FlowInput::Bytes(b"hell")).expect("fits");
    assert_eq!(flow.room(), 0);
    assert_eq!(bytes(&drain(&mut flow, LATE)), b"hell");
    assert_eq!(flow.room(), 4);
}

#[test]
fn a_stall_ends_and_nothing_is_lost() {
    let stalls = vec![Window { at: Span::secs(1), lasting: Span::secs(1), every: None }];
    let mut flow = flow(&Course { stalls, ..Course::default() });
    let at = |secs: u64| Mono(secs * 1_000_000);
    flow.handle(at(1), FlowInput::Bytes(b"a")).expect("fits");
    assert_eq!(flow.deadline(), Some(at(2)));
    flow.handle(at(1), FlowInput::Stall(Duration::from_secs(4))).expect("fits");
    assert_eq!(flow.deadline(), Some(at(5)));
    flow.handle(at(4), FlowInput::Bytes(b"b")).expect("fits");
    assert_eq!(flow.poll(), None);
    assert_eq!(bytes(&drain(&mut flow, at(5))), b"ab");
}

#[test]
fn a_half_close_and_a_reset_come_at_the_exact_byte() {
    for (half_close_after, reset_after, last) in [
        (Some(ByteSize(3)), None, FlowOutput::End),
        (None, Some(ByteSize(3)), FlowOutput::Reset),
        (Some(ByteSize(9)), Some(ByteSize(3)), FlowOutput::Reset),
    ] {
        let mut flow = flow(&Course { half_close_after, reset_after, ..Course::default() });
        flow.handle(Mono(0), FlowInput::Bytes(b"hello")).expect("fits");
        let all = drain(&mut flow, LATE);
        assert_eq!(bytes(&all), b"hel");
        assert_eq!(all.last().map(|(_, output)| output), Some(&last));
        assert_eq!((flow.counts().cut_bytes, flow.deadline()), (2, None));
    }
}

#[test]
fn a_stream_that_is_cut_before_its_first_byte_ends_at_once() {
    let mut flow = flow(&Course { reset_after: Some(ByteSize(0)), ..Course::default() });
    assert_eq!(drain(&mut flow, LATE), [(Mono(0), FlowOutput::Reset)]);
}

prop_compose! {
    fn any_course()(
        delay in 0_u64..100,
        rate_bps in prop_oneof![Just(0_u64), 8_000_u64..20_000_000],
        piece_max in 0_u32..40,
        stall in prop::option::of((0_u64..3_000, 1_u64..500)),
        half_close_after in prop::option::of(0_u64..4_000),
        reset_after in prop::option::of(0_u64..4_000),
    ) -> Course {
        let stalls = stall.map(|(at, lasting)| Window {
            at: Span::millis(at), lasting: Span::millis(lasting), every: Some(Span::millis(600)),
        });
        Course {
            delay: Span::millis(delay),
            rate_bps,
            piece_max,
            stalls: stalls.into_iter().collect(),
            half_close_after: half_close_after.map(ByteSize),
            reset_after: reset_after.map(ByteSize),
            ..Course::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_arrives_is_a_beginning_of_what_was_sent_and_the_rest_is_counted(
        course in any_course(),
        writes in prop::collection::vec((0_u64..50_000, 0_usize..300), 0..40),
        ends: bool,
        seed: u64,
    ) {
        let run = || {
            let mut flow = Flow::new(&course, Way::Down, seed, Mono(0), Mono(0));
            let (mut now, mut sent, mut all) = (Mono(0), Vec::new(), Vec::new());
            for (pause, length) in &writes {
                now = now + Duration::from_micros(*pause);
                let from = sent.len();
                #[expect(clippy::cast_possible_truncation, reason = "any bytes will do")]
                sent.extend((from..from + length).map(|at| at as u8));
                flow.handle(now, FlowInput::Bytes(&sent[from..])).expect("far below the buffer");
                all.extend(drain(&mut flow, now));
            }
            if ends {
                flow.handle(now, FlowInput::End).expect("an end fits");
            }
            all.extend(drain(&mut flow, LATE));
            (sent, all, *flow.counts())
        };
        let (sent, all, counts) = run();
        let arrived = bytes(&all);
        prop_assert!(sent.starts_with(&arrived));
        prop_assert!(all.is_sorted_by_key(|(at, _)| *at));
        prop_assert_eq!(counts.taken_bytes, counts.delivered_bytes + counts.cut_bytes);
        let limit = course.half_close_after.into_iter().chain(course.reset_after).min();
        let whole = limit.is_none_or(|limit| limit.0 > sent.len() as u64);
        prop_assert_eq!(arrived.len() == sent.len(), whole || limit == Some(ByteSize(sent.len() as u64)));
        let last = all.last().map(|(_, output)| output.clone());
        prop_assert_eq!(last == Some(FlowOutput::End) || last == Some(FlowOutput::Reset), ends || !whole);
        if course.piece_max > 0 {
            let most = course.piece_max as usize;
            prop_assert!(all.iter().all(|(_, output)| !matches!(output, FlowOutput::Bytes(b) if b.len() > most)));
        }
        prop_assert_eq!((sent, all, counts), run());
    }
}
