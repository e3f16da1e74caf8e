//! Rooms: epochs and the fence, bodies, parts, forgetting.

use crate::support::{
    bind, chat, commit, due, forget, forget_room, kept, list_rooms, load, names_of, note, one,
    open, open_known, opening, part, parts, requests, room, settings,
};
use parlour_base::Epoch;
use parlour_base::storage::{StoreDone, StoreFault, Write};
use parlour_store::Engine;
use serde_json::json;

rules! {
    a_room_never_written_has_nothing,
    each_opening_takes_the_next_epoch,
    opening_one_room_leaves_the_epochs_of_others,
    a_room_that_was_never_opened_is_no_room,
    a_known_room_opens_without_making_one,
    an_older_epoch_is_fenced,
    an_epoch_that_was_never_handed_out_is_fenced,
    a_room_body_is_replaced,
    parts_come_ordered_by_kind_and_key,
    a_part_is_replaced_and_removed,
    parts_of_one_room_are_not_those_of_another,
    a_forgotten_room_is_no_room,
    a_forgotten_room_leaves_nothing_behind,
    who_still_holds_a_forgotten_room_is_fenced,
    a_room_opened_again_after_forgetting_goes_on_with_the_next_epoch,
    forgetting_a_room_leaves_the_others,
    a_refused_commit_brings_a_forgotten_room_back_whole,
}

/// A write of each kind to a room.
fn one_of_each(n: u64, epoch: Epoch) -> Vec<Write> {
    vec![
        settings(n, epoch, json!(1)),
        part(n, epoch, "grant", "ada", Some(json!(1))),
        part(n, epoch, "grant", "eve", None),
        due(n, epoch, Some(1)),
        due(n, epoch, None),
        chat(n, epoch, 1, "a", 10),
        forget(n, epoch, None),
        forget(n, epoch, Some(&[])),
        forget_room(n, epoch),
    ]
}

/// A room with something of everything; gives its epoch.
fn filled(e: &mut dyn Engine, n: u64) -> Epoch {
    let epoch = open(e, n).0;
    let writes = vec![
        bind("galene", &format!("room {n}"), n),
        settings(n, epoch, json!({"room": n})),
        part(n, epoch, "grant", "ada", Some(json!("op"))),
        part(n, epoch, "grant", "bob", Some(json!("present"))),
        due(n, epoch, Some(i64::try_from(n).expect("small"))),
        chat(n, epoch, 1, "a", 10),
        chat(n, epoch, 2, "b", 10),
    ];
    assert_eq!(commit(e, writes), Ok(()));
    epoch
}

/// What [`filled`] left of a room, the epoch aside.
fn is_whole(e: &mut dyn Engine, n: u64) -> bool {
    let opened = one(e, opening(n));
    let Ok(StoreDone::Room { body, parts, chat, .. }) = opened else { panic!("{opened:?}") };
    body == Some(json!({"room": n}))
        && parts == [kept("grant", "ada", json!("op")), kept("grant", "bob", json!("present"))]
        && chat == [note("a"), note("b")]
        && names_of(e, n).len() == 1
        && load(e, &[]).due.iter().any(|(_, id)| *id == room(n))
        && list_rooms(e, None, 99).contains(&n)
}

fn a_room_never_written_has_nothing(e: &mut dyn Engine) {
    let nothing = StoreDone::Room { epoch: Epoch(1), body: None, parts: vec![], chat: vec![] };
    assert_eq!(one(e, opening(1)), Ok(nothing));
}

fn each_opening_takes_the_next_epoch(e: &mut dyn Engine) {
    for n in 1..5 {
        assert_eq!(open(e, u64::MAX - 1).0, Epoch(n));
    }
}

fn opening_one_room_leaves_the_epochs_of_others(e: &mut dyn Engine) {
    let first = open(e, 1).0;
    open(e, 2);
    open(e, 2);
    assert_eq!(commit(e, vec![settings(1, first, json!(1))]), Ok(()));
}

fn a_room_that_was_never_opened_is_no_room(e: &mut dyn Engine) {
    // A name alone is no room.
    assert_eq!(commit(e, vec![bind("galene", "a", 1)]), Ok(()));
    for _ in 0..2 {
        assert_eq!(one(e, open_known(1)), Ok(StoreDone::NoRoom));
    }
    assert_eq!(commit(e, vec![settings(1, Epoch(1), json!(1))]), Err(StoreFault::Fenced));
    assert_eq!(open(e, 1).0, Epoch(1), "asking left no trace");
}

fn a_known_room_opens_without_making_one(e: &mut dyn Engine) {
    let old = open(e, 1).0;
    let empty = StoreDone::Room { epoch: Epoch(2), body: None, parts: vec![], chat: vec![] };
    assert_eq!(one(e, open_known(1)), Ok(empty));
    assert_eq!(commit(e, vec![settings(1, old, json!(1))]), Err(StoreFault::Fenced));
    assert_eq!(commit(e, vec![settings(1, Epoch(2), json!(1))]), Ok(()));
}

fn an_older_epoch_is_fenced(e: &mut dyn Engine) {
    let old = open(e, 1).0;
    let new = open(e, 1).0;
    for write in one_of_each(1, old) {
        assert_eq!(commit(e, vec![write.clone()]), Err(StoreFault::Fenced), "{write:?}");
    }
    assert_eq!(commit(e, vec![settings(1, new, json!(2))]), Ok(()));
    assert_eq!(open(e, 1).1, Some(json!(2)));
}

fn an_epoch_that_was_never_handed_out_is_fenced(e: &mut dyn Engine) {
    for write in one_of_each(1, Epoch(0)).into_iter().chain(one_of_each(1, Epoch(1))) {
        assert_eq!(commit(e, vec![write.clone()]), Err(StoreFault::Fenced), "{write:?}");
    }
    open(e, 1);
    for epoch in [0, 2, i64::MAX as u64, u64::MAX] {
        for write in one_of_each(1, Epoch(epoch)) {
            assert_eq!(commit(e, vec![write.clone()]), Err(StoreFault::Fenced), "{write:?}");
        }
    }
    assert_eq!(commit(e, one_of_each(1, Epoch(1))), Ok(()));
}

fn a_room_body_is_replaced(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    assert_eq!(commit(e, vec![settings(1, epoch, json!(1)), settings(1, epoch, json!(2))]), Ok(()));
    assert_eq!(open(e, 1).1, Some(json!(2)));
}

fn parts_come_ordered_by_kind_and_key(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    let keys =
        [("participant", "1"), ("grant", "é"), ("grant", "b"), ("grant", ""), ("Grant", "z")];
    let writes = keys.map(|(kind, key)| part(1, epoch, kind, key, Some(json!(key))));
    assert_eq!(commit(e, writes.to_vec()), Ok(()));
    let mut sorted = keys;
    sorted.sort_unstable();
    assert_eq!(parts(e, 1), sorted.map(|(kind, key)| kept(kind, key, json!(key))));
}

fn a_part_is_replaced_and_removed(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    let grant = |body| part(1, epoch, "grant", "ada", body);
    assert_eq!(commit(e, vec![grant(Some(json!(1))), grant(Some(json!(null)))]), Ok(()));
    assert_eq!(parts(e, 1), [kept("grant", "ada", json!(null))]);
    let epoch = open(e, 1).0;
    let gone = || part(1, epoch, "grant", "ada", None);
    let other = part(1, epoch, "participant", "ada", Some(json!(2)));
    assert_eq!(commit(e, vec![other, gone(), gone()]), Ok(()));
    assert_eq!(parts(e, 1), [kept("participant", "ada", json!(2))]);
}

fn parts_of_one_room_are_not_those_of_another(e: &mut dyn Engine) {
    let (one, two) = (open(e, 1).0, open(e, 2).0);
    let writes = vec![part(1, one, "k", "a", Some(json!(1))), part(2, two, "k", "a", None)];
    assert_eq!(commit(e, writes), Ok(()));
    assert_eq!((parts(e, 1).len(), parts(e, 2).len()), (1, 0));
}

fn a_forgotten_room_is_no_room(e: &mut dyn Engine) {
    let epoch = filled(e, 1);
    assert_eq!(commit(e, vec![forget_room(1, epoch)]), Ok(()));
    for _ in 0..2 {
        assert_eq!(one(e, open_known(1)), Ok(StoreDone::NoRoom));
    }
    assert_eq!(list_rooms(e, None, 9), [0; 0]);
}

fn a_forgotten_room_leaves_nothing_behind(e: &mut dyn Engine) {
    let epoch = filled(e, 1);
    assert_eq!(commit(e, vec![forget_room(1, epoch)]), Ok(()));
    assert_eq!((names_of(e, 1), load(e, &[]).due), (vec![], vec![]));
    let empty = StoreDone::Room { epoch: Epoch(2), body: None, parts: vec![], chat: vec![] };
    assert_eq!(one(e, opening(1)), Ok(empty));
    // Pruning counts from nothing.
    assert_eq!(commit(e, vec![chat(1, Epoch(2), 1, "c", 1)]), Ok(()));
    assert_eq!(open(e, 1).2, [note("c")]);
}

fn who_still_holds_a_forgotten_room_is_fenced(e: &mut dyn Engine) {
    let epoch = filled(e, 1);
    let writes = vec![forget_room(1, epoch), settings(1, epoch, json!(1))];
    assert_eq!(commit(e, writes), Err(StoreFault::Fenced), "in the same commit too");
    assert_eq!(commit(e, vec![forget_room(1, epoch)]), Ok(()));
    for write in one_of_each(1, epoch) {
        assert_eq!(commit(e, vec![write.clone()]), Err(StoreFault::Fenced), "{write:?}");
    }
    let new = open(e, 1).0;
    for write in one_of_each(1, epoch) {
        assert_eq!(commit(e, vec![write.clone()]), Err(StoreFault::Fenced), "{write:?}");
    }
    assert_eq!(commit(e, one_of_each(1, new)), Ok(()));
}

fn a_room_opened_again_after_forgetting_goes_on_with_the_next_epoch(e: &mut dyn Engine) {
    for n in 1..4 {
        let epoch = filled(e, 1);
        assert_eq!(epoch, Epoch(n));
        assert_eq!(commit(e, vec![forget_room(1, epoch)]), Ok(()));
    }
    let batch = requests([open_known(1), opening(1), open_known(1)]);
    let opened = |epoch| StoreDone::Room { epoch, body: None, parts: vec![], chat: vec![] };
    let results: Vec<_> = e.execute(batch).into_iter().map(|reply| reply.result).collect();
    assert_eq!(results, [Ok(StoreDone::NoRoom), Ok(opened(Epoch(4))), Ok(opened(Epoch(5)))]);
}

fn forgetting_a_room_leaves_the_others(e: &mut dyn Engine) {
    let far = 1 << 40;
    let epochs = [1, 2, 3, far].map(|n| filled(e, n));
    assert_eq!(commit(e, vec![forget_room(2, epochs[1])]), Ok(()));
    assert!([1, 3, far].into_iter().all(|n| is_whole(e, n)));
    assert_eq!(list_rooms(e, None, 9), [1, 3, far]);
}

fn a_refused_commit_brings_a_forgotten_room_back_whole(e: &mut dyn Engine) {
    let epoch = filled(e, 1);
    let writes = vec![
        part(1, epoch, "grant", "ada", None),
        part(1, epoch, "grant", "new", Some(json!(0))),
        due(1, epoch, Some(99)),
        chat(1, epoch, 3, "a", 1),
        forget(1, epoch, Some(&["a"])),
        chat(1, epoch, 4, "d", 3),
        forget(1, epoch, None),
        settings(1, epoch, json!(2)),
        forget_room(1, epoch),
        bind("galene", "room 1", 2),
        bind("galene", "room 1", 3),
    ];
    assert_eq!(commit(e, writes), Err(StoreFault::NameTaken));
    assert!(is_whole(e, 1));
}
