//! What is said on the wire, and for how long.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use sealpost_runtime::Stopwatch;
use serde_json::Value;

use crate::daemon::{Client, Daemon, World};

/// The name of every map.
const MAPS: [&str; 7] =
    ["postfix", "postfix-3.10", "postfix-3.9", "postfix-3.3", "exim", "QUERY", "QUERYwithTLSRPT"];

#[test]
fn each_map_gets_its_words_and_why_says_the_same() {
    let world = World::new();
    let daemon = world.daemon("20");
    let mut client = daemon.client();
    for domain in ["good-two-mx.test", "good-wildcard.test", "good-testing.test", "no-such.test"] {
        let (printed, status) = world.run(&["enforce", "why", domain, "--format", "json"]);
        assert_eq!(status, Some(0), "{printed}");
        let why: Value = serde_json::from_str(&printed).unwrap();
        for map in MAPS {
            let replies = why["replies"].as_array().unwrap();
            let same = replies.iter().find(|reply| reply["map"] == map).unwrap();
            assert_eq!(client.ask(map, domain), same["reply"].as_str().unwrap(), "{map} {domain}");
        }
    }
    let reply = client.ask("postfix-3.9", "good-wildcard.test");
    // Postfix before 3.10.5 compares no host with a pattern: it is given the present hosts.
    let hosts = "a.mail.good-wildcard.test:b.mail.good-wildcard.test";
    assert!(reply.starts_with(&format!("OK secure match={hosts} servername=hostname ")), "{reply}");
    assert!(client.ask("exim", "good.test").starts_with("OK secure match=mx1.good.test"));
}

#[test]
fn keys_are_read_as_postfix_writes_them() {
    let world = World::new();
    let daemon = world.daemon("20");
    let mut client = daemon.client();
    let reply = client.ask("postfix", "good.test");
    assert!(reply.starts_with("OK secure match=mx1.good.test "), "{reply}");
    for key in ["GOOD.test", "good.test.", "[good.test]:587", "[good.test]", "good.test:25"] {
        assert_eq!(client.ask("postfix", key), reply, "{key}");
    }
    let watch = Stopwatch::start();
    for key in ["[192.0.2.1]", "192.0.2.1", ".good.test", "[ipv6:2001:db8::1]:25", "", "a b", "ü%"]
    {
        assert_eq!(client.ask("postfix", key), "NOTFOUND", "{key}");
    }
    assert!(watch.elapsed() < Duration::from_secs(3), "nothing was to be looked up");
    let unknown = client.ask("sendmail", "good.test");
    assert!(unknown.starts_with("PERM unknown map name \"sendmail\""), "{unknown}");
    assert!(client.ask("nothing", "x").starts_with("PERM "), "the connection goes on");
}

#[test]
fn requests_may_come_together_or_in_pieces() {
    let world = World::new();
    let daemon = world.daemon("20");
    let mut client = daemon.client();
    for _ in 0..50 {
        client.send("postfix good.test");
        client.send("postfix [192.0.2.1]");
    }
    for _ in 0..50 {
        assert!(client.reply().unwrap().starts_with("OK secure "));
        assert_eq!(client.reply().unwrap(), "NOTFOUND");
    }
    for octet in b"17:postfix good.test," {
        client.0.write_all(&[*octet]).unwrap();
    }
    assert!(client.reply().unwrap().starts_with("OK secure "));
}

/// So does Exim's `readsocket`: it says all, and only then reads.
#[test]
fn who_has_said_all_is_answered() {
    let world = World::new();
    let daemon = world.daemon("20");
    let mut client = daemon.client();
    // Nothing is known of it, so the answer takes a while.
    client.send("exim good.test");
    client.0.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.reply().unwrap(), "OK secure match=mx1.good.test");
    assert_eq!(client.reply(), None);
}

#[test]
fn what_is_no_request_ends_its_connection_and_no_other() {
    let world = World::new();
    let daemon = world.daemon("20");
    let mut good = daemon.client();
    for octets in ["GET / HTTP/1.1\r\n", "99999:", "-1:", "3:abcd"] {
        let mut bad = daemon.client();
        bad.0.write_all(octets.as_bytes()).unwrap();
        assert_eq!(bad.reply(), None, "{octets}");
    }
    assert!(good.ask("postfix", "good.test").starts_with("OK secure "));
}

#[test]
fn a_slow_domain_is_answered_in_time_and_delays_no_other() {
    let world = World::new();
    let daemon = world.daemon("2");
    let mut other = daemon.client();
    let known = other.ask("postfix", "good.test");
    let mut patient = daemon.client();
    let watch = Stopwatch::start();
    // The lab's settings wait four seconds for a policy that comes an octet at a time.
    patient.send("postfix policy-slow-drip.test");
    assert_eq!(other.ask("postfix", "good.test"), known);
    assert!(other.ask("postfix", "good-two-mx.test").starts_with("OK secure "));
    let meanwhile = watch.elapsed();
    assert_eq!(patient.reply().unwrap(), "NOTFOUND");
    let took = watch.elapsed();
    assert!(meanwhile < Duration::from_secs(2), "the others took {meanwhile:?}");
    assert!(took >= Duration::from_secs(2) && took < Duration::from_millis(3_900), "{took:?}");
}

#[test]
fn it_stops_decently_and_a_socket_file_goes_with_it() {
    let world = World::new();
    let socket = world.folder.path().join("enforce.sock");
    let address = format!("unix:{},mode=0600", socket.display());
    let store = world.folder.path().join("store.sqlite");
    let settings = world.lab.settings_file();
    let daemon = Daemon::start(settings, &store, "20", &["--listen", &address]);
    let mut over_tcp = daemon.client();
    let mut over_unix = Client(UnixStream::connect(&socket).unwrap());
    assert!(over_tcp.ask("postfix", "good.test").starts_with("OK secure "));
    assert_eq!(over_unix.ask("postfix", "good.test"), over_tcp.ask("postfix", "good.test"));
    over_unix.send("postfix good.test");
    daemon.terminate();
    // What had arrived is answered, then the connection is closed.
    assert!(over_unix.reply().unwrap().starts_with("OK secure "));
    assert_eq!(over_unix.reply(), None);
    let (status, said) = daemon.wait();
    assert_eq!((status.code(), said.as_str()), (Some(0), "stopping\n"));
    assert!(!socket.exists());
}
