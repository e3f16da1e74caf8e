//! Request paths: decoded once, cleaned like file paths, taken apart.
//!
//! Source: docs/protocols/galene.md §2.1.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stays as it is in a path that we write.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'!')
    .remove(b'@')
    .remove(b':')
    .remove(b',')
    .remove(b'=')
    .remove(b'+');

/// Longest path that is looked at, in bytes as sent.
const PATH_BYTES_MAX: usize = 2_048;

/// The path of a request, decoded; `None` if it is no text, holds a NUL or a
/// backslash, or is too long.
pub(super) fn decode(raw: &str) -> Option<String> {
    if raw.len() > PATH_BYTES_MAX || !raw.starts_with('/') {
        return None;
    }
    let path = percent_decode_str(raw).decode_utf8().ok()?;
    (!path.contains(['\0', '\\', '\r', '\n'])).then(|| path.into_owned())
}

/// A path as it stands in a `Location`.
pub(super) fn encode(path: &str) -> String {
    utf8_percent_encode(path, PLAIN).to_string()
}

/// The path without empty, `.` and `..` components. A slash at the end stays.
pub(super) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let folder = matches!(path.rsplit('/').next(), Some("" | "." | ".."));
    let slash = if folder && !parts.is_empty() { "/" } else { "" };
    format!("/{}{slash}", parts.join("/"))
}

/// What follows `/group/` in a clean path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GroupPath<'a> {
    /// The group's name, without slashes around it.
    pub(super) name: &'a str,
    /// The first component that begins with a dot, such as `.status`.
    pub(super) kind: Option<&'a str>,
    /// What follows the kind, without the slash between.
    pub(super) rest: &'a str,
    /// Whether a page's path ends in a slash.
    pub(super) slash: bool,
}

/// Takes the clean path of something about a group apart; `None` if it is
/// about no group.
pub(super) fn group(path: &str) -> Option<GroupPath<'_>> {
    let path = path.strip_prefix("/group/")?;
    let (name, kind, rest) = match (path.starts_with('.'), path.split_once("/.")) {
        (true, _) => return None,
        (false, None) => (path, None, ""),
        (false, Some((name, _))) => {
            // One byte, the slash, lies between the name and its kind.
            let tail = path.get(name.len() + 1..)?;
            let (kind, rest) = tail.split_once('/').unwrap_or((tail, ""));
            (name, Some(kind), rest)
        }
    };
    let slash = name.ends_with('/');
    let name = name.trim_end_matches('/');
    (!name.is_empty()).then_some(GroupPath { name, kind, rest, slash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_like_file_paths() {
        for (path, cleaned) in [
            ("/", "/"),
            ("/a", "/a"),
            ("/a/", "/a/"),
            ("//a//b/", "/a/b/"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/../../etc/passwd", "/etc/passwd"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/group/x/.status", "/group/x/.status"),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        assert_eq!(decode("/a%20b").as_deref(), Some("/a b"));
        assert_eq!(decode("/%2e%2e/x").as_deref(), Some("/../x"));
        for raw in ["", "a", "/%00", "/%ff", "/a%5cb", "/a\\b", "/%0d%0aX: y", "*"] {
            assert_eq!(decode(raw), None, "{raw}");
        }
        assert_eq!(decode(&format!("/{}", "a".repeat(2_048))), None);
    }

    #[test]
    fn what_we_write_reads_back() {
        for path in ["/group/a b/", "/group/ä?#%/", "/group/a&b;c/"] {
            assert_eq!(decode(&encode(path)).as_deref(), Some(path));
        }
        assert_eq!(encode("/group/a b?/"), "/group/a%20b%3F/");
    }

    #[test]
    fn the_first_dotted_component_ends_a_name() {
        let parts = |path| group(path).map(|it| (it.name, it.kind, it.rest, it.slash));
        assert_eq!(parts("/group/a"), Some(("a", None, "", false)));
        assert_eq!(parts("/group/a/b/"), Some(("a/b", None, "", true)));
        assert_eq!(parts("/group/a/.status"), Some(("a", Some(".status"), "", false)));
        assert_eq!(parts("/group/a/b/.whip/id/x"), Some(("a/b", Some(".whip"), "id/x", false)));
        assert_eq!(parts("/group/a/.x/.status"), Some(("a", Some(".x"), ".status", false)));
        assert_eq!(parts("/group/"), None);
        assert_eq!(parts("/group/.status"), None);
        assert_eq!(parts("/other/"), None);
    }
}
