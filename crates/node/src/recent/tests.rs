//! What is remembered is what the store would say.

use super::*;
use serde_json::json;

fn find(key: &str) -> StoreOp {
    StoreOp::Find(vec![Key::Record { kind: "hawk".to_owned(), key: key.to_owned() }])
}

fn list(prefix: &str) -> StoreOp {
    let (kind, prefix) = ("hawk".to_owned(), prefix.to_owned());
    StoreOp::List { kind, prefix, after: None, most: 10 }
}

fn write(key: &str, body: Option<Json>) -> StoreOp {
    let (kind, key) = ("hawk".to_owned(), key.to_owned());
    StoreOp::Commit(vec![Write::Record { kind, key, body }])
}

fn found(body: Json) -> StoreDone {
    StoreDone::Found(vec![Found::Record(Some(body))])
}

fn asks(recent: &mut Recent, id: u64, op: &StoreOp) {
    assert_eq!(recent.answer(op), None, "it was known");
    recent.asks(StoreId(id), op);
}

#[test]
fn what_was_found_is_known_until_it_is_written() {
    let mut recent = Recent::new(10);
    asks(&mut recent, 1, &find("a"));
    recent.told(StoreId(1), Some(&found(json!(1))));
    assert_eq!(recent.answer(&find("a")), Some(found(json!(1))));
    recent.asks(StoreId(2), &write("b", Some(json!(2))));
    assert_eq!(recent.answer(&find("a")), Some(found(json!(1))));
    recent.asks(StoreId(3), &write("a", None));
    assert_eq!(recent.answer(&find("a")), None);
    assert_eq!((recent.hits, recent.misses), (2, 2));
}

#[test]
fn an_answer_from_before_a_write_is_not_kept_and_one_from_after_it_is() {
    let mut recent = Recent::new(10);
    asks(&mut recent, 1, &find("a"));
    recent.asks(StoreId(2), &write("a", Some(json!("new"))));
    recent.told(StoreId(1), Some(&found(json!("old"))));
    asks(&mut recent, 3, &find("a"));
    recent.told(StoreId(2), Some(&StoreDone::Committed));
    recent.told(StoreId(3), Some(&found(json!("new"))));
    assert_eq!(recent.answer(&find("a")), Some(found(json!("new"))));
}

#[test]
fn what_failed_is_not_kept_and_leaves_nothing_behind() {
    let mut recent = Recent::new(10);
    asks(&mut recent, 1, &find("a"));
    recent.told(StoreId(1), None);
    asks(&mut recent, 2, &find("a"));
    recent.told(StoreId(2), Some(&StoreDone::NoRoom));
    assert_eq!(recent.answer(&find("a")), None);
    assert!(recent.asked.is_empty() && recent.good.is_empty());
}

#[test]
fn a_page_is_known_until_something_below_its_prefix_is_written() {
    let mut recent = Recent::new(10);
    let page = StoreDone::Listed(vec![("u/1".to_owned(), json!(1))]);
    asks(&mut recent, 1, &list("u/"));
    recent.told(StoreId(1), Some(&page));
    recent.asks(StoreId(2), &write("v/1", None));
    recent.asks(StoreId(3), &write("u", None));
    assert_eq!(recent.answer(&list("u/")), Some(page.clone()));
    recent.asks(StoreId(4), &write("u/2/x", None));
    asks(&mut recent, 5, &list("u/"));
    recent.asks(StoreId(6), &write("u/3", None));
    recent.told(StoreId(5), Some(&page));
    assert_eq!(recent.answer(&list("u/")), None);
    asks(&mut recent, 7, &list("u"));
    assert!(recent.asked.is_empty(), "a prefix without a slash is not remembered");
}

#[test]
fn no_more_is_kept_than_is_allowed_and_what_is_used_stays() {
    let mut recent = Recent::new(10);
    for id in 0..100 {
        let key = find(&format!("k{id}"));
        asks(&mut recent, id, &key);
        recent.told(StoreId(id), Some(&found(json!(id))));
        assert!(recent.answer(&find("k0")).is_some(), "it is used all the time");
        assert!(recent.len() <= 10);
    }
    let mut nothing = Recent::new(0);
    asks(&mut nothing, 1, &find("a"));
    nothing.told(StoreId(1), Some(&found(json!(1))));
    assert_eq!(nothing.answer(&find("a")), None);
}
