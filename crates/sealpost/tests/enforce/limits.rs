//! What no client can do: hold others up, or make the daemon grow.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::thread::{scope, sleep};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sealpost_runtime::Stopwatch;

use crate::cache::eventually_within;
use crate::daemon::{Client, Daemon, World};

/// How long a client may pause within a request or before it takes a reply, and some more.
const PAUSE: Duration = Duration::from_secs(40);
/// All connections that the daemon takes, but for those that are left for questions.
const IDLE: u64 = 9_990;
/// What each of them may cost, in KiB. What a debug build takes for a task is most of it.
const COST: u64 = 24;

fn asks(daemon: &Daemon) {
    let reply = daemon.client().ask("postfix", "good.test");
    assert!(reply.starts_with("OK secure "), "{reply}");
}

#[test]
fn slow_and_silent_clients_delay_nobody_and_are_let_go() {
    let world = World::new();
    let daemon = world.daemon("20");
    asks(&daemon);
    let before = daemon.resident();
    let mut half = daemon.client();
    half.0.write_all(b"17:postfix good").unwrap();
    let mut length_only = daemon.client();
    length_only.0.write_all(b"00000").unwrap();
    let deaf = daemon.client();
    let patient = daemon.client();
    // As a Postfix with little mail: it would close after ten seconds, never we before it.
    let mut seldom = daemon.client();
    let before_long = seldom.ask("postfix", "good.test");
    scope(|scope| {
        scope.spawn(|| an_octet_a_second(patient));
        scope.spawn(|| never_reads(deaf));
        for mut client in [half, length_only] {
            scope.spawn(move || {
                let watch = Stopwatch::start();
                assert_eq!(client.reply_or_reset(), None, "it is let go without a reply");
                assert!(watch.elapsed() < PAUSE);
            });
        }
        let watch = Stopwatch::start();
        while watch.elapsed() < Duration::from_secs(20) {
            let each = Stopwatch::start();
            asks(&daemon);
            assert!(each.elapsed() < Duration::from_secs(2), "it took {:?}", each.elapsed());
            sleep(Duration::from_millis(50));
        }
    });
    assert_eq!(seldom.ask("postfix", "good.test"), before_long);
    asks(&daemon);
    let grown = daemon.resident().saturating_sub(before);
    assert!(grown < 20_000, "it has grown by {grown} KiB");
}

/// Slow, but never silent for long: it gets its reply.
fn an_octet_a_second(mut client: Client<TcpStream>) {
    for octet in b"17:postfix good.test," {
        client.0.write_all(&[*octet]).unwrap();
        sleep(Duration::from_secs(1));
    }
    let reply = client.reply().unwrap();
    assert!(reply.starts_with("OK secure "), "{reply}");
}

/// Asks and asks, and takes no reply: the daemon stops reading, and then lets it go.
fn never_reads(mut client: Client<TcpStream>) {
    client.0.set_write_timeout(Some(PAUSE)).unwrap();
    let question = b"17:postfix good.test,".repeat(1_000);
    let mut sent = 0_u64;
    let error = loop {
        match client.0.write(&question) {
            Ok(length) => sent += length as u64,
            Err(error) => break error,
        }
        assert!(sent < 64 * 1024 * 1024, "nothing stops it");
    };
    let has_ended = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&error.kind());
    assert!(has_ended, "it is let go: {error}");
}

impl Client<TcpStream> {
    /// The next reply; `None` when the connection has ended in whatever way.
    fn reply_or_reset(&mut self) -> Option<String> {
        match self.try_reply() {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            other => other.unwrap(),
        }
    }
}

#[test]
fn ten_thousand_idle_connections_cost_little() {
    let world = World::new();
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    // The other ends are in this process, beside a lab, and the other tests with theirs.
    let count = IDLE.min(most.saturating_sub(6_000));
    if count < IDLE {
        println!("only {count} connections: this process may have {most} descriptors");
    }
    assert!(count > 500, "raise the hard limit of descriptors (ulimit -Hn): it is {most}");
    let daemon = world.daemon("20");
    asks(&daemon);
    let before = daemon.resident();
    let mut idle: Vec<Client<TcpStream>> = (0..count).map(|_| daemon.client()).collect();
    // The last has been accepted, so all have.
    let reply = idle.last_mut().unwrap().ask("postfix", "good.test");
    assert!(reply.starts_with("OK secure "), "{reply}");
    let grown = daemon.resident().saturating_sub(before);
    assert!(grown < count * COST, "{count} idle connections cost {grown} KiB");
    let watch = Stopwatch::start();
    for _ in 0..20 {
        asks(&daemon);
    }
    assert!(watch.elapsed() < Duration::from_secs(5), "{:?}", watch.elapsed());
    // None was given up for it.
    for client in idle.iter_mut().step_by(997) {
        assert!(client.ask("postfix", "good.test").starts_with("OK secure "));
    }
}

#[test]
fn netstrings_are_bounded_before_they_are_read() {
    let world = World::new();
    let daemon = world.daemon("20");
    asks(&daemon);
    for octets in ["10257:", "100000000:", "99999999999999999999:", ":", "000000000000000000001:a,"]
    {
        let mut client = daemon.client();
        client.0.write_all(octets.as_bytes()).unwrap();
        // Nothing of a payload has arrived, and it is let go.
        let watch = Stopwatch::start();
        assert_eq!(client.reply_or_reset(), None, "{octets}");
        assert!(watch.elapsed() < Duration::from_secs(5), "{octets}: {:?}", watch.elapsed());
    }
    let mut client = daemon.client();
    client.0.write_all(b"00000017:postfix good.test,").unwrap();
    assert!(client.reply().unwrap().starts_with("OK secure "), "leading zeros are read");
    // The longest key that Postfix sends.
    client.send(&format!("postfix {}", "a".repeat(10_000)));
    assert_eq!(client.reply().unwrap(), "NOTFOUND");
    let before = daemon.resident();
    let clients: Vec<_> = (0..200)
        .map(|_| {
            let mut client = daemon.client();
            client.0.write_all(b"9999:").unwrap();
            client.0.write_all(&[b'a'; 9_998]).unwrap();
            client
        })
        .collect();
    asks(&daemon);
    let grown = daemon.resident().saturating_sub(before);
    assert!(grown < 200 * 64, "{grown} KiB");
    drop(clients);
}

#[test]
fn no_flood_of_names_pushes_out_a_policy() {
    const CLIENTS: usize = 8;
    const NAMES: usize = 300;
    let world = World::new();
    let configuration = world.configuration("sealpost.toml", "without_policy = 640\n");
    let store = world.folder.path().join("store.sqlite");
    let more = ["--config", configuration.to_str().unwrap()];
    let daemon = Daemon::start(world.lab.settings_file(), &store, "20", &more);
    let known = daemon.client().ask("postfix", "good.test");
    assert!(known.starts_with("OK secure "), "{known}");
    let flood = |round: usize| {
        scope(|scope| {
            for client in 0..CLIENTS {
                let mut connection = daemon.client();
                scope.spawn(move || {
                    for pile in 0..NAMES / 50 {
                        // Asked together, one after the other answered.
                        for number in 0..50 {
                            let name = format!("r{round}c{client}p{pile}n{number}");
                            connection.send(&format!("postfix {name}.no-such.test"));
                        }
                        for _ in 0..50 {
                            assert_eq!(connection.reply().unwrap(), "NOTFOUND");
                        }
                    }
                });
            }
        });
    };
    flood(0);
    let before = daemon.resident();
    flood(1);
    let grown = daemon.resident().saturating_sub(before);
    assert!(grown < 12_000, "another flood has cost {grown} KiB");
    // It need not find out again: there is nobody who would tell.
    let World { runtime, lab, folder } = world;
    runtime.block_on(lab.stop());
    assert_eq!(daemon.client().ask("postfix", "good.test"), known);
    drop(folder);
}

#[test]
fn a_connection_in_the_queue_is_served_when_there_is_room() {
    // Not the limit itself, which is as high as the test above: that a burst is not refused.
    let world = World::new();
    let daemon = world.daemon("20");
    asks(&daemon);
    scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| asks(&daemon));
        }
    });
    let read = |client: &mut Client<TcpStream>| client.0.read(&mut [0]).unwrap();
    let mut client = daemon.client();
    client.0.shutdown(std::net::Shutdown::Write).unwrap();
    eventually_within(Duration::from_secs(5), "a client that closes is let go", || {
        read(&mut client) == 0
    });
}
