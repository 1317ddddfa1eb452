//! Domains with nothing wrong, some of which look as if there were.

use std::net::Ipv4Addr;

use crate::{
    Domain,
    domain::policy,
    host::{Address, Certificate, Dialogue, Handshake, MailHost, Manner, Reply, Server, WebHost},
    zone::RecordData,
};

pub(super) fn domains() -> Vec<Domain> {
    let mut domains = names();
    domains.extend(texts());
    domains.extend(servers());
    domains
}

fn text(text: &str) -> RecordData {
    RecordData::Text(vec![text.as_bytes().to_vec()])
}

/// What may be special about names and modes.
fn names() -> Vec<Domain> {
    vec![
        Domain::good("good.test", "nothing is wrong: one MX host, enforce for a week")
            .record("@", text("v=spf1 mx -all"))
            .record("_dmarc", text("v=DMARC1; p=reject"))
            .near_miss_of(&["MX209", "RPT101", "STS101", "STS115", "STS201", "STS318", "STS406"]),
        Domain::good("xn--bcher-kva.test", "nothing is wrong: an internationalized name")
            .near_miss_of(&["MX108", "STS308"]),
        Domain::good("good-two-mx.test", "two MX hosts, both in the policy")
            .mail_hosts(vec![MailHost::good("mx1"), MailHost::good("mx2")])
            .policy(policy("enforce", &["mx1.{domain}", "mx2.{domain}"], "604800"))
            .near_miss_of(&["STS314", "STS319", "STS401"]),
        Domain::good("good-wildcard.test", "a wildcard over a subdomain for mail hosts only")
            .mail_hosts(vec![MailHost::good("a.mail"), MailHost::good("b.mail")])
            .policy(policy("enforce", &["*.mail.{domain}"], "604800"))
            .near_miss_of(&["STS320", "STS404"]),
        Domain::good("good-overlapping-patterns.test", "one MX host fits two patterns")
            .mail_hosts(vec![MailHost::good("a.mail")])
            .policy(policy("enforce", &["a.mail.{domain}", "*.mail.{domain}"], "604800"))
            .near_miss_of(&["STS319", "STS320", "STS403"]),
        Domain::good("good-ipv4-only.test", "no AAAA record anywhere")
            .policy_host(WebHost::at(vec![Address::Served(Server::good(Reply::good()))]))
            .mail_hosts(vec![MailHost::at(
                "mx1",
                vec![Address::Served(Server::good(Dialogue::Polite))],
            )])
            .near_miss_of(&["MX105", "MX106", "STS201", "STS202"]),
        Domain::good("good-delegated.test", "both records are aliases, as hosters ask for it")
            .expect("enforced", &["RPT114", "STS112"])
            .sts(&[])
            .tls_rpt(&[])
            .record("_mta-sts", RecordData::Alias("sts.{domain}".to_owned()))
            .record("sts", RecordData::Text(vec![b"v=STSv1; id=hosted1;".to_vec()]))
            .record("_smtp._tls", RecordData::Alias("tls-rpt.{domain}".to_owned()))
            .record(
                "tls-rpt",
                RecordData::Text(vec![b"v=TLSRPTv1; rua=mailto:reports@{domain}".to_vec()]),
            )
            .near_miss_of(&["MX107", "STS102"]),
        Domain::good("good-policy-host-alias.test", "only the policy host is an alias")
            .policy_host(WebHost::good().alias_of("hosting"))
            .near_miss_of(&["MX107", "RPT114", "STS112"]),
        Domain::good("good-testing.test", "mode testing for a day")
            .policy(policy("testing", &["mx1.{domain}"], "86400"))
            .expect("testing", &["STS321", "STS407"])
            .near_miss_of(&["STS318", "STS322", "STS402"]),
        Domain::good("good-none.test", "mode none, the orderly way out")
            .policy(policy("none", &[], "86400"))
            .expect("off", &["STS322"])
            .near_miss_of(&["STS307", "STS318", "STS321", "STS404"]),
    ]
}

/// What may be special about texts.
fn texts() -> Vec<Domain> {
    vec![
        Domain::good("good-id-of-32-characters.test", "the longest id there is")
            .sts(&["v=STSv1; id=20260429T120000Z0123456789abcdef;"])
            .near_miss_of(&["STS107"]),
        Domain::good("good-record-in-two-strings.test", "the record is cut within its id")
            .sts_in_strings(&["v=STSv1; id=2026", "0429;"])
            .near_miss_of(&["STS101", "STS103", "STS107"]),
        Domain::good("good-record-spacing.test", "all the white space that the grammar allows")
            .sts(&["v=STSv1;\t id=20260429 \t; "])
            .tls_rpt(&["v=TLSRPTv1;\trua=mailto:tls-reports@{domain} ; "])
            .near_miss_of(&["RPT110", "RPT112", "RPT113", "STS106", "STS108", "STS109", "STS111"]),
        Domain::good("good-text-at-apex.test", "other texts, but at the domain itself")
            .record("@", text("v=spf1 mx -all"))
            .record("@", text("about v=STSv1 and v=TLSRPTv1"))
            .near_miss_of(&["RPT104", "RPT120", "STS103", "STS104", "STS115"]),
        Domain::good("good-policy-lf.test", "LF line ends, and none after the last line")
            .policy("version: STSv1\nmode: enforce\nmx: mx1.{domain}\nmax_age: 604800")
            .near_miss_of(&["STS310", "STS311"]),
        Domain::good("good-policy-spacing.test", "white space and zeros that the grammar allows")
            .policy(
                "version:\tSTSv1  \r\nmode:enforce\t\r\nmx:   MX1.{domain}\r\nmax_age: 0000604800\r\n",
            )
            .near_miss_of(&["STS302", "STS304", "STS306", "STS308", "STS309", "STS404"]),
        Domain::good("good-policy-order.test", "the mode stands last")
            .policy("version: STSv1\r\nmax_age: 604800\r\nmx: mx1.{domain}\r\nmode: enforce\r\n")
            .near_miss_of(&["STS303", "STS305", "STS316"]),
        Domain::good("good-max-age-largest.test", "the longest max_age there is")
            .policy(policy("enforce", &["mx1.{domain}"], "31557600"))
            .near_miss_of(&["STS306", "STS317"]),
        Domain::good("good-policy-64-kib.test", "a policy of exactly 65,536 octets")
            .policy(padded("good-policy-64-kib.test", 65_536))
            .expect("enforced", &["STS315"])
            .near_miss_of(&["STS216"]),
        Domain::good("good-tls-rpt-two-uris.test", "reports go to two places")
            .tls_rpt(&[
                "v=TLSRPTv1; rua=MAILTO:a@{domain}?subject=tls , HTTPS://reports.{domain}/tls?x=%2C",
            ])
            .web_host("reports", WebHost::taking_reports())
            .near_miss_of(&["RPT103", "RPT107", "RPT108", "RPT109", "RPT111", "RPT117"]),
    ]
}

/// A policy of exactly this many octets, padded in a field that senders ignore.
pub(super) fn padded(name: &str, length: usize) -> Vec<u8> {
    let mut body = String::from_utf8_lossy(&policy("enforce", &["mx1.{domain}"], "604800"))
        .replace("{domain}", name);
    body.push_str("padding: ");
    let rest = length.saturating_sub(body.len() + 2);
    body.push_str(&"x".repeat(rest));
    body.push_str("\r\n");
    body.into_bytes()
}

/// What may be special about servers and certificates.
fn servers() -> Vec<Domain> {
    let served = || Address::Served(Server::good(Reply::good()));
    let everywhere = |certificate: Certificate| {
        (WebHost::with_certificate(certificate), MailHost::with_certificate("mx1", certificate))
    };
    let with_certificate = |name, about, certificate| {
        let (policy_host, mail_host) = everywhere(certificate);
        Domain::good(name, about).policy_host(policy_host).mail_hosts(vec![mail_host])
    };
    vec![
        Domain::good("good-two-addresses.test", "every host has two IPv4 addresses, all alike")
            .policy_host(WebHost::at(vec![served(), served()]))
            .mail_hosts(vec![MailHost::at(
                "mx1",
                vec![
                    Address::Served(Server::good(Dialogue::Polite)),
                    Address::Served(Server::good(Dialogue::Polite)),
                ],
            )])
            .near_miss_of(&[
                "MX109", "MX201", "MX308", "STS203", "STS204", "STS220", "STS221", "STS224",
            ]),
        Domain::good("good-http-unusual.test", "a reply that is odd in every way RFC 9110 allows")
            .policy_host(WebHost::replying(Reply {
                status: "200 As you wish",
                headers: vec![
                    ("content-type", "TEXT/PLAIN; charset=utf-8"),
                    ("content-encoding", "identity"),
                    ("location", "https://www.good.test/"),
                ],
                manner: Manner::Chunked,
                ..Reply::good()
            }))
            .near_miss_of(&["STS212", "STS213", "STS214", "STS215", "STS219"]),
        Domain::good("good-http-close-delimited.test", "no length, but a proper close_notify")
            .policy_host(WebHost::sending(Manner::CloseNotify))
            .near_miss_of(&["STS217"]),
        Domain::good("good-http-in-pieces.test", "the reply comes in pieces, and in time")
            .policy_host(WebHost::sending(Manner::InPieces))
            .near_miss_of(&["STS217", "STS218"]),
        Domain::good("good-smtp-unusual.test", "replies of many lines, keywords in lower case")
            .mail_hosts(vec![MailHost::saying("mx1", Dialogue::Unusual)])
            .near_miss_of(&["MX202", "MX203", "MX204", "MX205", "MX207", "MX210", "MX211"]),
        Domain::good("good-smtp-unhurried.test", "a late greeting, replies in pieces, all in time")
            .mail_hosts(vec![MailHost::saying("mx1", Dialogue::Unhurried)])
            .near_miss_of(&["MX206", "MX207", "MX208"]),
        Domain::good("good-tls12.test", "every host speaks TLS 1.2 and nothing newer")
            .policy_host(WebHost::with_handshake(Handshake::Tls12Only))
            .mail_hosts(vec![MailHost::with_handshake("mx1", Handshake::Tls12Only)])
            .near_miss_of(&["MX301", "MX309", "MX310", "MX311", "STS205"]),
        with_certificate(
            "good-certificate-wildcard.test",
            "wildcard certificates that fit",
            Certificate::Wildcard,
        )
        .near_miss_of(&["MX304", "STS208"]),
        with_certificate(
            "good-certificate-fresh.test",
            "certificates of this minute",
            Certificate::Fresh,
        )
        .near_miss_of(&["MX303", "STS207"]),
        with_certificate(
            "good-certificate-quarter.test",
            "certificates of 90 days with 24 left, just over a quarter",
            Certificate::Dated { lifetime: 90, left: 24 },
        )
        .near_miss_of(&["MX302", "MX307", "STS206", "STS210"]),
        with_certificate(
            "good-certificate-30-days.test",
            "certificates of 398 days with 31 left",
            Certificate::Dated { lifetime: 398, left: 31 },
        )
        .near_miss_of(&["MX307", "STS210"]),
        with_certificate(
            "good-certificate-47-days.test",
            "certificates of 47 days with 12 left",
            Certificate::Dated { lifetime: 47, left: 12 },
        )
        .near_miss_of(&["DANE108", "MX307", "STS210"]),
        with_certificate(
            "good-certificate-6-days.test",
            "certificates of 6 days with 2 left",
            Certificate::Dated { lifetime: 6, left: 2 },
        )
        .near_miss_of(&["DANE108", "MX307", "STS210"]),
        with_certificate(
            "good-certificate-with-root.test",
            "the servers send the root certificate too, which does no harm",
            Certificate::WithRoot,
        )
        .near_miss_of(&["MX305", "STS209"]),
        with_certificate(
            "good-certificate-extension.test",
            "certificates with an unknown extension that is not critical",
            Certificate::UnknownExtension,
        )
        .near_miss_of(&["MX306", "STS211"]),
        Domain::good("good-website-elsewhere.test", "the domain's own A record is not its mail's")
            .record("@", RecordData::Ipv4(Ipv4Addr::new(10, 0, 0, 1)))
            .near_miss_of(&["MX104", "MX109", "MX111"]),
    ]
}
