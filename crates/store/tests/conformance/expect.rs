//! Rules of records that are only changed if they are what was read.

use crate::support::{commit, find, record, record_key};
use parlour_base::Json;
use parlour_base::storage::{Found, StoreFault, Write};
use parlour_store::Engine;
use serde_json::json;

rules! {
    a_record_is_replaced_only_if_it_is_what_was_expected,
    a_record_that_is_not_there_can_be_expected_so,
    what_is_expected_is_looked_at_in_the_order_of_the_commit,
}

fn expect(key: &str, body: Option<Json>) -> Write {
    Write::Expect { kind: "k".to_owned(), key: key.to_owned(), body }
}

fn kept(e: &mut dyn Engine, key: &str) -> Option<Json> {
    match find(e, vec![record_key("k", key)]).pop() {
        Some(Found::Record(body)) => body,
        other => panic!("{other:?}"),
    }
}

fn a_record_is_replaced_only_if_it_is_what_was_expected(e: &mut dyn Engine) {
    let one = json!({"a": 1, "b": 2});
    assert_eq!(commit(e, vec![record("k", "a", Some(one))]), Ok(()));
    let same = json!({"b": 2, "a": 1});
    let change =
        |was: Json, to: i32| vec![expect("a", Some(was)), record("k", "a", Some(json!(to)))];
    assert_eq!(commit(e, change(json!({"a": 1}), 3)), Err(StoreFault::Changed));
    assert_eq!(commit(e, change(same.clone(), 3)), Ok(()), "equal as values");
    assert_eq!(commit(e, change(same, 4)), Err(StoreFault::Changed), "only once");
    assert_eq!(kept(e, "a"), Some(json!(3)));
}

fn a_record_that_is_not_there_can_be_expected_so(e: &mut dyn Engine) {
    let make = || vec![expect("a", None), record("k", "a", Some(json!(1)))];
    assert_eq!(commit(e, make()), Ok(()));
    assert_eq!(commit(e, make()), Err(StoreFault::Changed));
    assert_eq!(commit(e, vec![expect("b", Some(json!(1)))]), Err(StoreFault::Changed));
    assert_eq!(kept(e, "b"), None, "looking makes nothing");
}

fn what_is_expected_is_looked_at_in_the_order_of_the_commit(e: &mut dyn Engine) {
    let writes = vec![
        record("k", "a", Some(json!(1))),
        expect("a", Some(json!(1))),
        record("k", "b", Some(json!(2))),
        expect("a", None),
    ];
    assert_eq!(commit(e, writes), Err(StoreFault::Changed));
    assert_eq!((kept(e, "a"), kept(e, "b")), (None, None), "none of it was done");
}
