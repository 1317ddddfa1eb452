//! What DNSSEC makes of a domain. All others are signed, and good.

use crate::{
    Domain,
    domain::policy,
    host::{Certificate, Dialogue, MailHost, Server},
    zone::{Extent, Flaw},
};

use hickory_proto::rr::RecordType;

pub(super) fn domains() -> Vec<Domain> {
    let mut domains = good();
    domains.extend(bogus());
    domains
}

fn good() -> Vec<Domain> {
    let below_wildcard = |name, about, label: &'static str, certificate| {
        let server = Server { certificate, ..Server::good(Dialogue::Polite) };
        Domain::good(name, about)
            .mail_hosts(vec![MailHost::new(label, server).published_at("*.mail")])
    };
    vec![
        Domain::good("unsigned.test", "a zone of its own, without DNSSEC")
            .unsigned()
            .near_miss_of(&["DANE105", "DNS101"]),
        below_wildcard(
            "good-wildcard-records.test",
            "the MX host has its addresses from a wildcard record",
            "a.mail",
            Certificate::good(),
        )
        .policy(policy("enforce", &["a.mail.{domain}"], "604800"))
        .near_miss_of(&["DANE106", "DNS101", "MX105"]),
        below_wildcard(
            "good-wildcard-records-deep.test",
            "the wildcard record stands two labels above the MX host",
            "a.b.mail",
            Certificate::Wildcard,
        )
        .policy(policy("enforce", &["*.b.mail.{domain}"], "604800"))
        .near_miss_of(&["DANE106", "DNS101", "MX105"]),
    ]
}

fn bogus() -> Vec<Domain> {
    let elsewhere = "v=TLSRPTv1; rua=mailto:tls-reports@good.test";
    vec![
        Domain::good("bogus-altered.test", "no signature of the domain fits its records")
            .bogus(Flaw::Altered)
            .expect("unknown", &["DNS101"])
            .near_miss_of(&["CAA103", "MX102", "RPT102", "STS102", "STS202"]),
        Domain::good("bogus-expired.test", "every signature of the domain has expired")
            .bogus(Flaw::Expired)
            .expect("unknown", &["DNS101"])
            .near_miss_of(&["MX102", "RPT102", "STS102", "STS202"]),
        Domain::good("bogus-wrong-key.test", "the DS record is for another key than the zone's")
            .signed_with_wrong_key()
            .expect("unknown", &["DNS101"])
            .near_miss_of(&["MX102", "RPT102", "STS102", "STS202"]),
        Domain::good("bogus-sts-record.test", "the signature of the STS record does not fit")
            .bogus_at("_mta-sts", Extent::Subtree, Flaw::Altered)
            .expect("unknown", &["DNS101"])
            .near_miss_of(&["STS101", "STS102"]),
        Domain::good("bogus-policy-host.test", "the policy host's signatures have expired")
            .bogus_at("mta-sts", Extent::Subtree, Flaw::Expired)
            .expect("unknown", &["DNS101"])
            .near_miss_of(&["STS201", "STS202"]),
        Domain::good("bogus-mx.test", "the signature of the MX records has expired")
            .tls_rpt(&[elsewhere])
            .bogus_at("@", Extent::Type(RecordType::MX), Flaw::Expired)
            .expect("unknown", &["DNS101"])
            .near_miss_of(&["MX101", "MX102"]),
        Domain::good("bogus-mx-host.test", "the signatures of the MX host do not fit")
            .bogus_at("mx1", Extent::Subtree, Flaw::Altered)
            .expect("unknown", &["DNS101"])
            .near_miss_of(&["MX105", "MX106"]),
        Domain::good("bogus-tls-rpt.test", "the signature of the TLS-RPT record does not fit")
            .bogus_at("_smtp._tls", Extent::Subtree, Flaw::Altered)
            .expect("enforced", &["DNS101"])
            .near_miss_of(&["RPT101", "RPT102"]),
    ]
}
