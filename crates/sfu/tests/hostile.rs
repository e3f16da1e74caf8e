//! What strangers and broken peers send changes nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use parlour_base::Entropy;
use parlour_sfu::plan::{Loss, Notice};
use parlour_sfu::{Config, Input};
use proptest::prelude::*;
use std::net::SocketAddr;
use support::{World, server_address};

fn stranger(port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], port))
}

fn pair(world: &mut World) -> (usize, usize) {
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    let bob = world.subscriber(alice, false, true);
    world.connect(&[bob]);
    world.run(300);
    (alice, bob)
}

/// Bytes that look like one of the protocols at first sight.
fn plausible(entropy: &mut Entropy) -> Vec<u8> {
    let mut bytes = vec![0; entropy.below(300) as usize];
    entropy.fill(&mut bytes);
    let first = match entropy.below(6) {
        0 => &[0x00, 0x01][..],
        1 => &[0x16, 0xFE, 0xFD, 0, 0],
        2 => &[0x90, 0x60],
        3 => &[0x80, 0x6F],
        4 => &[0x81, 0xC9, 0, 7],
        _ => &[],
    };
    for (to, from) in bytes.iter_mut().zip(first) {
        *to = *from;
    }
    if first == [0x00, 0x01] && bytes.len() >= 20 {
        let [high, low] = ((bytes.len() - 20) as u16).to_be_bytes();
        bytes[2..8].copy_from_slice(&[high, low, 0x21, 0x12, 0xA4, 0x42]);
    }
    bytes
}

#[test]
fn rubbish_from_everywhere_does_not_disturb_a_call() {
    let mut world = World::new(Config::default(), 2);
    let (alice, bob) = pair(&mut world);
    let addresses = [
        stranger(1),
        stranger(2),
        world.clients[alice].address,
        world.clients[bob].address,
        server_address(),
    ];
    let mut entropy = Entropy::from_seed([9; 32]);
    let before = world.clients[bob].pictures().len();
    for _ in 0..1_000 {
        for _ in 0..8 {
            let bytes = plausible(&mut entropy);
            let from = addresses[entropy.below(5) as usize];
            // DTLS from a peer's own address is its own affair.
            let own = from.ip() == world.clients[alice].address.ip();
            if own && matches!(bytes.first(), Some(20..=63)) {
                continue;
            }
            world.inject(entropy.below(2) as usize, from, &bytes);
        }
        world.step();
    }
    assert!(world.strangers.is_empty(), "{:?}", world.strangers);
    assert!(world.clients[bob].pictures().len() >= before + 150);
    let stats = world.workers[0].stats();
    assert_eq!((stats.consents_lost, stats.handshakes_failed, stats.paths_moved), (0, 0, 0));
    assert!(stats.dropped.stranger > 100 && stats.dropped.unauthentic > 100, "{stats:?}");
}

#[test]
fn dtls_rubbish_from_a_peers_address_does_not_end_its_call() {
    let mut world = World::new(Config::default(), 1);
    let (alice, bob) = pair(&mut world);
    let before = world.clients[bob].pictures().len();
    let mut entropy = Entropy::from_seed([11; 32]);
    for _ in 0..1_000 {
        let mut bytes = plausible(&mut entropy);
        if let Some(first) = bytes.first_mut() {
            *first = 20 + entropy.below(6) as u8;
        }
        let from = world.clients[alice].address;
        world.inject(0, from, &bytes);
        world.step();
    }
    assert!(world.clients[bob].pictures().len() >= before + 150);
}

#[test]
fn a_client_hello_from_an_unchecked_address_is_dropped() {
    let mut world = World::new(Config::default(), 1);
    let (_, bob) = pair(&mut world);
    let hello = [&[0x16, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 1][..], &[0; 59]].concat();
    for port in 0..1_000 {
        world.inject(0, stranger(port), &hello);
    }
    world.run(200);
    assert!(world.strangers.is_empty());
    assert_eq!(world.workers[0].stats().dtls_open, 0);
    assert!(!world.clients[bob].pictures().is_empty());
}

#[test]
fn a_flood_of_handshake_fragments_is_cut_off() {
    let mut world = World::new(Config::default(), 1);
    world.no_dtls = true;
    let alice = world.publisher(0, &[]);
    world.run(100);
    let address = world.clients[alice].address;
    for number in 0..200u16 {
        // The middle of a hello of 16 MiB, 400 bytes at a time.
        let mut bytes = vec![22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&412u16.to_be_bytes());
        bytes.extend_from_slice(&[1, 0xFF, 0xFF, 0xFF, 0, 0, 0, number as u8, 0, 0, 1, 0x90]);
        bytes.extend_from_slice(&[7; 400]);
        world.inject(0, address, &bytes);
    }
    let stats = world.workers[0].stats();
    assert_eq!((stats.dtls_open, stats.handshakes_failed), (0, 1));
    let peer = world.clients[alice].peer;
    assert!(world.notices.contains(&Notice::Lost(peer, Loss::Handshake)));
}

#[test]
fn what_is_recorded_and_played_again_is_dropped() {
    let mut world = World::new(Config::default(), 1);
    let (alice, bob) = pair(&mut world);
    world.record = true;
    world.run(500);
    world.record = false;
    let recorded = std::mem::take(&mut world.recorded);
    assert!(recorded.len() > 100);
    let before = world.workers[0].stats();
    for (from, bytes) in &recorded {
        world.inject(0, *from, bytes);
        world.inject(0, stranger(5), bytes);
    }
    let after = world.workers[0].stats();
    assert_eq!(after.rtp_in, before.rtp_in);
    assert_eq!(after.rtp_out, before.rtp_out);
    assert!(after.dropped.replayed - before.dropped.replayed > 80);
    assert_eq!(after.paths_moved, 0);
    assert!(world.strangers.is_empty());
    world.run(300);
    assert!(!world.clients[bob].pictures().is_empty());
    assert!(world.clients[alice].connected);
}

#[test]
fn a_check_under_a_forged_address_takes_nothing_from_its_owner() {
    let mut world = World::new(Config::default(), 1);
    let (alice, bob) = pair(&mut world);
    let mallory = world.publisher(0, &[]);
    let (alice, mallory) = (world.clients[alice].address, world.clients[mallory].address);
    world.silenced = Some(mallory);
    world.record = true;
    world.run(3_000);
    world.record = false;
    let checks: Vec<_> = std::mem::take(&mut world.recorded)
        .into_iter()
        .filter(|(from, bytes)| *from == mallory && bytes.first() == Some(&0))
        .collect();
    assert!(!checks.is_empty());
    let before = (world.workers[0].stats(), world.clients[bob].pictures().len());
    for (_, check) in &checks {
        world.inject(0, alice, check);
        world.run(20);
    }
    world.run(400);
    let after = world.workers[0].stats();
    assert_eq!(after.addresses, before.0.addresses);
    assert_eq!(after.dropped.keyless, before.0.dropped.keyless);
    assert!(world.clients[bob].pictures().len() > before.1 + 40);
}

#[test]
fn media_of_one_peer_is_refused_under_the_address_of_another() {
    let mut world = World::new(Config::default(), 1);
    let (alice, bob) = pair(&mut world);
    let dave = world.publisher(0, &[]);
    world.connect(&[dave]);
    world.record = true;
    world.run(300);
    let (alice, dave) = (world.clients[alice].address, world.clients[dave].address);
    let before = world.workers[0].stats();
    for (from, bytes) in std::mem::take(&mut world.recorded) {
        let rtp = matches!(bytes.first(), Some(128..=191));
        if from == dave && rtp {
            world.inject(0, alice, &bytes);
        }
    }
    let after = world.workers[0].stats();
    assert_eq!((after.rtp_in, after.rtp_out), (before.rtp_in, before.rtp_out));
    assert!(after.dropped.unauthentic > before.dropped.unauthentic);
    assert!(!world.clients[bob].pictures().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn random_datagrams_to_live_peers_never_panic(
        datagrams in prop::collection::vec((0usize..4, prop::collection::vec(any::<u8>(), 0..1_600)), 1..40),
        seed: [u8; 32],
    ) {
        let mut world = World::new(Config::default(), 1);
        let alice = world.publisher(0, &[]);
        world.connect(&[alice]);
        let addresses = [world.clients[alice].address, stranger(1), stranger(2), stranger(3)];
        let mut entropy = Entropy::from_seed(seed);
        for (at, bytes) in datagrams {
            world.inject(0, addresses[at], &bytes);
            let bytes = plausible(&mut entropy);
            world.inject(0, addresses[at], &bytes);
            world.handle(0, Input::Tick);
            world.step();
        }
        prop_assert!(world.strangers.is_empty());
    }
}
