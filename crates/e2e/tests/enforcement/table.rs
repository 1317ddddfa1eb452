//! The tables: what is sent, and what must become of it.

use sealpost_e2e::{Memory, Route};

/// A table of the page: one thing that is done to all its domains at once.
pub(crate) struct Table {
    /// A part of every recipient's name.
    pub(crate) name: &'static str,
    pub(crate) heading: &'static str,
    /// What the reader must know.
    pub(crate) text: &'static str,
    /// The columns.
    pub(crate) routes: &'static [Route],
    pub(crate) memory: Memory,
    pub(crate) rows: Vec<Row>,
}

/// One line of a table.
pub(crate) struct Row {
    /// Perhaps with a smart host before it, and a slash.
    pub(crate) domain: &'static str,
    /// What is special about it.
    pub(crate) about: String,
    /// A word for each column.
    pub(crate) expected: String,
    /// A domain whose recipient comes first in the same message.
    pub(crate) beside: Option<&'static str>,
}

impl From<&Case> for Row {
    fn from((domain, about, expected): &Case) -> Self {
        Self { domain, about: (*about).to_owned(), expected: (*expected).to_owned(), beside: None }
    }
}

fn rows(cases: &[Case]) -> Vec<Row> {
    cases.iter().map(Row::from).collect()
}

/// One line of a table: a domain, perhaps with a smart host before it; what is special about it; and
/// a word for each column.
///
/// - `sent`: delivered to a host of the domain, with TLS; `clear`: the same without;
/// - `stolen`, `stolen-clear`: delivered to the attacker;
/// - `4.7.5` and the like: deferred with this enhanced status code (RFC 3463); `waits`: deferred, by
///   Exim, which gives no code;
/// - `bounced5.1.0`: given up with this code; `-`: not tried.
pub(crate) type Case = (&'static str, &'static str, &'static str);

/// The mail servers, and the peer beside ours.
const ALL_SERVERS: &[Route] =
    &[Route::Postfix3_10, Route::Postfix3_7, Route::Exim, Route::Peer, Route::PeerTlsRpt];

pub(crate) fn honest() -> Table {
    Table {
        name: "honest",
        heading: "Nobody attacks",
        text: "Postfix has `smtp_tls_security_level = may`, so that what is stricter comes from the \
           answer. Exim uses TLSA records by itself.",
        routes: ALL_SERVERS,
        memory: Memory::Cached,
        rows: rows(HONEST_CASES),
    }
}

const HONEST_CASES: &[Case] = &[
    // Policies that are enforced, and hosts that fit.
    ("good.test", "enforce; all is well", "sent sent sent sent sent"),
    ("xn--bcher-kva.test", "enforce; an internationalized name", "sent sent sent sent sent"),
    ("implicit-mx.test", "enforce; no MX record", "sent sent sent sent sent"),
    ("good-two-mx.test", "enforce; two MX hosts", "sent sent sent sent sent"),
    ("good-policy-64-kib.test", "enforce; the largest policy", "sent sent sent sent sent"),
    ("mx-tls10.test", "enforce; TLS 1.0 is offered beside newer", "sent sent sent sent sent"),
    (
        "mx-certificate-expired-backup.test",
        "enforce; the backup is bad",
        "sent sent sent sent sent",
    ),
    ("mx-not-covered.test", "enforce; the backup is not in the policy", "sent sent sent sent sent"),
    // MX hosts that the policy does not allow.
    ("no-mx-covered.test", "enforce; the MX is not in it", "4.3.0 4.7.5 waits 4.7.5 4.3.0"),
    ("good-wildcard.test", "enforce; a wildcard, one label", "sent sent sent sent sent"),
    ("wildcard-two-labels.test", "enforce; a wildcard, two labels", "4.3.0 4.7.5 waits sent 4.3.0"),
    ("wildcard-no-label.test", "enforce; a wildcard, no label", "4.3.0 4.7.5 waits 4.7.5 4.3.0"),
    // MX hosts that fail.
    ("mx-no-starttls.test", "enforce; no STARTTLS", "4.7.4 4.7.4 waits 4.7.4 4.7.4"),
    ("mx-starttls-454.test", "enforce; STARTTLS is refused", "4.7.0 4.7.0 waits 4.7.0 4.7.0"),
    ("mx-tls-reset.test", "enforce; the handshake is reset", "4.7.5 4.7.5 waits 4.7.5 4.7.5"),
    (
        "mx-tls-old-only.test",
        "enforce; nothing newer than TLS 1.0",
        "4.7.5 4.7.5 waits 4.7.5 4.7.5",
    ),
    ("mx-certificate-expired.test", "enforce; expired", "4.7.5 4.7.5 waits 4.7.5 4.7.5"),
    ("mx-certificate-wrong-name.test", "enforce; another name", "4.7.5 4.7.5 waits 4.7.5 4.7.5"),
    ("mx-certificate-self-signed.test", "enforce; self-signed", "4.7.5 4.7.5 waits 4.7.5 4.7.5"),
    ("mx-certificate-incomplete.test", "enforce; no intermediate", "4.7.5 4.7.5 waits 4.7.5 4.7.5"),
    ("mx-sni-ignored.test", "enforce; SNI is ignored", "4.7.5 4.7.5 waits 4.7.5 4.7.5"),
    // RFC 8461 wants a subject alternative name; no mail server here insists on it.
    ("mx-certificate-common-name-only.test", "enforce; no SAN", "sent sent sent sent sent"),
    // Nothing that is enforced.
    ("testing-mx-expired.test", "testing; the certificate has expired", "sent sent sent sent sent"),
    ("no-mx-covered-testing.test", "testing; the MX is not in it", "sent sent sent sent sent"),
    ("good-none.test", "mode none", "sent sent sent sent sent"),
    (
        "absent-mx-expired.test",
        "no policy; the certificate has expired",
        "sent sent sent sent sent",
    ),
    ("sts-record-missing.test", "a policy, but no record", "sent sent sent sent sent"),
    ("sts-record-twice.test", "two records", "sent sent sent sent sent"),
    ("sts-record-servfail.test", "the record's look-up fails", "sent sent sent sent sent"),
    ("bogus-sts-record.test", "the record is bogus", "sent sent sent sent sent"),
    ("policy-404.test", "no policy is served; none is known", "sent sent sent sent sent"),
    ("policy-redirect.test", "a redirect; no policy is known", "sent sent sent sent sent"),
    ("policy-certificate-expired.test", "the policy host has expired", "sent sent sent sent sent"),
    ("unsigned.test", "enforce; no DNSSEC", "sent sent sent sent sent"),
    // Smart hosts, for a recipient whose domain has a policy or not.
    ("via-host/sts-record-missing.test", "`[implicit-mx.test]`", "sent sent - sent sent"),
    ("via-port/sts-record-missing.test", "`[implicit-mx.test]:25`", "sent sent - sent sent"),
    ("via-mx/sts-record-missing.test", "`good.test`", "sent sent - sent sent"),
    ("via-bad/good.test", "`mx-certificate-expired.test`", "4.7.5 4.7.5 - 4.7.5 4.7.5"),
    // DNSSEC and DANE; each has an enforced policy too.
    ("bogus-mx.test", "the MX records are bogus", "4.4.3 4.4.3 waits 4.4.3 4.4.3"),
    ("null-mx.test", "a null MX", "bounced5.1.0 bounced5.1.0 bounced bounced5.1.0 bounced5.1.0"),
    ("dane-good.test", "a TLSA record that fits", "sent sent sent sent sent"),
    ("dane-trust-anchor.test", "one for the authority", "sent sent sent sent sent"),
    ("dane-mismatch.test", "a TLSA record that does not fit", "4.7.5 4.7.5 waits sent sent"),
    ("dane-self-signed.test", "it fits; self-signed", "sent sent sent 4.7.5 4.7.5"),
    ("dane-partial.test", "at one of two MX hosts", "sent sent sent sent sent"),
    ("dane-servfail.test", "the look-up fails", "4.7.5 4.7.5 waits sent sent"),
    ("dane-bogus.test", "the TLSA record is bogus", "4.7.5 4.7.5 waits sent sent"),
    ("dane-only-usage-1.test", "none is usable", "sent sent sent sent sent"),
    ("dane-unsigned.test", "unsigned, it does not fit", "sent sent sent sent sent"),
    ("dane-insecure-mx.test", "it fits; the MX is unsigned", "sent sent sent sent sent"),
    ("dane-without-starttls.test", "no STARTTLS", "4.7.4 4.7.4 waits 4.7.4 4.7.4"),
];

/// What DANE answers change.
pub(crate) fn dane() -> Table {
    Table {
        name: "dane",
        heading: "DANE answers on and off",
        text: "Postfix 3.10 with `smtp_tls_security_level = may`, and a daemon with `dane = \"on\"` \
           or `dane = \"off\"`. With the latter MTA-STS decides alone.",
        routes: &[Route::Postfix3_10, Route::Postfix3_10Plain],
        memory: Memory::Cached,
        rows: rows(DANE_CASES),
    }
}

const DANE_CASES: &[Case] = &[
    ("dane-good.test", "enforce; a TLSA record that fits", "sent sent"),
    ("dane-mismatch.test", "enforce; one that does not fit", "4.7.5 sent"),
    ("dane-self-signed.test", "enforce; it fits, self-signed", "sent 4.7.5"),
    ("dane-partial.test", "enforce; at one of two MX hosts", "sent sent"),
    ("dane-servfail.test", "enforce; the look-up fails", "4.7.5 sent"),
    ("dane-bogus.test", "enforce; the TLSA record is bogus", "4.7.5 sent"),
    ("dane-only-usage-1.test", "enforce; none is usable", "sent sent"),
    ("dane-insecure-mx.test", "enforce; it fits, the MX is unsigned", "sent sent"),
    ("absent-dane-good.test", "no policy; a TLSA record that fits", "sent sent"),
    ("absent-dane-mismatch.test", "no policy; one that does not fit", "4.7.5 sent"),
    ("testing-dane-mismatch.test", "testing; one that does not fit", "4.7.5 sent"),
];

/// What Postfix does by itself at each default level, which no answer may lower.
pub(crate) fn levels() -> Table {
    Table {
        name: "levels",
        heading: "Default levels",
        text: "Postfix 3.10 with each `smtp_tls_security_level`, and a daemon with the same \
           `default_level` for each. Where no policy is enforced and there are no TLSA records, the \
           answer is \"not found\", and Postfix does as it would without us.",
        routes: &[Route::Postfix3_10, Route::Postfix3_10Encrypt, Route::Postfix3_10Dane],
        memory: Memory::Cached,
        rows: rows(LEVELS_CASES),
    }
}

const LEVELS_CASES: &[Case] = &[
    ("absent-no-starttls.test", "no policy; no STARTTLS", "clear 4.7.4 clear"),
    ("absent-dane-good.test", "no policy; a TLSA record that fits", "sent sent sent"),
    ("absent-dane-mismatch.test", "no policy; one that does not fit", "4.7.5 4.7.5 4.7.5"),
    ("testing-no-starttls.test", "testing; no STARTTLS", "clear 4.7.4 clear"),
    ("testing-dane-mismatch.test", "testing; a TLSA record that does not fit", "4.7.5 4.7.5 4.7.5"),
    ("sts-record-servfail.test", "the record's look-up fails", "sent sent sent"),
    ("mx-no-starttls.test", "enforce; no STARTTLS", "4.7.4 4.7.4 4.7.4"),
    ("mx-certificate-expired.test", "enforce; expired", "4.7.5 4.7.5 4.7.5"),
    ("dane-good.test", "enforce; a TLSA record that fits", "sent sent sent"),
    ("dane-mismatch.test", "enforce; one that does not fit", "4.7.5 4.7.5 4.7.5"),
    ("dane-self-signed.test", "enforce; it fits, self-signed", "sent sent sent"),
];

/// What becomes of mail while the daemons fail.
fn failing(name: &'static str, heading: &'static str, text: &'static str, cases: &[Case]) -> Table {
    let memory = Memory::Cached;
    Table { name, heading, text, routes: ALL_SERVERS, memory, rows: rows(cases) }
}

pub(crate) fn hung() -> Table {
    failing(
        "hung",
        "The daemon hangs",
        "It is stopped where it is, and its port stays open. Postfix would wait for 100 seconds; \
         here the daemon is killed before that. Until then nothing is delivered.",
        &[
            ("good.test", "enforce, cached", "4.7.5 4.7.5 waits 4.7.5 4.7.5"),
            ("sts-record-missing.test", "no policy", "4.7.5 4.7.5 waits 4.7.5 4.7.5"),
        ],
    )
}

pub(crate) fn down() -> Table {
    failing(
        "down",
        "The daemon is down",
        "It was killed, and nobody listens at its port.",
        &[
            ("good.test", "enforce, cached", "4.7.5 4.7.5 waits 4.7.5 4.7.5"),
            ("good-two-mx.test", "enforce, cached", "4.7.5 4.7.5 waits 4.7.5 4.7.5"),
            ("sts-record-missing.test", "no policy", "4.7.5 4.7.5 waits 4.7.5 4.7.5"),
        ],
    )
}

pub(crate) fn back() -> Table {
    failing(
        "back",
        "The daemon is back",
        "It was started again. What waited above was tried again, and all of it was delivered.",
        &[
            ("good.test", "enforce", "sent sent sent sent sent"),
            ("mx-certificate-expired.test", "enforce; expired", "4.7.5 4.7.5 waits 4.7.5 4.7.5"),
            ("sts-record-missing.test", "no policy", "sent sent sent sent sent"),
        ],
    )
}
