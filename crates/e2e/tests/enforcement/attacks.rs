//! The attacks: which are carried out on which domain, and what must become of mail.

use std::sync::LazyLock;

use sealpost_e2e::{Memory, Route};

use crate::table::{Row, Table};

/// A domain under attack.
pub(crate) struct Attacked {
    /// The attacks of the lab that are on together.
    pub(crate) attacks: Vec<&'static str>,
    pub(crate) victim: &'static str,
    /// What must become of mail with a cached policy.
    known: String,
    /// And with none known.
    unknown: String,
}

/// What is looked at under attack. Exim uses DANE by itself.
const ROUTES: &[Route] = &[
    Route::Postfix3_10,
    Route::Postfix3_10Dane,
    Route::Postfix3_7,
    Route::Exim,
    Route::Peer,
    Route::PeerTlsRpt,
];

const UNSIGNED: &str = "victim-unsigned.test";
const SIGNED: &str = "victim-signed.test";
pub(crate) const DANE: &str = "victim-dane.test";
pub(crate) const PARTIAL: &str = "victim-dane-partial.test";
const WILDCARD: &str = "victim-wildcard.test";
const TWO: &str = "victim-two-mx.test";

/// Attacks after which the resolver takes a while to trust the lab's name server again; each has a
/// round of its own, in the end.
pub(crate) const SLOW: [&str; 4] =
    ["dns-slow", "dns-blocked", "sts-record-dropped", "tlsa-dropped"];

/// Attacks that show a new id and have the fetch of the policy fail.
pub(crate) const ON_THE_FETCH: [&str; 6] = [
    "sts-id-forged",
    "policy-redirected",
    "policy-cut-max-age",
    "policy-cut-mx",
    "policy-none-bad-certificate",
    "policy-replayed",
];

/// Attacks that are felt when the daemon looks again whether its policy is still the newest.
pub(crate) const ON_THE_POLICY: [&str; 10] = [
    "sts-record-denied",
    "sts-record-dropped",
    "sts-record-second",
    "sts-id-forged",
    "policy-redirected",
    "policy-cut-max-age",
    "policy-cut-mx",
    "policy-none-bad-certificate",
    "policy-replayed",
    "https-blocked",
];

/// The file `attacks.txt`: a line for each case.
pub(crate) static ATTACKED: LazyLock<Vec<Attacked>> = LazyLock::new(|| {
    let lines = include_str!("attacks.txt").lines().filter(|line| !line.starts_with('#'));
    let case = |line: &'static str| match *line.split('|').map(str::trim).collect::<Vec<_>>() {
        [attacks, victim, known, unknown] => {
            let attacks = attacks.split(" + ").collect();
            Attacked { attacks, victim, known: each(known), unknown: each(unknown) }
        }
        _ => panic!("not a case: {line}"),
    };
    lines.map(case).collect()
});

/// A word for each column.
fn each(words: &str) -> String {
    if words.contains(' ') { words.to_owned() } else { [words; ROUTES.len()].join(" ") }
}

/// The table of what becomes of mail under attack.
pub(crate) fn table(memory: Memory) -> Table {
    let row = |attacked: &Attacked| Row {
        domain: attacked.victim,
        about: attacked.attacks.join(", "),
        expected: match memory {
            Memory::Cached => attacked.known.clone(),
            Memory::Fresh => attacked.unknown.clone(),
        },
        beside: None,
    };
    let (name, heading, text) = match memory {
        Memory::Cached => (
            "known",
            "Under attack, with a cached policy",
            "The daemon has the policy, which is in mode enforce, when the attack begins. When the \
             attacks were over, what had been deferred for `sealpost enforce` was tried again, and \
             all of it was delivered to the domain's own hosts.",
        ),
        Memory::Fresh => (
            "unknown",
            "Under attack, with no policy known",
            "The daemon was started when the attack was on already. MTA-STS can't help before a \
             first policy is fetched (RFC 8461 section 10.2); where the attack leaves the policy \
             alone, that is with the first message.",
        ),
    };
    let rows = ATTACKED.iter().map(row).collect();
    Table { name, heading, text, routes: ROUTES, memory, rows }
}

/// Every domain that will be attacked, before it is; the page does not show it.
pub(crate) fn before() -> Table {
    let row = |domain| Row { domain, about: String::new(), expected: each("sent"), beside: None };
    let domains = [
        UNSIGNED,
        SIGNED,
        DANE,
        PARTIAL,
        WILDCARD,
        TWO,
        SHARED,
        SHARED_NO_POLICY,
        "unsigned.test",
        "dane-unsigned.test",
    ];
    Table {
        name: "before",
        heading: "",
        text: "",
        routes: ROUTES,
        memory: Memory::Cached,
        rows: domains.map(row).into(),
    }
}

const SHARED: &str = "victim-shared.test";
const SHARED_NO_POLICY: &str = "victim-shared-no-policy.test";
/// What is carried out on both of them.
pub(crate) const SESSIONS_ATTACK: (&str, &str) = ("session-reused", SHARED);

/// Two domains with one MX host: what is good enough for the one must not do for the other.
pub(crate) fn sessions() -> Table {
    let row = |domain, about: &str, expected, beside| Row {
        domain,
        about: about.to_owned(),
        expected: each(expected),
        beside,
    };
    Table {
        name: "sessions",
        heading: "One host, one session",
        text: "The attacker is at an MX host of two domains, shows a certificate of his own, and \
               lets TLS sessions be resumed. Much mail for the domain without policy opens the way; \
               Postfix has `smtp_tls_connection_reuse = yes` and a cache of TLS sessions.",
        routes: ROUTES,
        memory: Memory::Cached,
        rows: vec![
            row(SHARED_NO_POLICY, "no policy", "stolen stolen stolen stolen stolen stolen", None),
            row(SHARED, "enforce, cached", "4.7.5 4.7.5 4.7.5 waits 4.7.5 4.7.5", None),
            row(
                SHARED,
                "the same, in one message with the other",
                "4.7.5 4.7.5 4.7.5 waits 4.7.5 4.7.5",
                Some(SHARED_NO_POLICY),
            ),
            row(SHARED, "once more", "4.7.5 4.7.5 4.7.5 waits 4.7.5 4.7.5", None),
        ],
    }
}

/// What is on while the daemons start again.
pub(crate) const RESTART_ATTACKS: [(&str, &str); 3] =
    [("sts-record-denied", UNSIGNED), ("https-blocked", UNSIGNED), ("mx-forged", UNSIGNED)];

pub(crate) fn restarted() -> Table {
    Table {
        name: "restarted",
        heading: "The daemon starts again under attack",
        text: "`sealpost enforce` has its policies on disk before an answer relies on them. \
               postfix-mta-sts-resolver has them in memory here, which is its default.",
        routes: ROUTES,
        memory: Memory::Cached,
        rows: vec![Row {
            domain: UNSIGNED,
            about: RESTART_ATTACKS.map(|(attack, _)| attack).join(", "),
            expected: each("4.3.0 4.3.0 4.7.5 waits stolen stolen"),
            beside: None,
        }],
    }
}
