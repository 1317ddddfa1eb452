//! The attacks: which are carried out on which domain, and what must become of mail.

use sealpost_e2e::{Memory, Route};

use crate::table::{Case, Table};

/// One line: the attacks of the lab that are on together; the domain; and a word for each column,
/// with a cached policy and with none known.
///
/// The first attack hides or spoils what MTA-STS or DANE would say, where it does; the last is
/// after the mail.
pub(crate) type Attacked = (&'static [&'static str], &'static str, &'static str, &'static str);

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
const DANE: &str = "victim-dane.test";
const PARTIAL: &str = "victim-dane-partial.test";
const WILDCARD: &str = "victim-wildcard.test";
const TWO: &str = "victim-two-mx.test";

/// Attacks after which the resolver takes a while to trust the lab's name server again; each has a
/// round of its own, in the end.
pub(crate) const SLOW: [&str; 4] =
    ["dns-slow", "dns-blocked", "sts-record-dropped", "tlsa-dropped"];

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

pub(crate) const ATTACKED: &[Attacked] = &[
    // The session with the MX host.
    (&["starttls-stripped"], UNSIGNED, "", ""),
    (&["starttls-refused"], SIGNED, "", ""),
    (&["handshake-reset"], TWO, "", ""),
    (&["tls-1-0-only"], WILDCARD, "", ""),
    (&["certificate-self-signed"], UNSIGNED, "", ""),
    (&["certificate-other-name"], SIGNED, "", ""),
    (&["certificate-mis-issued"], UNSIGNED, "", ""),
    (&["certificate-mis-issued"], DANE, "", ""),
    (&["certificate-mis-issued"], PARTIAL, "", ""),
    (&["starttls-stripped"], DANE, "", ""),
    // The MX records.
    (&["mx-forged"], UNSIGNED, "", ""),
    (&["mx-forged"], SIGNED, "", ""),
    (&["mx-name-forged"], TWO, "", ""),
    (&["mx-two-labels"], WILDCARD, "", ""),
    (&["mx-backup-outside"], TWO, "", ""),
    (&["ad-spoofed"], WILDCARD, "", ""),
    // The STS record and the policy, and then the mail.
    (&["sts-record-denied", "mx-forged"], UNSIGNED, "", ""),
    (&["sts-record-second", "mx-forged"], TWO, "", ""),
    (&["sts-id-forged", "mx-forged"], WILDCARD, "", ""),
    (&["policy-redirected", "certificate-self-signed"], SIGNED, "", ""),
    (&["policy-cut-max-age", "mx-forged"], UNSIGNED, "", ""),
    (&["policy-cut-mx", "mx-backup-outside"], TWO, "", ""),
    (&["policy-none-bad-certificate", "mx-forged"], WILDCARD, "", ""),
    (&["policy-replayed", "starttls-stripped"], SIGNED, "", ""),
    (&["https-blocked", "mx-forged"], UNSIGNED, "", ""),
    // DANE.
    (&["tlsa-denied", "certificate-mis-issued"], DANE, "", ""),
    (&["rrsig-expired", "certificate-mis-issued"], DANE, "", ""),
    (&["rrsig-expired", "certificate-self-signed"], SIGNED, "", ""),
    // Silence.
    (&["sts-record-dropped", "mx-forged"], UNSIGNED, "", ""),
    (&["tlsa-dropped", "certificate-mis-issued"], DANE, "", ""),
    (&["dns-slow", "certificate-self-signed"], UNSIGNED, "", ""),
    (&["dns-blocked"], UNSIGNED, "", ""),
];

/// The table of what becomes of mail under attack.
pub(crate) fn table(memory: Memory) -> Table {
    let case = |(attacks, victim, known, unknown): &Attacked| -> Case {
        let expected = match memory {
            Memory::Cached => known,
            Memory::Fresh => unknown,
        };
        (victim, attacks, expected)
    };
    let (name, heading, text) = match memory {
        Memory::Cached => (
            "known",
            "Under attack, with a cached policy",
            "The daemon has the policy, which is in mode enforce, when the attack begins. When the \
             attacks were over, what had been deferred was tried again, and all of it was \
             delivered to the domain's own hosts.",
        ),
        Memory::Fresh => (
            "unknown",
            "Under attack, with no policy known",
            "The daemon was started when the attack was on already. MTA-STS can't help before a \
             first policy is fetched (RFC 8461 section 10.2); where the attack leaves the policy \
             alone, that is with the first message.",
        ),
    };
    let cases = ATTACKED.iter().map(case).collect();
    Table { name, heading, text, routes: ROUTES, memory, cases }
}
