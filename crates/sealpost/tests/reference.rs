//! The reference pages are what the program would write today.

use std::path::Path;
use std::process::Command;

#[test]
fn the_page_of_rules_is_fresh() {
    let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(["rule", "--format", "markdown"])
        .output()
        .unwrap();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../doc/reference/rules.md");
    let written = fs_err::read_to_string(page).unwrap();
    assert!(
        String::from_utf8(output.stdout).unwrap() == written,
        "stale: run `sealpost rule --format markdown > doc/reference/rules.md`"
    );
}
