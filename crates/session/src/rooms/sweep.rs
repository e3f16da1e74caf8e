//! Sweeping out what has ended and nobody asked for again: sessions that were
//! not used, and deletions that are not told any more.

use super::asks::{PAGE, Port, later};
use super::http::Door;
use super::records::{DELETED, DeletedRecord, HAWK, HawkRecord, PUSH, device_key, forget, read};
use crate::call::{Call, Outcome, Reply, Step};
use parlour_base::storage::Write;
use parlour_base::{Json, Wall};
use std::sync::Arc;

impl Door {
    /// A call that goes through all records once, a page at a time.
    #[must_use]
    pub fn sweep(self: &Arc<Self>) -> Box<dyn Call> {
        let door = Arc::clone(self);
        Port::call(move |port| async move {
            for kind in [HAWK, DELETED] {
                sweep(&port, &door, kind).await;
            }
            Reply::nothing()
        })
    }

    /// What is to be forgotten because of one record.
    fn swept(&self, now: Wall, kind: &str, key: &str, body: Json) -> Vec<Write> {
        let memory = self.config.deletion_memory.0;
        match kind {
            HAWK => match read::<HawkRecord>(Some(body)) {
                Some(session) if session.expires > now => Vec::new(),
                Some(session) => {
                    let push = forget(PUSH, device_key(session.user, key));
                    vec![push, forget(HAWK, key.to_owned())]
                }
                None => vec![forget(HAWK, key.to_owned())],
            },
            _ => match read::<DeletedRecord>(Some(body)) {
                Some(one) if later(one.at, memory) >= now => Vec::new(),
                _ => vec![forget(kind, key.to_owned())],
            },
        }
    }
}

/// What fails is swept the next time.
async fn sweep(port: &Port, door: &Door, kind: &str) {
    let mut after = None;
    loop {
        let (prefix, most) = (String::new(), PAGE);
        let step = Step::List { kind: kind.to_owned(), prefix, after: after.take(), most };
        let Outcome::Listed(page) = port.step(step).await else { return };
        let is_last = page.len() < PAGE as usize;
        after = page.last().map(|(key, _)| key.clone());
        let now = port.now().wall;
        let writes = page.into_iter().flat_map(|(key, body)| door.swept(now, kind, &key, body));
        if port.commit(writes.collect()).await.is_err() || is_last {
            return;
        }
    }
}
