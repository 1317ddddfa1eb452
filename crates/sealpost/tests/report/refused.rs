//! Nothing that comes ends the daemon, and what cannot be read is counted and can be looked at.

use crate::daemon::{World, failed, successful, today};

/// Datagrams each of which ends tlsrpt-collectd 0.6.0, and others, with what becomes of them.
const BAD: &[(&[u8], &str)] = &[
    (b"", "empty"),
    (b"hello", "not-json"),
    (b"\xff\xfe", "not-json"),
    (b"5", "not-json"),
    (b"[]", "not-json"),
    (b"{\"d\": \"a.test\",\"policies\":[{\"policy-type\":9,\"f\":null}]}", "missing"),
    (b"{\"d\": \"a.test\",\"policies\":[{\"policy-type\":9}]}", "missing"),
    (b"{\"dpv\": \"2\"}", "version"),
    (b"{\"d\": \"a.test\",\"policies\":null}", "missing"),
    (b"{\"d\":5}", "wrong-type"),
    (b"{\"d\": \"a.test\",\"pr\":[\"b\"]}", "wrong-type"),
    (b"{\"d\": \"a.test\",\"policies\":[", "broken-off"),
];

#[test]
fn nothing_ends_the_daemon() {
    let world = World::new();
    let daemon = world.start(&[]);
    let sender = world.sender();
    for (datagram, _) in BAD {
        assert!(sender.send(datagram));
        assert!(sender.send(successful("a.test")));
    }
    // 200 KB of a policy that never ends, and half a character.
    let long = successful("a.test").replace("version: STSv1", &"x".repeat(200_000));
    assert!(sender.send(&long));
    assert!(sender.send(&long.as_bytes()[..long.len() - 10]));
    let null = successful("a.test").replace("\"t\":0", "\"failure-details\":null,\"t\":0");
    assert!(sender.send(null));
    let surrogate = successful("a.test").replace("version: STSv1", "\\ud800");
    assert!(sender.send(surrogate));
    // What an MX says in any character set, as libtlsrpt hands it on.
    let mut foreign = failed("a.test", 205).into_bytes();
    let place = foreign.windows(4).position(|octets| octets == b"250-").unwrap();
    foreign.splice(place + 4..place + 4, [0xFF, 0xE4]);
    assert!(sender.send(foreign));
    let sent = 2 * BAD.len() as u64 + 5;
    daemon.wait_for(sent);
    for (_, cause) in BAD {
        let expected = BAD.iter().filter(|(_, other)| cause == other).count() as u64;
        let expected = expected + u64::from(*cause == "broken-off");
        let name = format!("sealpost_report_refused_total{{cause=\"{cause}\"}}");
        assert_eq!(daemon.metric(&name), expected, "{cause}");
    }
    assert_eq!(daemon.metric("sealpost_report_panics_total"), 0);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert_eq!(world.sums("a.test", &today()), (BAD.len() as u64 + 3, 1));
    let status = world.status();
    let refused = status["refused"].as_array().unwrap();
    assert_eq!(refused.len(), BAD.len() + 1);
    assert_eq!(refused[0]["octets"], long.len() - 10);
    let (text, _) = world.run(&["status", "--refused"]);
    assert!(text.contains(r"not-json, 2 octets: \xff\xfe"), "{text}");
}
