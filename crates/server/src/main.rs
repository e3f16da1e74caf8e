//! The program `parlour`.

use std::process::ExitCode;

fn main() -> ExitCode {
    parlour_server::cli::main()
}
