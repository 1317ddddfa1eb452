//! Lists as people and other programs write them, and worse.

use crate::world::{World, quick, quick_verdicts, results, verdicts};

#[test]
fn every_domain_of_a_list_is_looked_at_once() {
    let world = World::new();
    let list = world.write("list", quick());
    let (out, said, status) = world.run(&["--from", &list, "--format", "json"]);
    assert_eq!(verdicts(&out), quick_verdicts(), "{said}");
    assert_eq!((said.as_str(), status), ("", 1));
    let (piped, ..) = world.run_with(&["--from", "-", "--format", "json"], quick().as_bytes());
    assert_eq!(verdicts(&piped), quick_verdicts());
    // One at a time is the same.
    let (slow, ..) = world.run(&["--from", &list, "--format", "json", "--at-once", "1"]);
    assert_eq!(verdicts(&slow), quick_verdicts());
}

#[test]
fn a_hostile_list_costs_its_bad_lines_alone() {
    let world = World::new();
    let mut list = "\u{feff}# ours\r\n\r\n".as_bytes().to_vec();
    list.extend(quick().replace('\n', "\r\n").as_bytes());
    list.extend(quick().to_uppercase().as_bytes());
    list.extend("b\u{fc}cher.test\nxn--bcher-kva.test.\n".as_bytes());
    list.extend(b"_mta-sts.good.test\n\xff\xfe\n");
    list.extend(vec![b'x'; 10 * 1024 * 1024]);
    list.extend(b"\ngood.test");
    let list = world.write("list", list);
    let (out, said, status) = world.run(&["--from", &list, "--format", "json"]);
    let mut expected = quick_verdicts();
    expected.push(("xn--bcher-kva.test".to_owned(), "enforced".to_owned()));
    assert_eq!(verdicts(&out), expected);
    for line in [
        "line 21: \"_mta-sts.good.test\" is no mail domain",
        "line 22: it is not UTF-8",
        "line 23: it is longer than",
    ] {
        assert!(said.contains(line), "{said}");
    }
    assert_eq!(said.lines().count(), 3, "{said}");
    assert_eq!(status, 1);
}

#[test]
fn a_list_without_a_domain_is_not_a_clean_one() {
    let world = World::new();
    let list = world.write("list", "not a domain\n".repeat(30));
    let (out, said, status) = world.run(&["--from", &list]);
    assert!(out.contains("0 domains"), "{out}");
    assert!(said.contains("and 10 more lines like these"), "{said}");
    assert_eq!(status, 3);
    let (_, said, status) = world.run(&["--from", "missing"]);
    assert!(said.contains("missing"), "{said}");
    assert_eq!(status, 2);
}

#[test]
fn a_server_that_says_nothing_holds_up_nobody() {
    let world = World::new();
    let list =
        world.write("list", format!("mx-timeout.test\npolicy-http-silence.test\n{}", quick()));
    let (out, ..) = world.run(&["--from", &list, "--format", "json", "--at-once", "3"]);
    let results = results(&out);
    assert_eq!(results.len(), quick_verdicts().len() + 2);
    let last: Vec<&str> = results.iter().map(|r| r["domain"].as_str().unwrap()).collect();
    assert_eq!(last.last(), Some(&"mx-timeout.test"), "{last:?}");
}

#[test]
fn the_names_of_a_zone_that_take_mail_are_looked_at() {
    let world = World::new();
    let zone = "$ORIGIN test.\n\
                @ 3600 IN SOA ns hostmaster ( 1 2 3 4 5 )\n\
                good MX 10 mx1.good\nmx1.good A 127.0.0.1\n\
                null-mx IN MX 0 .\n*.good MX 10 mx1.good\nwww CNAME good\nchild NS ns.child\nns.child A 127.0.0.1\n";
    let file = world.write("zone", zone);
    let (out, said, _) = world.run(&["--zone", &file, "--format", "json"]);
    let domains: Vec<String> = verdicts(&out).into_iter().map(|(domain, _)| domain).collect();
    assert_eq!(domains, ["good.test", "mx1.good.test", "null-mx.test"]);
    assert_eq!(said, "passed over *.good.test: nobody can write to it as it stands\n");
    let broken = world.write("broken", "a MX 10 mx\n");
    let (_, said, status) = world.run(&["--zone", &broken]);
    assert!(said.contains("line 1: a name is relative to an origin"), "{said}");
    assert_eq!(status, 2);
}
