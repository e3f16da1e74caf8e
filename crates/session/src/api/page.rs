//! Pages of lists.

use super::http::Answer;
use parlour_base::Json;
use parlour_wire::api::Query;
use serde_json::json;

/// A page of at most `most` of these (place, item) pairs, of which one more
/// was asked for than fits.
pub(super) fn page(mut items: Vec<(String, Json)>, most: u32) -> Answer {
    let most = most as usize;
    let more = items.len() > most;
    items.truncate(most);
    let cursor = items.last().filter(|_| more).map(|(place, _)| Query::cursor(place));
    let items: Vec<Json> = items.into_iter().map(|(_, item)| item).collect();
    Answer::json(json!({ "items": items, "cursor": cursor }))
}
