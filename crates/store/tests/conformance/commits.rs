//! Commits and batches: all or nothing, in order; and what is kept comes back
//! as it was.

use crate::support::{
    bind, chat, claim, commit, find, forget, kept, loading, meant, note, one, open, opening, part,
    parts, record, record_key, records, requests, room, settings, unbind,
};
use parlour_base::storage::{Found, StoreDone, StoreFault, StoreOp, Write};
use parlour_base::{Epoch, Json, Seq, Wall};
use parlour_store::{BODY_DEPTH_MAX, Engine, SEQ_MAX};
use serde_json::json;

rules! {
    removing_what_is_not_there_is_harmless,
    a_refused_commit_leaves_nothing_behind,
    the_first_offence_of_a_commit_is_the_answer,
    a_refusal_does_not_touch_its_neighbours,
    requests_of_a_batch_see_those_before_them,
    replies_come_in_order_with_their_ids,
    an_empty_commit_is_committed,
    bodies_come_back_as_they_were,
    what_could_not_be_read_back_is_refused,
}

fn removing_what_is_not_there_is_harmless(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    let writes = vec![
        unbind("galene", "nobody", 1),
        record("k", "nothing", None),
        part(1, epoch, "k", "nothing", None),
        forget(1, epoch, Some(&["nothing"])),
        forget(1, epoch, None),
    ];
    assert_eq!(commit(e, writes), Ok(()));
}

fn a_refused_commit_leaves_nothing_behind(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    assert_eq!(commit(e, vec![bind("galene", "taken", 9), chat(1, epoch, 1, "a", 9)]), Ok(()));
    let writes = vec![
        bind("galene", "free", 1),
        record("k", "a", Some(json!(1))),
        claim("k", "b", json!(1)),
        settings(1, epoch, json!("new")),
        part(1, epoch, "k", "a", Some(json!(1))),
        chat(1, epoch, 2, "b", 1),
        forget(1, epoch, None),
        bind("galene", "taken", 1),
    ];
    assert_eq!(commit(e, writes), Err(StoreFault::NameTaken));
    assert_eq!(meant(e, "galene", "taken"), Some(room(9)));
    assert_eq!(meant(e, "galene", "free"), None);
    assert_eq!(records(e, &["k"]), []);
    assert_eq!(open(e, 1), (Epoch(2), None, vec![note("a")]));
    assert_eq!(parts(e, 1), []);
}

fn the_first_offence_of_a_commit_is_the_answer(e: &mut dyn Engine) {
    assert_eq!(commit(e, vec![bind("n", "a", 1)]), Ok(()));
    let (taken, fenced) = (bind("n", "a", 2), forget(1, Epoch(7), None));
    assert_eq!(commit(e, vec![taken.clone(), fenced.clone()]), Err(StoreFault::NameTaken));
    assert_eq!(commit(e, vec![fenced, taken]), Err(StoreFault::Fenced));
}

fn a_refusal_does_not_touch_its_neighbours(e: &mut dyn Engine) {
    let batch = requests([
        opening(1),
        StoreOp::Commit(vec![bind("n", "a", 1)]),
        StoreOp::Commit(vec![record("k", "x", Some(json!(0))), bind("n", "a", 2)]),
        StoreOp::Commit(vec![settings(1, Epoch(9), json!(0))]),
        StoreOp::Commit(vec![settings(1, Epoch(1), json!(1))]),
    ]);
    let results: Vec<bool> = e.execute(batch).into_iter().map(|r| r.result.is_ok()).collect();
    assert_eq!(results, [true, true, false, false, true]);
    assert_eq!((meant(e, "n", "a"), records(e, &["k"])), (Some(room(1)), vec![]));
    assert_eq!(open(e, 1), (Epoch(2), Some(json!(1)), vec![]));
}

fn requests_of_a_batch_see_those_before_them(e: &mut dyn Engine) {
    let replies = e.execute(requests([
        opening(1),
        StoreOp::Commit(vec![
            chat(1, Epoch(1), 1, "a", 5),
            part(1, Epoch(1), "k", "p", Some(json!(1))),
            record("k", "a", Some(json!(1))),
        ]),
        opening(1),
        StoreOp::Commit(vec![chat(1, Epoch(1), 2, "b", 5)]),
        StoreOp::Find(vec![record_key("k", "a")]),
        loading(&["k"]),
    ]));
    let parts = vec![kept("k", "p", json!(1))];
    let results: Vec<_> = replies.into_iter().map(|reply| reply.result).collect();
    assert_eq!(
        results,
        [
            Ok(StoreDone::Room { epoch: Epoch(1), body: None, parts: vec![], chat: vec![] }),
            Ok(StoreDone::Committed),
            Ok(StoreDone::Room { epoch: Epoch(2), body: None, parts, chat: vec![note("a")] }),
            Err(StoreFault::Fenced),
            Ok(StoreDone::Found(vec![Found::Record(Some(json!(1)))])),
            Ok(StoreDone::Directory {
                new: false,
                records: vec![kept("k", "a", json!(1))],
                due: vec![]
            }),
        ]
    );
}

fn replies_come_in_order_with_their_ids(e: &mut dyn Engine) {
    let batch = requests((0..100).map(|n| opening(1 + n % 3)));
    let asked: Vec<_> = batch.iter().map(|request| request.id).collect();
    let answered: Vec<_> = e.execute(batch).into_iter().map(|reply| reply.id).collect();
    assert_eq!(answered, asked);
}

fn an_empty_commit_is_committed(e: &mut dyn Engine) {
    assert_eq!(one(e, StoreOp::Commit(vec![])), Ok(StoreDone::Committed));
}

fn bodies_come_back_as_they_were(e: &mut dyn Engine) {
    let body = json!({
        "": "\u{0} quote\" é 🦀", "n": [u64::MAX, i64::MIN, 0.1, 1e300, -0.5], "z": null, "a": {},
    });
    let epoch = open(e, 1).0;
    let writes = vec![
        settings(1, epoch, body.clone()),
        record("k", "a", Some(body.clone())),
        claim("k", "b", body.clone()),
        part(1, epoch, "k", "a", Some(body.clone())),
    ];
    assert_eq!(commit(e, writes), Ok(()));
    assert_eq!(open(e, 1).1, Some(body.clone()));
    assert_eq!(parts(e, 1), [kept("k", "a", body.clone())]);
    assert_eq!(records(e, &["k"]), [kept("k", "a", body.clone()), kept("k", "b", body)]);
    // A record that is null is a record.
    assert_eq!(commit(e, vec![record("k", "a", Some(Json::Null)), record("k", "b", None)]), Ok(()));
    assert_eq!(records(e, &["k"]), [kept("k", "a", Json::Null)]);
    let found = find(e, vec![record_key("k", "a"), record_key("k", "b")]);
    assert_eq!(found, [Found::Record(Some(Json::Null)), Found::Record(None)]);
}

fn what_could_not_be_read_back_is_refused(e: &mut dyn Engine) {
    let epoch = open(e, 1).0;
    let deep = (0..=BODY_DEPTH_MAX).fold(json!(0), |inner, _| json!([inner]));
    let far = |seq| Write::Chat {
        room: room(1),
        epoch,
        seq,
        key: "a".to_owned(),
        at: Wall(i64::MIN),
        body: json!("far"),
        keep: 9,
    };
    let beyond = Seq(SEQ_MAX.0 + 1);
    for write in [
        record("k", "a", Some(deep.clone())),
        claim("k", "a", deep.clone()),
        settings(1, epoch, deep.clone()),
        part(1, epoch, "k", "a", Some(deep)),
        far(beyond),
    ] {
        let result = commit(e, vec![record("k", "before", Some(json!(0))), write]);
        assert!(matches!(result, Err(StoreFault::Failed(_))), "{result:?}");
    }
    assert_eq!(records(e, &["k"]), []);
    assert_eq!(commit(e, vec![far(SEQ_MAX)]), Ok(()));
    assert_eq!(open(e, 1).2, [json!("far")]);
}
