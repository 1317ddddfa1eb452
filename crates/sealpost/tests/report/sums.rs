//! The numbers are right to the session.

use std::os::unix::fs::PermissionsExt as _;

use crate::daemon::{World, failed, successful, today};

#[test]
fn every_session_is_counted_once() {
    let world = World::new();
    let daemon = world.start(&[]);
    let mode = fs_err::metadata(world.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let sender = world.sender();
    let mut sent = 0;
    for round in 0..100 {
        for number in 0..10 {
            let domain = format!("d{number}.test");
            assert!(sender.send(successful(&domain)));
            sent += 1;
            if round % (number + 1) == 0 {
                assert!(sender.send(failed(&domain, 203)));
                sent += 1;
            }
        }
    }
    daemon.wait_for(sent);
    assert_eq!(daemon.metric("sealpost_report_sessions_total{result=\"successful\"}"), 1_000);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert!(!world.socket().exists());
    for number in 0..10_u64 {
        let expected = (100, 100_u64.div_ceil(number + 1));
        assert_eq!(world.sums(&format!("d{number}.test"), &today()), expected);
    }
    assert_eq!(world.sums("none.test", &today()), (0, 0));

    let report = world.preview("d1.test", &today()).unwrap();
    assert_eq!(report.organization_name.as_deref(), Some("Reporter"));
    let id = format!("{}.d1.test.1@reporter.example", today());
    assert_eq!(report.report_id, Some(id));
    let [detail] = report.policies[0].failure_details.as_slice() else { panic!("{report:?}") };
    assert_eq!(detail.failed_session_count.map(u64::from), Some(50));
    assert_eq!(detail.receiving_mx_helo.as_deref(), Some("mx.d1.test"));

    let status = world.status();
    assert_eq!(status["days"][0]["domains"], 10);
    assert_eq!(status["failing"][0]["domain"], "d0.test");
    let (text, code) = world.run(&["preview", "d1.test"]);
    assert_eq!(code, 0);
    // No report has left this store, which has no mark for ids yet.
    let id = "octets unpacked; it gets its id when the first report is sent";
    for part in ["100 successful, 50 failed", "mode: enforce", "to:      mailto:tls@d1.test", id] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let (text, code) = world.run(&["preview"]);
    assert_eq!((text.lines().count(), code), (11, 0));
    let widths: Vec<_> = text.lines().map(str::len).collect();
    assert!(
        widths.iter().all(|width| *width == widths[0]),
        "one column stands below the other: {text}"
    );
}

#[test]
fn a_second_daemon_does_not_take_the_socket_away() {
    let world = World::new();
    let daemon = world.start(&[]);
    let (_, code) = world.run(&[]);
    assert_eq!(code, 2);
    assert!(world.sender().send(successful("a.test")));
    daemon.wait_for(1);
}

#[test]
fn a_sender_goes_on_when_the_socket_is_made_again() {
    let world = World::new();
    let sender = world.sender();
    assert!(!sender.send(successful("a.test")));
    let daemon = world.start(&[]);
    assert!(sender.send(successful("a.test")));
    daemon.wait_for(1);
    let (status, _) = daemon.terminate();
    assert!(status.success());
    assert!(!sender.send(successful("a.test")));
    // It is killed, and leaves its socket behind.
    let daemon = world.start(&[]);
    daemon.kill();
    assert!(world.socket().exists());
    assert!(!sender.send(successful("a.test")));
    let daemon = world.start(&[]);
    assert!(sender.send(successful("a.test")));
    daemon.wait_for(1);
    daemon.terminate();
    assert_eq!(world.sums("a.test", &today()), (2, 0));
}
