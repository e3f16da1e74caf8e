//! What a room shows, and to whom.

use super::asks::{Visit, seconds};
use super::credentials::{Caller, is_inside};
use super::http::{Answer, Request};
use parlour_room::Room;
use parlour_room::view::Participating;
use parlour_wire::rooms::view::{FullView, ParticipantView, PublicView};
use parlour_wire::rooms::{ApiError, seal};

impl Visit {
    /// `GET /rooms/:token`
    pub(super) async fn read(&mut self, token: &str) -> Result<Answer, ApiError> {
        let room = self.room(token).await?;
        let caller = self.caller(&room).await?;
        let now = self.port.now().wall;
        let inside = caller.seat().is_some_and(|seat| is_inside(&room, &seat, now));
        match caller {
            Caller::Nobody => Ok(Answer::json(self.public_view(&room).body())),
            _ if inside || caller.owns(&room) => Ok(Answer::json(self.full_view(&room).body())),
            _ => Err(ApiError::stranger()),
        }
    }

    /// What everybody sees.
    pub(super) fn public_view(&self, room: &Room) -> PublicView {
        let token = room.id().to_string();
        let url = self.room_url(&token);
        let Some(lease) = room.lease() else {
            return PublicView { token, url, ..PublicView::default() };
        };
        PublicView {
            token,
            url,
            owner: lease.owner_name.clone(),
            name: lease.name.clone(),
            context: lease.context.as_ref().and_then(|value| value.as_object()).cloned(),
        }
    }

    /// What owner and participants see.
    pub(super) fn full_view(&self, room: &Room) -> FullView {
        // Whose time is over is gone, whether or not the room has noticed.
        let participants = room.participants_at(self.port.now().wall);
        let max_size = room.lease().map_or(0, |lease| lease.max_size);
        let limits = participants.iter().filter_map(|one| one.client_max).map(i64::from);
        let term = room.term();
        FullView {
            public: self.public_view(room),
            max_size,
            client_max_size: limits.fold(i64::from(max_size), i64::min),
            creation_time: room.lease().map_or(0, |lease| seconds(lease.created)),
            expires_at: term.map_or(0, |term| seconds(term.expires)),
            ctime: term.map_or(0, |term| seconds(term.changed)),
            participants: participants.iter().map(|one| self.participant(room, one)).collect(),
        }
    }

    fn participant(&self, room: &Room, one: &Participating<'_>) -> ParticipantView {
        let secret = self.door.config.account_secret.expose();
        let open = |account: &str| seal::open_inside(secret, &room.id().to_string(), account);
        ParticipantView {
            connection_id: one.connection.clone(),
            display_name: one.name.to_owned(),
            is_owner: one.owner,
            account: one.account.and_then(open),
        }
    }

    /// The page that leads into a room.
    pub(super) fn room_url(&self, token: &str) -> String {
        let url = &self.door.config.room_url;
        url.replace("{origin}", &origin(&self.request)).replace("{token}", token)
    }
}

/// Scheme, host and port by which the request came.
pub(super) fn origin(request: &Request) -> String {
    let (scheme, usual) = if request.is_secure { ("https", 443) } else { ("http", 80) };
    let host = &request.host;
    if request.port == usual {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{host}:{}", request.port)
    }
}
