//! A publisher and subscribers through one worker, or two.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use parlour_sfu::Config;
use parlour_sfu::plan::{Command, Loss, Notice};
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
