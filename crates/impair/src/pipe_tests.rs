use super::*;
use crate::profile;
use crate::share::Share;
use parlour_base::{ByteSize, Span};
use proptest::prelude::*;

fn pipe(path: &Path, seed: u64) -> Pipe {
    Pipe::new(path, &[], Way::Up, seed, Mono(0))
}

fn dropped(path: &Path, seed: u64, count: u64) -> Vec<bool> {
    let mut pipe = pipe(path, seed);
    (0..count).map(|at| matches!(pipe.send(Mono(at), 100), Fate::Dropped(_))).collect()
}

#[test]
fn a_clean_path_delivers_everything_at_once() {
    let mut pipe = pipe(&Path::default(), 1);
    let first = Arrival { at: Mono(7), flip: None };
    assert_eq!(pipe.send(Mono(7), 1_200), Fate::Arrives { first, copy: None });
}

#[test]
fn as_much_is_lost_as_was_asked_for() {
    let path = Path { loss: Share::percent(5), ..Path::default() };
    let lost = dropped(&path, 3, 100_000).iter().filter(|lost| **lost).count();
    assert!((4_700..5_300).contains(&lost), "{lost} of 100,000");
}

#[test]
fn bursts_are_as_long_and_as_many_as_was_asked_for() {
    let burst =
        profile::Burst { enter: Share::percent(1), leave: Share::percent(20), loss: Share::ALL };
    let lost = dropped(&Path { burst, ..Path::default() }, 4, 200_000);
    let all = lost.iter().filter(|lost| **lost).count();
    let begins = lost.windows(2).filter(|pair| pair == &[false, true]).count();
    let share = all as f64 / lost.len() as f64;
    let length = all as f64 / begins as f64;
    assert!((0.042..0.053).contains(&share), "share {share}");
    assert!((4.6..5.4).contains(&length), "length {length}");
}

#[test]
fn the_directions_of_one_seed_have_nothing_in_common() {
    let path = Path { loss: Share::percent(50), ..Path::default() };
    let fates = |way| {
        let mut pipe = Pipe::new(&path, &[], way, 9, Mono(0));
        (0..64).map(|at| pipe.send(Mono(at), 1)).collect::<Vec<_>>()
    };
    assert_ne!(fates(Way::Up), fates(Way::Down));
}

#[test]
fn nothing_enters_in_a_blackout_and_everything_afterwards() {
    let window = Window { at: Span::secs(1), lasting: Span::secs(2), every: None };
    let mut pipe = Pipe::new(&Path::default(), &[window], Way::Up, 1, Mono(0));
    let dark = |fate| fate == Fate::Dropped(Cause::Blackout);
    assert!(!dark(pipe.send(Mono(999_999), 1)));
    assert!(dark(pipe.send(Mono(1_000_000), 1)) && dark(pipe.send(Mono(2_999_999), 1)));
    assert!(!dark(pipe.send(Mono(3_000_000), 1)));
    pipe.black_out(Mono(4_000_000));
    assert!(dark(pipe.send(Mono(3_999_999), 1)) && !dark(pipe.send(Mono(4_000_000), 1)));
    assert_eq!(pipe.counts().blackout, 3);
}

#[test]
fn what_is_too_large_does_not_get_through() {
    let path = Path { size_max: 1_200, ..Path::default() };
    let mut pipe = pipe(&path, 1);
    assert!(matches!(pipe.send(Mono(0), 1_200), Fate::Arrives { .. }));
    assert_eq!(pipe.send(Mono(0), 1_201), Fate::Dropped(Cause::Size));
    assert_eq!(pipe.counts().size, 1);
}

#[test]
fn what_finds_the_queue_full_is_dropped() {
    let path = Path {
        rate_bps: 8_000_000,
        queue_bytes: ByteSize(3_000),
        queue: Span::secs(1),
        ..Path::default()
    };
    let mut pipe = pipe(&path, 1);
    let fates: Vec<_> = (0..4).map(|_| pipe.send(Mono(0), 1_000)).collect();
    assert!(matches!(fates[2], Fate::Arrives { first, .. } if first.at == Mono(3_000)));
    assert_eq!(fates[3], Fate::Dropped(Cause::Queue));
    assert!(matches!(pipe.send(Mono(1_000), 1_000), Fate::Arrives { .. }));
}

#[test]
fn a_queue_is_also_as_short_as_its_time() {
    let path = Path { rate_bps: 8_000_000, queue: Span::millis(2), ..Path::default() };
    let mut pipe = pipe(&path, 1);
    let room = (0..9).filter(|_| matches!(pipe.send(Mono(0), 1_000), Fate::Arrives { .. }));
    assert_eq!(room.count(), 2);
}

#[test]
fn a_corrupted_datagram_differs_in_one_bit() {
    let path = Path { corrupt: Share::ALL, ..Path::default() };
    let mut pipe = pipe(&path, 5);
    for length in 1..200 {
        let Fate::Arrives { first, .. } = pipe.send(Mono(0), length) else { panic!("dropped") };
        let mut bytes = vec![0; length];
        first.flip.expect("corrupt").apply(&mut bytes);
        assert_eq!(bytes.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
    }
    assert!(matches!(pipe.send(Mono(0), 0), Fate::Arrives { first, .. } if first.flip.is_none()));
}

fn share() -> impl Strategy<Value = Share> {
    prop_oneof![Just(Share::NONE), (0_u32..=1_000_000).prop_map(Share::millionths)]
}

prop_compose! {
    /// Any path.
    pub(crate) fn any_path()(
        shares in prop::array::uniform7(share()),
        delay in 0_u64..200,
        jitter in 0_u64..100,
        reorder_by in 0_u64..100,
        keep_order: bool,
        rate_bps in prop_oneof![Just(0_u64), 1_000_u64..20_000_000],
        queue_bytes in 1_u64..100_000,
        queue in 0_u64..2_000,
        size_max in prop_oneof![Just(0_u32), 100_u32..1_500],
    ) -> Path {
        let [loss, enter, leave, bad, reorder, duplicate, corrupt] = shares;
        Path {
            size_max,
            loss,
            burst: profile::Burst { enter, leave, loss: bad },
            delay: Span::millis(delay),
            jitter: Span::millis(jitter),
            keep_order,
            reorder,
            reorder_by: Span::millis(reorder_by),
            duplicate,
            corrupt,
            rate_bps,
            queue_bytes: ByteSize(queue_bytes),
            queue: Span::millis(queue),
        }
    }
}

/// Datagrams: pauses before them in microseconds, and their lengths.
pub(crate) fn any_traffic() -> impl Strategy<Value = Vec<(u64, usize)>> {
    prop::collection::vec((0_u64..20_000, 0_usize..1_500), 1..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_same_seed_and_input_give_the_same_fate(
        path in any_path(), traffic in any_traffic(), seed: u64,
    ) {
        let run = || {
            let mut pipe = pipe(&path, seed);
            let mut now = Mono(0);
            let fates: Vec<_> = traffic.iter().map(|(pause, length)| {
                now = now + Duration::from_micros(*pause);
                pipe.send(now, *length)
            }).collect();
            (fates, *pipe.counts())
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn nothing_is_lost_that_is_not_counted(
        path in any_path(), traffic in any_traffic(), seed: u64,
    ) {
        let mut pipe = pipe(&path, seed);
        let (mut now, mut arrived) = (Mono(0), 0_u64);
        for (pause, length) in &traffic {
            now = now + Duration::from_micros(*pause);
            if let Fate::Arrives { first, copy } = pipe.send(now, *length) {
                arrived += 1 + u64::from(copy.is_some());
                prop_assert!(first.at >= now + path.delay.0);
                prop_assert!(copy.is_none_or(|copy| copy.at >= now + path.delay.0));
            }
        }
        let counts = pipe.counts();
        prop_assert_eq!(counts.offered, u64::try_from(traffic.len()).unwrap());
        prop_assert_eq!(counts.passed, arrived);
        prop_assert_eq!(counts.offered + counts.copied, counts.passed + counts.dropped());
    }

    #[test]
    fn order_is_kept_when_asked_for(path in any_path(), traffic in any_traffic(), seed: u64) {
        let path = Path { keep_order: true, reorder: Share::NONE, ..path };
        let mut pipe = pipe(&path, seed);
        let (mut now, mut latest) = (Mono(0), Mono(0));
        for (pause, length) in &traffic {
            now = now + Duration::from_micros(*pause);
            if let Fate::Arrives { first, copy } = pipe.send(now, *length) {
                prop_assert!(first.at >= latest);
                latest = copy.map_or(first.at, |copy| copy.at);
                prop_assert!(latest >= first.at);
            }
        }
    }

    #[test]
    fn the_rate_and_the_queue_are_never_exceeded(
        path in any_path(), traffic in any_traffic(), seed: u64, rate in 1_000_u64..20_000_000,
    ) {
        // Without jitter, arrivals are the bottleneck's departures, moved.
        let still = Span::millis(0);
        let path = Path { jitter: still, reorder: Share::NONE, rate_bps: rate, ..path };
        let mut pipe = pipe(&path, seed);
        let (mut now, mut arrivals) = (Mono(0), Vec::new());
        for (pause, length) in &traffic {
            now = now + Duration::from_micros(*pause);
            if let Fate::Arrives { first, copy } = pipe.send(now, *length) {
                for arrival in std::iter::once(first).chain(copy) {
                    arrivals.push((arrival.at.0, *length));
                    let waited = arrival.at.since(now).saturating_sub(path.delay.0);
                    prop_assert!(waited <= path.queue.0.max(Duration::from_micros(1)) + Duration::from_micros(1));
                    let bits = waited.as_micros() * u128::from(rate) / 1_000_000;
                    prop_assert!(bits / 8 <= u128::from(path.queue_bytes.0) + 1 + u128::from(rate) / 8_000_000);
                }
            }
        }
        for (at, (begin, _)) in arrivals.iter().enumerate() {
            let mut bytes = 0_u128;
            // What arrives after `begin` left the bottleneck after it, too.
            for (end, length) in &arrivals[at + 1..] {
                bytes += u128::try_from(*length).unwrap();
                let time = u128::from(end - begin + 1);
                prop_assert!(bytes * 8 * 1_000_000 <= time * u128::from(rate));
            }
        }
    }
}
