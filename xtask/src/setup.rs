//! What tests need from outside: npm packages, a browser, a fuzzer.

use crate::run::{cargo, program, status};
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian's package puts the browser.
const CHROMIUM: &str = "/usr/bin/chromium";

/// Type-checks and tests the web client.
pub(crate) fn check_web() -> Result<()> {
    npm_packages("web")?;
    status(Command::new("npm").args(["run", "check"]).current_dir("web"))
}

/// Runs the browser tests against the server that was built for the tests.
pub(crate) fn browsers() -> Result<()> {
    npm_packages("e2e")?;
    let chromium = browser()?;
    let mut tests = Command::new("npm");
    tests.arg("test").current_dir("e2e");
    tests.env("PARLOUR_BIN", program("parlour")?).env("CHROMIUM", chromium);
    status(&mut tests)
}

/// Installs exactly what the lock file says, unless it is there.
fn npm_packages(folder: &str) -> Result<()> {
    let lock = Path::new(folder).join("package-lock.json");
    let installed = Path::new(folder).join("node_modules/.package-lock.json");
    let time = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    if time(&installed).is_some_and(|made| Some(made) >= time(&lock)) {
        return Ok(());
    }
    let args = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
    status(Command::new("npm").args(args).current_dir(folder))
}

/// The browser, installed from Debian's packages where it is missing.
fn browser() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Ok(named.into());
    }
    let path = PathBuf::from(CHROMIUM);
    if !path.exists() {
        println!("installing Chromium from Debian's packages");
        status(Command::new("apt-get").args(["update", "--quiet=2"]))?;
        let install = ["install", "--yes", "--quiet=2", "--no-install-recommends", "chromium"];
        let mut install_it = Command::new("apt-get");
        install_it.args(install).env("DEBIAN_FRONTEND", "noninteractive");
        status(&mut install_it).context("set CHROMIUM to a browser that is installed")?;
    }
    Ok(path)
}

/// The names of the fuzz targets.
pub(crate) fn fuzz_targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir("fuzz/fuzz_targets")? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Runs one fuzz target; needs a nightly toolchain and cargo-fuzz.
pub(crate) fn fuzz(target: &str, seconds: &str) -> Result<()> {
    if !fuzz_targets()?.iter().any(|name| name == target) {
        bail!("no such target; there are: {}", fuzz_targets()?.join(" "));
    }
    let has_fuzzer = Command::new("cargo").args(["fuzz", "--version"]).output();
    if !has_fuzzer.is_ok_and(|output| output.status.success()) {
        status(Command::new("cargo").args(["install", "cargo-fuzz", "--locked"]))?;
    }
    let corpus = format!("../testdata/fuzz/{target}");
    std::fs::create_dir_all(format!("testdata/fuzz/{target}"))?;
    let limit = format!("-max_total_time={seconds}");
    let grown = format!("corpus/{target}");
    std::fs::create_dir_all(format!("fuzz/{grown}"))?;
    let mut command = Command::new("cargo");
    command.current_dir("fuzz").args(["+nightly", "fuzz", "run", target, &grown, &corpus]);
    command.args(examples(target)).arg("--");
    status(command.args([&limit, "-timeout=1", "-rss_limit_mb=1024"]))
}

/// The examples of a protocol that a target begins with besides its own corpus.
fn examples(target: &str) -> Option<&'static str> {
    Some(match target {
        "galene_client" => "../testdata/galene/client/good",
        "galene_group" | "json_text" => "../testdata/galene/group/good",
        "galene_server" => "../testdata/galene/server/good",
        "galene_token" => "../testdata/galene/token/good",
        "sdp_answer" | "sdp_offer" => "../testdata/sdp",
        _ => return None,
    })
}

/// Writes the pages generated from the types.
pub(crate) fn reference() -> Result<()> {
    for (page, path) in [
        ("configuration", "docs/reference/configuration.md"),
        ("example", "examples/config/full.toml"),
        ("metrics", "docs/reference/metrics.md"),
    ] {
        let mut print = cargo(&["run", "--quiet", "--package", "parlour-server", "--"]);
        print.args(["reference", page]).stdout(std::fs::File::create(path)?);
        status(&mut print)?;
    }
    let mut print = cargo(&["run", "--quiet", "--package", "parlour-impair", "--features", "edge"]);
    print.args(["--", "presets"]);
    print.stdout(std::fs::File::create("docs/reference/impairments.md")?);
    status(&mut print)
}
