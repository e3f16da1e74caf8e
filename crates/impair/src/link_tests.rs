use super::*;
use crate::pipe::tests::{any_path, any_traffic};
use crate::profile::Path;
use crate::share::Share;
use crate::window::Window;
use parlour_base::Span;
use proptest::prelude::*;

fn ms(millis: u64) -> Mono {
    Mono(millis * 1_000)
}

fn packet(way: Way, body: u32) -> Input<u32> {
    Input::Packet { way, length: 100, body }
}

/// What comes out, each with the time it was asked for at: every deadline in
/// turn.
fn drain<T: Clone>(link: &mut Link<T>, until: Mono) -> Vec<(Mono, Output<T>)> {
    let mut all = Vec::new();
    while let Some(at) = link.deadline().filter(|at| *at <= until) {
        link.handle(at, Input::Tick);
        while let Some(output) = link.poll() {
            all.push((link.now, output));
        }
    }
    all
}

fn bodies(all: &[(Mono, Output<u32>)], of: Way) -> Vec<u32> {
    let body = |(_, output): &(Mono, Output<u32>)| match output {
        Output::Packet { way, body, .. } if *way == of => Some(*body),
        _ => None,
    };
    all.iter().filter_map(body).collect()
}

#[test]
fn each_way_has_its_own_path() {
    let slow = Path { delay: Span::millis(50), ..Path::default() };
    let profile = Profile { down: slow, ..Profile::default() };
    let mut link = Link::new(&profile, 1, ms(0), ms(0));
    link.handle(ms(1), packet(Way::Down, 7));
    link.handle(ms(2), packet(Way::Up, 8));
    assert!(matches!(link.poll(), Some(Output::Packet { way: Way::Up, body: 8, .. })));
    assert_eq!((link.poll(), link.deadline()), (None, Some(ms(51))));
    assert_eq!(bodies(&drain(&mut link, ms(99)), Way::Down), [7]);
    assert_eq!(link.held(), 0);
}

#[test]
fn a_copy_follows_its_original() {
    let path = Path { duplicate: Share::ALL, ..Path::default() };
    let mut link = Link::new(&Profile::both_ways(&path), 1, ms(0), ms(0));
    for body in [1, 2] {
        link.handle(ms(0), packet(Way::Up, body));
    }
    assert_eq!(bodies(&drain(&mut link, ms(1)), Way::Up), [1, 1, 2, 2]);
}

#[test]
fn what_is_held_back_is_overtaken() {
    let path =
        Path { reorder: Share::percent(50), reorder_by: Span::millis(10), ..Path::default() };
    let mut link = Link::new(&Profile::both_ways(&path), 2, ms(0), ms(0));
    for body in 0..100 {
        link.handle(ms(0), packet(Way::Up, body));
    }
    let all = bodies(&drain(&mut link, ms(50)), Way::Up);
    let held_back = usize::try_from(link.counts(Way::Up).reordered).unwrap();
    assert!((30..70).contains(&held_back));
    assert!(all[..100 - held_back].is_sorted() && all[100 - held_back..].is_sorted());
    assert!(!all.is_sorted());
}

#[test]
fn the_address_changes_when_the_profile_says_and_on_demand() {
    let rebinds = vec![Moment { at: Span::secs(2), every: Some(Span::secs(3)) }];
    let profile = Profile { rebinds, ..Profile::default() };
    let mut link = Link::<u32>::new(&profile, 1, ms(0), ms(2_500));
    let all = drain(&mut link, ms(9_000));
    let times: Vec<_> = all.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [ms(5_000), ms(8_000)]);
    link.handle(ms(9_000), Input::Rebind);
    assert_eq!((link.poll(), link.poll()), (Some(Output::Rebind), None));
}

#[test]
fn a_clock_that_leaps_brings_one_change_of_address() {
    let rebinds = vec![Moment { at: Span::millis(0), every: Some(Span::millis(1)) }];
    let profile = Profile { rebinds, ..Profile::default() };
    let mut link = Link::<u32>::new(&profile, 1, ms(0), ms(0));
    link.handle(ms(1_000_000_000), Input::Tick);
    assert_eq!((link.poll(), link.poll()), (Some(Output::Rebind), None));
    assert_eq!(link.deadline(), Some(ms(1_000_000_001)));
}

#[test]
fn another_profile_begins_at_its_own_time() {
    let mut link = Link::new(&Profile::default(), 1, ms(0), ms(0));
    let window = Window { at: Span::secs(1), lasting: Span::secs(1), every: None };
    let dark = Profile { blackouts: vec![window], ..Profile::default() };
    link.handle(ms(10_000), Input::Change(Box::new(dark), ms(9_500)));
    for (at, arrives) in [(10_400, true), (10_500, false), (11_499, false), (11_500, true)] {
        link.handle(ms(at), packet(Way::Down, 1));
        assert_eq!(link.poll().is_some(), arrives, "at {at}");
    }
}

#[test]
fn an_ordered_blackout_is_both_ways() {
    let mut link = Link::new(&Profile::default(), 1, ms(0), ms(0));
    link.handle(ms(5), Input::Blackout(Duration::from_secs(5)));
    for way in Way::BOTH {
        link.handle(ms(6), packet(way, 1));
    }
    assert_eq!(link.poll(), None);
    link.handle(ms(5_005), packet(Way::Up, 2));
    assert!(link.poll().is_some());
}

#[test]
fn too_many_on_the_way_are_dropped_and_counted() {
    let path = Path { delay: Span::secs(60), ..Path::default() };
    let mut link = Link::new(&Profile::both_ways(&path), 1, ms(0), ms(0));
    for body in 0..u32::try_from(HELD_MAX).unwrap() + 5 {
        link.handle(ms(0), packet(Way::Up, body));
    }
    assert_eq!((link.held(), link.counts(Way::Up).full), (HELD_MAX, 5));
    let mut link = Link::new(&Profile::both_ways(&path), 1, ms(0), ms(0));
    for _ in 0..3 {
        link.handle(ms(0), Input::Packet { way: Way::Up, length: HELD_BYTES_MAX / 2, body: 0 });
    }
    assert_eq!((link.held(), link.counts(Way::Up).full), (2, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_link_repeats_itself_and_counts_everything(
        up in any_path(), down in any_path(), traffic in any_traffic(), seed: u64,
    ) {
        let profile = Profile { up, down, ..Profile::default() };
        let run = || {
            let mut link = Link::new(&profile, seed, ms(0), ms(0));
            let (mut now, mut all) = (ms(0), Vec::new());
            for (body, (pause, length)) in traffic.iter().enumerate() {
                now = now + Duration::from_micros(*pause);
                let way = Way::BOTH[body % 2];
                link.handle(now, Input::Packet { way, length: *length, body });
                all.extend(drain(&mut link, now));
                for way in Way::BOTH {
                    let counts = link.counts(way);
                    let dropped = counts.dropped() - counts.full;
                    prop_assert_eq!(counts.offered + counts.copied, counts.passed + dropped);
                }
            }
            all.extend(drain(&mut link, Mono(u64::MAX)));
            Ok((all, Way::BOTH.map(|way| *link.counts(way))))
        };
        let (all, counts) = run()?;
        prop_assert!(all.is_sorted_by_key(|(at, _)| *at));
        prop_assert_eq!(&(all, counts), &run()?);
        for counts in counts {
            prop_assert_eq!(counts.passed, counts.delivered + counts.full);
        }
    }
}
