//! What clients do that do not keep to the protocol.

use crate::client::{Client, Speech, Turn, say};
use crate::fault::Fault;
use crate::sdp::{self, Shape, Side};
use crate::view::Stage;
use parlour_base::Json;
use parlour_node::Frame;
use parlour_wire::galene::{ClientMessage, Offer, Wish};

/// Frames that are no messages, or whose members have wrong types.
const GARBAGE: [&str; 8] = [
    "",
    "{",
    "[]",
    "{\"type\":7}",
    "{\"type\":\"chat\",\"value\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}",
    "{\"type\":\"request\",\"request\":7}",
    "{\"type\":\"nonsense\"}",
    "{\"type\":\"join\",\"kind\":\"jump\"}",
];

/// How many frames a flood has.
const FLOOD: usize = 300;

impl Client {
    /// Something that an honest client would not do, if its turn has come.
    pub(crate) fn lie(&self, turn: &mut Turn<'_>, strangers: &[String]) -> Speech {
        if turn.strikes(Fault::Malformed, 60) {
            let text = (*turn.dice.pick(&GARBAGE)).to_owned();
            return vec![(0, Frame::Text(text))];
        }
        if turn.strikes(Fault::Binary, 20) {
            return vec![(0, Frame::Binary)];
        }
        if turn.strikes(Fault::Spoofed, 40) {
            let text = format!(
                "{{\"type\":\"chat\",\"source\":\"{}\",\"username\":\"root\",\"value\":1}}",
                if turn.dice.chance(500) { "c0" } else { &self.id }
            );
            return vec![(0, Frame::Text(text))];
        }
        if turn.strikes(Fault::Flood, 15) {
            let ping = say(ClientMessage::Ping);
            return (0..FLOOD).map(|_| (0, ping.clone())).collect();
        }
        if self.view.stage != Stage::In && turn.strikes(Fault::Early, 300) {
            return vec![(0, self.early(turn))];
        }
        if turn.strikes(Fault::ForeignStream, 200) {
            return vec![(0, foreign(turn, strangers))];
        }
        Vec::new()
    }

    fn early(&self, turn: &mut Turn<'_>) -> Frame {
        let id = format!("{}-early", self.id);
        let sdp = sdp::offer(Shape::Camera, &Side::numbered(0));
        let (kind, dest) = (String::new(), String::new());
        let value = Json::from(turn.mark());
        let list = [
            ClientMessage::Chat {
                kind: kind.clone(),
                dest: dest.clone(),
                id: id.clone(),
                value: value.clone(),
                noecho: false,
            },
            ClientMessage::Offer(Offer { id: id.clone(), sdp, ..Offer::default() }),
            ClientMessage::Answer { id: id.clone(), sdp: String::new() },
            ClientMessage::Close { id: id.clone() },
            ClientMessage::UserAction {
                kind: "op".to_owned(),
                dest: self.id.clone(),
                value: Json::Null,
            },
            ClientMessage::GroupAction { kind: "unlock".to_owned(), value },
            ClientMessage::Abort { id },
        ];
        say(turn.dice.pick(&list).clone())
    }
}

fn foreign(turn: &mut Turn<'_>, strangers: &[String]) -> Frame {
    let id = turn.dice.one(strangers.iter().cloned()).unwrap_or_else(|| "none".to_owned());
    let sdp = sdp::offer(Shape::Camera, &Side::numbered(0));
    let list = [
        ClientMessage::Close { id: id.clone() },
        ClientMessage::Offer(Offer { id: id.clone(), sdp: sdp.clone(), ..Offer::default() }),
        ClientMessage::Offer(Offer {
            id: format!("{id}x"),
            replace: id.clone(),
            sdp: sdp.clone(),
            ..Offer::default()
        }),
        ClientMessage::Answer { id: id.clone(), sdp },
        ClientMessage::RequestStream { id: id.clone(), request: Some(Wish::EVERYTHING) },
        ClientMessage::Renegotiate { id: id.clone() },
        ClientMessage::Abort { id },
    ];
    say(turn.dice.pick(&list).clone())
}
