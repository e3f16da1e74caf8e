//! What a client wants to receive: one model for both encodings.
//!
//! Source: docs/protocols/galene.md §§1.6 "Mapping of `request`", 3.6.

use super::members::ParseError;
use parlour_base::{Json, JsonMap};
use std::collections::BTreeMap;

const SCREENSHARE: &str = "screenshare";

/// Which media of a stream are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Wish {
    /// The first audio track.
    pub audio: bool,
    /// The first video track.
    pub video: bool,
    /// The last video track or its lowest layer; [`Wish::video`] wins over it.
    pub low: bool,
}

impl Wish {
    /// Nothing.
    pub const NOTHING: Self = Self { audio: false, video: false, low: false };
    /// Sound and full video.
    pub const EVERYTHING: Self = Self { audio: true, video: true, low: false };

    /// Whether nothing is wanted.
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        !(self.audio || self.video || self.low)
    }

    /// Reads an array of media names; names nobody knows are ignored.
    pub(super) fn read(list: &[Json]) -> Result<Self, ParseError> {
        list.iter().try_fold(Self::NOTHING, |wish, item| match item.as_str() {
            Some("audio") => Ok(Self { audio: true, ..wish }),
            Some("video") => Ok(Self { video: true, ..wish }),
            Some("video-low") => Ok(Self { low: true, ..wish }),
            Some(_) => Ok(wish),
            None => Err(ParseError::WrongType("request")),
        })
    }

    pub(super) fn to_json(self) -> Json {
        let all = [(self.audio, "audio"), (self.video, "video"), (self.low, "video-low")];
        all.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| Json::from(name)).collect()
    }
}

/// What is wanted of which stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestTable {
    /// By stream label; `""` stands for labels that are not listed.
    pub wishes: BTreeMap<String, Wish>,
    /// Whether it came as booleans, which only clients of 2021 send.
    pub legacy: bool,
}

impl RequestTable {
    /// What is wanted of a stream with this label.
    #[must_use]
    pub fn wish_for(&self, label: &str) -> Wish {
        let listed = self.wishes.get(label).or_else(|| self.wishes.get(""));
        listed.copied().unwrap_or_default()
    }

    /// The table that the flags of a client of 2021 amount to.
    #[must_use]
    pub fn from_flags(audio: bool, video: bool, screenshare: bool) -> Self {
        let default = Wish { audio, video, low: false };
        let mut wishes = BTreeMap::from([(String::new(), default)]);
        if screenshare && default != Wish::EVERYTHING {
            wishes.insert(SCREENSHARE.to_owned(), Wish::EVERYTHING);
        } else if video && !screenshare {
            wishes.insert(SCREENSHARE.to_owned(), Wish::NOTHING);
        }
        Self { wishes, legacy: true }
    }

    /// Reads either encoding; members that are `null` count as absent.
    pub(super) fn read(map: &JsonMap) -> Result<Self, ParseError> {
        let members = map.iter().filter(|(_, v)| !v.is_null());
        if members.clone().any(|(_, v)| v.is_boolean() || v.is_number()) {
            return Self::read_flags(map);
        }
        // An empty object means the same in both encodings: nothing.
        members
            .map(|(label, value)| {
                let list = value.as_array().ok_or(ParseError::WrongType("request"))?;
                Ok((label.clone(), Wish::read(list)?))
            })
            .collect::<Result<_, _>>()
            .map(|wishes| Self { wishes, legacy: false })
    }

    fn read_flags(map: &JsonMap) -> Result<Self, ParseError> {
        let flag = |value: &Json| match value {
            Json::Null => Some(false),
            Json::Bool(flag) => Some(*flag),
            Json::Number(n) => Some(n.as_f64() != Some(0.0)),
            _ => None,
        };
        if !map.values().all(|value| flag(value).is_some()) {
            return Err(ParseError::WrongType("request"));
        }
        let wanted = |label| map.get(label).and_then(flag).unwrap_or(false);
        Ok(Self::from_flags(wanted("audio"), wanted("video"), wanted(SCREENSHARE)))
    }

    pub(super) fn to_json(&self) -> Json {
        if !self.legacy {
            let members = self.wishes.iter().map(|(label, wish)| (label.clone(), wish.to_json()));
            return Json::Object(members.collect());
        }
        let default = self.wish_for("");
        let screenshare = self.wish_for(SCREENSHARE) == Wish::EVERYTHING;
        let flags =
            [("audio", default.audio), ("video", default.video), (SCREENSHARE, screenshare)];
        let members = flags.into_iter().map(|(label, flag)| (label.to_owned(), Json::from(flag)));
        Json::Object(members.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(json: &Json) -> Result<RequestTable, ParseError> {
        RequestTable::read(json.as_object().expect("an object"))
    }

    #[test]
    fn flags_and_arrays_of_the_same_meaning_give_the_same_wishes() {
        for (flags, arrays) in [
            (json!({"audio": true}), json!({"": ["audio"]})),
            (
                json!({"audio": true, "screenshare": 1}),
                json!({"screenshare": ["audio", "video"], "": ["audio"]}),
            ),
            (
                json!({"audio": true, "screenshare": 0.5, "video": true}),
                json!({"": ["audio", "video"]}),
            ),
            (json!({"audio": false}), json!({"": []})),
            (json!({"audio": 0, "x": true}), json!({"": []})),
        ] {
            let (old, new) = (read(&flags).expect("flags"), read(&arrays).expect("arrays"));
            assert_eq!(old.wishes, new.wishes, "{flags}");
            assert!(old.legacy && !new.legacy);
        }
    }

    #[test]
    fn screens_are_not_wanted_by_a_client_that_leaves_them_out() {
        let table = read(&json!({"audio": true, "video": true})).expect("flags");
        assert_eq!(table.wish_for("camera"), Wish::EVERYTHING);
        assert_eq!(table.wish_for("screenshare"), Wish::NOTHING);
    }

    #[test]
    fn an_empty_request_wants_nothing() {
        assert_eq!(read(&json!({})).expect("empty").wish_for("camera"), Wish::NOTHING);
    }

    #[test]
    fn unknown_media_are_ignored_and_wrong_types_are_not() {
        let table = read(&json!({"": ["smell", "video-low"], "camera": null})).expect("arrays");
        assert_eq!(table.wish_for("camera"), Wish { low: true, ..Wish::NOTHING });
        for bad in
            [json!({"": "audio"}), json!({"": [1]}), json!({"a": {}}), json!({"a": true, "b": []})]
        {
            assert_eq!(read(&bad), Err(ParseError::WrongType("request")), "{bad}");
        }
    }

    #[test]
    fn every_combination_of_flags_survives_writing() {
        for bits in 0_u8..8 {
            let table = RequestTable::from_flags(bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
            assert_eq!(read(&table.to_json()), Ok(table));
        }
    }
}
