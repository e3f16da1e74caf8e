//! Pages of records and of rooms.

use crate::support::{
    commit, forget_room, list, list_rooms, listing, one, open, part, record, settings,
};
use parlour_base::storage::StoreDone;
use parlour_store::Engine;
use serde_json::json;

rules! {
    a_page_has_keys_and_bodies_in_order,
    a_page_has_only_keys_with_the_prefix,
    a_page_begins_behind_the_key_asked_for,
    a_page_has_at_most_as_many_as_asked_for,
    pages_put_together_are_everything_once,
    a_prefix_is_no_pattern,
    prefixes_at_the_ends_of_the_alphabet_work,
    rooms_are_listed_by_id_without_a_sign,
    only_rooms_with_a_body_are_listed,
    pages_of_rooms_put_together_are_everything_once,
}

fn fill(e: &mut dyn Engine, kind: &str, keys: &[&str]) {
    let writes = keys.iter().map(|key| record(kind, key, Some(json!({"key": key})))).collect();
    assert_eq!(commit(e, writes), Ok(()));
}

fn a_page_has_keys_and_bodies_in_order(e: &mut dyn Engine) {
    fill(e, "k", &["b", "a", "é", "B"]);
    fill(e, "j", &["a"]);
    fill(e, "kk", &["a"]);
    let page = ["B", "a", "b", "é"].map(|key| (key.to_owned(), json!({"key": key})));
    assert_eq!(one(e, listing("k", "", None, 9)), Ok(StoreDone::Listed(page.to_vec())));
    assert_eq!(one(e, listing("none", "", None, 9)), Ok(StoreDone::Listed(vec![])));
}

fn a_page_has_only_keys_with_the_prefix(e: &mut dyn Engine) {
    fill(e, "k", &["", "a", "a/", "a/1", "a/2", "a/2/x", "a0", "b"]);
    assert_eq!(list(e, "k", "a/", None, 9), ["a/", "a/1", "a/2", "a/2/x"]);
    assert_eq!(list(e, "k", "a/2", None, 9), ["a/2", "a/2/x"]);
    assert_eq!(list(e, "k", "a/3", None, 9), [""; 0]);
    assert_eq!(list(e, "k", "", None, 99).len(), 8);
}

fn a_page_begins_behind_the_key_asked_for(e: &mut dyn Engine) {
    fill(e, "k", &["", "a", "a\0", "ab", "b", "ba", "c"]);
    assert_eq!(list(e, "k", "", Some(""), 9), ["a", "a\0", "ab", "b", "ba", "c"]);
    assert_eq!(list(e, "k", "", Some("a"), 9), ["a\0", "ab", "b", "ba", "c"]);
    assert_eq!(list(e, "k", "a", Some("a"), 9), ["a\0", "ab"]);
    // One that is not there, one in front of the prefix, one behind it.
    assert_eq!(list(e, "k", "", Some("aa"), 9), ["ab", "b", "ba", "c"]);
    assert_eq!(list(e, "k", "b", Some("a"), 9), ["b", "ba"]);
    assert_eq!(list(e, "k", "a", Some("b"), 9), [""; 0]);
    assert_eq!(list(e, "k", "", Some("c"), 9), [""; 0]);
}

fn a_page_has_at_most_as_many_as_asked_for(e: &mut dyn Engine) {
    fill(e, "k", &["a", "b", "c"]);
    assert_eq!(list(e, "k", "", None, 0), [""; 0]);
    assert_eq!(list(e, "k", "", None, 2), ["a", "b"]);
    assert_eq!(list(e, "k", "", Some("a"), 1), ["b"]);
    assert_eq!(list(e, "k", "", None, u32::MAX), ["a", "b", "c"]);
    assert_eq!(list_rooms(e, None, 0), [0; 0]);
}

fn pages_put_together_are_everything_once(e: &mut dyn Engine) {
    let keys: Vec<String> = (0..50).map(|n| format!("p{}", n * 7 % 50)).collect();
    fill(e, "k", &keys.iter().map(String::as_str).collect::<Vec<_>>());
    fill(e, "k", &["o", "q"]);
    let mut sorted = keys;
    sorted.sort_unstable();
    for most in [1, 3, 49, 50, 51] {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = list(e, "k", "p", after.as_deref(), most);
            let Some(last) = page.last() else { break };
            assert!(page.len() <= most as usize);
            after = Some(last.clone());
            all.extend(page);
            assert!(all.len() <= sorted.len(), "by {most}: the pages come to an end");
        }
        assert_eq!(all, sorted, "by {most}");
    }
}

fn a_prefix_is_no_pattern(e: &mut dyn Engine) {
    fill(e, "k", &["%", "%a", "_", "_a", "*", "a", "ab", "A", "aé", "[a]"]);
    assert_eq!(list(e, "k", "%", None, 9), ["%", "%a"]);
    assert_eq!(list(e, "k", "_", None, 9), ["_", "_a"]);
    assert_eq!(list(e, "k", "*", None, 9), ["*"]);
    assert_eq!(list(e, "k", "[", None, 9), ["[a]"]);
    assert_eq!(list(e, "k", "a", None, 9), ["a", "ab", "aé"]);
}

fn prefixes_at_the_ends_of_the_alphabet_work(e: &mut dyn Engine) {
    let (last, before) = ("\u{10ffff}", "\u{d7ff}");
    let keys = [
        "\0",
        "\0\0",
        "\u{7f}x",
        "\u{80}",
        "a",
        "a\u{10ffff}",
        "a\u{10ffff}\u{10ffff}",
        "b",
        before,
        "\u{d7ff}\u{10ffff}",
        "\u{e000}",
        "\u{ffff}",
        "\u{10000}",
        last,
        "\u{10ffff}\u{10ffff}",
    ];
    fill(e, "k", &keys);
    fill(e, "l", &["behind all of them"]);
    for prefix in keys.into_iter().chain(["", "\u{7f}", "a\u{10fffe}"]) {
        let mut wanted: Vec<&str> =
            keys.into_iter().filter(|key| key.starts_with(prefix)).collect();
        wanted.sort_unstable();
        assert_eq!(list(e, "k", prefix, None, 99), wanted, "{prefix:?}");
    }
}

/// Gives rooms a body.
fn furnish(e: &mut dyn Engine, ids: &[u64]) {
    for &id in ids {
        let epoch = open(e, id).0;
        assert_eq!(commit(e, vec![settings(id, epoch, json!(id))]), Ok(()));
    }
}

/// Around where a signed number changes its sign, and at both ends.
const IDS: [u64; 8] = [
    1,
    2,
    i64::MAX as u64 - 1,
    i64::MAX as u64,
    i64::MAX as u64 + 1,
    i64::MAX as u64 + 2,
    u64::MAX - 2,
    u64::MAX - 1,
];

fn rooms_are_listed_by_id_without_a_sign(e: &mut dyn Engine) {
    let mut shuffled = IDS;
    shuffled.rotate_left(5);
    shuffled.swap(1, 6);
    furnish(e, &shuffled);
    assert_eq!(list_rooms(e, None, 99), IDS);
    for (n, id) in IDS.into_iter().enumerate() {
        let behind = IDS.get(n + 1..).expect("within");
        assert_eq!(list_rooms(e, Some(id), 99), behind, "behind {id}");
        let next = behind.get(..1).unwrap_or_default();
        assert_eq!(list_rooms(e, Some(id), 1), next, "the one behind {id}");
    }
    assert_eq!(list_rooms(e, Some(77), 99), IDS[2..], "behind one that is not there");
    assert_eq!(list_rooms(e, Some(1 << 63 | 77), 99), IDS[6..]);
    assert_eq!(list_rooms(e, None, u32::MAX), IDS);
}

fn only_rooms_with_a_body_are_listed(e: &mut dyn Engine) {
    furnish(e, &[1, 3]);
    let epoch = open(e, 2).0;
    assert_eq!(commit(e, vec![part(2, epoch, "grant", "ada", Some(json!(1)))]), Ok(()));
    assert_eq!(list_rooms(e, None, 9), [1, 3]);
    let epoch = open(e, 3).0;
    assert_eq!(commit(e, vec![forget_room(3, epoch)]), Ok(()));
    assert_eq!(list_rooms(e, None, 9), [1]);
    open(e, 3);
    assert_eq!(list_rooms(e, None, 9), [1], "opened again, but without a body");
    furnish(e, &[3]);
    assert_eq!(list_rooms(e, None, 9), [1, 3]);
}

fn pages_of_rooms_put_together_are_everything_once(e: &mut dyn Engine) {
    let mut ids: Vec<u64> = (1..40_u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    furnish(e, &ids);
    ids.sort_unstable();
    for most in [1, 7, 39] {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = list_rooms(e, after, most);
            let Some(last) = page.last() else { break };
            assert!(page.len() <= most as usize);
            after = Some(*last);
            all.extend(page);
            assert!(all.len() <= ids.len(), "by {most}: the pages come to an end");
        }
        assert_eq!(all, ids, "by {most}");
    }
}
