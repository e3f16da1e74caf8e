//! Every rule of `parlour_base::storage`, checked against every engine, and
//! random histories that all engines must answer alike.

mod support;

use parlour_base::storage::{StoreDone, StoreFault, StoreOp, Write};
use parlour_base::{Epoch, Json, RoomId};
use parlour_store::{BODY_DEPTH_MAX, Engine, MemoryEngine, SEQ_MAX};
use serde_json::json;
use support::{
    Disk, bind, chat, commit, directory, forget, note, one, open, record, requests, room, settings,
    unbind,
};

/// Runs each rule once for each engine.
macro_rules! rules {
    ($($rule:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $rule() { super::$rule(&mut super::MemoryEngine::default()); })*
        }
        mod sqlite {
            $(#[test] fn $rule() { super::$rule(&mut super::Disk::new().engine()); })*
        }
    };
}

rules! {
    an_empty_store_has_an_empty_directory,
    the_directory_comes_ordered,
    a_record_is_replaced_and_removed,
    a_name_is_bound_once,
    the_same_binding_again_is_harmless,
    a_name_is_free_again_after_unbinding,
    removing_what_is_not_there_is_harmless,
    a_name_may_move_within_one_commit,
    a_room_never_written_has_neither_record_nor_chat,
    each_opening_takes_the_next_epoch,
    opening_one_room_leaves_the_epochs_of_others,
    an_older_epoch_is_fenced,
    an_epoch_that_was_never_handed_out_is_fenced,
    a_refused_commit_leaves_nothing_behind,
    the_first_offence_of_a_commit_is_the_answer,
    a_refusal_does_not_touch_its_neighbours,
    requests_of_a_batch_see_those_before_them,
    replies_come_in_order_with_their_ids,
    a_room_record_is_replaced,
    chat_comes_back_oldest_first_across_epochs,
    chat_is_pruned_to_what_the_write_keeps,
    keeping_nothing_keeps_nothing,
    a_repeated_entry_is_harmless,
    an_entry_with_the_same_key_is_replaced,
    chat_is_forgotten_by_key_and_altogether,
    forgetting_is_counted_when_pruning,
    chat_of_one_room_is_not_that_of_another,
    an_empty_commit_is_committed,
    bodies_come_back_as_they_were,
    what_could_not_be_read_back_is_refused,
    texts_of_all_kinds_are_kept_apart,
}

fn an_empty_store_has_an_empty_directory(e: &mut dyn Engine) {
    assert_eq!(directory(e), (vec![], vec![]));
    assert_eq!(e.execute(vec![]), vec![]);
}

fn the_directory_comes_ordered(e: &mut dyn Engine) {
    let writes = vec![
        bind("kik", "b", 1),
        bind("galene", "z", 2),
        bind("galene", "a/b", 2),
        record("user", "2", Some(json!(2))),
        record("group", "x", Some(json!({"b": 1, "a": [true, null]}))),
        record("user", "10", Some(json!("ten"))),
    ];
    assert_eq!(commit(e, writes), Ok(()));
    let (names, records) = directory(e);
    let name = |ns: &str, n: &str, r| (ns.to_owned(), n.to_owned(), room(r));
    assert_eq!(names, [name("galene", "a/b", 2), name("galene", "z", 2), name("kik", "b", 1)]);
    let kept = |kind: &str, key: &str, body| (kind.to_owned(), key.to_owned(), body);
    assert_eq!(
        records,
        [
            kept("group", "x", json!({"a": [true, null], "b": 1})),
            kept("user", "10", json!("ten")),
            kept("user", "2", json!(2)),
        ]
    );
}

fn a_record_is_replaced_and_removed(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![record("k", "a", Some(json!(1)))]), Ok(()));
    assert_eq!(commit(e, vec![record("k", "a", Some(json!(2)))]), Ok(()));
    assert_eq!(directory(e).1, [("k".to_owned(), "a".to_owned(), json!(2))]);
    assert_eq!(commit(e, vec![record("k", "a", None)]), Ok(()));
    assert_eq!(directory(e).1, []);
}

fn a_name_is_bound_once(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![bind("galene", "lobby", 1)]), Ok(()));
    assert_eq!(commit(e, vec![bind("galene", "lobby", 2)]), Err(StoreFault::NameTaken));
    assert_eq!(commit(e, vec![bind("kik", "lobby", 2)]), Ok(()));
    let names: Vec<RoomId> = directory(e).0.into_iter().map(|(_, _, room)| room).collect();
    assert_eq!(names, [room(1), room(2)]);
}

fn the_same_binding_again_is_harmless(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![bind("galene", "lobby", 1)]), Ok(()));
    assert_eq!(commit(e, vec![bind("galene", "lobby", 1), bind("galene", "lobby", 1)]), Ok(()));
    assert_eq!(directory(e).0.len(), 1);
}

fn a_name_is_free_again_after_unbinding(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![bind("galene", "lobby", 1)]), Ok(()));
    assert_eq!(commit(e, vec![unbind("galene", "lobby")]), Ok(()));
    assert_eq!(commit(e, vec![bind("galene", "lobby", 2)]), Ok(()));
}

fn removing_what_is_not_there_is_harmless(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    let writes = vec![
        unbind("galene", "nobody"),
        record("k", "nothing", None),
        forget(1, epoch, Some(&["nothing"])),
        forget(1, epoch, None),
    ];
    assert_eq!(commit(e, writes), Ok(()));
}

fn a_name_may_move_within_one_commit(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![bind("galene", "a", 1)]), Ok(()));
    assert_eq!(commit(e, vec![unbind("galene", "a"), bind("galene", "a", 2)]), Ok(()));
    assert_eq!(
        commit(e, vec![bind("galene", "b", 1), bind("galene", "b", 2)]),
        Err(StoreFault::NameTaken)
    );
    assert_eq!(directory(e).0, [("galene".to_owned(), "a".to_owned(), room(2))]);
}

fn a_room_never_written_has_neither_record_nor_chat(e: &mut dyn Engine) {
    assert_eq!(open(e, 1), (Epoch(1), None, vec![]));
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

fn an_older_epoch_is_fenced(e: &mut dyn Engine) {
    let old = open(e, 1).0;
    let new = open(e, 1).0;
    for write in [settings(1, old, json!(1)), chat(1, old, 1, "a", 10), forget(1, old, None)] {
        assert_eq!(commit(e, vec![write]), Err(StoreFault::Fenced));
    }
    assert_eq!(commit(e, vec![settings(1, new, json!(2))]), Ok(()));
    assert_eq!(open(e, 1).1, Some(json!(2)));
}

fn an_epoch_that_was_never_handed_out_is_fenced(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![settings(1, Epoch(0), json!(1))]), Err(StoreFault::Fenced));
    assert_eq!(commit(e, vec![chat(1, Epoch(1), 1, "a", 1)]), Err(StoreFault::Fenced));
    open(e, 1);
    for epoch in [0, 2, i64::MAX as u64, u64::MAX] {
        assert_eq!(commit(e, vec![forget(1, Epoch(epoch), None)]), Err(StoreFault::Fenced));
    }
}

fn a_refused_commit_leaves_nothing_behind(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    assert_eq!(commit(e, vec![bind("galene", "taken", 9), chat(1, epoch, 1, "a", 9)]), Ok(()));
    let writes = vec![
        bind("galene", "free", 1),
        record("k", "a", Some(json!(1))),
        settings(1, epoch, json!("new")),
        chat(1, epoch, 2, "b", 1),
        forget(1, epoch, None),
        bind("galene", "taken", 1),
    ];
    assert_eq!(commit(e, writes), Err(StoreFault::NameTaken));
    assert_eq!(directory(e), (vec![("galene".to_owned(), "taken".to_owned(), room(9))], vec![]));
    assert_eq!(open(e, 1), (Epoch(2), None, vec![note("a")]));
}

fn the_first_offence_of_a_commit_is_the_answer(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![bind("n", "a", 1)]), Ok(()));
    let (taken, fenced) = (bind("n", "a", 2), forget(1, Epoch(7), None));
    assert_eq!(commit(e, vec![taken.clone(), fenced.clone()]), Err(StoreFault::NameTaken));
    assert_eq!(commit(e, vec![fenced, taken]), Err(StoreFault::Fenced));
}

fn a_refusal_does_not_touch_its_neighbours(e: &mut dyn Engine) {
    let batch = requests([
        StoreOp::OpenRoom(room(1)),
        StoreOp::Commit(vec![bind("n", "a", 1)]),
        StoreOp::Commit(vec![record("k", "x", Some(json!(0))), bind("n", "a", 2)]),
        StoreOp::Commit(vec![settings(1, Epoch(9), json!(0))]),
        StoreOp::Commit(vec![settings(1, Epoch(1), json!(1))]),
    ]);
    let results: Vec<bool> = e.execute(batch).into_iter().map(|r| r.result.is_ok()).collect();
    assert_eq!(results, [true, true, false, false, true]);
    assert_eq!(directory(e), (vec![("n".to_owned(), "a".to_owned(), room(1))], vec![]));
    assert_eq!(open(e, 1), (Epoch(2), Some(json!(1)), vec![]));
}

fn requests_of_a_batch_see_those_before_them(e: &mut dyn Engine) {
    let replies = e.execute(requests([
        StoreOp::OpenRoom(room(1)),
        StoreOp::Commit(vec![chat(1, Epoch(1), 1, "a", 5), bind("n", "a", 1)]),
        StoreOp::OpenRoom(room(1)),
        StoreOp::Commit(vec![chat(1, Epoch(1), 2, "b", 5)]),
        StoreOp::LoadDirectory,
    ]));
    let names = vec![("n".to_owned(), "a".to_owned(), room(1))];
    let results: Vec<_> = replies.into_iter().map(|reply| reply.result).collect();
    assert_eq!(
        results,
        [
            Ok(StoreDone::Room { epoch: Epoch(1), body: None, chat: vec![] }),
            Ok(StoreDone::Committed),
            Ok(StoreDone::Room { epoch: Epoch(2), body: None, chat: vec![note("a")] }),
            Err(StoreFault::Fenced),
            Ok(StoreDone::Directory { names, records: vec![] }),
        ]
    );
}

fn replies_come_in_order_with_their_ids(e: &mut dyn Engine) {
    let batch = requests((0..100).map(|n| StoreOp::OpenRoom(room(1 + n % 3))));
    let asked: Vec<_> = batch.iter().map(|request| request.id).collect();
    let answered: Vec<_> = e.execute(batch).into_iter().map(|reply| reply.id).collect();
    assert_eq!(answered, asked);
}

fn a_room_record_is_replaced(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    assert_eq!(commit(e, vec![settings(1, epoch, json!(1)), settings(1, epoch, json!(2))]), Ok(()));
    assert_eq!(open(e, 1).1, Some(json!(2)));
}

fn chat_comes_back_oldest_first_across_epochs(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    let writes = vec![chat(1, epoch, 200, "c", 9), chat(1, epoch, 3, "b", 9)];
    assert_eq!(commit(e, writes), Ok(()));
    let epoch = open(e, 1).0;
    assert_eq!(commit(e, vec![chat(1, epoch, 1, "a", 9)]), Ok(()));
    assert_eq!(open(e, 1).2, [note("b"), note("c"), note("a")]);
}

fn chat_is_pruned_to_what_the_write_keeps(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    let writes = (1..=10).map(|n| chat(1, epoch, n, &format!("{n}"), 4)).collect();
    assert_eq!(commit(e, writes), Ok(()));
    assert_eq!(commit(e, vec![chat(1, epoch, 11, "11", 3)]), Ok(()));
    let epoch = open(e, 1);
    assert_eq!(epoch.2, [note("9"), note("10"), note("11")]);
    let older = chat(1, epoch.0, 1, "12", 5);
    assert_eq!(commit(e, vec![older]), Ok(()));
    assert_eq!(open(e, 1).2, [note("9"), note("10"), note("11"), note("12")]);
}

fn keeping_nothing_keeps_nothing(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    let writes = vec![chat(1, epoch, 1, "a", 5), chat(1, epoch, 2, "b", 0)];
    assert_eq!(commit(e, writes), Ok(()));
    let (epoch, _, left) = open(e, 1);
    assert_eq!(left, Vec::<Json>::new());
    assert_eq!(commit(e, vec![chat(1, epoch, 1, "a", u32::MAX)]), Ok(()));
    assert_eq!(open(e, 1).2, [note("a")]);
}

fn a_repeated_entry_is_harmless(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    let batch = || (1..=4).map(|n| chat(1, epoch, n, &format!("{n}"), 3)).collect::<Vec<_>>();
    assert_eq!(commit(e, batch()), Ok(()));
    assert_eq!(commit(e, batch()), Ok(()));
    assert_eq!(open(e, 1).2, [note("2"), note("3"), note("4")]);
}

fn an_entry_with_the_same_key_is_replaced(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    let writes = vec![chat(1, epoch, 1, "a", 2), chat(1, epoch, 2, "b", 2)];
    assert_eq!(commit(e, writes), Ok(()));
    // Its new place counts, so it is now the younger of the two.
    assert_eq!(commit(e, vec![chat(1, epoch, 3, "a", 2)]), Ok(()));
    assert_eq!(commit(e, vec![chat(1, epoch, 4, "c", 2)]), Ok(()));
    assert_eq!(open(e, 1).2, [note("a"), note("c")]);
}

fn chat_is_forgotten_by_key_and_altogether(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    let writes = ["a", "b", "c"].iter().zip(1..).map(|(key, n)| chat(1, epoch, n, key, 9));
    assert_eq!(commit(e, writes.collect()), Ok(()));
    assert_eq!(commit(e, vec![forget(1, epoch, Some(&["b", "x", "b"]))]), Ok(()));
    let (epoch, _, left) = open(e, 1);
    assert_eq!(left, [note("a"), note("c")]);
    assert_eq!(commit(e, vec![forget(1, epoch, Some(&[]))]), Ok(()));
    assert_eq!(commit(e, vec![forget(1, epoch, None)]), Ok(()));
    assert_eq!(open(e, 1).2, Vec::<Json>::new());
}

fn forgetting_is_counted_when_pruning(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    let say = |n: u64| chat(1, epoch, n, &format!("{n}"), 3);
    assert_eq!(commit(e, vec![say(1), say(2), say(3)]), Ok(()));
    assert_eq!(commit(e, vec![forget(1, epoch, Some(&["2"])), say(4)]), Ok(()));
    assert_eq!(commit(e, vec![say(5)]), Ok(()));
    let (epoch, _, left) = open(e, 1);
    assert_eq!(left, [note("3"), note("4"), note("5")]);
    assert_eq!(commit(e, vec![forget(1, epoch, None), chat(1, epoch, 1, "x", 3)]), Ok(()));
    assert_eq!(open(e, 1).2, [note("x")]);
}

fn chat_of_one_room_is_not_that_of_another(e: &mut dyn Engine) {
    let (one, two) = (open(e, 1).0, open(e, 2).0);
    let writes = vec![chat(1, one, 1, "a", 1), chat(2, two, 1, "a", 1), chat(2, two, 2, "b", 1)];
    assert_eq!(commit(e, writes), Ok(()));
    assert_eq!(commit(e, vec![forget(2, two, None)]), Ok(()));
    assert_eq!(open(e, 1).2, [note("a")]);
}

fn an_empty_commit_is_committed(e: &mut dyn Engine) {
    assert_eq!(one(e, StoreOp::Commit(vec![])), Ok(StoreDone::Committed));
}

fn bodies_come_back_as_they_were(e: &mut dyn Engine) {
    let body = json!({
        "": "\u{0} quote\" é 🦀", "n": [u64::MAX, i64::MIN, 0.1, 1e300, -0.5], "z": null, "a": {},
    });
    let epoch = open(e, 1).0;
    let writes = vec![settings(1, epoch, body.clone()), record("k", "a", Some(body.clone()))];
    assert_eq!(commit(e, writes), Ok(()));
    assert_eq!(open(e, 1).1, Some(body.clone()));
    assert_eq!(directory(e).1, [("k".to_owned(), "a".to_owned(), body)]);
    // A record that is null is a record.
    assert_eq!(commit(e, vec![record("k", "a", Some(Json::Null))]), Ok(()));
    assert_eq!(directory(e).1, [("k".to_owned(), "a".to_owned(), Json::Null)]);
}

fn what_could_not_be_read_back_is_refused(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    let deep = (0..=BODY_DEPTH_MAX).fold(json!(0), |inner, _| json!([inner]));
    let far = |seq| Write::Chat {
        room: room(1),
        epoch,
        seq,
        key: "a".to_owned(),
        at: parlour_base::Wall(i64::MIN),
        body: json!("far"),
        keep: 9,
    };
    let beyond = parlour_base::Seq(SEQ_MAX.0 + 1);
    for write in [record("k", "a", Some(deep.clone())), settings(1, epoch, deep), far(beyond)] {
        let result = commit(e, vec![record("k", "before", Some(json!(0))), write]);
        assert!(matches!(result, Err(StoreFault::Failed(_))), "{result:?}");
    }
    assert_eq!(directory(e).1, []);
    assert_eq!(commit(e, vec![far(SEQ_MAX)]), Ok(()));
    assert_eq!(open(e, 1).2, [json!("far")]);
}

fn texts_of_all_kinds_are_kept_apart(e: &mut dyn Engine) {
    let keys = ["", "a", "A", "a ", "a\u{0}", "a\u{0}b", "é", "e\u{301}", "%", "'; --", "1", "01"];
    let writes = keys.iter().map(|key| record("k", key, Some(json!(key)))).collect();
    assert_eq!(commit(e, writes), Ok(()));
    let mut sorted = keys;
    sorted.sort_unstable();
    let kept: Vec<String> = directory(e).1.into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(kept, sorted);
}
