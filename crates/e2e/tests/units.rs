//! The units of the Debian package, as systemd reads and judges them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The highest exposure that is let pass, in tenths.
const EXPOSURE: &str = "30";

/// The units in a folder, with a program that is there; `edit` changes the service.
fn units(edit: impl Fn(&str) -> String) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["sealpost.service", "sealpost.socket"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/debian").join(name);
        let text = fs_err::read_to_string(path).unwrap();
        let text = text.replace("/usr/bin/sealpost", "/bin/true");
        let text = if name == "sealpost.service" { edit(&text) } else { text };
        fs_err::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// `systemd-analyze` of systemd.
fn analyze(arguments: &[&str], units: &TempDir, names: &[&str]) -> Output {
    Command::new("systemd-analyze")
        .args(arguments)
        .args(names.iter().map(|name| units.path().join(name)))
        .output()
        .unwrap()
}

fn verify(units: &TempDir) -> String {
    let names = ["sealpost.service", "sealpost.socket"];
    let output = analyze(&["verify", "--man=no"], units, &names);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}

fn is_sandboxed(units: &TempDir) -> bool {
    let threshold = format!("--threshold={EXPOSURE}");
    let arguments = ["security", "--offline=true", &threshold];
    let output = analyze(&arguments, units, &["sealpost.service"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("Overall exposure level"), "{said}");
    output.status.success()
}

#[test]
fn systemd_understands_them_and_the_service_is_sandboxed() {
    let units = units(str::to_owned);
    assert_eq!(verify(&units), "");
    assert!(is_sandboxed(&units));
}

#[test]
fn a_slip_in_them_is_noticed() {
    assert!(!verify(&units(|text| text.replace("Restart=always", "Restart=sometimes"))).is_empty());
    let sandbox = ["Protect", "Restrict", "SystemCall", "NoNewPrivileges", "CapabilityBoundingSet"];
    let without = units(|text| {
        let is_kept = |line: &&str| !sandbox.iter().any(|word| line.starts_with(word));
        text.lines().filter(is_kept).map(|line| format!("{line}\n")).collect()
    });
    assert!(!is_sandboxed(&without));
}
