//! The program `parlour`.

use std::process::ExitCode;

/// Why this allocator: `docs/decisions/0030-the-allocator.md`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    parlour_server::cli::main()
}
