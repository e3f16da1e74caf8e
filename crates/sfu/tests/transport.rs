//! The life of a transport: wrong certificates, restarts, silence, goodbye.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use parlour_sfu::plan::{Command, Fingerprint, Loss, Notice};
use parlour_sfu::{Config, Input};
use support::World;

fn lost(world: &World, at: usize) -> Vec<Loss> {
    let peer = world.clients[at].peer;
    let losses = world.notices.iter().filter_map(|notice| match notice {
        Notice::Lost(lost, loss) if *lost == peer => Some(*loss),
        _ => None,
    });
    losses.collect()
}

#[test]
fn a_certificate_that_was_not_promised_ends_the_transport() {
    let mut world = World::new(Config::default(), 1);
    world.tamper = Some(Fingerprint([7; 32]));
    let alice = world.publisher(0, &[]);
    let bob = world.publisher(0, &[]);
    world.tamper = None;
    let carol = world.publisher(0, &[]);
    world.connect(&[carol]);
    world.run(2_000);
    for at in [alice, bob] {
        assert_eq!(lost(&world, at), [Loss::Fingerprint]);
        assert!(!world.notices.contains(&Notice::Connected(world.clients[at].peer)));
    }
    let stats = world.workers[0].stats();
    assert_eq!((stats.handshakes, stats.handshakes_failed), (1, 2));
    assert_eq!(stats.dtls_open, 0);
}

#[test]
fn a_subscriber_with_the_wrong_certificate_gets_nothing() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    world.tamper = Some(Fingerprint([7; 32]));
    let bob = world.subscriber(alice, false, true);
    world.run(2_000);
    assert_eq!(lost(&world, bob), [Loss::Fingerprint]);
    assert!(world.clients[bob].received.is_empty());
    assert_eq!(world.workers[0].stats().rtp_out, 0);
}

#[test]
fn keys_wait_for_the_answer() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    world.hold_answers = true;
    let bob = world.subscriber(alice, false, true);
    world.run(1_000);
    let connected = Notice::Connected(world.clients[bob].peer);
    assert!(!world.notices.contains(&connected));
    assert_eq!(world.workers[0].stats().rtp_out, 0);
    for (worker, command) in std::mem::take(&mut world.held) {
        world.command(worker, command);
    }
    assert!(world.notices.contains(&connected));
    world.run(500);
    assert!(!world.clients[bob].pictures().is_empty());
}

#[test]
fn an_ice_restart_keeps_keys_and_media() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    let bob = world.subscriber(alice, false, true);
    world.connect(&[bob]);
    world.run(500);
    world.restart(alice);
    world.run(2_000);
    let before = world.clients[bob].pictures().len();
    world.run(1_000);
    assert!(world.clients[bob].pictures().len() > before + 100);
    let stats = world.workers[0].stats();
    assert_eq!((stats.handshakes, stats.dropped.unauthentic), (2, 0));
    assert!(lost(&world, alice).is_empty());
}

#[test]
fn without_checks_nothing_is_sent_after_the_consent_time() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    let bob = world.subscriber(alice, false, true);
    world.connect(&[bob]);
    world.run(500);
    // Bob's network swallows what he sends; what is sent to him still counts.
    let silenced = world.clients[bob].address;
    world.silenced = Some(silenced);
    world.run(29_000);
    assert!(lost(&world, bob).is_empty());
    world.run(3_000);
    assert_eq!(lost(&world, bob), [Loss::Consent]);
    let before = world.sent_to(silenced);
    world.run(3_000);
    assert_eq!(world.sent_to(silenced), before);
    assert!(lost(&world, alice).is_empty());
}

#[test]
fn a_restart_brings_consent_back() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    let bob = world.subscriber(alice, false, true);
    world.connect(&[bob]);
    world.silenced = Some(world.clients[alice].address);
    world.run(31_000);
    assert_eq!(lost(&world, alice), [Loss::Consent]);
    world.silenced = None;
    world.restart(alice);
    world.run(2_000);
    let before = world.clients[bob].pictures().len();
    world.run(500);
    assert!(world.clients[bob].pictures().len() > before + 50);
    let connected = Notice::Connected(world.clients[alice].peer);
    assert_eq!(world.notices.iter().filter(|notice| **notice == connected).count(), 2);
    assert_eq!(world.workers[0].stats().handshakes, 2);
}

#[test]
fn a_worker_may_move_to_another_thread() {
    fn sendable<T: Send>(value: T) -> T {
        value
    }
    let mut world = World::new(Config::default(), 1);
    let worker = sendable(world.workers.remove(0));
    assert_eq!(std::thread::spawn(move || worker.stats().up_peers).join().unwrap(), 0);
}

#[test]
fn a_peer_that_never_comes_is_reported() {
    let mut world = World::new(Config::default(), 1);
    world.silenced = Some("10.0.0.1:6000".parse().unwrap());
    let alice = world.publisher(0, &[]);
    world.run(31_000);
    assert_eq!(lost(&world, alice), [Loss::Consent]);
    assert!(world.transmits.is_empty());
}

#[test]
fn a_handshake_that_never_ends_is_given_up() {
    let mut world = World::new(Config::default(), 1);
    world.no_dtls = true;
    let alice = world.publisher(0, &[]);
    world.run(31_000);
    assert_eq!(lost(&world, alice), [Loss::Handshake]);
    assert_eq!(world.workers[0].stats().dtls_open, 0);
}

#[test]
fn a_goodbye_followed_by_silence_ends_the_transport() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    world.run(500);
    world.record = true;
    world.clients[alice].rtc.close().unwrap();
    world.run(9_000);
    assert!(world.recorded.iter().any(|(_, bytes)| bytes.first() == Some(&21)), "no alert");
    assert!(lost(&world, alice).is_empty());
    world.run(1_200);
    assert_eq!(lost(&world, alice), [Loss::Closed]);
}

#[test]
fn a_goodbye_that_somebody_else_sends_ends_nobody() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    let address = world.clients[alice].address;
    let alert = [&[21, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 1, 0, 26][..], &[7; 26]].concat();
    for _ in 0..40 {
        world.inject(0, address, &alert);
        world.run(1_000);
    }
    assert!(lost(&world, alice).is_empty());
}

#[test]
fn the_last_flight_is_repeated_until_it_arrives() {
    let mut world = World::new(Config::default(), 1);
    world.swallowed_last_flights = 3;
    let alice = world.publisher(0, &[]);
    world.run(60);
    let ours = Notice::Connected(world.clients[alice].peer);
    assert!(world.notices.contains(&ours) && !world.clients[alice].connected);
    // The stand-in waits for seconds before it repeats itself, browsers do not.
    assert!(world.run_until(25_000, |world| world.clients[alice].connected));
    assert_eq!((world.swallowed_last_flights, world.workers[0].stats().handshakes), (0, 1));
}

#[test]
fn a_last_flight_shares_no_datagram_with_a_repeat_of_the_one_before() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    // Her second flight comes so late that the worker, too busy to look at the
    // clock, owes her its own again.
    world.busy = true;
    let address = world.clients[alice].address;
    assert!(world.run_until(1_000, |world| world.workers[0].stats().dtls_open == 1));
    world.late = Some((address, 80));
    assert!(world.run_until(2_000, |world| world.clients[alice].connected));
    assert!(
        world.now < parlour_base::Mono(1_150_000),
        "only after she repeated herself, at {:?}",
        world.now
    );
}

#[test]
fn a_peer_that_has_shown_its_keys_is_sent_no_last_flight() {
    let mut world = World::new(Config::default(), 1);
    world.record = true;
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    world.run(500);
    let address = world.clients[alice].address;
    let flight = |(from, bytes): &&(std::net::SocketAddr, Vec<u8>)| {
        *from == address && bytes.first() == Some(&22)
    };
    let repeat = world.recorded.iter().rfind(flight).map(|(_, bytes)| bytes.clone()).unwrap();
    let before = world.workers[0].stats().dropped.dtls;
    world.inject(0, address, &repeat);
    assert_eq!(world.workers[0].stats().dropped.dtls, before + 1);
}

#[test]
fn a_closed_peer_gets_nothing_more_and_leaves_nothing_behind() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    let bob = world.subscriber(alice, false, true);
    world.connect(&[bob]);
    world.run(500);
    let (peer, address) = (world.clients[bob].peer, world.clients[bob].address);
    world.command(0, Command::Close(peer));
    let before = world.sent_to(address);
    world.run(2_000);
    assert_eq!(world.sent_to(address), before);
    let peer = world.clients[alice].peer;
    world.command(0, Command::Close(peer));
    world.run(2_000);
    let stats = world.workers[0].stats();
    assert_eq!((stats.up_peers, stats.down_peers, stats.addresses, stats.dtls_open), (0, 0, 0, 0));
    world.handle(0, Input::Tick);
}

#[test]
fn dtls_state_is_freed_when_the_keys_are_there() {
    let mut world = World::new(Config::default(), 1);
    world.hold_answers = true;
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    assert_eq!(world.workers[0].stats().dtls_open, 0);
    let bob = world.subscriber(alice, false, true);
    world.run(500);
    assert_eq!(world.workers[0].stats().dtls_open, 1);
    for (worker, command) in std::mem::take(&mut world.held) {
        world.command(worker, command);
    }
    assert_eq!(world.workers[0].stats().dtls_open, 0);
    world.run(500);
    assert!(!world.clients[bob].pictures().is_empty());
}

#[test]
fn a_transport_that_we_close_is_told() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.connect(&[alice]);
    world.run(500);
    let peer = world.clients[alice].peer;
    world.command(0, Command::Close(peer));
    world.run(200);
    assert!(!world.clients[alice].rtc.is_alive());
}

#[test]
fn handshakes_survive_heavy_loss() {
    for seed in 0..4 {
        let mut world = World::new(Config::default(), 1);
        for _ in 0..seed {
            world.entropy.bits();
        }
        world.loss = 20;
        let alice = world.publisher(0, &[]);
        let done = world.run_until(12_000, |world| {
            let peer = world.clients[alice].peer;
            world.clients[alice].connected && world.notices.contains(&Notice::Connected(peer))
        });
        assert!(done, "seed {seed}");
    }
}

#[test]
fn an_idle_transport_is_looked_at_rarely() {
    let mut world = World::new(Config::default(), 1);
    let alice = world.publisher(0, &[]);
    world.clients[alice].sends = false;
    world.connect(&[alice]);
    world.run(3_000);
    let before = world.ticks;
    world.run(20_000);
    assert!(world.ticks - before < 60, "{} looks in 20 s", world.ticks - before);
}

#[test]
fn a_handshake_in_many_pieces_completes() {
    let mut world = World::new(Config::default(), 1);
    world.small_datagrams = true;
    let alice = world.publisher(0, &[]);
    world.clients[alice].sends = false;
    world.record = true;
    world.connect(&[alice]);
    let hellos = world.recorded.iter().filter(|(_, bytes)| bytes.first() == Some(&22)).count();
    assert!(hellos >= 3, "{hellos} pieces");
}
