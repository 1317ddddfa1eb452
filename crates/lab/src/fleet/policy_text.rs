//! Faults of the policy's text.

use crate::{Domain, domain::policy};

pub(super) fn domains() -> Vec<Domain> {
    let mut domains = fields();
    domains.extend(lines());
    domains.extend(remarkable());
    domains.extend(injections());
    domains
}

/// Fields that are missing or wrong.
fn fields() -> Vec<Domain> {
    let with = |name, about, body: Vec<u8>| Domain::good(name, about).policy(body);
    let enforced = |mx: &[&str], max_age| policy("enforce", mx, max_age);
    vec![
        Domain::good("policy-version-missing.test", "the policy has no version")
            .policy("mode: enforce\r\nmx: mx1.{domain}\r\nmax_age: 604800\r\n")
            .expect("broken", &["STS301"])
            .near_miss_of(&["STS302", "STS316"]),
        Domain::good("policy-version-2.test", "a version that does not exist")
            .policy("version: STSv2\r\nmode: enforce\r\nmx: mx1.{domain}\r\nmax_age: 604800\r\n")
            .expect("broken", &["STS302"])
            .near_miss_of(&["STS301"]),
        Domain::good("policy-mode-missing.test", "the policy has no mode")
            .policy("version: STSv1\r\nmx: mx1.{domain}\r\nmax_age: 604800\r\n")
            .expect("broken", &["STS303"])
            .near_miss_of(&["STS304", "STS318"]),
        with(
            "policy-mode-upper-case.test",
            "`Enforce`: the mode counts its case",
            policy("Enforce", &["mx1.{domain}"], "604800"),
        )
        .expect("broken", &["STS304"])
        .near_miss_of(&["STS303"]),
        Domain::good("policy-max-age-missing.test", "the policy has no max_age")
            .policy("version: STSv1\r\nmode: enforce\r\nmx: mx1.{domain}\r\n")
            .expect("broken", &["STS305"])
            .near_miss_of(&["STS306", "STS318"]),
        with(
            "policy-max-age-with-unit.test",
            "max_age in days, not seconds",
            enforced(&["mx1.{domain}"], "7d"),
        )
        .expect("broken", &["STS306"])
        .near_miss_of(&["STS305", "STS318"]),
        with("policy-mx-missing.test", "an enforced policy without mx", enforced(&[], "604800"))
            .expect("broken", &["STS307"])
            .near_miss_of(&["STS308", "STS404"]),
        with(
            "policy-mx-all-invalid.test",
            "the only mx is a bare asterisk",
            enforced(&["*"], "604800"),
        )
        .expect("broken", &["STS307", "STS308"])
        .near_miss_of(&["STS320", "STS404"]),
        with(
            "policy-mx-trailing-dot.test",
            "one of two mx fields ends with a dot",
            enforced(&["mx1.{domain}", "mx1.{domain}."], "604800"),
        )
        .expect("enforced", &["STS308"])
        .near_miss_of(&["STS307", "STS319", "STS403"]),
    ]
}

/// Lines and octets outside the grammar.
fn lines() -> Vec<Domain> {
    let followed_by = |name, about, end: &'static [u8]| {
        let mut body = policy("enforce", &["mx1.{domain}"], "604800");
        body.extend_from_slice(end);
        Domain::good(name, about).policy(body)
    };
    vec![
        followed_by("policy-comment.test", "a comment, which the grammar has not", b"# by hand\r\n")
            .expect("broken", &["STS309"])
            .near_miss_of(&["STS315"]),
        followed_by("policy-space-before-colon.test", "a space before a colon", b"note : x\r\n")
            .expect("broken", &["STS309", "STS315"])
            .near_miss_of(&["STS313"]),
        Domain::good("policy-blank-line.test", "a blank line between two fields")
            .policy("version: STSv1\r\nmode: enforce\r\n\r\nmx: mx1.{domain}\r\nmax_age: 604800\r\n")
            .expect("broken", &["STS310"])
            .near_miss_of(&["STS309", "STS311"]),
        followed_by("policy-blank-line-at-end.test", "a second line end after the last line", b"\r\n")
            .expect("broken", &["STS310"])
            .near_miss_of(&["STS309", "STS311"]),
        Domain::good("policy-bare-cr.test", "a line ends with two carriage returns")
            .policy("version: STSv1\r\nmode: enforce\r\r\nmx: mx1.{domain}\r\nmax_age: 604800\r\n")
            .expect("broken", &["STS311"])
            .near_miss_of(&["STS303", "STS304", "STS310"]),
        Domain::good("policy-byte-order-mark.test", "the policy begins with a byte order mark")
            .policy(
                "\u{feff}version: STSv1\r\nmode: enforce\r\nmx: mx1.{domain}\r\nmax_age: 604800\r\n",
            )
            .expect("broken", &["STS312"])
            .near_miss_of(&["STS301", "STS309", "STS316"]),
        followed_by("policy-latin-1.test", "a letter in ISO 8859-1", b"note: caf\xe9\r\n")
            .expect("broken", &["STS313"])
            .near_miss_of(&["STS312", "STS315"]),
        followed_by("policy-control-character.test", "a control character", b"note: a\x07b\r\n")
            .expect("broken", &["STS313"])
            .near_miss_of(&["STS311", "STS315"]),
    ]
}

/// Policies that work and could be better.
fn remarkable() -> Vec<Domain> {
    let with = |name, about, body: Vec<u8>| Domain::good(name, about).policy(body);
    let mx1 = &["mx1.{domain}"][..];
    vec![
        Domain::good("policy-max-age-twice.test", "two max_age fields, of which the first counts")
            .policy(
                "version: STSv1\r\nmode: enforce\r\nmx: mx1.{domain}\r\nmax_age: 604800\r\nmax_age: 60\r\n",
            )
            .expect("enforced", &["STS314"])
            .near_miss_of(&["STS306", "STS318"]),
        Domain::good("policy-unknown-field.test", "a field that RFC 8461 does not know, in UTF-8")
            .policy(
                "version: STSv1\r\nmode: enforce\r\nmx: mx1.{domain}\r\nmax_age: 604800\r\nnote: caf\u{e9} au lait\r\n",
            )
            .expect("enforced", &["STS315"])
            .near_miss_of(&["STS309", "STS312", "STS313"]),
        Domain::good("policy-version-not-first.test", "the mode stands before the version")
            .policy("mode: enforce\r\nversion: STSv1\r\nmx: mx1.{domain}\r\nmax_age: 604800\r\n")
            .expect("enforced", &["STS316"])
            .near_miss_of(&["STS301"]),
        with(
            "policy-max-age-too-large.test",
            "max_age is a second above the maximum",
            policy("enforce", mx1, "31557601"),
        )
        .expect("enforced", &["STS317"])
        .near_miss_of(&["STS306"]),
        with(
            "policy-max-age-short.test",
            "an enforced policy for a day",
            policy("enforce", mx1, "86400"),
        )
        .expect("enforced", &["STS318"])
        .near_miss_of(&["STS317"]),
        with(
            "policy-max-age-short-testing.test",
            "a policy in testing for an hour",
            policy("testing", mx1, "3600"),
        )
        .expect("testing", &["STS318", "STS321", "STS407"])
        .near_miss_of(&["STS317"]),
        with(
            "policy-mx-twice.test",
            "the same mx twice, once in upper case",
            policy("enforce", &["mx1.{domain}", "MX1.{domain}"], "604800"),
        )
        .expect("enforced", &["STS319"])
        .near_miss_of(&["STS308", "STS403"]),
        with(
            "policy-mx-too-broad.test",
            "a wildcard over the whole domain",
            policy("enforce", &["*.{domain}"], "604800"),
        )
        .expect("enforced", &["STS320"])
        .near_miss_of(&["STS308", "STS404"]),
    ]
}

/// Texts that mean something to a mail server, if somebody copies them into an answer.
fn injections() -> Vec<Domain> {
    let with = |name, about, body: &str| {
        let body = format!("version: STSv1\r\nmode: enforce\r\n{body}max_age: 604800\r\n");
        Domain::good(name, about).policy(body)
    };
    vec![
        with(
            "policy-injection-mx.test",
            "one of two mx fields goes on with attributes",
            "mx: mx1.{domain}\r\nmx: mx2.{domain} protocols=TLSv1 ciphers=export\r\n",
        )
        .expect("enforced", &["STS308"])
        .near_miss_of(&["STS307"]),
        with(
            "policy-injection-mx-only.test",
            "the only mx field goes on with attributes",
            "mx: mx1.{domain} protocols=TLSv1 ciphers=export\r\n",
        )
        .expect("broken", &["STS307", "STS308"])
        .near_miss_of(&["STS404"]),
        with(
            "policy-injection-field.test",
            "the value of an unknown field closes a brace and opens another",
            "mx: mx1.{domain}\r\nx: } match=nexthop { policy_string = y\r\n",
        )
        .expect("enforced", &["STS315"])
        .near_miss_of(&["STS309"]),
    ]
}
