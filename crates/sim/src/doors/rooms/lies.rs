//! Requests of the rooms door that are wrong, and what may be said to them
//! (docs/protocols/rooms.md §§0 to 2).

use super::super::Desk;
use super::book::Who;
use super::request::{basic, plain};
use super::{DEVICES, Rooms};
use crate::fault::Fault;
use parlour_base::{Json, Secret};
use parlour_session::rooms::{Request, Unread};
use serde_json::json;

/// A room that nobody made.
const NOWHERE: &str = "AAAAAAAAAAE";

impl Rooms {
    /// Something wrong, if its turn has come, and the statuses it may get.
    pub(super) fn lie(&mut self, desk: &mut Desk<'_>) -> Option<(&'static [u16], Request)> {
        if desk.strikes(Fault::WrongMac, 30) {
            return self.wrong_mac(desk);
        }
        let room = desk.dice.one(self.book.open_rooms());
        let room = room.unwrap_or_else(|| NOWHERE.to_owned());
        let path = format!("/rooms/{room}");
        if desk.strikes(Fault::ForeignToken, 30) {
            let token = self.book.foreign_token(&room).unwrap_or_else(|| "pmt1_AA.AA".to_owned());
            let action = *desk.dice.pick(&["join", "refresh", "leave", "status"]);
            let body = json!({ "action": action, "displayName": "x", "clientMaxSize": 2 });
            return Some((&[401, 404], plain("POST", &path, Some(basic(&token)), &body)));
        }
        if desk.strikes(Fault::BrokenRequest, 40) {
            return self.wrong_shape(&path, desk);
        }
        None
    }

    fn wrong_mac(&mut self, desk: &mut Desk<'_>) -> Option<(&'static [u16], Request)> {
        let n = desk.dice.below(DEVICES);
        let (id, key) = self.devices[n].credentials.clone()?;
        let other = "0".repeat(64);
        let seconds = desk.now.wall.0.div_euclid(1_000);
        let (id, key, seconds) = match desk.dice.below(3) {
            0 => (other, key, seconds),
            1 => (id, other, seconds),
            // Signed long ago.
            _ => (id, key, seconds - 7_200),
        };
        let header = self.client.sign(&id, &key, "GET", "/rooms", seconds).text();
        Some((&[401], plain("GET", "/rooms", Some(header), &Json::Null)))
    }

    fn wrong_shape(
        &mut self,
        path: &str,
        desk: &mut Desk<'_>,
    ) -> Option<(&'static [u16], Request)> {
        let owner = Who::Device(desk.dice.below(DEVICES));
        let wall = desk.now.wall;
        let mut signed = |method: &str, path: &str, body: Json| {
            self.client.request(&self.devices, &owner, (method, path), &body, wall).0
        };
        Some(match desk.dice.below(9) {
            0 => (&[400, 401], signed("POST", "/rooms", json!({ "roomOwner": 7 }))),
            1 => (
                &[400, 401],
                signed("POST", "/rooms", json!({ "roomOwner": "-", "maxSize": 99, "context": 1 })),
            ),
            2 => (&[400, 401], signed("PATCH", "/rooms", json!({ "deleteRoomTokens": [] }))),
            3 => (&[400, 404], plain("POST", path, None, &json!({ "action": "dance" }))),
            4 => (&[400, 404], plain("POST", path, None, &json!({ "action": "join" }))),
            5 => (&[401, 404], plain("POST", path, None, &json!({ "action": "leave" }))),
            6 => {
                let mut request = plain("POST", path, None, &json!({ "action": "join" }));
                request.body = Secret::new(b"{\"action\":".to_vec());
                (&[400, 404], request)
            }
            7 => {
                let mut request = plain("POST", path, None, &json!({}));
                request.unread = Some(Unread::TooLarge);
                (&[413], request)
            }
            _ => (&[307, 404], plain("DELETE", "/nothing/of/the/kind", None, &Json::Null)),
        })
    }
}
