//! Chat: order, pruning, forgetting.

use crate::support::{chat, commit, forget, note, open};
use parlour_base::Json;
use parlour_store::Engine;

rules! {
    chat_comes_back_oldest_first_across_epochs,
    chat_is_pruned_to_what_the_write_keeps,
    keeping_nothing_keeps_nothing,
    a_repeated_entry_is_harmless,
    an_entry_with_the_same_key_is_replaced,
    chat_is_forgotten_by_key_and_altogether,
    forgetting_is_counted_when_pruning,
    chat_of_one_room_is_not_that_of_another,
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
