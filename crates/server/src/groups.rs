//! The folder of group files.
//!
//! Owns the way to a file of it: names are taken apart into components, none
//! of which may begin with a dot, and the folder is opened as a capability, so
//! no name and no symbolic link leads out of it. Refuses to know what a group
//! file says.

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use std::io::{self, Read as _};
use std::path::PathBuf;

/// Where group files are and how much of them is read.
#[derive(Debug, Clone)]
pub struct GroupFolder {
    /// The folder.
    pub path: PathBuf,
    /// Largest file.
    pub file_bytes_max: u64,
    /// Most files listed.
    pub files_max: usize,
    /// Deepest nesting.
    pub depth_max: usize,
}

/// The file of a group or of a parent of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFile {
    /// The group that the file is about.
    pub name: String,
    /// Its content.
    pub text: Vec<u8>,
}

impl GroupFolder {
    /// Reads `NAME.json`, or that of the nearest parent that has one.
    ///
    /// # Errors
    /// If a file is there but cannot be read, or is too large.
    pub fn read(&self, name: &str) -> io::Result<Option<GroupFile>> {
        if !self.is_name(name) {
            return Ok(None);
        }
        let Some(dir) = self.open()? else { return Ok(None) };
        let mut name = name;
        loop {
            if let Some(text) = self.read_file(&dir, &format!("{name}.json"))? {
                return Ok(Some(GroupFile { name: name.to_owned(), text }));
            }
            match name.rsplit_once('/') {
                Some((parent, _)) => name = parent,
                None => return Ok(None),
            }
        }
    }

    /// The names of all groups that have a file, sorted; at most as many as
    /// the configuration says.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        if let Some(dir) = self.open()? {
            self.list(&dir, "", 1, &mut names)?;
        }
        names.sort_unstable();
        Ok(names)
    }

    fn open(&self) -> io::Result<Option<Dir>> {
        missing_is_none(Dir::open_ambient_dir(&self.path, ambient_authority()))
    }

    fn is_name(&self, name: &str) -> bool {
        let fits =
            |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0']);
        name.split('/').all(fits) && name.split('/').count() <= self.depth_max
    }

    fn read_file(&self, dir: &Dir, path: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = missing_is_none(dir.open(path))? else { return Ok(None) };
        if !file.metadata()?.is_file() {
            return Ok(None);
        }
        let mut text = Vec::new();
        file.take(self.file_bytes_max.saturating_add(1)).read_to_end(&mut text)?;
        if text.len() as u64 > self.file_bytes_max {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "group file too large"));
        }
        Ok(Some(text))
    }

    fn list(
        &self,
        dir: &Dir,
        prefix: &str,
        depth: usize,
        names: &mut Vec<String>,
    ) -> io::Result<()> {
        for entry in dir.entries()? {
            let entry = entry?;
            let Ok(file_name) = entry.file_name().into_string() else { continue };
            if file_name.starts_with('.') || names.len() >= self.files_max {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() && depth < self.depth_max {
                self.list(&entry.open_dir()?, &format!("{prefix}{file_name}/"), depth + 1, names)?;
            } else if let Some(stem) = file_name.strip_suffix(".json")
                && !kind.is_dir()
                && self.is_name(stem)
            {
                names.push(format!("{prefix}{stem}"));
            }
        }
        Ok(())
    }
}

/// Nothing there is an answer; so is a file where a folder was looked for.
fn missing_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidFilename => Ok(None),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder() -> (tempfile::TempDir, GroupFolder) {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("groups");
        fs::create_dir_all(path.join("team/.hidden")).expect("made");
        for (name, text) in [("a.json", "A"), ("team.json", "T"), ("team/sub.json", "S")] {
            fs::write(path.join(name), text).expect("written");
        }
        fs::write(path.join("team/.hidden/x.json"), "X").expect("written");
        fs::write(dir.path().join("outside.json"), "O").expect("written");
        let groups = GroupFolder { path, file_bytes_max: 100, files_max: 10, depth_max: 4 };
        (dir, groups)
    }

    fn read(groups: &GroupFolder, name: &str) -> Option<(String, String)> {
        let file = groups.read(name).expect("readable")?;
        Some((file.name, String::from_utf8(file.text).expect("text")))
    }

    #[test]
    fn a_group_has_its_own_file_or_its_nearest_parents() {
        let (_dir, groups) = folder();
        let found = |name, of: &str, text: &str| {
            assert_eq!(read(&groups, name), Some((of.to_owned(), text.to_owned())));
        };
        found("a", "a", "A");
        found("team/sub", "team/sub", "S");
        found("team/other/deep", "team", "T");
        found("a/b", "a", "A");
        assert_eq!(read(&groups, "nobody"), None);
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let (_dir, groups) = folder();
        for name in [
            "../outside",
            "..",
            "",
            "/a",
            "a/",
            "a//b",
            "team/../a",
            "team/.hidden/x",
            ".a",
            "a\0",
            "..\\a",
        ] {
            assert_eq!(read(&groups, name), None, "{name:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_that_leads_outside_is_not_followed() {
        let (dir, groups) = folder();
        let link = groups.path.join("link.json");
        std::os::unix::fs::symlink(dir.path().join("outside.json"), link).expect("linked");
        assert!(groups.read("link").is_err());
        std::os::unix::fs::symlink("a.json", groups.path.join("inside.json")).expect("linked");
        assert_eq!(read(&groups, "inside"), Some(("inside".to_owned(), "A".to_owned())));
    }

    #[test]
    fn files_above_the_limit_and_too_deep_names_are_refused() {
        let (_dir, groups) = folder();
        fs::write(groups.path.join("big.json"), vec![b' '; 101]).expect("written");
        assert!(groups.read("big").is_err());
        assert_eq!(read(&groups, "team/a/b/c/d"), None);
    }

    #[test]
    fn the_list_names_files_and_skips_hidden_ones() {
        let (_dir, mut groups) = folder();
        assert_eq!(groups.names().expect("listed"), ["a", "team", "team/sub"]);
        groups.files_max = 1;
        assert_eq!(groups.names().expect("listed").len(), 1);
        groups.path.push("absent");
        assert!(groups.names().expect("no folder, no groups").is_empty());
    }
}
