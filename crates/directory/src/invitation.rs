//! Invitations: stateful tokens that let their bearer into a group.
//!
//! Source: docs/protocols/galene.md §5.7.

use crate::access::Admission;
use parlour_base::{Permissions, Wall};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long an invitation is kept past its end.
pub const KEPT_AFTER_END: Duration = Duration::from_secs(7 * 86_400);

/// What an invitation gives; the text of its token is its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The group it lets into.
    pub group: String,
    /// It lets into groups below as well.
    #[serde(default)]
    pub include_subgroups: bool,
    /// The name its bearer gets; `None` lets the bearer choose.
    #[serde(default)]
    pub username: Option<String>,
    /// What its bearer may do.
    pub permissions: Permissions,
    /// When it ends.
    pub expires: Wall,
    /// When it begins.
    #[serde(default)]
    pub not_before: Option<Wall>,
    /// When it was made.
    pub issued_at: Wall,
    /// Who made it.
    #[serde(default)]
    pub issued_by: Option<String>,
}

impl Invitation {
    /// What it gives its bearer in this group at this time.
    #[must_use]
    pub fn admit(&self, now: Wall, group: &str) -> Option<Admission> {
        let below = || {
            let rest = group.strip_prefix(self.group.as_str());
            self.group.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let here = self.group == group || (self.include_subgroups && below());
        let begun = self.not_before.is_none_or(|begins| now >= begins);
        (here && begun && now < self.expires).then(|| Admission::of(self.permissions))
    }

    /// Whether it may be forgotten.
    #[must_use]
    pub fn is_stale(&self, now: Wall) -> bool {
        now.since(self.expires) > KEPT_AFTER_END
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation(group: &str, include_subgroups: bool) -> Invitation {
        Invitation {
            group: group.to_owned(),
            include_subgroups,
            username: None,
            permissions: Permissions::NONE,
            expires: Wall(2_000),
            not_before: Some(Wall(1_000)),
            issued_at: Wall(0),
            issued_by: None,
        }
    }

    #[test]
    fn an_invitation_holds_for_its_group_and_its_time() {
        let plain = invitation("lab", false);
        assert!(plain.admit(Wall(1_000), "lab").is_some());
        for (now, group) in [(999, "lab"), (2_000, "lab"), (1_500, "lab/a"), (1_500, "")] {
            assert!(plain.admit(Wall(now), group).is_none(), "{now} {group}");
        }
    }

    #[test]
    fn an_invitation_with_subgroups_holds_below_but_not_beside() {
        let deep = invitation("lab", true);
        assert!(deep.admit(Wall(1_500), "lab/a/b").is_some());
        assert!(deep.admit(Wall(1_500), "labour").is_none());
        assert!(invitation("", true).admit(Wall(1_500), "any").is_some());
        assert!(invitation("", false).admit(Wall(1_500), "any").is_none());
    }

    #[test]
    fn an_invitation_is_forgotten_a_week_after_its_end() {
        let plain = invitation("lab", false);
        assert!(!plain.is_stale(Wall(2_000 + 7 * 86_400_000)));
        assert!(plain.is_stale(Wall(2_001 + 7 * 86_400_000)));
    }
}
