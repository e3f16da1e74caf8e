//! The generated pages are those of the code.

use parlour_server::config::reference;
use parlour_server::metrics;
use std::path::Path;

fn same(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let there = std::fs::read_to_string(file).unwrap_or_default();
    assert!(there == text, "{path} is stale: write it again with `parlour reference`");
}

#[test]
fn the_reference_pages_are_up_to_date() {
    same("docs/reference/configuration.md", &reference::page());
    same("docs/reference/metrics.md", &metrics::page());
    same("examples/config/full.toml", &reference::example());
}

#[test]
fn the_full_example_is_a_valid_configuration() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/config/full.toml");
    let mut loader = parlour_server::config::Loader::default();
    loader.file(&file).unwrap();
    loader.finish().unwrap();
}
