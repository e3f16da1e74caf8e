//! What the HTTP side asks: the status of one group, and the list of all.

use super::{Errand, GALENE, Listing};
use crate::port::{Output, Query, QueryId, Reply};
use crate::shard::Shard;
use parlour_base::Permission;
use parlour_room::{Member, Rules};
use parlour_wire::galene::{GroupStatus, name};

impl Shard {
    pub(super) fn status(&self, group: &str, rules: &Rules, tell: bool) -> GroupStatus {
        let room = self.directory.room(GALENE, group).and_then(|room| self.rooms.get(&room));
        let room = room.map(|hosted| hosted.timeline.published());
        let count = room.map_or(0, |room| room.members().len());
        let is_op = |member: &Member| member.permissions.has(Permission::Op);
        let has_op = room.is_some_and(|room| room.members().any(is_op));
        let locked = room.is_some_and(|room| room.lock().is_some()) || rules.autolock && !has_op;
        GroupStatus {
            name: group.to_owned(),
            redirect: rules.redirect.clone(),
            display_name: rules.display_name.clone(),
            description: rules.description.clone(),
            auth_server: rules.auth_server.clone(),
            auth_portal: rules.auth_portal.clone(),
            locked: tell && locked,
            client_count: tell.then(|| u32::try_from(count).unwrap_or(u32::MAX)),
            ..GroupStatus::default()
        }
    }

    /// Keeps a question until the directory is there; true if it is kept.
    pub(super) fn too_early(&mut self, id: QueryId, query: Query) -> bool {
        let early = self.entries.loading.is_some();
        if early && self.entries.questions.len() < self.config.limits.entries as usize {
            self.entries.questions.push((id, query));
            return true;
        }
        false
    }

    pub(crate) fn query_group(&mut self, query: QueryId, group: String) {
        if self.too_early(query, Query::Group(group.clone())) {
            return;
        }
        if name::is_group_name(&group) {
            let errand = Errand::Question(query, group.clone());
            self.read_group(&group, errand);
        } else {
            self.out.push_back(Output::Reply(query, Reply::Group(None)));
        }
    }

    /// One list is made at a time, however many ask: reading every group file
    /// is much work for a question that anybody may put.
    pub(crate) fn query_public(&mut self, query: QueryId, names: Vec<String>) {
        if self.too_early(query, Query::PublicGroups(names.clone())) {
            return;
        }
        if self.entries.is_listing {
            let (queries, next_names) = &mut self.entries.next_listing;
            queries.push(query);
            *next_names = names;
            return;
        }
        self.list_for(vec![query], names);
    }

    fn list_for(&mut self, queries: Vec<QueryId>, mut names: Vec<String>) {
        names.extend(self.directory.groups().map(str::to_owned));
        names.retain(|group| name::is_group_name(group));
        names.sort_unstable_by(|a, b| b.cmp(a));
        names.dedup();
        self.entries.is_listing = true;
        let listing = Listing { queries, asked: String::new(), left: names, found: Vec::new() };
        self.list_next(Box::new(listing));
    }

    pub(super) fn list_next(&mut self, mut listing: Box<Listing>) {
        if let Some(group) = listing.left.pop() {
            listing.asked.clone_from(&group);
            self.read_group(&group, Errand::Listing(listing));
            return;
        }
        let Listing { queries, found, .. } = *listing;
        for query in queries {
            self.out.push_back(Output::Reply(query, Reply::PublicGroups(found.clone())));
        }
        self.entries.is_listing = false;
        let (queries, names) = std::mem::take(&mut self.entries.next_listing);
        if !queries.is_empty() {
            self.list_for(queries, names);
        }
    }
}
