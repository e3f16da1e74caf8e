//! The page about the API is that of the code.

use parlour_wire::api::{Code, ROUTES, Scope};
use std::path::Path;

#[test]
fn the_page_names_every_path_scope_and_problem() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/api.md");
    let page = std::fs::read_to_string(file).unwrap();
    for code in Code::ALL {
        let row = format!("| `{}` | {} |", code.text(), code.status());
        assert!(page.contains(&row), "no row {row}");
    }
    for scope in Scope::ALL {
        assert!(page.contains(&format!("`{}`", scope.name())), "{}", scope.name());
    }
    for route in ROUTES {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", route.path)));
        let row = row.unwrap_or_else(|| panic!("no row for {}", route.path));
        assert!(row.contains(route.method.name()), "{} {}", route.method.name(), route.path);
    }
}
