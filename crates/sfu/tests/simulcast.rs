//! Layers: which one a subscriber gets, and what a change looks like to it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use parlour_sfu::Config;
use parlour_sfu::plan::Command;
use support::{World, read_picture};

fn layers(world: &World, at: usize, from: usize) -> Vec<u8> {
    let pictures = world.clients[at].pictures();
    pictures[from..].iter().map(|(_, packet)| read_picture(&packet.payload).3).collect()
}

#[test]
fn low_subscribers_get_the_last_layer_and_others_the_first() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &["h", "l"]);
    world.connect(&[alice]);
    let [bob, carol] = [false, true].map(|low| world.subscriber(alice, low, true));
    world.connect(&[bob, carol]);
    world.run(1_000);
    for (at, layer) in [(bob, 0), (carol, 1)] {
        let seen = layers(&world, at, 0);
        assert!(seen.len() > 100 && seen.iter().all(|seen| *seen == layer), "{at}");
    }
}

#[test]
fn a_change_of_layer_is_continuous_for_the_receiver() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &["h", "l"]);
    world.connect(&[alice]);
    let bob = world.subscriber(alice, false, true);
    world.connect(&[bob]);
    world.run(6_000);
    let before = world.clients[bob].pictures().len();
    let mut sections = world.clients[bob].sections.clone();
    sections[1].low = true;
    let local = world.credentials(0);
    let (peer, source) = (world.clients[bob].peer, world.clients[alice].peer);
    world.command(0, Command::Down { peer, source, local, sections });
    world.run(1_000);
    let changed = layers(&world, bob, before);
    assert_eq!(changed.last(), Some(&1));
    assert_eq!(world.workers[0].stats().layer_switches, 1);
    let pictures = world.clients[bob].pictures();
    let (mut changes, mut last_id) = (0, None);
    for pair in pictures.windows(2) {
        let [a, b] = [pair[0].1, pair[1].1];
        let [a_read, b_read] = [&a.payload, &b.payload].map(|payload| read_picture(payload));
        assert_eq!(*a.seq_no + 1, *b.seq_no, "no gap in numbers");
        let step = b.header.timestamp.wrapping_sub(a.header.timestamp);
        assert!(step <= 4_000, "timestamps go on: {step}");
        if a_read.3 != b_read.3 {
            changes += 1;
            assert!(b_read.2 && b_read.1 == 0, "at a key frame");
            assert!(step > 0);
        }
        if last_id.is_some_and(|id| id != b_read.4) {
            assert_eq!(b_read.4, (last_id.unwrap() + 1) & 0x7FFF, "picture ids go on");
        }
        last_id = Some(b_read.4);
    }
    assert_eq!(changes, 1);
}

#[test]
fn a_silent_layer_is_replaced_and_comes_back() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &["h", "l"]);
    world.connect(&[alice]);
    let bob = world.subscriber(alice, false, true);
    world.connect(&[bob]);
    world.run(1_000);
    world.clients[alice].video.paused_layers = vec![0];
    world.run(2_500);
    let before = world.clients[bob].pictures().len();
    assert_eq!(layers(&world, bob, 0).last(), Some(&1));
    world.clients[alice].video.paused_layers.clear();
    world.run(1_500);
    assert_eq!(layers(&world, bob, before).last(), Some(&0));
    assert_eq!(world.workers[0].stats().layer_switches, 2);
    let asked = world.clients[alice].keyframes_asked.len();
    assert!(asked <= 6, "{asked} key frames asked for");
    for pair in world.clients[bob].pictures().windows(2) {
        assert_eq!(*pair[0].1.seq_no + 1, *pair[1].1.seq_no, "no gap in numbers");
    }
}
