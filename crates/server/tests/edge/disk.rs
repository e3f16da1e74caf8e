//! A store that is full: nothing new is kept, and nothing else stops.

use crate::support::{Server, Wish, hear, say};
use serde_json::json;

#[tokio::test]
async fn a_full_store_refuses_chat_in_words_while_everything_else_goes_on() {
    let env = [("PARLOUR_STORE_SIZE_MAX", "256KiB")];
    let server = Server::with(Wish { env: &env, ..Wish::default() });
    let mut ada = server.member("ada").await;
    let mut bob = server.member("bob").await;
    let long = "x".repeat(60_000);
    let mut kept = 0;
    let refusal = loop {
        say(&mut ada, json!({"type": "chat", "kind": "", "dest": "", "value": long})).await;
        let heard =
            hear(&mut ada, |message| message["type"] == "chat" || message["type"] == "usermessage")
                .await;
        if heard["type"] == "usermessage" {
            break heard;
        }
        kept += 1;
        assert!(kept < 50, "the store never fills");
    };
    assert_eq!(refusal["kind"], "error");
    let words = refusal["value"].as_str().unwrap();
    assert_eq!(words, "the server cannot store this at the moment, please try again later");
    // What need not be kept goes on: words to one person, joining, wishes.
    let private = json!({"type": "chat", "kind": "", "dest": "bob", "value": "still here"});
    say(&mut ada, private).await;
    hear(&mut bob, |message| message["value"] == "still here").await;
    let mut late = server.member("late").await;
    let history = std::cell::Cell::new(0);
    say(&mut late, json!({"type": "ping"})).await;
    hear(&mut late, |message| {
        history.set(history.get() + u32::from(message["type"] == "chathistory"));
        message["type"] == "pong"
    })
    .await;
    hear(&mut ada, |message| message["type"] == "user" && message["id"] == "late").await;
    assert!(kept > 0);
    assert!(history.get() <= kept, "nothing that was refused is shown");
    assert!(server.metric("parlour_store_refusals_total") > 0);
}
