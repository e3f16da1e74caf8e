//! The group folder of a world: each group in a few variants, between which
//! an operator changes now and then.

use crate::dice::Dice;
use parlour_node::GroupLookup;
use std::collections::BTreeMap;

/// PBKDF2 of "slow-secret" with one round, so that the pool is asked.
pub(crate) const SLOW: &str = "{\"type\":\"pbkdf2\",\"hash\":\"sha-256\",\"iterations\":1,\"salt\":\"00\",\
    \"key\":\"2876d18cd0ee8a03a4eb6fdd3069e92bc6746b1867f54cb9ec5f97895779d70d\"}";

/// The files by group.
#[derive(Debug)]
pub(crate) struct Folder(BTreeMap<String, String>);

impl Folder {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let mut folder = Self(BTreeMap::new());
        folder.change("red", dice);
        folder.change("blue", dice);
        folder.change(crate::doors::HALL, dice);
        folder
    }

    /// Writes a group's file anew.
    pub(crate) fn change(&mut self, group: &str, dice: &mut Dice) {
        let mut options = vec!["\"displayName\":\"Group\"".to_owned()];
        let mut maybe = |dice: &mut Dice, permille, text: &str| {
            if dice.chance(permille) {
                options.push(text.to_owned());
            }
        };
        maybe(dice, 700, "\"auto-subgroups\":true");
        maybe(dice, 150, "\"max-clients\":3");
        maybe(dice, 100, "\"autolock\":true");
        maybe(dice, 70, "\"autokick\":true");
        maybe(dice, 300, "\"allow-recording\":true");
        maybe(dice, 200, "\"max-history-age\":600");
        let users = format!(
            "\"users\":{{\"ada\":{{\"password\":\"ada-secret\",\"permissions\":\"op\"}},\
             \"carol\":{{\"password\":{SLOW},\"permissions\":\"op\"}},\
             \"dan\":{{\"password\":{{\"type\":\"wildcard\"}},\"permissions\":[\"caption\",\"message\"]}}}},\
             \"wildcard-user\":{{\"password\":{{\"type\":\"wildcard\"}},\"permissions\":\"present\"}}"
        );
        let text = format!("{{{},{users}}}", options.join(","));
        self.0.insert(group.to_owned(), text);
    }

    /// What the edge would find.
    pub(crate) fn look(&self, group: &str) -> GroupLookup {
        let mut at = Some(group);
        while let Some(name) = at {
            if let Some(text) = self.0.get(name) {
                return GroupLookup::Found { name: name.to_owned(), text: text.clone().into() };
            }
            at = name.rsplit_once('/').map(|(parent, _)| parent);
        }
        GroupLookup::Missing
    }
}
