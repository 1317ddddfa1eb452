//! What tlsrpt-collectd has counted is taken over, and is what we would have counted.

use std::path::{Path, PathBuf};

use crate::daemon::World;

/// How often each datagram was sent to tlsrpt-collectd.
const SENT: [(&str, u32); 4] = [("dane", 3), ("sts", 2), ("none", 1), ("two_policies", 4)];
const DAY: &str = "2026-11-25";

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn database() -> String {
    let file = "sealpost/tests/report/fixtures/tlsrpt-collectd-0.6.0.sqlite";
    crates().join(file).to_str().unwrap().to_owned()
}

#[test]
fn it_is_what_we_would_have_counted_and_counts_once() {
    let ours = World::new();
    let daemon = ours.start(&["--at", "2026-11-25T12:00:00Z"]);
    let sender = ours.sender();
    for (name, count) in SENT {
        let datagram = fs_err::read(crates().join("fuzz/corpus/tls_session").join(name)).unwrap();
        for _ in 0..count {
            assert!(sender.send(&datagram));
        }
    }
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");

    let theirs = World::new();
    for _ in 0..2 {
        let (said, status) = theirs.run(&["import", &database()]);
        assert_eq!(status, 0, "{said}");
        assert!(said.contains("14 sessions under 5 policies"), "{said}");
    }
    for domain in ["example.com", "example.org", "example.net"] {
        let report = theirs.preview(domain, DAY);
        assert!(report.is_some(), "{domain}");
        assert_eq!(report, ours.preview(domain, DAY), "{domain}");
    }
    // What comes from elsewhere is added.
    let daemon = theirs.start(&["--at", "2026-11-25T12:00:00Z"]);
    let none = fs_err::read(crates().join("fuzz/corpus/tls_session/none")).unwrap();
    assert!(theirs.sender().send(none));
    assert!(daemon.terminate().0.success());
    assert_eq!(theirs.sums("example.net", DAY), (2, 0));
}

#[test]
fn another_file_is_left_alone() {
    let world = World::new();
    let other = crates().join("store/tests/fixtures/postfix-mta-sts-resolver-1.5.1.sqlite");
    let (_, status) = world.run(&["import", other.to_str().unwrap()]);
    assert_eq!(status, 2);
    let (_, status) = world.run(&["import", "/nowhere/collectd.sqlite"]);
    assert_eq!(status, 2);
}
