//! Names: bound once, found from both ends, taken only from their room.

use crate::support::{
    bind, commit, find, forget_room, load, meant, name, name_key, names_of, open, record,
    record_key, room, unbind,
};
use parlour_base::storage::{Found, Key, StoreFault};
use parlour_store::Engine;
use serde_json::json;

rules! {
    a_name_is_bound_once,
    the_same_binding_again_is_harmless,
    a_name_is_free_again_after_unbinding,
    a_name_is_taken_only_from_its_own_room,
    a_name_may_move_within_one_commit,
    a_bound_name_is_free_for_others_once_its_room_is_forgotten_in_the_same_commit,
    the_names_of_a_room_come_ordered,
    finding_answers_each_key_in_its_place,
    what_is_not_there_is_found_as_nothing,
    names_of_all_texts_are_kept_apart,
}

fn a_name_is_bound_once(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![bind("galene", "lobby", 1)]), Ok(()));
    assert_eq!(commit(e, vec![bind("galene", "lobby", 2)]), Err(StoreFault::NameTaken));
    assert_eq!(commit(e, vec![bind("kik", "lobby", 2)]), Ok(()));
    assert_eq!(meant(e, "galene", "lobby"), Some(room(1)));
    assert_eq!(meant(e, "kik", "lobby"), Some(room(2)));
}

fn the_same_binding_again_is_harmless(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![bind("galene", "lobby", 1)]), Ok(()));
    assert_eq!(commit(e, vec![bind("galene", "lobby", 1), bind("galene", "lobby", 1)]), Ok(()));
    assert_eq!(names_of(e, 1), [name("galene", "lobby")]);
}

fn a_name_is_free_again_after_unbinding(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![bind("galene", "lobby", 1)]), Ok(()));
    assert_eq!(commit(e, vec![unbind("galene", "lobby", 1)]), Ok(()));
    assert_eq!((meant(e, "galene", "lobby"), names_of(e, 1)), (None, vec![]));
    assert_eq!(commit(e, vec![bind("galene", "lobby", 2)]), Ok(()));
    assert_eq!(names_of(e, 2), [name("galene", "lobby")]);
}

fn a_name_is_taken_only_from_its_own_room(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![bind("galene", "lobby", 1)]), Ok(()));
    assert_eq!(commit(e, vec![unbind("galene", "lobby", 2), unbind("kik", "lobby", 1)]), Ok(()));
    assert_eq!(meant(e, "galene", "lobby"), Some(room(1)));
    assert_eq!(commit(e, vec![unbind("galene", "lobby", 1)]), Ok(()));
    assert_eq!(commit(e, vec![unbind("galene", "lobby", 1)]), Ok(()));
    assert_eq!(meant(e, "galene", "lobby"), None);
}

fn a_name_may_move_within_one_commit(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![bind("galene", "a", 1)]), Ok(()));
    assert_eq!(commit(e, vec![unbind("galene", "a", 1), bind("galene", "a", 2)]), Ok(()));
    assert_eq!(
        commit(e, vec![bind("galene", "b", 1), bind("galene", "b", 2)]),
        Err(StoreFault::NameTaken)
    );
    assert_eq!((meant(e, "galene", "a"), meant(e, "galene", "b")), (Some(room(2)), None));
    assert_eq!((names_of(e, 1), names_of(e, 2)), (vec![], vec![name("galene", "a")]));
}

fn a_bound_name_is_free_for_others_once_its_room_is_forgotten_in_the_same_commit(
    e: &mut dyn Engine,
) {
    let epoch = open(e, 1).0;
    assert_eq!(commit(e, vec![bind("galene", "a", 1), bind("kik", "b", 1)]), Ok(()));
    assert_eq!(
        commit(e, vec![bind("galene", "a", 2), forget_room(1, epoch)]),
        Err(StoreFault::NameTaken)
    );
    assert_eq!(commit(e, vec![forget_room(1, epoch), bind("galene", "a", 2)]), Ok(()));
    assert_eq!((meant(e, "galene", "a"), meant(e, "kik", "b")), (Some(room(2)), None));
}

fn the_names_of_a_room_come_ordered(e: &mut dyn Engine) {
    let far = u64::MAX - 1;
    let writes = vec![
        bind("kik", "b", far),
        bind("galene", "z", far),
        bind("other", "room", 2),
        bind("galene", "a/b", far),
        bind("galene", "é", far),
    ];
    assert_eq!(commit(e, writes), Ok(()));
    assert_eq!(
        names_of(e, far),
        [name("galene", "a/b"), name("galene", "z"), name("galene", "é"), name("kik", "b")]
    );
}

fn finding_answers_each_key_in_its_place(e: &mut dyn Engine) {
    let writes = vec![bind("n", "a", 1), record("k", "a", Some(json!([1]))), bind("n", "b", 1)];
    assert_eq!(commit(e, writes), Ok(()));
    let keys = vec![
        record_key("k", "a"),
        Key::NamesOf(room(1)),
        name_key("n", "b"),
        record_key("k", "b"),
        record_key("k", "a"),
    ];
    assert_eq!(
        find(e, keys),
        [
            Found::Record(Some(json!([1]))),
            Found::Names(vec![name("n", "a"), name("n", "b")]),
            Found::Room(Some(room(1))),
            Found::Record(None),
            Found::Record(Some(json!([1]))),
        ]
    );
    assert_eq!(find(e, vec![]), []);
}

fn what_is_not_there_is_found_as_nothing(e: &mut dyn Engine) {
    let keys = vec![name_key("n", "a"), Key::NamesOf(room(1)), record_key("k", "a")];
    assert_eq!(find(e, keys), [Found::Room(None), Found::Names(vec![]), Found::Record(None)]);
    assert!(load(e, &[]).new, "looking leaves no trace");
}

fn names_of_all_texts_are_kept_apart(e: &mut dyn Engine) {
    let texts = ["", "a", "A", "a ", "a\u{0}", "a\u{0}b", "é", "e\u{301}", "%", "'; --", "1", "01"];
    let binds = texts.iter().zip(1..).map(|(text, n)| bind("n", text, n));
    assert_eq!(commit(e, binds.collect()), Ok(()));
    for (text, n) in texts.iter().zip(1..) {
        assert_eq!(meant(e, "n", text), Some(room(n)), "{text:?}");
        assert_eq!(names_of(e, n), [name("n", text)]);
    }
}
