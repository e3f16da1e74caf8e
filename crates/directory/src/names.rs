//! Which names mean which room, and the definitions kept in the store.

use parlour_base::storage::Write;
use parlour_base::{Json, RoomId};
use std::collections::BTreeMap;

/// The kind under which stored group definitions are kept.
const GROUP: &str = "group";

/// The names of rooms and the stored group definitions.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    names: BTreeMap<(String, String), RoomId>,
    groups: BTreeMap<String, Json>,
}

impl Directory {
    /// What the store had at the start.
    #[must_use]
    pub fn load(
        names: Vec<(String, String, RoomId)>,
        records: Vec<(String, String, Json)>,
    ) -> Self {
        let names = names.into_iter().map(|(space, name, room)| ((space, name), room)).collect();
        let group =
            |(kind, key, body): (String, String, Json)| (kind == GROUP).then_some((key, body));
        Self { names, groups: records.into_iter().filter_map(group).collect() }
    }

    /// Whether nothing was ever stored.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.names.is_empty() && self.groups.is_empty()
    }

    /// The room that a name of a namespace means.
    #[must_use]
    pub fn room(&self, namespace: &str, name: &str) -> Option<RoomId> {
        self.names.get(&(namespace.to_owned(), name.to_owned())).copied()
    }

    /// Binds a name to a room, and says what to write. The binding holds at
    /// once in memory; the store refuses it if the name is taken.
    pub fn bind(&mut self, namespace: &str, name: &str, room: RoomId) -> Write {
        self.names.insert((namespace.to_owned(), name.to_owned()), room);
        Write::BindName { namespace: namespace.to_owned(), name: name.to_owned(), room }
    }

    /// Takes back a binding that the store refused.
    pub fn unbind(&mut self, namespace: &str, name: &str) {
        self.names.remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// The stored definition of a group.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Json> {
        self.groups.get(name)
    }

    /// The names of the stored definitions.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str)
    }

    /// Keeps the definition of a group, or removes it, and says what to write.
    pub fn define(&mut self, name: &str, body: Option<Json>) -> Write {
        match &body {
            Some(body) => self.groups.insert(name.to_owned(), body.clone()),
            None => self.groups.remove(name),
        };
        Write::Record { kind: GROUP.to_owned(), key: name.to_owned(), body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_apart_by_namespace() {
        let (a, b) = (RoomId::new(1).expect("fine"), RoomId::new(2).expect("fine"));
        let mut directory = Directory::default();
        assert!(directory.is_new());
        directory.bind("galene", "lab", a);
        directory.bind("kik", "lab", b);
        assert_eq!(directory.room("galene", "lab"), Some(a));
        assert_eq!(directory.room("kik", "lab"), Some(b));
        directory.unbind("galene", "lab");
        assert_eq!(directory.room("galene", "lab"), None);
    }

    #[test]
    fn definitions_come_back_from_what_was_written() {
        let mut directory = Directory::default();
        let Write::Record { kind, key, body: Some(body) } =
            directory.define("lobby", Some(Json::from(1)))
        else {
            panic!("a record is to be kept");
        };
        let again = Directory::load(Vec::new(), vec![(kind, key, body)]);
        assert_eq!(again.group("lobby"), Some(&Json::from(1)));
        directory.define("lobby", None);
        assert_eq!(directory.groups().count(), 0);
    }
}
