//! A full and a read-only file system, each in a mount namespace of its own.

use std::{env, process::Command};

/// The store lives through a full disk, and works again when there is room.
pub(crate) fn a_full_disk() {
    mounted(r#"exec "$program" child full "$folder""#);
}

/// A file on a read-only file system is read: one that was closed, and one whose process was
/// killed. It is written again when the file system is writable.
pub(crate) fn a_read_only_disk() {
    let read_only = r#"mount -o remount,ro "$folder"; exec "$program" child read-only "$folder""#;
    // Moments 1 and 2 are the schema's, 3 and 4 those of the row `a`, 5 is before the next one.
    mounted(&format!(
        r#"! "$program" child steps "$folder/store.sqlite" 5 2>&1; ls "$folder"/*-wal; {read_only}"#
    ));
    // Opened and closed once more, it leaves no log behind.
    mounted(&format!(
        r#"! "$program" child steps "$folder/store.sqlite" 5 2>&1
        "$program" child load "$folder/store.sqlite" none 0
        ! ls "$folder"/*-wal; {read_only}"#
    ));
}

/// Runs a shell script beside a file system of 3 MB at `$folder`. It must end with "recovered".
fn mounted(script: &str) {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(r#"set -e; mount -t tmpfs -o size=3m none "$folder"; {script}"#);
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "--", "sh", "-c", &script])
        .env("program", env::current_exe().unwrap())
        .env("folder", folder.path())
        .output()
        .expect("unshare of util-linux is needed");
    let said = String::from_utf8_lossy(&output.stderr);
    let answered = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && answered.ends_with("recovered\n"), "{answered}{said}");
}
