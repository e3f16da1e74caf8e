//! The rules of the house that a compiler does not know.
//!
//! The matrix below is the one of docs/design/architecture.md: a row may use
//! its columns. Below the line there is no clock, no socket, no task, no disk.

use crate::requirements;
use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which crate may use which, without the common prefix.
const MATRIX: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("wire", &["base"]),
    ("room", &["base"]),
    ("directory", &["base"]),
    ("presence", &["base"]),
    ("record", &["base"]),
    ("impair", &["base"]),
    ("sfu", &["base", "wire"]),
    ("turn", &["base", "wire"]),
    ("session", &["base", "wire", "room", "directory", "presence"]),
    (
        "node",
        &["base", "wire", "room", "directory", "presence", "session", "sfu", "turn", "record"],
    ),
    ("store", &["base", "room", "directory"]),
    ("bench", &["base", "wire", "room", "sfu", "store", "impair"]),
    ("server", &["base", "wire", "sfu", "turn", "record", "node", "store", "bench"]),
    (
        "sim",
        &[
            "base",
            "wire",
            "room",
            "directory",
            "presence",
            "session",
            "sfu",
            "node",
            "store",
            "impair",
        ],
    ),
];

/// The crates above the line, which may touch the world.
const EDGE: &[&str] = &["server", "store", "sim", "bench"];

/// Parts of a crate below the line that are above it: they are built only with
/// its feature `edge`.
const EDGE_PARTS: &[&str] = &["crates/impair/src/edge/", "crates/impair/src/main.rs"];

/// What must not be reachable from below the line.
const WORLD: &[&str] = &["tokio", "mio", "socket2", "rusqlite", "hyper", "async-std"];

/// Words that do not occur in the sources below the line, and why.
const BANNED: &[(&str, &str)] = &[
    ("Instant::now", "time is an argument"),
    ("SystemTime::now", "time is an argument"),
    ("std::fs", "storage is a message"),
    ("std::thread", "a machine is one value on somebody else's thread"),
    ("std::env", "configuration is an argument"),
    ("UdpSocket", "the edge owns the sockets"),
    ("TcpStream", "the edge owns the sockets"),
    ("TcpListener", "the edge owns the sockets"),
    ("thread_rng", "entropy is an argument"),
];

/// Crates whose runs must be repeatable, so no map with a random order.
const REPEATABLE: &[&str] = &["room", "directory", "session", "node", "impair"];

/// Files above this many lines are two files.
const FILE_LINES_MAX: usize = 900;

/// The top of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Checks every rule and tells every offence.
pub(crate) fn check() -> Result<()> {
    let metadata = MetadataCommand::new().current_dir(root()).exec()?;
    let mut offences = arrows(&metadata);
    offences.extend(reachable_world(&metadata));
    offences.extend(sources()?);
    offences.extend(unfuzzed()?);
    offences.extend(untested()?);
    if !offences.is_empty() {
        bail!("{}", offences.join("\n"));
    }
    Ok(())
}

fn short(name: &str) -> Option<&str> {
    name.strip_prefix("parlour-")
}

/// Arrows between crates that the matrix does not have.
fn arrows(metadata: &Metadata) -> Vec<String> {
    let matrix: BTreeMap<&str, &[&str]> = MATRIX.iter().copied().collect();
    let mut offences = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(from) = short(&package.name) else { continue };
        let Some(may_use) = matrix.get(from) else {
            offences.push(format!("crate {from} is not in the matrix"));
            continue;
        };
        for dependency in &package.dependencies {
            let Some(to) = short(&dependency.name) else { continue };
            if !may_use.contains(&to) {
                offences.push(format!("{from} must not use {to}"));
            }
        }
    }
    for (row, _) in MATRIX {
        let exists = metadata.workspace_packages().iter().any(|p| short(&p.name) == Some(row));
        if !exists {
            offences.push(format!("crate {row} is in the matrix and not in the workspace"));
        }
    }
    offences
}

/// Runtimes, sockets and engines reachable from below the line.
fn reachable_world(metadata: &Metadata) -> Vec<String> {
    let Some(resolve) = &metadata.resolve else { return vec!["no dependency graph".to_owned()] };
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|n| (&n.id, n)).collect();
    let mut offences = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(from) = short(&package.name) else { continue };
        if EDGE.contains(&from) {
            continue;
        }
        let mut seen = BTreeSet::new();
        let mut queue = vec![&package.id];
        while let Some(id) = queue.pop() {
            if !seen.insert(id) {
                continue;
            }
            let name = metadata[id].name.as_str();
            if WORLD.contains(&name) {
                offences.push(format!("{name} is reachable from {from}"));
            }
            let Some(node) = nodes.get(id) else { continue };
            let shipped = node.deps.iter().filter(|dep| {
                dep.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
            });
            queue.extend(shipped.map(|dep| &dep.pkg));
        }
    }
    offences
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            rust_files(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// What is said in the sources and must not be.
fn sources() -> Result<Vec<String>> {
    let mut offences = Vec::new();
    for (name, _) in MATRIX {
        let folder = root().join("crates").join(name);
        let mut files = Vec::new();
        rust_files(&folder, &mut files)?;
        for file in files {
            let text = std::fs::read_to_string(&file)?;
            let shown = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
            let lines = text.lines().count();
            if lines > FILE_LINES_MAX {
                offences.push(format!("{shown} has {lines} lines"));
            }
            let in_src = file.starts_with(folder.join("src")) && !shown.ends_with("tests.rs");
            if in_src {
                offences.extend(banned(name, &shown, &text));
            }
        }
    }
    Ok(offences)
}

fn banned(name: &str, shown: &str, text: &str) -> Vec<String> {
    let mut offences = Vec::new();
    let shipped = text.split("#[cfg(test)]").next().unwrap_or(text);
    let code = || shipped.lines().filter(|line| !line.trim_start().starts_with("//"));
    let is_edge = EDGE.contains(&name) || EDGE_PARTS.iter().any(|part| shown.starts_with(part));
    if !is_edge {
        for (word, why) in BANNED {
            if code().any(|line| line.contains(word)) {
                offences.push(format!("{shown} says {word}: {why}"));
            }
        }
    }
    let hashed = |line: &str| line.contains("HashMap") || line.contains("HashSet");
    if REPEATABLE.contains(&name) && code().any(hashed) {
        offences.push(format!("{shown} has a map with a random order"));
    }
    offences
}

/// Requirements of call control that no test names.
fn untested() -> Result<Vec<String>> {
    let mut files = Vec::new();
    rust_files(&root().join("crates"), &mut files)?;
    let texts = files.iter().map(std::fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    Ok(requirements::missing(texts.iter().map(String::as_str)))
}

/// Modules of `wire` with a public reader that no fuzz target names.
fn unfuzzed() -> Result<Vec<String>> {
    let targets = std::fs::read_to_string(root().join("fuzz/src/lib.rs"))?;
    let src = root().join("crates/wire/src");
    let mut files = Vec::new();
    rust_files(&src, &mut files)?;
    let mut offences = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        let reads = |line: &str| {
            let line = line.trim_start();
            line.starts_with("pub fn parse") || line.starts_with("pub fn read")
        };
        let module = file.strip_prefix(&src).unwrap_or(&file).with_extension("");
        let module = module.components().next().map(|first| first.as_os_str().to_owned());
        let module = module.unwrap_or_default().to_string_lossy().into_owned();
        if text.lines().any(reads) && !targets.contains(&format!("{module}::")) {
            offences.push(format!("{} is read by no fuzz target", file.display()));
        }
    }
    Ok(offences)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        check().expect("no offences");
    }

    #[test]
    fn a_banned_word_is_found_in_code_and_not_in_comments() {
        let text = "// Instant::now\nlet now = Instant::now();\n#[cfg(test)]\nstd::fs";
        assert_eq!(banned("room", "x.rs", text).len(), 1);
        assert_eq!(banned("server", "x.rs", text).len(), 0);
        assert_eq!(banned("impair", "crates/impair/src/edge/udp.rs", text).len(), 0);
        assert_eq!(banned("impair", "crates/impair/src/link.rs", text).len(), 1);
        assert_eq!(banned("node", "x.rs", "use std::collections::HashMap;").len(), 1);
    }
}
