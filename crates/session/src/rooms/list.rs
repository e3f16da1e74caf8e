//! The list of one's own rooms.

use super::asks::{Visit, is_leased, later, seconds};
use super::http::Answer;
use super::records::{DELETED, DeletedRecord, OWNED, prefix, read};
use crate::call::Target;
use parlour_base::{Json, RoomId, UserId, Wall};
use parlour_wire::rooms::ApiError;
use parlour_wire::rooms::form::query_value;
use parlour_wire::rooms::number::parse_text;
use parlour_wire::rooms::view::{FullView, deleted};
use std::collections::BTreeMap;

/// Rooms by their last change.
type Owned = BTreeMap<(Option<Wall>, RoomId), FullView>;

impl Visit {
    /// `GET /rooms`
    pub(super) async fn list(&mut self) -> Result<Answer, ApiError> {
        let session = self.hawk().await?;
        let user = session.record.user;
        let query = self.request.query.as_deref().unwrap_or("");
        let version = query_value(query, "version").and_then(|text| parse_text(&text));
        let since = version.filter(|version| *version > 0);
        let rooms = self.owned(user, since).await?;
        let mut list: Vec<Json> = rooms.values().map(FullView::body).collect();
        if let Some(since) = since {
            list.extend(self.deletions(user, since).await?);
        }
        Ok(Answer::json(Json::Array(list)))
    }

    /// By the time of their last change, which is finer than what is shown; of
    /// too many those that changed last.
    async fn owned(&self, user: UserId, since: Option<i64>) -> Result<Owned, ApiError> {
        let most = self.door.config.listed_max as usize;
        let mut views = Owned::new();
        for (key, _) in self.port.records(OWNED, &prefix(user), u32::MAX).await? {
            let Some(id) = room_of(&key) else { continue };
            let room = self.port.open(Target::Id(id)).await?;
            let now = self.port.now().wall;
            let own = |room: &parlour_room::Room| {
                room.lease().is_some_and(|lease| lease.owner == Some(user))
            };
            if let Some(room) = room.filter(|room| is_leased(room, now) && own(room)) {
                let view = self.full_view(&room);
                if since.is_none_or(|since| view.ctime >= since) {
                    views.insert((room.term().map(|term| term.changed), id), view);
                }
            }
            if views.len() > most {
                views.pop_first();
            }
        }
        Ok(views)
    }

    async fn deletions(&self, user: UserId, since: i64) -> Result<Vec<Json>, ApiError> {
        let most = self.door.config.listed_max;
        let listed = self.port.records(DELETED, &prefix(user), most).await?;
        let (now, memory) = (self.port.now().wall, self.door.config.deletion_memory.0);
        let is_told = |body: Json| {
            read::<DeletedRecord>(Some(body))
                .is_some_and(|one| seconds(one.at) >= since && later(one.at, memory) >= now)
        };
        let told = listed.into_iter().filter_map(|(key, body)| is_told(body).then_some(key));
        Ok(told.filter_map(|key| room_of(&key)).map(|id| deleted(&id.to_string())).collect())
    }
}

/// The room in a key of user and room.
fn room_of(key: &str) -> Option<RoomId> {
    key.split_once('/')?.1.parse().ok()
}
