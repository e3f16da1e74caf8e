//! What a connected peer keeps in memory, counted by the allocator: no clock,
//! no resident set, the same figure on every machine.
//!
//! A worker with many peers is built, everybody else is dropped, and what
//! dropping the worker gives back is what it held. Two worlds of different
//! size tell the cost of one more peer from what a worker needs anyway. What
//! the crypto library takes from C's allocator is not in it: a `LessSafeKey`
//! is about 600 bytes there, and a peer with its keys has four.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use parlour_sfu::Config;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use support::World;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn live() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Bytes that a worker gives back when it is dropped, after `build`.
fn held(build: impl FnOnce() -> World) -> usize {
    let mut world = build();
    let worker = world.workers.remove(0);
    drop(world);
    let before = live();
    drop(worker);
    before - live()
}

/// What one more peer costs, from worlds with few and with many of them.
fn each(world: impl Fn(usize) -> World) -> usize {
    let [few, many] = [16, 80].map(|count| held(|| world(count)));
    (many - few) / 64
}

/// Subscribers of one silent publisher, all connected.
fn subscribers(count: usize) -> World {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.clients[alice].sends = false;
    world.connect(&[alice]);
    for _ in 0..count {
        let bob = world.subscriber(alice, false, true);
        world.connect(&[bob]);
    }
    world
}

/// Publishers that send nothing yet, all connected.
fn publishers(count: usize) -> World {
    let mut world = World::new(Config::default(), 1);
    for _ in 0..count {
        let alice = world.publisher(0, &[]);
        world.clients[alice].sends = false;
        world.connect(&[alice]);
    }
    world
}

#[test]
fn a_peer_that_has_just_connected_is_three_kilobytes() {
    // One test, as the allocator counts for the whole process.
    let subscriber = each(subscribers);
    println!("subscriber, just connected: {subscriber} bytes");
    assert!((2_000..3_300).contains(&subscriber), "{subscriber} bytes per subscriber");

    // Checks and reports come and go; what they leave behind is bounded.
    let later = each(|count| {
        let mut world = subscribers(count);
        world.run(30_000);
        world
    });
    println!("subscriber, half a minute later: {later} bytes");
    assert!(later < 3_500, "{later} bytes per subscriber after half a minute");

    let publisher = each(publishers);
    println!("publisher without media: {publisher} bytes");
    assert!((2_000..4_000).contains(&publisher), "{publisher} bytes per publisher");
}
