//! The entry point of the house's tasks; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::run(std::env::args().skip(1))
}
