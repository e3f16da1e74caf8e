//! What a worker says when something is too much.

use super::*;
use crate::plan::Loss;

#[test]
fn a_peer_too_many_is_refused_aloud_and_may_come_when_another_has_gone() {
    let mut world = World::new();
    world.worker.shared.config.peers = 2;
    world.up(UP, vec![up_section(Kind::Video)], GCM);
    world.down(2, vec![down_section(Kind::Video, 20)], GCM);
    let mut ask = |peer: u64| {
        let peer = PeerId(peer);
        let (local, sections) = (credentials("three"), vec![down_section(Kind::Video, 30)]);
        let command = Command::Down { peer, source: UP, local, sections };
        world.worker.handle(world.now, Input::Command(command));
        world.drain()
    };
    assert_eq!(ask(3), [Notice::Lost(PeerId(3), Loss::Full)]);
    assert_eq!(ask(2), [], "who is there may be described anew");
    world.command(Command::Close(PeerId(2)));
    let (local, sections) = (credentials("three"), vec![down_section(Kind::Video, 30)]);
    world.command(Command::Down { peer: PeerId(3), source: UP, local, sections });
    assert_eq!(world.worker.stats().down_peers, 1);
    assert_eq!(world.worker.stats().dropped.commands, 1);
}
