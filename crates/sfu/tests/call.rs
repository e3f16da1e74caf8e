//! A publisher and subscribers through one worker, or two.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use parlour_sfu::Config;
use parlour_sfu::plan::{LiveTrack, Notice};
use std::collections::BTreeSet;
use support::{World, read_picture};

#[test]
fn sound_and_picture_flow_from_publisher_to_subscriber() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    let bob = world.subscriber(alice, false, true);
    world.connect(&[alice, bob]);
    world.run(3_000);
    let bob = &world.clients[bob];
    let sounds = bob.sounds();
    assert!(sounds.len() > 140, "{} {:?}", sounds.len(), world.workers[0].stats());
    let pictures = bob.pictures();
    assert!(pictures.len() > 80 * 6, "{} {:?}", pictures.len(), world.workers[0].stats());
    let (_, _, key, ..) = read_picture(&pictures[0].1.payload);
    assert!(key, "the first packet begins a key frame");
    for pair in pictures.windows(2) {
        let [before, after] = [&pair[0].1, &pair[1].1];
        assert_eq!(*before.seq_no + 1, *after.seq_no);
    }
    let stats = world.workers[0].stats();
    assert!(stats.bursts[2..].iter().sum::<u64>() > 80, "{stats:?}");
    assert_eq!(stats.dropped.unauthentic + stats.dropped.outbox + stats.dropped.unbound, 0);
}

/// The parts of all frames between the first and the last complete one.
fn missing(world: &World, at: usize) -> (usize, usize) {
    let parts: BTreeSet<(u64, u8)> = world.clients[at]
        .pictures()
        .iter()
        .map(|(_, packet)| read_picture(&packet.payload))
        .map(|(frame, part, ..)| (frame, part))
        .collect();
    let (first, last) = (parts.first().unwrap().0 + 1, parts.last().unwrap().0 - 8);
    let per_frame = world.clients[0].video.packets_per_frame as u8;
    let all = (first..last).flat_map(|frame| (0..per_frame).map(move |part| (frame, part)));
    let lost = all.clone().filter(|place| !parts.contains(place)).count();
    (lost, all.count())
}

#[test]
fn lost_packets_come_again_in_both_directions() {
    for rtx in [true, false] {
        let mut world = World::new(Config::default(), 1);
        let alice = world.publisher(0, &[]);
        world.connect(&[alice]);
        let bob = world.subscriber(alice, false, rtx);
        world.connect(&[alice, bob]);
        world.run(100);
        world.clients[bob].insist_on_nacks();
        world.loss = 10;
        world.run(5_000);
        world.loss = 0;
        world.run(1_500);
        let stats = world.workers[0].stats();
        let (lost, all) = missing(&world, bob);
        assert!(stats.nacks_out > 10 && stats.recovered > 10, "{stats:?}");
        assert!(stats.resends > 10, "{stats:?}");
        assert!(lost * 100 <= all, "{lost} of {all} lost, rtx {rtx}: {stats:?}");
        assert_eq!(stats.dropped.unauthentic, 0);
    }
}

#[test]
fn a_late_joiner_begins_with_the_cached_group_or_a_fresh_key_frame() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    world.run(400);
    let bob = world.subscriber(alice, false, true);
    world.connect(&[bob]);
    world.run(300);
    let first = world.clients[bob].pictures()[0].1;
    assert_eq!(read_picture(&first.payload).0, 0, "the very first frame is replayed");
    let stats = world.workers[0].stats();
    assert_eq!((stats.replays, stats.keyframe_requests_out), (1, 0));
    assert_eq!(missing(&world, bob).0, 0);

    world.run(6_000);
    assert_eq!(world.clients[alice].keyframes_asked.len(), 0);
    let carol = world.subscriber(alice, false, true);
    world.connect(&[carol]);
    world.run(300);
    assert_eq!(world.clients[alice].keyframes_asked.len(), 1);
    let (frame, part, key, ..) = read_picture(&world.clients[carol].pictures()[0].1.payload);
    assert_eq!((frame, part, key), (world.clients[alice].video.last_key_frame, 0, true));
    assert_eq!(missing(&world, bob).0, 0);
}

#[test]
fn key_frame_requests_of_many_become_few() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    let others: Vec<usize> = (0..8).map(|_| world.subscriber(alice, false, true)).collect();
    world.connect(&others);
    world.run(1_000);
    let before = world.workers[0].stats();
    for _ in 0..200 {
        for at in &others {
            let ssrc = world.clients[*at].sections[1].ssrc;
            world.clients[*at].ask(ssrc);
        }
        world.run(10);
    }
    let after = world.workers[0].stats();
    assert!(after.keyframe_requests_in - before.keyframe_requests_in > 20, "{after:?}");
    let sent = after.keyframe_requests_out - before.keyframe_requests_out;
    assert!((2..=5).contains(&sent), "{sent} in two seconds");
}

#[test]
fn the_notice_of_live_tracks_names_what_is_sent() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    world.run(1_000);
    let mids = world.mids(alice);
    let live = |mid: &str, payload_type| LiveTrack { mid: mid.to_owned(), payload_type };
    let expected = Notice::Live {
        peer: world.clients[alice].peer,
        tracks: vec![live(&mids[0], 111), live(&mids[1], 96)],
    };
    let told: Vec<_> =
        world.notices.iter().filter(|notice| matches!(notice, Notice::Live { .. })).collect();
    assert_eq!(told, [&expected]);
}

#[test]
fn a_publisher_without_pictures_is_live_with_sound_after_a_while() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.clients[alice].video.paused = true;
    world.connect(&[alice]);
    world.run(1_000);
    let told = |world: &World| -> Vec<usize> {
        let live = world.notices.iter().filter_map(|notice| match notice {
            Notice::Live { tracks, .. } => Some(tracks.len()),
            _ => None,
        });
        live.collect()
    };
    assert_eq!(told(&world), [1]);
    world.clients[alice].video.paused = false;
    world.run(200);
    assert_eq!(told(&world), [1, 2]);
}

#[test]
fn subscribers_get_reports_that_keep_sound_and_picture_together() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    let bob = world.subscriber(alice, false, true);
    world.connect(&[bob]);
    world.run(8_000);
    let bob = &world.clients[bob];
    let skew = |(at, packet): &(u64, &str0m::rtp::RtpPacket), rate: u32| {
        let info = packet.last_sender_info.as_ref().expect("a sender report came");
        let ahead = (packet.header.timestamp.wrapping_sub(info.rtp_time.numer() as u32)) as i32;
        let ntp = info.ntp_time;
        (*at as f64, f64::from(ahead) / f64::from(rate), ntp)
    };
    let (_, sound, sound_ntp) = skew(bob.sounds().last().unwrap(), 48_000);
    let (_, picture, picture_ntp) = skew(bob.pictures().last().unwrap(), 90_000);
    // Both were captured at the same moment, give or take a frame.
    let apart = match sound_ntp.duration_since(picture_ntp) {
        Ok(later) => later.as_secs_f64() + sound - picture,
        Err(sooner) => sound - picture - sooner.duration().as_secs_f64(),
    };
    assert!(apart.abs() < 0.06, "{apart} s apart");
    assert!(world.workers[0].stats().rtcp_out > 10);
}

#[test]
fn two_workers_find_the_peers_of_each_other() {
    let mut world = World::new(Config::default(), 2);
    let alice = world.publisher(1, &[]);
    world.lands_at = Some(0);
    world.connect(&[alice]);
    let bob = world.subscriber(alice, false, true);
    world.connect(&[bob]);
    world.run(1_000);
    assert!(world.clients[bob].pictures().len() > 100);
    let [first, second] = [0, 1].map(|at| world.workers[at].stats());
    assert!(first.forwarded > 100 && first.rtp_in == 0, "{first:?}");
    assert!(second.rtp_in > 100 && second.forwarded == 0, "{second:?}");
}

#[test]
fn our_feedback_lets_a_publisher_find_its_rate() {
    let mut world = World::new(Config::default(), 1);
    world.estimates = true;
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    world.run(6_000);
    let estimate = world.clients[alice].estimate;
    assert!(estimate > 1_000_000, "{estimate} bit/s after {:?}", world.workers[0].stats());
}
