//! Which names groups and users may have.
//!
//! Source: docs/protocols/galene.md §5.4 "Names", §2.1.

use parlour_base::limits::NAME_BYTES_MAX;

/// Whether the text equals its own form as a cleaned path: no empty, `.` or
/// `..` component. The empty text counts as clean.
#[must_use]
pub fn is_clean_path(text: &str) -> bool {
    text.is_empty() || text.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// The path without empty and `.` components and with `..` resolved; one that
/// climbs above its root stays at the root. Leading and trailing slashes go.
#[must_use]
pub fn clean_path(text: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether a group may have this name.
#[must_use]
pub fn is_group_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && is_plain(name)
}

/// Whether a group of this name can be reached over HTTP, where a component
/// that starts with a dot ends the name.
#[must_use]
pub fn is_reachable_group_name(name: &str) -> bool {
    is_group_name(name) && !name.split('/').any(|part| part.starts_with('.'))
}

/// Whether a user may have this name; the empty one is allowed.
#[must_use]
pub fn is_user_name(name: &str) -> bool {
    is_plain(name)
}

/// The group that this one is a subgroup of.
#[must_use]
pub fn parent(group: &str) -> Option<&str> {
    group.rsplit_once('/').map(|(parent, _)| parent)
}

/// The rules that groups and users share. Control characters never occur in
/// sound names, and would upset logs and terminals.
fn is_plain(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX
        && !name.contains(|c: char| c == '\\' || c.is_control())
        && is_clean_path(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_sheet_are_judged_as_the_sheet_says() {
        for name in ["foo", "foo/bar", "a b", "foo/.bar", "Zoë", "..."] {
            assert!(is_user_name(name), "{name}");
        }
        for name in ["/", "/foo", "foo/", "./foo", "foo/..", "foo/./bar", "foo\\bar", "a//b", ".."]
        {
            assert!(!is_group_name(name) && !is_user_name(name), "{name}");
        }
        assert!(is_user_name("") && !is_group_name(""));
        assert!(is_group_name("foo/bar") && !is_group_name(".foo"));
        assert!(is_group_name("foo/.bar") && !is_reachable_group_name("foo/.bar"));
    }

    #[test]
    fn names_have_a_length_and_no_control_characters() {
        assert!(is_group_name(&"x".repeat(NAME_BYTES_MAX)));
        assert!(!is_group_name(&"x".repeat(NAME_BYTES_MAX + 1)));
        assert!(!is_user_name("a\0b") && !is_user_name("a\nb"));
    }

    #[test]
    fn cleaning_resolves_dots_and_slashes() {
        for (text, clean) in
            [("/a//b/", "a/b"), ("a/./b/../c", "a/c"), ("../../x", "x"), ("..", ""), ("a", "a")]
        {
            assert_eq!(clean_path(text), clean);
            assert!(is_clean_path(clean));
        }
        assert_eq!((parent("a/b/c"), parent("a")), (Some("a/b"), None));
    }
}
