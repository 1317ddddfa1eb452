//! `tcp:` tables.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use crate::daemon::{Daemon, World};

/// The longest line that Postfix reads.
const LONGEST_REPLY: usize = 4_096;

fn daemon(world: &World) -> Daemon {
    let text = "[[enforce.tcp]]\nlisten = \"127.0.0.1:0\"\nmap = \"postfix-3.9\"\n\
                [[enforce.tcp]]\nlisten = \"127.0.0.1:0\"\nmap = \"postfix\"\n";
    let configuration = world.configuration("sealpost.toml", text);
    let store = world.folder.path().join("store.sqlite");
    let more = ["--config", configuration.to_str().unwrap()];
    Daemon::start(world.lab.settings_file(), &store, "20", &more)
}

/// One line without its end.
fn ask(table: &mut BufReader<TcpStream>, line: &str) -> String {
    table.get_mut().write_all(line.as_bytes()).unwrap();
    let mut reply = String::new();
    table.read_line(&mut reply).unwrap();
    assert!(reply.len() <= LONGEST_REPLY, "{} octets", reply.len());
    reply.strip_suffix('\n').unwrap_or_else(|| panic!("{line:.40}: {reply:?}")).to_owned()
}

#[test]
fn a_tcp_table_says_the_same_in_its_own_grammar() {
    let world = World::new();
    let daemon = daemon(&world);
    for map in ["postfix-3.9", "postfix"] {
        let mut table = BufReader::new(daemon.table(map));
        for (key, meant) in [
            ("good.test", "good.test"),
            ("GOOD.test.", "good.test"),
            ("%67ood%2Etest", "good.test"),
            ("%5bmx1.good.test%5D%3a25", "[mx1.good.test]:25"),
            ("%5Bgood.test%5d", "[good.test]"),
        ] {
            let reply = daemon.client().ask(map, meant).replace(' ', "%20");
            let reply = match reply.split_once("%20") {
                Some(("OK", rest)) => format!("200 {rest}"),
                Some(("TEMP", rest)) => format!("400 {rest}"),
                _ => "500 not%20found".to_owned(),
            };
            assert_eq!(ask(&mut table, &format!("get {key}\n")), reply, "{key}");
        }
        let keys = ["[192.0.2.1]", "%20", "", "%00", "a%20b", "%ff", "good-testing.test"];
        for key in keys {
            assert_eq!(ask(&mut table, &format!("get {key}\n")), "500 not%20found", "{key}");
        }
        // As long as a key may be, quoted as a whole.
        let long = "%61".repeat(10_000);
        assert_eq!(ask(&mut table, &format!("get {long}\n")), "500 not%20found");
        let reply = ask(&mut table, "get good.test\n");
        assert!(reply.starts_with("200 secure%20match=mx1.good.test"), "{reply}");
    }
}

#[test]
fn what_is_no_line_of_a_table_ends_its_connection() {
    let world = World::new();
    let daemon = daemon(&world);
    let too_long = format!("get {}", "a".repeat(30_001));
    for octets in ["put a b\n", "GET / HTTP/1.1\r\n", "get %6\n", "get %zz\n", &too_long] {
        let mut table = daemon.table("postfix-3.9");
        table.write_all(octets.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A reset is as good: not all that was sent was read.
        let _ = table.read_to_end(&mut answer);
        assert_eq!(answer, b"", "{octets:.40}");
    }
    let mut table = BufReader::new(daemon.table("postfix-3.9"));
    assert!(ask(&mut table, "get good.test\n").starts_with("200 secure"));
}
