//! What an operator wants otherwise: exceptions, read again at SIGHUP, and the mode.

use crate::daemon::{Daemon, World, command};

fn exception(domain: &str, treatment: &str, more: &str) -> String {
    format!(
        "[[exception]]\ndomain = \"{domain}\"\ndo = \"{treatment}\"\nreason = \"a test\"\n\
         until = \"2199-12-31\"\n{more}\n"
    )
}

#[test]
fn exceptions_are_read_again_at_a_hang_up() {
    let world = World::new();
    let exceptions = world.folder.path().join("exceptions.toml");
    fs_err::write(&exceptions, "").unwrap();
    let configuration = world.configuration("sealpost.toml", "exceptions = \"exceptions.toml\"\n");
    let store = world.folder.path().join("store.sqlite");
    let more = ["--config", configuration.to_str().unwrap()];
    let daemon = Daemon::start(world.lab.settings_file(), &store, "20", &more);
    let mut client = daemon.client();
    let domains = ["good.test", "good-two-mx.test", "good-wildcard.test", "good-delegated.test"];
    let before = domains.map(|domain| client.ask("postfix", domain));
    assert!(before.iter().all(|reply| reply.starts_with("OK secure match=")), "{before:#?}");
    let absent = "sts-record-missing.test";
    assert_eq!(client.ask("postfix", absent), "NOTFOUND");

    let pinned = exception("good-wildcard.test", "pin", "mx = [\"pinned.example\"]");
    let written = [
        exception("good.test", "off", ""),
        exception("good-two-mx.test", "testing", ""),
        pinned,
        exception("good-delegated.test", "observe", ""),
        exception(absent, "require", ""),
    ];
    fs_err::write(&exceptions, written.concat()).unwrap();
    // Not before it is told to.
    assert_eq!(domains.map(|domain| client.ask("postfix", domain)), before);
    daemon.signal("-HUP");
    assert_eq!(daemon.says("read the exceptions"), "read the exceptions again: 5\n");
    let changed = |client: &mut crate::daemon::Client<_>| {
        for domain in ["good.test", "good-two-mx.test", "good-delegated.test"] {
            assert_eq!(client.ask("postfix", domain), "NOTFOUND", "{domain}");
        }
        let reply = client.ask("postfix", "good-wildcard.test");
        assert!(reply.starts_with("OK secure match=pinned.example servername="), "{reply}");
        // No policy says which hosts may have its mail, so it waits.
        let reply = client.ask("postfix", absent);
        assert!(reply.starts_with("TEMP "), "{reply}");
    };
    changed(&mut client);

    // One that is wrong changes nothing, and its line is told.
    let broken = exception("good.test", "off", "") + &exception("good-two-mx.test", "of", "");
    fs_err::write(&exceptions, broken).unwrap();
    daemon.signal("-HUP");
    let said = daemon.says("hint: those of before go on");
    assert!(said.contains("error: failed to read the exceptions in "), "{said}");
    assert!(said.contains("line 9") && said.contains("`of`"), "{said}");
    changed(&mut client);

    fs_err::write(&exceptions, "").unwrap();
    daemon.signal("-HUP");
    daemon.says("read the exceptions again: 0\n");
    assert_eq!(domains.map(|domain| client.ask("postfix", domain)), before);
    assert_eq!(client.ask("postfix", absent), "NOTFOUND");
}

#[test]
fn who_only_observes_finds_nothing_but_what_is_excepted() {
    let world = World::new();
    let exceptions = world.folder.path().join("exceptions.toml");
    fs_err::write(&exceptions, exception("good-two-mx.test", "enforce", "")).unwrap();
    let configuration = world
        .configuration("sealpost.toml", "mode = \"observe\"\nexceptions = \"exceptions.toml\"\n");
    let store = world.folder.path().join("store.sqlite");
    let more = ["--config", configuration.to_str().unwrap()];
    let daemon = Daemon::start(world.lab.settings_file(), &store, "20", &more);
    let mut client = daemon.client();
    for domain in ["good.test", "good-wildcard.test", "dane-good.test", "sts-record-missing.test"] {
        for map in ["postfix", "postfix-3.9", "exim"] {
            assert_eq!(client.ask(map, domain), "NOTFOUND", "{map} {domain}");
        }
    }
    assert!(client.ask("postfix", "good-two-mx.test").starts_with("OK secure "));
}

#[test]
fn an_exception_that_ends_is_told_of_and_does_nothing_any_more() {
    let world = World::new();
    let exceptions = world.folder.path().join("exceptions.toml");
    let until = |domain, day| exception(domain, "require", "").replace("2199-12-31", day);
    let written = [until("ended.test", "2027-01-30"), until("ends.test", "2027-01-31")];
    fs_err::write(&exceptions, written.concat()).unwrap();
    let configuration = world.configuration("sealpost.toml", "exceptions = \"exceptions.toml\"\n");
    let store = world.folder.path().join("store.sqlite");
    let more = ["--config", configuration.to_str().unwrap(), "--at", "2027-01-31T23:59:45Z"];
    let mut command = command(world.lab.settings_file(), &store, "20", &more);
    let daemon = Daemon::launch(command.env("SEALPOST_LOG", "warn"));
    let mut client = daemon.client();
    assert_eq!(client.ask("postfix", "ended.test"), "NOTFOUND");
    assert!(client.ask("postfix", "ends.test").starts_with("TEMP "));
    let before = &daemon.before;
    assert!(before.contains("an exception has ended") && before.contains("ended.test"), "{before}");
    assert!(!before.contains("ends.test"), "{before}");

    let said = daemon.says("an exception has ended");
    assert!(said.contains("ends.test") && !said.contains("ended.test"), "{said}");
    assert_eq!(client.ask("postfix", "ends.test"), "NOTFOUND");
}

/// What no message needs to wait for, where the operator says so; and what is said of all domains
/// below one.
#[test]
fn an_exception_forgives_dane_and_one_may_be_for_all_below_a_domain() {
    let world = World::new();
    let exceptions = world.folder.path().join("exceptions.toml");
    fs_err::write(&exceptions, "").unwrap();
    let text = format!(
        "exceptions = \"exceptions.toml\"\ndane = \"on\"\nmta_resolvers = [\"{}\"]\n\
         signed_name = \"good.test/MX\"\nbogus_names = [\"bogus-altered.test/MX\"]\n",
        world.lab.resolver()
    );
    let configuration = world.configuration("sealpost.toml", &text);
    let store = world.folder.path().join("store.sqlite");
    let more = ["--config", configuration.to_str().unwrap()];
    let daemon = Daemon::start(world.lab.settings_file(), &store, "20", &more);
    let mut client = daemon.client();
    let bogus = ["bogus-mx.test", "bogus-altered.test", "dane-bogus.test"];
    for domain in bogus {
        let reply = client.ask("postfix", domain);
        assert!(reply.starts_with("TEMP "), "{domain}: {reply}");
    }
    assert_eq!(client.ask("postfix", "dane-good.test"), "OK dane-only");

    let forgiven = exception("bogus-mx.test", "ignore-dane-tempfail", "")
        + &exception("dane-bogus.test", "ignore-dane-tempfail", "")
        + &exception("dane-good.test", "ignore-dane-tempfail", "");
    fs_err::write(&exceptions, &forgiven).unwrap();
    daemon.signal("-HUP");
    daemon.says("read the exceptions again: 3");
    // Their policies still hold.
    for domain in ["bogus-mx.test", "dane-bogus.test"] {
        let reply = client.ask("postfix", domain);
        assert!(reply.starts_with("OK secure "), "{domain}: {reply}");
    }
    assert!(client.ask("postfix", "bogus-altered.test").starts_with("TEMP "));
    assert_eq!(client.ask("postfix", "dane-good.test"), "OK dane-only", "what works goes on");

    // The nearest one counts.
    let below = exception(".test", "off", "") + &exception("good.test", "enforce", "");
    fs_err::write(&exceptions, below).unwrap();
    daemon.signal("-HUP");
    daemon.says("read the exceptions again: 2");
    assert!(client.ask("postfix", "good.test").starts_with("OK secure "));
    for domain in ["good-two-mx.test", "dane-good.test", "bogus-mx.test"] {
        assert_eq!(client.ask("postfix", domain), "NOTFOUND", "{domain}");
    }
}
