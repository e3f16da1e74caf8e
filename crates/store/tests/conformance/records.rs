//! Records: kept, claimed, removed, and read for the start.

use crate::support::{
    bind, claim, commit, due, find, forget_room, kept, load, one, open, open_known, record,
    record_key, records, room, settings, unbind,
};
use parlour_base::storage::{Found, StoreDone, StoreFault};
use parlour_base::{Json, Wall};
use parlour_store::Engine;
use serde_json::json;

rules! {
    an_empty_store_has_an_empty_directory,
    the_directory_has_the_wanted_kinds_in_order,
    a_store_is_new_until_something_is_stored,
    a_store_whose_only_record_was_removed_is_not_new,
    a_store_whose_only_name_was_removed_is_not_new,
    a_store_whose_only_room_was_forgotten_is_not_new,
    a_refused_commit_leaves_a_new_store_new,
    rooms_are_due_earliest_first,
    a_due_time_is_moved_and_removed,
    a_record_is_replaced_and_removed,
    a_claim_keeps_a_record,
    a_claimed_key_is_not_given_to_another_record,
    the_same_claim_again_is_harmless,
    claims_are_compared_as_values,
    a_record_under_a_claimed_key_may_be_replaced,
    a_key_is_free_to_claim_once_its_record_is_removed,
    two_claims_of_one_commit_conflict_like_any,
    texts_of_all_kinds_are_kept_apart,
}

fn an_empty_store_has_an_empty_directory(e: &mut dyn Engine) {
    let directory = load(e, &["group", ""]);
    assert_eq!((directory.new, directory.records, directory.due), (true, vec![], vec![]));
    assert_eq!(e.execute(vec![]), vec![]);
}

fn the_directory_has_the_wanted_kinds_in_order(e: &mut dyn Engine) {
    let writes = vec![
        record("user", "2", Some(json!(2))),
        record("login", "ada", Some(json!("2"))),
        record("group", "x", Some(json!({"b": 1, "a": [true, null]}))),
        record("user", "10", Some(json!("ten"))),
        record("users", "1", Some(json!(1))),
    ];
    assert_eq!(commit(e, writes), Ok(()));
    let group = kept("group", "x", json!({"a": [true, null], "b": 1}));
    let users = [kept("user", "10", json!("ten")), kept("user", "2", json!(2))];
    let [ten, two] = users.clone();
    assert_eq!(records(e, &["user", "group", "none", "user"]), [group, ten, two]);
    assert_eq!(records(e, &["user"]), users);
    assert_eq!(records(e, &[]), []);
}

fn a_store_is_new_until_something_is_stored(e: &mut dyn Engine) {
    assert!(load(e, &[]).new);
    assert_eq!(one(e, open_known(1)), Ok(StoreDone::NoRoom));
    assert_eq!(commit(e, vec![record("k", "a", None), unbind("n", "a", 1)]), Ok(()));
    assert!(load(e, &[]).new, "nothing was stored");
    open(e, 1);
    assert!(!load(e, &[]).new);
}

fn a_store_whose_only_record_was_removed_is_not_new(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![record("k", "a", Some(json!(1)))]), Ok(()));
    assert!(!load(e, &[]).new);
    assert_eq!(commit(e, vec![record("k", "a", None)]), Ok(()));
    let directory = load(e, &["k"]);
    assert_eq!((directory.new, directory.records), (false, vec![]));
}

fn a_store_whose_only_name_was_removed_is_not_new(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![bind("n", "a", 1)]), Ok(()));
    assert!(!load(e, &[]).new);
    assert_eq!(commit(e, vec![unbind("n", "a", 1)]), Ok(()));
    assert!(!load(e, &[]).new);
}

fn a_store_whose_only_room_was_forgotten_is_not_new(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    assert_eq!(commit(e, vec![forget_room(1, epoch)]), Ok(()));
    assert!(!load(e, &[]).new);
}

fn a_refused_commit_leaves_a_new_store_new(e: &mut dyn Engine) {
    let kept_and_removed = [record("k", "a", Some(json!(1))), record("k", "a", None)];
    let bound_and_freed = [bind("n", "a", 1), unbind("n", "a", 1)];
    let refused = settings(1, parlour_base::Epoch(1), json!(1));
    let writes = kept_and_removed.into_iter().chain(bound_and_freed).chain([refused]).collect();
    assert_eq!(commit(e, writes), Err(StoreFault::Fenced));
    assert!(load(e, &[]).new);
    let passing = vec![bind("n", "a", 1), unbind("n", "a", 1)];
    assert_eq!(commit(e, passing), Ok(()));
    assert!(!load(e, &[]).new, "it was stored for a moment");
}

fn rooms_are_due_earliest_first(e: &mut dyn Engine) {
    let far = u64::MAX - 1;
    let epochs = [3, 1, far, 2, 4].map(|n| (n, open(e, n).0));
    let times = [Some(5), Some(-7), Some(5), Some(i64::MAX), None];
    let writes = epochs.into_iter().zip(times).map(|((n, epoch), at)| due(n, epoch, at));
    assert_eq!(commit(e, writes.collect()), Ok(()));
    assert_eq!(
        load(e, &[]).due,
        [(Wall(-7), room(1)), (Wall(5), room(3)), (Wall(5), room(far)), (Wall(i64::MAX), room(2)),]
    );
}

fn a_due_time_is_moved_and_removed(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    assert_eq!(commit(e, vec![due(1, epoch, Some(9)), due(1, epoch, Some(3))]), Ok(()));
    assert_eq!(load(e, &[]).due, [(Wall(3), room(1))]);
    let epoch = open(e, 1).0;
    assert_eq!(load(e, &[]).due, [(Wall(3), room(1))], "opening leaves it");
    assert_eq!(commit(e, vec![due(1, epoch, None)]), Ok(()));
    assert_eq!(load(e, &[]).due, []);
}

fn a_record_is_replaced_and_removed(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![record("k", "a", Some(json!(1)))]), Ok(()));
    assert_eq!(commit(e, vec![record("k", "a", Some(json!(2)))]), Ok(()));
    assert_eq!(records(e, &["k"]), [kept("k", "a", json!(2))]);
    assert_eq!(commit(e, vec![record("k", "a", None)]), Ok(()));
    assert_eq!(records(e, &["k"]), []);
}

fn a_claim_keeps_a_record(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![claim("login", "ada", json!({"user": 1}))]), Ok(()));
    assert_eq!(records(e, &["login"]), [kept("login", "ada", json!({"user": 1}))]);
}

fn a_claimed_key_is_not_given_to_another_record(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![claim("login", "ada", json!(1))]), Ok(()));
    let writes = vec![record("user", "2", Some(json!({}))), claim("login", "ada", json!(2))];
    assert_eq!(commit(e, writes), Err(StoreFault::NameTaken));
    assert_eq!(records(e, &["login", "user"]), [kept("login", "ada", json!(1))]);
    assert_eq!(commit(e, vec![claim("local", "ada", json!(2))]), Ok(()));
    assert_eq!(commit(e, vec![record("login", "eve", Some(json!(3)))]), Ok(()));
    assert_eq!(commit(e, vec![claim("login", "eve", json!(4))]), Err(StoreFault::NameTaken));
}

fn the_same_claim_again_is_harmless(e: &mut dyn Engine) {
    let both = || vec![claim("login", "ada", json!([1])), claim("login", "ada", json!([1]))];
    assert_eq!(commit(e, both()), Ok(()));
    assert_eq!(commit(e, both()), Ok(()));
    assert_eq!(find(e, vec![record_key("login", "ada")]), [Found::Record(Some(json!([1])))]);
}

fn claims_are_compared_as_values(e: &mut dyn Engine) {
    let parse = |text: &str| -> Json { serde_json::from_str(text).expect("JSON") };
    let first = parse(r#"{"a": 1, "b": {"c": "é", "d": [1.5, -0.0]}}"#);
    assert_eq!(commit(e, vec![claim("k", "x", first)]), Ok(()));
    let same = parse("{\"b\":{\"d\":[15e-1,0.0],\"c\":\"\\u00e9\"},\"a\":1}");
    assert_eq!(commit(e, vec![claim("k", "x", same)]), Ok(()));
    for other in [r#"{"a": 1.0, "b": {"c": "é", "d": [1.5, 0.0]}}"#, r#"{"a": 1}"#, "null"] {
        let refused = commit(e, vec![claim("k", "x", parse(other))]);
        assert_eq!(refused, Err(StoreFault::NameTaken), "{other}");
    }
    assert_eq!(commit(e, vec![claim("k", "null", Json::Null)]), Ok(()));
    assert_eq!(commit(e, vec![claim("k", "null", json!(0))]), Err(StoreFault::NameTaken));
    assert_eq!(commit(e, vec![claim("k", "null", Json::Null)]), Ok(()));
}

fn a_record_under_a_claimed_key_may_be_replaced(e: &mut dyn Engine) {
    let writes = vec![claim("k", "a", json!(1)), record("k", "a", Some(json!(2)))];
    assert_eq!(commit(e, writes), Ok(()));
    assert_eq!(commit(e, vec![claim("k", "a", json!(1))]), Err(StoreFault::NameTaken));
    assert_eq!(commit(e, vec![claim("k", "a", json!(2))]), Ok(()));
}

fn a_key_is_free_to_claim_once_its_record_is_removed(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![claim("k", "a", json!(1))]), Ok(()));
    assert_eq!(commit(e, vec![record("k", "a", None), claim("k", "a", json!(2))]), Ok(()));
    assert_eq!(records(e, &["k"]), [kept("k", "a", json!(2))]);
}

fn two_claims_of_one_commit_conflict_like_any(e: &mut dyn Engine) {
    let writes = vec![claim("k", "a", json!(1)), claim("k", "a", json!(2))];
    assert_eq!(commit(e, writes), Err(StoreFault::NameTaken));
    assert_eq!(records(e, &["k"]), []);
}

fn texts_of_all_kinds_are_kept_apart(e: &mut dyn Engine) {
    let keys = ["", "a", "A", "a ", "a\u{0}", "a\u{0}b", "é", "e\u{301}", "%", "'; --", "1", "01"];
    let writes = keys.iter().map(|key| record("k", key, Some(json!(key)))).collect();
    assert_eq!(commit(e, writes), Ok(()));
    let mut sorted = keys;
    sorted.sort_unstable();
    let kept: Vec<String> = records(e, &["k"]).into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(kept, sorted);
}
