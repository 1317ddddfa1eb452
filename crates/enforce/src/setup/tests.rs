//! The plan, from what a Postfix says about itself.

use std::net::SocketAddr;

use sealpost_net::ResolverFault;

use super::policy_maps::{tables, with_ours, without};
use super::*;

/// What `postconf` of Debian 13 says about the parameters that count, a parameter a line.
const DEFAULTS: &str = "\
compatibility_level = 0
config_directory = /etc/postfix
disable_dns_lookups = no
mail_version = 3.10.13
maximal_queue_lifetime = 5d
queue_directory = /var/spool/postfix
relayhost =
smtp_dns_support_level =
smtp_enforce_tls = no
smtp_host_lookup = dns
smtp_tls_CAfile =
smtp_tls_CApath =
smtp_tls_dane_insecure_mx_policy = ${{$smtp_tls_security_level} == {dane} ? {dane} : {may}}
smtp_tls_enforce_peername = yes
smtp_tls_enforce_sts_mx_patterns = yes
smtp_tls_loglevel = 0
smtp_tls_per_site =
smtp_tls_policy_maps =
smtp_tls_security_level =
smtp_tlsrpt_enable = no
smtp_use_tls = no
";

const SERVICES: &str = "\
smtp       inet  n       -       n       -       -       smtpd
smtp       unix  -       -       n       -       -       smtp
relay      unix  -       -       -       -       -       smtp -o syslog_name=a/b -o { x = y z }
lmtp       unix  -       -       y       -       -       lmtp
";

const LOCAL: &str = "nameserver 127.0.0.53\noptions edns0 trust-ad\n";

/// A Postfix of a version with these lines in its `main.cf`.
fn postfix(version: &str, main: &str) -> PostfixFound {
    let mut defaults = read_settings(DEFAULTS);
    defaults.insert("mail_version".to_owned(), version.to_owned());
    let set = read_settings(&format!("compatibility_level = 3.6\n{main}"));
    let mut values = defaults.clone();
    values.insert("smtp_tls_dane_insecure_mx_policy".to_owned(), "may".to_owned());
    values.extend(set.clone());
    values.retain(|name, _| ASKED.contains(&name.as_str()));
    PostfixFound {
        defaults,
        set,
        values,
        services: SERVICES.to_owned(),
        resolv_conf: Some(LOCAL.to_owned()),
        resolv_conf_in_chroot: None,
        authorities: vec!["/etc/ssl/certs/ca-certificates.crt".to_owned()],
    }
}

fn endpoint() -> Endpoint {
    "127.0.0.1:8461".parse().unwrap()
}

fn resolver() -> SocketAddr {
    "127.0.0.53:53".parse().unwrap()
}

fn proven(found: &PostfixFound) -> Vec<Proof> {
    found.resolvers().into_iter().map(|resolver| Proof { resolver, outcome: Ok(()) }).collect()
}

fn unproven() -> Vec<Proof> {
    let outcome = Err(ResolverFault::Elsewhere { resolver: resolver() });
    vec![Proof { resolver: resolver(), outcome }]
}

fn plan(found: &PostfixFound) -> Plan {
    Plan::new(found, &endpoint(), &proven(found), None).unwrap()
}

fn plan_unproven(found: &PostfixFound) -> Plan {
    Plan::new(found, &endpoint(), &unproven(), None).unwrap()
}

/// The lines as `main.cf` gets them.
fn lines(plan: &Plan) -> Vec<String> {
    plan.lines.iter().map(|line| format!("{} = {}", line.name, line.value)).collect()
}

fn texts(plan: &Plan, weight: Weight) -> String {
    let of_weight = plan.remarks.iter().filter(|remark| remark.weight == weight);
    of_weight.map(|remark| remark.text.as_str()).collect::<Vec<_>>().join("\n")
}

fn warnings(plan: &Plan) -> String {
    texts(plan, Weight::Warning)
}

/// The same Postfix once the lines are in its `main.cf`.
fn after(found: &PostfixFound, plan: &Plan) -> PostfixFound {
    let mut found = found.clone();
    for line in &plan.lines {
        found.set.insert(line.name.to_owned(), line.value.clone());
        found.values.insert(line.name.to_owned(), line.value.clone());
    }
    found
}

#[test]
fn a_postfix_that_knows_nothing_of_tls_gets_all_that_it_needs() {
    let found = postfix("3.10.13", "");
    let made = plan(&found);
    assert_eq!(
        lines(&made),
        [
            "smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt",
            "smtp_dns_support_level = dnssec",
            "smtp_tls_dane_insecure_mx_policy = dane",
            "smtp_tls_security_level = dane",
            "smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix",
        ]
    );
    assert_eq!((made.default_level, &made.dane), (Level::Dane, &Dane::On));
    assert_eq!(made.resolvers, ["127.0.0.53:53"]);
    assert_eq!(warnings(&made), "");
    assert!(made.lines.iter().all(|line| line.before.is_none() && !line.why.is_empty()));

    let made = plan_unproven(&found);
    assert_eq!(
        lines(&made),
        [
            "smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt",
            "smtp_tls_security_level = may",
            "smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix",
        ]
    );
    assert_eq!(made.default_level, Level::May);
    let Dane::Off { why } = made.dane else { panic!("{made:?}") };
    assert!(why[0].contains("not on this machine"), "{why:?}");
}

#[test]
fn what_has_been_set_is_not_set_again() {
    for proofs in [proven(&postfix("3.10.13", "")), unproven()] {
        let found = postfix("3.10.13", "");
        let made = Plan::new(&found, &endpoint(), &proofs, None).unwrap();
        let again = Plan::new(&after(&found, &made), &endpoint(), &proofs, None).unwrap();
        assert_eq!(again.lines, []);
        assert_eq!(again.default_level, made.default_level);
    }
}

#[test]
fn the_version_decides_which_map_is_asked() {
    for (version, map) in [
        ("3.12-20260821", "postfix"),
        ("3.11.0-RC1", "postfix"),
        ("3.10.13", "postfix"),
        ("3.10.5", "postfix"),
        ("3.10.4", "postfix-3.10"),
        ("3.10.0", "postfix-3.10"),
        ("3.10-20241231", "postfix-3.9"), // a snapshot, which may lack anything
        ("3.9.1", "postfix-3.9"),
        ("3.4.0", "postfix-3.9"),
        ("3.3.22", "postfix-3.3"),
        ("2.10.1", "postfix-3.3"),
    ] {
        let plan = plan(&postfix(version, ""));
        assert_eq!(plan.map.as_str(), map, "{version}");
        assert!(plan.table.ends_with(&format!(":{map}")), "{version}");
        assert_eq!(warnings(&plan).contains("not compliant"), map == "postfix-3.3", "{version}");
    }
    let mut found = postfix("3.10.13", "");
    found.defaults.remove("smtp_tls_enforce_sts_mx_patterns");
    assert_eq!(plan(&found).map.as_str(), "postfix-3.10"); // patched out

    for version in ["", "3", "3.x.1", "3.10.5.1", "mail", "99999.1"] {
        let found = postfix(version, "");
        let error = Plan::new(&found, &endpoint(), &[], None).unwrap_err();
        assert!(matches!(error, PlanError::Version(_)), "{version}: {error}");
    }
    let error = Plan::new(&postfix("2.9.15", ""), &endpoint(), &[], None).unwrap_err();
    assert_eq!(error, PlanError::TooOld(PostfixVersion::new(2, 9, 15)));
}

#[test]
fn no_level_is_ever_lowered() {
    // What main.cf says; the level with DNSSEC proven, and without; whether a line is set for it.
    for (main, with, without, is_set) in [
        ("", Level::Dane, Level::May, true),
        ("smtp_tls_security_level =", Level::Dane, Level::May, true),
        ("smtp_tls_security_level = none", Level::Dane, Level::May, true),
        ("smtp_tls_security_level = may", Level::May, Level::May, false),
        ("smtp_tls_security_level = Encrypt", Level::Encrypt, Level::Encrypt, false),
        ("smtp_tls_security_level = dane", Level::Dane, Level::Dane, false),
        ("smtp_tls_security_level = dane-only", Level::DaneOnly, Level::DaneOnly, false),
        ("smtp_tls_security_level = fingerprint", Level::Fingerprint, Level::Fingerprint, false),
        ("smtp_tls_security_level = verify", Level::Verify, Level::Verify, false),
        ("smtp_tls_security_level = secure", Level::Secure, Level::Secure, false),
        ("smtp_tls_security_level = new-word", Level::Unknown, Level::Unknown, false),
        ("smtp_enforce_tls = yes", Level::Verify, Level::Verify, false),
        (
            "smtp_enforce_tls = yes\nsmtp_tls_enforce_peername = no",
            Level::Encrypt,
            Level::Encrypt,
            false,
        ),
        ("smtp_enforce_tls = yes\nsmtp_tls_security_level = may", Level::May, Level::May, false),
    ] {
        let found = postfix("3.10.13", main);
        for (made, level) in [(plan(&found), with), (plan_unproven(&found), without)] {
            assert_eq!(made.default_level, level, "{main}");
            let has_line = made.lines.iter().any(|line| line.name == "smtp_tls_security_level");
            assert_eq!(has_line, is_set, "{main}");
        }
    }
    // Of these two only `smtp_use_tls` leaves room for more.
    let found = postfix("3.10.13", "smtp_use_tls = yes");
    assert_eq!(plan(&found).default_level, Level::Dane);
    assert_eq!(plan_unproven(&found).default_level, Level::May);
    assert!(!lines(&plan_unproven(&found)).iter().any(|line| line.contains("security_level")));
    assert!(warnings(&plan(&found)).contains("smtp_use_tls"));
}

#[test]
fn every_level_has_its_word() {
    for word in ["none", "may", "encrypt", "dane", "dane-only", "fingerprint", "verify", "secure"] {
        assert_eq!(Level::parse(word).as_str(), word);
        assert_eq!(serde_json::to_value(Level::parse(word)).unwrap(), word);
    }
    assert_eq!(Level::parse("$other").as_str(), "unknown");
}

#[test]
fn dane_at_an_unproven_resolver_is_warned_of() {
    let found = postfix("3.10.13", "smtp_tls_security_level = dane");
    assert!(warnings(&plan_unproven(&found)).contains("DNSSEC is not proven"));
    assert!(!warnings(&plan(&found)).contains("DNSSEC"));
}

#[test]
fn dane_stays_off_wherever_postfix_would_not_do_it() {
    let service = |options: &str| format!("smtp unix - - n - - smtp {options}\n");
    let cases: [(&str, &str, String, &str); 5] = [
        ("3.10.13", "disable_dns_lookups = yes", service(""), "disable_dns_lookups"),
        ("3.10.13", "", service("-o smtp_dns_support_level=enabled"), "-o smtp_dns_support_level"),
        ("3.10.13", "", service("-o { smtp_host_lookup = native }"), "-o smtp_host_lookup=native"),
        ("3.5.25", "", service(""), "lacks `options trust-ad`"),
        ("3.10.13", "", service("-o smtp_dns_support_level=dnssec"), ""),
    ];
    for (version, main, services, expected) in cases {
        let mut found = postfix(version, main);
        found.services = services;
        found.resolv_conf = Some("nameserver 127.0.0.53\n".to_owned());
        match (plan(&found).dane, expected) {
            (Dane::On, "") => {}
            (Dane::Off { why }, expected) if !expected.is_empty() => {
                assert!(why.len() == 1 && why[0].contains(expected), "{why:?}");
            }
            (dane, expected) => panic!("{expected}: {dane:?}"),
        }
    }
    let mut found = postfix("2.10.1", "");
    found.defaults.remove("smtp_dns_support_level");
    let Dane::Off { why } = plan(&found).dane else { panic!("2.10 has no DANE") };
    assert!(why[0].contains("does not know DANE"), "{why:?}");

    // One of two is not enough, nor one that nobody looked at.
    let mut found = postfix("3.10.13", "");
    found.resolv_conf = Some("nameserver 127.0.0.1\nnameserver 127.0.0.53\n".to_owned());
    let mut proofs = proven(&found);
    assert_eq!(Plan::new(&found, &endpoint(), &proofs, None).unwrap().dane, Dane::On);
    proofs.pop();
    let Dane::Off { why } = Plan::new(&found, &endpoint(), &proofs, None).unwrap().dane else {
        panic!("127.0.0.53 was not looked at")
    };
    assert_eq!(why, ["nobody has looked whether 127.0.0.53:53 validates"]);
}

#[test]
fn what_is_set_otherwise_is_set_right() {
    for (main, expected) in [
        ("smtp_host_lookup = dns, native", "smtp_host_lookup = dns"),
        ("smtp_dns_support_level = enabled", "smtp_dns_support_level = dnssec"),
        ("smtp_tls_enforce_sts_mx_patterns = no", "smtp_tls_enforce_sts_mx_patterns = yes"),
        (
            "smtp_tls_policy_maps = hash:/etc/postfix/tls_policy",
            "smtp_tls_policy_maps = hash:/etc/postfix/tls_policy, \
             socketmap:inet:127.0.0.1:8461:postfix",
        ),
    ] {
        let found = postfix("3.10.13", main);
        let made = plan(&found);
        assert!(lines(&made).iter().any(|line| line == expected), "{main}: {:?}", lines(&made));
        let line = made.lines.iter().find(|line| main.starts_with(line.name)).unwrap();
        let before = main.split_once(" = ").map(|(_, value)| value.to_owned());
        assert_eq!(line.before, before);
    }
    let none = lines(&plan(&postfix("3.10.13", "smtp_tls_CApath = /etc/ssl/certs")));
    assert!(!none.iter().any(|line| line.contains("CAfile")), "{none:?}");
    let mut found = postfix("3.10.13", "");
    found.authorities.clear();
    assert!(warnings(&plan(&found)).contains("no file of trusted authorities"));
}

#[test]
fn what_would_take_rules_away_is_refused() {
    let found = postfix("3.10.13", "smtp_tls_per_site = hash:/etc/postfix/tls_per_site");
    let error = Plan::new(&found, &endpoint(), &[], None).unwrap_err();
    assert!(error.to_string().contains("would ignore smtp_tls_per_site = hash:"), "{error}");
}

#[test]
fn tables_are_told_apart_as_postfix_does() {
    for (list, expected) in [
        ("", vec![]),
        ("hash:/a", vec!["hash:/a"]),
        ("hash:/a,  pcre:/b\tstatic:may", vec!["hash:/a", "pcre:/b", "static:may"]),
        (
            "inline:{ {a.test = may}, b.test=none } hash:/c",
            vec!["inline:{ {a.test = may}, b.test=none }", "hash:/c"],
        ),
        (",,", vec![]),
        ("}, hash:/a {", vec!["}", "hash:/a", "{"]),
    ] {
        assert_eq!(tables(list), expected, "{list}");
    }
}

#[test]
fn our_table_is_added_once_and_what_is_there_stays() {
    const OURS: &str = "socketmap:inet:127.0.0.1:8461:postfix";
    for (list, former, expected) in [
        ("", None, OURS),
        ("hash:/a", None, "hash:/a, socketmap:inet:127.0.0.1:8461:postfix"),
        (OURS, None, OURS),
        // As it is, odd separators and all.
        (
            "hash:/a,socketmap:inet:127.0.0.1:8461:postfix  hash:/b",
            None,
            "hash:/a,socketmap:inet:127.0.0.1:8461:postfix  hash:/b",
        ),
        // Another name of ours: Postfix has become newer.
        (
            "hash:/a socketmap:inet:127.0.0.1:8461:postfix-3.9 hash:/b",
            None,
            "hash:/a, socketmap:inet:127.0.0.1:8461:postfix, hash:/b",
        ),
        (
            "socketmap:inet:127.0.0.1:8461:QUERY, socketmap:inet:127.0.0.1:8461:postfix",
            Some("x"),
            OURS,
        ),
        // We listen elsewhere now.
        (
            "socketmap:unix:run/a.sock:postfix, hash:/a",
            Some("socketmap:unix:run/a.sock:postfix"),
            "socketmap:inet:127.0.0.1:8461:postfix, hash:/a",
        ),
        // Others stay.
        (
            "socketmap:inet:127.0.0.1:8642:QUERY",
            None,
            "socketmap:inet:127.0.0.1:8642:QUERY, socketmap:inet:127.0.0.1:8461:postfix",
        ),
        (
            "inline:{a=may, b=none}",
            None,
            "inline:{a=may, b=none}, socketmap:inet:127.0.0.1:8461:postfix",
        ),
    ] {
        assert_eq!(with_ours(list, OURS, former), expected, "{list}");
    }
    assert_eq!(without("hash:/a, hash:/b", "hash:/a").as_deref(), Some("hash:/b"));
    assert_eq!(without("hash:/a", "hash:/a").as_deref(), Some(""));
    assert_eq!(without("hash:/a", "hash:/b"), None);
}

#[test]
fn what_stands_in_the_way_is_warned_of() {
    for (main, expected) in [
        (
            "smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8642:QUERY",
            "postfix-tlspol by its port",
        ),
        (
            "smtp_tls_policy_maps = socketmap:unix:run/tlspol.sock:QUERY",
            "postfix-tlspol by its name",
        ),
        ("smtp_tls_policy_maps = hash:/a, static:encrypt", "never asked"),
        ("smtp_tls_policy_maps = tcp:127.0.0.1:9", "another policy server"),
        ("maximal_queue_lifetime = 90m", "5.1"),
        ("maximal_queue_lifetime = 0", "5.1"),
        ("smtp_enforce_tls = yes", "smtp_tls_security_level = verify"),
    ] {
        let warnings = warnings(&plan(&postfix("3.10.13", main)));
        assert!(warnings.contains(expected), "{main}: {warnings}");
    }
    for main in [
        "smtp_tls_policy_maps = hash:/etc/postfix/static:a",
        "smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix",
        "smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix, static:encrypt",
        "maximal_queue_lifetime = 2h",
        "maximal_queue_lifetime = 1",
        "maximal_queue_lifetime = 1w",
        "maximal_queue_lifetime = $bounce_queue_lifetime",
    ] {
        assert_eq!(warnings(&plan(&postfix("3.10.13", main))), "", "{main}");
    }
    let main = "smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix";
    let notes = texts(&plan(&postfix("3.10.13", main)), Weight::Note);
    assert!(notes.contains("postfix-mta-sts-resolver"), "{notes}");
    let made = plan(&postfix("3.10.13", "relayhost = [smart.example]:587"));
    let notes = texts(&made, Weight::Note);
    for expected in ["relayhost = [smart.example]:587", "smtp_tls_loglevel", "smtp_tlsrpt_enable"] {
        assert!(notes.contains(expected), "{notes}");
    }
}

#[test]
fn what_master_cf_says_otherwise_is_warned_of() {
    let mut found = postfix("3.10.13", "");
    found.services = "smtp unix - - n - - smtp\n\
                      slow unix - - n - 2 smtp -o smtp_tls_security_level=none -o x=y\n\
                      odd unix - - n - - smtp -v -o { smtp_tls_policy_maps = hash:/a, hash:/b }\n\
                      smtp inet n - n - - smtpd -o smtp_tls_policy_maps=\n"
        .to_owned();
    assert_eq!(
        warnings(&plan(&found))
            .lines()
            .map(|line| line.split(',').next().unwrap())
            .collect::<Vec<_>>(),
        [
            "master.cf: the service slow has `-o smtp_tls_security_level=none`",
            "master.cf: the service odd has `-o smtp_tls_policy_maps=hash:/a",
        ]
    );
}

#[test]
fn a_dash_means_a_chroot_to_old_postfix_alone() {
    let chroots = |version: &str, level: &str| {
        let mut found = postfix(version, "");
        found.values.insert("compatibility_level".to_owned(), level.to_owned());
        found.smtp_clients().into_iter().map(|client| client.chroot).collect::<Vec<_>>()
    };
    let nowhere = Chroot::Nowhere;
    assert_eq!(chroots("3.10.13", "3.10"), [nowhere, nowhere]);
    assert_eq!(chroots("3.0.0", "2"), [nowhere, nowhere]);
    assert_eq!(chroots("3.10.13", "0"), [nowhere, Chroot::QueueDirectory]);
    assert_eq!(chroots("2.11.0", ""), [nowhere, Chroot::QueueDirectory]);
}

#[test]
fn a_chroot_has_its_own_resolvers_and_sockets() {
    let mut found = postfix("3.10.13", "");
    found.services = SERVICES.replace("n       -       -       smtp\n", "y - - smtp\n");
    let inside = "/var/spool/postfix/etc/resolv.conf";
    let seen = |found: &PostfixFound| {
        found.resolv_confs().into_iter().map(|(place, _)| place).collect::<Vec<_>>()
    };
    assert_eq!(seen(&found), ["/etc/resolv.conf", inside]);
    // Without a file the C library asks this machine.
    assert_eq!(plan(&found).resolvers, ["127.0.0.53:53", "127.0.0.1:53"]);
    assert!(warnings(&plan(&found)).contains(&format!("{inside} is not there")));

    found.resolv_conf_in_chroot = Some("nameserver 192.0.2.53\n".to_owned());
    assert_eq!(plan(&found).resolvers, ["127.0.0.53:53", "192.0.2.53:53"]);
    let text = warnings(&plan(&found));
    assert!(text.contains(&format!("{inside} differs from /etc/resolv.conf")), "{text}");
    assert!(text.contains(&format!("{inside} names 192.0.2.53, which is not on this")), "{text}");

    found.resolv_conf_in_chroot = found.resolv_conf.clone();
    assert_eq!(warnings(&plan(&found)), "");
    for (listen, table, is_caught) in [
        ("unix:/var/spool/postfix/sealpost/a.sock", "unix:sealpost/a.sock", false),
        ("unix:/run/a.sock", "unix:/run/a.sock", true),
        ("unix:/var/spool/postfixed/a.sock", "unix:/var/spool/postfixed/a.sock", true),
        ("[::1]:8461", "inet:[::1]:8461", false),
    ] {
        let endpoint = listen.parse().unwrap();
        let plan = Plan::new(&found, &endpoint, &proven(&found), None).unwrap();
        assert_eq!(plan.table, format!("socketmap:{table}:postfix"));
        let text = warnings(&plan);
        assert_eq!(text.contains("cannot be reached from the chroot of smtp"), is_caught, "{text}");
    }
    found.values.insert("smtp_tls_CApath".to_owned(), "/etc/ssl/certs".to_owned());
    let text = texts(&plan(&found), Weight::Note);
    assert!(text.contains("smtp_tls_CApath = /etc/ssl/certs is read from within"), "{text}");
    found.services = SERVICES.to_owned();
    assert!(!texts(&plan(&found), Weight::Note).contains("CApath"));
    let endpoint = "unix:/run/a.sock".parse().unwrap();
    let plan = Plan::new(&found, &endpoint, &proven(&found), None).unwrap();
    assert_eq!(warnings(&plan), "");
}

#[test]
fn resolvers_are_those_that_the_c_library_asks() {
    let read = |text: &str| {
        let file = ResolvConf::read(text);
        let resolvers: Vec<_> = file.resolvers().iter().map(ToString::to_string).collect();
        (resolvers.join(" "), file.trusts_ad())
    };
    let text = "# nameserver 9.9.9.9\nnameserver\t127.0.0.1\n nameserver ::1\noptions trust-ad\n\
                nameserver fe80::1%eth0\nnameserver 192.0.2.4\n";
    assert_eq!(read(text), ("127.0.0.1:53 [::1]:53 [fe80::1]:53".to_owned(), true));
    assert_eq!(read("nameserver x\noptions edns0\n"), ("127.0.0.1:53".to_owned(), false));
}

#[test]
fn places_are_read_as_people_and_postfix_write_them() {
    for (text, expected) in [
        ("inet:127.0.0.1:8461", "inet:127.0.0.1:8461"),
        ("127.0.0.1:8461", "inet:127.0.0.1:8461"),
        ("unix:/run/a.sock,mode=0666", "unix:/run/a.sock"),
    ] {
        assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), expected);
    }
    for (text, expected) in [
        ("0.0.0.0:8461", "nothing to connect to"),
        ("127.0.0.1:0", "nothing to connect to"),
        ("localhost:8461", "IP address"),
        ("unix:run/a.sock", "absolute"),
        ("unix:/run/a b.sock", "cannot be written"),
        ("unix:/run/a:b", "cannot be written"),
        ("unix:/run/$a", "cannot be written"),
        ("systemd:enforce", "says nothing to Postfix"),
    ] {
        let error = text.parse::<Endpoint>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let found = postfix("3.10.13", "");
    let made = Plan::new(&found, &"192.0.2.1:8461".parse().unwrap(), &proven(&found), None);
    assert!(warnings(&made.unwrap()).contains("not on loopback"));
}

#[test]
fn undoing_leaves_what_was_before() {
    let found =
        postfix("3.10.13", "smtp_host_lookup = dns, native\nsmtp_tls_policy_maps = hash:/a");
    let made = plan(&found);
    let record = Record::of(&made, None);
    let now = after(&found, &made);
    assert_eq!(record.changes().len(), made.lines.len());
    assert_eq!(undone(&record, &now.set), found.set);
    assert_eq!(record.undo(&found.set), [], "there is nothing to undo twice");

    // Written again, at another place: what was before the first time stays known.
    let endpoint = "unix:/run/a.sock".parse().unwrap();
    let again = Plan::new(&now, &endpoint, &proven(&now), Some(&record)).unwrap();
    assert_eq!(
        lines(&again),
        ["smtp_tls_policy_maps = hash:/a, socketmap:unix:/run/a.sock:postfix"]
    );
    let record = Record::of(&again, Some(record));
    assert_eq!(undone(&record, &after(&now, &again).set), found.set);
}

#[test]
fn undoing_leaves_alone_what_others_have_changed() {
    let found = postfix("3.10.13", "");
    let made = plan(&found);
    let record = Record::of(&made, None);
    let mut now = after(&found, &made);
    let mut change = |name: &str, value: &str| {
        now.set.insert(name.to_owned(), value.to_owned());
        now.values.insert(name.to_owned(), value.to_owned());
    };
    change("smtp_tls_security_level", "encrypt");
    change("smtp_tls_policy_maps", "hash:/a, socketmap:inet:127.0.0.1:8461:postfix hash:/b");
    now.set.remove("smtp_tls_CAfile");
    let undo = record.undo(&now.set);
    let level = Undo::LeaveAlone {
        name: "smtp_tls_security_level".to_owned(),
        value: Some("encrypt".to_owned()),
    };
    assert!(undo.contains(&level), "{undo:?}");
    // It would hold back all mail once we no longer answer.
    let maps = Undo::Restore {
        name: "smtp_tls_policy_maps".to_owned(),
        value: "hash:/a, hash:/b".to_owned(),
    };
    assert!(undo.contains(&maps), "{undo:?}");
    assert_eq!(undo.len(), 4, "and two lines that go: {undo:?}");

    // Written again after that: theirs is now what was before, without our table.
    let again = Plan::new(&now, &"127.0.0.2:1".parse().unwrap(), &proven(&now), Some(&record));
    let again = again.unwrap();
    let record = Record::of(&again, Some(record));
    let undone = undone(&record, &after(&now, &again).set);
    assert_eq!(undone.get("smtp_tls_policy_maps").unwrap(), "hash:/a, hash:/b");
}

/// The settings of `main.cf` after the undoing.
fn undone(
    record: &Record,
    set: &std::collections::BTreeMap<String, String>,
) -> std::collections::BTreeMap<String, String> {
    let mut set = set.clone();
    for undo in record.undo(&set) {
        match undo {
            Undo::Restore { name, value } => drop(set.insert(name, value)),
            Undo::Remove { name } => drop(set.remove(&name)),
            Undo::LeaveAlone { .. } => {}
        }
    }
    set
}
