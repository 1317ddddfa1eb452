//! Faults of the STS record.

use std::net::Ipv4Addr;

use crate::{
    Domain,
    host::{Reply, WebHost},
    zone::RecordData,
};

pub(super) fn domains() -> Vec<Domain> {
    let mut domains = absent();
    domains.extend(wrong());
    domains.extend(remarkable());
    domains
}

/// No record, in several ways.
fn absent() -> Vec<Domain> {
    vec![
        Domain::good("sts-record-missing.test", "there is no MTA-STS")
            .sts(&[])
            .no_policy_host()
            .expect("absent", &["STS101", "STS406"])
            .near_miss_of(&["STS102", "STS114", "STS201"]),
        Domain::good("sts-record-no-data.test", "the name of the STS record has only an address")
            .sts(&[])
            .no_policy_host()
            .record("_mta-sts", RecordData::Ipv4(Ipv4Addr::new(10, 0, 0, 1)))
            .expect("absent", &["STS101", "STS406"])
            .near_miss_of(&["STS102", "STS105"]),
        Domain::good("sts-record-spf-only.test", "an SPF record stands in the STS record's place")
            .sts(&["v=spf1 -all"])
            .no_policy_host()
            .expect("absent", &["STS101", "STS406"])
            .near_miss_of(&["STS104", "STS105"]),
        Domain::good("sts-record-missing-web-server.test", "a web server, but no MTA-STS")
            .sts(&[])
            .policy_host(WebHost::replying(Reply {
                status: "404 Not Found",
                body: Some(b"not found\n".to_vec()),
                ..Reply::good()
            }))
            .expect("absent", &["STS101", "STS406"])
            .near_miss_of(&["STS114", "STS213"]),
        Domain::good(
            "policy-without-record.test",
            "a policy is served, but no record announces it",
        )
        .sts(&[])
        .expect("absent", &["STS114"])
        .near_miss_of(&["STS101", "STS406"]),
    ]
}

/// Records that senders discard or cannot use.
fn wrong() -> Vec<Domain> {
    vec![
        Domain::good("sts-record-twice.test", "two STS records, of which senders take neither")
            .sts(&["v=STSv1; id=20260428;", "v=STSv1; id=20260429;"])
            .expect("broken", &["STS103"])
            .near_miss_of(&["STS104", "STS110"]),
        Domain::good("sts-version-upper-case.test", "`V=STSv1`: the version counts its case")
            .sts(&["V=STSv1; id=20260429;"])
            .expect("broken", &["STS105"])
            .near_miss_of(&["STS101", "STS114"]),
        Domain::good("sts-version-2.test", "a version that does not exist")
            .sts(&["v=STSv2; id=20260429;"])
            .expect("broken", &["STS105"])
            .near_miss_of(&["STS101", "STS114"]),
        Domain::good("sts-version-not-first.test", "the id stands before the version")
            .sts(&["id=20260429; v=STSv1;"])
            .expect("broken", &["STS105"])
            .near_miss_of(&["STS106", "STS111"]),
        Domain::good("sts-id-missing.test", "the record has no id")
            .sts(&["v=STSv1;"])
            .expect("broken", &["STS106"])
            .near_miss_of(&["STS105", "STS108"]),
        Domain::good("sts-id-with-dashes.test", "the id is a date with dashes")
            .sts(&["v=STSv1; id=2026-04-29;"])
            .expect("broken", &["STS107"])
            .near_miss_of(&["STS106", "STS108"]),
        Domain::good("sts-id-too-long.test", "the id has 33 characters")
            .sts(&["v=STSv1; id=20260429T120000Z0123456789abcdefg;"])
            .expect("broken", &["STS107"])
            .near_miss_of(&["STS106"]),
        Domain::good("sts-record-empty-field.test", "two semicolons side by side")
            .sts(&["v=STSv1;; id=20260429;"])
            .expect("broken", &["STS108"])
            .near_miss_of(&["STS105"]),
        Domain::good("sts-record-field-without-value.test", "a field without `=`")
            .sts(&["v=STSv1; id=20260429; enforce;"])
            .expect("broken", &["STS108"])
            .near_miss_of(&["STS111"]),
        Domain::good("sts-record-trailing-space.test", "a space after the last field")
            .sts(&["v=STSv1; id=20260429 "])
            .expect("broken", &["STS108"])
            .near_miss_of(&["STS107", "STS109"]),
        Domain::good("sts-record-not-ascii.test", "a field holds a letter that is not US-ASCII")
            .sts(&["v=STSv1; id=20260429; note=caf\u{e9};"])
            .expect("broken", &["STS108"])
            .near_miss_of(&["STS107", "STS111"]),
    ]
}

/// Records that work and could be better.
fn remarkable() -> Vec<Domain> {
    vec![
        Domain::good("sts-record-foreign.test", "another text at the name of the STS record")
            .sts(&["v=STSv1; id=20260429;", "site-verification=abc123"])
            .expect("enforced", &["STS104"])
            .near_miss_of(&["STS103", "STS105"]),
        Domain::good("sts-record-beside-version-2.test", "a record of a later version beside it")
            .sts(&["v=STSv1; id=20260429;", "v=STSv2; id=20260429;"])
            .expect("enforced", &["STS104"])
            .near_miss_of(&["STS103", "STS105"]),
        Domain::good("sts-record-space.test", "white space before the first semicolon")
            .sts(&["v=STSv1 ; id=20260429;"])
            .expect("enforced", &["STS109"])
            .near_miss_of(&["STS105", "STS108"]),
        Domain::good("sts-id-twice.test", "two ids, of which the first counts")
            .sts(&["v=STSv1; id=20260429; id=20260430;"])
            .expect("enforced", &["STS110"])
            .near_miss_of(&["STS103", "STS107"]),
        Domain::good("sts-record-unknown-fields.test", "fields that RFC 8461 does not know")
            .sts(&["v=STSv1; note=hello; Note=again; id=20260429;"])
            .expect("enforced", &["STS111"])
            .near_miss_of(&["STS106", "STS108", "STS110"]),
        Domain::good("sts-record-over-tcp.test", "a record so long that it needs TCP")
            .sts(&[&format!("v=STSv1; id=20260429; padding={};", "x".repeat(1500))])
            .expect("enforced", &["STS111"])
            .near_miss_of(&["STS102", "STS108"]),
    ]
}
