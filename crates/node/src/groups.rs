//! What a group file says, as the room and the directory take it.

use parlour_base::Json;
use parlour_directory::Access;
use parlour_directory::access::{Credential, ListEntry};
use parlour_directory::jwt::SigningKey;
use parlour_room::Rules;
use parlour_wire::galene::group::{GroupFile, GroupFileError, NamedSet, PermissionSet};

/// The definition of one group.
#[derive(Debug)]
pub(crate) struct Definition {
    pub rules: Rules,
    pub access: Access,
    /// Keys that sign tokens for it.
    pub keys: Vec<SigningKey>,
    /// Whether names below it are groups too.
    pub has_subgroups: bool,
}

impl Definition {
    /// Reads a group file.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, GroupFileError> {
        let file = GroupFile::parse(bytes)?;
        let keys = file.auth_keys.iter().filter_map(|jwk| SigningKey::from_jwk(jwk.expose()));
        Ok(Self {
            rules: rules(&file),
            access: access(&file),
            keys: keys.collect(),
            has_subgroups: file.auto_subgroups,
        })
    }

    /// As the definition of a subgroup, which inherits all but being listed
    /// and described.
    pub(crate) fn for_subgroup(mut self) -> Option<Self> {
        self.rules.public = false;
        self.rules.description = None;
        self.has_subgroups.then_some(self)
    }
}

fn rules(file: &GroupFile) -> Rules {
    Rules {
        display_name: file.display_name.clone(),
        description: file.description.clone(),
        public: file.public,
        redirect: file.redirect.clone(),
        capacity: file.max_clients,
        history_age_secs: file.history_age().as_secs(),
        not_before: file.not_before,
        expires: file.expires,
        allow_recording: file.allow_recording,
        autolock: file.autolock,
        autokick: file.autokick,
        codecs: file.codecs().map(str::to_owned).collect(),
        auth_server: file.auth_server.clone(),
        auth_portal: file.auth_portal.clone(),
    }
}

fn access(file: &GroupFile) -> Access {
    let give = |set| file.expand(set);
    if file.is_of_2021() {
        let list = |entries: &[parlour_wire::galene::group::ListEntry], set| {
            let permissions = give(PermissionSet::Named(set));
            let entry = |e: &parlour_wire::galene::group::ListEntry| ListEntry {
                name: e.username.clone(),
                credential: Credential { verifier: e.password.clone(), permissions },
            };
            entries.iter().map(entry).collect()
        };
        return Access::Lists(vec![
            list(&file.op, NamedSet::Op),
            list(&file.presenter, NamedSet::Present),
            list(&file.other, NamedSet::Message),
        ]);
    }
    let credential = |user: &parlour_wire::galene::group::UserDescription| Credential {
        verifier: user.password.clone(),
        permissions: give(user.permissions),
    };
    Access::Users {
        named: file.users.iter().map(|(name, user)| (name.clone(), credential(user))).collect(),
        wildcard: file.wildcard_user.as_ref().map(credential),
    }
}

/// The definition of the room that a new server opens to everyone.
pub(crate) fn lobby() -> Json {
    serde_json::json!({
        "displayName": "Lobby",
        "description": "Open to everyone who can reach this server.",
        "public": true,
        "codecs": ["vp8", "opus", "vp9", "h264", "av1"],
        "wildcard-user": { "password": { "type": "wildcard" }, "permissions": "present" }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lobby_is_a_definition() {
        let text = lobby().to_string();
        let definition = Definition::read(text.as_bytes()).expect("it is one");
        assert!(definition.rules.public);
        assert!(definition.for_subgroup().is_none());
    }
}
