//! Publishing, replacing, wishing.
mod common;
use common::*;
use parlour_room::{Actor, Command, Happening, Refusal, Room, Track, TrackKind, Wish, Wishes};

fn tracks(list: &[(&str, TrackKind)]) -> Vec<Track> {
    let track = |(id, kind): &(&str, TrackKind)| Track {
        id: (*id).to_owned(),
        kind: *kind,
        layered: false,
    };
    list.iter().map(track).collect()
}

fn announce(room: &mut Room, name: &str, list: &[(&str, TrackKind)]) {
    let command = Command::Announce { stream: stream(name), tracks: tracks(list) };
    room.apply(NOW, &Actor::House, command).expect("the house may");
    room.check();
}

const BOTH: &[(&str, TrackKind)] = &[("0", TrackKind::Audio), ("1", TrackKind::Video)];

fn two() -> Room {
    let mut room = room();
    join(&mut room, "ada", PRESENT).expect("open");
    join(&mut room, "bob", PRESENT).expect("open");
    room
}

fn picks(room: &Room, who: &str, name: &str) -> Vec<(String, bool)> {
    let member = room.member(&id(who)).expect("in the room");
    let stream = room.stream(&stream(name)).expect("published");
    stream.picks(member).into_iter().map(|p| (p.track, p.low)).collect()
}

#[test]
fn a_member_without_present_cannot_publish() {
    let mut room = room();
    join(&mut room, "ada", PRESENT.without(parlour_base::Permission::Present)).expect("open");
    assert_eq!(act(&mut room, "ada", publish("s", None)), Err(Refusal::NotAuthorised));
}

#[test]
fn wishes_choose_tracks_by_label_and_by_stream() {
    let mut room = two();
    act(&mut room, "ada", publish("s", None)).expect("may present");
    announce(&mut room, "s", BOTH);
    assert_eq!(picks(&room, "bob", "s"), [], "nothing is wanted at first");
    let wish = Wish { audio: true, ..Wish::default() };
    let table = Wishes::from([(String::new(), wish)]);
    act(&mut room, "bob", Command::Request(table)).expect("may wish");
    assert_eq!(picks(&room, "bob", "s"), [("0".to_owned(), false)]);
    let low = Some(Wish { low: true, ..Wish::default() });
    let command = Command::RequestStream { stream: stream("s"), wish: low };
    act(&mut room, "bob", command).expect("may wish");
    assert_eq!(picks(&room, "bob", "s"), [("1".to_owned(), true)]);
    act(&mut room, "bob", Command::RequestStream { stream: stream("s"), wish: None })
        .expect("may wish");
    assert_eq!(picks(&room, "bob", "s"), [("0".to_owned(), false)]);
    assert_eq!(picks(&room, "ada", "s"), [], "one's own stream does not come back");
}

#[test]
fn a_stream_that_takes_the_place_of_another_inherits_wishes_for_it() {
    let mut room = two();
    act(&mut room, "ada", publish("x", None)).expect("may present");
    announce(&mut room, "x", BOTH);
    let wish = Some(Wish { video: true, ..Wish::default() });
    act(&mut room, "bob", Command::RequestStream { stream: stream("x"), wish }).expect("may wish");
    act(&mut room, "ada", publish("y", Some("x"))).expect("may replace");
    // Replaced again before its media arrived: receivers still know `x` only.
    act(&mut room, "ada", publish("z", Some("y"))).expect("may replace");
    announce(&mut room, "z", BOTH);
    assert_eq!(room.streams().len(), 1);
    assert_eq!(room.stream(&stream("z")).expect("there").replaces, Some(stream("x")));
    assert_eq!(picks(&room, "bob", "z"), [("1".to_owned(), false)]);
}

#[test]
fn only_ones_own_stream_can_be_replaced_or_ended() {
    let mut room = two();
    act(&mut room, "ada", publish("s", None)).expect("may present");
    act(&mut room, "bob", publish("t", Some("s"))).expect("may present");
    assert_eq!(room.streams().len(), 2, "the other's stream stays");
    let end = Command::Unpublish(stream("s"));
    assert_eq!(act(&mut room, "bob", end), Err(Refusal::NotAuthorised));
    assert_eq!(act(&mut room, "bob", publish("s", None)), Err(Refusal::StreamExists));
}

#[test]
fn streams_of_one_member_are_limited() {
    let mut room = two();
    act(&mut room, "ada", publish("1", None)).expect("first");
    act(&mut room, "ada", publish("2", None)).expect("second");
    assert_eq!(act(&mut room, "ada", publish("3", None)), Err(Refusal::TooManyStreams));
    act(&mut room, "ada", publish("3", Some("1"))).expect("in the place of another");
}

#[test]
fn a_member_who_goes_takes_its_streams_along_first() {
    let mut room = two();
    act(&mut room, "ada", publish("s", None)).expect("may present");
    let events = act(&mut room, "ada", Command::Leave).expect("leaving never fails");
    let shape: Vec<_> = events.iter().map(|e| std::mem::discriminant(&e.what)).collect();
    assert_eq!(shape.len(), 2);
    assert!(matches!(events[0].what, Happening::StreamEnded { .. }));
    assert!(matches!(events[1].what, Happening::Left { .. }));
}

#[test]
fn taking_present_away_ends_streams() {
    let mut room = two();
    join(&mut room, "op", OP).expect("open");
    act(&mut room, "ada", publish("s", None)).expect("may present");
    let take = Command::SetPermission {
        target: id("ada"),
        permission: parlour_base::Permission::Present,
        grant: false,
    };
    assert_eq!(act(&mut room, "bob", take.clone()), Err(Refusal::NotAuthorised));
    act(&mut room, "op", take).expect("an operator may");
    assert_eq!(room.streams().len(), 0);
}
